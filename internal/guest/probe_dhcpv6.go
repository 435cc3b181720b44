package guest

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/packet"
)

// Ports, messages, options and codes of DHCPv6 (RFC 8415 §7), as far as they are used.
const (
	portDHCPClient = 546
	portDHCPServer = 547
	udpHeader      = 8

	dhcpSolicit            = 1
	dhcpAdvertise          = 2
	dhcpReply              = 7
	dhcpInformationRequest = 11

	dhcpClientID    = 1
	dhcpServerID    = 2
	dhcpIANA        = 3
	dhcpIAAddress   = 5
	dhcpORO         = 6
	dhcpElapsed     = 8
	dhcpStatus      = 13
	dhcpDNSServers  = 23 // RFC 3646
	dhcpDomainList  = 24
	dhcpInfRefresh  = 32
	dhcpSolMaxRT    = 82
	dhcpInfMaxRT    = 83
	dhcpDUIDLL      = 3
	hardwareIsEther = 1
)

// What is kept of answers at most.
const (
	maxServers    = 16
	maxServerList = 8
)

// dhcpPlan is when to ask: RFC 8415 §15 with IRT 1 s (SOL_TIMEOUT, INF_TIMEOUT), the second time after 1.05 s, as the first wait
// must be longer than IRT (§18.2.1). The third would be after 3.2 s: a server on the link has answered by then. The random delay
// before the first is to keep hosts apart that a power cut started together.
func dhcpPlan() plan {
	return plan{[]time.Duration{0, 1050 * time.Millisecond}, 3100 * time.Millisecond}
}

// othersWait is how long other servers may take that answer after the first.
const othersWait = 300 * time.Millisecond

// dhcpServers returns the group of all DHCPv6 servers and relays, ff02::1:2 (§7.1).
func dhcpServers() netip.Addr { return netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 13: 1, 15: 2}) }

// dhcpQuestion is what asking DHCPv6 servers needs.
type dhcpQuestion struct {
	mac         packet.MAC
	stateless   bool
	transaction uint32 // 24 bits
}

// ask solicits. Nothing is bound by that: a server's Advertise is an offer, and nobody takes it.
func (q *dhcpQuestion) ask(w wire) (*DHCPv6, error) {
	d := &DHCPv6{Stateless: q.stateless}
	begin := w.now()
	var at time.Time
	take := func(m message) bool {
		s, ok := q.answer(m)
		if !ok || len(d.Servers) == maxServers || slices.ContainsFunc(d.Servers, func(o Server) bool { return o.DUID == s.DUID }) {
			return false
		}
		if d.Servers = append(d.Servers, s); len(d.Servers) == 1 {
			d.Time = w.now().Sub(at)
		}
		return true
	}
	err := dhcpPlan().follow(w, func(int) error {
		at = w.now()
		if err := w.send(q.message(at.Sub(begin)), dhcpServers()); err != nil {
			return err
		}
		d.Asked++
		return nil
	}, take)
	if err != nil || len(d.Servers) == 0 {
		return d, err
	}
	for until := w.now().Add(othersWait); ; {
		m, ok, err := w.receive(until)
		if err != nil || !ok {
			return d, err
		}
		take(m)
	}
}

// message returns a UDP datagram with a Solicit (RFC 8415 §18.2.1), or an Information-request (§18.2.6). Rapid Commit is not in
// it, with which a server would give an address away at once.
func (q *dhcpQuestion) message(elapsed time.Duration) []byte {
	b := make([]byte, udpHeader, 128)
	kind := uint32(dhcpSolicit)
	if q.stateless {
		kind = dhcpInformationRequest
	}
	b = binary.BigEndian.AppendUint32(b, kind<<24|q.transaction)
	b = appendOption(b, dhcpClientID, q.duid())
	wanted := []uint16{dhcpDNSServers, dhcpDomainList, dhcpInfRefresh, dhcpInfMaxRT}
	if !q.stateless {
		wanted = []uint16{dhcpDNSServers, dhcpDomainList, dhcpSolMaxRT}
		b = appendOption(b, dhcpIANA, append(slices.Clone(q.mac[2:]), 0, 0, 0, 0, 0, 0, 0, 0)) // IAID; T1, T2
	}
	var oro []byte
	for _, o := range wanted {
		oro = binary.BigEndian.AppendUint16(oro, o)
	}
	b = appendOption(b, dhcpORO, oro)
	hundredths := min(elapsed/(10*time.Millisecond), 0xffff)
	b = appendOption(b, dhcpElapsed, binary.BigEndian.AppendUint16(nil, uint16(hundredths)))
	binary.BigEndian.PutUint16(b, portDHCPClient)
	binary.BigEndian.PutUint16(b[2:], portDHCPServer)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	return b
}

// duid returns the client's DUID-LL (RFC 8415 §11.4).
func (q *dhcpQuestion) duid() []byte {
	return append([]byte{0, dhcpDUIDLL, 0, hardwareIsEther}, q.mac[:]...)
}

func appendOption(b []byte, code uint16, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, code)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// answer reads a UDP datagram that answers the question: an Advertise or a Reply with its transaction, its client and some server
// (RFC 8415 §16.3, §16.10).
func (q *dhcpQuestion) answer(m message) (Server, bool) {
	b := m.data
	if len(b) < udpHeader+4 || binary.BigEndian.Uint16(b[2:]) != portDHCPClient {
		return Server{}, false
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length < udpHeader+4 || length > len(b) {
		return Server{}, false
	}
	b = b[udpHeader:length]
	s := Server{Address: m.from}
	switch {
	case binary.BigEndian.Uint32(b)&0xffffff != q.transaction:
		return s, false
	case b[0] == dhcpAdvertise && !q.stateless:
		s.Message = "advertise"
	case b[0] == dhcpReply:
		s.Message = "reply"
	default:
		return s, false
	}
	mine := false
	whole := options(b[4:], func(code uint16, value []byte) {
		switch code {
		case dhcpClientID:
			mine = slices.Equal(value, q.duid())
		case dhcpServerID:
			s.DUID = hex.EncodeToString(value[:min(len(value), 130)]) // §11.1: at most that
		case dhcpStatus:
			s.status(value)
		case dhcpIANA:
			s.association(value)
		case dhcpDNSServers:
			for ; len(value) >= 16 && len(s.DNS) < maxServerList; value = value[16:] {
				s.DNS = append(s.DNS, netip.AddrFrom16([16]byte(value)))
			}
		}
	})
	return s, whole && mine && s.DUID != ""
}

// status reads a Status Code option (§21.13). Success does not take away what another one said.
func (s *Server) status(b []byte) {
	if len(b) < 2 {
		return
	}
	if code := int(binary.BigEndian.Uint16(b)); code != 0 {
		s.Code, s.CodeText = code, escape(string(b[2:min(len(b), 2+200)]))
	}
}

// association reads an IA_NA option (§21.4).
func (s *Server) association(b []byte) {
	if len(b) < 12 {
		return
	}
	options(b[12:], func(code uint16, value []byte) {
		switch {
		case code == dhcpStatus:
			s.status(value)
		case code == dhcpIAAddress && len(value) >= 24 && len(s.Addresses) < maxServerList:
			s.Addresses = append(s.Addresses, netip.AddrFrom16([16]byte(value)))
		}
	})
}

// options walks over the options in b, and reports whether they are whole.
func options(b []byte, f func(code uint16, value []byte)) bool {
	for len(b) >= 4 {
		n := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return false
		}
		f(binary.BigEndian.Uint16(b), b[4:n])
		b = b[n:]
	}
	return len(b) == 0
}
