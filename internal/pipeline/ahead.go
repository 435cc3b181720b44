package pipeline

import (
	"context"

	"v6probe/internal/capture"
	"v6probe/internal/packet"
)

// The room of a batch: large against what it costs to hand one over, small enough that what one goroutine wrote is still in
// the cache when the other reads it.
const (
	batchPackets = 256
	batchBytes   = 64 << 10
	batches      = 4
)

// batch is what the goroutine that reads hands to the one that judges.
type batch struct {
	packets []packet.Packet
	n       int      // of packets
	text    [][2]int // what was prepared of each, in lines
	lines   []byte
	data    []byte // of the frames

	cut   uint64
	stats capture.Stats // when it was handed over
	flush bool          // the source has nothing at hand
	err   error         // with which the source ended
}

func newBatch() *batch {
	return &batch{packets: make([]packet.Packet, batchPackets), text: make([][2]int, batchPackets),
		data: make([]byte, 0, batchBytes)}
}

// reader is the goroutine that reads, decodes and prepares.
type reader struct {
	*run
	preparer   Preparer // nil if the sink is none
	full, free chan *batch
	b          *batch // nil once the other goroutine has ended
	flushed    bool   // nothing was handed over since a flush
}

// ahead does what pull does, on two goroutines.
func (r *run) ahead(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	in := &reader{run: r, full: make(chan *batch, batches), free: make(chan *batch, batches)}
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
		if err := r.batch(b); err != nil {
			return err
		}
		if b.err != nil {
			return r.ended(ctx, b.err)
		}
		in.free <- b
	}
	return nil
}

// batch judges what a batch holds.
func (r *run) batch(b *batch) error {
	r.Cut += b.cut
	for i := range b.n {
		at := b.text[i]
		if err := r.judge(&b.packets[i], b.lines[at[0]:at[1]]); err != nil {
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
	if !in.decoder.Decode(f, p) {
		b.data = b.data[:n]
		return
	}
	from := len(b.lines)
	if in.preparer != nil {
		if message, _ := in.Wanted(p); message {
			b.lines = in.preparer.Prepare(b.lines, p)
		}
	}
	b.text[b.n] = [2]int{from, len(b.lines)}
	b.n++
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
	in.flushed = false
	if in.b = <-in.free; in.b != nil {
		b := in.b
		b.n, b.lines, b.data, b.cut, b.flush = 0, b.lines[:0], b.data[:0], 0, false
	}
}
