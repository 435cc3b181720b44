package pmtu

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"v6probe/internal/lab"
	"v6probe/internal/packet"
)

// The network of the live tests: guest eth0 – r0 router r1 – eth0 server.
const (
	liveGuest   = "fd00:1::2"
	liveRouter  = "fd00:1::1"
	liveRouter1 = "fd00:2::1"
	liveServer  = "fd00:2::2"
)

// livePath is that network.
type livePath struct{ guest, router, server *lab.Namespace }

// liveNeeds skips a test that needs network namespaces and programs; where nothing may be skipped it fails.
func liveNeeds(t *testing.T, programs ...string) {
	t.Helper()
	n, err := lab.New()
	if err == nil {
		n.Close()
	}
	for _, p := range programs {
		_, e := exec.LookPath(p)
		err = errors.Join(err, e)
	}
	switch {
	case err == nil:
	case os.Getenv("V6PROBE_CI") == "1":
		t.Fatal(err)
	default:
		t.Skip("needs root and its programs: ", err)
	}
}

func liveCheck(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// liveRun runs a program in a namespace.
func liveRun(t *testing.T, n *lab.Namespace, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := n.Output(ctx, args[0], args[1:]...)
	liveCheck(t, err)
	return out
}

// liveFilter has a namespace drop what comes in and fits the rule.
func liveFilter(t *testing.T, n *lab.Namespace, rule string) {
	t.Helper()
	liveRun(t, n, "nft", "table ip6 f { chain in { type filter hook input priority 0; "+rule+"; }; }")
}

// newLivePath makes the network; the link between router and server has that MTU.
func newLivePath(t *testing.T, mtu string) livePath {
	t.Helper()
	var all [3]*lab.Namespace
	for i := range all {
		n, err := lab.New()
		liveCheck(t, err)
		t.Cleanup(func() { n.Close() })
		liveCheck(t, n.SkipDAD(), n.Sysctl("ipv6/conf/default/router_solicitations", "0"))
		all[i] = n
	}
	p := livePath{all[0], all[1], all[2]}
	liveCheck(t, p.router.Sysctl("ipv6/conf/all/forwarding", "1"),
		// A test asks more in a second than a router says by default.
		p.router.Sysctl("ipv6/icmp/ratelimit", "0"), p.server.Sysctl("ipv6/icmp/ratelimit", "0"),
		lab.Veth(lab.End{NS: p.guest, Name: "eth0"}, lab.End{NS: p.router, Name: "r0"}),
		lab.Veth(lab.End{NS: p.router, Name: "r1"}, lab.End{NS: p.server, Name: "eth0"}),
		p.guest.AddAddress("eth0", liveGuest+"/64"), p.router.AddAddress("r0", liveRouter+"/64"),
		p.router.AddAddress("r1", liveRouter1+"/64"), p.server.AddAddress("eth0", liveServer+"/64"))
	liveRun(t, p.router, "ip", "link", "set", "r1", "mtu", mtu)
	liveRun(t, p.server, "ip", "link", "set", "eth0", "mtu", mtu)
	liveRun(t, p.guest, "ip", "-6", "route", "add", "default", "via", liveRouter)
	liveRun(t, p.server, "ip", "-6", "route", "add", "default", "via", liveRouter1)
	return p
}

// openLive opens a Live in a namespace until the test ends.
func openLive(t *testing.T, n *lab.Namespace, o Options) *Live {
	t.Helper()
	var l *Live
	liveCheck(t, n.Do(func() (err error) {
		l, err = Open(t.Context(), o)
		return err
	}))
	t.Cleanup(func() { l.Close() })
	return l
}

// ask sends probes and returns a reply to each, in the order of the probes. Receive returns with the reply, so only what
// never comes takes the time.
func ask(t *testing.T, l *Live, probes ...Probe) []Reply {
	t.Helper()
	start := l.Now()
	for _, p := range probes {
		liveCheck(t, l.Send(p))
	}
	replies := make([]Reply, len(probes))
	for range probes {
		r, ok, err := l.Receive(start.Add(20 * time.Second))
		liveCheck(t, err)
		if !ok {
			t.Fatalf("%d of %d replies: %+v", len(replies), len(probes), replies)
		}
		if r.Time.Before(start) || r.Time.After(l.Now()) {
			t.Errorf("time %v of %+v", r.Time.Sub(start), r)
		}
		r.Time = time.Time{}
		for i, p := range probes {
			if p.ID == r.ID {
				replies[i] = r
			}
		}
	}
	return replies
}

func TestLive(t *testing.T) {
	liveNeeds(t, "ip")
	t.Parallel()
	p := newLivePath(t, "1400")
	liveCheck(t, p.server.Do(func() error {
		listener, err := net.Listen("tcp6", "["+liveServer+"]:443")
		if err == nil {
			t.Cleanup(func() { listener.Close() })
		}
		return err
	}))
	server, router := netip.MustParseAddr(liveServer), netip.MustParseAddr(liveRouter)
	answer := Reply{Source: server, HopLimit: 63}
	quoted := Reply{Source: server, HopLimit: 63, QuotedHopLimit: 63}
	tooBig := Reply{Type: TooBig, Source: router, HopLimit: 64, QuotedHopLimit: 64, MTU: 1400}
	exceeded := Reply{Type: Exceeded, Source: router, HopLimit: 64, QuotedHopLimit: 1}
	cases := []struct {
		name  string
		port  uint16
		probe Probe
		want  Reply
	}{
		{"echo too big", 0, Probe{Kind: Echo, Size: 1500, HopLimit: 64}, tooBig},
		{"echo one too big", 0, Probe{Kind: Echo, Size: 1401, HopLimit: 64, Flow: 7}, tooBig},
		{"echo", 0, Probe{Kind: Echo, Size: 1400, HopLimit: 64, Flow: 3}, answer},
		{"echo of the least size", 0, Probe{Kind: Echo, Size: 50, HopLimit: 64}, answer},
		{"echo, hop limit 1", 0, Probe{Kind: Echo, Size: 1400, HopLimit: 1}, exceeded},
		{"udp", 0, Probe{Kind: UDP, Size: 1400, HopLimit: 64}, quoted},
		{"udp too big", 0, Probe{Kind: UDP, Size: 1500, HopLimit: 64}, tooBig},
		{"udp, hop limit 1", 0, Probe{Kind: UDP, Size: 64, HopLimit: 1}, exceeded},
		{"tcp to an open port", 0, Probe{Kind: TCP, Size: 1400, HopLimit: 64}, answer},
		{"tcp to a closed port", 444, Probe{Kind: TCP, Size: 1400, HopLimit: 64}, answer},
		{"tcp too big", 0, Probe{Kind: TCP, Size: 1500, HopLimit: 64}, tooBig},
		{"tcp, hop limit 1", 0, Probe{Kind: TCP, Size: 64, HopLimit: 1}, exceeded},
		{"option", 0, Probe{Kind: Option, Size: 1400, HopLimit: 64}, quoted},
		{"option too big", 0, Probe{Kind: Option, Size: 1500, HopLimit: 64}, tooBig},
	}
	for _, c := range cases {
		c.probe.ID, c.want.ID = 1, 1
		l := openLive(t, p.guest, Options{Target: server, Port: c.port})
		if got := ask(t, l, c.probe)[0]; got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	// All of them at once.
	l := openLive(t, p.guest, Options{Target: server, Interface: "eth0", Source: netip.MustParseAddr(liveGuest)})
	var batch []Probe
	for i, c := range cases {
		c.probe.ID = 1000 + i
		batch = append(batch, c.probe)
	}
	for i, got := range ask(t, l, batch...) {
		want := cases[i].want
		if want.ID = 1000 + i; got != want {
			t.Errorf("%s: %+v, want %+v", cases[i].name, got, want)
		}
	}
	if l.Source() != netip.MustParseAddr(liveGuest) {
		t.Errorf("from %v", l.Source())
	}
	if r, ok, err := l.Receive(l.Now()); ok || err != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLiveCache has the route cache say less than fits, and sees TCP leave it alone.
func TestLiveCache(t *testing.T) {
	liveNeeds(t, "ip")
	t.Parallel()
	p := newLivePath(t, "1400")
	l := openLive(t, p.guest, Options{Target: netip.MustParseAddr(liveServer)})
	cache := func() string { return liveRun(t, p.guest, "ip", "-6", "route", "show", "cache") }
	if got := ask(t, l, Probe{ID: 1, Kind: TCP, Size: 1500, HopLimit: 64})[0]; got.Type != TooBig {
		t.Fatalf("%+v", got)
	}
	if got := cache(); strings.Contains(got, "mtu") {
		t.Errorf("after TCP the cache has %s", got)
	}
	if got := ask(t, l, Probe{ID: 2, Kind: Echo, Size: 1500, HopLimit: 64})[0]; got.Type != TooBig {
		t.Fatalf("%+v", got)
	}
	if got := cache(); !strings.Contains(got, "mtu 1400") {
		t.Fatalf("the cache has %q", got)
	}
	if got := ask(t, l, Probe{ID: 3, Kind: Echo, Size: 1500, HopLimit: 64})[0]; got.Type != TooBig || got.ID != 3 {
		t.Errorf("%+v", got)
	}
}

// TestLiveFiltered has the guest itself drop what comes back.
func TestLiveFiltered(t *testing.T) {
	liveNeeds(t, "ip", "nft")
	t.Parallel()
	p := newLivePath(t, "1400")
	liveFilter(t, p.guest, "icmpv6 type packet-too-big drop")
	want := Reply{ID: 1, Type: TooBig, Source: netip.MustParseAddr(liveRouter), HopLimit: 64,
		QuotedHopLimit: 64, MTU: 1400, Filtered: true}
	for _, iface := range []string{"", "eth0"} {
		l := openLive(t, p.guest, Options{Target: netip.MustParseAddr(liveServer), Interface: iface})
		got := ask(t, l, Probe{ID: 1, Kind: Echo, Size: 1500, HopLimit: 64}, Probe{ID: 2, Kind: Echo, Size: 1400, HopLimit: 64})
		if got[0] != want {
			t.Errorf("%+v, want %+v", got[0], want)
		}
		if got[1].Type != Answer || got[1].ID != 2 || got[1].Filtered {
			t.Errorf("%+v", got[1])
		}
		if r, ok, err := l.Receive(l.Now().Add(2 * delivery)); ok || err != nil {
			t.Errorf("more: %+v, %v", r, err)
		}
	}
}

// TestLiveInjected has the router send messages that the guest does not take, which no filter drops either.
func TestLiveInjected(t *testing.T) {
	liveNeeds(t, "ip")
	t.Parallel()
	p := newLivePath(t, "1500")
	l := openLive(t, p.guest, Options{Target: netip.MustParseAddr(liveServer), Interface: "eth0"})
	// The probe gets an answer, so that all is known that the injected messages need.
	ask(t, l, Probe{ID: 1, Kind: Echo, Size: 1280, HopLimit: 64})
	quote := built(t, &l.matcher.wire, l.matcher.sent[1])
	mac := func(n *lab.Namespace, iface string) (mac net.HardwareAddr) {
		liveCheck(t, n.Do(func() error {
			ifi, err := net.InterfaceByName(iface)
			if err == nil {
				mac = ifi.HardwareAddr
			}
			return err
		}))
		return mac
	}
	inject := func(mtu uint32, spoil func(ethernet, message []byte)) {
		msg := message(2, 0, mtu, quote[:1000])
		router, guest := netip.MustParseAddr(liveRouter), netip.MustParseAddr(liveGuest)
		binary.BigEndian.PutUint16(msg[2:], packet.ICMPv6Checksum(router, guest, msg))
		frame := append(append(mac(p.guest, "eth0"), mac(p.router, "r0")...), 0x86, 0xdd, 0x60, 0, 0, 0)
		frame = append(binary.BigEndian.AppendUint16(frame, uint16(len(msg))), protoICMPv6, 64)
		frame = append(append(append(frame, router.AsSlice()...), guest.AsSlice()...), msg...)
		spoil(frame, frame[14+ipv6HeaderSize:])
		liveCheck(t, p.router.Inject("r0", frame))
	}
	inject(1301, func(ethernet, _ []byte) { ethernet[5] ^= 1 })                                  // to somebody else
	inject(1302, func(_, message []byte) { message[3] ^= 1 })                                    // with a bad checksum
	inject(1303, func(_, message []byte) { message[8+nonceOffset(Echo)] ^= 1 })                  // and one that it hides in
	inject(1304, func(ethernet, _ []byte) { ethernet[14+24+15] ^= 1 })                           // to another address
	inject(1305, func(ethernet, _ []byte) { binary.BigEndian.PutUint16(ethernet[18:], 0xffff) }) // longer than the frame
	inject(1306, func(_, _ []byte) {})
	r, ok, err := l.Receive(l.Now().Add(20 * time.Second))
	if !ok || err != nil || r.ID != 1 || r.Type != TooBig || r.MTU != 1306 || r.Filtered {
		t.Errorf("%+v, %v", r, err)
	}
	if r, ok, err := l.Receive(l.Now().Add(2 * delivery)); ok || err != nil {
		t.Errorf("more: %+v, %v", r, err)
	}
}

// TestLiveDown has the interface go down under a Live.
func TestLiveDown(t *testing.T) {
	liveNeeds(t, "ip")
	t.Parallel()
	p := newLivePath(t, "1500")
	for _, iface := range []string{"", "eth0"} {
		l := openLive(t, p.guest, Options{Target: netip.MustParseAddr(liveRouter), Interface: iface})
		ask(t, l, Probe{ID: 1, Kind: Echo, Size: 1280, HopLimit: 64})
		liveCheck(t, p.guest.SetDown("eth0"))
		if r, ok, err := l.Receive(l.Now().Add(delivery)); ok || err != nil {
			t.Errorf("%+v, %v", r, err)
		}
		var refused *SendError
		if err := l.Send(Probe{ID: 2, Kind: Echo, Size: 1280, HopLimit: 64}); !errors.As(err, &refused) || refused.Hint() == "" {
			t.Errorf("%v", err)
		}
		liveCheck(t, p.guest.SetUp("eth0"), p.guest.AddAddress("eth0", liveGuest+"/64"))
	}
}

// TestLiveHeld has the guest refuse to send.
func TestLiveHeld(t *testing.T) {
	liveNeeds(t, "ip", "nft")
	t.Parallel()
	p := newLivePath(t, "1500")
	liveRun(t, p.guest, "nft", "table ip6 f { chain out { type filter hook output priority 0; meta l4proto udp drop; }; }")
	l := openLive(t, p.guest, Options{Target: netip.MustParseAddr(liveServer)})
	replies := ask(t, l, Probe{ID: 1, Kind: UDP, Size: 100, HopLimit: 64})
	if len(replies) != 1 || replies[0].ID != 1 || replies[0].Type != Held {
		t.Errorf("%+v, want that it was held", replies)
	}
}
