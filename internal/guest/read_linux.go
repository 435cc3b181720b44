package guest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"v6probe/internal/host"
)

// Read reads what this host says of an interface, in the network namespace of the calling thread. It sends nothing and needs no
// privilege. The error is about the interface itself: that there is none of that name; what else cannot be read is in Unread.
func Read(iface string) (*Facts, error) {
	d, err := host.ReadDevice(iface)
	if err != nil {
		return nil, err
	}
	f := &Facts{Interface: interfaceOf(&d), IPv6: readIPv6(os.DirFS("/"))}
	f.readResolvers("/etc/resolv.conf")
	f.readManagers(os.DirFS("/"), d.Index, os.Geteuid() == 0)
	if f.IPv6 != IPv6On {
		f.NoWorld = "this kernel runs without IPv6"
		return f, nil
	}
	f.readSettings(iface)
	addresses, err := host.OwnAddresses(d.Index)
	f.missed(PartAddresses, err)
	for _, a := range addresses {
		f.Addresses = append(f.Addresses, Address(a))
	}
	routes, err := host.DefaultRoutes()
	f.missed(PartRoutes, err)
	f.Routes = routesOf(routes)
	entries, err := host.NeighborEntries(d.Index, gatewaysOn(f.Routes, d.Index))
	f.missed(PartNeighbors, err)
	f.Neighbors = neighborsOf(entries)
	by := ""
	if f.Interface.Table != host.MainTable { // packets of a VRF are routed by its own table
		by = strconv.Itoa(d.Index)
	}
	way, err := host.Route(nobody(), by, netip.Addr{})
	if err != nil {
		f.NoWorld, f.Refused = err.Error(), refusedBy(err)
		return f, nil
	}
	f.World = &way
	return f, nil
}

// refusedBy returns the type of the route that made the kernel refuse to tell a way, "" where there is just none.
func refusedBy(err error) string {
	for _, kind := range []string{"unreachable", "prohibit", "blackhole"} {
		if r := (*host.Refusal)(nil); errors.As(err, &r) && strings.HasSuffix(r.Reason, " says "+kind) {
			return kind
		}
	}
	return ""
}

// missed notes that a part could not be read.
func (f *Facts) missed(p Part, err error) {
	if err != nil {
		f.Unread = append(f.Unread, Unread{p, escape(err.Error())})
	}
}

// readIPv6 tells whether the kernel speaks IPv6. With ipv6.disable=1 it has the module, and none of its settings.
func readIPv6(root fs.FS) IPv6 {
	if _, err := fs.Stat(root, "proc/sys/net/ipv6"); !errors.Is(err, fs.ErrNotExist) {
		return IPv6On
	}
	b, err := fs.ReadFile(root, "sys/module/ipv6/parameters/disable")
	if err == nil && strings.TrimSpace(string(b)) == "1" {
		return IPv6Disabled
	}
	return IPv6Missing
}

// readSettings reads the interface's own settings and those of all. That it has none is no error: Linux takes IPv6 off an
// interface whose MTU is below 1280.
func (f *Facts) readSettings(iface string) {
	var s Settings
	var err error
	if s.Conf, err = host.ReadConf(iface); err == nil {
		err = s.readMore(iface)
	}
	switch {
	case err == nil:
		f.Settings = &s
	case !errors.Is(err, fs.ErrNotExist):
		f.missed(PartSettings, err)
	}
	var all AllSettings
	forwarding, err := host.ReadSetting("all", "forwarding")
	disabled, err2 := host.ReadSetting("all", "disable_ipv6")
	if err := errors.Join(err, err2); err != nil {
		f.missed(PartAllSettings, err)
		return
	}
	all.Forwarding, all.DisableIPv6 = forwarding, disabled
	f.All = &all
}

// readMore reads the settings that host.Conf has not.
func (s *Settings) readMore(iface string) error {
	for _, one := range []struct {
		to   *int
		name string
	}{
		{&s.AcceptRAMinHopLimit, "accept_ra_min_hop_limit"}, {&s.AcceptRAMTU, "accept_ra_mtu"},
		{&s.AcceptRAFromLocal, "accept_ra_from_local"}, {&s.RouterSolicitations, "router_solicitations"}, {&s.HopLimit, "hop_limit"},
		{&s.IgnoreRoutesDown, "ignore_routes_with_linkdown"}, {&s.AcceptRAMinLft, "accept_ra_min_lft"},
		{&s.KeepAddrOnDown, "keep_addr_on_down"}, {&s.RouteInfoMaxPlen, "accept_ra_rt_info_max_plen"},
	} {
		n, err := host.ReadSetting(iface, one.name)
		if errors.Is(err, fs.ErrNotExist) {
			n, err = Unset, nil
		}
		if err != nil {
			return err
		}
		*one.to = n
	}
	return nil
}

// maxFile is how much of a file is read that anybody may have written.
const maxFile = 64 << 10

// readResolvers reads a resolv.conf. Without one there are no servers.
func (f *Facts) readResolvers(name string) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		f.missed(PartResolvers, err)
		return
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		f.missed(PartResolvers, fmt.Errorf("%s: %w", name, err))
	}
	f.Resolvers = parseResolvers(b)
}
