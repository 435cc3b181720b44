package vr

import (
	"fmt"
	"slices"

	"v6probe/internal/checklist"
	"v6probe/internal/expect"
	"v6probe/internal/rule"
)

// leastMTU is what every link must carry (RFC 8200 §5).
const leastMTU = 1280

// ipv6 looks whether there is IPv6 at all, and whether the interfaces are up.
func (j *judge) ipv6() []checklist.Line {
	line := checklist.Line{Name: "IPv6"}
	if j.NoIPv6 {
		line.Text = "this kernel runs without IPv6"
		line.Findings = append(line.Findings, checklist.Finding("vr.ipv6-disabled", "kernel", line.Text,
			"Take ipv6.disable=1 out of the kernel's command line (/proc/cmdline shows it) and start again, or `modprobe ipv6`."))
		for _, i := range j.judged() {
			j.cause[i.Name] = line.Text
		}
		return one(line)
	}
	var off, on []string
	for _, i := range j.judged() {
		name := printable(i.Name)
		switch {
		case slices.Contains(j.Guests, i.Name) && j.quiet(i) != "": // where it is silent it may do without
			if i.Conf != nil && i.Conf.DisableIPv6 == 0 {
				on = append(on, i.Name)
			}
		case !i.Up:
			j.cause[i.Name] = name + " is down"
			line.Findings = append(line.Findings, j.down(i))
		case i.MTU < leastMTU:
			j.cause[i.Name] = name + " has no IPv6, as its MTU is below 1280"
			line.Findings = append(line.Findings, j.narrow(i))
		case i.Conf == nil:
			line.Status = checklist.Unknown
			line.Evidence = append(line.Evidence, "net.ipv6.conf."+name+": cannot be read")
		case i.Conf.DisableIPv6 != 0:
			j.cause[i.Name] = "IPv6 is turned off on " + name
			off = append(off, i.Name)
		default:
			on = append(on, i.Name)
		}
		if i.Conf != nil {
			line.Evidence = append(line.Evidence, sysctl(i.Name, "disable_ipv6", i.Conf.DisableIPv6))
		}
	}
	line.Text = "on " + names(on)
	if len(on) == 0 {
		line.Text = "on no interface"
	}
	if len(off) > 0 {
		line.Text = "off on " + names(off)
		line.Findings = append(line.Findings, j.disabled(off))
	} else if len(line.Findings) > 0 {
		line.Text = clauses(j.causes())
	}
	return one(line)
}

// causes lists those of the interfaces that are judged, in their order.
func (j *judge) causes() []string {
	var list []string
	for _, i := range j.judged() {
		if c := j.cause[i.Name]; c != "" {
			list = append(list, c)
		}
	}
	return list
}

func (j *judge) disabled(off []string) rule.Finding {
	command := "sysctl -w"
	if j.AllUnread == "" && j.All.DisableIPv6 != 0 {
		command += " net.ipv6.conf.all.disable_ipv6=0"
	} else {
		for _, name := range off {
			command += " net.ipv6.conf." + printable(name) + ".disable_ipv6=0"
		}
	}
	return checklist.Finding("vr.ipv6-disabled", names(off), "IPv6 is turned off on "+names(off)+", where the addresses have gone with it",
		"`"+command+"`, then restart the network with cleanup, or set the addresses again by hand.")
}

// down finds that an interface is down. Its addresses go with that, and the routes by it.
func (j *judge) down(i *Interface) rule.Finding {
	id, name := rule.ID("vr.no-link-local"), printable(i.Name)
	what := name + " is down, so that it has no link-local address and nothing is advertised there"
	if i.Name == j.Public && !slices.Contains(j.Guests, i.Name) {
		id, what = "vr.no-default-route", name+" is down, the way to the world"
	}
	return checklist.Finding(id, name, what, fmt.Sprintf("`ip link set %s up`; then see that its addresses and routes are there: "+
		"`ip -6 addr show dev %s`, `ip -6 route`.", name, name))
}

// narrow finds that an interface carries too little for IPv6. Where CloudStack was told to have it so, that is the fault.
func (j *judge) narrow(i *Interface) rule.Finding {
	if f, ok := j.narrowNetwork(i); ok {
		return f
	}
	return checklist.Finding("vr.interface-mtu", printable(i.Name),
		fmt.Sprintf("%s carries %d bytes, and IPv6 needs %d: the kernel has taken IPv6 off it", printable(i.Name), i.MTU, leastMTU),
		fmt.Sprintf("`ip link set %s mtu 1500`, then set its addresses again, or restart the network with cleanup. In CloudStack the "+
			"network's privatemtu and publicmtu must be %d at least.", printable(i.Name), leastMTU))
}

// narrowNetwork returns the flaw of the expectation by which the network of an interface has too small an MTU.
func (j *judge) narrowNetwork(i *Interface) (rule.Finding, bool) {
	l := j.expected(j.Expect, i)
	if l == nil {
		return rule.Finding{}, false
	}
	for n := range j.Expect.Flaws {
		if f := &j.Expect.Flaws[n]; f.Rule == "expect.network-mtu" && f.Link == l.Name && f.Severity == rule.Error {
			return flaw(f), true
		}
	}
	return rule.Finding{}, false
}

// flaw makes a finding of what is wrong with an expectation.
func flaw(f *expect.Flaw) rule.Finding {
	return rule.Finding{Rule: f.Rule, Severity: f.Severity, Detail: f.Detail, Fix: f.Fix, Expected: f.Place, Subject: f.Place.String(),
		Offset: -1}
}

// forwarding looks whether this machine is a router.
func (j *judge) forwarding() []checklist.Line {
	line := checklist.Line{Name: "forwarding"}
	if j.AllUnread != "" {
		line.Status, line.Text = checklist.Unknown, "cannot be read: "+j.AllUnread
		if j.NoIPv6 {
			line.Status, line.Text = checklist.Skipped, "this kernel runs without IPv6"
		}
		return one(line)
	}
	line.Evidence = append(line.Evidence, sysctl("all", "forwarding", j.All.Forwarding))
	if j.All.Forwarding == 0 {
		line.Text = "off"
		if !j.routes() {
			line.Text = "off; it is not this machine that routes"
			return one(line)
		}
		j.noForwarding = true
		line.Findings = append(line.Findings, checklist.Finding("vr.forwarding-off", "all",
			"net.ipv6.conf.all.forwarding is 0: what guests send to the world ends here", ""))
		return one(line)
	}
	line.Text = "on"
	if !j.routes() {
		return one(line)
	}
	for _, i := range j.guests() {
		if i.Conf == nil || j.cause[i.Name] != "" {
			continue
		}
		line.Evidence = append(line.Evidence, sysctl(i.Name, "forwarding", i.Conf.Forwarding))
		if i.Conf.Forwarding != 0 {
			continue
		}
		name := printable(i.Name)
		line.Text = "on, but not on " + name
		line.Findings = append(line.Findings, checklist.Finding("vr.forwarding-off", name,
			fmt.Sprintf("net.ipv6.conf.%s.forwarding is 0: in its neighbor advertisements %s does not call itself a router, and guests "+
				"drop their default route", name, name),
			fmt.Sprintf("`sysctl -w net.ipv6.conf.%s.forwarding=1`, and in /etc/sysctl.d for good.", name)))
	}
	return one(line)
}

// defaultRoute looks for the way out.
func (j *judge) defaultRoute() []checklist.Line {
	line := checklist.Line{Name: "default route"}
	public := printable(j.Public)
	switch {
	case j.World != nil && j.World.Local:
		line.Status, line.Text = checklist.Note, "this machine takes the whole world for its own: see `ip -6 route show table local`"
	case j.World != nil:
		line.Text = "by " + printable(j.World.Device)
		if j.World.Gateway.IsValid() {
			line.Text = fmt.Sprintf("%v by %s", j.World.Gateway, printable(j.World.Device))
		}
		line.Evidence = append(line.Evidence, fmt.Sprintf("ip -6 route get %v: %s", j.World.Target, line.Text))
	case j.NoIPv6:
		line.Status, line.Text = checklist.Skipped, "this kernel runs without IPv6"
	case !j.routes():
		line.Text = "none, and none is needed"
	case j.Public != "" && j.cause[j.Public] != "":
		line.Status, line.Text = checklist.Skipped, j.cause[j.Public]
	default:
		line.Text = "none"
		dev := "PUBLIC"
		if j.Public != "" {
			dev = public
		}
		line.Evidence = append(line.Evidence, j.NoWorld)
		detail := "there is no IPv6 default route: what guests send to the world ends here"
		if off := j.downed(); len(off) > 0 && j.Public == "" {
			detail += "; down is " + names(off)
		}
		if j.Refused != "" {
			line.Text = "refused (" + j.Refused + ")"
			line.Findings = append(line.Findings, checklist.Finding("vr.no-default-route", "refused",
				"a rule or a route of the type "+j.Refused+" comes before a default route: what guests send to the world ends here",
				fmt.Sprintf("`ip -6 rule` and `ip -6 route get fibmatch %v` show it; take it away, and see that `ip -6 route` has a "+
					"default route by %s.", nobodys, dev)))
			break
		}
		line.Findings = append(line.Findings, checklist.Finding("vr.no-default-route", "", detail,
			fmt.Sprintf("`ip -6 route add default via GATEWAY dev %s`, where GATEWAY is the public range's ip6gateway in CloudStack. While "+
				"it forwards, the router ignores advertisements, so that the route is static.", dev)))
	}
	return one(line)
}

// downed lists the interfaces that are down and by which the world could be reached.
func (j *judge) downed() []string {
	var list []string
	for n := range j.Interfaces {
		if i := &j.Interfaces[n]; !i.Up && ethernet(i) && !slices.Contains(j.Guests, i.Name) {
			list = append(list, i.Name)
		}
	}
	return list
}
