package nd

import (
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// replay is a row of frames that repeats itself. They share their bytes where they are the same.
type replay struct {
	frames  []packet.Frame
	decoder packet.Decoder
	packet  packet.Packet
	n       uint64
	round   time.Duration // when the row begins that is played
}

// newReplay takes n frames from next that wanted wants.
func newReplay(n int, next func() (time.Duration, []byte), wanted func(icmp6.Type) bool) *replay {
	r := &replay{}
	iface := &packet.Interface{MTU: 1500}
	known := make(map[string][]byte)
	for len(r.frames) < n {
		at, data := next()
		own := known[string(data)]
		if own == nil {
			own = append([]byte(nil), data...)
			known[string(own)] = own
		}
		f := packet.Frame{Time: start.Add(at), Data: own, Length: len(own), LinkType: packet.LinkTypeEthernet, Interface: iface}
		if r.decoder.Decode(&f, &r.packet) && wanted(r.packet.Message.Type) {
			r.frames = append(r.frames, f)
		}
	}
	return r
}

// next decodes the next frame.
func (r *replay) next() *packet.Packet {
	i := int(r.n) % len(r.frames)
	if r.n++; r.n > 1 && i == 0 {
		r.round += r.frames[len(r.frames)-1].Time.Sub(start) + time.Second
	}
	f := &r.frames[i]
	at := f.Time
	f.Number, f.Time = r.n, at.Add(r.round)
	r.decoder.Decode(f, &r.packet)
	f.Time = at
	return &r.packet
}

// run plays r, whose frames are decoded in the time that is measured; with no checker nothing else is.
func (r *replay) run(b *testing.B, c *Checker) {
	for range len(r.frames) {
		p := r.next()
		if c != nil {
			c.Packet(p)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		p := r.next()
		if c != nil {
			c.Packet(p)
		}
	}
}

func isRA(t icmp6.Type) bool  { return t == icmp6.TypeRouterAdvertisement }
func notRA(t icmp6.Type) bool { return !isRA(t) }

// BenchmarkHealthy judges the messages of a healthy link, but for the advertisements of routers.
func BenchmarkHealthy(b *testing.B) {
	newReplay(20000, craft.NewNeighbors(1).Next, notRA).run(b, New())
}

// BenchmarkRouters judges the advertisements of two routers.
func BenchmarkTiny(b *testing.B)    { newReplay(10, craft.NewNeighbors(1).Next, notRA).run(b, New()) }
func BenchmarkRouters(b *testing.B) { newReplay(100, craft.NewNeighbors(1).Next, isRA).run(b, New()) }

// BenchmarkDecode is what the decoding takes in BenchmarkHealthy.
func BenchmarkDecode(b *testing.B) {
	newReplay(20000, craft.NewNeighbors(1).Next, notRA).run(b, nil)
}
