package resolve

import (
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// Result is what asking came to.
type Result struct {
	Target   netip.Addr
	Group    netip.Addr // its solicited-node group
	Link     Link
	Burst    int  // how many are to be sent as a burst
	Settled  bool // the group was asked as often and waited for as long as hosts do before they give up
	Complete bool // the plan was carried out, and did not end early

	Counts   [kinds]Count // by Kind
	Stations []Station    // that answered, in the order of their first answer
	More     bool         // more stations answered than are kept
	Places   []packet.MAC // the Ethernet addresses asked by unicast
	Heard    Heard
}

// Count is what was sent of one kind, and answered.
type Count struct {
	Sent     int
	Answered int           // by at least one station
	Took     time.Duration // from the first to the last that was sent
	Held     int           // given to the kernel as well, but not seen to leave: a filter or a queue of this host's

	// Of a burst that lost some and took long enough to tell.
	AtOnce int     // answered at first, before the rate was steady
	Steady float64 // answers a second in its second half; 0 when it is not known
}

// Lost returns how many got no answer.
func (c Count) Lost() int { return c.Sent - c.Answered }

// Rate returns how many a second were sent, 0 if there are too few to tell.
func (c Count) Rate() float64 {
	if c.Sent < 2 || c.Took <= 0 {
		return 0
	}
	return float64(c.Sent-1) / c.Took.Seconds()
}

// Station is one that answered.
type Station struct {
	MAC            packet.MAC // what it says; where it says nothing, where the frame came from
	EthernetSource packet.MAC // of its first answer
	Source         netip.Addr // of its last answer: another than the target is a proxy's
	Router         bool       // R of its last answer
	Solicited      bool       // S of its last answer
	Override       bool       // O in any of its answers
	OverrideKnown  bool       // whether Override says something: answers to unicast have no O on Linux, whoever answers
	AskedAlone     int        // how many solicitations went to its Ethernet address by unicast
	Answers        int        // all, also those beyond the questions
	Answered       [kinds]int // how many solicitations it answered, by Kind; bursts are not in it
	RTT            []RTT      // in the order of the answers; bursts have none

	index int
}

// RTT is the time from a solicitation of a kind to its answer.
type RTT struct {
	Kind Kind
	Time time.Duration
}

// Heard is what was heard meanwhile but for the answers.
type Heard struct {
	Packets  uint64 // that came in, answers included
	Stations int    // that sent them, told apart by their Ethernet addresses; no more than maxHeard are counted

	FromTarget     uint64     // neighbor discovery that the target sent
	Traffic        uint64     // other packets with the target's address as source
	TrafficMAC     packet.MAC // who sent the last of these; it may be a router that passed it on
	Probes         uint64     // tests whether the target is free (DAD), so somebody is about to take it
	TargetMAC      packet.MAC // who sent the last of FromTarget and Probes, zero for nobody
	AskedByOthers  uint64     // solicitations of others for the target
	AnsweredOthers uint64     // advertisements of the target to others
	Announced      uint64     // advertisements of the target to a group

	Dropped []rule.ID // by what rules hosts drop the answers that came
}

// Result returns what asking has come to so far.
func (t *Tracker) Result() *Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.result()
}

func (t *Tracker) result() *Result {
	r := &Result{Target: t.target, Group: t.group, Link: t.link, Burst: t.burst, Settled: t.settled, Complete: t.complete,
		More: t.more, Heard: t.heard}
	r.Heard.Dropped = slices.Clone(r.Heard.Dropped)
	for k := range kinds {
		c := &t.counts[k]
		r.Counts[k] = Count{Sent: c.sent, Answered: min(t.answersTo(k), c.sent), Took: c.last.Sub(c.first),
			Held: c.announced - c.sent}
	}
	for i := range t.asks {
		if a := &t.asks[i]; a.kind == Unicast && !slices.Contains(r.Places, a.mac) {
			r.Places = append(r.Places, a.mac)
		}
	}
	for _, s := range t.stations {
		known := s.Station
		known.RTT = slices.Clone(known.RTT)
		for i := range t.asks {
			if t.asks[i].kind == Unicast && s.at(t.asks[i].mac) {
				known.AskedAlone++
			}
		}
		r.Stations = append(r.Stations, known)
	}
	t.pace(Burst, &r.Counts[Burst])
	t.pace(UnicastBurst, &r.Counts[UnicastBurst])
	return r
}

// steadyTook is how long a burst takes at least for its second half to have a rate.
const steadyTook = 400 * time.Millisecond

// pace tells the steady rate of the answers to a burst: that in its second half, when a limit's reserve is used up.
func (t *Tracker) pace(k Kind, c *Count) {
	if c.Took < steadyTook || c.Lost() == 0 {
		return
	}
	var times []time.Time
	for _, s := range t.stations {
		if len(s.times[k-Burst]) > len(times) {
			times = s.times[k-Burst]
		}
	}
	last := t.counts[k].last
	middle := last.Add(-c.Took / 2)
	late := 0
	for _, at := range times {
		if at.After(middle) && !at.After(last) {
			late++
		}
	}
	c.Steady = float64(late) / (c.Took / 2).Seconds()
	c.AtOnce = max(c.Answered-int(c.Steady*c.Took.Seconds()+0.5), 0)
}

// Asked returns how many solicitations were sent, bursts and what belongs to them aside; Total counts these too.
func (r *Result) Asked() Count { return r.sum(Group, AllNodes, Unicast) }

// Total returns how many solicitations were sent.
func (r *Result) Total() Count { return r.sum(Group, AllNodes, Unicast, Slow, Burst, UnicastBurst) }

func (r *Result) sum(list ...Kind) Count {
	var c Count
	for _, k := range list {
		c.Sent += r.Counts[k].Sent
		c.Answered += r.Counts[k].Answered
		c.Held += r.Counts[k].Held
	}
	return c
}

// Claim says whether several have the target as their own, by O of their answers: proxies and anycast addresses answer
// without (RFC 4861 §7.2.7, §7.2.8).
type Claim uint8

// The claims.
const (
	Shared    Claim = iota // no more than one says that it is its own
	Unclear                // more than one may have it, but some were not heard to answer multicast, where O would tell
	Duplicate              // more than one says that it is its own
)

// Claim returns what the answers say. This host counts where the target is its own address.
func (r *Result) Claim() Claim {
	sure, maybe := 0, 0
	if r.Link.Own != "" {
		sure++
	}
	for i := range r.Stations {
		switch s := &r.Stations[i]; {
		case s.Override || r.Link.Own != "" && r.Link.Source.IsUnspecified(): // whose answer to a DAD probe makes it a duplicate
			sure++
		case !s.OverrideKnown:
			maybe++
		}
	}
	switch {
	case sure > 1:
		return Duplicate
	case sure+maybe > 1:
		return Unclear
	}
	return Shared
}

// GroupLost reports whether the neighbor answers, but not when it is asked the way hosts ask.
func (r *Result) GroupLost() bool {
	return len(r.Stations) > 0 && r.Counts[Group].Answered == 0 && r.Link.Own == ""
}

// Untold reports whether it ended before silence said anything.
func (r *Result) Untold() bool { return len(r.Stations) == 0 && !r.Settled && !r.Complete }
