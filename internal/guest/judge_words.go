package guest

import (
	"fmt"
	"slices"

	"v6probe/internal/checklist"
	"v6probe/internal/rule"
	"v6probe/internal/slaac"
)

// broken reports whether an error was found so far.
func (j *judge) broken() bool {
	return slices.ContainsFunc(j.list.Findings(), func(f rule.Finding) bool { return f.Severity == rule.Error })
}

// conclude says what all lines come to.
func (j *judge) conclude() {
	j.list.Healthy = j.healthy()
	failed := ""
	for _, l := range j.list.Lines {
		if l.Status == checklist.Fail {
			failed = l.Name
			break
		}
	}
	if f, ok := j.list.First(); ok && failed == lineDNS && f.Rule != "guest.dns-silent" {
		failed = lineTarget // the way is at fault, not the server
	}
	j.list.Broken = j.sentence(failed)
}

// healthy is the verdict where nothing is wrong.
func (j *judge) healthy() string {
	address, router := j.has()
	switch {
	case j.off != "":
		return upper(j.name) + " is not configured by its link."
	case address == "" && j.State.Cut:
		return "Whether " + j.name + " gets an address is not known: the capture cut the advertisements short."
	case address == "" && j.Facts != nil && j.unclear():
		return "Whether " + j.name + " gets what it needs cannot be told."
	case address == "":
		return upper(j.name) + " has no address beyond the link."
	case router == "":
		return fmt.Sprintf("%s has %s.", upper(j.name), address)
	}
	return fmt.Sprintf("%s has %s and a default route%s.", upper(j.name), address, router)
}

// unclear reports whether a line could not be told.
func (j *judge) unclear() bool {
	return slices.ContainsFunc(j.list.Lines, func(l checklist.Line) bool { return l.Status == checklist.Unknown })
}

// has returns an address of the host beyond the link, with how many more there are, and the router of its default route as it
// stands in a sentence; "" for none.
func (j *judge) has() (address, router string) {
	count := 0
	if j.Facts == nil {
		for i, a := range j.State.Usable() {
			count = i
			if i == 0 {
				address = a.Address.String()
			}
		}
		if r, ok := j.State.Default(); ok {
			router = " by " + r.Address.String()
		}
	} else {
		// An address that is formed of the MAC says more than a temporary one.
		all := j.Facts.usable()
		slices.SortStableFunc(all, func(a, b *Address) int { return a.rank(j) - b.rank(j) })
		for i, a := range all {
			count = i
			if i == 0 {
				address = a.Addr().String()
			}
		}
		router = j.way()
	}
	if count > 0 {
		address += fmt.Sprintf(" (and %d more)", count)
	}
	return address, router
}

// rank orders addresses by how much they say.
func (a *Address) rank(j *judge) int {
	switch {
	case a.Temporary:
		return 3
	case a.Deprecated:
		return 2
	case slices.ContainsFunc(j.State.Addresses, func(m slaac.Address) bool { return m.Address == a.Addr() }):
		return 0
	}
	return 1
}

// way says where the default route leads.
func (j *judge) way() string {
	if j.refusesAll() {
		return ""
	}
	for i := range j.Facts.Routes {
		if r := &j.Facts.Routes[i]; r.carries() && r.Index == j.Facts.Interface.Index && !j.elsewhere() {
			if r.Gateway.IsValid() {
				return " by " + r.Gateway.String()
			}
			return " by the link itself"
		}
	}
	if w := j.Facts.World; w != nil {
		return " by " + w.Device
	}
	return ""
}

// sentence begins the verdict where a line failed.
func (j *judge) sentence(line string) string {
	address, router := j.has()
	name := upper(j.name)
	switch {
	case line == lineLink || line == lineIPv6:
		return name + " cannot use IPv6"
	case address == "":
		return name + " has no global address"
	case router == "":
		return fmt.Sprintf("%s has %s, but no default route", name, address)
	case line == lineGateway:
		return fmt.Sprintf("%s has %s, but its router does not answer", name, address)
	case line == lineDNS:
		return fmt.Sprintf("%s has %s and a default route, but its DNS fails", name, address)
	case line == lineTarget || line == linePath:
		return fmt.Sprintf("%s has %s and a default route, but not all gets through", name, address)
	}
	return fmt.Sprintf("%s has %s and a default route, but something is wrong", name, address)
}

// upper begins a sentence: the name of an interface stays as it is.
func upper(name string) string {
	if name == "the host" {
		return "The host"
	}
	return name
}
