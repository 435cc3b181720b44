package report

import (
	"net/netip"
	"strconv"
	"time"

	"v6probe/internal/icmp6"
)

// errorFields appends what an ICMPv6 error says.
func (o object) errorFields(m *icmp6.Message) object {
	switch {
	case m.Short:
		return o
	case m.Type == icmp6.TypePacketTooBig:
		o = o.uint("mtu", uint64(m.MTU()))
	case m.Type == icmp6.TypeParameterProblem:
		o = o.uint("pointer", uint64(m.Pointer()))
	}
	return o.quoted(m.Quoted())
}

// quoted appends the packet that an error or a Redirect quotes; what is no IPv6 packet as its bytes.
func (o object) quoted(b []byte) object {
	if len(b) == 0 {
		return o
	}
	q, ok := icmp6.ParseQuote(b)
	if !ok {
		return o.hex("quoted_raw", b)
	}
	o = o.raw(`,"quoted":{"source":"`).ip(q.Source).raw(`","destination":"`).ip(q.Destination)
	o = o.raw(`","length":`).num(uint64(q.Length)).raw(`,"bytes":`).num(uint64(q.Bytes))
	o = o.raw(`,"hop_limit":`).num(uint64(q.HopLimit)).raw(`,"protocol":`).num(uint64(q.Protocol))
	if q.ExtensionCount > 0 {
		o = o.key("extensions").open('[')
		for _, e := range q.Extensions[:min(q.ExtensionCount, len(q.Extensions))] {
			o = strconv.AppendUint(o.elem(), uint64(e), 10)
		}
		o = o.close(']')
	}
	if q.IsFragment {
		o = o.uint("fragment_offset", uint64(q.FragmentOffset)).uint("fragment_id", uint64(q.FragmentID))
	}
	if q.HasPorts {
		o = o.uint("source_port", uint64(q.SourcePort)).uint("destination_port", uint64(q.DestinationPort))
	}
	if q.HasICMP {
		o = o.uint("icmp_type", uint64(q.ICMPType)).uint("icmp_code", uint64(q.ICMPCode))
		o = o.key("message").string(q.ICMPType.String())
		if a := quotedTarget(&q); a.IsValid() {
			o = o.addr("target", a)
		}
	}
	if q.HasEcho {
		o = o.uint("echo_id", uint64(q.EchoID)).uint("echo_sequence", uint64(q.EchoSequence))
	}
	return o.close('}')
}

// mldFields appends what an MLD message says.
func (o object) mldFields(m *icmp6.Message) object {
	if q, ok := m.MLDQuery(); ok {
		o = o.uint("max_response_delay", uint64(q.MaxResponseDelay/time.Millisecond)).addr("group", q.Group)
		if q.V2 {
			o = o.uint("robustness", uint64(q.Robustness)).uint("interval", uint64(q.Interval/time.Second))
			o = o.bool("suppress", q.Suppress).uint("source_count", uint64(q.Sources))
		}
		return o
	}
	if g, ok := m.MLDGroup(); ok {
		return o.addr("group", g)
	}
	if m.Type != icmp6.TypeMLDv2Report {
		return o
	}
	o = o.key("records").open('[')
	for r := range m.MLDRecords() {
		o = o.elem().open('{').uint("type", uint64(r.Type)).key("name").string(recordName(r.Type)).addr("group", r.Group)
		o = o.key("sources").open('[')
		for s := r.Sources; len(s) >= 16; s = s[16:] {
			o = o.element(netip.AddrFrom16([16]byte(s)))
		}
		o = o.close(']').close('}')
	}
	return o.close(']')
}

// recordName names the type of a record of an MLDv2 Report (RFC 3810 §5.2.12).
func recordName(t uint8) string {
	switch t {
	case 1:
		return "mode-is-include"
	case 2:
		return "mode-is-exclude"
	case 3:
		return "change-to-include"
	case 4:
		return "change-to-exclude"
	case 5:
		return "allow-new-sources"
	case 6:
		return "block-old-sources"
	}
	return "record-" + strconv.Itoa(int(t))
}
