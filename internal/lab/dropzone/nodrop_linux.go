package dropzone

import (
	"fmt"
	"os"
	"strings"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// noDropCases are about packets that vanish, or seem to, without the kernel dropping any. v6probe runs where they do, and
// has to say so. The kernels before 6.3 free neighbor discovery that they have used as if it were dropped.
func noDropCases() []Case {
	used := []Loss{{Type: typeRA, Packets: count, Reason: unspecified(), Where: always("icmpv6_rcv"), Class: "benign",
		Interface: "eth0", NetNS: "guest", Before: ndReasons()}}
	none := func(t uint8) []Loss { return []Loss{{Type: t, Before: Version{1, 0}}} }
	return []Case{
		{
			Name: "accept-ra-off", About: "a guest is told to ignore RAs",
			Losses: used, NotDrop: "accept_ra=0", Inside: "guest",
			build: func(n *network) {
				linked(n)
				n.sysctl("guest", "ipv6/conf/eth0/accept_ra", "0")
				n.inject("vr:eth0", advert())
				n.receives("guest", "Icmp6InRouterAdvertisements")
			},
		},
		{
			Name: "forwarding-guest", About: "a guest that forwards ignores RAs unless accept_ra is 2",
			Losses: used, NotDrop: "forwarding=1 with accept_ra=1", Inside: "guest",
			build: func(n *network) {
				linked(n)
				n.sysctl("guest", "ipv6/conf/eth0/forwarding", "1")
				n.sysctl("guest", "ipv6/conf/eth0/accept_ra", "1")
				n.inject("vr:eth0", advert())
				n.receives("guest", "Icmp6InRouterAdvertisements")
			},
		},
		{
			Name: "isolated-port", About: "both ports are isolated from each other",
			Losses: []Loss{bridgeItself(typeRA)}, NotDrop: "isolated ports", Inside: "kvm",
			build: onBridge(func(n *network) {
				n.run("kvm", "ip", "link set vnet0 type bridge_slave isolated on")
				n.run("kvm", "ip", "link set vnet1 type bridge_slave isolated on")
			}),
		},
		{
			Name: "tunnel-too-big", About: "a tunnel answers what is too long for it itself, in the name of the destination",
			Losses: none(typeEcho), NotDrop: "answered by the tunnel", Inside: "kvm1", Since: Version{5, 9},
			build: tunnelTooBig,
		},
	}
}

// tunnelTooBig builds a guest on a bridge with a VXLAN device that knows of a smaller path MTU, and has it send more.
func tunnelTooBig(n *network) {
	overlay(n, under2)
	n.run("kvm1", "ip", "route add "+under2+"/32 dev eth0 mtu 1400")
	n.wire("kvm1:vnet0", "", "guest:eth0", craft.GuestMAC)
	n.do(func() error { return n.spaces["kvm1"].AddBridge("br0", "vnet0", "vxlan100") })
	message := craft.ICMPv6(leftHost, rightHost, craft.Echo(1380-48))
	frame := craft.Ethernet(craft.MAC(craft.RouterMAC), craft.MAC(craft.GuestMAC), nil, 0x86dd,
		craft.IPv6(leftHost, rightHost, 64, 58, message))
	n.inject("guest:eth0", frame)
	var answers *lab.Listener
	n.do(func() (err error) {
		answers, err = n.spaces["guest"].Listen("eth0")
		return err
	})
	n.closers = append(n.closers, func() error {
		if answers == nil {
			return nil
		}
		return answers.Close()
	})
	n.verify = append(n.verify, func() error {
		for range count {
			if _, err := answers.Await(n.ctx, lab.ICMPv6Type(typeTooBig)); err != nil {
				return fmt.Errorf("the tunnel's Packet Too Big: %w", err)
			}
		}
		return nil
	})
}

// receives has it verified that a part has received all packets, by a counter of the kernel's.
func (n *network) receives(part, counter string) {
	n.verify = append(n.verify, func() error {
		said := ""
		err := n.spaces[part].Do(func() error {
			text, err := os.ReadFile("/proc/thread-self/net/snmp6")
			said = string(text)
			return err
		})
		if err != nil {
			return err
		}
		for line := range strings.Lines(said) {
			if f := strings.Fields(line); len(f) == 2 && f[0] == counter && f[1] == fmt.Sprint(count) {
				return nil
			}
		}
		return fmt.Errorf("%s is not %d in %s: the case is not what it should be", counter, count, part)
	})
}
