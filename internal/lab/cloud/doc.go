// Package cloud builds the practice zone of `v6probe lab`: a small CloudStack zone of real parts in network namespaces, in
// which every fault can be switched on.
//
//	server ─ upstream ─ eth2:vr:eth0 ─ vnet9:kvm1 ═ VXLAN ═ kvm2
//	                                   kvm1: bridge brvx-100 with vnet9, vnet1 (guest1), vxlan100
//	                                   kvm2: bridge brvx-100 with vnet2 (guest2), vnet3 (guest3), vxlan100
//
// The guests configure themselves, the virtual router has radvd and CloudStack's nftables, the hypervisors have CloudStack's
// security groups. A fault is a file of the directory scenarios: what an operator would have typed to make it, how one sees
// it without v6probe, and what v6probe must say of it. The zone is the same for root and for the root of a user namespace.
package cloud

// Names and addresses in the zone.
const (
	Prefix   = "fd17:625c:f037:2::/64" // of the guests
	Gateway  = "fd17:625c:f037:2::1"   // of vr in it
	Server   = "2001:db8:80::80"       // answers echo requests and DNS
	Upstream = "2001:db8:1::1"         // the default gateway of vr, at 2001:db8:1::2

	VRMAC     = "02:01:00:cb:00:fe" // eth0 of vr
	BackupMAC = "02:01:00:cb:00:fd" // eth0 of vr2
)

// Addresses of parts that nobody outside asks for.
const (
	gatewayLength  = "/64"
	vrPublic       = "2001:db8:1::2"
	publicNetwork  = "2001:db8:1::/64"
	upstreamServer = "2001:db8:2::1"
	serverLink     = "2001:db8:2::2"
	serverNetwork  = "2001:db8:80::/64"
	secondTier     = "fd17:625c:f037:3::1"
	tier2MAC       = "02:01:00:cc:00:fe" // eth3 of vr
	serverMTU      = 1500                // of the guests, and of all links beyond the virtual router
	vni            = 100
	bridge         = "brvx-100"
	tunnel         = "vxlan100"
)

// guests are the machines, in the order of their numbers.
func guests() []guest {
	return []guest{
		{"guest1", "02:01:00:cb:00:01", "fd17:625c:f037:2:1:ff:fecb:1", "fe80::1:ff:fecb:1", "kvm1", "vnet1", "i-2-1"},
		{"guest2", "02:01:00:cb:00:02", "fd17:625c:f037:2:1:ff:fecb:2", "fe80::1:ff:fecb:2", "kvm2", "vnet2", "i-2-2"},
		{"guest3", "02:01:00:cb:00:03", "fd17:625c:f037:2:1:ff:fecb:3", "fe80::1:ff:fecb:3", "kvm2", "vnet3", "i-2-3"},
	}
}

// guest is a machine: its node and its MAC, the addresses that its MAC makes (RFC 4291 appendix A), where it runs, and by what
// name its chains begin.
type guest struct {
	node, mac, address, linkLocal, host, tap, instance string
}

// underlay returns the address of a hypervisor, kvm1 or kvm2, in the network that carries the VXLAN.
func underlay(family int, host string) string {
	if family == 6 {
		return "2001:db8:ffff::" + host[len(host)-1:]
	}
	return "192.0.2.1" + host[len(host)-1:]
}
