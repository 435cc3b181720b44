package report

import (
	"slices"
	"strings"

	"v6probe/internal/rule"
)

// Elsewhere is what was found in messages of another command's while this one ran, which tells it in a line only. It has
// no part in the verdict.
type Elsewhere struct {
	tally   *rule.Tally // nil where they were not judged
	command string
	noun    string // "Router Advertisements"
	key     string // in JSON
}

// NewElsewhere returns what t holds about Router Advertisements. command is what tells all of it: "v6probe ra -r FILE".
func NewElsewhere(t *rule.Tally, command string) Elsewhere {
	return Elsewhere{t, command, "Router Advertisements", "router_advertisements"}
}

// NewTooBigElsewhere returns what t holds about Packet Too Big messages, likewise.
func NewTooBigElsewhere(t *rule.Tally, command string) Elsewhere {
	return Elsewhere{t, command, "Packet Too Big messages", "packet_too_big"}
}

// rules returns the rules that the findings of severity s name, each once.
func (e Elsewhere) rules(s rule.Severity) []rule.ID {
	var ids []rule.ID
	for _, f := range e.tally.Found() {
		if f.Severity == s && !slices.Contains(ids, f.Rule) {
			ids = append(ids, f.Rule)
		}
	}
	return ids
}

// elsewhere writes e: "Router Advertisements: 1 error (ra.no-address-source), 2 notes, told by", and below it the command,
// which is one line however long it is, to be copied.
func (t *Text) elsewhere(e Elsewhere) {
	var parts []string
	for _, p := range []struct {
		severity rule.Severity
		noun     string
	}{{rule.Error, "error"}, {rule.Warning, "warning"}, {rule.Info, "note"}} {
		n := e.tally.Count(p.severity)
		if n == 0 {
			continue
		}
		s := Plural(n, p.noun)
		if p.severity > rule.Info {
			s += " (" + firstRules(e.rules(p.severity)) + ")"
		}
		parts = append(parts, s)
	}
	if len(parts) > 0 {
		t.item(0, "", 0, e.noun+": "+strings.Join(parts, ", ")+", told by")
		t.line("  " + printable(e.command))
	}
}

// firstRules lists the first few.
func firstRules(ids []rule.ID) string {
	var list []stringID
	for _, i := range ids {
		list = append(list, stringID(i))
	}
	return join(list)
}

// stringID is a rule.ID that join can list.
type stringID rule.ID

func (i stringID) String() string { return string(i) }

func (o object) elsewhere(e Elsewhere) object {
	o = o.key(e.key).open('{')
	o = o.uint("error", uint64(e.tally.Count(rule.Error))).uint("warning", uint64(e.tally.Count(rule.Warning)))
	o = o.uint("info", uint64(e.tally.Count(rule.Info)))
	o = o.key("rules").open('[')
	for s := int(rule.Error); s >= int(rule.Info); s-- {
		for _, i := range e.rules(rule.Severity(s)) {
			o = o.elem().string(string(i))
		}
	}
	return o.close(']').close('}')
}
