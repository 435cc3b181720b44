package drops

import (
	"fmt"
	"slices"
	"strings"
)

// The families of hooks.
const (
	familyBridge = "bridge"       // frames in a bridge
	familyPorts  = "br_netfilter" // frames in a bridge that it shows to IPv6's filters: CloudStack's security groups
	familyIPv6   = "ip6"
	familyIPv4   = "ip" // what carries a tunnel
	familyNetdev = "netdev"
)

// The hooks, as nft calls them.
const (
	hookIngress     = "ingress"
	hookEgress      = "egress"
	hookPrerouting  = "prerouting"
	hookInput       = "input"
	hookForward     = "forward"
	hookOutput      = "output"
	hookPostrouting = "postrouting"
)

// hook is a place where filters are asked.
type hook struct{ family, name string }

// hookPoints are the functions of the kernel that ask filters. The compiler makes some of them part of their callers, which
// are here too then. Callers are looked at innermost first, and the first one that is listed decides.
var hookPoints = map[string]hook{
	"br_handle_frame":     {familyBridge, hookPrerouting},
	"nf_hook_bridge_pre":  {familyBridge, hookPrerouting},
	"br_pass_frame_up":    {familyBridge, hookInput},
	"__br_forward":        {familyBridge, hookForward}, // output too, see hookOf
	"br_forward":          {familyBridge, hookForward},
	"deliver_clone":       {familyBridge, hookForward},
	"maybe_deliver":       {familyBridge, hookForward},
	"br_flood":            {familyBridge, hookForward},
	"br_multicast_flood":  {familyBridge, hookForward},
	"br_dev_xmit":         {familyBridge, hookOutput},
	"br_forward_finish":   {familyBridge, hookPostrouting},
	"__br_multicast_send": {familyBridge, hookOutput}, // the bridge's own queries

	"br_nf_pre_routing":      {familyPorts, hookPrerouting},
	"br_nf_pre_routing_ipv6": {familyPorts, hookPrerouting},
	"br_nf_local_in":         {familyPorts, hookInput},
	"br_nf_forward":          {familyPorts, hookForward},
	"br_nf_forward_ip":       {familyPorts, hookForward},
	"br_nf_post_routing":     {familyPorts, hookPostrouting},

	"ipv6_rcv":           {familyIPv6, hookPrerouting},
	"ipv6_list_rcv":      {familyIPv6, hookPrerouting},
	"ip6_sublist_rcv":    {familyIPv6, hookPrerouting},
	"ip6_input":          {familyIPv6, hookInput},
	"ip6_mc_input":       {familyIPv6, hookInput},
	"ip6_forward":        {familyIPv6, hookForward},
	"__ip6_local_out":    {familyIPv6, hookOutput},
	"ip6_local_out":      {familyIPv6, hookOutput},
	"ip6_xmit":           {familyIPv6, hookOutput},
	"ndisc_send_skb":     {familyIPv6, hookOutput},
	"mld_sendpack":       {familyIPv6, hookOutput},
	"igmp6_send":         {familyIPv6, hookOutput},
	"rawv6_send_hdrinc":  {familyIPv6, hookOutput},
	"rawv6_sendmsg":      {familyIPv6, hookOutput},
	"ip6_output":         {familyIPv6, hookPostrouting},
	"ip6_finish_output":  {familyIPv6, hookPostrouting},
	"ip6_finish_output2": {familyIPv6, hookPostrouting},

	"ip_rcv":           {familyIPv4, hookPrerouting},
	"ip_list_rcv":      {familyIPv4, hookPrerouting},
	"ip_sublist_rcv":   {familyIPv4, hookPrerouting},
	"ip_local_deliver": {familyIPv4, hookInput},
	"ip_forward":       {familyIPv4, hookForward},
	"__ip_local_out":   {familyIPv4, hookOutput},
	"ip_local_out":     {familyIPv4, hookOutput},
	"iptunnel_xmit":    {familyIPv4, hookOutput},
	"ip_output":        {familyIPv4, hookPostrouting},
	"ip_mc_output":     {familyIPv4, hookPostrouting},

	"__netif_receive_skb_core": {familyNetdev, hookIngress},
	"nf_ingress":               {familyNetdev, hookIngress},
	"__dev_queue_xmit":         {familyNetdev, hookEgress},
	"nf_hook_egress":           {familyNetdev, hookEgress},
}

// program says who keeps the rules of a filter, as far as the kernel's functions tell.
type program uint8

const (
	programEither program = iota // before Linux 5.17 all filters drop at the same place
	programNft
	programLegacy
)

// chainFunctions are how nftables is asked, by the family of its tables.
var chainFunctions = map[string]string{
	"nft_do_chain_bridge": "bridge", "nft_do_chain_ipv6": "ip6", "nft_do_chain_ipv4": "ip", "nft_do_chain_inet": "inet",
	"nft_do_chain_netdev": "netdev",
}

// filter is what is known of the filter that dropped a packet.
type filter struct {
	hook
	known   bool // the hook is
	program program
	tables  string // the family of nftables' tables; "" where that is not known
	unknown string // why the hook is not known
}

// filterOf says which filter dropped d, ok false if none did.
func filterOf(d *Drop) (f filter, ok bool) {
	inFilter := d.Location == "nft_do_chain" || d.Location == "nf_hook_slow" || d.Location == "nf_hook_slow_list"
	if !inFilter && d.Reason != reasonNetfilter {
		return f, false
	}
	switch {
	case d.Location == "nft_do_chain":
		f.program = programNft
	case inFilter && d.Reason != "":
		f.program = programLegacy
	}
	for _, function := range stack(d) {
		if tables, is := chainFunctions[function]; is {
			f.program, f.tables = programNft, tables
		}
		if h, is := hookPoints[function]; is {
			f.hook, f.known = h, true
			break
		}
	}
	// Both ways end in the same function, and what a bridge forwards has come in by a port.
	if f.hook == (hook{familyBridge, hookForward}) && d.Flags.Has(Outgoing) {
		f.name = hookOutput
	}
	switch {
	case f.known:
	case d.Flags.Has(StackNotTaken):
		f.unknown = "there were too many a second to ask"
	case d.Location == "":
		f.unknown = "the kernel's functions have no names here"
	case len(d.Callers) == 0:
		f.unknown = "the kernel did not say who called " + d.Location
	default:
		f.unknown = "called by " + strings.Join(d.Callers, ", ")
	}
	return f, true
}

// stack returns where the packet was freed, and the callers.
func stack(d *Drop) []string { return slices.Concat([]string{d.Location}, d.Callers) }

// legacyNames are the programs of old, and the same ones speaking to nftables, by family.
var legacyNames = map[string]string{familyBridge: "ebtables", familyPorts: "ip6tables", familyIPv6: "ip6tables", familyIPv4: "iptables"}

// String is the hook in an operator's words: "bridge forward (nftables or ebtables-nft)".
func (f filter) String() string {
	if !f.known {
		return "netfilter (which hook is not known: " + f.unknown + ")"
	}
	name := f.family + " " + f.name
	if f.family == familyNetdev && f.tables == "inet" {
		name = "inet " + f.name
	}
	if f.family == familyPorts && f.name == hookForward {
		name = "security group, br_netfilter forward"
	}
	return name + " (" + f.keeper() + ")"
}

// keeper says who keeps the rules.
func (f filter) keeper() string {
	legacy := legacyNames[f.family]
	switch {
	case f.family == familyNetdev, f.tables == "inet":
		return "nftables"
	case f.program == programNft:
		return "nftables or " + legacy + "-nft"
	case f.program == programLegacy:
		if f.family == familyBridge {
			return legacy + "-legacy; before Linux 6.7 perhaps nftables"
		}
		return legacy + "-legacy, or connection tracking; before Linux 6.7 perhaps nftables"
	}
	return "nftables or " + legacy
}

// list is the command that lists the rules with their counters, inside {in}.
func (f filter) list() string {
	legacy := legacyNames[f.family]
	switch {
	case !f.known:
		return "{in}nft -a list ruleset"
	case f.family == familyPorts: // CloudStack's agent speaks to ip6tables, whatever that speaks to
		save := "ip6tables-save"
		if f.program == programLegacy {
			save = "ip6tables-legacy-save"
		}
		return "{in}" + save + " -c | grep -w -e DROP -e REJECT -e {port}"
	case f.program == programNft || f.family == familyNetdev:
		return strings.TrimRight("{in}nft -a list ruleset "+f.tables, " ")
	case f.program == programLegacy:
		legacy += "-legacy"
	}
	chain := strings.ToUpper(f.name)
	early := f.name == hookPrerouting || f.name == hookPostrouting
	switch {
	case f.family == familyBridge && early:
		return fmt.Sprintf("{in}%s -t nat -L %s --Lc", legacy, chain)
	case f.family == familyBridge:
		return fmt.Sprintf("{in}%s -L %s --Lc", legacy, chain)
	case early: // several tables have a chain of this name
		return fmt.Sprintf("{in}%s-save -c | grep %s", legacy, chain)
	}
	return fmt.Sprintf("{in}%s -vnL %s", legacy, chain)
}

// accept is the command that lets a type pass, with the names of the table and the chain to be put in for nftables.
func (f filter) accept(t *message) string {
	legacy := legacyNames[f.family]
	if f.program == programLegacy {
		legacy += "-legacy"
	}
	chain := strings.ToUpper(f.name)
	switch {
	case f.family != familyPorts && f.program == programNft || !f.known || f.family == familyNetdev:
		tables := f.tables
		if tables == "" {
			tables = "FAMILY"
		}
		return fmt.Sprintf("{in}nft insert rule %s TABLE CHAIN icmpv6 type %s accept", tables, t.nft)
	case f.family == familyBridge:
		table := ""
		if f.name == hookPrerouting || f.name == hookPostrouting {
			table = "-t nat "
		}
		return fmt.Sprintf("{in}%s %s-I %s -p IPv6 --ip6-protocol ipv6-icmp --ip6-icmp-type %d -j ACCEPT", legacy, table, chain, t.typ)
	}
	table := map[string]string{hookPrerouting: "-t raw ", hookPostrouting: "-t mangle "}[f.name]
	return fmt.Sprintf("{in}%s %s-I %s -p ipv6-icmp --icmpv6-type %d -j ACCEPT", legacy, table, chain, t.typ)
}
