package e2e

import (
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

const (
	gateway = "fd17:625c:f037:2::1/64"
	dns1    = "2001:db8::53"
	dns2    = "2001:db8:1::53"
)

// host returns a namespace that ends with the test, whose addresses are of use at once, and whose kernel does not
// solicit: a test that wants a question asks it.
func host(t *testing.T) *lab.Namespace {
	t.Helper()
	n, err := lab.New()
	check(t, err)
	t.Cleanup(func() { n.Close() })
	check(t, n.SkipDAD(), n.Sysctl("ipv6/conf/default/router_solicitations", "0"))
	return n
}

// router returns a namespace that forwards, with the sysctls of a virtual router.
func router(t *testing.T) *lab.Namespace {
	t.Helper()
	n := host(t)
	check(t, n.Sysctl("ipv6/conf/all/forwarding", "1"), n.Sysctl("ipv6/conf/all/accept_ra", "1"))
	return n
}

// isolated returns an isolated network: a guest and its router, joined by an eth0 each, with the addresses of craft.
func isolated(t *testing.T) (guest, vr *lab.Namespace) {
	t.Helper()
	guest, vr = host(t), router(t)
	link(t, lab.End{NS: vr, Name: "eth0", MAC: craft.RouterMAC}, lab.End{NS: guest, Name: "eth0", MAC: craft.GuestMAC})
	check(t, vr.AddAddress("eth0", gateway))
	return guest, vr
}

// link joins two interfaces and waits until both have their link-local addresses.
func link(t *testing.T, a, b lab.End) {
	t.Helper()
	check(t, lab.Veth(a, b))
	for _, end := range []lab.End{a, b} {
		_, err := end.NS.WaitLinkLocal(within(t, 20*time.Second), end.Name)
		check(t, err)
	}
}

// radvd runs radvd in a namespace until the test ends.
func radvd(t *testing.T, ns *lab.Namespace, config string) {
	t.Helper()
	daemon, err := ns.Radvd(config)
	check(t, err)
	t.Cleanup(func() {
		if err := daemon.Kill(); err != nil {
			t.Error(err)
		}
	})
}

// radvdHeard runs radvd on a router until the test ends, and returns when a guest has had its first RA.
func radvdHeard(t *testing.T, guest, vr *lab.Namespace, config string) {
	t.Helper()
	l, err := guest.Listen("eth0")
	check(t, err)
	defer l.Close()
	radvd(t, vr, config)
	_, err = l.Await(within(t, 20*time.Second), lab.ICMPv6Type(134))
	check(t, err)
}

// healthy returns the frame of an RA like that of CloudStack's router, though with nothing that is worth a note.
func healthy() []byte { return advertisement(craft.RouterMAC, craft.RouterLL) }

func advertisement(mac, source string) []byte {
	return craft.Frame(mac, source, craft.AllNodes, healthyMessage(mac))
}

func healthyMessage(mac string) []byte {
	return craft.CloudStackRA().Message(craft.PIO("fd17:625c:f037:2::", 64, 0xc0, 86400, 14400), craft.SLLA(mac))
}

// behind returns the frame of a healthy RA behind extension headers.
func behind(next uint8, extension []byte) []byte {
	message := craft.ICMPv6(craft.RouterLL, craft.AllNodes, healthyMessage(craft.RouterMAC))
	ip := craft.IPv6(craft.RouterLL, craft.AllNodes, 255, next, craft.Join(extension, message))
	return craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes, ip)
}
