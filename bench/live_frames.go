//go:build linux

package main

import (
	"bytes"
	"fmt"

	"v6probe/internal/craft"
)

// spot is four bytes of a frame that differ from one to the next.
type spot struct {
	offset int
	number int // of the random numbers of a frame, which of them these bytes are
	// inverted has its ones' complement there. A checksum over a number and its complement is the same for all numbers, so
	// that it need not be made anew. The frame is made with zeros for the number and ones for the complement.
	inverted bool
}

// flood is a frame that is sent again and again, its spots filled in. The spots are in the order of their numbers.
type flood struct {
	frame []byte
	spots []spot
}

// Where things are in a frame.
const (
	livePacket  = 14              // the IPv6 header
	liveMessage = livePacket + 40 // what follows it
	liveSender  = livePacket + 8  // the source address
	ones        = "ff:ff:ff:ff"
)

// udpFlood is datagrams from many to one address.
func udpFlood() *flood {
	const src = "fe80::1:0:0"
	payload := append([]byte{0xff, 0xff, 0xff, 0xff}, make([]byte, 14)...)
	ip := craft.IPv6(src, craft.GuestLL, 64, 17, craft.UDP6(src, craft.GuestLL, 4000, 9, payload))
	return &flood{craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 0x86dd, ip), []spot{
		{offset: liveSender + 12, number: 0},
		{offset: liveMessage + 8, number: 0, inverted: true},
	}}
}

// nsFlood is solicitations from many for many addresses, which have one solicited-node group.
func nsFlood() *flood {
	const target, group = "fe80::1", "ff02::1:ff00:1"
	return &flood{craft.Frame("02:00:"+ones, "fe80::ffff:ffff:0:0", group, craft.NS(target, craft.SLLA("02:00:"+ones))), []spot{
		{offset: liveSender + 12, number: 0},
		{offset: 6 + 2, number: 0, inverted: true}, // which no checksum is over
		{offset: liveMessage + 24 + 4, number: 0, inverted: true},
		{offset: liveMessage + 8 + 8, number: 1},
		{offset: liveSender + 8, number: 1, inverted: true},
	}}
}

// raFlood is advertisements, nearly each of a router and a prefix of its own.
func raFlood() *flood {
	msg := craft.RA{CurHopLimit: 64, Lifetime: 1800}.Message(craft.PIO("2001:db8::", 64, 0xc0, 7200, 3600),
		craft.SLLA("02:00:"+ones))
	return &flood{craft.Frame("02:00:"+ones, "fe80::ffff:ffff:0:0", craft.AllNodes, msg), []spot{
		{offset: liveSender + 12, number: 0},
		{offset: 6 + 2, number: 0, inverted: true},
		{offset: liveMessage + 16 + 32 + 4, number: 0, inverted: true},
		{offset: liveMessage + 16 + 16 + 4, number: 1},
		{offset: liveSender + 8, number: 1, inverted: true},
	}}
}

// knownRouter returns advertisements of one router that is about to go: the lifetimes of its prefix count down, so that no
// two are the same.
func knownRouter(count int) [][]byte {
	list := make([][]byte, count)
	for i := range list {
		left := uint32(86400 + count - i)
		list[i] = craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes,
			craft.CloudStackRA().Message(craft.PIO("fd17:625c:f037:2::", 64, 0xc0, left, left/2), craft.SLLA(craft.RouterMAC)))
	}
	return list
}

// advertMark is what v6probe ra --json writes of such an advertisement, once.
var advertMark = []byte(fmt.Sprintf(`"message":"router-advertisement","source":%q,`, craft.RouterLL))

// scribe reads what a program writes: it counts a mark and keeps the end.
type scribe struct {
	mark  []byte // may be empty
	marks int
	end   []byte
}

const scribeKeeps = 8 << 10

func (s *scribe) Write(p []byte) (int, error) {
	n := len(p)
	if len(s.mark) > 0 {
		// A mark may be in two parts, the first of which ends what was written before.
		seam := append(bytes.Clone(s.end[max(0, len(s.end)-len(s.mark)+1):]), p[:min(len(p), len(s.mark)-1)]...)
		s.marks += bytes.Count(seam, s.mark) + bytes.Count(p, s.mark)
	}
	p = p[max(0, len(p)-scribeKeeps):]
	s.end = append(s.end[max(0, min(len(s.end), len(s.end)+len(p)-scribeKeeps)):], p...)
	return n, nil
}
