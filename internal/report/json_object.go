package report

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"

	"v6probe/internal/packet"
)

// object is JSON text under construction. Its methods append and return it, so that a line costs no allocation once the
// buffer has grown.
type object []byte

func (o object) begin(typ string) object {
	o = append(o[:0], `{"type":`...)
	return o.string(typ).uint("schema", Schema)
}

// raw appends what is JSON already. A message's line is made for every message, so that its keys are appended with all the
// punctuation around them: raw(`,"code":`).num(v) does what uint("code", v) does in half the time.
func (o object) raw(s string) object { return append(o, s...) }

// elem begins an array element.
func (o object) elem() object {
	if c := o[len(o)-1]; c != '[' && c != '{' {
		o = append(o, ',')
	}
	return o
}

func (o object) key(k string) object {
	o = append(o.elem(), '"')
	o = append(o, k...)
	return append(o, '"', ':')
}

func (o object) open(c byte) object  { return append(o, c) }
func (o object) close(c byte) object { return append(o, c) }

func (o object) uint(k string, v uint64) object { return o.key(k).num(v) }
func (o object) bool(k string, v bool) object   { return o.key(k).truth(v) }

func (o object) num(v uint64) object {
	if v < 10 {
		return append(o, '0'+byte(v))
	}
	return strconv.AppendUint(o, v, 10)
}

func (o object) truth(v bool) object {
	if v {
		return append(o, "true"...)
	}
	return append(o, "false"...)
}

func (o object) addr(k string, a netip.Addr) object { return append(o.key(k).open('"').ip(a), '"') }

// ip appends the text of a, nothing if it is the zero Addr.
func (o object) ip(a netip.Addr) object {
	if !a.IsValid() {
		return o
	}
	return appendAddr(o, a)
}

func (o object) prefix(k string, p netip.Prefix) object {
	o = append(o.key(k), '"')
	if p.IsValid() {
		o = p.AppendTo(o)
	}
	return append(o, '"')
}

func (o object) time(k string, t time.Time) object {
	o = append(o.key(k), '"')
	o = t.UTC().AppendFormat(o, time.RFC3339Nano)
	return append(o, '"')
}

func (o object) hex(k string, b []byte) object {
	o = append(o.key(k), '"')
	o = hex.AppendEncode(o, b)
	return append(o, '"')
}

func (o object) mac(k string, m packet.MAC) object {
	return append(appendEthernet(o.key(k).open('"'), m), '"')
}

// string appends s as a JSON string in which only printable characters stand for themselves: no control character of
// either set reaches a terminal. Bytes that are no UTF-8 become U+FFFD.
func (o object) string(s string) object {
	o = append(o, '"')
	for {
		n := 0
		for n < len(s) && isPlain(s[n]) {
			n++
		}
		o = append(o, s[:n]...)
		if n == len(s) {
			return append(o, '"')
		}
		o, n = o.character(s, n)
		s = s[n:]
	}
}

// isPlain reports whether c stands for itself in a JSON string, whatever comes before and after it.
func isPlain(c byte) bool { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' }

func allPlain(b []byte) bool {
	for _, c := range b {
		if !isPlain(c) {
			return false
		}
	}
	return true
}

// character appends the character at s[i:], which is not plain, and returns where the next one begins.
func (o object) character(s string, i int) (object, int) {
	if c := s[i]; c == '"' || c == '\\' {
		return append(o, '\\', c), i + 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	if strconv.IsPrint(r) && r != utf8.RuneError {
		return append(o, s[i:i+n]...), i + n
	}
	return appendEscape(o, r), i + n
}

const hexDigits = "0123456789abcdef"

// appendEscape appends r as one or two \uXXXX.
func appendEscape(o object, r rune) object {
	if r > 0xffff {
		r -= 0x10000
		o = appendEscape(o, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	return append(o, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
