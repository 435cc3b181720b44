package main

import (
	"strings"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/check"
	"v6probe/internal/conform"
	"v6probe/internal/icmp6"
	"v6probe/internal/nd"
	"v6probe/internal/packet"
	"v6probe/internal/ra"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

type ndFlags struct {
	sourceFlags
	expectFlags
	burst burstFlag
}

func newND() *cobra.Command {
	var f ndFlags
	c := &cobra.Command{
		Use:   "nd [-i IFACE | -r FILE] | nd ADDRESS -i IFACE",
		Short: "neighbors, duplicate addresses, and the ICMPv6 errors",
		Long: `nd listens to neighbor discovery and to ICMPv6 errors (or reads them from a
capture) and tells who is here, who asks for whom without an answer, whose
address is a duplicate, who lies, and which errors come back and why.

With an ADDRESS it asks for that neighbor, as a host would, and tells who
answers and how fast; with --burst, how many of many questions are answered.`,
		Example: `  v6probe nd -i eth0                      listen for up to 20 seconds
  v6probe nd -i vnet3 --timeout 0         on a guest's tap, until interrupted
  v6probe nd -i eth0 -w fault.pcapng      keep what was seen, to replay with -r
  v6probe nd -r capture.pcap.gz -v        every message on a line
  v6probe nd fe80::1 -i eth0              is it there, and who says so
  v6probe nd fe80::1 -i eth0 --burst 200  does something limit solicitations`,
		Args: atMostOneAddress,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return runAsk(c, &f, args[0])
			}
			return runND(c, &f)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.sourceFlags.add(c)
	f.capture.add(c)
	f.expectFlags.add(c)
	c.Flags().Var(&f.burst, "burst", "with an ADDRESS: send `N` solicitations more, and count the answers")
	return c
}

// atMostOneAddress is the complaint about arguments after nd.
func atMostOneAddress(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return hinted("for example v6probe nd fe80::1 -i eth0", "nd takes one address, not %d", len(args))
	}
	return nil
}

func runND(c *cobra.Command, f *ndFlags) error {
	if c.Flags().Changed("burst") {
		return hinted("for example v6probe nd fe80::1 -i eth0 --burst 100", "--burst is for nd ADDRESS: there is nobody to ask")
	}
	want, err := f.state(c)
	if err != nil {
		return err
	}
	s, err := f.start(c, capture.Filter{Large: true})
	if err != nil {
		return err
	}
	f.ahead = true
	v := &ndView{nd: nd.New(), ra: ra.New(check.Routers(want)), want: conform.New(want), tally: rule.NewTally(), progress: s.progress,
		source: f.source(s.session) + f.words()}
	return f.run(c, s, v, nil)
}

// source says in a command line where this run reads.
func (f *sourceFlags) source(s *session) string {
	if s.live {
		return "-i " + s.iface
	}
	return "-r " + f.read
}

// ndView shows who is where. It is the other view of the pipeline: the checker of ra runs along, as its findings about
// solicitations belong here too, and those about advertisements are worth a line.
type ndView struct {
	nd       *nd.Checker
	ra       *ra.Checker
	want     *conform.Checker
	progress *report.Progress
	source   string

	tally *rule.Tally // what is wrong with Router Advertisements
	found []rule.Finding
}

// Packet judges p.
func (v *ndView) Packet(p *packet.Packet) []rule.Finding { return v.Late(p, v.Early(p)) }

// Early judges p by the rules of ra.
func (v *ndView) Early(p *packet.Packet) []rule.Finding { return v.ra.Packet(p) }

// Late judges p by those of nd. What ra says of a message that nd judges is damage that nd tells as well.
func (v *ndView) Late(p *packet.Packet, others []rule.Finding) []rule.Finding {
	found := v.nd.Packet(p)
	if p.IsICMPv6 && p.Message.Type == icmp6.TypeRouterAdvertisement {
		return v.share(v.want.Apply(found), v.want.Packet(p, others), func(rule.Finding) bool { return false })
	}
	if len(others) > 0 && !nd.Judges(p) {
		found = v.share(found, others, func(rule.Finding) bool { return true })
	}
	return v.want.Packet(p, found)
}

// Finish ends the judging.
func (v *ndView) Finish(whole bool) []rule.Finding {
	found := v.want.Apply(v.share(v.nd.Finish(whole), v.want.Apply(v.ra.Finish(whole)), func(f rule.Finding) bool {
		return strings.HasPrefix(string(f.Rule), "rs.")
	}))
	own := len(found)
	found = v.want.Finish(whole, found)
	return v.share(found[:own], found[own:], func(f rule.Finding) bool { return !conform.Advertised(f.Rule) })
}

// share returns found and those of others that belong here, and counts the rest, except that no advertisement was heard:
// whoever asks for neighbors need not have listened for as long as that takes to know.
func (v *ndView) share(found, others []rule.Finding, here func(rule.Finding) bool) []rule.Finding {
	v.found = append(v.found[:0], found...)
	for _, f := range others {
		switch {
		case here(f):
			v.found = append(v.found, f)
		case f.Rule != "ra.absent":
			v.tally.Add(f)
		}
	}
	return v.found
}

// wanted takes solicitations of routers and all that nd judges.
func (v *ndView) wanted(p *packet.Packet) (message, counts bool) {
	m := !p.IsPiece() && (nd.Judges(p) || p.IsICMPv6 && p.Message.Type == icmp6.TypeRouterSolicitation)
	return m, m
}

func (v *ndView) message(*packet.Packet) {
	v.progress.Show("line", func(columns int) ([]string, int) { return report.NeighborLines(v.nd.Links(), columns) })
}

func (v *ndView) picture(t *report.Text, r outcome) { t.Neighbors(v.nd.Links(), r.listened) }

func (v *ndView) entries(j *report.JSON) error { return j.Neighbors(v.nd.Links()) }

func (v *ndView) summary(s *report.Summary) {
	s.Elsewhere = report.NewElsewhere(v.tally, "v6probe ra "+v.source)
	s.Evicted = report.EvictedNeighbors(v.nd.Forgotten())
}

// heard says how much was heard, for the verdict.
func (v *ndView) heard(r outcome) string {
	return report.Plural(r.Messages, "message") + r.span() + "; " + report.Plural(r.Stats.Frames, "frame") + " looked at"
}
