package zone

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"v6probe/internal/lab"
)

// TestTruth holds what each scenario says of its network against what packets meet there.
func TestTruth(t *testing.T) {
	all, err := Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			z, ctx := up(t, s)
			if s.Second != nil {
				checkFlows(t, ctx, z)
				return
			}
			checkSizes(t, ctx, z)
			checkHole(t, ctx, z)
		})
	}
}

// least is the smallest size that a check sends: jumbo paths are not searched from the bottom.
func least(s *Scenario) int { return max(minMTU, s.Guest-600) }

// checkSizes checks which sizes arrive, both ways, and who sends a Packet Too Big about the others.
func checkSizes(t *testing.T, ctx context.Context, z *Zone) {
	s := z.Scenario
	toGuest, toServer := hearRefusals(t, z.Guest), hearRefusals(t, z.Server)
	count := func(where string, w way, to, mtu int) {
		arrived, err := z.count(ctx, w, least(s), to)
		if err != nil {
			t.Fatal(err)
		}
		if got := largest(arrived); got != mtu {
			t.Errorf("%s %d arrives, want %d", where, got, mtu)
		}
		for size := least(s); size <= mtu; size++ {
			if !arrived[size] {
				t.Errorf("%s %d does not arrive", where, size)
			}
		}
	}
	count("to the server", z.there(0), s.Guest, s.Truth.MTU)
	count("to the guest", z.back(), min(s.Guest+10, s.Links.R2Server.Return), s.Truth.ReturnMTU)
	// The words about the first have come before what came back, those about the second come before this.
	if _, err := z.Arrivals(ctx, minMTU, minMTU); err != nil {
		t.Fatal(err)
	}

	var want []string
	for _, h := range s.Truth.Hops {
		want = append(want, []string{vrAddress, r1Address, r2Address}[h-1])
	}
	if s.Truth.Tunnel {
		want = append(want, serverAddress)
	}
	slices.Sort(want)
	if got := toGuest.senders(ctx, len(want)); !slices.Equal(got, want) {
		t.Errorf("the guest got a Packet Too Big from %v, want %v", got, want)
	}
	// Nothing is said where the server sends no more than its path carries, and where what it sends vanishes.
	spoken := s.Truth.ReturnMTU < min(s.Guest+10, s.Links.R2Server.Return) && !s.Truth.ReturnHole
	if got := toServer.senders(ctx, 0); (len(got) > 0) != spoken {
		t.Errorf("the server got a Packet Too Big from %v: %v", got, !spoken)
	}
}

// checkHole checks that a packet longer than the MTU of the walk arrives at the hop before a hole and not behind it.
func checkHole(t *testing.T, ctx context.Context, z *Zone) {
	truth := z.Scenario.Truth
	if !truth.BlackHole {
		return
	}
	// What a host that walks down sends when it meets the hole: it is told the MTU of the links before.
	size := z.Scenario.Guest
	for _, l := range []Link{z.Scenario.Links.VRR1, z.Scenario.Links.R1R2}[:max(truth.After-1, 0)] {
		size = min(size, l.MTU)
	}
	for hop, want := range map[int]bool{truth.After: true, truth.Before: false} {
		if hop == 0 {
			continue
		}
		w := z.there(0)
		w.out = []lab.Place{{NS: z.VR, Name: "eth0"}, {NS: z.R1, Name: "down0"}, {NS: z.R2, Name: "down0"}, w.out}[hop-1]
		arrived, err := z.count(ctx, w, size, size)
		if err != nil {
			t.Fatal(err)
		}
		if arrived[size] != want {
			t.Errorf("hop %d gets packets of %d: %v", hop, size, arrived[size])
		}
	}
}

// checkFlows checks the MTUs of many flows, one of which is told from the other by its label.
func checkFlows(t *testing.T, ctx context.Context, z *Zone) {
	s := z.Scenario
	got := map[int]bool{}
	for label := range uint32(20) { // that all go one way happens once in half a million times
		mtu, err := z.FlowArrivals(ctx, label, 1390, s.Guest)
		if err != nil {
			t.Fatal(err)
		}
		got[mtu] = true
		if label > 2 {
			continue
		}
		if again, err := z.FlowArrivals(ctx, label, 1390, s.Guest); err != nil || again != mtu {
			t.Errorf("flow label %d: %d, then %d (%v)", label, mtu, again, err)
		}
	}
	if flows := slices.Sorted(maps.Keys(got)); !slices.Equal(flows, s.Truth.Flows) {
		t.Errorf("the MTUs of the flows are %v, want %v", flows, s.Truth.Flows)
	}
}

// refusals are the senders of Packet Too Big about counted packets.
type refusals struct {
	mu   sync.Mutex
	from map[string]bool
	more chan struct{} // has something in it when there is another sender
}

// hearRefusals listens until the end of the test.
func hearRefusals(t *testing.T, n *lab.Namespace) *refusals {
	t.Helper()
	r := &refusals{from: map[string]bool{}, more: make(chan struct{}, 1)}
	station, err := n.OpenStation("eth0", r.hear)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { station.Close() })
	return r
}

func (r *refusals) hear(frame []byte) [][]byte {
	// Ethernet, IPv6, type and MTU, then the packet that it is about.
	if !lab.ICMPv6Type(2)(frame) || !counted(frame[headers+8:]) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.from[netip.AddrFrom16([16]byte(frame[22:38])).String()] = true
	select {
	case r.more <- struct{}{}:
	default:
	}
	return nil
}

// senders waits for as many senders, as a liar is slower than a kernel, and returns those that there are.
func (r *refusals) senders(ctx context.Context, least int) []string {
	for {
		r.mu.Lock()
		all := slices.Sorted(maps.Keys(r.from))
		r.mu.Unlock()
		if len(all) >= least {
			return all
		}
		select {
		case <-r.more:
		case <-ctx.Done():
			return all
		}
	}
}
