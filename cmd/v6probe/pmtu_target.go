package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"v6probe/internal/capture"
	"v6probe/internal/report"
)

// target reads or looks up what to probe. The address has no zone: that is in f.iface then.
func (f *pmtuFlags) target(ctx context.Context, text string, p *report.Progress) (a netip.Addr, name string, err error) {
	if err := mistaken(text); err != nil {
		return a, "", err
	}
	a, err = netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	switch {
	case err != nil && strings.Contains(text, "/") && isFile(text):
		return a, "", fileNoTarget(text)
	case err != nil && strings.Contains(text, "/"):
		return a, "", hinted("an address or a name alone, "+pmtuExample, "neither an address nor a name: %q", text)
	case err != nil && strings.Contains(text, ":"):
		return a, "", hinted(pmtuExample, "not an IPv6 address: %q", text)
	case err != nil:
		name = text
		over := waiting(p, "looking up "+text, f.timeout)
		a, err = lookUp(ctx, text)
		over()
		switch {
		case err != nil && isFile(text):
			return a, "", fileNoTarget(text)
		case err != nil:
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

// mistaken is the complaint about a target that is something else: an interface of this host, or a file that is called as
// captures are. Of other files the name may be a host's.
func mistaken(text string) error {
	switch {
	case slices.Contains(capture.InterfaceNames(), text):
		return hinted("name the target too: v6probe pmtu TARGET -i "+text, "%q is an interface of this host, and no target", text)
	case slices.Contains([]string{".pcap", ".pcapng", ".cap", ".gz", ".zst"}, filepath.Ext(text)) && isFile(text):
		return fileNoTarget(text)
	}
	return nil
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func fileNoTarget(name string) error {
	return hinted("did you mean: v6probe pmtu -r "+name, "%q is a file, and no target", name)
}

// waiting shows what is waited for, once that takes long enough to wonder, until over is called.
func waiting(p *report.Progress, doing string, timeout time.Duration) (over func()) {
	shown := make(chan struct{})
	t := time.AfterFunc(time.Second, func() {
		p.Begin(doing, timeout)
		close(shown)
	})
	return func() {
		if !t.Stop() {
			<-shown
			p.End()
		}
	}
}

// lookUp returns the first IPv6 address of a name.
func lookUp(ctx context.Context, name string) (netip.Addr, error) {
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip6", name)
	for _, a := range list {
		if a = a.WithZone(""); a.Is6() && !a.Is4In6() {
			return a, nil
		}
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return netip.Addr{}, hinted("give it a longer --timeout, or an IPv6 address; see /etc/resolv.conf",
			"%s was not found in the time that there is", name)
	case ctx.Err() != nil:
		return netip.Addr{}, hinted("give an IPv6 address, if that takes too long", "interrupted while %s was looked up", name)
	}
	if four, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", name); err == nil && len(four) > 0 {
		return netip.Addr{}, hinted("it needs an AAAA record in the DNS, or give an IPv6 address",
			"%s has no IPv6 address, only %v", name, four[0].Unmap())
	}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return netip.Addr{}, hinted("check the spelling, or give an IPv6 address", "no such name: %q", name)
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
	if a.IsLoopback() && a.Is6() {
		return a, hinted("leave it out, or name another address of this host",
			"--source: %v is this host to itself: no answer can come there", a)
	}
	if err != nil || !a.Is6() || a.Is4In6() || a.IsMulticast() || a.IsUnspecified() {
		return a, hinted("for example --source 2001:db8::a, one of this host's", "--source: not an IPv6 address: %q", f.from)
	}
	return a.WithZone(""), nil
}
