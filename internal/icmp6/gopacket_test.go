package icmp6

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"v6probe/internal/craft"
)

// randomAddr returns an address of 2001:db8::/32.
func randomAddr(r *rand.Rand) string {
	b := [16]byte{0x20, 0x01, 0x0d, 0xb8}
	for i := 4; i < 16; i++ {
		b[i] = byte(r.Uint32())
	}
	return netip.AddrFrom16(b).String()
}

// randomPacket returns an IPv6 packet as an error may quote it, with extension headers that gopacket knows.
func randomPacket(r *rand.Rand) []byte {
	src, dst := randomAddr(r), randomAddr(r)
	data := make([]byte, r.IntN(60))
	echo := craft.Echo(len(data))
	echo[0] += byte(r.IntN(2))
	echo[4], echo[6] = byte(r.Uint32()), byte(r.Uint32())
	upper := []struct {
		proto uint8
		b     []byte
	}{
		{6, craft.TCP6(src, dst, uint16(r.Uint32()), uint16(r.Uint32()), data)},
		{17, craft.UDP6(src, dst, uint16(r.Uint32()), uint16(r.Uint32()), data)},
		{58, echo},
		{58, craft.NS(dst, craft.SLLA(craft.GuestMAC))},
		{58, craft.MLDv2Report("ff02::1:ff00:1")},
	}[r.IntN(5)]
	next, b := upper.proto, upper.b
	for range r.IntN(4) {
		units := uint8(r.IntN(4))
		switch r.IntN(4) {
		case 0:
			next, b = 60, craft.Join(craft.DestinationOptions(next, units), b)
		case 1:
			next, b = 51, craft.Join(craft.AH(next, 4), b)
		case 2:
			addrs := make([]byte, 16*int(units))
			next, b = 43, craft.Join([]byte{next, 2 * units, 0, units, 0, 0, 0, 0}, addrs, b)
		case 3:
			more := r.IntN(2) == 0
			next, b = 44, craft.Join(craft.FragmentHeader(next, uint16(r.Uint32N(3))*1448, more, r.Uint32()), b)
		}
	}
	if r.IntN(4) == 0 {
		next, b = 0, craft.Join(craft.HopByHop(next), b)
	}
	p := craft.IPv6(src, dst, uint8(r.Uint32()), next, b)
	p[0], p[1], p[3] = 0x60|byte(r.Uint32N(16)), byte(r.Uint32()), byte(r.Uint32())
	return p
}

// TestQuoteAgainstGopacket compares what ParseQuote and gopacket read from packets, many of them cut short. gopacket
// reads a layer only when all of it is there, and nothing behind a Fragment header.
func TestQuoteAgainstGopacket(t *testing.T) {
	r := rand.New(rand.NewPCG(4443, 6))
	seen := make(map[gopacket.LayerType]int)
	for range 5000 {
		b := randomPacket(r)
		if r.IntN(2) == 0 {
			b = b[:40+r.IntN(len(b)-39)]
		}
		q, ok := ParseQuote(b)
		if !ok || q.Bytes != len(b) {
			t.Fatalf("% x: %v, %+v", b, ok, q)
		}
		var extensions []uint8
		for _, layer := range gopacket.NewPacket(b, layers.LayerTypeIPv6, gopacket.NoCopy).Layers() {
			typ := layer.LayerType()
			if (typ == layers.LayerTypeTCP || typ == layers.LayerTypeUDP) && len(layer.LayerContents()) == 0 {
				continue // its header is not all there
			}
			seen[typ]++
			switch typ {
			case layers.LayerTypeIPv6HopByHop:
				extensions = append(extensions, 0)
			case layers.LayerTypeIPv6Destination:
				extensions = append(extensions, 60)
			case layers.LayerTypeIPv6Routing:
				extensions = append(extensions, 43)
			case layers.LayerTypeIPSecAH:
				extensions = append(extensions, 51)
			case layers.LayerTypeIPv6Fragment:
				extensions = append(extensions, 44)
			}
			if !agrees(&q, layer) {
				t.Fatalf("% x:\n%+v\ngopacket: %+v", b, q, layer)
			}
		}
		if n := len(extensions); n > q.ExtensionCount || !slices.Equal(extensions, q.Extensions[:n]) {
			t.Fatalf("% x:\n%+v\ngopacket: %v", b, q, extensions)
		}
	}
	for _, typ := range []gopacket.LayerType{layers.LayerTypeIPv6, layers.LayerTypeIPv6HopByHop, layers.LayerTypeIPSecAH,
		layers.LayerTypeIPv6Destination, layers.LayerTypeIPv6Routing, layers.LayerTypeIPv6Fragment, layers.LayerTypeTCP,
		layers.LayerTypeUDP, layers.LayerTypeICMPv6, layers.LayerTypeICMPv6Echo} {
		if seen[typ] == 0 {
			t.Errorf("%v never came up", typ)
		}
	}
}

// agrees reports whether q says what gopacket says of a layer.
func agrees(q *Quote, layer gopacket.Layer) bool {
	switch l := layer.(type) {
	case *layers.IPv6:
		return bytes.Equal(l.SrcIP, q.Source.AsSlice()) && bytes.Equal(l.DstIP, q.Destination.AsSlice()) &&
			l.TrafficClass == q.TrafficClass && l.FlowLabel == q.FlowLabel && l.HopLimit == q.HopLimit &&
			40+int(l.Length) == q.Length
	case *layers.IPv6Fragment:
		// In a chain of them, the last that was read is not always gopacket's.
		return q.IsFragment && (q.FragmentID != l.Identification || q.FragmentOffset == 8*int(l.FragmentOffset))
	case *layers.TCP:
		return q.HasPorts && q.Protocol == 6 && q.SourcePort == uint16(l.SrcPort) && q.DestinationPort == uint16(l.DstPort) &&
			bytes.HasPrefix(q.Payload, l.Contents)
	case *layers.UDP:
		return q.HasPorts && q.Protocol == 17 && q.SourcePort == uint16(l.SrcPort) && q.DestinationPort == uint16(l.DstPort) &&
			bytes.HasPrefix(q.Payload, l.Contents)
	case *layers.ICMPv6:
		return q.HasICMP && q.Protocol == 58 && byte(q.ICMPType) == l.TypeCode.Type() && q.ICMPCode == l.TypeCode.Code()
	case *layers.ICMPv6Echo:
		return q.HasEcho && q.EchoID == l.Identifier && q.EchoSequence == l.SeqNumber
	}
	return true
}

// TestMLDAgainstGopacket compares queries and reports. gopacket gets floating-point codes wrong: they are left out.
func TestMLDAgainstGopacket(t *testing.T) {
	r := rand.New(rand.NewPCG(3810, 143))
	groups := func(n int) (list []string) {
		for range n {
			list = append(list, randomAddr(r))
		}
		return list
	}
	for range 2000 {
		q := decode(craft.MLDv2Query(uint16(r.Uint32())&0x7fff, randomAddr(r), uint8(r.Uint32()), uint8(r.Uint32())&0x7f,
			groups(r.IntN(4))...))
		var query layers.MLDv2MulticastListenerQueryMessage
		if err := query.DecodeFromBytes(q.Raw[4:], gopacket.NilDecodeFeedback); err != nil {
			t.Fatal(err)
		}
		want := MLDQuery{V2: true, MaxResponseDelay: time.Duration(query.MaximumResponseCode) * time.Millisecond,
			Group: netip.AddrFrom16([16]byte(query.MulticastAddress)), Suppress: query.SuppressRoutersideProcessing,
			Robustness: query.QueriersRobustnessVariable, Interval: query.QQI(), Sources: int(query.NumberOfSources)}
		if got, ok := q.MLDQuery(); !ok || got != want {
			t.Fatalf("% x:\ngot      %+v\ngopacket %+v", q.Raw, got, want)
		}

		var records [][]byte
		for range r.IntN(5) {
			auxiliary := make([]byte, 4*r.IntN(3))
			b := craft.Join(craft.MLDRecord(uint8(r.IntN(8)), randomAddr(r), groups(r.IntN(4))...), auxiliary)
			b[1] = byte(len(auxiliary) / 4)
			records = append(records, b)
		}
		m := decode(craft.MLDv2ReportOf(records...))
		var report layers.MLDv2MulticastListenerReportMessage
		if err := report.DecodeFromBytes(m.Raw[4:], gopacket.NilDecodeFeedback); err != nil {
			t.Fatal(err)
		}
		i := 0
		for got := range m.MLDRecords() {
			if i == len(report.MulticastAddressRecords) {
				t.Fatalf("% x: more than %d records", m.Raw, i)
			}
			want := report.MulticastAddressRecords[i]
			var sources []byte
			for _, a := range want.SourceAddresses {
				sources = append(sources, a...)
			}
			if got.Type != uint8(want.RecordType) || !bytes.Equal(got.Group.AsSlice(), want.MulticastAddress) ||
				!bytes.Equal(got.Sources, sources) || !bytes.HasPrefix(m.Raw[got.Offset:], records[i]) {
				t.Fatalf("% x: record %d\ngot      %+v\ngopacket %+v", m.Raw, i, got, want)
			}
			i++
		}
		if i != len(report.MulticastAddressRecords) {
			t.Fatalf("% x: %d records, gopacket has %d", m.Raw, i, len(report.MulticastAddressRecords))
		}
	}
}
