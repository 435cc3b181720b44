package resolve

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// byUnicast has a station answer only what goes to its own Ethernet address, without O and the option, as Linux does.
func byUnicast(mac string) neighbors {
	return func(q question) []reply {
		if q.mac != mac {
			return nil
		}
		return []reply{{ms, answer{mac: mac, flags: 0x40}.frame()}}
	}
}

// TestClaim: what O says, and where it says nothing.
func TestClaim(t *testing.T) {
	linux := func(mac string) neighbors { // O only in answers to multicast
		return func(q question) []reply {
			if !strings.HasPrefix(q.mac, "33:33:") {
				return byUnicast(mac)(q)
			}
			return host(mac, 0x60, ms)(q)
		}
	}
	l := testLink()
	l.Cached = packet.MAC(craft.MAC(otherMAC))
	alive := func(mac string) neighbors { // it is heard to send, so that it is asked there
		return func(q question) []reply {
			return []reply{{ms, craft.Frame(mac, target, "ff02::2", craft.RS())}}
		}
	}
	for _, c := range []struct {
		name      string
		neighbors neighbors
		claim     Claim
		known     []bool
		found     []string
		detail    string
	}{
		{"one, its group lost", except(linux(otherMAC), func(q question) bool { return strings.HasPrefix(q.mac, "33:33:") }), Shared, []bool{false},
			[]string{"ns.unanswered error"}, "without an answer"},
		{"two, their groups lost", all(alive(oneMAC), byUnicast(oneMAC), byUnicast(otherMAC)), Unclear, []bool{false, false},
			[]string{"ns.unanswered error", "nd.duplicate-address error"}, "Whether it is an anycast address, which several may have, cannot be known"},
		{"two", all(linux(oneMAC), linux(otherMAC)), Duplicate, []bool{true, true}, []string{"nd.duplicate-address error"}, ""},
		{"one with O, and one whose group is lost", all(linux(oneMAC), func(q question) []reply {
			if q.mac != oneMAC { // a switch that floods hands it to both
				return nil
			}
			return byUnicast(otherMAC)(question{mac: otherMAC})
		}), Unclear, []bool{true, false}, []string{"nd.duplicate-address error"}, "cannot be known"},
		{"no option, so no O", once(answer{flags: 0x40}.frame()), Shared, []bool{false}, []string{"na.missing-tlla warning"}, ""},
		{"anycast", all(host(oneMAC, 0x40, ms), host(otherMAC, 0x40, ms)), Shared, []bool{true, true}, []string{"nd.duplicate-address info"}, "no duplicate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, r, found := run(t, l, 0, c.neighbors)
			var known []bool
			for i := range r.Stations {
				known = append(known, r.Stations[i].OverrideKnown)
			}
			if r.Claim() != c.claim || !slices.Equal(known, c.known) {
				t.Errorf("claim %d, want %d; known %v, want %v", r.Claim(), c.claim, known, c.known)
			}
			if got := rules(found); !slices.Equal(got, c.found) || !strings.Contains(found[len(found)-1].Detail, c.detail) {
				t.Errorf("found %+v, want %v with %q", found, c.found, c.detail)
			}
		})
	}
}

// TestOwn asks who else has an address of this host's.
func TestOwn(t *testing.T) {
	probe := testLink()
	probe.Own, probe.Source = "eth0", netip.IPv6Unspecified()
	probe.OwnMACs = []packet.MAC{packet.MAC(craft.MAC("02:00:00:00:00:77"))}
	own := probe
	own.Source = testLink().Source
	defends := func(mac string, flags uint8) neighbors {
		return once(answer{mac: mac, dst: "ff02::1", flags: flags, options: [][]byte{craft.TLLA(mac)}}.frame())
	}
	const duplicate = "nd.duplicate-address error"
	for _, c := range []struct {
		name      string
		link      Link
		neighbors neighbors
		sent      string
		found     []string
		detail    string
	}{
		{"nobody", own, nobody, "0 group, 1000 group, 2000 group, 3100 all, 3300 all, 3500 all", nil, ""},
		{"nobody, by probes", probe, nobody, "0 group, 1000 group, 2000 group", nil, ""},
		{"another", own, host(oneMAC, 0x60, ms), "0 group, 1101 one, 1301 one, 1501 one", []string{duplicate},
			oneMAC + " with O=1 answers for " + target + ", this host's own address (eth0)"},
		{"another, by a probe", probe, defends(oneMAC, 0x20), "0 group", []string{duplicate}, oneMAC + " with O=1 answers"},
		{"a proxy, by a probe", probe, defends(oneMAC, 0), "0 group", []string{duplicate}, oneMAC + " with O=0 answers"},
		{"another, its group lost", own, except(host(oneMAC, 0x60, ms), toGroup),
			"0 group, 1000 group, 2000 group, 3100 all, 3101 one, 3301 one, 3501 one", []string{duplicate}, ""},
		{"another announces it", own, defends(oneMAC, 0x20), "0 group, 1101 one, 1301 one, 1501 one", []string{duplicate}, ""},
		{"a proxy", own, host(oneMAC, 0x40, ms), "0 group, 1101 one, 1301 one, 1501 one", []string{"nd.duplicate-address info"}, "no duplicate"},
		{"with the same Ethernet address", probe, defends(ownMAC, 0x20), "0 group", []string{duplicate}, "this host's own Ethernet address"},
		{"this host, by another interface", probe, defends("02:00:00:00:00:77", 0x20), "0 group, 1000 group, 2000 group", nil, ""},
		{"another sends from it", probe, once(craft.Frame(oneMAC, target, "ff02::2", craft.RS())), "0 group, 1000 group, 2000 group",
			[]string{duplicate}, oneMAC + " does not answer for " + target + ", this host's own address, but sent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, r, found := run(t, c.link, 0, c.neighbors)
			if got := timetable(w.sent); got != c.sent || !r.Complete {
				t.Errorf("sent %s, want %s", got, c.sent)
			}
			if got := rules(found); !slices.Equal(got, c.found) || len(found) > 0 && !strings.Contains(found[0].Detail, c.detail) {
				t.Errorf("found %+v, want %v with %q", found, c.found, c.detail)
			}
		})
	}
}

// TestGroupLost compares the words with the evidence.
func TestGroupLost(t *testing.T) {
	l := testLink()
	l.Cached = packet.MAC(craft.MAC(otherMAC))
	heard := func(question) []reply { return []reply{{ms, craft.Frame(oneMAC, target, "ff02::2", craft.RS())}} }
	for _, c := range []struct {
		name              string
		neighbors         neighbors
		detail, fix, lack string
	}{
		{"all nodes answered", except(host(otherMAC, 0x60, ms), toGroup), "1 of 1 to all nodes (ff02::1) and 3 of 3 to its own Ethernet address. " +
			"What is sent to the group is lost", "A bridge or switch with MLD snooping has lost the group", "A filter drops multicast solicitations: "},
		{"all nodes silent", byUnicast(otherMAC), "answers 3 of 3 to its own Ethernet address. Multicast to it is lost, to all nodes (ff02::1) too",
			"A filter drops multicast solicitations", "has lost the group"},
		{"asked elsewhere as well", all(heard, byUnicast(otherMAC)), "answers 3 of 3 to its own", "A filter", "has lost the group"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, r, found := run(t, l, 0, c.neighbors)
			f := found[0]
			if f.Rule != "ns.unanswered" || !strings.Contains(f.Detail, c.detail) || !strings.HasPrefix(f.Fix, c.fix) || strings.Contains(f.Fix, c.lack) {
				t.Errorf("%s\n%s", f.Detail, f.Fix)
			}
			if s := &r.Stations[0]; s.AskedAlone != 3 || s.Answered[Unicast] != 3 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestSlowPlace: an answer that comes while another place is being asked is one to the question that went there.
func TestSlowPlace(t *testing.T) {
	l := testLink()
	l.Cached = packet.MAC(craft.MAC(otherMAC))
	heard := func(question) []reply { return []reply{{ms, craft.Frame(oneMAC, target, "ff02::2", craft.RS())}} }
	slow := func(q question) []reply {
		if q.mac != oneMAC {
			return nil
		}
		return []reply{{500 * ms, answer{flags: 0x40}.frame()}}
	}
	_, r, _ := run(t, l, 0, all(heard, slow, byUnicast(otherMAC)))
	if len(r.Stations) != 2 {
		t.Fatalf("%+v", r.Stations)
	}
	for i := range r.Stations {
		if s := &r.Stations[i]; s.AskedAlone != 3 || s.Answered[Unicast] != 3 {
			t.Errorf("%+v", s)
		}
	}
	if rtt := r.Stations[slices.IndexFunc(r.Stations, func(s Station) bool { return s.MAC.String() == otherMAC })].RTT; rtt[0].Time != ms {
		t.Errorf("%v", rtt)
	}
	rtt := r.Stations[slices.IndexFunc(r.Stations, func(s Station) bool { return s.MAC.String() == oneMAC })].RTT
	if rtt[0].Time != 100*ms || rtt[1].Time != 500*ms || rtt[2].Time != 900*ms {
		t.Errorf("%v", rtt)
	}
}

// TestAlive: any packet with the target's address as source is a sign of life, and tells where to ask.
func TestAlive(t *testing.T) {
	echo := craft.Frame(oneMAC, target, ownLL, craft.Echo(56))
	tcp := craft.EthernetIPv6(oneMAC, ownLL, craft.IPv6(target, ownLL, 64, 6, craft.TCP6(target, ownLL, 22, 40000, make([]byte, 1300))))
	far := testLink()
	far.Prefixes = nil
	for _, c := range []struct {
		name        string
		link        Link
		neighbors   neighbors
		detail, fix string
	}{
		{"silent", testLink(), once(echo), "yet it is alive: 9 packets from it came from " + oneMAC, "Likely causes: (1) solicitations to it or its answers"},
		{"a large packet", testLink(), once(tcp), "yet it is alive: 9 packets from it came from " + oneMAC, "Likely causes: (1) solicitations"},
		{"from afar", far, once(echo), "came through " + oneMAC, "Likely causes: (1) it is behind " + oneMAC},
		{"answers there", testLink(), all(once(echo), byUnicast(oneMAC)), "answers 3 of 3 to its own", "A filter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, _, found := run(t, c.link, 0, c.neighbors)
			if got := timetable(w.sent); !strings.HasSuffix(got, " one, 4800 one, 5000 one") {
				t.Errorf("sent %s", got)
			}
			if f := found[0]; f.Rule != "ns.unanswered" || !strings.Contains(f.Detail, c.detail) || !strings.HasPrefix(f.Fix, c.fix) ||
				strings.Contains(f.Fix, "is down") {
				t.Errorf("%s\n%s", f.Detail, f.Fix)
			}
		})
	}
}
