package craft

import (
	"math/rand/v2"
	"time"
)

// Mixed makes the traffic of a busy port of a healthy zone, always the same for the same seed: TCP and UDP over IPv4 and
// IPv6, a part of it in VLANs and VXLAN, in trains of up to eight frames, some 600 bytes a frame; 1.2 % of the frames
// are ICMPv6, nearly all of it neighbor discovery and echoes. Two CloudStack routers advertise, one on the link and one
// behind VXLAN. It is meant for measuring speed.
type Mixed struct {
	rng     *rand.Rand
	n       int
	pool    []byte // of payload, about as compressible as traffic is
	carrier [5][]carrier
	icmp    [][]byte
	adverts [][]byte
	frame   []byte
	current carrier
	train   int // frames still to come of current
}

// carrier is a frame whose payload, from some byte on, is filled in from the pool.
type carrier struct {
	frame   []byte
	payload int
}

const (
	mixedGap    = 200 * time.Microsecond           // between two frames
	advertEvery = int(10 * time.Second / mixedGap) // frames between the RAs of one router
)

// NewMixed returns the traffic for seed.
func NewMixed(seed uint64) *Mixed {
	m := &Mixed{rng: rand.New(rand.NewPCG(seed, 0)), pool: make([]byte, 1<<20)}
	for i := range m.pool {
		m.pool[i] = byte(m.rng.Uint32())
		if i%4096 >= 2048 {
			m.pool[i] = "GET /images/template.qcow2 HTTP/1.1\r\nHost: storage\r\n"[i%52]
		}
	}
	for i, size := range []int{0, 12, 120, 500, 1400} {
		m.carrier[i] = carriers(size)
	}
	ra := CloudStackRA().Message(CloudStackOptions()...)
	m.adverts = [][]byte{Frame(RouterMAC, RouterLL, AllNodes, ra), inVXLAN(Frame(RouterMAC, RouterLL, AllNodes, ra))}
	echo := Join([]byte{128, 0, 0, 0, 0, 1, 0, 1}, m.pool[:56])
	for _, f := range [][]byte{
		Frame(GuestMAC, GuestLL, "ff02::1:ff00:1", NS(RouterLL, SLLA(GuestMAC))),
		Frame(RouterMAC, RouterLL, GuestLL, NA(0xe0, RouterLL, TLLA(RouterMAC))),
		Frame(GuestMAC, GuestLL, RouterLL, echo),
	} {
		m.icmp = append(m.icmp, f, f, inVXLAN(f), Join(f[:12], []byte{0x81, 0, 0, 100}, f[12:]))
	}
	return m
}

// Next returns a frame and its time since the first. The frame is valid until the next call.
func (m *Mixed) Next() (time.Duration, []byte) {
	at := time.Duration(m.n) * mixedGap
	m.n++
	if i := m.n % advertEvery / 1000; m.n%1000 == 0 && i < len(m.adverts) {
		return at, m.adverts[i]
	}
	if m.rng.IntN(1000) < 12 {
		return at, m.icmp[m.rng.IntN(len(m.icmp))]
	}
	if m.train == 0 {
		m.train = 1 + m.rng.IntN(8)
		m.current = m.pick()
	}
	m.train--
	m.frame = append(m.frame[:0], m.current.frame...)
	copy(m.frame[m.current.payload:], m.pool[m.rng.IntN(len(m.pool)-len(m.frame)):])
	return at, m.frame
}

// pick chooses a carrier: more than half are short or nearly so, most others full.
func (m *Mixed) pick() carrier {
	size, p := 4, m.rng.IntN(100)
	for i, below := range []int{30, 44, 59, 64} {
		if p < below {
			size = i
			break
		}
	}
	return m.carrier[size][m.rng.IntN(len(m.carrier[size]))]
}

// carriers returns frames with size bytes of payload of every kind, the plain ones more often.
func carriers(size int) []carrier {
	payload := make([]byte, size)
	tcp := Join(u16(443), u16(40000), u32(1), u32(1), []byte{0x50, 0x10}, u16(500), u32(0), payload)
	udp := Join(u16(53), u16(40000), u16(uint16(8+size)), u16(0), payload)
	dst, src := MAC(GuestMAC), MAC(RouterMAC)
	var all []carrier
	for _, l4 := range []struct {
		proto uint8
		b     []byte
	}{{6, tcp}, {6, tcp}, {17, udp}} {
		ip4 := IPv4("192.0.2.1", "192.0.2.2", l4.proto, l4.b)
		ip6 := IPv6("2001:db8::1", "2001:db8::2", 64, l4.proto, l4.b)
		for _, ip := range []struct {
			typ uint16
			b   []byte
		}{{0x0800, ip4}, {0x0800, ip4}, {0x86dd, ip6}} {
			plain := Ethernet(dst, src, nil, ip.typ, ip.b)
			for _, f := range [][]byte{plain, plain, plain, plain, plain, plain, plain,
				Ethernet(dst, src, []uint16{100}, ip.typ, ip.b), inVXLAN(plain)} {
				all = append(all, carrier{f, len(f) - size})
			}
		}
	}
	return all
}

func inVXLAN(frame []byte) []byte {
	return Ethernet(MAC(GuestMAC), MAC(RouterMAC), nil, 0x0800, VXLAN("198.51.100.1", "198.51.100.2", 8472, 5001, frame))
}
