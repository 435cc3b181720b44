package resolve

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/ifaddr"
	"v6probe/internal/lab"
)

func TestChoose(t *testing.T) {
	const usable, tentative, failed = 0x80, 0xc0, 0x88
	at := func(index int, prefix string, flags uint64) ifaddr.Address {
		return ifaddr.Address{Prefix: netip.MustParsePrefix(prefix), Index: index, Name: "eth0", Flags: flags}
	}
	const about = "2001:db8::5"
	for _, c := range []struct {
		name   string
		list   []ifaddr.Address
		target string
		source string
		reason string
		own    string
	}{
		{"link-local", []ifaddr.Address{at(3, "fe80::3/64", usable), at(2, "2001:db8::1/64", usable), at(2, "fe80::2/64", usable)}, about, "fe80::2", "", ""},
		{"the first of two", []ifaddr.Address{at(2, "fe80::2/64", usable), at(2, "fe80::4/64", usable)}, about, "fe80::2", "", ""},
		{"in the prefix", []ifaddr.Address{at(2, "2001:db8:1::1/64", usable), at(2, "2001:db8::1/64", usable)}, about, "2001:db8::1", "", ""},
		{"in no prefix", []ifaddr.Address{at(2, "2001:db8:1::1/64", usable)}, about, "", "eth0 has no address to ask from: no link-local one", ""},
		{"tentative", []ifaddr.Address{at(2, "fe80::2/64", tentative)}, about, "", "eth0 has no address to ask from yet: fe80::2 is tentative", ""},
		{"failed", []ifaddr.Address{at(2, "fe80::2/64", failed)}, about, "", "fe80::2 is a duplicate of another station's", ""},
		{"none", []ifaddr.Address{at(3, "fe80::3/64", usable)}, about, "", "eth0 has no IPv6 address to ask from", ""},
		{"own", []ifaddr.Address{at(2, "fe80::2/64", usable), at(2, "2001:db8::5/64", usable)}, about, "fe80::2", "", "eth0"},
		{"own elsewhere", []ifaddr.Address{at(2, "fe80::2/64", usable), {Prefix: netip.MustParsePrefix("2001:db8::5/64"), Index: 3, Name: "eth1", Flags: usable}}, about, "fe80::2", "", "eth1"},
		{"own link-local", []ifaddr.Address{at(2, "fe80::5/64", usable)}, "fe80::5", "::", "", "eth0"},
		{"own link-local of two", []ifaddr.Address{at(2, "fe80::5/64", usable), at(2, "fe80::2/64", usable)}, "fe80::5", "fe80::2", "", "eth0"},
		{"own and a duplicate", []ifaddr.Address{at(2, "fe80::2/64", usable), at(2, "2001:db8::5/64", failed)}, about, "fe80::2", "", "eth0"},
		{"own and tentative", []ifaddr.Address{at(2, "fe80::5/64", tentative)}, "fe80::5", "::", "", "eth0"},
		{"same link-local elsewhere", []ifaddr.Address{at(2, "fe80::2/64", usable), at(3, "fe80::5/64", usable)}, "fe80::5", "fe80::2", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := Link{Name: "eth0", Index: 2}
			err := l.choose(c.list, netip.MustParseAddr(c.target))
			if c.reason == "" {
				if err != nil || l.Source.String() != c.source || l.Own != c.own {
					t.Errorf("%v, own %q, %v", l.Source, l.Own, err)
				}
				return
			}
			var refusal *Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), c.reason) || refusal.Hint() == "" {
				t.Errorf("%v, want %q", err, c.reason)
			}
		})
	}
}

// TestFind looks at real interfaces.
func TestFind(t *testing.T) {
	needs(t, "ip")
	guest, _ := pair(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := guest.Output(ctx, "ip", "-6", "neigh", "add", target, "lladdr", otherMAC, "dev", "eth0")
	check(t, err)
	_, err = guest.Output(ctx, "ip", "-6", "neigh", "add", "fd17:625c:f037:2::7", "lladdr", oneMAC, "dev", "eth0")
	check(t, err, lab.Veth(lab.End{NS: guest, Name: "down0"}, lab.End{NS: guest, Name: "down1"}), guest.SetDown("down0"))
	var l Link
	check(t, guest.Do(func() (err error) { l, err = Find("eth0", netip.MustParseAddr(target)); return err }))
	if l.Name != "eth0" || l.MAC.String() != craft.GuestMAC || l.Source.String() != craft.GuestLL || l.Cached.String() != otherMAC ||
		len(l.Prefixes) != 1 || l.Prefixes[0].String() != "fd17:625c:f037:2::/64" {
		t.Errorf("%+v", l)
	}
	index, err := guest.Index("eth0")
	check(t, err)
	if l.Index != index {
		t.Errorf("index %d, want %d", l.Index, index)
	}
	for iface, want := range map[string]string{
		"eth7":  "eth7: no such interface",
		"down0": "down0: the interface is down",
		"lo":    "lo has no Ethernet addresses: there is nothing to resolve",
	} {
		refused(t, guest, iface, target, want)
	}
	check(t, guest.Do(func() (err error) { l, err = Find("eth0", netip.MustParseAddr(craft.GuestLL)); return err }))
	if l.Own != "eth0" || !l.Source.IsUnspecified() || slices.Contains(l.OwnMACs, l.MAC) || len(l.OwnMACs) == 0 {
		t.Errorf("%+v", l)
	}
	err = guest.Do(func() error { _, err := Find("eth7", netip.MustParseAddr(target)); return err })
	if refusal := new(Refusal); !errors.As(err, &refusal) || !strings.Contains(refusal.Hint(), "eth0") || !strings.Contains(refusal.Hint(), "down0") {
		t.Errorf("%v", err)
	}
	check(t, guest.Sysctl("ipv6/conf/eth0/disable_ipv6", "1"))
	refused(t, guest, "eth0", target, "eth0 has no IPv6 address to ask from")
}

func refused(t *testing.T, n *lab.Namespace, iface, about, want string) {
	t.Helper()
	err := n.Do(func() error { _, err := Find(iface, netip.MustParseAddr(about)); return err })
	var refusal *Refusal
	if !errors.As(err, &refusal) || err.Error() != want || refusal.Hint() == "" {
		t.Errorf("%s: %v, want %s", iface, err, want)
	}
}
