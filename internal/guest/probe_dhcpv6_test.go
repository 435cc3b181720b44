package guest

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"v6probe/internal/packet"
)

func theSolicit(stateless bool) *dhcpQuestion {
	return &dhcpQuestion{mac: packet.MAC{2, 0, 0, 0, 0, 2}, stateless: stateless, transaction: 0xabcdef}
}

// dhcp returns a UDP datagram to a client.
func dhcp(kind byte, transaction uint32, options ...[]byte) []byte {
	b := make([]byte, udpHeader)
	b = binary.BigEndian.AppendUint32(b, uint32(kind)<<24|transaction)
	for _, o := range options {
		b = append(b, o...)
	}
	binary.BigEndian.PutUint16(b, portDHCPServer)
	binary.BigEndian.PutUint16(b[2:], portDHCPClient)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	return b
}

func TestDHCPv6Answer(t *testing.T) {
	mine, server := appendOption(nil, dhcpClientID, theSolicit(false).duid()), appendOption(nil, dhcpServerID, []byte{0, 3, 0, 1})
	other := appendOption(nil, dhcpClientID, []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 9})
	none := appendOption(nil, dhcpStatus, []byte("\x00\x02no addresses\n"))
	ia := func(inside []byte) []byte { return appendOption(nil, dhcpIANA, append(make([]byte, 12), inside...)) }
	address := appendOption(nil, dhcpIAAddress, append(addr("2001:db8::7").AsSlice(), make([]byte, 8)...))
	cut := dhcp(dhcpAdvertise, 0xabcdef, mine, server)
	port := dhcp(dhcpAdvertise, 0xabcdef, mine, server)
	port[3]++
	long := dhcp(dhcpAdvertise, 0xabcdef, mine, server)
	long[5]++
	for name, c := range map[string]struct {
		b         []byte
		stateless bool
		want      *Server
	}{
		"advertise":   {dhcp(dhcpAdvertise, 0xabcdef, mine, server), false, &Server{Message: "advertise", DUID: "00030001"}},
		"its trailer": {append(dhcp(dhcpAdvertise, 0xabcdef, mine, server), 0, 0), false, &Server{Message: "advertise", DUID: "00030001"}},
		"an address": {dhcp(dhcpAdvertise, 0xabcdef, mine, server, ia(address)), false,
			&Server{Message: "advertise", DUID: "00030001", Addresses: []netip.Addr{addr("2001:db8::7")}}},
		"no address": {dhcp(dhcpAdvertise, 0xabcdef, mine, server, none), false,
			&Server{Message: "advertise", DUID: "00030001", Code: 2, CodeText: `"no addresses\n"`}},
		"no address in the association": {dhcp(dhcpAdvertise, 0xabcdef, mine, server, ia(none)), false,
			&Server{Message: "advertise", DUID: "00030001", Code: 2, CodeText: `"no addresses\n"`}},
		"reply": {dhcp(dhcpReply, 0xabcdef, mine, server), true, &Server{Message: "reply", DUID: "00030001"}},
		"servers": {dhcp(dhcpReply, 0xabcdef, mine, server, appendOption(nil, dhcpDNSServers, make([]byte, 31))), true,
			&Server{Message: "reply", DUID: "00030001", DNS: []netip.Addr{netip.IPv6Unspecified()}}},
		"advertise to an information": {dhcp(dhcpAdvertise, 0xabcdef, mine, server), true, nil},
		"another transaction":         {dhcp(dhcpAdvertise, 0xabcdee, mine, server), false, nil},
		"another client":              {dhcp(dhcpAdvertise, 0xabcdef, other, server), false, nil},
		"no client":                   {dhcp(dhcpAdvertise, 0xabcdef, server), false, nil},
		"no server":                   {dhcp(dhcpAdvertise, 0xabcdef, mine), false, nil},
		"a solicit":                   {dhcp(dhcpSolicit, 0xabcdef, mine, server), false, nil},
		"another port":                {port, false, nil},
		"cut short":                   {cut[:len(cut)-1], false, nil},
		"longer than it is":           {long, false, nil},
		"an option that is cut":       {dhcp(dhcpAdvertise, 0xabcdef, mine, server, []byte{0, 13, 0, 9}), false, nil},
		"nothing":                     {nil, false, nil},
		"a header":                    {dhcp(dhcpAdvertise, 0xabcdef)[:udpHeader], false, nil},
		"a status of a byte": {dhcp(dhcpAdvertise, 0xabcdef, mine, server, appendOption(nil, dhcpStatus, []byte{2})), false,
			&Server{Message: "advertise", DUID: "00030001"}},
		"an association that is short": {dhcp(dhcpAdvertise, 0xabcdef, mine, server, appendOption(nil, dhcpIANA, address[:11])), false,
			&Server{Message: "advertise", DUID: "00030001"}},
	} {
		s, ok := theSolicit(c.stateless).answer(message{data: c.b, from: addr("fe80::1")})
		if ok != (c.want != nil) {
			t.Errorf("%s: %+v, %v", name, s, ok)
		}
		if !ok || c.want == nil {
			continue
		}
		c.want.Address = addr("fe80::1")
		if s.Message != c.want.Message || s.DUID != c.want.DUID || s.Code != c.want.Code || s.CodeText != c.want.CodeText ||
			s.Address != c.want.Address || !slices.Equal(s.Addresses, c.want.Addresses) || !slices.Equal(s.DNS, c.want.DNS) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestDHCPv6Asks(t *testing.T) {
	mine := appendOption(nil, dhcpClientID, theSolicit(false).duid())
	from := func(server byte) message {
		return message{data: dhcp(dhcpAdvertise, 0xabcdef, mine, appendOption(nil, dhcpServerID, []byte{server})), from: addr("fe80::1")}
	}
	w := newFake(nil)
	d, err := theSolicit(false).ask(w)
	if err != nil || d.Asked != 2 || len(d.Servers) != 0 || !slices.Equal(w.sentAt(), []int64{0, 1050}) ||
		w.clock.Sub(epoch()) != 3100*time.Millisecond {
		t.Errorf("nobody: %+v, %v; at %v until %v", d, err, w.sentAt(), w.clock)
	}
	// Nothing but the time has changed: the transaction is the same (RFC 8415 §16.1).
	a, b := w.sent[0].b, w.sent[1].b
	if n := len(a); n != len(b) || string(a[:n-2]) != string(b[:n-2]) || binary.BigEndian.Uint16(b[n-2:]) != 105 ||
		a[8] != dhcpSolicit ||
		w.sent[0].to != addr("ff02::1:2") || int(binary.BigEndian.Uint16(a[4:])) != n {
		t.Errorf("sent %x, %x", a, b)
	}
	var codes []uint16
	if !options(a[12:], func(code uint16, _ []byte) { codes = append(codes, code) }) || !slices.Equal(codes, []uint16{1, 3, 6, 8}) {
		t.Errorf("options %v", codes)
	}
	// The second server comes within the time that is left after the first, the third after it.
	w = newFake(func(i int, _ []byte, _ netip.Addr) []arrival {
		if i == 0 {
			return nil
		}
		return []arrival{{after: 5 * time.Millisecond, m: from(1)}, {after: 6 * time.Millisecond, m: from(1)},
			{after: 300 * time.Millisecond, m: from(2)}, {after: 400 * time.Millisecond, m: from(3)}}
	})
	if d, err := theSolicit(false).ask(w); err != nil || len(d.Servers) != 2 || d.Asked != 2 || d.Time != 5*time.Millisecond {
		t.Errorf("two servers: %+v, %v", d, err)
	}
	// A flood of servers is kept within bounds, and ends.
	w = newFake(func(int, []byte, netip.Addr) []arrival {
		var all []arrival
		for i := range 255 {
			all = append(all, arrival{after: time.Duration(i) * time.Microsecond, m: from(byte(i))})
		}
		return all
	})
	if d, err := theSolicit(false).ask(w); err != nil || len(d.Servers) != maxServers {
		t.Errorf("a flood: %+v, %v", d, err)
	}
	q := theSolicit(true)
	w = newFake(nil)
	q.ask(w)
	if b := w.sent[0].b; b[8] != dhcpInformationRequest || len(b) >= len(a) {
		t.Errorf("stateless: %x", b)
	}
}
