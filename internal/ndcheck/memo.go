package ndcheck

import (
	"bytes"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// Routers repeat themselves: the same bytes again and again, for days. What is to be said of a frame by itself depends
// on its bytes and on the interface alone, so it is kept, and neither judged nor put into words a second time. That
// matters where every RA has something to be noted, as CloudStack's have.
const (
	memoSlots = 256  // frames kept; one that falls into the slot of another replaces it
	memoBytes = 2048 // longer frames are not kept
)

// memo is a frame and what was found in it.
type memo struct {
	frame     []byte
	length    int
	linkType  packet.LinkType
	iface     *packet.Interface
	mtu       int
	direction packet.Direction
	offload   bool
	findings  []rule.Finding
}

// Recall gives r the findings that Remember kept when the same frame was judged before, and reports whether it did.
func (r *Report) Recall() bool {
	if r.memos == nil {
		return false
	}
	f := &r.Packet.Frame
	m := &r.memos[r.slot()]
	if len(m.findings) == 0 || r.Packet.IsFragment || m.length != f.Length || m.linkType != f.LinkType || m.iface != f.Interface ||
		m.mtu != f.Interface.MTU || m.direction != f.Direction || m.offload != f.Offload || !bytes.Equal(m.frame, f.Data) {
		return false
	}
	n := len(r.Findings)
	r.Findings = append(r.Findings, m.findings...)
	for i := n; i < len(r.Findings); i++ {
		r.Findings[i].Frame, r.Findings[i].Time = f.Number, f.Time
	}
	return true
}

// Remember keeps r's findings, which must all come of the packet by itself. A packet without findings is not kept: there
// is nothing to save. Nor is a fragment, of which the frame is a part only.
func (r *Report) Remember() {
	f := &r.Packet.Frame
	if len(r.Findings) == 0 || r.Packet.IsFragment || len(f.Data) > memoBytes {
		return
	}
	if r.memos == nil {
		r.memos = new([memoSlots]memo)
	}
	m := &r.memos[r.slot()]
	*m = memo{append(m.frame[:0], f.Data...), f.Length, f.LinkType, f.Interface, f.Interface.MTU, f.Direction, f.Offload,
		append(m.findings[:0], r.Findings...)}
}

// slot returns the place of r's packet among the memos. The checksum tells messages apart, and routers, as it covers
// their addresses.
func (r *Report) slot() int {
	c := r.Packet.Message.Checksum
	return int(c^c>>8) % memoSlots
}
