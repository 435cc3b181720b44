package cloud

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// sender sends advertisements out of a node's eth0.
type sender struct {
	what   Send
	node   *lab.Namespace
	ears   int // a packet socket that hears solicitations; -1 on guests, which do not answer
	stop   chan struct{}
	done   sync.WaitGroup
	mac    net.HardwareAddr
	source string
}

// send starts a sender.
func (z *Zone) send(n *lab.Namespace, step Step) (undo, error) {
	s := &sender{what: *step.Send, node: n, ears: -1, stop: make(chan struct{})}
	err := n.Do(func() error {
		i, err := net.InterfaceByName("eth0")
		if err == nil {
			s.mac = i.HardwareAddr
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.source = cmp.Or(s.what.Source, linkLocal(s.mac))
	if !strings.HasPrefix(step.On, "guest") {
		if err := s.listen(); err != nil {
			return nil, err
		}
		s.done.Go(s.answer)
	}
	every := cmp.Or(s.what.Every, z.options.Interval)
	s.done.Go(func() { s.repeat(every) })
	var once sync.Once
	end := func() (err error) {
		once.Do(func() {
			close(s.stop)
			s.done.Wait()
			if s.ears >= 0 {
				err = unix.Close(s.ears)
			}
		})
		return err
	}
	z.closers = append(z.closers, end)
	return func(context.Context) error { return end() }, nil
}

// linkLocal is the address that a MAC makes (RFC 4291 appendix A).
func linkLocal(mac net.HardwareAddr) string {
	a := [16]byte{0: 0xfe, 1: 0x80, 8: mac[0] ^ 2, 9: mac[1], 10: mac[2], 11: 0xff, 12: 0xfe, 13: mac[3], 14: mac[4], 15: mac[5]}
	return netip.AddrFrom16(a).String()
}

// repeat sends to all nodes at once and then every so often. What a guest cannot send as it is not started yet it sends the
// next time.
func (s *sender) repeat(every time.Duration) {
	const allNodes = "ff02::1"
	tick := time.NewTicker(every)
	defer tick.Stop()
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for {
		if s.out(craft.MulticastMAC(allNodes), allNodes) == nil {
			retry.Stop()
		}
		select {
		case <-s.stop:
			return
		case <-tick.C:
		case <-retry.C:
		}
	}
}

// listen opens the socket. It is woken now and then, to see whether it is to end.
func (s *sender) listen() error {
	return s.node.Do(func() error {
		i, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		const ipv6 = unix.ETH_P_IPV6>>8 | unix.ETH_P_IPV6&0xff<<8 // in network byte order
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		wait := unix.NsecToTimeval((100 * time.Millisecond).Nanoseconds())
		err = errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
			unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: ipv6, Ifindex: i.Index}))
		if err != nil {
			return errors.Join(err, unix.Close(fd))
		}
		s.ears = fd
		return nil
	})
}

// answer answers each solicitation to the one that sent it.
func (s *sender) answer() {
	buffer := make([]byte, 2048)
	for {
		select {
		case <-s.stop:
			return
		default:
		}
		n, _, err := unix.Recvfrom(s.ears, buffer, 0)
		if err != nil {
			continue // the time is over, or the interface was down
		}
		if mac, to, ok := solicitor(buffer[:n]); ok {
			_ = s.out(mac, to) // who hears no answer asks again
		}
	}
}

// solicitor returns who sent a frame, if that is a Router Solicitation that can be answered to its sender.
func solicitor(frame []byte) (mac []byte, address string, ok bool) {
	if len(frame) < 62 || frame[12] != 0x86 || frame[13] != 0xdd || frame[20] != 58 || frame[54] != 133 {
		return nil, "", false
	}
	from := netip.AddrFrom16([16]byte(frame[22:38]))
	return frame[6:12], from.String(), from.IsLinkLocalUnicast()
}

func (s *sender) out(mac []byte, to string) error {
	var err error
	for _, f := range s.frames(mac, to) {
		err = errors.Join(err, s.node.Inject("eth0", f))
	}
	return err
}

// frames are the frames of one advertisement.
func (s *sender) frames(mac []byte, to string) [][]byte {
	w := s.what
	prefix := netip.MustParsePrefix(cmp.Or(w.Prefix, Gateway+gatewayLength))
	message := craft.CloudStackRA().Message(
		craft.PIO(prefix.Addr().String(), uint8(prefix.Bits()), 0xc0, uint32(cmp.Or(w.Valid, 86400)), uint32(cmp.Or(w.Preferred, 14400))),
		craft.RDNSS(30, Server), craft.SLLA(s.mac.String()))
	message = craft.ICMPv6(s.source, to, message)
	hops := uint8(cmp.Or(w.HopLimit, 255))
	const icmpv6, destinationOptions = 58, 60
	var packets [][]byte
	switch w.Shape {
	case "exthdr":
		// A destination options header, which looks like a hop-by-hop one.
		packets = [][]byte{craft.IPv6(s.source, to, hops, destinationOptions, craft.Join(craft.HopByHop(icmpv6), message))}
	case "fragments":
		packets = craft.FragmentIPv6(s.source, to, hops, icmpv6, uint32(time.Now().UnixNano()), message, 48)
	default:
		packets = [][]byte{craft.IPv6(s.source, to, hops, icmpv6, message)}
	}
	for i, p := range packets {
		packets[i] = craft.Ethernet(mac, s.mac, nil, 0x86dd, p)
	}
	return packets
}
