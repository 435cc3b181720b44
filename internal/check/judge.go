package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"v6probe/internal/capture"
	"v6probe/internal/conform"
	"v6probe/internal/expect"
	"v6probe/internal/icmp6"
	"v6probe/internal/nd"
	"v6probe/internal/packet"
	"v6probe/internal/pipeline"
	"v6probe/internal/ra"
	"v6probe/internal/rule"
)

// maxExpectation bounds the file beside a capture, in bytes. It is what YAML may have.
const maxExpectation = 1 << 20

// silence is the rule that nobody advertises.
const silence rule.ID = "ra.absent"

// one judges the capture of item. It returns nil when ctx ended before.
func one(ctx context.Context, item Item, o *Options) *Capture {
	begin := time.Now()
	c := guard(item, func() *Capture { return judged(ctx, item, o) })
	if ctx.Err() != nil {
		return nil // silence proves nothing where the end was not seen
	}
	c.Failed = c.Failed || c.Err != nil
	c.Took = time.Since(begin)
	return c
}

// guard calls judge, whose panic is a failure of this capture alone: it must not hide what the others show.
func guard(item Item, judge func() *Capture) (c *Capture) {
	defer func() {
		if r := recover(); r != nil {
			c = &Capture{Name: item.Name, item: item, Err: hinted("please report this, with the capture if you may",
				"%s: v6probe failed on it: %v", item.Path, r)}
		}
	}()
	return judge()
}

func judged(ctx context.Context, item Item, o *Options) *Capture {
	c := &Capture{Name: item.Name, item: item}
	if c.Err = item.Err; c.Err != nil {
		return c
	}
	want, against, err := o.expected(item)
	if err != nil {
		c.Err = err
		return c
	}
	c.Against = against
	j := newJudge(want)
	if o.Record {
		j.recorder = conform.NewRecorder()
	}
	result, err := j.run(ctx, item.Path)
	c.Err, c.damaged = err, err != nil && !errors.As(err, new(*os.PathError)) // those say that it could not be opened or read
	c.Frames, c.Messages = result.Stats.Frames, result.Messages
	var found []rule.Found
	if result.Tally != nil {
		found = result.Tally.Found()
	}
	c.sort(found, o)
	if j.recorder != nil && err == nil { // a damaged one is not recorded, known or not
		c.record, c.Err = record(ctx, item, j.recorder.State(), want)
	}
	return c
}

// expected returns what is expected of item and where that is written; nil for nothing.
func (o *Options) expected(item Item) (*expect.State, []string, error) {
	if o.Expect != nil {
		return o.Expect, o.Against, nil
	}
	if item.Expect == "" {
		return nil, nil, nil
	}
	data, err := read(item.Expect, maxExpectation)
	if err != nil {
		return nil, nil, err
	}
	state, err := expect.Load([]expect.Source{{Name: item.Expect, Data: data}})
	return state, []string{item.Expect}, err
}

// read returns the content of the file called path, which may have most bytes.
func read(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s: it is larger than %d MiB", path, most>>20)
	}
	return data, err
}

// sort leaves out of found what is ignored or known, and says whether the rest fails.
func (c *Capture) sort(found []rule.Found, o *Options) {
	known := o.Known[c.item.Known].of(c.item.Path)
	c.counts = make(map[rule.ID]int)
	for _, f := range found {
		if o.Ignore.Has(f.Rule) {
			c.Ignored++
			continue
		}
		if f.Severity >= rule.Warning {
			if c.counts[f.Rule]++; c.counts[f.Rule] <= known[f.Rule] {
				c.Known++
				continue
			}
		}
		c.Found = append(c.Found, f)
		c.Failed = c.Failed || f.Severity >= o.FailOn && !o.NeverFail
	}
	if c.Err != nil && known[unreadable] > 0 && c.damaged {
		c.Err = nil
		c.Known++
		return // what stood behind the damage is not gone
	}
	if c.Err != nil {
		return
	}
	for id, n := range known {
		if gone := n - c.counts[id]; gone > 0 {
			c.Gone = append(c.Gone, Entry{Capture: c.Name, Rule: id, Count: gone})
		}
	}
	slices.SortFunc(c.Gone, Entry.compare)
}

// judge is the checkers of one capture, as one.
type judge struct {
	nd       *nd.Checker
	ra       *ra.Checker
	against  *conform.Checker  // nil where nothing is expected
	recorder *conform.Recorder // nil where nothing is to be recorded

	silence bool // that nobody advertises is a fault
	packets int  // of any kind
	found   []rule.Finding
}

// newJudge returns a judge that compares with want, which may be nil.
func newJudge(want *expect.State) *judge {
	if want == nil {
		return &judge{nd: nd.New(), ra: ra.New(ra.Options{})}
	}
	return &judge{nd: nd.New(), ra: ra.New(Routers(want)), against: conform.New(want), silence: advertises(want)}
}

// Routers returns the machines that want says are routers, for the judge of advertisements.
func Routers(want *expect.State) (o ra.Options) {
	for _, l := range want.Links {
		for _, r := range l.Routers {
			if r.Address.IsValid() {
				o.Routers = append(o.Routers, r.Address)
			}
			if r.MAC != (expect.MAC{}) {
				o.MACs = append(o.MACs, packet.MAC(r.MAC))
			}
		}
	}
	return o
}

// advertises reports whether want is about advertisements, so that there must be some.
func advertises(want *expect.State) bool {
	for _, l := range want.Links {
		if len(l.Routers) > 0 || l.Says != nil && !(l.OnlyRouters && len(l.Routers) == 0) {
			return true
		}
	}
	var named Rules
	for _, r := range slices.Concat(want.Rules.Must, want.Rules.MustNot) {
		named = append(named, r.ID)
	}
	return named.Has(silence)
}

// run reads the capture at path to its end.
func (j *judge) run(ctx context.Context, path string) (pipeline.Result, error) {
	filter := capture.Filter{Large: true}
	source, err := capture.OpenFile(path, nil, filter)
	if err != nil {
		return pipeline.Result{}, err
	}
	defer source.Close()
	return pipeline.Run(ctx, pipeline.Options{Source: source, Checker: j, Sink: nowhere{}, Wanted: wanted, Large: filter.Large})
}

// wanted takes what any of the checkers judges.
func wanted(p *packet.Packet) (message, counts bool) {
	m := p.IsICMPv6 && !p.IsPiece() && (nd.Judges(p) || p.Message.Type == icmp6.TypeRouterAdvertisement ||
		p.Message.Type == icmp6.TypeRouterSolicitation)
	return m, m
}

// nowhere is a sink: the tally has all that is needed.
type nowhere struct{}

func (nowhere) Message(*packet.Packet, []rule.Finding) error { return nil }
func (nowhere) Finding(rule.Finding) error                   { return nil }

// Packet judges p. What ra says of a message that nd judges is damage that nd tells as well.
func (j *judge) Packet(p *packet.Packet) []rule.Finding {
	j.packets++
	j.found = append(j.found[:0], j.nd.Packet(p)...)
	if others := j.ra.Packet(p); !nd.Judges(p) {
		j.found = append(j.found, others...)
	}
	if j.recorder != nil {
		j.recorder.Packet(p, j.found)
	}
	if j.against != nil {
		return j.against.Packet(p, j.found)
	}
	return j.found
}

// Finish ends the judging. A capture of other things than advertisements is no fault, unless some are expected; one in which
// there is nothing at all proves nothing, and must not pass for a good one.
func (j *judge) Finish(whole bool) []rule.Finding {
	j.found = append(j.found[:0], j.nd.Finish(whole)...)
	for _, f := range j.ra.Finish(whole) {
		if f.Rule != silence || j.silence || j.packets == 0 {
			j.found = append(j.found, f)
		}
	}
	if j.recorder != nil {
		j.recorder.Finish(j.found)
	}
	if j.against != nil {
		return j.against.Finish(whole, j.found)
	}
	return j.found
}
