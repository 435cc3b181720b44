package filter

import (
	"bytes"
	"math"
	"strings"

	"v6probe/internal/tool"
)

// xtReader makes chains of what ip6tables and ebtables save.
type xtReader struct {
	tool   string // of Chain
	bridge bool   // ebtables
	state  *xtState
	chains []*Chain
	byName map[string]*Chain // of the table that is read
	table  string
	// declared are all chains, each as "table chain": in a list of ebtables' a rule may call one that comes later.
	declared map[string]bool
	closed   map[*Chain]string // chains of ebtables' with a policy that is a rule here
	rules    int
	left     int // rules above maxRules
}

// maxRules is how many rules of one tool are looked at.
const maxRules = 100_000

// maxText is how many bytes of a rule are shown.
const maxText = 1000

// parseXT reads what `ip6tables-save`, `ebtables-save` or `ebtables-legacy -L` prints.
func parseXT(b []byte, tool string, bridge bool, state *xtState) *xtReader {
	x := &xtReader{tool: tool, bridge: bridge, state: state, closed: map[*Chain]string{}}
	x.declare(b)
	listed := "" // the chain, in a list
	for line := range bytes.Lines(b) {
		s := strings.TrimRight(string(line), "\r\n")
		if strings.HasPrefix(s, "[") { // counters
			_, s, _ = strings.Cut(s, "] ")
		}
		switch {
		case strings.HasPrefix(s, "*"):
			x.begin(s[1:])
		case strings.HasPrefix(s, ":"):
			if f := strings.Fields(s[1:]); len(f) >= 2 {
				x.chain(f[0], f[1])
			}
		case strings.HasPrefix(s, "-A "):
			chain, rule, _ := strings.Cut(s[3:], " ")
			x.rule(chain, rule)
		case strings.HasPrefix(s, "Bridge table: "):
			x.begin(s[len("Bridge table: "):])
		case strings.HasPrefix(s, "Bridge chain: "):
			name, rest, _ := strings.Cut(s[len("Bridge chain: "):], ", ")
			_, policy, _ := strings.Cut(rest, "policy: ")
			listed = name
			x.chain(name, strings.TrimSpace(policy))
		case strings.HasPrefix(s, "-") && listed != "":
			x.rule(listed, s)
		}
	}
	for c, policy := range x.closed {
		act := x.verdict(policy)
		c.Rules = append(c.Rules, Rule{
			Handle: uint64(len(c.Rules) + 1),
			Text:   "policy " + strings.ToLower(policy),
			Apply:  func(*Packet) (Truth, Act, string) { return Yes, act, "" },
		})
	}
	return x
}

// declare notes the names of all chains.
func (x *xtReader) declare(b []byte) {
	x.declared = map[string]bool{}
	table := ""
	for line := range bytes.Lines(b) {
		s := strings.TrimSpace(string(line))
		if name, ok := strings.CutPrefix(s, "*"); ok {
			table = clean(strings.TrimSpace(name))
		} else if name, ok := strings.CutPrefix(s, "Bridge table: "); ok {
			table = clean(strings.TrimSpace(name))
		} else if head, ok := strings.CutPrefix(s, ":"); ok {
			name, _, _ := strings.Cut(head, " ")
			x.declared[table+" "+name] = true
		} else if head, ok := strings.CutPrefix(s, "Bridge chain: "); ok {
			name, _, _ := strings.Cut(head, ", ")
			x.declared[table+" "+name] = true
		}
	}
}

func (x *xtReader) begin(table string) {
	x.table = clean(strings.TrimSpace(table))
	x.byName = map[string]*Chain{}
}

// chain takes the head of a chain.
func (x *xtReader) chain(name, policy string) {
	if x.byName[name] != nil || x.byName == nil {
		return
	}
	c := &Chain{Tool: x.tool, Table: x.table, Name: clean(name), Policy: Accept}
	if x.bridge {
		c.Family = Bridge
	}
	c.Hook, c.Priority, c.Base = builtinChain(x.bridge, x.table, name)
	c.NAT = !x.bridge && x.table == "nat"
	switch {
	case policy != "ACCEPT" && policy != "DROP":
	case c.Base && x.table != "broute":
		c.Policy = x.verdict(policy)
	case x.bridge: // chains that a user made have a policy too
		x.closed[c] = policy
	}
	x.byName[name] = c
	x.chains = append(x.chains, c)
}

// builtinChain says where the kernel calls the chains of the tables that the tools know: NF_IP6_PRI_* and NF_BR_PRI_* of
// the kernel.
func builtinChain(bridge bool, table, chain string) (h Hook, priority int, ok bool) {
	h, ok = map[string]Hook{"BROUTING": Prerouting, "PREROUTING": Prerouting, "INPUT": Input, "FORWARD": Forward,
		"OUTPUT": Output, "POSTROUTING": Postrouting}[chain]
	if !ok || (chain == "BROUTING") != (bridge && table == "broute") {
		return 0, 0, false
	}
	if bridge {
		switch {
		case table == "broute":
			return h, math.MinInt32, true
		case table == "nat" && h == Prerouting:
			return h, -300, true
		case table == "nat" && h == Output:
			return h, 100, true
		case table == "nat" && h == Postrouting:
			return h, 300, true
		case table == "filter" && h == Output:
			return h, 200, true
		case table == "filter" && (h == Input || h == Forward):
			return h, -200, true
		}
		return 0, 0, false
	}
	switch table {
	case "raw":
		priority = -300
	case "mangle":
		priority = -150
	case "nat":
		priority = -100
		if h == Input || h == Postrouting {
			priority = 100
		}
	case "filter":
	case "security":
		priority = 50
	default:
		return 0, 0, false
	}
	return h, priority, true
}

// xtRule is a rule that is being read.
type xtRule struct {
	x          *xtReader
	words      []word
	module     string // of the last -m
	conditions []condition
	lasting    []condition // those that are the same wherever the packet is
	hasState   *bool       // whether the -m conntrack that is being read asks for the state
	untracks   bool
}

// rule takes a rule; text is what comes after "-A CHAIN".
func (x *xtReader) rule(chain, text string) {
	c := x.byName[chain]
	if c == nil {
		return
	}
	if x.rules++; x.rules > maxRules {
		x.left++
		return
	}
	r := &xtRule{x: x, words: words(text)}
	target := r.matches()
	act, jump, known := r.target(target)
	if !known {
		r.unknown()
	}
	conditions := r.conditions
	c.Rules = append(c.Rules, Rule{
		Handle:   uint64(len(c.Rules) + 1),
		Text:     clean(text),
		Untracks: r.untracks,
		Apply:    func(p *Packet) (Truth, Act, string) { return allOf(conditions, p), act, jump },
	})
}

// matches reads a rule up to its target, -j or -g, which it returns; "" is none.
func (r *xtRule) matches() (option string) {
	for len(r.words) > 0 {
		not := r.not()
		w := r.next()
		if !w.isOption() {
			r.unknown() // an option that is not known had more values than were skipped
			continue
		}
		switch w.text {
		case "-j", "--jump", "-g", "--goto":
			return w.text
		}
		not = r.not() != not // the older place, and ebtables'
		known := false
		if r.x.bridge {
			known = r.bridgeMatch(w.text, not)
		} else {
			known = r.match(w.text, not)
		}
		if !known {
			r.unknown()
			r.skip()
		}
	}
	return ""
}

// not takes a "!".
func (r *xtRule) not() bool {
	if len(r.words) > 0 && r.words[0].text == "!" && !r.words[0].quoted {
		r.words = r.words[1:]
		return true
	}
	return false
}

// next takes a word; "" when there is none.
func (r *xtRule) next() word {
	if len(r.words) == 0 {
		return word{}
	}
	w := r.words[0]
	r.words = r.words[1:]
	return w
}

// flag takes an option without a value if it is next.
func (r *xtRule) flag(option string) bool {
	if len(r.words) > 0 && r.words[0].text == option {
		r.words = r.words[1:]
		return true
	}
	return false
}

// skip takes the values of an option that is not known.
func (r *xtRule) skip() {
	for len(r.words) > 0 && !r.words[0].isOption() && (r.words[0].text != "!" || r.words[0].quoted) {
		r.words = r.words[1:]
	}
}

func (r *xtRule) add(c condition) { r.conditions = append(r.conditions, c) }

// addLasting adds a condition whose answer is the same at all hooks.
func (r *xtRule) addLasting(c condition) {
	r.add(c)
	r.lasting = append(r.lasting, c)
}

func (r *xtRule) unknown() { r.add(func(*Packet) Truth { return CannotTell }) }

// word is one word of a rule.
type word struct {
	text   string
	quoted bool
}

func (w word) isOption() bool { return !w.quoted && len(w.text) > 1 && w.text[0] == '-' }

// words splits a rule where it has blanks, but for those between quotes.
func words(s string) []word {
	var list []word
	var b strings.Builder
	inside, quoted, was := false, false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '"':
			quoted, inside, was = !quoted, true, true
		case (c == ' ' || c == '\t') && !quoted:
			if inside {
				list = append(list, word{b.String(), was})
			}
			b.Reset()
			inside, was = false, false
		default:
			b.WriteByte(c)
			inside = true
		}
	}
	if inside {
		list = append(list, word{b.String(), was})
	}
	return list
}

// clean returns s as it may be shown: names and comments of rules may have any bytes in them.
func clean(s string) string { return tool.Clean(s, maxText) }
