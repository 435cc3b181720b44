package expect

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// expected says what is expected of the network, and collects what is wrong with it.
func (n *cloudNetwork) expected() (*Link, error) {
	n.link = &Link{Name: n.called, Keys: n.keys, Place: n.place, CloudStack: true}
	if err := n.segment(); err != nil {
		return nil, err
	}
	if n.cidr.S != "" {
		var err error
		if n.prefix, err = parseAPIPrefix(n.cidr); err != nil {
			return nil, err
		}
		n.link.Prefixes = []netip.Prefix{n.prefix}
	}
	n.mtu()
	var err error
	switch {
	case n.is("Isolated"):
		err = n.isolated()
	case n.is("Shared"):
		n.shared()
	case n.is("L2"):
		n.link.Prefixes, n.prefix = nil, netip.Prefix{}
		n.forbid("a Virtual Router advertises nothing in an L2 network")
	}
	if err != nil {
		return nil, err
	}
	if err := n.addressing(); err != nil {
		return nil, err
	}
	return n.link, n.neighbors()
}

// is reports whether the network is of that type. VPC tiers are Isolated networks. Of a type that is not known nothing is
// expected.
func (n *cloudNetwork) is(typ string) bool { return strings.EqualFold(n.typ.S, typ) }

// segment reads which VXLAN or VLAN it is. There are other schemes, and words or 0 instead of an id (vlan://untagged), which
// say nothing that a frame shows.
func (n *cloudNetwork) segment() error {
	scheme, rest, _ := strings.Cut(n.uri.S, "://")
	most := uint64(0)
	switch strings.ToLower(scheme) {
	case "vxlan":
		most = 1<<24 - 1
	case "vlan":
		most = 4094
	default:
		return nil
	}
	if strings.Trim(rest, "0123456789") != "" || strings.Trim(rest, "0") == "" {
		return nil
	}
	number, err := strconv.ParseUint(rest, 10, 32)
	if err != nil || number > most {
		return apiFail(n.uri.Place, fmt.Sprintf("%s is %s, but %s ids go from 1 to %d", n.uri.Place.Path, apiQuote(n.uri.S),
			strings.ToUpper(scheme), most), "")
	}
	id := &ID{uint32(number), n.uri.Place}
	if most > 4094 {
		n.link.VNI = id
	} else {
		n.link.VLAN = id
	}
	return nil
}

// isolated is an isolated network, or a tier of a VPC: its Virtual Router advertises, of a redundant pair the primary alone.
func (n *cloudNetwork) isolated() error {
	if !n.prefix.IsValid() && !n.sixish() {
		// Nothing of IPv6 is in it, so nobody advertises. Where the network itself is not listed, too little is known to say so.
		n.link.OnlyRouters = !n.implied
		return nil
	}
	for _, r := range n.routers {
		n.link.Routers = append(n.link.Routers, Router{Name: r.of.label(), MAC: r.hw, Place: r.mac.Place})
	}
	n.link.OnlyRouters = len(n.routers) > 0
	n.link.Advertisers = 1
	n.link.Says = n.template()
	if n.prefix.IsValid() { // that there is none is a flaw
		at := n.cidr.Place
		on := &Switch{true, at}
		n.link.Says.Prefixes = &Prefixes{Place: at, List: []Prefix{{Prefix: n.prefix, Place: at, OnLink: on, Autonomous: on,
			RouterAddress: &Switch{false, at}, Valid: Exactly(86400, at), Preferred: Exactly(14400, at)}}}
	}
	return n.servers()
}

// template is what every Virtual Router's radvd says, prefixes and DNS servers aside. It is in no document, so that its
// place is the network's.
func (n *cloudNetwork) template() *Advertisement {
	at := n.place
	off := &Switch{false, at}
	return &Advertisement{
		CurHopLimit: Exactly(64, at), Managed: off, Other: off, HomeAgent: off, Preference: &Text{"medium", at},
		RouterLifetime: Exactly(45, at), ReachableTime: Exactly(0, at), RetransTimer: Exactly(0, at),
		Interval: &Range{5000, 15000, at}, SourceLinkLayer: &Switch{true, at}, MTU: Exactly(0, at),
		Routes: &Routes{Place: at}, DNSSL: &Domains{Place: at}, PREF64: &NAT64s{Place: at}, Portal: &Text{"", at},
		Options: &Options{Place: at},
	}
}

// servers reads the DNS servers of the network. One without has those of the zone, which are not known here.
func (n *cloudNetwork) servers() error {
	for _, t := range []apiText{n.dns1, n.dns2} {
		if t.S == "" {
			continue
		}
		a, err := parseAPIAddress(t)
		if err != nil {
			return err
		}
		if n.link.Says.RDNSS == nil {
			n.link.Says.RDNSS = &Servers{Place: t.Place}
		}
		n.link.Says.RDNSS.List = append(n.link.Says.RDNSS.List, Server{Address: a, Lifetime: Exactly(30, t.Place), Place: t.Place})
	}
	return nil
}

// shared is a network that has its router outside of CloudStack.
func (n *cloudNetwork) shared() {
	n.forbid("radvd must not run on the Virtual Router of a Shared network: the upstream router advertises, and guests get " +
		"two default routers (apache/cloudstack#6700)")
	if !n.prefix.IsValid() {
		n.link.OnlyRouters = !n.implied
		return
	}
	at := n.cidr.Place
	on := &Switch{true, at}
	// The upstream router may serve other networks on the same VLAN.
	n.link.Says = &Advertisement{Prefixes: &Prefixes{Place: at, More: true,
		List: []Prefix{{Prefix: n.prefix, OnLink: on, Autonomous: on, Place: at}}}}
}

// forbid says of every Virtual Router on the network that it must not advertise.
func (n *cloudNetwork) forbid(why string) {
	for _, r := range n.routers {
		name := r.of.label()
		fix := "On the Virtual Router"
		if name != "" {
			fix += " " + name
		}
		fix += ": `systemctl disable --now radvd`"
		if a, err := netip.ParseAddr(r.of.linkLocal.S); err == nil && a.Is4() {
			fix += fmt.Sprintf(" (from its host: `ssh -i /root/.ssh/id_rsa.cloud -p 3922 root@%v`)", a)
		}
		fix += ". If it comes back with the next start, the system VM template is older than the management server: upgrade it" +
			" and restart the network with cleanup."
		n.link.Forbidden = append(n.link.Forbidden, Router{Name: name, MAC: r.hw, Why: why, Fix: fix, Place: r.mac.Place})
	}
}

// neighbors are the guests.
func (n *cloudNetwork) neighbors() error {
	if !n.prefix.IsValid() {
		return nil
	}
	for _, g := range n.guests {
		addresses, err := n.addresses(g)
		if err != nil {
			return err
		}
		who := Neighbor{Name: g.of.label(), MAC: g.hw, Addresses: addresses, Place: g.mac.Place}
		n.link.Neighbors = append(n.link.Neighbors, who)
	}
	n.more(n.differ, "expect.source", "guests have another ip6address than SLAAC gives them")
	return nil
}

// addresses are those that a guest may use: the one that SLAAC makes of its MAC, the one that CloudStack has for it, and its
// secondary ones.
func (n *cloudNetwork) addresses(g cloudNIC) ([]netip.Addr, error) {
	var list []netip.Addr
	has := map[netip.Addr]bool{}
	add := func(a netip.Addr) {
		if !has[a] {
			list, has[a] = append(list, a), true
		}
	}
	if n.prefix.Bits() == 64 {
		add(g.hw.addressOf(n.prefix))
	}
	if g.address.S != "" {
		a, err := parseAPIAddress(g.address)
		if err != nil {
			return nil, err
		}
		if len(list) > 0 && a != list[0] {
			n.differs(g, a, list[0])
		}
		add(a)
	}
	for _, t := range g.secondary {
		if a, err := netip.ParseAddr(t.S); err == nil && a.Is4() {
			continue
		}
		a, err := parseAPIAddress(t)
		if err != nil {
			return nil, err
		}
		add(a)
	}
	return list, nil
}
