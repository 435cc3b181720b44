package report

import (
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/pmtu"
)

// flowGroup is what several flows have in common.
type flowGroup struct {
	pmtu.Flow
	numbers []string
}

// flowGroups returns the flows by what became of them, the widest first.
func flowGroups(flows []pmtu.Flow) []flowGroup {
	var groups []flowGroup
	for _, f := range flows {
		number := fmt.Sprint(f.Number)
		f.Number = 0
		i := slices.IndexFunc(groups, func(g flowGroup) bool { return g.Flow == f })
		if i < 0 {
			i = len(groups)
			groups = append(groups, flowGroup{Flow: f})
		}
		groups[i].numbers = append(groups[i].numbers, number)
	}
	slices.SortStableFunc(groups, func(a, b flowGroup) int { return max(b.MTU, b.AtLeast) - max(a.MTU, a.AtLeast) })
	return groups
}

// flowHead says in a sentence how flows differ.
func flowHead(groups []flowGroup) string {
	var list []string
	silent := false
	for i, g := range groups {
		of := fmt.Sprintf("on %d", len(g.numbers))
		if i == 0 {
			of = "on " + Plural(len(g.numbers), "flow")
		}
		list = append(list, flowMTU(&g.Flow)+" "+of)
		silent = silent || g.Silent
	}
	s := enumerate(list) + "."
	if silent {
		return s + " BLACK HOLE: on the narrow ones larger packets vanish without a word."
	}
	return s
}

func flowMTU(f *pmtu.Flow) string {
	switch {
	case f.Dead:
		return "no answer"
	case f.MTU > 0:
		return fmt.Sprint(f.MTU)
	}
	return fmt.Sprintf("at least%s%d", nbsp, f.AtLeast)
}

// flowItems says what became of each flow, where several were compared.
func flowItems(p *PathMTU) []pmtuItem {
	groups := flowGroups(p.Flows)
	if len(p.Flows) < 2 {
		return nil
	}
	var items []pmtuItem
	for _, g := range firstOf(groups, maxEntries) {
		text := flowMTU(&g.Flow) + " on "
		switch {
		case len(groups) == 1:
			text += fmt.Sprintf("all %d flows", len(g.numbers))
		case len(g.numbers) == 1:
			text += "flow" + nbsp + g.numbers[0]
		default:
			text += "flows " + strings.Join(g.numbers, ", ")
		}
		if g.Silent {
			text += ": larger packets vanish without a word"
		}
		items = append(items, pmtuItem{"flows", text})
	}
	return items
}
