package guest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/checklist"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
	"v6probe/internal/slaac"
)

// defaultRoute judges whether the host has a way beyond its link (RFC 4861 §6.3.4).
func (j *judge) defaultRoute() {
	if j.off != "" {
		j.routes = j.off
		j.skip(lineRoute, j.off)
		return
	}
	l := checklist.Line{Name: lineRoute}
	if j.Facts == nil {
		j.modelRoute(&l)
	} else {
		j.ownRoutes(&l)
	}
	if s := j.add(l); s == checklist.Fail || s == checklist.Skipped {
		j.routes = lineRoute
	}
}

func (j *judge) modelRoute(l *checklist.Line) {
	r, ok := j.State.Default()
	if !ok {
		j.noRouter(l)
		return
	}
	l.Text = fmt.Sprintf("by %v for %s, preference %v", r.Address, lifetime(r.Left), r.Preference)
	more := -1
	for _, r := range j.State.Routers {
		if r.Left > 0 {
			more++
		}
	}
	if more > 0 {
		l.Text += fmt.Sprintf("; %d more", more)
	}
}

// ownRoutes judges what the kernel has.
func (j *judge) ownRoutes(l *checklist.Line) {
	if why, unread := j.Facts.Misses(PartRoutes); unread {
		l.Status, l.Text = checklist.Unknown, "could not be read: "+why
		return
	}
	here, others := 0, ""
	var words []string
	for i := range j.Facts.Routes {
		r := &j.Facts.Routes[i]
		l.Evidence = append(l.Evidence, r.describe())
		switch {
		case !r.carries():
		case r.Index != j.Facts.Interface.Index:
			others = r.Device
		default:
			here++
			words = append(words, r.word())
		}
	}
	if w := j.Facts.World; w != nil && others == "" && j.elsewhere() {
		others = w.Device
	}
	switch {
	case j.refusesAll():
		j.refusing(l)
	case here > 0:
		l.Text = "by " + strings.Join(words, ", and by ")
		if others != "" && j.elsewhere() {
			l.Text += "; this host prefers " + j.Facts.World.Device
		}
		j.notRenewed(l)
	case others != "":
		l.Status, l.Text = checklist.Note, fmt.Sprintf("none by %s; this host goes by %s", j.name, others)
	case j.Facts.World != nil && j.Facts.World.Index == j.Facts.Interface.Index:
		l.Text = "none, but routes lead to the world here"
	default:
		j.noRoute(l)
	}
}

// word says where a route leads.
func (r *Route) word() string {
	s := "the link itself"
	if r.Gateway.IsValid() {
		s = r.Gateway.String()
	}
	switch {
	case r.FromRA && r.Expires != Forever:
		s += ", advertised, for " + lifetime(r.Expires)
	case r.FromRA:
		s += ", advertised"
	default:
		s += ", " + first(r.Protocol, "unknown")
	}
	return s
}

func (r *Route) describe() string {
	s := "default"
	if r.Refusing != "" {
		s = r.Refusing + " default"
	}
	if r.Gateway.IsValid() {
		s += " via " + r.Gateway.String()
	}
	s += fmt.Sprintf(" dev %s proto %s metric %d table %d", r.Device, r.Protocol, r.Metric, r.Table)
	if r.Expires != Forever {
		s += " expires " + lifetime(r.Expires)
	}
	for _, f := range []struct {
		set  bool
		word string
	}{{r.Dead, "dead"}, {r.LinkDown, "linkdown"}} {
		if f.set {
			s += " " + f.word
		}
	}
	return s
}

// notRenewed notes that the kernel has not renewed its route by the advertisement that was just heard.
func (j *judge) notRenewed(l *checklist.Line) {
	const late = 10e9
	if j.deaf != "" || j.client != nil || j.tells("guest.accept-ra-defrtr-off") {
		return
	}
	for _, m := range j.State.Routers {
		for _, r := range j.Facts.Routes {
			its := r.FromRA && r.Gateway == m.Address && r.Index == j.Facts.Interface.Index
			if its && r.Expires != Forever && m.Left-j.Later-r.Expires > late {
				l.Status = max(l.Status, checklist.Note)
				l.Text += "; not renewed by what was just heard"
				j.ends(l, m, r)
				return
			}
		}
	}
}

// ends warns that a route will be lost, as the host did not take the advertisement that would have renewed it.
func (j *judge) ends(l *checklist.Line, m slaac.Router, r Route) {
	if j.dropped() {
		return // which is told there
	}
	fix := "`v6probe slaac --drops` says what of this kernel drops it; `nft list ruleset` and `ip6tables -S INPUT`: ICMPv6 type 134 must pass"
	if j.Facts.Settings.tooShort(m.Left) {
		fix = j.fixMinimum()
	}
	f := j.found(l, "guest.no-default-route", "not renewed", fix, "%v gives its route %s, and %s has not taken that: the route ends in %s",
		m.Address, lifetime(m.Left), j.name, lifetime(r.Expires))
	f.Severity = rule.Warning
}

// noRoute judges that the kernel has none.
func (j *judge) noRoute(l *checklist.Line) {
	if slices.ContainsFunc(j.Facts.Routes, func(r Route) bool { return r.Refusing != "" }) {
		j.refusing(l)
		return
	}
	m, offered := j.State.Default()
	switch {
	case !offered:
		j.noRouter(l)
	case j.deaf != "" || j.tells("guest.accept-ra-defrtr-off"):
		l.Status, l.Text = checklist.Skipped, "none: see "+lineSettings
	case j.mute != "":
		l.Status, l.Text = checklist.Skipped, "none: see "+j.mute
	case j.dropped():
		l.Status, l.Text = checklist.Skipped, "none: this kernel drops what comes, see "+lineDrops
	case j.tells("guest.address-missing"):
		l.Status, l.Text = checklist.Skipped, "none: the advertisement was not taken, see "+lineAddress
	default:
		l.Text = "none, although a router offers itself"
		fix := "`ip -6 route show default` and the kernel's log; `v6probe slaac --drops` says whether the kernel dropped the advertisement"
		if c := j.client; c != nil {
			fix = c.Name + " sets the routes here: in NetworkManager see ipv6.never-default, in systemd-networkd UseGateway of [IPv6AcceptRA]"
		}
		if j.client == nil && j.Facts.Settings.tooShort(m.Left) {
			j.found(l, "guest.no-default-route", j.name, j.fixMinimum(), "%v offers itself as default router for %s, and accept_ra_min_lft makes %s "+
				"ignore what lasts less than %d s", m.Address, lifetime(m.Left), j.name, j.Facts.Settings.AcceptRAMinLft)
			return
		}
		j.found(l, "guest.no-default-route", j.name, fix, "%v offers itself as default router for %s, and %s has no route by it",
			m.Address, lifetime(m.Left), j.name)
	}
}

// noRouter judges that no router offers itself (any longer).
func (j *judge) noRouter(l *checklist.Line) {
	st := &j.State
	if j.silent != "" {
		l.Status, l.Text = checklist.Skipped, "none: see "+j.silent
		return
	}
	l.Text = "none: no router offers itself (router lifetime 0)"
	var zero []netip.Addr
	for _, r := range st.Routers {
		if !r.WasDefault {
			zero = append(zero, r.Address)
			continue
		}
		l.Text = fmt.Sprintf("none any more: the lifetime of %v is over", r.Address)
		detail := fmt.Sprintf("the router lifetime of %v is over, and it was not heard since", r.Address)
		if r.Farewell {
			l.Text = fmt.Sprintf("none any more: %v said goodbye (router lifetime 0)", r.Address)
			detail = fmt.Sprintf("%v said goodbye: it ended its router lifetime itself", r.Address)
		}
		fix := "See whether that router is alive, and of a redundant pair which one is primary: `systemctl status radvd` there"
		j.found(l, "guest.no-default-route", r.Address.String(), fix, "%s", detail)
		return
	}
	switch {
	case st.Deaf == slaac.InterfaceOff:
		l.Status, l.Text = checklist.Skipped, "none: see "+lineLocal
	case st.Cut && len(zero) == 0:
		l.Status, l.Text = checklist.Unknown, "none is known: the capture cut the advertisements short"
	case len(st.Routes) > 0:
		// A router of some prefixes only is as RFC 4191 §1 has it.
		l.Status, l.Text = checklist.Note, l.Text+fmt.Sprintf("; %d routes to certain prefixes", len(st.Routes))
	default:
		j.found(l, "guest.no-default-route", "lifetime", "",
			"%s advertises router lifetime 0, so that it is no default router, and no other offers itself", some(zero))
	}
}

// gateway judges whether the default routers answer (RFC 4861 §7.3).
func (j *judge) gateway() {
	if j.off != "" {
		j.cut = j.off
		j.skip(lineGateway, j.off)
		return
	}
	l := checklist.Line{Name: lineGateway}
	why, failed := j.Probes.failed(ProbeGateway)
	switch {
	case len(j.Probes.Gateways) > 0:
		j.judgeGateways(&l)
	case failed && j.mute != "":
		l.Status, l.Text = checklist.Skipped, "could not be asked: see "+j.mute
	case failed:
		l.Status, l.Text = checklist.Unknown, "could not be asked: "+why
	case j.routes != "":
		l.Status, l.Text, j.cut = checklist.Skipped, "see "+j.routes, j.routes
	case j.wireless():
		l.Status, l.Text = checklist.Skipped, "this link has no neighbor discovery"
	case j.elsewhere():
		l.Status, l.Text = checklist.Skipped, "this host goes by "+j.Facts.World.Device
	default:
		l.Status, l.Text = checklist.Skipped, "not asked"
	}
	if j.add(l) == checklist.Fail {
		j.cut = lineGateway
	}
}

func (j *judge) judgeGateways(l *checklist.Line) {
	answered := slices.ContainsFunc(j.Probes.Gateways, func(g Gateway) bool { return g.Status == Answered })
	var words []string
	for _, g := range j.Probes.Gateways {
		for _, n := range j.Facts.Neighbors {
			if n.Address == g.Address {
				l.Evidence = append(l.Evidence, fmt.Sprintf("neighbor %v lladdr %v, %s", n.Address, n.MAC, n.State))
			}
		}
		fix := fmt.Sprintf("`v6probe nd %v -i %s` tells loss from filters; `v6probe kvm trace` on the KVM host shows where the question "+
			"is lost", g.Address, j.name)
		switch {
		case g.Status == Answered && g.Group == Silent:
			// The advertisement said where it is, so that most hosts get by without asking everybody.
			words = append(words, fmt.Sprintf("%v answers by itself, but not by its solicited-node group", g.Address))
			fix = fmt.Sprintf("Somewhere the group %v is lost: on the KVM host `bridge mdb show` and `v6probe kvm`; a snooping bridge with a "+
				"querier forgets who does not report", packet.SolicitedNode(g.Address))
			f := j.found(l, "guest.gateway-unreachable", g.Address.String(), fix,
				"%v answers questions to its own address, and none of those to its solicited-node group", g.Address)
			f.Severity = rule.Warning
		case g.Status == Answered:
			words = append(words, fmt.Sprintf("%v answers after %s", g.Address, duration(g.Time)))
		case g.Status == Refused:
			words = append(words, fmt.Sprintf("%v: %s", g.Address, g.Why))
			fix = "`nft list ruleset` and `ip6tables -S OUTPUT`: ICMPv6 type 135 must pass"
			j.found(l, "guest.gateway-unreachable", g.Address.String(), fix, "%v could not be asked: %s", g.Address, g.Why)
		default:
			words = append(words, fmt.Sprintf("%v does not answer", g.Address))
			f := j.found(l, "guest.gateway-unreachable", g.Address.String(), fix,
				"%v was asked %s for its Ethernet address, and did not answer", g.Address, times(g.Asked))
			if answered && !j.uses(g.Address) && !j.stuck() {
				f.Severity = rule.Warning // the host goes by another
			}
		}
	}
	l.Text = strings.Join(words, "; ")
}

// stuck reports whether what was asked of the world got no farther than this host, which did not find a neighbor.
func (j *judge) stuck() bool {
	local := func(e *Error) bool { return e.Local && e.unreachable() }
	for i := range j.Probes.DNS {
		if e := j.Probes.DNS[i].Error; e != nil && local(e) {
			return true
		}
	}
	t := j.Probes.Target
	return t != nil && t.Status != Answered && slices.ContainsFunc(t.Errors, func(e Error) bool { return local(&e) })
}

// uses reports whether packets to the world go by that router.
func (j *judge) uses(a netip.Addr) bool {
	return j.Facts.World != nil && j.Facts.World.Gateway.WithZone("") == a
}

// failed returns why a probe could not be made.
func (p *Probes) failed(which Probe) (why string, ok bool) {
	for _, f := range p.Failed {
		if f.Probe == which {
			if f.Hint != "" {
				return f.Why + "; " + f.Hint, true
			}
			return f.Why, true
		}
	}
	return "", false
}
