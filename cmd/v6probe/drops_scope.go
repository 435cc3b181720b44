package main

import (
	"strconv"
	"strings"

	"v6probe/internal/capture"
	"v6probe/internal/drops"
	"v6probe/internal/host"
)

// dropScope says which drops were asked for.
type dropScope struct {
	iface string // "" for all
	netns string // as --netns has it; "" for our own, "all" for every one
	inode uint32 // of that
	name  string // as drops.Namespaces call it

	parts *parts          // of iface, in our own namespace
	known map[string]bool // interfaces that were looked for among these
	links func() ([]host.Link, error)
}

// newDropScope returns what iface and netns ask for.
func newDropScope(m machine, iface, netns string) (*dropScope, error) {
	if iface == capture.AnyInterface {
		iface = ""
	}
	s := &dropScope{iface: iface, netns: netns, known: make(map[string]bool), links: m.links}
	if netns != "" && netns != allNamespaces {
		spaces := drops.OpenNamespaces()
		inode, err := spaces.Find(netns)
		if err != nil {
			return nil, withHint("see them: ip netns", err)
		}
		s.inode, s.name = inode, spaces.Name(inode)
	}
	if iface == "" || !s.ours() {
		return s, nil
	}
	links, err := s.links()
	if err != nil {
		return nil, err
	}
	s.parts = partsOf(links, iface)
	if s.parts == nil {
		return nil, hinted("interfaces here: "+strings.Join(linkNames(links), ", "), "%s: no such interface", iface)
	}
	for _, l := range links {
		s.known[l.Name] = true
	}
	return s, nil
}

func linkNames(links []host.Link) []string {
	var names []string
	for i := range links {
		names = append(names, links[i].Name)
	}
	return names
}

// ours reports whether our own namespace alone was asked for.
func (s *dropScope) ours() bool { return s.netns == "" || s.netns != allNamespaces && s.name == "" }

// where says for a sentence what was asked for: "on eth0".
func (s *dropScope) where() string {
	var parts []string
	if s.iface != "" {
		parts = append(parts, "on "+s.iface)
	}
	switch {
	case s.netns == allNamespaces:
		parts = append(parts, "in all network namespaces")
	case s.name != "":
		parts = append(parts, "in namespace "+s.name)
	}
	return strings.Join(parts, " ")
}

// behind is where with a blank before it, if it is not empty.
func (s *dropScope) behind() string {
	if w := s.where(); w != "" {
		return " " + w
	}
	return ""
}

// split returns the drops that were asked for, and the others.
func (s *dropScope) split(list []drops.Drop) (here, elsewhere []drops.Drop) {
	s.renew(list)
	for _, d := range list {
		if s.has(&d) {
			here = append(here, d)
		} else {
			elsewhere = append(elsewhere, d)
		}
	}
	return here, elsewhere
}

// renew looks for the parts of the interface again where one has come up that was not there: a guest's tap, for example.
func (s *dropScope) renew(list []drops.Drop) {
	if s.parts == nil {
		return
	}
	fresh := false
	for i := range list {
		for _, name := range []string{list[i].Interface, list[i].Arrived} {
			if list[i].NetNS == "" && name != "" && !s.known[name] && len(s.known) < maxKnown {
				s.known[name], fresh = true, true
			}
		}
	}
	if !fresh {
		return
	}
	if links, err := s.links(); err == nil {
		if parts := partsOf(links, s.iface); parts != nil {
			s.parts.add(parts)
		}
	}
}

// maxKnown bounds what is remembered of names.
const maxKnown = 1 << 16

func (s *dropScope) has(d *drops.Drop) bool {
	switch {
	case s.netns == allNamespaces:
	case s.name == "":
		if d.NetNS != "" {
			return false
		}
	case d.NetNS != s.name:
		// A namespace without a name of its own is called by its first process, which may be another one by now.
		number := "inode " + strconv.FormatUint(uint64(s.inode), 10)
		if d.NetNS != number && !strings.HasPrefix(d.NetNS, number+" (") {
			return false
		}
	}
	switch {
	case s.iface == "":
		return true
	case s.parts != nil:
		return s.parts.has(d)
	}
	return d.Interface == s.iface || d.Arrived == s.iface
}

// parts are what belongs to an interface: itself, the ports of a bridge or bond, and what is below.
type parts struct {
	whole  map[string]bool // all that is dropped there
	tagged map[string]bool // what has a VLAN tag: below a VLAN interface
	vnis   map[uint32]bool // what is inside these VXLANs, wherever that is
}

func (p *parts) add(q *parts) {
	for name := range q.whole {
		p.whole[name] = true
	}
	for name := range q.tagged {
		p.tagged[name] = true
	}
	for vni := range q.vnis {
		p.vnis[vni] = true
	}
}

func (p *parts) has(d *drops.Drop) bool {
	switch {
	case p.whole[d.Interface] || p.whole[d.Arrived]:
		return true
	case d.Flags.Has(drops.Tunneled):
		return p.vnis[d.VNI]
	}
	return d.VLAN != 0 && (p.tagged[d.Interface] || p.tagged[d.Arrived])
}

// partsOf returns the parts of the interface of that name, nil where there is none.
func partsOf(links []host.Link, name string) *parts {
	p := &parts{make(map[string]bool), make(map[string]bool), make(map[uint32]bool)}
	byIndex := make(map[int]*host.Link)
	var walk []*host.Link
	for i := range links {
		byIndex[links[i].Index] = &links[i]
		if links[i].Name == name {
			walk = append(walk, &links[i])
		}
	}
	if len(walk) == 0 {
		return nil
	}
	for len(walk) > 0 {
		l := walk[0]
		walk = walk[1:]
		if p.whole[l.Name] {
			continue
		}
		p.whole[l.Name] = true
		for i := range links {
			if links[i].Master == l.Index {
				walk = append(walk, &links[i])
			}
		}
		lower := byIndex[l.Lower]
		if l.Lower == 0 || l.Foreign {
			lower = nil
		}
		switch {
		case l.Kind == "vxlan" && l.Tunnel != nil:
			p.vnis[l.Tunnel.ID] = true
		case lower == nil || l.Kind == "veth":
		case l.Kind == "vlan":
			p.tagged[lower.Name] = true
		case l.Kind == "macvlan" || l.Kind == "macvtap":
			walk = append(walk, lower)
		}
	}
	return p
}
