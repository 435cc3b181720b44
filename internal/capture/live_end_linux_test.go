package capture

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestLiveInterfaceFails(t *testing.T) {
	for _, c := range []struct {
		name string
		fail func(netlink.Link) error
		want string
		hint string
	}{
		{"down", netlink.LinkSetDown, "right: the interface went down", "ip link set right up"},
		{"deleted", netlink.LinkDel, "right: the interface is gone", "the interfaces are lo;"},
	} {
		for _, waiting := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				newSpace(t)
				addPair(t, "left", "right")
				live := openLive(t, "right", LiveOptions{})
				link := linkByName(t, "right")
				inject(t, "left", numberedRA(1), numberedRA(2))
				if waiting {
					next(t, live)
					next(t, live)
				}
				if err := c.fail(link); err != nil {
					t.Fatal(err)
				}
				if !waiting {
					expect(t, live, numberedRA(1))
					expect(t, live, numberedRA(2))
				}
				for range 2 {
					_, err := live.Next(t.Context())
					var failed *InterfaceError
					if !errors.As(err, &failed) || err.Error() != c.want || !strings.Contains(failed.Hint(), c.hint) {
						t.Fatalf("%v (%+v)", err, failed)
					}
				}
			})
		}
	}
}

func TestOpenLiveFails(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	if err := netlink.LinkSetDown(linkByName(t, "left")); err != nil {
		t.Fatal(err)
	}
	addTun(t, "ppp0", netlink.TUNTAP_MODE_TUN, unix.ARPHRD_PPP)
	var failed *InterfaceError
	for _, c := range []struct{ name, want, hint string }{
		{"left", "left: the interface is down", "ip link set left up"},
		{"eth7", "eth7: no such interface", "left"},
		{"", ": no such interface", "left"},
		{"a-name-that-is-longer-than-any", "a-name-that-is-longer-than-any: no such interface", "left"},
		{"ppp0", "ppp0: frames of hardware type 512 cannot be decoded", "Ethernet"},
	} {
		_, err := OpenLive(c.name, LiveOptions{})
		if !errors.As(err, &failed) || err.Error() != c.want || !strings.Contains(failed.Hint(), c.hint) {
			t.Errorf("%q: %v, hint of %+v", c.name, err, failed)
		}
	}
	names := InterfaceNames()
	slices.Sort(names)
	if !slices.Equal(names, []string{"left", "lo", "ppp0", "right"}) {
		t.Errorf("interfaces %q", names)
	}
}

func TestOpenLivePermission(t *testing.T) {
	newSpace(t)
	setUp(t, "lo")
	// Of this thread only, which ends with the test.
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lo", AnyInterface} {
		_, err := OpenLive(name, LiveOptions{})
		var denied *PermissionError
		if !errors.As(err, &denied) || !errors.Is(err, unix.EPERM) || !strings.Contains(denied.Hint(), "setcap cap_net_raw+ep") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLiveClosed(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	live := openLive(t, "right", LiveOptions{})
	inject(t, "left", numberedRA(1))
	next(t, live)
	for range 2 {
		if err := live.Close(); err != nil {
			t.Error(err)
		}
		if _, err := live.Next(t.Context()); err != io.EOF {
			t.Errorf("error %v after Close", err)
		}
	}
	if s := live.Stats(); s.Frames != 1 {
		t.Errorf("%+v", s)
	}
}

func TestLiveContext(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	live := openLive(t, "right", LiveOptions{})

	// What came before the end is still returned.
	ctx, cancel := context.WithCancel(t.Context())
	inject(t, "left", numberedRA(1), numberedRA(2))
	cancel()
	for i := range 2 {
		if f, err := live.Next(ctx); err != nil || numberOf(f.Data) != i+1 {
			t.Fatalf("frame %d: % x, %v", i+1, f.Data, err)
		}
	}
	for range 2 {
		if _, err := live.Next(ctx); err != context.Canceled {
			t.Fatal(err)
		}
	}

	// The end wakes a call that waits, or is about to; it is as good for the next context.
	for range 3 {
		ctx, cancel = context.WithCancel(t.Context())
		go cancel()
		if _, err := live.Next(ctx); err != context.Canceled {
			t.Fatal(err)
		}
	}
	ctx, cancel = context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	if _, err := live.Next(ctx); err != context.DeadlineExceeded {
		t.Fatal(err)
	}
	inject(t, "left", numberedRA(3))
	expect(t, live, numberedRA(3))
}

// TestLiveContextUnderLoad checks that frames without end do not keep a capture from ending.
func TestLiveContextUnderLoad(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	live := openLive(t, "left", LiveOptions{Buffer: 1 << 20})
	send := openInjector(t, "left")
	for n := range 3000 {
		send(numberedRA(n))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const begin, limit = 10, 20000
	for n := range limit {
		send(numberedRA(n), numberedRA(n)) // twice what is read, so the ring fills up
		if n == begin {
			cancel()
		}
		if _, err := live.Next(ctx); err != nil {
			if err != context.Canceled || n < begin {
				t.Errorf("frame %d: %v", n, err)
			}
			return
		}
	}
	t.Error("does not end")
}

// TestLiveRing sends more than the ring holds and reads along.
func TestLiveRing(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	live := openLive(t, "left", LiveOptions{})
	const batch = 4000 // of 200 bytes and more each in the ring
	for n := 0; n < 25*batch; n += batch {
		frames := make([][]byte, batch)
		for i := range frames {
			frames[i] = withTags(numberedRA(n+i), 0x8100, 100)
		}
		inject(t, "left", frames...)
		for i := range frames {
			f := expect(t, live, frames[i])
			if f.Number != uint64(n+i+1) {
				t.Fatalf("number %d, want %d", f.Number, n+i+1)
			}
		}
	}
	if s := live.Stats(); s.KernelDrops != 0 {
		t.Errorf("%+v", s)
	}
}

// TestLiveDrops sends more than the ring holds without reading, and looks at the counts on the way.
func TestLiveDrops(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	live := openLive(t, "left", LiveOptions{Buffer: 1})
	const sent = 20000
	send := openInjector(t, "left")
	var last Stats
	for i := range sent {
		send(numberedRA(i))
		if i%(sent/4) == sent/8 {
			s := live.Stats()
			if s.KernelDrops <= last.KernelDrops {
				t.Errorf("%d dropped, after %d before", s.KernelDrops, last.KernelDrops)
			}
			last = s
		}
	}
	var got uint64
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for ; ; got++ {
		f, err := live.Next(ctx)
		if err != nil {
			break
		}
		if numberOf(f.Data) != int(got) {
			t.Fatalf("frame %d is number %d", got, numberOf(f.Data))
		}
	}
	live.Close()
	s := live.Stats()
	if got == 0 || s.Frames != got || got+s.KernelDrops != sent {
		t.Errorf("%d read of %d, %+v", got, sent, s)
	}
	if again := live.Stats(); again != s {
		t.Errorf("%+v, then %+v", s, again)
	}
}

func TestLiveAllocates(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	one, all := openLive(t, "right", LiveOptions{}), openLive(t, AnyInterface, LiveOptions{IgnoreOutgoing: true})
	const runs = 300                 // fewer than the queue between the interfaces holds
	frames := make([][]byte, runs+2) // one to warm up, here and in AllocsPerRun
	for i := range frames {
		frames[i] = withTags(numberedRA(i), 0x8100, 100)
	}
	inject(t, "left", frames...)
	for _, live := range []*Live{one, all} {
		next(t, live)
		if n := testing.AllocsPerRun(runs, func() {
			if _, err := live.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations a frame", n)
		}
	}
}
