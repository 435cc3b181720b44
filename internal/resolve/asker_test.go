package resolve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

const ms = time.Millisecond

// TestFrame compares a solicitation with one that other code built.
func TestFrame(t *testing.T) {
	l := testLink()
	for _, c := range []struct {
		dst string
		mac string
	}{{groupOf, "33:33:ff:00:00:05"}, {target, oneMAC}, {"ff02::1", "33:33:00:00:00:01"}} {
		ip := craft.IPv6(ownLL, c.dst, 255, 58, craft.ICMPv6(ownLL, c.dst, craft.NS(target, craft.SLLA(ownMAC))))
		copy(ip[1:], []byte{0x0a, 0xbc, 0xde})
		want := craft.Ethernet(craft.MAC(c.mac), craft.MAC(ownMAC), nil, 0x86dd, ip)
		got := solicitation(&l, netip.MustParseAddr(target), netip.MustParseAddr(c.dst), packet.MAC(craft.MAC(c.mac)), 0xfffabcde)
		if !bytes.Equal(got, want) {
			t.Errorf("to %s:\n% x, want\n% x", c.dst, got, want)
		}
	}
}

// TestProbe compares one of duplicate address detection.
func TestProbe(t *testing.T) {
	l := testLink()
	l.Source = netip.IPv6Unspecified()
	ip := craft.IPv6("::", groupOf, 255, 58, craft.ICMPv6("::", groupOf, craft.NS(target)))
	copy(ip[1:], []byte{0x0a, 0xbc, 0xde})
	want := craft.Ethernet(craft.MAC("33:33:ff:00:00:05"), craft.MAC(ownMAC), nil, 0x86dd, ip)
	got := solicitation(&l, netip.MustParseAddr(target), netip.MustParseAddr(groupOf), packet.MAC(craft.MAC("33:33:ff:00:00:05")), 0xfffabcde)
	if !bytes.Equal(got, want) {
		t.Errorf("% x, want\n% x", got, want)
	}
}

func TestAddresses(t *testing.T) {
	a := netip.MustParseAddr("2001:db8::a8bb:ccff:fedd:eeff")
	if g := packet.SolicitedNode(a); g != netip.MustParseAddr("ff02::1:ffdd:eeff") || packet.MulticastMAC(g).String() != "33:33:ff:dd:ee:ff" {
		t.Errorf("%v, %v", g, packet.MulticastMAC(g))
	}
	if mac, ok := embedded(a); !ok || mac.String() != "aa:bb:cc:dd:ee:ff" {
		t.Errorf("%v, %v", mac, ok)
	}
	for _, s := range []string{target, "fe80::300:ff:fe00:1"} { // none, and that of a group
		if mac, ok := embedded(netip.MustParseAddr(s)); ok {
			t.Errorf("%s has %v", s, mac)
		}
	}
}

// TestPlan looks at what is sent, and when.
func TestPlan(t *testing.T) {
	eui := testLink()
	eui.Cached = packet.MAC(craft.MAC(otherMAC))
	for _, c := range []struct {
		name      string
		link      Link
		neighbors neighbors
		want      string
	}{
		{"answers at once", testLink(), host(oneMAC, 0x60, 0), "0 group, 1100 one, 1300 one, 1500 one"},
		{"answers the second", testLink(), func(q question) []reply {
			if q.number == 1 {
				return nil
			}
			return host(oneMAC, 0x60, ms)(q)
		}, "0 group, 1000 group, 2101 one, 2301 one, 2501 one"},
		{"answers late", testLink(), host(oneMAC, 0x60, 900*ms), "0 group, 2000 one, 2200 one, 2400 one"},
		{"two answer", testLink(), all(host(oneMAC, 0x60, ms), host(otherMAC, 0x60, 1000*ms)),
			"0 group, 1101 one, 1301 one, 1501 one, 1501 other, 1701 other, 1901 other"},
		{"nobody", testLink(), nobody, "0 group, 1000 group, 2000 group, 3100 all, 3300 all, 3500 all"},
		{"nobody, not even where it was", eui, nobody,
			"0 group, 1000 group, 2000 group, 3100 all, 3300 all, 3500 all, 4600 other, 4800 other, 5000 other"},
		{"only all nodes", testLink(), func(q question) []reply {
			if q.to == groupOf {
				return nil
			}
			return host(oneMAC, 0x60, ms)(q)
		}, "0 group, 1000 group, 2000 group, 3100 all, 3101 one, 3301 one, 3501 one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, r, _ := run(t, c.link, 0, c.neighbors)
			if got := timetable(w.sent); got != c.want {
				t.Errorf("sent %s, want %s", got, c.want)
			}
			if !r.Complete {
				t.Error("not complete")
			}
		})
	}
}

// timetable says what was sent when, in milliseconds.
func timetable(sent []question) string {
	names := map[string]string{"33:33:ff:00:00:05": "group", "33:33:00:00:00:01": "all", oneMAC: "one", otherMAC: "other"}
	var list []string
	for _, q := range sent {
		list = append(list, fmt.Sprintf("%d %s", q.at.Milliseconds(), names[q.mac]))
	}
	return strings.Join(list, ", ")
}

// TestBurstPlan counts what is sent of each kind, and looks at the pace.
func TestBurstPlan(t *testing.T) {
	const burst = 1000
	limited := func(q question) []reply { // answers one of ten in a burst
		if q.number > 24 && q.number%10 != 0 {
			return nil
		}
		return host(oneMAC, 0x60, ms)(q)
	}
	for _, c := range []struct {
		name      string
		neighbors neighbors
		want      [kinds]int
	}{
		{"all answered", host(oneMAC, 0x60, ms), [kinds]int{Group: 1, Unicast: 3, Slow: 20, Burst: burst}},
		{"limited", limited, [kinds]int{Group: 1, Unicast: 3, Slow: 20, Burst: burst, UnicastBurst: 500}},
		{"nobody", nobody, [kinds]int{Group: 3, AllNodes: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, r, _ := run(t, testLink(), burst, c.neighbors)
			total := 0
			for k, n := range c.want {
				total += n
				if got := r.Counts[k].Sent; got != n {
					t.Errorf("%d of kind %d, want %d", got, k, n)
				}
			}
			if len(w.sent) != total {
				t.Errorf("%d sent, want %d", len(w.sent), total)
			}
			for i := range w.sent[1:] {
				if gap := w.sent[i+1].at - w.sent[i].at; gap < 2*ms && i != 3 && i != 23 { // where another kind begins
					t.Errorf("%v between %d and %d", gap, i+1, i+2)
				}
			}
			if rate := r.Counts[Burst].Rate(); r.Counts[Burst].Sent > 0 && (rate < 499 || rate > 501) {
				t.Errorf("%v a second", rate)
			}
		})
	}
}

func TestRunEnds(t *testing.T) {
	// Its end is no error, and silence proves less.
	for _, c := range []struct {
		name      string
		after     time.Duration
		neighbors neighbors
		sent      int
		untold    bool
		found     []string
	}{
		{"after one question", 50 * ms, nobody, 1, true, nil},
		{"after two", 1500 * ms, nobody, 2, true, nil},
		{"while the third may be answered", 3000 * ms, nobody, 3, true, nil},
		{"after what hosts wait", 3150 * ms, nobody, 4, false, []string{"ns.unanswered error"}},
		{"after an answer", 50 * ms, host(oneMAC, 0x60, ms), 1, false, nil},
		{"after two", 50 * ms, all(host(oneMAC, 0x60, ms), host(otherMAC, 0x60, ms)), 1, false, []string{"nd.duplicate-address error"}},
	} {
		withContext(t, c.after, func(ctx context.Context) {
			tracker := NewTracker(testLink(), netip.MustParseAddr(target), 0)
			w := newWire(t, tracker, c.neighbors)
			if err := NewAsker(tracker, w).Run(ctx); err != nil {
				t.Error(err)
			}
			r := tracker.Result()
			found := tracker.Finish(true)
			if len(w.sent) != c.sent || r.Complete || r.Untold() != c.untold || !slices.Equal(rules(found), c.found) {
				t.Errorf("%s: %d sent, complete %v, untold %v, found %+v", c.name, len(w.sent), r.Complete, r.Untold(), found)
			}
			if len(found) > 0 && found[0].Rule == "ns.unanswered" && !strings.Contains(found[0].Detail, "ended early") {
				t.Errorf("%s: %s", c.name, found[0].Detail)
			}
		})
	}
	// What could not be sent was not asked.
	withContext(t, time.Minute, func(ctx context.Context) {
		tracker := NewTracker(testLink(), netip.MustParseAddr(target), 0)
		w := newWire(t, tracker, nobody)
		w.fail, w.failAt = errors.New("network is down"), 2
		err := NewAsker(tracker, w).Run(ctx)
		if err == nil || err.Error() != "eth0: neighbor solicitation: network is down" {
			t.Error(err)
		}
		if r := tracker.Result(); r.Complete || r.Counts[Group].Sent != 1 || tracker.lost(Group) != 1 {
			t.Errorf("%+v", r)
		}
	})
}
