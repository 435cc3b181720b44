package packet

import (
	"slices"
	"testing"

	"v6probe/internal/craft"
)

// of returns a packet with PayloadLength bytes behind the IPv6 header, the extension headers first.
func of(length int, next uint8, headers ...[]byte) []byte {
	head := craft.Join(headers...)
	return craft.IPv6("2001:db8::a", "2001:db8::b", 64, next, craft.Join(head, make([]byte, length-len(head))))
}

func TestLarge(t *testing.T) {
	ports := []byte{0x9c, 0x40, 0x01, 0xbb}
	udp := craft.Join(ports, []byte{0x04, 0xd8, 0, 0})
	tests := []struct {
		name     string
		ip       []byte
		kept     bool
		protocol uint8
		at       int // of the payload
		complete bool
	}{
		{"TCP", of(1240, 6, ports), true, 6, 40, true},
		{"TCP of 1279 bytes", of(1239, 6, ports), false, 0, 0, false},
		{"UDP", of(1240, 17, udp), true, 17, 40, true},
		{"ESP", of(1400, 50), true, 50, 40, true},
		{"no next header", of(1400, 59), true, 59, 40, true},
		{"IPv6 in IPv6", of(1400, 41), true, 41, 40, true},
		{"behind destination options", of(1400, 60, craft.HopByHop(6), ports), true, 6, 48, true},
		{"atomic fragment", of(1400, 44, craft.FragmentHeader(6, 0, false, 1), ports), true, 6, 48, true},
		{"first fragment of TCP", of(1400, 44, craft.FragmentHeader(6, 0, true, 1), ports), true, 6, 48, false},
		{"first fragment of UDP", of(1400, 44, craft.FragmentHeader(17, 0, true, 2), udp), true, 17, 48, false},
		{"first fragment behind options", of(1400, 44, craft.FragmentHeader(60, 0, true, 3), craft.HopByHop(6), ports), true, 6,
			56, false},
		{"later fragment of TCP", of(1400, 44, craft.FragmentHeader(6, 8, true, 4)), false, 0, 0, false},
		{"later fragment of UDP", of(1400, 44, craft.FragmentHeader(17, 8, true, 5)), false, 0, 0, false},
		{"options that do not parse", of(1400, 60, []byte{6, 0, 1, 9, 0, 0, 0, 0}, ports), false, 0, 0, false},
		{"UDP length too short", of(1400, 17, ports, []byte{0, 7, 0, 0}), false, 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := NewDecoder()
			var p Packet
			for _, data := range [][]byte{ether([]uint16{100}, tt.ip), ether(nil, tt.ip),
				outer(nil, craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 5001, ether(nil, tt.ip)))} {
				d.Large = false
				if d.Decode(frame(LinkTypeEthernet, data), &p) {
					t.Fatal("kept without being asked for")
				}
				d.Large = true
				cut := frame(LinkTypeEthernet, data[:256])
				cut.Length = len(data)
				for i, f := range []*Frame{frame(LinkTypeEthernet, data), cut} {
					if kept := d.Decode(f, &p); kept != tt.kept {
						t.Fatalf("kept %v", kept)
					}
					if !tt.kept {
						continue
					}
					if p.Protocol != tt.protocol || p.PayloadOffset != p.IPOffset+tt.at || p.Complete != (tt.complete && i == 0) ||
						p.IsICMPv6 || p.Source.String() != "2001:db8::a" || p.Destination.String() != "2001:db8::b" {
						t.Errorf("protocol %d at %d, complete %v, from %v to %v", p.Protocol, p.PayloadOffset-p.IPOffset, p.Complete,
							p.Source, p.Destination)
					}
					if hasPorts := p.Protocol == 6 || p.Protocol == 17; hasPorts && string(p.Payload[:4]) != string(ports) {
						t.Errorf("ports % x", p.Payload[:4])
					}
					if truncated := slices.ContainsFunc(p.Damage, isTruncated); truncated != (i == 1) || len(p.Damage) > 1 {
						t.Errorf("damage %v", p.Damage)
					}
				}
			}
			if len(d.datagrams.slots) > 0 && d.datagrams.slots[0].have > 0 {
				t.Error("put together")
			}
		})
	}
}

// TestTCP wants segments of any length, and nothing else, where TCP alone is asked for.
func TestTCP(t *testing.T) {
	segment := craft.TCP6("2001:db8::a", "2001:db8::b", 40000, 443, []byte("hello"))
	tests := []struct {
		name string
		ip   []byte
		kept bool
		fits bool
	}{
		{"short", of(len(segment), 6, segment), true, true},
		{"checksum of others", of(len(segment), 6, segment[:24], []byte("J")), true, false},
		{"no data, no header", of(0, 6), true, false},
		{"large", of(1300, 6, segment), true, false},
		{"behind options", of(8+len(segment), 60, craft.HopByHop(6), segment), true, true},
		{"first fragment", of(8+len(segment), 44, craft.FragmentHeader(6, 0, true, 1), segment), false, false},
		{"UDP", of(1300, 17, segment[:4], []byte{0x05, 0x14, 0, 0}), false, false},
		{"ESP", of(1300, 50), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := NewDecoder()
			var p Packet
			f := frame(LinkTypeIPv6, tt.ip)
			if d.Decode(f, &p) {
				t.Fatal("kept without being asked for")
			}
			d.TCP = true
			if kept := d.Decode(f, &p); kept != tt.kept || kept && (p.Protocol != 6 || p.SumFits() != tt.fits) {
				t.Errorf("kept %v, protocol %d, checksum fits %v", kept, p.Protocol, p.SumFits())
			}
			cut := frame(LinkTypeIPv6, tt.ip[:len(tt.ip)-1])
			cut.Length++
			if d.Decode(cut, &p) && p.SumFits() {
				t.Error("the checksum of a cut segment fits")
			}
		})
	}
}

// TestLargeICMPv6 wants of ICMPv6 what there is without the option.
func TestLargeICMPv6(t *testing.T) {
	d := NewDecoder()
	d.Large = true
	var p Packet
	echo := craft.ICMPv6(craft.RouterLL, craft.AllNodes, craft.Echo(1400))
	if !d.Decode(frame(LinkTypeEthernet, ether(nil, ip(58, echo))), &p) || !p.IsICMPv6 || p.Checksum != ChecksumGood {
		t.Errorf("IsICMPv6 %v, checksum %d", p.IsICMPv6, p.Checksum)
	}
	for i, b := range piecesOf(1, 58, echo, 1304) {
		if !d.Decode(frame(LinkTypeIPv6, b), &p) || p.Fragment.Reassembled != (i == 1) {
			t.Errorf("fragment %d: %+v", i, p.Fragment)
		}
	}
}
