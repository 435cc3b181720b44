package capture

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// burst is a source of bursts: it gives all frames of one without waiting, then waits for the next.
type burst struct {
	bursts chan []packet.Frame
	rest   []packet.Frame
	onWait func()
	waits  chan struct{} // told when a burst has been given
	closed bool
}

func newBurst() *burst {
	return &burst{bursts: make(chan []packet.Frame, 1), waits: make(chan struct{}, 100)}
}

func (s *burst) OnWait(f func()) { s.onWait = f }

func (s *burst) Next(ctx context.Context) (packet.Frame, error) {
	for len(s.rest) == 0 {
		s.onWait()
		s.waits <- struct{}{}
		select {
		case next, ok := <-s.bursts:
			if !ok {
				return packet.Frame{}, io.EOF
			}
			s.rest = next
		case <-ctx.Done():
			return packet.Frame{}, ctx.Err()
		}
	}
	f := s.rest[0]
	s.rest = s.rest[1:]
	return f, nil
}

func (s *burst) Ready() bool  { return len(s.bursts) > 0 }
func (s *burst) Stats() Stats { return Stats{Frames: 1 << 40, KernelDrops: 7} }
func (s *burst) Close() error { s.closed = true; return nil }

// numbered returns n frames with the ICMPv6 message msg, which hold their number.
func numbered(n int, msg []byte) []packet.Frame {
	frames := make([]packet.Frame, n)
	for i := range frames {
		data := craft.Join(craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, msg), make([]byte, 4))
		binary.BigEndian.PutUint32(data[len(data)-4:], uint32(i))
		frames[i] = packet.Frame{Number: 99, Data: data, Length: len(data), LinkType: packet.LinkTypeEthernet}
	}
	return frames
}

func advertisement() []byte { return craft.CloudStackRA().Message(craft.CloudStackOptions()...) }
func solicitation() []byte  { return craft.NS(craft.RouterLL) }

// takeFrom takes n frames, and returns them.
func takeFrom(t *testing.T, q *Queue, ctx context.Context, n int) []packet.Frame {
	t.Helper()
	var all []packet.Frame
	for range n {
		f, err := q.Next(ctx)
		if err != nil {
			t.Fatalf("after %d of %d frames: %v", len(all), n, err)
		}
		f.Data = append([]byte(nil), f.Data...)
		all = append(all, f)
	}
	return all
}

// TestQueue: frames come out as they went in, with numbers of their own, over more chunks than there are.
func TestQueue(t *testing.T) {
	s := newBurst()
	q := NewQueue(s)
	var told int
	q.OnWait(func() { told++ })
	for round := range 3 {
		in := numbered(chunkFrames*5/2, advertisement())
		s.bursts <- in
		for i, f := range takeFrom(t, q, t.Context(), len(in)) {
			if want := uint64(round*len(in) + i + 1); string(f.Data) != string(in[i].Data) || f.Number != want {
				t.Fatalf("frame %d of round %d: number %d, want %d; data % x", i, round, f.Number, want, f.Data)
			}
		}
	}
	if told == 0 {
		t.Error("nobody was told before the wait")
	}
	close(s.bursts)
	if _, err := q.Next(t.Context()); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if got := q.Stats(); got.Shed.Total() != 0 || got.KernelDrops != 7 || got.Frames != uint64(3*chunkFrames*5/2) {
		t.Errorf("%+v", got)
	}
	if err := q.Close(); err != nil || !s.closed {
		t.Errorf("close: %v, closed %v", err, s.closed)
	}
}

// TestQueueSheds: while nobody takes frames the queue keeps RAs of a router that was heard before to the last, then those of
// strangers, then NS and NA, and counts the others.
func TestQueueSheds(t *testing.T) {
	s := newBurst()
	q := NewQueue(s)
	q.chunks = 16
	s.bursts <- numbered(1, advertisement())
	takeFrom(t, q, t.Context(), 1)
	<-s.waits // for the first
	<-s.waits // for more

	const known, every = 40, 400
	const rounds = known * every
	var in []packet.Frame
	for i := range rounds {
		in = append(in, numbered(1, craft.Echo(64))...)
		in = append(in, numbered(1, solicitation())...)
		in = append(in, numbered(1, advertisement())...)
		stranger := in[len(in)-1].Data
		binary.BigEndian.PutUint32(stranger[14+20:], uint32(i+1)) // in its address
		if i%every == 0 {
			in = append(in, numbered(1, advertisement())...)
		}
	}
	s.bursts <- in
	<-s.waits
	shed := q.Stats().Shed
	kept := len(in) - int(shed.Total())
	var got [kinds]int
	var lost, after uint64
	for _, f := range takeFrom(t, q, t.Context(), kept) {
		lost += f.Lost
		after = f.Lost
		kind, from := classify(f.LinkType, f.Data)
		if kind == KindVital && string(from.address[:]) != string(craft.Addr(craft.RouterLL)) {
			kind = KindStranger
		}
		got[kind]++
	}
	if got[KindSpare] == 0 || got[KindSpare] >= got[KindNeighbor] || got[KindNeighbor] >= got[KindStranger] {
		t.Errorf("kept %v", got)
	}
	if got[KindVital] != known {
		t.Errorf("%d RAs of the router, of %d", got[KindVital], known)
	}
	for k := range KindVital {
		if shed[k] == 0 || got[k]+int(shed[k]) < rounds*9/10 { // some strangers are taken for one that was heard
			t.Errorf("%v: kept %d and shed %d of %d", k, got[k], shed[k], rounds)
		}
	}
	s.bursts <- numbered(1, advertisement())
	if f := takeFrom(t, q, t.Context(), 1)[0]; lost == 0 || after == 0 || lost+f.Lost != shed.Total() {
		t.Errorf("%d frames were lost before others, %d before the last of these, and %d before the next, of %d", lost, after, f.Lost, shed.Total())
	}
	if q.made > q.chunks {
		t.Errorf("%d chunks", q.made)
	}
	q.Close()
}

// TestQueueOneProcessor: where there is one processor, who judges has it before the source waits: the runtime takes it from one that
// waits in the kernel only after a while.
func TestQueueOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := newBurst()
	q := NewQueue(s)
	const frames = 5*chunkFrames + 1
	var taken atomic.Int64
	var seen []int64
	q.source.OnWait(func() {
		q.wake()
		seen = append(seen, taken.Load())
	})
	s.bursts <- numbered(frames, advertisement())
	for range frames {
		if _, err := q.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		taken.Add(1)
	}
	<-s.waits
	<-s.waits
	if want := []int64{0, frames}; !slices.Equal(seen, want) {
		t.Errorf("frames taken before each wait: %v, want %v", seen, want)
	}
	q.Close()
}

// TestQueueContext: the end of a context comes after the frames, and the next context goes on.
func TestQueueContext(t *testing.T) {
	s := newBurst()
	q := NewQueue(s)
	ctx, cancel := context.WithCancel(t.Context())
	s.bursts <- numbered(3, advertisement())
	takeFrom(t, q, ctx, 1)
	cancel()
	takeFrom(t, q, ctx, 2)
	if _, err := q.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("after the frames: %v", err)
	}
	s.bursts <- numbered(1, advertisement())
	takeFrom(t, q, t.Context(), 1)
	q.Close()
}

// TestQueueContextUnheard: a context that ends while nobody asks for frames is nothing to the next one.
func TestQueueContextUnheard(t *testing.T) {
	s := newBurst()
	q := NewQueue(s)
	ctx, cancel := context.WithCancel(t.Context())
	s.bursts <- numbered(1, advertisement())
	takeFrom(t, q, ctx, 1)
	cancel()
	q.done.Wait()
	s.bursts <- numbered(1, advertisement())
	takeFrom(t, q, t.Context(), 1)
	q.Close()
	if _, err := q.Next(t.Context()); err != io.EOF {
		t.Errorf("once closed: %v", err)
	}
}

// TestQueueLongFrames: a frame longer than a chunk goes through.
func TestQueueLongFrames(t *testing.T) {
	s := newBurst()
	q := NewQueue(s)
	in := numbered(3, advertisement())
	in[1].Data = append(in[1].Data, make([]byte, 2*chunkBytes)...)
	s.bursts <- in
	for i, f := range takeFrom(t, q, t.Context(), 3) {
		if string(f.Data) != string(in[i].Data) {
			t.Errorf("frame %d: %d bytes, want %d", i, len(f.Data), len(in[i].Data))
		}
	}
	q.Close()
}

// TestClassify holds the kinds against what the decoder finds, for messages in every kind of frame.
func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		msg  []byte
		want Kind
	}{
		{advertisement(), KindVital}, {craft.RS(), KindVital}, {craft.Redirect(craft.RouterLL, craft.GuestLL), KindVital},
		{craft.TooBig(1280, nil), KindVital}, {solicitation(), KindNeighbor}, {craft.NA(0, craft.GuestLL), KindNeighbor},
		{craft.Echo(8), KindSpare}, {craft.MLDReport(craft.AllRouters), KindSpare},
	} {
		plain := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, tt.msg)
		ip := plain[14:]
		vxlan := craft.VXLAN("198.51.100.1", "198.51.100.2", 4789, 5, plain)
		dst, src := craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC)
		for name, f := range map[string]struct {
			lt   packet.LinkType
			data []byte
		}{
			"plain":         {packet.LinkTypeEthernet, plain},
			"VLAN":          {packet.LinkTypeEthernet, craft.Ethernet(dst, src, []uint16{7}, 0x86dd, ip)},
			"QinQ":          {packet.LinkTypeEthernet, craft.Ethernet(dst, src, []uint16{7, 8}, 0x86dd, ip)},
			"VXLAN":         {packet.LinkTypeEthernet, craft.Ethernet(dst, src, nil, 0x0800, vxlan)},
			"VXLAN in VLAN": {packet.LinkTypeEthernet, craft.Ethernet(dst, src, []uint16{7}, 0x0800, vxlan)},
			"raw":           {packet.LinkTypeRaw, ip},
			"VXLAN, raw":    {packet.LinkTypeRaw, vxlan},
			"cooked":        {packet.LinkTypeSLL, craft.SLL(0, craft.RouterMAC, 0x86dd, ip)},
			"cooked 2":      {packet.LinkTypeSLL2, craft.SLL2(0, craft.RouterMAC, 1, 0x86dd, ip)},
			"loopback":      {packet.LinkTypeNull, craft.Join([]byte{24, 0, 0, 0}, ip)},
		} {
			if !Match(f.lt, f.data) {
				t.Errorf("%s: does not match", name)
			}
			if got, _ := classify(f.lt, f.data); got != tt.want {
				t.Errorf("type %d, %s: %v, want %v", tt.msg[0], name, got, tt.want)
			}
			for n := range f.data {
				classify(f.lt, f.data[:n]) // must not panic
			}
		}
	}
	hidden := craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes,
		craft.IPv6(craft.RouterLL, craft.AllNodes, 255, 0, craft.Join(craft.HopByHop(58), advertisement())))
	if got, _ := classify(packet.LinkTypeEthernet, hidden); got != KindSpare {
		t.Errorf("behind a header: %v", got)
	}
}

func BenchmarkQueue(b *testing.B) {
	s := newBurst()
	q := NewQueue(s)
	in := numbered(10000, solicitation())
	b.ReportAllocs()
	for b.Loop() {
		s.bursts <- in
		for range in {
			if _, err := q.Next(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		for len(s.waits) > 0 {
			<-s.waits
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(in)), "ns/frame")
}
