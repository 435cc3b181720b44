package ra

import (
	"fmt"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
)

// checkOptions judges every option of a Router Advertisement, each by itself: a bad one hides no other. Options whose
// extent is wrong or not sure are left to ndcheck.
func checkOptions(r *ndcheck.Report) {
	checkDuplicates(r)
	for i := range r.Packet.Message.Options {
		o := &r.Packet.Message.Options[i]
		if !sound(o) {
			continue
		}
		switch o.Type {
		case icmp6.OptPrefixInformation:
			checkPrefix(r, i)
		case icmp6.OptMTU:
			checkMTU(r, o)
		case icmp6.OptRouteInformation:
			checkRoute(r, i)
		case icmp6.OptRDNSS:
			checkRDNSS(r, o)
		case icmp6.OptDNSSL:
			checkDNSSL(r, o)
		case icmp6.OptEncryptedDNS:
			checkEncryptedDNS(r, o)
		case icmp6.OptPREF64:
			checkPREF64(r, o)
		case icmp6.OptCaptivePortal:
			checkCaptivePortal(r, o)
		case icmp6.OptFlagsExtension:
			checkFlags(r, o)
		case icmp6.OptAdvertisementInterval:
			if o.Length != 1 {
				r.Add("interval.length", o.Offset+1, place(o), "the option has %d bytes, not 8", len(o.Raw))
			}
		case icmp6.OptHomeAgentInformation:
			if h, ok := o.HomeAgentInformation(); ok && h.Lifetime == 0 {
				r.Add("homeagent.lifetime-zero", o.Offset+6, place(o), "the home agent lifetime is 0")
			}
		case icmp6.Opt6CO:
			check6CO(r, o)
		}
	}
}

// sound reports whether o is whole and stands where the message says, so that its contents can be judged.
func sound(o *icmp6.Option) bool { return o.Fault == icmp6.FaultNone && !o.Guessed }

// place names an option by where it stands, which is the same each time the router sends its message.
func place(o *icmp6.Option) string { return fmt.Sprintf("option %d at %d", o.Type, o.Offset) }

// checkDuplicates looks for second options of a type that a message may have once.
func checkDuplicates(r *ndcheck.Report) {
	var seen [icmp6.OptCaptivePortal + 1]bool
	for i := range r.Packet.Message.Options {
		o := &r.Packet.Message.Options[i]
		if !sound(o) || int(o.Type) >= len(seen) {
			continue
		}
		if !seen[o.Type] {
			seen[o.Type] = true
			continue
		}
		const detail = "a further %v option"
		switch o.Type {
		case icmp6.OptMTU:
			r.Add("opt.duplicate-mtu", o.Offset, place(o), detail, o.Type)
		case icmp6.OptSourceLinkLayerAddress:
			r.Add("opt.duplicate-slla", o.Offset, place(o), detail, o.Type)
		case icmp6.OptAdvertisementInterval:
			r.Add("opt.duplicate-interval", o.Offset, place(o), detail, o.Type)
		case icmp6.OptHomeAgentInformation:
			r.Add("opt.duplicate-home-agent", o.Offset, place(o), detail, o.Type)
		case icmp6.OptFlagsExtension:
			r.Add("opt.duplicate-flags", o.Offset, place(o), detail, o.Type)
		case icmp6.OptCaptivePortal:
			r.Add("opt.duplicate-captive-portal", o.Offset, place(o), detail, o.Type)
		}
	}
}

// checkMTU judges an MTU option by itself and against the link it was seen on, as far as that link's MTU is known.
func checkMTU(r *ndcheck.Report, o *icmp6.Option) {
	m, ok := o.MTU()
	if !ok || o.Length != 1 {
		r.Add("mtu.length", o.Offset+1, place(o), "the option has %d bytes, not 8", len(o.Raw))
		return
	}
	if m.MTU < 1280 {
		r.Add("mtu.below-1280", o.Offset+4, place(o), "MTU %d", m.MTU)
		return
	}
	p := r.Packet
	link := p.Frame.Interface.MTU
	if link <= 0 {
		return // unknown
	}
	if len(p.Tunnels) == 0 {
		if uint64(m.MTU) > uint64(link) {
			r.Add("mtu.above-link", o.Offset+4, place(o), "MTU %d, but that of %s is %d", m.MTU, p.Frame.Interface.Name, link)
		}
		return
	}
	overhead := 0
	for i, t := range p.Tunnels {
		inner := len(p.VLANs)
		if i+1 < len(p.Tunnels) {
			inner = len(p.Tunnels[i+1].VLANs)
		}
		overhead += t.Overhead(inner)
	}
	if uint64(m.MTU)+uint64(overhead) > uint64(link) {
		r.Add("mtu.encapsulation", o.Offset+4, place(o), "MTU %d and %d bytes of tunnel headers make %d, but %s has %d",
			m.MTU, overhead, uint64(m.MTU)+uint64(overhead), p.Frame.Interface.Name, link)
	}
}

// maxPREF64 is the longest lifetime that a PREF64 option can tell, in seconds: 13 bits of 8 (RFC 8781 §4).
const maxPREF64 = 8191 * 8

// checkPREF64 judges a NAT64 prefix. RFC 8781 §4.1 wants it to live for three times the longest interval between RAs, of
// which one message tells the lower bound at best, and finds it undesirable that it lives shorter than its router.
// Lifetimes come in units of 8 seconds, so less than that is no difference.
func checkPREF64(r *ndcheck.Report, o *icmp6.Option) {
	p, ok := o.PREF64()
	if !ok || o.Length != 2 {
		r.Add("pref64.length", o.Offset+1, place(o), "the option has %d bytes, not 16", len(o.Raw))
		return
	}
	if p.PLC > 5 {
		r.Add("pref64.plc", o.Offset+3, place(o), "the prefix length code is %d", p.PLC)
		return
	}
	router := min(uint32(r.Packet.Message.RA.RouterLifetime), maxPREF64)
	switch three := 3 * shortestInterval(r.Packet.Message.Options); {
	case p.Lifetime == 0: // withdrawn
	case uint64(p.Lifetime) < min(three, maxPREF64):
		r.Add("pref64.lifetime", o.Offset+2, p.Prefix().String(), "prefix %v: lifetime %d s, below 3 intervals of %d s",
			p.Prefix(), p.Lifetime, three/3)
	case p.Lifetime+8 <= router:
		r.AddInfo("pref64.lifetime", o.Offset+2, p.Prefix().String(), "prefix %v: lifetime %d s, the router's is %d s",
			p.Prefix(), p.Lifetime, r.Packet.Message.RA.RouterLifetime)
	}
}

// shortestInterval returns the least that MaxRtrAdvInterval can be, in seconds: what an Advertisement Interval option
// says, or the lower bound of RFC 4861 §6.2.1.
func shortestInterval(options []icmp6.Option) uint64 {
	for i := range options {
		o := &options[i]
		if o.Type != icmp6.OptAdvertisementInterval {
			continue
		}
		if ms, ok := o.AdvertisementInterval(); ok && sound(o) {
			return uint64(ms) / 1000
		}
	}
	return minRouterLifetime
}

// checkFlags judges an RA Flags Extension option, which must not be sent without a flag (RFC 5175 §4).
func checkFlags(r *ndcheck.Report, o *icmp6.Option) {
	for _, b := range o.Raw[2:] {
		if b != 0 {
			return
		}
	}
	r.Add("flags.all-zero", o.Offset+2, place(o), "all %d flag bits are 0", 8*len(o.Raw[2:]))
}

// check6CO judges a 6LoWPAN Context option: two units, or three, which a context above 64 bits needs (RFC 6775 §4.2).
func check6CO(r *ndcheck.Report, o *icmp6.Option) {
	c, ok := o.SixCO()
	if !ok || o.Length < 2 || o.Length > 3 || c.ContextLength > 128 || c.ContextLength > 64 && o.Length != 3 {
		r.Add("6co.length", o.Offset+1, place(o), "the option has %d bytes for a context of %d bits", len(o.Raw),
			c.ContextLength)
	}
}
