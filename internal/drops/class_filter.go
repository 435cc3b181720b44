package drops

import (
	"v6probe/internal/rule"
)

// judgeFilter judges what a filter dropped.
func judgeFilter(d *Drop, m *message, f filter) {
	d.Next = fill(d, f.list())
	if r := brokenRow(d); r != nil {
		d.Verdict = Verdict{Class: Unknown, Next: fill(d, r.next), Why: "A filter dropped what no host would have taken. " + r.why}
		return
	}
	if d.Flags.Has(Tunneled) {
		d.Verdict = Verdict{Class: Hurts, Rule: "drop.vxlan-filtered", Severity: m.severity, Next: d.Next,
			Why: "A filter of this host drops the VXLAN packet that carries it.", Fix: fillText(d, vxlanFix(f))}
		return
	}
	if m.group == advertisements && f.hook == (hook{familyPorts, hookForward}) {
		if !d.Flags.Has(Multicast) {
			d.Verdict = Verdict{Class: Hurts, Rule: "drop.filter-security-group", Severity: rule.Warning, Next: d.Next,
				Why: "It answers a Router Solicitation and goes to one guest; CloudStack's security groups let only RAs to ff02::1 " +
					"through, so the guest waits for the next periodic one.",
				Fix: "On the upstream router have solicited RAs sent to ff02::1 (radvd: `AdvRASolicitedUnicast off;`), or advertise " +
					"every few seconds so that guests need not ask."}
			return
		}
		if isTap(d.Arrived) {
			d.Verdict = Verdict{Class: Unknown, Next: fill(d, "virsh list --name | xargs -rn1 virsh domiflist"),
				Why: "RA guard, as it should be, if " + d.Arrived + " is a guest's: no guest may advertise itself as a router. If it is a " +
					"router's, and a Virtual Router is a virtual machine too, the guests get no address."}
			return
		}
	}
	if m.group&echoes != 0 && f.family == familyPorts {
		d.Verdict = Verdict{Class: Unknown, Next: d.Next,
			Why: "A security group, which lets pass what its owner has allowed, and echo may not be."}
		return
	}
	id, why := filterRule(f)
	if m.group == advertisements && f.family == familyBridge && isTap(from(d)) && !d.Flags.Has(Outgoing) {
		why += " If " + from(d) + " is a guest's port and no router's, that is RA guard and as it should be."
	}
	if m.group&(echoes|others) != 0 {
		why += " For echo and unknown types that may be meant so."
	}
	d.Verdict = Verdict{Class: Hurts, Rule: id, Severity: m.severity, Next: d.Next, Why: why, Fix: fillText(d, filterFix(d, m, f))}
}

// filterRules are what it is called when a filter drops, by hook.
var filterRules = []struct {
	family string
	hooks  one
	rule   rule.ID
	why    string
}{
	{familyBridge, nil, "drop.filter-bridge", "A filter of the bridge drops it on its way between ports."},
	{familyPorts, nil, "drop.filter-security-group", "The bridge hands it to IPv6's filters, and one of them, as security " +
		"groups have them, drops it."},
	{familyIPv6, one{hookPrerouting, hookInput}, "drop.filter-input", "A filter of this host drops it before its ICMPv6 and its " +
		"programs see it."},
	{familyIPv6, one{hookForward}, "drop.filter-forward", "A filter of this host drops it on its way through."},
	{familyIPv6, one{hookOutput, hookPostrouting}, "drop.filter-output", "A filter of this host drops what it sends itself, " +
		"or passes on."},
	{familyNetdev, one{hookIngress}, "drop.filter-device", "A filter on the device drops it before any protocol sees it."},
	{familyNetdev, one{hookEgress}, "drop.filter-device", "A filter on the device drops it on its way out."},
}

func filterRule(f filter) (id rule.ID, why string) {
	for _, r := range filterRules {
		if r.family == f.family && (r.hooks == nil || r.hooks.has(f.name)) {
			return r.rule, r.why
		}
	}
	return "drop.filter", "A filter drops it."
}

// filterFix says what to do about a filter.
func filterFix(d *Drop, m *message, f filter) string {
	accept := "`" + f.accept(m) + "`"
	switch {
	case f.family == familyIPv6 && f.name == hookInput && f.program == programNft && f.tables != "inet":
		return "On CloudStack's Virtual Router `{in}nft insert rule ip6 ip6_firewall fw_input icmpv6 type " + m.nft + " accept` " +
			"(in a VPC the chain is ip6_acl acl_input); elsewhere " + accept + ", with the names that `" + f.list() + "` shows."
	case f.family == familyPorts:
		return "See what the guest's chain accepts, and from which addresses (the ipset of the guest): `" + f.list() + "`. To " +
			"let it pass until the agent writes the rules anew: " + accept + "."
	case f.program == programNft || !f.known || f.family == familyNetdev:
		return "Accept it before the rule or the policy that drops it: " + accept + ", with the names that `" + f.list() + "` shows."
	}
	return "Accept it before the rule or the policy that drops it: " + accept + "."
}

// vxlanFix says what to do about a filter that drops VXLAN. It carries IPv4 or IPv6.
func vxlanFix(f filter) string {
	const ports = "UDP to port 8472, and 4789 with EVPN"
	way := "--dport"
	switch {
	case f.program == programLegacy && f.known && (f.name == hookInput || f.name == hookOutput || f.name == hookForward):
		chain := map[string]string{hookInput: "INPUT", hookOutput: "OUTPUT", hookForward: "FORWARD"}[f.name]
		return "Accept " + ports + ": `{in}" + legacyNames[f.family] + "-legacy -I " + chain + " -p udp -m multiport " + way +
			"s 4789,8472 -j ACCEPT`."
	case f.program == programNft && f.tables != "":
		return "Accept " + ports + ": `{in}nft insert rule " + f.tables + " TABLE CHAIN udp dport { 4789, 8472 } accept`, with " +
			"the names that `" + f.list() + "` shows."
	}
	return "Accept " + ports + ", in the rules that `" + f.list() + "` shows."
}

// judgeUnknown says of what no table knows what it is and what to look at.
func judgeUnknown(d *Drop) {
	where, reason := "The kernel's function "+d.Location, "the reason "+d.Reason
	if d.Location == "" {
		where = "A function of the kernel, which has no name here,"
	}
	if d.Reason == "" || d.Reason == noReason {
		reason = "no reason given"
	}
	d.Verdict = Verdict{Class: Unknown,
		Why: where + " dropped it, with " + reason + "; v6probe does not know what that means. The stack shows on which way the " +
			"packet was.",
		Next: "bpftrace -e 'tracepoint:skb:kfree_skb /args->protocol == 0x86dd/ { @[args->location, kstack(12)] = count(); } " +
			"interval:s:20 { exit(); }'"}
}
