package main

import (
	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/pmtu"
	"v6probe/internal/report"
)

// runRead tells what a capture proves about the paths in it.
func (f *pmtuFlags) runRead(c *cobra.Command) error {
	s, err := f.start(c, capture.Filter{Large: true, TCP: true})
	if err != nil {
		return err
	}
	return f.run(c, s, &pathsView{pmtu.NewChecker()}, nil)
}

// pathsView shows what is proven of each path.
type pathsView struct{ *pmtu.Checker }

// wanted takes the Packet Too Big messages: all else only tells sizes.
func (v *pathsView) wanted(p *packet.Packet) (message, counts bool) {
	m := p.IsICMPv6 && !p.IsPiece() && p.Message.Type == icmp6.TypePacketTooBig
	return m, m
}

func (v *pathsView) message(*packet.Packet) {}

func (v *pathsView) picture(t *report.Text, _ outcome) { t.Paths(v.Paths()) }

func (v *pathsView) entries(j *report.JSON) error { return j.Paths(v.Paths()) }

func (v *pathsView) summary(s *report.Summary) { s.ForgottenPaths = v.Forgotten() }

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
