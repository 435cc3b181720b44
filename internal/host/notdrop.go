package host

import (
	"fmt"
	"slices"
	"strings"
)

// Conf is what IPv6 is set to on an interface: net.ipv6.conf.IFACE, with the kernel's own numbers.
type Conf struct {
	AcceptRA       int // 0: Router Advertisements are not used; 1: unless Forwarding; 2: always
	AcceptRADefrtr int // 1: they may set the default route
	AcceptRAPinfo  int // 1: their prefixes are looked at
	Autoconf       int // 1: addresses are made of their prefixes
	Forwarding     int // 1: this host is a router there
	DisableIPv6    int
	AcceptDAD      int // 0: addresses are used at once
	DADTransmits   int
	AddrGenMode    int // 0: EUI-64 (RFC 4291 Appendix A); 1: none; 2, 3: stable and opaque (RFC 7217). 0 before Linux 4.11
	UseTempaddr    int // above 0: temporary addresses (RFC 8981); some interfaces have -1
	MTU            int // bytes; at most that of the interface, less where a router says so
}

// UsesRA reports whether Router Advertisements are used.
func (c *Conf) UsesRA() bool {
	return c.DisableIPv6 == 0 && (c.AcceptRA == 2 || c.AcceptRA != 0 && c.Forwarding == 0)
}

// Port is an interface as the port of a bridge, with the flags that `bridge -d link` shows.
type Port struct {
	Link
	Bridge        string // its name
	Flood         bool   // unicast to an address that the bridge has not learned goes out of it
	McastFlood    bool   // multicast that nobody is known to want goes out of it; true before Linux 4.11, which has no such flag
	Learning      bool
	Hairpin       bool
	Isolated      bool // nothing passes between it and other isolated ports
	NeighSuppress bool // the bridge answers neighbor solicitations itself, where it knows the answer
}

// Statement says what looks like a drop to a user and is none, so that no counter of drops will ever show it.
type Statement struct {
	Interfaces []string // that it is about, as they may be shown; they can be many
	Text       string   // a clause without a full stop and without the interfaces
	Fix        string   // what can be done if it is not wanted; "" for nothing
}

// Names lists the interfaces: "eth0, eth1", or the first of many.
func (s *Statement) Names() string {
	const most = 8
	if n := len(s.Interfaces); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(s.Interfaces[:most-1], ", "), n-most+1)
	}
	return strings.Join(s.Interfaces, ", ")
}

// setting is a link and how it is set.
type setting struct {
	Link
	conf Conf
	ok   bool // conf was read: there is IPv6 on it
	port *Port
	// isolated says that another port of its bridge is isolated as well: one alone talks with all others.
	isolated bool
	// enslaved says that a bridge or bond takes all that it receives, so that its own IPv6 meets nothing.
	enslaved bool
}

// statements is what there is to say of the links that are up. It says each thing once, whatever their number.
func statements(all []setting) []Statement {
	var list []Statement
	list = append(list, confStatements(all)...)
	list = append(list, portStatements(all)...)
	return append(list, tunnelStatements(all)...)
}

// group makes a statement of those for which is holds, or none.
func group(all []setting, text string, fix func(names []setting) string, is func(s *setting) bool) []Statement {
	st := Statement{Text: text}
	var those []setting
	for i := range all {
		if is(&all[i]) {
			those = append(those, all[i])
			st.Interfaces = append(st.Interfaces, printable(all[i].Name))
		}
	}
	if len(those) == 0 {
		return nil
	}
	if fix != nil {
		st.Fix = fix(those)
	}
	return []Statement{st}
}

// confStatements is about the settings of IPv6.
func confStatements(all []setting) []Statement {
	own := func(s *setting) bool { return s.ok && !s.enslaved }
	on := func(s *setting) bool { return own(s) && s.conf.DisableIPv6 == 0 && s.hearsRA() }
	byDesign := func(s *setting) bool { return s.Kind == "bridge" || s.Kind == "vxlan" || s.Kind == "tap" }
	return slices.Concat(
		group(all, "disable_ipv6=1: this host itself takes no IPv6 there, which is as it should be on a KVM host; what is"+
			" forwarded for guests"+
			" is not concerned", nil, func(s *setting) bool { return own(s) && s.conf.DisableIPv6 != 0 && byDesign(s) }),
		group(all, "disable_ipv6=1: this host has no IPv6 there and uses nothing of what it receives", set("disable_ipv6", 0),
			func(s *setting) bool { return own(s) && s.conf.DisableIPv6 != 0 && !byDesign(s) }),
		group(all, "accept_ra=0 and forwarding=1: Router Advertisements are received and not used, as it should be on a router",
			only("if it should use them all the same: ", set("accept_ra", 2)),
			func(s *setting) bool { return on(s) && s.conf.AcceptRA == 0 && s.conf.Forwarding != 0 }),
		group(all, "accept_ra=0: Router Advertisements are received and not used by the kernel; a daemon such as"+
			" systemd-networkd or NetworkManager may use them itself", only("if none does: ", set("accept_ra", 1)),
			func(s *setting) bool { return on(s) && s.conf.AcceptRA == 0 && s.conf.Forwarding == 0 }),
		group(all, "forwarding=1 with accept_ra=1: Router Advertisements are received and not used, neither for addresses"+
			" nor for routes; on a router, CloudStack's virtual router among them, this is as it should be",
			only("a host that forwards and should use them needs accept_ra=2: ", set("accept_ra", 2)),
			func(s *setting) bool { return on(s) && s.conf.AcceptRA == 1 && s.conf.Forwarding != 0 }),
		group(all, "autoconf=0: Router Advertisements are used, but no addresses are made of their"+
			" prefixes", set("autoconf", 1),
			func(s *setting) bool { return on(s) && s.conf.UsesRA() && s.conf.Autoconf == 0 }),
	)
}

// hearsRA reports whether a link is one on which a router may advertise.
func (s *setting) hearsRA() bool {
	if slices.Contains([]string{"tun", "dummy", "ifb", "nlmon", "vrf"}, s.Kind) {
		return false
	}
	return s.Tunnel == nil || slices.Contains([]string{"vxlan", "geneve", "gretap", "ip6gretap"}, s.Kind)
}

// portStatements is about what a bridge does on purpose.
func portStatements(all []setting) []Statement {
	return slices.Concat(
		group(all, "isolated ports: nothing passes between those of one bridge, neighbor solicitations and Router"+
			" Advertisements included",
			setPort("isolated", "off"), func(s *setting) bool { return s.isolated }),
		group(all, "mcast_flood off: multicast that nobody is known to want does not go out there, Router Advertisements to"+
			" ff02::1 included",
			setPort("mcast_flood", "on"), func(s *setting) bool { return s.port != nil && !s.port.McastFlood }),
		group(all, "flood off: unicast to an address that is not in the forwarding database does not go out there,"+
			" solicited advertisements included",
			setPort("flood", "on"), func(s *setting) bool { return s.port != nil && !s.port.Flood }),
		group(all, "neigh_suppress on: the bridge answers neighbor solicitations for neighbors that it knows, and does not"+
			" send them out there",
			setPort("neigh_suppress", "off"), func(s *setting) bool { return s.port != nil && s.port.NeighSuppress }),
	)
}

// tunnelStatements is about tunnels that are ports of a bridge. Of these VXLAN and Geneve answer what does not fit, in the name
// of who it is for, and turn the packet itself into the answer.
func tunnelStatements(all []setting) []Statement {
	answers := func(s *setting) bool { return s.enslaved && (s.Kind == "vxlan" || s.Kind == "geneve") }
	var each []string
	least, most := 0, 0
	for _, s := range all {
		if answers(&s) {
			each = append(each, fmt.Sprintf("%s has MTU %d", printable(s.Name), s.MTU))
			if least == 0 || s.MTU < least {
				least = s.MTU
			}
			most = max(most, s.MTU)
		}
	}
	if len(each) == 0 {
		return nil
	}
	mtus := some(each)
	if len(each) > maxNamed {
		mtus = fmt.Sprintf("their MTUs are %d to %d", least, most)
	}
	return group(all, "a packet from the bridge that is too long for what is below the tunnel is answered by the tunnel"+
		" itself, with a Packet Too Big that seems to come from its destination ("+mtus+")", func([]setting) string {
		return "see what fits: `v6probe" +
			" pmtu --plan`"
	}, answers)
}

// set words the command that sets a value of net.ipv6.conf.
func set(key string, value int) func([]setting) string {
	return func(those []setting) string {
		name := "IFACE"
		if len(those) == 1 {
			name = those[0].Name
		}
		if strings.Contains(name, ".") { // which sysctl takes for a separator
			return fmt.Sprintf("`sysctl -w %s=%d`", quoted("net/ipv6/conf/"+name+"/"+key), value)
		}
		return fmt.Sprintf("`sysctl -w %s=%d`", quoted("net.ipv6.conf."+name+"."+key), value)
	}
}

// setPort words the command that sets a flag of a port.
func setPort(flag, value string) func([]setting) string {
	return func(those []setting) string {
		name := "IFACE"
		if len(those) == 1 {
			name = those[0].Name
		}
		return fmt.Sprintf("if that is not wanted: `bridge link set dev %s %s %s`", quoted(name), flag, value)
	}
}

// only puts the condition before a fix.
func only(condition string, fix func([]setting) string) func([]setting) string {
	return func(those []setting) string { return condition + fix(those) }
}

// quoted returns a name as a shell takes it.
func quoted(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./@:", r)
	}
	if strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	if p := printable(s); p != s {
		return p
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
