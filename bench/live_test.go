//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/report"
)

func TestParseTcpdump(t *testing.T) {
	const begin = "tcpdump: listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n"
	for _, c := range []struct {
		text  string
		want  account
		fails bool
	}{
		{begin + "5000 packets captured\n7012 packets received by filter\n2012 packets dropped by kernel\n",
			account{frames: 5000, dropped: 2012, shed: unknown, adverts: unknown}, false},
		{begin + "0 packets captured\n0 packets received by filter\n0 packets dropped by kernel",
			account{shed: unknown, adverts: unknown}, false},
		{begin + "5000 packets captured\n", account{frames: 5000, shed: unknown, adverts: unknown}, true},
		{begin, account{shed: unknown, adverts: unknown}, true},
		{"many packets captured\n1 packets dropped by kernel", account{dropped: 1, shed: unknown, adverts: unknown}, true},
		{" packets captured packets dropped by kernel", account{shed: unknown, adverts: unknown}, true},
	} {
		got, err := parseTcpdump(c.text)
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%q: %+v, error %v; want %+v", c.text, got, err, c.want)
		}
	}
}

func TestParseSummary(t *testing.T) {
	const before = `0},"kernel_drops":9}` + "\n" + `{"type":"neighbor","address":"fe80::1"}` + "\n"
	for _, c := range []struct {
		end   string
		want  account
		fails bool
	}{
		{before + `{"type":"summary","frames":100,"messages":90,"kernel_drops":7}` + "\n",
			account{frames: 100, dropped: 7, adverts: 10}, false},
		{`{"type":"summary","frames":100,"messages":100,"kernel_drops":0,"shed":30}`, account{frames: 100, shed: 30}, false},
		{`{"type":"summary","frames":1,"shed":{"neighbor":5,"vital":2}}`, account{frames: 1, shed: 7, adverts: 1}, false},
		{`{"type":"summary","frames":1,"shed":{"total":7,"neighbor":5,"vital":2}}`, account{frames: 1, shed: 7, adverts: 1}, false},
		{`{"type":"summary","frames":1,"shed":"some"}`, account{frames: 1, adverts: 1}, true},
		{before, account{}, true},
		{before + `{"type":"summary","fra`, account{}, true},
		{"", account{}, true},
	} {
		got, err := parseSummary([]byte(c.end))
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%q: %+v, error %v; want %+v", c.end, got, err, c.want)
		}
	}
}

func TestParseText(t *testing.T) {
	const verdict = "1 message in 3 lines\n" +
		"PASS  0 errors, 0 warnings, 0 notes; 90\u00a0messages in 5.1 s;\n      100 frames looked at"
	for _, c := range []struct {
		end   string
		want  account
		fails bool
	}{
		{verdict, account{frames: 100, adverts: 10}, false},
		{verdict + "; the kernel\n      dropped 7 frames before v6probe saw them",
			account{frames: 100, dropped: 7, adverts: 10}, false},
		{"FAIL 1 message in 1 s; 1 frame looked at; the kernel dropped 1 frame before v6probe saw them",
			account{frames: 1, dropped: 1}, false},
		{verdict + "; 30 frames came faster than could be judged\nand told, and went unread: 20 neighbor, 10 vital",
			account{frames: 100, shed: 30, adverts: 10}, false},
		{"PASS  0 errors; 100 frames looked at", account{}, true},
		{"", account{}, true},
	} {
		got, err := parseText([]byte(c.end))
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%q: %+v, error %v; want %+v", c.end, got, err, c.want)
		}
	}
}

// TestScribe: marks are counted once wherever what is written is cut in two, and the end is kept.
func TestScribe(t *testing.T) {
	text := []byte("xmarkmark, mar; amark-" + strings.Repeat("long ", scribeKeeps/4) + "markmar")
	for size := 1; size <= len(text); size = size*3/2 + 1 {
		s := scribe{mark: []byte("mark")}
		for part := range slices.Chunk(text, size) {
			if n, err := s.Write(part); n != len(part) || err != nil {
				t.Fatalf("%d of %d written, error %v", n, len(part), err)
			}
		}
		if s.marks != 4 || !bytes.Equal(s.end, text[len(text)-scribeKeeps:]) {
			t.Errorf("in parts of %d: %d marks, the end is %d bytes, %.20q…", size, s.marks, len(s.end), s.end)
		}
	}
	none := scribe{}
	if _, err := none.Write(text); err != nil || none.marks != 0 {
		t.Errorf("%d marks of none, error %v", none.marks, err)
	}
}

// TestFloods: whatever the numbers are, the frames are good, and different.
func TestFloods(t *testing.T) {
	for name, f := range map[string]*flood{"UDP": udpFlood(), "NS": nsFlood(), "RA": raFlood()} {
		t.Run(name, func(t *testing.T) {
			plain := bytes.Clone(f.frame)
			for _, numbers := range [][]uint32{{0, 0}, {1, 0xffff0000}, {0xdeadbeef, 0x12345678}, {0xffffffff, 0xffffffff}} {
				frame := bytes.Clone(f.frame)
				for i, s := range f.spots {
					n := numbers[s.number]
					if s.inverted {
						n = ^n
					}
					binary.NativeEndian.PutUint32(frame[s.offset:], n)
					if i > 0 && s.number < f.spots[i-1].number {
						t.Errorf("spot %d is of the number %d, the one before of %d", i, s.number, f.spots[i-1].number)
					}
				}
				if sum := transportSum(frame); sum != 0xffff {
					t.Errorf("%x: the sum is %#x", numbers, sum)
				}
				if numbers[0] == 0 && numbers[1] == 0 {
					if !bytes.Equal(frame, plain) {
						t.Errorf("the frame is not that of zeros:\n%x\n%x", plain, frame)
					}
				} else if bytes.Equal(frame, plain) {
					t.Errorf("%x: the same frame", numbers)
				}
			}
		})
	}
}

// transportSum is the ones' complement sum that a right checksum makes 0xffff (RFC 8200 §8.1).
func transportSum(frame []byte) uint32 {
	ip := frame[livePacket:]
	sum := uint32(ip[6]) + uint32(len(frame)-liveMessage)
	for i := 8; i < len(ip); i += 2 { // the addresses are in it, too
		sum += uint32(ip[i]) << 8
		if i+1 < len(ip) {
			sum += uint32(ip[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return sum
}

// TestKnownRouter: no advertisement is like another, and what v6probe writes of each has the mark once.
func TestKnownRouter(t *testing.T) {
	list := knownRouter(3)
	seen := make(map[string]bool)
	var out bytes.Buffer
	var p packet.Packet
	ifc := &packet.Interface{Name: liveInterface, LinkType: packet.LinkTypeEthernet, MTU: 1500}
	j, d := report.NewJSON(&out), packet.NewDecoder()
	other := craft.Frame(craft.GuestMAC, craft.GuestLL, craft.AllNodes, craft.CloudStackRA().Message())
	for i, frame := range append(list, other) {
		out.Reset()
		d.Decode(&packet.Frame{Number: 1, Time: time.Unix(0, 0), Data: frame, Length: len(frame), LinkType: ifc.LinkType,
			Interface: ifc}, &p)
		if err := j.Message(&p, nil); err != nil || !json.Valid(out.Bytes()) {
			t.Fatalf("error %v: %s", err, &out)
		}
		want := 1
		if i == len(list) {
			want = 0 // another router
		}
		if n := bytes.Count(out.Bytes(), advertMark); n != want || transportSum(frame) != 0xffff {
			t.Errorf("%d: %d marks, want %d, in %s", i, n, want, &out)
		}
		seen[string(frame)] = true
	}
	if len(list) != 3 || len(seen) != 4 {
		t.Errorf("%d frames, %d are different", len(list), len(seen))
	}
}

func TestLost(t *testing.T) {
	of := func(due int, a account) liveRun {
		return liveRun{poured: poured{frames: 900, adverts: 100}, captured: captured{account: a}, due: due}
	}
	for _, c := range []struct {
		name        string
		run         liveRun
		lost        int
		guess       bool
		unaccounted int
	}{
		{"shown", of(1000, account{frames: 500, dropped: 500, adverts: 60}), 40, false, 0},
		{"none is missing", of(1000, account{frames: 1000, shed: unknown, adverts: unknown}), 0, false, 0},
		{"a share", of(1000, account{frames: 300, dropped: 600, shed: unknown, adverts: unknown}), 70, true, 100},
		{"nothing but advertisements", of(100, account{frames: 93, dropped: 7, shed: unknown, adverts: unknown}), 7, false, 0},
		{"shed", of(1000, account{frames: 500, dropped: 300, shed: 200, adverts: 100}), 0, false, 0},
	} {
		n, guess := c.run.lost()
		if left := c.run.unaccounted(); n != c.lost || guess != c.guess || left != c.unaccounted {
			t.Errorf("%s: %d lost, a guess %v, %d unaccounted for", c.name, n, guess, left)
		}
	}
}
