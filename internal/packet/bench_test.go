package packet

import (
	"testing"
	"time"

	"v6probe/internal/craft"
)

// kinds are frames as a healthy link has them, by what they hold.
var kinds = []struct {
	name  string
	frame []byte
}{
	{"RA", craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes,
		craft.CloudStackRA().Message(append(craft.CloudStackOptions(), craft.DNSSL(30, craft.Name("cs1cloud", "internal")))...))},
	{"RS", craft.Frame(craft.GuestMAC, craft.GuestLL, "ff02::2", craft.RS(craft.SLLA(craft.GuestMAC)))},
	{"NS", craft.Frame(craft.RouterMAC, craft.RouterLL, "ff02::1:ff01:8", craft.NS("fd17:625c:f037:2:0:ff:fe01:8", craft.SLLA(craft.RouterMAC)))},
	{"NA", craft.Frame(craft.GuestMAC, craft.GuestLL, craft.RouterLL, craft.NA(0x60, craft.GuestLL, craft.TLLA(craft.GuestMAC)))},
	{"PTB", craft.Frame(craft.RouterMAC, "2001:db8::1", "fd17:625c:f037:2:0:ff:fe01:8",
		craft.TooBig(1400, craft.IPv6("fd17:625c:f037:2:0:ff:fe01:8", "2001:db8::1", 64, 6, make([]byte, 1192))))},
	{"MLD", craft.Frame(craft.GuestMAC, craft.GuestLL, "ff02::16", craft.MLDv2Report("ff02::1:ff01:8"))},
	{"other", craft.Ethernet(craft.MAC(craft.RouterMAC), craft.MAC(craft.GuestMAC), nil, 0x86dd,
		craft.IPv6("2001:db8::1", "2001:db8::2", 64, 6, make([]byte, 1200)))},
}

// BenchmarkKind decodes a frame of each kind, one kind at a time and all in turn.
func BenchmarkKind(b *testing.B) {
	var frames []*Frame
	for _, k := range kinds {
		f := &Frame{Number: 1, Time: time.Unix(1e9, 0), Data: k.frame, Length: len(k.frame), LinkType: LinkTypeEthernet,
			Interface: &Interface{Name: "eth0", LinkType: LinkTypeEthernet}}
		frames = append(frames, f)
		b.Run(k.name, func(b *testing.B) {
			d := NewDecoder()
			var p Packet
			b.ReportAllocs()
			for b.Loop() {
				d.Decode(f, &p)
			}
		})
	}
	b.Run("in turn", func(b *testing.B) {
		d := NewDecoder()
		var p Packet
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			d.Decode(frames[i%len(frames)], &p)
		}
	})
}
