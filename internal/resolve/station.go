package resolve

import (
	"time"

	"v6probe/internal/packet"
)

// station is one that answered.
type station struct {
	Station
	frame packetRef      // its first answer
	times [2][]time.Time // of its answers to Burst and UnicastBurst
}

// match finds the question of an answer. An answer does not say which one it is to: it is taken to be the last that went
// out and that this station has not answered yet; by unicast one that went to it, if there is one.
func (t *Tracker) match(s *station, at time.Time) {
	if t.now == Burst || t.now == UnicastBurst {
		if times := &s.times[t.now-Burst]; len(*times) < t.counts[t.now].sent {
			*times = append(*times, at)
		}
		return
	}
	bit := uint8(1) << s.index
	var found *ask
	for i := len(t.asks) - 1; i >= 0 && t.asks[i].kind == t.now; i-- {
		a := &t.asks[i]
		if a.by&bit != 0 {
			continue
		}
		here := t.now != Unicast || s.at(a.mac)
		if found == nil || here {
			found = a
		}
		if here {
			break
		}
	}
	if found == nil {
		return
	}
	found.by |= bit
	s.Answered[found.kind]++
	if rtt := at.Sub(found.time); rtt >= 0 { // or the clock was set
		s.RTT = append(s.RTT, RTT{found.kind, rtt})
	}
}

// at reports whether frames to mac go to the station.
func (s *station) at(mac packet.MAC) bool { return mac == s.MAC || mac == s.EthernetSource }

// station returns who sent p: who has the address in its option, or else who sent the frame. It is nil for one too many.
func (t *Tracker) station(p *packet.Packet, mac packet.MAC, has bool) *station {
	for _, s := range t.stations {
		if has && s.MAC == mac || !has && s.EthernetSource == p.EthernetSource {
			return s
		}
	}
	if len(t.stations) == maxStations {
		t.more = true
		return nil
	}
	if !has {
		mac = p.EthernetSource
	}
	s := &station{frame: packetRef{p.Frame.Number, p.Frame.Time}}
	s.MAC, s.EthernetSource, s.index = mac, p.EthernetSource, len(t.stations)
	t.stations = append(t.stations, s)
	return s
}

// answersTo returns how many solicitations of a kind were answered by anybody.
func (t *Tracker) answersTo(k Kind) int {
	n := 0
	if k == Burst || k == UnicastBurst {
		for _, s := range t.stations {
			n = max(n, len(s.times[k-Burst]))
		}
		return n
	}
	for i := range t.asks {
		if t.asks[i].kind == k && t.asks[i].by != 0 {
			n++
		}
	}
	return n
}
