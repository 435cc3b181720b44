package report

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"v6probe/internal/encap"
	"v6probe/internal/host"
	"v6probe/internal/icmp6"
	"v6probe/internal/pmtu"
)

// PathMTU is what probing a path came to, with what was known and asked besides.
type PathMTU struct {
	*pmtu.Result
	Name      string     // the target as it was called; "" where that was its address
	Interface string     // the way out
	Limit     host.Limit // what sets this host's MTU there
	DeviceMTU int        // of the interface itself, bytes
	Source    netip.Addr // the probes'
	Max       int        // the most that was to be tried, bytes; 0: what the link takes
	Expect    int        // the least that is wanted, bytes; 0: what the link takes
	Cached    int        // what this host's route cache says, bytes; 0: nothing
	Probes    []Probed   // in the order in which they were sent

	Carriers []encap.Encapsulation // what the user says that the packets travel in
	Underlay int                   // MTU of what carries that, as the user says; 0: not told
}

// Probed is a probe and what became of it.
type Probed struct {
	pmtu.Probe
	Sent  time.Time
	Reply *pmtu.Reply // nil for silence
}

// RTT returns how long the reply took; 0 where there is none.
func (p *Probed) RTT() time.Duration {
	if p.Reply == nil {
		return 0
	}
	return max(p.Reply.Time.Sub(p.Sent), 0)
}

// ProbeLog keeps what became of the probes of a run.
type ProbeLog struct {
	list    []Probed
	index   map[int]int // by ID
	replies int
	largest int // that was answered by the target, bytes
}

// Note takes what pmtu.Config.Trace is told: a probe, when it was sent, and a reply to it, nil when it has just been sent. It
// returns the probe as it is known by then, nil for a reply that matches none; the pointer is valid until the next call.
func (l *ProbeLog) Note(p pmtu.Probe, sent time.Time, r *pmtu.Reply) *Probed {
	if l.index == nil {
		l.index = make(map[int]int)
	}
	if r == nil {
		l.index[p.ID] = len(l.list)
		l.list = append(l.list, Probed{Probe: p, Sent: sent})
		return &l.list[len(l.list)-1]
	}
	i, ok := l.index[p.ID]
	if !ok {
		return nil
	}
	of := &l.list[i]
	// That it arrived is the last word; else the first is kept.
	if of.Reply == nil && r.Type != pmtu.Held {
		l.replies++
	}
	if of.Reply == nil || r.Type == pmtu.Answer && of.Reply.Type != pmtu.Answer {
		reply := *r
		of.Reply = &reply
	}
	if r.Type == pmtu.Answer {
		l.largest = max(l.largest, p.Size)
	}
	return of
}

// All returns the probes in the order in which they were sent.
func (l *ProbeLog) All() []Probed { return l.list }

// Lines says for the progress how far the probing is.
func (l *ProbeLog) Lines() []string {
	s := fmt.Sprintf("%s, %d answered", Plural(len(l.list), "packet"), l.replies)
	if l.largest > 0 {
		s += fmt.Sprintf("; %d bytes arrive", l.largest)
	}
	return []string{s}
}

// usualProbeHopLimit is the least hop limit of a probe that is to reach the target, not to end on the way.
const usualProbeHopLimit = 64

// probeName says a probe in a few words: "echo 1450, hop limit 3, flow 2".
func probeName(p *pmtu.Probe) string {
	s := fmt.Sprintf("%v %d", p.Kind, p.Size)
	if p.HopLimit < usualProbeHopLimit {
		s += fmt.Sprintf(", hop limit %d", p.HopLimit)
	}
	if p.Flow > 0 {
		s += fmt.Sprintf(", flow %d", p.Flow)
	}
	return s
}

// replyName says what a reply is, as -v calls such messages elsewhere.
func replyName(r *pmtu.Reply) string {
	switch r.Type {
	case pmtu.TooBig:
		return fmt.Sprintf("%v %d", icmp6.TypePacketTooBig, r.MTU)
	case pmtu.Exceeded:
		return messageName(icmp6.TypeTimeExceeded, 0)
	case pmtu.Unreachable:
		return messageName(icmp6.TypeDestinationUnreachable, r.Code)
	case pmtu.Held:
		return "held"
	}
	return "answer"
}

// ProbeLine writes a probe, or a reply to it, on one line, as -v shows it. Of a reply that matches no probe of is nil.
func (t *Text) ProbeLine(of *Probed, r *pmtu.Reply) {
	switch {
	case r == nil:
		t.line(clock(of.Sent) + " sent " + probeName(&of.Probe))
	case of != nil && r.Type == pmtu.Held:
		t.line(clock(r.Time) + " a filter of this host does not let it out: " + probeName(&of.Probe))
	case of == nil:
		t.line(fmt.Sprintf("%s %s from %v%s: matches no probe, ignored", clock(r.Time), replyName(r), r.Source, replyExtras(r)))
	default:
		t.line(fmt.Sprintf("%s %s from %v%s after %s ms: to %s", clock(r.Time), replyName(r), r.Source, replyExtras(r),
			milliseconds(max(r.Time.Sub(of.Sent), 0)), probeName(&of.Probe)))
	}
}

func replyExtras(r *pmtu.Reply) string {
	var s strings.Builder
	if r.FragmentSize > 0 {
		fmt.Fprintf(&s, ", in fragments of up to %d bytes,", r.FragmentSize)
	}
	if r.Filtered {
		s.WriteString(", dropped by a filter of this host,")
	}
	return s.String()
}
