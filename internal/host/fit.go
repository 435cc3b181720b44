package host

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/encap"
	"v6probe/internal/rule"
)

// Tunnels judges whether the tunnels among links fit into what is below them, and the guests on a bridge into its tunnel. It
// takes the underlay to be the interface below, or else the way to the other ends, which route tells; where neither is known
// it says nothing. The findings have no time.
func Tunnels(links []Link, route func(remote netip.Addr) (Way, error)) []rule.Finding {
	s := snapshot{links, route}
	var found []rule.Finding
	for _, l := range links {
		if !l.Up {
			continue
		}
		if f, bad := s.judgeTunnel(l); bad {
			found = append(found, f)
		}
		if f, bad := s.judgeBridge(l); bad {
			found = append(found, f)
		}
	}
	return found
}

// Fit compares a tunnel with what carries it.
type Fit struct {
	Tunnel        string // the interface
	MTU           int    // what it carries, bytes
	Underlay      string // "eth0, MTU 1500"; "" where it is not known
	Encapsulation encap.Encapsulation
	Left          int // what the underlay leaves of its MTU, bytes; 0 where it is not known
}

// Fits compares the tunnels among links that are up with what is below them, as Tunnels does. Those of which it is not known
// how much they put around packets are left out.
func Fits(links []Link, route func(remote netip.Addr) (Way, error)) []Fit {
	s := snapshot{links, route}
	var list []Fit
	for _, l := range links {
		if l.Tunnel == nil || !l.Up {
			continue
		}
		f, _, ok := s.fit(l)
		if _, known := s.underlay(l); !known {
			f = Fit{Tunnel: printable(l.Name), MTU: l.MTU}
			f.Encapsulation, ok = encapsulation(l, l.Tunnel.IPv6Outer)
		}
		if ok {
			list = append(list, f)
		}
	}
	return list
}

type snapshot struct {
	links []Link
	route func(remote netip.Addr) (Way, error)
}

func (s *snapshot) byIndex(index int) (Link, bool) {
	i := slices.IndexFunc(s.links, func(l Link) bool { return l.Index == index })
	if index == 0 || i < 0 {
		return Link{}, false
	}
	return s.links[i], true
}

// underlay is what carries a tunnel.
type underlay struct {
	device string
	mtu    int
	remote netip.Addr // by the way to which it was found; not valid where the device is the tunnel's own
	narrow bool       // the MTU is that of the way, less than the device's
	ipv6   bool
}

// String returns "eth0, MTU 1500" or "eth0 to 192.0.2.2, MTU 1500".
func (u *underlay) String() string {
	s := printable(u.device)
	if u.remote.IsValid() {
		s += fmt.Sprintf(" to %v", u.remote)
	}
	return fmt.Sprintf("%s, MTU %d", s, u.mtu)
}

// underlay returns what carries l, if that is known. The local address of an EVPN's VXLAN is mostly on the loopback
// interface and says nothing; then the other ends tell the way.
func (s *snapshot) underlay(l Link) (u underlay, ok bool) {
	t := l.Tunnel
	if l.Foreign {
		return u, false
	}
	if lower, known := s.byIndex(l.Lower); known {
		return underlay{device: lower.Name, mtu: lower.MTU, ipv6: t.IPv6Outer}, true
	}
	if l.Lower != 0 {
		return u, false
	}
	remotes := t.Remotes
	if t.Remote.IsValid() {
		remotes = []netip.Addr{t.Remote}
	}
	for _, remote := range remotes {
		w, err := s.route(remote)
		if err != nil || w.Local || w.Index == l.Index || ok && w.MTU >= u.mtu {
			continue
		}
		u = underlay{device: w.Device, mtu: w.MTU, remote: remote, narrow: w.MTU < w.DeviceMTU, ipv6: remote.Is6()}
		ok = true
	}
	if ok || !t.Local.IsValid() {
		return u, ok
	}
	w, err := s.route(t.Local)
	if err != nil || !w.Local {
		return u, false
	}
	i := slices.IndexFunc(s.links, func(l Link) bool { return l.Name == w.Holder })
	if i < 0 || s.links[i].Kind == "loopback" || s.links[i].Kind == "dummy" {
		return u, false
	}
	return underlay{device: w.Holder, mtu: s.links[i].MTU, ipv6: t.IPv6Outer}, true
}

// encapsulation returns what a tunnel puts around packets, over IPv6 or not; ok is false when that is not known.
func encapsulation(l Link, ipv6 bool) (e encap.Encapsulation, ok bool) {
	t := l.Tunnel
	if t == nil || t.Encapsulation {
		return e, false
	}
	name, six := strings.CutPrefix(l.Kind, "ip6gre") // "ip6gre", "ip6gretap"
	if six {
		name = "gre" + name
	}
	if t.GPE {
		name = "vxlan-gpe"
	}
	if ipv6 && name != "ip6tnl" {
		name += "6"
	}
	for _, o := range []struct {
		set  bool
		name string
	}{{t.Key, "+key"}, {t.Csum, "+csum"}, {t.Seq, "+seq"}, {t.EncapLimit, "+encaplimit"}} {
		if o.set {
			name += o.name
		}
	}
	e, err := encap.Parse(name)
	return e, err == nil
}

// fit compares l, if it is a tunnel, with its underlay, if that is known.
func (s *snapshot) fit(l Link) (f Fit, u underlay, ok bool) {
	if l.Tunnel == nil {
		return f, u, false
	}
	if u, ok = s.underlay(l); !ok {
		return f, u, false
	}
	e, ok := encapsulation(l, u.ipv6)
	return Fit{Tunnel: printable(l.Name), MTU: l.MTU, Underlay: u.String(), Encapsulation: e, Left: e.Overlay(u.mtu)}, u, ok
}

// judgeTunnel compares a tunnel with its underlay.
func (s *snapshot) judgeTunnel(l Link) (f rule.Finding, bad bool) {
	is, u, known := s.fit(l)
	if !known || is.MTU <= is.Left {
		return f, false
	}
	e := is.Encapsulation
	detail := fmt.Sprintf("%s carries %d over %s, with %s: %d bytes too many", is.Tunnel, is.MTU, is.Underlay, e.Title, is.MTU-is.Left)
	if l.Kind == "vxlan" && l.Lower == 0 && !l.Tunnel.Learning && !l.Tunnel.External {
		detail += "; it was made without dev, as by CloudStack's modifyvxlan-evpn.sh, which ignores the underlay"
	}
	return finding("pmtu.tunnel-mtu", l.Name, detail, s.fixTunnel(l, &u, e.Underlay(l.MTU), is.Left)), true
}

// fixTunnel says how a tunnel and its underlay are made to agree: need is what the underlay must carry, left what it leaves.
func (s *snapshot) fixTunnel(l Link, u *underlay, need, left int) string {
	fix := u.raise(need)
	if left < encap.MinMTU {
		return fix + fmt.Sprintf("; the %d bytes that are left now are too few for IPv6", left)
	}
	fix += fmt.Sprintf(", or `ip link set %s mtu %d`", printable(l.Name), left)
	if bridge, ok := s.byIndex(l.Master); ok && bridge.Kind == "bridge" {
		fix += fmt.Sprintf(" and the guests on %s to %d (CloudStack: the network's privatemtu)", printable(bridge.Name), left)
	}
	return fix
}

// raise says how an underlay is made to carry need bytes.
func (u *underlay) raise(need int) string {
	if u.narrow {
		return fmt.Sprintf("raise the way to %v to %d: see `ip route get fibmatch %v` and the MTU of %s", u.remote, need, u.remote,
			printable(u.device))
	}
	return fmt.Sprintf("`ip link set %s mtu %d` (with what is below it, and the switches behind it)", printable(u.device), need)
}

// judgeBridge compares the guests of a bridge with the narrowest tunnel among its ports.
func (s *snapshot) judgeBridge(bridge Link) (f rule.Finding, bad bool) {
	if bridge.Kind != "bridge" {
		return f, false
	}
	var tunnel Link
	for _, p := range s.links {
		if p.Master == bridge.Index && p.Up && p.Tunnel != nil && (tunnel.Index == 0 || p.MTU < tunnel.MTU) {
			tunnel = p
		}
	}
	if tunnel.Index == 0 {
		return f, false
	}
	most := 0
	var guests []string
	for _, p := range s.links {
		if p.Master == bridge.Index && p.Up && (p.Kind == "tap" || p.Kind == "veth") && p.MTU > tunnel.MTU {
			most = max(most, p.MTU)
			guests = append(guests, fmt.Sprintf("%s (%d)", printable(p.Name), p.MTU))
		}
	}
	if len(guests) == 0 {
		return f, false
	}
	detail := fmt.Sprintf("on %s %s may send more than %s carries, %d: packets between the sizes vanish without a word",
		printable(bridge.Name), some(guests), printable(tunnel.Name), tunnel.MTU)
	fix := fmt.Sprintf("set the guests, and their ports here, to %d (CloudStack: the network's privatemtu)", tunnel.MTU)
	return finding("pmtu.bridge-port-mtu", bridge.Name, detail, fix+s.widen(tunnel, most)), true
}

// widen says how else a tunnel is made to carry as much as guests send: what carries it first, as packets that are too long
// for that vanish.
func (s *snapshot) widen(tunnel Link, most int) string {
	set := fmt.Sprintf("`ip link set %s mtu %d`", printable(tunnel.Name), most)
	u, known := s.underlay(tunnel)
	if !known {
		u.ipv6 = tunnel.Tunnel.IPv6Outer
	}
	e, ok := encapsulation(tunnel, u.ipv6)
	switch need := e.Underlay(most); {
	case !ok:
		return ""
	case !known:
		return fmt.Sprintf(", or let what carries %s carry %d, and then %s", printable(tunnel.Name), need, set)
	case u.mtu < need:
		return ", or " + u.raise(need) + " and then " + set
	}
	return ", or " + set
}

// maxNamed is how many ports a finding names.
const maxNamed = 4

// some lists the first of a list: "a, b and 7 more".
func some(list []string) string {
	switch n := len(list); {
	case n == 1:
		return list[0]
	case n <= maxNamed:
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:maxNamed], ", "), len(list)-maxNamed)
}

func finding(id rule.ID, subject, detail, fix string) rule.Finding {
	return rule.Finding{Rule: id, Severity: rule.Error, Detail: detail, Fix: fix, Offset: -1, Subject: printable(subject)}
}
