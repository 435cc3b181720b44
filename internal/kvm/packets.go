package kvm

import (
	"net/netip"

	"v6probe/internal/filter"
	"v6probe/internal/host"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// message is one that must pass between a guest and the rest, or, as a guest's own advertisement, must not.
type message struct {
	short  string // "RA"
	name   string // "Router Advertisements"
	kind   uint8  // ICMPv6 type
	nft    string // nft's name for it
	rule   rule.ID
	length int // bytes of IP, as they mostly are
	track  filter.Track
	// ends returns the source and the destination, of the one that sends it and the one that it is for.
	ends func(from, to peer) (src, dst netip.Addr)
	mild bool // to lose it costs time, and no more
}

// peer is one end.
type peer struct {
	mac   packet.MAC
	local netip.Addr // its link-local address
	other netip.Addr // one that it uses beyond the link
}

func peerOf(m packet.MAC) peer { return peer{m, packet.LinkLocal(m), packet.LinkLocal(m)} }

var (
	allNodes    = netip.AddrFrom16([16]byte{0xff, 2, 15: 1})
	allRouters  = netip.AddrFrom16([16]byte{0xff, 2, 15: 2})
	unspecified = netip.IPv6Unspecified()
)

// The messages. Lengths are those of radvd with two DNS servers and of Linux.
func advertisement(unicast bool) *message {
	m := &message{short: "RA", name: "Router Advertisements", kind: 134, nft: "nd-router-advert",
		rule:   "filter.router-advertisement",
		length: 144, mild: unicast, ends: func(from, _ peer) (src, dst netip.Addr) { return from.local, allNodes }}
	if unicast {
		m.name = "Router Advertisements that answer one host"
		m.ends = func(from, to peer) (src, dst netip.Addr) { return from.local, to.local }
	}
	return m
}

func solicitation() *message {
	return &message{short: "RS", name: "Router Solicitations", kind: 133, nft: "nd-router-solicit",
		rule: "filter.router-solicitation", length: 56,
		mild: true, ends: func(from, _ peer) (src, dst netip.Addr) { return from.local, allRouters }}
}

// question returns a neighbor solicitation by ends.
func question(ends func(from, to peer) (src, dst netip.Addr)) *message {
	return &message{short: "NS", name: "Neighbor Solicitations", kind: 135, nft: "nd-neighbor-solicit",
		rule: "filter.neighbor-solicitation", length: 72,
		ends: ends}
}

func resolving(from, to peer) (src, dst netip.Addr) {
	return from.local, packet.SolicitedNode(to.local)
}
func probing(from, to peer) (src, dst netip.Addr) { return from.local, to.local }
func claiming(from, _ peer) (src, dst netip.Addr) {
	return unspecified, packet.SolicitedNode(from.local)
}

func answer() *message {
	return &message{short: "NA", name: "Neighbor Advertisements", kind: 136, nft: "nd-neighbor-advert",
		rule: "filter.neighbor-advertisement", length: 72,
		ends: probing}
}

func tooBig() *message {
	return &message{short: "PTB", name: "Packet Too Big", kind: 2, nft: "packet-too-big", rule: "filter.packet-too-big",
		length: 1280,
		track:  filter.Related, ends: func(from, to peer) (src, dst netip.Addr) { return from.other, to.other }}
}

func query() *message {
	return &message{short: "MLD query", name: "multicast listener queries", kind: 130, nft: "mld-listener-query",
		rule:   "filter.listener-query",
		length: 76, mild: true, ends: func(from, _ peer) (src, dst netip.Addr) { return from.local, allNodes }}
}

// toGuest and fromGuest are what a guest must get, and be able to send; toRouter and fromRouter likewise a virtual router,
// as far as that is not a guest's as well.
func toGuest() []*message {
	return []*message{advertisement(false), advertisement(true), question(resolving), question(probing), answer(), tooBig()}
}

func fromGuest() []*message {
	return []*message{solicitation(), question(resolving), question(claiming), answer()}
}

func toRouter() []*message {
	return []*message{solicitation(), question(resolving), question(probing), answer()}
}

func fromRouter() []*message {
	return []*message{advertisement(false), advertisement(true), question(resolving), question(probing), answer(), tooBig()}
}

// packetOf makes the packet that goes from one port of a bridge to another.
func packetOf(m *message, b *bridge, in, out *host.BridgePort, from, to peer) filter.Packet {
	p := filter.Packet{In: b.Name, Out: b.Name, PhysIn: in.Name, PhysOut: out.Name, EtherSource: from.mac, EtherTarget: to.mac,
		HopLimit: 255, Type: m.kind, Length: m.length, Track: m.track}
	p.Source, p.Target = m.ends(from, to)
	if p.Target.IsMulticast() {
		p.EtherTarget = groupMAC(p.Target)
	}
	switch m.kind {
	case 2:
		p.HopLimit = 64
	case 130:
		p.HopLimit = 1
	}
	return p
}
