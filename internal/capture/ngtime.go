package capture

import (
	"math"
	"math/bits"
	"time"
)

// maxSeconds is the last whole second since the epoch that 64 bits of nanoseconds can hold.
const maxSeconds = math.MaxUint64/1_000_000_000 - 1

// ngTime returns the time of a pcapng timestamp. resol is if_tsresol: units of 10^-resol seconds or, with the high bit
// set, 2^-resol; offset is if_tsoffset in seconds. What is finer than a nanosecond is cut off.
func ngTime(resol uint8, offset int64, ts uint64) time.Time {
	var sec, nsec uint64
	v := int(resol & 0x7f)
	switch {
	case resol&0x80 != 0 && v < 64:
		sec = ts >> v
		hi, lo := bits.Mul64(ts&(1<<v-1), 1_000_000_000)
		nsec = lo>>v | hi<<(64-v)
	case resol&0x80 != 0:
		hi, _ := bits.Mul64(ts, 1_000_000_000)
		nsec = hi >> (v - 64)
	case v <= 9:
		sec, nsec = ts/pow10(v), ts%pow10(v)*pow10(9-v)
	case v <= 19:
		sec, nsec = ts/pow10(v), ts%pow10(v)/pow10(v-9)
	case v <= 28:
		nsec = ts / pow10(v-9)
	}
	if sec > maxSeconds || offset > maxSeconds || offset > 0 && sec > uint64(maxSeconds-offset) {
		return time.Unix(maxSeconds, 999_999_999).UTC()
	}
	if offset < 0 && sec < uint64(-offset) {
		return time.Unix(0, 0).UTC()
	}
	return time.Unix(int64(sec)+offset, int64(nsec)).UTC()
}

// ngStamp is the timestamp in nanoseconds for t; what 64 bits cannot hold becomes the nearest that they can.
func ngStamp(t time.Time) uint64 {
	switch sec := t.Unix(); {
	case sec < 0:
		return 0
	case sec > maxSeconds:
		return maxSeconds*1_000_000_000 + 999_999_999
	default:
		return uint64(sec)*1_000_000_000 + uint64(t.Nanosecond())
	}
}

// pow10 returns 10^n, n at most 19.
func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}
