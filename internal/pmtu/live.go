package pmtu

import (
	"fmt"
	"net/netip"
	"os"
)

// The ports that probes go to when Options name none.
const (
	DefaultPort    = 443   // of TCP
	DefaultUDPPort = 33434 // where traceroute begins, and nobody listens
)

// Options say where a Live sends, and from where.
type Options struct {
	Target    netip.Addr // unicast; a zone is taken for the Interface if that is empty
	Source    netip.Addr // an address of this host; the kernel chooses when it is not valid
	Interface string     // to send out of; empty for what the routing table says
	Port      uint16     // destination of TCP; 0 for DefaultPort
	UDPPort   uint16     // destination of UDP, best a closed one; 0 for DefaultUDPPort
}

// PermissionError says that the system does not let this process send probes.
type PermissionError struct{ Err error }

func (e *PermissionError) Error() string { return fmt.Sprintf("not allowed to send probes: %v", e.Err) }

func (e *PermissionError) Unwrap() error { return e.Err }

// Hint names the capabilities and the command that grants them: the second takes what the answers teach the kernel out of its
// route cache again.
func (e *PermissionError) Hint() string {
	self, err := os.Executable()
	if err != nil {
		self = "$(command -v v6probe)"
	}
	return "it takes the capability cap_net_raw, and cap_net_admin to clean up: run as root, or once: sudo setcap cap_net_raw,cap_net_admin+ep " +
		self
}

// SendError says why this host cannot send to the target.
type SendError struct {
	Reason string // "no route to 2001:db8::1"
	advice string
}

func (e *SendError) Error() string { return e.Reason }

// Hint says what can be done about it, in one line; "" if nothing can.
func (e *SendError) Hint() string { return e.advice }
