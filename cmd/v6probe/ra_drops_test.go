package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"v6probe/internal/drops"
	"v6probe/internal/host"
	"v6probe/internal/icmp6"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// watchFake returns a watch over what f counts on eth0, and the types that were asked of it.
func watchFake(t *testing.T, f *fakeDrops) (w *dropWatch, types *[]icmp6.Type) {
	t.Helper()
	f.begun, f.end, types = begun, func() {}, new([]icmp6.Type)
	w, err := watchDrops(machine{
		open: func(o drops.Options) (dropSource, error) {
			*types = o.Types
			return f, nil
		},
		links: links,
		notDrops: func(names []string) ([]host.Statement, error) {
			return []host.Statement{{Interfaces: names, Text: "accept_ra=0"}}, nil
		},
		now: func() time.Time { return begun },
	}, "eth0", icmp6.TypeRouterAdvertisement)
	if err != nil {
		t.Fatal(err)
	}
	return w, types
}

func TestDropWatch(t *testing.T) {
	at := func(iface string, n uint64) drops.Drop {
		return drops.Drop{Packets: n,
			Place:   drops.Place{Type: icmp6.TypeRouterAdvertisement, Hook: "ip6 input (nftables)", Interface: iface},
			Verdict: drops.Verdict{Class: drops.Hurts, Rule: "nd.code", Next: "nft list ruleset ip6"}}
	}
	f := &fakeDrops{readings: []drops.Snapshot{{Drops: []drops.Drop{at("eth0", 3), at("eth1", 9)}}}}
	w, types := watchFake(t, f)
	if len(*types) != 1 || (*types)[0] != icmp6.TypeRouterAdvertisement {
		t.Errorf("counts %v", *types)
	}
	before := rule.Finding{Rule: "ra.absent"}
	if found := w.found([]rule.Finding{before}); len(found) != 2 || found[0].Rule != "nd.code" || found[1] != before {
		t.Errorf("found %v", found)
	}
	if !f.closed {
		t.Error("the counter is left open")
	}
	w.found(nil) // a second time there is nothing to read
	w.close()
	if f.read != 1 {
		t.Errorf("read %d times", f.read)
	}
	var out bytes.Buffer
	w.told(report.NewText(&out, report.Style{}), icmp6.TypeRouterAdvertisement, 4)
	for _, want := range []string{"4 Router Advertisements reached eth0, and this kernel dropped 3 of them: at ip6",
		"  next  nft list ruleset ip6\n", "  eth0: accept_ra=0.\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	out.Reset()
	w.head(report.NewText(&out, report.Style{}), icmp6.TypeRouterAdvertisement, 3)
	if want := "eth0: this kernel drops all 3 Router Advertisements that reach it (at ip6 input"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("head %q, want %q", out.String(), want)
	}
	out.Reset()
	j := report.NewJSON(&out)
	sum := report.Summary{Tally: rule.NewTally()}
	for _, f := range drops.Findings(w.result.Drops, w.result.Took) {
		if err := w.finding(j, f); err != nil {
			t.Fatal(err)
		}
	}
	if s := out.String(); !strings.Contains(s, `"packets":3,"hook":"ip6 input (nftables)","next":"nft list ruleset ip6"}`) {
		t.Errorf("finding %s", s)
	}
	w.summary(&sum)
	if err := errors.Join(w.entries(j), j.Summary(sum)); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); strings.Count(s, `"type":"drop"`) != 1 || !strings.Contains(s, `"packets":3,"total":3,`) ||
		!strings.Contains(s, `"kernel_drops":0,"drops":{"seconds":10.000,`) || !strings.Contains(s, `"hurts":3,`) ||
		!strings.Contains(s, `"hurts_elsewhere":9,`) {
		t.Errorf("NDJSON:\n%s", s)
	}
}

func TestDropWatchFails(t *testing.T) {
	w, _ := watchFake(t, &fakeDrops{readings: []drops.Snapshot{{}}, fails: errors.New("gone")})
	if found := w.found(nil); found != nil {
		t.Errorf("found %v", found)
	}
	sum := report.Summary{Tally: rule.NewTally()}
	w.summary(&sum)
	if err := w.trouble(); err == nil || err.Error() != "--drops: gone" || sum.Damage != "--drops: gone" || sum.Dropped != nil {
		t.Errorf("%v, damage %q", err, sum.Damage)
	}
}

// TestNoDropWatch: where it is not wanted, nothing is told.
func TestNoDropWatch(t *testing.T) {
	var w *dropWatch
	var out bytes.Buffer
	list := []rule.Finding{{Rule: "ra.absent"}}
	if found := w.found(list); len(found) != 1 {
		t.Errorf("found %v", found)
	}
	w.told(report.NewText(&out, report.Style{}), icmp6.TypeRouterAdvertisement, 4)
	sum := report.Summary{}
	w.summary(&sum)
	if err := errors.Join(w.entries(report.NewJSON(&out)), w.trouble()); err != nil || out.Len() > 0 || sum.Dropped != nil {
		t.Errorf("%v, %q, %+v", err, out.String(), sum)
	}
	w.close()
}
