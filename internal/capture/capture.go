// Package capture brings frames in, from a live interface or from a file, and writes them out again. Only frames that
// may matter (ICMPv6, fragments, DHCPv6; see Match) come through; all are counted.
package capture

import (
	"context"
	"fmt"

	"v6probe/internal/packet"
)

// Source gives frames one after the other.
type Source interface {
	// Next returns the next frame. At the end of a file, or when the interface is closed, it returns io.EOF; when
	// ctx ends, ctx.Err(); for a damaged file a *DamageError, after every frame that stood before the damage.
	Next(ctx context.Context) (packet.Frame, error)
	// Stats returns the counts so far.
	Stats() Stats
	Close() error
}

// Stats counts what a source has seen.
type Stats struct {
	Frames      uint64 // records read, or frames that passed the kernel's filter
	Unread      uint64 // of these, records of a link type that is not read (802.11, say) and that were passed over
	KernelDrops uint64 // frames the kernel had to drop for lack of room, as far as known
	Shed        Shed   // frames that a Queue let go because they came faster than they were judged
	Bytes       int64  // of the file read so far (compressed bytes for a compressed file)
	TotalBytes  int64  // size of the file, 0 when unknown
}

// Lost returns how many frames there were that nobody saw.
func (s Stats) Lost() uint64 { return s.KernelDrops + s.Shed.Total() }

// Shed counts frames by kind.
type Shed [kinds]uint64

// Total returns how many there are of all kinds.
func (s Shed) Total() uint64 {
	var n uint64
	for _, of := range s {
		n += of
	}
	return n
}

// DamageError says where a capture file stops making sense.
type DamageError struct {
	Name   string
	Offset int64  // byte offset in the (uncompressed) stream
	Frame  uint64 // the last good frame
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s: damaged at byte %d, after frame %d: %s", e.Name, e.Offset, e.Frame, e.Reason)
}
