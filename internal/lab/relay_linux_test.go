package lab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"v6probe/internal/craft"
)

// relayed returns two namespaces whose eth0 and vr0 a Relay joins; all devices carry 9216 bytes. there is from the guest.
func relayed(t *testing.T, there, back Wire) (guest, router *Namespace) {
	t.Helper()
	guest, router = namespace(t), namespace(t)
	wire := namespace(t)
	check(t, guest.SkipDAD(), router.SkipDAD(), wire.Sysctl("ipv6/conf/default/disable_ipv6", "1"),
		Veth(End{guest, "eth0", craft.GuestMAC}, End{wire, "near", ""}),
		Veth(End{router, "vr0", craft.RouterMAC}, End{wire, "far", ""}),
		guest.SetMTU("eth0", 9216), wire.SetMTU("near", 9216), wire.SetMTU("far", 9216), router.SetMTU("vr0", 9216))
	r, err := StartRelay(Place{wire, "near"}, Place{wire, "far"}, there, back)
	check(t, err)
	t.Cleanup(func() { check(t, r.Close(), r.Close()) })
	return guest, router
}

// testType is an EtherType for experiments (RFC 5342 §2.4), so that no kernel sends frames of it.
const testType = 0x88b5

// testFrame returns a frame with a packet of that many bytes, numbered.
func testFrame(number uint16, size int) []byte {
	payload := make([]byte, size)
	binary.BigEndian.PutUint16(payload, number)
	return craft.Ethernet(craft.MAC(craft.RouterMAC), craft.MAC(craft.GuestMAC), nil, testType, payload)
}

// next returns a copy of the next test frame.
func next(t *testing.T, l *Listener) []byte {
	t.Helper()
	var frame []byte
	_, err := l.Await(deadline(t), func(f []byte) bool {
		frame = bytes.Clone(f)
		return binary.BigEndian.Uint16(f[12:]) == testType
	})
	check(t, err)
	return frame
}

func TestRelayKeepsOrderAndTime(t *testing.T) {
	const delay, frames = 10 * time.Millisecond, 3 * 64 // more than the queue has room for at first
	guest, router := relayed(t, Wire{Delay: delay}, Wire{})
	type arrival struct {
		frame []byte
		time  time.Time
	}
	arrivals := make(chan arrival, frames)
	station, err := router.OpenStation("vr0", func(frame []byte) [][]byte {
		if binary.BigEndian.Uint16(frame[12:]) == testType {
			arrivals <- arrival{bytes.Clone(frame), time.Now()}
		}
		return nil
	})
	check(t, err)
	defer station.Close()
	sender, err := guest.OpenStation("eth0", func([]byte) [][]byte { return nil })
	check(t, err)
	defer sender.Close()
	size := func(i int) int { return 46 + i*9170/frames }
	var sent []time.Time
	for i := range frames {
		sent = append(sent, time.Now())
		sender.Send(testFrame(uint16(i), size(i)))
	}
	for i := range frames {
		select {
		case got := <-arrivals:
			if took := got.time.Sub(sent[i]); took < delay {
				t.Errorf("frame %d took %v, less than %v", i, took, delay)
			}
			if want := testFrame(uint16(i), size(i)); !bytes.Equal(got.frame, want) {
				t.Fatalf("frame %d is number %d of %d bytes, want %d bytes",
					i, binary.BigEndian.Uint16(got.frame[14:]), len(got.frame), len(want))
			}
		case <-deadline(t).Done():
			t.Fatalf("frame %d does not come", i)
		}
	}
}

func TestRelayDropsLongFrames(t *testing.T) {
	guest, router := relayed(t, Wire{Largest: 1400}, Wire{Largest: 9000})
	for _, c := range []struct {
		from   *Namespace
		out    string
		to     *Namespace
		in     string
		passes int
	}{{guest, "eth0", router, "vr0", 1400}, {router, "vr0", guest, "eth0", 9000}} {
		l := listen(t, c.to, c.in)
		check(t, c.from.Inject(c.out, testFrame(1, c.passes+1)), c.from.Inject(c.out, testFrame(2, c.passes)))
		if got := next(t, l); len(got) != 14+c.passes {
			t.Errorf("to %s came %d bytes, want %d", c.in, len(got)-14, c.passes)
		}
	}
}

// TestRelayLeavesOffloads shows that an unfinished checksum stays one that the receiver need not check, and that
// segments not cut yet count by what they are cut into.
func TestRelayLeavesOffloads(t *testing.T) {
	guest, router := relayed(t, Wire{Largest: 1500}, Wire{Largest: 1500})
	message := craft.CloudStackRA().Message(craft.CloudStackOptions()...)
	unfinished := craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes,
		craft.IPv6(craft.RouterLL, craft.AllNodes, 255, 58, craft.Offloaded(craft.RouterLL, craft.AllNodes, message)))
	check(t, router.InjectOffloaded("vr0", unfinished, 14+40, 2))
	_, err := guest.WaitAddress(deadline(t), "eth0", notLinkLocal)
	check(t, err)

	check(t, guest.SetMTU("eth0", 1500), router.SetMTU("vr0", 1500),
		guest.AddAddress("eth0", "fd00::2/64"), router.AddAddress("vr0", "fd00::1/64"))
	var listener net.Listener
	check(t, router.Do(func() error {
		listener, err = net.Listen("tcp", "[fd00::1]:9")
		return err
	}))
	defer listener.Close()
	var conn net.Conn
	check(t, guest.Do(func() error {
		conn, err = net.DialTimeout("tcp", "[fd00::1]:9", 20*time.Second)
		return err
	}))
	check(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	sent := make(chan error)
	go func() {
		_, err := io.CopyN(conn, zeros{}, 1<<20)
		sent <- errors.Join(err, conn.Close())
	}()
	far, err := listener.Accept()
	check(t, err)
	defer far.Close()
	n, err := io.Copy(io.Discard, far)
	check(t, err, <-sent)
	if n != 1<<20 {
		t.Errorf("%d bytes came, want %d", n, 1<<20)
	}
}

// TestLaneKeepsOrder has the queue grow when its first frame is not the first of the ring, and has it full.
func TestLaneKeepsOrder(t *testing.T) {
	l := &lane{Wire: Wire{Delay: time.Hour}}
	frame := func(number int) []byte {
		return append(make([]byte, virtioHeader), testFrame(uint16(number), 46)...)
	}
	const passed = 10
	for i := range passed + queued + 1 {
		if i == 64 { // as many as there is room for at first
			l.first, l.count = passed, l.count-passed
		}
		l.hold(frame(i), 0)
	}
	if l.count != queued {
		t.Fatalf("%d frames are queued, want %d", l.count, queued)
	}
	for i := range l.count {
		if h := l.ring[(l.first+i)%len(l.ring)]; !bytes.Equal(h.frame, frame(passed+i)) {
			t.Fatalf("frame %d is % x, want number %d", i, h.frame[virtioHeader:][:16], passed+i)
		}
	}
}

func TestPacketSize(t *testing.T) {
	virtio := func(kind byte, segment, start uint16, frame []byte) []byte {
		h := make([]byte, virtioHeader)
		h[1] = kind
		binary.NativeEndian.PutUint16(h[4:], segment)
		binary.NativeEndian.PutUint16(h[6:], start)
		return append(h, frame...)
	}
	long := make([]byte, 4000)
	long[54+12] = 8 << 4 // a TCP header of 32 bytes behind Ethernet and IPv6
	for name, c := range map[string]struct {
		b    []byte
		want int
	}{
		"whole":        {virtio(0, 0, 0, long), 3986},
		"TCP":          {virtio(4, 1428, 54, long), 1500},
		"UDP":          {virtio(5, 1452, 54, long), 1500},
		"one segment":  {virtio(5, 9000, 54, long), 3986},
		"beyond frame": {virtio(4, 1428, 65000, long), 3986},
	} {
		if got := packetSize(c.b); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestRelayNeedsBothInterfaces(t *testing.T) {
	n := namespace(t)
	if _, err := StartRelay(Place{n, "lo"}, Place{n, "nowhere"}, Wire{}, Wire{}); err == nil {
		t.Error("a Relay joins no interface")
	}
}

func TestStation(t *testing.T) {
	guest, router := pair(t)
	var got []byte
	station, err := router.OpenStation("vr0", func(frame []byte) [][]byte {
		if binary.BigEndian.Uint16(frame[12:]) != testType {
			return nil
		}
		got = bytes.Clone(frame)
		return [][]byte{testFrame(2, 100), testFrame(3, 100)}
	})
	check(t, err)
	asker := listen(t, guest, "eth0")
	check(t, guest.Inject("eth0", testFrame(1, 100)))
	for i := range uint16(3) { // the asker hears itself first
		if frame := next(t, asker); !bytes.Equal(frame, testFrame(i+1, 100)) {
			t.Errorf("frame %d is % x", i, frame[:16])
		}
	}
	if !station.Send(testFrame(4, 100)) {
		t.Error("the station cannot send")
	}
	if frame := next(t, asker); !bytes.Equal(frame, testFrame(4, 100)) {
		t.Errorf("heard % x", frame[:16])
	}
	check(t, station.Close(), station.Close())
	if !bytes.Equal(got, testFrame(1, 100)) {
		t.Errorf("the station got % x", got)
	}
	if _, err := router.OpenStation("nowhere", nil); err == nil {
		t.Error("a station on no interface")
	}
}
