package dropzone

import (
	"errors"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// ndReasons is the kernel that began to say why it drops neighbor discovery, and not to drop what it has used.
func ndReasons() Version { return Version{6, 3} }

// hostCases are about packets that a host, the guest of linked, drops itself.
func hostCases() []Case {
	at := func(l Loss) []Loss {
		l.Packets, l.Interface, l.NetNS = count, "eth0", "guest"
		return []Loss{l}
	}
	received := always("icmpv6_rcv")
	wrong := toGuest(255, solicit(craft.GuestLL))
	wrong[14+40+2] ^= 0xff
	code := solicit(craft.GuestLL)
	code[1] = 3
	foreign := toGuest(255, craft.Echo(8))
	copy(foreign, craft.MAC(guest2MAC))
	group := craft.Frame(craft.RouterMAC, craft.RouterLL, otherNode, solicit(otherLL))
	return []Case{
		{
			Name: "hop-limit", About: "a Neighbor Solicitation that a router passed on",
			Losses: at(Loss{Type: typeNS, Reason: reason("IPV6_NDISC_HOP_LIMIT", ndReasons()), Where: received, Class: "hurts",
				Rule: "nd.hop-limit", Flags: []string{"bad-hop-limit"}}),
			build: onLink(toGuest(64, solicit(craft.GuestLL))),
		},
		{
			Name: "code", About: "a Neighbor Solicitation whose code is not 0",
			Losses: at(Loss{Type: typeNS, Code: 3, Reason: reason("IPV6_NDISC_BAD_CODE", ndReasons()), Where: received,
				Class: "hurts", Rule: "nd.code", Flags: []string{"bad-code"}, Absent: []string{"bad-hop-limit"}}),
			build: onLink(toGuest(255, code)),
		},
		{
			Name: "checksum", About: "a wrong checksum",
			Losses: at(Loss{Type: typeNS, Reason: reason("ICMP_CSUM", Version{6, 1}), Where: received, Class: "hurts",
				Rule: "icmp.checksum"}),
			build: onLink(wrong),
		},
		{
			Name: "disable-ipv6", About: "IPv6 is off on an interface that is asked for it",
			Losses: at(Loss{Type: typeRA, Reason: reason("IPV6DISABLED", Version{5, 18}), Where: always("ip6_rcv_core"),
				Class: "hurts", Flags: []string{"multicast"}}),
			build: func(n *network) {
				plain(n)
				n.inject("vr:eth0", advert())
			},
		},
		{
			Name: "ns-other-target", About: "a Neighbor Solicitation to us that asks for another",
			Losses: at(Loss{Type: typeNS, Reason: reason("IPV6_NDISC_NS_OTHERHOST", ndReasons()), Where: received,
				Class: "benign"}),
			build: onLink(toGuest(255, solicit(otherLL))),
		},
		{
			Name: "group-not-joined", About: "a Neighbor Solicitation for another, which a switch flooded",
			Losses: at(Loss{Type: typeNS, Reason: unspecified(), Where: always("ip6_mc_input"), Class: "benign",
				Flags: []string{"multicast"}}),
			build: onLink(group),
		},
		{
			Name: "other-host", About: "a frame for another station, which a switch flooded",
			Losses: at(Loss{Type: typeEcho, Reason: reason("OTHERHOST", Version{5, 18}), Where: always("ip6_rcv_core"),
				Class: "benign", Flags: []string{"other-host"}}),
			build: onLink(foreign),
		},
		{
			Name: "reply-to-nobody", About: "an Echo Reply that no ping socket waits for",
			Losses: at(Loss{Type: typeReply, Reason: reason("NO_SOCKET", Version{5, 19}), Where: always("ping_rcv|icmpv6_rcv"),
				Class: "benign"}),
			build: onLink(toGuest(64, craft.Join([]byte{typeReply, 0}, craft.Echo(8)[2:]))),
		},
		{
			Name: "rs-at-a-host", About: "a Router Solicitation to who is no router",
			Losses: at(Loss{Type: typeRS, Reason: unspecified(), Where: received, Class: "benign"}),
			build:  onLink(toGuest(255, craft.RS(craft.SLLA(craft.RouterMAC)))),
		},
		{
			Name: "na-unasked", About: "a Neighbor Advertisement of whom nobody asked for",
			Losses: at(Loss{Type: typeNA, Reason: unspecified(), Where: received, Class: "benign"}),
			build:  onLink(toGuest(255, craft.NA(0x20, otherLL, craft.TLLA(guest2MAC)))),
		},
		{
			Name: "processed-nd", About: "a Neighbor Solicitation that is answered",
			Losses: at(Loss{Type: typeNS, Reason: unspecified(), Where: received, Class: "benign", Before: ndReasons()}),
			build:  onLink(toGuest(255, solicit(craft.GuestLL))),
		},
		socketClose(),
	}
}

// onLink sends a frame to the guest.
func onLink(frame []byte) func(*network) {
	return func(n *network) {
		linked(n)
		n.inject("vr:eth0", frame)
	}
}

// socketClose is about what a program has not read.
func socketClose() Case {
	return Case{
		Name: "socket-close", About: "a program ends that has not read the RAs it was given",
		Losses: []Loss{
			{Type: typeRA, Packets: count, Reason: reason("QUEUE_PURGE", Version{6, 6}),
				Where: always("inet_sock_destruct"),
				Class: "benign", Arrived: "eth0", NetNS: "guest"},
			{Type: typeRA, Packets: count, Reason: unspecified(), Where: always("icmpv6_rcv"), Class: "benign",
				Interface: "eth0", NetNS: "guest", Before: ndReasons()},
		},
		build: func(n *network) {
			linked(n)
			fd := -1
			n.do(func() error {
				return n.spaces["guest"].Do(func() (err error) {
					fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
					return err
				})
			})
			closed := false
			n.closers = append(n.closers, func() error {
				if fd < 0 || closed {
					return nil
				}
				return unix.Close(fd)
			})
			n.inject("vr:eth0", advert())
			n.send = append(n.send, func() error {
				closed = true
				return errors.Join(unix.Close(fd))
			})
		},
	}
}

// cloudStackInput builds a router with the policy of CloudStack's and a guest that asks it for an RA.
func cloudStackInput(n *network) {
	n.router("vr")
	linked(n)
	n.awaitLinkLocal("vr")
	n.nft("vr", lab.CloudStackFirewall)
	n.inject("guest:eth0", craft.Frame(craft.GuestMAC, craft.GuestLL, craft.AllRouters, craft.RS(craft.SLLA(craft.GuestMAC))))
}
