//go:build linux

package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/lab/zone"
)

func TestPeerAnswers(t *testing.T) {
	target := netip.MustParseAddr("2001:db8:9::7")
	tests := []struct {
		name  string
		parse func([]byte, netip.Addr) int
		out   string
		want  int
	}{
		{"tracepath, narrower on the way", parseTracepath, ` 1?: [LOCALHOST]                        0.041ms pmtu 1500
 1:  2001:db8:1::1                                         0.201ms 
 2:  2001:db8:1::1                                         0.177ms pmtu 1480
 2:  2001:db8:9::7                                        11.207ms reached
     Resume: pmtu 1480 hops 2 back 2 
`, 1480},
		{"tracepath, not reached", parseTracepath, ` 1?: [LOCALHOST]                        0.041ms pmtu 1500
 1:  no reply
     Too many hops: pmtu 1500
     Resume: pmtu 1500 
`, 1500},
		{"tracepath, stopped", parseTracepath, " 1?: [LOCALHOST]                        0.041ms pmtu 1500\n", 0},
		{"traceroute", parseTraceroute, `traceroute to 2001:db8:9::7 (2001:db8:9::7), 30 hops max, 65000 byte packets
 1  2001:db8:1::1  0.211 ms F=1500  0.040 ms  0.038 ms
 2  2001:db8:2::1  9.100 ms F=1480  9.000 ms  9.020 ms
 3  2001:db8:9::7  12.300 ms  12.100 ms  12.200 ms
`, 1480},
		{"traceroute, narrower at the last hop", parseTraceroute, `traceroute to 2001:db8:9::7, 30 hops max, 65000 byte packets
 1  2001:db8:1::1  0.211 ms F=1500  0.040 ms  0.038 ms
 2  * 2001:db8:9::7  12.300 ms F=1280  12.100 ms
`, 1280},
		{"traceroute, not reached", parseTraceroute, `traceroute to 2001:db8:9::7 (2001:db8:9::7), 30 hops max, 65000 byte packets
 1  2001:db8:1::1  0.211 ms F=1500  0.040 ms  0.038 ms
 2  * * *
`, 0},
		{"traceroute, another hop of a like address", parseTraceroute, ` 1  2001:db8:9::77  0.211 ms F=1500  0.040 ms  0.038 ms
`, 0},
		{"scamper, told", parseScamper, `traceroute from 2001:db8:1::5 to 2001:db8:9::7
 1  2001:db8:1::1  0.128 ms [mtu: 1500]
 2  2001:db8:9::7  20.538 ms [mtu: 1480]
`, 1480},
		{"scamper, searched", parseScamper, `traceroute from 2001:db8:1::5 to 2001:db8:9::7
 1  2001:db8:1::1  0.128 ms [mtu: 1500]
 2  2001:db8:9::7  20.538 ms [*mtu: 1402]
`, 1402},
		{"scamper, not reached", parseScamper, `traceroute from 2001:db8:1::5 to 2001:db8:9::7
 1  2001:db8:1::1  0.128 ms [mtu: 1500]
 2  *
`, 0},
		{"scamper, reached and no MTU", parseScamper, `traceroute from 2001:db8:1::5 to 2001:db8:9::7
 1  2001:db8:1::1  0.128 ms [mtu: 1500]
 2  2001:db8:9::7  20.538 ms
`, 0},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			if got := c.parse([]byte(c.out), target); got != c.want {
				t.Errorf("answer %d, want %d", got, c.want)
			}
		})
	}
}

func TestPathAnswers(t *testing.T) {
	hole := zone.Truth{MTU: 1400, ReturnMTU: 1400, BlackHole: true, After: 2, Before: 3}
	back := zone.Truth{MTU: 1450, ReturnMTU: 1400, ReturnHole: true}
	narrowBack := zone.Truth{MTU: 1450, ReturnMTU: 1400}
	flows := zone.Truth{MTU: 1450, ReturnMTU: 1450, Flows: []int{1400, 1450}}
	tests := []struct {
		summary, word string
		truth         zone.Truth
		right         bool
	}{
		{`"mtu":1400,"return_mtu":1400,"black_hole":{"size":1450,"after":2,"before":3}`, "1400 hole 2-3", hole, true},
		{`"mtu":1400,"return_mtu":1400,"black_hole":{"size":1450,"after":1,"before":3}`, "1400 hole 1-3", hole, false},
		{`"mtu":1400,"black_hole":{"size":1450,"after":2,"before":4}`, "1400 hole 2-4", hole, false},
		{`"mtu":1400`, "1400", hole, false},
		{`"mtu":1400,"walk":[{"size":1450,"result":"ignored"}]`, "1400, PTB ignored", hole, true},
		{`"mtu":1400,"walk":[{"result":"ignored"},{"result":"answer"}]`, "1400", hole, false},
		{`"mtu":1450,"walk":[{"size":1450,"result":"ignored"}]`, "1450, PTB ignored", narrowBack, false},
		{`"mtu":1399,"black_hole":{"size":1450,"after":2,"before":3}`, "1399 hole 2-3", hole, false},
		{`"mtu":1400,"either_way":true,"black_hole":{"size":1450,"after":2,"before":3}`,
			"1400 hole 2-3, on one of the two ways", hole, false},
		{`"mtu":1450,"return_mtu":1400,"return_black_hole":true`, "1450, back 1400 hole", back, true},
		{`"mtu":1450,"return_mtu":1400`, "1450, back 1400", back, false},
		{`"mtu":1450,"return_mtu":1380`, "1450, back 1380", narrowBack, false},
		{`"mtu":1450,"return_mtu":1380,"return_most":1408`, "1450, back 1380", narrowBack, true},
		{`"mtu":1450`, "1450", narrowBack, true},
		{`"mtu":1450,"black_hole":{"size":1450,"after":0,"before":1}`, "1450 hole 0-1", narrowBack, false},
		{`"mtu":1400,"flows":[{"mtu":1450},{"mtu":1400},{"mtu":1450}]`, "1400 1450 by flow", flows, true},
		{`"mtu":1450,"flows":[{"mtu":1450},{"mtu":1450}]`, "1450", flows, false},
		{`"mtu":0`, "none", hole, false},
	}
	for _, c := range tests {
		t.Run(c.word, func(t *testing.T) {
			p, err := parsePath([]byte("{\"type\":\"hop\",\"mtu\":1}\n{\"type\":\"summary\"," + c.summary + "}\n"))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.word(); got != c.word {
				t.Errorf("%s is worded %q, want %q", c.summary, got, c.word)
			}
			if got := judgePath(&c.truth, &answer{path: p}); got != c.right {
				t.Errorf("%s is right: %v, want %v", c.summary, got, c.right)
			}
		})
	}
	for _, out := range []string{"", "v6probe: no route\n", "{\"type\":\"hop\",\"mtu\":1400}\n"} {
		if p, err := parsePath([]byte(out)); err == nil {
			t.Errorf("%q has the summary %+v", out, p)
		}
	}
	if judgePath(&hole, &answer{}) {
		t.Error("no answer is right")
	}
}

func TestJudgeMTU(t *testing.T) {
	one := zone.Truth{MTU: 1400}
	flows := zone.Truth{MTU: 1450, Flows: []int{1400, 1450}}
	for _, c := range []struct {
		truth *zone.Truth
		mtu   int
		right bool
	}{
		{&one, 1400, true}, {&one, 1450, false}, {&one, 0, false},
		{&flows, 1400, true}, {&flows, 1450, true}, {&flows, 1420, false},
	} {
		a := plain(c.mtu)
		if got := judgeMTU(c.truth, &a); got != c.right {
			t.Errorf("%s is right: %v, want %v", a.text, got, c.right)
		}
	}
}

func TestCountSent(t *testing.T) {
	const device = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:      11       2    0    0    0     0          0         0       33       4    0    0    0     0       0          0
  eth0:    5000      50    0    0    0     0          0         0     6000      61    0    0    0     0       0          0
 eth01:    5000      50    0    0    0     0          0         0     6000      99    0    0    0     0       0          0
`
	const icmp = `ifIndex                         	2
Ip6OutRequests                  	61
Icmp6OutEchos                   	40
Icmp6OutNeighborSolicits        	2
Icmp6OutNeighborAdvertisements  	3
Icmp6OutMLDv2Reports            	5
Icmp6OutType143                 	5
`
	got, err := countSent([]byte(device), []byte(icmp), "eth0")
	if want := 61 - 2 - 3 - 5; err != nil || got != want {
		t.Errorf("%d packets, error %v; want %d", got, err, want)
	}
	for _, bad := range []string{"", strings.ReplaceAll(device, "61", "many"), "eth0: 1 2 3\n"} {
		if got, err := countSent([]byte(bad), nil, "eth0"); err == nil {
			t.Errorf("%q has %d packets", bad, got)
		}
	}
}

func TestChoose(t *testing.T) {
	names := func(cases string) []string {
		t.Helper()
		chosen, err := choose(cases)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, s := range chosen {
			all = append(all, s.Name)
		}
		return all
	}
	if got := names(""); !slices.Equal(got, standing[:]) {
		t.Errorf("without a name %q, want %q", got, standing)
	}
	if got, want := names("staircase,ptb"), []string{"staircase", "ptb"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	all := names("all")
	for _, name := range standing {
		if !slices.Contains(all, name) {
			t.Errorf("all cases lack %s", name)
		}
	}
	if slices.Contains(all, "ptb-loss-5") {
		t.Error("a case with loss is among all, where programs are compared by one run")
	}
	if _, err := choose("ptb,nowhere"); err == nil || !strings.Contains(err.Error(), `"nowhere"`) {
		t.Errorf("error %v, want one that names nowhere", err)
	}
}
