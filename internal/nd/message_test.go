package nd

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// messageRow is a frame and the rules that it breaks by itself, in order of their names.
type messageRow struct {
	name   string
	frame  []byte
	want   string
	detail string // a part of the first finding's detail; "" if it does not matter
}

// decodeMessage decodes the last of frames, all of one interface; each is cut to what n bytes show, 0 for all.
func decodeMessage(t testing.TB, n int, frames ...[]byte) *packet.Packet {
	t.Helper()
	d := packet.NewDecoder()
	var p packet.Packet
	i := &packet.Interface{Name: "eth0", LinkType: packet.LinkTypeEthernet}
	for k, b := range frames {
		f := packet.Frame{Number: uint64(k + 1), Time: after(float64(k)), Data: b, Length: len(b), LinkType: i.LinkType, Interface: i}
		if n > 0 {
			f.Data = b[:n]
		}
		if !d.Decode(&f, &p) {
			t.Fatalf("frame %d is not decoded", k+1)
		}
	}
	return &p
}

func judgeMessage(p *packet.Packet) *ndcheck.Report {
	r := &ndcheck.Report{}
	r.Reset(p)
	checkMessage(r)
	return r
}

// brokenRules returns the rules of r's findings as messageRow.want has them.
func brokenRules(r *ndcheck.Report) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, string(f.Rule))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func (tt messageRow) run(t *testing.T) {
	t.Helper()
	p := decodeMessage(t, 0, tt.frame)
	if !Judges(p) {
		t.Fatal("not a message of this checker")
	}
	r := judgeMessage(p)
	if got := brokenRules(r); got != tt.want {
		t.Fatalf("findings %q, want %q", got, tt.want)
	}
	for _, f := range r.Findings {
		known, ok := rule.Lookup(f.Rule)
		if !ok || f.Severity != known.Severity || f.Detail == "" || strings.Contains(f.Detail, "%!") || f.Offset >= len(tt.frame) {
			t.Errorf("finding %+v", f)
		}
	}
	if len(r.Findings) > 0 && !strings.Contains(r.Findings[0].Detail, tt.detail) {
		t.Errorf("detail %q lacks %q", r.Findings[0].Detail, tt.detail)
	}
}

// sent returns the frame of an ICMPv6 message from a node with hop limit 255.
func sent(from node, dst string, msg []byte) []byte {
	return craft.Frame(from.mac, from.addr, dst, msg)
}

// limited returns the frame of an ICMPv6 message with another hop limit.
func limited(from node, dst string, hopLimit uint8, msg []byte) []byte {
	return craft.EthernetIPv6(from.mac, dst, craft.IPv6(from.addr, dst, hopLimit, 58, craft.ICMPv6(from.addr, dst, msg)))
}

// spoilt returns frame with the last byte of its message changed, so that its checksum is wrong.
func spoilt(frame []byte) []byte {
	frame = bytes.Clone(frame)
	frame[len(frame)-1] ^= 0xff
	return frame
}

var (
	noAddress   = node{craft.GuestMAC, "::"}
	guestSLLA   = craft.SLLA(craft.GuestMAC)
	routerTLLA  = craft.TLLA(craft.RouterMAC)
	solicitedNA = craft.NA(flagR|flagS|flagO, craft.RouterLL, routerTLLA)
)

var neighborRows = []messageRow{
	{name: "NS", frame: sent(nodeG, solicitedNode(craft.RouterLL), craft.NS(craft.RouterLL, guestSLLA))},
	{name: "NS to the target itself", frame: sent(nodeG, craft.RouterLL, craft.NS(craft.RouterLL))},
	{name: "NS without options to the group", frame: sent(nodeG, solicitedNode(craft.RouterLL), craft.NS(craft.RouterLL))},
	{name: "NS, padded", frame: craft.Join(sent(nodeG, craft.RouterLL, craft.NS(craft.RouterLL)), make([]byte, 18))},
	{name: "NS to all nodes", frame: sent(nodeG, craft.AllNodes, craft.NS(craft.RouterLL, guestSLLA))},
	{name: "ns.too-short", frame: sent(nodeG, craft.RouterLL, craft.NS(craft.RouterLL)[:23]), want: "ns.too-short", detail: "23 bytes"},
	{name: "ns.too-short, header only", frame: sent(nodeG, craft.RouterLL, craft.NS(craft.RouterLL)[:4]), want: "ns.too-short"},
	{name: "ns.target-multicast", frame: sent(nodeG, "ff02::1:ff00:1", craft.NS("ff02::1", guestSLLA)), want: "ns.target-multicast",
		detail: "ff02::1"},
	{name: "NS with hop limit 64", frame: limited(nodeG, craft.RouterLL, 64, craft.NS(craft.RouterLL)), want: "nd.hop-limit"},
	{name: "NS with a bad checksum", frame: spoilt(sent(nodeG, craft.RouterLL, craft.NS(craft.RouterLL))), want: "icmp.checksum"},

	{name: "DAD", frame: sent(noAddress, solicitedNode(craft.GuestLL), craft.NS(craft.GuestLL))},
	{name: "DAD with a nonce", frame: sent(noAddress, solicitedNode(craft.GuestLL), craft.NS(craft.GuestLL, craft.Nonce(make([]byte, 6))))},
	{name: "DAD to another solicited-node group", frame: sent(noAddress, "ff02::1:ff00:3", craft.NS(craft.GuestLL))},
	{name: "ns.dad-destination", frame: sent(noAddress, craft.AllNodes, craft.NS(craft.GuestLL)), want: "ns.dad-destination",
		detail: "ff02::1,"},
	{name: "ns.dad-destination, unicast", frame: sent(noAddress, craft.GuestLL, craft.NS(craft.GuestLL)), want: "ns.dad-destination"},
	{name: "ns.dad-destination, beside the groups", frame: sent(noAddress, "ff02::1:fe00:2", craft.NS(craft.GuestLL)),
		want: "ns.dad-destination"},
	{name: "ns.dad-destination, of another scope", frame: sent(noAddress, "ff05::1:ff00:2", craft.NS(craft.GuestLL)),
		want: "ns.dad-destination"},
	{name: "ns.dad-with-slla", frame: sent(noAddress, solicitedNode(craft.GuestLL), craft.NS(craft.GuestLL, guestSLLA)),
		want: "ns.dad-with-slla", detail: craft.GuestMAC},
	{name: "DAD with an SLLA behind a broken option", frame: sent(noAddress, solicitedNode(craft.GuestLL),
		craft.NS(craft.GuestLL, craft.WithLength(craft.Nonce(make([]byte, 6)), 0), guestSLLA)), want: "nd.opt-len-zero"},
	{name: "DAD with a TLLA", frame: sent(noAddress, solicitedNode(craft.GuestLL), craft.NS(craft.GuestLL, routerTLLA)),
		want: "nd.opt-not-allowed"},
	{name: "several faults of an NS", frame: sent(noAddress, craft.AllNodes, craft.NS("ff02::9", guestSLLA)),
		want: "ns.dad-destination ns.dad-with-slla ns.target-multicast"},

	{name: "NA", frame: sent(nodeR, craft.GuestLL, solicitedNA)},
	{name: "NA without options", frame: sent(nodeR, craft.GuestLL, craft.NA(flagS, craft.RouterLL))},
	{name: "NA, announced", frame: sent(nodeR, craft.AllNodes, craft.NA(flagR|flagO, craft.RouterLL, routerTLLA))},
	{name: "NA for another address", frame: sent(nodeR, craft.GuestLL, craft.NA(flagS, "2001:db8::1", routerTLLA))},
	{name: "na.too-short", frame: sent(nodeR, craft.GuestLL, solicitedNA[:23]), want: "na.too-short", detail: "23 bytes"},
	{name: "na.target-multicast", frame: sent(nodeR, craft.GuestLL, craft.NA(flagS, "ff02::9", routerTLLA)), want: "na.target-multicast",
		detail: "ff02::9"},
	{name: "na.solicited-to-multicast", frame: sent(nodeR, craft.AllNodes, solicitedNA), want: "na.solicited-to-multicast",
		detail: craft.RouterLL},
	{name: "na.solicited-to-multicast, too short to tell", frame: sent(nodeR, craft.AllNodes, solicitedNA[:20]), want: "na.too-short"},

	{name: "Redirect to a router", frame: sent(nodeR, nodeA.addr, craft.Redirect(craft.GuestLL, nodeB.addr, routerTLLA,
		craft.RedirectedHeader(segment(nodeA.addr, nodeB.addr, 100))))},
	{name: "Redirect to the destination", frame: sent(nodeR, nodeA.addr, craft.Redirect(nodeB.addr, nodeB.addr))},
	{name: "redirect.src-not-link-local", frame: sent(nodeR.as("2001:db8::1"), nodeA.addr, craft.Redirect(craft.GuestLL, nodeB.addr)),
		want: "redirect.src-not-link-local", detail: "2001:db8::1"},
	{name: "redirect.too-short", frame: sent(nodeR, nodeA.addr, craft.Redirect(craft.GuestLL, nodeB.addr)[:39]), want: "redirect.too-short",
		detail: "39 bytes"},
	{name: "redirect.dst-multicast", frame: sent(nodeR, nodeA.addr, craft.Redirect(craft.GuestLL, "ff0e::1")),
		want: "redirect.dst-multicast", detail: "ff0e::1"},
	{name: "redirect.target", frame: sent(nodeR, nodeA.addr, craft.Redirect("2001:db8::9", nodeB.addr)), want: "redirect.target",
		detail: "2001:db8::9"},
	{name: "redirect to itself, a group", frame: sent(nodeR, nodeA.addr, craft.Redirect("ff0e::1", "ff0e::1")),
		want: "redirect.dst-multicast"},
	{name: "a Redirect that a router forwarded", frame: limited(nodeR, nodeA.addr, 254, craft.Redirect(nodeB.addr, nodeB.addr)),
		want: "nd.hop-limit"},
}

func TestNeighborMessages(t *testing.T) {
	for _, tt := range neighborRows {
		t.Run(tt.name, tt.run)
	}
}

// TestMessageSnapLength cuts messages at each byte as a snap length does: what is cut off may be right.
func TestMessageSnapLength(t *testing.T) {
	for name, tt := range map[string]struct {
		frame []byte
		want  []string // one of them, however much is there
	}{
		"NS":             {sent(nodeG, solicitedNode(craft.RouterLL), craft.NS(craft.RouterLL, guestSLLA)), nil},
		"DAD":            {sent(noAddress, solicitedNode(craft.GuestLL), craft.NS(craft.GuestLL, craft.Nonce(make([]byte, 6)))), nil},
		"NA":             {sent(nodeR, craft.AllNodes, craft.NA(flagR|flagO, craft.RouterLL, routerTLLA)), nil},
		"Redirect":       {sent(nodeR, nodeA.addr, craft.Redirect(nodeB.addr, nodeB.addr, routerTLLA)), nil},
		"Too Big":        {tooBig(1400, segment(nodeA.addr, nodeB.addr, 1500)), nil},
		"Too Big, short": {tooBig(1400, segment(nodeA.addr, nodeB.addr, 1500)[:600]), nil},
		"a tunnel's":     {tooBig(1450, segment(nodeA.addr, nodeB.addr, 1500)), []string{"ptb.encapsulation"}},
		"Time Exceeded":  {sent(nodeR, nodeA.addr, craft.TimeExceeded(0, segment(nodeA.addr, nodeB.addr, 100))), nil},
		"Unreachable":    {sent(nodeR, nodeA.addr, craft.Unreachable(3, segment(nodeA.addr, nodeB.addr, 100))), []string{"unreach.address"}},
		"MLD query":      {craft.MLDFrame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.MLDv2Query(1000, "::", 2, 125)), nil},
		"MLD report":     {craft.MLDFrame(craft.GuestMAC, craft.GuestLL, "ff02::16", craft.MLDv2Report("ff02::fb")), nil},
	} {
		for n := messageOffset(tt.frame) + 1; n < len(tt.frame); n++ {
			got := brokenRules(judgeMessage(decodeMessage(t, n, tt.frame)))
			if got != "" && !slices.Contains(tt.want, got) {
				t.Fatalf("%s, %d of %d bytes: %s", name, n, len(tt.frame), got)
			}
		}
	}
}

// messageOffset returns where the ICMPv6 message of an Ethernet frame begins.
func messageOffset(frame []byte) int {
	if frame[14+6] == 0 {
		return 14 + 40 + 8
	}
	return 14 + 40
}

// TestMessageFragments wants of a fragment no more said than that it is one, and a message that came in fragments judged.
func TestMessageFragments(t *testing.T) {
	quoted := segment(nodeA.addr, nodeB.addr, 1500)
	for _, tt := range []struct {
		name        string
		msg         []byte
		src, dst    string
		first, last string
	}{
		{"NS", craft.NS("ff02::1", craft.SLLA(craft.RouterMAC)), craft.GuestLL, craft.AllNodes, "nd.fragmented", "nd.fragmented ns.target-multicast"},
		{"Too Big", craft.TooBig(1000, quoted[:1200]), nodeC.addr, nodeA.addr, "", "ptb.below-1280 ptb.truncated-quote"},
		{"Too Big, too long", craft.TooBig(1400, quoted), nodeC.addr, nodeA.addr, "", "ptb.oversize"},
		{"Unreachable", craft.Unreachable(0, quoted[:200]), nodeC.addr, nodeA.addr, "", "unreach.no-route"},
		// The packet that the fragments make up has its hop-by-hop options, if any, where they cannot be looked at.
		{"MLD", craft.MLDv2Report("ff02::fb"), craft.GuestLL, "ff02::16", "", "mld.invalid"},
	} {
		var frames [][]byte
		for _, ip := range craft.FragmentIPv6(tt.src, tt.dst, 255, 58, 7, craft.ICMPv6(tt.src, tt.dst, tt.msg), 24) {
			frames = append(frames, craft.EthernetIPv6(craft.RouterMAC, tt.dst, ip))
		}
		if got := brokenRules(judgeMessage(decodeMessage(t, 0, frames[0]))); got != tt.first {
			t.Errorf("%s, first fragment: %q, want %q", tt.name, got, tt.first)
		}
		if got := brokenRules(judgeMessage(decodeMessage(t, 0, frames...))); got != tt.last {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.last)
		}
	}
}

func TestMessageAllocations(t *testing.T) {
	for name, b := range map[string][]byte{
		"NS":           sent(nodeG, solicitedNode(craft.RouterLL), craft.NS(craft.RouterLL, guestSLLA)),
		"DAD":          sent(noAddress, solicitedNode(craft.GuestLL), craft.NS(craft.GuestLL, craft.Nonce(make([]byte, 6)))),
		"NA":           sent(nodeR, craft.GuestLL, solicitedNA),
		"Redirect":     sent(nodeR, nodeA.addr, craft.Redirect(nodeB.addr, nodeB.addr, routerTLLA)),
		"Too Big":      tooBig(1400, segment(nodeA.addr, nodeB.addr, 1500)),
		"MLD report":   craft.MLDFrame(craft.GuestMAC, craft.GuestLL, "ff02::16", craft.MLDv2Report("ff02::fb")),
		"MLD query v1": craft.MLDFrame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.MLDQuery(1000, "::")),
	} {
		p := decodeMessage(t, 0, b)
		r := judgeMessage(p)
		if n := testing.AllocsPerRun(100, func() { r.Reset(p); checkMessage(r) }); n != 0 || len(r.Findings) > 0 {
			t.Errorf("%s: %v allocations, findings %v", name, n, r.Findings)
		}
	}
}

// TestMessageEveryRule wants a row that breaks it for every rule of this checker that one message can break.
func TestMessageEveryRule(t *testing.T) {
	needMore := map[rule.ID]bool{ // what only several messages show
		"ns.unanswered": true, "ns.flood": true, "na.missing-tlla": true, "dad.conflict": true, "dad.looped": true,
		"redirect.not-first-hop": true, "redirect.spoofed": true, "mld.no-report": true, "ptb.increase": true, "ptb.ignored": true,
	}
	shown := make(map[string]bool)
	for _, tt := range slices.Concat(neighborRows, errorRows, listenerRows) {
		for _, id := range strings.Fields(tt.want) {
			shown[id] = true
		}
	}
	judged := 0
	for _, r := range rule.All() {
		subject, _, _ := strings.Cut(string(r.ID), ".")
		if !slices.Contains([]string{"ns", "na", "dad", "redirect", "mld", "icmp", "ptb", "unreach"}, subject) || needMore[r.ID] {
			continue
		}
		judged++
		if !shown[string(r.ID)] {
			t.Errorf("no row breaks %s", r.ID)
		}
	}
	if judged < 30 {
		t.Errorf("%d rules only", judged)
	}
}
