package guest

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"time"
)

// wire is what a probe sends and hears by. Its clock is the one that until is read by.
type wire interface {
	// send sends what follows the IPv6 header. A checksum of zero is filled in.
	send(b []byte, to netip.Addr) error
	// receive returns the next message; ok is false when there was none by then. That the context ended is an error.
	receive(until time.Time) (m message, ok bool, err error)
	now() time.Time
}

// message is what came. Its data is valid until the next.
type message struct {
	data     []byte     // what follows the IPv6 header; of a UDP socket, what follows that of UDP
	from     netip.Addr // without a zone
	hopLimit int        // 0 where it is not told
	refused  *Error     // an ICMPv6 error about what was sent, as the kernel matched it; there is no data then
}

// PermissionError says that the system does not let this process send what a probe sends.
type PermissionError struct{ Err error }

func (e *PermissionError) Error() string { return fmt.Sprintf("not allowed to ask: %v", e.Err) }

func (e *PermissionError) Unwrap() error { return e.Err }

// Hint names the capability and the command that grants it.
func (e *PermissionError) Hint() string {
	self, err := os.Executable()
	if err != nil {
		self = "$(command -v v6probe)"
	}
	return "it takes the capability cap_net_raw: run as root, or once: sudo setcap cap_net_raw+ep " + self
}

// SourceError says that the interface has no address that a probe may be sent from, or none of the kind that it needs.
type SourceError struct{ Reason string }

func (e *SourceError) Error() string { return e.Reason }

// Fail words the error of a probe.
func Fail(p Probe, err error) Failure {
	f := Failure{Probe: p, Why: escape(err.Error())}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		f.Hint = hinted.Hint()
	}
	return f
}

// linkLocal returns the link-local address of the interface that may be sent from.
func (f *Facts) linkLocal() (netip.Addr, error) {
	for _, a := range f.Addresses {
		if a.Addr().IsLinkLocalUnicast() && a.Usable() {
			return a.Addr(), nil
		}
	}
	return netip.Addr{}, &SourceError{f.Interface.Name + " has no link-local address that may be sent from"}
}

// filtered reports whether a filter of this host's own kept a packet from being sent.
func filtered(err error) bool { return errors.Is(err, fs.ErrPermission) }

// whyFiltered is what filtered means.
const whyFiltered = "a packet filter of this host keeps the question from leaving"

// number returns 32 random bits, by which an answer is known as one to this very question.
func number() uint32 {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint32(b[:])
}

// plan is when to ask, and when to stop waiting, counted from the start.
type plan struct {
	asks []time.Duration
	end  time.Duration
}

// follow asks and listens. ask is told which of the asks it is, take whether it has heard enough with m. It returns an error of
// ask's, or of w's.
func (p plan) follow(w wire, ask func(i int) error, take func(m message) (enough bool)) error {
	begin := w.now()
	for i := range p.asks {
		if err := ask(i); err != nil {
			return err
		}
		until := begin.Add(p.end)
		if i+1 < len(p.asks) {
			until = begin.Add(p.asks[i+1])
		}
		for {
			m, ok, err := w.receive(until)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if take(m) {
				return nil
			}
		}
	}
	return nil
}
