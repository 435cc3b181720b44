package counters

import (
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, -len(b)&3)...)
}

// linkMessage is the answer about an interface, with a number for each of n statistics.
func linkMessage(n int) []byte {
	b := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(b[4:], 7)
	var stats []byte
	for i := range n {
		stats = binary.NativeEndian.AppendUint64(stats, uint64(100+i))
	}
	return slices.Concat(b, attribute(unix.IFLA_IFNAME, []byte("vnet0\x00")), attribute(unix.IFLA_STATS64, stats),
		attribute(unix.IFLA_LINKINFO, attribute(unix.IFLA_INFO_KIND, []byte("tun\x00"))))
}

func TestParseLink(t *testing.T) {
	l, ok := parseLink(linkMessage(24))
	all := l.counters("k")
	if !ok || l.name != "vnet0" || l.index != 7 || l.kind != "tun" || len(all) != len(linkCounters()) {
		t.Fatalf("%+v, %v", l, ok)
	}
	for i, c := range all {
		if c.value != uint64(100+linkCounters()[i].index) || c.Interface != "vnet0" {
			t.Errorf("%+v", c)
		}
	}
	if all[1].Name != "tx_dropped" || all[1].value != 107 || all[1].Meaning == linkCounters()[1].meaning {
		t.Errorf("%+v", all[1])
	}
	if l, ok := parseLink(linkMessage(8)); !ok || len(l.counters("k")) != 2 {
		t.Errorf("a kernel with fewer: %+v", l)
	}
}

func FuzzParseLink(f *testing.F) {
	f.Add(linkMessage(24))
	f.Add(linkMessage(0)[:30])
	f.Fuzz(func(t *testing.T, b []byte) {
		l, ok := parseLink(b)
		if ok && l.name == "" || len(l.counters("k")) > len(linkCounters()) {
			t.Errorf("%+v", l)
		}
	})
}
