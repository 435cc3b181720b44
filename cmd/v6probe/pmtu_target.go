package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	"v6probe/internal/capture"
)

// target reads or looks up what to probe. The address has no zone: that is in f.iface then.
func (f *pmtuFlags) target(ctx context.Context, text string) (a netip.Addr, name string, err error) {
	a, err = netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	switch {
	case err != nil && strings.Contains(text, "/"):
		return a, "", hinted("an address or a name alone, "+pmtuExample, "neither an address nor a name: %q", text)
	case err != nil && strings.Contains(text, ":"):
		return a, "", hinted(pmtuExample, "not an IPv6 address: %q", text)
	case err != nil:
		name = text
		if a, err = lookUp(ctx, text); err != nil {
			return a, "", err
		}
	}
	if err := f.zone(a); err != nil {
		return a, "", err
	}
	a = a.WithZone("")
	switch {
	case a.Is4() || a.Is4In6():
		return a, "", hinted("for IPv4 there is tracepath", "%v: this is about IPv6", a)
	case a.IsMulticast() || a.IsUnspecified():
		return a, "", hinted(pmtuExample, "%v is not the address of one host", a)
	case a.IsLinkLocalUnicast() && f.iface == "":
		return a, "", hinted("-i IFACE, or "+a.String()+"%IFACE; interfaces here: "+strings.Join(capture.InterfaceNames(), ", "),
			"%v is link-local: each interface has its own", a)
	}
	return a, name, nil
}

// lookUp returns the first IPv6 address of a name.
func lookUp(ctx context.Context, name string) (netip.Addr, error) {
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip6", name)
	for _, a := range list {
		if a = a.WithZone(""); a.Is6() && !a.Is4In6() {
			return a, nil
		}
	}
	if four, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", name); err == nil && len(four) > 0 {
		return netip.Addr{}, hinted("it needs an AAAA record in the DNS, or give an IPv6 address",
			"%s has no IPv6 address, only %v", name, four[0].Unmap())
	}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return netip.Addr{}, hinted("check the spelling, or give an IPv6 address", "no such name: %s", name)
	case err == nil:
		return netip.Addr{}, hinted("give an IPv6 address", "%s has no address", name)
	case errors.As(err, &dns):
		return netip.Addr{}, hinted("see /etc/resolv.conf, or give an IPv6 address", "%s cannot be looked up: %s", name, dns.Err)
	}
	return netip.Addr{}, withHint("give an IPv6 address", err)
}

// sender reads --source.
func (f *pmtuFlags) sender() (netip.Addr, error) {
	if f.from == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(f.from)
	if err != nil || !a.Is6() || a.Is4In6() || a.IsMulticast() || a.IsUnspecified() {
		return a, hinted("for example --source 2001:db8::a, one of this host's", "--source: not an IPv6 address: %q", f.from)
	}
	return a.WithZone(""), nil
}
