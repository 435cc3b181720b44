package report

import (
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"

	"v6probe/internal/packet"
)

func checkTime(t *testing.T, s *timestamp, at time.Time) {
	t.Helper()
	if got, want := string(s.append(nil, at)), at.UTC().Format(time.RFC3339Nano); got != want {
		t.Fatalf("%s, want %s", got, want)
	}
}

// TestTimestamp writes times of all years that a capture may have, one after the other with one timestamp.
func TestTimestamp(t *testing.T) {
	var s timestamp
	zone := time.FixedZone("odd", 5*3600+1831)
	fractions := []int{0, 1, 10, 100, 1000, 123456, 123456000, 120000000, 500000000, 999999999, 100000001}
	for year := 1970; year <= 2554; year++ {
		at := time.Date(year, time.Month(year%12+1), year%28+1, year%24, year%60, 58, 0, time.UTC)
		for i, ns := range fractions {
			checkTime(t, &s, at.Add(time.Duration(ns)))
			checkTime(t, &s, at.Add(time.Duration(ns)+time.Duration(i)*time.Second).In(zone))
		}
		checkTime(t, &s, time.Date(year, 12, 31, 23, 59, 59, 999999999, time.UTC))
		checkTime(t, &s, time.Date(year, 2, 28, 23, 59, 59, 0, time.UTC).Add(time.Second))
	}
	for _, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(-1, 999999999), time.Unix(-60, 0), time.Unix(-61, 0), time.Unix(1<<40, 7)} {
		checkTime(t, &s, at)
		checkTime(t, &timestamp{}, at)
	}
}

func FuzzTimestamp(f *testing.F) {
	f.Add(int64(0), int64(-1), uint32(0))
	f.Add(int64(1<<34), int64(59), uint32(999999999))
	f.Fuzz(func(t *testing.T, first, step int64, ns uint32) {
		var s timestamp
		first, step = first%(1<<40), step%1000
		for i := range int64(4) {
			checkTime(t, &s, time.Unix(first+i*step, int64(ns%1e9)))
		}
	})
}

func checkAddr(t *testing.T, a netip.Addr) {
	t.Helper()
	const before = "before"
	if got := string(appendAddr([]byte(before), a)); got != before+a.String() {
		t.Fatalf("%s, want %s", got[len(before):], a)
	}
}

// TestAppendAddr writes addresses with zeros in all places.
func TestAppendAddr(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for zeros := range 1 << 8 {
		for range 40 {
			var ip [16]byte
			for g := range 8 {
				if zeros>>g&1 == 0 {
					v := (r.Uint32() & 0xffff >> (4 * r.IntN(4))) | 1
					ip[2*g], ip[2*g+1] = byte(v>>8), byte(v)
				}
			}
			checkAddr(t, netip.AddrFrom16(ip))
		}
	}
	for v := range 1 << 16 {
		checkAddr(t, netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 14: byte(v >> 8), 15: byte(v)}))
	}
	for _, s := range []string{"::", "::1", "1::", "::ffff:1.2.3.4", "::ffff:0:0", "::1.2.3.4", "192.0.2.1", "fe80::1%eth0",
		"::ffff:1.2.3.4%eth0", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:0:0:2:0:0:0:3", "1:0:0:2:3:0:0:4", "abcd:ef01:2345:6789::"} {
		checkAddr(t, netip.MustParseAddr(s))
	}
}

func FuzzAppendAddr(f *testing.F) {
	f.Add([]byte{0xfe, 0x80, 15: 1}, "")
	f.Add([]byte{10: 0xff, 11: 0xff, 15: 1}, "eth0")
	f.Fuzz(func(t *testing.T, b []byte, zone string) {
		var ip [16]byte
		copy(ip[:], b)
		checkAddr(t, netip.AddrFrom16(ip))
		checkAddr(t, netip.AddrFrom16(ip).WithZone(zone))
		checkAddr(t, netip.AddrFrom4([4]byte(ip[:4])))
	})
}

func TestAppendMAC(t *testing.T) {
	for n := range 14 {
		b := make([]byte, n)
		want := ""
		for i := range b {
			b[i] = byte(i*37 + 9)
			if i > 0 {
				want += ":"
			}
			want += hex.EncodeToString(b[i : i+1])
		}
		if got := string(appendMAC(nil, b)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if m := (packet.MAC{0, 0x9a, 0xff, 0x10, 0x0f, 1}); string(appendEthernet(nil, m)) != m.String() {
		t.Errorf("%s, want %s", appendEthernet(nil, m), m)
	}
}

// oneByOne is object.string without runs.
func oneByOne(s string) string {
	o := object(`"`)
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			o = append(o, '\\', byte(r))
		case strconv.IsPrint(r) && r != utf8.RuneError:
			o = utf8.AppendRune(o, r)
		default:
			o = appendEscape(o, r)
		}
	}
	return string(append(o, '"'))
}

func FuzzObjectStringRuns(f *testing.F) {
	f.Add("a\"b\\c\x00d\x7fe\xfff漢g\u202e")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(object(nil).string(s)), oneByOne(s); got != want {
			t.Fatalf("%q gives %s, want %s", s, got, want)
		}
	})
}
