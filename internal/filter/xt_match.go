package filter

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// condition is one thing that a rule asks.
type condition func(p *Packet) Truth

// allOf says whether all conditions are met: one that is not makes up for those that cannot be told.
func allOf(conditions []condition, p *Packet) Truth {
	result := Yes
	for _, c := range conditions {
		switch c(p) {
		case No:
			return No
		case CannotTell:
			result = CannotTell
		}
	}
	return result
}

func truth(b bool) Truth {
	if b {
		return Yes
	}
	return No
}

func (t Truth) not(invert bool) Truth {
	switch {
	case !invert || t == CannotTell:
		return t
	case t == Yes:
		return No
	}
	return Yes
}

// is makes a condition of what can always be told.
func is(invert bool, f func(p *Packet) bool) condition {
	return func(p *Packet) Truth { return truth(f(p) != invert) }
}

// never is the condition of a match on what the packet does not have, which the kernel answers with no, inverted or not.
func never(*Packet) Truth { return No }

// match reads an option of ip6tables, its values included, and reports whether it is known.
func (r *xtRule) match(option string, not bool) bool {
	switch option {
	case "-m", "--match":
		return r.load(r.next().text)
	case "-p", "--protocol":
		ours, all := isICMPv6(r.next().text)
		r.addLasting(is(not && !all, func(*Packet) bool { return ours }))
		return true
	case "-i", "--in-interface":
		pattern := r.next().text
		r.add(is(not, func(p *Packet) bool { return nameFits(pattern, p.In) }))
		return true
	case "-o", "--out-interface":
		pattern := r.next().text
		r.add(is(not, func(p *Packet) bool { return nameFits(pattern, p.Out) }))
		return true
	case "-s", "--source":
		return r.address(not, func(p *Packet) netip.Addr { return p.Source })
	case "-d", "--destination":
		return r.address(not, func(p *Packet) netip.Addr { return p.Target })
	}
	switch r.module {
	case "icmp6":
		return r.icmpType(option, "--icmpv6-type", not)
	case "hl":
		return r.hopLimit(option, not)
	case "physdev":
		return r.physdev(option, not)
	case "set":
		return r.set(option, not)
	case "state", "conntrack":
		return r.conntrack(option, not)
	case "mac":
		return option == "--mac-source" && r.mac(not, func(p *Packet) [6]byte { return p.EtherSource })
	case "pkttype":
		return option == "--pkt-type" && r.packetType(not, false)
	case "mark":
		return option == "--mark" && r.mark(changesMark, not)
	case "connmark":
		return option == "--mark" && r.mark(changesConnmark, not)
	}
	return r.rareMatch(option, not)
}

// load begins what -m names. Some ask something without an option.
func (r *xtRule) load(module string) bool {
	r.module = module
	switch module {
	case "icmp6", "hl", "physdev", "set", "mac", "pkttype", "mark", "connmark", "comment", "length", "addrtype", "ipv6header",
		"iprange":
	case "state", "conntrack":
		r.hasState = new(bool)
	case "frag", "rt", "dst", "ah", "esp", "mh", "srh", "tcp", "udp", "udplite", "sctp", "dccp", "multiport":
		r.addLasting(never) // headers that the packet does not have, and other protocols
	case "hbh":
		r.addLasting(is(false, (*Packet).hasHopOpts))
	case "eui64":
		r.add(fromMAC)
	default:
		return false
	}
	return true
}

// isICMPv6 reports whether a protocol, as -p names it, is ours, and whether it stands for all.
func isICMPv6(s string) (ours, all bool) {
	switch strings.ToLower(s) {
	case "ipv6-icmp", "icmpv6", "icmp6", "58":
		return true, false
	case "all", "0", "ip":
		return true, true
	}
	return false, false
}

// nameFits compares an interface with a name of ip6tables or ebtables, in which a + at the end stands for any rest.
func nameFits(pattern, name string) bool {
	if prefix, wild := strings.CutSuffix(pattern, "+"); wild {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}

// address reads an address with a length or a mask.
func (r *xtRule) address(not bool, of func(*Packet) netip.Addr) bool {
	text := r.next().text
	address, mask, ok := addressMask(text)
	if !ok {
		return false
	}
	r.addLasting(is(not, func(p *Packet) bool { return masked(of(p), mask) == address }))
	return true
}

// addressMask parses "fe80::/64" and "fe80::1/ffff::ffff".
func addressMask(s string) (address, mask [16]byte, ok bool) {
	text, length, hasMask := strings.Cut(s, "/")
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is6() || a.Zone() != "" {
		return address, mask, false
	}
	bits := 128
	if m, err := netip.ParseAddr(length); err == nil && m.Is6() && m.Zone() == "" {
		return masked(a, m.As16()), m.As16(), true
	} else if hasMask {
		if bits, err = strconv.Atoi(length); err != nil || bits < 0 || bits > 128 {
			return address, mask, false
		}
	}
	for i := range bits {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return masked(a, mask), mask, true
}

func masked(a netip.Addr, mask [16]byte) [16]byte {
	if !a.IsValid() {
		return [16]byte{}
	}
	b := a.As16()
	for i := range b {
		b[i] &= mask[i]
	}
	return b
}

func (r *xtRule) hopLimit(option string, not bool) bool {
	limit, err := strconv.ParseUint(r.next().text, 10, 8)
	if err != nil {
		return false
	}
	compare := func(p *Packet) bool { return uint64(p.HopLimit) == limit }
	switch option {
	case "--hl-lt":
		compare = func(p *Packet) bool { return uint64(p.HopLimit) < limit }
	case "--hl-gt":
		compare = func(p *Packet) bool { return uint64(p.HopLimit) > limit }
	case "--hl-eq":
	default:
		return false
	}
	state := r.x.state
	r.add(func(p *Packet) Truth {
		if state.changes(changesHopLimit, 1, p) {
			return CannotTell
		}
		return truth(compare(p) != not)
	})
	return true
}

// physdev follows the kernel's xt_physdev: what came over no bridge matches what is inverted, an unknown port of entry
// matches always, and an unknown port of leave never.
func (r *xtRule) physdev(option string, not bool) bool {
	var f func(p *Packet) bool
	switch option {
	case "--physdev-is-bridged", "--physdev-is-out":
		f = func(p *Packet) bool { return (p.PhysOut != "") != not }
	case "--physdev-is-in":
		f = func(p *Packet) bool { return (p.PhysIn != "") != not }
	case "--physdev-in":
		port := r.next().text
		f = func(p *Packet) bool { return p.PhysIn == "" || nameFits(port, p.PhysIn) != not }
	case "--physdev-out":
		port := r.next().text
		f = func(p *Packet) bool { return p.PhysOut != "" && nameFits(port, p.PhysOut) != not }
	default:
		return false
	}
	r.add(func(p *Packet) Truth {
		if p.PhysIn == "" && p.PhysOut == "" {
			return truth(not)
		}
		return truth(f(p))
	})
	return true
}

// set reads --match-set NAME FLAGS. Of the flags only the first counts, because only sets of one thing are looked at.
func (r *xtRule) set(option string, not bool) bool {
	if option != "--match-set" {
		return false
	}
	name, flags := r.next().text, r.next().text
	first, _, _ := strings.Cut(flags, ",")
	if first != "src" && first != "dst" {
		return false
	}
	state := r.x.state
	state.asked = append(state.asked, name)
	r.add(func(p *Packet) Truth {
		s, ok := state.sets[name]
		if !ok || state.changes(changesSet+name, 1, p) {
			return CannotTell
		}
		a := p.Source
		if first == "dst" {
			a = p.Target
		}
		return s.Has(a).not(not)
	})
	return true
}

// conntrack reads --state, --ctstate and the rest of -m conntrack.
func (r *xtRule) conntrack(option string, not bool) bool {
	if option != "--state" && option != "--ctstate" {
		r.skip()
		// Of a packet without a connection the kernel answers no, but for the state, after which it asks nothing more.
		hasState := r.hasState
		r.add(func(p *Packet) Truth {
			if p.Track != Untracked && p.Track != Invalid {
				return CannotTell
			}
			return truth(*hasState)
		})
		return true
	}
	*r.hasState = true
	list := strings.Split(r.next().text, ",")
	nat := slices.Contains(list, "SNAT") || slices.Contains(list, "DNAT")
	r.add(func(p *Packet) Truth {
		switch {
		case slices.Contains(list, p.Track.state()):
			return truth(!not)
		case nat && p.Track != Untracked && p.Track != Invalid:
			return CannotTell
		}
		return truth(not)
	})
	return true
}

// state returns the name that conntrack's matches have for it.
func (t Track) state() string {
	return [...]string{"UNTRACKED", "NEW", "ESTABLISHED", "RELATED", "INVALID"}[t]
}
