package dropzone

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// The types that cases send.
const (
	typeTooBig = 2
	typeEcho   = 128
	typeReply  = 129
	typeRS     = 133
	typeRA     = 134
	typeNS     = 135
	typeNA     = 136
)

const (
	guest2MAC = "02:00:00:00:00:03"
	otherLL   = "fe80::ff:fe00:99"  // nobody's
	otherNode = "ff02::1:ff00:99"   // its solicited-node group
	leftHost  = "2001:db8:1::2"     // see routed
	leftVR    = "2001:db8:1::1"     //
	rightVR   = "2001:db8:2::1"     //
	rightHost = "2001:db8:2::2"     //
	routerIn  = "02:00:00:00:00:11" // Ethernet address of the router's left side
	under1    = "192.0.2.1"         // see overlay
	under2    = "192.0.2.2"         //
)

// advert is the RA of CloudStack's router.
func advert() []byte {
	return craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes,
		craft.CloudStackRA().Message(craft.CloudStackOptions()...))
}

// toGuest is a message from the router to the guest's link-local address.
func toGuest(hopLimit uint8, message []byte) []byte {
	message = craft.ICMPv6(craft.RouterLL, craft.GuestLL, message)
	return craft.EthernetIPv6(craft.RouterMAC, craft.GuestLL,
		craft.IPv6(craft.RouterLL, craft.GuestLL, hopLimit, 58, message))
}

// solicit is an NS for target from the router to the guest's address.
func solicit(target string) []byte { return craft.NS(target, craft.SLLA(craft.RouterMAC)) }

// echo is an Echo Request from the left host to dst by way of the router, an IPv6 packet of size bytes.
func echo(dst string, hopLimit uint8, size int) []byte {
	message := craft.ICMPv6(leftHost, dst, craft.Echo(size-40-8))
	return craft.Ethernet(craft.MAC(routerIn), craft.MAC(craft.GuestMAC), nil, 0x86dd,
		craft.IPv6(leftHost, dst, hopLimit, 58, message))
}

// bridged builds a hypervisor: the bridge br0 in kvm, whose port uplink leads to eth0 of the router vr, vnet1 to that of
// guest, vnet2, if there are two guests, to that of guest2.
func bridged(n *network, uplink string, guests int) {
	kvm := n.space("kvm")
	n.named("kvm")
	n.wire("kvm:"+uplink, "", "vr:eth0", craft.RouterMAC)
	n.wire("kvm:vnet1", "", "guest:eth0", craft.GuestMAC)
	ports := []string{uplink, "vnet1"}
	if guests > 1 {
		n.wire("kvm:vnet2", "", "guest2:eth0", guest2MAC)
		ports = append(ports, "vnet2")
	}
	n.do(func() error { return kvm.AddBridge("br0", ports...) })
	n.do(func() error { // the kernel lets nothing pass by a port before that
		var err error
		for _, port := range ports {
			err = errors.Join(err, kvm.WaitUp(n.ctx, port))
		}
		return err
	})
	n.do(func() error { // on by default where the module is loaded; "security-group" has it on
		err := kvm.Sysctl("bridge/bridge-nf-call-ip6tables", "0")
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	})
}

// plain joins eth0 of a guest to the same of vr, both without IPv6, so that nothing else is on the way.
func plain(n *network) { n.wire("guest:eth0", craft.GuestMAC, "vr:eth0", craft.RouterMAC) }

// linked is plain with IPv6.
func linked(n *network) {
	n.host("guest")
	n.host("vr")
	plain(n)
	n.awaitLinkLocal("guest")
}

// awaitLinkLocal waits until eth0 of a part has its address.
func (n *network) awaitLinkLocal(part string) {
	n.do(func() error {
		_, err := n.awaitAddress(part, netip.Addr.IsLinkLocalUnicast)
		return err
	})
}

// awaitAddress waits until eth0 of a part has an address for which ok. That the kernel changed the list while it was read
// is an error too, one that the next try need not meet.
func (n *network) awaitAddress(part string, ok func(netip.Addr) bool) (address netip.Addr, err error) {
	for range 5 {
		address, err = n.spaces[part].WaitAddress(n.ctx, "eth0", ok)
		if err == nil || n.ctx.Err() != nil {
			break
		}
	}
	return address, err
}

// routed builds a router between two hosts: left:eth0 - router:left0, router:right0 - right:eth0.
func routed(n *network) {
	n.host("left")
	n.host("right")
	n.router("router")
	n.wire("left:eth0", craft.GuestMAC, "router:left0", routerIn)
	n.wire("router:right0", "", "right:eth0", "")
	for _, a := range [][3]string{{"left", "eth0", leftHost}, {"router", "left0", leftVR}, {"router", "right0", rightVR},
		{"right", "eth0", rightHost}} {
		n.address(a[0], a[1], a[2]+"/64")
	}
}

func (n *network) address(part, name, cidr string) {
	n.do(func() error { return n.spaces[part].AddAddress(name, cidr) })
}

// overlay builds two hypervisors joined by eth0; kvm1 has vxlan100, which leads to remote.
func overlay(n *network, remote string) {
	n.wire("kvm1:eth0", "", "kvm2:eth0", "")
	n.address("kvm1", "eth0", under1+"/24")
	n.address("kvm2", "eth0", under2+"/24")
	n.vxlan("kvm1", 100, under1, remote)
}

// vxlan adds the device vxlanVNI to a part.
func (n *network) vxlan(part string, vni int, local, remote string) {
	n.do(func() error {
		return needs("VXLAN", n.spaces[part].AddVXLAN(fmt.Sprintf("vxlan%d", vni),
			lab.VXLAN{VNI: vni, Port: 8472, Local: local, Remote: remote, Device: "eth0"}))
	})
}
