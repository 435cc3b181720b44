package vr

import (
	"fmt"
	"net/netip"

	"v6probe/internal/checklist"
	"v6probe/internal/rule"
)

// addresses looks whether the interfaces have the addresses that they need.
func (j *judge) addresses() []checklist.Line {
	line := checklist.Line{Name: "addresses"}
	var seen []string
	for _, i := range j.guests() {
		if c := j.cause[i.Name]; c != "" {
			seen = append(seen, c)
			continue
		}
		if j.quiet(i) == "" {
			line.Findings = append(line.Findings, j.linkLocalOf(i)...)
			line.Findings = append(line.Findings, j.gatewayOf(i)...)
		}
		seen = append(seen, printable(i.Name)+" has "+addressWords(i))
		line.Evidence = append(line.Evidence, addressEvidence(i)...)
	}
	if i := j.iface(j.Public); i != nil && j.routes() && j.cause[i.Name] == "" {
		line.Findings = append(line.Findings, j.publicAddress(i)...)
		seen = append(seen, printable(i.Name)+" has "+addressWords(i))
		line.Evidence = append(line.Evidence, addressEvidence(i)...)
	}
	line.Text = clauses(seen)
	if len(seen) == 0 {
		line.Status, line.Text = checklist.Skipped, "there is no interface for guests"
	}
	if len(line.Findings) == 0 && len(seen) > 0 && len(j.causes()) == len(seen) {
		line.Status = checklist.Skipped
	}
	return one(line)
}

// addressWords names the addresses of an interface that can be used.
func addressWords(i *Interface) string {
	var list []string
	for _, a := range i.globals() {
		list = append(list, a.Prefix.String())
	}
	if _, ok := i.linkLocal(); ok {
		list = append(list, "a link-local address")
	}
	if len(list) == 0 {
		return "no address"
	}
	return some(list)
}

func addressEvidence(i *Interface) []string {
	var list []string
	for _, a := range i.Addresses {
		s := fmt.Sprintf("%s: %v", printable(i.Name), a.Prefix)
		switch {
		case a.Failed:
			s += ", a duplicate"
		case a.Tentative:
			s += ", tentative"
		}
		list = append(list, s)
	}
	return list
}

// linkLocalOf finds that an interface has no link-local address that can be used.
func (j *judge) linkLocalOf(i *Interface) []rule.Finding {
	if _, ok := i.linkLocal(); ok {
		return nil
	}
	name := printable(i.Name)
	detail, fix := name+" has no link-local address, without which nothing can be advertised", ""
	if i.Conf != nil && i.Conf.AddrGenMode == 1 {
		detail += fmt.Sprintf(": net.ipv6.conf.%s.addr_gen_mode is 1", name)
	}
	for _, a := range i.Addresses {
		switch {
		case !a.Prefix.Addr().IsLinkLocalUnicast():
		case a.Failed:
			detail, fix = duplicate(name, a.Prefix.Addr())
		case a.Tentative:
			detail = fmt.Sprintf("%s has only %v, which is tested still and cannot be used yet", name, a.Prefix.Addr())
			fix = fmt.Sprintf("See that %s has a carrier (`ip link show dev %s`), and look again.", name, name)
		}
	}
	j.cause[i.Name] = name + " has no link-local address"
	if fix == "" {
		fix = fmt.Sprintf("`sysctl -w net.ipv6.conf.%s.addr_gen_mode=0`, then `ip link set %s down` and `up`.", name, name)
	}
	return []rule.Finding{checklist.Finding("vr.no-link-local", name, detail, fix)}
}

func duplicate(name string, a netip.Addr) (detail, fix string) {
	return fmt.Sprintf("another station on %s has %v too, so that the kernel does not use it", name, a),
		fmt.Sprintf("Find it: `v6probe nd %v -i %s` names its Ethernet address. Then set the link down and up.", a, name)
}

// gatewayOf finds that an interface lacks the address by which this machine is the gateway there.
func (j *judge) gatewayOf(i *Interface) []rule.Finding {
	name := printable(i.Name)
	add := func(detail, fix string) []rule.Finding {
		return []rule.Finding{checklist.Finding("vr.no-address", name, detail, fix)}
	}
	restart := "restart the network with cleanup"
	for _, a := range i.Addresses {
		if a.Failed && !a.Prefix.Addr().IsLinkLocalUnicast() {
			return add(duplicate(name, a.Prefix.Addr()))
		}
	}
	if gw, ok := j.Role.Gateways[i.Name]; ok {
		if !i.within(netip.PrefixFrom(gw, gw.BitLen())) {
			return add(fmt.Sprintf("%s lacks %v, which CloudStack has for the guests' gateway", name, gw),
				fmt.Sprintf("`ip -6 addr add %v/64 dev %s`, or %s.", gw, name, restart))
		}
		return nil
	}
	var prefixes []netip.Prefix
	if b := j.Radvd.block(i.Name); b != nil {
		prefixes = b.Prefixes
	} else if l := j.expected(j.Expect, i); l != nil {
		prefixes = l.Prefixes
	}
	for _, p := range prefixes {
		if !i.within(p) && j.Radvd.Ways[p] != i.Name {
			return add(fmt.Sprintf("%s has no address in %v, which is its guests' prefix, nor a route to it: answers to guests go astray",
				name, p), fmt.Sprintf("`ip -6 addr add %v/%d dev %s` (CloudStack's gateway), or %s.", p.Addr().Next(), p.Bits(), name, restart))
		}
	}
	if len(prefixes) == 0 && len(i.globals()) == 0 && j.Sure[i.Name] {
		return add(fmt.Sprintf("%s has no address but link-local ones", name),
			fmt.Sprintf("Give it the gateway's address of its guests' prefix: `ip -6 addr add PREFIX::1/64 dev %s`, or %s.", name, restart))
	}
	return nil
}

// publicAddress finds that the way out has no address although the router there is reached by one.
func (j *judge) publicAddress(i *Interface) []rule.Finding {
	name := printable(i.Name)
	for _, a := range i.Addresses {
		if a.Failed {
			detail, fix := duplicate(name, a.Prefix.Addr())
			return []rule.Finding{checklist.Finding("vr.no-address", name, detail, fix)}
		}
	}
	if j.World == nil || !j.World.Gateway.IsValid() || j.World.Gateway.IsLinkLocalUnicast() || len(i.globals()) > 0 {
		return nil
	}
	return []rule.Finding{checklist.Finding("vr.no-address", name,
		fmt.Sprintf("%s has no global address, and its gateway is %v: the network before it sends the guests' prefix to an address that is "+
			"not there", name, j.World.Gateway), "")}
}
