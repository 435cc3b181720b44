package filter

import "strings"

// xtState is what is known about the rules of all tools together. It is complete when the first packet is followed.
type xtState struct {
	sets    map[string]Set
	asked   []string // the names of sets that rules ask about
	changed map[string][]change
}

// What rules change that others ask about.
const (
	changesMark     = "mark"
	changesConnmark = "connmark"
	changesHopLimit = "hop limit"
	changesSet      = "set " // and its name
)

// change is a rule that changes such a thing, or some bits of it, of the packets for which its conditions hold.
type change struct {
	bits       uint32
	conditions []condition
}

// maxChanges is how many rules that change one thing are looked at one by one; with more it is changed for all packets.
const maxChanges = 64

func (s *xtState) change(what string, bits uint32, conditions []condition) {
	if s.changed == nil {
		s.changed = map[string][]change{}
	}
	list := s.changed[what]
	if len(list) < maxChanges {
		s.changed[what] = append(list, change{bits, conditions})
		return
	}
	list[0].bits |= bits
	list[0].conditions = nil
}

// changes reports whether some rule may have changed these bits of p.
func (s *xtState) changes(what string, bits uint32, p *Packet) bool {
	for _, c := range s.changed[what] {
		if c.bits&bits != 0 && allOf(c.conditions, p) != No {
			return true
		}
	}
	return false
}

// target reads what a rule does: option is what came before its name, -j or -g. known is false where it cannot be told.
func (r *xtRule) target(option string) (act Act, chain string, known bool) {
	if option == "" {
		return Continue, "", true
	}
	name := r.next().text
	switch {
	case name == "ACCEPT", name == "DROP", name == "RETURN", name == "CONTINUE" && r.x.bridge:
		return r.x.verdict(name), "", true
	case r.x.declared[r.x.table+" "+name] && strings.Contains(option, "g"):
		return Goto, clean(name), true
	case r.x.declared[r.x.table+" "+name]:
		return Jump, clean(name), true
	case r.x.bridge:
		act, known = r.bridgeTarget(name)
		return act, "", known
	}
	switch name {
	case "REJECT":
		return Drop, "", true
	case "SNAT", "MASQUERADE":
		return Accept, "", true // they are in the table nat only, and change the source
	case "NFQUEUE", "QUEUE", "TPROXY", "DNAT", "REDIRECT", "NETMAP", "SYNPROXY", "SNPT", "DNPT":
		return Elsewhere, "", true
	}
	if !r.goesOn(name) {
		return Elsewhere, "", false
	}
	return Continue, "", true
}

// verdict returns what a name stands for. In ebtables' table broute DROP gives the packet to the layer of IPv6 instead of
// the bridge.
func (x *xtReader) verdict(name string) Act {
	switch name {
	case "ACCEPT":
		return Accept
	case "DROP":
		if x.bridge && x.table == "broute" {
			return Elsewhere
		}
		return Drop
	case "RETURN":
		return Return
	}
	return Continue
}

// goesOn reports whether after a target of ip6tables the next rule comes, and notes what it changes.
func (r *xtRule) goesOn(name string) bool {
	switch name {
	case "NOTRACK":
		r.untracks = true
	case "CT":
		r.untracks = hasWord(r.words, "--notrack")
	case "MARK", "HMARK":
		r.change(changesMark, r.bitsOf("--set-xmark", "--set-mark", "--or-mark"))
	case "CONNMARK":
		if hasWord(r.words, "--restore-mark") {
			r.change(changesMark, r.bitsOf("--nfmask"))
		}
		r.change(changesConnmark, r.bitsOf("--set-xmark", "--set-mark", "--ctmask"))
	case "HL":
		r.change(changesHopLimit, 1)
	case "SET":
		for i, w := range r.words {
			if (w.text == "--add-set" || w.text == "--del-set" || w.text == "--map-set") && i+1 < len(r.words) {
				r.x.state.change(changesSet+r.words[i+1].text, 1, nil) // other packets change it for this one
			}
			if w.text == "--map-set" {
				r.change(changesMark, allBits)
			}
		}
	case "LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "CONNSECMARK", "SECMARK", "CLASSIFY", "DSCP", "TOS", "TCPMSS",
		"TCPOPTSTRIP", "CHECKSUM", "RATEEST", "IDLETIMER", "LED", "TEE":
	default:
		return false
	}
	return true
}

const allBits = 0xffffffff

func (r *xtRule) change(what string, bits uint32) { r.x.state.change(what, bits, r.lasting) }

// bitsOf returns which bits of a mark an option of the target changes: "VALUE/MASK" those of the mask and of the value.
func (r *xtRule) bitsOf(options ...string) uint32 {
	for i := 0; i+1 < len(r.words); i++ {
		for _, o := range options {
			if r.words[i].text != o {
				continue
			}
			value, mask, ok := valueMask(r.words[i+1].text)
			switch {
			case !ok:
				return allBits
			case o == "--set-xmark" || o == "--set-mark":
				return value | mask
			}
			return value
		}
	}
	return allBits
}
