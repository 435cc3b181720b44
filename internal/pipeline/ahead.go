package pipeline

import (
	"context"

	"v6probe/internal/capture"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// The room of a batch: large against what it costs to hand one over, small enough that what one goroutine wrote is still in
// the cache when the other reads it.
const (
	batchPackets = 512
	batchBytes   = 128 << 10
	batches      = 4
)

// batch is what the goroutine that reads hands to the one that judges.
type batch struct {
	packets []packet.Packet
	n       int    // of packets
	done    []done // what was done with each
	lines   []byte
	found   []rule.Finding
	data    []byte // of the frames

	cut   uint64
	stats capture.Stats // when it was handed over
	flush bool          // the source has nothing at hand
	err   error         // with which the source ended
}

// done is where in the lines and the findings of its batch stands what was prepared of a packet and found in it.
type done struct{ lines, found [2]int }

func newBatch() *batch {
	return &batch{packets: make([]packet.Packet, batchPackets), done: make([]done, batchPackets), data: make([]byte, 0, batchBytes)}
}

// reader is the goroutine that reads, decodes and prepares.
type reader struct {
	*run
	early      EarlyChecker // nil if the checker is none
	preparer   Preparer     // nil if the sink is none
	full, free chan *batch
	b          *batch // nil once the other goroutine has ended
	flushed    bool   // nothing was handed over since a flush
	idle       bool   // the other goroutine had nothing left to do: it may as well do without what is prepared
}

// ahead does what pull does, on two goroutines.
func (r *run) ahead(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	in := &reader{run: r, full: make(chan *batch, batches), free: make(chan *batch, batches)}
	in.early, _ = r.Checker.(EarlyChecker)
	in.preparer, _ = r.Sink.(Preparer)
	r.decoder.Outlive = true
	for range batches {
		in.free <- newBatch()
	}
	if w, ok := r.Source.(capture.Waiter); ok {
		w.OnWait(in.wait)
	}
	go in.read(ctx)
	defer func() { // it must not use the source any more
		cancel()
		close(in.free)
		for range in.full {
		}
	}()
	for b := range in.full {
		if err := r.judge(b, in.early); err != nil {
			return err
		}
		if b.err != nil {
			return r.ended(ctx, b.err)
		}
		in.free <- b
	}
	return nil
}

// judge judges what a batch holds, all of it or, if early judged its half, the other, and hands it on.
func (r *run) judge(b *batch, early EarlyChecker) error {
	r.Cut += b.cut
	for i := range b.n {
		p, d := &b.packets[i], &b.done[i]
		var found []rule.Finding
		if early != nil {
			found = early.Late(p, b.found[d.found[0]:d.found[1]:d.found[1]])
		} else {
			found = r.Checker.Packet(p)
		}
		if err := r.hand(p, found, b.lines[d.lines[0]:d.lines[1]]); err != nil {
			return err
		}
	}
	r.tick(b.stats)
	if b.flush && r.Flush != nil {
		r.flush()
	}
	return r.failed
}

// read reads until the source ends, or the one that judges has.
func (in *reader) read(ctx context.Context) {
	defer close(in.full)
	in.b = <-in.free
	for in.b != nil {
		f, err := in.Source.Next(ctx)
		if err == nil {
			err = in.tee(f)
		}
		switch {
		case in.b == nil:
		case err != nil:
			in.b.err = err
			in.hand()
			return
		default:
			in.frame(&f)
		}
	}
}

// frame puts a frame into the batch, if there is anything to look at in it.
func (in *reader) frame(f *packet.Frame) {
	b := in.b
	if len(b.data) > 0 && len(b.data)+len(f.Data) > cap(b.data) || b.n == len(b.packets) {
		if in.hand(); in.b == nil {
			return
		}
		b = in.b
	}
	if cut(f) {
		b.cut++
	}
	n := len(b.data)
	b.data = append(b.data, f.Data...)
	f.Data = b.data[n:len(b.data):len(b.data)]
	p := &b.packets[b.n]
	if !in.decode(f, p) {
		b.data = b.data[:n]
		return
	}
	b.done[b.n] = in.prepare(b, p)
	b.n++
}

// prepare judges and prepares p, as far as that can be done here.
func (in *reader) prepare(b *batch, p *packet.Packet) done {
	lines, found := len(b.lines), len(b.found)
	if in.early != nil {
		b.found = append(b.found, in.early.Early(p)...)
	}
	if in.preparer != nil && !in.idle {
		if message, _ := in.Wanted(p); message {
			b.lines = in.preparer.Prepare(b.lines, p)
		}
	}
	return done{[2]int{lines, len(b.lines)}, [2]int{found, len(b.found)}}
}

// wait hands over what there is: nothing is at hand to add to it.
func (in *reader) wait() {
	if in.b != nil && !(in.flushed && in.b.n == 0) {
		in.b.flush = true
		in.hand()
		in.flushed = true
	}
}

// hand hands the batch over and takes another, nil at the end.
func (in *reader) hand() {
	in.b.stats = in.Source.Stats()
	in.full <- in.b
	in.idle = len(in.full) == 0
	in.flushed = false
	if in.b = <-in.free; in.b != nil {
		b := in.b
		b.n, b.lines, b.found, b.data, b.cut, b.flush = 0, b.lines[:0], b.found[:0], b.data[:0], 0, false
	}
}
