package resolve

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// answer returns a frame for the one who asks, about target, with parts of it changed.
type answer struct {
	mac, src, dst string
	hopLimit      uint8
	flags         uint8
	options       [][]byte
	damage        func(icmp []byte)
}

func (a answer) frame() []byte {
	if a.mac == "" {
		a.mac = oneMAC
	}
	if a.src == "" {
		a.src = target
	}
	if a.dst == "" {
		a.dst = ownLL
	}
	if a.hopLimit == 0 {
		a.hopLimit = 255
	}
	message := craft.ICMPv6(a.src, a.dst, craft.NA(a.flags, target, a.options...))
	if a.damage != nil {
		a.damage(message)
	}
	to := craft.MAC(ownMAC)
	if strings.HasPrefix(a.dst, "ff") {
		to = craft.MulticastMAC(a.dst)
	}
	return craft.Ethernet(to, craft.MAC(a.mac), nil, 0x86dd, craft.IPv6(a.src, a.dst, a.hopLimit, 58, message))
}

// once returns neighbors that answer every question with the frames given, a millisecond after it.
func once(frames ...[]byte) neighbors {
	return func(question) (r []reply) {
		for _, f := range frames {
			r = append(r, reply{ms, f})
		}
		return r
	}
}

// TestAnswers gives the tracker answers of every kind.
func TestAnswers(t *testing.T) {
	tlla := [][]byte{craft.TLLA(oneMAC)}
	for _, c := range []struct {
		name  string
		frame []byte
		want  string // the stations
		found []string
	}{
		{"router", answer{flags: 0xe0, options: tlla}.frame(), oneMAC + " from " + target + " RSO", nil},
		{"host", answer{flags: 0x60, options: tlla}.frame(), oneMAC + " from " + target + " SO", nil},
		{"proxy", answer{src: craft.RouterLL, flags: 0x40, options: tlla}.frame(), oneMAC + " from " + craft.RouterLL + " S", nil},
		{"not solicited", answer{flags: 0x20, options: tlla}.frame(), oneMAC + " from " + target + " O", nil},
		{"virtual MAC", answer{mac: otherMAC, flags: 0x60, options: tlla}.frame(),
			oneMAC + " (" + otherMAC + ") from " + target + " SO", nil},
		{"no option", answer{flags: 0x60}.frame(), oneMAC + " from " + target + " SO", []string{"na.missing-tlla warning"}},
		{"option of a group", answer{flags: 0x60, options: [][]byte{craft.TLLA("33:33:00:00:00:01")}}.frame(),
			oneMAC + " from " + target + " SO", []string{"na.missing-tlla warning"}},
		{"wrong target", craft.Ethernet(craft.MAC(ownMAC), craft.MAC(oneMAC), nil, 0x86dd, craft.IPv6(target, ownLL, 255, 58,
			craft.ICMPv6(target, ownLL, craft.NA(0x60, "fd17:625c:f037:2::6", tlla...)))), "", []string{"ns.unanswered error"}},
		{"to all", answer{dst: "ff02::1", flags: 0x20, options: tlla}.frame(), "", []string{"ns.unanswered error"}},
		{"to another", answer{dst: "fe80::9", flags: 0x60, options: tlla}.frame(), "", []string{"ns.unanswered error"}},
		{"hop limit", answer{hopLimit: 254, flags: 0x60, options: tlla}.frame(), "",
			[]string{"nd.hop-limit error", "ns.unanswered error"}},
		{"checksum", answer{flags: 0x60, options: tlla, damage: func(b []byte) { b[2] ^= 1 }}.frame(), "",
			[]string{"icmp.checksum error", "ns.unanswered error"}},
		{"code", answer{flags: 0x60, options: tlla, damage: func(b []byte) { b[1]++; b[3]-- }}.frame(), "",
			[]string{"nd.code error", "ns.unanswered error"}},
		{"solicited, to all", answer{dst: "ff02::1", flags: 0x60, options: tlla}.frame(), "",
			[]string{"na.solicited-to-multicast error", "ns.unanswered error"}},
		{"option of length zero", answer{flags: 0x60, options: [][]byte{craft.WithLength(craft.TLLA(oneMAC), 0)}}.frame(), "",
			[]string{"nd.opt-len-zero error", "ns.unanswered error"}},
		{"option too long", answer{flags: 0x60, options: [][]byte{craft.WithLength(craft.TLLA(oneMAC), 2)}}.frame(), "",
			[]string{"nd.opt-overrun error", "ns.unanswered error"}},
		{"in a VLAN", craft.Ethernet(craft.MAC(ownMAC), craft.MAC(oneMAC), []uint16{100}, 0x86dd, answer{flags: 0x60, options: tlla}.frame()[14:]),
			"", []string{"ns.unanswered error"}},
		{"priority tag", craft.Ethernet(craft.MAC(ownMAC), craft.MAC(oneMAC), []uint16{0}, 0x86dd, answer{flags: 0x60, options: tlla}.frame()[14:]),
			oneMAC + " from " + target + " SO", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, r, found := run(t, testLink(), 0, once(c.frame))
			var stations []string
			for _, s := range r.Stations {
				text := s.MAC.String()
				if s.EthernetSource != s.MAC {
					text += " (" + s.EthernetSource.String() + ")"
				}
				text += " from " + s.Source.String() + " " + flags(&s)
				stations = append(stations, text)
			}
			if got := strings.Join(stations, ", "); got != c.want {
				t.Errorf("stations %q, want %q", got, c.want)
			}
			got := slices.Compact(rules(found))
			if !slices.Equal(got, c.found) {
				t.Errorf("found %q, want %q", got, c.found)
			}
			if len(r.Stations) > 0 && (r.Counts[Group].Answered != 1 || r.Counts[Unicast].Answered != 3) {
				t.Errorf("%+v", r.Counts)
			}
		})
	}
}

func flags(s *Station) string {
	text := ""
	for i, set := range []bool{s.Router, s.Solicited, s.Override} {
		if set {
			text += "RSO"[i : i+1]
		}
	}
	return text
}

// TestRTT matches answers to questions.
func TestRTT(t *testing.T) {
	for _, c := range []struct {
		name      string
		neighbors neighbors
		want      string
	}{
		{"one", host(oneMAC, 0x60, 120*time.Microsecond), "120µs 120µs 120µs 120µs"},
		{"late, by unicast slower", func(q question) []reply {
			if q.to == groupOf {
				return host(oneMAC, 0x60, 950*ms)(q)
			}
			return host(oneMAC, 0x60, ms)(q)
		}, "950ms 1ms 1ms 1ms"},
		{"every answer twice", all(host(oneMAC, 0x60, ms), host(oneMAC, 0x60, 2*ms)), "1ms 1ms 1ms 1ms"},
		{"the second is lost", func(q question) []reply {
			if q.number == 3 {
				return nil
			}
			return host(oneMAC, 0x60, ms)(q)
		}, "1ms 1ms 1ms"},
		{"without option by unicast", func(q question) []reply {
			if q.to == groupOf {
				return host(oneMAC, 0x60, ms)(q)
			}
			return []reply{{ms, answer{flags: 0x60}.frame()}}
		}, "1ms 1ms 1ms 1ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, r, found := run(t, testLink(), 0, c.neighbors)
			var rtts []string
			for _, rtt := range r.Stations[0].RTT {
				rtts = append(rtts, rtt.Time.String())
			}
			if got := strings.Join(rtts, " "); got != c.want || len(r.Stations) != 1 || len(found) != 0 {
				t.Errorf("%s, want %s; %d stations, found %v", got, c.want, len(r.Stations), found)
			}
		})
	}
}

// TestOwnOnly: what this host's kernel asks, or a guest on a tap, is no question of the asker's.
func TestOwnOnly(t *testing.T) {
	tracker := NewTracker(testLink(), netip.MustParseAddr(target), 0)
	w := newWire(t, tracker, nobody)
	kernel := craft.Frame(ownMAC, ownLL, groupOf, craft.NS(target, craft.SLLA(ownMAC)))
	guest := craft.Frame(otherMAC, ownLL, groupOf, craft.NS(target, craft.SLLA(otherMAC)))
	w.see(kernel, packet.Outgoing)
	w.see(guest, packet.Outgoing)
	w.see(na(oneMAC, 0x60), packet.Incoming) // nobody has asked yet
	tracker.announce(Group)
	w.see(kernel, packet.Outgoing)
	w.see(guest, packet.Outgoing)
	if r := tracker.Result(); r.Counts[Group].Sent != 0 || len(r.Stations) != 0 {
		t.Errorf("%+v", r)
	}
	l := testLink()
	own := solicitation(&l, tracker.target, tracker.group, packet.MulticastMAC(tracker.group), tracker.flowLabel)
	w.see(own, packet.Outgoing)
	w.see(own, packet.Outgoing) // more than was announced
	w.see(na(oneMAC, 0x60), packet.Incoming)
	if r := tracker.Result(); r.Counts[Group].Sent != 1 || len(r.Stations) != 1 || r.Heard.Packets != 2 {
		t.Errorf("%+v", r)
	}
	if tracker.Finish(false); len(tracker.findings) != 0 {
		t.Errorf("%+v", tracker.findings)
	}
}

// TestBounds has a thousand stations answer.
func TestBounds(t *testing.T) {
	many := func(q question) (r []reply) {
		for i := range 1000 {
			r = append(r, reply{ms, na(fmt.Sprintf("02:00:00:01:%02x:%02x", i>>8, i&0xff), 0x60)})
		}
		return r
	}
	_, r, found := run(t, testLink(), 50, many)
	if len(r.Stations) != maxStations || !r.More || r.Heard.Stations != maxHeard || r.Counts[Burst].Answered != 50 {
		t.Errorf("%d stations, %d heard, %+v", len(r.Stations), r.Heard.Stations, r.Counts)
	}
	if got := rules(found); !slices.Equal(got, []string{"nd.duplicate-address error"}) {
		t.Errorf("found %v", got)
	}
	for _, s := range r.Stations {
		if len(s.RTT) > 1+maxStations*Tries+slowCount {
			t.Errorf("%d times of %v", len(s.RTT), s.MAC)
		}
	}
}

// TestChatter: who answers every question of a burst three times fills no more memory.
func TestChatter(t *testing.T) {
	one := host(oneMAC, 0x60, ms)
	w, r, _ := run(t, testLink(), 50, all(one, one, one))
	if n := len(w.tracker.stations[0].times[0]); n != 50 || r.Counts[Burst].Answered != 50 || r.Stations[0].Answers != 3*74 {
		t.Errorf("%d times, %+v", n, r)
	}
}

// TestHeard has others speak while nobody answers.
func TestHeard(t *testing.T) {
	tests := []struct {
		name        string
		frame       []byte
		detail, fix string
	}{
		{"nothing", nil, "no other ICMPv6 was heard on eth0 meanwhile", "(1) the machine is down or lacks the address"},
		{"somebody else", craft.Frame(otherMAC, "fe80::6", "ff02::2", craft.RS()),
			"6 packets of 1 other station heard meanwhile", "(1) the machine is down or lacks the address"},
		{"the target", craft.Frame(oneMAC, target, craft.AllNodes, craft.NA(0x20, "fe80::9")),
			"yet it is alive: it sent neighbor discovery from " + oneMAC, "(1) solicitations to it or its answers to this host are filtered"},
		{"a test", craft.Frame(oneMAC, "::", groupOf, craft.NS(target)), oneMAC + " is testing whether the address is free", "(1) the machine is down"},
		{"others ask", craft.Frame(otherMAC, "fe80::6", groupOf, craft.NS(target)), "others ask for it too (6 times", "(1) the machine is down"},
		{"others are answered", answer{dst: "fe80::9", flags: 0x60}.frame(), "yet it is alive", "(1) solicitations to it"},
		{"announced", answer{src: "fe80::9", dst: "ff02::1", flags: 0x20}.frame(), "yet an advertisement for it went to all", "(1) solicitations"},
		{"damaged", answer{hopLimit: 64, flags: 0x60}.frame(), "no answer, except such as hosts drop (nd.hop-limit)", "(1) its answers are damaged"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			n := nobody
			if c.frame != nil {
				n = func(q question) []reply {
					if q.to == target { // it was heard: not more than a row can count
						return nil
					}
					return []reply{{ms, c.frame}}
				}
			}
			_, _, found := run(t, testLink(), 0, n)
			f := found[len(found)-1]
			if f.Rule != "ns.unanswered" || !strings.Contains(f.Detail, c.detail) || !strings.Contains(f.Fix, c.fix) {
				t.Errorf("%s\n%s\nwant %q and %q", f.Detail, f.Fix, c.detail, c.fix)
			}
		})
	}
	l := testLink()
	l.Prefixes = nil
	_, _, found := run(t, l, 0, nobody)
	if !strings.Contains(found[0].Fix, "(1) it is on another link: eth0 has no address in its prefix") {
		t.Error(found[0].Fix)
	}
}

// TestHeld: what a filter of this host's holds back was not asked.
func TestHeld(t *testing.T) {
	tracker := NewTracker(testLink(), netip.MustParseAddr(target), 10)
	w := newWire(t, tracker, nobody)
	l := testLink()
	for _, c := range []struct {
		kind Kind
		dst  netip.Addr
		held int
	}{{Group, tracker.group, 1}, {Unicast, tracker.target, 2}, {Slow, tracker.group, 0}, {Burst, tracker.group, 2}, {UnicastBurst, tracker.target, 1}} {
		for n := range 3 {
			tracker.announce(c.kind)
			if n >= c.held {
				w.see(solicitation(&l, tracker.target, c.dst, packet.MAC{2}, tracker.flowLabel), packet.Outgoing)
				w.see(na(oneMAC, 0x60), packet.Incoming)
			}
		}
		if got := tracker.Result().Counts[c.kind]; got.Sent != 3-c.held || got.Answered != got.Sent || got.Held != c.held {
			t.Errorf("kind %d: %+v", c.kind, got)
		}
	}
	if c := tracker.Result().Total(); c.Sent != 9 || c.Held != 6 {
		t.Errorf("%+v", c)
	}
	tracker.finished()
	if found := tracker.Finish(true); !slices.Equal(rules(found), []string{"nd.rate-limited warning"}) ||
		!strings.Contains(found[0].Detail, "of 3 solicitations at 500 a second only 1 left this host") {
		t.Errorf("found %+v", found)
	}
}

// TestKernelAsks: the kernel asks for the target by unicast, and has its answer; the asker has none.
func TestKernelAsks(t *testing.T) {
	kernel := craft.Ethernet(craft.MAC(oneMAC), craft.MAC(ownMAC), nil, 0x86dd,
		craft.IPv6(ownLL, target, 255, 58, craft.ICMPv6(ownLL, target, craft.NS(target, craft.SLLA(ownMAC)))))
	tracker := NewTracker(testLink(), netip.MustParseAddr(target), 0)
	w := newWire(t, tracker, nobody)
	l := testLink()
	ask := func() {
		tracker.announce(Group)
		w.see(solicitation(&l, tracker.target, tracker.group, packet.MulticastMAC(tracker.group), tracker.flowLabel), packet.Outgoing)
	}
	ask()
	w.see(kernel, packet.Outgoing)
	w.see(answer{flags: 0x40}.frame(), packet.Incoming)
	if r := tracker.Result(); len(r.Stations) != 0 || len(w.found) != 0 {
		t.Errorf("%+v, found %v", r, w.found)
	}
	// It has one answer only: a second is the asker's, and so is one after the asker asked again.
	w.see(na(oneMAC, 0x60), packet.Incoming)
	ask()
	w.see(na(oneMAC, 0x60), packet.Incoming)
	if r := tracker.Result(); len(r.Stations) != 1 || r.Counts[Group].Answered != 2 {
		t.Errorf("%+v", r)
	}
}

// TestPlaces: where the target may be is asked by unicast, each place once.
func TestPlaces(t *testing.T) {
	const eui = "fe80::ff:fe00:5"
	synctest.Test(t, func(t *testing.T) {
		l := testLink()
		l.Cached = packet.MAC(craft.MAC(oneMAC))
		tracker := NewTracker(l, netip.MustParseAddr(eui), 0)
		w := newWire(t, tracker, nobody)
		if got := fmt.Sprint(tracker.places()); got != "["+oneMAC+"]" {
			t.Errorf("%s", got)
		}
		w.see(craft.Frame(otherMAC, eui, "ff02::2", craft.RS()), packet.Incoming)
		if got := fmt.Sprint(tracker.places()); got != "["+otherMAC+" "+oneMAC+"]" {
			t.Errorf("%s", got)
		}
	})
}
