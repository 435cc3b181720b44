package kvm

import (
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/checklist"
	"v6probe/internal/host"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// bridgesLine is about the bridges, and the ports by which they reach other hosts.
func (j *judge) bridgesLine() checklist.Line {
	line := checklist.Line{Name: "bridges"}
	var up, idle []string
	for _, b := range j.bridges {
		line.Evidence = append(line.Evidence, describe(b))
		switch {
		case b.Up:
			up = append(up, printable(b.Name))
		case len(b.taps) == 0:
			idle = append(idle, printable(b.Name))
		default:
			line.Findings = append(line.Findings, checklist.Finding("kvm.bridge-down", printable(b.Name),
				fmt.Sprintf("bridge %s is down, with %s on it", printable(b.Name), names(b.taps)),
				fmt.Sprintf("`ip link set %s up`; why it was left down is in /var/log/cloudstack/agent/agent.log", printable(b.Name))))
		}
		if b.down || len(b.taps) == 0 {
			continue
		}
		for _, p := range b.uplinks {
			if f, bad := portDown(p, &b.Bridge, "the way to other hosts"); bad && p.Tunnel == nil {
				line.Findings = append(line.Findings, f)
			}
		}
	}
	line.Text = "up: " + some(up)
	if len(idle) > 0 {
		line.Text += "; down, with no guest on it: " + some(idle)
	}
	if len(line.Findings) > 0 {
		line.Text = line.Findings[0].Detail
	}
	return line
}

// describe tells a bridge as evidence.
func describe(b *bridge) string {
	state := "down"
	if b.Up {
		state = "up"
	}
	var ports []string
	for i, p := range b.Ports {
		if i == 32 {
			ports = append(ports, fmt.Sprintf("and %d more", len(b.Ports)-i))
			break
		}
		ports = append(ports, fmt.Sprintf("%s (%s, MTU %d)", printable(p.Name), portState(&p), p.MTU))
	}
	return fmt.Sprintf("%s: %s, MTU %d; ports: %s", printable(b.Name), state, b.MTU, strings.Join(ports, ", "))
}

func portState(p *host.BridgePort) string {
	switch {
	case !p.Up:
		return "down"
	case !p.Carrier:
		return "no carrier"
	}
	return p.State.String()
}

// portDown says what is wrong with a port that lets nothing pass; what is the port's part.
func portDown(p *host.BridgePort, b *host.Bridge, what string) (f rule.Finding, bad bool) {
	name, on := printable(p.Name), printable(b.Name)
	switch {
	case !p.Up:
		return checklist.Finding("kvm.bridge-down", name, fmt.Sprintf("%s, %s on bridge %s, is down", name, what, on),
			fmt.Sprintf("`ip link set %s up`", name)), true
	case p.Carrier && !b.STP && (p.State == host.PortBlocking || p.State == host.PortDisabled):
		detail := fmt.Sprintf("%s, %s on bridge %s, is %s: nothing passes there", name, what, on, p.State)
		return checklist.Finding("kvm.bridge-down", name, detail,
			fmt.Sprintf("`bridge link set dev %s state 3`, or take it out of the bridge and put it back", name)), true
	}
	return f, false
}

// tapsLine is about the ports with guests behind them.
func (j *judge) tapsLine() checklist.Line {
	line := checklist.Line{Name: "taps"}
	var dead []string
	total := 0
	for _, b := range j.works() {
		total += len(b.taps)
		for _, t := range b.taps {
			line.Evidence = append(line.Evidence, t.describe())
			if f, bad := portDown(t.BridgePort, &b.Bridge, "a guest's port"); bad {
				t.broken = true
				line.Findings = append(line.Findings, f)
			} else if !t.Carrier {
				t.broken = true
				dead = append(dead, printable(t.Name))
			}
		}
		line.Findings = append(line.Findings, j.sizes(b)...)
		line.Findings = append(line.Findings, deafPorts(b)...)
	}
	if total == 0 {
		return j.idle("taps", "no guest is plugged into a bridge here")
	}
	line.Text = count(total, "guest port")
	if len(line.Findings) == 0 {
		line.Text += ", all up"
	} else {
		line.Text += ", but " + line.Findings[0].Detail
	}
	if len(dead) > 0 {
		line.Status = checklist.Note
		line.Text = fmt.Sprintf("%s; no machine has its end open of %s", count(total, "guest port"), some(dead))
	}
	return line
}

// describe tells a tap as evidence.
func (t *tap) describe() string {
	s := fmt.Sprintf("%s on %s: %s, MTU %d", printable(t.Name), printable(t.bridge.Name), portState(t.BridgePort), t.MTU)
	if t.known {
		s += fmt.Sprintf(", machine %v (%v)", t.mac, packet.LinkLocal(t.mac))
	} else {
		s += ", no machine heard of"
	}
	if t.router {
		s += ", taken for a router"
	}
	if t.group {
		s += ", has the rules of a security group"
	}
	return s
}

// sizes is about guests that may send more than what leads to other hosts carries. Of tunnels host.Tunnels says it.
func (j *judge) sizes(b *bridge) []rule.Finding {
	var found []rule.Finding
	told := false
	for _, f := range j.Fits {
		if f.Rule == "pmtu.bridge-port-mtu" && f.Subject == printable(b.Name) {
			found, told = append(found, f), true
		}
	}
	for _, p := range b.uplinks {
		if told || !p.Up || p.MTU < 1 {
			continue
		}
		var over []*tap
		most := 0
		for _, t := range b.taps {
			if t.Up && t.MTU > p.MTU {
				over, most = append(over, t), max(most, t.MTU)
			}
		}
		if len(over) > 0 {
			found = append(found, checklist.Finding("kvm.guest-mtu", printable(b.Name),
				fmt.Sprintf("on %s %s may send %d bytes, and %s carries %d: what is longer vanishes without a word",
					printable(b.Name), names(over), most, printable(p.Name), p.MTU),
				fmt.Sprintf("`ip link set %s mtu %d` with the switches behind it, or set the network's privatemtu to %d and restart it",
					printable(p.Name), most, p.MTU)))
		}
	}
	return found
}

// deafPorts is about taps out of which multicast, and advertisements with it, does not go.
func deafPorts(b *bridge) []rule.Finding {
	var found []rule.Finding
	for _, t := range b.taps {
		name := printable(t.Name)
		if t.broken {
			continue
		}
		if !t.McastFlood {
			t.broken = true
			found = append(found, checklist.Finding("kvm.lost", name,
				fmt.Sprintf("mcast_flood is off on %s: no Router Advertisement, and "+
					"no neighbor solicitation, goes out to the machine there", name), fmt.Sprintf("`bridge link set dev %s mcast_flood "+
					"on`", name)))
		}
		cut := slices.IndexFunc(b.uplinks, func(p *host.BridgePort) bool { return p.Isolated && p.Up })
		if t.Isolated && cut >= 0 {
			t.broken = true
			found = append(found, bothIsolated(name, printable(b.uplinks[cut].Name)))
			continue
		}
		router := slices.IndexFunc(b.taps, func(o *tap) bool { return o.router && o.Isolated && o.Up && o.Carrier })
		if t.Isolated && !t.router && router >= 0 {
			t.broken = true
			found = append(found, bothIsolated(name, printable(b.taps[router].Name)))
		}
	}
	return found
}

// bothIsolated is about a tap, and the port by which it would reach its router.
func bothIsolated(tap, other string) rule.Finding {
	return checklist.Finding("kvm.lost", tap, fmt.Sprintf("%s and %s are both isolated ports: nothing passes between them", tap,
		other),
		fmt.Sprintf("`bridge link set dev %s isolated off`", other))
}
