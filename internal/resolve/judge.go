package resolve

import (
	"fmt"
	"math"
	"strings"

	"v6probe/internal/rule"
)

// Finish judges what came of the questions. whole is false when the input broke off, so that silence proves nothing.
func (t *Tracker) Finish(whole bool) []rule.Finding {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.findings = t.findings[:0]
	r := t.result()
	switch {
	case !whole || r.Untold():
	case r.Total().Sent == 0:
		if r.Complete {
			t.say("ns.unanswered", fmt.Sprintf("v6probe asked %s for %v, but nothing of it left this host: a filter or a full queue of its own",
				times(r.Total().Held), r.Target), egress(r))
		}
	case r.Link.Own != "":
		if h := &r.Heard; len(r.Stations) == 0 && h.FromTarget > 0 && h.TargetMAC != t.link.MAC {
			t.say("nd.duplicate-address", fmt.Sprintf("%v does not answer for %v, this host's own address, but sent neighbor discovery "+
				"from it meanwhile", h.TargetMAC, r.Target), "")
		}
	case len(r.Stations) == 0:
		t.say("ns.unanswered", silence(r), absentFix(r))
	case r.GroupLost():
		t.say("ns.unanswered", groupLost(r), groupFix(r))
	}
	if n := len(t.stations); n > 1 || n > 0 && r.Link.Own != "" {
		t.several(r)
	}
	switch {
	case !whole || !r.Complete:
	case r.HeldBack():
		c := r.Counts[Burst]
		t.say("nd.rate-limited", fmt.Sprintf("of %d solicitations at %d a second only %d left this host", c.Sent+c.Held, BurstRate, c.Sent),
			egress(r))
	case r.RateLimited():
		t.say("nd.rate-limited", limited(r), limitFix(r))
	}
	return t.findings
}

// say adds a finding about the whole of it. Whatever the rule's severity is: silence towards v6probe itself is an error.
func (t *Tracker) say(id rule.ID, detail, fix string) *rule.Finding {
	known, _ := rule.Lookup(id)
	f := rule.Finding{Rule: id, Severity: known.Severity, Detail: detail, Fix: fix, Time: t.last.time, Link: t.link.Name, Offset: -1}
	if id == "ns.unanswered" {
		f.Severity = rule.Error
	}
	t.findings = append(t.findings, f)
	return &t.findings[len(t.findings)-1]
}

// egress says where to look when what was sent does not leave this host.
func egress(r *Result) string {
	return fmt.Sprintf("Look for a filter or a limit in this host: `tc -s qdisc show dev %s`, `tc -s filter show dev %s egress`, "+
		"`nft list ruleset` (netdev tables with an egress hook; `limit rate`).", r.Link.Name, r.Link.Name)
}

// silence says how much was asked in vain, and what was heard all the same.
func silence(r *Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "v6probe asked %s for %v at %v%s", times(r.Counts[Group].Sent), r.Target, r.Group, in(r.Counts[Group].Took))
	if n := r.Counts[Group].Held; n > 0 {
		fmt.Fprintf(&b, " (%d more did not leave this host)", n)
	}
	if n := r.Counts[AllNodes].Sent; n > 0 {
		fmt.Fprintf(&b, ", %s at all nodes (ff02::1)", times(n))
	}
	if n := r.Counts[Unicast].Sent; n > 0 {
		fmt.Fprintf(&b, ", %s at %s where it may be", times(n), places(r))
	}
	b.WriteString(": no answer")
	if !r.Complete {
		b.WriteString(", but the asking ended early")
	}
	h := &r.Heard
	if len(h.Dropped) > 0 {
		fmt.Fprintf(&b, ", except such as hosts drop (%s)", h.Dropped[0])
	}
	switch {
	case h.FromTarget > 0:
		fmt.Fprintf(&b, "; yet it is alive: it sent neighbor discovery from %v meanwhile", h.TargetMAC)
	case h.Traffic > 0 && r.onLink():
		fmt.Fprintf(&b, "; yet it is alive: %s from it came from %v meanwhile", plural(int(h.Traffic), "packet"), h.TrafficMAC)
	case h.Traffic > 0:
		fmt.Fprintf(&b, "; yet it is alive: %s from it came through %v meanwhile", plural(int(h.Traffic), "packet"), h.TrafficMAC)
	case h.Probes > 0:
		fmt.Fprintf(&b, "; %v is testing whether the address is free, so nobody has it yet", h.TargetMAC)
	case h.AnsweredOthers > 0:
		b.WriteString("; yet it answers others, who were heard to be answered")
	case h.Announced > 0:
		b.WriteString("; yet an advertisement for it went to all")
	case h.AskedByOthers > 0:
		fmt.Fprintf(&b, "; others ask for it too (%d times meanwhile)", h.AskedByOthers)
	}
	if h.Packets == 0 {
		fmt.Fprintf(&b, "; no other ICMPv6 was heard on %s meanwhile", r.Link.Name)
	} else {
		fmt.Fprintf(&b, "; %s of %s heard meanwhile", plural(int(h.Packets), "packet"), plural(h.Stations, "other station"))
	}
	return b.String()
}

// absentFix lists the likely causes of silence, likeliest first, and how to see which it is.
func absentFix(r *Result) string {
	h := &r.Heard
	alive := h.FromTarget > 0 || h.AnsweredOthers > 0 || h.Announced > 0 || h.Traffic > 0 && r.onLink()
	var causes []string
	switch {
	case len(h.Dropped) > 0:
		causes = append(causes, fmt.Sprintf("its answers are damaged or changed on the way: see %s", h.Dropped[0]))
	case alive:
		causes = append(causes, "solicitations to it or its answers to this host are filtered: `nft list ruleset` and "+
			"`ip6tables -S` on both and on the KVM host; `icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }` must pass "+
			"(a security group: is the address in the guest's ipset?)")
	}
	if !alive && h.Traffic > 0 {
		causes = append(causes, fmt.Sprintf("it is behind %v, which passes its packets on: ask for that router instead (`ip -6 route get %v`)",
			h.TrafficMAC, r.Target))
	} else if !alive && !r.onLink() {
		causes = append(causes, fmt.Sprintf("it is on another link: %s has no address in its prefix, so ask there, or ask for the "+
			"gateway (`ip -6 route get %v`)", r.Link.Name, r.Target))
	}
	if !alive && h.Traffic == 0 {
		causes = append(causes, "the machine is down or lacks the address (there: `ip -6 addr`, no dadfailed, no tentative)",
			fmt.Sprintf("it is in another VLAN or bridge than %s: `bridge link`, `bridge vlan show`, for VXLAN `bridge fdb show`", r.Link.Name),
			"neighbor discovery is filtered on the way: `nft list ruleset`, `ip6tables -S`, a security group")
	}
	return "Likely causes: " + numbered(causes) + ". Run `v6probe nd -i` on the way there: what is lost is lost after where " +
		"it is seen last."
}

// onLink reports whether the target is in a prefix of the interface's own addresses, or in that of every link.
func (r *Result) onLink() bool {
	if r.Target.IsLinkLocalUnicast() {
		return true
	}
	for _, p := range r.Link.Prefixes {
		if p.Contains(r.Target) {
			return true
		}
	}
	return false
}

// groupLost says that the neighbor is there, but cannot be found.
func groupLost(r *Result) string {
	var by []string
	if c := r.Counts[AllNodes]; c.Answered > 0 {
		by = append(by, fmt.Sprintf("%d of %d to all nodes (ff02::1)", c.Answered, c.Sent))
	}
	s := &r.Stations[0]
	if s.Answered[Unicast] > 0 {
		by = append(by, fmt.Sprintf("%d of %d to its own Ethernet address", s.Answered[Unicast], s.AskedAlone))
	}
	if len(by) == 0 {
		by = append(by, "late")
	}
	if c := r.Counts[Group]; c.Sent == 0 {
		return fmt.Sprintf("v6probe asked %s for %v at its solicited-node group %v, as hosts do, but nothing of that left this host; it is "+
			"there: %v answers %s", times(c.Held), r.Target, r.Group, s.MAC, strings.Join(by, " and "))
	}
	lost := "What is sent to the group is lost"
	if c := r.Counts[AllNodes]; c.Sent > 0 && c.Answered == 0 {
		lost = "Multicast to it is lost, to all nodes (ff02::1) too"
	}
	return fmt.Sprintf("v6probe asked %s for %v at its solicited-node group %v%s, as hosts do, without an answer, but it is there: "+
		"%v answers %s. %s, so nobody can find it", times(r.Counts[Group].Sent), r.Target, r.Group, in(r.Counts[Group].Took), s.MAC,
		strings.Join(by, " and "), lost)
}

func groupFix(r *Result) string {
	if r.Counts[Group].Sent == 0 {
		return egress(r)
	}
	if c := r.Counts[AllNodes]; c.Sent > 0 && c.Answered == 0 {
		return "A filter drops multicast solicitations: bridges with MLD snooping pass what goes to all nodes, and that is lost too. " +
			"`nft list ruleset`, `ip6tables -S` and `ebtables -L` at the neighbor, and on each KVM host between; storm control at the " +
			"switch's ports; at a bridge's ports `bridge -d link show` must not say `mcast_flood off` (`bridge link set dev PORT " +
			"mcast_flood on`)."
	}
	return fmt.Sprintf("A bridge or switch with MLD snooping has lost the group: `bridge mdb show` on each bridge between must list %v "+
		"at the neighbor's port. It is lost when the neighbor does not report to a querier (CloudStack's VR drops the queries: `nft "+
		"insert rule ip6 ip6_firewall fw_input icmpv6 type mld-listener-query accept`) or no querier is there; `ip link set BRIDGE "+
		"type bridge mcast_snooping 0` ends it at once. If no bridge snoops, a filter drops multicast solicitations: `nft list "+
		"ruleset`, ebtables.", r.Group)
}

// several adds what it means that several stations answer.
func (t *Tracker) several(r *Result) {
	var who []string
	for i := range r.Stations {
		s := &r.Stations[i]
		text := s.MAC.String()
		if s.MAC == r.Link.MAC {
			text += " (this host's own Ethernet address: another machine has it too, or frames come back in a loop)"
		}
		switch {
		case s.Override:
			text += " with O=1"
		case s.OverrideKnown:
			text += " with O=0"
		}
		if s.Source != r.Target {
			text += " from " + s.Source.String()
		}
		who = append(who, text)
	}
	answer := "answer"
	if len(who) == 1 {
		answer = "answers"
	}
	list := fmt.Sprintf("%v %s for %v", enumerate(who), answer, r.Target)
	if r.More {
		list = "at least " + list
	}
	if r.Link.Own != "" {
		list += ", this host's own address (" + r.Link.Own + ")"
	}
	var f *rule.Finding
	switch r.Claim() {
	case Duplicate:
		f = t.say("nd.duplicate-address", list, "")
	case Unclear:
		f = t.say("nd.duplicate-address", list+". Whether it is an anycast address, which several may have, cannot be known: they "+
			"answered unicast, where O says nothing", "")
	case Shared:
		f = t.say("nd.duplicate-address", list+": no duplicate, as no more than one says that the address is its own: an anycast "+
			"address, or proxies", "Nothing, if that is meant. If not: `ip -6 neigh show proxy` and `pgrep -a ndppd` on those with O=0.")
		f.Severity = rule.Info
	}
	f.Frame, f.Source, f.Subject = t.stations[len(t.stations)-1].frame.frame, r.Target, r.Target.String()
}

// RateLimited reports whether solicitations get lost because there are many of them.
func (r *Result) RateLimited() bool {
	slow, burst := r.Counts[Slow], r.Counts[Burst]
	const sure = 0.01
	return burst.Sent > 0 && slow.Sent > 0 && byChance(slow.Sent, slow.Lost(), burst.Sent, burst.Lost()) < sure
}

// HeldBack reports whether part of the burst did not even leave this host.
func (r *Result) HeldBack() bool {
	c := r.Counts[Burst]
	return c.Held*20 > c.Sent+c.Held // one of twenty: a queue may have a bad moment
}

// PlainLoss reports whether the slow solicitations get lost as well, and not less than those of the burst for sure.
func (r *Result) PlainLoss() bool { return r.Counts[Slow].Lost() > 0 && !r.RateLimited() }

// byChance returns how probable it is that, of all that were lost, so few or fewer are among the slow ones, if the rate
// made no difference (Fisher's exact test, one-sided).
func byChance(slow, slowLost, burst, burstLost int) float64 {
	lost := slowLost + burstLost
	sum := 0.0
	for k := max(0, lost-burst); k <= slowLost; k++ {
		sum += math.Exp(choose(slow, k) + choose(burst, lost-k) - choose(slow+burst, lost))
	}
	return sum
}

// choose returns the logarithm of n over k.
func choose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// multicastOnly reports whether unicast solicitations pass where those to the group are limited.
func (r *Result) multicastOnly() bool {
	u, b := r.Counts[UnicastBurst], r.Counts[Burst]
	return u.Sent > 0 && byChance(u.Sent, u.Lost(), b.Sent, b.Lost()) < 0.01
}

// limited is the evidence of a limit.
func limited(r *Result) string {
	slow, burst := r.Counts[Slow], r.Counts[Burst]
	s := fmt.Sprintf("of %d solicitations at %.0f a second %s lost, of %d at %.0f a second %d (%.1f %%)", slow.Sent, slow.Rate(),
		none(slow.Lost()), burst.Sent, burst.Rate(), burst.Lost(), percent(burst))
	switch {
	case burst.Answered == 0:
		s += ": none was answered"
	case burst.Steady > 0:
		s += fmt.Sprintf(": about %d were answered at once, then %.0f a second", burst.AtOnce, burst.Steady)
	default:
		s += fmt.Sprintf(": %s answered%s", were(burst.Answered), in(burst.Took))
	}
	u := r.Counts[UnicastBurst]
	switch {
	case u.Sent == 0:
	case r.multicastOnly():
		s += fmt.Sprintf("; of %d as fast to %v alone %s lost, so it is multicast that is limited", u.Sent, r.Stations[0].MAC, none(u.Lost()))
	default:
		s += fmt.Sprintf("; of %d as fast to %v alone %s lost, so unicast is limited as well", u.Sent, r.Stations[0].MAC, none(u.Lost()))
	}
	return s
}

func limitFix(r *Result) string {
	if r.multicastOnly() {
		return "Look for a limit on multicast: storm control at the switch's ports, a policer on the KVM host (`tc -s filter show " +
			"dev DEV ingress`), `limit rate` for multicast in `nft list ruleset` there (bridge tables), `ebtables -L` with --limit; " +
			"raise it, or except ff02::1:ff00:0/104."
	}
	if r.Counts[UnicastBurst].Sent == 0 {
		return ""
	}
	return "Look for a limit on ICMPv6 or neighbor discovery: `limit rate` in the neighbor's own `nft list ruleset` and on its KVM " +
		"host, `ebtables -L` with --limit, control-plane policing of the switch when the neighbor is the switch; a machine that " +
		"cannot keep up looks the same (`mpstat 1` there during a burst)."
}
