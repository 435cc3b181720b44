package filter

import (
	"strconv"
	"strings"
)

// icmpType reads --icmpv6-type, or ebtables' --ip6-icmp-type.
func (r *xtRule) icmpType(option, wanted string, not bool) bool {
	if option != wanted {
		return false
	}
	types, codes, ok := icmpRange(r.next().text)
	if ok {
		r.addLasting(is(not, func(p *Packet) bool { return types.has(p.Type) && codes.has(p.Code) }))
	}
	return ok
}

type span struct{ from, to uint8 }

func (s span) has(v uint8) bool { return v >= s.from && v <= s.to }

// icmpRange parses a type of ICMPv6: "134", "1/4", "130:143/0:1", "router-advertisement", "port-unreachable".
func icmpRange(s string) (types, codes span, ok bool) {
	codes = span{0, 255}
	name := strings.ToLower(s)
	if t, c, ok := icmpName(name); ok {
		if c >= 0 {
			codes = span{uint8(c), uint8(c)}
		}
		return span{t, t}, codes, true
	}
	first, second, hasCode := strings.Cut(s, "/")
	if types, ok = numbers(first); !ok {
		return types, codes, false
	}
	if hasCode {
		codes, ok = numbers(second)
	}
	return types, codes, ok
}

// icmpName returns what the tools' names of messages stand for; code is -1 for all of them.
func icmpName(name string) (kind uint8, code int, ok bool) {
	names := [...]struct {
		name string
		kind uint8
		code int
	}{
		{"destination-unreachable", 1, -1}, {"no-route", 1, 0}, {"communication-prohibited", 1, 1}, {"beyond-scope", 1, 2},
		{"address-unreachable", 1, 3}, {"port-unreachable", 1, 4}, {"failed-policy", 1, 5}, {"reject-route", 1, 6},
		{"packet-too-big", 2, -1}, {"time-exceeded", 3, -1}, {"ttl-exceeded", 3, -1}, {"ttl-zero-during-transit", 3, 0},
		{"ttl-zero-during-reassembly", 3, 1}, {"parameter-problem", 4, -1}, {"bad-header", 4, 0},
		{"unknown-header-type", 4, 1}, {"unknown-option", 4, 2}, {"echo-request", 128, -1}, {"ping", 128, -1},
		{"echo-reply", 129, -1}, {"pong", 129, -1}, {"mld-listener-query", 130, -1}, {"mld-listener-report", 131, -1},
		{"mld-listener-reduction", 132, -1}, {"mld-listener-done", 132, -1}, {"router-solicitation", 133, -1},
		{"router-advertisement", 134, -1}, {"neighbour-solicitation", 135, -1}, {"neighbor-solicitation", 135, -1},
		{"neighbour-advertisement", 136, -1}, {"neighbor-advertisement", 136, -1}, {"redirect", 137, -1},
	}
	for _, n := range names {
		if n.name == name {
			return n.kind, n.code, true
		}
	}
	return 0, 0, false
}

// numbers parses "5" and "5:7".
func numbers(s string) (span, bool) {
	first, second, both := strings.Cut(s, ":")
	a, err := strconv.ParseUint(first, 10, 8)
	if err != nil {
		return span{}, false
	}
	b := a
	if both {
		if b, err = strconv.ParseUint(second, 10, 8); err != nil {
			return span{}, false
		}
	}
	return span{uint8(a), uint8(b)}, true
}
