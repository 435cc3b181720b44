package filter

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// metaLabel returns what nft calls a key of meta.
func metaLabel(key uint32) label {
	switch key {
	case unix.NFT_META_LEN:
		return label{name: "meta length", kind: kindHost}
	case unix.NFT_META_PROTOCOL:
		return label{name: "meta protocol", kind: kindEther}
	case unix.NFT_META_L4PROTO:
		return label{name: "meta l4proto", kind: kindProtocol}
	case unix.NFT_META_NFPROTO:
		return label{name: "meta nfproto", kind: kindFamily}
	case unix.NFT_META_MARK:
		return label{name: "meta mark", kind: kindHost}
	case unix.NFT_META_PRIORITY:
		return label{name: "meta priority", kind: kindHost}
	case unix.NFT_META_NFTRACE:
		return label{name: "meta nftrace", kind: kindExists}
	case unix.NFT_META_IIF:
		return label{name: "iif", kind: kindIndex}
	case unix.NFT_META_OIF:
		return label{name: "oif", kind: kindIndex}
	case unix.NFT_META_IIFNAME:
		return label{name: "iifname", kind: kindName}
	case unix.NFT_META_OIFNAME:
		return label{name: "oifname", kind: kindName}
	case unix.NFT_META_BRI_IIFNAME:
		return label{name: "ibrname", kind: kindName}
	case unix.NFT_META_BRI_OIFNAME:
		return label{name: "obrname", kind: kindName}
	case unix.NFT_META_IIFTYPE:
		return label{name: "meta iiftype", kind: kindHost}
	case unix.NFT_META_OIFTYPE:
		return label{name: "meta oiftype", kind: kindHost}
	case unix.NFT_META_PKTTYPE:
		return label{name: "meta pkttype", kind: kindPacketType}
	case unix.NFT_META_SKUID:
		return label{name: "meta skuid", kind: kindHost}
	case unix.NFT_META_SKGID:
		return label{name: "meta skgid", kind: kindHost}
	}
	return label{}
}

// payloadLabel returns what nft calls bytes of a header.
func (w *writer) payloadLabel(base, at, n uint32) label {
	if base == unix.NFT_PAYLOAD_NETWORK_HEADER && n <= 16 {
		switch at {
		case 8:
			return label{name: "ip6 saddr", kind: kindAddress}
		case 24:
			return label{name: "ip6 daddr", kind: kindAddress}
		}
	}
	switch [3]uint32{base, at, n} {
	case [3]uint32{unix.NFT_PAYLOAD_NETWORK_HEADER, 4, 2}:
		return label{name: "ip6 length", kind: kindNumber}
	case [3]uint32{unix.NFT_PAYLOAD_NETWORK_HEADER, 6, 1}:
		return label{name: "ip6 nexthdr", kind: kindProtocol}
	case [3]uint32{unix.NFT_PAYLOAD_NETWORK_HEADER, 7, 1}:
		return label{name: "ip6 hoplimit", kind: kindNumber}
	case [3]uint32{unix.NFT_PAYLOAD_LL_HEADER, 0, 6}:
		return label{name: "ether daddr", kind: kindMAC}
	case [3]uint32{unix.NFT_PAYLOAD_LL_HEADER, 6, 6}:
		return label{name: "ether saddr", kind: kindMAC}
	case [3]uint32{unix.NFT_PAYLOAD_LL_HEADER, 12, 2}:
		return label{name: "ether type", kind: kindEther}
	case [3]uint32{unix.NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2}:
		return label{name: "th sport", kind: kindNumber}
	case [3]uint32{unix.NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2}:
		return label{name: "th dport", kind: kindNumber}
	}
	if w.icmpv6 && base == unix.NFT_PAYLOAD_TRANSPORT_HEADER {
		switch [2]uint32{at, n} {
		case [2]uint32{0, 1}:
			return label{name: "icmpv6 type", kind: kindICMPv6}
		case [2]uint32{1, 1}:
			return label{name: "icmpv6 code", kind: kindNumber}
		case [2]uint32{4, 4}:
			return label{name: "icmpv6 mtu", kind: kindNumber}
		}
	}
	if base > unix.NFT_PAYLOAD_TRANSPORT_HEADER {
		return label{}
	}
	return label{name: fmt.Sprintf("@%s,%d,%d", [...]string{"ll", "nh", "th"}[base], at*8, n*8)}
}

// exthdrLabel returns what nft calls an extension header.
func exthdrLabel(operation uint32, kind uint8, present bool) label {
	name := ""
	if operation == unix.NFT_EXTHDR_OP_IPV6 && present {
		switch kind {
		case 0:
			name = "exthdr hbh"
		case 43:
			name = "exthdr rt"
		case 44:
			name = "exthdr frag"
		case 60:
			name = "exthdr dst"
		case 135:
			name = "exthdr mh"
		}
	}
	return label{name: name, kind: kindExists}
}

// valueName returns what nft calls a value of one byte, "" if it has no name.
func valueName(kind valueKind, v byte) string {
	switch kind {
	case kindICMPv6:
		return icmpv6Name(v)
	case kindProtocol:
		switch v {
		case 6:
			return "tcp"
		case 17:
			return "udp"
		case protoICMPv6:
			return "ipv6-icmp"
		}
	case kindFamily:
		switch v {
		case unix.NFPROTO_IPV4:
			return "ipv4"
		case unix.NFPROTO_IPV6:
			return "ipv6"
		}
	case kindPacketType:
		switch v {
		case unix.PACKET_HOST:
			return "host"
		case unix.PACKET_BROADCAST:
			return "broadcast"
		case unix.PACKET_MULTICAST:
			return "multicast"
		case unix.PACKET_OTHERHOST:
			return "other"
		}
	case kindExists, kindFound:
		switch v {
		case 0:
			return "missing"
		case 1:
			return "exists"
		}
	}
	return ""
}

func icmpv6Name(v byte) string {
	switch v {
	case 1:
		return "destination-unreachable"
	case 2:
		return "packet-too-big"
	case 3:
		return "time-exceeded"
	case 4:
		return "parameter-problem"
	case 128:
		return "echo-request"
	case 129:
		return "echo-reply"
	case 130:
		return "mld-listener-query"
	case 131:
		return "mld-listener-report"
	case 132:
		return "mld-listener-done"
	case 133:
		return "nd-router-solicit"
	case 134:
		return "nd-router-advert"
	case 135:
		return "nd-neighbor-solicit"
	case 136:
		return "nd-neighbor-advert"
	case 137:
		return "nd-redirect"
	case 143:
		return "mld2-listener-report"
	}
	return ""
}

// limit shows a limit.
func (w *writer) limit(a attrs) {
	over, unit := "", ""
	if a.u32(unix.NFTA_LIMIT_FLAGS)&unix.NFT_LIMIT_F_INV != 0 {
		over = "over "
	}
	switch a.u64(unix.NFTA_LIMIT_UNIT) {
	case 1:
		unit = "second"
	case 60:
		unit = "minute"
	case 3600:
		unit = "hour"
	case 86400:
		unit = "day"
	case 604800:
		unit = "week"
	}
	bytes := ""
	if a.u32(unix.NFTA_LIMIT_TYPE) == unix.NFT_LIMIT_PKT_BYTES {
		bytes = " bytes"
	}
	w.add(fmt.Sprintf("limit rate %s%d%s/%s", over, a.u64(unix.NFTA_LIMIT_RATE), bytes, unit))
}
