package expect

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// maker makes States.
type maker struct{ *rand.Rand }

func newMaker(seed uint64) *maker { return &maker{rand.New(rand.NewPCG(seed, 1))} }

func (m *maker) maybe() bool { return m.IntN(2) == 0 }

func some[T any](m *maker, one func() T) *T {
	if m.maybe() {
		return nil
	}
	v := one()
	return &v
}

func several[T any](m *maker, one func() T) []T {
	var list []T
	for range m.IntN(4) {
		list = append(list, one())
	}
	return list
}

// tricky are texts that YAML, or one of its readers, takes for something else where they are not in quotes.
var tricky = []string{
	"no", "Yes", "on", "y", "true", "False", "null", "~", "Null", "0x12", "0o17", "017", "1e3", "1.5", "-1",
	"+1", ".5", ".inf", "-.INF", ".nan", "1_000", "2001-12-14", "2001-12-14T21:59:43Z", "12:30:45", "190:20:30",
	"190:20:30.15", "=", "<<", "infinity", "none", "a: b", "a:", ":a", "a:b", "a #b", "#a", "- a", "-", "---",
	"...", "*a", "&a", "!a", "!!str a", "{a", "a}", "[a", "a]", "{}", "[]", "a, b", ",", "'a'", "'", `"a"`, `"`,
	`\`, `\n`, `\x41`, `a\"b`, "|", ">", ">-", "?", "? a", "@a", "`a", "%a", " a", "a ", "a  b", "é", "日本", "😀",
	"�", "0", "64", "5..15", "2001:db8::1", "2001:db8::", "::", "::1", "1:2:3:4:5:6:7:8", "fe80::1",
	strings.Repeat("long ", 300) + "x",
}

func (m *maker) text() string {
	if m.maybe() {
		return tricky[m.IntN(len(tricky))]
	}
	const letters = "aZ0 -_:#,.'\"\\{}[]&*!|>%@`~=<?é\u2028"
	var b strings.Builder
	for range 1 + m.IntN(12) {
		r, n := utf8.DecodeRuneInString(letters[m.IntN(len(letters)):])
		if r != utf8.RuneError && n > 0 && r != '\u2028' {
			b.WriteRune(r)
		}
	}
	return b.String() + "x"
}

func (m *maker) name() string {
	if m.maybe() {
		return ""
	}
	return m.text()
}

func (m *maker) addr() netip.Addr {
	var a [16]byte
	for i := range a {
		if m.IntN(3) == 0 {
			a[i] = byte(m.Uint32())
		}
	}
	return netip.AddrFrom16(a)
}

func (m *maker) mac() (mac MAC) {
	for i := range mac {
		mac[i] = byte(m.Uint32())
		if m.maybe() {
			mac[i] = mac[i] >> 4 % 6 * 16 // of digits alone
		}
	}
	mac[5] |= 1
	return mac
}

func (m *maker) prefix(bits int) netip.Prefix { return netip.PrefixFrom(m.addr(), bits).Masked() }

func (m *maker) numbers(low, high uint64) func() Range {
	return func() Range {
		a, b := low+m.Uint64N(high-low+1), low+m.Uint64N(high-low+1)
		switch m.IntN(4) {
		case 0:
			return Range{Min: min(a, b), Max: max(a, b)}
		case 1:
			return Range{Min: a, Max: Infinity}
		}
		return Range{Min: a, Max: a}
	}
}

func (m *maker) flag() Switch { return Switch{On: m.maybe()} }

func (m *maker) preference() Text { return Text{Want: []string{"low", "medium", "high"}[m.IntN(3)]} }

func (m *maker) domain() string {
	if m.maybe() {
		names := []string{"no", "0x12", "12", "1.5", "example.org", "~", "xn--bcher-kva.example", "-", "*", "a.b-c.d_e"}
		return names[m.IntN(len(names))]
	}
	var labels []string
	for range 1 + m.IntN(3) {
		var b strings.Builder
		for range 1 + m.IntN(6) {
			if c := byte(m.Uint32()); c <= ' ' || c >= 0x7f || c == '.' || c == '\\' {
				fmt.Fprintf(&b, `\%03d`, c)
			} else {
				b.WriteByte(c)
			}
		}
		labels = append(labels, b.String())
	}
	return strings.Join(labels, ".")
}

func (m *maker) portal() Text {
	switch m.IntN(4) {
	case 0:
		return Text{}
	case 1:
		uris := []string{"none", "https://portal.example/api?a=b,c&d#e", "urn:x", "no", "1", "a: b", "é", "{a}"}
		return Text{Want: uris[m.IntN(len(uris))]}
	}
	b := make([]byte, 1+m.IntN(10))
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return Text{Want: string(b)}
}

func (m *maker) option() Option {
	o := Option{Data: make([]byte, 8*m.IntN(4)+6)}
	for o.Type = byte(m.Uint32()); ownKeys[o.Type] != ""; o.Type = byte(m.Uint32()) {
	}
	for i := range o.Data {
		o.Data[i] = byte(m.Uint32())
	}
	return o
}

func (m *maker) advertisement() Advertisement {
	long := m.numbers(0, Infinity)
	mtu := m.numbers(1, 9000)
	a := Advertisement{
		CurHopLimit: some(m, m.numbers(0, 255)), Managed: some(m, m.flag), Other: some(m, m.flag), HomeAgent: some(m, m.flag),
		Preference: some(m, m.preference), RouterLifetime: some(m, m.numbers(0, 65535)), ReachableTime: some(m, long),
		RetransTimer: some(m, long), Interval: some(m, m.numbers(0, 2000000)), SourceLinkLayer: some(m, m.flag),
		MTU: some(m, mtu), Portal: some(m, m.portal),
		Prefixes: some(m, func() Prefixes {
			return Prefixes{More: m.maybe(), List: several(m, func() Prefix {
				return Prefix{Prefix: m.prefix(m.IntN(129)), OnLink: some(m, m.flag), Autonomous: some(m, m.flag),
					RouterAddress: some(m, m.flag), Valid: some(m, long), Preferred: some(m, long)}
			})}
		}),
		Routes: some(m, func() Routes {
			return Routes{More: m.maybe(), List: several(m, func() Route {
				return Route{Prefix: m.prefix(m.IntN(129)), Preference: some(m, m.preference), Lifetime: some(m, long)}
			})}
		}),
		RDNSS: some(m, func() Servers {
			return Servers{More: m.maybe(), List: several(m, func() Server {
				return Server{Address: m.addr(), Lifetime: some(m, long)}
			})}
		}),
		DNSSL: some(m, func() Domains {
			return Domains{More: m.maybe(), List: several(m, func() Domain {
				return Domain{Name: m.domain(), Lifetime: some(m, long)}
			})}
		}),
		PREF64: some(m, func() NAT64s {
			return NAT64s{More: m.maybe(), List: several(m, func() NAT64 {
				return NAT64{Prefix: m.prefix([]int{96, 64, 56, 48, 40, 32}[m.IntN(6)]), Lifetime: some(m, long)}
			})}
		}),
		Options: some(m, func() Options { return Options{More: m.maybe(), List: several(m, m.option)} }),
	}
	if a.MTU != nil && m.maybe() {
		a.MTU = &Range{}
	}
	return a
}

func (m *maker) router() Router {
	r := Router{Name: m.name()}
	if m.maybe() {
		r.Address = m.addr()
	}
	if !r.Address.IsValid() || m.maybe() {
		r.MAC = m.mac()
	}
	return r
}

func (m *maker) id(most uint32) func() ID {
	return func() ID { return ID{Number: m.Uint32N(most + 1)} }
}

func (m *maker) state() *State {
	s := &State{}
	for i := range m.IntN(4) {
		l := &Link{Name: m.name(), Iface: m.name(), VNI: some(m, m.id(1<<24-1)), VLAN: some(m, m.id(4095)), Advertisers: m.IntN(3),
			Says: some(m, m.advertisement)}
		l.Routers = several(m, func() Router {
			r := m.router()
			r.Required, r.Says = m.maybe(), some(m, m.advertisement)
			return r
		})
		l.OnlyRouters = m.maybe()
		l.Forbidden = several(m, func() Router {
			r := m.router()
			r.Why = m.name()
			return r
		})
		l.Neighbors = several(m, func() Neighbor {
			return Neighbor{Name: m.name(), MAC: m.mac(), Required: m.maybe(), Addresses: several(m, m.addr)}
		})
		finishLink(l, i+1)
		s.Links = append(s.Links, l)
	}
	refs := func(ids ...string) []RuleRef {
		return several(m, func() RuleRef { return RuleRef{ID: ids[m.IntN(len(ids))]} })
	}
	s.Rules = Rules{Must: refs("ra.flood", "ra.absent"), MustNot: refs("nd.*", "*", "ra.flood"),
		Ignore: refs("ra.inconsistent-*", "pio.host-bits")}
	return s
}
