package drops

import (
	"slices"

	"v6probe/internal/rule"
)

// Judge sets d.Hook and d.Verdict from all that is known of d, and from nothing else. What no table knows is Unknown.
func Judge(d *Drop) {
	d.Hook, d.Verdict = "", Verdict{}
	m := messageOf(d)
	if f, ok := filterOf(d); ok {
		d.Hook = f.String()
		judgeFilter(d, m, f)
		return
	}
	if r := brokenRow(d); r != nil && discoveryFunctions.has(d.Location) {
		r.judge(d, m)
		return
	}
	for _, table := range tables {
		for i := range table {
			if table[i].is(d) {
				table[i].judge(d, m)
				return
			}
		}
	}
	judgeUnknown(d)
}

// tables are the rows by which Judge goes; the first that is true of a drop decides.
var tables = [...][]row{tunnelRows, receivedRows, socketRows, hostRows, forwardRows, neighborRows, bridgeRows, deviceRows}

// row says what a drop means at a place.
type row struct {
	at     one // the function that freed the packet is one of these; none: any
	reason one // the kernel's reason is one of these; none: any. noReason is none given, by kernels that have reasons and others
	types  set // of ICMPv6; the zero set: all
	need   Flags
	not    Flags
	when   func(d *Drop) bool // for what is in no field; nil: always

	hook     string // in an operator's words
	class    Class
	rule     rule.ID
	severity severity
	why      string
	fix      string // see fill
	next     string // see fill
}

// one is a list of which something is one.
type one []string

const (
	reasonNetfilter = "NETFILTER_DROP"
	noReason        = "NOT_SPECIFIED"
)

// has reports whether text is in the list. No reason at all counts as noReason.
func (list one) has(text string) bool {
	return list == nil || slices.Contains(list, text) || text == "" && slices.Contains(list, noReason)
}

func (r *row) is(d *Drop) bool {
	return d.Flags.Has(r.need) && d.Flags&r.not == 0 && r.isAt(d) && r.reason.has(d.Reason) &&
		(r.types == 0 || r.types.has(d)) && (r.when == nil || r.when(d))
}

// isAt reports whether d is at one of the row's functions. Where these have no names, a reason that the row alone goes by will do.
func (r *row) isAt(d *Drop) bool {
	if d.Location == "" && d.Reason != "" && d.Reason != noReason && r.reason != nil {
		return true
	}
	return r.at.has(d.Location)
}

func (r *row) judge(d *Drop, m *message) {
	d.Hook = r.hook
	d.Verdict = Verdict{Class: r.class, Why: r.why, Next: fill(d, r.next)}
	if r.class == Hurts {
		d.Rule, d.Severity, d.Fix = r.rule, r.severity.of(m), fillText(d, r.fix)
	}
}

// severity says how bad it is that something is dropped.
type severity uint8

const (
	byMessage     severity = iota // as bad as it is to miss that message
	atMostWarning                 // the same, but no error
	always                        // an error whatever the message is, as it meets all alike
)

func (s severity) of(m *message) rule.Severity {
	switch s {
	case always:
		return rule.Error
	case atMostWarning:
		return min(m.severity, rule.Warning)
	}
	return m.severity
}
