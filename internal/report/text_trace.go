package report

import (
	"fmt"
	"strings"

	"v6probe/internal/icmp6"
	"v6probe/internal/trace"
)

// Traces draws where messages came into a bridge, and where they came out and did not. All of them are drawn if all is set; else
// of neighbor discovery only what was lost. reason, which may be nil, says why the kernel dropped what did not come out of a port, ""
// where that is not known.
func (t *Text) Traces(paths []trace.Path, all bool, reason func(p *trace.Path, port string) string) {
	hidden, first := uint64(0), true
	for i := range paths {
		p := &paths[i]
		if !all && quiet(p) {
			hidden += p.Count
			continue
		}
		if !first {
			t.line("")
		}
		first = false
		t.trace(p, reason)
	}
	if hidden > 0 {
		if !first {
			t.line("")
		}
		t.item(0, "", 0, fmt.Sprintf("%s of neighbor discovery came out as they should (-v draws them).", Plural(hidden, "message")))
	}
}

// quiet reports whether p is a path that there is nothing to say of.
func quiet(p *trace.Path) bool {
	if p.Type != icmp6.TypeNeighborSolicitation && p.Type != icmp6.TypeNeighborAdvertisement || p.Untaken != "" {
		return false
	}
	for _, e := range p.Exits {
		if e.Missed > 0 || e.Kind == trace.Overlay && e.Below < e.Seen {
			return false
		}
	}
	return true
}

func (t *Text) trace(p *trace.Path, reason func(p *trace.Path, port string) string) {
	head := fmt.Sprintf("%s%s %v > %v", p.Name(), joined(", ", p.Disguise), p.Source, p.Destination)
	if p.Target.IsValid() {
		head += fmt.Sprintf(" about %v", p.Target)
	}
	if p.Type == icmp6.TypeRouterAdvertisement {
		head += fmt.Sprintf(", router lifetime %d s", p.Lifetime)
	}
	for _, l := range wrap(head+", "+Plural(p.Count, "time"), t.style.width()) {
		t.line(t.style.paint(sgrBold, l))
	}
	from := p.From
	if from == "" {
		from = "?"
	}
	if p.Kind == trace.Overlay && p.Tunnel.Port != 0 || p.Untaken != "" {
		from = fmt.Sprintf("VXLAN %d from %v > %s", p.Tunnel.VNI, p.Tunnel.Source, joined("", p.Untaken+p.From))
	}
	pad := strings.Repeat(" ", len([]rune(from)))
	width := 0
	for _, e := range p.Exits {
		width = max(width, len(e.Port))
	}
	if len(p.Exits) == 0 {
		t.line("  " + printable(from) + " ── " + t.nowhere(p))
		return
	}
	for i, e := range p.Exits {
		branch := [...]string{"├─", "└─", "┬─", "──"}[b2i(i == len(p.Exits)-1)+2*b2i(i == 0)]
		lead := printable(from)
		if i > 0 {
			lead = pad
		}
		lead = fmt.Sprintf("%s %s %-*s  ", lead, branch, width, printable(e.Port))
		t.item(2, lead, len([]rune(lead)), t.exit(p, e, reason))
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func joined(sep, s string) string {
	if s == "" {
		return ""
	}
	return sep + s
}

// nowhere is what is said of messages that left by no port.
func (t *Text) nowhere(p *trace.Path) string {
	switch {
	case p.Untaken != "":
		return t.style.paint(sgrBold+sgrRed, "NOT TAKEN")
	case p.Rogue || p.Test:
		return t.style.paint(sgrGreen, "stopped")
	}
	return "came out nowhere"
}

func (t *Text) exit(p *trace.Path, e trace.Exit, reason func(p *trace.Path, port string) string) string {
	text := fmt.Sprintf("%d of %d", e.Seen, e.Seen+e.Missed)
	unwanted := p.Rogue || p.Test
	switch {
	case unwanted && e.Seen > 0:
		text = t.style.paint(sgrBold+sgrRed, "PASSED") + " " + text
	case unwanted:
		text = t.style.paint(sgrGreen, "stopped") + fmt.Sprintf(" %d of %d", e.Missed, e.Missed)
	case e.Missed > 0:
		text = t.style.paint(sgrBold+sgrRed, "LOST") + fmt.Sprintf(" %d of %d", e.Missed, e.Seen+e.Missed)
		if reason != nil {
			text += joined("; ", printable(reason(p, e.Port)))
		}
	}
	if unwanted && e.Missed > 0 && reason != nil {
		text += joined("; ", printable(reason(p, e.Port)))
	}
	if e.Kind != trace.Overlay || e.Seen == 0 {
		return text
	}
	if e.Below == 0 {
		return text + "; " + t.style.paint(sgrBold+sgrRed, "LOST") + " below: none left this host in VXLAN"
	}
	return text + fmt.Sprintf("; %d left by %s in VXLAN %d, UDP port %d", e.Below, printable(e.Device), p.Tunnel.VNI, p.Tunnel.Port)
}
