package ra

import (
	"fmt"
	"strings"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// checkTap judges who sends Router Advertisements on a virtual machine's tap. What comes in is sent by the machine, what
// goes out is for it. A virtual router has a tap too, and nothing in a packet tells it from a guest: a machine is a rogue
// for sure only where the user expects other routers, and, for one of the two, where another router is delivered to it.
func (c *Checker) checkTap(l *Link, r *Router) {
	p := c.report.Packet
	if p.Frame.Direction == packet.DirectionUnknown || len(p.Tunnels) > 0 || !isTap(p.Frame.Interface.Name) {
		return
	}
	switch p.Frame.Direction {
	case packet.Outgoing:
		if !l.served.IsValid() && !r.last.dropped && p.Message.RA.RouterLifetime > 0 {
			l.served = r.Source
		}
	case packet.Incoming:
		r.inside = true
		if detail, ok := c.rogue(l, r); ok && !r.rogue {
			r.rogue = true
			c.report.Add("ra.from-guest", -1, "", "%s", detail)
		}
	}
}

// rogue reports whether r, which is behind the tap that is link l, is proved to be none of its routers.
func (c *Checker) rogue(l *Link, r *Router) (detail string, proved bool) {
	switch {
	case len(c.options.Routers)+len(c.options.MACs) > 0:
		return "the machine behind this tap sent it, and is none of the routers expected", !c.options.knows(r)
	case l.served.IsValid() && l.served != r.Source:
		return fmt.Sprintf("the machine behind this tap sent it, though router %v serves it: unless both are meant to, one of "+
			"them does not belong there", l.served), true
	}
	return "", false
}

// endTap tells at the end of a machine that advertises, where nothing proved before that it should not.
func (c *Checker) endTap(l *Link, r *Router) (rule.Finding, bool) {
	if !r.inside || r.rogue || c.options.knows(r) {
		return rule.Finding{}, false
	}
	f := l.finding("ra.from-guest", "")
	f.Source, f.Time, f.Frame = r.Source, r.Last, r.LastFrame
	detail, proved := c.rogue(l, r)
	if !proved {
		f.Severity = rule.Info
		detail = "the machine behind this tap advertises itself: right for a virtual router and wrong for a guest, which a packet does " +
			"not tell apart; --expect-router ADDRESS does"
	}
	f.Detail = detail
	return f, true
}

// isTap reports whether an interface of that name is a virtual machine's tap on its hypervisor: libvirt's vnetN, or a tap
// named after a number or an id.
func isTap(name string) bool {
	rest, ok := strings.CutPrefix(name, "vnet")
	if !ok {
		rest, ok = strings.CutPrefix(name, "tap")
	}
	return ok && rest != "" && strings.ContainsRune("0123456789abcdef-", rune(rest[0]))
}
