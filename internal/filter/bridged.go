package filter

import "slices"

// bridgeLate is a family of its own for the chains of Bridge that the kernel calls after the rules of IPv6.
const bridgeLate = Netdev + 1

// Bridged returns what becomes of a packet that a bridge forwards from the port p.PhysIn to the port p.PhysOut; p.In and
// p.Out are the bridge. callIP6 says that br_netfilter shows such packets to the rules of IPv6
// (net.bridge.bridge-nf-call-ip6tables, or the bridge's own nf_call_ip6tables).
//
// The kernel asks the rules of IPv6 amid those of the bridge: at prerouting and forward in the place of priority 0, at
// postrouting last. A chain of the bridge's that has just this priority at forward is passed over then, depending on the
// version of the kernel and on whether it is older than the bridge: that it drops is doubtful.
func (r *Ruleset) Bridged(p *Packet, callIP6 bool) Outcome {
	port := *p
	port.In, port.Out = "", ""
	if !callIP6 {
		return r.follow(stage{Netdev, Ingress, &port}, stage{Bridge, Prerouting, p}, stage{Bridge, Forward, p},
			stage{Bridge, Postrouting, p}, stage{Netdev, Egress, &port})
	}
	with := r.bridged(p, &port, false)
	if with.Verdict != Dropped {
		return with
	}
	without := r.bridged(p, &port, true)
	if without.Verdict != Dropped {
		with.Verdict = Doubtful
		return with
	}
	return without
}

// bridged follows a packet that the rules of IPv6 see; passOver leaves out the chains that may be passed over.
func (r *Ruleset) bridged(p, port *Packet, passOver bool) Outcome {
	split := *r
	split.Chains = slices.Clone(r.Chains)
	for i, c := range split.Chains {
		if !c.Base || c.Family != Bridge || c.Hook != Prerouting && c.Hook != Forward || c.Priority < 0 {
			continue
		}
		late := *c
		late.Family = bridgeLate
		late.Base = c.Priority > 0 || !passOver
		split.Chains[i] = &late
	}
	leaving := *p
	leaving.In = "" // the rules of IPv6 are not told at postrouting
	return split.follow(
		stage{Netdev, Ingress, port},
		stage{Bridge, Prerouting, p}, stage{IPv6, Prerouting, p}, stage{bridgeLate, Prerouting, p},
		stage{Bridge, Forward, p}, stage{IPv6, Forward, p}, stage{bridgeLate, Forward, p},
		stage{Bridge, Postrouting, p}, stage{IPv6, Postrouting, &leaving},
		stage{Netdev, Egress, port})
}
