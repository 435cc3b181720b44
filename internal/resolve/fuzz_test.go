package resolve

import (
	"net/netip"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// FuzzTracker has a neighbor send anything, a millisecond after each question of every kind. What comes of it must stay
// within its bounds and be put into words.
func FuzzTracker(f *testing.F) {
	for _, a := range []answer{
		{flags: 0xe0, options: [][]byte{craft.TLLA(oneMAC)}},
		{flags: 0x40, src: craft.RouterLL},
		{hopLimit: 1, flags: 0x60},
		{dst: "ff02::1", flags: 0x60},
		{flags: 0x60, options: [][]byte{craft.WithLength(craft.TLLA(oneMAC), 0)}},
	} {
		f.Add(a.frame(), a.frame())
	}
	f.Add(craft.Frame(oneMAC, target, "ff02::1", craft.NS(target)), craft.Frame(oneMAC, "::", groupOf, craft.NS(target)))
	l := testLink()
	f.Fuzz(func(t *testing.T, first, second []byte) {
		tracker := NewTracker(l, netip.MustParseAddr(target), 4)
		iface := packet.Interface{Name: "eth0", LinkType: packet.LinkTypeEthernet, HardwareAddr: l.MAC}
		decoder := packet.NewDecoder()
		now, number := time.Unix(0, 0), uint64(0)
		see := func(data []byte, d packet.Direction) {
			now, number = now.Add(time.Millisecond), number+1
			var p packet.Packet
			f := packet.Frame{Number: number, Time: now, Data: data, Length: len(data), LinkType: packet.LinkTypeEthernet,
				Interface: &iface, Direction: d}
			if !decoder.Decode(&f, &p) {
				return
			}
			if n := len(tracker.Packet(&p)); n > 1 {
				t.Errorf("%d findings of one packet", n)
			}
		}
		for k := range kinds {
			for range 2 {
				tracker.announce(k)
				dst := tracker.group
				switch k {
				case AllNodes:
					dst = netip.IPv6LinkLocalAllNodes()
				case Unicast, UnicastBurst:
					dst = tracker.target
				}
				see(solicitation(&l, tracker.target, dst, packet.MulticastMAC(dst), tracker.flowLabel), packet.Outgoing)
				see(first, packet.Incoming)
				see(second, packet.Incoming)
				see(first, packet.Outgoing)
			}
		}
		tracker.finished()
		found := tracker.Finish(true)
		r := tracker.Result()
		for k := range kinds {
			if c := r.Counts[k]; c.Sent != 2 || c.Answered > c.Sent || c.Answered < 0 {
				t.Errorf("kind %d: %+v", k, c)
			}
		}
		if (len(r.Stations) == 0) != (len(found) > 0 && found[0].Rule == "ns.unanswered" && !r.GroupLost()) {
			t.Errorf("%d stations, found %v", len(r.Stations), rules(found))
		}
		for i := range r.Stations {
			if s := &r.Stations[i]; !isUnicast(s.MAC) && s.MAC != s.EthernetSource || len(s.RTT) > 8 {
				t.Errorf("%+v", s)
			}
		}
	})
}
