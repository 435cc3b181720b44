//go:build !linux

package guest

import (
	"context"
	"errors"
	"net/netip"
)

var errNeedsLinux = errors.New("to ask as a host does needs Linux")

// AskGateway fails: it needs Linux.
func AskGateway(ctx context.Context, f *Facts, gateway netip.Addr) (Gateway, error) {
	return Gateway{Address: gateway}, errNeedsLinux
}

// Solicit fails: it needs Linux.
func Solicit(ctx context.Context, f *Facts, stateless bool) (*DHCPv6, error) {
	return nil, errNeedsLinux
}

// AskDNS fails: it needs Linux.
func AskDNS(ctx context.Context, f *Facts, server netip.Addr) (DNS, error) {
	return DNS{Server: server}, errNeedsLinux
}

// Reach fails: it needs Linux.
func Reach(ctx context.Context, f *Facts, target, source netip.Addr) (*Target, error) {
	return nil, errNeedsLinux
}
