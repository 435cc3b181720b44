package filter

import (
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// linkInfo is what rules ask about interfaces.
type linkInfo struct {
	index     uint32
	kind      uint16       // ARPHRD_…
	linkLocal []netip.Addr // those of fe80::/64 that are the interface's own
}

// readLinks returns the interfaces by name.
func readLinks() (map[string]linkInfo, error) {
	list, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	own := linkLocals()
	links := map[string]linkInfo{}
	for _, l := range list {
		links[l.Name] = linkInfo{uint32(l.Index), linkKind(l.Name), own[l.Name]}
	}
	return links, nil
}

// onLink is the prefix of the addresses to which every interface with IPv6 has a route.
func onLink() netip.Prefix { return netip.MustParsePrefix("fe80::/64") }

// linkLocals returns the addresses of that prefix by interface; none where the kernel has no IPv6.
func linkLocals() map[string][]netip.Addr {
	b, _ := os.ReadFile("/proc/thread-self/net/if_inet6")
	own := map[string][]netip.Addr{}
	for line := range strings.Lines(string(b)) {
		// The address, the interface's index, the length of the prefix, the scope and flags in hexadecimal; the name.
		f := strings.Fields(line)
		if len(f) != 6 {
			continue
		}
		raw, _ := hex.DecodeString(f[0])
		if a, ok := netip.AddrFromSlice(raw); ok && onLink().Contains(a) {
			own[f[5]] = append(own[f[5]], a)
		}
	}
	return own
}

// linkKind returns the ARPHRD_… of an interface, 0 if it cannot be read.
func linkKind(name string) uint16 {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil || unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request) != nil {
		return 0
	}
	return request.Uint16() // sa_family of the address
}
