package icmp6

import (
	"bytes"
	"reflect"
	"testing"

	"v6probe/internal/craft"
)

// checkQuoted fails t unless what m quotes lies where RFC 4443 and RFC 4884 put it.
func checkQuoted(t *testing.T, m *Message) {
	t.Helper()
	b, got := m.Raw, m.Quoted()
	if len(b) < 8 || b[0] < 1 || b[0] > 4 {
		if got != nil {
			t.Fatalf("% x quotes % x", b, got)
		}
		return
	}
	want := len(b) - 8
	if n := 8 * int(b[4]); n > 0 && b[0]%2 == 1 {
		want = min(want, n)
	}
	if len(got) != want || !bytes.HasPrefix(b[8:], got) {
		t.Fatalf("% x quotes % x, want %d bytes", b, got, want)
	}
	if mtu := craft.TooBig(m.MTU(), nil); b[0] == 2 && !bytes.Equal(mtu[4:], b[4:8]) || b[0] != 2 && m.MTU() != 0 {
		t.Fatalf("% x: mtu %d", b, m.MTU())
	}
	if p := craft.TooBig(m.Pointer(), nil); b[0] == 4 && !bytes.Equal(p[4:], b[4:8]) || b[0] != 4 && m.Pointer() != 0 {
		t.Fatalf("% x: pointer %d", b, m.Pointer())
	}
}

// checkQuote fails t unless q lies within b and says no more than is there.
func checkQuote(t *testing.T, q *Quote, b []byte) {
	t.Helper()
	switch {
	case q.Length < 40 || q.Bytes != min(len(b), q.Length):
	case q.PayloadOffset < 40 || q.PayloadOffset > q.Bytes || 8*(q.ExtensionCount-1) > q.PayloadOffset-40:
	case q.Payload == nil && (q.HasPorts || q.HasICMP || q.HasEcho):
	case q.Payload != nil && !bytes.Equal(q.Payload, b[q.PayloadOffset:q.Bytes]):
	case q.Payload != nil && (len(q.Payload) == 0 || isExtension(q.Protocol) || q.FragmentOffset != 0):
	case q.Payload == nil && q.PayloadOffset < q.Bytes && q.FragmentOffset == 0 && q.ExtensionCount == 0:
	case q.HasPorts && (q.HasICMP || q.HasEcho) || q.HasEcho && !q.HasICMP:
	case !q.HasPorts && q.SourcePort|q.DestinationPort != 0 || !q.HasEcho && q.EchoID|q.EchoSequence != 0:
	case !q.IsFragment && q.FragmentOffset|int(q.FragmentID) != 0 || q.FragmentOffset%8 != 0:
	default:
		return
	}
	t.Fatalf("% x\n%+v", b, q)
}

// checkShorter fails t unless a shorter quote of the same packet says the same as far as it goes.
func checkShorter(t *testing.T, whole *Quote, b []byte) {
	t.Helper()
	for n := 40; n < whole.Bytes && n < 200; n++ {
		q, ok := ParseQuote(b[:n])
		if !ok {
			t.Fatalf("% x is no packet", b[:n])
		}
		checkQuote(t, &q, b[:n])
		if q.Length != whole.Length { // the jumbo payload option is cut off
			continue
		}
		more := q.ExtensionCount > whole.ExtensionCount || q.PayloadOffset > whole.PayloadOffset ||
			q.HasPorts && !whole.HasPorts || q.HasICMP && !whole.HasICMP || q.HasEcho && !whole.HasEcho
		other := q.Payload != nil && (q.Protocol != whole.Protocol || q.PayloadOffset != whole.PayloadOffset) ||
			q.HasPorts && (q.SourcePort != whole.SourcePort || q.DestinationPort != whole.DestinationPort) ||
			!bytes.HasPrefix(whole.Extensions[:], q.Extensions[:min(q.ExtensionCount, len(q.Extensions))])
		if more || other {
			t.Fatalf("% x, %d bytes of it:\n%+v\nall of it:\n%+v", b, n, q, whole)
		}
	}
}

func FuzzError(f *testing.F) {
	f.Add(craft.TooBig(1400, udp6()))
	f.Add(craft.Unreachable(4, craft.IPv6(here, there, 63, 58, craft.Echo(8))))
	f.Add(craft.Extended(craft.TimeExceeded(0, udp6()), 16, []byte{0, 8, 4, 1, 1, 2, 3, 4}))
	f.Add(craft.ParameterProblem(1, 6, craft.IPv6(here, there, 63, 0, craft.Join(craft.HopByHop(44),
		craft.FragmentHeader(60, 0, true, 7), craft.DestinationOptions(51, 1), craft.AH(17, 4), make([]byte, 20)))))
	f.Add(craft.TooBig(1280, craft.IPv6(here, there, 63, 44, craft.Join(craft.FragmentHeader(17, 1448, false, 7), make([]byte, 9)))))
	f.Add(craft.Unreachable(0, craft.IPv6(here, there, 63, 58, craft.NS(there))))
	f.Add(craft.Join([]byte{2, 0, 0, 0, 0, 0, 5, 0, 0x60, 0, 0, 0, 0, 0, 0, 64}, craft.Addr(here), craft.Addr(there),
		[]byte{6, 0, 0xc2, 4, 0, 1, 0, 0, 1, 2, 3, 4, 5, 6}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := decode(b)
		checkQuoted(t, m)
		for _, packet := range [][]byte{m.Quoted(), b} {
			q, ok := ParseQuote(packet)
			if ok != (len(packet) >= 40 && packet[0]>>4 == 6) {
				t.Fatalf("% x: %v", packet, ok)
			}
			if !ok {
				continue
			}
			checkQuote(t, &q, packet)
			checkShorter(t, &q, packet)
			// Padding could make up the jumbo payload option that a quote lacks.
			if jumbogram := packet[4]|packet[5]|packet[6] == 0; len(packet) >= q.Length && !jumbogram {
				padded, _ := ParseQuote(craft.Join(packet, make([]byte, 9)))
				if !reflect.DeepEqual(padded, q) {
					t.Fatalf("% x: %+v\npadded: %+v", packet, q, padded)
				}
			}
		}
	})
}

func FuzzMLD(f *testing.F) {
	f.Add(craft.MLDQuery(10000, "::"))
	f.Add(craft.MLDv2Query(0xa123, group, 0x0a, 0xa3, "2001:db8::1"))
	f.Add(craft.MLDReport(group))
	f.Add(craft.MLDDone(group))
	f.Add(craft.MLDv2ReportOf(craft.MLDRecord(2, group), craft.MLDRecord(6, "ff05::2", "2001:db8::1", "2001:db8::2")))
	f.Add(craft.Join([]byte{143, 0, 0, 0, 0, 0, 0, 2, 4, 1, 0, 1}, craft.Addr(group), craft.Addr(here), make([]byte, 24)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := decode(b)
		q, query := m.MLDQuery()
		if want := m.Type == TypeMLDQuery && (len(b) == 24 || len(b) >= 28); query != want || q.V2 != (query && len(b) > 24) {
			t.Fatalf("% x: %v, %+v", b, query, q)
		}
		g, isAbout := m.MLDGroup()
		if want := (m.Type == TypeMLDReport || m.Type == TypeMLDDone) && len(b) >= 24; isAbout != want {
			t.Fatalf("% x: %v", b, isAbout)
		}
		if query && !bytes.Equal(q.Group.AsSlice(), b[8:24]) || isAbout && !bytes.Equal(g.AsSlice(), b[8:24]) {
			t.Fatalf("% x: groups %v, %v", b, q.Group, g)
		}
		checkRecords(t, m)
	})
}

// checkRecords puts the records of m together again: they must cover it up to the first that is not all there.
func checkRecords(t *testing.T, m *Message) {
	t.Helper()
	b, off, n, whole := m.Raw, 8, 0, true
	for r := range m.MLDRecords() {
		if !whole || r.Offset != off || len(r.Sources)%16 != 0 {
			t.Fatalf("% x: record %d: %+v, want offset %d", b, n, r, off)
		}
		n++
		head := craft.Join([]byte{r.Type, b[off+1], b[off+2], b[off+3]}, r.Group.AsSlice(), r.Sources)
		if !bytes.HasPrefix(b[off:], head) {
			t.Fatalf("% x: % x is not at %d", b, head, off)
		}
		sources := 16 * (int(b[off+2])<<8 | int(b[off+3]))
		whole = len(r.Sources) == sources
		if !whole && len(b)-off-len(head) >= 16 {
			t.Fatalf("% x: record %d lacks a source that is there", b, n)
		}
		off += 20 + sources + 4*int(b[off+1])
	}
	switch {
	case m.Type != TypeMLDv2Report || m.Short:
		if n > 0 {
			t.Fatalf("% x: %d records", b, n)
		}
	case n > int(b[6])<<8|int(b[7]) || n < int(b[6])<<8|int(b[7]) && off+20 <= len(b):
		t.Fatalf("% x: %d records", b, n)
	}
}
