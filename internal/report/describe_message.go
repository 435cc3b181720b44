package report

import (
	"fmt"
	"net/netip"
	"strings"

	"v6probe/internal/icmp6"
)

// usualHopLimit reports whether the hop limit of a message goes without saying: it is the one of all messages that no
// router forwards, or one that errors begin with.
func usualHopLimit(t icmp6.Type, limit uint8) bool {
	if t.IsMLD() {
		return limit == 1
	}
	return limit == 255 || limit == 64 && t.IsError()
}

// describeMessage appends what m says apart from its options, in the words of one line. said is the option that is told
// with it, -1 for none.
func describeMessage(b *strings.Builder, m *icmp6.Message) (said int) {
	said = -1
	switch m.Type {
	case icmp6.TypeRouterAdvertisement:
		fmt.Fprintf(b, ", lifetime %s, flags %s", seconds(uint32(m.RA.RouterLifetime)), shortFlags(m.RA))
	case icmp6.TypeNeighborSolicitation:
		b.WriteString(", who has " + address(m.Target))
	case icmp6.TypeNeighborAdvertisement:
		b.WriteString(", " + address(m.Target))
		if said = targetMAC(m); said >= 0 {
			a, _ := m.Options[said].LinkLayerAddress()
			b.WriteString(" is at " + string(appendMAC(nil, a)))
		} else {
			b.WriteString(" is here, no MAC given")
		}
		b.WriteString(", flags " + neighborFlags(m.NA))
	case icmp6.TypeRedirect:
		if m.Target.IsValid() && m.Target == m.RedirectDestination {
			b.WriteString(", " + address(m.Target) + " is on-link")
		} else {
			b.WriteString(", " + address(m.RedirectDestination) + " via " + address(m.Target))
		}
	default:
		if m.Type.IsError() {
			describeError(b, m)
		} else if m.Type.IsMLD() {
			describeMLD(b, m)
		}
	}
	if m.Short {
		b.WriteString(", cut short")
	}
	return said
}

// targetMAC returns which option of m is its whole target link-layer address, -1 for none.
func targetMAC(m *icmp6.Message) int {
	for i := range m.Options {
		if o := &m.Options[i]; o.Type == icmp6.OptTargetLinkLayerAddress && o.Fault == icmp6.FaultNone {
			if _, ok := o.LinkLayerAddress(); ok {
				return i
			}
		}
	}
	return -1
}

func neighborFlags(f icmp6.NeighborFlags) string {
	var s []string
	for _, b := range []struct {
		on   bool
		name string
	}{{f.Router, "R"}, {f.Solicited, "S"}, {f.Override, "O"}} {
		if b.on {
			s = append(s, b.name)
		}
	}
	if len(s) == 0 {
		return "none"
	}
	return strings.Join(s, " ")
}

// describeError says an ICMPv6 error: ", mtu 1400, for fd17::a.43210 > 2001:db8::80.443 tcp, length 1500".
func describeError(b *strings.Builder, m *icmp6.Message) {
	if m.Type == icmp6.TypePacketTooBig && !m.Short {
		fmt.Fprintf(b, ", mtu %d", m.MTU())
	}
	if m.Type == icmp6.TypeParameterProblem && !m.Short {
		fmt.Fprintf(b, ", pointer %d", m.Pointer())
	}
	b.WriteString(", for " + quoteText(m.Quoted()))
}

// quoteText says a quoted packet: "fd17::a.43210 > 2001:db8::80.443 tcp, length 1500".
func quoteText(quoted []byte) string {
	if len(quoted) == 0 {
		return "a packet that is not quoted"
	}
	q, ok := icmp6.ParseQuote(quoted)
	if !ok {
		return fmt.Sprintf("%d bytes that are no IPv6 packet", len(quoted))
	}
	var s string
	switch {
	case q.HasPorts:
		s = fmt.Sprintf("%v.%d > %v.%d %s", q.Source, q.SourcePort, q.Destination, q.DestinationPort, protocol(q.Protocol))
	case q.HasEcho:
		s = fmt.Sprintf("%v > %v %v id %d seq %d", q.Source, q.Destination, q.ICMPType, q.EchoID, q.EchoSequence)
	case q.HasICMP:
		s = fmt.Sprintf("%v > %v %v", q.Source, q.Destination, q.ICMPType)
		if a := quotedTarget(&q); a.IsValid() {
			s += ", target " + a.String()
		}
	default:
		s = fmt.Sprintf("%v > %v %s", q.Source, q.Destination, protocol(q.Protocol))
	}
	if q.IsFragment {
		s += fmt.Sprintf(", fragment at %d", q.FragmentOffset)
	}
	return s + fmt.Sprintf(", length %d", q.Length)
}

// quotedTarget returns the target of a quoted NS, NA or Redirect; the zero Addr where there is none.
func quotedTarget(q *icmp6.Quote) netip.Addr {
	switch q.ICMPType {
	case icmp6.TypeNeighborSolicitation, icmp6.TypeNeighborAdvertisement, icmp6.TypeRedirect:
		if q.HasICMP && len(q.Payload) >= 24 {
			return netip.AddrFrom16([16]byte(q.Payload[8:]))
		}
	}
	return netip.Addr{}
}

// maxRecords is how many records of a report, and sources of a record, stand on a line.
const maxRecords = 8

// describeMLD says an MLD message: ", to_ex ff02::1:ff00:1".
func describeMLD(b *strings.Builder, m *icmp6.Message) {
	if q, ok := m.MLDQuery(); ok {
		if q.Group.IsUnspecified() {
			b.WriteString(", general")
		} else {
			b.WriteString(", group " + address(q.Group))
		}
		fmt.Fprintf(b, ", max delay %s", Duration(q.MaxResponseDelay))
		if q.Sources > 0 {
			b.WriteString(", " + Plural(q.Sources, "source"))
		}
		return
	}
	if g, ok := m.MLDGroup(); ok {
		b.WriteString(", group " + address(g))
		return
	}
	n := 0
	for r := range m.MLDRecords() {
		if n++; n > maxRecords {
			continue
		}
		fmt.Fprintf(b, ", %s %v", recordWord(r.Type), r.Group)
		if s := r.Sources; len(s) >= 16 {
			b.WriteString(" from")
			for i := range min(len(s)/16, maxRecords) {
				fmt.Fprintf(b, " %v", netip.AddrFrom16([16]byte(s[16*i:])))
			}
			if more := len(s)/16 - maxRecords; more > 0 {
				fmt.Fprintf(b, " and %d more", more)
			}
		}
	}
	if n > maxRecords {
		fmt.Fprintf(b, ", and %s more", Plural(n-maxRecords, "record"))
	}
}

// recordWord names the type of a record of an MLDv2 Report (RFC 3810 §5.2.12) as short as tcpdump does.
func recordWord(t uint8) string {
	switch t {
	case 1:
		return "is_in"
	case 2:
		return "is_ex"
	case 3:
		return "to_in"
	case 4:
		return "to_ex"
	case 5:
		return "allow"
	case 6:
		return "block"
	}
	return fmt.Sprintf("record type %d", t)
}
