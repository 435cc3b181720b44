package craft

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Neighbors makes the neighbor discovery of a healthy link, a message a second, always the same for the same seed: a third
// are Router Advertisements of two CloudStack routers, in turn, nearly all others guests that ask and are answered, and a few
// guests that start and Packets Too Big. It is meant for measuring speed.
type Neighbors struct {
	rng     *rand.Rand
	n       int
	adverts [2][]byte
	guests  []neighbor
	answer  []byte // the next message, when the last one was a question
}

// neighbor is what a guest takes part in.
type neighbor struct{ rs, ask, answer, confirm, confirmed, tooBig []byte }

// neighborGap is the time between two messages: the routers advertise every six seconds each, as radvd does at its slowest
// where CloudStack sets it up.
const neighborGap = time.Second

// NewNeighbors returns the messages for seed.
func NewNeighbors(seed uint64) *Neighbors {
	m := &Neighbors{rng: rand.New(rand.NewPCG(seed, 1))}
	const second, secondLL = "02:00:00:00:02:02", "fe80::ff:fe00:202"
	options := append(CloudStackOptions(), DNSSL(30, Name("cs1cloud", "internal")))
	m.adverts[0] = Frame(RouterMAC, RouterLL, AllNodes, CloudStackRA().Message(options...))
	options[2] = SLLA(second)
	m.adverts[1] = Frame(second, secondLL, AllNodes, CloudStackRA().Message(options...))
	for i := range 200 {
		m.guests = append(m.guests, newNeighbor(i+1))
	}
	return m
}

func newNeighbor(i int) neighbor {
	mac := fmt.Sprintf("02:00:00:01:00:%02x", i)
	ll, global := fmt.Sprintf("fe80::ff:fe01:%x", i), fmt.Sprintf("fd17:625c:f037:2:0:ff:fe01:%x", i)
	group := fmt.Sprintf("ff02::1:ff01:%x", i)
	const server = "2001:db8::1"
	quoted := IPv6(global, server, 64, 6, make([]byte, 1192))
	toRouter := func(src, dst string, msg []byte) []byte {
		return Ethernet(MAC(RouterMAC), MAC(mac), nil, 0x86dd, IPv6(src, dst, 255, 58, ICMPv6(src, dst, msg)))
	}
	toGuest := func(src, dst string, hops uint8, msg []byte) []byte {
		return Ethernet(MAC(mac), MAC(RouterMAC), nil, 0x86dd, IPv6(src, dst, hops, 58, ICMPv6(src, dst, msg)))
	}
	return neighbor{
		rs:        Frame(mac, ll, "ff02::2", RS(SLLA(mac))),
		ask:       Frame(RouterMAC, RouterLL, group, NS(global, SLLA(RouterMAC))),
		answer:    toRouter(global, RouterLL, NA(0x60, global, TLLA(mac))),
		confirm:   toRouter(ll, RouterLL, NS(RouterLL, SLLA(mac))),
		confirmed: toGuest(RouterLL, ll, 255, NA(0xc0, RouterLL)),
		tooBig:    toGuest(server, global, 63, TooBig(1400, quoted)),
	}
}

// Next returns a frame and its time since the first. The frame is valid until the next call.
func (m *Neighbors) Next() (time.Duration, []byte) {
	at := time.Duration(m.n) * neighborGap
	m.n++
	if m.n%3 == 0 {
		return at, m.adverts[m.n/3%2]
	}
	if f := m.answer; f != nil {
		m.answer = nil
		return at, f
	}
	g := &m.guests[m.rng.IntN(len(m.guests))]
	switch p := m.rng.IntN(100); {
	case p < 3:
		return at, g.rs
	case p < 7:
		return at, g.tooBig
	case p < 40:
		m.answer = g.answer
		return at, g.ask
	}
	m.answer = g.confirmed
	return at, g.confirm
}

// Strangers makes a flood of Router Advertisements as an attacker's tool does: each from a router of its own, for a prefix
// of its own, 20 µs apart.
type Strangers struct {
	rng   *rand.Rand
	n     int
	frame []byte
}

// NewStrangers returns the flood for seed.
func NewStrangers(seed uint64) *Strangers {
	return &Strangers{rng: rand.New(rand.NewPCG(seed, 2))}
}

// Next returns a frame and its time since the first. The frame is valid until the next call.
func (m *Strangers) Next() (time.Duration, []byte) {
	at := time.Duration(m.n) * 20 * time.Microsecond
	m.n++
	source := Addr("fe80::")
	binary.BigEndian.PutUint64(source[8:], m.rng.Uint64())
	prefix := Addr("2001:db8::")
	binary.BigEndian.PutUint32(prefix[4:], m.rng.Uint32())
	mac := []byte{2, 0, source[12], source[13], source[14], source[15]}
	pio := Option(3, []byte{64, 0xc0}, u32(7200), u32(3600), u32(0), prefix)
	msg := RA{CurHopLimit: 64, Lifetime: 1800}.Message(pio, Option(1, mac))
	src := netip.AddrFrom16([16]byte(source)).String()
	m.frame = Ethernet(MAC("33:33:00:00:00:01"), mac, nil, 0x86dd, IPv6(src, AllNodes, 255, 58, ICMPv6(src, AllNodes, msg)))
	return at, m.frame
}
