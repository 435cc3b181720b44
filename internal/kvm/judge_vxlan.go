package kvm

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"v6probe/internal/checklist"
	"v6probe/internal/expect"
	"v6probe/internal/host"
	"v6probe/internal/rule"
)

// tunnel is a VXLAN that a bridge has for a port.
type tunnel struct {
	*host.BridgePort
	bridge *bridge
}

// tunnels lists the VXLANs on bridges with guests.
func (j *judge) tunnels() []tunnel {
	var list []tunnel
	for _, b := range j.works() {
		for _, p := range b.uplinks {
			if p.Kind == "vxlan" && p.Tunnel != nil {
				list = append(list, tunnel{p, b})
			}
		}
	}
	return list
}

// vxlanLine is about the VXLAN devices themselves: their number and their port.
func (j *judge) vxlanLine() checklist.Line {
	line := checklist.Line{Name: "VXLAN"}
	list := j.tunnels()
	if len(list) == 0 {
		return j.idle("VXLAN", "no guest's bridge has one")
	}
	var each []string
	ports := make(map[uint16]bool)
	for _, t := range list {
		line.Evidence = append(line.Evidence, j.describeTunnel(t))
		each = append(each, fmt.Sprintf("%s (VNI %d, port %d)", printable(t.Name), t.Tunnel.ID, t.Tunnel.Port))
		ports[t.Tunnel.Port] = true
		if f, bad := portDown(t.BridgePort, &t.bridge.Bridge, "the tunnel to other hosts"); bad {
			line.Findings = append(line.Findings, f)
			continue
		}
		if f, bad := j.otherNumber(t); bad {
			line.Findings = append(line.Findings, f)
		}
		if f, bad := j.otherPort(t); bad {
			line.Findings = append(line.Findings, f)
		}
	}
	line.Text = some(each)
	if j.Listened > 0 && len(j.Underlay) == 0 {
		line.Text += "; nothing came in meanwhile, which would tell whether the other hosts use the same port"
	}
	if len(ports) > 1 {
		line.Status = checklist.Note
		line.Text += "; not all of one port, which each network's other hosts must have as well"
	}
	return line
}

func (j *judge) describeTunnel(t tunnel) string {
	s := fmt.Sprintf("%s on %s: VNI %d, UDP port %d, MTU %d", printable(t.Name), printable(t.bridge.Name), t.Tunnel.ID,
		t.Tunnel.Port, t.MTU)
	if t.Tunnel.Local.IsValid() {
		s += fmt.Sprintf(", local %v", t.Tunnel.Local)
	}
	if t.Tunnel.Remote.IsValid() {
		s += fmt.Sprintf(", remote %v", t.Tunnel.Remote)
	}
	if lower := j.lower(t); lower != nil {
		s += ", over " + printable(lower.Name)
	}
	if !t.Tunnel.Learning {
		s += ", nolearning"
	}
	return s
}

// lower returns the interface below a tunnel, nil where it names none.
func (j *judge) lower(t tunnel) *host.Link {
	for i := range j.Links {
		if t.Lower != 0 && j.Links[i].Index == t.Lower {
			return &j.Links[i]
		}
	}
	return nil
}

// otherNumber compares the VNI with that of the network: by who is plugged in, where that is expected, else by the name that
// CloudStack gives a bridge, brvx-VNI.
func (j *judge) otherNumber(t tunnel) (f rule.Finding, bad bool) {
	if t.Tunnel.External {
		return f, false
	}
	name, on := printable(t.Name), printable(t.bridge.Name)
	known := false
	for _, l := range j.links() {
		who := j.member(t.bridge, l)
		if l.VNI == nil || who == "" {
			continue
		}
		if l.VNI.Number != t.Tunnel.ID {
			f = checklist.Finding("kvm.vxlan-vni", name, fmt.Sprintf("%s on %s has VNI %d, and %s, to which %s belongs, has %d",
				name, on, t.Tunnel.ID, l.Name, who, l.VNI.Number), "")
			f.Expected = l.VNI.Place
			return f, true
		}
		known = true
	}
	digits, ok := strings.CutPrefix(t.bridge.Name, "brvx-")
	vni, err := strconv.ParseUint(digits, 10, 24)
	if known || !ok || err != nil || uint32(vni) == t.Tunnel.ID {
		return f, false
	}
	return checklist.Finding("kvm.vxlan-vni", name, fmt.Sprintf("%s on %s has VNI %d: by its name the bridge is that of VNI %d",
		name, on,
		t.Tunnel.ID, vni), fmt.Sprintf("`ip link del %s`, then stop and start a guest's machine on this host, which makes it "+
		"again; or "+
		"by hand: `ip link add %s type vxlan id %d …`", name, name, vni)), true
}

// member returns a machine on a bridge that belongs to an expected link, "" for none.
func (j *judge) member(b *bridge, l *expect.Link) string {
	for _, t := range b.taps {
		if !t.known {
			continue
		}
		if hasRouter(l, t.mac) || slices.ContainsFunc(l.Neighbors,
			func(n expect.Neighbor) bool { return n.MAC == expect.MAC(t.mac) }) {
			return fmt.Sprintf("%v on %s", t.mac, printable(t.Name))
		}
	}
	return ""
}

// otherPort says where VXLAN of a tunnel's VNI comes in to a port on which no device of this host takes it.
func (j *judge) otherPort(t tunnel) (f rule.Finding, bad bool) {
	for _, s := range j.Underlay {
		if s.VNI != t.Tunnel.ID || j.Takes(s.VNI, s.Port) || s.Count == 0 {
			continue
		}
		name := printable(t.Name)
		return checklist.Finding("kvm.vxlan-port", name,
			fmt.Sprintf("%v sends VNI %d to UDP port %d (%s by %s), and %s takes port %d",
				s.From, s.VNI, s.Port, count(int(s.Count), "packet"), printable(s.Device), name, t.Tunnel.Port),
			fmt.Sprintf("make the device with one port on every host, 4789 being the standard: `ip link add %s type vxlan id %d "+
				"dstport %d …`; "+
				"what makes it is CloudStack's modifyvxlan.sh", name, t.Tunnel.ID, s.Port)), true
	}
	return f, false
}

// underlayLine is about what carries the tunnels.
func (j *judge) underlayLine() checklist.Line {
	line := checklist.Line{Name: "underlay"}
	list := j.tunnels()
	if len(list) == 0 {
		return j.idle("underlay", "nothing is tunnelled")
	}
	var each []string
	for _, t := range list {
		line.Evidence = append(line.Evidence, fmt.Sprintf("%s: mtu %d, VNI %d", printable(t.Name), t.MTU, t.Tunnel.ID))
		lower := j.lower(t)
		if lower == nil {
			continue
		}
		if s := fmt.Sprintf("%s (MTU %d)", printable(lower.Name), lower.MTU); !slices.Contains(each, s) {
			each = append(each, s)
			if !lower.Up {
				line.Findings = append(line.Findings, checklist.Finding("kvm.bridge-down", printable(lower.Name),
					fmt.Sprintf("%s, which carries %s, is down", printable(lower.Name), printable(t.Name)),
					fmt.Sprintf("`ip link set %s up`", printable(lower.Name))))
			}
		}
	}
	for _, f := range j.Fits {
		if f.Rule != "pmtu.bridge-port-mtu" && slices.ContainsFunc(list,
			func(t tunnel) bool { return printable(t.Name) == f.Subject }) {
			line.Findings = append(line.Findings, f)
		}
	}
	line.Text = "found by the routes to the other ends"
	if len(each) > 0 {
		line.Text = some(each)
	}
	if len(line.Findings) == 0 {
		line.Text += ", room enough for what the tunnels carry"
	}
	for _, s := range j.Underlay {
		line.Evidence = append(line.Evidence, fmt.Sprintf("%s: %s of VNI %d from %v to UDP port %d", printable(s.Device),
			count(int(s.Count), "packet"), s.VNI, s.From, s.Port))
	}
	if j.Deaf != "" {
		line.Evidence = append(line.Evidence, "not listened: "+j.Deaf)
	}
	return line
}

// floodingLine is about where the tunnels send what is for all.
func (j *judge) floodingLine() checklist.Line {
	line := checklist.Line{Name: "flooding"}
	list := j.tunnels()
	if len(list) == 0 {
		return j.idle("flooding", "no tunnel that would need to know whom to send to")
	}
	var each []string
	for _, t := range list {
		name := printable(t.Name)
		if !t.Up {
			line.Status = max(line.Status, checklist.Skipped)
			each = append(each, name+" is down")
			continue
		}
		line.Evidence = append(line.Evidence, fmt.Sprintf("%s: 00:00:00:00:00:00 dst %s", name, addresses(t.Floods)))
		switch {
		case t.Tunnel.External: // whoever fills in the flows says where to
			each = append(each, name+" by its flows")
		case len(t.Floods) == 0:
			line.Findings = append(line.Findings, j.noFlood(t))
		case !t.McastFlood:
			line.Findings = append(line.Findings, checklist.Finding("kvm.vxlan-no-flood", name,
				fmt.Sprintf("mcast_flood is off on %s: no "+
					"Router Advertisement, and no neighbor solicitation, goes out to other hosts", name),
				fmt.Sprintf("`bridge link set dev %s mcast_flood on`", name)))
		default:
			each = append(each, name+" to "+addresses(t.Floods))
			if lower := j.lower(t); lower == nil || lower.Up {
				line.Findings = append(line.Findings, j.strays(t)...)
			}
		}
	}
	line.Text = some(each)
	return line
}

// strays is about other ends to which the kernel does not get what a tunnel sends.
func (j *judge) strays(t tunnel) []rule.Finding {
	name := printable(t.Name)
	var ends, whys []string
	for _, s := range j.Strays {
		switch {
		case s.Device != t.Name:
		case !s.To.IsValid():
			return []rule.Finding{checklist.Finding("kvm.vxlan-no-flood", name, fmt.Sprintf("%s sends nothing: %s", name, s.Why),
				fmt.Sprintf("give this host %v back, or make the device again with an address that it has: `ip -d link show dev %s`; "+
					"`ip addr`",
					t.Tunnel.Local, name))}
		default:
			ends, whys = append(ends, s.To.String()), append(whys, s.Why)
		}
	}
	if len(ends) == 0 {
		return nil
	}
	return []rule.Finding{checklist.Finding("kvm.vxlan-no-flood", name,
		fmt.Sprintf("%s is to send to %s what is for all, and does not get it "+
			"there: %s", name, some(ends), some(whys)), fmt.Sprintf("bring the route back (`ip route get %s`), or take the entry "+
			"out if no such host is "+
			"meant: `bridge fdb del 00:00:00:00:00:00 dev %s dst %s`", ends[0], name, ends[0]))}
}

func (j *judge) noFlood(t tunnel) rule.Finding {
	name := printable(t.Name)
	detail := fmt.Sprintf("%s has no entry for 00:00:00:00:00:00: what %s send to all stays on this host; it does no harm "+
		"only where no "+
		"guest of the network is elsewhere", name, names(t.bridge.taps))
	fix := fmt.Sprintf("`bridge fdb append 00:00:00:00:00:00 dev %s dst OTHER-HOST` for each other host", name)
	switch {
	case t.Tunnel.Remote.IsValid(): // it was made with one, and somebody has taken it out
		via := ""
		if lower := j.lower(t); lower != nil {
			via = " via " + printable(lower.Name)
		}
		fix = fmt.Sprintf("`bridge fdb append 00:00:00:00:00:00 dev %s dst %v%s`, as it was made with", name, t.Tunnel.Remote, via)
	case !t.Tunnel.Learning:
		fix = "with EVPN: `vtysh -c 'show evpn vni " + strconv.Itoa(int(t.Tunnel.ID)) + "'` must list the other hosts; else see " +
			"advertise-all-vni and the type-3 routes. By hand: " + fix
	}
	return checklist.Finding("kvm.vxlan-no-flood", name, detail, fix)
}

func addresses(list []netip.Addr) string {
	var each []string
	for _, a := range list {
		each = append(each, a.String())
	}
	return some(each)
}
