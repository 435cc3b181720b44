package host

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func native(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func raw(a string) []byte { return netip.MustParseAddr(a).AsSlice() }

func TestParseOwnAddress(t *testing.T) {
	head := func(bits, flags byte) []byte { return append([]byte{unix.AF_INET6, bits, flags, 0}, native(7)...) }
	prefix := netip.MustParsePrefix("2001:db8::7/64")
	lifetimes := attribute(unix.IFA_CACHEINFO, slices.Concat(native(60), native(1<<32-1), native(0), native(0))...)
	for name, c := range map[string]struct {
		b    []byte
		want OwnAddress
		ok   bool
	}{
		"of an advertisement": {slices.Concat(head(64, 0), attribute(unix.IFA_ADDRESS, raw("2001:db8::7")...), lifetimes,
			attribute(unix.IFA_FLAGS, native(unix.IFA_F_MANAGETEMPADDR|unix.IFA_F_NOPREFIXROUTE)...), attribute(attributeProtocol, 2)),
			OwnAddress{Prefix: prefix, Valid: Forever, Preferred: time.Minute, ManageTemp: true, NoPrefixRoute: true, Origin: "kernel_ra"}, true},
		"a duplicate, by the old flags": {slices.Concat(head(64, unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED|unix.IFA_F_PERMANENT),
			attribute(unix.IFA_ADDRESS, raw("2001:db8::7")...)),
			OwnAddress{Prefix: prefix, Valid: Forever, Preferred: Forever, Tentative: true, Failed: true, Permanent: true}, true},
		"deprecated, temporary": {slices.Concat(head(64, 0), attribute(unix.IFA_ADDRESS, raw("2001:db8::7")...),
			attribute(unix.IFA_FLAGS, native(unix.IFA_F_DEPRECATED|unix.IFA_F_TEMPORARY|unix.IFA_F_OPTIMISTIC|
				unix.IFA_F_STABLE_PRIVACY)...)),
			OwnAddress{Prefix: prefix, Valid: Forever, Preferred: Forever, Deprecated: true, Temporary: true, Optimistic: true,
				StablePrivacy: true}, true},
		"one end of two": {slices.Concat(head(64, 0), attribute(unix.IFA_ADDRESS, raw("2001:db8::9")...),
			attribute(unix.IFA_LOCAL, raw("2001:db8::7")...)),
			OwnAddress{Prefix: prefix, Valid: Forever, Preferred: Forever}, true},
		"no address":        {head(64, 0), OwnAddress{}, false},
		"a short address":   {slices.Concat(head(64, 0), attribute(unix.IFA_ADDRESS, 1, 2, 3)), OwnAddress{}, false},
		"an IPv4 address":   {slices.Concat(head(24, 0), attribute(unix.IFA_ADDRESS, 192, 0, 2, 1)), OwnAddress{}, false},
		"a prefix too long": {slices.Concat(head(129, 0), attribute(unix.IFA_ADDRESS, raw("2001:db8::7")...)), OwnAddress{}, false},
		"cut short":         {head(64, 0)[:7], OwnAddress{}, false},
		"of another family": {slices.Concat([]byte{unix.AF_INET}, head(64, 0)[1:], attribute(unix.IFA_ADDRESS, raw("2001:db8::7")...)),
			OwnAddress{}, false},
		"short flags, times": {slices.Concat(head(64, 0), attribute(unix.IFA_ADDRESS, raw("2001:db8::7")...),
			attribute(unix.IFA_FLAGS, 0xff), attribute(unix.IFA_CACHEINFO, 1, 2, 3)),
			OwnAddress{Prefix: prefix, Valid: Forever, Preferred: Forever}, true},
	} {
		a, index, ok := parseOwnAddress(c.b)
		if ok != c.ok || ok && (a != c.want || index != 7) {
			t.Errorf("%s: %+v on %d, %v", name, a, index, ok)
		}
	}
}

func TestParseDefaultRoute(t *testing.T) {
	head := func(bits, table, protocol, kind byte, flags uint32) []byte {
		return append([]byte{unix.AF_INET6, bits, 0, 0, table, protocol, 0, kind}, native(flags)...)
	}
	via, dev := attribute(unix.RTA_GATEWAY, raw("fe80::1")...), attribute(unix.RTA_OIF, native(4)...)
	expires := func(n int32) []byte {
		return attribute(unix.RTA_CACHEINFO, slices.Concat(native(0), native(0), native(uint32(n)), make([]byte, 20))...)
	}
	hop := func(flags byte, index uint32, gateway string) []byte {
		g := attribute(unix.RTA_GATEWAY, raw(gateway)...)
		return slices.Concat([]byte{byte(8 + len(g)), 0, flags, 0}, native(index), g)
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the lengths above are of a little-endian machine")
	}
	gateway := netip.MustParseAddr("fe80::1")
	for name, c := range map[string]struct {
		b    []byte
		want []DefaultRoute
	}{
		"of an advertisement": {slices.Concat(head(0, 254, unix.RTPROT_RA, unix.RTN_UNICAST, 0), via, dev, expires(4500),
			attribute(unix.RTA_PRIORITY, native(1024)...), attribute(unix.RTA_PREF, 3)),
			[]DefaultRoute{{Gateway: gateway, Index: 4, Table: 254, Metric: 1024, Protocol: "ra", Preference: 3, Expires: 45 * time.Second}}},
		"overdue": {slices.Concat(head(0, 254, unix.RTPROT_RA, unix.RTN_UNICAST, 0), via, dev, expires(-100)),
			[]DefaultRoute{{Gateway: gateway, Index: 4, Table: 254, Protocol: "ra"}}},
		"static, of a table of its own": {slices.Concat(head(0, 252, unix.RTPROT_STATIC, unix.RTN_UNICAST, unix.RTNH_F_LINKDOWN), via, dev,
			attribute(unix.RTA_TABLE, native(1000)...), expires(0)),
			[]DefaultRoute{{Gateway: gateway, Index: 4, Table: 1000, Protocol: "static", LinkDown: true, Expires: Forever}}},
		"on the link": {slices.Concat(head(0, 254, unix.RTPROT_BOOT, unix.RTN_UNICAST, unix.RTNH_F_DEAD), dev),
			[]DefaultRoute{{Index: 4, Table: 254, Protocol: "boot", Dead: true, Expires: Forever}}},
		"two routers": {slices.Concat(head(0, 254, 200, unix.RTN_UNICAST, 0),
			attribute(unix.RTA_MULTIPATH, slices.Concat(hop(0, 4, "fe80::1"), hop(unix.RTNH_F_DEAD, 5, "fe80::2"), []byte{200, 0, 0, 0, 0, 0, 0, 0})...)),
			[]DefaultRoute{{Gateway: gateway, Index: 4, Table: 254, Protocol: "200", Expires: Forever},
				{Gateway: netip.MustParseAddr("fe80::2"), Index: 5, Table: 254, Protocol: "200", Dead: true, Expires: Forever}}},
		"a refusal": {head(0, 254, unix.RTPROT_KERNEL, unix.RTN_UNREACHABLE, 0),
			[]DefaultRoute{{Table: 254, Protocol: "kernel", Refusing: "unreachable", Expires: Forever}}},
		"to a prefix":     {slices.Concat(head(64, 254, 2, unix.RTN_UNICAST, 0), via, dev), nil},
		"an exception":    {slices.Concat(head(0, 254, 2, unix.RTN_UNICAST, unix.RTM_F_CLONED), via, dev), nil},
		"of another kind": {slices.Concat(head(0, 255, 2, unix.RTN_LOCAL, 0), dev), nil},
		"cut short":       {head(0, 254, 2, unix.RTN_UNICAST, 0)[:11], nil},
		"of sources": {slices.Concat([]byte{unix.AF_INET6, 0, 56, 0, 254, 4, 0, 1}, native(0), dev, attribute(unix.RTA_SRC, raw("2001:db8::")...)),
			[]DefaultRoute{{Index: 4, From: netip.MustParsePrefix("2001:db8::/56"), Table: 254, Protocol: "static", Expires: Forever}}},
	} {
		if got := parseDefaultRoute(c.b); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestParseNeighbor(t *testing.T) {
	head := func(state uint16, flags byte) []byte {
		b := append([]byte{unix.AF_INET6, 0, 0, 0}, native(3)...)
		return append(binary.NativeEndian.AppendUint16(b, state), flags, 0)
	}
	at := attribute(unix.NDA_DST, raw("fe80::1")...)
	e, index, ok := parseNeighbor(slices.Concat(head(unix.NUD_STALE, unix.NTF_ROUTER), at, attribute(unix.NDA_LLADDR, 2, 0, 0, 0, 0, 1)))
	if !ok || index != 3 || e.State != "stale" || !e.Router || e.MAC.String() != "02:00:00:00:00:01" || e.Address.String() != "fe80::1" {
		t.Errorf("%+v on %d, %v", e, index, ok)
	}
	if e, _, ok := parseNeighbor(slices.Concat(head(unix.NUD_FAILED, 0), at, attribute(unix.NDA_LLADDR, 2, 0))); !ok ||
		e.MAC != nil || e.Router || e.State != "failed" {
		t.Errorf("%+v, %v", e, ok)
	}
	for name, b := range map[string][]byte{"no address": head(unix.NUD_STALE, 0), "cut short": head(unix.NUD_STALE, 0)[:11],
		"of a bridge": append([]byte{unix.AF_BRIDGE}, slices.Concat(head(unix.NUD_STALE, 0), at)[1:]...)} {
		if e, _, ok := parseNeighbor(b); ok {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestParseDevice(t *testing.T) {
	head := func(kind uint16, flags uint32) []byte {
		b := binary.NativeEndian.AppendUint16([]byte{0, 0}, kind)
		return slices.Concat(b, native(4), native(flags), native(0))
	}
	mac := attribute(unix.IFLA_ADDRESS, 2, 0, 0, 0, 0, 1)
	d, ok := parseDevice(slices.Concat(head(unix.ARPHRD_ETHER, unix.IFF_UP|unix.IFF_RUNNING|unix.IFF_LOWER_UP|unix.IFF_MULTICAST), mac,
		attribute(unix.IFLA_IFNAME, 'e', 0), attribute(unix.IFLA_OPERSTATE, 6), attribute(unix.IFLA_MTU, native(1400)...)))
	if !ok || !d.Up || !d.Running || !d.Carrier || !d.Multicast || d.NoARP || d.Loopback || d.State != "up" || d.MTU != 1400 ||
		d.MAC.String() != "02:00:00:00:00:01" || d.Name != "e" || d.Index != 4 || d.Table != MainTable {
		t.Errorf("%+v, %v", d, ok)
	}
	d, ok = parseDevice(slices.Concat(head(unix.ARPHRD_NONE, unix.IFF_UP|unix.IFF_NOARP), mac, attribute(unix.IFLA_OPERSTATE, 9)))
	if !ok || d.MAC != nil || !d.NoARP || d.Running || d.State != "unknown" {
		t.Errorf("a tun: %+v, %v", d, ok)
	}
	if _, ok := parseDevice(head(1, 0)[:15]); ok {
		t.Error("cut short: taken")
	}
	info := attribute(unix.IFLA_LINKINFO, slices.Concat(attribute(unix.IFLA_INFO_KIND, 'v', 'r', 'f', 0),
		attribute(unix.IFLA_INFO_DATA, attribute(unix.IFLA_VRF_TABLE, native(101)...)...))...)
	if n := parseTable(append(head(unix.ARPHRD_ETHER, 0), info...)); n != 101 {
		t.Errorf("the table of a VRF: %d", n)
	}
}

func TestReadSetting(t *testing.T) {
	n := namespace(t)
	check(t, n.Sysctl("ipv6/conf/lo/hop_limit", "33"), n.Do(func() error {
		if v, err := ReadSetting("lo", "hop_limit"); v != 33 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
		for _, name := range []string{"", ".", "..", "a/b", "no such"} {
			if _, err := ReadSetting(name, "hop_limit"); err == nil {
				t.Errorf("%q: no error", name)
			}
		}
		return nil
	}))
}

func FuzzGuestMessages(f *testing.F) {
	f.Add(slices.Concat([]byte{unix.AF_INET6, 64, 0, 0}, native(7), attribute(unix.IFA_ADDRESS, raw("2001:db8::7")...)))
	f.Add(slices.Concat([]byte{unix.AF_INET6, 0, 0, 0, 254, 4, 0, 1}, native(0), attribute(unix.RTA_MULTIPATH, make([]byte, 24)...)))
	f.Add(slices.Concat([]byte{unix.AF_INET6, 0, 0, 0}, native(3), native(2), attribute(unix.NDA_DST, raw("fe80::1")...)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, _, ok := parseOwnAddress(b); ok && !a.Prefix.IsValid() {
			t.Errorf("%+v", a)
		}
		for _, r := range parseDefaultRoute(b) {
			if r.Expires < 0 || r.Preference > 3 {
				t.Errorf("%+v", r)
			}
		}
		if e, _, ok := parseNeighbor(b); ok && !e.Address.Is6() {
			t.Errorf("%+v", e)
		}
		parseDevice(b)
		parseTable(b)
	})
}
