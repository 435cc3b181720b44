package filter

import (
	"encoding/hex"
	"net/netip"
	"testing"
)

func TestBits(t *testing.T) {
	half := bits{[]byte{0x10, 0}, []byte{0xf0, 0}} // 0x1000 to 0x1fff
	cases := []struct {
		from, to       uint16
		equal, between Truth
	}{
		{0x1000, 0x1fff, CannotTell, Yes},
		{0x0fff, 0x2000, No, Yes},
		{0x1001, 0x1fff, CannotTell, CannotTell},
		{0x1000, 0x1ffe, CannotTell, CannotTell},
		{0x2000, 0xffff, No, No},
		{0x0000, 0x0fff, No, No},
		{0x0000, 0x1000, No, CannotTell},
		{0x1fff, 0xffff, CannotTell, CannotTell},
	}
	for _, c := range cases {
		from, to := []byte{byte(c.from >> 8), byte(c.from)}, []byte{byte(c.to >> 8), byte(c.to)}
		if got := half.equal(from); got != c.equal {
			t.Errorf("equal to %x: %d, want %d", from, got, c.equal)
		}
		if got := half.within(from, to); got != c.between {
			t.Errorf("in %x-%x: %d, want %d", from, to, got, c.between)
		}
	}
	if knownBits([]byte{1, 2}).equal([]byte{1, 2}) != Yes {
		t.Error("what is known is not equal to itself")
	}
}

func TestImage(t *testing.T) {
	p := &Packet{Source: netip.MustParseAddr("fe80::1"), Target: netip.MustParseAddr("ff02::1"), HopLimit: 1, Type: 130,
		Length: 72}
	cases := []struct {
		offset, n int
		want      string // in hexadecimal, the bits that are known after a slash
		truth     Truth
	}{
		{0, 2, "6000/f000", Yes},
		{4, 4, "00200001/ffffffff", Yes},
		{22, 4, "0001ff02/ffffffff", Yes},
		{40, 2, "3a00/ffff", Yes},
		{48, 3, "820000/ffff00", Yes},
		{71, 1, "00/00", Yes},
		{71, 2, "0000/0000", No},
	}
	for _, c := range cases {
		b, truth := p.read(c.offset, c.n)
		if got := hexOf(b); got != c.want || truth != c.truth {
			t.Errorf("%d bytes at %d: %s, %d; want %s, %d", c.n, c.offset, got, truth, c.want, c.truth)
		}
	}
	if got := hexOf(p.link()); got != "33330000000100000000000086dd/ffffffffffff000000000000ffff" {
		t.Error("Ethernet:", got)
	}
	p.Length = 0
	for end, want := range map[int]Truth{56: Yes, 57: CannotTell} {
		if _, truth := p.read(0, end); truth != want {
			t.Errorf("%d bytes of a packet whose length is not known: %d, want %d", end, truth, want)
		}
	}
}

func hexOf(b bits) string { return hex.EncodeToString(b.value) + "/" + hex.EncodeToString(b.known) }
