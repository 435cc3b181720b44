package capture

import (
	"context"
	"io"
	"runtime"
	"sync"

	"v6probe/internal/packet"
)

// Waiter is a source that tells when it has nothing at hand.
type Waiter interface {
	Source
	// OnWait has f called each time before Next waits. It is to be called before the first Next.
	OnWait(f func())
}

// LiveSource is a source that frames come to while nobody asks.
type LiveSource interface {
	Waiter
	// Ready reports whether Next has a frame at hand. It is to be called by who calls Next, also in the f of OnWait.
	Ready() bool
}

// The room of a Queue: chunks of so many bytes and frames, so that it does not become small by many short frames.
const (
	chunkBytes  = 64 << 10
	chunkFrames = 512
	queueChunks = 64
)

// Queue stands between a live source and who judges its frames, so that judging, and whoever reads the results, never keeps
// the source waiting: a goroutine takes frames from it as they come and copies them. The queue is bounded. When it fills it
// sheds frames and counts them, what can be spared first (see Kind).
//
// The frames are numbered as they are handed out: those that were shed have no number, as none would have in a file that
// holds the others. Next is bound by the context of the first call until that has ended.
type Queue struct {
	source LiveSource
	onWait func()
	chunks int // how many there may be

	mu      sync.Mutex
	arrived sync.Cond
	full    []*chunk // in order; frames are added to the last
	free    []*chunk
	made    int
	shed    Shed
	lost    uint64 // frames, since the last that was put in
	dropped uint64 // by the kernel, as far as they are in lost or were told
	running bool
	err     error // why the source gives no more, once it does not
	ended   bool  // err is that of the context

	taken  *chunk
	given  int // frames of taken
	number uint64
	cancel context.CancelFunc

	senders senders // used by the goroutine that takes frames
	done    sync.WaitGroup
}

// chunk is some frames and their bytes.
type chunk struct {
	frames []packet.Frame
	data   []byte
}

// NewQueue returns a queue behind source, which is its own from now on.
func NewQueue(source LiveSource) *Queue {
	q := &Queue{source: source, chunks: queueChunks, senders: newSenders()}
	q.arrived.L = &q.mu
	source.OnWait(q.wake)
	return q
}

// OnWait implements Waiter.
func (q *Queue) OnWait(f func()) { q.onWait = f }

// Next implements Source.
func (q *Queue) Next(ctx context.Context) (packet.Frame, error) {
	for q.taken == nil || q.given == len(q.taken.frames) {
		if err := q.take(ctx); err != nil {
			return packet.Frame{}, err
		}
	}
	f := q.taken.frames[q.given]
	q.given++
	q.number++
	f.Number = q.number
	return f, nil
}

// take makes the oldest chunk the one that is handed out, waiting for it.
func (q *Queue) take(ctx context.Context) error {
	runtime.Gosched() // see wake
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.taken != nil {
		q.taken.frames, q.taken.data = q.taken.frames[:0], q.taken.data[:0]
		q.free = append(q.free, q.taken)
		q.taken = nil
	}
	for told := false; len(q.full) == 0; {
		switch {
		case q.err != nil && !q.ended:
			return q.err
		case q.err != nil && ctx.Err() != nil:
			return ctx.Err()
		case q.err != nil:
			q.err = nil // it was another context
		case !q.running:
			q.start(ctx)
		case !told && q.onWait != nil:
			told = true
			q.mu.Unlock()
			q.onWait()
			q.mu.Lock()
		default:
			q.arrived.Wait()
		}
	}
	q.taken, q.given = q.full[0], 0
	q.full = q.full[:copy(q.full, q.full[1:])]
	return nil
}

// start starts taking frames from the source.
func (q *Queue) start(ctx context.Context) {
	ctx, q.cancel = context.WithCancel(ctx)
	q.running = true
	q.done.Go(func() {
		for n := 1; ; n++ {
			if n%dropsEvery == 0 {
				q.askDrops()
			}
			f, err := q.source.Next(ctx)
			if err != nil {
				q.mu.Lock()
				defer q.mu.Unlock()
				q.running, q.err, q.ended = false, err, err == ctx.Err()
				q.arrived.Signal()
				return
			}
			q.put(&f)
		}
	})
}

// dropsEvery is how many frames pass between two looks at what the kernel dropped, where the source does not wait.
const dropsEvery = 1 << 10

// askDrops takes in what the kernel dropped.
func (q *Queue) askDrops() {
	drops := q.source.Stats().KernelDrops
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lost += drops - q.dropped
	q.dropped = drops
}

// wake has the consumer look for what there is. The source is about to wait in the kernel. Where there is one processor the
// runtime would leave it idle meanwhile for up to ten milliseconds, which is as long as a source under load ever waits: so as
// long as the consumer gets on, and the source has nothing, the processor is the consumer's.
func (q *Queue) wake() {
	q.askDrops()
	for left, stuck := -1, 0; stuck < 2; { // now and then the runtime gives this goroutine its turn first
		q.mu.Lock()
		if n := len(q.full); n != left {
			left, stuck = n, 0
		} else {
			stuck++
		}
		q.arrived.Signal()
		q.mu.Unlock()
		if left == 0 || q.source.Ready() {
			return
		}
		runtime.Gosched()
	}
}

// put copies a frame into the queue, or counts it as shed.
func (q *Queue) put(f *packet.Frame) {
	kind := q.kind(f)
	q.mu.Lock()
	defer q.mu.Unlock()
	var c *chunk
	if len(q.full) < q.limit(kind) {
		c = q.room(len(f.Data))
	}
	if c == nil {
		q.shed[kind]++
		q.lost++
		return
	}
	n := len(c.data)
	c.data = append(c.data, f.Data...)
	kept := *f
	kept.Data = c.data[n:len(c.data):len(c.data)]
	kept.Lost += q.lost
	q.lost = 0
	c.frames = append(c.frames, kept)
}

// kind returns the kind of a frame, and takes in its sender.
func (q *Queue) kind(f *packet.Frame) Kind {
	kind, from := classify(f.LinkType, f.Data)
	if kind == KindVital && !q.senders.known(from, f.Time) {
		return KindStranger
	}
	return kind
}

// limit is how many chunks may be full when a frame of that kind comes.
func (q *Queue) limit(k Kind) int {
	switch k {
	case KindSpare:
		return q.chunks / 2
	case KindNeighbor:
		return q.chunks * 3 / 4
	case KindStranger:
		return q.chunks * 7 / 8
	}
	return q.chunks + 1 // room says when there is none
}

// room returns a chunk with room for a frame of n bytes, nil if there is none.
func (q *Queue) room(n int) *chunk {
	if len(q.full) > 0 {
		// The one that is handed out is not among the full: nobody reads this one.
		c := q.full[len(q.full)-1]
		if len(c.frames) < cap(c.frames) && len(c.data)+n <= cap(c.data) {
			return c
		}
		q.arrived.Signal()
	}
	var c *chunk
	switch last := len(q.free) - 1; {
	case last >= 0:
		c, q.free = q.free[last], q.free[:last]
	case q.made < q.chunks:
		q.made++
		c = &chunk{frames: make([]packet.Frame, 0, chunkFrames), data: make([]byte, 0, chunkBytes)}
	default:
		return nil
	}
	q.full = append(q.full, c)
	return c
}

// Stats implements Source.
func (q *Queue) Stats() Stats {
	s := q.source.Stats()
	q.mu.Lock()
	defer q.mu.Unlock()
	s.Frames = q.number + s.Unread
	s.Shed = q.shed
	return s
}

// Close ends the taking of frames, and closes the source.
func (q *Queue) Close() error {
	if q.cancel != nil {
		q.cancel()
		q.done.Wait()
	}
	q.mu.Lock()
	q.err, q.ended = io.EOF, false
	q.mu.Unlock()
	return q.source.Close()
}
