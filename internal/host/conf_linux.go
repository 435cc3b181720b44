package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ReadConf reads the settings that IPv6 has on an interface, or those of "all" or "default". An interface without IPv6, as one
// whose MTU is below 1280, or none of that name, is an error that is fs.ErrNotExist.
func ReadConf(iface string) (Conf, error) {
	var c Conf
	if iface == "" || iface == "." || iface == ".." || strings.ContainsAny(iface, "/\x00") { // no interface can have such a name
		return c, fmt.Errorf("net.ipv6.conf: %s: %w", printable(iface), fs.ErrNotExist)
	}
	// In /proc an interface's name is one part of a path, whatever dots it has. The kernel shows each thread the settings of
	// its network namespace.
	dir := filepath.Join("/proc/sys/net/ipv6/conf", iface)
	for _, f := range []struct {
		to   *int
		name string
	}{
		{&c.AcceptRA, "accept_ra"}, {&c.AcceptRADefrtr, "accept_ra_defrtr"}, {&c.AcceptRAPinfo, "accept_ra_pinfo"},
		{&c.Autoconf, "autoconf"}, {&c.Forwarding, "forwarding"}, {&c.DisableIPv6, "disable_ipv6"}, {&c.AcceptDAD, "accept_dad"},
		{&c.DADTransmits, "dad_transmits"}, {&c.AddrGenMode, "addr_gen_mode"}, {&c.UseTempaddr, "use_tempaddr"}, {&c.MTU, "mtu"},
	} {
		b, err := os.ReadFile(filepath.Join(dir, f.name))
		if f.name == "addr_gen_mode" && errors.Is(err, fs.ErrNotExist) {
			continue // before Linux 4.11
		}
		if err == nil {
			*f.to, err = strconv.Atoi(strings.TrimSpace(string(b)))
		}
		if errors.Is(err, fs.ErrNotExist) {
			return Conf{}, fmt.Errorf("net.ipv6.conf: %s: %w", printable(iface), fs.ErrNotExist)
		}
		if err != nil {
			return Conf{}, fmt.Errorf("net.ipv6.conf: %s: %s: %w", printable(iface), f.name, err)
		}
	}
	return c, nil
}
