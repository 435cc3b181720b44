package craft

import "encoding/binary"

// The flags of a TCP segment.
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// Segment is a TCP segment (RFC 9293 §3.1).
type Segment struct {
	From, To      uint16 // ports
	Sequence, Ack uint32
	Flags         uint8
	Window        uint16
	Options       []byte // a multiple of four bytes
	Data          int    // bytes of zeros
}

// Message returns the segment from src to dst with its checksum.
func (s Segment) Message(src, dst string) []byte {
	b := Join(u16(s.From), u16(s.To), u32(s.Sequence), u32(s.Ack), []byte{byte(5+len(s.Options)/4) << 4, s.Flags},
		u16(s.Window), u32(0), s.Options, make([]byte, s.Data))
	binary.BigEndian.PutUint16(b[16:], ^sum(pseudo(src, dst, len(b), 6), b))
	return b
}

// MSS returns the option that names a maximum segment size (RFC 9293 §3.7.1), WindowScale the one that names a shift
// (RFC 7323 §2.2), each filled up to four bytes.
func MSS(n uint16) []byte        { return Join([]byte{2, 4}, u16(n)) }
func WindowScale(n uint8) []byte { return []byte{1, 3, 3, n} }

// SACK returns the option that acknowledges the spans of sequence numbers given, from and to by turns (RFC 2018 §3), filled
// up to a multiple of four bytes.
func SACK(edges ...uint32) []byte {
	b := []byte{1, 1, 5, byte(2 + 4*len(edges))}
	for _, e := range edges {
		b = append(b, u32(e)...)
	}
	return b
}
