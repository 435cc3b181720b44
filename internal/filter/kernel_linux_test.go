package filter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// way is a way on which packets are sent through the kernel and through a Ruleset.
type way string

// The ways. The router has vr0 towards the sender, vr1 beyond, and the bridge br0 with the ports vnet1 and vnet2.
const (
	local     way = "local"     // from the sender to the router
	forwarded way = "forwarded" // from the sender through the router
	bridged   way = "bridged"   // from one port of its bridge to the other
	sent      way = "sent"      // by the router to the sender's link
)

// follow returns what the rules say about a packet on the way.
func (w way) follow(r *Ruleset, p *Packet) Outcome {
	switch w {
	case local:
		return r.Local(p)
	case forwarded:
		return r.Forwarded(p)
	case sent:
		return r.Sent(p)
	}
	return r.follow(stage{Netdev, Ingress, p}, stage{Bridge, Prerouting, p}, stage{Bridge, Forward, p},
		stage{Bridge, Postrouting, p})
}

// mark is the code by which the packets that the test sends are told from the router's own.
const mark = 77

// probeTable counts what has passed all other chains: one counter for each type on each way, and the packets that end a
// batch before any chain.
func probeTable() string {
	var b strings.Builder
	b.WriteString("flush ruleset\ntable netdev probe {\n")
	for _, device := range []string{"vr0", "vnet1"} {
		fmt.Fprintf(&b, " chain %s {\n type filter hook ingress device %s priority -2147483648;\n ip6 nexthdr 59 counter\n }\n",
			device, device)
	}
	b.WriteString("}\n")
	chain := func(family, name, hook, match string) {
		fmt.Fprintf(&b, "table %s probe {\n chain %s {\n type filter hook %s priority 2147483647;\n", family, name, hook)
		for _, typ := range probeTypes() {
			fmt.Fprintf(&b, " %s icmpv6 type %d counter\n", match, typ)
		}
		b.WriteString(" }\n}\n")
	}
	chain("ip6", string(local), "input", `iifname vr0`)
	chain("ip6", string(forwarded), "postrouting", `iifname vr0 oifname vr1`)
	chain("ip6", string(sent), "postrouting", fmt.Sprintf(`oifname vr0 icmpv6 code %d`, mark))
	chain("bridge", string(bridged), "postrouting", `oifname vnet2`)
	return b.String()
}

// probeTypes are the types of the packets: RA, RS, NS, NA, Packet Too Big, MLD query, echo request.
func probeTypes() []uint8 { return []uint8{134, 133, 135, 136, 2, 130, 128} }

// Addresses of the router.
const (
	probeMAC    = "02:00:00:00:00:0a"
	probeLL     = "fe80::ff:fe00:a"
	probeGlobal = "2001:db8:1::a"
	farGlobal   = "2001:db8:2::b"
	nearGlobal  = "2001:db8:1::b"
)

// probe is the packet of a type on a way, and its frame, or its message where the router sends it itself. The number is for
// the connection of an echo request to be new.
func probe(w way, typ uint8, number uint16) (*Packet, []byte) {
	src, dst, hops := craft.GuestLL, probeLL, uint8(255)
	switch {
	case w == forwarded:
		src, dst = nearGlobal, farGlobal
	case typ == 134 || typ == 130 || w == sent:
		dst = craft.AllNodes
	case typ == 133:
		dst = craft.AllRouters
	case typ == 135:
		dst = "ff02::1:ff00:a"
	case typ == 2:
		src, dst = nearGlobal, probeGlobal
	}
	if w == sent {
		src = probeLL
	}
	if typ == 130 && w != forwarded {
		hops = 1
	}
	datagram := craft.UDP6(probeGlobal, "2001:db8:9::1", 1000, 2000, make([]byte, 24))
	message := map[uint8][]byte{134: craft.CloudStackRA().Message(craft.CloudStackOptions()...), 133: craft.RS(),
		135: craft.NS(probeLL, craft.SLLA(craft.GuestMAC)), 136: craft.NA(0x60, craft.GuestLL),
		2:   craft.TooBig(1400, craft.IPv6(probeGlobal, "2001:db8:9::1", 64, 17, datagram)),
		130: craft.MLDQuery(1000, "::"), 128: craft.Join([]byte{128, 0, 0, 0, uint8(number >> 8), uint8(number), 0, 1},
			make([]byte, 24))}[typ]
	p := &Packet{In: "vr0", Out: "vr1", Source: netip.MustParseAddr(src), Target: netip.MustParseAddr(dst), HopLimit: hops,
		Type: typ, Length: sizeIPv6 + len(message)}
	payload, next := craft.ICMPv6(src, dst, message), uint8(protoICMPv6)
	if typ == 130 {
		p.Length += sizeHopOpts
		payload, next = craft.Join(craft.RouterAlert(58), payload), protoHopOpts
	}
	switch typ {
	case 2:
		p.Track = Invalid // about a connection that nobody has
	case 128:
		p.Track = New
	}
	mac := craft.MAC(probeMAC)
	if p.Target.IsMulticast() {
		mac = craft.MulticastMAC(dst)
	}
	copy(p.EtherTarget[:], mac)
	copy(p.EtherSource[:], craft.MAC(craft.GuestMAC))
	switch w {
	case sent:
		p.Code, p.Out, p.EtherSource = mark, "vr0", [6]byte{}
		message[1] = mark
		return p, message
	case bridged:
		p.In, p.Out, p.PhysIn, p.PhysOut = "br0", "br0", "vnet1", "vnet2"
	}
	return p, craft.Ethernet(mac, craft.MAC(craft.GuestMAC), nil, etherIPv6, craft.IPv6(src, dst, hops, next, payload))
}

// kernel is a router whose packet filter is the kernel's.
type kernel struct {
	t              *testing.T
	sender, router *lab.Namespace
	number         uint16 // of the batch of packets
}

func newKernel(t *testing.T) *kernel {
	t.Helper()
	k := &kernel{t: t}
	for _, n := range []**lab.Namespace{&k.sender, &k.router} {
		var err error
		if *n, err = lab.New(); errors.Is(err, unix.EPERM) && os.Getenv("V6PROBE_CI") != "1" {
			t.Skip("needs root:", err)
		}
		k.check(err)
		t.Cleanup(func() { (*n).Close() })
	}
	if _, err := exec.LookPath("nft"); err != nil && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip("needs nft:", err)
	}
	k.check(k.sender.Sysctl("ipv6/conf/default/disable_ipv6", "1"), k.router.SkipDAD(),
		k.router.Sysctl("ipv6/conf/all/forwarding", "1"),
		lab.Veth(lab.End{NS: k.sender, Name: "eth0", MAC: craft.GuestMAC}, lab.End{NS: k.router, Name: "vr0", MAC: probeMAC}),
		lab.Veth(lab.End{NS: k.sender, Name: "eth1"}, lab.End{NS: k.router, Name: "vr1"}),
		lab.Veth(lab.End{NS: k.sender, Name: "eth2"}, lab.End{NS: k.router, Name: "vnet1"}),
		lab.Veth(lab.End{NS: k.sender, Name: "eth3"}, lab.End{NS: k.router, Name: "vnet2"}),
		k.router.AddAddress("vr0", probeGlobal+"/64"), k.router.AddAddress("vr1", "2001:db8:2::a/64"),
		k.router.AddBridge("br0", "vnet1", "vnet2"))
	// Where the bridge calls ip6tables too, that is another way.
	if err := k.router.Sysctl("bridge/bridge-nf-call-ip6tables", "0"); !errors.Is(err, os.ErrNotExist) {
		k.check(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := k.router.WaitLinkLocal(ctx, "vr0")
	k.check(err)
	return k
}

func (k *kernel) check(errs ...error) {
	k.t.Helper()
	if err := errors.Join(errs...); err != nil {
		k.t.Fatal(err)
	}
}

// load replaces the rules.
func (k *kernel) load(rules string) error {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(probeTable() + rules)
	var b strings.Builder
	cmd.Stdout, cmd.Stderr = &b, &b
	if err := k.router.Run(cmd); err != nil {
		return fmt.Errorf("nft: %w: %s", err, b.String())
	}
	return nil
}

// read is Read in the router.
func (k *kernel) read() *Ruleset {
	k.t.Helper()
	var r *Ruleset
	k.check(k.router.Do(func() (err error) {
		r, err = Read(k.t.Context())
		return err
	}))
	return r
}

// counters returns how many packets the rules of a probe's chain have counted, in their order.
func (k *kernel) counters(family uint8, chain string) []uint64 {
	k.t.Helper()
	var counts []uint64
	k.check(k.router.Do(func() error {
		s, err := openSocket()
		if err != nil {
			return err
		}
		defer s.close()
		t := &tables{socket: s, byName: map[tableKey]*nftTable{}}
		if err := t.read(k.t.Context()); err != nil {
			return err
		}
		for _, r := range t.byName[tableKey{family, "probe"}].rules {
			for _, x := range attributes(r.body) {
				e := parse(x)
				if r.chain == chain && e.string(unix.NFTA_EXPR_NAME) == "counter" {
					counts = append(counts, parse(e[unix.NFTA_EXPR_DATA]).u64(unix.NFTA_COUNTER_PACKETS))
				}
			}
		}
		return nil
	}))
	return counts
}

// passed sends one packet of each type on the way and returns which came through.
func (k *kernel) passed(w way) map[uint8]bool {
	k.t.Helper()
	k.number++
	if w == sent {
		k.check(k.router.Do(k.sendOwn))
	} else {
		k.inject(w)
	}
	family := uint8(unix.NFPROTO_IPV6)
	if w == bridged {
		family = unix.NFPROTO_BRIDGE
	}
	passed := map[uint8]bool{}
	for i, n := range k.counters(family, string(w)) {
		if n > 1 {
			k.t.Fatalf("%d packets of type %d on the way %s", n, probeTypes()[i], w)
		}
		passed[probeTypes()[i]] = n == 1
	}
	return passed
}

// inject sends the frames, and one more that tells when the router has dealt with them: one processor takes them in order.
func (k *kernel) inject(w way) {
	k.t.Helper()
	from, to := "eth0", "vr0"
	if w == bridged {
		from, to = "eth2", "vnet1"
	}
	index, err := k.sender.Index(from)
	k.check(err)
	k.check(k.sender.Do(func() error {
		var first unix.CPUSet
		if err := unix.SchedGetaffinity(0, &first); err != nil {
			return err
		}
		for cpu, found := 0, false; cpu < 1024; cpu++ {
			if first.IsSet(cpu) && found {
				first.Clear(cpu)
			}
			found = found || first.IsSet(cpu)
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.SchedSetaffinity(0, &first); err != nil {
			return err
		}
		for _, typ := range probeTypes() {
			_, frame := probe(w, typ, k.number)
			err = errors.Join(err, unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: index}))
		}
		end := craft.EthernetIPv6(craft.GuestMAC, craft.AllNodes, craft.IPv6(craft.GuestLL, craft.AllNodes, 1, 59, make([]byte,
			8)))
		return errors.Join(err, unix.Sendto(fd, end, 0, &unix.SockaddrLinklayer{Ifindex: index}))
	}))
	deadline := time.Now().Add(20 * time.Second)
	for k.counters(unix.NFPROTO_NETDEV, to)[0] == 0 {
		if time.Now().After(deadline) {
			k.t.Fatal("the router did not take the frames")
		}
	}
}

// sendOwn sends packets of the thread's own namespace.
func (k *kernel) sendOwn() error {
	link, err := net.InterfaceByName("vr0")
	if err != nil {
		return err
	}
	for _, typ := range probeTypes() {
		p, message := probe(sent, typ, k.number)
		if err := sendICMPv6(p, message, uint32(link.Index)); err != nil {
			return fmt.Errorf("type %d: %w", typ, err)
		}
	}
	return nil
}

func sendICMPv6(p *Packet, message []byte, zone uint32) error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, int(p.HopLimit)),
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0), // what comes back goes out too, for the filter
		unix.Bind(fd, &unix.SockaddrInet6{Addr: p.Source.As16(), ZoneId: zone}))
	if err == nil && p.hasHopOpts() {
		err = unix.SetsockoptString(fd, unix.IPPROTO_IPV6, unix.IPV6_HOPOPTS, string(craft.RouterAlert(58)))
	}
	if err != nil {
		return err
	}
	err = unix.Sendto(fd, message, 0, &unix.SockaddrInet6{Addr: p.Target.As16(), ZoneId: zone})
	if err == unix.EPERM || err == unix.EACCES || err == unix.ECONNREFUSED {
		return nil // what the filter drops, or rejects, the kernel tells the sender
	}
	return err
}

// compare sends the packets on the way and compares what the kernel did with what the rules were read to do, which it
// returns by type.
func (k *kernel) compare(w way, rules string) map[uint8]Outcome {
	k.t.Helper()
	r := k.read()
	passed := k.passed(w)
	outcomes := map[uint8]Outcome{}
	for _, typ := range probeTypes() {
		p, _ := probe(w, typ, k.number)
		o := w.follow(r, p)
		outcomes[typ] = o
		if o.Verdict != Doubtful && (o.Verdict == Passes) != passed[typ] {
			k.t.Errorf("%s, type %d: passed %v, want of the rules %+v:\n%s", w, typ, passed[typ], o, rules)
		}
		if (o.Verdict == Passes) != (o.At == Place{}) {
			k.t.Errorf("%s, type %d: verdict %d at %+v", w, typ, o.Verdict, o.At)
		}
	}
	return outcomes
}
