package guest

import (
	"fmt"
	"net/netip"

	"v6probe/internal/checklist"
	"v6probe/internal/slaac"
)

// minMTU is the least MTU of an interface with IPv6 (RFC 8200 §5).
const minMTU = 1280

func (j *judge) link() {
	i := &j.Facts.Interface
	l := checklist.Line{Name: lineLink, Text: fmt.Sprintf("up, MTU %d", i.MTU), Evidence: []string{
		fmt.Sprintf("%s: operstate %s, carrier %s, mtu %d", j.name, i.State, yes(i.Carrier), i.MTU)}}
	switch {
	case i.Loopback:
		l.Text, l.Status, j.off = "the loopback: no link that a guest is configured by", checklist.Note, lineLink
	case !i.Up:
		l.Text, j.off = "down", lineLink
		j.found(&l, "guest.interface-down", j.name, fmt.Sprintf("`ip link set %s up`", j.name), "%s is set down", j.name)
	case !i.Carrier && i.Kind == "bridge":
		// A bridge without ports, as Docker's while no container runs, is as it should be.
		l.Text, l.Status, j.off = "a bridge without a port that is up: nothing to configure it by", checklist.Note, lineLink
	case !i.Carrier || !i.Running:
		l.Text, j.off = "no carrier", lineLink
		j.found(&l, "guest.interface-down", j.name,
			"Of a guest look at its tap on the KVM host (`v6probe kvm` there); else at the cable, or the other end of the link: "+
				fmt.Sprintf("`ip -d link show %s`", j.name), "%s is up, but has no carrier: its other end is not there", j.name)
	case i.Kind == "bridge" && j.routed():
		l.Text, l.Status, j.off = "a bridge that this host routes for: nobody else advertises there", checklist.Note, lineLink
	case i.Master != "" && (i.MasterKind == "bridge" || i.MasterKind == "openvswitch"):
		l.Text = fmt.Sprintf("up, a port of bridge %s, which has the addresses if there are any: v6probe slaac -i %[1]s", i.Master)
		l.Status, j.off = checklist.Note, lineLink
	}
	if i.MTU < minMTU && !i.Loopback {
		l.Text += fmt.Sprintf("; MTU %d", i.MTU)
		f := j.found(&l, "guest.mtu-below-1280", j.name, "", "the MTU of %s is %d", j.name, i.MTU)
		f.Fix = fmt.Sprintf("`ip link set %s mtu 1500`, and mend what gave it: CloudStack's privatemtu reaches guests by DHCPv4 option 26", j.name)
		j.off = lineLink
	}
	j.add(l)
}

// routed reports whether this host is itself the router of an interface, as of Docker's and libvirt's bridges: it forwards there,
// and hears no other router.
func (j *judge) routed() bool {
	return j.Facts.Settings != nil && j.Facts.Settings.Forwarding != 0 && j.State.Advertisements == 0
}

func (j *judge) ipv6() {
	f := j.Facts
	l := checklist.Line{Name: lineIPv6, Text: "on"}
	fix := fmt.Sprintf("`sysctl -w net.ipv6.conf.%s.disable_ipv6=0`, and in /etc/sysctl.d for good", j.name)
	switch why, unread := f.Misses(PartSettings); {
	case f.IPv6 == IPv6Disabled:
		l.Text, j.off = "turned off for the whole kernel", lineIPv6
		j.found(&l, "guest.ipv6-disabled", "kernel", "Remove ipv6.disable=1 from the kernel's command line (/etc/default/grub) or from "+
			"/etc/modprobe.d, and start the host again", "the kernel was started with ipv6.disable=1")
	case f.IPv6 == IPv6Missing:
		l.Text, j.off = "not in this kernel", lineIPv6
		j.found(&l, "guest.ipv6-disabled", "kernel", "`modprobe ipv6`", "the kernel has no IPv6: there is no /proc/sys/net/ipv6")
	case unread:
		l.Status, l.Text = checklist.Unknown, "its settings could not be read: "+why
	case f.Settings == nil && j.off != "":
		j.skip(lineIPv6, j.off)
		return
	case f.Settings == nil:
		l.Text, j.off = "not on this interface", lineIPv6
		j.found(&l, "guest.ipv6-disabled", j.name, fmt.Sprintf("`ip link set %s down`, then `up`", j.name),
			"the kernel keeps no IPv6 settings for %s", j.name)
	case f.Settings.DisableIPv6 != 0:
		l.Text, j.off = "turned off on this interface", lineIPv6
		if f.All != nil && f.All.DisableIPv6 != 0 {
			fix = "`sysctl -w net.ipv6.conf.all.disable_ipv6=0`, and in /etc/sysctl.d for good"
		}
		j.found(&l, "guest.ipv6-disabled", j.name, fix, "net.ipv6.conf.%s.disable_ipv6 is %d", j.name, f.Settings.DisableIPv6)
	}
	if f.Settings != nil {
		l.Evidence = append(l.Evidence, fmt.Sprintf("net.ipv6.conf.%s.disable_ipv6 = %d", j.name, f.Settings.DisableIPv6))
	}
	j.add(l)
}

// linkLocal judges the address that everything else begins with (RFC 4862 §5.3).
func (j *judge) linkLocal() {
	l := checklist.Line{Name: lineLocal}
	switch {
	case j.off != "":
		j.skip(lineLocal, j.off)
		return
	case j.Facts == nil:
		j.modelLocal(&l)
	case j.wireless() && len(j.locals()) == 0:
		l.Text = "none, and none is needed: this link has no neighbor discovery"
	default:
		j.ownLocal(&l)
	}
	if j.add(l) == checklist.Fail {
		j.mute = lineLocal
	}
}

// modelLocal judges the link-local address of a host in a capture.
func (j *judge) modelLocal(l *checklist.Line) {
	a := j.State.LinkLocal
	l.Text = a.Address.String()
	switch a.State {
	case slaac.Duplicate:
		l.Text += ", but another has it too"
		j.duplicate(l, a.Address, a.Contested)
	case slaac.Tentative:
		l.Status, l.Text = checklist.Unknown, l.Text+"; the capture ends before its test is over"
	}
}

func (j *judge) locals() []*Address {
	var list []*Address
	for i := range j.Facts.Addresses {
		if a := &j.Facts.Addresses[i]; a.Addr().IsLinkLocalUnicast() {
			list = append(list, a)
		}
	}
	return list
}

// ownLocal judges what the kernel has.
func (j *judge) ownLocal(l *checklist.Line) {
	if why, unread := j.Facts.Misses(PartAddresses); unread {
		l.Status, l.Text = checklist.Unknown, "the addresses could not be read: "+why
		return
	}
	var failed, tested netip.Addr
	for _, a := range j.locals() {
		l.Evidence = append(l.Evidence, a.describe())
		switch {
		case a.Usable():
			l.Text = a.Addr().String()
			return
		case a.Failed:
			failed = a.Addr()
		default:
			tested = a.Addr()
		}
	}
	switch {
	case tested.IsValid():
		l.Status, l.Text = checklist.Unknown, tested.String()+", still tested for a duplicate"
		j.mute = lineLocal
	case failed.IsValid():
		l.Text = failed.String() + ": its test found another station with it"
		j.failed(l, failed)
	default:
		l.Text = "none"
		j.noLocal(l)
	}
}

func (j *judge) noLocal(l *checklist.Line) {
	s := j.Facts.Settings
	fix := fmt.Sprintf("`ip link set %s down`, then `up`: the kernel forms it then", j.name)
	why := ""
	if s != nil && s.AddrGenMode == 1 {
		why = fmt.Sprintf(": net.ipv6.conf.%s.addr_gen_mode is 1, so that the kernel forms none", j.name)
		fix = fmt.Sprintf("`sysctl -w net.ipv6.conf.%s.addr_gen_mode=0`, then `ip link set %s down` and `up`", j.name, j.name)
		l.Evidence = append(l.Evidence, fmt.Sprintf("net.ipv6.conf.%s.addr_gen_mode = 1", j.name))
	}
	if m := j.client; m != nil {
		why += fmt.Sprintf("; %s has the interface", m.Name)
		fix = "In NetworkManager set ipv6.method=auto, in systemd-networkd LinkLocalAddressing=ipv6; then bring the interface up again"
	}
	j.found(l, "guest.no-link-local", j.name, fix, "%s has no address of fe80::/10%s", j.name, why)
}

// describe is an address as the kernel has it.
func (a *Address) describe() string {
	s := a.Prefix.String()
	for _, f := range []struct {
		set  bool
		word string
	}{
		{a.Tentative && !a.Failed, "tentative"}, {a.Failed, "dadfailed"}, {a.Optimistic, "optimistic"}, {a.Deprecated, "deprecated"},
		{a.Temporary, "temporary"}, {a.ManageTemp, "mngtmpaddr"}, {a.StablePrivacy, "stable-privacy"}, {a.NoPrefixRoute, "noprefixroute"},
	} {
		if f.set {
			s += " " + f.word
		}
	}
	if a.Origin != "" {
		s += " proto " + a.Origin
	}
	return s + " valid_lft " + lifetime(a.Valid) + " preferred_lft " + lifetime(a.Preferred)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
