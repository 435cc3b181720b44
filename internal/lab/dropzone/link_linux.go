package dropzone

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"v6probe/internal/craft"
)

// linkCases are about drops of devices, and of bridges that do not filter.
func linkCases() []Case {
	guest := func(l Loss) []Loss {
		l.Type, l.Packets, l.Class, l.NetNS = typeRA, count, "hurts", "guest"
		l.Interface = "eth0"
		return []Loss{l}
	}
	port := func(l Loss) []Loss {
		l.Packets, l.Class, l.NetNS = count, "hurts", "kvm"
		return []Loss{l}
	}
	blocked := port(Loss{Type: typeRA, Reason: unspecified(), Interface: "vnet0", Where: always("br_handle_frame"),
		Before: Version{6, 14}})
	later := port(Loss{Type: typeRA, Reason: reason("BRIDGE_INGRESS_STP_STATE", Version{6, 14}), Interface: "vnet0", Where: always("br_handle_frame"),
		Since: Version{6, 14}})
	later[0].Class = "unknown" // it may be the second of two ways
	blocked = append(blocked, later...)
	tooLong := toGuest(64, craft.Echo(1400))
	return []Case{
		{
			Name: "tc-ingress", About: "tc drops all IPv6 that comes in",
			Losses: untold(guest(Loss{Reason: reason("TC_INGRESS", Version{5, 18}), Where: always("__netif_receive_skb_core")})),
			build:  trafficControl("guest", false),
		},
		{
			Name: "tc-egress", About: "tc drops all IPv6 that goes out",
			Losses: func() []Loss {
				l := guest(Loss{Reason: reason("TC_EGRESS", Version{5, 18}), Where: always("__dev_queue_xmit")})
				l[0].NetNS = "vr"
				return l
			}(),
			build: trafficControl("vr", true),
		},
		{
			Name: "xdp-driver", About: "an XDP program drops what comes in, in the driver",
			Losses: guest(Loss{Reason: unspecified(), Where: always("veth_xdp_rcv_skb|veth_poll")}),
			build:  xdp(false),
		},
		{
			Name: "xdp-generic", About: "an XDP program drops what comes in, for want of a driver that can",
			Losses: guest(Loss{Reason: unspecified(), Where: always("do_xdp_generic|netif_receive_generic_xdp")}),
			build:  xdp(true),
		},
		{
			Name: "tap-full", About: "a virtual machine does not take what is queued for it",
			Losses: []Loss{{Type: typeRA, Packets: count, Reason: reason("FULL_RING", Version{5, 18}), Class: "hurts",
				Where: always("tun_net_xmit"), Interface: "vnet9", NetNS: "kvm"}},
			build: fullTap,
		},
		{
			Name: "port-blocked", About: "spanning tree holds back the port of a router that was just plugged in",
			Losses: blocked,
			build:  spanningTree,
		},
		{
			Name: "no-listener", About: "a bridge that snoops knows no listener of a solicited-node group",
			Losses: port(Loss{Type: typeNS, Reason: reason("NO_TX_TARGET", Version{6, 14}), Interface: "vnet0",
				Where: always("br_handle_frame_finish"), Flags: []string{"multicast"}}),
			build: snooping,
		},
		{
			Name: "port-mtu", About: "a port of a bridge has a smaller MTU than the others",
			Losses: port(Loss{Type: typeEcho, Reason: unspecified(), Interface: "vnet1", Arrived: "vnet0",
				Where: always("br_dev_queue_push_xmit")}),
			build: smallPort(tooLong),
		},
		{
			Name: "port-mtu-br-netfilter", About: "the same, where the bridge hands IPv6 to netfilter",
			Losses: port(Loss{Type: typeEcho, Reason: unspecified(), Interface: "vnet1", Arrived: "vnet0",
				Where: always("ip6_fragment")}),
			build: func(n *network) {
				smallPort(tooLong)(n)
				n.sysctl("kvm", "bridge/bridge-nf-call-ip6tables", "1")
			},
		},
	}
}

// untold completes a hurtful loss that cannot be told from harmless ones on kernels that give no reasons.
func untold(losses []Loss) []Loss {
	before := losses[0]
	losses[0].Since = Version{5, 17}
	before.Before, before.Class = Version{5, 17}, "unknown"
	return append(losses, before)
}

func smallPort(frame []byte) func(*network) {
	return func(n *network) {
		bridged(n, "vnet0", 1)
		n.do(func() error { return n.spaces["kvm"].SetMTU("vnet1", 1280) })
		n.inject("vr:eth0", frame)
	}
}

// trafficControl has tc drop IPv6 at eth0 of a part.
func trafficControl(part string, egress bool) func(*network) {
	return func(n *network) {
		plain(n)
		n.do(func() error { return needs("the programs of tc", n.spaces[part].DropTC("eth0", egress)) })
		n.inject("vr:eth0", advert())
	}
}

func xdp(generic bool) func(*network) {
	return func(n *network) {
		plain(n)
		n.do(func() error { return needs("XDP", n.spaces["guest"].DropXDP("eth0", generic)) })
		n.inject("vr:eth0", advert())
	}
}

// fullTap builds a tap interface whose queue has room for four packets, which nobody takes.
func fullTap(n *network) {
	kvm := n.space("kvm")
	var guest io.Closer
	n.do(func() (err error) {
		guest, err = kvm.AddTap("vnet9", craft.GuestMAC)
		return needs("the tap device", err)
	})
	n.closers = append(n.closers, func() error {
		if guest == nil {
			return nil
		}
		return guest.Close()
	})
	const room = 4
	n.run("kvm", "ip", fmt.Sprintf("link set vnet9 txqueuelen %d", room))
	n.injectTimes(room+count, "kvm:vnet9", advert())
}

// snooping builds a bridge that has heard a querier behind the port of the router, and no report of a listener.
func snooping(n *network) {
	bridged(n, "vnet0", 1)
	n.run("kvm", "ip", "link set br0 type bridge mcast_snooping 1")
	n.do(func() error { return querier(n) })
	n.inject("vr:eth0", craft.Frame(craft.RouterMAC, craft.RouterLL, otherNode, solicit(otherLL)))
}

// querier has the router ask for listeners until the bridge has taken it for the querier. The first question may come too
// early: a bridge that was just told to snoop takes itself for one.
func querier(n *network) error {
	path, err := exec.LookPath("bridge")
	if err != nil {
		return &Missing{What: "bridge", Err: err}
	}
	const milliseconds = 10 // to report in: then the bridge knows that there is nobody; v6probe takes longer to start
	query := craft.MLDFrame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.MLDQuery(milliseconds, "::"))
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := n.spaces["vr"].Inject("eth0", query); err != nil {
			return err
		}
		said, err := n.spaces["kvm"].Output(n.ctx, path, "-d", "mdb", "show")
		if err != nil || strings.Contains(said, "router ports") && strings.Contains(said, "vnet0") {
			return err
		}
		select {
		case <-n.ctx.Done():
			return fmt.Errorf("wait for br0 to know the querier: %w", n.ctx.Err())
		case <-tick.C:
		}
	}
}

// spanningTree builds a bridge that for half a minute learns where its ports lead, and forwards nothing.
func spanningTree(n *network) {
	onBridge(func(n *network) {
		for _, args := range []string{"br0 type bridge stp_state 1", "vnet0 down", "vnet0 up"} {
			n.run("kvm", "ip", "link set "+args)
		}
	})(n)
}
