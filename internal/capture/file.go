package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"v6probe/internal/packet"
)

// File is a capture file as a Source: pcap or pcapng, plain or compressed with gzip or zstd, told apart by content.
//
// A frame's time is in UTC. Times that pcapng at nanoseconds cannot hold, before 1970 or from 2554 on, become the
// nearest that it can. A frame without a time, as in a Simple Packet Block, has the epoch. The direction comes from the
// file, or from the header of a Linux cooked capture.
//
// Damage ends the reading: there is no telling where the next record would begin.
type File struct {
	stream  stream
	in      *counter
	pump    *pump
	ahead   *ahead // nil: the reader reads alone
	closers []io.Closer
	records records
	total   int64
	err     error
}

// records is what pcap and pcapng have in common: next walks to the next candidate and leaves it in stream.frame.
type records interface {
	next(ctx context.Context) error
	// fork returns a reader of the records of s, which is another part of the file.
	fork(s *stream) records
	// look reports whether b, of maxHeader bytes at least, may begin with a record, and returns its size and its time in
	// seconds.
	look(b []byte) (size int, sec uint32, ok bool)
}

// OpenFile opens the capture file of the given name, "-" for stdin, for the frames that filter lets through. The content
// of a regular file is looked at here, that of a pipe with the first Next. A context interrupts the wait for a pipe;
// reading on with another context then works for an uncompressed stream only.
func OpenFile(name string, stdin io.Reader, filter Filter) (*File, error) {
	length := int64(segmentSize)
	if runtime.GOMAXPROCS(0) == 1 {
		length = 0
	}
	return openFile(name, stdin, filter, length)
}

// openFile is OpenFile with the length of the segments, 0 for a reader alone.
func openFile(name string, stdin io.Reader, filter Filter, length int64) (*File, error) {
	f := &File{}
	f.stream.filter = filter
	in := stdin
	if name == "-" {
		name = "standard input"
	} else if info, err := os.Stat(name); err == nil && info.Mode().Type() == os.ModeNamedPipe {
		in = &namedPipe{name: name}
	} else {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		in = file
		f.closers = append(f.closers, file)
	}
	f.stream.name = name
	regular := false
	if file, ok := in.(*os.File); ok {
		info, err := file.Stat()
		if err == nil && info.IsDir() {
			err = fmt.Errorf("read %s: is a directory", name)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if regular = info.Mode().IsRegular(); regular {
			f.total = info.Size()
			f.stream.size = f.total
			if base, err := file.Seek(0, io.SeekCurrent); err == nil {
				f.ahead = newAhead(file, base, f.total-base, length)
			}
		}
	}
	if f.ahead != nil {
		in = f.ahead.file
	}
	f.in = &counter{r: in}
	f.stream.r = f.in
	if !regular {
		f.pump = &pump{r: in, done: make(chan struct{}, 1)}
		f.in.r = f.pump
		return f, nil
	}
	if err := f.detect(context.Background()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Next implements Source.
func (f *File) Next(ctx context.Context) (packet.Frame, error) {
	if f.err == nil {
		f.err = f.next(ctx)
	}
	if err := f.err; err != nil {
		if err == ctx.Err() {
			f.err = nil // the next context may last longer
		} else if f.ahead != nil {
			f.ahead.stop()
		}
		return packet.Frame{}, err
	}
	return f.stream.frame, nil
}

func (f *File) next(ctx context.Context) error {
	if f.pump != nil {
		f.pump.ctx = ctx
	}
	if f.records == nil {
		if err := f.detect(ctx); err != nil {
			return err
		}
	}
	for {
		if f.ahead != nil && f.ahead.taken != nil {
			if f.ahead.hand(f) {
				return nil
			}
		}
		err := f.records.next(ctx)
		if err != errLimit {
			return err
		}
		if err := f.ahead.turn(ctx, f); err != nil {
			return err
		}
	}
}

// OnWait implements Waiter. Only a pipe is waited for.
func (f *File) OnWait(wait func()) {
	if f.pump != nil {
		f.pump.onWait = wait
	}
}

// Stats implements Source. It must not be called during Next.
func (f *File) Stats() Stats {
	return Stats{Frames: f.stream.frames, Unread: f.stream.unread, KernelDrops: f.stream.drops,
		Bytes: f.in.n, TotalBytes: f.total}
}

// Close implements Source. It leaves standard input open.
func (f *File) Close() error {
	if f.ahead != nil {
		f.ahead.stop()
	}
	var err error
	for _, c := range f.closers {
		err = errors.Join(err, c.Close())
	}
	f.closers = nil
	return err
}

// detect looks at the first bytes and chooses the readers.
func (f *File) detect(ctx context.Context) error {
	s := &f.stream
	head, err := s.head(ctx)
	if err != nil {
		return err
	}
	format := ""
	if codec := codecOf(head); codec != nil {
		r, err := codec.open(s)
		if err != nil {
			return err
		}
		f.closers = append(f.closers, r)
		f.ahead = nil
		format = codec.name + " of "
		if head, err = s.head(ctx); err != nil {
			return err
		}
	}
	if len(head) == 0 {
		return fmt.Errorf("%s: %sempty file: not even a capture's header is in it", s.name, format)
	}
	if len(head) == 4 {
		var r records
		if _, _, ok := pcapMagic(head); ok {
			r, err = newPcapReader(ctx, s)
		} else if ngMagic(head) {
			r, err = newNgReader(ctx, s)
		}
		if err != nil {
			return err
		}
		if r != nil {
			f.records = r
			if f.ahead != nil {
				f.ahead.start(f)
			}
			return nil
		}
	}
	return fmt.Errorf("%s: not a capture file: %sbytes % x …; pcap and pcapng are read, also compressed with gzip or zstd",
		s.name, format, head)
}

// head returns up to four bytes from the beginning of the stream.
func (s *stream) head(ctx context.Context) ([]byte, error) {
	err := s.need(ctx, 4)
	if err != nil && err != io.EOF {
		return nil, s.short(err, 0, "file header", 4)
	}
	return s.buf[s.pos:min(s.pos+4, s.end)], nil
}

// unreadable is the error for a file that has nothing but frames of a link type that is not read.
func unreadable(name string, lt packet.LinkType) error {
	return fmt.Errorf("%s: frames of link type %d are not read, only Ethernet, raw IP, BSD loopback and Linux cooked ones "+
		"(link types 0, 1, 101, 108, 113, 228, 229, 276)", name, lt)
}

// counter counts the bytes that it hands on.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// namedPipe is opened by its first Read, because that waits for a writer.
type namedPipe struct {
	name string
	file *os.File
}

func (p *namedPipe) Read(b []byte) (n int, err error) {
	if p.file == nil {
		if p.file, err = os.Open(p.name); err != nil {
			return 0, err
		}
	}
	return p.file.Read(b)
}

// pump reads what may keep one waiting, so that the wait ends with a context. A read that the context has interrupted
// goes on in its goroutine, and its bytes are there for the next call.
type pump struct {
	ctx  context.Context // of the Next under way: the decompressors in between have none to pass on
	r    io.Reader
	done chan struct{} // the read under way is over
	busy bool
	buf  []byte
	rest []byte // of buf, read but not handed on
	err  error

	onWait func() // may be nil
}

func (p *pump) Read(b []byte) (int, error) {
	if p.busy || len(p.rest) == 0 && p.err == nil { // while busy, the rest is the goroutine's
		if !p.busy {
			p.busy = true
			go p.read()
		}
		if p.onWait != nil {
			p.onWait()
		}
		select {
		case <-p.done:
			p.busy = false
		case <-p.ctx.Done():
			return 0, p.ctx.Err()
		}
	}
	if len(p.rest) == 0 {
		return 0, p.err
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *pump) read() {
	if p.buf == nil {
		p.buf = make([]byte, 1<<18)
	}
	n, err := p.r.Read(p.buf)
	p.rest, p.err = p.buf[:n], err
	p.done <- struct{}{}
}
