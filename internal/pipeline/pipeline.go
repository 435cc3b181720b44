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

// Sink takes what was found, as it is found. A finding is handed on when it is new: the same fault seen again is
// counted, and stands in the findings of its message.
type Sink interface {
	Message(p *packet.Packet, found []rule.Finding) error
	Finding(f rule.Finding) error
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

// tickEvery is how many frames pass between two calls of Tick.
const tickEvery = 1 << 10

// Run pulls until the source ends, ctx ends, or Count is reached, and finishes the checker. A damaged file, a failed
// interface or a failed sink ends it with an error, and the Result holds what came before; a sink is not asked again
// after it failed.
func Run(ctx context.Context, o Options) (Result, error) {
	r := run{Options: o, decoder: packet.NewDecoder()}
	r.decoder.Large, r.decoder.TCP = o.Large, o.TCP
	r.Tally = rule.NewTally()
	err := r.pull(ctx)
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
}

func (r *run) pull(ctx context.Context) error {
	for n := 1; ; n++ {
		f, err := r.Source.Next(ctx)
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) || ctx.Err() != nil && errors.Is(err, ctx.Err()):
			return nil
		default:
			return err
		}
		if r.Tee != nil {
			if err := r.Tee(f); err != nil {
				return err
			}
		}
		if r.Tick != nil && n%tickEvery == 0 {
			r.Tick(r.Source.Stats())
		}
		if err := r.frame(&f); err != nil {
			return err
		}
		if r.Count > 0 && r.counted >= r.Count {
			return nil
		}
	}
}

func (r *run) frame(f *packet.Frame) error {
	p := &r.packet
	if len(f.Data) < min(f.Length, enough) {
		r.Cut++
	}
	if !r.decoder.Decode(f, p) {
		return nil
	}
	found := r.Checker.Packet(p)
	if message, counts := r.Wanted(p); message {
		r.Messages++
		if counts {
			r.counted++
		}
		if r.First.IsZero() {
			r.First = f.Time
		}
		r.Last = f.Time
		if err := r.Sink.Message(p, found); err != nil {
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

func (r *run) finding(f rule.Finding) error {
	if !r.Tally.Add(f) {
		return nil
	}
	if err := r.Sink.Finding(f); err != nil {
		return &SinkError{err}
	}
	return nil
}
