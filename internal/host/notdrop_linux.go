package host

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"
)

// Ports returns the ports of this namespace's bridges, by index.
func Ports() ([]Port, error) {
	_, ports, err := topology()
	return ports, err
}

// topology returns the interfaces and, of these, the ports of bridges, by index.
func topology() (links []Link, ports []Port, err error) {
	c, err := dial()
	if err != nil {
		return nil, nil, err
	}
	defer c.close()
	body := make([]byte, unix.SizeofIfInfomsg)
	err = c.dump(unix.RTM_GETLINK, body, func() { links, ports = nil, nil }, func(kind uint16, body []byte) {
		d, ok := parseLink(body)
		if !ok || kind != unix.RTM_NEWLINK {
			return
		}
		links = append(links, d.Link)
		if p, ok := parsePort(body); ok {
			p.Link = d.Link
			ports = append(ports, p)
		}
	})
	slices.SortFunc(links, func(a, b Link) int { return cmp.Compare(a.Index, b.Index) })
	slices.SortFunc(ports, func(a, b Port) int { return cmp.Compare(a.Index, b.Index) })
	for i := range ports {
		if b := slices.IndexFunc(links, func(l Link) bool { return l.Index == ports[i].Master }); b >= 0 {
			ports[i].Bridge = links[b].Name
		}
	}
	return links, ports, err
}

// parsePort reads what is particular to the port of a bridge from a struct ifinfomsg and its attributes.
func parsePort(b []byte) (Port, bool) {
	p := Port{Flood: true, McastFlood: true, Learning: true}
	if len(b) < unix.SizeofIfInfomsg {
		return p, false
	}
	ok := false
	var data []byte
	for kind, v := range attributes(b[unix.SizeofIfInfomsg:]) {
		if kind != unix.IFLA_LINKINFO {
			continue
		}
		for kind, v := range attributes(v) {
			switch kind {
			case unix.IFLA_INFO_SLAVE_KIND:
				ok = text(v) == "bridge"
			case unix.IFLA_INFO_SLAVE_DATA:
				data = v
			}
		}
	}
	if !ok {
		return p, false
	}
	for kind, v := range attributes(data) {
		switch set := u8(v) != 0; kind {
		case unix.IFLA_BRPORT_UNICAST_FLOOD:
			p.Flood = set
		case unix.IFLA_BRPORT_MCAST_FLOOD:
			p.McastFlood = set
		case unix.IFLA_BRPORT_LEARNING:
			p.Learning = set
		case unix.IFLA_BRPORT_MODE:
			p.Hairpin = set
		case unix.IFLA_BRPORT_ISOLATED:
			p.Isolated = set
		case unix.IFLA_BRPORT_NEIGH_SUPPRESS:
			p.NeighSuppress = set
		}
	}
	return p, true
}

// NotDrops says of the interfaces with the given names, of those of a bridge its ports with it, and of all without names, what
// a user may take for a drop. Loopback and interfaces that are down are left out.
func NotDrops(names []string) ([]Statement, error) {
	links, ports, err := topology()
	if err != nil {
		return nil, err
	}
	byIndex := make(map[int]*Link, len(links))
	for i := range links {
		byIndex[links[i].Index] = &links[i]
	}
	for _, name := range names {
		if !slices.ContainsFunc(links, func(l Link) bool { return l.Name == name }) {
			return nil, &Refusal{printable(name) + ": no such interface", "see them: ip -br link"}
		}
	}
	isolated := make(map[int]int) // isolated ports of a bridge
	for _, p := range ports {
		if p.Isolated {
			isolated[p.Master]++
		}
	}
	var all []setting
	for i := range links {
		s := setting{Link: links[i]}
		master := byIndex[s.Master]
		wanted := len(names) == 0 || slices.Contains(names, s.Name) || master != nil && slices.Contains(names, master.Name)
		if !wanted || !s.Up || s.Kind == "loopback" {
			continue
		}
		s.enslaved = master != nil && master.Kind != "vrf"
		if !s.enslaved {
			s.conf, err = ReadConf(s.Name)
			s.ok = err == nil // without IPv6, or gone meanwhile, there is nothing to say
		}
		if p := slices.IndexFunc(ports, func(p Port) bool { return p.Index == s.Index }); p >= 0 {
			s.port = &ports[p]
			s.isolated = s.port.Isolated && isolated[s.Master] > 1
		}
		all = append(all, s)
	}
	return statements(all), nil
}
