package ifaddr

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Address is one of this host's.
type Address struct {
	Prefix netip.Prefix // the address itself, host bits and all
	Index  int          // of its interface
	Name   string       // of its interface
	Flags  uint64       // IFA_F_…
}

// List returns what if_inet6 says, nothing where there is no IPv6. The namespace is that of the thread; /proc/net would show
// that of the process's first.
func List() ([]Address, error) {
	list, err := os.ReadFile("/proc/thread-self/net/if_inet6")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return Parse(list), nil
}

// Parse reads if_inet6: per line the address, the interface's index, the prefix length, the scope and the flags, all in
// hexadecimal, and the interface's name. Lines of another form are passed over.
func Parse(list []byte) []Address {
	var all []Address
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 6 {
			continue
		}
		raw, err := hex.DecodeString(f[0])
		index, err2 := strconv.ParseUint(f[1], 16, 31)
		bits, err3 := strconv.ParseUint(f[2], 16, 8)
		flags, err4 := strconv.ParseUint(f[4], 16, 32)
		ip, ok := netip.AddrFromSlice(raw)
		if !ok || !ip.Is6() || errors.Join(err, err2, err3, err4) != nil {
			continue
		}
		all = append(all, Address{netip.PrefixFrom(ip, int(bits)), int(index), f[5], flags})
	}
	return all
}
