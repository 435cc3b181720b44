package report

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// twistsOf returns p and packets that differ from it in one thing, most of which fall into the memo's slot of p.
func twistsOf(t *testing.T, frame []byte) []*packet.Packet {
	p := decode(t, frame)
	list := []*packet.Packet{p}
	twist := func(change func(q *packet.Packet)) {
		q := *p
		change(&q)
		list = append(list, &q)
	}
	for i := range frame {
		f := p.Frame
		f.Data = bytes.Clone(frame)
		f.Data[i] ^= 0x11
		q := new(packet.Packet)
		if packet.NewDecoder().Decode(&f, q) && q.IsICMPv6 {
			list = append(list, q)
		}
	}
	twist(func(q *packet.Packet) { q.Source = q.Source.Prev() })
	twist(func(q *packet.Packet) { q.Destination = q.Destination.Next() })
	twist(func(q *packet.Packet) { q.EthernetSource[5]++ })
	twist(func(q *packet.Packet) { q.EthernetDestination[0]++ })
	twist(func(q *packet.Packet) { q.HasEthernet = false })
	twist(func(q *packet.Packet) { q.HopLimit++ })
	twist(func(q *packet.Packet) { q.Checksum++ })
	twist(func(q *packet.Packet) { q.Complete = false })
	twist(func(q *packet.Packet) { q.Extensions = []packet.Extension{{Header: 60, Offset: 54, Length: 8}} })
	twist(func(q *packet.Packet) {
		q.IsFragment, q.Fragment = true, packet.Fragment{ID: 1, Reassembled: true, Pieces: 2}
	})
	twist(func(q *packet.Packet) { q.Message = icmp6.Message{} })
	return list
}

// TestMemo holds what the memo remembers against what message appends, in an order in which many come again.
func TestMemo(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var list []*packet.Packet
	for _, frame := range linkFrames() {
		list = append(list, twistsOf(t, frame)...)
	}
	var m memo
	remembered := 0
	check := func(p *packet.Packet) {
		if key, ok := keyOf(p); ok && m.slots != nil {
			if s := &m.slots[p.Message.Checksum%memoSlots]; s.key == key && bytes.Equal(s.raw, p.Message.Raw) {
				remembered++
			}
		}
		got, want := m.append(object("{"), p), object("{").message(p)
		if !bytes.Equal(got, want) {
			t.Fatalf("remembered\n%s, want\n%s", got, want)
		}
	}
	for range 30 * len(list) {
		p := list[r.IntN(len(list))]
		for range 1 + r.IntN(3) { // the first time leaves the key, the second the text
			check(p)
		}
	}
	if remembered < len(list) {
		t.Errorf("%d texts came from the memo: the test shows nothing", remembered)
	}
}

// TestMemoIsBounded: what is long is made anew each time.
func TestMemoIsBounded(t *testing.T) {
	var m memo
	p := decode(t, linkFrames()["PTB"])
	for range 3 {
		m.append(object("{"), p)
	}
	if m.slots != nil {
		t.Error("a message of more than memoRaw bytes was looked for")
	}
	long := make([]byte, 8, memoRaw)
	for long[0] = 133; len(long) < cap(long); {
		long = append(long, 200, 1, 0, 0, 0, 0, 0, 0)
	}
	p.Payload = long
	p.Message.Decode(long)
	for range 3 {
		m.append(object("{"), p)
	}
	for i := range m.slots {
		if s := &m.slots[i]; len(s.raw) > 0 || len(s.text) > 0 {
			t.Errorf("a text of %d bytes is remembered", len(s.text))
		}
	}
}

// TestAppendMessage: the two halves of a line, appended to what is there, are the line.
func TestAppendMessage(t *testing.T) {
	for name, frame := range linkFrames() {
		p := decode(t, frame)
		for _, found := range [][]rule.Finding{nil, {{Rule: "a"}, {Rule: "b"}, {Rule: "a"}}} {
			var out bytes.Buffer
			j := NewJSON(&out)
			if err := j.Message(p, found); err != nil {
				t.Fatal(err)
			}
			if got := AppendFindings(j.AppendMessage([]byte("before"), p), found); string(got) != "before"+out.String() {
				t.Errorf("%s: %s, want %s", name, got, out.String())
			}
		}
	}
}

func TestLineDoesNotAllocate(t *testing.T) {
	for name, frame := range linkFrames() {
		p := decode(t, frame)
		p.Frame.Interface = &packet.Interface{Name: "eth0"}
		j := NewJSON(io.Discard)
		found := []rule.Finding{{Rule: "nd.hop-limit"}}
		line := make([]byte, 0, 4096)
		if n := testing.AllocsPerRun(100, func() { line = AppendFindings(j.AppendMessage(line[:0], p), found) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if n := testing.AllocsPerRun(100, func() { line = object(line[:0]).packet(p).message(p) }); n != 0 {
			t.Errorf("%s anew: %v allocations", name, n)
		}
	}
}
