package kvm

import (
	"fmt"
	"net/netip"
	"slices"

	"v6probe/internal/checklist"
	"v6probe/internal/host"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// snoops reports whether a bridge sends multicast to listeners only, as far as this can be judged. With no listener behind
// any port it may be that the first question is just being answered.
func snoops(b *host.Bridge) bool {
	return b.Asked() && !b.VLANSnooping && slices.ContainsFunc(b.Groups, func(g host.Group) bool { return g.Port != b.Index })
}

// Suspects returns the taps of which it is not known whether their machines use IPv6, and which have reported no
// solicited-node group to a bridge that would need it: only if something of neighbor discovery is heard from there is the
// group lost. If bridge is not "" only its taps are looked at.
func Suspects(f Facts, bridge string) []string {
	var list []string
	for _, b := range newJudge(Input{Facts: f, Bridge: bridge}).works() {
		for _, t := range b.taps {
			if snoops(&b.Bridge) && !t.Router && t.Up && t.Carrier && !hasGroup(b, t, isSolicitedNode) {
				list = append(list, t.Name)
			}
		}
	}
	return list
}

func hasGroup(b *bridge, t *tap, is func(netip.Addr) bool) bool {
	return slices.ContainsFunc(b.Groups, func(g host.Group) bool { return g.Port == t.Index && is(g.Address) })
}

// multicastLine is about bridges that look at who listens to which group.
func (j *judge) multicastLine() checklist.Line {
	line := checklist.Line{Name: "multicast"}
	list := j.works()
	if len(list) == 0 {
		return j.idle("multicast", "no bridge with guests")
	}
	var quiet, asked, unsure []string
	for _, b := range list {
		name := printable(b.Name)
		line.Evidence = append(line.Evidence, describeSnooping(b))
		switch {
		case !b.Snooping:
		case b.Asked() && b.VLANSnooping:
			unsure = append(unsure, name+" snoops for each VLAN by itself, which is not looked into")
		case b.Asked():
			asked = append(asked, name)
			unheard := j.lostGroups(b, &line)
			if len(unheard) > 0 {
				unsure = append(unsure, fmt.Sprintf("%s: nothing was heard of %s, which may use no IPv6", name, names(unheard)))
			}
		case !b.QuerierKnown:
			unsure = append(unsure, name+" snoops, and this kernel does not tell whether somebody asks for listeners")
		default:
			quiet = append(quiet, name)
			if len(b.uplinks) > 0 {
				line.Findings = append(line.Findings, j.noQuerier(b))
			}
		}
	}
	line.Text = "no bridge with guests snoops: multicast goes to all"
	switch {
	case len(asked) > 0:
		line.Text = fmt.Sprintf("%s: somebody asks for listeners, and multicast goes to those only", some(asked))
	case len(quiet) > 0:
		line.Text = fmt.Sprintf("%s: nobody asks for listeners, so that multicast goes to all", some(quiet))
	}
	if len(unsure) > 0 {
		line.Status = checklist.Unknown
		line.Text = some(unsure)
	}
	return line
}

func describeSnooping(b *bridge) string {
	s := fmt.Sprintf("%s: mcast_snooping %d, mcast_querier %d", printable(b.Name), bit(b.Snooping), bit(b.Querier))
	if b.OtherQuerier {
		s += ", asked by another"
		if b.QuerierAddress.IsValid() {
			s += fmt.Sprintf(" (%v)", b.QuerierAddress)
		}
	}
	return s + fmt.Sprintf(", listeners known: %d", len(b.Groups))
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// noQuerier is only worth knowing: Linux' bridges snoop unless told not to, and flood until somebody asks.
func (j *judge) noQuerier(b *bridge) rule.Finding {
	name := printable(b.Name)
	detail := name + " snoops multicast and nobody asks who listens: it floods, until a querier comes up"
	fix := fmt.Sprintf("`ip link set %s type bridge mcast_snooping 0`, and nothing can come of it", name)
	if b.Querier {
		detail = name + " snoops multicast and is to ask who listens, but has no link-local address to ask from: it floods"
	}
	f := checklist.Finding("kvm.snooping-no-querier", name, detail, fix)
	f.Severity = rule.Info
	return f
}

// lostGroups adds a finding for each machine whose solicited-node group the bridge does not know. Whether a machine uses
// IPv6, and with which addresses, is known only of those that were heard; unheard are those of which it is not.
func (j *judge) lostGroups(b *bridge, line *checklist.Line) (unheard []*tap) {
	if !snoops(&b.Bridge) {
		return nil
	}
	for _, t := range b.taps {
		if t.broken || t.Router {
			continue
		}
		any := hasGroup(b, t, isSolicitedNode)
		heard := false
		for _, h := range j.Heard {
			if h.Device != t.Name || !h.Address.IsValid() {
				continue
			}
			heard = true
			group := packet.SolicitedNode(h.Address)
			if !hasGroup(b, t, func(a netip.Addr) bool { return a == group }) {
				line.Findings = append(line.Findings, j.lost(b, t, h.Address))
				break
			}
		}
		if !heard && !any {
			unheard = append(unheard, t)
		}
	}
	return unheard
}

func (j *judge) lost(b *bridge, t *tap, a netip.Addr) rule.Finding {
	name := printable(t.Name)
	who := "the machine"
	if t.router {
		who = "the router"
	}
	detail := fmt.Sprintf("%s sends multicast to listeners only, and does not know that %s on %s, %v, listens to %v: nobody "+
		"finds it",
		printable(b.Name), who, name, a, packet.SolicitedNode(a))
	fix := fmt.Sprintf("`ip link set %s type bridge mcast_snooping 0`", printable(b.Name))
	if p, dropped := j.queriesDropped(t); dropped {
		detail += "; the questions are dropped on their way by " + place(p)
		fix += ", or let them pass: " + accept(p, &message{kind: 130, nft: "mld-listener-query"})
	} else if t.router {
		fix += ", or let it hear the questions, on a virtual router: `nft insert rule ip6 ip6_firewall fw_input icmpv6 type " +
			"mld-listener-query accept`"
	}
	return checklist.Finding("kvm.snooping-group-lost", name, detail, fix)
}
