package report

import (
	"fmt"
	"strings"

	"v6probe/internal/nd"
	"v6probe/internal/ra"
)

// Evicted is what was forgotten for lack of room, by kind, in the order in which it is told.
type Evicted []evicted

// evicted is so much of one kind; noun is in the plural.
type evicted struct {
	field, noun string
	n           uint64
}

// EvictedRouters is what the checker of ra forgot. Links have a field of their own.
func EvictedRouters(e ra.Evicted) Evicted {
	return Evicted{{"routers", "routers", e.Routers}, {"hosts", "hosts that solicited", e.Hosts}, {"prefixes", "prefixes", e.Prefixes},
		{"options", "options", e.Options}}.some()
}

// EvictedNeighbors is what the checker of nd forgot.
func EvictedNeighbors(f nd.Forgotten) Evicted {
	return Evicted{{"neighbors", "neighbors", f.Neighbors}, {"questions", "questions", f.Questions}, {"answers", "answers", f.Answers},
		{"stations", "stations", f.Stations}, {"tests", "tests for duplicates", f.Tests}, {"conflicts", "duplicates", f.Conflicts},
		{"sought", "targets that nobody has", f.Sought}, {"groups", "groups", f.Groups}, {"flows", "flows", f.Flows},
		{"errors", "kinds of errors", f.Errors}, {"redirects", "redirects", f.Redirects}}.some()
}

// some returns those of which there are any.
func (e Evicted) some() Evicted {
	var list Evicted
	for _, one := range e {
		if one.n > 0 {
			list = append(list, one)
		}
	}
	return list
}

// String says it in words, "12 routers, 3 hosts that solicited had to be forgotten …"; "" for nothing.
func (e Evicted) String() string {
	if len(e) == 0 {
		return ""
	}
	parts := make([]string, len(e))
	for i, one := range e {
		parts[i] = fmt.Sprintf("%d %s", one.n, one.noun)
	}
	return strings.Join(parts, ", ") + " had to be forgotten for lack of room, so that what is wrong with them may not be told"
}

// evicted appends it.
func (o object) evicted(e Evicted) object {
	o = o.key("forgotten").open('{')
	for _, one := range e {
		o = o.uint(one.field, one.n)
	}
	return o.close('}')
}
