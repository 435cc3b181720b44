package nd

import (
	"strings"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// mldBehind returns the frame of an MLD message with a hop limit and the headers given, which lead to it.
func mldBehind(from node, dst string, hopLimit, next uint8, headers, msg []byte) []byte {
	return craft.EthernetIPv6(from.mac, dst, craft.IPv6(from.addr, dst, hopLimit, next, craft.Join(headers,
		craft.ICMPv6(from.addr, dst, msg))))
}

func mldFrom(from node, dst string, msg []byte) []byte {
	return craft.MLDFrame(from.mac, from.addr, dst, msg)
}

var (
	mldGeneralQuery = craft.MLDv2Query(1000, "::", 2, 125)
	mldReport       = craft.MLDv2Report("ff02::1:ff00:2")
	mldAlert        = craft.RouterAlert(58)
	// Options before and after the alert, and one that is as long as the header allows.
	mldAlertLate = craft.Join([]byte{58, 1, 0, 1, 2, 0, 0, 5, 2, 0, 0, 1, 3, 0, 0, 0})
)

var listenerRows = []messageRow{
	{name: "MLDv2 query", frame: mldFrom(nodeR, craft.AllNodes, mldGeneralQuery)},
	{name: "MLDv1 query", frame: mldFrom(nodeR, craft.AllNodes, craft.MLDQuery(1000, "::"))},
	{name: "MLDv2 report", frame: mldFrom(nodeG, "ff02::16", mldReport)},
	{name: "MLDv2 report from ::", frame: mldFrom(noAddress, "ff02::16", mldReport)},
	{name: "MLDv1 report", frame: mldFrom(nodeG, "ff02::1:ff00:2", craft.MLDReport("ff02::1:ff00:2"))},
	{name: "MLDv1 report from ::", frame: mldFrom(noAddress, "ff02::1:ff00:2", craft.MLDReport("ff02::1:ff00:2"))},
	{name: "MLDv1 done", frame: mldFrom(nodeG, craft.AllRouters, craft.MLDDone("ff02::1:ff00:2"))},
	{name: "MLDv2 report without records", frame: mldFrom(nodeG, "ff02::16", craft.MLDv2ReportOf())},
	{name: "a late Router Alert", frame: mldBehind(nodeG, "ff02::16", 1, 0, mldAlertLate, mldReport)},
	{name: "Router Alert and destination options", frame: mldBehind(nodeG, "ff02::16", 1, 0,
		craft.Join(craft.RouterAlert(60), craft.DestinationOptions(58, 0)), mldReport)},
	{name: "Router Alert and an atomic fragment", frame: mldBehind(nodeG, "ff02::16", 1, 0,
		craft.Join(craft.RouterAlert(44), craft.FragmentHeader(58, 0, false, 7)), mldReport)},

	{name: "mld.invalid, hop limit", frame: mldBehind(nodeR, craft.AllNodes, 255, 0, mldAlert, mldGeneralQuery), want: "mld.invalid",
		detail: "hop limit of the mld-query is 255"},
	{name: "mld.invalid, source of a query", frame: mldFrom(noAddress, craft.AllNodes, mldGeneralQuery), want: "mld.invalid",
		detail: "source of the mld-query is ::"},
	{name: "mld.invalid, source of a report", frame: mldFrom(nodeA, "ff02::16", mldReport), want: "mld.invalid", detail: nodeA.addr},
	{name: "mld.invalid, no options", frame: mldBehind(nodeG, "ff02::16", 1, 58, nil, mldReport), want: "mld.invalid",
		detail: "no Router Alert is before the mldv2-report"},
	{name: "mld.invalid, no alert in an atomic fragment", frame: mldBehind(nodeG, "ff02::16", 1, 44,
		craft.FragmentHeader(58, 0, false, 7), mldReport), want: "mld.invalid"},
	{name: "mld.invalid, other options", frame: mldBehind(nodeG, "ff02::16", 1, 0, craft.HopByHop(58), mldReport), want: "mld.invalid"},
	{name: "mld.invalid, alert among the destination options", frame: mldBehind(nodeG, "ff02::16", 1, 60, mldAlert, mldReport),
		want: "mld.invalid"},
	{name: "mld.invalid, alert of RSVP", frame: mldBehind(nodeG, "ff02::16", 1, 0, []byte{58, 0, 5, 2, 0, 1, 1, 0}, mldReport),
		want: "mld.invalid", detail: "value 1"},
	{name: "mld.invalid, an alert of one byte", frame: mldBehind(nodeG, "ff02::16", 1, 0, []byte{58, 0, 5, 1, 0, 0, 0, 0}, mldReport),
		want: "mld.invalid"},
	{name: "mld.invalid, an alert that does not fit", frame: mldBehind(nodeG, "ff02::16", 1, 0, []byte{58, 0, 1, 2, 9, 9, 5, 2}, mldReport),
		want: "ip.extension-header mld.invalid"},
	{name: "mld.invalid, in every way", frame: mldBehind(nodeA, craft.AllNodes, 64, 58, nil, mldGeneralQuery),
		want: "mld.invalid mld.invalid mld.invalid"},

	{name: "icmp.too-short, query", frame: mldFrom(nodeR, craft.AllNodes, mldGeneralQuery[:23]), want: "icmp.too-short", detail: "23 bytes"},
	{name: "icmp.too-short, between the versions", frame: mldFrom(nodeR, craft.AllNodes, mldGeneralQuery[:27]), want: "icmp.too-short",
		detail: "27 bytes"},
	{name: "icmp.too-short, report", frame: mldFrom(nodeG, "ff02::16", craft.MLDReport("ff02::fb")[:23]), want: "icmp.too-short"},
	{name: "icmp.too-short, version 2 report", frame: mldFrom(nodeG, "ff02::16", mldReport[:7]), want: "icmp.too-short", detail: "7 bytes"},
	{name: "MLD with a bad checksum", frame: spoilt(mldFrom(nodeG, "ff02::16", mldReport)), want: "icmp.checksum"},
}

func TestListenerMessages(t *testing.T) {
	for _, tt := range listenerRows {
		t.Run(tt.name, tt.run)
	}
}

// FuzzMessage wants no panic of any frame, every finding well-formed, and nothing said of what was not captured.
func FuzzMessage(f *testing.F) {
	for _, rows := range [][]messageRow{neighborRows, errorRows, listenerRows} {
		for _, tt := range rows {
			f.Add(tt.frame, uint16(0))
			f.Add(tt.frame, uint16(messageOffset(tt.frame)+9))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, captured uint16) {
		i := &packet.Interface{Name: "eth0"}
		frame := packet.Frame{Number: 1, Time: start, Data: b, Length: len(b), LinkType: packet.LinkTypeEthernet, Interface: i}
		if captured > 0 && int(captured) < len(b) {
			frame.Data = b[:captured]
		}
		var p packet.Packet
		if !packet.NewDecoder().Decode(&frame, &p) || !Judges(&p) {
			return
		}
		for _, found := range judgeMessage(&p).Findings {
			if _, ok := rule.Lookup(found.Rule); !ok || found.Detail == "" || strings.Contains(found.Detail, "%!") {
				t.Errorf("finding %+v", found)
			}
			if strings.HasSuffix(string(found.Rule), "too-short") && !p.Complete {
				t.Errorf("%s of a message that is not all there", found.Rule)
			}
		}
	})
}
