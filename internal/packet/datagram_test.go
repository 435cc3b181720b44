package packet

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"v6probe/internal/craft"
)

func TestFragmentsOfOtherDatagrams(t *testing.T) {
	packets := piecesOf(1, 58, icmp(), 56)
	second := func(at int, v byte) []byte {
		b := bytes.Clone(packets[1])
		b[at] = v
		return b
	}
	f := func(vlan uint16, packet []byte) *Frame { return frame(LinkTypeEthernet, ether([]uint16{vlan}, packet)) }
	other := f(1, packets[1])
	other.Interface = &Interface{Name: "eth1"}
	for name, g := range map[string]*Frame{
		"id": f(1, second(47, 9)), "source": f(1, second(23, 9)), "destination": f(1, second(39, 9)),
		"VLAN": f(2, packets[1]), "interface": other,
		"tunnel": frame(LinkTypeIPv4, craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 1, ether([]uint16{1}, packets[1]))),
	} {
		d := NewDecoder()
		var p Packet
		d.Decode(f(1, packets[0]), &p)
		if !d.Decode(g, &p) || p.Fragment.Reassembled {
			t.Errorf("joined over another %s", name)
		}
		if !d.Decode(f(1, packets[1]), &p) || !p.Fragment.Reassembled {
			t.Errorf("another %s: the right one is not joined", name)
		}
	}
}

func TestFragmentTimeout(t *testing.T) {
	packets := piecesOf(1, 58, icmp(), 56)
	for _, tt := range []struct {
		age  time.Duration
		want bool
	}{{60 * time.Second, true}, {60*time.Second + 1, false}, {-time.Hour, true}} {
		d := NewDecoder()
		var p Packet
		d.Decode(frame(LinkTypeIPv6, packets[0]), &p)
		f := frame(LinkTypeIPv6, packets[1])
		f.Time = f.Time.Add(tt.age)
		if d.Decode(f, &p); p.Fragment.Reassembled != tt.want {
			t.Errorf("after %v: %+v", tt.age, p.Fragment)
		}
	}
}

func TestOldestDatagramGoesFirst(t *testing.T) {
	d := NewDecoder()
	var p Packet
	for id := range uint32(maxDatagrams + 3) {
		d.Decode(frame(LinkTypeIPv6, piecesOf(id, 58, icmp(), 56)[0]), &p)
	}
	for id := range uint32(maxDatagrams + 3) {
		if id < 3 {
			continue // asking for these would push out others
		}
		d.Decode(frame(LinkTypeIPv6, piecesOf(id, 58, icmp(), 56)[1]), &p)
		if !p.Fragment.Reassembled {
			t.Errorf("datagram %d is gone", id)
		}
	}
	for id := range uint32(3) {
		d.Decode(frame(LinkTypeIPv6, piecesOf(id, 58, icmp(), 56)[1]), &p)
		if p.Fragment.Reassembled {
			t.Errorf("datagram %d is still there", id)
		}
	}
	if len(d.datagrams.slots) != maxDatagrams {
		t.Errorf("%d slots", len(d.datagrams.slots))
	}
}

func TestRoomOfDoneDatagrams(t *testing.T) {
	d := NewDecoder()
	var p Packet
	first := func(id uint32) { d.Decode(frame(LinkTypeIPv6, piecesOf(id, 58, icmp(), 56)[0]), &p) }
	second := func(id uint32) {
		t.Helper()
		if d.Decode(frame(LinkTypeIPv6, piecesOf(id, 58, icmp(), 56)[1]), &p); !p.Fragment.Reassembled {
			t.Errorf("datagram %d is gone", id)
		}
	}
	for id := range uint32(maxDatagrams) {
		first(id)
	}
	second(5)
	first(1000) // takes the room of 5, not that of 0
	for id := range uint32(maxDatagrams) {
		if id != 5 {
			second(id)
		}
	}
	second(1000)
}

// room is the memory that the fragments are kept in.
func room(d *Decoder) int {
	n := cap(d.joined)
	for _, g := range d.datagrams.slots {
		n += cap(g.data) + cap(g.head) + 24*cap(g.pieces)
	}
	return n
}

func TestTinyFragments(t *testing.T) {
	d := NewDecoder()
	var p Packet
	limits := 0
	for i := range 100_000 {
		b := ip(44, craft.FragmentHeader(58, uint16(i%20_000%8191*8), true, uint32(i/20_000)), make([]byte, 8))
		if !d.Decode(frame(LinkTypeIPv6, b), &p) {
			t.Fatalf("fragment %d not kept", i)
		}
		if i%20_000 == maxPieces && !slices.Equal(p.Damage, []Damage{{DamageFragmentLimit, 42}}) {
			t.Errorf("fragment %d: damage %v", i, p.Damage)
		}
		limits += len(p.Damage)
	}
	if limits != 5 || len(d.datagrams.slots) != 5 || room(d) > 5*20_000 {
		t.Errorf("%d damages, %d datagrams, %d bytes", limits, len(d.datagrams.slots), room(d))
	}
	for i := range 20_000 { // every datagram as large as it gets, head included
		b := ip(60, []byte{44, 255}, make([]byte, 2046), craft.FragmentHeader(58, uint16(i%2*62000), true, uint32(i/2)), make([]byte, 8))
		d.Decode(frame(LinkTypeIPv6, b), &p)
	}
	if len(d.datagrams.slots) != maxDatagrams || room(d) > maxDatagrams*80_000 {
		t.Errorf("%d datagrams, %d bytes", len(d.datagrams.slots), room(d))
	}
}

func TestLargestDatagram(t *testing.T) {
	msg := make([]byte, maxPayload)
	msg[0] = 128
	msg = craft.ICMPv6(craft.RouterLL, craft.AllNodes, msg)
	d := NewDecoder()
	var p Packet
	for _, b := range piecesOf(1, 58, msg, 256) {
		d.Decode(frame(LinkTypeIPv6, b), &p)
	}
	if !p.Fragment.Reassembled || p.Fragment.Pieces != maxPieces || p.PayloadLength != maxPayload ||
		!bytes.Equal(p.Payload, msg) || p.Checksum != ChecksumGood {
		t.Errorf("%+v, payload length %d, checksum %d", p.Fragment, p.PayloadLength, p.Checksum)
	}
	// The headers in front of the first fragment alone make it too long.
	d.Decode(frame(LinkTypeIPv6, ip(44, craft.FragmentHeader(58, 8, false, 2), msg[:maxPayload-8])), &p)
	d.Decode(frame(LinkTypeIPv6, ip(60, craft.HopByHop(44), craft.FragmentHeader(58, 0, true, 2), msg[:8])), &p)
	if p.Fragment.Reassembled || !slices.Equal(p.Damage, []Damage{{DamageFragmentLength, 50}}) {
		t.Errorf("%+v, damage %v", p.Fragment, p.Damage)
	}
}
