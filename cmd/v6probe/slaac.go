package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/expect"
	"v6probe/internal/guest"
	"v6probe/internal/report"
	"v6probe/internal/slaac"
)

type slaacFlags struct {
	sourceFlags
	expect  expectFlags
	mac     string
	target  string
	drops   bool
	passive bool
	host    machine
}

func newSLAAC() *cobra.Command {
	f := slaacFlags{host: thisMachine()}
	c := &cobra.Command{
		Use:   "slaac [-i IFACE] [--target ADDRESS|NAME] | slaac -r FILE [--mac MAC]",
		Short: "on a guest: which address forms, or why none does",
		Long: `slaac walks along the chain by which a guest gets its address and its way to
the world: link, settings, Router Solicitation and Advertisement, the address of
each prefix (RFC 4862), its duplicate test, the default route, the router, DNS,
DHCPv6, and a target. It names what is broken, what is to be mended first, and
the command that mends it.

It solicits as a host does, asks the router, the DNS servers and, where it is
told to, DHCPv6 servers, and changes nothing. It needs root, to listen and ask.

With -r it tells what a guest makes of a capture: the first that solicits a
router or tests an address in it, unless --mac names another.`,
		Example: `  v6probe slaac -i eth0                             on the guest
  v6probe slaac -i eth0 --target www.example.org    and is that reached
  v6probe slaac -i eth0 --drops                     also count what this kernel drops
  v6probe slaac -i eth0 --expect vm.json            is it the address that CloudStack knows
  v6probe slaac -r fault.pcapng --mac 02:01:00:cb:00:05
  tcpdump -i vnet3 -w - ip6 | v6probe slaac -r -`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return runSLAAC(c, &f) },
	}
	f.addRole(c, "the guest's interface `IFACE`; else the only one that is up")
	f.expect.add(c)
	fs := c.Flags()
	fs.StringVarP(&f.read, "read", "r", "", "read the capture `FILE`: pcap or pcapng, also .gz and .zst; - is standard input")
	fs.StringVarP(&f.write, "write", "w", "", "write what was listened to to `FILE`, as pcapng")
	fs.StringVar(&f.mac, "mac", "", "with -r: the guest with this Ethernet address, `MAC`, in the capture or not")
	fs.StringVar(&f.target, "target", "", "ask `ADDRESS` too, or the host of that name, and look at the path MTU to it")
	fs.BoolVar(&f.drops, "drops", false, "count what this kernel drops meanwhile, and where; as v6probe drops does")
	fs.BoolVar(&f.passive, "passive", false, "send nothing: only listen, and read what this host is set to")
	c.MarkFlagFilename("read", "pcap", "pcapng", "cap", "gz", "zst")
	c.MarkFlagFilename("write", "pcapng")
	complete(c, "mac", func() []string { return nil })
	complete(c, "target", func() []string { return nil })
	return c
}

func runSLAAC(c *cobra.Command, f *slaacFlags) error {
	if err := f.check(c); err != nil {
		return err
	}
	if _, _, err := f.fail(); err != nil {
		return err
	}
	reads := c.Flags().Changed("read")
	switch {
	case reads:
		if err := unused(c, "-r", "target", "drops", "passive", "timeout", "write"); err != nil {
			return err
		}
	case c.Flags().Changed("mac"):
		return hinted("with -r FILE it says which guest of a capture", "--mac means nothing on a live interface: that has one")
	case f.passive && f.target != "":
		return hinted("leave one of them out", "--passive sends nothing: --target cannot be asked")
	}
	want, err := f.expect.state(c)
	if err != nil {
		return err
	}
	if reads {
		return f.readGuest(c, want)
	}
	return f.lookAtGuest(c, want)
}

// readGuest tells what a guest makes of a capture.
func (f *slaacFlags) readGuest(c *cobra.Command, want *expect.State) error {
	host, err := f.choose(c)
	if err != nil {
		return err
	}
	s, err := f.start(c, capture.Filter{})
	if err != nil {
		return err
	}
	v := newSlaacView(slaac.Options{MAC: host.mac}, host, want)
	v.shows = s.progress
	r, runErr := f.untold().pull(c.Context(), s, v, nil)
	s.progress.End()
	if closeErr := s.close(); runErr == nil {
		runErr = closeErr
	}
	if runErr != nil && r.Stats.Frames == 0 && !errors.As(runErr, new(*capture.DamageError)) {
		return withHint(captureHint, runErr)
	}
	in := guest.Input{State: v.host.At(v.last), Heard: v.heardAll(0), Expect: want}
	l := guest.Judge(in)
	l.Title += " (" + host.why.words(in.State.Present) + ")"
	if name := host.link.String(); name != "" {
		l.Title = name + ": " + l.Title
	}
	if f.json {
		err := s.json.Host(&in.State, host.why.String(), host.link.String())
		if err := errors.Join(err, s.flush()); err != nil {
			return err
		}
	}
	sum := report.Summary{Stats: r.Stats, Messages: r.Messages, Cut: r.Cut}
	if runErr != nil {
		sum.Damage = oneLine(runErr.Error())
	}
	err = f.tellList(c, &l, sum, v.heard(r))
	if runErr != nil && (err == nil || errors.As(err, new(codeError))) {
		return runErr
	}
	return err
}

// untold returns the flags for listening: what is heard is told at the end, by the checklist.
func (f *slaacFlags) untold() *sourceFlags {
	quiet := f.sourceFlags
	quiet.verbose, quiet.json = false, false
	return &quiet
}

// heard says how much was listened to, for the verdict.
func (v *slaacView) heard(r outcome) string {
	return report.Plural(r.Messages, "message") + r.span() + "; " + report.Plural(r.Stats.Frames, "frame") + " looked at"
}

// The view tells nothing while it listens, and leaves the end to the judge.
func (v *slaacView) picture(*report.Text, outcome) {}
func (v *slaacView) summary(*report.Summary)       {}
func (v *slaacView) entries(*report.JSON) error    { return nil }

// answerTime is how long a router has for its answer: MIN_DELAY_BETWEEN_RAS and MAX_RA_DELAY_TIME (RFC 4861 §6.2.6).
const answerTime = 3500 * time.Millisecond
