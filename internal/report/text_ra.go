package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/ra"
)

// column is where the values of a router's block begin.
const column = 12

// Links writes the picture of every link: first what it means for a guest, then a block a router. listened is how long a
// live capture took, 0 for a file.
func (t *Text) Links(links []*ra.Link, listened time.Duration) {
	if !heardAny(links) {
		t.silence(listened)
	}
	room := maxBlocks
	for i, l := range links {
		if i > 0 {
			t.line("")
		}
		if room <= 0 {
			t.item(0, "", 0, fmt.Sprintf("… and %s more.", Plural(len(links)-i, "link")))
			return
		}
		room -= 1 + min(len(l.Routers), maxRouters)
		t.link(l)
	}
}

func heardAny(links []*ra.Link) bool {
	return slices.ContainsFunc(links, func(l *ra.Link) bool { return l.Advertisements > 0 })
}

// cloudStackInterval is the longest time between two advertisements of CloudStack's routers.
const cloudStackInterval = 15 * time.Second

func (t *Text) silence(listened time.Duration) {
	head := "No Router Advertisement was heard."
	if listened > 0 {
		head = "No Router Advertisement was heard in " + Duration(listened) + "."
	}
	t.line(t.style.paint(sgrBold, head))
	if listened > 0 && listened < cloudStackInterval {
		t.item(0, "", 0, "That is too short to be sure: CloudStack's routers may be silent for 15 s.")
	}
}

// What a report shows at most; the rest is counted.
const (
	maxBlocks  = 128 // links and routers together
	maxRouters = 32  // of a link
	maxHosts   = 8   // of a link
	maxOptions = 24  // of a router
	maxForms   = 4   // addresses that a guest forms
)

func (t *Text) link(l *ra.Link) {
	head := headline(l)
	if name := l.Where.String(); name != "" {
		head = printable(name) + ": " + head
	}
	for _, s := range wrap(head, t.style.width()) {
		t.line(t.style.paint(sgrBold, s))
	}
	shown := l.Foremost(maxRouters)
	if l.Flooded {
		shown = known(shown)
	}
	for _, r := range shown {
		t.line("")
		t.router(l, r)
	}
	if more := l.EvictedRouters + uint64(len(l.Routers)-len(shown)); more > 0 {
		t.line("")
		t.item(0, "", 0, fmt.Sprintf("… and %s more.", Plural(more, "router")))
	}
	if l.Untold {
		t.line("")
		t.item(0, "", 0, "More routers contradict each other than the findings name.")
	}
	if len(l.Hosts) > 0 {
		t.line("")
	}
	for _, h := range l.Hosts[:min(len(l.Hosts), maxHosts)] {
		t.item(0, "", 0, hostLine(l, h))
	}
	if more := l.EvictedHosts + uint64(max(len(l.Hosts)-maxHosts, 0)); more > 0 {
		t.item(0, "", 0, fmt.Sprintf("… and %s more that solicited.", Plural(more, "host")))
	}
}

// known returns those first routers of a flood that are known well, and some more if these are few: who asks for the real router
// wants no pages of strangers.
func known(routers []*ra.Router) []*ra.Router {
	const few = 4
	n := slices.IndexFunc(routers, func(r *ra.Router) bool { return r.Standing() < ra.Proven })
	if n < 0 {
		return routers
	}
	return routers[:min(max(n, few), len(routers))]
}

// headline says in one sentence what a guest gets from this link.
func headline(l *ra.Link) string {
	if l.Flooded {
		return "the link is flooded with Router Advertisements; " + offer(l)
	}
	return offer(l)
}

// offer is what the routers of a link give a guest.
func offer(l *ra.Link) string {
	accepted, managed, cut := 0, false, false
	for _, r := range l.Routers {
		cut = cut || r.Cut
		if r.Accepted > 0 {
			accepted++
			managed = managed || r.Fields.Managed
		}
	}
	prefixes := l.Prefixes()
	switch {
	case l.Advertisements == 0:
		return "no router was heard: guests will have only fe80:: addresses."
	case len(prefixes) == 0 && l.EvictedRouters > 0:
		return "there were more routers than are kept, so what guests get is not known."
	case accepted == 0:
		return "guests drop every Router Advertisement heard here: they will have only fe80:: addresses."
	case l.EvictedRouters > 0:
		return "guests form addresses in " + join(prefixes) + ", besides those of the routers that are not kept."
	case len(prefixes) > 0:
		return "guests form addresses in " + join(prefixes) + "."
	case l.Silent():
		return "every router heard here has fallen silent since: new guests will have only fe80:: addresses."
	case managed:
		return "guests must ask DHCPv6 for addresses (M=1): no prefix is for SLAAC."
	case cut:
		return "the capture cut the advertisements short: what guests get is not known."
	case accepted == countFinal(l):
		return "no router offers itself (router lifetime 0) and none offers a prefix for SLAAC."
	}
	return "guests will have only fe80:: addresses: no router offers a prefix for SLAAC."
}

func countFinal(l *ra.Link) int {
	n := 0
	for _, r := range l.Routers {
		if r.Accepted > 0 && r.Fields.RouterLifetime == 0 {
			n++
		}
	}
	return n
}

// join lists the first few.
func join[T fmt.Stringer](list []T) string {
	const most = 4
	var s []string
	for i, v := range list {
		if i == most {
			s = append(s, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		s = append(s, v.String())
	}
	return strings.Join(s, ", ")
}

func (t *Text) router(l *ra.Link, r *ra.Router) {
	head := "Router " + r.Source.String()
	if r.HasMAC {
		head += " (" + r.MAC.String() + ")"
	}
	if r.Outgoing {
		head += ", this host"
	}
	t.line(head)
	if len(r.Dropped) > 0 {
		reasons := make([]string, len(r.Dropped))
		for i, id := range r.Dropped {
			reasons[i] = string(id)
		}
		t.item(2, "INVALID", column, "receivers drop its last message: "+strings.Join(reasons, ", "))
	}
	if r.Cut && r.Fields == (icmp6.RouterFields{}) {
		t.item(2, "CUT", column, "the capture cut its messages so short that nothing they say is known")
	} else {
		t.item(2, "lifetime", column, lifetime(r))
		t.item(2, "flags", column, flags(r.Fields)+dhcp(l, r.Fields))
		t.item(2, "hop limit", column, timers(r.Fields))
	}
	for i := range min(len(r.Options), maxOptions) {
		name, text := describe(&r.Options[i])
		t.item(2, name, column, text)
	}
	if n := len(r.Options) - maxOptions; n > 0 {
		t.item(2, "…", column, "and "+Plural(n, "option")+" more")
	}
	for _, tun := range r.Tunnels {
		t.item(2, "vxlan", column, fmt.Sprintf("VNI %d from %v to %v, UDP %d", tun.VNI, tun.Source, tun.Destination, tun.Port))
	}
	if r.Twin {
		t.item(2, "TWIN", column, "another machine advertises other prefixes from the same address")
	}
	if r.Cut && r.Fields != (icmp6.RouterFields{}) {
		t.item(2, "CUT", column, "the capture cut its messages short: there may be more options")
	}
	t.item(2, "heard", column, heard(r))
	for _, p := range forms(l, r) {
		t.item(2, "guests", column, p)
	}
}

func lifetime(r *ra.Router) string {
	if r.Fields.RouterLifetime == 0 {
		return "0 s: not a default router"
	}
	return fmt.Sprintf("%s as default router, preference %v", seconds(uint32(r.Fields.RouterLifetime)), r.Fields.Preference)
}

func flags(f icmp6.RouterFields) string {
	var set []string
	for _, b := range []struct {
		on   bool
		name string
	}{
		{f.Managed, "M (addresses by DHCPv6)"}, {f.Other, "O (DNS and more by DHCPv6)"}, {f.HomeAgent, "H (home agent)"},
		{f.Proxy, "P (ND proxy)"}, {f.SNAC, "SNAC (stub router)"},
	} {
		if b.on {
			set = append(set, b.name)
		}
	}
	if len(set) == 0 {
		return "none (M=0 O=0: SLAAC, no DHCPv6)"
	}
	return strings.Join(set, ", ")
}

// dhcp says what is known of the server that the M and O flags promise.
func dhcp(l *ra.Link, f icmp6.RouterFields) string {
	switch {
	case !f.Managed && !f.Other:
		return ""
	case l.DHCPv6Answers:
		return "; a DHCPv6 server answers"
	case l.DHCPv6Asked:
		return "; clients ask and no DHCPv6 server answered"
	}
	return "; nobody asked a DHCPv6 server, so whether one is there is not known"
}

func timers(f icmp6.RouterFields) string {
	s := fmt.Sprintf("%d", f.CurHopLimit)
	if f.CurHopLimit == 0 {
		s = "unspecified"
	}
	if f.ReachableTime > 0 {
		s += fmt.Sprintf(", reachable time %d ms", f.ReachableTime)
	}
	if f.RetransTimer > 0 {
		s += fmt.Sprintf(", retrans timer %d ms", f.RetransTimer)
	}
	return s
}

func heard(r *ra.Router) string {
	s := times(r.Count)
	if r.Accepted < r.Count {
		s += fmt.Sprintf(", %d of them valid", r.Accepted)
	}
	if r.MaxGap > 0 {
		lo, hi := Duration(r.MinGap), Duration(r.MaxGap)
		if lo == hi {
			s += ", every " + hi
		} else {
			s += fmt.Sprintf(", %s to %s apart", lo, hi)
		}
	}
	if r.FirstFrame == r.LastFrame {
		return s + fmt.Sprintf(" (frame %d)", r.FirstFrame)
	}
	return s + fmt.Sprintf(" (frames %d to %d)", r.FirstFrame, r.LastFrame)
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return Plural(n, "time")
}

// forms says what a host makes of each prefix of r that is for SLAAC.
func forms(l *ra.Link, r *ra.Router) []string {
	var out []string
	for _, p := range l.Prefixes() {
		if !offers(r, p) || r.Accepted == 0 {
			continue
		}
		mac, who := l.HardwareAddr, "this interface"
		if r.Outgoing || mac == (packet.MAC{}) || !soliciting(l) {
			mac, who = packet.MAC{0x02, 0, 0, 0, 0, 0x0a}, "a guest with MAC 02:00:00:00:00:0a"
		}
		if len(out) == maxForms {
			return append(out, "and more, one in each prefix")
		}
		out = append(out, fmt.Sprintf("with EUI-64, %s forms %v", who, packet.EUI64(p, mac)))
	}
	return out
}

// soliciting reports whether the capturing host is a host on this link itself: it has solicited.
func soliciting(l *ra.Link) bool {
	return slices.ContainsFunc(l.Hosts, func(h *ra.Host) bool { return h.Outgoing })
}

func offers(r *ra.Router, p netip.Prefix) bool {
	for i := range r.Options {
		if pio, ok := r.Options[i].PrefixInformation(); ok && pio.Prefix() == p {
			return true
		}
	}
	return false
}

func hostLine(l *ra.Link, h *ra.Host) string {
	who := "Host " + h.Source.String()
	if h.Outgoing {
		who = "This host, " + h.Source.String() + ","
	} else if h.HasMAC {
		who += " (" + h.MAC.String() + ")"
	}
	s := fmt.Sprintf("%s solicited %s: ", who, times(h.Count))
	switch {
	case h.Answered && h.Unicast:
		return s + fmt.Sprintf("%v answered it alone after %s.", h.By, Duration(h.After))
	case h.Answered:
		return s + fmt.Sprintf("%v advertised to all %s later.", h.By, Duration(h.After))
	case len(l.Routers) > 0:
		return s + "no answer was seen."
	}
	return s + "no answer."
}

// Clock is the time of day as -v prints it.
func clock(t time.Time) string { return t.Local().Format("15:04:05.000000") }
