package main

import (
	"strings"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/icmp6"
	"v6probe/internal/nd"
	"v6probe/internal/packet"
	"v6probe/internal/pmtu"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// runRead tells what a capture proves about the paths in it.
func (f *pmtuFlags) runRead(c *cobra.Command) error {
	s, err := f.start(c, capture.Filter{Large: true, TCP: true})
	if err != nil {
		return err
	}
	f.ahead = true
	v := &pathsView{Checker: pmtu.NewChecker(), nd: nd.New(), tally: rule.NewTally(), source: f.source(s.session)}
	return f.run(c, s, v, nil)
}

// pathsView shows what is proven of each path. The checker of nd runs along: a Packet Too Big that is itself at fault, or that
// its receiver ignores, proves nothing and must not go unmentioned.
type pathsView struct {
	*pmtu.Checker
	nd     *nd.Checker
	tally  *rule.Tally // what is wrong with Packet Too Big messages
	source string
}

// Packet takes in p.
func (v *pathsView) Packet(p *packet.Packet) []rule.Finding {
	v.count(v.nd.Packet(p))
	return v.Checker.Packet(p)
}

// Finish ends the judging.
func (v *pathsView) Finish(whole bool) []rule.Finding {
	v.count(v.nd.Finish(whole))
	return v.Checker.Finish(whole)
}

func (v *pathsView) count(found []rule.Finding) {
	for _, f := range found {
		if strings.HasPrefix(string(f.Rule), "ptb.") {
			v.tally.Add(f)
		}
	}
}

// wanted takes the Packet Too Big messages: all else only tells sizes.
func (v *pathsView) wanted(p *packet.Packet) (message, counts bool) {
	m := p.IsICMPv6 && !p.IsPiece() && p.Message.Type == icmp6.TypePacketTooBig
	return m, m
}

func (v *pathsView) message(*packet.Packet) {}

func (v *pathsView) picture(t *report.Text, r outcome) { t.Paths(v.Paths(), r.Messages) }

func (v *pathsView) entries(j *report.JSON) error { return j.Paths(v.Paths()) }

func (v *pathsView) summary(s *report.Summary) {
	s.ForgottenPaths = v.Forgotten()
	s.Elsewhere = report.NewTooBigElsewhere(v.tally, "v6probe nd "+v.source)
}

// heard says how much was seen, for the verdict.
func (v *pathsView) heard(r outcome) string {
	paths := v.Paths()
	s := report.Plural(len(paths), "path") + ", " + report.Plural(r.Messages, "Packet Too Big message") + r.span() + "; " +
		report.Plural(r.Stats.Frames, "frame") + " looked at"
	if n := v.Forgotten(); n > 0 {
		s += "; " + report.Plural(n, "path") + " forgotten for lack of room"
	}
	return s
}
