package vr

import (
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/checklist"
	"v6probe/internal/filter"
	"v6probe/internal/rule"
)

// drop is a place that drops messages of a kind, on some ways.
type drop struct {
	kind
	at   filter.Place
	ways []string            // in the order of their first
	on   map[string][]string // the interfaces of each way
	us   bool                // all of it is for this machine
}

// String says what is dropped where, without what drops it: "Router Solicitations to this router on eth0 and eth3".
func (d *drop) String() string {
	var list []string
	for _, way := range d.ways {
		list = append(list, way+" "+some(d.on[way]))
	}
	return d.words + " " + strings.Join(list, ", and ")
}

// ruling collects what the filter does with trials.
type ruling struct {
	line    *checklist.Line
	passes  []string // kinds
	drops   []string
	doubt   []string
	drop    []*drop
	unread  []string
	trouble []filter.Place
}

func (r *ruling) take(t trial, o filter.Outcome) {
	switch {
	case o.Verdict == filter.Passes:
		r.note(&r.passes, t.name)
		r.line.Evidence = append(r.line.Evidence, fmt.Sprintf("%s %s %s: pass", t.words, t.way, t.on))
	case o.Verdict == filter.Dropped:
		r.note(&r.drops, t.name)
		r.dropped(t, o.At)
	case len(o.Unread) > 0 && len(o.Doubts) == 0:
		r.note(&r.doubt, t.name)
		for _, u := range o.Unread {
			r.note(&r.unread, u)
		}
	default:
		r.note(&r.doubt, t.name)
		r.doubtful(t, o)
	}
}

func (r *ruling) note(list *[]string, name string) {
	if !slices.Contains(*list, name) {
		*list = append(*list, name)
	}
}

// dropped takes in that at drops the packet of a trial.
func (r *ruling) dropped(t trial, at filter.Place) {
	r.line.Evidence = append(r.line.Evidence, fmt.Sprintf("%s %s %s: dropped by %s", t.words, t.way, t.on, place(at)))
	if t.rule == "" || t.rule == "filter.established" && slices.Contains(r.drops, kindOf(128).name) {
		return // to what is not let out there is no answer
	}
	n := slices.IndexFunc(r.drop, func(d *drop) bool { return d.rule == t.rule && d.at == at })
	if n < 0 {
		n = len(r.drop)
		r.drop = append(r.drop, &drop{kind: t.kind, at: at, on: make(map[string][]string), us: true})
	}
	d := r.drop[n]
	d.us = d.us && t.packet.Out == ""
	if !slices.Contains(d.ways, t.way) {
		d.ways = append(d.ways, t.way)
	}
	if !slices.Contains(d.on[t.way], t.on) {
		d.on[t.way] = append(d.on[t.way], t.on)
	}
}

// findings returns one for each place and kind.
func (r *ruling) findings() []rule.Finding {
	var list []rule.Finding
	for _, d := range r.drop {
		f := checklist.Finding(d.rule, placeKey(d.at), fmt.Sprintf("%v are dropped by %s", d, place(d.at)), accept(d.at, d.number))
		if d.rule == "filter.packet-too-big" && d.us {
			f.Severity = rule.Warning // for this router's own traffic only
		}
		list = append(list, f)
	}
	return list
}

func (r *ruling) doubtful(t trial, o filter.Outcome) {
	at := o.At
	if len(o.Doubts) > 0 {
		at = o.Doubts[0]
	}
	r.line.Evidence = append(r.line.Evidence, fmt.Sprintf("%s %s %s: it depends on %s", t.words, t.way, t.on, place(at)))
	if t.rule == "" || slices.Contains(r.trouble, at) {
		return
	}
	r.trouble = append(r.trouble, at)
	r.line.Findings = append(r.line.Findings, checklist.Finding("filter.cannot-tell", placeKey(at),
		fmt.Sprintf("whether %s %s %s pass depends on %s", t.words, t.way, t.on, place(at)), ""))
}

// tell words what passes and what does not.
func (r *ruling) tell(forward bool) {
	r.passes = slices.DeleteFunc(r.passes, func(s string) bool { return slices.Contains(r.drops, s) || slices.Contains(r.doubt, s) })
	r.doubt = slices.DeleteFunc(r.doubt, func(s string) bool { return slices.Contains(r.drops, s) })
	var parts []string
	for _, p := range []struct {
		list []string
		word string
	}{{r.passes, "pass"}, {r.drops, "dropped"}, {r.doubt, "cannot be told"}} {
		if len(p.list) > 0 {
			parts = append(parts, strings.Join(p.list, ", ")+" "+p.word)
		}
	}
	r.line.Text = clauses(parts)
	if len(r.unread) > 0 {
		r.line.Status = checklist.Unknown
		r.line.Text += ", as not all could be read: " + clauses(r.unread)
	}
	if forward && (slices.Contains(r.drops, "echo") || slices.Contains(r.drops, "replies")) && len(r.line.Findings) == 0 {
		r.line.Status = checklist.Note
	}
}

// placeKey tells places apart.
func placeKey(p filter.Place) string {
	return fmt.Sprintf("%s %s %s %d %s", p.Tool, p.Table, p.Chain, p.Handle, p.Rule)
}

// place says which rule it is.
func place(p filter.Place) string {
	chain := fmt.Sprintf("%s table %s chain %s", p.Tool, p.Table, p.Chain)
	switch {
	case strings.HasPrefix(p.Rule, "policy "):
		return "the policy of " + chain
	case p.Tool == "nft":
		return fmt.Sprintf("%s, handle %d (`%s`)", chain, p.Handle, p.Rule)
	}
	return fmt.Sprintf("%s, rule %d (`%s`)", chain, p.Handle, p.Rule)
}

// accept words the command that lets a type of ICMPv6 pass before what drops it.
func accept(p filter.Place, number uint8) string {
	if number == 129 {
		return acceptEstablished(p)
	}
	if p.Tool == "nft" {
		return fmt.Sprintf("`nft insert rule %s %s icmpv6 type %s accept`", p.Table, p.Chain, kindOf(number).nft)
	}
	table := ""
	if p.Table != "filter" {
		table = " -t " + p.Table
	}
	return fmt.Sprintf("`%s%s -I %s -p icmpv6 --icmpv6-type %d -j ACCEPT`", p.Tool, table, p.Chain, number)
}

// acceptEstablished is the command that lets answers through, whatever their protocol.
func acceptEstablished(p filter.Place) string {
	if p.Tool == "nft" {
		return fmt.Sprintf("`nft insert rule %s %s ct state established,related accept`", p.Table, p.Chain)
	}
	return fmt.Sprintf("`%s -t %s -I %s -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`", p.Tool, p.Table, p.Chain)
}
