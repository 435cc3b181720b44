package ra

import (
	"fmt"
	"time"

	"v6probe/internal/rule"
)

// Finish returns what only the end can tell: silence, and what no router of a link has said. whole says that nothing is
// missing at the end: the silence of an input that broke off proves nothing.
func (c *Checker) Finish(whole bool) []rule.Finding {
	var found []rule.Finding
	if c.heard == 0 && whole {
		found = append(found, c.absent())
	}
	c.now = instantOf(c.clock.Now) // the last packet may be an earlier one, out of order
	for _, l := range c.order {
		if f, ok := c.endAddresses(l); ok {
			found = append(found, f)
		}
		if f, ok := c.endManaged(l); ok {
			found = append(found, f)
		}
		for _, r := range l.Routers {
			if f, ok := l.endRDNSS(r); ok {
				found = append(found, f)
			}
			if f, ok := c.endTap(l, r); ok {
				found = append(found, f)
			}
			// Of a flood's senders nobody expects a goodbye.
			if f, ok := l.endSilent(r, c.now, c.clock.Era); ok && (!l.Flooded || r.standing == Proven) {
				found = append(found, f)
			}
		}
		for _, h := range l.Hosts {
			if f, ok := c.endSolicitor(l, h); ok {
				found = append(found, f)
			}
		}
	}
	return found
}

// cloudStackInterval is CloudStack's MaxRtrAdvInterval.
const cloudStackInterval = 15 * time.Second

// absent returns the finding that there was no Router Advertisement at all.
func (c *Checker) absent() rule.Finding {
	detail := "none was heard, and no other packet that was looked at"
	if span := c.clock.Now.Sub(c.clock.First); c.clock.Packets > 0 && c.clock.Era == 0 {
		detail = fmt.Sprintf("none was among the %d ICMPv6 and DHCPv6 packets that were looked at, which span %s", c.clock.Packets,
			inSeconds(span))
		if span < cloudStackInterval {
			detail += "; a CloudStack router may be silent for 15 s"
		}
	}
	if c.unseen > 0 {
		detail += fmt.Sprintf("; %d frames were lost to this capture, and one may have been among them", c.unseen)
	}
	known, _ := rule.Lookup("ra.absent")
	return rule.Finding{Rule: known.ID, Severity: known.Severity, Detail: detail, Offset: -1,
		Fix: "Likeliest first. (1) radvd does not run on the VR, as in apache/cloudstack#6314: there, `systemctl status radvd`, " +
			"`journalctl -u radvd`, and `ip -6 addr` to see that this VR is the primary. (2) Something on the way drops it: run " +
			"v6probe ra on the VR's interface, the host's bridge and the guest's vnetN, and look where RAs end at `nft list " +
			"ruleset`, `ip6tables -vL FORWARD`, and for multicast `bridge mdb show` or, between hosts, the VXLAN's group. (3) " +
			"This is the wrong place: compare `bridge vlan show` and the VNI with the network's broadcasturi, and see that it " +
			"has an ip6cidr in listNetworks."}
}

// gone reports whether r is silent for longer than its router lifetime at time t of era.
func (r *Router) gone(t instant, era uint32) bool {
	return r.era == era && r.Fields.RouterLifetime > 0 && t.sub(r.accepted) > seconds(r.Fields.RouterLifetime)+slack
}

// absent reports whether r is silent for so long that nothing it advertised reaches new hosts. Its router lifetime says
// nothing of its prefixes, so a router that is slower than that is waited for.
func (r *Router) absent(t instant, era uint32) bool {
	return r.gone(t, era) && t.sub(r.accepted) > 3*r.MaxGap
}

// maxFinal is how many goodbyes a router says (RFC 4861 §10, MAX_FINAL_RTR_ADVERTISEMENTS). One that goes on with router
// lifetime 0 was set to be no default router, and its prefixes are there as before.
const maxFinal = 3

// leaving reports whether r said goodbye and has not come back.
func (r *Router) leaving() bool { return r.goodbyes > 0 && r.goodbyes <= maxFinal }

// countGoodbye takes in the router lifetime of an accepted RA, while r.Fields are still those of the one before.
func (r *Router) countGoodbye(lifetime uint16, era uint32) {
	switch {
	case lifetime > 0:
		r.goodbyes = 0
	case r.goodbyes > 0:
		r.goodbyes++
	case r.accepted != 0 && r.era == era && r.Fields.RouterLifetime > 0:
		r.goodbyes = 1
		for i := range r.prefixes {
			r.prefixes[i].withdrawn = true
		}
	}
}

// offers reports whether new hosts get an address from r, as long as it is there, at time t of era: by its M flag or by a
// prefix.
func (r *Router) offers(t instant, era uint32) bool {
	if r.Accepted == 0 {
		return false
	}
	if r.Fields.Managed && !r.leaving() {
		return true
	}
	for i := range r.prefixes {
		if r.prefixes[i].given(t, era) {
			return true
		}
	}
	return false
}

// endAddresses judges whether new hosts of l get addresses besides their link-local ones. A link on which no router
// offers itself as a default router, or does no longer, is left alone: it need not lead anywhere.
func (c *Checker) endAddresses(l *Link) (rule.Finding, bool) {
	if l.offered {
		return rule.Finding{}, false
	}
	live := l.alive(c.now, c.clock.Era).IsValid()
	var routers []*Router // those that offer themselves
	for _, r := range l.Routers {
		gone := live && r.absent(c.now, c.clock.Era)
		t, era := c.now, c.clock.Era
		if !live { // all are judged by their last words
			t, era = r.accepted, r.era
		}
		if r.Cut || !gone && (r.offers(t, era) || r.mayReturn(t)) {
			return rule.Finding{}, false // what the capture cut off is not known
		}
		if r.Accepted > 0 && r.Fields.RouterLifetime > 0 && !gone {
			routers = append(routers, r)
		}
	}
	f := l.finding("ra.no-address-source", "")
	switch len(routers) {
	case 0:
		return l.endBare(f)
	case 1:
		r := routers[0]
		f.Source, f.Time, f.Frame = r.Source, r.at, r.number
		heard := "no RA of it has"
		if r.Accepted == 1 {
			heard = "the only RA of it that was heard does not have"
		}
		f.Detail = fmt.Sprintf("router %v offers itself as default router, but %s a prefix for SLAAC in force or the M flag: guests will "+
			"have only fe80:: addresses", r.Source, heard)
	default:
		f.Detail = fmt.Sprintf("no RA of the %d routers has a prefix for SLAAC in force or the M flag: guests will have only "+
			"fe80:: addresses", len(routers))
	}
	if r, k := l.newestStopped(c.now, c.clock.Era); k != nil {
		f.Subject = k.prefix.String()
		what := "stopped advertising"
		if r.gone(c.now, c.clock.Era) {
			what = "is not heard any more; it advertised"
		}
		f.Detail = fmt.Sprintf("router %v %s prefix %v, last in frame %d, %s ago, and no router offers another or has the M flag: hosts "+
			"keep what they have, new guests will have only fe80:: addresses", r.Source, what, k.prefix, k.frame,
			inSeconds(max(0, c.now.sub(k.at))))
	}
	return f, true
}

// returnWithin is how long after its goodbye a router that is restarted may need to be heard again: the longest time
// between its first RAs (RFC 4861 §10, MAX_INITIAL_RTR_ADVERT_INTERVAL).
const returnWithin = 16 * time.Second

// mayReturn reports whether r said goodbye so shortly before t that it may only be starting again, with what it gave.
func (r *Router) mayReturn(t instant) bool {
	return r.leaving() && (len(r.prefixes) > 0 || r.managed) && t.sub(r.accepted) <= max(returnWithin, r.MaxGap)
}

// endBare completes f for a link whose routers all said goodbye and never had anything to give.
func (l *Link) endBare(f rule.Finding) (rule.Finding, bool) {
	left := false
	for _, r := range l.Routers {
		if len(r.prefixes) > 0 || r.managed {
			return rule.Finding{}, false
		}
		if r.goodbyes > 0 {
			left, f.Source, f.Time, f.Frame = true, r.Source, r.at, r.number
		}
	}
	f.Detail = fmt.Sprintf("router %v offered itself as default router until it said goodbye, but no RA had a prefix for SLAAC or "+
		"the M flag: guests had only fe80:: addresses", f.Source)
	return f, left
}

// newestStopped returns the prefix that hosts still have and that was advertised last, and its router; or nil. No router
// of l gives it any longer.
func (l *Link) newestStopped(t instant, era uint32) (by *Router, newest *routerPrefix) {
	for _, r := range l.Routers {
		for i := range r.prefixes {
			k := &r.prefixes[i]
			if k.era == era && k.inForce(t, era) && (newest == nil || k.at > newest.at) {
				by, newest = r, k
			}
		}
	}
	return by, newest
}
