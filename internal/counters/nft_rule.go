package counters

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// nftJudged is what a rule does with packets that it matches.
type nftJudged struct {
	text    string // without counters
	packets uint64
	named   string // the counter, if it has a name
	counted bool   // it counts what it drops, and nothing else
	drops   bool
	maybe   bool // a verdict map has drop in it
	about   about
}

// judgeNFT looks at the statements of a rule, in their order: what comes before a counter decides what it counts.
func judgeNFT(expr []map[string]any) nftJudged {
	var j nftJudged
	var words []string
	for _, statement := range expr {
		if len(statement) == 0 {
			continue
		}
		key := slices.Min(slices.Collect(maps.Keys(statement))) // there is one
		v := statement[key]
		switch key {
		case "counter":
			j.counter(v)
			continue
		case "drop", "reject":
			j.drops = true
		case "xt": // a match or target of iptables, of which older nft tells nothing
			name, target := field(v, "name"), field(v, "type") == "target"
			j.drops = j.drops || target && (name == "DROP" || name == "REJECT")
			j.counted = j.counted && target
		case "vmap":
			j.maybe = j.maybe || hasDrop(v, 0)
		case "match":
			j.counted = false
			j.about.match(v)
		case "log", "mangle", "notrack", "accept", "jump", "goto", "return", "continue":
		default:
			j.counted = false // it may let but some through: limit, quota, connection limit
		}
		words = append(words, statementText(key, v))
	}
	j.text = strings.Join(words, " ")
	return j
}

func (j *nftJudged) counter(v any) {
	j.counted = true
	switch v := v.(type) {
	case string:
		j.named = v
	case map[string]any:
		j.named = ""
		packets, _ := v["packets"].(json.Number)
		j.packets = number(packets)
	default:
		j.counted = false // nft -s leaves the numbers out
	}
}

// number reads a count; what is none is 0.
func number(n json.Number) uint64 {
	v, _ := strconv.ParseUint(n.String(), 10, 64)
	return v
}

// maxDepth bounds how deep expressions are looked into.
const maxDepth = 8

// hasDrop looks for a drop in a verdict map.
func hasDrop(v any, depth int) bool {
	if depth > maxDepth {
		return false
	}
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["drop"]; ok {
			return true
		}
		for _, e := range v {
			if hasDrop(e, depth+1) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return hasDrop(e, depth+1) })
	}
	return false
}

// field returns a string of an object, "" where it has none.
func field(v any, name string) string {
	m, _ := v.(map[string]any)
	s, _ := m[name].(string)
	return s
}

// match learns from a match whether packets are ICMPv6.
func (a *about) match(v any) {
	m, _ := v.(map[string]any)
	left, _ := m["left"].(map[string]any)
	if payload := left["payload"]; payload != nil {
		switch protocol := field(payload, "protocol"); protocol {
		case "icmpv6": // nft adds the match of the protocol itself
			a.only = true
		case "tcp", "udp", "udplite", "sctp", "dccp", "icmp", "igmp", "ip", "arp", "ah", "esp", "comp":
			a.never = true
		}
	}
	if op := field(v, "op"); op != "==" && op != "in" {
		return
	}
	right := values(m["right"])
	payload, meta := left["payload"], left["meta"]
	name := field(payload, "protocol") + " " + field(payload, "field")
	switch {
	case name == "icmpv6 type":
		for _, s := range right {
			if t, ok := typeOf(s); ok {
				a.add(t)
			}
		}
	case name == "ip6 nexthdr", field(meta, "key") == "l4proto":
		a.protocol(right, "ipv6-icmp", "icmpv6", "58")
	case name == "ether type", field(meta, "key") == "protocol":
		a.never = a.never || !containsAny(right, "ip6", "vlan", "8021q", "8021ad", "34525", "0x86dd")
	case field(meta, "key") == "nfproto":
		a.never = a.never || !containsAny(right, "ipv6", "10")
	}
}

// protocol learns from a list of transport protocols, of which some are names for ICMPv6.
func (a *about) protocol(list []string, names ...string) {
	has := containsAny(list, names...)
	a.only = a.only || has && len(list) == 1
	a.never = a.never || !has
}

// containsAny reports whether the list has one of the names; a list that could not be read may have any.
func containsAny(list []string, names ...string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(s string) bool { return slices.Contains(names, s) })
}

// values returns what the right side of a match lists; nothing where it is more than a value or a set of values.
func values(v any) []string {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "@") { // a set that has a name, of which the elements are not known
			return nil
		}
		return []string{v}
	case json.Number:
		return []string{v.String()}
	case map[string]any:
		set, _ := v["set"].([]any)
		var list []string
		for _, e := range set {
			one := values(e)
			if len(one) != 1 {
				return nil
			}
			list = append(list, one[0])
		}
		return list
	}
	return nil
}
