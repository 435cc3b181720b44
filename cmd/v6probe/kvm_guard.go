package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"v6probe/internal/host"
	"v6probe/internal/icmp6"
	"v6probe/internal/inject"
	"v6probe/internal/kvm"
	"v6probe/internal/packet"
	"v6probe/internal/trace"
)

// guardTime is how long what was sent may take to come out somewhere.
const guardTime = 3 * time.Second

// guardTest sends Router Advertisements as the machine behind a port would, in three forms. They offer nothing: the router
// lifetime is 0 and there is no prefix.
type guardTest struct {
	port   string
	mac    packet.MAC
	source netip.Addr
	nonce  []byte // by which they are known again
}

// newGuardTest prepares to send as the machine behind a port of a bridge. guest says that the rules of a security group name the
// port. What is behind another one may be the router itself: if that advertised a lifetime of 0, all guests would lose their
// default route, so that the source is then an address of nobody's.
func newGuardTest(name string, b *host.Bridge, guest bool) (*guardTest, error) {
	i := slices.IndexFunc(b.Ports, func(p host.BridgePort) bool { return p.Name == name })
	if i < 0 {
		var names []string
		for _, p := range b.Ports {
			names = append(names, p.Name)
		}
		return nil, hinted("its ports are "+strings.Join(names, ", "), "--test-guard: %q is no port of %s", name, b.Name)
	}
	if !kvm.IsTap(b.Ports[i]) {
		return nil, hinted("name a guest's tap", "--test-guard: %s leads to other hosts, and what their routers advertise must come in by it", name)
	}
	g := &guardTest{port: name, mac: packet.MAC(b.Ports[i].Address), nonce: make([]byte, 14)}
	if len(b.Ports[i].Stations) > 0 { // the rules of a security group may ask for the machine's own address
		g.mac = packet.MAC(b.Ports[i].Stations[0])
	}
	rand.Read(g.nonce)
	g.source = packet.LinkLocal(g.mac)
	if !guest {
		g.source = netip.AddrFrom16([16]byte(slices.Concat([]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0}, g.nonce[:8])))
	}
	return g, nil
}

// sent reports whether p is one of those that were sent.
func (g *guardTest) sent(p *packet.Packet) bool { return bytes.Contains(p.Payload, g.nonce) }

// send sends each form once. What it makes for that is gone when it returns: nothing that ends this process later, not even
// SIGKILL, leaves it behind.
func (g *guardTest) send() error {
	injector, err := inject.Into(g.port)
	if err != nil {
		return err
	}
	for _, frame := range g.frames() {
		if err := injector.Send(frame); err != nil {
			return errors.Join(err, injector.Close())
		}
	}
	return injector.Close()
}

// verdict says what was stopped.
func (g *guardTest) verdict(paths []trace.Path) string {
	seen := 0
	for _, p := range paths {
		if p.Test {
			seen++
		}
	}
	if seen == 0 {
		return "None of the three test advertisements was seen to come in by " + g.port + ": something before the bridge takes them."
	}
	return "No test advertisement came out of another port than " + g.port + ": plain, behind an extension header, in fragments."
}

// The protocol numbers of IPv6's headers.
const (
	nextFragment    = 44
	nextICMPv6      = 58
	nextDestOptions = 60
)

// frames returns a Router Advertisement in Ethernet: plain, behind a Destination Options header, and in two fragments of which
// the first has no more than such a header (RFC 7113 §2).
func (g *guardTest) frames() [][]byte {
	source := g.source
	message := make([]byte, 16, 32)
	message[0] = byte(icmp6.TypeRouterAdvertisement)
	message = append(append(message, 253, 2), g.nonce...) // an experimental option (RFC 4727 §5.1.3) of two units
	binary.BigEndian.PutUint16(message[2:], checksum(source, message))

	options := func(next byte) []byte { return []byte{next, 0, 1, 4, 0, 0, 0, 0} } // PadN
	hidden := append(options(nextICMPv6), message...)
	id := g.nonce[:4]
	fragment := func(offset uint16, more uint16, part []byte) []byte {
		h := append([]byte{nextDestOptions, 0}, 0, 0, id[0], id[1], id[2], id[3])
		binary.BigEndian.PutUint16(h[2:], offset|more)
		return append(h, part...)
	}
	return [][]byte{
		g.frame(source, nextICMPv6, message),
		g.frame(source, nextDestOptions, hidden),
		g.frame(source, nextFragment, fragment(0, 1, hidden[:8])),
		g.frame(source, nextFragment, fragment(8, 0, hidden[8:])),
	}
}

func (g *guardTest) frame(source netip.Addr, next byte, payload []byte) []byte {
	b := append([]byte{0x33, 0x33, 0, 0, 0, 1}, g.mac[:]...)
	b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = append(b, next, 255)
	b = append(append(b, source.AsSlice()...), netip.IPv6LinkLocalAllNodes().AsSlice()...)
	return append(b, payload...)
}

// checksum is that of an ICMPv6 message to all nodes whose checksum field is 0 (RFC 4443 §2.3).
func checksum(source netip.Addr, message []byte) uint16 {
	pseudo := append(source.AsSlice(), netip.IPv6LinkLocalAllNodes().AsSlice()...)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(message)))
	pseudo = append(append(pseudo, 0, 0, 0, nextICMPv6), message...)
	var sum uint32
	for i := 0; i+1 < len(pseudo); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(pseudo[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
