package drops

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/icmp6"
	"v6probe/internal/lab"
)

// pair returns two namespaces that end with the test and are joined by an eth0 each. The test is skipped where there can be
// none.
func pair(t *testing.T) (a, b *lab.Namespace) {
	t.Helper()
	var list [2]*lab.Namespace
	for i := range list {
		n, err := lab.New()
		if errors.Is(err, unix.EPERM) && os.Getenv("V6PROBE_CI") != "1" {
			t.Skip("needs root:", err)
		}
		check(t, err)
		t.Cleanup(func() { n.Close() })
		check(t, n.SkipDAD(), n.Sysctl("ipv6/conf/default/router_solicitations", "0"))
		list[i] = n
	}
	a, b = list[0], list[1]
	check(t, lab.Veth(lab.End{NS: a, Name: "eth0", MAC: craft.RouterMAC}, lab.End{NS: b, Name: "eth0", MAC: craft.GuestMAC}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := b.WaitLinkLocal(ctx, "eth0")
	check(t, err)
	return a, b
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, o Options) *Counter {
	t.Helper()
	c, err := Open(o)
	check(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// inject sends n frames with that message from a to b, with a hop limit that no receiver takes for neighbor discovery.
func inject(t *testing.T, a *lab.Namespace, n int, msg []byte) {
	t.Helper()
	ip := craft.IPv6(craft.RouterLL, craft.GuestLL, 64, 58, craft.ICMPv6(craft.RouterLL, craft.GuestLL, msg))
	frame := craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 0x86dd, ip)
	for range n {
		check(t, a.Inject("eth0", frame))
	}
}

// await reads until done, and returns what was counted in namespace b of a type.
func await(t *testing.T, c *Counter, b *lab.Namespace, done func(s Snapshot, here []Drop) bool) (Snapshot, []Drop) {
	t.Helper()
	inode, err := b.Inode()
	check(t, err)
	name := c.namespaces.Name(inode)
	for deadline := time.Now().Add(10 * time.Second); ; {
		s, err := c.Read()
		check(t, err)
		var here []Drop
		for _, d := range Infer(s.Drops) {
			if d.NetNS == name {
				here = append(here, d)
			}
		}
		if done(s, here) {
			return s, here
		}
		if time.Now().After(deadline) {
			t.Fatalf("not counted: %+v", s)
		}
	}
}

func packets(drops []Drop, typ icmp6.Type) (n uint64) {
	for _, d := range drops {
		if d.Type == typ {
			n += d.Packets
		}
	}
	return n
}

// TestPrograms has each program that this kernel takes count the same packets.
func TestPrograms(t *testing.T) {
	a, b := pair(t)
	k, err := inspect("")
	check(t, err)
	for _, name := range k.programs() {
		t.Run(name, func(t *testing.T) {
			c := openWith(t, name)
			inject(t, a, 7, craft.NS(craft.GuestLL))
			_, here := await(t, c, b, func(_ Snapshot, here []Drop) bool {
				return packets(here, icmp6.TypeNeighborSolicitation) >= 7
			})
			i := slices.IndexFunc(here, func(d Drop) bool { return d.Type == icmp6.TypeNeighborSolicitation })
			d := here[i]
			if d.Packets != 7 || d.Bytes != 7*64 || d.Location != "icmpv6_rcv" || d.Interface != "eth0" || d.Arrived != "" ||
				!d.Flags.Has(BadHopLimit) || d.Flags.Has(BadChecksum) {
				t.Errorf("counted %+v", d)
			}
			if d.Source != netip.MustParseAddr(craft.RouterLL) || d.Destination != netip.MustParseAddr(craft.GuestLL) {
				t.Errorf("from %v to %v", d.Source, d.Destination)
			}
			if age := time.Since(d.Last); age < 0 || age > time.Minute || d.First.After(d.Last) {
				t.Errorf("first seen %v, last %v", d.First, d.Last)
			}
			if d.Class != Hurts || d.Rule != "nd.hop-limit" {
				t.Errorf("judged as %v, %s", d.Class, d.Rule)
			}
		})
	}
}

// openWith counts with the program of that name.
func openWith(t *testing.T, name string) *Counter {
	t.Helper()
	c := open(t, Options{})
	if c.loaded.name == name {
		return c
	}
	check(t, c.Close())
	spec, err := loadDrops()
	check(t, err, prepare(spec, c.kernel, Options{}))
	c.loaded, err = c.kernel.loadOne(spec, name)
	check(t, err, c.mark())
	return c
}

func TestTypes(t *testing.T) {
	a, b := pair(t)
	c := open(t, Options{Types: []icmp6.Type{icmp6.TypeRedirect, icmp6.TypeRouterAdvertisement}})
	inject(t, a, 3, craft.NS(craft.GuestLL))
	inject(t, a, 2, craft.CloudStackRA().Message())
	_, here := await(t, c, b, func(_ Snapshot, here []Drop) bool { return packets(here, icmp6.TypeRouterAdvertisement) == 2 })
	if n := packets(here, icmp6.TypeNeighborSolicitation); n != 0 {
		t.Errorf("%d packets of a type that was not asked for", n)
	}
}

func TestMapFull(t *testing.T) {
	a, b := pair(t)
	c := open(t, Options{Places: 1})
	inject(t, a, 2, craft.NS(craft.GuestLL))
	inject(t, a, 3, craft.NA(0, craft.GuestLL))
	inject(t, a, 4, craft.RS())
	counted := func(s Snapshot) (n uint64) {
		for _, d := range s.Drops {
			n += d.Packets
		}
		return n
	}
	// Other tests drop packets meanwhile, and the two numbers are not read at one moment: they agree once it is quiet.
	s, _ := await(t, c, b, func(s Snapshot, _ []Drop) bool {
		return s.Counts.ICMPv6 >= 9 && counted(s)+s.Counts.MapFull == s.Counts.ICMPv6
	})
	if len(s.Drops) != 1 || s.Counts.MapFull == 0 {
		t.Errorf("%d places, %d packets counted and %d without room of %d", len(s.Drops), counted(s), s.Counts.MapFull, s.Counts.ICMPv6)
	}
}

// filtered returns two namespaces, the second of which filters neighbor solicitations.
func filtered(t *testing.T) (a, b *lab.Namespace) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip("needs nft:", err)
	}
	a, b = pair(t)
	check(t, b.Firewall(t.Context(), "table ip6 f { chain c { type filter hook input priority 0; icmpv6 type nd-neighbor-solicit drop; }; }"))
	return a, b
}

// onlySolicitations returns what was counted of neighbor solicitations, which must be at one place.
func onlySolicitations(t *testing.T, here []Drop) Drop {
	t.Helper()
	here = slices.DeleteFunc(here, func(d Drop) bool { return d.Type != icmp6.TypeNeighborSolicitation })
	if len(here) != 1 {
		t.Fatalf("%d places: %+v", len(here), here)
	}
	return here[0]
}

// TestNoStack has a budget of one stack a second: all packets are counted, and go to the place that the one stack tells.
func TestNoStack(t *testing.T) {
	a, b := filtered(t)
	c := open(t, Options{StacksPerSecond: 1})
	inject(t, a, 100, craft.NS(craft.GuestLL))
	s, here := await(t, c, b, func(_ Snapshot, here []Drop) bool { return packets(here, icmp6.TypeNeighborSolicitation) >= 100 })
	d := onlySolicitations(t, here)
	if d.Packets != 100 || s.Counts.NoStack < 50 || d.Flags.Has(StackNotTaken) || len(d.Callers) == 0 {
		t.Errorf("%d without a stack; counted %+v", s.Counts.NoStack, d)
	}
	if d.Reason != reasonNetfilter || !slices.Contains(d.Callers, "nf_hook_slow") {
		t.Errorf("reason %q, callers %q", d.Reason, d.Callers)
	}
}

// TestStacksNetNS keeps the stacks for one namespace.
func TestStacksNetNS(t *testing.T) {
	a, b := filtered(t)
	inode, err := b.Inode()
	check(t, err)
	for _, tt := range []struct {
		netns uint32
		stack bool
	}{{inode, true}, {inode + 1, false}} {
		c := open(t, Options{NetNS: tt.netns})
		inject(t, a, 3, craft.NS(craft.GuestLL))
		_, here := await(t, c, b, func(_ Snapshot, here []Drop) bool { return packets(here, icmp6.TypeNeighborSolicitation) >= 3 })
		if d := onlySolicitations(t, here); d.Flags.Has(StackNotTaken) == tt.stack || len(d.Callers) > 0 != tt.stack {
			t.Errorf("stacks in %d: counted %+v", tt.netns, d)
		}
		check(t, c.Close())
	}
}

// TestUnread has packets whose ICMPv6 header lies farther back than is looked.
func TestUnread(t *testing.T) {
	a, b := pair(t)
	c := open(t, Options{})
	before, err := c.Read()
	check(t, err)
	msg := craft.ICMPv6(craft.RouterLL, craft.GuestLL, craft.NS(craft.GuestLL))
	ip := craft.IPv6(craft.RouterLL, "fe80::99", 255, 60, craft.Join(craft.DestinationOptions(58, 31), msg))
	frame := craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 0x86dd, ip)
	for range 4 {
		check(t, a.Inject("eth0", frame))
	}
	await(t, c, b, func(s Snapshot, _ []Drop) bool { return s.Counts.Unread >= before.Counts.Unread+4 })
}

// TestShortUDP has datagrams too short for VXLAN, and not of its ports: that they are none of ours is seen at once.
func TestShortUDP(t *testing.T) {
	a, _ := pair(t)
	c := open(t, Options{})
	before, err := c.Read()
	check(t, err)
	udp := []byte{0, 53, 0, 53, 0, 9, 0, 0, 'x'}
	frame := craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 0x0800,
		craft.IPv4("192.0.2.1", "192.0.2.2", 17, udp))
	const n = 50
	for range n {
		check(t, a.Inject("eth0", frame))
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		s, err := c.Read()
		check(t, err)
		if unread := s.Counts.Unread - before.Counts.Unread; unread >= n {
			t.Fatalf("%d packets unread", unread)
		}
		if s.Counts.Seen-before.Counts.Seen >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("not dropped")
		}
	}
}

// TestCloseDetaches looks for the program after Close.
func TestCloseDetaches(t *testing.T) {
	pair(t) // skips where it must
	c := open(t, Options{})
	_, id := c.Program()
	p, err := ebpf.NewProgramFromID(ebpf.ProgramID(id))
	check(t, err)
	check(t, p.Close(), c.Close())
	for deadline := time.Now().Add(10 * time.Second); ; { // the kernel ends programs after a grace period
		p, err := ebpf.NewProgramFromID(ebpf.ProgramID(id))
		if errors.Is(err, os.ErrNotExist) {
			return
		}
		check(t, err, p.Close())
		if time.Now().After(deadline) {
			t.Fatal("the program is still there")
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	_, err := Open(Options{BTF: "/no/such/file"})
	var h interface{ Hint() string }
	if !errors.As(err, &h) || h.Hint() == "" || errors.As(err, new(*Unavailable)) {
		t.Errorf("a BTF file that is not there: %v", err)
	}
	junk := t.TempDir() + "/btf"
	check(t, os.WriteFile(junk, []byte("not BTF"), 0o600))
	if _, err := Open(Options{BTF: junk}); err == nil {
		t.Error("a BTF file without BTF is taken")
	}
}
