// Package pipeline pulls frames from a source through the decoder and a checker, and hands on what a report needs. Live
// capture and replay run through the same loop.
package pipeline

import (
	"context"
	"errors"
	"io"
	"time"

	"v6probe/internal/capture"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// Checker judges packets. The slices it returns are valid until its next call.
type Checker interface {
	Packet(*packet.Packet) []rule.Finding
	// Finish ends the judging. whole is false when the input broke off, so that silence proves nothing.
	Finish(whole bool) []rule.Finding
}

// EarlyChecker is a Checker of two halves that ask nothing of each other, so that they can judge on two goroutines.
type EarlyChecker interface {
	Checker
	// Early judges p by the first half. What it returns is valid until its next call.
	Early(p *packet.Packet) []rule.Finding
	// Late is Packet for what Early has judged; found is what that returned.
	Late(p *packet.Packet, found []rule.Finding) []rule.Finding
}

// Sink takes what was found, as it is found. A finding is handed on when it is new: the same fault seen again is
// counted, and stands in the findings of its message.
type Sink interface {
	Message(p *packet.Packet, found []rule.Finding) error
	Finding(f rule.Finding) error
}

// Preparer is a Sink that can do the part of its work on a message that asks nothing of the checker beforehand, on another
// goroutine.
type Preparer interface {
	Sink
	// Prepare appends what it made of p to b; nothing, if Message is to be called for it.
	Prepare(b []byte, p *packet.Packet) []byte
	// Prepared is Message for what Prepare appended.
	Prepared(text []byte, p *packet.Packet, found []rule.Finding) error
}

// Options says what to run. Source, Checker, Wanted and Sink must be there.
type Options struct {
	Source  capture.Source
	Checker Checker
	Sink    Sink
	// Wanted reports whether a packet is a message of this command's view, and whether it counts towards Count.
	Wanted func(*packet.Packet) (message, counts bool)
	Large  bool                     // decode large packets of any protocol too, where the source gives them
	TCP    bool                     // decode TCP of any length too, likewise
	Count  uint64                   // end after so many messages that count; 0: no limit
	Tee    func(packet.Frame) error // gets every frame; may be nil
	Tick   func(capture.Stats)      // called now and then, for progress; may be nil
	Flush  func() error             // called when the source has nothing at hand, and now and then; may be nil
	// Ahead has a goroutine of its own read, decode and, as far as Checker is an EarlyChecker and Sink a Preparer, judge and
	// prepare, while this one does the rest. What comes of it is the same. Wanted is called from both then. With a Count it is
	// left out, as nothing may be read beyond that.
	Ahead bool
}

// Result is what a run came to.
type Result struct {
	Stats       capture.Stats
	Messages    uint64
	Cut         uint64    // frames of which the capture has so little that a message may be lost in the rest
	First, Last time.Time // of the messages
	Tally       *rule.Tally
}

// enough is how many bytes of a frame hold any message but the longest RAs and reports, and the headers of any packet that
// is not ICMPv6: what was cut there loses nothing.
const enough = 256

// tickEvery is how many frames pass between two calls of Tick, and flushEvery how long what was written may lie about
// while the source keeps coming.
const (
	tickEvery  = 1 << 10
	flushEvery = 100 * time.Millisecond
)

// Run pulls until the source ends, ctx ends, or Count is reached, and finishes the checker. A damaged file, a failed
// interface or a failed sink ends it with an error, and the Result holds what came before; a sink is not asked again
// after it failed.
func Run(ctx context.Context, o Options) (Result, error) {
	r := run{Options: o, decoder: packet.NewDecoder()}
	r.decoder.Large, r.decoder.TCP = o.Large, o.TCP
	r.Tally = rule.NewTally()
	ctx, r.cancel = context.WithCancel(ctx)
	defer r.cancel()
	var err error
	if o.Ahead && o.Count == 0 {
		err = r.ahead(ctx)
	} else {
		err = r.pull(ctx)
	}
	if !errors.As(err, new(*SinkError)) {
		for _, f := range o.Checker.Finish(err == nil) {
			if sinkErr := r.finding(f); sinkErr != nil {
				err = sinkErr
				break
			}
		}
	}
	r.Stats = o.Source.Stats()
	return r.Result, err
}

// SinkError is a failure to hand on a result.
type SinkError struct{ Err error }

func (e *SinkError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *SinkError) Unwrap() error { return e.Err }

type run struct {
	Options
	Result
	decoder *packet.Decoder
	packet  packet.Packet
	counted uint64
	lost    uint64    // frames, since the last that was a packet
	failed  error     // of Flush
	cancel  func()    // ends the wait for the source
	flushed time.Time // last
}

func (r *run) pull(ctx context.Context) error {
	if w, ok := r.Source.(capture.Waiter); ok && r.Flush != nil {
		w.OnWait(r.flush)
	}
	for n := 1; ; n++ {
		f, err := r.Source.Next(ctx)
		if err == nil {
			err = r.tee(f)
		}
		if err != nil {
			return r.ended(ctx, err)
		}
		if n%tickEvery == 0 {
			r.tick(r.Source.Stats())
		}
		if cut(&f) {
			r.Cut++
		}
		if r.decode(&f, &r.packet) {
			if err := r.hand(&r.packet, r.Checker.Packet(&r.packet), nil); err != nil {
				return err
			}
		}
		if r.failed != nil {
			return r.failed
		}
		if r.Count > 0 && r.counted >= r.Count {
			return nil
		}
	}
}

// decode decodes f, and hands on what was lost before frames that were no packets.
func (r *run) decode(f *packet.Frame, p *packet.Packet) bool {
	f.Lost += r.lost
	r.lost = 0
	ok := r.decoder.Decode(f, p)
	if !ok {
		r.lost = f.Lost
	}
	return ok
}

// cut reports whether the capture has so little of f that a message may be lost in the rest.
func cut(f *packet.Frame) bool { return len(f.Data) < min(f.Length, enough) }

// ended returns the error for a source that ended with err: none where it was to end so.
func (r *run) ended(ctx context.Context, err error) error {
	switch {
	case r.failed != nil:
		return r.failed
	case errors.Is(err, io.EOF), ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return nil
	}
	return err
}

func (r *run) tee(f packet.Frame) error {
	if r.Tee == nil {
		return nil
	}
	return r.Tee(f)
}

// tick is called every tickEvery frames.
func (r *run) tick(s capture.Stats) {
	if r.Tick != nil {
		r.Tick(s)
	}
	if now := time.Now(); r.Flush != nil && now.Sub(r.flushed) > flushEvery {
		r.flush()
		r.flushed = now
	}
}

func (r *run) flush() {
	if err := r.Flush(); err != nil && r.failed == nil {
		r.failed = &SinkError{err}
		r.cancel()
	}
}

// hand hands on a packet and what was found. prepared is what the sink made of it, if it did.
func (r *run) hand(p *packet.Packet, found []rule.Finding, prepared []byte) error {
	if message, counts := r.Wanted(p); message {
		r.Messages++
		if counts {
			r.counted++
		}
		if r.First.IsZero() {
			r.First = p.Frame.Time
		}
		r.Last = p.Frame.Time
		if err := r.message(p, found, prepared); err != nil {
			return &SinkError{err}
		}
	}
	for _, f := range found {
		if err := r.finding(f); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) message(p *packet.Packet, found []rule.Finding, prepared []byte) error {
	if len(prepared) == 0 {
		return r.Sink.Message(p, found)
	}
	return r.Sink.(Preparer).Prepared(prepared, p, found)
}

func (r *run) finding(f rule.Finding) error {
	if !r.Tally.Add(f) {
		return nil
	}
	if err := r.Sink.Finding(f); err != nil {
		return &SinkError{err}
	}
	return nil
}
