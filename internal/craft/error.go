package craft

import "encoding/binary"

// TooBig returns a Packet Too Big (RFC 4443 §3.2) that quotes a packet, checksum zero.
func TooBig(mtu uint32, quoted []byte) []byte { return Join([]byte{2, 0, 0, 0}, u32(mtu), quoted) }

// Unreachable returns a Destination Unreachable (RFC 4443 §3.1) that quotes a packet, checksum zero.
func Unreachable(code uint8, quoted []byte) []byte {
	return Join([]byte{1, code, 0, 0, 0, 0, 0, 0}, quoted)
}

// TimeExceeded returns a Time Exceeded (RFC 4443 §3.3) that quotes a packet, checksum zero.
func TimeExceeded(code uint8, quoted []byte) []byte {
	return Join([]byte{3, code, 0, 0, 0, 0, 0, 0}, quoted)
}

// ParameterProblem returns a Parameter Problem (RFC 4443 §3.4) that quotes a packet, checksum zero.
func ParameterProblem(code uint8, pointer uint32, quoted []byte) []byte {
	return Join([]byte{4, code, 0, 0}, u32(pointer), quoted)
}

// Redirect returns a Redirect, checksum zero: what is for destination is to go to target (RFC 4861 §4.5).
func Redirect(target, destination string, options ...[]byte) []byte {
	return Join([]byte{137, 0, 0, 0, 0, 0, 0, 0}, Addr(target), Addr(destination), Join(options...))
}

// RedirectedHeader returns option 4, which quotes a packet (RFC 4861 §4.6.3).
func RedirectedHeader(quoted []byte) []byte { return Option(4, make([]byte, 6), quoted) }

// Extended returns msg, a Destination Unreachable or Time Exceeded, with its quote filled up with zeros to units × 8
// bytes, the length attribute that says so, and objects after it in an extension structure (RFC 4884 §4.1, §7).
func Extended(msg []byte, units uint8, objects ...[]byte) []byte {
	b := Join(msg)
	for len(b) < 8+8*int(units) {
		b = append(b, 0)
	}
	b[4] = units
	x := Join([]byte{0x20, 0, 0, 0}, Join(objects...))
	binary.BigEndian.PutUint16(x[2:], ^sum(x))
	return Join(b, x)
}

// TCP6 returns a TCP segment over IPv6 with the ACK flag and its checksum.
func TCP6(src, dst string, sport, dport uint16, payload []byte) []byte {
	b := Join(u16(sport), u16(dport), u32(1), u32(1), []byte{0x50, 0x10}, u16(500), u32(0), payload)
	binary.BigEndian.PutUint16(b[16:], ^sum(pseudo(src, dst, len(b), 6), b))
	return b
}
