package expect

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"v6probe/internal/rule"
)

// radvdKind is what radvd takes a run of characters for.
type radvdKind uint8

const (
	radvdEnd        radvdKind = iota // of the file
	radvdSign                        // { } ; /
	radvdWord                        // an option's name, or any other that is none of the kinds below
	radvdNumber                      // 32 bits without a sign
	radvdSigned                      // "-1"
	radvdDecimal                     // "0.5"
	radvdAddress                     // an IPv6 address
	radvdNotAddress                  // "!" and an IPv6 address
	radvdBad                         // what radvd cannot read
)

// radvdToken is one of them, and where it stands.
type radvdToken struct {
	kind   radvdKind
	text   string // as it stands in the file; of radvdBad the reason
	number uint64 // of radvdNumber
	addr   netip.Addr
	line   int // from 1
	column int // in bytes, from 1
	after  int // the column after its last byte, on its last line
	last   int // the line it ends on
}

func (t *radvdToken) place(file string) rule.Place {
	return rule.Place{File: file, Line: t.line, Column: t.column}
}

// is reports whether t is that word, or sign. radvd tells large letters from small ones up to 2.19, and not since.
func (t *radvdToken) is(word string) bool {
	return (t.kind == radvdWord || t.kind == radvdSign) && strings.EqualFold(t.text, word)
}

// String quotes t for a message, shortened.
func (t *radvdToken) String() string {
	if t.kind == radvdEnd {
		return "the end of the file"
	}
	if len(t.text) > 40 {
		return strconv.QuoteToASCII(t.text[:40]) + "…"
	}
	return strconv.QuoteToASCII(t.text)
}

// radvdScanner splits a radvd.conf as radvd's own scanner does, which at each place takes the longest text that it knows.
// What that means in the end is: a text is what its whole run of characters is, so that "on#x" is neither on nor a comment.
type radvdScanner struct {
	data []byte
	at   int
	line int
	bol  int // where the line begins
	end  int // where the last line feed is, -1 where there is none
}

func newRadvdScanner(data []byte) radvdScanner {
	return radvdScanner{data: data, line: 1, end: bytes.LastIndexByte(data, '\n')}
}

// next returns the token that follows; at the end it is radvdEnd, time and again.
func (s *radvdScanner) next() radvdToken {
	s.skip()
	t := radvdToken{line: s.line, column: s.at - s.bol + 1}
	rest := s.data[s.at:]
	switch {
	case len(rest) == 0:
	case strings.IndexByte("{};/", rest[0]) >= 0:
		t.kind, t.text = radvdSign, string(rest[:1])
		s.at++
	case radvdQuoted(rest) > 0:
		t.kind, t.text = radvdWord, string(rest[:radvdQuoted(rest)])
		s.over(len(t.text))
	default:
		n := 0
		for n < len(rest) && radvdInRun(rest[n]) {
			n++
		}
		if n == 0 {
			t.kind, t.text = radvdBad, radvdBadByte(rest[0])
			s.at++
			break
		}
		s.at += n
		radvdClassify(&t, string(rest[:n]))
	}
	t.last, t.after = s.line, s.at-s.bol+1
	return t
}

// skip passes over blanks and comments. A comment must end with its line: radvd takes one for text in a last line that has
// no end.
func (s *radvdScanner) skip() {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n':
			s.over(1)
		case '#':
			if s.at > s.end {
				return
			}
			s.at += bytes.IndexByte(s.data[s.at:], '\n')
		default:
			return
		}
	}
}

func (s *radvdScanner) over(n int) {
	for range n {
		if s.data[s.at] == '\n' {
			s.line++
			s.bol = s.at + 1
		}
		s.at++
	}
}

// radvdInRun reports whether c may stand in a word outside of quotes.
func radvdInRun(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("`~!@#$%^&*()_-+=:[]<>,.?\\", c) >= 0
}

// radvdQuoted is the length of the text in quotes that b begins with, 0 where there is none. An L may stand before it.
func radvdQuoted(b []byte) int {
	n := 0
	if len(b) > 0 && b[0] == 'L' {
		n++
	}
	if len(b) <= n || b[n] != '"' {
		return 0
	}
	for n++; n < len(b); n++ {
		switch b[n] {
		case '"':
			return n + 1
		case '\\':
			if n++; n < len(b) && b[n] == '\n' {
				return 0
			}
		}
	}
	return 0
}

func radvdBadByte(c byte) string {
	switch c {
	case '\r':
		return "there is a carriage return, which radvd does not read"
	case '"':
		return "a text in quotes has no end"
	}
	return fmt.Sprintf("radvd does not read the byte %#02x outside of comments and quotes", c)
}

// radvdClassify says what a run of characters is.
func radvdClassify(t *radvdToken, text string) {
	t.kind, t.text = radvdWord, text
	digits, hasSign := strings.CutPrefix(text, "-")
	whole, part, hasPoint := strings.Cut(text, ".")
	switch {
	case hasSign && areDigits(digits):
		t.kind = radvdSigned
	case areDigits(text):
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			t.kind, t.text = radvdBad, fmt.Sprintf("%v is larger than 4294967295", t)
			return
		}
		t.kind, t.number = radvdNumber, n
	case hasPoint && areDigits(whole) && areDigits(part):
		t.kind = radvdDecimal
	default:
		t.asAddress()
	}
}

// areDigits reports whether s is digits, one at least.
func areDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// asAddress makes an address of t if it has the form of one.
func (t *radvdToken) asAddress() {
	text, not := strings.CutPrefix(t.text, "!")
	if !radvdAddressForm(text) {
		return
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		t.kind, t.text = radvdBad, fmt.Sprintf("%v is no IPv6 address", t)
		return
	}
	t.kind, t.addr = radvdAddress, addr
	if not {
		t.kind = radvdNotAddress
	}
}

// radvdAddressForm reports whether radvd takes s for an IPv6 address: of the forms of RFC 4291 §2.2 it knows neither "::1"
// nor those with an IPv4 address at the end.
func radvdAddressForm(s string) bool {
	left, right, double := strings.Cut(s, "::")
	switch {
	case s == "::":
		return true
	case !double:
		return strings.Count(s, ":") == 7 && radvdGroups(s)
	}
	return radvdGroups(left) && (right == "" || radvdGroups(right))
}

func radvdGroups(s string) bool {
	for g := range strings.SplitSeq(s, ":") {
		if len(g) < 1 || len(g) > 4 || strings.Trim(g, "0123456789abcdefABCDEF") != "" {
			return false
		}
	}
	return true
}
