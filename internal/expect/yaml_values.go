package expect

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// textOf returns the text that n is; what names it and example is one, for the error.
func (d *yamlFile) textOf(n ast.Node, what, example string) (string, error) {
	text, _ := yamlScalar(n)
	at := d.place(n)
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
	case *ast.MappingNode, *ast.SequenceNode:
		return "", d.fail(at, "for example "+example, "%s belongs here, not %s", what, yamlDescribe(n))
	default:
		return "", d.fail(at, "if it is meant as a text: "+yamlQuote(text), "%s belongs here, not %s", what, yamlDescribe(n))
	}
	if text == "" {
		return "", d.fail(at, "for example "+example, "%s belongs here, not an empty text", what)
	}
	if strings.Contains(text, "\n") {
		return "", d.fail(at, "write it as one", "a text of several lines")
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return "", d.fail(at, "leave it out", "the text has an invisible character, %+q", r)
		}
	}
	return text, nil
}

// text returns a reader of a text into s.
func (d *yamlFile) text(s *string, what, example string) func(ast.Node) error {
	return func(n ast.Node) (err error) {
		*s, err = d.textOf(n, what, example)
		return err
	}
}

// preference returns a reader of a router preference into t.
func (d *yamlFile) preference(t **Text) func(ast.Node) error {
	words := []string{"low", "medium", "high"}
	return func(n ast.Node) error {
		text, _ := yamlScalar(n)
		if !slices.Contains(words, text) {
			return d.notOneOf(n, "preference", words)
		}
		*t = &Text{Want: text, Place: d.place(n)}
		return nil
	}
}

func (d *yamlFile) notOneOf(n ast.Node, what string, words []string) error {
	last := len(words) - 1
	hint := "one of " + strings.Join(words[:last], ", ") + " and " + words[last]
	return d.fail(d.place(n), hint, "%s is no %s", yamlDescribe(n), what)
}

// yes returns a reader of true or false into b.
func (d *yamlFile) yes(b *bool) func(ast.Node) error {
	return func(n ast.Node) error {
		text, plain := yamlScalar(n)
		if !plain || text != "true" && text != "false" {
			return d.fail(d.place(n), "without quotes, in small letters", "true or false belongs here, not %s", yamlDescribe(n))
		}
		*b = text == "true"
		return nil
	}
}

// flag returns a reader of true or false into s.
func (d *yamlFile) flag(s **Switch) func(ast.Node) error {
	return func(n ast.Node) error {
		*s = &Switch{Place: d.place(n)}
		return d.yes(&(*s).On)(n)
	}
}

// address returns a reader of an IPv6 address into a.
func (d *yamlFile) address(a *netip.Addr, example string) func(ast.Node) error {
	return func(n ast.Node) error {
		text, err := d.textOf(n, "an IPv6 address", example)
		if err != nil {
			return err
		}
		got, err := netip.ParseAddr(text)
		switch {
		case err == nil && got.Zone() != "":
			return d.fail(d.place(n), "for example "+got.WithZone("").String(), "an address has no interface here: %s",
				yamlQuote(text))
		case err != nil || !got.Is6():
			return d.fail(d.place(n), "for example "+example, "%s is no IPv6 address", yamlQuote(text))
		}
		*a = got
		return nil
	}
}

// prefix returns a reader of an IPv6 prefix into p.
func (d *yamlFile) prefix(p *netip.Prefix, example string) func(ast.Node) error {
	return func(n ast.Node) error {
		text, err := d.textOf(n, "an IPv6 prefix", example)
		if err != nil {
			return err
		}
		got, err := netip.ParsePrefix(text)
		switch {
		case err != nil || !got.Addr().Is6():
			return d.fail(d.place(n), "for example "+example, "%s is no IPv6 prefix", yamlQuote(text))
		case got != got.Masked():
			return d.fail(d.place(n), "the prefix is "+got.Masked().String(), "%s has bits set after the first %d",
				yamlQuote(text), got.Bits())
		}
		*p = got
		return nil
	}
}

// nat64 returns a reader of a prefix that PREF64 can say into p (RFC 8781 §4).
func (d *yamlFile) nat64(p *netip.Prefix) func(ast.Node) error {
	return func(n ast.Node) error {
		if err := d.prefix(p, "64:ff9b::/96")(n); err != nil {
			return err
		}
		if !slices.Contains([]int{96, 64, 56, 48, 40, 32}, p.Bits()) {
			return d.fail(d.place(n), "for example 64:ff9b::/96", "a NAT64 prefix has 96, 64, 56, 48, 40 or 32 bits, not %d", p.Bits())
		}
		return nil
	}
}

// mac returns a reader of an Ethernet address into m.
func (d *yamlFile) mac(m *MAC) func(ast.Node) error {
	const example = "for example 02:00:00:00:00:01"
	return func(n ast.Node) error {
		text, err := d.textOf(n, "an Ethernet address", "02:00:00:00:00:01")
		if err != nil {
			return err
		}
		parts := strings.Split(text, ":")
		ok := len(parts) == len(m)
		for i := 0; ok && i < len(parts); i++ {
			b, err := strconv.ParseUint(parts[i], 16, 8)
			ok = err == nil && len(parts[i]) == 2
			m[i] = byte(b)
		}
		switch {
		case !ok:
			return d.fail(d.place(n), example, "%s is no Ethernet address", yamlQuote(text))
		case *m == MAC{}:
			return d.fail(d.place(n), "leave it out where it may be any", "no machine has the Ethernet address %s", text)
		}
		return nil
	}
}

// domain returns a reader of a domain into s, in the presentation form of RFC 4343 §2.1 with \DDD for an odd byte.
func (d *yamlFile) domain(s *string) func(ast.Node) error {
	return func(n ast.Node) error {
		text, err := d.textOf(n, "a domain", "example.org")
		if err != nil {
			return err
		}
		text = strings.TrimSuffix(text, ".")
		total := 1
		for _, label := range strings.Split(text, ".") {
			length, ok := labelLength(label)
			total += length + 1
			switch {
			case !ok:
				return d.fail(d.place(n), `letters of other scripts are written xn--…, other bytes \DDD`, "%s is no domain",
					yamlQuote(text))
			case length == 0:
				return d.fail(d.place(n), "for example example.org", "%s is no domain: a part of it is empty", yamlQuote(text))
			case length > 63 || total > 255:
				return d.fail(d.place(n), "a part has at most 63 bytes, and all of it 255", "%s is too long for a domain",
					yamlQuote(text))
			}
		}
		*s = text
		return nil
	}
}

// labelLength counts the bytes of a label in presentation form, and reports whether it is one.
func labelLength(label string) (n int, ok bool) {
	for i := 0; i < len(label); i++ {
		switch c := label[i]; {
		case c <= ' ' || c >= 0x7f:
			return 0, false
		case c == '\\':
			if i+4 > len(label) || !areDigits(label[i+1:i+4]) || label[i+1:i+4] > "255" {
				return 0, false
			}
			i += 3
		}
		n++
	}
	return n, true
}

// portal returns a reader of a captive portal's URI into t: "none", a text, or for what is not printable {hex: …}.
func (d *yamlFile) portal(t **Text) func(ast.Node) error {
	const example = "https://portal.example/api"
	return func(n ast.Node) error {
		*t = &Text{Place: d.place(n)}
		if _, ok := n.(*ast.MappingNode); ok {
			var raw []byte
			if err := d.mapping(n, "a URI", d.portalFields(&raw)); err != nil {
				return err
			}
			if len(raw) == 0 {
				return d.fail(d.place(n), "for no such option: none", "the URI is empty")
			}
			(*t).Want = string(raw)
			return nil
		}
		text, err := d.textOf(n, "a URI or none", example)
		if err != nil {
			return err
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return d.fail(d.place(n), "for example "+example, "%s is no URI: it has a blank or a letter that is not ASCII",
				yamlQuote(text))
		}
		if text != "none" {
			(*t).Want = text
		}
		return nil
	}
}

// bytes returns a reader of bytes in hex into b.
func (d *yamlFile) bytes(b *[]byte) func(ast.Node) error {
	return func(n ast.Node) error {
		text, _ := yamlScalar(n)
		if _, ok := n.(*ast.StringNode); !ok {
			return d.fail(d.place(n), `for example "00ff12"`, "a text of hexadecimal digits in quotes belongs here, not %s",
				yamlDescribe(n))
		}
		got, err := hex.DecodeString(text)
		if err != nil {
			return d.fail(d.place(n), `two digits for each byte, for example "00ff12"`, "%s is not hexadecimal", yamlQuote(text))
		}
		*b = got
		return nil
	}
}

// yamlQuote is s in quotes for an error, without what a terminal would not print.
func yamlQuote(s string) string { return strconv.Quote(yamlCut(s)) }

// yamlCut keeps an error in one line.
func yamlCut(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
