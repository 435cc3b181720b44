package report

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"v6probe/internal/craft"
	"v6probe/internal/nd"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	guest  = "fd17::a"
	server = "2001:db8::80"
	hop    = "2001:db8:f::1"
)

// tcpQuote is a full TCP packet as an error quotes it.
func tcpQuote() []byte {
	return craft.IPv6(guest, server, 61, 6, craft.TCP6(guest, server, 43210, 443, make([]byte, 1440)))
}

// fromRouter returns an ICMPv6 error to guest from a router two hops away.
func fromRouter(msg []byte) []byte {
	return craft.EthernetIPv6(craft.RouterMAC, guest, craft.IPv6(hop, guest, 63, 58, craft.ICMPv6(hop, guest, msg)))
}

func udpQuote() []byte {
	return craft.IPv6(guest, server, 1, 17, craft.UDP6(guest, server, 40000, 53, []byte("query")))
}

func echoQuote() []byte {
	return craft.IPv6(guest, server, 64, 58, craft.ICMPv6(guest, server, craft.Echo(8)))
}

// messages are one of every kind, some broken, with what -v says of them and a part of their JSON object.
var messages = []struct {
	name  string
	frame []byte
	line  string // after the clock and the link
	want  string // of the JSON object, fields that must be there
}{
	{"ns", craft.Frame(craft.GuestMAC, craft.GuestLL, "ff02::1:ff00:1", craft.NS(craft.RouterLL, craft.SLLA(craft.GuestMAC))),
		"fe80::ff:fe00:2 > ff02::1:ff00:1 neighbor-solicitation, who has fe80::ff:fe00:1, source MAC 02:00:00:00:00:02",
		`{"message":"neighbor-solicitation","target":"fe80::ff:fe00:1","hop_limit":255}`},
	{"ns of a test", craft.Frame(craft.GuestMAC, "::", "ff02::1:ff00:2", craft.NS(craft.GuestLL, craft.Nonce([]byte{1, 2, 3, 4, 5, 6}))),
		":: (02:00:00:00:00:02) > ff02::1:ff00:2 neighbor-solicitation, who has fe80::ff:fe00:2, nonce 010203040506", `{"source":"::"}`},
	{"ns short", craft.Frame(craft.GuestMAC, craft.GuestLL, "ff02::1:ff00:1", craft.NS(craft.RouterLL)[:20]),
		"fe80::ff:fe00:2 > ff02::1:ff00:1 neighbor-solicitation, who has ?, cut short",
		`{"target":"","truncated":true}`},
	{"na", craft.Frame(craft.RouterMAC, craft.RouterLL, craft.GuestLL, craft.NA(0xe0, craft.RouterLL, craft.TLLA(craft.RouterMAC))),
		"fe80::ff:fe00:1 > fe80::ff:fe00:2 neighbor-advertisement, fe80::ff:fe00:1 is at 02:00:00:00:00:01, flags R S O",
		`{"router":true,"solicited":true,"override":true,"target":"fe80::ff:fe00:1"}`},
	{"na without options", craft.Frame(craft.RouterMAC, craft.RouterLL, craft.GuestLL, craft.NA(0, craft.RouterLL)),
		"fe80::ff:fe00:1 > fe80::ff:fe00:2 neighbor-advertisement, fe80::ff:fe00:1 is here, no MAC given, flags none",
		`{"router":false,"solicited":false,"override":false}`},
	{"redirect", craft.Frame(craft.RouterMAC, craft.RouterLL, craft.GuestLL, craft.Redirect("fe80::9", server,
		craft.TLLA("02:00:00:00:00:09"), craft.RedirectedHeader(udpQuote()))),
		"fe80::ff:fe00:1 > fe80::ff:fe00:2 redirect, 2001:db8::80 via fe80::9, target MAC 02:00:00:00:00:09, " +
			"about fd17::a.40000 > 2001:db8::80.53 udp, length 53",
		`{"redirect_destination":"2001:db8::80","target":"fe80::9"}`},
	{"redirect on-link", craft.Frame(craft.RouterMAC, craft.RouterLL, craft.GuestLL, craft.Redirect(guest, guest)),
		"fe80::ff:fe00:1 > fe80::ff:fe00:2 redirect, fd17::a is on-link", `{"target":"fd17::a"}`},
	{"too big", fromRouter(craft.TooBig(1400, tcpQuote())),
		"2001:db8:f::1 > fd17::a packet-too-big, hop limit 63, mtu 1400, for fd17::a.43210 > 2001:db8::80.443 tcp, length 1500",
		`{"message":"packet-too-big","mtu":1400,"code":0,"quoted":{"source":"fd17::a","destination":"2001:db8::80","length":1500,` +
			`"bytes":1500,"hop_limit":61,"protocol":6,"source_port":43210,"destination_port":443}}`},
	{"too big, code 7", fromRouter(append([]byte{2, 7}, craft.TooBig(1400, udpQuote())[2:]...)),
		"2001:db8:f::1 > fd17::a packet-too-big (code 7), hop limit 63, mtu 1400, for fd17::a.40000 > 2001:db8::80.53 udp, length 53",
		`{"code":7}`},
	{"no route", fromRouter(craft.Unreachable(0, udpQuote())),
		"2001:db8:f::1 > fd17::a unreachable (no route), hop limit 63, for fd17::a.40000 > 2001:db8::80.53 udp, length 53",
		`{"message":"destination-unreachable","code":0}`},
	{"unknown code", fromRouter(craft.Unreachable(99, echoQuote())),
		"2001:db8:f::1 > fd17::a unreachable (code 99), hop limit 63, for fd17::a > 2001:db8::80 echo-request " +
			"id 4660 seq 1, length 56",
		`{"code":99,"quoted":{"source":"fd17::a","destination":"2001:db8::80","length":56,"bytes":56,"hop_limit":64,"protocol":58,` +
			`"icmp_type":128,"icmp_code":0,"message":"echo-request","echo_id":4660,"echo_sequence":1}}`},
	{"about a solicitation", fromRouter(craft.Unreachable(3, craft.IPv6(guest, "ff02::1:ff00:1", 255, 58,
		craft.ICMPv6(guest, "ff02::1:ff00:1", craft.NS("fd17::1"))))),
		"2001:db8:f::1 > fd17::a address unreachable, hop limit 63, for fd17::a > ff02::1:ff00:1 " +
			"neighbor-solicitation, target fd17::1, length 64",
		`{"quoted":{"source":"fd17::a","destination":"ff02::1:ff00:1","length":64,"bytes":64,"hop_limit":255,"protocol":58,` +
			`"icmp_type":135,"icmp_code":0,"message":"neighbor-solicitation","target":"fd17::1"}}`},
	{"a later fragment", fromRouter(craft.TimeExceeded(1, craft.IPv6(guest, server, 1, 44, craft.Join(
		craft.FragmentHeader(17, 1448, false, 77), make([]byte, 40))))),
		"2001:db8:f::1 > fd17::a reassembly time exceeded, hop limit 63, for fd17::a > 2001:db8::80 udp, " +
			"fragment at 1448, length 88",
		`{"quoted":{"source":"fd17::a","destination":"2001:db8::80","length":88,"bytes":88,"hop_limit":1,"protocol":17,` +
			`"extensions":[44],"fragment_offset":1448,"fragment_id":77}}`},
	{"parameter problem", fromRouter(craft.ParameterProblem(1, 6, craft.IPv6(guest, server, 60, 200, make([]byte, 8)))),
		"2001:db8:f::1 > fd17::a parameter-problem (unrecognized next header), hop limit 63, pointer 6, for " +
			"fd17::a > 2001:db8::80 protocol 200, length 48",
		`{"pointer":6,"code":1}`},
	{"from a neighbor", craft.EthernetIPv6(craft.RouterMAC, guest, craft.IPv6(hop, guest, 64, 58, craft.ICMPv6(hop, guest, craft.TimeExceeded(0, udpQuote())))),
		"2001:db8:f::1 > fd17::a hop limit exceeded, for fd17::a.40000 > 2001:db8::80.53 udp, length 53", `{"hop_limit":64}`},
	{"from a neighbor of another kind", craft.EthernetIPv6(craft.RouterMAC, guest, craft.IPv6(hop, guest, 255, 58, craft.ICMPv6(hop, guest, craft.TimeExceeded(9, nil)))),
		"2001:db8:f::1 > fd17::a time-exceeded (code 9), for a packet that is not quoted", `{"hop_limit":255}`},
	{"quotes rubbish", fromRouter(craft.Unreachable(4, []byte("\x1b[2J no packet"))),
		"2001:db8:f::1 > fd17::a port unreachable, hop limit 63, for 14 bytes that are no IPv6 packet",
		`{"quoted_raw":"1b5b324a206e6f207061636b6574"}`},
	{"quotes nothing", fromRouter(craft.TooBig(1400, nil)[:4]),
		"2001:db8:f::1 > fd17::a packet-too-big, hop limit 63, for a packet that is not quoted, cut short", `{"mtu":null,"truncated":true}`},
	{"mld query", craft.MLDFrame(craft.RouterMAC, craft.RouterLL, "ff02::1", craft.MLDv2Query(10000, "::", 0x0a, 125)),
		"fe80::ff:fe00:1 > ff02::1 mld-query, general, max delay 10.0 s",
		`{"hop_limit":1,"max_response_delay":10000,"group":"::","robustness":2,"interval":125,"suppress":true,"source_count":0}`},
	{"mld query of sources", craft.MLDFrame(craft.RouterMAC, craft.RouterLL, "ff02::fb", craft.MLDv2Query(1000, "ff02::fb", 2, 125, guest)),
		"fe80::ff:fe00:1 > ff02::fb mld-query, group ff02::fb, max delay 1.0 s, 1 source", `{"source_count":1}`},
	{"mldv1 query", craft.MLDFrame(craft.RouterMAC, craft.RouterLL, "ff02::1", craft.MLDQuery(10000, "::")),
		"fe80::ff:fe00:1 > ff02::1 mld-query, general, max delay 10.0 s", `{"max_response_delay":10000,"group":"::"}`},
	{"mldv1 report", craft.MLDFrame(craft.GuestMAC, craft.GuestLL, "ff02::1:ff00:2", craft.MLDReport("ff02::1:ff00:2")),
		"fe80::ff:fe00:2 > ff02::1:ff00:2 mld-report, group ff02::1:ff00:2", `{"message":"mld-report","group":"ff02::1:ff00:2"}`},
	{"mldv1 done", craft.MLDFrame(craft.GuestMAC, craft.GuestLL, "ff02::2", craft.MLDDone("ff02::1:ff00:2")),
		"fe80::ff:fe00:2 > ff02::2 mld-done, group ff02::1:ff00:2", `{"message":"mld-done"}`},
	{"mldv2 report", craft.MLDFrame(craft.GuestMAC, craft.GuestLL, "ff02::16", craft.MLDv2ReportOf(
		craft.MLDRecord(4, "ff02::1:ff00:2"), craft.MLDRecord(1, "ff0e::1", guest, server), craft.MLDRecord(9, "ff0e::2"))),
		"fe80::ff:fe00:2 > ff02::16 mldv2-report, to_ex ff02::1:ff00:2, is_in ff0e::1 from fd17::a 2001:db8::80, record type 9 ff0e::2",
		`{"records":[{"type":4,"name":"change-to-exclude","group":"ff02::1:ff00:2","sources":[]},` +
			`{"type":1,"name":"mode-is-include","group":"ff0e::1","sources":["fd17::a","2001:db8::80"]},` +
			`{"type":9,"name":"record-9","group":"ff0e::2","sources":[]}]}`},
	{"mldv2 report of one too many", craft.MLDFrame(craft.GuestMAC, craft.GuestLL, "ff02::16", craft.MLDv2ReportOf(slices.Repeat(
		[][]byte{craft.MLDRecord(2, "ff0e::1")}, 9)...)),
		"fe80::ff:fe00:2 > ff02::16 mldv2-report" + strings.Repeat(", is_ex ff0e::1", 8) + ", and 1 record more", `{}`},
	{"mldv2 report of many", craft.MLDFrame(craft.GuestMAC, craft.GuestLL, "ff02::16", craft.MLDv2ReportOf(slices.Repeat(
		[][]byte{craft.MLDRecord(2, "ff0e::1")}, 20)...)),
		"fe80::ff:fe00:2 > ff02::16 mldv2-report" + strings.Repeat(", is_ex ff0e::1", 8) + ", and 12 records more", `{}`},
	{"mld short", craft.MLDFrame(craft.GuestMAC, craft.GuestLL, "ff02::16", craft.MLDReport("ff02::1:ff00:2")[:10]),
		"", `{"message":"mld-report"}`},
}

func TestLineOfEveryKind(t *testing.T) {
	for _, tt := range messages {
		var out bytes.Buffer
		NewText(&out, Style{}).Line(decode(t, tt.frame), nil)
		_, got, _ := strings.Cut(strings.TrimSuffix(out.String(), "\n"), ` eth\x1b0 `)
		if tt.line != "" && got != tt.line {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.line)
		}
		if strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("%s: a control character in %q", tt.name, got)
		}
	}
}

func TestJSONOfEveryKind(t *testing.T) {
	for _, tt := range messages {
		var out bytes.Buffer
		if err := NewJSON(&out).Message(decode(t, tt.frame), nil); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(strings.TrimSuffix(out.String(), "\n"), unicode.IsControl) {
			t.Errorf("%s: a control character in %q", tt.name, out.String())
		}
		got, want := unmarshal(t, out.Bytes()), unmarshal(t, []byte(tt.want))
		for k, v := range want {
			if !reflect.DeepEqual(got[k], v) {
				t.Errorf("%s: %s is %v, want %v", tt.name, k, got[k], v)
			}
		}
	}
}

func TestRedirectedHeaderIsDecoded(t *testing.T) {
	frame := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.GuestLL, craft.Redirect("fe80::9", server, craft.RedirectedHeader(udpQuote())))
	var out bytes.Buffer
	if err := NewJSON(&out).Message(decode(t, frame), nil); err != nil {
		t.Fatal(err)
	}
	var m struct {
		Options []struct {
			Packet string
			Quoted struct {
				SourcePort int `json:"source_port"`
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	if o := m.Options[0]; !strings.HasPrefix(o.Packet, "6000") || o.Quoted.SourcePort != 40000 {
		t.Errorf("the option is %+v", o)
	}
}

func unmarshal(t *testing.T, b []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return m
}

// TestMessagesCutShort cuts each message everywhere: what comes out stays one object and one line.
func TestMessagesCutShort(t *testing.T) {
	dec := packet.NewDecoder()
	for _, tt := range messages {
		whole := decode(t, tt.frame).Frame
		for n := range tt.frame {
			var p packet.Packet
			f := whole
			f.Data = tt.frame[:n]
			if !dec.Decode(&f, &p) || !p.IsICMPv6 {
				continue
			}
			var out, line bytes.Buffer
			if err := NewJSON(&out).Message(&p, nil); err != nil || !json.Valid(out.Bytes()) {
				t.Fatalf("%s cut to %d: %s", tt.name, n, out.String())
			}
			NewText(&line, Style{}).Line(&p, nil)
			if strings.Count(line.String(), "\n") != 1 || strings.Contains(line.String(), "invalid") {
				t.Fatalf("%s cut to %d: %q", tt.name, n, line.String())
			}
		}
	}
}

// FuzzMessage: whatever is on the wire, one object and one line come out, and nothing that drives a terminal.
func FuzzMessage(f *testing.F) {
	for _, tt := range messages {
		f.Add(tt.frame)
	}
	f.Add(craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, everything()))
	f.Fuzz(func(t *testing.T, frame []byte) {
		var p packet.Packet
		fr := packet.Frame{Data: frame, Length: len(frame), LinkType: packet.LinkTypeEthernet, Interface: &packet.Interface{}}
		if !packet.NewDecoder().Decode(&fr, &p) || !p.IsICMPv6 {
			return
		}
		var out, line bytes.Buffer
		if err := NewJSON(&out).Message(&p, nil); err != nil || !json.Valid(out.Bytes()) {
			t.Fatalf("no JSON: %s", out.String())
		}
		NewText(&line, Style{}).Line(&p, nil)
		for _, s := range []string{out.String(), line.String()} {
			if s, ok := strings.CutSuffix(s, "\n"); !ok || strings.ContainsFunc(s, unicode.IsControl) {
				t.Fatalf("not one clean line: %q", s)
			}
		}
	})
}

func TestMessageDoesNotAllocate(t *testing.T) {
	for _, tt := range messages {
		switch tt.name {
		case "ns", "na", "too big", "mldv1 report":
		default:
			continue
		}
		p := decode(t, tt.frame)
		j := NewJSON(io.Discard)
		found := []rule.Finding{{Rule: "nd.hop-limit"}}
		if n := testing.AllocsPerRun(100, func() {
			if err := j.Message(p, found); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}

func TestNeighborsJSON(t *testing.T) {
	var out bytes.Buffer
	l := troubled()
	l.Where.Interface = "eth\x1b0"
	if err := NewJSON(&out).Neighbors([]nd.Link{l, {}}); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	first := map[string]map[string]any{}
	for line := range bytes.Lines(out.Bytes()) {
		m := unmarshal(t, line)
		typ, _ := m["type"].(string)
		if kinds[typ]++; kinds[typ] == 1 {
			first[typ] = m
		}
		if m["schema"] != 1.0 || m["link"] != "eth\x1b0 vlan 100" {
			t.Errorf("head: %s", line)
		}
		if bytes.ContainsFunc(bytes.TrimSuffix(line, []byte("\n")), unicode.IsControl) {
			t.Errorf("a control character in %q", line)
		}
	}
	if want := map[string]int{"neighbor": 4, "question": 4, "duplicate": 3, "proxy": 2, "scan": 1, "error-group": 5, "redirect-entry": 2,
		"silent-group": 1}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("objects %v, want %v", kinds, want)
	}
	for typ, fields := range map[string]string{
		"neighbor": `{"address":"fd17:625c:f037:2::1","mac":"02:00:00:00:00:01","router":true,"state":"reachable","learnt":["na","ra"],
			"own":false,"proxied":false,"changes":0,"first":"2026-01-01T11:00:00Z","last":"2026-01-01T11:59:58Z","frame":4}`,
		"question": `{"asker":"fd17::a","asker_mac":"02:00:00:00:00:0a","target":"fd17::99","tries":3,"target_known":false,"own":false,
			"answers_seen":0,"first":"2026-01-01T11:59:56Z","last":"2026-01-01T11:59:58Z"}`,
		"duplicate": `{"address":"fd17::a","mac":"02:00:00:00:00:0a","other_mac":"02:00:00:00:00:0b","probed":true,"both_probed":false,
			"time":"2026-01-01T11:59:59Z","frame":12}`,
		"proxy": `{"mac":"02:00:00:00:00:07","targets":5,"owned_by_others":0}`,
		"scan": `{"solicitations":70000,"peak":900,"askers":1,"asker":"fe80::1","mac":"02:00:00:00:00:01",
			"first":"2026-01-01T11:59:00Z","last":"2026-01-01T12:00:00Z"}`,
		"error-group": `{"message":"destination-unreachable","code":0,"source":"2001:db8:f::2","hop_limit":62,"count":2,
			"flow":{"source":"2001:db8::53","destination":"fd17::a","protocol":17,"source_port":53,"destination_port":40000},
			"quoted_length":0,"seen_before":false,"first":"0001-01-01T00:00:00Z","last":"2026-01-01T12:00:00Z"}`,
		"redirect-entry": `{"router":"fe80::1","host":"fd17::a","destination":"fd17::b","target":"fd17::b","target_mac":"02:00:00:00:00:0b",
			"on_link":true,"count":1,"last":"2026-01-01T12:00:00Z"}`,
		"silent-group": `{"group":"ff02::1:ff00:1","neighbor":"fd17::1","querier":"fe80::9","missed":2,"last":"2026-01-01T11:59:59Z"}`,
	} {
		want := unmarshal(t, []byte(fields))
		want["type"], want["schema"], want["link"] = typ, 1.0, "eth\x1b0 vlan 100"
		if !reflect.DeepEqual(first[typ], want) {
			t.Errorf("%s is %v, want %v", typ, first[typ], want)
		}
	}
}

func TestElsewhere(t *testing.T) {
	tally := rule.NewTally()
	name := strings.Repeat("a directory/", 10) + "a\x1b.pcap"
	e := NewElsewhere(tally, "v6probe ra -r "+name)
	s := Summary{Tally: rule.NewTally(), FailOn: rule.Error, Elsewhere: e}
	var text bytes.Buffer
	NewText(&text, Style{}).Verdict(s, "nothing")
	if strings.Contains(text.String(), "Router Advertisements") {
		t.Errorf("nothing was found elsewhere: %s", text.String())
	}
	tally.Add(rule.Finding{Rule: "pio.host-bits", Severity: rule.Info, Subject: "a"})
	tally.Add(rule.Finding{Rule: "pio.host-bits", Severity: rule.Info, Subject: "b"})
	tally.Add(rule.Finding{Rule: "ra.no-address-source", Severity: rule.Error})
	text.Reset()
	NewText(&text, Style{}).Verdict(s, "nothing")
	want := "\nRouter Advertisements: 1 error (ra.no-address-source), 2 notes, told by\n" +
		"  v6probe ra -r " + strings.Repeat("a directory/", 10) + `a\x1b.pcap` + "\nPASS  0 errors, 0 warnings, 0 notes; nothing\n"
	if text.String() != want {
		t.Errorf("got %q, want %q", text.String(), want)
	}
	var out bytes.Buffer
	if err := NewJSON(&out).Summary(s); err != nil {
		t.Fatal(err)
	}
	if want := `"router_advertisements":{"error":1,"warning":0,"info":2,"rules":["ra.no-address-source","pio.host-bits"]}}`; !strings.HasSuffix(out.String(), want+"\n") {
		t.Errorf("the summary is %s", out.String())
	}
}
