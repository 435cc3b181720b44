package vr

import (
	"fmt"
	"strings"
	"time"

	"v6probe/internal/checklist"
	"v6probe/internal/filter"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// advertisement looks at what goes out to the guests, one interface a line.
func (j *judge) advertisement() []checklist.Line {
	var lines []checklist.Line
	for _, i := range j.guests() {
		h := j.heard(i.Name)
		line := checklist.Line{Name: "advertisement"}
		if why := j.quiet(i); why != "" {
			j.noAdvertisement(&line, i, h, why)
		} else {
			j.hasAdvertisement(&line, i, h)
		}
		line.Text = printable(i.Name) + ": " + line.Text
		lines = append(lines, line)
	}
	return lines
}

// noAdvertisement is the line of an interface on which this machine must be silent.
func (j *judge) noAdvertisement(line *checklist.Line, i *Interface, h Heard, why string) {
	switch {
	case len(h.Own) > 0 && j.unexpected:
		line.Status, line.Text = checklist.Skipped, "radvd advertises and must not"
	case len(h.Own) > 0:
		line.Text = "this machine advertises and must not"
		line.Findings = append(line.Findings, checklist.Finding("vr.radvd-unexpected", printable(i.Name),
			fmt.Sprintf("this machine advertises on %s and must not: %s", printable(i.Name), why), ""))
	case j.Deaf != "":
		line.Status, line.Text = checklist.Unknown, j.Deaf
	default:
		line.Text = "none from this machine, as it should be"
	}
}

// hasAdvertisement is the line of an interface on which this machine must advertise.
func (j *judge) hasAdvertisement(line *checklist.Line, i *Interface, h Heard) {
	name := printable(i.Name)
	switch {
	case len(h.Own) > 0:
		var said []string
		for _, s := range h.Own {
			said = append(said, s.words(j.Listened))
		}
		line.Text = clauses(said)
		if h.Own[0].Lifetime == 0 {
			line.Status = checklist.Note
			if j.noForwarding {
				line.Text += "; as this machine does not forward"
			}
		}
		line.Findings = append(line.Findings, j.wire(i, h)...)
	case j.cause[i.Name] != "":
		line.Status, line.Text = checklist.Skipped, "none: "+j.cause[i.Name]
	case j.radvdDown:
		line.Status, line.Text = checklist.Skipped, "none: radvd does not run"
	case j.Deaf != "":
		line.Status, line.Text = checklist.Unknown, j.Deaf
	case !j.Radvd.Running:
		line.Status, line.Text = checklist.Unknown, "none in "+seconds(j.Listened)
	case j.byRequest(i):
		line.Status, line.Text = checklist.Unknown, "none, as radvd is set to advertise only to those who ask"
	case j.filteredOut(line, i):
		line.Text = "dropped before they leave"
	case j.Listened < j.intervalOf(i):
		line.Status = checklist.Unknown
		line.Text = fmt.Sprintf("none in %s; radvd may be silent for %s: see --timeout", seconds(j.Listened), seconds(j.intervalOf(i)))
	default:
		line.Text = "none in " + seconds(j.Listened)
		line.Findings = append(line.Findings, checklist.Finding("vr.not-advertising", name, fmt.Sprintf("radvd runs, and nothing is advertised "+
			"on %s in %s, though it is set to at least every %s", name, seconds(j.Listened), seconds(j.intervalOf(i))), ""))
	}
}

// words says what was heard of a speaker.
func (s *Speaker) words(listened time.Duration) string {
	text := fmt.Sprintf("%d in %s from %v", s.Count, seconds(listened), s.Source)
	if s.Lifetime == 0 {
		text += ", lifetime 0, so that nobody takes it for a default router"
	} else {
		text += fmt.Sprintf(", lifetime %d s", s.Lifetime)
	}
	if len(s.Prefixes) > 0 {
		var list []string
		for _, p := range s.Prefixes {
			list = append(list, p.String())
		}
		text += ", prefix " + some(list)
	}
	if len(s.Servers) > 0 {
		var list []string
		for _, a := range s.Servers {
			list = append(list, a.String())
		}
		text += ", DNS " + some(list)
	}
	return text
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// intervalOf is how long radvd may be silent on an interface.
func (j *judge) intervalOf(i *Interface) time.Duration {
	one := Facts{Radvd: j.Radvd, Guests: []string{i.Name}}
	return one.Interval()
}

// byRequest reports whether radvd is set to answer only, so that nothing is to be heard.
func (j *judge) byRequest(i *Interface) bool {
	b := j.Radvd.block(i.Name)
	return b != nil && b.Says != nil && b.Says.Interval == nil
}

// filteredOut finds that the packet filter drops what this machine would advertise.
func (j *judge) filteredOut(line *checklist.Line, i *Interface) bool {
	source, ok := i.linkLocal()
	if j.Filter == nil || !ok {
		return false
	}
	p := filter.Packet{Out: i.Name, Source: source, Target: allNodes, HopLimit: 255, Type: 134, Length: 110, Track: filter.Untracked,
		EtherSource: i.ether(), EtherTarget: [6]byte{0x33, 0x33, 0, 0, 0, 1}}
	o := j.Filter.Sent(&p)
	if o.Verdict != filter.Dropped {
		return false
	}
	line.Findings = append(line.Findings, checklist.Finding("filter.router-advertisement", placeKey(o.At),
		fmt.Sprintf("advertisements out of %s are dropped by %s", printable(i.Name), place(o.At)), accept(o.At, 134)))
	return true
}

// wire returns what is wrong with the advertisements of this machine on an interface, as far as nothing else is the cause.
func (j *judge) wire(i *Interface, h Heard) []rule.Finding {
	var found []rule.Finding
	for _, f := range j.Wire {
		if f.Link != i.Name || aboutExpectation(f.Rule) || f.Source.IsValid() && !h.own(f.Source) || !aboutRouter(f.Rule) {
			continue
		}
		switch {
		case f.Rule == "ra.solicit-unanswered" && j.deafTo(i, 133):
		case strings.HasPrefix(string(f.Rule), "ra.inconsistent-") && len(h.Others) > 0: // with other routers
		case j.noForwarding && (f.Rule == "ra.lifetime-zero-with-preference" || f.Rule == "ra.interval-vs-lifetime"):
		default:
			found = append(found, f)
		}
	}
	return found
}

// aboutRouter reports whether a rule is about what a router says. What guests send, and how many routers there are, is told
// elsewhere or nowhere.
func aboutRouter(id rule.ID) bool {
	subject, _, _ := strings.Cut(string(id), ".")
	switch id {
	case "ra.absent", "ra.from-guest", "ra.flood", "ra.snac", "ra.final-missing":
		return false
	}
	return subject != "rs" && subject != "ns" && subject != "na" && subject != "dad"
}

// otherRouters looks who else advertises to the guests.
func (j *judge) otherRouters() []checklist.Line {
	line := checklist.Line{Name: "other routers"}
	var seen []string
	for _, i := range j.guests() {
		h := j.heard(i.Name)
		for _, s := range h.Others {
			who := fmt.Sprintf("%v (%v) on %s", s.Source, s.MAC, printable(i.Name))
			seen = append(seen, who)
			if !j.mayAdvertise(i, s) {
				j.second = true
				line.Findings = append(line.Findings, j.secondRouter(i, s, who))
				continue
			}
			line.Findings = append(line.Findings, j.otherWire(i, s)...)
		}
	}
	line.Text = "none"
	switch {
	case len(seen) > 0:
		line.Text = some(seen)
		if len(line.Findings) == 0 {
			line.Text += ", as it should be"
		}
	case j.Deaf != "":
		line.Status, line.Text = checklist.Unknown, j.Deaf
	case len(j.Guests) > 0:
		line.Text = "none in " + seconds(j.Listened)
	}
	return one(line)
}

// mayAdvertise reports whether it is right that another router advertises on an interface.
func (j *judge) mayAdvertise(i *Interface, s Speaker) bool {
	if j.quiet(i) != "" || j.World != nil && j.World.Device == i.Name && j.World.Gateway == s.Source {
		return true
	}
	if j.Expect == nil {
		return false
	}
	for _, l := range j.Expect.Links {
		for _, r := range l.Routers {
			if r.Address == s.Source || packet.MAC(r.MAC) == s.MAC && s.MAC != (packet.MAC{}) {
				return true
			}
		}
	}
	return false
}

func (j *judge) secondRouter(i *Interface, s Speaker, who string) rule.Finding {
	f := checklist.Finding("vr.second-router", s.Source.String()+" "+s.MAC.String(), who+" advertises too", "")
	f.Source = s.Source
	var list []string
	for _, p := range s.Prefixes {
		list = append(list, p.String())
	}
	if len(list) > 0 {
		f.Detail += ", prefix " + some(list)
	}
	if s.Lifetime == 0 {
		f.Severity = rule.Info
		f.Detail += "; with lifetime 0, so that nobody takes it for a default router"
	}
	return f
}

// otherWire returns what is wrong with the advertisements of a router that may advertise.
func (j *judge) otherWire(i *Interface, s Speaker) []rule.Finding {
	var found []rule.Finding
	for _, f := range j.Wire {
		if f.Link == i.Name && f.Source == s.Source && !aboutExpectation(f.Rule) && aboutRouter(f.Rule) {
			found = append(found, f)
		}
	}
	return found
}
