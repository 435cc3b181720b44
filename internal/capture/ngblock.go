package capture

import (
	"bytes"
	"strconv"
	"strings"

	"v6probe/internal/packet"
)

// What pcapng has no options for stands in comments that begin with ownComment: of an interface "v6probe: mtu 1450,
// checksum offload", where the second says that its packets tell; of a packet whose checksum was left to the hardware
// "v6probe: checksum offload".
const (
	ownComment     = "v6probe: "
	mtuNote        = "mtu "
	offloadNote    = "checksum offload"
	offloadComment = ownComment + offloadNote
)

// own takes over what a comment of our own says of an interface.
func own(ifc *packet.Interface, comment string) {
	notes, ok := strings.CutPrefix(comment, ownComment)
	if !ok {
		return
	}
	for note := range strings.SplitSeq(notes, ", ") {
		if mtu, ok := strings.CutPrefix(note, mtuNote); ok {
			if v, err := strconv.ParseUint(mtu, 10, 31); err == nil {
				ifc.MTU = int(v)
			}
		}
		ifc.MarksOffload = ifc.MarksOffload || note == offloadNote
	}
}

// maxInterfaces and maxName bound what the interfaces of one section may take up.
const (
	maxInterfaces = 1 << 14
	maxName       = 128
)

// ngInterface is an interface of the current section.
type ngInterface struct {
	ifc      *packet.Interface
	read     bool // frames of its link type are read
	snapLen  uint32
	tsResol  uint8
	tsOffset int64 // seconds
	fcs      int   // bytes
	drops    uint64
}

// section reads a Section Header Block: the interfaces of the section before are gone.
func (n *ngReader) section(b []byte) error {
	s := n.s
	if len(b) < 28 {
		return s.damage(s.offset(), "a section header of %d bytes", len(b))
	}
	if major, minor := n.u16(b[12:]), n.u16(b[14:]); major != 1 {
		return s.damage(s.offset(), "pcapng version %d.%d is not read, only 1.x", major, minor)
	}
	n.ifaces = nil // and not [:0]: a fork may be using them
	n.s.epoch++
	return nil
}

// iface reads an Interface Description Block.
func (n *ngReader) iface(b []byte) error {
	s := n.s
	if len(b) < 20 {
		return s.damage(s.offset(), "an interface description of %d bytes", len(b))
	}
	if len(n.ifaces) == maxInterfaces {
		return s.damage(s.offset(), "more than %d interfaces in a section", maxInterfaces)
	}
	ifc := &packet.Interface{LinkType: linkType(n.u16(b[8:]))}
	i := ngInterface{ifc: ifc, read: readable(ifc.LinkType), snapLen: n.u32(b[12:]), tsResol: 6}
	for o := b[16 : len(b)-4]; ; {
		code, value, rest := n.option(o)
		switch {
		case code == optEnd:
			n.ifaces = append(n.ifaces, i)
			s.epoch++
			return nil
		case code == optComment:
			own(ifc, string(value))
		case code == ifName:
			ifc.Name = string(bytes.TrimRight(value[:min(len(value), maxName)], "\x00"))
		case code == ifMACAddr && len(value) == 6:
			copy(ifc.HardwareAddr[:], value)
		case code == ifTSResol && len(value) == 1:
			i.tsResol = value[0]
		case code == ifFCSLen && len(value) == 1:
			i.fcs = fcsBytes(value[0])
		case code == ifTSOffset && len(value) == 8:
			i.tsOffset = int64(n.u64(value))
		}
		o = rest
	}
}

// fcsBytes reads if_fcslen. Its unit is the bit, but the draft's own example is 4, and there are writers that count
// bytes: what is no whole number of bytes is a number of bytes.
func fcsBytes(v uint8) int {
	if v%8 == 0 {
		return int(v / 8)
	}
	return int(v)
}

// statistics reads an Interface Statistics Block. Its counts run from the beginning of the capture, so that a later
// block replaces an earlier one. One that makes no sense says nothing of the frames, and is passed over.
func (n *ngReader) statistics(b []byte) {
	if len(b) < 24 || int64(n.u32(b[8:])) >= int64(len(n.ifaces)) {
		return
	}
	i := &n.ifaces[n.u32(b[8:])]
	var drops uint64
	for o := b[20 : len(b)-4]; ; {
		code, value, rest := n.option(o)
		if code == optEnd {
			break
		}
		if (code == isbIfDrop || code == isbOSDrop) && len(value) == 8 {
			drops += n.u64(value)
		}
		o = rest
	}
	n.s.drops += drops - i.drops
	i.drops = drops
}

// option takes the first option off b. The code is optEnd at the end, and where an option reaches past the end.
func (n *ngReader) option(b []byte) (code uint16, value, rest []byte) {
	if len(b) < 4 {
		return optEnd, nil, nil
	}
	code = n.u16(b)
	size := int(n.u16(b[2:]))
	if size > len(b)-4 {
		return optEnd, nil, nil
	}
	return code, b[4 : 4+size], b[min(len(b), 4+(size+3)&^3):]
}
