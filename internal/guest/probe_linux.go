package guest

import (
	"context"
	"errors"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"v6probe/internal/host"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// AskGateway asks a default router on the interface of f for its link-layer address, by Neighbor Solicitations as a host sends
// them: up to five, in 3.5 s, and no more after the first answer. It takes the capability CAP_NET_RAW, as its error says.
func AskGateway(ctx context.Context, f *Facts, gateway netip.Addr) (Gateway, error) {
	gateway = gateway.WithZone("")
	q := gatewayQuestion{gateway: gateway, mac: f.Interface.MAC}
	g := Gateway{Address: gateway}
	if f.Interface.NoARP || f.Interface.Loopback {
		return g, &SourceError{f.Interface.Name + " has no neighbor discovery: there is nobody to ask where a router is"}
	}
	var err error
	if q.own, err = f.sourceFor(gateway); err != nil {
		return g, err
	}
	before, err := host.NeighborEntries(f.Interface.Index, []netip.Addr{gateway})
	if err == nil && len(before) > 0 {
		q.known, g.Before = before[0].MAC != nil, before[0].State
	}
	s, err := openSocket(ctx, unix.SOCK_RAW, unix.IPPROTO_ICMPV6,
		option{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1},
		option{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255}, option{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 255},
		option{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, f.Interface.Index},
		option{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0})
	if err != nil {
		return g, err
	}
	defer s.close()
	s.index = f.Interface.Index
	if err := errors.Join(s.only(icmp6.TypeNeighborAdvertisement), s.bind(q.own, 0)); err != nil {
		return g, err
	}
	state := g.Before
	g, err = q.ask(s)
	g.Before = state
	if g.Status == Answered && g.MAC == (packet.MAC{}) { // an answer to one host alone need not say it
		after, _ := host.NeighborEntries(f.Interface.Index, []netip.Addr{gateway})
		if len(after) > 0 {
			copy(g.MAC[:], after[0].MAC)
		}
	}
	return g, err
}

// sourceFor returns the address that asks for a gateway: a link-local one, or one of the gateway's prefix.
func (f *Facts) sourceFor(gateway netip.Addr) (netip.Addr, error) {
	own, err := f.linkLocal()
	if err == nil {
		return own, nil
	}
	for _, a := range f.Addresses {
		if a.Usable() && a.Prefix.Contains(gateway) {
			return a.Addr(), nil
		}
	}
	return own, err
}

// Solicit asks all DHCPv6 servers of the link what they would give (RFC 8415 §18.2.1), twice in 3.1 s or until 0.3 s after the
// first answer. Stateless is where they are asked for other configuration only, as O=1 with M=0 has it. Nothing is requested, and
// no address taken. A client that has port 546 is not disturbed. It takes the capability CAP_NET_RAW.
func Solicit(ctx context.Context, f *Facts, stateless bool) (*DHCPv6, error) {
	if f.Interface.MAC == (packet.MAC{}) {
		return nil, &SourceError{f.Interface.Name + " has no Ethernet address to be known by"}
	}
	own, err := f.linkLocal()
	if err != nil {
		return nil, err
	}
	const checksumAt = 6
	s, err := openSocket(ctx, unix.SOCK_RAW, unix.IPPROTO_UDP,
		option{unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, checksumAt},
		option{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, f.Interface.Index},
		option{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0})
	if err != nil {
		return nil, err
	}
	defer s.close()
	s.index = f.Interface.Index
	if err := s.bind(own, 0); err != nil {
		return nil, err
	}
	// A raw socket hears what comes to any port. Where nobody has this one the kernel would tell the server so, unless it is
	// held: that it cannot be means that a client has it.
	holder, err := openSocket(ctx, unix.SOCK_DGRAM, unix.IPPROTO_UDP, option{unix.SOL_SOCKET, unix.SO_RCVBUF, 0})
	if err == nil {
		defer holder.close()
		holder.index = f.Interface.Index
		holder.bind(own, portDHCPClient)
	}
	q := dhcpQuestion{mac: f.Interface.MAC, stateless: stateless, transaction: number() & 0xffffff}
	d, err := q.ask(s)
	if filtered(err) {
		return nil, &host.Refusal{Reason: whyFiltered, Advice: "let UDP from port 546 to ff02::1:2 port 547 pass: nft list ruleset"}
	}
	return d, err
}

// AskDNS asks a DNS server for the name servers of the root by UDP, twice in 2.5 s at the most. A link-local server is on the
// interface of f, the others are reached as this host reaches them. It needs no privilege.
func AskDNS(ctx context.Context, f *Facts, server netip.Addr) (DNS, error) {
	const portDNS = 53
	server = server.Unmap().WithZone("")
	d := DNS{Server: server}
	if !server.Is6() {
		return d, &SourceError{server.String() + " is no IPv6 address"}
	}
	s, err := openSocket(ctx, unix.SOCK_DGRAM, unix.IPPROTO_UDP, option{unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1})
	if err != nil {
		return d, err
	}
	defer s.close()
	s.index = f.Interface.Index
	if err := s.connect(server, portDNS); err != nil {
		// The kernel's tables say it better.
		if _, why := host.Route(server, f.zone(server), netip.Addr{}); why != nil {
			err = why
		}
		d.Status, d.Why = Refused, escape(err.Error())
		return d, nil
	}
	q := dnsQuestion{server: server, id: uint16(number())}
	return q.ask(s)
}

// zone names the interface of f, where an address needs one.
func (f *Facts) zone(a netip.Addr) string {
	if a.IsLinkLocalUnicast() {
		return strconv.Itoa(f.Interface.Index) // a name may have any bytes
	}
	return ""
}

// Reach sends three echo requests to a target from an address of this host, or from whichever the kernel takes where source is
// not valid, and waits 1.5 s for what comes: replies, or ICMPv6 errors that quote them. A link-local target is on the interface
// of f. It takes the capability CAP_NET_RAW.
func Reach(ctx context.Context, f *Facts, target, source netip.Addr) (*Target, error) {
	target = target.WithZone("")
	t := &Target{Address: target, Source: source}
	way, err := host.Route(target, f.zone(target), source)
	if err != nil {
		t.Status, t.Why = Refused, escape(err.Error())
		return t, nil
	}
	if t.Source = way.Source; !t.Source.IsValid() {
		t.Status, t.Why = Refused, "no address of this host to reach it from"
		return t, nil
	}
	s, err := openSocket(ctx, unix.SOCK_RAW, unix.IPPROTO_ICMPV6)
	if err != nil {
		return t, err
	}
	defer s.close()
	s.index = way.Index
	err = errors.Join(s.only(icmp6.TypeEchoReply, icmp6.TypeDestinationUnreachable, icmp6.TypePacketTooBig,
		icmp6.TypeTimeExceeded, icmp6.TypeParameterProblem), s.bind(t.Source, 0))
	if err != nil {
		return t, err
	}
	return newEchoQuestion(target, t.Source).ask(s)
}
