package vr

import (
	"errors"
	"slices"
	"strings"

	"v6probe/internal/expect"
	"v6probe/internal/host"
)

// Choose sets the interfaces to judge: those named, or else those that CloudStack calls the guests', or else those in radvd's
// configuration, those on a network of want, which may be nil, and those with a prefix for hosts that are not the way out. A
// machine that is no router may have none; of others that is an error.
func (f *Facts) Choose(named []string, want *expect.State) error {
	f.Sure = make(map[string]bool)
	f.Public = f.choosePublic()
	sure := named
	if len(sure) == 0 {
		sure = f.withIPv6(f.known(), want)
	}
	if len(sure) > 0 {
		f.Guests = sure
		for _, name := range sure {
			f.Sure[name] = true
		}
		if slices.Contains(sure, f.Public) {
			f.Public = ""
		}
		return nil
	}
	likely := f.likely()
	configured := f.configured(want)
	for _, name := range configured {
		f.Guests = append(f.Guests, name)
		f.Sure[name] = true
	}
	if f.Public == "" && len(f.Guests) > 0 {
		// Without a default route the way out looks like one to guests.
		likely = slices.DeleteFunc(likely, func(name string) bool { return slices.Contains(f.Guests, name) })
		if len(likely) == 1 {
			f.Public = likely[0]
		}
		return nil
	}
	for _, name := range likely {
		if name != f.Public && !slices.Contains(f.Guests, name) {
			f.Guests = append(f.Guests, name)
			f.Sure[name] = len(configured) == 0 && f.Radvd.State != nil // whom else would radvd be for
		}
	}
	if len(f.Guests) > 0 {
		return nil
	}
	for i := range f.Interfaces {
		if l := &f.Interfaces[i]; l.Up && l.Name != f.Public && ethernet(l) {
			f.Guests = append(f.Guests, l.Name)
		}
	}
	if len(f.Guests) == 1 {
		return nil
	}
	f.Guests = nil
	if f.AllUnread == "" && f.All.Forwarding == 0 && !f.Radvd.Running {
		return nil // it is no router
	}
	return errors.New("no interface has a prefix for guests, and radvd's configuration names none")
}

// choosePublic returns the interface of the default route, or the one that CloudStack calls public.
func (f *Facts) choosePublic() string {
	names := []string{f.Role.Public}
	if f.World != nil && !f.World.Local {
		names = []string{f.World.Device, f.Role.Public}
	}
	switch f.Role.Type {
	case Isolated:
		names = append(names, "eth2")
	case VPC:
		names = append(names, "eth1")
	}
	for _, name := range names {
		if f.iface(name) != nil {
			return name
		}
	}
	return ""
}

// known returns the guests' interfaces of a virtual router of CloudStack's.
func (f *Facts) known() []string {
	var list []string
	for i := range f.Interfaces {
		name := f.Interfaces[i].Name
		var is bool
		switch number, eth := strings.CutPrefix(name, "eth"); {
		case len(f.Role.Guests) > 0:
			is = slices.Contains(f.Role.Guests, name)
		case f.Role.Type == VPC:
			is = eth && number != "0" && number != "1" && name != f.Public
		case f.Role.Type != "":
			is = name == "eth0"
		}
		if is {
			list = append(list, name)
		}
	}
	return list
}

// withIPv6 leaves out the tiers of a VPC that nothing gives IPv6: no address, no block of radvd's, no gateway and no network of
// want. They may be IPv4's alone, as long as another tier is not. Where one of these was lost the others are still there.
func (f *Facts) withIPv6(names []string, want *expect.State) []string {
	var list []string
	for _, name := range names {
		i := f.iface(name)
		if i == nil || len(i.globals()) > 0 || f.Radvd.block(name) != nil || f.Role.Gateways[name].IsValid() || f.expected(want, i) != nil {
			list = append(list, name)
		}
	}
	if f.Role.Type != VPC || len(list) == 0 {
		return names
	}
	for _, name := range names {
		if !slices.Contains(list, name) {
			f.Role.Evidence = append(f.Role.Evidence, printable(name)+" has no IPv6 address, and neither radvd nor CloudStack has any for it: "+
				"taken for a tier without IPv6")
		}
	}
	return list
}

// configured returns the interfaces that are there and on which radvd is set to advertise, or that are on a network of want.
func (f *Facts) configured(want *expect.State) []string {
	var list []string
	for n := range f.Interfaces {
		i := &f.Interfaces[n]
		b, e := f.Radvd.block(i.Name), f.expected(want, i)
		network := e != nil && (e.Says != nil || len(e.Forbidden) > 0) && i.Name != f.Public
		if b != nil && !silent(b) || network {
			list = append(list, i.Name)
		}
	}
	return list
}

// likely returns the interfaces that have a prefix in which hosts could form addresses.
func (f *Facts) likely() []string {
	var list []string
	for i := range f.Interfaces {
		l := &f.Interfaces[i]
		if ethernet(l) && slices.ContainsFunc(l.globals(), func(a host.OwnAddress) bool { return a.Prefix.Bits() <= 64 }) {
			list = append(list, l.Name)
		}
	}
	return list
}

// ethernet reports whether hosts may be on the interface.
func ethernet(l *Interface) bool {
	none := []string{"dummy", "tun", "wireguard", "sit", "gre", "ip6gre", "ipip", "ip6tnl", "vti6", "xfrm", "ppp"}
	bridged := l.Master != 0 && l.MasterKind != "vrf"
	return !l.Loopback && !l.NoARP && !bridged && !slices.Contains(none, l.Kind)
}
