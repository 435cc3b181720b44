package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/expect"
	"v6probe/internal/rule"
)

const (
	expectColumn  = 14 // where the text of an expectation begins, after its indent of two
	saysColumn    = 18 // likewise that of a value of an advertisement, after four
	maxExpectList = 20 // how many neighbors of a link are named
)

// Expectation writes what a source of expectations means: each of its links, the rules, and what is wrong with it.
func (t *Text) Expectation(s *expect.State) {
	if len(s.Links) == 0 {
		t.line("It expects nothing of any link.")
	}
	for i, l := range s.Links {
		if i > 0 {
			t.line("")
		}
		t.expectLink(l, alone(s.Links, l))
	}
	t.expectRules(&s.Rules)
	t.Findings(flawsFound(s.Flaws))
}

// alone reports whether l is the only link of its source, and need not be told apart. What CloudStack knows is never all.
func alone(links []*expect.Link, l *expect.Link) bool {
	for _, other := range links {
		if other != l && other.Place.File == l.Place.File {
			return false
		}
	}
	return !l.CloudStack
}

func (t *Text) expectLink(l *expect.Link, alone bool) {
	at := ""
	if !l.Place.IsZero() {
		at = "  " + expectedAt(l.Place)
	}
	t.line(t.style.paint(sgrBold, printable(l.Name)) + at)
	e := expectWriter{t: t, home: l.Place}
	t.expectSegment(e, l, alone)
	for i := range l.Routers {
		e.item(2, opt(i == 0, "routers"), routerText(&l.Routers[i]), l.Routers[i].Place)
		e.says(l.Routers[i].Says)
	}
	e.item(2, opt(len(l.Routers) == 0, "routers"), othersText(l), rule.Place{})
	if l.Advertisers > 0 {
		e.item(2, "at one time", "at most "+Plural(l.Advertisers, "router"), rule.Place{})
	}
	for i := range l.Forbidden {
		f := &l.Forbidden[i]
		e.item(2, opt(i == 0, "forbidden"), joinText(": ", routerText(f), printable(f.Why)), f.Place)
		if f.Fix != "" {
			t.item(2, "", expectColumn, "fix: "+printable(f.Fix))
		}
	}
	if l.Says != nil {
		t.item(2, "says", expectColumn, whoSays(l))
		e.says(l.Says)
	}
	if l.MTU > 0 {
		e.item(2, "guests' MTU", fmt.Sprintf("%d%sbytes", l.MTU, nbsp), rule.Place{})
	}
	e.neighbors(l.Neighbors)
}

// expectSegment says by what the link is told apart.
func (t *Text) expectSegment(e expectWriter, l *expect.Link, alone bool) {
	first := "segment"
	told := func(text string, p rule.Place) {
		e.item(2, first, text, p)
		first = ""
	}
	if l.Iface != "" {
		told("interface "+fileText(l.Iface), rule.Place{})
	}
	if l.VNI != nil {
		told(fmt.Sprintf("VNI%s%d", nbsp, l.VNI.Number), l.VNI.Place)
	}
	if l.VLAN != nil {
		told(fmt.Sprintf("VLAN%s%d", nbsp, l.VLAN.Number), l.VLAN.Place)
	}
	switch {
	case first == "":
	case alone:
		told("any", rule.Place{})
	case len(l.Prefixes) == 0:
		told("the one where these machines are heard", rule.Place{})
	default:
		prefixes := make([]string, len(l.Prefixes))
		for i, p := range l.Prefixes {
			prefixes[i] = p.String()
		}
		told("the one where "+strings.Join(prefixes, " or ")+" is advertised, or these machines are heard", rule.Place{})
	}
}

// othersText says whether routers may advertise that are not listed.
func othersText(l *expect.Link) string {
	switch {
	case !l.OnlyRouters && len(l.Routers) == 0:
		return "any may advertise"
	case !l.OnlyRouters:
		return "others may advertise too"
	case len(l.Routers) == 0:
		return "nobody may advertise"
	}
	return "nobody else may advertise"
}

func whoSays(l *expect.Link) string {
	for i := range l.Routers {
		if l.Routers[i].Says != nil {
			return "every router that has no values of its own above:"
		}
	}
	return "every router:"
}

// routerText names a machine: "r-12-VM, fe80::1, 02:00:00:00:00:01; must be heard".
func routerText(r *expect.Router) string {
	var parts []string
	if r.Name != "" {
		parts = append(parts, fileText(r.Name))
	}
	if r.Address.IsValid() {
		parts = append(parts, r.Address.String())
	}
	if r.MAC != (expect.MAC{}) {
		parts = append(parts, r.MAC.String())
	}
	if len(parts) == 0 {
		parts = []string{"any"}
	}
	text := strings.Join(parts, ", ")
	if r.Required {
		text += "; must be heard"
	}
	return text
}

// expectWriter writes values with their places: short where they stand in the link's own file, and none for what stands where
// the link itself does, as what follows from the rest has no place of its own.
type expectWriter struct {
	t    *Text
	home rule.Place
}

func (e expectWriter) item(indent int, name, text string, p rule.Place) {
	e.t.item(indent, name, expectColumn+2-indent, text+e.at(p))
}

func (e expectWriter) at(p rule.Place) string {
	switch {
	case p.IsZero(), p == e.home:
		return ""
	case p.File != e.home.File || p.Line == 0:
		return " (" + expectedAt(p) + ")"
	}
	text := fmt.Sprintf("line%s%d", nbsp, p.Line)
	if own, ok := strings.CutPrefix(p.Path, e.home.Path+"."); ok {
		p.Path = own
	}
	return " (" + joinText(", ", text, fileText(p.Path)) + ")"
}

// says writes a line for each value that is expected of an advertisement; nothing for nil.
func (e expectWriter) says(a *expect.Advertisement) {
	for _, v := range advertised(a) {
		e.t.item(4, v.name, saysColumn, v.text+e.at(v.at))
	}
}

func (e expectWriter) neighbors(list []expect.Neighbor) {
	for i, n := range list[:min(len(list), maxExpectList)] {
		r := expect.Router{Name: n.Name, MAC: n.MAC}
		text := routerText(&r)
		for _, a := range n.Addresses {
			text += ", " + a.String()
		}
		if n.Required {
			text += "; must be seen"
		}
		e.item(2, opt(i == 0, "neighbors"), text, n.Place)
	}
	e.t.andMore(2+expectColumn, len(list)-maxExpectList, "neighbor")
}

func (t *Text) expectRules(r *expect.Rules) {
	begun := false
	for _, of := range []struct {
		name string
		list []expect.RuleRef
	}{{"must show", r.Must}, {"must not show", r.MustNot}, {"ignored", r.Ignore}} {
		for i, ref := range of.list {
			if i == 0 && !begun {
				t.line("")
				t.line(t.style.paint(sgrBold, "rules"))
				begun = true
			}
			expectWriter{t: t}.item(2, opt(i == 0, of.name), fileText(ref.ID), ref.Place)
		}
	}
}

// flawsFound returns flaws as findings, worst first, for who reports those.
func flawsFound(flaws []expect.Flaw) []rule.Found {
	found := make([]rule.Found, len(flaws))
	for i, f := range flaws {
		found[i] = rule.Found{Count: 1, Finding: rule.Finding{Rule: f.Rule, Severity: f.Severity, Link: f.Link, Detail: f.Detail,
			Fix: f.Fix, Offset: -1, Expected: f.Place}}
	}
	slices.SortStableFunc(found, func(a, b rule.Found) int { return cmp.Compare(b.Severity, a.Severity) })
	return found
}

// opt returns text where it is wanted, "" elsewhere.
func opt(wanted bool, text string) string {
	if wanted {
		return text
	}
	return ""
}
