package dropzone

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// Healthy builds a zone in which nothing is lost, and has v6probe watch it for so long: two hypervisors whose bridges
// VXLAN joins, a router with radvd on the one, and a guest on each. Guests are plugged in when v6probe is counting;
// they make addresses from the RAs, ping the router and each other, and ask their neighbors every second whether they are
// there. A difference is a drop that v6probe says hurts; that somebody does not answer is an error.
func Healthy(ctx context.Context, binary string, d time.Duration) (r Result, err error) {
	if r.Kernel, err = Kernel(); err != nil {
		return r, err
	}
	if _, err := exec.LookPath("radvd"); err != nil {
		return r, &Missing{What: "radvd", Err: err}
	}
	n := newNetwork(ctx)
	defer func() { err = errors.Join(err, n.close()) }()
	hypervisors(n)
	n.markable("mark")
	if n.err != nil {
		return r, fmt.Errorf("build the healthy zone: %w", n.err)
	}
	p, err := startProbe(ctx, n, binary, "")
	if err != nil {
		return r, err
	}
	machines(n)
	n.do(func() error { return n.talk(d) })
	n.do(func() error { return mark(n.spaces["mark"]) })
	if n.err == nil {
		p.await(ctx, marked)
	}
	err = errors.Join(n.err, p.stop())
	r.Output, r.Diagnostics = p.output.String(), p.diagnostics.String()
	r.Records, r.Differences = (&Case{}).compare(n, r.Kernel, p.records)
	return r, err
}

// hypervisors builds the bridges br0 of kvm1 and kvm2 and the overlay that joins them.
func hypervisors(n *network) {
	overlay(n, under2)
	n.vxlan("kvm2", 100, under2, under1)
	for _, part := range []string{"kvm1", "kvm2"} {
		n.do(func() error { return n.spaces[part].AddBridge("br0", "vxlan100") })
	}
}

const (
	gateway = "fd17:625c:f037:2::1"
	prefix  = gateway + "/64"
)

// machines plugs the router and the guests in.
func machines(n *network) {
	n.router("vr")
	n.plug("vr", craft.RouterMAC, "kvm1", "vnet0")
	n.address("vr", "eth0", prefix)
	var daemon *lab.Radvd
	n.do(func() (err error) {
		daemon, err = n.spaces["vr"].Radvd(lab.CloudStackRadvd("eth0", prefix, gateway))
		return err
	})
	n.closers = append(n.closers, func() error {
		if daemon == nil {
			return nil
		}
		return daemon.Kill()
	})
	for i, mac := range []string{craft.GuestMAC, guest2MAC} {
		part := fmt.Sprintf("guest%d", i+1)
		guest := n.space(part)
		n.do(func() error { return guest.Sysctl("ipv6/conf/default/disable_ipv6", "0") })
		n.plug(part, mac, fmt.Sprintf("kvm%d", i+1), fmt.Sprintf("vnet%d", i+1))
	}
}

// plug joins eth0 of a machine to the bridge of a hypervisor.
func (n *network) plug(part, mac, hypervisor, port string) {
	n.wire(part+":eth0", mac, hypervisor+":"+port, "")
	n.do(func() error {
		return errors.Join(n.spaces[part].SetMTU("eth0", 1450), n.spaces[hypervisor].SetMTU(port, 1450),
			n.spaces[hypervisor].AddPort("br0", port),
			n.spaces[part].Sysctl("ipv6/neigh/eth0/base_reachable_time_ms", "1000"),
			n.spaces[part].Sysctl("ipv6/neigh/eth0/delay_first_probe_time", "1"))
	})
}

// talk waits until the guests have their addresses, and has them ping for so long.
func (n *network) talk(d time.Duration) error {
	network := netip.MustParsePrefix(prefix)
	addresses := map[string]netip.Addr{}
	for _, part := range []string{"guest1", "guest2"} {
		a, err := n.awaitAddress(part, network.Contains)
		if err != nil {
			return err
		}
		addresses[part] = a
	}
	ctx, cancel := context.WithTimeout(n.ctx, d)
	defer cancel()
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for _, way := range []struct {
		from string
		to   netip.Addr
	}{{"guest1", netip.MustParseAddr(gateway)}, {"guest2", netip.MustParseAddr(gateway)},
		{"guest1", addresses["guest2"]}, {"guest2", addresses["guest1"]}, {"vr", addresses["guest2"]}} {
		all.Go(func() {
			err := pings(ctx, n.spaces[way.from], way.to)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
		})
	}
	all.Wait()
	return failed
}

// pings sends one Echo Request after the other, five a second, until the context ends. It wants all but the last few answered.
func pings(ctx context.Context, space *lab.Namespace, to netip.Addr) error {
	fd, err := echoSocket(space, to)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	const patience = 15 // requests, three seconds
	buffer := make([]byte, 64)
	for sent, answered := 0, 0; ; sent++ {
		if sent-answered > patience {
			return fmt.Errorf("%v has answered %d of %d pings", to, answered, sent)
		}
		request := craft.Join([]byte{typeEcho, 0, 0, 0, 0, 1, byte(sent >> 8), byte(sent)}, make([]byte, 16))
		if _, err := unix.Write(fd, request); err != nil {
			return fmt.Errorf("ping %v: %w", to, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if answered == 0 {
				return fmt.Errorf("%v has answered none of %d pings", to, sent)
			}
			return nil
		}
		for {
			if _, err := unix.Read(fd, buffer); err != nil {
				break // nothing more has come
			}
			answered++
		}
	}
}

// echoSocket opens a socket that takes Echo Replies from one address, and does not wait for them.
func echoSocket(space *lab.Namespace, to netip.Addr) (int, error) {
	fd := -1
	err := space.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMPV6)
		return err
	})
	if err != nil {
		return -1, err
	}
	var filter unix.ICMPv6Filter
	for i := range filter.Data {
		filter.Data[i] = ^uint32(0) // a one blocks
	}
	filter.Data[typeReply>>5] &^= 1 << (typeReply & 31)
	err = errors.Join(unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &filter),
		unix.Connect(fd, &unix.SockaddrInet6{Addr: to.As16()}))
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("ping %v: %w", to, err)
	}
	return fd, nil
}
