package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/expect"
	"v6probe/internal/guest"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/report"
	"v6probe/internal/slaac"
	"v6probe/internal/solicit"
)

// guestRun is one look at this host.
type guestRun struct {
	*slaacFlags
	facts *guest.Facts
	want  *expect.State
	in    guest.Input
	sum   report.Summary
	what  string // was listened to
	until time.Time

	failed error // why listening ended before its time
}

// lookAtGuest judges this host. The counting of drops, if it is wanted, goes on from before the first packet until after the
// last question.
func (f *slaacFlags) lookAtGuest(c *cobra.Command, want *expect.State) error {
	if f.iface == "" {
		name, err := chooseLink()
		if err != nil {
			return err
		}
		f.iface = name
	}
	if f.iface == capture.AnyInterface {
		return hinted("interfaces here: "+strings.Join(capture.InterfaceNames(), ", "), "-i any: a guest is looked at by one interface")
	}
	goal, err := f.goal()
	if err != nil {
		return err
	}
	g := &guestRun{slaacFlags: f, want: want}
	if g.facts, err = guest.Read(f.iface); err != nil {
		return hinted("interfaces here: "+strings.Join(capture.InterfaceNames(), ", "), "%w", err)
	}
	var watch *dropWatch
	if f.drops {
		if watch, err = watchDrops(f.host, f.iface, guestMessages()...); err != nil {
			return err
		}
		defer watch.close()
	}
	if err := g.listen(c); err != nil {
		return err
	}
	if err := c.Context().Err(); err == nil && !f.passive {
		g.probe(c, goal)
	}
	g.takeDrops(watch)
	return g.tell(c, watch)
}

// guestMessages are those that a guest lives by.
func guestMessages() []icmp6.Type {
	return []icmp6.Type{icmp6.TypeRouterAdvertisement, icmp6.TypeRouterSolicitation, icmp6.TypeNeighborSolicitation,
		icmp6.TypeNeighborAdvertisement, icmp6.TypePacketTooBig}
}

// silentLink reports whether nothing is to be heard on an interface that a guest is configured by.
func silentLink(i *guest.Interface) bool {
	return i.Loopback || !i.Up || !i.Running || i.MTU < 1280 || i.MasterKind == "bridge" || i.MasterKind == "openvswitch"
}

// listen hears the link: until a router has answered or is known not to, or the time is over.
func (g *guestRun) listen(c *cobra.Command) error {
	i := &g.facts.Interface
	knobs := g.facts.Knobs()
	v := newSlaacView(slaac.Options{MAC: i.MAC, LinkMTU: i.MTU, Knobs: &knobs},
		chosen{mac: i.MAC, link: packet.Link{Interface: i.Name}, why: own}, g.want)
	g.in.Target, g.in.Expect = g.target, g.want
	if silentLink(i) {
		g.until = time.Now()
		g.in.State = v.host.At(g.until)
		return nil
	}
	s, err := g.start(c, capture.Filter{})
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(c.Context())
	defer end()
	v.ending, v.shows = &stopper{end: end}, s.progress
	asker := &routerAsker{facts: g.facts, iface: g.iface, ending: v.ending}
	r, err := g.untold().pull(ctx, s, v, func(ctx context.Context) (wait func()) {
		if g.passive {
			asker.why = "--passive"
			v.ending.over()
			return func() {}
		}
		return asker.begin(ctx)
	})
	s.progress.End()
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		g.sum.Damage, g.failed = oneLine(err.Error()), err
	}
	g.until = time.Now()
	g.in.State, g.in.Heard = v.host.At(g.until), v.heardAll(r.listened)
	g.in.Heard.Unsolicited = asker.why
	g.sum.Stats, g.sum.Messages, g.sum.Cut = r.Stats, r.Messages, r.Cut
	g.what = v.heard(r)
	return nil
}

// stopper ends a live run when enough was heard.
type stopper struct {
	end func()

	mu       sync.Mutex
	answered chan struct{} // closed when no more need be asked
	came     bool          // an advertisement
	asked    bool          // and nothing more will be
	timer    *time.Timer
}

// linger is how long is listened on after an advertisement: other routers answer too.
const linger = time.Second

// heard takes in that an advertisement came, and whether it is the answer to a solicitation.
func (s *stopper) heard(answer bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.came = true
	if answer && s.answered != nil {
		close(s.answered)
		s.answered = nil
	}
	if answer || s.asked {
		s.soon()
	}
}

// over takes in that nothing more is asked, and no answer due.
func (s *stopper) over() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = true
	if s.came {
		s.soon()
	}
}

func (s *stopper) soon() {
	if s.timer == nil {
		s.timer = time.AfterFunc(linger, s.end)
	}
}

// routerAsker solicits as this host would.
type routerAsker struct {
	facts  *guest.Facts
	iface  string
	ending *stopper
	why    string // it did not, or could not
}

// begin asks until an answer is heard or ctx ends; wait returns when that is over.
func (a *routerAsker) begin(ctx context.Context) (wait func()) {
	answered := make(chan struct{})
	a.ending.mu.Lock()
	a.ending.answered = answered
	a.ending.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if a.ask(ctx, answered) {
			select { // the last one may still be answered
			case <-ctx.Done():
			case <-answered:
			case <-time.After(answerTime + 100*time.Millisecond):
			}
		}
		a.ending.over()
	})
	return func() { cancel(); wg.Wait() }
}

// ask reports whether it has asked.
func (a *routerAsker) ask(ctx context.Context, answered <-chan struct{}) bool {
	ok, why := solicit.Await(ctx, a.iface)
	s := a.facts.Settings
	// A host that forwards and takes advertisements all the same asks for them (accept_ra=2).
	if !ok && (s == nil || s.Forwarding == 0 || !s.UsesRA()) {
		a.why = why
		return false
	}
	asker, err := solicit.New(a.iface)
	if err != nil {
		a.why = err.Error()
		return false
	}
	defer asker.Close()
	if err := asker.Run(ctx, answered); err != nil {
		a.why = err.Error()
	}
	return true
}

// takeDrops takes over what this kernel dropped.
func (g *guestRun) takeDrops(w *dropWatch) {
	if w == nil {
		return
	}
	d := &guest.Drops{Findings: w.found(nil)}
	switch {
	case w.trouble() != nil:
		d.Unknown, d.Text = true, oneLine(w.trouble().Error())
	case len(d.Findings) == 0:
		d.Text = "none that hurts"
	default:
		d.Text = fmt.Sprintf("this kernel drops what a guest needs, in %d places", len(d.Findings))
		if len(d.Findings) == 1 {
			d.Text = "this kernel drops what a guest needs"
		}
	}
	g.in.Drops = d
}

// tell judges by what is so by now, as the host may have got its address meanwhile.
func (g *guestRun) tell(c *cobra.Command, watch *dropWatch) error {
	facts, err := guest.Read(g.iface)
	if err != nil {
		return fmt.Errorf("%w any more: it went away while it was looked at", err)
	}
	g.in.Facts, g.in.Later = facts, time.Since(g.until)
	watch.summary(&g.sum)
	l := guest.Judge(g.in)
	if g.json {
		j := report.NewJSON(c.OutOrStdout())
		if err := errors.Join(j.Host(&g.in.State, own.String(), g.iface), watch.entries(j)); err != nil {
			return err
		}
	}
	err = g.tellList(c, &l, g.sum, g.what)
	if g.failed != nil && (err == nil || errors.As(err, new(codeError))) {
		return g.failed
	}
	return err
}
