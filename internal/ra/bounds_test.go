package ra

import (
	"fmt"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// onVLAN returns a frame with VLAN tag n.
func onVLAN(data []byte, n int) []byte {
	return craft.Join(data[:12], []byte{0x81, 0, byte(n >> 8 & 0x0f), byte(n)}, data[12:])
}

// fatSenders returns n frames, each from a router of its own that has as many prefixes, spread over links.
func fatSenders(n, links, prefixes int) []shot {
	var options []byte
	for i := range prefixes {
		options = append(options, craft.PIO(fmt.Sprintf("2001:db8:%x::", i), 64, 0xc0, 86400, 14400)...)
	}
	msg := goodRA.Message(options)
	var shots []shot
	for i := range n {
		mac := packet.MAC{2, 0, 1, 0, byte(i >> 8), byte(i)}.String()
		shots = append(shots, shot{at: float64(i) / 100, data: onVLAN(craft.Frame(mac, fmt.Sprintf("fe80::%x", i+1), craft.AllNodes, msg), i%links)})
	}
	return shots
}

// Many routers with many prefixes, on many links: what they say is bounded together, and the genuine router stays.
func TestBytesOfAllLinks(t *testing.T) {
	for _, links := range []int{1, 256, 600} {
		shots := fatSenders(maxAllRouters, links, maxPrefixes)
		s := newStage(t, Options{})
		heap := heapInUse()
		for at := range 3 {
			s.play(shot{at: float64(10*at - 30), data: onVLAN(toAll(goodRA.Message(goodPIO)), 0)})
		}
		for _, x := range shots {
			s.play(x)
		}
		s.found = nil
		if grown := heapInUse() - heap; grown > 16<<20 {
			t.Errorf("%d links: the heap grew by %d bytes", links, grown)
		}
		kept, routers := 0, 0
		for _, l := range s.checker.Links() {
			routers += len(l.Routers)
			for _, r := range l.Routers {
				kept += r.bytes()
			}
		}
		if kept != s.checker.kept || kept > maxKept || routers != s.checker.routers || routers < 64 {
			t.Errorf("%d links: %d bytes of %d routers, counted %d of %d", links, kept, routers, s.checker.kept, s.checker.routers)
		}
		if r := s.checker.Links()[0].Routers[0]; r.Source != addr(craft.RouterLL) || r.Count != 3 {
			t.Errorf("%d links: the genuine router is %+v", links, r)
		}
		s.end()
	}
}

// Hosts have a bound over all links too.
func TestHostsOfAllLinks(t *testing.T) {
	const links = 256
	n := 1 << 16
	if testing.Short() {
		n = 1 << 14
	}
	data := onVLAN(solicitation(craft.RS(craft.SLLA(craft.GuestMAC))), 0)
	s := newStage(t, Options{})
	heap := heapInUse()
	for i := range n {
		data[15] = byte(i)
		for k := range 4 {
			data[11-k], data[4+37-k] = byte(i>>(8*k)), byte(i>>(8*k)) // Ethernet and IPv6 source
		}
		s.play(shot{at: float64(i) / 1000, data: data, change: func(f *packet.Frame) { f.Offload = true }})
	}
	s.found = nil
	if grown := heapInUse() - heap; grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	hosts, evicted := 0, uint64(0)
	for _, l := range s.checker.Links() {
		hosts += len(l.Hosts)
		evicted += l.EvictedHosts
		if len(l.hosts) != len(l.Hosts) || len(l.waiting) > len(l.Hosts) {
			t.Errorf("%v: %d hosts, %d, %d waiting", l.Where, len(l.Hosts), len(l.hosts), len(l.waiting))
		}
	}
	if hosts > maxAllHosts || hosts < maxAllHosts/2 || hosts != s.checker.hosts || uint64(hosts)+evicted != uint64(n) || len(s.checker.Links()) != links {
		t.Errorf("%d hosts, counted %d, %d evicted, %d links", hosts, s.checker.hosts, evicted, len(s.checker.Links()))
	}
}

func BenchmarkFatSenders(b *testing.B) {
	for _, links := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(links), func(b *testing.B) {
			shots := fatSenders(maxAllRouters, links, maxPrefixes)
			for b.Loop() {
				s := newStage(b, Options{})
				for _, x := range shots {
					s.play(x)
				}
				s.end()
			}
		})
	}
}
