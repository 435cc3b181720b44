package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// orders runs f for both byte orders.
func orders(t *testing.T, f func(t *testing.T, n ng)) {
	t.Run("little-endian", func(t *testing.T) { f(t, ng{}) })
	t.Run("big-endian", func(t *testing.T) { f(t, ng{big: true}) })
}

func TestPcapng(t *testing.T) {
	orders(t, func(t *testing.T, n ng) {
		fcs := craft.Join(ndFrame, []byte{1, 2, 3, 4})
		flags := func(v uint32) []byte { return n.option(epbFlags, n.u32(v)) }
		comment := n.option(optComment, []byte("hello"))
		end := n.option(optEnd, nil)
		obsolete := func(id, drops uint16, data []byte, options ...[]byte) []byte {
			return n.block(blockPacket, n.u16(id), n.u16(drops), n.u32(0), n.u32(7000008), n.u32(uint32(len(data))),
				n.u32(uint32(len(data))), pad(data), craft.Join(options...))
		}
		simple := func(data []byte, length int) []byte { return n.block(blockSimple, n.u32(uint32(length)), data) }
		eth := n.iface(1, 0)
		micro, epoch := time.Unix(7, 8000), time.Unix(0, 0)
		const in, out, unknown = packet.Incoming, packet.Outgoing, packet.DirectionUnknown
		tests := []struct {
			name      string
			blocks    []byte
			lt        packet.LinkType
			time      time.Time
			data      []byte
			length    int
			direction packet.Direction
		}{
			{"enhanced", craft.Join(eth, n.enhanced(0, 7000008, 90, ndFrame)), 1, micro, ndFrame, 90, unknown},
			{"incoming", craft.Join(eth, n.enhanced(0, 7000008, 90, ndFrame, flags(1))), 1, micro, ndFrame, 90, in},
			{"outgoing", craft.Join(eth, n.enhanced(0, 7000008, 90, ndFrame, comment, flags(2), end)), 1, micro, ndFrame, 90, out},
			{"direction 3", craft.Join(eth, n.enhanced(0, 7000008, 90, ndFrame, flags(3))), 1, micro, ndFrame, 90, unknown},
			{"flags behind the end", craft.Join(eth, n.enhanced(0, 7000008, 90, ndFrame, end, flags(2))), 1, micro, ndFrame, 90, unknown},
			{"option past the end", craft.Join(eth, n.enhanced(0, 7000008, 90, ndFrame, n.u16(1), n.u16(100))), 1, micro, ndFrame, 90, unknown},
			{"padding", craft.Join(n.iface(101, 0), n.enhanced(0, 7000008, 41, ndIP[:41], flags(2))), 101, micro, ndIP[:41], 41, out},
			{"second interface", craft.Join(n.iface(113, 0), eth, n.enhanced(1, 7000008, 90, ndFrame)), 1, micro, ndFrame, 90, unknown},
			{"ip over raw 12", craft.Join(n.iface(12, 0), n.enhanced(0, 7000008, 90, ndIP)), 101, micro, ndIP, 90, unknown},
			{"fcs in bits", craft.Join(n.iface(1, 0, n.option(ifFCSLen, []byte{32})), n.enhanced(0, 7000008, len(fcs), fcs)),
				1, micro, ndFrame, len(ndFrame), unknown},
			{"fcs in bytes", craft.Join(n.iface(1, 0, n.option(ifFCSLen, []byte{4})), n.enhanced(0, 7000008, len(fcs), fcs)),
				1, micro, ndFrame, len(ndFrame), unknown},
			{"fcs in the flags", craft.Join(eth, n.enhanced(0, 7000008, len(fcs), fcs, flags(4<<5|1))), 1, micro, ndFrame, len(ndFrame), in},
			{"fcs in both", craft.Join(n.iface(1, 0, n.option(ifFCSLen, []byte{32})), n.enhanced(0, 7000008, len(fcs), fcs, flags(4<<5))),
				1, micro, ndFrame, len(ndFrame), unknown},
			{"nanoseconds", craft.Join(n.iface(1, 0, n.option(ifTSResol, []byte{9})), n.enhanced(0, 7000000008, 90, ndFrame)),
				1, time.Unix(7, 8), ndFrame, 90, unknown},
			{"offset", craft.Join(n.iface(1, 0, n.option(ifTSOffset, n.u64(1000))), n.enhanced(0, 7000008, 90, ndFrame)),
				1, time.Unix(1007, 8000), ndFrame, 90, unknown},
			{"simple", craft.Join(eth, simple(ndFrame, len(ndFrame))), 1, epoch, ndFrame, len(ndFrame), unknown},
			{"simple, cut to the snap length", craft.Join(n.iface(1, 60), simple(ndFrame[:60], 1500)), 1, epoch, ndFrame[:60], 1500, unknown},
			{"simple, cut without one", craft.Join(eth, simple(ndFrame[:60], 1500)), 1, epoch, ndFrame[:60], 1500, unknown},
			{"obsolete", craft.Join(eth, eth, obsolete(1, 3, ndFrame, flags(1))), 1, micro, ndFrame, len(ndFrame), in},
			{"others in between", craft.Join(n.block(10, make([]byte, 99)), eth, n.block(4, end), n.block(0xbad, make([]byte, 4)),
				n.block(0x7fffffff), n.block(9, make([]byte, 3<<20)), n.enhanced(0, 7000008, 90, ndFrame)), 1, micro, ndFrame, 90, unknown},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				frames, stats, err := read(craft.Join(n.section(), tt.blocks))
				if err != io.EOF || len(frames) != 1 {
					t.Fatalf("%d frames, %v", len(frames), err)
				}
				f := frames[0]
				if !bytes.Equal(f.Data, tt.data) || f.Length != max(tt.length, len(tt.data)) {
					t.Errorf("%d bytes of %d, want %d of %d", len(f.Data), f.Length, len(tt.data), tt.length)
				}
				if !f.Time.Equal(tt.time) || f.LinkType != tt.lt || f.Direction != tt.direction || f.Number != 1 {
					t.Errorf("got %+v", f)
				}
				if stats.Frames != 1 || stats.Unread != 0 {
					t.Errorf("stats %+v", stats)
				}
			})
		}
	})
}

// TestPcapngFlagsLast: what other options say of a packet holds when its flags, of which its length depends, come after them.
func TestPcapngFlagsLast(t *testing.T) {
	orders(t, func(t *testing.T, n ng) {
		data := craft.Join(ndFrame, []byte{1, 2, 3, 4})
		file := craft.Join(n.section(), n.iface(1, 0), n.enhanced(0, 7000008, len(data), data, n.option(epbDropCount, n.u64(5)),
			n.option(optComment, []byte(offloadComment)), n.option(epbFlags, n.u32(4<<5|flagsOutgoing))))
		frames, _, err := read(file)
		if err != io.EOF || len(frames) != 1 {
			t.Fatalf("%d frames, %v", len(frames), err)
		}
		if f := frames[0]; f.Lost != 5 || !f.Offload || f.Direction != packet.Outgoing || !bytes.Equal(f.Data, ndFrame) {
			t.Errorf("%+v", f)
		}
	})
}

func TestPcapngInterface(t *testing.T) {
	orders(t, func(t *testing.T, n ng) {
		comment := func(s string) []byte { return n.option(optComment, []byte(s)) }
		long := strings.Repeat("x", maxName)
		tests := []struct {
			name    string
			options []byte
			want    packet.Interface
		}{
			{"nothing", nil, packet.Interface{}},
			{"all", craft.Join(n.option(ifName, []byte("vnet12")), n.option(ifMACAddr, []byte{2, 0, 0, 0, 0, 9}), comment("v6probe: mtu 1450")),
				packet.Interface{Name: "vnet12", HardwareAddr: packet.MAC{2, 0, 0, 0, 0, 9}, MTU: 1450}},
			{"name with a NUL", n.option(ifName, []byte("eth0\x00")), packet.Interface{Name: "eth0"}},
			{"long name", n.option(ifName, []byte(long+"yz")), packet.Interface{Name: long}},
			{"address of eight bytes", n.option(ifMACAddr, make([]byte, 8)), packet.Interface{}},
			{"mtu among other comments", craft.Join(comment("a"), comment("v6probe: mtu 9000"), comment("b")), packet.Interface{MTU: 9000}},
			{"mtu of nonsense", comment("v6probe: mtu 1450 or so"), packet.Interface{}},
			{"negative mtu", comment("v6probe: mtu -1"), packet.Interface{}},
			{"mtu of 2^31", comment("v6probe: mtu 2147483648"), packet.Interface{}},
			{"behind the end", craft.Join(n.option(optEnd, nil), n.option(ifName, []byte("eth0"))), packet.Interface{}},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				frames, _, err := read(craft.Join(n.section(), n.iface(1, 0, tt.options), n.enhanced(0, 0, 1, ndFrame)))
				if err != io.EOF || len(frames) != 1 {
					t.Fatalf("%d frames, %v", len(frames), err)
				}
				tt.want.LinkType = packet.LinkTypeEthernet
				if *frames[0].Interface != tt.want {
					t.Errorf("got %+v, want %+v", *frames[0].Interface, tt.want)
				}
			})
		}
	})
}

// TestPcapngSections changes the byte order and the interfaces in mid-file, and adds up what the kernel dropped.
func TestPcapngSections(t *testing.T) {
	le, be := ng{}, ng{big: true}
	drops := func(n ng, id uint32, ifDrop, osDrop uint64) []byte {
		return n.block(blockStatistics, n.u32(id), n.u64(0), n.option(4, n.u64(99)), n.option(isbIfDrop, n.u64(ifDrop)),
			n.option(isbOSDrop, n.u64(osDrop)), n.option(optEnd, nil))
	}
	file := craft.Join(
		le.section(), le.iface(1, 0, le.option(ifName, []byte("a"))), le.enhanced(0, 1, 0, ndFrame), drops(le, 0, 1, 10),
		drops(le, 0, 2, 20), drops(le, 1, 1000, 1000),
		be.section(), be.iface(101, 0, be.option(ifName, []byte("b"))), be.iface(1, 0, be.option(ifName, []byte("c"))),
		be.enhanced(1, 2, 0, tcp4), be.enhanced(0, 3, 0, ndIP), drops(be, 1, 100, 0), drops(be, 0, 200, 0),
		le.section(), le.iface(1, 0, le.option(ifName, []byte("d"))), le.enhanced(0, 4, 0, ndFrame))
	frames, stats, err := read(file)
	if err != io.EOF || len(frames) != 3 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	for i, want := range []string{"a 1 1", "b 101 3", "d 1 4"} {
		f := frames[i]
		if got := fmt.Sprint(f.Interface.Name, " ", f.LinkType, " ", f.Number); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if stats.Frames != 4 || stats.KernelDrops != 322 {
		t.Errorf("stats %+v", stats)
	}
}

func TestPcapngUnread(t *testing.T) {
	n := ng{}
	wifi := craft.Join(n.section(), n.iface(105, 0), n.enhanced(0, 0, 0, ndFrame), n.block(blockSimple, n.u32(60), ndFrame[:60]))
	_, _, err := read(wifi)
	if err == nil || !strings.Contains(err.Error(), "link type 105 are not read") {
		t.Errorf("wireless frames only: %v", err)
	}
	frames, stats, err := read(craft.Join(wifi, n.iface(1, 0), n.enhanced(1, 0, 0, ndFrame)))
	if err != io.EOF || len(frames) != 1 || frames[0].Number != 3 || stats.Unread != 2 || stats.Frames != 3 {
		t.Errorf("wireless and Ethernet: %d frames, %+v, %v", len(frames), stats, err)
	}
	if _, _, err := read(craft.Join(n.section(), n.iface(105, 0))); err != io.EOF {
		t.Errorf("no frames at all: %v", err)
	}
}

func TestPcapngErrors(t *testing.T) {
	orders(t, func(t *testing.T, n ng) {
		start := craft.Join(n.section(), n.iface(1, 0))
		good := n.enhanced(0, 1, 0, ndFrame)
		size := func(b []byte, v uint32) []byte { return craft.Join(b[:4], n.u32(v), b[8:]) }
		last := func(b []byte, v uint32) []byte { return craft.Join(b[:len(b)-4], n.u32(v)) }
		captured := func(v uint32) []byte { return craft.Join(good[:20], n.u32(v), good[24:]) }
		huge := func(typ uint32) []byte { return craft.Join(n.u32(typ), n.u32(0xfffffffc), make([]byte, 100)) }
		tests := []struct {
			name string
			bad  []byte
			want string
		}{
			{"length 0", size(good, 0), "claims a length of 0 bytes"},
			{"length 8", size(good, 8), "claims a length of 8 bytes"},
			{"length 12", last(size(good[:12], 12), 12), "a packet block of 12 bytes"},
			{"length 13", size(good, 13), "claims a length of 13 bytes"},
			{"lengths differ", last(good, 44), "44 at its end"},
			{"lengths differ, no candidate", last(n.enhanced(0, 1, 0, tcp4), 44), "44 at its end"},
			{"lengths of a skipped block differ", last(n.block(9, make([]byte, 40)), 44), "44 at its end"},
			{"skipped block of length 0", size(n.block(9), 0), "claims a length of 0 bytes"},
			{"packet of 4 GiB", huge(blockEnhanced), "claims a length of 4294967292 bytes; more than"},
			{"interface of 4 GiB", huge(blockInterface), "claims a length of 4294967292 bytes; more than"},
			{"skipped block of 4 GiB", huge(9), "block of 4294967292 bytes is cut short: 108 are there"},
			{"captured 4 GiB", captured(0xffffffff), "claims 4294967295 captured bytes"},
			{"captured more than the block", captured(uint32(len(good)) - 31), "captured bytes in a block of"},
			{"interface unknown", n.enhanced(1, 0, 0, ndFrame), "interface 1; the section describes 1"},
			{"interface 2^32 - 1", n.enhanced(0xffffffff, 0, 0, ndFrame), "interface 4294967295"},
			{"short interface", n.block(blockInterface, n.u32(1)), "interface description of 16 bytes"},
			{"short section", n.block(blockSection, n.u32(byteOrderMagic), n.u32(1)), "section header of 20 bytes"},
			{"byte order", n.block(blockSection, make([]byte, 16)), "byte-order magic 00 00 00 00"},
			{"version 2", n.block(blockSection, n.u32(byteOrderMagic), n.u16(2), n.u16(1), n.u64(0)), "version 2.1 is not read"},
			{"simple without data", n.block(blockSimple), "a simple packet block of 12 bytes"},
			{"simple without interface", craft.Join(n.section(), n.block(blockSimple, n.u32(4), n.u32(0))), "describes 0 interfaces"},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				frames, _, err := read(craft.Join(start, good, tt.bad))
				var damage *DamageError
				if !errors.As(err, &damage) || !strings.Contains(damage.Reason, tt.want) {
					t.Fatalf("%d frames, %v", len(frames), err)
				}
				at := int64(len(start) + len(good))
				if strings.HasPrefix(tt.name, "simple without interface") {
					at += int64(len(n.section()))
				}
				if damage.Offset != at || damage.Frame != 1 || len(frames) != 1 {
					t.Errorf("%+v after %d frames", damage, len(frames))
				}
			})
		}
	})
}

// TestPcapngInterfaces sees to it that a file of nothing but interfaces does not fill the memory.
func TestPcapngInterfaces(t *testing.T) {
	n := ng{}
	file := craft.Join(n.section(), bytes.Repeat(n.iface(1, 0), maxInterfaces))
	if _, _, err := read(craft.Join(file, n.enhanced(maxInterfaces-1, 0, 0, ndFrame))); err != io.EOF {
		t.Error(err)
	}
	if _, _, err := read(craft.Join(file, n.iface(1, 0))); err == nil || !strings.Contains(err.Error(), "more than 16384 interfaces") {
		t.Error(err)
	}
}

func TestPcapngCut(t *testing.T) {
	orders(t, func(t *testing.T, n ng) {
		blocks := [][]byte{n.section(), n.iface(1, 0, n.option(ifName, []byte("eth0"))), n.enhanced(0, 1, 0, ndFrame),
			n.enhanced(0, 2, 0, tcp4), n.block(4, make([]byte, 8)), n.block(blockSimple, n.u32(60), ndFrame[:60]),
			n.block(blockStatistics, n.u32(0), n.u64(0)), n.enhanced(0, 3, 0, ndFrame[:59], n.option(epbFlags, n.u32(1)))}
		var file []byte
		var ends []int
		for _, b := range blocks {
			file = append(file, b...)
			ends = append(ends, len(file))
		}
		cutEverywhere(t, file, ends, []int{0, 0, 1, 2, 2, 3, 3, 4}, []int{0, 0, 1, 1, 1, 2, 2, 3})
	})
}

func TestNgTime(t *testing.T) {
	last := time.Unix(maxSeconds, 999_999_999)
	tests := []struct {
		name   string
		resol  uint8
		offset int64
		ts     uint64
		want   time.Time
	}{
		{"seconds", 0, 0, 7, time.Unix(7, 0)},
		{"milliseconds", 3, 0, 7001, time.Unix(7, 1e6)},
		{"microseconds", 6, 0, 1700000000123456, time.Unix(1700000000, 123456000)},
		{"nanoseconds", 9, 0, 1700000000123456789, time.Unix(1700000000, 123456789)},
		{"picoseconds", 12, 0, 7000000001999, time.Unix(7, 1)},
		{"10^-19", 19, 0, math.MaxUint64, time.Unix(1, 844674407)},
		{"10^-20", 20, 0, math.MaxUint64, time.Unix(0, 184467440)},
		{"10^-28", 28, 0, math.MaxUint64, time.Unix(0, 1)},
		{"10^-29", 29, 0, math.MaxUint64, time.Unix(0, 0)},
		{"10^-127", 127, 0, math.MaxUint64, time.Unix(0, 0)},
		{"2^0", 0x80, 0, 7, time.Unix(7, 0)},
		{"2^-1", 0x81, 0, 15, time.Unix(7, 500_000_000)},
		{"2^-32", 0xa0, 0, 7<<32 | 1<<31, time.Unix(7, 500_000_000)},
		{"2^-63", 0xbf, 0, 1<<63 | 1<<62, time.Unix(1, 500_000_000)},
		{"2^-64", 0xc0, 0, 1 << 63, time.Unix(0, 500_000_000)},
		{"2^-65", 0xc1, 0, 1 << 63, time.Unix(0, 250_000_000)},
		{"2^-127", 0xff, 0, math.MaxUint64, time.Unix(0, 0)},
		{"offset", 6, 1700000000, 5, time.Unix(1700000000, 5000)},
		{"offset back", 0, -3, 7, time.Unix(4, 0)},
		{"before the epoch", 0, -8, 7, time.Unix(0, 0)},
		{"long before the epoch", 0, math.MinInt64, 7, time.Unix(0, 0)},
		{"too late", 0, 0, math.MaxUint64, last},
		{"too late by the offset", 0, maxSeconds, 1, last},
		{"far too late by the offset", 0, math.MaxInt64, 1, last},
		{"the last second", 0, 1, maxSeconds - 1, time.Unix(maxSeconds, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ngTime(tt.resol, tt.offset, tt.ts)
			if !got.Equal(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if back := ngTime(9, 0, ngStamp(got)); !back.Equal(got) {
				t.Errorf("written and read again it is %v", back)
			}
		})
	}
	if ngStamp(time.Time{}) != 0 || ngStamp(time.Unix(1<<40, 0)) != ngStamp(last) {
		t.Error("a time out of range is not the nearest in range")
	}
}

// TestPcapngAgainstPcapgo reads what pcapgo writes, and has pcapgo read the same.
func TestPcapngAgainstPcapgo(t *testing.T) {
	var buf bytes.Buffer
	w, err := pcapgo.NewNgWriter(&buf, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	second := pcapgo.NgInterface{Name: "second", LinkType: layers.LinkTypeEthernet, SnapLength: 9000, Filter: "icmp6"}
	if _, err := w.AddInterface(second); err != nil {
		t.Fatal(err)
	}
	for i, data := range [][]byte{ndFrame, tcp6, vxlan4(8472, ndFrame), tcp4, ndFrame[:30]} {
		ci := gopacket.CaptureInfo{Timestamp: time.Unix(1700000000, int64(i)*123456789), CaptureLength: len(data),
			Length: len(data) + i, InterfaceIndex: i % 2}
		if err := w.WritePacket(ci, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteInterfaceStats(1, pcapgo.NgInterfaceStatistics{PacketsDropped: 5, PacketsReceived: pcapgo.NgNoValue64}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	r, err := pcapgo.NewNgReader(bytes.NewReader(buf.Bytes()), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	frames, stats, err := read(buf.Bytes())
	if err != io.EOF || stats.KernelDrops != 5 {
		t.Fatalf("%+v, %v", stats, err)
	}
	if frames[0].Interface.Name != "intf0" || frames[2].Interface.Name != "intf0" {
		t.Errorf("interfaces %+v, %+v", frames[0].Interface, frames[2].Interface)
	}
	if n := compare(t, frames, r.ReadPacketData); n != 5 {
		t.Errorf("pcapgo reads %d records", n)
	}
}

// TestPcapngFlagsUnmatch takes the match away with a frame check sequence that only the flags tell of.
func TestPcapngFlagsUnmatch(t *testing.T) {
	n := ng{}
	data := ndFrame[:22] // the last byte but one is the next header
	frames, stats, err := read(craft.Join(n.section(), n.iface(1, 0), n.enhanced(0, 0, 22, data, n.option(epbFlags, n.u32(2<<5)))))
	if err != io.EOF || len(frames) != 0 || stats.Frames != 1 {
		t.Errorf("%d frames, %+v, %v", len(frames), stats, err)
	}
}
