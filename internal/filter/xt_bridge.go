package filter

import (
	"net/netip"
	"strings"
)

// bridgeMatch reads an option of ebtables, its values included, and reports whether it is known.
func (r *xtRule) bridgeMatch(option string, not bool) bool {
	switch option {
	case "-p", "--protocol":
		name := strings.ToLower(r.next().text)
		ours := name == "ipv6" || name == "0x86dd" || name == "86dd"
		r.addLasting(is(not, func(*Packet) bool { return ours }))
	case "-i", "--in-interface", "--in-if":
		r.port(not, func(p *Packet) string { return p.PhysIn })
	case "-o", "--out-interface", "--out-if":
		r.port(not, func(p *Packet) string { return p.PhysOut })
	case "--logical-in":
		r.port(not, func(p *Packet) string { return p.In })
	case "--logical-out":
		r.port(not, func(p *Packet) string { return p.Out })
	case "-s", "--source", "--src":
		return r.mac(not, func(p *Packet) [6]byte { return p.EtherSource })
	case "-d", "--destination", "--dst":
		return r.mac(not, func(p *Packet) [6]byte { return p.EtherTarget })
	case "--ip6-src", "--ip6-source":
		return r.address(not, func(p *Packet) netip.Addr { return p.Source })
	case "--ip6-dst", "--ip6-destination":
		return r.address(not, func(p *Packet) netip.Addr { return p.Target })
	case "--ip6-proto", "--ip6-protocol":
		ours, _ := isICMPv6(r.next().text)
		r.addLasting(is(not, func(*Packet) bool { return ours }))
	case "--ip6-icmp-type":
		return r.icmpType(option, option, not)
	case "--pkttype-type":
		return r.packetType(not, true)
	case "--mark":
		return r.mark(changesMark, not)
	case "--log", "--log-ip", "--log-arp", "--log-ip6", "--nflog", "--ulog":
	case "--log-level", "--log-prefix", "--nflog-group", "--nflog-prefix", "--nflog-range", "--nflog-threshold",
		"--ulog-prefix", "--ulog-nlgroup", "--ulog-cprange", "--ulog-qthreshold":
		r.next() // all these only watch
	default:
		return false
	}
	return true
}

func (r *xtRule) port(not bool, of func(*Packet) string) {
	pattern := r.next().text
	r.add(is(not, func(p *Packet) bool { return nameFits(pattern, of(p)) }))
}

// bridgeTarget reads a target that only ebtables has, with what it does afterwards.
func (r *xtRule) bridgeTarget(name string) (act Act, known bool) {
	switch name {
	case "mark":
		r.change(changesMark, allBits)
		return r.after("--mark-target"), true
	case "snat":
		return r.after("--snat-target"), true
	case "dnat", "redirect", "arpreply":
		return Elsewhere, true
	}
	return Elsewhere, false
}

// after returns what an option says that comes after the target is done; without it the packet is accepted.
func (r *xtRule) after(option string) Act {
	for i := 0; i+1 < len(r.words); i++ {
		if r.words[i].text == option {
			return r.x.verdict(r.words[i+1].text)
		}
	}
	return Accept
}
