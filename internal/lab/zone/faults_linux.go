package zone

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// settle waits until the guest and the server hear each other, on all paths.
func (z *Zone) settle(ctx context.Context) error {
	if z.Scenario.Second != nil {
		if err := ping(ctx, z.R1, r1SecondTo); err != nil {
			return err
		}
	}
	return ping(ctx, z.Guest, serverAddress)
}

// ping sends a small Echo Request until one is answered.
func ping(ctx context.Context, n *lab.Namespace, to string) error {
	fd := -1
	err := n.Do(func() error {
		var err error
		fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
		return err
	})
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	const echoReply = 129
	var filter unix.ICMPv6Filter
	for i := range filter.Data {
		filter.Data[i] = ^uint32(0) // a one blocks
	}
	filter.Data[echoReply>>5] &^= 1 << (echoReply & 31)
	err = errors.Join(unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &filter),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}))
	if err != nil {
		return err
	}
	address := &unix.SockaddrInet6{Addr: [16]byte(craft.Addr(to))}
	answer := make([]byte, 64)
	for ctx.Err() == nil {
		request := craft.Join([]byte{128, 0, 0, 0, 0, 1, 0, 1}, make([]byte, 16))
		if err := unix.Sendto(fd, request, 0, address); err != nil {
			return fmt.Errorf("ping %s: %w", to, err)
		}
		_, _, err := unix.Recvfrom(fd, answer, 0)
		if err == nil || err != unix.EAGAIN && err != unix.EINTR {
			return err
		}
	}
	return fmt.Errorf("ping %s: %w", to, ctx.Err())
}

func (z *Zone) node(name string) *lab.Namespace {
	return map[string]*lab.Namespace{"guest": z.Guest, "vr": z.VR, "r1": z.R1, "r2": z.R2, "server": z.Server}[name]
}

// filters loads what nft drops, one table a node.
func (z *Zone) filters(ctx context.Context) error {
	drops := z.Scenario.Drop
	if z.Scenario.Liar != nil { // nobody but the liar is to speak
		drops = append([]Drop{{At: "r1", Hook: "output", What: "packet-too-big"}}, drops...)
	}
	rules := map[string]map[string]string{}
	add := func(at, hook, rule string) {
		if rules[at] == nil {
			rules[at] = map[string]string{}
		}
		rules[at][hook] += "\t\t" + rule + "\n"
	}
	for _, d := range drops {
		match, _ := matches(d.What)
		if d.Rate > 0 {
			match += fmt.Sprintf(" limit rate over %d/second burst 1 packets", d.Rate)
		}
		add(d.At, d.Hook, match+" drop")
	}
	if z.Scenario.Loss > 0 {
		add("vr", "forward", fmt.Sprintf("numgen random mod 100 < %d drop", z.Scenario.Loss))
	}
	for at, hooks := range rules {
		var script strings.Builder
		script.WriteString("table ip6 zone {\n")
		for hook, lines := range hooks {
			fmt.Fprintf(&script, "\tchain %s {\n\t\ttype filter hook %[1]s priority 0\n%s\t}\n", hook, lines)
		}
		script.WriteString("}\n")
		if err := z.node(at).Firewall(ctx, script.String()); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return nil
}

// liars starts who sends false Packet Too Big from r1.
func (z *Zone) liars(context.Context) error {
	var answer func(frame []byte) [][]byte
	switch s := z.Scenario; {
	case s.Liar != nil:
		answer = s.Liar.answer
	case s.Forger != nil:
		answer = s.Forger.answer
	default:
		return nil
	}
	station, err := z.R1.OpenStation("down0", answer)
	if err != nil {
		return err
	}
	z.closers = append(z.closers, station.Close)
	return nil
}

// answer says what the liar says to one frame.
func (l *Liar) answer(frame []byte) [][]byte {
	// r1 says nothing of the size of a packet that may go no further (RFC 8200 §3).
	if !fromGuest(frame) || len(frame)-14 <= l.Above || frame[14+7] <= 1 {
		return nil
	}
	return [][]byte{tooBig(frame[6:12], frame[:6], r1Address, uint32(l.Says), frame[14:])}
}

// answer says what the forger says to one frame: that an Echo Request was too big which nobody sent. A kernel believes that,
// as it keeps no list of Echo Requests.
func (f *Forger) answer(frame []byte) [][]byte {
	if !fromGuest(frame) {
		return nil
	}
	never := craft.Join([]byte{128, 0, 0, 0, 0xba, 0xad, 0, 1}, make([]byte, 1400))
	quoted := craft.IPv6(guestAddress, serverAddress, 60, 58, craft.ICMPv6(guestAddress, serverAddress, never))
	return [][]byte{tooBig(frame[6:12], frame[:6], r1Address, uint32(f.Says), quoted)}
}

// fromGuest reports whether a frame has a packet of the guest's to the server.
func fromGuest(frame []byte) bool {
	return len(frame) >= 54 && binary.BigEndian.Uint16(frame[12:]) == unix.ETH_P_IPV6 &&
		string(frame[22:38]) == string(craft.Addr(guestAddress)) && string(frame[38:54]) == string(craft.Addr(serverAddress))
}

// tooBig returns a frame with a Packet Too Big to the guest, which quotes as much of a packet as 1280 bytes hold.
func tooBig(dstMAC, srcMAC []byte, from string, mtu uint32, packet []byte) []byte {
	quoted := packet[:min(len(packet), 1280-40-8)]
	message := craft.ICMPv6(from, guestAddress, craft.TooBig(mtu, quoted))
	return craft.Ethernet(dstMAC, srcMAC, nil, unix.ETH_P_IPV6, craft.IPv6(from, guestAddress, 64, 58, message))
}

// poison has the guest's kernel told of a path MTU, which was true once.
func (z *Zone) poison(ctx context.Context) error {
	mtu := z.Scenario.Cache
	if mtu == 0 {
		return nil
	}
	echo := craft.Join([]byte{128, 0, 0, 0, 0, 1, 0, 1}, make([]byte, 1400))
	quoted := craft.IPv6(guestAddress, serverAddress, 63, 58, craft.ICMPv6(guestAddress, serverAddress, echo))
	frame := tooBig(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), r1Address, uint32(mtu), quoted)
	if err := z.VR.Inject("eth0", frame); err != nil {
		return err
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		got, err := z.Guest.RouteMTU(z.Target)
		if err != nil || got == mtu {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the path MTU %d in the guest's routes: %w; it is %d", mtu, ctx.Err(), got)
		case <-tick.C:
		}
	}
}
