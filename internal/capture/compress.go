package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory of a zstd decoder: 8 MiB is what zstd uses up to level 19, and what RFC 8878 §3.1.1.1.2
// asks every decoder to support.
const maxWindow = 8 << 20

// codec is a compression format.
type codec struct {
	name string
	new  func(io.Reader) (io.ReadCloser, error)
}

// codecOf recognises a compressed file by its first bytes; nil means that it is none.
func codecOf(head []byte) *codec {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return &codec{"gzip", newGzip}
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}),
		len(head) == 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:], []byte{0x2a, 0x4d, 0x18}): // skippable frame
		return &codec{"zstd", newZstd}
	}
	return nil
}

func newGzip(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

func newZstd(r io.Reader) (io.ReadCloser, error) {
	// One decoder, in this goroutine: more would read ahead, each with a window of its own.
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// open puts the decoder between s and what s has read from so far.
func (c *codec) open(s *stream) (io.Closer, error) {
	src := &source{r: io.MultiReader(bytes.NewReader(bytes.Clone(s.buf[s.pos:s.end])), s.r)}
	ahead := 1 << 18
	if s.size > 0 {
		ahead = int(min(s.size, int64(ahead))) // it may be one of many small files
	}
	r, err := c.new(bufio.NewReaderSize(src, ahead))
	if err != nil {
		return nil, s.short(c.wrap(src, err), 0, "file header", 0)
	}
	s.pos, s.end, s.start, s.err = 0, 0, 0, nil
	s.r = &codecReader{codec: c, src: src, r: r}
	return r, nil
}

// source remembers why reading the compressed bytes failed, to tell a file that cannot be read from a damaged one.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// codecReader gives the decoder's errors their type.
type codecReader struct {
	codec *codec
	src   *source
	r     io.Reader
}

func (r *codecReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		err = r.codec.wrap(r.src, err)
	}
	return n, err
}

func (c *codec) wrap(src *source, err error) error {
	if src.err != nil {
		return src.err
	}
	return &codecError{c.name, err}
}

// codecError is damage in the compressed file.
type codecError struct {
	codec string
	err   error
}

func (e *codecError) Error() string {
	switch {
	case errors.Is(e.err, io.ErrUnexpectedEOF), errors.Is(e.err, io.EOF):
		return e.codec + ": the compressed file is cut short"
	case errors.Is(e.err, zstd.ErrWindowSizeExceeded), errors.Is(e.err, zstd.ErrDecoderSizeExceeded):
		return fmt.Sprintf("%s: the decoder's window would exceed %d MiB; decompress the file first (zstd -d --long=31)",
			e.codec, maxWindow>>20)
	}
	return fmt.Sprintf("%s: %s", e.codec, e.err)
}

func (e *codecError) Unwrap() error { return e.err }
