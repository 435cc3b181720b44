package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/packet"
	"v6probe/internal/report"
	"v6probe/internal/resolve"
)

// runAsk asks for one neighbor.
func runAsk(c *cobra.Command, f *ndFlags, target string) error {
	address, err := f.target(c, target)
	if err != nil {
		return err
	}
	if err := f.check(c); err != nil {
		return err
	}
	if f.iface == "" {
		if f.iface, err = chooseLink(); err != nil {
			return err
		}
	}
	link, err := resolve.Find(f.iface, address)
	if err != nil {
		return err
	}
	if link.Own != "" && f.burst > 0 {
		return hinted("leave --burst out to ask who else has it", "%v is this host's own address (%s): there is no neighbor to measure", address, link.Own)
	}
	v := &askView{Tracker: resolve.NewTracker(link, address, int(f.burst))}
	if !c.Flags().Changed("timeout") {
		f.timeout = (v.Longest() + time.Second).Truncate(time.Second) // the plan ends by itself before
	}
	f.asking = target
	// Large packets of the target's tell that it is alive, but a busy link's would be in the way of a burst.
	s, err := f.start(c, capture.Filter{Large: f.burst == 0})
	if err != nil {
		return err
	}
	v.progress = s.progress
	socket, err := resolve.Open(link)
	if err != nil {
		s.progress.End()
		s.close()
		return err
	}
	defer socket.Close()
	// What ends the plan ends the capture.
	whole := c.Context()
	ctx, end := context.WithCancel(whole)
	defer end()
	v.interrupted = func() bool { return whole.Err() != nil }
	c.SetContext(ctx)
	err = f.run(c, s, v, func(ctx context.Context) (wait func()) {
		var wg sync.WaitGroup
		wg.Go(func() {
			v.failed = resolve.NewAsker(v.Tracker, socket).Run(ctx)
			end()
		})
		return func() { end(); wg.Wait() }
	})
	if trouble := v.trouble(); trouble != nil && (err == nil || errors.As(err, new(codeError))) {
		return trouble
	}
	return err // which says more of an interface that went down
}

// target reads the address to ask for, and says what is wrong with it or with the flags beside it.
func (f *ndFlags) target(c *cobra.Command, text string) (netip.Addr, error) {
	given := c.Flags().Changed
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil && strings.Contains(text, "/"):
		return a, hinted("leave out the prefix length: v6probe nd "+text[:strings.Index(text, "/")], "%q is a prefix, not an address", text)
	case err != nil:
		return a, hinted("for example v6probe nd fe80::1 -i eth0", "not an IPv6 address: %q", text)
	case a.Is4() || a.Is4In6():
		return a, hinted("for IPv4 there is arping", "%v: IPv4 has no neighbor discovery", a)
	case a.IsMulticast():
		return a, hinted("ask for the address of one neighbor", "%v is a group: its Ethernet address is computed, not asked for", a)
	case a.IsUnspecified() || a.IsLoopback():
		return a, hinted("ask for the address of one neighbor", "%v is no address of a neighbor", a)
	case given("read"):
		return a, hinted("leave -r out to ask, or the address to read a capture", "-r reads a capture: it cannot be asked for %v", a)
	case given("count"):
		return a, hinted("leave it out: asking ends by itself", "-c is for listening, not for nd ADDRESS")
	case given("burst") && (f.burst < 1 || f.burst > resolve.MaxBurst):
		return a, hinted("for example --burst 500, a second of "+strconv.Itoa(resolve.BurstRate)+" a second", "--burst: %d is not between 1 and %d",
			f.burst, resolve.MaxBurst)
	}
	if err := f.zone(a); err != nil {
		return a, err
	}
	if f.iface == capture.AnyInterface {
		return a, hinted("interfaces here: "+strings.Join(capture.InterfaceNames(), ", "), "-i any: a neighbor is asked for on one interface")
	}
	return a.WithZone(""), nil
}

// askView shows who answers.
type askView struct {
	*resolve.Tracker
	progress *report.Progress
	failed   error // to send

	interrupted func() bool
}

func (v *askView) wanted(p *packet.Packet) (message, counts bool) { return v.Concerns(p), false }

func (v *askView) message(*packet.Packet) {
	v.progress.Show("line", func(int) ([]string, int) { return report.ResolveLines(v.Result()), 0 })
}

func (v *askView) picture(t *report.Text, _ outcome) { t.Resolved(v.Result()) }

func (v *askView) entries(*report.JSON) error { return nil }

func (v *askView) summary(s *report.Summary) {
	s.Resolved = v.Result()
	// That nothing left this host is a finding, and no early end.
	if err := v.trouble(); err != nil && (v.failed != nil || s.Resolved.Untold()) {
		s.Damage = oneLine(err.Error())
	}
}

// trouble says why it could not be asked.
func (v *askView) trouble() error {
	if v.failed != nil {
		return v.failed
	}
	r := v.Result()
	if r.Untold() {
		when := "the time was over"
		if v.interrupted() {
			when = "it was interrupted"
		}
		c := r.Counts[resolve.Group]
		return hinted(fmt.Sprintf("give it time: --timeout %v at least, or leave --timeout out", resolve.Patience),
			"%v: asked %s of %d when %s: nothing can be told", r.Target, report.Plural(c.Sent, "time"), resolve.Tries, when)
	}
	if r.Complete && r.Total().Sent == 0 {
		return hinted("a filter for what goes out? see: tc -s filter show dev "+r.Link.Name+" egress; nft list ruleset",
			"%s: none of %d solicitations left this host", r.Link.Name, r.Total().Held)
	}
	return nil
}

// heard says how much was asked and answered, for the verdict.
func (v *askView) heard(r outcome) string {
	result := v.Result()
	c := result.Total()
	text := report.Plural(c.Sent, "solicitation") + ", " + report.Plural(c.Answered, "answer") + r.span()
	if early := report.ResolvedEarly(result); early != "" {
		text += "; it ended early: " + early
	}
	return text
}

// chooseLink returns the interface to ask on when none is named.
func chooseLink() (string, error) {
	name, err := chooseInterface()
	var h *hintError
	if errors.As(err, &h) {
		return "", hinted(h.hint, "say where to ask: -i IFACE")
	}
	return name, err
}

// burstFlag is the value of --burst.
type burstFlag int

func (b *burstFlag) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil {
		return fmt.Errorf("it is a number from 1 to %d, for example --burst 500", resolve.MaxBurst)
	}
	*b = burstFlag(n)
	return nil
}

func (b *burstFlag) Type() string   { return "int" }
func (b *burstFlag) String() string { return strconv.Itoa(int(*b)) }
