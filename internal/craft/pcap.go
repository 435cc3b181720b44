package craft

import (
	"encoding/binary"
	"time"
)

// PcapHeader returns the header of a pcap file of Ethernet frames, little-endian, with times in microseconds.
func PcapHeader() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = binary.LittleEndian.AppendUint32(b, 1<<18) // the longest frame
	return binary.LittleEndian.AppendUint32(b, 1)  // Ethernet
}

// AppendPcapRecord appends to b the record of a frame that was captured whole, for a file that begins with PcapHeader.
func AppendPcapRecord(b []byte, at time.Time, frame []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(at.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(at.Nanosecond()/1000))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frame)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frame)))
	return append(b, frame...)
}
