package resolve

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/capture"
	"v6probe/internal/craft"
	"v6probe/internal/lab"
	"v6probe/internal/packet"
	"v6probe/internal/pipeline"
	"v6probe/internal/rule"
)

// needs skips a test that needs network namespaces and programs; where nothing may be skipped it fails.
func needs(t *testing.T, programs ...string) {
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

func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// newHost returns a namespace whose addresses are of use at once.
func newHost(t *testing.T) *lab.Namespace {
	t.Helper()
	n, err := lab.New()
	check(t, err)
	t.Cleanup(func() { n.Close() })
	check(t, n.SkipDAD(), n.Sysctl("ipv6/conf/default/router_solicitations", "0"))
	return n
}

// pair returns a guest, which is to ask, and its router, which has the target.
func pair(t *testing.T) (guest, router *lab.Namespace) {
	t.Helper()
	guest, router = newHost(t), newHost(t)
	check(t, router.Sysctl("ipv6/conf/all/forwarding", "1"),
		lab.Veth(lab.End{NS: guest, Name: "eth0", MAC: craft.GuestMAC}, lab.End{NS: router, Name: "eth0", MAC: craft.RouterMAC}),
		router.AddAddress("eth0", target+"/64"), guest.AddAddress("eth0", "fd17:625c:f037:2::2/64"))
	for _, n := range []*lab.Namespace{guest, router} {
		_, err := n.WaitLinkLocal(within(t, 20*time.Second), "eth0")
		check(t, err)
	}
	return guest, router
}

// nft gives a namespace a ruleset.
func nft(t *testing.T, n *lab.Namespace, rules string) {
	t.Helper()
	_, err := n.Output(within(t, 20*time.Second), "nft", rules)
	check(t, err)
}

// discard is a sink.
type discard struct{}

func (discard) Message(*packet.Packet, []rule.Finding) error { return nil }
func (discard) Finding(rule.Finding) error                   { return nil }

// askIn asks in a namespace, for real.
func askIn(t *testing.T, n *lab.Namespace, iface, about string, burst int) (*Result, []rule.Found) {
	t.Helper()
	var tracker *Tracker
	var live *capture.Live
	var socket *Socket
	check(t, n.Do(func() error {
		link, err := Find(iface, netip.MustParseAddr(about))
		if err != nil {
			return err
		}
		tracker = NewTracker(link, netip.MustParseAddr(about), burst)
		if live, err = capture.OpenLive(iface, capture.LiveOptions{}); err != nil {
			return err
		}
		socket, err = Open(link)
		return err
	}))
	defer live.Close()
	defer socket.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		failed <- NewAsker(tracker, socket).Run(ctx)
		cancel()
	}()
	run, err := pipeline.Run(ctx, pipeline.Options{Source: live, Checker: tracker, Sink: discard{},
		Wanted: func(p *packet.Packet) (bool, bool) { return tracker.Concerns(p), false }})
	check(t, err, <-failed)
	r := tracker.Result()
	if !r.Complete {
		t.Error("not complete")
	}
	return r, run.Tally.Found()
}

func ids(found []rule.Found) []string {
	var list []string
	for _, f := range found {
		list = append(list, string(f.Rule)+" "+f.Severity.String())
	}
	return list
}

func TestLiveResolves(t *testing.T) {
	needs(t)
	t.Parallel()
	guest, _ := pair(t)
	for about, burst := range map[string]int{target: 200, craft.RouterLL: 0} {
		r, found := askIn(t, guest, "eth0", about, burst)
		if len(found) != 0 || len(r.Stations) != 1 {
			t.Fatalf("%s: found %v, stations %+v", about, found, r.Stations)
		}
		s := r.Stations[0]
		if s.MAC.String() != craft.RouterMAC || flags(&s) != "RSO" || s.Source.String() != about || s.Answers < 4 {
			t.Errorf("%+v", s)
		}
		if c := r.Counts[Burst]; c.Sent != burst || c.Answered != burst || len(s.RTT) != r.Asked().Sent+r.Counts[Slow].Sent {
			t.Errorf("%d times, %+v", len(s.RTT), r.Counts)
		}
		for _, rtt := range s.RTT {
			if rtt.Time <= 0 || rtt.Time > time.Second {
				t.Errorf("a time of %v", rtt.Time)
			}
		}
	}
	// The host itself knows of no neighbor by now.
	out, err := guest.Output(within(t, 20*time.Second), "ip", "-6", "neigh", "show", target)
	check(t, err)
	if out != "" {
		t.Errorf("the neighbor cache has %q", out)
	}
}

func TestLiveAbsent(t *testing.T) {
	needs(t)
	t.Parallel()
	guest, _ := pair(t)
	r, found := askIn(t, guest, "eth0", "fd17:625c:f037:2::99", 100)
	if got := ids(found); !slices.Equal(got, []string{"ns.unanswered error"}) || len(r.Stations) != 0 || r.Counts[Group].Sent != 3 {
		t.Errorf("found %v, %+v", found, r)
	}
}

// TestLiveGroupLost drops what goes to the solicited-node group, as a bridge does that has lost it.
func TestLiveGroupLost(t *testing.T) {
	needs(t, "nft")
	t.Parallel()
	guest, router := pair(t)
	nft(t, router, `table ip6 f { chain in { type filter hook input priority 0; ip6 daddr ff02::1:ff00:0/104 drop; }; }`)
	r, found := askIn(t, guest, "eth0", target, 0)
	if got := ids(found); !slices.Equal(got, []string{"ns.unanswered error"}) || !r.GroupLost() ||
		r.Counts[AllNodes].Answered == 0 || r.Counts[Unicast].Answered != 3 {
		t.Errorf("found %v, %+v", found, r)
	}
	// When all multicast is dropped, the address itself tells where to ask.
	nft(t, router, `table ip6 g { chain in { type filter hook input priority 0; ip6 daddr ff02::/16 drop; }; }`)
	r, found = askIn(t, guest, "eth0", craft.RouterLL, 0)
	if s := r.Stations; len(s) != 1 || s[0].OverrideKnown || !strings.Contains(found[0].Fix, "A filter drops multicast") {
		t.Errorf("%+v, fix %s", s, found[0].Fix)
	}
	if got := ids(found); !slices.Equal(got, []string{"ns.unanswered error"}) || !r.GroupLost() ||
		r.Counts[AllNodes].Answered != 0 || r.Counts[Unicast].Answered != 3 {
		t.Errorf("found %v, %+v", found, r)
	}
}

func TestLiveDuplicate(t *testing.T) {
	needs(t)
	t.Parallel()
	guest, first, second, bridge := newHost(t), newHost(t), newHost(t), newHost(t)
	for _, end := range []struct {
		ns        *lab.Namespace
		port, mac string
	}{{guest, "vnet0", craft.GuestMAC}, {first, "vnet1", oneMAC}, {second, "vnet2", otherMAC}} {
		check(t, lab.Veth(lab.End{NS: bridge, Name: end.port}, lab.End{NS: end.ns, Name: "eth0", MAC: end.mac}))
	}
	check(t, bridge.AddBridge("cloudbr0", "vnet0", "vnet1", "vnet2"),
		first.AddAddress("eth0", target+"/64"), second.AddAddress("eth0", target+"/64"))
	for _, n := range []*lab.Namespace{guest, first, second} {
		_, err := n.WaitLinkLocal(within(t, 20*time.Second), "eth0")
		check(t, err)
	}
	r, found := askIn(t, guest, "eth0", target, 0)
	if got := ids(found); !slices.Equal(got, []string{"nd.duplicate-address error"}) {
		t.Fatalf("found %v, %+v", found, r)
	}
	for _, mac := range []string{oneMAC, otherMAC} {
		if !strings.Contains(found[0].Detail, mac) {
			t.Errorf("%q lacks %s", found[0].Detail, mac)
		}
	}
	for i := range r.Stations {
		if s := &r.Stations[i]; s.Answered[Unicast] != 3 || s.AskedAlone != 3 {
			t.Errorf("%+v", s)
		}
	}
}

// TestLiveOwn asks for this host's own addresses. The kernel does not answer itself.
func TestLiveOwn(t *testing.T) {
	needs(t)
	t.Parallel()
	guest, router := pair(t)
	for _, about := range []string{"fd17:625c:f037:2::2", craft.GuestLL} {
		r, found := askIn(t, guest, "eth0", about, 0)
		if len(found) != 0 || len(r.Stations) != 0 || r.Counts[Group].Sent != 3 || r.Link.Own != "eth0" {
			t.Errorf("%s: found %v, %+v", about, found, r)
		}
		check(t, router.AddAddress("eth0", about+"/64"))
		r, found = askIn(t, guest, "eth0", about, 0)
		if !slices.Equal(ids(found), []string{"nd.duplicate-address error"}) || len(r.Stations) != 1 ||
			r.Stations[0].MAC.String() != craft.RouterMAC {
			t.Errorf("%s: found %v, %+v", about, found, r)
		}
	}
	// Each has its own still.
	out, err := guest.Output(within(t, 20*time.Second), "ip", "-6", "addr", "show", "dev", "eth0")
	check(t, err)
	if strings.Contains(out, "dadfailed") || strings.Contains(out, "tentative") {
		t.Error(out)
	}
}

// TestLiveRateLimit has the target limit solicitations in three ways, and lose some without a limit.
func TestLiveRateLimit(t *testing.T) {
	needs(t, "nft")
	t.Parallel()
	for _, c := range []struct {
		name, rule string
		found      []string
		detail     string
	}{
		{"all", "icmpv6 type nd-neighbor-solicit limit rate over 20/second drop", []string{"nd.rate-limited warning"},
			"unicast is limited as well"},
		{"multicast", "ip6 daddr ff02::/16 icmpv6 type nd-neighbor-solicit limit rate over 20/second drop",
			[]string{"nd.rate-limited warning"}, "it is multicast that is limited"},
		{"plain loss", "icmpv6 type nd-neighbor-solicit numgen inc mod 4 == 3 drop", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			guest, router := pair(t)
			nft(t, router, "table ip6 f { chain in { type filter hook input priority 0; "+c.rule+"; }; }")
			r, found := askIn(t, guest, "eth0", target, 300)
			if got := ids(found); !slices.Equal(got, c.found) {
				t.Fatalf("found %v, want %v; %+v", found, c.found, r.Counts)
			}
			if len(found) > 0 && !strings.Contains(found[0].Detail, c.detail) {
				t.Errorf("%q lacks %q", found[0].Detail, c.detail)
			}
			if len(found) == 0 && !r.PlainLoss() {
				t.Errorf("%+v", r.Counts)
			}
		})
	}
}

// TestLiveHeld has the host that asks drop what it sends.
func TestLiveHeld(t *testing.T) {
	needs(t, "nft")
	t.Parallel()
	guest, _ := pair(t)
	nft(t, guest, `table netdev f { chain out { type filter hook egress device eth0 priority 0; ip6 daddr ff02::/16 drop; }; }`)
	r, found := askIn(t, guest, "eth0", target, 10)
	if c := r.Total(); !slices.Equal(ids(found), []string{"ns.unanswered error"}) || c.Sent != 0 || c.Held != 6 ||
		!strings.Contains(found[0].Detail, "v6probe asked 6 times for "+target+", but nothing of it left this host") {
		t.Errorf("found %v, %+v", found, c)
	}
}
