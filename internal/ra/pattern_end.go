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
			if f, ok := l.endSilent(r, c.now, c.era); ok && (!l.flood.told || r.proven) {
				found = append(found, f)
			}
		}
		for _, h := range l.Hosts {
			if f, ok := l.endSolicitor(h, c.now, c.era); ok {
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
	if span := c.now.Sub(c.first); c.packets > 0 && c.era == 0 {
		detail = fmt.Sprintf("none was among the %d ICMPv6 and DHCPv6 packets that were looked at, which span %s", c.packets,
			inSeconds(span))
		if span < cloudStackInterval {
			detail += "; a CloudStack router may be silent for 15 s"
		}
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

// offers reports whether hosts get an address from r at time t of era: by its M flag or by a prefix.
func (r *Router) offers(t time.Time, era uint32) bool {
	if r.Accepted == 0 {
		return false
	}
	if r.Fields.Managed {
		return true
	}
	for i, o := range r.Options {
		if p, ok := prefixOf(o); ok && usable(p) && !r.expired(i, p.ValidLifetime, t, era) {
			return true
		}
	}
	return false
}

// endAddresses judges whether hosts of l get addresses besides their link-local ones. A link on which no router offers
// itself as a default router is left alone: it need not lead anywhere.
func (c *Checker) endAddresses(l *Link) (rule.Finding, bool) {
	if l.offered || !l.gateway {
		return rule.Finding{}, false
	}
	var routers []*Router
	for _, r := range l.Routers {
		if r.Cut || r.offers(c.now, c.era) {
			return rule.Finding{}, false // what the capture cut off is not known
		}
		if r.Accepted > 0 {
			routers = append(routers, r)
		}
	}
	f := l.finding("ra.no-address-source", "")
	switch len(routers) {
	case 0:
		f.Detail = "no RA had a prefix for SLAAC or the M flag: guests will have only fe80:: addresses"
	case 1:
		r := routers[0]
		f.Source, f.Time, f.Frame = r.Source, r.accepted, r.frame
		f.Detail = fmt.Sprintf("router %v offers itself as default router, but no RA of it has a prefix for SLAAC in force or the "+
			"M flag: guests will have only fe80:: addresses", r.Source)
	default:
		f.Detail = fmt.Sprintf("no RA of the %d routers has a prefix for SLAAC in force or the M flag: guests will have only "+
			"fe80:: addresses", len(routers))
	}
	return f, true
}

// endManaged judges whether the DHCPv6 server is there that M or O sends hosts to. That a client repeats itself shows
// that it got no answer. From a single question only the host that asked could tell.
func (c *Checker) endManaged(l *Link) (rule.Finding, bool) {
	d := &l.dhcpv6
	own := !d.own.IsZero() && c.now.Sub(d.own) >= time.Second
	if l.DHCPv6Answers || !d.repeated && !own {
		return rule.Finding{}, false
	}
	for _, r := range l.Routers {
		if !r.managed && !r.other {
			continue
		}
		set := "M"
		switch {
		case r.managed && r.other:
			set = "M and O"
		case r.other:
			set = "O"
		}
		f := l.finding("ra.managed-no-server",
			fmt.Sprintf("router %v sets %s; clients asked DHCPv6 servers, and none answered", r.Source, set))
		f.Source, f.Time, f.Frame = r.Source, d.last, d.frame
		return f, true
	}
	return rule.Finding{}, false
}
