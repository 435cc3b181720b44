package expect

import (
	"fmt"
	"net/netip"
	"strings"

	"v6probe/internal/rule"
)

const (
	// minMTU is what every link must carry (RFC 8200 §5).
	minMTU = 1280
	// maxAlike is how many flaws of one kind are told of the interfaces of one network.
	maxAlike = 10
)

func (n *cloudNetwork) flaw(id rule.ID, at rule.Place, detail, fix string) {
	r, _ := rule.Lookup(id)
	n.flaws = append(n.flaws, Flaw{Rule: id, Severity: r.Severity, Link: n.link.Name, Detail: detail, Fix: fix, Place: at})
}

// sixish reports whether the network is meant to have IPv6, as far as its offering says.
func (n *cloudNetwork) sixish() bool {
	return strings.EqualFold(n.protocol.S, "DualStack") || strings.EqualFold(n.protocol.S, "IPv6")
}

// mtu says what MTU guests should have, and complains where IPv6 does not work with it. The API takes 68 for the least, so
// that 0 is none that was set.
func (n *cloudNetwork) mtu() {
	n.link.MTU = n.privateMTU.N
	for _, g := range n.guests {
		if n.link.MTU == 0 {
			n.link.MTU = g.mtu.N
		}
	}
	if n.cidr.S == "" && strings.EqualFold(n.protocol.S, "IPv4") {
		return
	}
	id := apiID(n.id.S)
	if small(n.privateMTU) {
		n.flaw("expect.network-mtu", n.privateMTU.Place,
			fmt.Sprintf("privatemtu is %d, and IPv6 needs %d", n.privateMTU.N, minMTU),
			fmt.Sprintf("`cmk update network id=%s privatemtu=1450` (%d at least; no more than the underlay carries), then restart "+
				"the network, and renew the lease of the guests' DHCPv4, which tells them.", id, minMTU))
	}
	if small(n.publicMTU) {
		what := "network id=" + id
		if n.vpc.S != "" {
			what = "vpc id=" + apiID(n.vpc.S)
		}
		n.flaw("expect.network-mtu", n.publicMTU.Place,
			fmt.Sprintf("publicmtu is %d, and IPv6 needs %d, so that the Virtual Router has none upstream", n.publicMTU.N, minMTU),
			fmt.Sprintf("`cmk update %s publicmtu=1500` (%d at least), then restart it.", what, minMTU))
	}
	for _, list := range [][]cloudNIC{n.guests, n.routers} {
		for _, c := range list {
			n.smallNIC(c)
		}
	}
	n.more(n.smalls, "expect.network-mtu", "interfaces have an MTU below 1280")
}

// smallNIC complains of an interface's MTU, where it is not the network's own of which that is said already.
func (n *cloudNetwork) smallNIC(c cloudNIC) {
	if !small(c.mtu) || c.mtu.N == n.privateMTU.N {
		return
	}
	if n.smalls++; n.smalls <= maxAlike {
		n.flaw("expect.network-mtu", c.mtu.Place,
			fmt.Sprintf("mtu of %s (%v) is %d, and IPv6 needs %d", c.of.label(), c.hw, c.mtu.N, minMTU),
			fmt.Sprintf("`cmk update network id=%s privatemtu=1450` (%d at least), then restart the network.", apiID(n.id.S), minMTU))
	}
}

func small(n apiNumber) bool { return 0 < n.N && n.N < minMTU }

// more says how many flaws of a kind are not told one by one.
func (n *cloudNetwork) more(count int, id rule.ID, what string) {
	if count > maxAlike {
		n.flaw(id, n.place, fmt.Sprintf("%d more %s", count-maxAlike, what), "")
	}
}

// addressing complains of what is wrong with the prefix and the gateway.
func (n *cloudNetwork) addressing() error {
	if !n.prefix.IsValid() {
		if n.is("Isolated") && n.sixish() {
			n.flaw("expect.source", n.protocol.Place,
				fmt.Sprintf("internetprotocol is %s, but the network has no ip6cidr: its guests get only fe80:: addresses (compare "+
					"apache/cloudstack#13121)", apiShort(n.protocol.S)),
				"See that the zone has a prefix for guests (`cmk list guestnetworkipv6prefixes`), then set the network's offering "+
					"again: `cmk update network id="+apiID(n.id.S)+" networkofferingid=OFFERING`.")
		}
		return nil
	}
	if n.prefix.Bits() != 64 {
		n.flaw("expect.source", n.cidr.Place,
			fmt.Sprintf("ip6cidr is %v, not a /64: guests form no address in it by SLAAC", n.prefix),
			"Make the network anew with a /64: CloudStack gives its guests no address but by SLAAC.")
	}
	if n.gateway.S == "" {
		return nil
	}
	gw, err := parseAPIAddress(n.gateway)
	if err != nil {
		return err
	}
	if !n.prefix.Contains(gw) && !gw.IsLinkLocalUnicast() {
		n.flaw("expect.source", n.gateway.Place, fmt.Sprintf("ip6gateway is %v, which is not in ip6cidr %v", gw, n.prefix),
			"Correct whichever of the two is wrong; radvd takes the prefix that it advertises from the gateway's address.")
	}
	return nil
}

// differs complains of a guest for which CloudStack has another address than the guest gives itself.
func (n *cloudNetwork) differs(g cloudNIC, api, slaac netip.Addr) {
	if n.differ++; n.differ > maxAlike {
		return
	}
	n.flaw("expect.source", g.address.Place,
		fmt.Sprintf("ip6address of %s is %v, but SLAAC gives it %v, by its MAC %v: DNS, firewall and security groups are for an "+
			"address that it does not have", g.of.label(), api, slaac, g.hw),
		"Take the interface off the guest and add it again, so that CloudStack computes the address anew; or set that address "+
			"in the guest.")
}

// apiID is an id for a command to be copied: one with other characters than ids have could be a command of its own.
func apiID(id string) string {
	if id == "" || len(id) > 64 || strings.Trim(strings.ToLower(id), "0123456789abcdefghijklmnopqrstuvwxyz-") != "" {
		return "ID"
	}
	return id
}
