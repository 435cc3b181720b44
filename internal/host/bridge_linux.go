package host

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// What golang.org/x/sys/unix does not have (linux/if_bridge.h).
const (
	boolVLANSnooping = 1 << 1 // BR_BOOLOPT_MCAST_VLAN_SNOOPING: in the first number set or not, in the second known or not

	querierIPv6Address = 5 // of IFLA_BR_MCAST_QUERIER_STATE
	querierIPv6Timer   = 7

	sizeofBrPortMsg  = 8 // the interface's index is at offset 4
	sizeofBrMdbEntry = 28
	mdbaMDB          = 1
	mdbaMDBEntry     = 1
	mdbaMDBEntryInfo = 1
	mdbaRouter       = 2
	mdbaRouterPort   = 1
	routerTimerIPv4  = 3 // of a router's port
	routerTimerIPv6  = 4

	sizeofIfaddrmsg = unix.SizeofIfAddrmsg
)

// Bridges returns the bridges of this network namespace, by index, each with its ports, by index too.
func Bridges() ([]Bridge, error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	defer c.close()
	t := &bridges{conn: c}
	err = errors.Join(t.links(), t.addresses())
	if err != nil || len(t.list) == 0 {
		return nil, err
	}
	if err := t.stations(); err != nil {
		return nil, fmt.Errorf("forwarding database: %w", err)
	}
	// A kernel that does not snoop (CONFIG_BRIDGE_IGMP_SNOOPING) has no such table.
	if err := t.groups(); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return nil, fmt.Errorf("multicast database: %w", err)
	}
	return t.list, nil
}

// bridges are read table by table.
type bridges struct {
	*conn
	list []Bridge
	told map[int]bool // by index: whether the kernel itself tells who asks
}

func (t *bridges) bridge(index int) *Bridge {
	if i := slices.IndexFunc(t.list, func(b Bridge) bool { return b.Index == index }); i >= 0 {
		return &t.list[i]
	}
	return nil
}

// port returns a port of any bridge.
func (t *bridges) port(index int) *BridgePort {
	for i := range t.list {
		if p := t.list[i].port(index); p != nil {
			return p
		}
	}
	return nil
}

func (b *Bridge) port(index int) *BridgePort {
	if i := slices.IndexFunc(b.Ports, func(p BridgePort) bool { return p.Index == index }); i >= 0 {
		return &b.Ports[i]
	}
	return nil
}

// links reads the bridges and their ports.
func (t *bridges) links() error {
	var ports []BridgePort
	body := make([]byte, unix.SizeofIfInfomsg)
	begin := func() { t.list, t.told, ports = nil, make(map[int]bool), nil }
	err := t.dump(unix.RTM_GETLINK, body, begin, func(kind uint16, body []byte) {
		d, ok := parseLink(body)
		if !ok || kind != unix.RTM_NEWLINK {
			return
		}
		if p, ok := parsePort(body); ok {
			p.Link = d.Link
			ports = append(ports, parseBridgePort(p, body))
		}
		if d.Kind == "bridge" {
			b, told := parseBridge(d.Link, body)
			t.list, t.told[b.Index] = append(t.list, b), told
		}
	})
	slices.SortFunc(t.list, func(a, b Bridge) int { return cmp.Compare(a.Index, b.Index) })
	slices.SortFunc(ports, func(a, b BridgePort) int { return cmp.Compare(a.Index, b.Index) })
	for _, p := range ports {
		if b := t.bridge(p.Master); b != nil {
			p.Bridge = b.Name
			b.Ports = append(b.Ports, p)
		}
	}
	return err
}

// linkData returns IFLA_INFO_DATA, or for a port IFLA_INFO_SLAVE_DATA.
func linkData(b []byte, which uint16) []byte {
	for kind, v := range attributes(b[unix.SizeofIfInfomsg:]) {
		if kind != unix.IFLA_LINKINFO {
			continue
		}
		for kind, v := range attributes(v) {
			if kind == which {
				return v
			}
		}
	}
	return nil
}

// parseBridge reads what is particular to a bridge. told says that the kernel tells who asks for listeners.
func parseBridge(l Link, b []byte) (bridge Bridge, told bool) {
	bridge.Link = l
	for kind, v := range attributes(linkData(b, unix.IFLA_INFO_DATA)) {
		switch kind {
		case unix.IFLA_BR_STP_STATE:
			bridge.STP = u32(v) != 0
		case unix.IFLA_BR_VLAN_FILTERING:
			bridge.VLANFiltering = u8(v) != 0
		case unix.IFLA_BR_MCAST_SNOOPING:
			bridge.Snooping = u8(v) != 0
		case unix.IFLA_BR_MCAST_QUERIER:
			bridge.Querier = u8(v) != 0
		case unix.IFLA_BR_NF_CALL_IP6TABLES:
			bridge.CallIP6Tables = u8(v) != 0
		case unix.IFLA_BR_MULTI_BOOLOPT:
			bridge.VLANSnooping = u32(v)&boolVLANSnooping != 0
			// Linux 5.15 has brought this option and the state of the querier, which is left out where there is none.
			told = told || len(v) >= 8 && u32(v[4:])&boolVLANSnooping != 0
		case unix.IFLA_BR_MCAST_QUERIER_STATE:
			told = true
			bridge.parseQuerier(v)
		}
	}
	bridge.QuerierKnown = told
	return bridge, told
}

// parseQuerier reads who asks. The timer is there only while it is somebody else.
func (b *Bridge) parseQuerier(state []byte) {
	for kind, v := range attributes(state) {
		switch kind {
		case querierIPv6Address:
			b.QuerierAddress = address(v)
		case querierIPv6Timer:
			b.OtherQuerier = true
		}
	}
	if !b.OtherQuerier {
		b.QuerierAddress = netip.Addr{}
	}
}

func parseBridgePort(p Port, b []byte) BridgePort {
	port := BridgePort{Port: p, Carrier: true, State: PortForwarding}
	for kind, v := range attributes(b[unix.SizeofIfInfomsg:]) {
		switch kind {
		case unix.IFLA_ADDRESS:
			if len(v) == len(port.Address) {
				port.Address = [6]byte(v)
			}
		case unix.IFLA_CARRIER:
			port.Carrier = u8(v) != 0
		}
	}
	for kind, v := range attributes(linkData(b, unix.IFLA_INFO_SLAVE_DATA)) {
		if kind == unix.IFLA_BRPORT_STATE {
			port.State = PortState(u8(v))
		}
	}
	return port
}

// addresses finds the bridges that have a link-local address to ask from. Without IPv6 none has.
func (t *bridges) addresses() error {
	body := make([]byte, sizeofIfaddrmsg)
	body[0] = unix.AF_INET6
	err := t.dump(unix.RTM_GETADDR, body, func() {}, func(kind uint16, body []byte) {
		if len(body) < sizeofIfaddrmsg || kind != unix.RTM_NEWADDR || body[0] != unix.AF_INET6 {
			return
		}
		b := t.bridge(int(u32(body[4:])))
		for kind, v := range attributes(body[sizeofIfaddrmsg:]) {
			if a := address(v); kind == unix.IFA_ADDRESS && b != nil && a.Is6() && a.IsLinkLocalUnicast() {
				b.HasIPv6 = true
			}
		}
	})
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT) {
		return nil
	}
	return err
}

// stations reads the forwarding databases: who is behind which port, and where a VXLAN sends what is for all.
func (t *bridges) stations() error {
	body := make([]byte, max(sizeofNdmsg, unix.SizeofIfInfomsg)) // kernels before 4.20 take the form of a link's request
	body[0] = unix.AF_BRIDGE
	begin := func() {
		for i := range t.list {
			for j := range t.list[i].Ports {
				p := &t.list[i].Ports[j]
				p.Stations, p.Floods, p.Routed = nil, nil, nil
			}
		}
	}
	return t.dump(unix.RTM_GETNEIGH, body, begin, func(kind uint16, body []byte) {
		if len(body) < sizeofNdmsg || kind != unix.RTM_NEWNEIGH {
			return
		}
		if p := t.port(int(int32(u32(body[4:])))); p != nil {
			p.station(body)
		}
	})
}

// station reads one entry, a struct ndmsg and its attributes: the state is at offset 8, the flags at 10.
func (p *BridgePort) station(b []byte) {
	state, flags := binary.NativeEndian.Uint16(b[8:]), b[10]
	var mac [6]byte
	var dst netip.Addr
	whole, bound := false, false
	for kind, v := range attributes(b[sizeofNdmsg:]) {
		switch kind {
		case unix.NDA_LLADDR:
			if whole = len(v) == len(mac); whole {
				mac = [6]byte(v)
			}
		case unix.NDA_DST:
			dst = address(v)
		case unix.NDA_IFINDEX:
			bound = true
		}
	}
	switch {
	case !whole:
	case flags&unix.NTF_SELF != 0: // of the device itself, which is not the bridge
		if p.Kind == "vxlan" && mac == [6]byte{} && dst.IsValid() && len(p.Floods) < maxRemotes && !slices.Contains(p.Floods, dst) {
			p.Floods = append(p.Floods, dst)
			if !bound {
				p.Routed = append(p.Routed, dst)
			}
		}
	case state&unix.NUD_PERMANENT == 0 && len(p.Stations) < maxStations && !slices.Contains(p.Stations, mac):
		p.Stations = append(p.Stations, mac)
	}
}

// groups reads the multicast databases.
func (t *bridges) groups() error {
	body := make([]byte, sizeofBrPortMsg)
	body[0] = unix.AF_BRIDGE
	begin := func() {
		for i := range t.list {
			t.list[i].Groups = nil
		}
	}
	return t.dump(unix.RTM_GETMDB, body, begin, func(_ uint16, body []byte) {
		if len(body) < sizeofBrPortMsg {
			return
		}
		b := t.bridge(int(int32(u32(body[4:]))))
		if b == nil {
			return // the database of a VXLAN
		}
		for kind, v := range attributes(body[sizeofBrPortMsg:]) {
			switch kind {
			case mdbaMDB:
				b.parseGroups(v)
			case mdbaRouter:
				b.parseRouters(v, t.told[b.Index])
			}
		}
	})
}

// parseGroups reads MDBA_MDB: entries, each a list of struct br_mdb_entry, whose first number is the port's index, with the
// address from offset 8 on and its protocol at offset 24.
func (b *Bridge) parseGroups(v []byte) {
	for kind, v := range attributes(v) {
		if kind != mdbaMDBEntry {
			continue
		}
		for kind, v := range attributes(v) {
			if kind != mdbaMDBEntryInfo || len(v) < sizeofBrMdbEntry || u16be(v[24:]) != unix.ETH_P_IPV6 || len(b.Groups) >= maxGroups {
				continue
			}
			b.Groups = append(b.Groups, Group{int(int32(u32(v))), netip.AddrFrom16([16]byte(v[8:24]))})
		}
	}
}

// parseRouters reads MDBA_ROUTER: the ports behind which multicast routers are. Each is the port's index, and attributes; since
// Linux 5.14 one for each protocol, with the time for which that is still believed, 0 where it was set by hand. Whoever asks
// for listeners is taken for such a router. told says that it need not be concluded from that who asks.
func (b *Bridge) parseRouters(v []byte, told bool) {
	for kind, v := range attributes(v) {
		if kind != mdbaRouterPort || len(v) < 4 {
			continue
		}
		p := b.port(int(int32(u32(v))))
		if p == nil {
			continue
		}
		four, six := false, false
		for kind, v := range attributes(v[4:]) {
			switch kind {
			case routerTimerIPv4:
				four = true
			case routerTimerIPv6:
				six = true
				if !told && u32(v) > 0 {
					b.OtherQuerier, b.QuerierKnown = true, true
				}
			}
		}
		p.Router = six || !four
	}
}
