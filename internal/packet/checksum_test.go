package packet

import (
	"math/rand/v2"
	"testing"

	"v6probe/internal/craft"
)

func TestChecksum(t *testing.T) {
	offloaded := craft.Offloaded(craft.RouterLL, craft.AllNodes, ra())
	bad := icmp()
	bad[20] ^= 1
	home := func(next byte) []byte {
		return craft.Join([]byte{next, 2, 1, 2, 0, 0, 0xc9, 16}, craft.Addr(craft.GuestLL))
	}
	tunnel := func(b []byte) []byte { return craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 1, ether(nil, b)) }
	tests := []struct {
		name    string
		packet  []byte
		offload bool
		want    Checksum
	}{
		{"good", ip(58, icmp()), false, ChecksumGood},
		{"good, offload", ip(58, icmp()), true, ChecksumGood},
		{"bad", ip(58, bad), false, ChecksumBad},
		{"bad, offload", ip(58, bad), true, ChecksumOffload},
		{"not computed yet", ip(58, offloaded), false, ChecksumOffload},
		{"not computed yet, known to be", ip(58, offloaded), true, ChecksumOffload},
		{"zero", ip(58, ra()), false, ChecksumBad},
		{"in a tunnel: good", tunnel(ip(58, icmp())), true, ChecksumGood},
		{"in a tunnel: bad", tunnel(ip(58, bad)), true, ChecksumBad},
		{"in a tunnel: not computed yet", tunnel(ip(58, offloaded)), true, ChecksumOffload},
		{"at the end of a source route", ip(43, routing(58, 0, 0), icmp()), false, ChecksumGood},
		{"on a source route", ip(43, routing(58, 0, 1), icmp()), false, ChecksumUnverified},
		{"on a segment route", ip(43, routing(58, 4, 1), bad), false, ChecksumUnverified},
		{"from a home address", ip(60, home(58), bad), false, ChecksumUnverified},
		{"three bytes", ip(58, icmp()[:3]), false, ChecksumUnverified},
		{"four bytes", ip(58, craft.ICMPv6(craft.RouterLL, craft.AllNodes, ra()[:4])), false, ChecksumGood},
	}
	d := NewDecoder()
	var p Packet
	for _, tt := range tests {
		f := frame(LinkTypeRaw, tt.packet)
		f.Offload = tt.offload
		if !d.Decode(f, &p) || p.Checksum != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, p.Checksum, tt.want)
		}
	}
}

// TestChecksumMarked is about a capture that tells of each frame whether its checksum was left to the hardware: one that
// was not and looks like it is bad, as a receiver finds.
func TestChecksumMarked(t *testing.T) {
	offloaded := ip(58, craft.Offloaded(craft.RouterLL, craft.AllNodes, ra()))
	d := NewDecoder()
	var p Packet
	for _, tt := range []struct {
		name   string
		packet []byte
		marked bool
		want   Checksum
	}{
		{"left to the hardware", offloaded, true, ChecksumOffload},
		{"looks like it", offloaded, false, ChecksumBad},
		{"good", ip(58, icmp()), false, ChecksumGood},
		{"in a tunnel the mark is about the outer packet", craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 1, ether(nil, offloaded)), false,
			ChecksumOffload},
	} {
		f := frame(LinkTypeRaw, tt.packet)
		f.Interface = &Interface{MarksOffload: true}
		f.Offload = tt.marked
		if !d.Decode(f, &p) || p.Checksum != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, p.Checksum, tt.want)
		}
	}
}

// The sum by words of eight bytes against craft's, which goes by two.
func TestSum(t *testing.T) {
	d := NewDecoder()
	var p Packet
	r := rand.New(rand.NewPCG(1, 2))
	for n := 4; n < 600; n++ {
		msg := make([]byte, n)
		for i := range msg {
			msg[i] = byte(r.Uint32()) | byte(-(n & 1)) // odd lengths all ones: every addition carries
		}
		b := craft.ICMPv6(craft.RouterLL, craft.AllNodes, msg)
		if !d.Decode(frame(LinkTypeIPv6, ip(58, b)), &p) || p.Checksum != ChecksumGood {
			t.Fatalf("%d bytes: %d", n, p.Checksum)
		}
		b[n-1] ^= 1 << (n % 8)
		if d.Decode(frame(LinkTypeIPv6, ip(58, b)), &p); p.Checksum != ChecksumBad {
			t.Fatalf("%d bytes with a bit turned over: %d", n, p.Checksum)
		}
		b = craft.Offloaded(craft.RouterLL, craft.AllNodes, msg)
		if d.Decode(frame(LinkTypeIPv6, ip(58, b)), &p); p.Checksum != ChecksumOffload {
			t.Fatalf("%d bytes not computed yet: %d", n, p.Checksum)
		}
	}
}
