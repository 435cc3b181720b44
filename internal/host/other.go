//go:build !linux

package host

import (
	"errors"
	"net/netip"
	"time"
)

var errNeedsLinux = errors.New("to read this host's routes and interfaces needs Linux")

// Route fails: it needs Linux.
func Route(target netip.Addr, iface string, source netip.Addr) (Way, error) {
	return Way{}, errNeedsLinux
}

// Exception finds none: it needs Linux.
func Exception(target netip.Addr) (mtu int, expires time.Duration, ok bool) { return 0, 0, false }

// FlushException fails: it needs Linux.
func FlushException(target netip.Addr) error { return errNeedsLinux }

// Links fails: it needs Linux.
func Links() ([]Link, error) { return nil, errNeedsLinux }

// ReadConf fails: it needs Linux.
func ReadConf(iface string) (Conf, error) { return Conf{}, errNeedsLinux }

// Ports fails: it needs Linux.
func Ports() ([]Port, error) { return nil, errNeedsLinux }

// NotDrops fails: it needs Linux.
func NotDrops(names []string) ([]Statement, error) { return nil, errNeedsLinux }
