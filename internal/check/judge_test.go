package check

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/capture"
	"v6probe/internal/craft"
	"v6probe/internal/expect"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const fixtures = "../../fixtures/pcaps/"

// judgeOne judges a capture of fixtures, called name, against the expectation, as YAML; "" is none.
func judgeOne(t *testing.T, name, expectation string, o Options) *Capture {
	t.Helper()
	item := Item{Path: fixtures + name, Name: name}
	if expectation != "" {
		item.Expect = filepath.Join(t.TempDir(), "it.expect.yaml")
		if err := os.WriteFile(item.Expect, []byte(expectation), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return one(t.Context(), item, &o)
}

// summary lists what c found above notes, as "error ra.absent", and why it broke off.
func summary(c *Capture) string {
	var list []string
	for _, f := range c.Found {
		if f.Severity > rule.Info {
			list = append(list, f.Severity.String()+" "+string(f.Rule))
		}
	}
	slices.Sort(list)
	if c.Err != nil {
		list = append(list, "broken")
	}
	return strings.Join(slices.Compact(list), ", ")
}

func TestJudge(t *testing.T) {
	const router = "expect: 1\nlinks:\n- routers: [{address: fe80::1}]\n"
	tests := []struct {
		name, capture, expectation string
		options                    Options
		want                       string
		failed                     bool
	}{
		{"healthy", "healthy.pcap", "", Options{}, "", false},
		{"compressed", "healthy.pcap.zst", "", Options{}, "", false},
		{"a fault of an advertisement", "nd.hop-limit_bad.pcap", "", Options{}, "error nd.hop-limit", true},
		{"a fault of a neighbor", "dad.conflict_bad.pcap", "", Options{}, "error dad.conflict", true},
		{"damage below a message is told once", "ns.too-short_bad.pcap", "", Options{}, "error ns.too-short", true},
		{"warnings", "ns.unanswered_bad.pcap", "", Options{}, "warning ns.unanswered", false},
		{"warnings that count", "ns.unanswered_bad.pcap", "", Options{FailOn: rule.Warning}, "warning ns.unanswered", true},
		{"nothing counts", "dad.conflict_bad.pcap", "", Options{NeverFail: true}, "error dad.conflict", false},
		{"ignored", "dad.conflict_bad.pcap", "", Options{Ignore: Rules{"dad.*"}}, "", false},
		{"damaged", "hostile-truncated-record.pcap", "", Options{}, "broken", true},
		{"damaged, where nothing counts", "hostile-truncated-record.pcap", "", Options{NeverFail: true}, "broken", true},
		{"no capture", "INDEX", "", Options{}, "broken", true},
		{"not there", "nosuch.pcap", "", Options{}, "broken", true},

		{"silent, with other messages", "dad.conflict_ok.pcap", "", Options{}, "", false},
		{"silent, with nothing of ICMPv6", "silent-pmtu-joined.pcap", "", Options{}, "", false},
		{"silent, with nothing of ICMPv6, where an advertisement is expected", "silent-pmtu-joined.pcap", router, Options{}, "error ra.absent", true},
		{"silent, where an advertisement is expected", "dad.conflict_ok.pcap", router, Options{}, "error ra.absent", true},
		{"silent, where nobody may advertise", "dad.conflict_ok.pcap", "expect: 1\nlinks:\n- routers: []\n", Options{}, "", false},
		{"silent, as it must be", "dad.conflict_ok.pcap", "expect: 1\nrules: {must: [ra.absent]}\n", Options{}, "", false},
		{"silent, as it must not be", "dad.conflict_ok.pcap", "expect: 1\nrules: {must-not: [\"ra.*\"]}\n", Options{}, "error ra.absent", true},
		{"other than expected", "healthy.pcap", "expect: 1\nlinks:\n- routers: [{address: \"fe80::bad\"}]\n", Options{}, "error ra.unknown-router", true},
		{"a fault that must show", "dad.conflict_bad.pcap", "expect: 1\nrules: {must: [dad.conflict]}\n", Options{}, "", false},
		{"a fault that must show and does not", "dad.conflict_ok.pcap", "expect: 1\nrules: {must: [dad.conflict]}\n", Options{}, "error expect.rule-missing", true},
		{"no legible expectation", "healthy.pcap", "expect: 1\nno-such-key: 2\n", Options{}, "broken", true},
		{"an expectation for all", "healthy.pcap", "expect: 1\n", Options{Expect: &expect.State{Rules: expect.Rules{Must: []expect.RuleRef{{ID: "ra.flood"}}}}},
			"error expect.rule-missing", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.options.FailOn == 0 {
				tt.options.FailOn = rule.Error
			}
			c := judgeOne(t, tt.capture, tt.expectation, tt.options)
			if got := summary(c); got != tt.want || c.Failed != tt.failed {
				t.Errorf("got %q, failed: %v; want %q, %v (%v)", got, c.Failed, tt.want, tt.failed, c.Err)
			}
			if ignored := len(tt.options.Ignore) > 0; ignored != (c.Ignored > 0) {
				t.Errorf("%d findings are said to be ignored", c.Ignored)
			}
		})
	}
}

// crafted writes a capture of frames, and returns its path.
func crafted(t *testing.T, frames ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it.pcapng")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := capture.NewWriter(file)
	for _, f := range frames {
		frame := packet.Frame{Data: f, Length: len(f), LinkType: packet.LinkTypeEthernet, Time: time.Unix(1, 0),
			Interface: &packet.Interface{LinkType: packet.LinkTypeEthernet}}
		if err := w.Write(frame); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(capture.Stats{}), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestJudgeSilence wants a capture in which there is nothing to judge not to pass, and one with any packet that is judged to.
func TestJudgeSilence(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		frames     [][]byte
	}{
		{"nothing", "error ra.absent", nil},
		{"a ping", "", [][]byte{craft.Frame(craft.GuestMAC, craft.GuestLL, craft.RouterLL, craft.Echo(8))}},
	} {
		path := crafted(t, tt.frames...)
		c := one(t.Context(), Item{Path: path, Name: path}, &Options{FailOn: rule.Error})
		if got := summary(c); got != tt.want || c.Failed != (tt.want != "") {
			t.Errorf("%s: got %q, failed: %v; want %q (%v)", tt.name, got, c.Failed, tt.want, c.Err)
		}
	}
}

// TestJudgeOnce wants the damage of a message that both checkers look at to be told by one of them.
func TestJudgeOnce(t *testing.T) {
	tooShort := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.GuestLL, make([]byte, 8))
	tooShort[14+4+1] += 8 // the payload length of IPv6
	for name, kind := range map[string]byte{"an error": 1, "a report of MLD": 131, "a ping": 128} {
		frame := slices.Clone(tooShort)
		frame[14+40] = kind
		path := crafted(t, frame)
		c := one(t.Context(), Item{Path: path, Name: path}, &Options{FailOn: rule.Error})
		i := slices.IndexFunc(c.Found, func(f rule.Found) bool { return f.Rule == "ip.payload-length" })
		if i < 0 || c.Found[i].Count != 1 {
			t.Errorf("%s: found %+v", name, c.Found)
		}
	}
}

func TestJudgeCounts(t *testing.T) {
	c := judgeOne(t, "healthy.pcap", "expect: 1\n", Options{})
	if c.Frames == 0 || c.Messages == 0 || c.Messages > c.Frames || len(c.Against) != 1 || filepath.Base(c.Against[0]) != "it.expect.yaml" {
		t.Errorf("%d frames, %d messages, against %v", c.Frames, c.Messages, c.Against)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c := one(ctx, Item{Path: fixtures + "healthy.pcap"}, &Options{}); c != nil {
		t.Errorf("interrupted, it comes to %+v", c)
	}
}

func TestKnown(t *testing.T) {
	tests := []struct {
		name, capture, baseline string
		want                    string
		known                   int
		gone                    []Entry
		failed                  bool
	}{
		{"known", "dad.conflict_bad.pcap", "dad.conflict_bad.pcap dad.conflict 1", "", 1, nil, false},
		{"of another", "dad.conflict_bad.pcap", "dad.conflict_ok.pcap dad.conflict 1", "error dad.conflict", 0, nil, true},
		{"and more known", "dad.conflict_bad.pcap", "dad.conflict_bad.pcap dad.conflict 3\ndad.conflict_bad.pcap ra.absent 1", "", 1,
			[]Entry{{"dad.conflict_bad.pcap", "dad.conflict", 2}, {"dad.conflict_bad.pcap", "ra.absent", 1}}, false},
		{"damaged", "hostile-truncated-record.pcap", "hostile-truncated-record.pcap unreadable 1\nhostile-truncated-record.pcap ra.absent 1", "", 1, nil, false},
		{"damaged, and not known to be", "hostile-truncated-record.pcap", "hostile-truncated-record.pcap ra.absent 1", "broken", 0, nil, true},
		{"no longer damaged", "healthy.pcap", "healthy.pcap unreadable 1", "", 0, []Entry{{"healthy.pcap", "unreadable", 1}}, false},
		{"not there", "nosuch.pcap", "nosuch.pcap unreadable 1", "broken", 0, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := NewBaseline(fixtures + "known")
			if err != nil {
				t.Fatal(err)
			}
			if err := b.parse([]byte(tt.baseline)); err != nil {
				t.Fatal(err)
			}
			o := &Options{FailOn: rule.Error, Known: Baselines{"known": b}}
			c := one(t.Context(), Item{Path: fixtures + tt.capture, Name: tt.capture, Known: "known"}, o)
			if got := summary(c); got != tt.want || c.Known != tt.known || c.Failed != tt.failed || !slices.Equal(c.Gone, tt.gone) {
				t.Errorf("got %q, %d known, %v gone, failed: %v (%v)\nwant %q, %d, %v, %v", got, c.Known, c.Gone, c.Failed, c.Err,
					tt.want, tt.known, tt.gone, tt.failed)
			}
		})
	}
}

// TestKnownBeyond wants what there is beyond the count to fail, and no more than that.
func TestKnownBeyond(t *testing.T) {
	o := &Options{FailOn: rule.Warning}
	item := Item{Path: fixtures + "radvd-two-routers-disagree.pcap", Known: "known"}
	all := one(t.Context(), item, o)
	b, err := NewBaseline(fixtures + "known")
	if err != nil {
		t.Fatal(err)
	}
	if !b.Take(all, false) || len(b.Entries()) < 2 {
		t.Fatalf("taken as %v", b.Entries())
	}
	o.Known = Baselines{"known": b}
	if c := one(t.Context(), item, o); c.Failed || c.Known != len(b.Entries()) {
		t.Errorf("with all known it fails: %v, %d known, %v found", c.Failed, c.Known, summary(c))
	}
	first := b.Entries()[0]
	b.known[first.Capture][first.Rule]--
	if c := one(t.Context(), item, o); !c.Failed || summary(c) != "warning "+string(first.Rule) {
		t.Errorf("with one that is not known it fails: %v, %v", c.Failed, summary(c))
	}
}
