package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"v6probe/internal/capture"
	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

func TestObjectString(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain", `"plain"`},
		{`a"b\c`, `"a\"b\\c"`},
		{"\x00\x1b[31m\n", `"\u0000\u001b[31m\u000a"`},
		{"\x7f\u0085\u009b", `"\u007f\u0085\u009b"`},
		{"é – 漢", `"é – 漢"`},
		{"\xff\xfe", `"\ufffd\ufffd"`},
		{"\xe2\x80", `"\ufffd\ufffd"`},
		{"\u202eabc\u2028", `"\u202eabc\u2028"`},
		{"\U000e0001", `"\udb40\udc01"`},
	}
	for _, tt := range tests {
		if got := string(object(nil).string(tt.in)); got != tt.want {
			t.Errorf("string(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func FuzzObjectString(f *testing.F) {
	f.Add("a\x1b\"\\\xff\u202e\U000e0001")
	f.Fuzz(func(t *testing.T, s string) {
		got := object(nil).string(s)
		var back string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%q gives %s: %v", s, got, err)
		}
		if utf8.ValidString(s) && back != s {
			t.Fatalf("%q came back as %q", s, back)
		}
		for _, r := range string(got) {
			if unicode.IsControl(r) || !unicode.IsPrint(r) {
				t.Fatalf("%q leaves %U unescaped", s, r)
			}
		}
	})
}

// everything is an RA with one of each option, whole, and some damage.
func everything() []byte {
	return craft.RA{CurHopLimit: 64, Flags: 0xfe, Lifetime: 1800, ReachableTime: 1, RetransTimer: 2}.Message(
		craft.SLLA(craft.RouterMAC), craft.PIO("2001:db8::", 64, 0xc0, 86400, 14400), craft.MTU(1450),
		craft.Interval(15000), craft.HomeAgent(1, 30), craft.Nonce([]byte{1, 2, 3, 4, 5, 6}),
		craft.RIO("2001:db8:5::", 48, 0x08, 600, 8), craft.RDNSS(30, "2001:db8::53"),
		craft.FlagsExtension(1<<47), craft.DNSSL(30, craft.Name("a\x1b[2J", "example")),
		craft.SixCO(64, 0x10, 5, "2001:db8::", 8), craft.CaptivePortal("https://\x1b]0;x\x07"),
		craft.PREF64("64:ff9b::", 0, 1800),
		craft.EncryptedDNS(1, 1800, craft.Name("dns", "example"), [][]byte{craft.Addr("2001:db8::53")}, nil),
		craft.Option(200, []byte("opaque")), craft.WithLength(craft.MTU(9), 9))
}

func decode(t testing.TB, frame []byte) *packet.Packet {
	t.Helper()
	var p packet.Packet
	f := packet.Frame{
		Number: 7, Time: time.Date(2026, 1, 1, 0, 0, 0, 5000, time.UTC), Data: frame, Length: len(frame),
		LinkType: packet.LinkTypeEthernet, Interface: &packet.Interface{Name: "eth\x1b0"}, Direction: packet.Outgoing,
	}
	if !packet.NewDecoder().Decode(&f, &p) || !p.IsICMPv6 {
		t.Fatal("the frame holds no ICMPv6")
	}
	return &p
}

func TestMessageIsOneJSONObject(t *testing.T) {
	frame := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, everything())
	var out bytes.Buffer
	found := []rule.Finding{{Rule: "nd.opt-overrun"}, {Rule: "nd.opt-overrun"}, {Rule: "mtu.length"}}
	if err := NewJSON(&out).Message(decode(t, frame), found); err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsAny(out.Bytes(), "\x1b\x07") {
		t.Errorf("a control character came through: %q", out.String())
	}
	var m struct {
		Type, Message, Iface, Time, Direction string
		Schema, Frame                         int
		Options                               []map[string]any
		Findings                              []string
	}
	if err := json.Unmarshal(out.Bytes(), &m); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if m.Type != "message" || m.Message != "router-advertisement" || m.Schema != 1 || m.Frame != 7 ||
		m.Iface != "eth\x1b0" || m.Time != "2026-01-01T00:00:00.000005Z" || m.Direction != "out" {
		t.Errorf("head: %+v", m)
	}
	if len(m.Options) != 16 {
		t.Errorf("%d options, want 16", len(m.Options))
	}
	if got := strings.Join(m.Findings, " "); got != "nd.opt-overrun mtu.length" {
		t.Errorf("findings %q: a rule is named once a message", got)
	}
	for i, o := range m.Options {
		if _, raw := o["raw"]; raw != (i == 14) {
			t.Errorf("option %d %v: raw bytes are for what has no fields", i, o["name"])
		}
	}
}

func TestJSONWritesWholeLines(t *testing.T) {
	var w countWriter
	j := NewJSON(&w)
	tally := rule.NewTally()
	f := rule.Finding{Rule: "nd.hop-limit", Severity: rule.Error, Detail: "hop limit is 64", Frame: 1, Offset: 21}
	tally.Add(f)
	if err := errors.Join(j.Finding(f), j.Summary(Summary{Tally: tally, FailOn: rule.Error, Stats: capture.Stats{Frames: 3}})); err != nil {
		t.Fatal(err)
	}
	if w.writes != 2 || w.newlines != 2 {
		t.Errorf("%d writes with %d line ends, want 2 and 2", w.writes, w.newlines)
	}
}

type countWriter struct{ writes, newlines int }

func (w *countWriter) Write(b []byte) (int, error) {
	w.writes++
	w.newlines += bytes.Count(b, []byte("\n"))
	return len(b), nil
}

func TestVerdict(t *testing.T) {
	warning := rule.NewTally()
	warning.Add(rule.Finding{Rule: "ra.too-fast", Severity: rule.Warning})
	tests := []struct {
		name string
		s    Summary
		want string
	}{
		{"nothing found", Summary{Tally: rule.NewTally(), FailOn: rule.Error}, "pass"},
		{"a warning below the mark", Summary{Tally: warning, FailOn: rule.Error}, "pass"},
		{"a warning at the mark", Summary{Tally: warning, FailOn: rule.Warning}, "fail"},
		{"never", Summary{Tally: warning, FailOn: rule.Warning, NeverFail: true}, "pass"},
		{"damage", Summary{Tally: rule.NewTally(), FailOn: rule.Error, Damage: "cut"}, "fail"},
	}
	for _, tt := range tests {
		if got := tt.s.Verdict(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
