package counters

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"v6probe/internal/tool"
)

// xtReader reads the rules of ip6tables and ebtables, which have the same form but for details.
type xtReader struct {
	rules
	source string
	prefix string // of where, "" or "legacy "
	table  string
	place  map[string]int // how many rules of a chain were read
	same   map[string]int // how often a rule was met
	policy []string       // chains whose policy drops and has no counter
}

func newXTReader(source, prefix string) *xtReader {
	return &xtReader{source: source, prefix: prefix, place: map[string]int{}, same: map[string]int{}}
}

// parseSave reads what `ip6tables-save -c` or `ebtables-save -c` prints:
//
//	*filter
//	:INPUT DROP [1:104]
//	[5:400] -A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j DROP
func (x *xtReader) parseSave(b []byte) rules {
	for line := range bytes.Lines(b) {
		s := strings.TrimRight(string(line), "\r\n")
		switch {
		case strings.HasPrefix(s, "*"):
			x.begin(s[1:])
		case strings.HasPrefix(s, ":"):
			if f := strings.Fields(s[1:]); len(f) >= 2 {
				packets, counted := uint64(0), false
				if len(f) > 2 {
					packets, counted = bracketed(f[2])
				}
				x.end(f[0], f[1], packets, counted)
			}
		case strings.HasPrefix(s, "["):
			numbers, rule, _ := strings.Cut(s, " ")
			packets, ok := bracketed(numbers)
			chain, rule, _ := strings.Cut(strings.TrimPrefix(rule, "-A "), " ")
			if ok {
				x.rule(chain, rule, packets)
			}
		}
	}
	return x.finish()
}

// parseList reads what `ebtables-legacy -L --Lc` prints, which is the older way that every version has:
//
//	Bridge table: filter
//	Bridge chain: FORWARD, entries: 1, policy: ACCEPT
//	-p IPv6 -j DROP , pcnt = 5 -- bcnt = 400
func (x *xtReader) parseList(b []byte) {
	chain := ""
	for line := range bytes.Lines(b) {
		s := strings.TrimSpace(string(line))
		if table, ok := strings.CutPrefix(s, "Bridge table: "); ok {
			x.begin(table)
			continue
		}
		if header, ok := strings.CutPrefix(s, "Bridge chain: "); ok {
			chain, header, _ = strings.Cut(header, ", ")
			_, policy, _ := strings.Cut(header, "policy: ")
			x.end(chain, policy, 0, false)
			continue
		}
		i := strings.LastIndex(s, ", pcnt = ")
		if i < 0 {
			continue
		}
		number, _, _ := strings.Cut(s[i+len(", pcnt = "):], " ")
		if packets, err := strconv.ParseUint(number, 10, 64); err == nil {
			x.rule(chain, strings.TrimSpace(s[:i]), packets)
		}
	}
}

// bracketed reads "[packets:bytes]".
func bracketed(s string) (packets uint64, ok bool) {
	s, ok = strings.CutPrefix(s, "[")
	number, _, colon := strings.Cut(s, ":")
	packets, err := strconv.ParseUint(number, 10, 64)
	return packets, ok && colon && err == nil
}

func (x *xtReader) begin(table string) {
	x.table = tool.Clean(table, maxText)
	x.tables = append(x.tables, table)
}

func (x *xtReader) where(chain string) string {
	return fmt.Sprintf("%stable %s chain %s", x.prefix, x.table, tool.Clean(chain, maxText))
}

// end takes the policy of a chain.
func (x *xtReader) end(chain, policy string, packets uint64, counted bool) {
	switch {
	case policy != "DROP":
	case !counted:
		x.policy = append(x.policy, x.where(chain))
	default:
		x.counter(x.where(chain)+", policy DROP", "policy "+chain, policyMeaning, about{}, packets)
	}
}

func (x *xtReader) rule(chain, rule string, packets uint64) {
	where := x.where(chain)
	x.place[where]++
	j := judgeXT(words(rule))
	if !j.drops || j.never {
		return
	}
	identity := chain + " " + rule
	x.same[x.table+" "+identity]++
	identity += " " + strconv.Itoa(x.same[x.table+" "+identity])
	x.counter(fmt.Sprintf("%s, rule %d: %s", where, x.place[where], tool.Clean(rule, maxText)), identity, j.meaning(), j.about, packets)
}

func (x *xtReader) counter(where, identity, meaning string, of about, packets uint64) {
	x.add(counter{
		Moved: Moved{Source: x.source, Where: where, Name: "packets", Meaning: meaning, Drop: true, ICMPv6: of.only,
			Vital: of.vital()},
		key:   strings.Join([]string{x.source, x.prefix, x.table, identity}, " "),
		group: x.prefix + "table " + x.table,
		value: packets,
	})
}

func (x *xtReader) finish() rules {
	if len(x.policy) > 0 {
		x.blind = append(x.blind, some(x.policy)+": the policy drops, and has no counter")
	}
	if x.left > 0 {
		x.blind = append(x.blind, fmt.Sprintf("%d rules more than are looked at", x.left))
	}
	return x.rules
}

// words splits a rule where it has blanks, but for those between quotes.
func words(s string) []string {
	var list []string
	var word strings.Builder
	quoted, inside := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted && i+1 < len(s):
			i++
			word.WriteByte(s[i])
		case c == '"':
			quoted, inside = !quoted, true
		case c == ' ' && !quoted:
			if inside {
				list = append(list, word.String())
			}
			word.Reset()
			inside = false
		default:
			word.WriteByte(c)
			inside = true
		}
	}
	if inside {
		list = append(list, word.String())
	}
	return list
}

type xtJudged struct {
	about
	drops bool
}

// judgeXT looks at the words of a rule. A "!" stands before an option, or between it and its value.
func judgeXT(words []string) xtJudged {
	var j xtJudged
	for i, w := range words {
		negated := i > 0 && words[i-1] == "!"
		value := ""
		if i+1 < len(words) {
			value = words[i+1]
		}
		if value == "!" {
			negated = true
		}
		switch {
		case w == "-j" && (value == "DROP" || value == "REJECT"):
			j.drops = true
		case negated:
		case w == "-p" && slices.Contains([]string{"ipv6-icmp", "icmpv6", "58"}, value), w == "--ip6-proto" && value == "ipv6-icmp":
			j.only = true
		case w == "-p" && slices.Contains([]string{"IPv6", "802_1Q", "all"}, value): // the first two are ebtables'
		case w == "-p", w == "--ip6-proto", w == "--ip6-protocol":
			j.never = true
		case w == "--icmpv6-type", w == "--ip6-icmp-type":
			j.only = true
			if t, ok := typeOf(value); ok {
				j.add(t)
			}
		}
	}
	return j
}
