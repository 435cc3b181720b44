package kvm

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"v6probe/internal/filter"
)

// printable returns the name of an interface as it may be shown: whoever may make interfaces may put almost any byte into a
// name.
func printable(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return name
	}
	return strconv.Quote(name)
}

// count words a number of things: "1 tap", "3 taps".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// maxNamed is how many things a sentence names.
const maxNamed = 6

// some lists the first of many: "a, b and 7 more".
func some(list []string) string {
	switch n := len(list); {
	case n == 0:
		return "none"
	case n == 1:
		return list[0]
	case n <= maxNamed:
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:maxNamed], ", "), len(list)-maxNamed)
}

// names lists taps.
func names(taps []*tap) string {
	var list []string
	for _, t := range taps {
		list = append(list, printable(t.Name))
	}
	return some(list)
}

// chainOf says where a place is, without its rule: "ip6tables chain i-2-7-def", "nft chain bridge fw forward".
func chainOf(p filter.Place) string {
	if p.Table == "filter" || p.Table == "" {
		return p.Tool + " chain " + p.Chain
	}
	if p.Tool == "nft" {
		return "nft chain " + p.Table + " " + p.Chain
	}
	return p.Tool + " table " + p.Table + ", chain " + p.Chain
}

// isPolicy reports whether it is the policy of a chain, and no rule.
func isPolicy(p filter.Place) bool { return strings.HasPrefix(p.Rule, "policy ") }

// place says which rule it is.
func place(p filter.Place) string {
	switch {
	case isPolicy(p):
		return "the policy of " + chainOf(p)
	case p.Tool == "nft":
		return fmt.Sprintf("%s, handle %d (`%s`)", chainOf(p), p.Handle, p.Rule)
	}
	return fmt.Sprintf("%s, rule %d (`%s`)", chainOf(p), p.Handle, p.Rule)
}

// accept words the command that lets a type of ICMPv6 pass before place p.
func accept(p filter.Place, m *message) string {
	policy := isPolicy(p)
	switch p.Tool {
	case "nft":
		return fmt.Sprintf("`nft insert rule %s %s icmpv6 type %s accept`, or take the rule that is named out", p.Table, p.Chain,
			m.nft)
	case "ebtables", "ebtables-legacy":
		return fmt.Sprintf("`%s -t %s -I %s -p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type %d -j ACCEPT`", p.Tool, p.Table, p.Chain,
			m.kind)
	}
	at := ""
	if !policy && p.Handle > 1 {
		at = fmt.Sprintf(" %d", p.Handle)
	}
	return fmt.Sprintf("`%s -t %s -I %s%s -p icmpv6 --icmpv6-type %d -j ACCEPT`", p.Tool, p.Table, p.Chain, at, m.kind)
}
