package report

import (
	"io"
	"net/netip"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// linkFrames are frames as a healthy link has them, by what they hold.
func linkFrames() map[string][]byte {
	const guest, group = "fd17:625c:f037:2:0:ff:fe01:8", "ff02::1:ff01:8"
	options := append(craft.CloudStackOptions(), craft.DNSSL(30, craft.Name("cs1cloud", "internal")))
	return map[string][]byte{
		"RA":  craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.CloudStackRA().Message(options...)),
		"RS":  craft.Frame(craft.GuestMAC, craft.GuestLL, "ff02::2", craft.RS(craft.SLLA(craft.GuestMAC))),
		"NS":  craft.Frame(craft.RouterMAC, craft.RouterLL, group, craft.NS(guest, craft.SLLA(craft.RouterMAC))),
		"NA":  craft.Frame(craft.GuestMAC, guest, craft.RouterLL, craft.NA(0x60, guest, craft.TLLA(craft.GuestMAC))),
		"PTB": craft.Frame(craft.RouterMAC, "2001:db8::1", guest, craft.TooBig(1400, craft.IPv6(guest, "2001:db8::1", 64, 6, make([]byte, 1192)))),
		"MLD": craft.Frame(craft.GuestMAC, craft.GuestLL, "ff02::16", craft.MLDv2Report(group)),
	}
}

// BenchmarkMessage makes the line of a message of each kind, once as one that was there before, once as one that was not.
func BenchmarkMessage(b *testing.B) {
	for name, frame := range linkFrames() {
		p := decode(b, frame)
		p.Frame.Time = time.Date(2026, 1, 1, 10, 20, 30, 123456000, time.UTC)
		p.Frame.Number = 1234567
		p.Frame.Direction = packet.Incoming
		p.Frame.Interface = &packet.Interface{Name: "eth0"}
		again := func(b *testing.B, each func(j *JSON)) {
			j := NewJSON(io.Discard)
			b.ReportAllocs()
			for b.Loop() {
				each(j)
				if err := j.Message(p, nil); err != nil {
					b.Fatal(err)
				}
				p.Frame.Time = p.Frame.Time.Add(7 * time.Millisecond)
			}
		}
		b.Run(name+"/again", func(b *testing.B) { again(b, func(*JSON) {}) })
		b.Run(name+"/new", func(b *testing.B) {
			again(b, func(j *JSON) {
				if j.memo.slots != nil {
					j.memo.slots[p.Message.Checksum%memoSlots].key.hopLimit++
				}
			})
		})
	}
}

func BenchmarkAppendAddr(b *testing.B) {
	for _, s := range []string{"fe80::ff:fe00:1", "fd17:625c:f037:2:0:ff:fe01:8", "ff02::1"} {
		a, line := netip.MustParseAddr(s), make([]byte, 0, 64)
		b.Run(s, func(b *testing.B) {
			for b.Loop() {
				line = appendAddr(line[:0], a)
			}
		})
		b.Run("netip/"+s, func(b *testing.B) {
			for b.Loop() {
				line = a.AppendTo(line[:0])
			}
		})
	}
}
