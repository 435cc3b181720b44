package expect

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// pairs are keys with their values, as they are written.
type pairs []string

// String is the mapping in flow style.
func (p pairs) String() string { return "{" + strings.Join(p, ", ") + "}" }

func (p *pairs) add(key, value string) { *p = append(*p, key+": "+value) }

func (p *pairs) text(key, value string) {
	if value != "" {
		p.add(key, yamlText(value))
	}
}

func (p *pairs) yes(key string, value bool) {
	if value {
		p.add(key, "true")
	}
}

func (p *pairs) flag(key string, s *Switch) {
	if s != nil {
		p.add(key, fmt.Sprint(s.On))
	}
}

func (p *pairs) word(key string, t *Text) {
	if t != nil {
		p.add(key, yamlText(t.Want))
	}
}

func (p *pairs) number(key string, r *Range, number func(uint64) string) {
	switch {
	case r == nil:
	case r.Min == r.Max:
		p.add(key, number(r.Min))
	default:
		p.add(key, number(r.Min)+".."+number(r.Max))
	}
}

func flow[E any](list []E, of func(E) pairs) []string {
	var all []string
	for _, e := range list {
		all = append(all, of(e).String())
	}
	return all
}

func routerPairs(r Router) pairs {
	var p pairs
	if r.Address.IsValid() {
		p.text("address", r.Address.String())
	}
	if r.MAC != (MAC{}) {
		p.text("mac", r.MAC.String())
	}
	p.text("name", r.Name)
	return p
}

func neighborPairs(w Neighbor) pairs {
	var p pairs
	p.text("mac", w.MAC.String())
	p.text("name", w.Name)
	if len(w.Addresses) > 0 {
		// In quotes, as some readers take a colon in brackets in braces for that of a key.
		var all []string
		for _, a := range w.Addresses {
			all = append(all, `"`+a.String()+`"`)
		}
		p.add("addresses", "["+strings.Join(all, ", ")+"]")
	}
	p.yes("required", w.Required)
	return p
}

// sayPairs has the keys of a that stand before its lists.
func sayPairs(a *Advertisement) pairs {
	var p pairs
	p.number("hop-limit", a.CurHopLimit, Number)
	p.flag("managed", a.Managed)
	p.flag("other-config", a.Other)
	p.flag("home-agent", a.HomeAgent)
	p.word("preference", a.Preference)
	p.number("router-lifetime", a.RouterLifetime, Number)
	p.number("reachable-time", a.ReachableTime, Number)
	p.number("retrans-timer", a.RetransTimer, Number)
	p.number("interval", a.Interval, secondsText)
	p.flag("source-link-layer", a.SourceLinkLayer)
	if a.MTU != nil && a.MTU.Max == 0 {
		p.add("mtu", "none")
	} else {
		p.number("mtu", a.MTU, Number)
	}
	return p
}

func prefixPairs(e Prefix) pairs {
	var p pairs
	p.text("prefix", e.Prefix.String())
	p.flag("on-link", e.OnLink)
	p.flag("autonomous", e.Autonomous)
	p.flag("router-address", e.RouterAddress)
	p.number("valid", e.Valid, Number)
	p.number("preferred", e.Preferred, Number)
	return p
}

func routePairs(e Route) pairs {
	var p pairs
	p.text("prefix", e.Prefix.String())
	p.word("preference", e.Preference)
	p.number("lifetime", e.Lifetime, Number)
	return p
}

func serverPairs(e Server) pairs {
	var p pairs
	p.text("address", e.Address.String())
	p.number("lifetime", e.Lifetime, Number)
	return p
}

func domainPairs(e Domain) pairs {
	var p pairs
	p.add("domain", yamlText(e.Name))
	p.number("lifetime", e.Lifetime, Number)
	return p
}

func nat64Pairs(e NAT64) pairs {
	var p pairs
	p.text("prefix", e.Prefix.String())
	p.number("lifetime", e.Lifetime, Number)
	return p
}

func optionPairs(e Option) pairs {
	var p pairs
	p.add("type", fmt.Sprint(e.Type))
	p.add("hex", `"`+hex.EncodeToString(e.Data)+`"`)
	return p
}

// secondsText writes milliseconds as seconds, with the decimals that they need.
func secondsText(ms uint64) string {
	if ms == Infinity {
		return Number(ms)
	}
	s := fmt.Sprintf("%d.%03d", ms/1000, ms%1000)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// yamlText writes a text, in quotes where some reader of YAML would take it for something else without.
func yamlText(s string) string {
	if yamlPlain(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			fallthrough
		case c >= ' ':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// yamlPlain reports whether s is a word, or an address that begins with a digit, that every reader of YAML takes for a text.
func yamlPlain(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	const digits = "0123456789"
	switch {
	case s == "" || strings.HasSuffix(s, ":"):
		return false
	case strings.Contains(letters, s[:1]):
		switch strings.ToLower(s) {
		case "y", "yes", "n", "no", "on", "off", "true", "false", "null":
			return false
		}
		return strings.Trim(s, letters+digits+"._/:+@%=?&~-") == ""
	case strings.Contains(digits, s[:1]):
		// YAML 1.1 takes 12:30:45 for a number of base 60.
		sixty := (s[0] != '0' || strings.Contains(s, ".")) && !strings.Contains(s, "::") && !strings.ContainsAny(s, "abcdef")
		return !sixty && strings.Contains(s, ":") && strings.Trim(s, digits+"abcdef.:/") == ""
	}
	return false
}
