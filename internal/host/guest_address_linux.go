package host

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// maxOwnAddresses bounds what is kept: a flood of advertisements makes no more than the kernel's own limit (max_addresses, 16)
// lets it, and no guest has as many by hand.
const maxOwnAddresses = 1024

// OwnAddresses returns the IPv6 addresses of one interface, link-local ones first.
func OwnAddresses(index int) ([]OwnAddress, error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	defer c.close()
	var list []OwnAddress
	body := make([]byte, unix.SizeofIfAddrmsg)
	body[0] = unix.AF_INET6
	err = c.dump(unix.RTM_GETADDR, body, func() { list = nil }, func(kind uint16, body []byte) {
		a, of, ok := parseOwnAddress(body)
		if ok && kind == unix.RTM_NEWADDR && of == index && len(list) < maxOwnAddresses {
			list = append(list, a)
		}
	})
	slices.SortStableFunc(list, func(a, b OwnAddress) int {
		return cmp.Compare(rank(a.Prefix.Addr()), rank(b.Prefix.Addr()))
	})
	return list, err
}

// rank orders addresses: what every interface has comes first.
func rank(a netip.Addr) int {
	if a.IsLinkLocalUnicast() {
		return 0
	}
	return 1
}

// The attribute of an address that tells who made it, and its values (linux/if_addr.h).
const (
	attributeProtocol = 11 // IFA_PROTO
	madeByLoopback    = 1
	madeOfRA          = 2
	madeLinkLocal     = 3
)

// parseOwnAddress reads a struct ifaddrmsg and its attributes.
func parseOwnAddress(b []byte) (a OwnAddress, index int, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg || b[0] != unix.AF_INET6 {
		return a, 0, false
	}
	bits, flags := int(b[1]), uint32(b[2])
	index = int(int32(u32(b[4:])))
	a.Valid, a.Preferred = Forever, Forever
	var local, peer netip.Addr
	for kind, v := range attributes(b[unix.SizeofIfAddrmsg:]) {
		switch kind {
		case unix.IFA_ADDRESS:
			peer = address(v)
		case unix.IFA_LOCAL: // there only where the link leads to one peer, whose address the other attribute has then
			local = address(v)
		case unix.IFA_FLAGS:
			if len(v) >= 4 {
				flags = u32(v)
			}
		case unix.IFA_CACHEINFO:
			if len(v) >= 8 {
				a.Preferred, a.Valid = lifetime(u32(v)), lifetime(u32(v[4:]))
			}
		case attributeProtocol:
			a.Origin = origin(u8(v))
		}
	}
	if !local.IsValid() {
		local = peer
	}
	a.Prefix = netip.PrefixFrom(local, bits)
	a.setFlags(flags)
	return a, index, local.Is6() && bits <= 128
}

// setFlags spells IFA_F_… out.
func (a *OwnAddress) setFlags(flags uint32) {
	for _, f := range []struct {
		to   *bool
		flag uint32
	}{
		{&a.Tentative, unix.IFA_F_TENTATIVE}, {&a.Failed, unix.IFA_F_DADFAILED}, {&a.Optimistic, unix.IFA_F_OPTIMISTIC},
		{&a.Deprecated, unix.IFA_F_DEPRECATED}, {&a.Temporary, unix.IFA_F_TEMPORARY}, {&a.ManageTemp, unix.IFA_F_MANAGETEMPADDR},
		{&a.Permanent, unix.IFA_F_PERMANENT}, {&a.StablePrivacy, unix.IFA_F_STABLE_PRIVACY},
		{&a.NoPrefixRoute, unix.IFA_F_NOPREFIXROUTE},
	} {
		*f.to = flags&f.flag != 0
	}
}

func lifetime(seconds uint32) time.Duration {
	if seconds == 1<<32-1 {
		return Forever
	}
	return time.Duration(seconds) * time.Second
}

func origin(n uint8) string {
	switch n {
	case madeByLoopback:
		return "kernel_lo"
	case madeOfRA:
		return "kernel_ra"
	case madeLinkLocal:
		return "kernel_ll"
	}
	return ""
}
