package icmp6

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"

	"v6probe/internal/craft"
)

// decode returns b as a fresh Message.
func decode(b []byte) *Message {
	m := new(Message)
	m.Decode(b)
	return m
}

func TestDecodeFixedFields(t *testing.T) {
	target, dest := netip.MustParseAddr("fe80::5"), netip.MustParseAddr("2001:db8::9")
	ra := craft.RA{CurHopLimit: 64, Flags: 0xff, Lifetime: 1800, ReachableTime: 30000, RetransTimer: 0x01020304}
	withCode := craft.RS()
	copy(withCode, []byte{133, 7, 0xab, 0xcd, 0x12, 0x34, 0x56, 0x78})
	na := craft.NA(0xff, "fe80::5")
	copy(na[5:], []byte{0x01, 0x02, 0x03})
	redirect := craft.Join([]byte{137, 0, 0, 0, 0, 0, 0, 9}, craft.Addr("fe80::5"), craft.Addr("2001:db8::9"))
	mld := craft.Join([]byte{143, 0, 0x11, 0x22, 0, 0, 0, 1}, bytes.Repeat([]byte{1, 0, 0, 0}, 5))

	tests := []struct {
		name string
		raw  []byte
		want Message
	}{
		{"ra all flags", ra.Message(), Message{Type: 134, RA: RouterFields{
			CurHopLimit: 64, Flags: 0xff, Managed: true, Other: true, HomeAgent: true, Preference: PreferenceLow,
			Proxy: true, SNAC: true, ReservedFlags: 1, RouterLifetime: 1800, ReachableTime: 30000,
			RetransTimer: 0x01020304}}},
		{"ra M", craft.RA{Flags: 0x80}.Message(), Message{Type: 134, RA: RouterFields{Flags: 0x80, Managed: true}}},
		{"ra O", craft.RA{Flags: 0x40}.Message(), Message{Type: 134, RA: RouterFields{Flags: 0x40, Other: true}}},
		{"ra H", craft.RA{Flags: 0x20}.Message(), Message{Type: 134, RA: RouterFields{Flags: 0x20, HomeAgent: true}}},
		{"ra reserved preference", craft.RA{Flags: 0x10}.Message(),
			Message{Type: 134, RA: RouterFields{Flags: 0x10, Preference: PreferenceReserved}}},
		{"ra high", craft.RA{Flags: 0x08}.Message(),
			Message{Type: 134, RA: RouterFields{Flags: 0x08, Preference: PreferenceHigh}}},
		{"ra P", craft.RA{Flags: 0x04}.Message(), Message{Type: 134, RA: RouterFields{Flags: 0x04, Proxy: true}}},
		{"ra SNAC", craft.RA{Flags: 0x02}.Message(), Message{Type: 134, RA: RouterFields{Flags: 0x02, SNAC: true}}},
		{"ra reserved bit", craft.RA{Flags: 0x01}.Message(),
			Message{Type: 134, RA: RouterFields{Flags: 0x01, ReservedFlags: 1}}},
		{"rs", withCode, Message{Type: 133, Code: 7, Checksum: 0xabcd, Reserved: 0x12345678}},
		{"ns", craft.NS("fe80::5"), Message{Type: 135, Target: target}},
		{"na all", na, Message{Type: 136, NA: NeighborFlags{Router: true, Solicited: true, Override: true},
			Reserved: 0x1f010203, Target: target}},
		{"na R", craft.NA(0x80, "fe80::5"), Message{Type: 136, NA: NeighborFlags{Router: true}, Target: target}},
		{"na S", craft.NA(0x40, "fe80::5"), Message{Type: 136, NA: NeighborFlags{Solicited: true}, Target: target}},
		{"na O", craft.NA(0x20, "fe80::5"), Message{Type: 136, NA: NeighborFlags{Override: true}, Target: target}},
		{"redirect", redirect, Message{Type: 137, Reserved: 9, Target: target, RedirectDestination: dest}},
		{"mld has no nd options", mld, Message{Type: 143, Checksum: 0x1122}},

		{"nothing", nil, Message{Short: true}},
		{"type only", []byte{134}, Message{Type: 134, Short: true}},
		{"type and code", []byte{1, 4}, Message{Type: 1, Code: 4, Short: true}},
		{"half a checksum", []byte{2, 0, 9}, Message{Type: 2, Short: true}},
		{"header alone", []byte{2, 0, 0, 9}, Message{Type: 2, Checksum: 9, Short: true}},
		{"header alone, of a type not known here", []byte{200, 0, 0, 9}, Message{Type: 200, Checksum: 9}},
		{"rs of 7", withCode[:7], Message{Type: 133, Code: 7, Checksum: 0xabcd, Short: true}},
		{"ra of 15", ra.Message()[:15], Message{Type: 134, Short: true, RA: RouterFields{
			CurHopLimit: 64, Flags: 0xff, Managed: true, Other: true, HomeAgent: true, Preference: PreferenceLow,
			Proxy: true, SNAC: true, ReservedFlags: 1, RouterLifetime: 1800, ReachableTime: 30000}}},
		{"ra of 6", ra.Message()[:6], Message{Type: 134, Short: true, RA: RouterFields{
			CurHopLimit: 64, Flags: 0xff, Managed: true, Other: true, HomeAgent: true, Preference: PreferenceLow,
			Proxy: true, SNAC: true, ReservedFlags: 1}}},
		{"ra of 5", ra.Message()[:5], Message{Type: 134, Short: true, RA: RouterFields{CurHopLimit: 64}}},
		{"ns of 23", craft.NS("fe80::5")[:23], Message{Type: 135, Short: true}},
		{"na of 5", na[:5], Message{Type: 136, Short: true,
			NA: NeighborFlags{Router: true, Solicited: true, Override: true}}},
		{"redirect of 39", redirect[:39], Message{Type: 137, Short: true, Reserved: 9, Target: target}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Raw = tt.raw
			if got := decode(tt.raw); !reflect.DeepEqual(*got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", *got, tt.want)
			}
		})
	}
}

// TestDecodeReuse shows that nothing of an earlier message stays in a reused Message.
func TestDecodeReuse(t *testing.T) {
	full := craft.RA{CurHopLimit: 64, Flags: 0xff, Lifetime: 1, ReachableTime: 1, RetransTimer: 1}.
		Message(craft.SLLA(craft.RouterMAC), []byte{1, 0, 0})
	for _, b := range [][]byte{nil, {133}, craft.RS(), craft.NS("fe80::1"), craft.RA{}.Message(craft.MTU(1500))} {
		m := decode(full)
		m.Decode(craft.NA(0xe0, "fe80::2"))
		m.Decode(full)
		m.Decode(b)
		want := decode(b)
		if len(m.Options) != len(want.Options) {
			t.Fatalf("% x: %d options, want %d", b, len(m.Options), len(want.Options))
		}
		if len(want.Options) == 0 {
			m.Options = nil
		}
		if !reflect.DeepEqual(m, want) {
			t.Errorf("% x: got %+v, want %+v", b, m, want)
		}
	}
}

// place is what a walk says about where an option lies.
type place struct {
	typ     OptionType
	off     int
	size    int
	fault   Fault
	guessed bool
}

func TestOptionWalk(t *testing.T) {
	slla, mtu := craft.SLLA(craft.RouterMAC), craft.MTU(1500)
	pio := craft.PIO("2001:db8::", 64, 0xc0, 1, 1)
	zero := func(option []byte) []byte { return craft.WithLength(option, 0) }
	big := craft.WithLength(craft.Option(200, make([]byte, 2038)), 255)

	tests := []struct {
		name     string
		options  [][]byte
		want     []place
		trailing int
	}{
		{"none", nil, nil, 0},
		{"three", [][]byte{slla, pio, mtu}, []place{{1, 16, 8, 0, false}, {3, 24, 32, 0, false}, {5, 56, 8, 0, false}}, 0},
		{"unknown type", [][]byte{craft.Option(253, []byte{1}), mtu},
			[]place{{253, 16, 8, 0, false}, {5, 24, 8, 0, false}}, 0},
		{"255 units", [][]byte{big, mtu}, []place{{200, 16, 2040, 0, false}, {5, 2056, 8, 0, false}}, 0},
		{"255 units cut by one byte", [][]byte{big[:2039]}, []place{{200, 16, 2039, FaultOverrun, false}}, 0},

		{"zero length first", [][]byte{zero(slla), pio, mtu},
			[]place{{1, 16, 8, FaultZero, false}, {3, 24, 32, 0, true}, {5, 56, 8, 0, true}}, 0},
		{"zero length in the middle", [][]byte{slla, zero(pio), mtu},
			[]place{{1, 16, 8, 0, false}, {3, 24, 32, FaultZero, false}, {5, 56, 8, 0, true}}, 0},
		{"zero length last", [][]byte{slla, zero(mtu)}, []place{{1, 16, 8, 0, false}, {5, 24, 8, FaultZero, false}}, 0},
		{"zero length, cut", [][]byte{zero(pio)[:20]}, []place{{3, 16, 20, FaultZero, false}}, 0},
		{"zero length twice", [][]byte{zero(mtu), zero(slla)},
			[]place{{5, 16, 8, FaultZero, false}, {1, 24, 8, FaultZero, true}}, 0},
		{"zero length pref64", [][]byte{zero(craft.PREF64("64:ff9b::", 0, 600)), mtu},
			[]place{{38, 16, 16, FaultZero, false}, {5, 32, 8, 0, true}}, 0},
		{"zero length 6co", [][]byte{zero(craft.SixCO(64, 0x10, 1, "2001:db8::", 8)), mtu},
			[]place{{34, 16, 16, FaultZero, false}, {5, 32, 8, 0, true}}, 0},
		{"zero length unknown", [][]byte{zero(craft.Option(99, make([]byte, 14))), mtu},
			[]place{{99, 16, 8, FaultZero, false}, {0, 24, 8, FaultZero, true}, {5, 32, 8, 0, true}}, 0},

		{"overrun", [][]byte{slla, craft.WithLength(mtu, 2)},
			[]place{{1, 16, 8, 0, false}, {5, 24, 8, FaultOverrun, false}}, 0},
		{"overrun alone", [][]byte{craft.WithLength(pio, 255)}, []place{{3, 16, 32, FaultOverrun, false}}, 0},
		{"overrun swallows the rest", [][]byte{craft.WithLength(slla, 6), pio},
			[]place{{1, 16, 40, FaultOverrun, false}}, 0},
		{"overrun after a zero length", [][]byte{zero(mtu), craft.WithLength(slla, 9)},
			[]place{{5, 16, 8, FaultZero, false}, {1, 24, 8, FaultOverrun, true}}, 0},

		{"1 byte trailing", [][]byte{slla, {1}}, []place{{1, 16, 8, 0, false}}, 1},
		{"2 bytes trailing", [][]byte{slla, {1, 1}}, []place{{1, 16, 8, 0, false}}, 2},
		{"3 bytes trailing", [][]byte{slla, make([]byte, 3)}, []place{{1, 16, 8, 0, false}}, 3},
		{"4 bytes trailing", [][]byte{slla, make([]byte, 4)}, []place{{1, 16, 8, 0, false}}, 4},
		{"5 bytes trailing", [][]byte{slla, make([]byte, 5)}, []place{{1, 16, 8, 0, false}}, 5},
		{"6 bytes trailing", [][]byte{slla, make([]byte, 6)}, []place{{1, 16, 8, 0, false}}, 6},
		{"7 bytes trailing", [][]byte{mtu[:7]}, nil, 7},
		{"trailing after a zero length", [][]byte{zero(mtu), {5, 1, 0}}, []place{{5, 16, 8, FaultZero, false}}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := craft.CloudStackRA().Message(tt.options...)
			m := decode(raw)
			var got []place
			for _, o := range m.Options {
				got = append(got, place{o.Type, o.Offset, len(o.Raw), o.Fault, o.Guessed})
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("options: got %v, want %v", got, tt.want)
			}
			if m.Trailing != tt.trailing {
				t.Errorf("trailing: got %d, want %d", m.Trailing, tt.trailing)
			}
			checkWalk(t, m, raw)
		})
	}
}

// TestOptionOffsets shows where the options begin in each message that has some.
func TestOptionOffsets(t *testing.T) {
	slla := craft.SLLA(craft.GuestMAC)
	redirect := craft.Join([]byte{137, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 32), slla)
	for off, raw := range map[int][]byte{8: craft.RS(slla), 16: craft.RA{}.Message(slla), 24: craft.NS("fe80::1", slla),
		40: redirect} {
		m := decode(raw)
		if len(m.Options) != 1 || m.Options[0].Offset != off || !bytes.Equal(m.Options[0].Raw, slla) {
			t.Errorf("%v: options %v, want one at %d", m.Type, m.Options, off)
		}
	}
}

// TestLongestMessage walks the most options that a payload length can announce.
func TestLongestMessage(t *testing.T) {
	raw := craft.RA{}.Message(make([]byte, 65535-16))
	m := decode(raw)
	if len(m.Options) != 8189 || m.Trailing != 7 {
		t.Errorf("%d options, %d trailing bytes, want 8189 and 7", len(m.Options), m.Trailing)
	}
	checkWalk(t, m, raw)
}

// typicalRA is an RA with an option of every type that routers send often.
func typicalRA() []byte {
	return craft.CloudStackRA().Message(append(craft.CloudStackOptions(), craft.MTU(1450),
		craft.RIO("2001:db8::", 48, 0x08, 1800, 8), craft.DNSSL(30, craft.Name("cs", "example")),
		craft.CaptivePortal("https://p.example/"), craft.PREF64("64:ff9b::", 0, 600),
		craft.EncryptedDNS(1, 600, craft.Name("dns", "example"), [][]byte{craft.Addr("2001:db8::53")}, []byte{0, 1, 0, 0}))...)
}

func TestDecodeAllocations(t *testing.T) {
	raw := typicalRA()
	longest := craft.RA{}.Message(make([]byte, 65535-16))
	var reused Message
	reused.Decode(longest)
	for name, b := range map[string][]byte{"typical": raw, "longest": longest} {
		if n := testing.AllocsPerRun(100, func() { reused.Decode(b) }); n != 0 {
			t.Errorf("%s into a used message: %v allocations, want 0", name, n)
		}
		var fresh Message
		if n := testing.AllocsPerRun(100, func() { fresh = Message{}; fresh.Decode(b) }); n > 1 {
			t.Errorf("%s into a fresh message: %v allocations, want at most 1", name, n)
		}
	}
	reused.Decode(craft.Join(raw, craft.PIO("2001:db8::", 200, 0, 1, 1), craft.RIO("::", 255, 0, 1, 0)))
	n := testing.AllocsPerRun(100, func() {
		for _, o := range reused.Options {
			readFixed(o)
		}
	})
	if n != 0 {
		t.Errorf("views: %v allocations, want 0", n)
	}
}

func BenchmarkDecodeRA(b *testing.B) {
	raw := typicalRA()
	var m Message
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		m.Decode(raw)
	}
}

func BenchmarkDecodeRAAndViews(b *testing.B) {
	raw := typicalRA()
	var m Message
	b.ReportAllocs()
	for b.Loop() {
		m.Decode(raw)
		for _, o := range m.Options {
			readFixed(o)
		}
	}
}
