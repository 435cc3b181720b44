package icmp6

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/ndp"

	"v6probe/internal/craft"
)

// randomRA returns a well-formed RA with options that ndp reads without loss.
func randomRA(r *rand.Rand) []byte {
	addr := func() string {
		b := [16]byte{0x20, 0x01, 0x0d, 0xb8}
		for i := 4; i < 16; i++ {
			b[i] = byte(r.Uint32())
		}
		return netip.AddrFrom16(b).String()
	}
	net64 := func() string {
		a := netip.MustParseAddr(addr())
		return netip.PrefixFrom(a, 64).Masked().Addr().String()
	}
	preference := []uint8{0, 0x08, 0x18}[r.IntN(3)]
	var options [][]byte
	for range r.IntN(8) {
		options = append(options, []func() []byte{
			func() []byte { return craft.SLLA(craft.RouterMAC) },
			func() []byte { return craft.TLLA(craft.GuestMAC) },
			func() []byte { return craft.PIO(net64(), 64, uint8(r.Uint32()), r.Uint32(), r.Uint32()) },
			func() []byte { return craft.MTU(r.Uint32()) },
			func() []byte { return craft.Nonce([]byte(addr())[:6]) },
			func() []byte { return craft.RIO(net64(), 64, preference, r.Uint32(), 8) },
			func() []byte { return craft.RIO(addr(), 128, preference, r.Uint32(), 16) },
			func() []byte { return craft.RDNSS(r.Uint32(), addr(), addr()) },
			func() []byte { return craft.FlagsExtension(r.Uint64() >> 16) },
			func() []byte { return craft.DNSSL(r.Uint32(), craft.Name("a", "example"), craft.Name("bc", "de")) },
			func() []byte { return craft.CaptivePortal("https://portal.example/" + fmt.Sprint(r.Uint32())) },
			func() []byte { return craft.PREF64("64:ff9b::", 0, uint16(r.Uint32())) },
			func() []byte { return craft.Option(200, []byte(addr())) },
		}[r.IntN(13)]())
	}
	return craft.RA{CurHopLimit: uint8(r.Uint32()), Flags: uint8(r.Uint32())&^0x18 | preference,
		Lifetime: uint16(r.Uint32()), ReachableTime: r.Uint32(), RetransTimer: r.Uint32()}.Message(options...)
}

// TestAgainstNDP compares what this package and ndp read from well-formed RAs.
func TestAgainstNDP(t *testing.T) {
	r := rand.New(rand.NewPCG(4861, 134))
	seen := make(map[OptionType]int)
	for range 5000 {
		raw := randomRA(r)
		second, err := ndp.ParseMessage(raw)
		if err != nil {
			t.Fatalf("ndp refuses % x: %v", raw, err)
		}
		want := second.(*ndp.RouterAdvertisement)
		m := decode(raw)
		got := &ndp.RouterAdvertisement{
			CurrentHopLimit: m.RA.CurHopLimit, ManagedConfiguration: m.RA.Managed, OtherConfiguration: m.RA.Other,
			MobileIPv6HomeAgent: m.RA.HomeAgent, RouterSelectionPreference: ndp.Preference(m.RA.Preference),
			NeighborDiscoveryProxy: m.RA.Proxy, RouterLifetime: time.Duration(m.RA.RouterLifetime) * time.Second,
			ReachableTime:   time.Duration(m.RA.ReachableTime) * time.Millisecond,
			RetransmitTimer: time.Duration(m.RA.RetransTimer) * time.Millisecond,
		}
		for _, o := range m.Options {
			seen[o.Type]++
			got.Options = append(got.Options, asNDP(t, o))
		}
		if g, w := dump(got), dump(want); g != w {
			t.Fatalf("% x:\ngot  %s\nndp  %s", raw, g, w)
		}
	}
	for _, typ := range []OptionType{1, 2, 3, 5, 14, 24, 25, 26, 31, 37, 38, 200} {
		if seen[typ] == 0 {
			t.Errorf("%v never came up", typ)
		}
	}
}

// dump returns all fields of an RA as text.
func dump(ra *ndp.RouterAdvertisement) string {
	fixed := *ra
	fixed.Options = nil
	s := fmt.Sprintf("%#v", fixed)
	for _, o := range ra.Options {
		if n, ok := o.(*ndp.Nonce); ok {
			s += "\nnonce " + n.String()
			continue
		}
		s += fmt.Sprintf("\n%T %+v", o, o)
	}
	return s
}

// asNDP returns o, as the views read it, in the types of ndp.
func asNDP(t *testing.T, o Option) ndp.Option {
	t.Helper()
	seconds := func(n uint32) time.Duration { return time.Duration(n) * time.Second }
	switch o.Type {
	case OptSourceLinkLayerAddress, OptTargetLinkLayerAddress:
		a, _ := o.LinkLayerAddress()
		return &ndp.LinkLayerAddress{Direction: ndp.Direction(o.Type), Addr: a}
	case OptPrefixInformation:
		p, _ := o.PrefixInformation()
		return &ndp.PrefixInformation{PrefixLength: p.PrefixLength, OnLink: p.OnLink,
			AutonomousAddressConfiguration: p.Autonomous, ValidLifetime: seconds(p.ValidLifetime),
			PreferredLifetime: seconds(p.PreferredLifetime), Prefix: p.Prefix().Addr()}
	case OptMTU:
		mtu, _ := o.MTU()
		return ndp.NewMTU(mtu.MTU)
	case OptNonce:
		return nonce(t, o)
	case OptRouteInformation:
		r, _ := o.RouteInformation()
		return &ndp.RouteInformation{PrefixLength: r.PrefixLength, Preference: ndp.Preference(r.Preference),
			RouteLifetime: seconds(r.Lifetime), Prefix: r.Prefix().Addr()}
	case OptRDNSS:
		d, _ := o.RDNSS()
		n := &ndp.RecursiveDNSServer{Lifetime: seconds(d.Lifetime)}
		for i := range d.Len() {
			n.Servers = append(n.Servers, d.Server(i))
		}
		return n
	case OptFlagsExtension:
		bits, _ := o.FlagsExtension()
		return &ndp.RAFlagsExtension{Flags: ndp.RAFlags{byte(bits >> 40), byte(bits >> 32), byte(bits >> 24),
			byte(bits >> 16), byte(bits >> 8), byte(bits)}}
	case OptDNSSL:
		d, _ := o.DNSSL()
		names, err := d.Domains()
		if err != nil {
			t.Fatal(err)
		}
		return &ndp.DNSSearchList{Lifetime: seconds(d.Lifetime), DomainNames: names}
	case OptCaptivePortal:
		uri, _ := o.CaptivePortal()
		return &ndp.CaptivePortal{URI: string(uri)}
	case OptPREF64:
		p, _ := o.PREF64()
		return &ndp.PREF64{Lifetime: seconds(p.Lifetime), Prefix: p.Prefix()}
	}
	return &ndp.RawOption{Type: uint8(o.Type), Length: o.Length, Value: bytes.Clone(o.Raw[2:])}
}

// nonce makes the view's bytes an ndp.Nonce, which only ndp can fill.
func nonce(t *testing.T, o Option) ndp.Option {
	t.Helper()
	b, _ := o.Nonce()
	m, err := ndp.ParseMessage(craft.RS(craft.Nonce(b)))
	if err != nil {
		t.Fatal(err)
	}
	return m.(*ndp.RouterSolicitation).Options[0]
}
