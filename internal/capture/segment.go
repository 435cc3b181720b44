package capture

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"v6probe/internal/packet"
)

const (
	// segmentSize is how much of a large file the reader and the worker take in turns: much against what it costs to
	// hand the turn over, little against the file.
	segmentSize = 1 << 20
	// fewestSegments is how many segments a file has for which a worker is worth starting.
	fewestSegments = 8
	// segmentsAhead is how many segments the worker may be ahead of the reader.
	segmentsAhead = 4
	// fewestHeaders and mostHeaders are how many headers, one where the other's record ends, must make sense for the
	// first to be taken for a header, and how many are looked at.
	fewestHeaders, mostHeaders = 3, 32
	// maxHeader is the longest header that is looked at, that of a pcapng packet with its end.
	maxHeader = 32
)

// errLimit says that a reader of records has come to the limit of its stream, at the beginning of a record.
var errLimit = errors.New("at the limit")

// ahead is the worker that walks the segments 1, 3, 5 … of a large file while the reader walks the others. It has a
// window of its own, so that what it has read is in the cache of its processor, and hands on copies of the candidates.
//
// Where the first record of a segment begins is not known before the reader has come there: the worker guesses it, and
// the reader takes the segment only if the guess was right. The worker stops at whatever is damaged or more than a
// packet, when it has as many candidates as it may hold, and when the reader waits for it; the reader goes on from
// there. So the worker decides nothing but how fast it goes.
type ahead struct {
	stream stream
	in     cursor  // of stream
	file   *cursor // of the reader
	size   int64   // of the file when it was opened: what has been written since is read by the reader alone
	length int64   // of a segment
	next   int64   // where the next segment to be asked for begins

	todo, done chan *segment // in order
	late       atomic.Bool   // the reader waits: stop at the end of the block, it does the rest of the segment
	waiting    int           // segments asked for and not taken
	cancel     context.CancelFunc
	taken      *segment // what the reader hands out
	given      int      // candidates of taken that it has handed out
	base       uint64   // frames before taken
}

// segment is a part of the file for the worker to walk, and what it found.
type segment struct {
	from, to int64   // it has the records that begin in from ≤ offset < to
	records  records // on the worker's stream
	epoch    int     // of the reader's stream, when records was made

	first, end int64  // the records that were walked, -1 if none
	count      uint64 // of them
	frames     []packet.Frame
	data       []byte // of the frames
	room       int    // as many bytes of data are enough
}

// cursor reads a file from a place of its own.
type cursor struct {
	file io.ReaderAt
	base int64 // where the stream begins in the file
	at   int64 // in the stream
}

func (c *cursor) Read(p []byte) (int, error) {
	n, err := c.file.ReadAt(p, c.base+c.at)
	c.at += int64(n)
	return n, err
}

// newAhead returns a worker for a file of size bytes from base, or nil if it is not worth while.
func newAhead(file io.ReaderAt, base, size, length int64) *ahead {
	if length == 0 || size/length < fewestSegments {
		return nil
	}
	a := &ahead{size: size, length: length, next: length, file: &cursor{file: file, base: base}}
	a.in = *a.file
	a.stream.r = &a.in
	return a
}

// start starts the worker. The reader has read the file's header.
func (a *ahead) start(f *File) {
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	a.todo, a.done = make(chan *segment, segmentsAhead), make(chan *segment, segmentsAhead)
	for range segmentsAhead {
		room := int(a.length / 4)
		a.ask(f, &segment{frames: make([]packet.Frame, 0, room/128+1), data: make([]byte, 0, room), room: room})
	}
	a.stream.filter = f.stream.filter
	go a.work(ctx)
	f.stream.limit = a.length
	f.jump(f.stream.offset()) // the window reaches past the limit
}

// stop ends the worker and waits for that. What is handed out stays.
func (a *ahead) stop() {
	if a.cancel == nil {
		return
	}
	a.cancel()
	close(a.todo)
	for range a.done {
	}
	a.cancel = nil
}

// ask has the worker walk the next segment, if there is one, and keep what it finds in g.
func (a *ahead) ask(f *File, g *segment) {
	for a.next+a.length <= f.stream.offset() {
		a.next += 2 * a.length
	}
	if a.next >= a.size || a.cancel == nil {
		return
	}
	g.from, g.to = a.next, min(a.next+a.length, a.size)
	a.next += 2 * a.length
	g.records, g.epoch = f.records.fork(&a.stream), f.stream.epoch
	a.waiting++
	a.todo <- g
}

// turn is for the reader at its limit: it takes what the worker has for the records that come, if it has something,
// and sets the next limit.
func (a *ahead) turn(ctx context.Context, f *File) error {
	s := &f.stream
	for a.waiting > 0 {
		var g *segment
		a.late.Store(len(a.done) == 0)
		select {
		case g = <-a.done:
			a.waiting--
			a.late.Store(false)
		case <-ctx.Done():
			return ctx.Err()
		}
		if g.to <= s.offset() { // the reader has passed over it in one long record
			a.ask(f, g)
			continue
		}
		s.limit = g.to + a.length
		if s.limit >= a.size {
			s.limit = 0
		}
		if g.first != s.offset() || g.epoch != s.epoch {
			a.ask(f, g)
			return nil
		}
		a.taken, a.given, a.base = g, 0, s.frames
		return nil
	}
	s.limit = 0
	a.stop()
	return nil
}

// hand makes the next candidate of the segment taken the reader's frame. At its end, the reader goes on behind it.
func (a *ahead) hand(f *File) bool {
	s, g := &f.stream, a.taken
	if a.given < len(g.frames) {
		s.frame = g.frames[a.given]
		s.frame.Number += a.base
		s.frames = s.frame.Number
		a.given++
		return true
	}
	f.jump(g.end)
	s.frames = a.base + g.count
	a.taken = nil
	a.ask(f, g)
	return false
}

// jump makes the reader go on at offset at.
func (f *File) jump(at int64) {
	f.ahead.file.at, f.in.n = at, at
	f.stream.jump(at)
}

// work is the worker.
func (a *ahead) work(ctx context.Context) {
	defer close(a.done)
	for g := range a.todo {
		a.walk(ctx, g)
		a.done <- g
	}
}

// walk walks a segment.
func (a *ahead) walk(ctx context.Context, g *segment) {
	g.first, g.end, g.frames, g.data = -1, -1, g.frames[:0], g.data[:0]
	s := &a.stream
	a.in.at = g.from
	s.jump(g.from)
	s.limit, s.frames = g.to, 0
	if err := s.need(ctx, int(min(blockSize, g.to-g.from))); err != nil && err != io.EOF {
		return
	}
	at := guess(g.records, s.buf[s.pos:s.end])
	if at < 0 {
		return
	}
	s.pos += at
	g.first = s.offset()
	for s.limit = min(blockEnd(s.offset()), g.to); len(g.frames) < cap(g.frames) && len(g.data) < g.room; {
		if err := g.records.next(ctx); err == errLimit && s.offset() < g.to && !a.late.Load() {
			s.limit = min(blockEnd(s.offset()), g.to)
			continue
		} else if err != nil {
			break
		}
		n := len(g.data)
		g.data = append(g.data, s.frame.Data...)
		s.frame.Data = g.data[n:len(g.data):len(g.data)]
		g.frames = append(g.frames, s.frame)
	}
	g.count, g.end = s.frames, s.offset()
}

// guess returns where in b the first record seems to begin, or -1.
func guess(r records, b []byte) int {
	for at := range b {
		if plausible(r, b[at:]) {
			return at
		}
	}
	return -1
}

// plausible reports whether b seems to begin with a record: whether it does with several, one behind the other, whose
// times are no more than a day apart.
func plausible(r records, b []byte) bool {
	var last uint32
	for n := range mostHeaders {
		if len(b) < maxHeader {
			return n >= fewestHeaders
		}
		size, sec, ok := r.look(b)
		if !ok {
			return false
		}
		if apart := int32(sec - last); n > 0 && (apart < -86400 || apart > 86400) {
			return false
		}
		if size >= len(b) {
			return n+1 >= fewestHeaders
		}
		last, b = sec, b[size:]
	}
	return true
}
