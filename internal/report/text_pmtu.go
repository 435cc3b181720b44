package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/encap"
	"v6probe/internal/pmtu"
)

// PathMTU writes what probing a path came to: the answer in a sentence, how it is known, the path as a picture, and what
// else was learnt.
func (t *Text) PathMTU(p *PathMTU) {
	sgr := sgrBold
	if broken(p) {
		sgr += sgrRed
	}
	for _, l := range wrap(pmtuHead(p), t.style.width()) {
		t.line(t.style.paint(sgr, l))
	}
	t.item(0, "", 0, pmtuProof(p))
	t.path(p)
	items := pmtuItems(p)
	if len(items) > 0 {
		t.line("")
	}
	last := ""
	for _, i := range items {
		name := i.name
		if name == last {
			name = ""
		}
		t.item(2, name, column, i.text)
		last = i.name
	}
}

// broken reports whether connections over the path hang, or cannot be made.
func broken(p *PathMTU) bool {
	switch {
	case p.Complete && !p.Reached, p.Hole != nil, p.Return.Hole, lastStep(p).Ignored, lastStep(p).Refused, lastStep(p).Held:
		return true
	case p.MTU == 0 && p.TooBig > 0 && p.TooBig <= pmtu.MinMTU:
		return true
	}
	return slices.ContainsFunc(p.Flows, func(f pmtu.Flow) bool { return f.Silent && f.AtLeast < p.Local || f.Dead })
}

// pmtuHead says the answer in one sentence.
func pmtuHead(p *PathMTU) string {
	name := p.Target.String()
	switch {
	case p.Name != "":
		name = printable(p.Name) + " (" + name + ")"
	case p.Target.IsLinkLocalUnicast() && p.Interface != "":
		name += "%" + printable(p.Interface)
	}
	switch {
	case !p.Reached:
		return name + " " + unreached(p)
	case p.MTU == 0:
		s := name + ": " + undecided(p)
		if p.Hole != nil {
			s += " BLACK HOLE: " + holeHead(p, p.Hole) + "."
		}
		return s + backHead(p)
	}
	if s := p.Split; s != nil {
		head := fmt.Sprintf("%s: the path MTU depends on the kind of packet:%s%d for echo, %d for %s.", name, nbsp, s.Echo, p.AtLeast,
			kindWord(s.Other))
		if p.Hole != nil {
			head += " BLACK HOLE: longer echoes vanish without a word " + holePlace(p, p.Hole) + "."
		}
		return head
	}
	if flows := flowGroups(p.Flows); len(flows) > 1 {
		return name + ": the path MTU depends on the flow: " + flowHead(flows) + backHead(p)
	}
	return fmt.Sprintf("%s: path MTU%s%d%s%s", name, nbsp, p.MTU, narrowed(p), backHead(p))
}

// unreached says of a target that did not answer how far packets are known to come.
func unreached(p *PathMTU) string {
	far := 0
	for i, h := range p.Hops {
		if h.Address.IsValid() {
			far = i + 1
		}
	}
	switch {
	case p.Held > 0 && p.Held == p.Sent:
		return "was not probed: a filter of this host lets no packet out."
	case !p.Complete && p.Sent == 0:
		return "was not probed: nothing was sent before it ended."
	case !p.Complete && len(p.Refused) == 0:
		return "had not answered when it ended early: " + comeFar(p, far, "its path MTU") + "."
	case len(p.Refused) > 0:
		r := &p.Refused[0]
		if r.Loop {
			return fmt.Sprintf("cannot be reached: a routing loop, as %s says.", refuser(p, r))
		}
		reason, _ := refusal(r)
		return fmt.Sprintf("cannot be reached: %s answers %s.", refuser(p, r), reason)
	case len(p.Said) > 0:
		return "does not answer, so its path MTU is not known; " + comeFar(p, far, "it") + "."
	case far > 0:
		return "does not answer; " + comeFar(p, far, "it") + "."
	}
	return "does not answer, nor does any router on the way."
}

// comeFar says what is known of the way to a target that did not answer; far is the last hop that did, 0 for none, and it
// stands for the path MTU.
func comeFar(p *PathMTU, far int, it string) string {
	switch {
	case len(p.Said) > 0:
		s := &p.Said[len(p.Said)-1]
		return fmt.Sprintf("%s says that %s is at most%s%d", sayer(s), it, nbsp, s.MTU)
	case far > 0:
		return fmt.Sprintf("packets come as far as hop%s%d", nbsp, far)
	}
	return "nothing can be told"
}

func refuser(p *PathMTU, r *pmtu.Refusal) string {
	switch {
	case r.Source == p.Target:
		return "it"
	case r.Source == p.Source:
		return "this host itself"
	case r.Hop > 0:
		return fmt.Sprintf("hop%s%d", nbsp, r.Hop)
	}
	return r.Source.String()
}

// undecided says what is known where the MTU was not found.
func undecided(p *PathMTU) string {
	var s string
	switch {
	case p.TooBig > 0 && p.TooBig <= pmtu.MinMTU:
		return fmt.Sprintf("path MTU less than%s%d, too little for IPv6: packets of%s%d bytes arrive, and of%s%d do not.",
			nbsp, p.TooBig, nbsp, p.AtLeast, nbsp, p.TooBig)
	case p.AtLeast > 0 && p.TooBig == p.AtLeast+1:
		s = fmt.Sprintf("path MTU probably%s%d", nbsp, p.AtLeast)
	case p.AtLeast > 0 && p.TooBig > 0:
		s = fmt.Sprintf("path MTU at least%s%d and less than%s%d", nbsp, p.AtLeast, nbsp, p.TooBig)
	case p.AtLeast > 0:
		s = fmt.Sprintf("path MTU at least%s%d", nbsp, p.AtLeast)
	case p.TooBig > 0:
		s = fmt.Sprintf("path MTU less than%s%d", nbsp, p.TooBig)
	default:
		s = "path MTU not known"
	}
	switch {
	case !p.Complete:
		return s + ": it ended early."
	case p.Loss > 0:
		return s + ": too much is lost on the way to tell more."
	}
	return s + ": what lies between gets no clear answer."
}

// backHead adds to the headline what is wrong with the way back, "" for nothing.
func backHead(p *PathMTU) string {
	b := p.Return
	switch {
	case b.Hole && b.MTU > 0:
		return fmt.Sprintf(" Echoes above%s%d get no answer: BLACK HOLE on the way back, or a filter of long echoes.", nbsp, b.MTU)
	case b.Hole:
		return " Long echoes get no answer: BLACK HOLE on the way back, or a filter of them."
	case backNarrow(p):
		return fmt.Sprintf(" The way back is narrower:%s%s.", nbsp, backRange(b))
	}
	return ""
}

// backNarrow reports whether answers come in fragments since the way back carries less than the way there.
func backNarrow(p *PathMTU) bool {
	return p.Return.MTU > 0 && p.Return.Most > 0 && p.Return.Most < max(p.MTU, p.AtLeast)
}

// backRange says the MTU of the way back, which fragments tell to eight bytes only.
func backRange(b pmtu.Return) string {
	if b.Most > b.MTU {
		return fmt.Sprintf("%d to%s%d", b.MTU, nbsp, b.Most)
	}
	return fmt.Sprint(b.MTU)
}

// pmtuProof says how the answer is known, and what it took.
func pmtuProof(p *PathMTU) string {
	var s string
	switch {
	case !p.Reached && (len(p.Refused) > 0 || p.Held == p.Sent):
	case !p.Reached && p.Complete:
		s = "No answer to " + silentKinds(p) + ". "
	case p.MTU == 0:
	case p.MTU < p.Local:
		s = fmt.Sprintf("Confirmed by %s: %d bytes arrive, %d do not.%s ", kindWord(p.Method), p.MTU, p.MTU+1, notAnswered(p))
	case p.Max > 0:
		s = fmt.Sprintf("Confirmed by %s: %d bytes arrive, and no more was tried.%s ", kindWord(p.Method), p.MTU, notAnswered(p))
	default:
		s = fmt.Sprintf("Confirmed by %s: %d bytes arrive, all that %s takes.%s ",
			kindWord(p.Method), p.MTU, wayOut(p), notAnswered(p))
	}
	s += fmt.Sprintf("%s, %s, %s", Plural(p.Rounds, "round"+nbsp+"trip"), Plural(p.Sent, "packet"), Duration(p.Took))
	switch {
	case p.Loss >= 0.01:
		s += fmt.Sprintf(", %.0f%s%% lost", 100*p.Loss, nbsp)
	case p.Loss > 0:
		s += fmt.Sprintf(", under 1%s%% lost", nbsp)
	}
	return s + "."
}

func wayOut(p *PathMTU) string {
	if p.Interface == "" {
		return "this host's link"
	}
	return printable(p.Interface)
}

// kindWord says a kind of probe in a sentence.
func kindWord(k pmtu.Kind) string {
	switch k {
	case pmtu.UDP:
		return "UDP"
	case pmtu.TCP:
		return "TCP"
	case pmtu.Option:
		return "unknown options"
	}
	return k.String()
}

// silentKinds lists the kinds of probes that got no answer: "echo, UDP or TCP".
func silentKinds(p *PathMTU) string {
	var list []string
	for k, silent := range p.Silence {
		if silent {
			list = append(list, kindWord(pmtu.Kind(k)))
		}
	}
	switch n := len(list); n {
	case 0:
		return "anything"
	case 1:
		return list[0]
	default:
		return strings.Join(list[:n-1], ", ") + " or " + list[n-1]
	}
}

func notAnswered(p *PathMTU) string {
	if p.Silence == (pmtu.Silence{}) {
		return ""
	}
	return " It does not answer " + silentKinds(p) + "."
}

// sourceHop returns the hop that a message came from, in words.
func sourceHop(p *PathMTU, a netip.Addr) string {
	if s := firstSaid(p, func(s *pmtu.Said) bool { return s.Source == a }); s != nil {
		return sayer(s)
	}
	if i := slices.IndexFunc(p.Hops, func(h pmtu.Hop) bool { return h.Address == a }); i >= 0 {
		return fmt.Sprintf("hop%s%d", nbsp, i+1)
	}
	return a.String()
}

// explained are the sizes that a tunnel may explain: the path's MTU and what routers say, unless that is a link's.
func explained(p *PathMTU) []int {
	var sizes []int
	add := func(size int) {
		if size >= pmtu.MinMTU && !usualLink(size) && !slices.Contains(sizes, size) {
			sizes = append(sizes, size)
		}
	}
	add(p.MTU)
	for _, s := range truthful(p) {
		add(int(min(s.MTU, maxSize)))
	}
	return sizes
}

// usualLink reports whether links have that MTU without any tunnel: what IPv6 takes at least, Ethernet, jumbo frames, a
// loopback interface.
func usualLink(mtu int) bool {
	return slices.Contains([]int{pmtu.MinMTU, 1500, 9000, 9216, 65535, 65536}, mtu)
}

// maxSize is the longest IPv6 packet without a jumbo payload, in bytes.
const maxSize = 40 + 65535

// candidates are the tunnels that could explain what the path carries, the likeliest of each size first. That one tunnel
// is in another is thought of only where the path is narrower than this host's link and nothing simpler explains it.
func candidates(p *PathMTU) []encap.Candidate {
	var list []encap.Candidate
	for _, size := range explained(p) {
		found := encap.Explain(size)
		if len(found) == 0 && size < p.Local {
			found = encap.Nested(size)
		}
		list = append(list, found...)
	}
	return list
}
