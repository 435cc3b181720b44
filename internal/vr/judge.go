package vr

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/checklist"
)

// Judge says what of all this keeps IPv6 from the guests. What follows from an earlier fault is no finding of its own.
func Judge(in Input) checklist.List {
	j := &judge{Input: &in, cause: make(map[string]string)}
	j.describe()
	for _, line := range []func() []checklist.Line{
		j.ipv6, j.forwarding, j.addresses, j.defaultRoute, j.radvd, j.configuration, j.advertisement, j.otherRouters,
		j.inputFilter, j.forwardFilter, j.connections, j.neighbors, j.backlog, j.mtu,
	} {
		for _, l := range line() {
			j.list.Add(l)
		}
	}
	j.doubts()
	j.dotted()
	return j.list
}

// dotted puts the names of interfaces with a dot, as of VLANs, into commands as sysctl takes them: it ends a name at a dot.
func (j *judge) dotted() {
	for n := range j.list.Lines {
		found := j.list.Lines[n].Findings
		for m := range found {
			for _, i := range j.judged() {
				name := printable(i.Name)
				found[m].Fix = strings.ReplaceAll(found[m].Fix, "net.ipv6.conf."+name+".",
					"net.ipv6.conf."+strings.ReplaceAll(name, ".", "/")+".")
			}
		}
	}
}

// judge is one run.
type judge struct {
	*Input
	list checklist.List

	// cause says of guests' interfaces what keeps this machine from advertising there, and of the public one what takes the
	// default route from it: a clause, of which a line before tells.
	cause map[string]string

	noForwarding bool // it is an error that this machine does not forward
	radvdDown    bool // it is an error that radvd does not run
	unexpected   bool // it is an error that it does
	second       bool // another router is an error
}

// describe sets the title and the verdicts.
func (j *judge) describe() {
	l := &j.list
	what := map[string]string{
		Isolated: "Virtual router", VPC: "Virtual router of a VPC", Shared: "Virtual router of a shared network", "": "Router",
	}[j.Role.Type]
	if j.Role.Backup {
		what = "Backup of a redundant pair"
	}
	l.Title = what + ", guests on " + names(j.Guests)
	if len(j.Guests) == 0 {
		l.Title = what + " without an interface for guests"
	}
	if j.Public != "" {
		l.Title += ", the world by " + printable(j.Public)
	}
	l.Broken = "This router does not serve its guests as it should"
	switch {
	case j.Role.Type == Shared:
		l.Healthy = "The virtual router of this shared network leaves advertising to the upstream router, as it should."
	case j.Role.Backup:
		l.Healthy = "This backup is silent, as it should be while the primary serves."
	case len(j.speaking()) == 0:
		l.Healthy = "This router is silent, as it should be."
	default:
		l.Healthy = "This router advertises on " + names(j.speaking()) + ", forwards, and knows the way out."
	}
}

// doubts changes the verdict for where nothing wrong was found and not all could be looked at.
func (j *judge) doubts() {
	var unknown []string
	for _, l := range j.list.Lines {
		if l.Status == checklist.Unknown && !slices.Contains(unknown, l.Name) {
			unknown = append(unknown, l.Name)
		}
	}
	var mute []string
	for _, name := range j.speaking() {
		if len(j.heard(name).Own) == 0 {
			mute = append(mute, name)
		}
	}
	switch {
	case len(unknown) > 0:
		j.list.Healthy = "Nothing wrong was found, but not all could be looked at: " + some(unknown) + "."
	case len(mute) > 0:
		j.list.Healthy = "Nothing wrong was found, but nothing is advertised on " + names(mute) + "."
	}
}

// quiet says why this machine must not advertise on an interface; "" where it must.
func (j *judge) quiet(i *Interface) string {
	switch {
	case j.Role.Type == Shared:
		return "on a shared network the upstream router advertises"
	case j.Role.Backup:
		return "this is the backup of a redundant pair"
	}
	if l := j.expected(j.Expect, i); l != nil {
		for _, r := range l.Forbidden {
			if i.hasMAC(r.MAC) {
				return r.Why
			}
		}
	}
	return ""
}

// speaking returns the interfaces on which this machine must advertise.
func (j *judge) speaking() []string {
	var list []string
	for _, i := range j.guests() {
		if j.quiet(i) == "" {
			list = append(list, i.Name)
		}
	}
	return list
}

func (j *judge) guests() []*Interface {
	var list []*Interface
	for _, name := range j.Guests {
		if i := j.iface(name); i != nil {
			list = append(list, i)
		}
	}
	return list
}

// judged returns the guests' interfaces, and the public one where this machine needs it.
func (j *judge) judged() []*Interface {
	list := j.guests()
	if i := j.iface(j.Public); i != nil && j.routes() {
		list = append(list, i)
	}
	return list
}

// routes reports whether it is this machine that guests reach the world by.
func (j *judge) routes() bool { return j.Role.Type != Shared && !j.Role.Backup }

// heard returns what was heard on an interface.
func (j *judge) heard(name string) Heard {
	for _, h := range j.Heard {
		if h.Interface == name {
			return h
		}
	}
	return Heard{Interface: name}
}

// own reports whether an address is one that this machine advertises from.
func (h *Heard) own(a netip.Addr) bool {
	return slices.ContainsFunc(h.Own, func(s Speaker) bool { return s.Source == a })
}

func (h *Heard) other(a netip.Addr) bool {
	return slices.ContainsFunc(h.Others, func(s Speaker) bool { return s.Source == a })
}

// sysctl words a setting of an interface as evidence.
func sysctl(iface, name string, value int) string {
	return fmt.Sprintf("net.ipv6.conf.%s.%s = %d", printable(iface), name, value)
}

func one(l checklist.Line) []checklist.Line { return []checklist.Line{l} }

// clauses joins what was seen of several interfaces.
func clauses(list []string) string { return strings.Join(list, "; ") }
