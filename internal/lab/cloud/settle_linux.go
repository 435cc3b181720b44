package cloud

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/lab"
)

// patience is how long a part of the zone may take, the wait for an advertisement aside.
const patience = 10 * time.Second

// bootAll starts the guests for the first time.
func (z *Zone) bootAll(ctx context.Context) error { return z.boot(ctx) }

// boot starts the guests, which are running or not, and waits until they have come as far as they can and the faults are
// to be seen.
func (z *Zone) boot(ctx context.Context) error {
	var err error
	for _, g := range guests() {
		err = errors.Join(err, z.spaces[g.node].SetDown("eth0"))
	}
	// guest1, of which most faults are, is the last: the others are to be heard when it tests its address.
	for i, g := range slices.Backward(guests()) {
		if i == 0 {
			z.awaitTaps(ctx)
		}
		err = errors.Join(err, hasten(z.spaces[g.node]), z.spaces[g.node].SetUp("eth0"))
	}
	// The router has known them before, if they have been running: with a fault that keeps it from asking, it would go on.
	err = errors.Join(err, z.spaces["vr"].ForgetNeighbors("eth0"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, z.options.Interval+patience)
	defer cancel()
	errs := make([]error, len(guests()))
	var wait sync.WaitGroup
	for i, g := range guests() {
		wait.Go(func() { errs[i] = z.await(ctx, g, z.reach(g.node)) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if len(z.on) != 1 { // two faults may hide each other
		return nil
	}
	for _, see := range z.on[0].scenario.See {
		if err := z.awaitSight(ctx, see); err != nil {
			return fmt.Errorf("%s cannot be seen: %w", z.on[0].scenario.Name, err)
		}
	}
	return nil
}

// awaitTaps waits until the bridges have taken notice that all guests but the first are up. A fault may keep a tap down.
func (z *Zone) awaitTaps(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, g := range guests()[1:] {
		_ = z.spaces[g.host].WaitUp(ctx, g.tap)
	}
}

// hasten has a guest wait less for the answer of a duplicate: 250 ms. The kernel forgets that when it takes IPv6 off the
// interface, as with a small MTU.
func hasten(n *lab.Namespace) error {
	err := n.Sysctl("ipv6/neigh/eth0/retrans_time_ms", "250")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// reach is how far a guest comes with all faults that are on.
func (z *Zone) reach(node string) string {
	far := reaches()
	least := len(far) - 1
	for _, a := range z.on {
		least = min(least, slices.Index(far, a.scenario.reach(node)))
	}
	return far[least]
}

// await waits until a guest has come so far.
func (z *Zone) await(ctx context.Context, g guest, far string) error {
	n := z.spaces[g.node]
	var want []string
	switch far {
	case "server", "address": // which may come first, by an advertisement that nobody asked for
		want = []string{g.linkLocal, g.address}
	case "link-local":
		want = []string{g.linkLocal}
	}
	var err error
	for _, w := range want {
		if err == nil {
			_, err = n.WaitAddress(ctx, "eth0", func(a netip.Addr) bool { return a == netip.MustParseAddr(w) })
		}
	}
	if err == nil && far == "server" {
		err = z.echo(ctx, g)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", g.node, err)
	}
	return nil
}

// echo asks the server from a guest until it answers.
func (z *Zone) echo(ctx context.Context, g guest) error {
	return z.spaces[g.node].Do(func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		wait := unix.NsecToTimeval((100 * time.Millisecond).Nanoseconds())
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
			return err
		}
		to := &unix.SockaddrInet6{Addr: netip.MustParseAddr(Server).As16()}
		request := []byte{128, 0, 0, 0, 0x6c, 0x61, 0, 0} // the kernel fills in the checksum
		reply := make([]byte, 2048)
		for sequence := uint16(1); ; sequence++ {
			binary.BigEndian.PutUint16(request[6:], sequence)
			sent := unix.Sendto(fd, request, 0, to)
			for until := time.Now().Add(100 * time.Millisecond); time.Now().Before(until); {
				n, from, err := unix.Recvfrom(fd, reply, 0)
				if err != nil {
					break
				}
				a, ok := from.(*unix.SockaddrInet6)
				if ok && a.Addr == to.Addr && n >= 8 && reply[0] == 129 && reply[4] == request[4] && reply[5] == request[5] {
					return nil
				}
			}
			select {
			case <-ctx.Done():
				return errors.Join(fmt.Errorf("the server does not answer: %w", ctx.Err()), sent)
			case <-time.After(time.Millisecond):
			}
		}
	})
}

// awaitSight waits until a command shows what it should.
func (z *Zone) awaitSight(ctx context.Context, s Sight) error {
	for {
		err := z.look(ctx, s)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// look runs a command that shows a fault.
func (z *Zone) look(ctx context.Context, s Sight) error {
	out, err := z.output(ctx, s.On, s.Run)
	if s.Fails {
		if err == nil {
			return fmt.Errorf("on %s %q does not fail", s.On, s.Run)
		}
	} else if err != nil {
		return fmt.Errorf("on %s: %w", s.On, err)
	}
	if !regexp.MustCompile(s.Shows).MatchString(out) {
		return fmt.Errorf("on %s %q does not show %q: %s", s.On, s.Run, s.Shows, out)
	}
	if s.Hides != "" && regexp.MustCompile(s.Hides).MatchString(out) {
		return fmt.Errorf("on %s %q shows %q: %s", s.On, s.Run, s.Hides, out)
	}
	return nil
}
