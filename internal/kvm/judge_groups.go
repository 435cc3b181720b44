package kvm

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/checklist"
	"v6probe/internal/expect"
	"v6probe/internal/filter"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// inSets reports whether the sets of a tap have the link-local address of m.
func (j *judge) inSets(t *tap, m packet.MAC) bool {
	return j.has(t, packet.LinkLocal(m)) == filter.Yes
}

// has tells whether one of the sets of a tap has an address.
func (j *judge) has(t *tap, a netip.Addr) filter.Truth {
	best := filter.No
	for _, name := range t.sets {
		set, ok := j.Filter.Sets[name]
		if !ok {
			set.Unknown = true
		}
		switch set.Has(a) {
		case filter.Yes:
			return filter.Yes
		case filter.CannotTell:
			best = filter.CannotTell
		}
	}
	return best
}

// judgeSets compares the sets of addresses that guests may use with those that they have.
func (j *judge) judgeSets() {
	for _, t := range j.taps() {
		if !t.group || t.broken || t.bridge.down {
			continue
		}
		if f, bad := j.judgeSet(t); bad {
			t.unset = true
			j.sets = append(j.sets, f)
		} else if t.known && len(t.sets) > 0 {
			j.inSet++
		}
	}
}

func (j *judge) judgeSet(t *tap) (f rule.Finding, bad bool) {
	name := printable(t.Name)
	// No rule for IPv6 can ask a set of IPv4: it would not be among t.sets.
	for _, set := range append([]string{j.groups.guests[t.Name] + "-VM-6"}, t.sets...) {
		if j.Filter.Sets[set].Family == "inet" {
			return checklist.Finding("kvm.set-family", set,
				fmt.Sprintf("set %s, by which the rules of %s know its addresses, is one of IPv4: "+
					"what it sends is dropped", set, name),
				fmt.Sprintf("stop and start the machine, which makes its sets again; by hand: `ipset create %s-new "+
					"hash:net family inet6; ipset add "+
					"%s-new %v`, and let the rules match that", set, set, packet.LinkLocal(t.mac))), true
		}
	}
	if !t.known || len(t.sets) == 0 {
		return f, false
	}
	for _, a := range j.ownAddresses(t) {
		if j.has(t, a) == filter.No {
			set := t.sets[0]
			return checklist.Finding("kvm.set-member", set,
				fmt.Sprintf("%v of the machine on %s (%v) is not in set %s: what it sends from there is "+
					"dropped", a, name, t.mac, set), fmt.Sprintf("`ipset add %s %v`; for good stop and start the machine", set, a)), true
		}
	}
	return f, false
}

// ownAddresses lists the addresses that the machine behind a tap must be able to use: the link-local one that is made of
// its MAC, those that are expected, and likewise made ones in the prefixes of the network, as far as the sets of others on
// the bridge, or what was heard of it, tell these.
func (j *judge) ownAddresses(t *tap) []netip.Addr {
	list := []netip.Addr{packet.LinkLocal(t.mac)}
	add := func(a netip.Addr) {
		if !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	for _, l := range j.links() {
		for _, n := range l.Neighbors {
			if n.MAC == expect.MAC(t.mac) {
				for _, a := range n.Addresses {
					add(a)
				}
			}
		}
	}
	for _, o := range t.bridge.taps {
		for _, set := range o.sets {
			for _, p := range j.Filter.Sets[set].Members {
				if m, ok := packet.EmbeddedMAC(p.Addr()); ok && p.IsSingleIP() && o.known && m == o.mac {
					add(madeIn(p.Addr(), t.mac))
				}
			}
		}
	}
	for _, h := range j.Heard {
		if m, ok := packet.EmbeddedMAC(h.Address); ok && h.Device == t.Name && m == t.mac {
			add(h.Address)
		}
	}
	return list
}

// madeIn returns the address that is made of m in the /64 of a.
func madeIn(a netip.Addr, m packet.MAC) netip.Addr {
	b, made := a.As16(), packet.LinkLocal(m).As16()
	copy(made[:8], b[:8])
	return netip.AddrFrom16(made)
}

// ungrouped returns a finding for each tap that has no rules where every guest has, and to or from which nothing passes the
// chains where those rules would be. What is dropped of it is then no finding by itself.
func (j *judge) ungrouped(walks []*walk) map[*tap]rule.Finding {
	found := make(map[*tap]rule.Finding)
	if !j.groups.any() {
		return found
	}
	bare := make(map[int]bool) // the taps without rules, by index
	for _, w := range walks {
		bare[w.tap.Index] = !w.tap.group
	}
	shared := make(map[filter.Place]bool) // rules that drop for others as well
	for _, w := range walks {
		for _, l := range w.losses {
			if w.tap.group && !bare[l.far] {
				shared[l.at] = true
			}
		}
	}
	for _, w := range walks {
		t := w.tap
		at, way, cut := w.cut()
		if t.group || t.broken || !cut || shared[at] || !strings.HasPrefix(at.Tool, "ip6tables") {
			continue
		}
		name := printable(t.Name)
		detail := fmt.Sprintf("%s is led to no rules of a security group, as others here are, and %s drops all that comes %s it",
			name, place(at), way)
		if stale := j.stale(); len(stale) > 0 {
			detail += fmt.Sprintf("; there are rules for %s, which is not here", some(stale))
		}
		found[t] = checklist.Finding("kvm.group-missing", name, detail,
			"stop and start the machine, or `systemctl restart cloudstack-agent`, "+
				"which writes the rules again; its log is /var/log/cloudstack/agent/security_group.log")
		w.losses, w.guard = nil, guardUnknown
		for _, other := range walks { // what others do not get from it, or it from them
			other.losses = slices.DeleteFunc(other.losses, func(l loss) bool { return l.far == t.Index })
		}
	}
	return found
}

// cut reports whether nothing passes to the tap, or from it, and which rule drops the first of it. Packet Too Big is not
// counted: what is related passes before anything is asked.
func (w *walk) cut() (at filter.Place, way string, cut bool) {
	passes := func(way []string) bool { return slices.ContainsFunc(way, func(s string) bool { return s != "PTB" }) }
	for _, l := range w.losses {
		switch {
		case l.to && !passes(w.good[0]):
			return l.at, "to", true
		case l.from && !passes(w.good[1]):
			return l.at, "from", true
		}
	}
	return at, "", false
}

// stale lists the interfaces that rules of security groups name and that are not on this host.
func (j *judge) stale() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(j.groups.taps)) {
		if !j.named[name] {
			list = append(list, printable(name))
		}
	}
	return list
}

// groupLine is about the sets of addresses, and who has the rules.
func (j *judge) groupLine() checklist.Line {
	line := checklist.Line{Name: "security group", Findings: j.sets}
	if j.Filter == nil {
		return checklist.Line{Name: line.Name, Status: checklist.Unknown, Text: "the filter could not be read"}
	}
	if !j.groups.any() {
		return j.idle(line.Name, "none on this host: nothing binds guests to their addresses")
	}
	if len(j.works()) == 0 {
		return j.idle(line.Name, "no guest")
	}
	grouped := 0
	for _, t := range j.taps() {
		if !t.group {
			continue
		}
		grouped++
		for _, set := range t.sets {
			members := count(len(j.Filter.Sets[set].Members), "member")
			line.Evidence = append(line.Evidence, fmt.Sprintf("%s: ipset %s, %s", printable(t.Name), set, members))
		}
	}
	line.Text = fmt.Sprintf("%s with rules; the addresses of %d are in their sets", count(grouped, "tap"), j.inSet)
	return line
}

// rogueLine is about what keeps guests from advertising themselves.
func (j *judge) rogueLine() checklist.Line {
	line := checklist.Line{Name: "rogue routers"}
	for _, h := range j.Heard {
		if h.Advertises {
			line.Evidence = append(line.Evidence, fmt.Sprintf("RA heard at %s, from %v (%v)", printable(h.Device), h.Address, h.MAC))
		}
	}
	var open, held []*tap
	for _, w := range j.walks {
		switch {
		case w.guard == guardMissing && (w.tap.group || j.expectedGuest(w.tap)):
			open = append(open, w.tap)
		case w.guard == guardHolds:
			held = append(held, w.tap)
			line.Evidence = append(line.Evidence, fmt.Sprintf("an RA that the machine on %s sends is dropped on every way out",
				printable(w.tap.Name)))
		}
	}
	switch {
	case j.Filter == nil:
		return checklist.Line{Name: line.Name, Status: checklist.Unknown, Text: "the filter could not be read",
			Evidence: line.Evidence}
	case len(j.walks) == 0:
		return j.idle(line.Name, "no guest whose advertisements would reach others")
	case j.groups.any() && len(open) > 0:
		line.Findings = append(line.Findings, j.unguarded(open))
		line.Text = "a Router Advertisement passes from " + names(open)
	case len(held) > 0:
		line.Text = "Router Advertisements of guests are dropped: " + names(held)
	case j.groups.any():
		line.Text = "no guest of a security group is plugged in"
	default:
		line.Text = "without security groups a guest may advertise itself as a router"
	}
	return line
}

func (j *judge) unguarded(open []*tap) rule.Finding {
	detail := fmt.Sprintf("a Router Advertisement that %s sends passes to others, in spite of its security group", names(open))
	if len(open) > 1 {
		detail = fmt.Sprintf("Router Advertisements that %s send pass to others, in spite of their security groups", names(open))
	}
	fix := "stop and start the machine, which writes its rules again; or drop them for all: `nft add table bridge guard; " +
		"nft add chain bridge guard forward '{ type filter hook forward priority filter; }'; " +
		"nft add rule bridge guard forward iifname " + printable(open[0].Name) +
		" icmpv6 type nd-router-advert drop`"
	if !j.CallIP6 && !open[0].bridge.CallIP6Tables {
		detail += ": net.bridge.bridge-nf-call-ip6tables is 0, so that no rule of ip6tables is asked"
		fix = "`modprobe br_netfilter; sysctl -w net.bridge.bridge-nf-call-ip6tables=1`, and in /etc/sysctl.d for good"
	}
	return checklist.Finding("filter.guard-missing", names(open), detail, fix)
}

// queriesDropped returns the rule that keeps multicast listener queries from the machine behind a tap.
func (j *judge) queriesDropped(t *tap) (p filter.Place, dropped bool) {
	if j.Filter == nil || !asksByQuery(t.bridge) {
		return p, false
	}
	for _, far := range t.bridge.uplinks {
		o := j.best(query(), t.bridge, far, t.BridgePort, j.others(t.bridge, far), j.peer(t))
		if o.Verdict == filter.Dropped {
			return o.At, true
		}
	}
	return p, false
}

// firstOf returns the gateway that CloudStack has in the /64 of an address.
func firstOf(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom16([16]byte{b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], 15: 1})
}
