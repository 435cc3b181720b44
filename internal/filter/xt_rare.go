package filter

import (
	"net/netip"
	"strconv"
	"strings"
)

// rareMatch reads the options of matches that few rules have.
func (r *xtRule) rareMatch(option string, not bool) bool {
	switch r.module + option {
	case "comment--comment":
		r.next()
		return true
	case "length--length":
		return r.length(not)
	case "addrtype--src-type":
		return r.addressType(not, func(p *Packet) netip.Addr { return p.Source })
	case "addrtype--dst-type":
		return r.addressType(not, func(p *Packet) netip.Addr { return p.Target })
	case "addrtype--limit-iface-in", "addrtype--limit-iface-out":
		return true // where a route is looked up, of which nothing is known anyway
	case "ipv6header--header":
		return r.headers(not)
	case "iprange--src-range":
		return r.addressRange(not, func(p *Packet) netip.Addr { return p.Source })
	case "iprange--dst-range":
		return r.addressRange(not, func(p *Packet) netip.Addr { return p.Target })
	}
	return false
}

// mac reads an Ethernet address, with a mask in ebtables.
func (r *xtRule) mac(not bool, of func(*Packet) [6]byte) bool {
	address, mask, ok := addressMaskMAC(r.next().text)
	if !ok {
		return false
	}
	r.add(func(p *Packet) Truth {
		a := of(p)
		if a == [6]byte{} {
			return CannotTell
		}
		for i := range a {
			if a[i]&mask[i] != address[i]&mask[i] {
				return truth(not)
			}
		}
		return truth(!not)
	})
	return true
}

// addressMaskMAC parses "52:54:00:00:00:01", "0:0:0:0:0:0/1:0:0:0:0:0" and the names that ebtables has for some.
func addressMaskMAC(s string) (address, mask [6]byte, ok bool) {
	switch strings.ToLower(s) {
	case "unicast":
		s = "0:0:0:0:0:0/1:0:0:0:0:0"
	case "multicast":
		s = "1:0:0:0:0:0/1:0:0:0:0:0"
	case "broadcast":
		s = "ff:ff:ff:ff:ff:ff"
	case "bga":
		s = "1:80:c2:0:0:0"
	}
	first, second, masked := strings.Cut(s, "/")
	if address, ok = parseMAC(first); !ok || !masked {
		return address, [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, ok
	}
	mask, ok = parseMAC(second)
	return address, mask, ok
}

func parseMAC(s string) (a [6]byte, ok bool) {
	parts := strings.Split(s, ":")
	if len(parts) != len(a) {
		return a, false
	}
	for i, part := range parts {
		v, err := strconv.ParseUint(part, 16, 8)
		if err != nil {
			return a, false
		}
		a[i] = uint8(v)
	}
	return a, true
}

// packetType reads what --pkt-type and --pkttype-type ask: who a frame is for. A bridge's filter sees the frames for
// others as such; br_netfilter shows them to the rules of IPv6 as this host's.
func (r *xtRule) packetType(not, bridge bool) bool {
	kind := r.next().text
	switch kind {
	case "host":
		kind = "unicast"
	case "unicast", "multicast", "broadcast", "otherhost":
	default:
		return false
	}
	r.add(func(p *Packet) Truth {
		switch {
		case p.In == "" && p.PhysIn == "" && !bridge:
			return CannotTell // this host's own
		case p.toMany():
			return truth((kind == "multicast") != not)
		case !bridge:
			return truth((kind == "unicast") != not)
		case kind == "multicast" || kind == "broadcast" || kind == "unicast" && p.PhysOut != "":
			return truth(not)
		case p.PhysOut != "": // the bridge forwards it, so that it is for none of its own addresses
			return truth(!not)
		}
		return CannotTell
	})
	return true
}

// toMany reports whether the frame goes to a multicast address.
func (p *Packet) toMany() bool {
	if p.EtherTarget == [6]byte{} {
		return p.Target.IsMulticast()
	}
	return p.EtherTarget[0]&1 != 0
}

// mark reads "VALUE" and "VALUE/MASK". A packet that comes from the wire has the mark 0 until a rule sets it.
func (r *xtRule) mark(of string, not bool) bool {
	value, mask, ok := valueMask(r.next().text)
	if !ok {
		return false
	}
	state := r.x.state
	r.add(func(p *Packet) Truth {
		switch {
		case of == changesConnmark && (p.Track == Untracked || p.Track == Invalid):
			return No // without a connection, inverted or not
		case of == changesConnmark && p.Track != New, state.changes(of, mask, p):
			return CannotTell
		}
		return truth((value == 0) != not)
	})
	return true
}

func valueMask(s string) (value, mask uint32, ok bool) {
	first, second, masked := strings.Cut(s, "/")
	v, err := strconv.ParseUint(first, 0, 32)
	m := uint64(0xffffffff)
	if err == nil && masked {
		m, err = strconv.ParseUint(second, 0, 32)
	}
	return uint32(v), uint32(m), err == nil
}

// length reads "40" and "40:1280", bytes of IP.
func (r *xtRule) length(not bool) bool {
	first, second, both := strings.Cut(r.next().text, ":")
	low, err := strconv.Atoi(first)
	high := low
	if err == nil && both {
		high, err = strconv.Atoi(second)
	}
	if err != nil {
		return false
	}
	r.add(func(p *Packet) Truth {
		if p.Length == 0 {
			return CannotTell
		}
		return truth((p.Length >= low && p.Length <= high) != not)
	})
	return true
}

// addressType reads a list of types of addresses, all of which an IPv6 address must be of. To tell those that depend on the
// routes of this host they are not looked up.
func (r *xtRule) addressType(not bool, of func(*Packet) netip.Addr) bool {
	var multicast, unicast, unspecified, route bool
	for _, kind := range strings.Split(r.next().text, ",") {
		switch kind {
		case "MULTICAST":
			multicast = true
		case "UNICAST":
			unicast = true
		case "UNSPEC":
			unspecified = true
		case "LOCAL", "ANYCAST", "UNREACHABLE":
			route = true
		default:
			return false
		}
	}
	r.add(func(p *Packet) Truth {
		a := of(p)
		switch {
		case multicast && !a.IsMulticast(), unicast && (a.IsMulticast() || a.IsUnspecified()), unspecified && !a.IsUnspecified():
			return truth(not)
		case route:
			return CannotTell
		}
		return truth(!not)
	})
	return true
}

// headers reads the list of -m ipv6header, and --soft after it.
func (r *xtRule) headers(not bool) bool {
	const hopByHop, protocol = 1, 2 // others are not in the packet
	wanted, others := 0, false
	for _, h := range strings.Split(strings.ToLower(r.next().text), ",") {
		switch h {
		case "hop", "hop-by-hop":
			wanted |= hopByHop
		case "prot", "protocol", "proto":
			wanted |= protocol
		case "dst", "ipv6-opts", "route", "ipv6-route", "frag", "ipv6-frag", "auth", "ah", "esp", "none", "ipv6-nonxt":
			others = true
		default:
			return false
		}
	}
	soft := r.flag("--soft")
	r.addLasting(func(p *Packet) Truth {
		has := protocol
		if p.hasHopOpts() {
			has |= hopByHop
		}
		switch {
		case !soft:
			return truth((has == wanted && !others) != not)
		case not:
			return truth(has&wanted == 0)
		}
		return truth(has&wanted == wanted && !others)
	})
	return true
}

// addressRange reads "fe80::1-fe80::5".
func (r *xtRule) addressRange(not bool, of func(*Packet) netip.Addr) bool {
	first, second, _ := strings.Cut(r.next().text, "-")
	low, err := netip.ParseAddr(first)
	high, err2 := netip.ParseAddr(second)
	if err != nil || err2 != nil || !low.Is6() || !high.Is6() {
		return false
	}
	r.addLasting(is(not, func(p *Packet) bool { return of(p).Compare(low) >= 0 && of(p).Compare(high) <= 0 }))
	return true
}

// fromMAC says whether the source is made of the Ethernet address that the frame comes from, as -m eui64 asks.
func fromMAC(p *Packet) Truth {
	m := p.EtherSource
	if m == [6]byte{} || !p.Source.Is6() {
		return CannotTell
	}
	id := [8]byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}
	a := p.Source.As16()
	return truth([8]byte(a[8:]) == id)
}
