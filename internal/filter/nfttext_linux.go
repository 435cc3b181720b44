package filter

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// writer writes a rule much as nft does.
type writer struct {
	pieces []string
	labels map[int]label // what registers have in them
	links  map[string]linkInfo
	icmpv6 bool // the rule is about ICMPv6 from here on
	failed bool // something in it cannot be shown
}

// label is the name of a value, and how it is shown.
type label struct {
	name string
	kind valueKind
	mask []byte
}

// valueKind is a type of values.
type valueKind uint8

// The kinds of values.
const (
	kindHex valueKind = iota
	kindAddress
	kindMAC
	kindNumber // in network byte order
	kindHost   // in the host's
	kindProtocol
	kindICMPv6
	kindName
	kindState
	kindEther
	kindFamily
	kindPacketType
	kindExists
	kindIndex
	kindFound
)

// give gives up: the rule is shown by its handle only.
func (w *writer) give() { w.failed = true }

func (w *writer) add(s string) { w.pieces = append(w.pieces, s) }

// set is a statement that changes name.
func (w *writer) set(name string) {
	if name == "" {
		w.give()
	}
	w.add(name + " set …")
}

func (w *writer) load(register int, l label) {
	if w.labels == nil {
		w.labels = map[int]label{}
	}
	if l.name == "" {
		w.give()
	}
	w.labels[register] = l
}

func (w *writer) mask(from, to int, mask, xor []byte) {
	l := w.labels[from]
	if slices.Max(xor) != 0 {
		w.give()
	}
	l.mask = mask
	w.load(to, l)
}

func (w *writer) swap(from, to int, swap bool) {
	l := w.labels[from]
	switch {
	case !swap:
	case l.kind == kindIndex:
		l.kind = kindHex
	case l.kind == kindHost:
		l.kind = kindNumber
	case l.kind == kindNumber:
		l.kind = kindHost
	}
	w.load(to, l)
}

// compare is a comparison with one value.
func (w *writer) compare(register int, operator uint32, data []byte) {
	l := w.labels[register]
	sign := [...]string{"", "!= ", "< ", "<= ", "> ", ">= "}[operator]
	zero := slices.Max(data) == 0
	switch {
	case l.mask != nil && l.kind == kindAddress:
		ones, size := net.IPMask(l.mask).Size()
		if size == 0 || len(data) != len(l.mask) {
			w.give()
			return
		}
		w.add(l.name + " " + sign + l.value(data) + "/" + strconv.Itoa(ones))
	case l.mask != nil && zero && operator <= unix.NFT_CMP_NEQ && l.kind == kindState:
		w.add(l.name + " " + [...]string{"!= ", ""}[operator] + label{kind: kindState}.value(l.mask))
	case l.mask != nil:
		w.add(l.name + " & " + l.value(l.mask) + " " + strings.TrimPrefix(sign+" ", " ") + l.value(data))
	case l.kind == kindIndex:
		w.add(l.name + " " + sign + w.interfaceOf(data))
	case l.kind == kindAddress && len(data) < 16: // only the bytes of a prefix are loaded
		w.add(l.name + " " + sign + l.value(append(bytes.Clone(data), make([]byte, 16-len(data))...)) + "/" +
			strconv.Itoa(8*len(data)))
	case operator == unix.NFT_CMP_LTE && len(w.pieces) > 0 && strings.HasPrefix(w.pieces[len(w.pieces)-1], l.name+" >= "):
		low := &w.pieces[len(w.pieces)-1]
		*low = l.name + " " + strings.TrimPrefix(*low, l.name+" >= ") + "-" + l.value(data)
	default:
		w.add(l.name + " " + sign + l.value(data))
	}
	w.icmpv6 = w.icmpv6 || l.name == "meta l4proto" && operator == unix.NFT_CMP_EQ && data[0] == protoICMPv6
}

// interfaceOf shows the interface of an index.
func (w *writer) interfaceOf(index []byte) string {
	for name, link := range w.links {
		if native32(link.index).equal(index) == Yes {
			return `"` + escape(name) + `"`
		}
	}
	return label{kind: kindHost}.value(index)
}

func (w *writer) between(register int, outside bool, low, high []byte) {
	l, sign := w.labels[register], ""
	if outside {
		sign = "!= "
	}
	w.add(l.name + " " + sign + l.value(low) + "-" + l.value(high))
}

// maxShown is how many elements of a set without a name are shown.
const maxShown = 8

func (w *writer) lookup(register int, set *nftSet, invert bool, verb string) {
	names, kinds := w.concatenated(register, set.keyLen)
	sign := ""
	if invert {
		sign = "!= "
	}
	if !set.anonymous() || set.unread || len(kinds) > 1 && set.interval() {
		w.add(names + " " + sign + verb + "@" + escape(set.name))
		return
	}
	var list []string
	for i := range set.elements {
		if s := set.show(i, kinds); s != "" {
			list = append(list, s)
		}
	}
	if len(set.elements) > 2*maxShown || len(list) > maxShown {
		list = append(list[:min(len(list), maxShown)], "…")
	}
	if set.rest != nil {
		list = append(list, "*"+set.rest.target())
	}
	w.add(names + " " + sign + verb + "{ " + strings.Join(list, ", ") + " }")
}

// concatenated returns the names of what is in n bytes of registers.
func (w *writer) concatenated(register, n int) (string, []label) {
	var names []string
	var kinds []label
	for at := register; at < register+n; at += 4 {
		if l, ok := w.labels[at]; ok {
			names, kinds = append(names, l.name), append(kinds, l)
		}
	}
	if len(names) == 0 {
		w.give()
	}
	return strings.Join(names, " . "), kinds
}

// show shows an element, "" for the end of an interval.
func (s *nftSet) show(i int, kinds []label) string {
	e := s.elements[i]
	if e.end || len(kinds) == 0 {
		return ""
	}
	if len(kinds) == 1 {
		first := kinds[0].value(e.key)
		if s.interval() && i+1 < len(s.elements) && s.elements[i+1].end {
			if last := previous(s.elements[i+1].key); !bytes.Equal(last, e.key) {
				first += "-" + kinds[0].value(last)
			}
		}
		return first + e.target()
	}
	var parts []string
	at := 0
	for _, k := range kinds {
		n := min(k.size(), len(e.key)-at)
		if n <= 0 {
			return ""
		}
		parts = append(parts, k.value(e.key[at:at+n]))
		at += (n + 3) &^ 3
	}
	return strings.Join(parts, " . ") + e.target()
}

// previous returns the value before b.
func previous(b []byte) []byte {
	b = bytes.Clone(b)
	for i := len(b) - 1; i >= 0; i-- {
		b[i]--
		if b[i] != 0xff {
			break
		}
	}
	return b
}

// target returns what a map has for the element.
func (e *nftElement) target() string {
	if e.verdict == nil {
		return ""
	}
	return " : " + e.verdict.String()
}

// escape makes a name printable.
func escape(s string) string {
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

// show returns the rule, which has the handle.
func (w *writer) show(handle uint64) string {
	if w.failed {
		return "handle " + strconv.FormatUint(handle, 10)
	}
	// nft leaves out what goes without saying.
	implied := map[string]string{"meta l4proto ipv6-icmp": "icmpv6 ", "meta nfproto ipv6": "i", "meta protocol ip6": "i",
		"meta iiftype 1": "ether "}
	var list []string
	for i, s := range w.pieces {
		prefix := implied[s]
		if prefix == "" || !slices.ContainsFunc(w.pieces[i+1:], func(p string) bool { return aboutIPv6(p, prefix) }) {
			list = append(list, s)
		}
	}
	return strings.Join(list, " ")
}

// aboutIPv6 reports whether a piece is one of those that begin with prefix; "i" stands for all that imply IPv6.
func aboutIPv6(piece, prefix string) bool {
	if prefix == "i" {
		return strings.HasPrefix(piece, "ip6 ") || strings.HasPrefix(piece, "icmpv6 ")
	}
	return strings.HasPrefix(piece, prefix) || strings.Contains(piece, ". "+prefix)
}

// String returns the verdict as nft shows it.
func (v nftVerdict) String() string {
	switch v.code {
	case nftVerdictDrop:
		return "drop"
	case nftVerdictAccept:
		return "accept"
	case unix.NFT_CONTINUE:
		return "continue"
	case unix.NFT_BREAK:
		return "break"
	case unix.NFT_JUMP:
		return "jump " + escape(v.chain)
	case unix.NFT_GOTO:
		return "goto " + escape(v.chain)
	case unix.NFT_RETURN:
		return "return"
	}
	return fmt.Sprintf("verdict %d", v.code)
}
