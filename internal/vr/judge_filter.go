package vr

import (
	"fmt"
	"net/netip"

	"v6probe/internal/checklist"
	"v6probe/internal/filter"
	"v6probe/internal/rule"
)

// Well-known addresses.
var (
	allNodes   = netip.MustParseAddr("ff02::1")
	allRouters = netip.MustParseAddr("ff02::2")
	// someGuest stands for a guest's link-local address, and someRouter for one of a router in the world that reports an error.
	someGuest  = netip.MustParseAddr("fe80::1:ff:fecb:1")
	someRouter = netip.MustParseAddr("2001:db8:ffff::1")
	// nobodys is a global address that nobody has, of a prefix that is not given to anybody.
	nobodys = netip.MustParseAddr("2000::1")
)

// kind is a message that a router must let pass: how it is called, and by nft and for the filter.* rule that it breaks.
type kind struct {
	number uint8
	name   string // "RS"
	words  string // "Router Solicitations"
	nft    string
	rule   rule.ID // "" where a drop is no fault
}

func kindOf(number uint8) kind {
	for _, k := range []kind{
		{2, "PTB", "Packet Too Big errors", "packet-too-big", "filter.packet-too-big"},
		{128, "echo", "echo requests", "echo-request", ""},
		{129, "replies", "answers to what guests send", "echo-reply", "filter.established"},
		{130, "MLD queries", "multicast listener queries", "mld-listener-query", "filter.listener-query"},
		{133, "RS", "Router Solicitations", "nd-router-solicit", "filter.router-solicitation"},
		{134, "RA", "Router Advertisements", "nd-router-advert", "filter.router-advertisement"},
		{135, "NS", "Neighbor Solicitations", "nd-neighbor-solicit", "filter.neighbor-solicitation"},
		{136, "NA", "Neighbor Advertisements", "nd-neighbor-advert", "filter.neighbor-advertisement"},
	} {
		if k.number == number {
			return k
		}
	}
	return kind{number: number, name: fmt.Sprint(number), nft: fmt.Sprint(number)}
}

// trial is a packet that the filter is followed with.
type trial struct {
	kind
	way    string // "to this router on", "out of", "from eth2 to guests on"
	on     string // the interface that ends it, as it may be shown
	packet filter.Packet
	follow func(*filter.Ruleset, *filter.Packet) filter.Outcome
}

var (
	local     = (*filter.Ruleset).Local
	sent      = (*filter.Ruleset).Sent
	forwarded = (*filter.Ruleset).Forwarded
)

// ether returns the Ethernet address of the interface, zero where it has none.
func (i *Interface) ether() (a [6]byte) {
	if len(i.MAC) == len(a) {
		a = [6]byte(i.MAC)
	}
	return a
}

// solicited returns the solicited-node group of an address (RFC 4291 §2.7.1).
func solicited(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom16([16]byte{0xff, 2, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}

// toUs is a packet from a station on the link of i to this machine.
func toUs(i *Interface, number uint8, source, target netip.Addr) trial {
	p := filter.Packet{In: i.Name, Source: source, Target: target, HopLimit: 255, Type: number, Length: 72}
	p.EtherSource, p.EtherTarget = [6]byte{0x02, 0x01, 0x00, 0xcb, 0x00, 0x01}, i.ether()
	if target.IsMulticast() {
		b := target.As16()
		p.EtherTarget = [6]byte{0x33, 0x33, b[12], b[13], b[14], b[15]}
	}
	switch number {
	case 2:
		p.HopLimit, p.Length, p.Track = 60, 1280, filter.Related
	case 128:
		p.HopLimit, p.Track = 64, filter.New
	case 130:
		p.HopLimit = 1
	}
	return trial{kindOf(number), "to this router on", printable(i.Name), p, local}
}

// fromUs is a packet from this machine to a station on the link of i.
func fromUs(i *Interface, number uint8, source, target netip.Addr) trial {
	t := toUs(i, number, source, target)
	t.packet.In, t.packet.Out = "", i.Name
	t.packet.EtherSource, t.packet.EtherTarget = i.ether(), [6]byte{0x02, 0x01, 0x00, 0xcb, 0x00, 0x01}
	t.way, t.follow = "out of", sent
	return t
}

// localTrials are what must reach this machine, and leave it, for its guests and the router before it to find it.
func (j *judge) localTrials() []trial {
	var list []trial
	for _, i := range j.judged() {
		guests := i.Name != j.Public
		if all := i.globals(); len(all) > 0 {
			global := all[0].Prefix.Addr()
			list = append(list, toUs(i, 135, someGuest, solicited(global)))
			if !guests {
				list = append(list, toUs(i, 2, someRouter, global))
			}
		}
		own, ok := i.linkLocal()
		if !ok {
			continue
		}
		if guests && j.quiet(i) == "" {
			list = append(list, toUs(i, 133, someGuest, allRouters))
		}
		list = append(list, toUs(i, 135, someGuest, solicited(own)), toUs(i, 135, someGuest, own), toUs(i, 136, someGuest, own),
			fromUs(i, 135, own, solicited(someGuest)), fromUs(i, 136, own, someGuest))
		if guests {
			list = append(list, toUs(i, 130, someGuest, allNodes), toUs(i, 128, someGuest, own))
		}
	}
	return list
}

// inputFilter follows what goes to this machine, and what it says itself.
func (j *judge) inputFilter() []checklist.Line {
	return one(j.filterLine("input filter", j.localTrials()))
}

// forwardFilter follows what is for guests, and what they send.
func (j *judge) forwardFilter() []checklist.Line {
	if !j.routes() {
		return one(checklist.Line{Name: "forward filter", Text: "not asked, as it is not this machine that routes"})
	}
	public := j.iface(j.Public)
	if public == nil {
		return one(checklist.Line{Name: "forward filter", Status: checklist.Skipped, Text: "the interface to the world is not known"})
	}
	var list []trial
	for _, i := range j.guests() {
		guest, ok := j.guestOn(i)
		if !ok {
			continue
		}
		guests, world := printable(i.Name), printable(public.Name)
		way, back := "from "+world+" to guests on", "to "+world+" from guests on"
		p := filter.Packet{In: public.Name, Out: i.Name, Source: someRouter, Target: guest, HopLimit: 60, Type: 2, Length: 1280,
			Track: filter.Related}
		list = append(list, trial{kindOf(2), way, guests, p, forwarded})
		p.In, p.Out, p.Source, p.Target = i.Name, public.Name, guest, someRouter
		list = append(list, trial{kindOf(2), back, guests, p, forwarded})
		p.Type, p.Length, p.Track = 128, 104, filter.New
		list = append(list, trial{kindOf(128), back, guests, p, forwarded})
		p.In, p.Out, p.Source, p.Target = public.Name, i.Name, someRouter, guest
		p.Type, p.Track = 129, filter.Established
		list = append(list, trial{kindOf(129), way, guests, p, forwarded})
	}
	return one(j.filterLine("forward filter", list))
}

// guestOn returns an address that a guest on i may have.
func (j *judge) guestOn(i *Interface) (netip.Addr, bool) {
	var p netip.Prefix
	if all := i.globals(); len(all) > 0 {
		p = all[0].Prefix.Masked()
	} else if b := j.Radvd.block(i.Name); b != nil && len(b.Prefixes) > 0 {
		p = b.Prefixes[0]
	} else {
		return netip.Addr{}, false
	}
	a, b := p.Addr().As16(), someGuest.As16()
	copy(a[8:], b[8:])
	return netip.AddrFrom16(a), true
}

// filterLine follows the trials and tells what of them passes.
func (j *judge) filterLine(name string, trials []trial) checklist.Line {
	line := checklist.Line{Name: name}
	switch {
	case j.FilterError != "":
		line.Status, line.Text = checklist.Unknown, j.FilterError
		return line
	case j.Filter == nil || len(trials) == 0:
		line.Status, line.Text = checklist.Skipped, "no interface to follow packets on"
		return line
	}
	r := &ruling{line: &line}
	for _, t := range trials {
		r.take(t, t.follow(j.Filter, &t.packet))
	}
	line.Findings = append(r.findings(), line.Findings...)
	r.tell(name == "forward filter")
	return line
}

// deafTo reports whether the filter drops messages of that type to this machine on i.
func (j *judge) deafTo(i *Interface, number uint8) bool {
	if j.Filter == nil {
		return false
	}
	t := toUs(i, number, someGuest, allRouters)
	return t.follow(j.Filter, &t.packet).Verdict == filter.Dropped
}
