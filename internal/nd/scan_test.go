package nd

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"v6probe/internal/packet"
)

// nth returns the n-th node of a large network.
func nth(n int) node {
	return node{packet.MAC{2, 0, 0, 1, byte(n >> 8), byte(n)}.String(), fmt.Sprintf("2001:db8::1:%x", n+1)}
}

// empty returns an address that nobody has.
func empty(n int) string { return fmt.Sprintf("2001:db8::dead:%x", n+1) }

// scanBy returns the solicitations of an asker for n targets, each of which it asks for three times.
func scanBy(from, step float64, n int, asker node) []shot {
	once := onceBy(from, step, n, asker, empty)
	return inOrder(once, later(1.02, once), later(2.04, once))
}

// onceBy returns n solicitations of an asker for as many targets.
func onceBy(from, step float64, n int, asker node, target func(int) string) []shot {
	var shots []shot
	for i := range n {
		shots = append(shots, nsFrom(from+step*float64(i), asker, target(i)))
	}
	return shots
}

// later returns the shots once more, some seconds later.
func later(seconds float64, shots []shot) []shot {
	return mapShots(shots, func(x shot) shot {
		x.at += seconds
		return x
	})
}

// twice shows each frame once more, as a mirror port does.
func twice(shots []shot) []shot { return twiceAfter(0.0001, shots) }

func twiceAfter(gap float64, shots []shot) []shot {
	var both []shot
	for _, x := range shots {
		y := x
		y.at += gap
		both = append(both, x, y)
	}
	return both
}

func TestScanNamed(t *testing.T) {
	router := []shot{raFrom(0, nodeR, 1800), nsFrom(0.1, nodeG, nodeR.addr), naFrom(0.101, nodeR, nodeG.addr, flagR|flagS|flagO)}
	end := []shot{tick(100)}
	manySources := func(n int, step float64, target func(int) string) []shot {
		var shots []shot
		for i := range n {
			shots = append(shots, nsFrom(1+step*float64(i), node{nodeB.mac, nth(i).addr}, target(i)))
		}
		return shots
	}
	tests := func(n int, step float64) []shot {
		var shots []shot
		for i := range n {
			shots = append(shots, dadFrom(1+step*float64(i), nth(i).mac, nth(i).addr))
		}
		return shots
	}
	everyone := func(n int, target func(int) string) []shot {
		var shots []shot
		for i := range n {
			shots = append(shots, nsFrom(1+float64(i)/float64(n), nth(i), target(i)))
		}
		return shots
	}
	scanScenes(t, []scene{
		{"a scan from outside", join(router, scanBy(1, 0.02, 300, nodeR), end), "ns.flood",
			"200 addresses that nobody is known to have were asked for within 4.0 s"},
		{"who scans from outside", join(router, scanBy(1, 0.02, 300, nodeR), end), "ns.flood",
			"by router fe80::ff:fe00:1 (02:00:00:00:00:01): someone beyond it scans the prefix"},
		{"as slow as it may be", join(router, scanBy(1, 0.049, 240, nodeR), end), "ns.flood", ""},
		{"at the end of the capture", join(router, scanBy(1, 0.002, 300, nodeR)), "ns.flood", ""},
		{"a host scans", join(router, scanBy(1, 0.02, 300, nodeB), end), "ns.flood",
			"by 2001:db8::b (02:00:00:00:00:0b): it scans the link, or, if it is a router"},
		{"and nobody is heard to answer", join(manySources(300, 0.02, empty), end), "ns.flood", "whether they are answered elsewhere cannot be known"},
		{"a host under many addresses", join(router, manySources(300, 0.02, empty), end), "ns.flood",
			"by one station (02:00:00:00:00:0b) under 250 source addresses: a flood on the link itself"},
		{"many stations", join(router, everyone(300, empty), later(1.1, everyone(300, empty)), end), "ns.flood", "by many stations under 200 source addresses: a flood on the link itself"},
		{"for known targets", manySources(1000, 0.0009, func(int) string { return nodeB.addr }), "ns.flood",
			"by 02:00:00:00:00:0b under 256 or more source addresses"},
		{"one target again and again", every(0, 0.0009, 1100, func(at float64) shot { return nsUnicast(at, nodeB, nodeA.addr) }), "ns.flood", ""},
		{"one target again and again, no Ethernet", every(0, 0.0009, 1100, func(at float64) shot { return raw(nsUnicast(at, nodeB, nodeA.addr)) }),
			"ns.flood", "by 2001:db8::b under 1 source address,"},
		{"a fast scan", scanBy(0, 0.0005, 4000, nodeR), "ns.flood", "by fe80::ff:fe00:1 (02:00:00:00:00:01): it scans the link, or"},
		{"one target again and again, mirrored", twice(every(0, 0.00095, 1100, func(at float64) shot { return nsFrom(at, nodeB, nodeA.addr) })), "ns.flood", ""},
		{"tests for duplicates", tests(3000, 0.0004), "ns.flood", "2000 tests for duplicate addresses came within "},
		{"very many of many", everyone(20_000, func(i int) string { return empty(i % 50) }), "ns.flood", "by many stations under 256 or more source addresses"},
		{"twice", join(router, scanBy(1, 0.02, 300, nodeR), scanBy(60, 0.02, 300, nodeR), end), "ns.flood", ""},
		{"mirrored", join(router, twice(scanBy(1, 0.02, 300, nodeR)), end), "ns.flood", "200 addresses"},
	})
}

func TestScanSilent(t *testing.T) {
	router := []shot{raFrom(0, nodeR, 1800)}
	end := []shot{tick(100)}
	var boot, probed, resolved []shot
	for i := range 500 {
		g, ll := nth(i), node{nth(i).mac, fmt.Sprintf("fe80::1:%x", i+1)}
		at := 1 + 0.1*float64(i)
		boot = append(boot, dadFrom(at, g.mac, ll.addr), dadFrom(at+0.3, g.mac, g.addr),
			nsFrom(at+1.5, ll, nodeR.addr), naFrom(at+1.501, nodeR, ll.addr, flagR|flagS|flagO),
			nsFrom(at+1.6, nodeR, g.addr), naFrom(at+1.601, g, nodeR.addr, flagS|flagO))
	}
	var fast []shot
	for i := range 4000 {
		g := nth(i)
		at := 1 + 0.0005*float64(i)
		fast = append(fast, nsFrom(at, nodeR, g.addr), naFrom(at+0.02, g, nodeR.addr, flagS|flagO))
	}
	for i := range 2000 {
		g := nth(i)
		at := 1 + 0.0001*float64(i)
		probed = append(probed, nsUnicast(at, nodeR, g.addr), naFrom(at+0.02, g, nodeR.addr, flagS))
		probed = append(probed, nsUnicast(at+30, nodeR, g.addr), naFrom(at+30.02, g, nodeR.addr, flagS))
		at = 1 + 0.002*float64(i)
		resolved = append(resolved, nsFrom(at, nodeR, g.addr), naFrom(at+0.02, g, nodeR.addr, flagS|flagO))
	}
	dead := func(i int) string { return empty(i % 3) }
	var hosts []shot
	for i := range 900 {
		hosts = append(hosts, nsFrom(1+float64(i)/100, nth(i%300), dead(i)))
	}
	scanScenes(t, []scene{
		{"500 guests start within a minute", inOrder(router, boot, end), "", ""},
		{"a router checks 2000 neighbors at once", inOrder(router, probed, end), "", ""},
		{"a router resolves 2000 neighbors", inOrder(router, resolved, end), "", ""},
		{"a router that has just started resolves 4000 neighbors in two seconds", inOrder(router, fast, end), "", ""},
		{"not quite as many", join(router, scanBy(1, 0.01, scanTargets-1, nodeR), end), "", ""},
		{"not quite as fast", join(router, scanBy(1, 0.06, 400, nodeR), end), "", ""},
		{"three hundred ask for three dead ones", inOrder(router, hosts, end), "", ""},
		{"one dead one for a long time", join(router, every(1, 0.01, 2000, func(at float64) shot { return nsFrom(at, nodeG, empty(0)) }), end), "", ""},
		{"not quite a thousand, mirrored", join(router, twice(every(1, 0.0011, 900, func(at float64) shot { return nsFrom(at, nodeG, nodeR.addr) })), end), "", ""},
		{"not quite a thousand, mirrored late", join(router, twiceAfter(0.0006, every(1, 0.0011, 900, func(at float64) shot {
			return nsFrom(at, nodeG, nth(int(at*10_000)%2).addr)
		})), end), "", ""},
		{"the capture ends before the answers", mapShots(onceBy(1, 0.0001, 900, nodeR, empty), fromHere), "", ""},
		{"a clock set back", join(scanBy(0, 0.01, 150, nodeR), scanBy(-5000, 0.01, 150, nodeR), []shot{tick(-4990)}), "", ""},
	})
}

// A place that questions to a group pass, and answers do not, as the tap of a guest: what is asked for once may well be there.
func TestScanMulticastOnly(t *testing.T) {
	own := func(at float64, n int) []shot { return []shot{naFrom(at, nth(n), nodeR.addr, flagS|flagO)} }
	guest := func(n int) string { return nth(n).addr }
	few := join(own(0.1, 1), own(0.2, 2))
	var others []shot
	for i := range 400 {
		others = append(others, nsFrom(1+0.02*float64(i), nth(1000+i), guest(i)))
	}
	toldIn := func(x shot) shot { return incoming(x) }
	toldOut := func(x shot) shot { return outgoing(x) }
	restart := onceBy(1, 5.0/300, 300, nodeR, guest)
	end := []shot{tick(100)}
	scanScenes(t, []scene{
		{"a router starts again", inOrder([]shot{raFrom(0, nodeR, 1800)}, restart, own(1.8, 50), end), "ns.flood:info", "cannot be told apart"},
		{"a large network's router starts again", inOrder(onceBy(1, 5.0/1200, 1200, nodeR, guest), own(1.8, 50), end), "ns.flood:info", "cannot be told apart"},
		{"guests look for each other", inOrder([]shot{raFrom(0, nodeR, 1800)}, others, own(1.8, 50), end), "ns.flood:info", "cannot be told apart"},
		{"guests look for each other and for one that is gone", inOrder(others, every(1, 1, 8, func(at float64) shot {
			return nsFrom(at, nodeB, empty(1))
		}), end), "ns.flood:info", "cannot be told apart"},
		{"a router starts again, an uplink", inOrder(mapShots(join(few, own(0.3, 3)), toldOut), mapShots(restart, toldIn), end), "ns.flood:info", "cannot be told apart"},
		{"a router starts again, an answer is flooded", inOrder(mapShots(own(0.1, 1), toldIn), mapShots(restart, toldIn), end), "ns.flood:info", "cannot be told apart"},
		{"a router starts again, a tap without an address", inOrder(mapShots(restart, toldOut), end), "ns.flood:info", "cannot be told apart"},
		{"asks each twice too soon", inOrder(restart, later(0.7, restart), end), "ns.flood:info", "cannot be told apart"},
		{"asks each twice, late", inOrder(restart, later(3.1, restart), end), "ns.flood:info", "cannot be told apart"},
		{"two routers ask for each", inOrder(restart, onceBy(2, 5.0/300, 300, nodeB, guest), end), "ns.flood:info", "cannot be told apart"},
		{"a station with many addresses", inOrder(onceBy(1, 0.02, 300, nodeB, guest), every(1, 0.1, 60, func(at float64) shot {
			return nsFrom(at, node{nodeB.mac, nth(int(at * 10)).addr}, empty(int(at*10)))
		}), end), "ns.flood:info", "cannot be told apart"},

		{"asks each twice", inOrder(restart, later(1, restart), end), "ns.flood", "200 addresses"},
		{"asks each once, from here", inOrder(mapShots(restart, fromHere), end), "ns.flood", ""},
		{"asks each once, on a mirror port", inOrder(mapShots(few, toldIn), mapShots(restart, toldIn), end), "ns.flood", ""},
	})
}

// fromHere returns x as sent by the capturing host.
func fromHere(x shot) shot {
	return on(&packet.Interface{Name: "eth0", HardwareAddr: packet.MAC(x.data[6:12])}, outgoing(x))
}

// scanScenes runs scenes of which only what is said of floods matters.
func scanScenes(t *testing.T, scenes []scene) {
	t.Helper()
	for _, tt := range scenes {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			for _, x := range tt.shots {
				s.play(x)
			}
			got := scanOnly(s)
			for _, f := range s.found {
				if f.Rule == "ns.flood" && (got != tt.want || !strings.Contains(f.Detail, tt.detail)) {
					t.Errorf("%s: %s", f.Rule, f.Detail)
				}
			}
			if got != tt.want {
				t.Errorf("findings %q, want %q", got, tt.want)
			}
		})
	}
}

// scanOnly leaves out what others say of unanswered solicitations.
func scanOnly(s *stage) string {
	var list []string
	for _, id := range strings.Fields(s.end()) {
		if strings.HasPrefix(id, "ns.flood") {
			list = append(list, id)
		}
	}
	return strings.Join(list, " ")
}

func TestScanView(t *testing.T) {
	s := newStage(t)
	s.play(raFrom(0, nodeR, 1800))
	for _, x := range scanBy(1, 0.005, 1000, nodeR) {
		s.play(x)
	}
	s.play(nsFrom(8.03, nodeG, empty(1))) // a part of it for all that can be known
	s.play(tick(8.05))
	if got := scanOnly(s); got != "ns.flood" {
		t.Errorf("findings %q", got)
	}
	got := s.link().Scan
	want := Scan{Solicitations: 2597, Peak: 600, Askers: 2, Asker: addr(nodeR.addr), MAC: hwaddr(nodeR.mac), First: after(1), Last: after(8.035)}
	if got == nil || *got != want {
		t.Errorf("scan %+v, want %+v", got, want)
	}
	l := s.checker.links.order[0]
	for _, tt := range []struct {
		at    float64
		asker node
		want  bool
	}{{8.1, nodeR, true}, {8.1, nodeG, false}, {30, nodeR, false}} {
		s.play(nsFrom(tt.at, nodeG, nodeR.addr))
		if l.scanned(ipOf(addr(tt.asker.addr))) != tt.want {
			t.Errorf("%v s: scanned(%s) is not %v", tt.at, tt.asker.addr, tt.want)
		}
	}
	if newStage(t).checker.Links() != nil || (&link{}).scanned(ip{}) {
		t.Error("a scan of nothing")
	}
}

// A scan of one link does not hide that of another, and does not make one of what is healthy there.
func TestScanOfLinks(t *testing.T) {
	f, s := newFlooder(), newStage(t)
	var slow, healthy []shot
	for i, x := range scanBy(0, 0.03, 300, nodeB) {
		slow = append(slow, on(&packet.Interface{Name: "eth1"}, x))
		eth2, g := &packet.Interface{Name: "eth2"}, nth(i)
		healthy = append(healthy, on(eth2, nsFrom(x.at, nodeR, g.addr)))
		if i%8 == 0 {
			healthy = append(healthy, on(eth2, naFrom(x.at+0.005, g, nodeR.addr, flagS|flagO)))
		} else { // its answer is not seen here, but it is heard of
			healthy = append(healthy, on(eth2, nsFrom(x.at+0.005, g, nodeR.addr)))
		}
	}
	for i := range 100_000 {
		at := float64(i) / 10_000
		slow, healthy = s.playUntil(slow, at), s.playUntil(healthy, at)
		s.play(f.next(at, false))
	}
	if got := scanOnly(s); got != "ns.flood ns.flood" {
		t.Errorf("findings %q", got)
	}
	for _, v := range s.checker.Links() {
		if has := v.Scan != nil; has != (v.Where.Interface != "eth2") {
			t.Errorf("%v: scan %+v", v.Where, v.Scan)
		}
	}
	if n := s.checker.scans.recent.length; n > maxSought {
		t.Errorf("%d targets are kept", n)
	}
}

// playUntil plays the shots up to a time and returns the others.
func (s *stage) playUntil(shots []shot, at float64) []shot {
	for len(shots) > 0 && shots[0].at <= at {
		s.play(shots[0])
		shots = shots[1:]
	}
	return shots
}

// The counts of what is kept stay right whatever comes on however many links.
func TestScanCounts(t *testing.T) {
	f, s := newFlooder(), newStage(t)
	var links []*packet.Interface
	for i := range 64 {
		links = append(links, &packet.Interface{Name: fmt.Sprint("eth", i)})
	}
	for i := range 60_000 {
		x := f.next(float64(i)/3000, false)
		copy(x.data[6:], []byte{2, 0, 0, 0, 0, 0x66})
		s.play(on(links[i%len(links)], x))
	}
	sought, unknown, proven := 0, 0, 0
	for _, l := range s.checker.links.order {
		sought += l.sought
		unknown += l.unknown
		proven += l.proven
		if l.flood == nil {
			t.Errorf("%s: no flood", l.name)
		}
	}
	open, kept, sure := 0, 0, 0
	for i := range int(s.checker.scans.recent.length) {
		_, a := s.checker.scans.recent.at(i)
		if !a.heard {
			open++
		}
		if a.unknown {
			kept++
		}
		if a.unknown && a.proven {
			sure++
		}
	}
	if n := int(s.checker.scans.recent.length); sought != open || unknown != kept || proven != sure || n > maxSought || s.checker.scans.judged > n {
		t.Errorf("%d targets, counted %d; %d unknown, counted %d; %d proven, counted %d; %d judged", n, sought, kept, unknown, sure, proven,
			s.checker.scans.judged)
	}
	for range 3 { // nothing goes on once time has passed
		s.play(tick(100))
	}
	s.checker.sweepScans(false)
	for _, l := range s.checker.links.order {
		if l.sought != 0 || l.unknown != 0 || l.proven != 0 {
			t.Fatalf("%s: %d targets, %d unknown, %d proven", l.name, l.sought, l.unknown, l.proven)
		}
	}
}

func TestScanHeavy(t *testing.T) {
	var h heavy[int]
	for i := range 9000 {
		h.add(i)
		h.add(-1 - i%2)
	}
	if k, n := h.most(); k >= 0 || n < 4500-2000 || n > 4500 || h.count(-1) == 0 || h.count(9999) != 0 {
		t.Errorf("most is %d, %d times: %v", k, n, h)
	}
}

func TestScanAllocations(t *testing.T) {
	s := newStage(t)
	s.play(nsFrom(0, nodeA, nodeB.addr))
	s.packet.Message.Options = nil // the frame's bytes are spoiled
	l := s.checker.links.order[0]
	target := s.packet.Message.Target.As16()
	step := func() {
		target[15]++
		if target[15] == 0 {
			target[14]++
		}
		s.packet.Message.Target = netip.AddrFrom16(target)
		s.packet.Frame.Time = s.packet.Frame.Time.Add(time.Millisecond)
		s.checker.clock.Tick(s.packet.Frame.Time)
		s.checker.this = factsOf(&s.packet)
		s.checker.scan(l, &s.packet)
		l.scanned(ipOf(s.packet.Source))
	}
	for range 30_000 {
		step()
	}
	if l.flood == nil {
		t.Error("no flood")
	}
	if n := testing.AllocsPerRun(1000, step); n > 0 {
		t.Errorf("%v allocations a solicitation", n)
	}
}
