package encap

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Outer is what an encapsulation stands on.
type Outer uint8

// The outer protocols. Ethernet is that of PPPoE, which has no outer IP header.
const (
	IPv4 Outer = iota
	IPv6
	Ethernet
)

// String returns "IPv4", "IPv6" or "Ethernet".
func (o Outer) String() string {
	switch o {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	}
	return "Ethernet"
}

// Encapsulation is a tunnel by its name.
type Encapsulation struct {
	Name     string // as Parse takes it: "vxlan6+vlan"
	Title    string // "VXLAN over IPv6, inner VLAN tag"
	Overhead int    // bytes between a packet and the IP packet, or the Ethernet payload, that carries it
	Outer    Outer
}

// Overlay returns the largest packet that fits into an underlay of that MTU, both in bytes of IP. A VLAN tag outside
// costs nothing, as an MTU does not count it.
func (e Encapsulation) Overlay(underlay int) int { return underlay - e.Overhead }

// Underlay returns the MTU that the underlay must have for packets of guest bytes.
func (e Encapsulation) Underlay(guest int) int { return guest + e.Overhead }

// kind is a row of the table: what a name stands for without its options.
type kind struct {
	name, title string
	overhead    int
	outer       Outer
	options     []option
}

// option is what a "+" behind a name may add.
type option struct {
	name, title string
	bytes       int
}

const (
	ipv4Header = 20
	ipv6Header = 40
	ethernet   = 14
	udp        = 8
	vxlan      = 8 // RFC 7348 §5; a Geneve header without options is as long (RFC 8926 §3.4)
	gre        = 4 // RFC 2784 §2.1
	wireGuard  = 16 + 16
	pppoeAll   = 6 + 2 // RFC 2516 §4, and PPP's protocol number
)

// vlanTag is a tag on the Ethernet frame inside.
var vlanTag = option{"vlan", "inner VLAN tag", 4}

// The optional fields of GRE (RFC 2784 §2.1, RFC 2890 §2).
var (
	greKey  = option{"key", "key", 4}
	greCsum = option{"csum", "checksum", 4}
	greSeq  = option{"seq", "sequence number", 4}
)

// encapLimit is the destination option of RFC 2473 §4.1.1, which Linux puts in unless told not to.
var encapLimit = option{"encaplimit", "encapsulation limit", 8}

// kinds has all that there is, by what it is built of.
var kinds = []kind{
	{"vxlan", "VXLAN", ipv4Header + udp + vxlan + ethernet, IPv4, []option{vlanTag}},
	{"vxlan6", "VXLAN", ipv6Header + udp + vxlan + ethernet, IPv6, []option{vlanTag}},
	{"vxlan-gpe", "VXLAN-GPE with IP inside", ipv4Header + udp + vxlan, IPv4, nil},
	{"vxlan-gpe6", "VXLAN-GPE with IP inside", ipv6Header + udp + vxlan, IPv6, nil},
	{"geneve", "Geneve", ipv4Header + udp + vxlan + ethernet, IPv4, []option{vlanTag}},
	{"geneve6", "Geneve", ipv6Header + udp + vxlan + ethernet, IPv6, []option{vlanTag}},
	{"gre", "GRE", ipv4Header + gre, IPv4, []option{greKey, greCsum, greSeq}},
	{"gre6", "GRE", ipv6Header + gre, IPv6, []option{greKey, greCsum, greSeq, encapLimit}},
	{"gretap", "gretap", ipv4Header + gre + ethernet, IPv4, []option{greKey, greCsum, greSeq, vlanTag}},
	{"gretap6", "gretap", ipv6Header + gre + ethernet, IPv6, []option{greKey, greCsum, greSeq, vlanTag, encapLimit}},
	{"sit", "SIT", ipv4Header, IPv4, nil},
	{"ipip", "IPIP", ipv4Header, IPv4, nil},
	{"ip6tnl", "ip6tnl", ipv6Header, IPv6, []option{encapLimit}},
	{"wireguard", "WireGuard", ipv4Header + udp + wireGuard, IPv4, nil},
	{"wireguard6", "WireGuard", ipv6Header + udp + wireGuard, IPv6, nil},
	{"pppoe", "PPPoE", pppoeAll, Ethernet, nil},
}

// maxGeneveOptions is what the length field of Geneve can say: six bits of four bytes each (RFC 8926 §3.4).
const maxGeneveOptions = 63 * 4

// Refusal says why a name is not understood.
type Refusal struct {
	Reason string
	Advice string
}

func (e *Refusal) Error() string { return e.Reason }

// Hint lists what there is, in one line.
func (e *Refusal) Hint() string { return e.Advice }

// Parse reads the name of an encapsulation, with what it has besides behind plus signs: "vxlan", "gre6+key+seq",
// "gretap+vlan", "geneve+16" for 16 bytes of options. Upper and lower case are the same. An error is a *Refusal.
func Parse(name string) (Encapsulation, error) {
	parts := strings.Split(strings.ToLower(name), "+")
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == parts[0] })
	if i < 0 {
		return Encapsulation{}, &Refusal{fmt.Sprintf("no encapsulation %q", parts[0]), "there are " + known()}
	}
	k := kinds[i]
	e := Encapsulation{Name: k.name, Title: k.title, Overhead: k.overhead, Outer: k.outer}
	if k.outer != Ethernet {
		e.Title += " over " + k.outer.String()
	}
	var seen []option
	for _, word := range parts[1:] {
		o, ok := k.option(word)
		if !ok {
			return Encapsulation{}, &Refusal{fmt.Sprintf("%s has no option %q", k.name, word), k.advice()}
		}
		if slices.ContainsFunc(seen, func(s option) bool { return s.name == o.name }) {
			return Encapsulation{}, &Refusal{fmt.Sprintf("%s has the option %q twice", k.name, word), k.advice()}
		}
		seen = append(seen, o)
		if o.name == lengthOption {
			word = strconv.Itoa(o.bytes) // without zeros in front
		}
		e.Name += "+" + word
		e.Title += ", " + o.title
		e.Overhead += o.bytes
	}
	return e, nil
}

// lengthOption is the name of the length of Geneve's options, for which a number stands.
const lengthOption = "N"

// option finds what a word behind a plus sign stands for.
func (k kind) option(word string) (option, bool) {
	if i := slices.IndexFunc(k.options, func(o option) bool { return o.name == word }); i >= 0 {
		return k.options[i], true
	}
	n, err := strconv.ParseUint(word, 10, 16)
	if err != nil || !k.hasLength() || n == 0 || n > maxGeneveOptions || n%4 != 0 {
		return option{}, false
	}
	return option{lengthOption, fmt.Sprintf("%d bytes of options", n), int(n)}, true
}

// hasLength reports whether the header has options of any length.
func (k kind) hasLength() bool { return k.title == "Geneve" }

// advice says which options a kind has.
func (k kind) advice() string {
	var list []string
	for _, o := range k.options {
		list = append(list, "+"+o.name)
	}
	if k.hasLength() {
		list = append(list, fmt.Sprintf("+N for N bytes of options, a multiple of 4 up to %d", maxGeneveOptions))
	}
	if len(list) == 0 {
		return k.name + " has none"
	}
	return k.name + " has " + strings.Join(list, ", ") + ", each once"
}

// known lists the kinds for a hint: "gre[6][+key][+csum][+seq], gre6[+encaplimit]".
func known() string {
	var list []string
	for _, k := range kinds {
		if i := slices.IndexFunc(kinds, func(four kind) bool { return four.name+"6" == k.name }); i >= 0 {
			for _, o := range k.options {
				if !slices.Contains(kinds[i].options, o) {
					list = append(list, k.name+"[+"+o.name+"]")
				}
			}
			continue
		}
		word := k.name
		if slices.ContainsFunc(kinds, func(six kind) bool { return six.name == k.name+"6" }) {
			word += "[6]"
		}
		for _, o := range k.options {
			word += "[+" + o.name + "]"
		}
		if k.hasLength() {
			word += "[+" + lengthOption + "]"
		}
		list = append(list, word)
	}
	return strings.Join(list, ", ")
}

// Names returns the names without options and those with one, for the completion of a command line.
func Names() []string {
	var list []string
	for _, k := range kinds {
		list = append(list, k.name)
		for _, o := range k.options {
			list = append(list, k.name+"+"+o.name)
		}
	}
	return list
}

// common are the names that a table of all should show: the fields of GRE are left to who asks for them.
const common = "vxlan vxlan6 vxlan+vlan vxlan6+vlan vxlan-gpe vxlan-gpe6 geneve geneve6 gre gre6 gretap gretap6 sit ipip " +
	"ip6tnl ip6tnl+encaplimit wireguard wireguard6 pppoe"

// Common returns the encapsulations that a table of all should show, the likeliest in CloudStack first.
func Common() []Encapsulation {
	var list []Encapsulation
	for name := range strings.FieldsSeq(common) {
		if e, err := Parse(name); err == nil {
			list = append(list, e)
		}
	}
	return list
}
