package host

import "golang.org/x/sys/unix"

// Attributes of IP tunnels and of GRE (linux/if_tunnel.h), which golang.org/x/sys/unix does not have.
const (
	iptunLink       = 1
	iptunLocal      = 2
	iptunRemote     = 3
	iptunTTL        = 4
	iptunFlags      = 8
	iptunEncapType  = 15
	iptunMetadata   = 19
	greLink         = 1
	greInputFlags   = 2
	greOutputFlags  = 3
	greLocal        = 6
	greRemote       = 7
	greTTL          = 8
	greFlags        = 13
	greEncapType    = 14
	greMetadata     = 18
	flagCsum        = 0x8000 // GRE_CSUM, in network order as in the header (RFC 2784 §2.1, RFC 2890 §2)
	flagKey         = 0x2000
	flagSeq         = 0x1000
	ignoreEncapsize = 1 // IP6_TNL_F_IGN_ENCAP_LIMIT: packets go without the option
)

// parseVXLAN reads IFLA_INFO_DATA of a VXLAN and returns the index of the interface below.
func (t *Tunnel) parseVXLAN(b []byte) (lower int) {
	for kind, v := range attributes(b) {
		switch kind {
		case unix.IFLA_VXLAN_ID:
			t.ID = u32(v)
		case unix.IFLA_VXLAN_LINK:
			lower = int(u32(v))
		case unix.IFLA_VXLAN_PORT:
			t.Port = u16be(v)
		case unix.IFLA_VXLAN_TTL:
			t.TTL = u8(v)
		case unix.IFLA_VXLAN_LOCAL, unix.IFLA_VXLAN_LOCAL6:
			t.Local = address(v)
		case unix.IFLA_VXLAN_GROUP, unix.IFLA_VXLAN_GROUP6:
			t.Remote = address(v)
		case unix.IFLA_VXLAN_LEARNING:
			t.Learning = u8(v) != 0
		case unix.IFLA_VXLAN_COLLECT_METADATA:
			t.External = u8(v) != 0
		case unix.IFLA_VXLAN_GPE: // a flag, which has no value
			t.GPE = true
		}
	}
	t.IPv6Outer = t.Local.Is6() || t.Remote.Is6()
	return lower
}

// parseGeneve reads IFLA_INFO_DATA of a Geneve device, which has no interface below.
func (t *Tunnel) parseGeneve(b []byte) {
	for kind, v := range attributes(b) {
		switch kind {
		case unix.IFLA_GENEVE_ID:
			t.ID = u32(v)
		case unix.IFLA_GENEVE_PORT:
			t.Port = u16be(v)
		case unix.IFLA_GENEVE_TTL:
			t.TTL = u8(v)
		case unix.IFLA_GENEVE_REMOTE, unix.IFLA_GENEVE_REMOTE6:
			t.Remote = address(v)
		case unix.IFLA_GENEVE_COLLECT_METADATA:
			t.External = true
		}
	}
	t.IPv6Outer = t.Remote.Is6()
}

// parseGRE reads IFLA_INFO_DATA of GRE, with or without Ethernet inside, and returns the index of the interface below.
func (t *Tunnel) parseGRE(b []byte, ipv6 bool) (lower int) {
	t.IPv6Outer = ipv6
	var flags uint32
	for kind, v := range attributes(b) {
		switch kind {
		case greLink:
			lower = int(u32(v))
		case greOutputFlags:
			f := u16be(v)
			t.Csum, t.Key, t.Seq = f&flagCsum != 0, f&flagKey != 0, f&flagSeq != 0
		case greLocal:
			t.Local = address(v)
		case greRemote:
			t.Remote = address(v)
		case greTTL:
			t.TTL = u8(v)
		case greFlags:
			flags = u32(v)
		case greEncapType:
			t.Encapsulation = len(v) >= 2 && (v[0] != 0 || v[1] != 0)
		case greMetadata:
			t.External = true
		}
	}
	t.EncapLimit = ipv6 && flags&ignoreEncapsize == 0
	return lower
}

// parseIP reads IFLA_INFO_DATA of a tunnel that has but an outer IP header, and returns the index of the interface below.
func (t *Tunnel) parseIP(b []byte, ipv6 bool) (lower int) {
	t.IPv6Outer = ipv6
	var flags uint32
	for kind, v := range attributes(b) {
		switch kind {
		case iptunLink:
			lower = int(u32(v))
		case iptunLocal:
			t.Local = address(v)
		case iptunRemote:
			t.Remote = address(v)
		case iptunTTL:
			t.TTL = u8(v)
		case iptunFlags:
			flags = u32(v)
		case iptunEncapType:
			t.Encapsulation = len(v) >= 2 && (v[0] != 0 || v[1] != 0)
		case iptunMetadata:
			t.External = true
		}
	}
	t.EncapLimit = ipv6 && len(b) > 0 && flags&ignoreEncapsize == 0
	return lower
}
