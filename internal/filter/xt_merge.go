package filter

import "strings"

// merge puts what a tool of the newer kind tells in the place of the chains of nftables in which it keeps its rules. Each
// rule is asked first as nftables has it, because a tool leaves out what it does not understand: ip6tables-nft-save shows
// a rule of nft's own with a set in it as if it had none. The tool is asked about what only it understands.
func (r *Ruleset) merge(x *xtReader) {
	prefix := "ip6 "
	if x.bridge {
		prefix = "bridge "
	}
	told := map[string]*Chain{}
	tables := map[string]bool{}
	for _, c := range x.chains {
		told[prefix+c.Table+" "+c.Name] = c
		tables[prefix+c.Table] = true
	}
	for i, c := range r.Chains {
		if c.Tool != "nft" || !tables[c.Table] {
			continue
		}
		both := *c
		both.Tool, both.Table = x.tool, strings.TrimPrefix(c.Table, prefix)
		if t := told[c.Table+" "+clean(c.Name)]; t != nil && len(t.Rules) == len(c.Rules) {
			both.Rules = make([]Rule, len(c.Rules))
			for i := range c.Rules {
				both.Rules[i] = mergeRule(c.Rules[i], t.Rules[i])
			}
		}
		r.Chains[i] = &both
	}
}

// mergeRule joins what nftables and a tool tell of the same rule.
func mergeRule(nft, tool Rule) Rule {
	tool.Untracks = tool.Untracks || nft.Untracks
	told := tool.Apply
	tool.Apply = func(p *Packet) (Truth, Act, string) {
		matches, act, chain := nft.Apply(p)
		if matches != CannotTell {
			return matches, act, chain
		}
		switch toldMatches, toldAct, toldChain := told(p); {
		case toldMatches == No:
			return No, Continue, ""
		case act == Elsewhere: // it has something in it that only the tool knows
			return toldMatches, toldAct, toldChain
		}
		return matches, act, chain
	}
	return tool
}
