package guest

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"v6probe/internal/checklist"
	"v6probe/internal/expect"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
	"v6probe/internal/slaac"
)

// Input is what a guest is judged by. All of it is values: to judge, nothing is read or sent.
type Input struct {
	Facts *Facts // nil for a host in a capture, of which no more is known than what it sent

	// State is what a host that nobody has changed makes of what was heard (RFC 4862). What keeps this one from that is for the
	// judge to say, so that a fault of the host does not hide one of the network.
	State slaac.State
	Heard Heard
	Later time.Duration // how long after State Facts were read: questions were asked meanwhile

	Probes Probes
	Target string // what Probes.Target is about, as it was named; "" where none was wanted
	Path   *Path  // nil where it was not probed
	Drops  *Drops // nil where they were not counted
	Expect *expect.State
}

// Heard is what the link said.
type Heard struct {
	Listened time.Duration // 0 for a capture

	Solicitations int    // Router Solicitations of this host that were seen
	Unsolicited   string // why this host sent none, a clause; "" where it did
	// Answered says that an answer was seen After the solicitation that it answers; Alone that it went to this host alone, so
	// that it is one for sure.
	Answered, Alone bool
	After           time.Duration
	// Missed is how many solicitations nothing came to for so long that it was not answered (RFC 4861 §6.2.6), where that would
	// have been heard.
	Missed int

	Advertisements uint64 // on the link, to whomever they went
	Routers        []Advertiser
	Dropping       []rule.ID // why receivers drop those that they drop

	// Findings are about advertisements and solicitations, and about duplicates; those of other hosts' affairs are passed over.
	Findings []rule.Finding

	DHCPv6Asked, DHCPv6Answers bool
}

// Advertiser is who advertises.
type Advertiser struct {
	Address  netip.Addr
	MAC      packet.MAC
	Lifetime time.Duration // as default router, as it last said
}

// Path is what became of looking at the path MTU.
type Path struct {
	Text     string // "1500 bytes": a clause
	Unknown  bool   // it could not be found out
	Findings []rule.Finding
}

// Drops is what this kernel dropped meanwhile of what a guest lives by.
type Drops struct {
	Text     string
	Unknown  bool // they could not be counted
	Findings []rule.Finding
}

// The lines of the checklist, in their order.
const (
	lineLink     = "link"
	lineIPv6     = "IPv6"
	lineLocal    = "link-local"
	lineSolicit  = "solicitation"
	lineHeard    = "advertisement"
	lineSettings = "settings"
	lineAddress  = "address"
	lineTest     = "duplicate test"
	lineIdent    = "identifier"
	lineRoute    = "default route"
	lineGateway  = "gateway"
	lineDNS      = "DNS"
	lineDHCP     = "DHCPv6"
	lineTarget   = "target"
	linePath     = "path MTU"
	lineDrops    = "drops"
)

// judge is the judging of one guest. Each cause names the line that is broken, "" where nothing is: what follows from it is no
// fault of its own.
type judge struct {
	Input
	list checklist.List
	name string // of the interface

	off      string // no packet passes
	mute     string // there is no link-local address to ask and to be found by
	silent   string // no advertisement came that a host takes
	deaf     string // this host takes no advertisement
	homeless string // it has no address beyond the link
	routes   string // it has no default route
	cut      string // the gateway does not answer
	strange  string // the network expects another address of it: security groups drop what it sends, and answers go astray
	lost     string // nothing beyond the gateway answers

	byHand bool     // the host is set up by hand or by DHCPv6, so that it needs no advertisement
	client *Manager // the program that takes advertisements in the kernel's place; nil for none
}

// Judge walks along the chain by which a guest gets its address and its way to the world. Each fault is told once, at the line
// that it breaks.
func Judge(in Input) checklist.List {
	j := &judge{Input: in, name: "the host"}
	if f := in.Facts; f != nil {
		j.name = f.Interface.Name
		j.list.Title = "Guest " + j.name
		if f.Interface.MAC != (packet.MAC{}) {
			j.list.Title += " (" + f.Interface.MAC.String() + ")"
		}
		j.byHand, j.client = f.byHand(in.State), f.client()
		j.link()
		j.ipv6()
	} else {
		j.list.Title = "Host " + in.State.MAC.String()
	}
	j.linkLocal()
	j.solicitation()
	j.advertisement()
	if in.Facts != nil {
		j.settings()
	}
	j.addresses()
	j.duplicates()
	if in.Facts != nil {
		j.identifier()
	}
	j.defaultRoute()
	if in.Facts != nil {
		j.gateway()
	}
	j.dns()
	j.dhcpv6()
	j.target()
	j.path()
	j.drops()
	j.conclude()
	return j.list
}

// add appends a line, and returns its status.
func (j *judge) add(l checklist.Line) checklist.Status {
	j.list.Add(l)
	return j.list.Lines[len(j.list.Lines)-1].Status
}

// skip appends a line that was not looked at, because of another.
func (j *judge) skip(name, cause string) {
	j.add(checklist.Line{Name: name, Status: checklist.Skipped, Text: "see " + cause})
}

// found appends a finding to a line. Without a fix of its own it has the rule's, for this interface.
func (j *judge) found(l *checklist.Line, id rule.ID, subject, fix, format string, args ...any) *rule.Finding {
	if r, ok := rule.Lookup(id); ok && fix == "" && j.Facts != nil && strings.Contains(r.Fix, "DEV") {
		fix = strings.ReplaceAll(r.Fix, "DEV", j.name)
	}
	// sysctl takes a dot in the name of an interface, as of a VLAN, for the end of it.
	fix = strings.ReplaceAll(fix, "net.ipv6.conf."+j.name+".", "net.ipv6.conf."+strings.ReplaceAll(j.name, ".", "/")+".")
	l.Findings = append(l.Findings, checklist.Finding(id, subject, fmt.Sprintf(format, args...), fix))
	return &l.Findings[len(l.Findings)-1]
}

// wireless reports whether the interface has no neighbor discovery at all, as a tunnel or the loopback.
func (j *judge) wireless() bool {
	return j.Facts != nil && (j.Facts.Interface.Loopback || j.Facts.Interface.NoARP || j.Facts.Interface.MAC == packet.MAC{})
}

// elsewhere reports whether the host has its way to the world by another interface.
func (j *judge) elsewhere() bool {
	return j.Facts != nil && j.Facts.World != nil && j.Facts.World.Index != j.Facts.Interface.Index && j.Facts.World.Device != "lo"
}

// usable returns the addresses beyond the link that the kernel may send from.
func (f *Facts) usable() []*Address {
	var list []*Address
	for i := range f.Addresses {
		if a := &f.Addresses[i]; a.Usable() && beyond(a.Addr()) {
			list = append(list, a)
		}
	}
	return list
}

func beyond(a netip.Addr) bool { return a.Is6() && !a.IsLinkLocalUnicast() && !a.IsLoopback() }

// advertised reports whether a was formed of an advertisement, by the kernel or by a program.
func (f *Facts) advertised(a *Address, st slaac.State) bool {
	switch {
	case a.Origin == "kernel_ra" || a.Temporary || a.StablePrivacy:
		return true
	case a.Prefix.Bits() == 128: // DHCPv6 gives those
		return false
	case !a.Permanent:
		return true
	}
	for _, m := range st.Addresses { // before Linux 5.18 one of an infinite lifetime looks like one that was set by hand
		if m.Address == a.Addr() && a.Origin == "" && m.Valid == Forever {
			return true
		}
	}
	return false
}

// byHand reports whether the host has an address and a default route that no advertisement gave.
func (f *Facts) byHand(st slaac.State) bool {
	return f.given(st) != nil && f.ownRoute()
}

// given returns an address of the host that no advertisement gave: set by hand, or by DHCPv6; nil for none.
func (f *Facts) given(st slaac.State) *Address {
	for _, a := range f.usable() {
		if !f.advertised(a, st) {
			return a
		}
	}
	return nil
}

// ownRoute reports whether there is a way to the world that no advertisement gave.
func (f *Facts) ownRoute() bool {
	for i := range f.Routes {
		if r := &f.Routes[i]; r.carries() && !r.FromRA {
			return true
		}
	}
	return f.World != nil && f.World.Index != f.Interface.Index
}

// carries reports whether packets go by r.
func (r *Route) carries() bool { return r.Refusing == "" && !r.Dead && !r.LinkDown }

// client returns the program that takes advertisements on the interface in the kernel's place, nil for none. One that is not
// known to have the interface is known by its addresses: the kernel's own have a route of their prefix.
func (f *Facts) client() *Manager {
	for i := range f.Managers {
		if m := &f.Managers[i]; m.RA && m.Manages {
			return m
		}
	}
	for i := range f.Managers {
		if !f.Managers[i].RA {
			continue
		}
		for _, a := range f.usable() {
			if a.Origin == "" && a.NoPrefixRoute && !a.Permanent && a.Prefix.Bits() != 128 {
				return &f.Managers[i]
			}
		}
	}
	return nil
}

// Knobs returns the settings of the model that stands beside the host: those of the host that refuse a value, and else those of
// a host that nobody has changed, as what keeps this one from forming an address is judged from Facts.
func (f *Facts) Knobs() slaac.Knobs {
	k := slaac.Defaults()
	if f.Settings == nil || f.client() != nil {
		return k
	}
	if v := f.Settings.AcceptRAMinHopLimit; v != Unset {
		k.AcceptRAMinHopLimit = v
	}
	if v := f.Settings.AcceptRAMTU; v != Unset {
		k.AcceptRAMTU = v != 0
	}
	return k
}
