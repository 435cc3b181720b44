package kvm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/checklist"
	"v6probe/internal/filter"
	"v6probe/internal/rule"
)

// loss is messages of one kind that one rule drops.
type loss struct {
	message *message
	at      filter.Place
	mild    bool // only those that can be done without
	to      bool // on their way to these machines
	from    bool // on their way from them
	taps    []*tap
	far     int  // index of the port at the other end
	over    bool // the chain may be passed over
}

// filterLines has a line for each tap, or one for all where nothing can be told.
func (j *judge) filterLines() []checklist.Line {
	if j.Filter == nil {
		line := j.idle("filter", "")
		if line.Status != checklist.Skipped {
			line = checklist.Line{Name: "filter", Status: checklist.Unknown, Text: "it could not be read: " +
				printable(j.FilterError)}
		}
		return []checklist.Line{line}
	}
	var walks []*walk
	var lines []checklist.Line
	for _, b := range j.works() {
		if w := j.follow(b); w != nil {
			walks = append(walks, w...)
		} else {
			text := printable(b.Name) + " leads nowhere else, and no router is on it: not looked at"
			lines = append(lines, checklist.Line{Name: "filter", Text: text})
		}
	}
	if len(walks) == 0 && len(lines) == 0 {
		return []checklist.Line{j.idle("filter", "no guest whose packets would meet one")}
	}
	j.walks = walks
	missing := j.ungrouped(walks)
	told := make(map[*tap][]rule.Finding)
	for _, f := range merge(walks) {
		told[f.taps[0]] = append(told[f.taps[0]], dropped(f))
	}
	for t, f := range missing {
		told[t] = append(told[t], f)
	}
	doubted := make(map[filter.Place]bool)
	var fine []*tap
	for _, w := range walks {
		line := w.line(told[w.tap], missing)
		w.doubt(&line, doubted)
		if line.Status == checklist.OK && len(walks) > maxLines {
			fine = append(fine, w.tap)
			continue
		}
		lines = append(lines, line)
	}
	if len(fine) > 0 {
		lines = append(lines, checklist.Line{Name: "filter", Text: fmt.Sprintf("all that must pass does for %s", names(fine))})
	}
	return lines
}

// maxLines is from how many taps on those of which there is nothing to say share a line.
const maxLines = 16

// merge joins the losses of one kind at one rule, in the order of the taps.
func merge(walks []*walk) []loss {
	var list []loss
	for _, w := range walks {
		for _, l := range w.losses {
			i := slices.IndexFunc(list, func(o loss) bool { return o.message.rule == l.message.rule && o.at == l.at })
			if i < 0 {
				list = append(list, l)
				continue
			}
			o := &list[i]
			if o.mild && !l.mild {
				o.message = l.message
			}
			o.mild, o.to, o.from = o.mild && l.mild, o.to || l.to, o.from || l.from
			if o.taps[len(o.taps)-1] != l.taps[0] {
				o.taps = append(o.taps, l.taps[0])
			}
		}
	}
	return list
}

// dropped makes a finding of a loss.
func dropped(l loss) rule.Finding {
	way := "to and from"
	switch {
	case !l.from:
		way = "to"
	case !l.to:
		way = "from"
	}
	detail := fmt.Sprintf("%s drops %s %s the %s", place(l.at), l.message.name, way, machines(l.taps))
	if l.over {
		detail += " (unless the kernel passes over the chain, as it does with some of priority 0 where ip6tables sees what is " +
			"bridged)"
	}
	f := checklist.Finding(l.message.rule, place(l.at), detail, accept(l.at, l.message))
	if l.mild && f.Severity == rule.Error {
		f.Severity = rule.Warning
	}
	return f
}

// machines words whose packets they are: "machine on vnet1".
func machines(taps []*tap) string {
	if len(taps) == 1 {
		if taps[0].router {
			return "router on " + names(taps)
		}
		return "machine on " + names(taps)
	}
	return "machines on " + names(taps)
}

// line tells of one tap. found are the findings that stand with it; others may have been told with an earlier tap.
func (w *walk) line(found []rule.Finding, missing map[*tap]rule.Finding) checklist.Line {
	name := printable(w.tap.Name)
	line := checklist.Line{Name: "filter", Findings: found}
	if w.tap.broken {
		line.Status, line.Text = checklist.Skipped, name+": nothing passes the port itself"
		return line
	}
	if _, gone := missing[w.tap]; gone {
		line.Text = name + ": it has no rules of its own"
		return line
	}
	var bad []string
	for _, l := range w.losses {
		line.Status = max(line.Status, statusOf(l))
		s := l.message.short + " to it"
		if l.from {
			s = l.message.short + " from it"
		}
		if l.mild && l.message.kind == 134 {
			s = "unicast " + s
		}
		if !slices.Contains(bad, s) {
			bad = append(bad, s)
		}
	}
	var parts []string
	if len(bad) > 0 {
		parts = append(parts, "dropped: "+strings.Join(bad, ", "))
	} else if passes := slices.Concat(w.good[0], w.good[1]); len(passes) > 0 {
		parts = append(parts, strings.Join(inOrder(passes), " ")+" pass")
	} else {
		parts = append(parts, "nothing to follow")
	}
	if !w.tap.known {
		parts = append(parts, "no machine heard of, so that what it sends is not looked at")
	}
	if w.guard == guardHolds {
		parts = append(parts, "RA from it is dropped, as it should be")
	}
	line.Text = name + ": " + strings.Join(parts, "; ")
	for i, way := range []string{"to", "from"} {
		if len(w.good[i]) > 0 {
			line.Evidence = append(line.Evidence, fmt.Sprintf("followed %s the machine on %s, and pass: %s", way, name,
				strings.Join(inOrder(w.good[i]), " ")))
		}
	}
	return line
}

// inOrder sorts short names of messages as people tell them.
func inOrder(list []string) []string {
	order := []string{"RA", "RS", "NS", "NA", "PTB"}
	at := func(s string) int { return (slices.Index(order, s) + len(order) + 1) % (len(order) + 1) } // others last
	slices.SortFunc(list, func(a, b string) int { return cmp.Compare(at(a), at(b)) })
	return slices.Compact(list)
}

func statusOf(l loss) checklist.Status {
	if r, _ := rule.Lookup(l.message.rule); r.Severity == rule.Error && !l.mild {
		return checklist.Fail
	}
	return checklist.Warning
}

// doubt adds what could not be told, each rule once.
func (w *walk) doubt(line *checklist.Line, told map[filter.Place]bool) {
	if len(w.doubts) == 0 {
		return
	}
	if line.Status == checklist.OK {
		line.Status = checklist.Unknown
	}
	line.Text += "; of some it cannot be told"
	for _, o := range w.doubts {
		if len(o.Unread) > 0 && o.Doubts == nil {
			if e := "not read: " + strings.Join(o.Unread, "; "); !slices.Contains(line.Evidence, e) {
				line.Evidence = append(line.Evidence, e)
			}
			continue
		}
		if told[o.At] {
			continue
		}
		told[o.At] = true
		detail := fmt.Sprintf("%s may drop what must pass at %s: it asks what only the kernel knows", place(o.At),
			printable(w.tap.Name))
		line.Findings = append(line.Findings, checklist.Finding("filter.cannot-tell", place(o.At), detail, ""))
	}
}
