package report

import (
	"fmt"
	"strconv"
	"strings"

	"v6probe/internal/drops"
	"v6probe/internal/icmp6"
)

// icmpNames are a type's short name, as tables and --type have it, and its title in a sentence, for one and for several.
func icmpNames(t icmp6.Type) (short, one, several string) {
	switch t {
	case icmp6.TypeDestinationUnreachable:
		return "unreach", "Destination Unreachable", "Destination Unreachable"
	case icmp6.TypePacketTooBig:
		return "PTB", "Packet Too Big", "Packet Too Big"
	case icmp6.TypeTimeExceeded:
		return "time-exceeded", "Time Exceeded", "Time Exceeded"
	case icmp6.TypeParameterProblem:
		return "param-problem", "Parameter Problem", "Parameter Problems"
	case icmp6.TypeEchoRequest:
		return "echo-request", "Echo Request", "Echo Requests"
	case icmp6.TypeEchoReply:
		return "echo-reply", "Echo Reply", "Echo Replies"
	case icmp6.TypeMLDQuery:
		return "MLD-query", "MLD query", "MLD queries"
	case icmp6.TypeMLDReport:
		return "MLD-report", "MLD report", "MLD reports"
	case icmp6.TypeMLDDone:
		return "MLD-done", "MLD done", "MLD done"
	case icmp6.TypeMLDv2Report:
		return "MLDv2-report", "MLDv2 report", "MLDv2 reports"
	case icmp6.TypeRouterSolicitation:
		return "RS", "Router Solicitation", "Router Solicitations"
	case icmp6.TypeRouterAdvertisement:
		return "RA", "Router Advertisement", "Router Advertisements"
	case icmp6.TypeNeighborSolicitation:
		return "NS", "Neighbor Solicitation", "Neighbor Solicitations"
	case icmp6.TypeNeighborAdvertisement:
		return "NA", "Neighbor Advertisement", "Neighbor Advertisements"
	case icmp6.TypeRedirect:
		return "redirect", "Redirect", "Redirects"
	}
	n := strconv.Itoa(int(t))
	return "type" + nbsp + n, "ICMPv6 of type" + nbsp + n, "ICMPv6 of type" + nbsp + n
}

// grouped writes n with a comma between thousands: "1,234".
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// many is Plural for what may be many: "1,234 packets".
func many(n uint64, noun string) string {
	if n == 1 {
		return "1" + nbsp + noun
	}
	return grouped(n) + nbsp + noun + "s"
}

// messageCount says how many of what: "1,234 Router Advertisements". The first piece of a fragmented packet has a type; of a
// later one it is not known.
func messageCount(n uint64, p *drops.Place) string {
	_, one, several := icmpNames(p.Type)
	if p.Flags.Has(drops.LaterPiece) {
		one, several = "later fragment of ICMPv6", "later fragments of ICMPv6"
	}
	if n == 1 {
		return "1" + nbsp + one
	}
	return grouped(n) + nbsp + several
}

// shortMessage is the name of a message in a table.
func shortMessage(p *drops.Place) string {
	if p.Flags.Has(drops.LaterPiece) {
		return "fragment"
	}
	short, _, _ := icmpNames(p.Type)
	return short
}

// hookName says where in the kernel a packet was dropped: in an operator's words, else in the kernel's.
func hookName(p *drops.Place) string {
	switch {
	case p.Hook != "":
		return p.Hook
	case p.Location != "":
		return p.Location + "()"
	}
	return "unknown place"
}

// atHook is hookName in a sentence.
func atHook(p *drops.Place) string {
	switch {
	case p.Hook != "":
		return "at " + printable(p.Hook)
	case p.Location != "":
		return "in the kernel's " + printable(p.Location) + "()"
	}
	return "at an unknown place"
}

// devices says by which interface, and at a bridge by which port it came: "vnet0 ← vxlan100".
func devices(p *drops.Place, clean func(string) string) string {
	switch {
	case p.Arrived == "":
		return clean(p.Interface)
	case p.Interface == "":
		return "← " + clean(p.Arrived)
	}
	return clean(p.Interface) + " ← " + clean(p.Arrived)
}

// placeText says in a sentence where p is: "at bridge forward on vnet0, arrived by vxlan100, in namespace kvm1".
func placeText(p *drops.Place) string {
	var b strings.Builder
	b.WriteString(atHook(p))
	if p.Interface != "" {
		b.WriteString(" on " + printable(p.Interface))
	}
	if p.Arrived != "" {
		b.WriteString(", arrived by " + printable(p.Arrived))
	}
	if p.NetNS != "" {
		b.WriteString(", in namespace " + printable(p.NetNS))
	}
	if p.VLAN != 0 {
		fmt.Fprintf(&b, ", VLAN%s%d", nbsp, p.VLAN)
	}
	if p.Flags.Has(drops.Tunneled) {
		fmt.Fprintf(&b, ", inside VXLAN%s%d", nbsp, p.VNI)
	}
	return b.String()
}

// reasonName is what the kernel says why.
func reasonName(d *drops.Drop) string {
	if d.Reason == "" {
		return "no reason given"
	}
	return printable(d.Reason)
}

// kernelWords says it all in the kernel's words: "NETFILTER_DROP in nft_do_chain ← nft_do_chain_bridge ← nf_hook_slow".
func kernelWords(d *drops.Drop) string {
	s := reasonName(d)
	if d.Location != "" {
		s += " in " + printable(d.Location)
	}
	for _, c := range d.Callers {
		s += " ← " + printable(c)
	}
	return s
}

// dropFlags are the flags of a drop as JSON names them.
var dropFlags = [...]struct {
	bit  drops.Flags
	name string
}{
	{drops.Tunneled, "tunneled"},
	{drops.BadHopLimit, "bad-hop-limit"},
	{drops.BadCode, "bad-code"},
	{drops.BadSource, "bad-source"},
	{drops.BadChecksum, "bad-checksum"},
	{drops.Multicast, "multicast"},
	{drops.OtherHost, "other-host"},
	{drops.Outgoing, "outgoing"},
	{drops.Solicited, "solicited"},
	{drops.LaterPiece, "later-piece"},
	{drops.StackNotTaken, "stack-not-taken"},
	{drops.OnBridge, "on-bridge"},
	{drops.NoSource, "no-source"},
}
