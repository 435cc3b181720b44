package drops

import (
	"errors"
	"fmt"
	"os"
)

// fault is an error with a line that says what to do about it.
type fault struct {
	err  error
	hint string
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }
func (f *fault) Hint() string  { return f.hint }

// Unavailable is the error where nothing that the user can grant makes eBPF work: other counters are all there is.
type Unavailable struct {
	Why  string // what is in the way: "this kernel has no BTF"
	hint string
}

func (u *Unavailable) Error() string { return "cannot count drops with eBPF: " + u.Why }

// Hint says what to do about it.
func (u *Unavailable) Hint() string {
	if u.hint == "" {
		return "--counters reads what any kernel counts"
	}
	return u.hint
}

// refused turns the kernel's refusal of a program into what it means.
func refused(err error) error {
	if !errors.Is(err, os.ErrPermission) {
		return &fault{fmt.Errorf("the kernel does not take the program that counts: %w", err),
			"--counters reads what any kernel counts"}
	}
	if os.Geteuid() == 0 {
		return &Unavailable{Why: "root is not allowed to here: a container, a user namespace, or a locked down kernel"}
	}
	return &fault{fmt.Errorf("no permission to count drops: %w", os.ErrPermission), grant()}
}

// grant is the command that gives the binary what it needs. CAP_SYSLOG is for the names of the kernel's functions.
func grant() string {
	self, err := os.Executable()
	if err != nil {
		self = "v6probe"
	}
	return "it takes the capabilities cap_bpf and cap_perfmon, and cap_syslog for names: run as root, or once: " +
		"sudo setcap cap_bpf,cap_perfmon,cap_syslog+ep " + self + " (--counters needs none, but without root it reads no firewall)"
}
