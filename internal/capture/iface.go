package capture

import (
	"fmt"
	"net"
	"os"
)

// AnyInterface is the name that stands for all interfaces at once, as in tcpdump.
const AnyInterface = "any"

// InterfaceNames returns the names of the interfaces that exist, in the order of their indices; nil if they cannot be
// listed.
func InterfaceNames() []string {
	list, err := net.Interfaces()
	if err != nil {
		return nil
	}
	names := make([]string, len(list))
	for i, ifi := range list {
		names[i] = ifi.Name
	}
	return names
}

// InterfaceError says why there is nothing to capture on an interface, or no longer.
type InterfaceError struct {
	Name   string
	Reason string // "the interface went down"
	advice string
}

func (e *InterfaceError) Error() string { return e.Name + ": " + e.Reason }

// Hint says what can be done about it, in one line; "" if nothing can.
func (e *InterfaceError) Hint() string { return e.advice }

// PermissionError says that the system does not let this process capture packets.
type PermissionError struct {
	Name string // the interface
	Err  error  // what the system said
}

func (e *PermissionError) Error() string {
	return fmt.Sprintf("%s: not allowed to capture packets: %v", e.Name, e.Err)
}

func (e *PermissionError) Unwrap() error { return e.Err }

// Hint names the capability and the command that grants it.
func (e *PermissionError) Hint() string {
	self, err := os.Executable()
	if err != nil {
		self = "$(command -v v6probe)"
	}
	return "it takes the capability cap_net_raw: run as root, or once: sudo setcap cap_net_raw+ep " + self
}
