package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// newSpace moves the test, which needs root, to a network namespace of its own. New interfaces there have IPv6 off, so
// that nothing is sent but what the test sends. The thread is never let go: it ends with the test, and the namespace.
func newSpace(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("V6PROBE_CI") == "1" {
			t.Fatal("network namespaces need root")
		}
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal("network namespace:", err)
	}
	setIPv6(t, "default", false)
}

func setIPv6(t *testing.T, name string, on bool) {
	t.Helper()
	value := "1"
	if on {
		value = "0"
	}
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}

// addLink makes an interface and sets it up.
func addLink(t *testing.T, link netlink.Link) {
	t.Helper()
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatalf("%s: %v", link.Attrs().Name, err)
	}
	setUp(t, link.Attrs().Name)
}

func setUp(t *testing.T, name string) {
	t.Helper()
	if err := netlink.LinkSetUp(linkByName(t, name)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func linkByName(t *testing.T, name string) netlink.Link {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return link
}

// addPair makes two interfaces that are joined: what goes out of one comes in on the other.
func addPair(t *testing.T, name, peer string) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = name, 1450
	addLink(t, &netlink.Veth{LinkAttrs: attrs, PeerName: peer, PeerMTU: 1450})
	setUp(t, peer)
}

// inject sends frames, headers included, out of an interface.
func inject(t *testing.T, name string, frames ...[]byte) {
	t.Helper()
	openInjector(t, name)(frames...)
}

// openInjector returns what inject is, for many calls: to close a packet socket takes the kernel a while.
func openInjector(t *testing.T, name string) func(frames ...[]byte) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	address := &unix.SockaddrLinklayer{Ifindex: linkByName(t, name).Attrs().Index}
	return func(frames ...[]byte) {
		t.Helper()
		for _, f := range frames {
			if err := unix.Sendto(fd, f, 0, address); err != nil {
				t.Fatalf("send on %s: %v", name, err)
			}
		}
	}
}

func openLive(t *testing.T, name string, o LiveOptions) *Live {
	t.Helper()
	l, err := OpenLive(name, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// patience is how long a test waits for what must come, before it fails.
const patience = 20 * time.Second

// next returns the next frame.
func next(t *testing.T, l *Live) packet.Frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f, err := l.Next(ctx)
	if err != nil {
		t.Fatal("no frame:", err)
	}
	return f
}

// expect checks that the next frame has that content, and returns it.
func expect(t *testing.T, l *Live, data []byte) packet.Frame {
	t.Helper()
	f := next(t, l)
	if !bytes.Equal(f.Data, data) {
		t.Fatalf("captured\n% x, want\n% x", f.Data, data)
	}
	if f.Length != len(data) {
		t.Errorf("length %d, want %d", f.Length, len(data))
	}
	return f
}

// expectNothing checks that nothing has been captured that is not read yet.
func expectNothing(t *testing.T, l *Live) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if f, err := l.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("captured % x, error %v", f.Data, err)
	}
}

// sendFrom sends data by a socket of IPv6 from craft.RouterLL, which an interface has, to a multicast group.
func sendFrom(t *testing.T, name string, kind, protocol int, group string, port int, data []byte) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET6, kind, protocol)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	scope := uint32(linkByName(t, name).Attrs().Index)
	if err := unix.Bind(fd, &unix.SockaddrInet6{Addr: [16]byte(craft.Addr(craft.RouterLL)), ZoneId: scope}); err != nil {
		t.Fatal("bind:", err)
	}
	to := &unix.SockaddrInet6{Addr: [16]byte(craft.Addr(group)), ZoneId: scope, Port: port}
	if err := unix.Sendto(fd, data, 0, to); err != nil {
		t.Fatal("send:", err)
	}
}

// nextTo returns the next frame from craft.RouterLL to a group, past what the kernel sends by itself.
func nextTo(t *testing.T, l *Live, group string) packet.Frame {
	t.Helper()
	for {
		f := next(t, l)
		if bytes.Equal(f.Data[22:38], craft.Addr(craft.RouterLL)) && bytes.Equal(f.Data[38:54], craft.Addr(group)) {
			return f
		}
	}
}

// numberedRA returns a Router Advertisement that tells which one it is by its reachable time.
func numberedRA(number int) []byte {
	r := craft.CloudStackRA()
	r.ReachableTime = uint32(number)
	return craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, r.Message(craft.CloudStackOptions()...))
}

// numberOf returns the number of a numberedRA.
func numberOf(data []byte) int {
	at := 14 + 40 + 8
	return int(data[at])<<24 | int(data[at+1])<<16 | int(data[at+2])<<8 | int(data[at+3])
}

func udpNoise() []byte {
	return craft.EthernetIPv6(craft.RouterMAC, craft.GuestLL,
		craft.IPv6(craft.RouterLL, craft.GuestLL, 64, 17, craft.UDP6(craft.RouterLL, craft.GuestLL, 5000, 5001, make([]byte, 50))))
}

// withTags returns frame with tags, each a TPID and a TCI, behind the addresses.
func withTags(frame []byte, tags ...uint16) []byte {
	b := craft.Join(frame[:12])
	for _, v := range tags {
		b = append(b, byte(v>>8), byte(v))
	}
	return append(b, frame[12:]...)
}

// pushTag makes the kernel put a tag beside the data of whatever goes out of an interface, by a program that calls
// bpf_skb_vlan_push.
func pushTag(t *testing.T, name string, tpid, tci uint16) {
	t.Helper()
	const (
		movImmediate, call, exit = 0xb7, 0x85, 0x95
		vlanPush                 = 18
	)
	// Code, registers, offset, immediate; the TPID is to be in network byte order.
	ins := func(code, register byte, immediate uint32) []byte {
		return binary.NativeEndian.AppendUint32([]byte{code, register, 0, 0}, immediate)
	}
	swapped := binary.NativeEndian.Uint16([]byte{byte(tpid >> 8), byte(tpid)})
	code := craft.Join(ins(movImmediate, 2, uint32(swapped)), ins(movImmediate, 3, uint32(tci)), ins(call, 0, vlanPush),
		ins(movImmediate, 0, 0), ins(exit, 0, 0))
	license := []byte("GPL\x00")
	attr := struct {
		programType, count uint32
		code, license      uint64
	}{unix.BPF_PROG_TYPE_SCHED_CLS, uint32(len(code) / 8),
		uint64(uintptr(unsafe.Pointer(&code[0]))), uint64(uintptr(unsafe.Pointer(&license[0])))}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	runtime.KeepAlive(code)
	runtime.KeepAlive(license)
	if errno != 0 {
		t.Fatal("bpf:", errno)
	}
	defer unix.Close(int(fd))
	index := linkByName(t, name).Attrs().Index
	qdisc := &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: index, Parent: netlink.HANDLE_CLSACT,
		Handle: netlink.MakeHandle(0xffff, 0)}}
	if err := netlink.QdiscAdd(qdisc); err != nil {
		t.Fatal("clsact:", err)
	}
	filter := &netlink.BpfFilter{FilterAttrs: netlink.FilterAttrs{LinkIndex: index, Parent: netlink.HANDLE_MIN_EGRESS,
		Handle: 1, Protocol: unix.ETH_P_ALL, Priority: 1}, Fd: int(fd), Name: "tag", DirectAction: true}
	if err := netlink.FilterAdd(filter); err != nil {
		t.Fatal("classifier:", err)
	}
}
