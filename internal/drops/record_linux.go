package drops

import "net/netip"

// add adds what one CPU counted.
func (r *Record) add(v *dropsValue) {
	if v.Packets == 0 {
		return
	}
	if r.Packets == 0 || int64(v.First) < r.First {
		r.First = int64(v.First)
		r.Source, r.Destination = netip.AddrFrom16(v.Source), netip.AddrFrom16(v.Destination)
		r.Name = cString(v.Name[:])
	}
	r.Last = max(r.Last, int64(v.Last))
	r.Packets += v.Packets
	r.Bytes += v.Bytes
}

// cString returns the text before the first zero byte.
func cString(text []int8) string {
	b := make([]byte, 0, len(text))
	for _, c := range text {
		if c == 0 {
			break
		}
		b = append(b, byte(c))
	}
	return string(b)
}
