package guest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"v6probe/internal/checklist"
	"v6probe/internal/icmp6"
	"v6probe/internal/rule"
	"v6probe/internal/slaac"
)

// place returns the line that a finding about the link belongs to, "" for one that is no affair of a guest.
func place(id rule.ID) string {
	subject, _, _ := strings.Cut(string(id), ".")
	switch {
	case id == "ra.solicit-unanswered", subject == "rs":
		return lineSolicit
	case id == "ra.managed-no-server":
		return lineDHCP
	case subject == "dad":
		return lineTest
	case slices.Contains([]string{"ns", "na", "redirect", "ptb", "unreach", "mld"}, subject):
		return ""
	}
	return lineHeard
}

// about returns what was found on the link for a line.
func (j *judge) about(line string) []rule.Finding {
	var list []rule.Finding
	for _, f := range j.Heard.Findings {
		follows := f.Rule == "ra.absent" || f.Rule == "rs.unanswered" || f.Rule == "ra.no-address-source" && j.badPrefix()
		if place(f.Rule) == line && !follows {
			list = append(list, f)
		}
	}
	return list
}

// badPrefix reports whether a prefix is advertised that gives an address once it is put right.
func (j *judge) badPrefix() bool {
	return slices.ContainsFunc(j.Heard.Findings, func(f rule.Finding) bool {
		return strings.HasPrefix(string(f.Rule), "pio.") && f.Severity == rule.Error
	})
}

// solicitation tells whether the host asked for a router, and was answered (RFC 4861 §6.3.7).
func (j *judge) solicitation() {
	h := &j.Heard
	l := checklist.Line{Name: lineSolicit, Findings: j.about(lineSolicit)}
	if h.Missed >= 2 && !h.Answered && h.Advertisements > 0 && len(l.Findings) == 0 { // one may have been lost
		j.found(&l, "ra.solicit-unanswered", "", "", "%d of %d solicitations of %s got no answer in 3.5 s, though advertisements to all nodes came",
			h.Missed, h.Solicitations, j.name)
	}
	switch {
	case j.Facts == nil && h.Solicitations == 0:
		if len(l.Findings) == 0 {
			return
		}
		l.Text = "none of this host was seen"
	case j.off != "" || j.mute != "" && h.Solicitations == 0:
		j.skip(lineSolicit, first(j.off, j.mute))
		return
	case j.wireless():
		l.Status, l.Text = checklist.Skipped, "this link has no neighbor discovery"
	case h.Solicitations == 0:
		l.Status, l.Text = checklist.Skipped, "none sent: "+first(h.Unsolicited, "not told why")
	case h.Answered:
		l.Text = fmt.Sprintf("sent %s, answered after %s", times(h.Solicitations), duration(h.After))
		if !h.Alone {
			l.Text += " by an advertisement to all"
		}
	case h.Advertisements == 0:
		l.Status, l.Text = checklist.Skipped, fmt.Sprintf("sent %s, not answered: see %s", times(h.Solicitations), lineHeard)
	case len(l.Findings) > 0:
		l.Text = fmt.Sprintf("sent %s, not answered; advertisements come by themselves", times(h.Solicitations))
	case j.Facts == nil:
		l.Text = fmt.Sprintf("sent %s", times(h.Solicitations))
	default:
		l.Status, l.Text = checklist.Unknown, fmt.Sprintf("sent %s; advertisements to all nodes come so often that none need be the answer",
			times(h.Solicitations))
	}
	j.add(l)
}

// advertisement tells what was heard, and whether a host takes it.
func (j *judge) advertisement() {
	h, st := &j.Heard, &j.State
	l := checklist.Line{Name: lineHeard}
	for _, r := range h.Routers {
		l.Evidence = append(l.Evidence, fmt.Sprintf("%v (%v), router lifetime %s", r.Address, r.MAC, duration(r.Lifetime)))
	}
	l.Evidence = append(l.Evidence, j.options()...)
	l.Findings = j.about(lineHeard)
	j.excuse(l.Findings)
	switch {
	case st.Advertisements == 0 && len(l.Findings) == 0 && j.off != "":
		j.silent = j.off
		j.skip(lineHeard, j.off)
		return
	case st.Advertisements == 0:
		j.silent = lineHeard
		j.absent(&l)
	case st.Dropped == st.Advertisements:
		j.silent = lineHeard
		l.Text = fmt.Sprintf("%d heard, and receivers drop each of them%s", st.Advertisements, because(h.Dropping))
	default:
		l.Text = fmt.Sprintf("%d heard from %s", st.Advertisements, j.routers())
		if st.Dropped > 0 {
			l.Text += fmt.Sprintf("; receivers drop %d of them%s", st.Dropped, because(h.Dropping))
		}
		if st.Cut {
			l.Status, l.Text = checklist.Unknown, l.Text+"; the capture cut them short, so that options may be missing here"
		}
	}
	j.add(l)
}

// absent judges that no advertisement came to the host. It is a fault where the host needs one.
func (j *judge) absent(l *checklist.Line) {
	h := &j.Heard
	l.Text = "none"
	if h.Advertisements > 0 {
		l.Text = fmt.Sprintf("none for this host: %d went to others alone", h.Advertisements)
	}
	l.Text += j.span()
	if j.Facts != nil && j.excused(l) {
		return
	}
	f := checklist.Finding("ra.absent", "", "no Router Advertisement was heard"+j.span(), "")
	if h.Advertisements > 0 {
		f.Detail = l.Text
	}
	for _, known := range h.Findings {
		if known.Rule == "ra.absent" {
			f.Fix = known.Fix
		}
	}
	l.Findings = append(l.Findings, f)
}

// span says for how long was listened.
func (j *judge) span() string {
	if j.Heard.Listened > 0 {
		return " in " + duration(j.Heard.Listened)
	}
	return ""
}

// excused says why silence proves nothing, or does no harm.
func (j *judge) excused(l *checklist.Line) bool {
	// silence is how long CloudStack's router may be silent: its MaxRtrAdvInterval.
	const silence = 15 * time.Second
	// patience is what an answer to a solicitation may take: its own delay, and the least gap between two advertisements to
	// all (RFC 4861 §6.2.6).
	const patience = 3500 * time.Millisecond
	i := &j.Facts.Interface
	switch {
	case j.wireless():
		l.Status, l.Text = checklist.Note, l.Text+"; this link has no neighbor discovery"
	case j.byHand:
		l.Status, l.Text = checklist.Note, l.Text+"; this host has its address and its route otherwise"
	case i.Kind == "bridge" && j.elsewhere():
		l.Status, l.Text = checklist.Note, l.Text+"; this host has its way to the world by "+j.Facts.World.Device
	case j.mute != "" && j.Heard.Solicitations == 0:
		l.Status, l.Text = checklist.Unknown, l.Text+" by itself, and it could not be asked for one: see "+j.mute
	case j.Heard.Advertisements == 0 && j.Heard.Listened > 0 && j.Heard.Listened < patience:
		l.Status, l.Text = checklist.Unknown, l.Text+", which is too short to tell: an answer may take 3.5 s"
	case j.Heard.Solicitations == 0 && (j.Heard.Listened < silence || j.fromBefore()):
		l.Status, l.Text = checklist.Unknown, l.Text+" by itself, and none was asked for: it may come later"
	default:
		return false
	}
	return true
}

// fromBefore reports whether there is a default route by an advertisement that came earlier.
func (j *judge) fromBefore() bool {
	return slices.ContainsFunc(j.Facts.Routes, func(r Route) bool {
		return r.FromRA && r.Index == j.Facts.Interface.Index && r.carries()
	})
}

// excuse makes notes of what does this host no harm.
func (j *judge) excuse(list []rule.Finding) {
	if j.Facts == nil || j.Facts.given(j.State) == nil {
		return
	}
	for i := range list {
		if f := &list[i]; f.Rule == "ra.no-address-source" {
			f.Severity = rule.Info
			f.Detail += "; this host has an address of another source"
		}
	}
}

// options lists what the host takes of the advertisements beside prefixes.
func (j *judge) options() []string {
	st := &j.State
	var list []string
	if m := st.MTU; m.Value > 0 {
		list = append(list, fmt.Sprintf("MTU option %d", m.Value))
	} else if m.Refused > 0 {
		list = append(list, fmt.Sprintf("MTU option %d, not taken: %v", m.Refused, m.Reason))
	}
	for _, r := range st.Routes {
		list = append(list, fmt.Sprintf("route to %v by %v for %s", r.Prefix, r.Router, lifetime(r.Left)))
	}
	for _, d := range st.Domains {
		if d.Left > 0 {
			list = append(list, "search domain "+escape(d.Name))
		}
	}
	if st.NoRoom > 0 {
		list = append(list, fmt.Sprintf("%d things found no room in a host's tables", st.NoRoom))
	}
	return list
}

// routers says who advertises.
func (j *judge) routers() string {
	switch n := len(j.Heard.Routers); n {
	case 0:
		return "somebody"
	case 1:
		return j.Heard.Routers[0].Address.String()
	default:
		return fmt.Sprintf("%d routers", n)
	}
}

// mine reports whether an address is one of this host's.
func (j *judge) mine(a netip.Addr) bool {
	if !a.IsValid() {
		return false
	}
	if a == j.State.LinkLocal.Address || slices.ContainsFunc(j.State.Addresses, func(b slaac.Address) bool { return b.Address == a }) ||
		slices.ContainsFunc(j.State.Conflicts, func(c slaac.Conflict) bool { return c.Address == a }) {
		return true
	}
	return j.Facts != nil && slices.ContainsFunc(j.Facts.Addresses, func(b Address) bool { return b.Addr() == a })
}

// unreachable reports whether e is a Destination Unreachable.
func (e *Error) unreachable() bool { return e.Type == icmp6.TypeDestinationUnreachable }

func because(ids []rule.ID) string {
	if len(ids) == 0 {
		return ""
	}
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return " (" + strings.Join(words, ", ") + ")"
}

// first returns the first that is not empty.
func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// duration is a time in words of two or three digits.
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d)/1e6)
	case d < 100*time.Second:
		return fmt.Sprintf("%.3g s", d.Seconds())
	}
	return lifetime(d)
}

// lifetime is a time in whole seconds, minutes, hours or days.
func lifetime(d time.Duration) string {
	switch {
	case d == Forever:
		return "forever"
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d d", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= 10*time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
}
