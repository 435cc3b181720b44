package expect

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"v6probe/internal/rule"
)

// parseCloudStack reads what `cmk list networks`, `cmk list virtualmachines` and `cmk list routers` print, or the API itself
// answers, and says what CloudStack means the networks to be like. All documents are taken together: a network is one link,
// and the interfaces of machines and routers are on the network that they name. An error is an *Error.
func parseCloudStack(docs []Source) (*State, error) {
	l := &apiLists{room: maxObjects, ids: map[apiKind]map[string]rule.Place{}}
	for i, d := range docs {
		again := slices.ContainsFunc(docs[:i], func(o Source) bool { return o.Name == d.Name && bytes.Equal(o.Data, d.Data) })
		if again { // one file, of which two links are chosen
			continue
		}
		if err := l.read(d); err != nil {
			return nil, err
		}
	}
	networks, err := l.join()
	if err != nil {
		return nil, err
	}
	if len(networks) == 0 {
		e := &Error{Reason: "CloudStack lists no guest network in it",
			hint: "give what `cmk list networks`, `cmk list virtualmachines` and `cmk list routers` print, with `listall=true`"}
		if len(docs) > 0 {
			e.Place.File = docs[0].Name
		}
		return nil, e
	}
	s := &State{}
	for _, n := range networks {
		link, err := n.expected()
		if err != nil {
			return nil, err
		}
		s.Links = append(s.Links, link)
		s.Flaws = append(s.Flaws, n.flaws...)
	}
	return s, nil
}

// cloudNetwork is a network with all that is on it.
type cloudNetwork struct {
	*apiEntry
	implied bool // no list of networks has it: it is known by the interfaces on it
	guests  []cloudNIC
	routers []cloudNIC

	called         string   // Link.Name
	keys           []string // Link.Keys
	link           *Link
	flaws          []Flaw
	prefix         netip.Prefix // of ip6cidr, masked; invalid where there is none
	differ, smalls int          // guests of which the address is another than ip6address; interfaces with a too small MTU
}

// cloudNIC is an interface with whose it is.
type cloudNIC struct {
	*apiNIC
	of *apiEntry
	hw MAC
}

// join puts interfaces and networks together. Where no networks are listed, those that the interfaces name are taken.
func (l *apiLists) join() ([]*cloudNetwork, error) {
	var all []*cloudNetwork
	byID := map[string]*cloudNetwork{}
	add := func(n *cloudNetwork) {
		all = append(all, n)
		if n.id.S != "" {
			byID[n.id.S] = n
		}
	}
	for _, e := range l.networks {
		if guestTraffic(e.traffic) {
			add(&cloudNetwork{apiEntry: e})
		}
	}
	place := func(e *apiEntry, router bool) error {
		for _, nic := range e.nics {
			n := byID[nic.network.S]
			if n == nil && len(l.networks) == 0 && nic.network.S != "" && guestTraffic(nic.trafficTyp) {
				n = &cloudNetwork{implied: true, apiEntry: &apiEntry{place: nic.place, id: nic.network, name: nic.networkName}}
				add(n)
			}
			if n == nil {
				continue
			}
			n.learn(nic)
			if nic.mac.S == "" {
				continue
			}
			hw, err := parseMAC(nic.mac)
			if err != nil {
				return err
			}
			if c := (cloudNIC{nic, e, hw}); router {
				n.routers = append(n.routers, c)
			} else {
				n.guests = append(n.guests, c)
			}
		}
		return nil
	}
	for _, e := range l.machines {
		if err := place(e, false); err != nil {
			return nil, err
		}
	}
	for _, e := range l.routers {
		if err := place(e, true); err != nil {
			return nil, err
		}
	}
	entitle(all)
	return all, nil
}

// entitle gives each network its name and keys. Users of CloudStack may give many networks one name; then it is the id that
// tells them apart, and the name chooses none.
func entitle(all []*cloudNetwork) {
	names, titles := map[string]int{}, map[string]int{}
	for _, n := range all {
		for _, k := range []string{n.name.S, n.id.S} {
			if k = apiShort(k); k != "" {
				names[k]++
			}
		}
		titles[n.title("")]++
	}
	for _, n := range all {
		for _, k := range []string{n.name.S, n.id.S} {
			if k = apiShort(k); names[k] == 1 {
				n.keys = append(n.keys, k)
			}
		}
		if n.called = n.title(""); titles[n.called] > 1 {
			n.called = n.title(cmp.Or(apiShort(n.id.S), n.place.String()))
		}
	}
}

// title is how reports call the network; which tells it apart from others, if it must.
func (n *cloudNetwork) title(which string) string {
	s := "network"
	if name := cmp.Or(n.name.S, n.id.S); name != "" {
		s += " " + apiQuote(name)
	}
	notes := []string{cmp.Or(apiShort(n.typ.S), "of unknown type")}
	if n.cidr.S == "" && !n.implied && (n.is("Isolated") || n.is("Shared")) {
		notes = append(notes, "without ip6cidr")
	}
	if which != "" {
		notes = append(notes, which)
	}
	return s + " (" + strings.Join(notes, ", ") + ")"
}

// learn takes from an interface what is not known of its network: the segment, which the API tells administrators only, and
// all else where the network itself is not listed.
func (n *cloudNetwork) learn(nic *apiNIC) {
	fill := func(to *apiText, from apiText) {
		if to.S == "" {
			*to = from
		}
	}
	fill(&n.uri, nic.uri)
	if n.implied {
		fill(&n.typ, nic.typ)
		fill(&n.cidr, nic.cidr)
		fill(&n.gateway, nic.gateway)
	}
}

// guestTraffic reports whether a network of such traffic is one of guests; those of the cloud itself are not.
func guestTraffic(t apiText) bool { return t.S == "" || strings.EqualFold(t.S, "Guest") }

func parseMAC(t apiText) (MAC, error) {
	hw, err := net.ParseMAC(t.S)
	if err != nil || len(hw) != len(MAC{}) {
		return MAC{}, apiFail(t.Place, fmt.Sprintf("%s is %s, not an Ethernet address", t.Place.Path, apiQuote(t.S)), "")
	}
	return MAC(hw), nil
}

func parseAPIAddress(t apiText) (netip.Addr, error) {
	a, err := netip.ParseAddr(t.S)
	if err != nil || !a.Is6() || a.Is4In6() || a.Zone() != "" {
		return netip.Addr{}, apiFail(t.Place, fmt.Sprintf("%s is %s, not an IPv6 address", t.Place.Path, apiQuote(t.S)), "")
	}
	return a, nil
}

func parseAPIPrefix(t apiText) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(t.S)
	if err != nil || !p.Addr().Is6() || p.Addr().Is4In6() {
		return netip.Prefix{}, apiFail(t.Place, fmt.Sprintf("%s is %s, not an IPv6 prefix", t.Place.Path, apiQuote(t.S)), "")
	}
	return p.Masked(), nil
}

// addressOf is the address of RFC 4291 appendix A that m makes in p, which is a /64.
func (m MAC) addressOf(p netip.Prefix) netip.Addr {
	a := p.Addr().As16()
	copy(a[8:], []byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]})
	return netip.AddrFrom16(a)
}

// apiShort is s as it may be shown: users of CloudStack choose names, and a file may hold any.
func apiShort(s string) string {
	s = apiCut(s)
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		s = strconv.Quote(s)
		s = s[1 : len(s)-1]
	}
	return s
}

// apiQuote is s in quotes, likewise.
func apiQuote(s string) string { return strconv.Quote(apiCut(s)) }

// apiCut is s, or its beginning.
func apiCut(s string) string {
	cut := 100
	if len(s) <= cut {
		return s
	}
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
