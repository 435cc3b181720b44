package kvm

import (
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/filter"
	"v6probe/internal/packet"
)

// groups are the rules that CloudStack's agent writes for security groups, as far as they tell which tap is whose. It has
// chains i-2-7-def, i-2-7-VM and i-2-7-VM-eg for each guest, rules with --physdev-in or --physdev-out that lead there, and
// a set i-2-7-VM-6 of the addresses that the guest may use.
type groups struct {
	taps     map[string]bool       // by the tap's name: that it leads to a guest's chain
	named    map[string]bool       // likewise, that rules in a guest's chain are about it
	sets     map[string][]string   // sets of allowed sources by the tap's name
	guests   map[string]string     // "i-2-7" by the tap's name
	machines map[string]packet.MAC // by the tap's name: of whose link-local address a rule is about
}

// any reports whether there are security groups on this host at all.
func (g *groups) any() bool { return len(g.taps) > 0 || len(g.named) > 0 }

// isGroupChain reports whether a chain is one of a guest's: i-, two numbers, and what it is for.
func isGroupChain(name string) bool {
	rest, ok := strings.CutPrefix(name, "i-")
	for range 2 {
		i := strings.IndexByte(rest, '-')
		if !ok || i < 1 || strings.Trim(rest[:i], "0123456789") != "" {
			return false
		}
		rest = rest[i+1:]
	}
	return true
}

// line is what a rule of ip6tables says that matters here.
type line struct {
	taps   []string // named with --physdev-in or --physdev-out
	in     string   // the one with --physdev-in
	set    string   // of which the source must be, or must not be to be dropped
	source string
	jump   string
}

func parseLine(text string) line {
	var l line
	negated := false // the set
	words := strings.Fields(text)
	next := func(i int) string {
		if i+1 < len(words) {
			return strings.Trim(words[i+1], `"`)
		}
		return ""
	}
	for i, w := range words {
		not := i > 0 && words[i-1] == "!"
		switch w {
		case "--physdev-in", "--physdev-out":
			if !not {
				l.taps = append(l.taps, next(i))
			}
			if !not && w == "--physdev-in" {
				l.in = next(i)
			}
		case "-s":
			if !not {
				l.source = next(i)
			}
		case "--match-set":
			if next(i+1) == "src" {
				l.set, negated = next(i), not
			}
		case "-j", "-g":
			l.jump = next(i)
		}
	}
	if negated != (l.jump == "DROP" || l.jump == "REJECT") { // the set is of sources that are refused
		l.set = ""
	}
	return l
}

func readGroups(r *filter.Ruleset) groups {
	g := groups{
		taps: make(map[string]bool), named: make(map[string]bool), sets: make(map[string][]string),
		guests:   make(map[string]string),
		machines: make(map[string]packet.MAC),
	}
	if r == nil {
		return g
	}
	leads := make(map[string][]string) // taps by the chain that they lead to
	inChain := make(map[string][]string)
	for _, c := range r.Chains {
		if c.Family != filter.IPv6 {
			continue
		}
		for i := range c.Rules {
			l := parseLine(c.Rules[i].Text)
			own := isGroupChain(c.Name)
			if own && l.set != "" && len(l.taps) == 0 {
				inChain[c.Name] = append(inChain[c.Name], l.set)
			}
			if !own && !isGroupChain(l.jump) {
				continue
			}
			if p, err := netip.ParsePrefix(l.source); err == nil && p.IsSingleIP() && p.Addr().IsLinkLocalUnicast() && l.in != "" {
				if m, ok := packet.EmbeddedMAC(p.Addr()); ok { // DHCPv6 is allowed from there
					g.machines[l.in] = m
				}
			}
			for _, t := range l.taps {
				if own {
					g.named[t] = true
				} else {
					g.taps[t], g.guests[t] = true, l.jump[:strings.LastIndexByte(l.jump, '-')]
				}
				g.add(t, l.set)
				leads[l.jump] = append(leads[l.jump], t)
			}
		}
	}
	for chain, sets := range inChain {
		for _, t := range leads[chain] {
			for _, s := range sets {
				g.add(t, s)
			}
		}
	}
	for t := range g.sets {
		slices.Sort(g.sets[t])
	}
	return g
}

func (g *groups) add(tap, set string) {
	if set != "" && !slices.Contains(g.sets[tap], set) {
		g.sets[tap] = append(g.sets[tap], set)
	}
}
