package pmtu

import (
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// passes runs a filter on b.
func passes(t *testing.T, program []bpf.Instruction, b []byte) bool {
	t.Helper()
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.Run(b)
	if err != nil {
		t.Fatal(err)
	}
	return n >= len(b) && n > 0
}

func TestTapFilter(t *testing.T) {
	w := fixedWire()
	b := built(t, &w, Probe{ID: 1, Kind: Echo, Size: 200, HopLimit: 64})
	filter := tapFilter(w.target)
	for typ := range 256 {
		b[ipv6HeaderSize] = byte(typ)
		if want := typ >= 1 && typ <= 4 || typ == 129; passes(t, filter, b) != want {
			t.Errorf("type %d: %v", typ, !want)
		}
	}
	b[ipv6HeaderSize] = 2
	for i := range b {
		switch want := i != 6 && i < 24 || i > 40; {
		case i != 40 && passes(t, filter, change(b, i)) != want:
			t.Errorf("byte %d changed: %v", i, !want)
		}
	}
	if passes(t, filter, b[:ipv6HeaderSize]) || passes(t, filter, b[:30]) || passes(t, filter, nil) {
		t.Error("a cut packet passes")
	}
}

func TestTCPFilter(t *testing.T) {
	b := make([]byte, 20)
	binary.BigEndian.PutUint16(b, 443)
	for flags := range 256 {
		b[13] = byte(flags)
		if want := flags&0x06 != 0; passes(t, tcpFilter(443), b) != want {
			t.Errorf("flags %#x: %v", flags, !want)
		}
	}
	b[13] = 0x12
	if !passes(t, tcpFilter(443), b) || passes(t, tcpFilter(444), b) || passes(t, tcpFilter(443), b[:13]) {
		t.Error("another port, or a cut segment")
	}
}

// TestAncillary reads control messages as the kernel writes them.
func TestAncillary(t *testing.T) {
	control := func(level, typ int32, data []byte) []byte {
		b := make([]byte, unix.CmsgSpace(len(data)))
		binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(len(data))))
		binary.NativeEndian.PutUint32(b[8:], uint32(level))
		binary.NativeEndian.PutUint32(b[12:], uint32(typ))
		copy(b[unix.CmsgLen(0):], data)
		return b
	}
	word := func(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
	stamp := func(at time.Time) []byte {
		b := binary.NativeEndian.AppendUint64(nil, uint64(at.Unix()))
		return control(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, binary.NativeEndian.AppendUint64(b, uint64(at.Nanosecond())))
	}
	now := time.Now()
	for _, c := range []struct {
		name string
		b    []byte
		want aside
	}{
		{"nothing", nil, aside{time: now}},
		{"all", append(append(stamp(now.Add(-time.Millisecond)), control(unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, word(63))...),
			control(unix.IPPROTO_IPV6, unix.IPV6_RECVFRAGSIZE, word(1400))...), aside{now.Add(-time.Millisecond), 63, 1400}},
		{"the future", stamp(now.Add(time.Second)), aside{time: now}},
		{"a clock that was set", stamp(now.Add(-time.Hour)), aside{time: now}},
		{"cut", stamp(now)[:20], aside{time: now}},
		{"short", control(unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, []byte{1}), aside{time: now}},
	} {
		if got := ancillary(c.b, now); !got.time.Equal(c.want.time) || got.hopLimit != c.want.hopLimit || got.fragment != c.want.fragment {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestWait sees that a reply which is held ends the wait.
func TestWait(t *testing.T) {
	now := time.Now()
	var l Live
	if got := l.wait(now, now.Add(time.Second)); got != time.Second {
		t.Errorf("%v for nothing", got)
	}
	if got := l.wait(now, now.Add(-time.Second)); got != 0 {
		t.Errorf("%v for the past", got)
	}
	l.screen.comeIn(Reply{ID: 1, Time: now})
	if got := l.wait(now, now.Add(time.Second)); got != delivery {
		t.Errorf("%v for one that is held", got)
	}
	if got := l.wait(now, now.Add(time.Millisecond)); got != time.Millisecond {
		t.Errorf("%v for one that is held for longer", got)
	}
}
