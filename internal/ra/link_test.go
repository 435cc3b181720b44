package ra

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

func TestPicture(t *testing.T) {
	s := newStage(t, Options{})
	s.iface = &packet.Interface{Name: "eth0", MTU: 1500, HardwareAddr: packet.MAC(craft.MAC(craft.GuestMAC))}
	s.play(shot{at: -1, data: tagged(dhcp(0, 1, 1).data)}) // no RA or RS, and before all others
	s.play(ra(0, healthy(craft.RDNSS(600, "2001:db8::53"), craft.RDNSS(600, "2001:db8::54"))))
	s.play(ra(10, prefixed(craft.PIO("2001:db8::1", 64, 0xc0, 86000, 14000), craft.PIO("2001:db8:2::", 64, 0xc0, 86400, 14400))))
	s.play(raTo(11, craft.GuestLL, healthy(craft.RDNSS(600, "2001:db8::55"))))
	own := rs(12)
	own.change = func(f *packet.Frame) { f.Direction = packet.Outgoing }
	s.play(own)
	bad := ra(31, healthy())
	bad.data[21] = 64
	s.play(bad)
	inner := toAll(healthy(craft.MTU(1400)))
	s.play(shot{at: 32, data: craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 0x0800, craft.VXLAN("10.0.0.1", "10.0.0.2", 8472, 5001, inner))})

	links := s.checker.Links()
	if len(links) != 2 || links[0].Where.String() != "eth0" || links[1].Where.String() != "eth0 vni 5001" {
		t.Fatalf("links %v", links)
	}
	l := links[0]
	if l.MTU != 1500 || l.HardwareAddr.String() != craft.GuestMAC || links[1].MTU != 0 || l.DHCPv6Asked {
		t.Errorf("link %+v", l)
	}
	if got := fmt.Sprint(l.Prefixes()); got != "[2001:db8::/64 2001:db8:2::/64]" {
		t.Errorf("prefixes %s", got)
	}
	if len(l.Hosts) != 1 || !l.Hosts[0].Outgoing {
		t.Errorf("hosts %+v", l.Hosts)
	}
	if len(l.Routers) != 1 || len(links[1].Routers) != 1 {
		t.Fatalf("%d routers", len(l.Routers))
	}
	r := l.Routers[0]
	if r.Source != addr(craft.RouterLL) || !r.HasMAC || r.Outgoing || r.Count != 4 || r.Accepted != 3 || r.FirstFrame != 2 || r.LastFrame != 6 ||
		!r.First.Equal(start) || !r.Last.Equal(start.Add(31*time.Second)) || r.MinGap != 10*time.Second || r.MaxGap != 21*time.Second || r.Cut {
		t.Errorf("router %+v", r)
	}
	if !slices.Equal(r.Dropped, []rule.ID{"nd.hop-limit"}) || r.Fields.RouterLifetime != 1800 || r.Fields.CurHopLimit != 64 {
		t.Errorf("dropped %v, fields %+v", r.Dropped, r.Fields)
	}
	if got, want := describe(r), "prefix 86400, slla, rdnss 2001:db8::55, prefix 86400"; got != want {
		t.Errorf("options %q, want %q", got, want)
	}
	s.play(shot{at: 33, data: craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 0x0800, craft.VXLAN("10.0.0.3", "10.0.0.2", 8472, 5001, inner))})
	if tun := links[1].Routers[0].Tunnels; len(tun) != 1 || tun[0].Source != addr("10.0.0.3") {
		t.Errorf("tunnels %+v", tun)
	}
	if tun := links[1].Routers[0].Tunnels; len(tun) != 1 || tun[0].VNI != 5001 || len(r.Tunnels) != 0 {
		t.Errorf("tunnels %+v", tun)
	}
}

// describe returns the options of r in short.
func describe(r *Router) string {
	s := ""
	for i, o := range r.Options {
		if i > 0 {
			s += ", "
		}
		if p, ok := o.PrefixInformation(); ok {
			s += fmt.Sprintf("prefix %d", p.ValidLifetime)
		} else if d, ok := o.RDNSS(); ok {
			s += "rdnss " + d.Server(0).String()
		} else if _, ok := o.LinkLayerAddress(); ok {
			s += "slla"
		} else {
			s += o.Type.String()
		}
	}
	return s
}

func TestNeverAccepted(t *testing.T) {
	s := newStage(t, Options{})
	from := func(src string, msg []byte) shot {
		return shot{data: craft.Frame(craft.RouterMAC, src, craft.AllNodes, msg)}
	}
	s.play(from("2001:db8::1", healthy()))
	l := s.checker.Links()[0]
	r := l.Routers[0]
	if r.Accepted != 0 || len(r.Dropped) != 1 || r.Fields.RouterLifetime != 1800 || len(r.Options) != 2 || len(l.Prefixes()) != 0 {
		t.Errorf("router %+v, prefixes %v", r, l.Prefixes())
	}
	// What receivers dropped is gone from the picture once there is an RA that they accept.
	s = newStage(t, Options{})
	bad := ra(0, healthy(craft.MTU(1500)))
	bad.data[21] = 1
	s.play(bad)
	s.play(ra(0.001, goodRA.Message(craft.SLLA(craft.RouterMAC))))
	if r := s.checker.Links()[0].Routers[0]; r.Accepted != 1 || len(r.Dropped) != 0 || describe(r) != "slla" {
		t.Errorf("router %+v", r)
	}
}

// A forwarded copy, which receivers drop, does not take the place of the RA itself.
func TestDroppedCopy(t *testing.T) {
	for _, order := range [][2]uint8{{254, 255}, {255, 254}} {
		s := newStage(t, Options{})
		for i, hops := range order {
			x := ra(float64(i)/1000, healthy())
			x.data[21] = hops
			s.play(x)
		}
		if r := s.checker.Links()[0].Routers[0]; r.Accepted != 1 || r.Count != 2 {
			t.Errorf("hop limits %v: %+v", order, r)
		}
	}
}

// Where the capture does not know its own address, what goes out is taken for its own; on a tap that does, it is not.
func TestSentHere(t *testing.T) {
	for _, tt := range []struct {
		own  packet.MAC
		want bool
	}{{packet.MAC{}, true}, {packet.MAC(craft.MAC(craft.RouterMAC)), true}, {packet.MAC{0xfe, 1}, false}} {
		s := newStage(t, Options{})
		x := ra(0, healthy())
		x.change = func(f *packet.Frame) {
			f.Direction, f.Interface = packet.Outgoing, &packet.Interface{Name: "eth0", HardwareAddr: tt.own}
		}
		s.play(x)
		if got := s.checker.Links()[0].Routers[0].Outgoing; got != tt.want {
			t.Errorf("interface %v: outgoing %v", tt.own, got)
		}
	}
}

// A million forged sources: the flood is named once, memory stays bounded, the filters of passed included, and the genuine router is still there.
func TestFlood(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 50_000
	}
	s := newStage(t, Options{})
	genuine, forged := toAll(goodRA.Message(goodPIO)), toAll(goodRA.Message(goodPIO))
	for at := range 2 {
		s.play(shot{at: float64(10*at - 20), data: genuine})
	}
	heap := heapInUse()
	for i := range n {
		f := s.forge(forged, i)
		if i%5000 == 0 {
			f.Data = genuine
		}
		if s.decoder.Decode(&f, &s.packet) {
			s.found = append(s.found, s.checker.Packet(&s.packet)...)
		}
	}
	if grown := heapInUse() - heap; grown > 4<<20+8<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	l := s.checker.Links()[0]
	if len(l.Routers) > maxRouters || len(l.routers) != len(l.Routers) || s.checker.routers != len(l.Routers) || l.EvictedRouters < uint64(n)*9/10 {
		t.Errorf("%d routers, %d evicted", len(l.Routers), l.EvictedRouters)
	}
	if r := l.Routers[0]; r.Source != addr(craft.RouterLL) || r.Count != uint64(n/5000+2) {
		t.Errorf("the genuine router is %+v", l.Routers[0])
	}
	if got := s.end(); got != "ra.flood" {
		t.Errorf("findings %.200s", got)
	}
}

// forge returns a frame with the RA in data from a sender of its own, 1 ms after the one before.
func (s *stage) forge(data []byte, i int) packet.Frame {
	data[6] = 2
	for k := range 4 {
		data[11-k], data[37-k] = byte(i>>(8*k)), byte(i>>(8*k)) // Ethernet and IPv6 source
	}
	return packet.Frame{Number: uint64(i + 3), Time: start.Add(time.Duration(i) * time.Millisecond), Data: data, Length: len(data),
		LinkType: packet.LinkTypeEthernet, Interface: s.iface, Offload: true} // the checksum is not worth the time
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Whatever number of links, hosts, prefixes and options somebody makes up, what is kept is bounded.
func TestBounds(t *testing.T) {
	s := newStage(t, Options{})
	for i := range 3000 {
		data := tagged(toAll(healthy(craft.RDNSS(600, "2001:db8::53"))))
		data[14], data[15] = byte(i>>8)&0x0f, byte(i)
		s.play(shot{at: float64(i) / 10, data: data})
	}
	if n := len(s.checker.links); n > maxLinks || n != len(s.checker.Links()) || n != s.checker.routers {
		t.Errorf("%d links, %d shown, %d routers", n, len(s.checker.Links()), s.checker.routers)
	}

	s = newStage(t, Options{})
	for i := range 5000 {
		mac := packet.MAC{2, 0, 0, 1, byte(i >> 8), byte(i)}.String()
		s.play(shot{at: float64(i) / 100, data: craft.Frame(mac, fmt.Sprintf("fe80::%x", i+1), craft.AllRouters, craft.RS())})
	}
	l := s.checker.Links()[0]
	if n := len(l.Hosts); n > maxHosts || n != len(l.hosts) || len(l.waiting) > n || l.EvictedHosts != uint64(5000-n) {
		t.Errorf("%d hosts, %d waiting, %d evicted", n, len(l.waiting), l.EvictedHosts)
	}
	if h := l.Hosts[len(l.Hosts)-1]; h.Source != addr("fe80::1388") {
		t.Errorf("the newest host is %v", h.Source)
	}

	for _, tt := range []struct{ options, size int }{{1, 8}, {1, 400}, {150, 8}, {150, 64}, {30, 2000}} {
		s = newStage(t, Options{})
		for i := range 200 {
			var options []byte
			for k := range tt.options {
				options = append(options, craft.PIO(fmt.Sprintf("2001:db8:%x:%x::", i, k), 64, 0xc0, 86400, 14400)...)
				options = append(options, craft.Option(uint8(100+(i+k)%100), make([]byte, tt.size-2))...)
			}
			s.play(ra(10*float64(i), goodRA.Message(options)))
		}
		checkBounds(t, s)
		s.play(ra(3000, healthy()))
		checkBounds(t, s)
		if l := s.checker.Links()[0]; !slices.Contains(l.Prefixes(), netip.MustParsePrefix("2001:db8::/64")) {
			t.Errorf("the newest prefix is not there: %v", l.Prefixes())
		}
	}
}

// checkBounds checks what the only router of a stage's only link keeps.
func checkBounds(t *testing.T, s *stage) {
	t.Helper()
	l := s.checker.Links()[0]
	r := l.Routers[0]
	if n := len(r.Options); n > maxOptions || len(r.heard) != n || len(r.prefixes) > maxPrefixes || len(l.prefixes) > maxPrefixes || r.size > maxOptionBytes {
		t.Errorf("%d options of %d bytes, %d and %d prefixes", n, r.size, len(r.prefixes), len(l.prefixes))
	}
	size := 0
	for _, o := range r.Options {
		size += len(o.Raw)
	}
	if size != r.size {
		t.Errorf("%d bytes of options, counted %d", size, r.size)
	}
}

// All links together have a bound too.
func TestRoutersOfAllLinks(t *testing.T) {
	s := newStage(t, Options{})
	for i := range 2 * maxAllRouters {
		data := tagged(craft.Frame(craft.RouterMAC, fmt.Sprintf("fe80::%x", i+1), craft.AllNodes, healthy()))
		data[15] = byte(i % 40)
		s.play(shot{at: 100 * float64(i), data: data})
	}
	n := 0
	for _, l := range s.checker.Links() {
		n += len(l.Routers)
	}
	if n > maxAllRouters || n != s.checker.routers {
		t.Errorf("%d routers, counted %d", n, s.checker.routers)
	}
}

// What a forgotten router offered is not held against those that are left.
func TestForgottenOffer(t *testing.T) {
	for _, offer := range [][]byte{goodPIO, nil} {
		s := newStage(t, Options{})
		s.play(ra(0, goodRA.Message(offer)))
		for i := range maxRouters {
			s.play(shot{at: 2 * float64(i+1), data: craft.Frame(otherMAC, fmt.Sprintf("fe80::%x", i+1), craft.AllNodes, goodRA.Message())})
		}
		if l := s.checker.Links()[0]; l.EvictedRouters == 0 || l.Routers[0].Source == addr(craft.RouterLL) {
			t.Fatal("the router is still there")
		}
		if got, want := s.end() == "ra.no-address-source", offer == nil; got != want {
			t.Errorf("offer % x: findings %v", offer, s.found)
		}
	}
}

// A router that repeats itself costs no memory, whether its lifetimes count down or not.
func TestSteadyStateAllocations(t *testing.T) {
	s := newStage(t, Options{})
	every := craft.Join(craft.MTU(1500), craft.RDNSS(600, "2001:db8::53"), craft.DNSSL(600, craft.Name("zone", "example")), craft.RIO("2001:db8:f::", 48, 0, 1800, 8),
		craft.PREF64("64:ff9b::", 0, 1800), craft.CaptivePortal("https://a.example/"))
	frames := [][]byte{toAll(healthy(every)), craft.Frame(otherMAC, otherLL, craft.AllNodes, goodRA.Message(goodPIO, every)), rs(0).data,
		craft.Frame(craft.RouterMAC, craft.RouterLL, craft.GuestLL, healthy(every))}
	n := 0
	play := func() {
		f := packet.Frame{Number: uint64(n + 1), Time: start.Add(time.Duration(n) * 5 * time.Second), Data: frames[n%len(frames)], LinkType: packet.LinkTypeEthernet, Interface: s.iface}
		f.Length = len(f.Data)
		s.decoder.Decode(&f, &s.packet)
		if found := s.checker.Packet(&s.packet); len(found) > 0 {
			t.Errorf("findings %v", found)
		}
		n++
	}
	for range 50 {
		play()
	}
	if allocs := testing.AllocsPerRun(400, play); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
