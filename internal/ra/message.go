package ra

import (
	"net"
	"net/netip"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
)

// The bounds that RFC 4861 §6.2.1 sets for what a router sends, where one message can break them.
const (
	minRouterLifetime = 4       // seconds: a lifetime is at least MaxRtrAdvInterval, and that at least 4 s
	oldRouterLifetime = 9000    // seconds: the upper bound before RFC 8319 §4 lifted it
	maxReachableTime  = 3600000 // milliseconds
	minCurHopLimit    = 32      // RFC 4861 has no lower bound; below it packets do not cross the Internet
)

// checkRA adds what is wrong with a Router Advertisement by itself.
func checkRA(r *ndcheck.Report) {
	if r.Recall() {
		return
	}
	ndcheck.Message(r)
	checkAdvertiser(r)
	m := &r.Packet.Message
	switch {
	case !m.Short:
		checkRouterFields(r)
		checkOptions(r)
	case r.Packet.Complete: // else the capture cut off what may well be in the message
		r.Add("ra.too-short", 0, "", "%d bytes, a Router Advertisement has at least 16", len(m.Raw))
	}
	r.Remember()
}

// checkAdvertiser judges the addresses of a Router Advertisement.
func checkAdvertiser(r *ndcheck.Report) {
	p := r.Packet
	if !p.Source.IsLinkLocalUnicast() {
		r.AddAt("ra.src-not-link-local", p.IPOffset+8, "", "the source is %v, not in fe80::/10", p.Source)
	}
	if d := p.Destination; unreachable(d) || d.IsMulticast() && d != netip.IPv6LinkLocalAllNodes() {
		r.AddAt("ra.dst-invalid", p.IPOffset+24, d.String(), "the destination is %v, not ff02::1 or a host's address", d)
	}
}

// unreachable reports whether no other node can have address a.
func unreachable(a netip.Addr) bool { return a.IsUnspecified() || a.IsLoopback() }

// checkRouterFields judges the fixed fields of a Router Advertisement.
func checkRouterFields(r *ndcheck.Report) {
	f := &r.Packet.Message.RA
	if f.CurHopLimit != 0 && f.CurHopLimit < minCurHopLimit {
		r.Add("ra.hop-limit-low", 4, "", "the current hop limit is %d", f.CurHopLimit)
	}
	switch {
	case f.Preference == icmp6.PreferenceReserved:
		r.Add("ra.preference-reserved", 5, "", "the preference bits are 10, which is reserved")
	case f.Preference != icmp6.PreferenceMedium && f.RouterLifetime == 0:
		r.Add("ra.lifetime-zero-with-preference", 5, "", "the router lifetime is 0 and the preference %v", f.Preference)
	}
	if f.SNAC {
		r.Add("ra.snac", 5, "", "the SNAC router flag is set")
	}
	switch l := f.RouterLifetime; {
	case l > 0 && l < minRouterLifetime && uint64(l) <= shortestInterval(r.Packet.Message.Options):
		r.Add("ra.lifetime-range", 6, "", "the router lifetime is %d s, below the shortest interval of %d s", l, minRouterLifetime)
	case l > oldRouterLifetime:
		r.AddInfo("ra.lifetime-range", 6, "", "the router lifetime is %d s: RFC 4861 ends at %d, RFC 8319 allows more", l,
			oldRouterLifetime)
	}
	if f.ReachableTime > maxReachableTime {
		r.Add("ra.reachable-range", 8, "", "the reachable time is %d ms, more than %d", f.ReachableTime, maxReachableTime)
	}
}

// checkRS adds what is wrong with a Router Solicitation by itself.
func checkRS(r *ndcheck.Report) {
	ndcheck.Message(r)
	p := r.Packet
	// A solicitation may go to a single router (RFC 4861 §4.1 says only what is typical).
	if d := p.Destination; unreachable(d) || d.IsMulticast() && d != netip.IPv6LinkLocalAllRouters() {
		r.AddAt("rs.dst", p.IPOffset+24, d.String(), "the destination is %v, not ff02::2 or a router's address", d)
	}
	if p.Message.Short {
		if p.Complete {
			r.Add("rs.too-short", 0, "", "%d bytes, a Router Solicitation has at least 8",
				len(p.Message.Raw))
		}
		return
	}
	checkDuplicates(r)
	if !p.Source.IsUnspecified() {
		return
	}
	for _, o := range p.Message.Options {
		if addr, ok := o.LinkLayerAddress(); ok && o.Type == icmp6.OptSourceLinkLayerAddress && !o.Guessed {
			r.Add("rs.unspecified-with-slla", o.Offset, "", "the source is ::, yet the option says %v", net.HardwareAddr(addr))
		}
	}
}
