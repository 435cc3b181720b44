package resolve

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"v6probe/internal/packet"
)

// sender puts whole Ethernet frames on the wire; *Socket does.
type sender interface {
	Send(frame []byte) error
}

// Asker asks as planned: the solicited-node group until there is an answer, then whoever answered; and a burst where one
// is wanted. Where the group is silent it asks all nodes, and the Ethernet addresses that the target may have.
type Asker struct {
	tracker *Tracker
	sender  sender
}

// NewAsker returns an Asker that sends by s, goes by what t saw, and tells t what it sends.
func NewAsker(t *Tracker, s sender) *Asker { return &Asker{tracker: t, sender: s} }

// Run asks until the plan is done, or ctx ends, which is no error.
func (a *Asker) Run(ctx context.Context) error {
	if err := a.run(ctx); err != nil {
		return fmt.Errorf("%s: neighbor solicitation: %w", a.tracker.link.Name, err)
	}
	if ctx.Err() == nil {
		a.tracker.finished()
	}
	return nil
}

func (a *Asker) run(ctx context.Context) error {
	t := a.tracker
	if err := a.ask(ctx, Group, t.group, packet.MulticastMAC(t.group), Tries, retransTimer, t.answered); err != nil {
		return err
	}
	a.listen(ctx, nil) // to the end: a second station may answer as well
	if ctx.Err() == nil {
		t.waited()
	}
	if t.link.Source.IsUnspecified() {
		return nil // a question without source may go to the group only (RFC 4861 §7.1.1)
	}
	found := t.answered()
	if !found {
		all := netip.IPv6LinkLocalAllNodes()
		if err := a.ask(ctx, AllNodes, all, packet.MulticastMAC(all), Tries, unicastGap, t.answered); err != nil {
			return err
		}
		a.listen(ctx, t.answered)
	}
	macs := t.places()
	for _, mac := range macs {
		if err := a.ask(ctx, Unicast, t.target, mac, Tries, unicastGap, never); err != nil {
			return err
		}
	}
	if len(macs) > 0 {
		a.listen(ctx, func() bool { return t.lost(Unicast) == 0 })
	}
	if !found || t.burst == 0 {
		return nil
	}
	return a.runBurst(ctx, macs[0])
}

func (a *Asker) runBurst(ctx context.Context, mac packet.MAC) error {
	t := a.tracker
	for _, step := range []struct {
		kind  Kind
		dst   netip.Addr
		mac   packet.MAC
		count int
		gap   time.Duration
	}{
		{Slow, t.group, packet.MulticastMAC(t.group), slowCount, slowGap},
		{Burst, t.group, packet.MulticastMAC(t.group), t.burst, burstGap},
		{UnicastBurst, t.target, mac, min(t.burst, maxUnicastBurst), burstGap},
	} {
		if step.kind == UnicastBurst && t.lost(Burst) == 0 {
			break
		}
		if err := a.ask(ctx, step.kind, step.dst, step.mac, step.count, step.gap, never); err != nil {
			return err
		}
		a.listen(ctx, func() bool { return t.lost(step.kind) == 0 })
	}
	return nil
}

func never() bool { return false }

// ask sends n solicitations, one each gap, as long as there is not enough, and ctx lasts.
func (a *Asker) ask(ctx context.Context, k Kind, dst netip.Addr, mac packet.MAC, n int, gap time.Duration, enough func() bool) error {
	t := a.tracker
	frame := solicitation(&t.link, t.target, dst, mac, t.flowLabel)
	tick := time.NewTicker(gap)
	defer tick.Stop()
	for i := range n {
		if i > 0 && !a.wait(ctx, tick.C, enough) || ctx.Err() != nil {
			return nil
		}
		t.announce(k)
		if err := a.sender.Send(frame); err != nil {
			t.takeBack()
			return err
		}
	}
	return nil
}

// listen waits for as long as an answer may take, unless there is enough before; enough may be nil.
func (a *Asker) listen(ctx context.Context, enough func() bool) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	if enough == nil {
		enough = never
	}
	a.wait(ctx, timer.C, enough)
}

// wait reports whether the time came before there was enough or ctx ended.
func (a *Asker) wait(ctx context.Context, time <-chan time.Time, enough func() bool) bool {
	for !enough() {
		select {
		case <-ctx.Done():
			return false
		case <-time:
			return true
		case <-a.tracker.news:
		}
	}
	return false
}
