package report

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/resolve"
	"v6probe/internal/rule"
)

const resolvedTarget = "fd17:625c:f037:2::5"

func resolvedStation(mac string, override bool) resolve.Station {
	s := resolve.Station{MAC: packet.MAC(craft.MAC(mac)), EthernetSource: packet.MAC(craft.MAC(mac)),
		Source: netip.MustParseAddr(resolvedTarget), Solicited: true, Override: override, OverrideKnown: true, AskedAlone: 3, Answers: 4}
	s.Answered[resolve.Group], s.Answered[resolve.Unicast] = 1, 3
	s.RTT = []resolve.RTT{{Kind: resolve.Group, Time: 112 * time.Microsecond}, {Kind: resolve.Unicast, Time: 60 * time.Microsecond},
		{Kind: resolve.Unicast, Time: 61500 * time.Nanosecond}, {Kind: resolve.Unicast, Time: 12 * time.Millisecond}}
	return s
}

func resolvedResult(stations ...resolve.Station) *resolve.Result {
	r := &resolve.Result{Target: netip.MustParseAddr(resolvedTarget), Group: netip.MustParseAddr("ff02::1:ff00:5"), Complete: true, Stations: stations}
	r.Counts[resolve.Group] = resolve.Count{Sent: 1, Answered: 1}
	r.Counts[resolve.Unicast] = resolve.Count{Sent: 3 * len(stations), Answered: 3 * len(stations)}
	if len(stations) == 0 {
		r.Counts[resolve.Group] = resolve.Count{Sent: 3, Took: 2 * time.Second}
		r.Counts[resolve.AllNodes] = resolve.Count{Sent: 3}
	}
	return r
}

// withBurst adds a burst of 100 in 0.5 s and what is before it.
func withBurst(r *resolve.Result, slow, burst int) *resolve.Result {
	r.Counts[resolve.Slow] = resolve.Count{Sent: 20, Answered: slow, Took: 1900 * time.Millisecond}
	r.Counts[resolve.Burst] = resolve.Count{Sent: 100, Answered: burst, Took: 198 * time.Millisecond}
	return r
}

func TestResolvedText(t *testing.T) {
	one, two := resolvedStation("02:00:00:00:00:05", true), resolvedStation("02:00:00:00:00:06", true)
	router, proxy, anycast, virtual := one, one, one, one
	router.Router = true
	proxy.Source, proxy.Override = netip.MustParseAddr("fe80::9"), false
	anycast.Override = false
	virtual.EthernetSource = two.MAC
	lost := resolvedResult(one)
	lost.Counts[resolve.Group] = resolve.Count{Sent: 3}
	held := withBurst(resolvedResult(one), 20, 100)
	held.Counts[resolve.Burst].Held = 7
	early := withBurst(resolvedResult(one), 20, 10)
	early.Complete = false
	unicast, unicast2 := one, two
	unicast.Override, unicast.OverrideKnown, unicast2.Override, unicast2.OverrideKnown = false, false, false, false
	lostUnicast := resolvedResult(unicast)
	lostUnicast.Counts[resolve.Group] = resolve.Count{Sent: 3}
	withheld := resolvedResult(unicast)
	withheld.Counts[resolve.Group] = resolve.Count{Held: 3}
	cut := func(r *resolve.Result, settled bool, burst int) *resolve.Result {
		r.Complete, r.Settled, r.Burst = false, settled, burst
		return r
	}
	own := func(stations ...resolve.Station) *resolve.Result {
		r := resolvedResult(stations...)
		r.Link.Own = "eth0"
		return r
	}
	for _, c := range []struct {
		name string
		r    *resolve.Result
		want []string
	}{
		{"host", resolvedResult(one), []string{"fd17:625c:f037:2::5 is at 02:00:00:00:00:05.\n\n  flags       S (solicited), O (override)\n" +
			"  multicast   1 asked, 1 answered in 0.112 ms\n  unicast     3 asked, 3 answered in 0.060, 0.061, 12.0 ms\n"}},
		{"router", resolvedResult(router), []string{"is at 02:00:00:00:00:05, a router.", "flags       R (router), S"}},
		{"proxy", resolvedResult(proxy), []string{"where fe80::9 answers for it, as a proxy does"}},
		{"anycast", resolvedResult(anycast), []string{"which answers as for an anycast address"}},
		{"virtual MAC", resolvedResult(virtual), []string{"is at 02:00:00:00:00:05.", "frames from 02:00:00:00:00:06"}},
		{"absent", resolvedResult(), []string{"fd17:625c:f037:2::5 does not answer.\n\n  multicast   3 asked, none answered\n" +
			"  all nodes   3 asked, none answered\n"}},
		{"not asked", &resolve.Result{Target: one.Source, Complete: true}, []string{"fd17:625c:f037:2::5 was not asked for: nothing left this host.\n"}},
		{"by unicast only", lostUnicast, []string{"is at 02:00:00:00:00:05, but hosts do not find it", "S (solicited); O is unknown"}},
		{"held back", withheld, []string{"solicitations to its group are held back in this host."}},
		{"two by unicast only", resolvedResult(unicast, unicast2), []string{"2 stations answer for fd17:625c:f037:2::5: a duplicate, unless it is"}},
		{"ended before the burst", cut(resolvedResult(one), true, 100), []string{"is at 02:", "early end   the burst was not sent, so whether there is a limit"}},
		{"ended after the first", cut(resolvedResult(one), false, 0), []string{"early end   whether another station answers as well cannot be told"}},
		{"ended at once", cut(resolvedResult(), false, 0), []string{"did not answer before the asking ended early: nothing can be told."}},
		{"own", own(), []string{"is this host's own address (eth0): only this host has it, as far as answers came."}},
		{"own, ended at once", cut(own(), false, 0), []string{"own address (eth0); whether another station has it cannot be told."}},
		{"own, ended before all nodes", cut(own(), true, 0), []string{"as far as answers came.", "early end   not all was asked"}},
		{"own and another's", own(one), []string{"own address (eth0), and a duplicate: 1 other station answers for it."}},
		{"own and two others'", own(one, two), []string{"and a duplicate: 2 other stations answer for it."}},
		{"own and a proxy's", own(anycast), []string{"own address (eth0); 1 other station answers for it as for an anycast address or as a proxy."}},
		{"own and by unicast only", own(unicast), []string{"a duplicate, unless it is an anycast address"}},
		{"duplicate", resolvedResult(one, two), []string{"is a duplicate: 2 stations answer for it.",
			"Station 02:00:00:00:00:05, from fd17:", "Station 02:00:00:00:00:06, from fd17:", "unicast     3 asked, 3 answered"}},
		{"own and proxy", resolvedResult(one, proxy), []string{"2 stations answer for fd17:625c:f037:2::5, as for an anycast"}},
		{"group lost", lost, []string{"but hosts do not find it", "multicast   3 asked, 1 answered"}},
		{"burst passes", withBurst(resolvedResult(one), 20, 100), []string{"slow        20 solicitations at 10/s, all answered",
			"burst       100 solicitations at 500/s, all answered: no limit on"}},
		{"burst limited", withBurst(resolvedResult(one), 20, 10), []string{"10 answered, 90 lost (90.0 %): limited"}},
		{"plain loss", withBurst(resolvedResult(one), 15, 75), []string{"15 answered, 5 lost (25.0 %)", "that is plain loss and no limit"}},
		{"cannot tell", withBurst(resolvedResult(one), 20, 95), []string{"to tell a limit from plain loss"}},
		{"held", held, []string{"100 solicitations at 500/s (and 7 that did not leave this host), all answered: limited in this host"}},
		{"ended early", early, []string{"it ended early, so nothing can be told"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			text := NewText(&out, Style{})
			text.Resolved(c.r)
			// Lines may be broken anywhere between words.
			flat := strings.Join(strings.Fields(out.String()), " ")
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) && !strings.Contains(flat, strings.Join(strings.Fields(want), " ")) {
					t.Errorf("%q lacks %q", out.String(), want)
				}
			}
			for line := range strings.Lines(out.String()) {
				if utf8.RuneCountInString(line) > 81 {
					t.Errorf("wider than 80 columns: %q", line)
				}
			}
		})
	}
}

func TestResolveLines(t *testing.T) {
	got := strings.Join(ResolveLines(withBurst(resolvedResult(resolvedStation("02:00:00:00:00:05", true)), 20, 10)), "\n")
	if want := "fd17:625c:f037:2::5: 4 asked, 4 answered\nslow: 20 asked, 20 answered\nburst: 100 asked, 10 answered"; got != want {
		t.Errorf("%q", got)
	}
}

func TestResolvedJSON(t *testing.T) {
	r := withBurst(resolvedResult(resolvedStation("02:00:00:00:00:05", true)), 20, 10)
	r.Counts[resolve.Burst].Steady, r.Counts[resolve.Burst].AtOnce = 20.04, 6
	for _, c := range []struct {
		r    *resolve.Result
		want string
	}{
		{r, `"address":"fd17:625c:f037:2::5","own":false,"mac":"02:00:00:00:00:05","router":false,"rtt":[0.060,0.061,12.000],` +
			`"sent":4,"answered":4,"complete":true,"stations":[{"mac":"02:00:00:00:00:05","source_mac":"02:00:00:00:00:05",` +
			`"source":"fd17:625c:f037:2::5","router":false,"solicited":true,"override":true,"answers":4,` +
			`"multicast":{"sent":1,"answered":1,"rtt":[0.112]},"unicast":{"sent":3,"answered":3,"rtt":[0.060,0.061,12.000]},` +
			`"slow":{"sent":20,"answered":0,"rtt":[]}}],` +
			`"multicast":{"sent":1,"answered":1,"rtt":[0.112]},"unicast":{"sent":3,"answered":3,"rtt":[0.060,0.061,12.000]},` +
			`"slow":{"sent":20,"answered":20,"rtt":[],"rate":10.0},` +
			`"burst":{"sent":100,"answered":10,"rate":500.0,"answered_at_once":6,"answers_per_second":20.0}}` + "\n"},
		{resolvedResult(), `"address":"fd17:625c:f037:2::5","own":false,"sent":6,"answered":0,"complete":true,"stations":[],` +
			`"multicast":{"sent":3,"answered":0},"all_nodes":{"sent":3,"answered":0}}` + "\n"},
	} {
		var out bytes.Buffer
		if err := NewJSON(&out).Summary(Summary{Tally: rule.NewTally(), Resolved: c.r}); err != nil {
			t.Fatal(err)
		}
		if !json.Valid(out.Bytes()) || !strings.HasSuffix(out.String(), c.want) {
			t.Errorf("%s\nwant at its end\n%s", out.String(), c.want)
		}
	}
}
