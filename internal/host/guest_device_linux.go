package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ReadDevice asks for one interface by its name. A *Refusal tells that there is none.
func ReadDevice(name string) (Device, error) {
	c, err := dial()
	if err != nil {
		return Device{}, err
	}
	defer c.close()
	l, err := c.named(name)
	if errors.Is(err, unix.ENODEV) || err == nil && l.Name != name {
		return Device{}, &Refusal{printable(name) + ": no such interface", "interfaces here: " + c.names()}
	}
	if err != nil {
		return Device{}, fmt.Errorf("interface %s: %w", printable(name), err)
	}
	d, err := c.askDevice(l.Index)
	if err != nil {
		return Device{}, fmt.Errorf("interface %s: %w", printable(name), err)
	}
	if d.Master == 0 {
		return d, nil
	}
	// A master may be in another namespace than its port only for what is being moved: without an answer it stays unnamed.
	if m, err := c.device(d.Master); err == nil {
		d.MasterName, d.MasterKind = m.Name, m.Kind
	}
	if d.MasterKind == "vrf" {
		if table := c.tableOf(d.Master); table != 0 {
			d.Table = table
		}
	}
	return d, nil
}

// linkBody is the request for one interface.
func linkBody(index int) []byte {
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], uint32(index))
	return body
}

func (c *conn) askDevice(index int) (Device, error) {
	var d Device
	ok := false
	err := c.ask(unix.RTM_GETLINK, 0, linkBody(index), func(kind uint16, body []byte) {
		if kind == unix.RTM_NEWLINK {
			d, ok = parseDevice(body)
		}
	})
	if err == nil && !ok {
		err = errors.New("rtnetlink: no answer")
	}
	return d, err
}

// tableOf returns the routing table of a VRF, 0 where it is not told.
func (c *conn) tableOf(index int) uint32 {
	table := uint32(0)
	c.ask(unix.RTM_GETLINK, 0, linkBody(index), func(kind uint16, body []byte) {
		if kind == unix.RTM_NEWLINK {
			table = parseTable(body)
		}
	})
	return table
}

// parseTable reads the table out of the RTM_NEWLINK of a VRF.
func parseTable(b []byte) uint32 {
	if len(b) < unix.SizeofIfInfomsg {
		return 0
	}
	for kind, v := range attributes(b[unix.SizeofIfInfomsg:]) {
		if kind != unix.IFLA_LINKINFO {
			continue
		}
		for kind, v := range attributes(v) {
			if kind != unix.IFLA_INFO_DATA {
				continue
			}
			for kind, v := range attributes(v) {
				if kind == unix.IFLA_VRF_TABLE {
					return u32(v)
				}
			}
		}
	}
	return 0
}

// parseDevice reads a struct ifinfomsg and its attributes.
func parseDevice(b []byte) (Device, bool) {
	l, ok := parseLink(b)
	if !ok {
		return Device{}, false
	}
	d := Device{Link: l.Link, State: operState(0), Table: MainTable}
	flags := u32(b[8:])
	d.Carrier, d.Running = flags&unix.IFF_LOWER_UP != 0, flags&unix.IFF_RUNNING != 0
	d.Loopback, d.NoARP = flags&unix.IFF_LOOPBACK != 0, flags&unix.IFF_NOARP != 0
	d.Multicast = flags&unix.IFF_MULTICAST != 0
	ethernet := binary.NativeEndian.Uint16(b[2:]) == unix.ARPHRD_ETHER
	for kind, v := range attributes(b[unix.SizeofIfInfomsg:]) {
		switch {
		case kind == unix.IFLA_ADDRESS && ethernet && len(v) == 6:
			d.MAC = net.HardwareAddr(append([]byte(nil), v...))
		case kind == unix.IFLA_OPERSTATE:
			d.State = operState(u8(v))
		}
	}
	return d, true
}

// operState names IF_OPER_… (linux/if.h).
func operState(n uint8) string {
	names := [...]string{"unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"}
	if int(n) < len(names) {
		return names[n]
	}
	return "unknown"
}

// ReadSetting reads one of the settings that IPv6 has on an interface, net.ipv6.conf.DEV.NAME. That the kernel or the interface
// has none is an error that is fs.ErrNotExist.
func ReadSetting(iface, name string) (int, error) {
	if iface == "" || iface == "." || iface == ".." || strings.ContainsAny(iface, "/\x00") {
		return 0, fmt.Errorf("net.ipv6.conf: %s: %w", printable(iface), fs.ErrNotExist)
	}
	b, err := os.ReadFile(filepath.Join("/proc/sys/net/ipv6/conf", iface, name))
	n := 0
	if err == nil {
		n, err = strconv.Atoi(strings.TrimSpace(string(b)))
	}
	if err != nil {
		return 0, fmt.Errorf("net.ipv6.conf: %s: %s: %w", printable(iface), name, err)
	}
	return n, nil
}
