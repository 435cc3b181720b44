package filter

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
)

// Set is an ipset. Of those with more than addresses and prefixes in them (ports, interfaces, MACs, other sets) only the
// type is known.
type Set struct {
	Type    string         // "hash:net"
	Family  string         // "inet6"; one of "inet" matches no IPv6 packet
	Members []netip.Prefix // addresses and prefixes
	Except  []netip.Prefix // those with nomatch: no members though a wider one is
	Unknown bool           // not all members could be read
}

// maxMembers is how many members of all sets are kept.
const maxMembers = 1 << 20

// parseSets reads what `ipset save` prints:
//
//	create i-2-7-VM-6 hash:net family inet6 hashsize 1024 maxelem 65536
//	add i-2-7-VM-6 fe80::1:cbff:fe00:7
func parseSets(b []byte) map[string]Set {
	sets := map[string]Set{}
	masks := map[string]int{}
	kept := 0
	for line := range bytes.Lines(b) {
		w := words(strings.TrimSpace(string(line)))
		if len(w) < 3 {
			continue
		}
		name, options := w[1].text, w[3:]
		switch w[0].text {
		case "create":
			s := Set{Type: w[2].text}
			s.Unknown = s.Type != "hash:ip" && s.Type != "hash:net"
			s.Family, masks[name] = ofSet(options)
			sets[name] = s
		case "add":
			s, ok := sets[name]
			if !ok || s.Unknown || s.Family != "inet6" {
				continue
			}
			if p, ok := memberPrefix(w[2].text, masks[name]); !ok || kept >= maxMembers {
				s.Unknown = true
			} else if kept++; hasWord(options, "nomatch") {
				s.Except = append(s.Except, p)
			} else {
				s.Members = append(s.Members, p)
			}
			sets[name] = s
		}
	}
	return sets
}

// ofSet returns the family of a set, and how many bits of an address it asks about: 0 is all of them.
func ofSet(options []word) (family string, mask int) {
	for i := 0; i+1 < len(options); i++ {
		switch options[i].text {
		case "family":
			family = options[i+1].text
		case "netmask":
			mask, _ = strconv.Atoi(options[i+1].text)
		case "bitmask":
			mask = -1 // any bits: not looked at
		}
	}
	return family, mask
}

func hasWord(list []word, text string) bool {
	for _, w := range list {
		if w.text == text && !w.quoted {
			return true
		}
	}
	return false
}

// memberPrefix parses an address, of which mask bits count where that is not 0, or a prefix.
func memberPrefix(s string, mask int) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	if mask == 0 {
		mask = a.BitLen()
	}
	p, err := a.Prefix(mask)
	return p, err == nil
}

// Has says whether an IPv6 packet with this address is in the set.
func (s Set) Has(a netip.Addr) Truth {
	switch {
	case s.Family == "inet":
		return No
	case s.Unknown || s.Family != "inet6":
		return CannotTell
	}
	in, out := longest(s.Members, a), longest(s.Except, a)
	return truth(in > out)
}

// longest returns the length of the longest prefix that a is in, -1 where it is in none.
func longest(list []netip.Prefix, a netip.Addr) int {
	bits := -1
	for _, p := range list {
		if p.Bits() > bits && p.Contains(a) {
			bits = p.Bits()
		}
	}
	return bits
}
