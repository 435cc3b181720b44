//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"v6probe/internal/lab/zone"
)

// path is the summary of v6probe pmtu --json.
type path struct {
	Type            string
	MTU             int
	ReturnMTU       int                          `json:"return_mtu"`
	ReturnMost      int                          `json:"return_most"` // where the way back is known from ReturnMTU to this only
	ReturnBlackHole bool                         `json:"return_black_hole"`
	EitherWay       bool                         `json:"either_way"`
	BlackHole       *struct{ After, Before int } `json:"black_hole"`
	Flows           []struct{ MTU int }
	Walk            []struct{ Result string } // what a host meets that sends as much as it may
	Took            float64                   `json:"took_ms"`
}

// parsePath reads the last line of what v6probe pmtu --json prints.
func parsePath(out []byte) (*path, error) {
	out = bytes.TrimSpace(out)
	var p path
	if err := json.Unmarshal(out[bytes.LastIndexByte(out, '\n')+1:], &p); err != nil || p.Type != "summary" {
		return nil, errors.New("no summary")
	}
	return &p, nil
}

// flows returns the MTUs of the flows, each once.
func (p *path) flows() []int {
	var all []int
	for _, f := range p.Flows {
		all = append(all, f.MTU)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ignored reports whether hosts are told of an MTU which they do not believe: no black hole, and yet they hang.
func (p *path) ignored() bool { return len(p.Walk) > 0 && p.Walk[len(p.Walk)-1].Result == "ignored" }

func (p *path) word() string {
	after, before := 0, 0
	if p.BlackHole != nil {
		after, before = p.BlackHole.After, p.BlackHole.Before
	}
	words := wordPath(p.MTU, p.BlackHole != nil, after, before, p.ReturnMTU, p.ReturnBlackHole, p.flows())
	if p.ignored() {
		words += ", PTB ignored"
	}
	if p.EitherWay {
		words += ", on one of the two ways"
	}
	return words
}

func wordTruth(t *zone.Truth) string {
	return wordPath(t.MTU, t.BlackHole, t.After, t.Before, t.ReturnMTU, t.ReturnHole && t.ReturnMTU < t.MTU, t.Flows)
}

// wordPath says what a path is like; a way back that is wider than the way there is not worth a word.
func wordPath(mtu int, hole bool, after, before, back int, backHole bool, flows []int) string {
	if len(flows) > 1 {
		return strings.Trim(fmt.Sprint(flows), "[]") + " by flow"
	}
	words := plain(mtu).text
	if hole {
		words += fmt.Sprintf(" hole %d-%d", after, before)
	}
	if back > 0 && back < mtu {
		words += fmt.Sprintf(", back %d", back)
	}
	if backHole {
		words += " hole"
	}
	return words
}

// judgePath judges v6probe: the MTU, whether hosts hang and where the black hole is, and the way back.
func judgePath(t *zone.Truth, a *answer) bool {
	p := a.path
	switch {
	case p == nil:
		return false
	case len(t.Flows) > 0: // which of them the first flow takes is chance
		return slices.Equal(p.flows(), t.Flows)
	case p.MTU != t.MTU, p.EitherWay, (p.BlackHole != nil || p.ignored()) != t.BlackHole,
		p.ReturnBlackHole != (t.ReturnHole && t.ReturnMTU < t.MTU), !p.agreesBack(min(p.MTU, t.ReturnMTU)):
		return false
	}
	return p.BlackHole == nil || p.BlackHole.After == t.After && p.BlackHole.Before == t.Before
}

// agreesBack reports whether what is said of the way back, if anything, is true.
func (p *path) agreesBack(mtu int) bool {
	return p.ReturnMTU == 0 || p.ReturnMTU <= mtu && mtu <= max(p.ReturnMTU, p.ReturnMost)
}

// judgeMTU judges who says nothing but an MTU. Where the flows differ that of any is right.
func judgeMTU(t *zone.Truth, a *answer) bool {
	return a.mtu != 0 && (a.mtu == t.MTU || slices.Contains(t.Flows, a.mtu))
}

var (
	resume = regexp.MustCompile(`Resume: pmtu (\d+)`)
	framed = regexp.MustCompile(`\bF=(\d+)`)
	marked = regexp.MustCompile(`\[\*?mtu: (\d+)\]`) // with an asterisk where scamper had to search
)

// number returns the last number that an expression finds, 0 for none.
func number(e *regexp.Regexp, text []byte) int {
	all := e.FindAllSubmatch(text, -1)
	if len(all) == 0 {
		return 0
	}
	n, err := strconv.Atoi(string(all[len(all)-1][1]))
	if err != nil {
		return 0
	}
	return n
}

// parseTracepath returns what tracepath says at its end, which is an answer to it whether it has reached the target or not.
func parseTracepath(out []byte, _ netip.Addr) int { return number(resume, out) }

// parseTraceroute returns the last size that traceroute has come down to, if it has reached the target with it.
func parseTraceroute(out []byte, target netip.Addr) int {
	if hopLine(out, target) == nil {
		return 0
	}
	return number(framed, out)
}

// parseScamper returns what scamper says of the target itself.
func parseScamper(out []byte, target netip.Addr) int { return number(marked, hopLine(out, target)) }

// hopLine returns the line of the hop that is the target: a number, the address, times.
func hopLine(out []byte, target netip.Addr) []byte {
	for line := range bytes.Lines(out) {
		fields := strings.Fields(string(line))
		if len(fields) < 3 {
			continue
		}
		if _, err := strconv.Atoi(fields[0]); err == nil && slices.Contains(fields[1:], target.String()) {
			return line
		}
	}
	return nil
}

// countSent counts by /proc/net/dev, and by /proc/net/dev_snmp6 of the interface.
func countSent(device, icmp []byte, name string) (int, error) {
	packets := -1
	for line := range bytes.Lines(device) {
		before, counters, found := strings.Cut(string(line), ":")
		fields := strings.Fields(counters)
		const sentPackets = 9 // after eight fields of what was received, and the bytes sent
		if !found || strings.TrimSpace(before) != name || len(fields) <= sentPackets {
			continue
		}
		n, err := strconv.Atoi(fields[sentPackets])
		if err != nil {
			return 0, err
		}
		packets = n
	}
	if packets < 0 {
		return 0, fmt.Errorf("no counters of %s", name)
	}
	for line := range bytes.Lines(icmp) {
		fields := strings.Fields(string(line))
		if len(fields) != 2 {
			continue
		}
		switch fields[0] {
		case "Icmp6OutRouterSolicits", "Icmp6OutNeighborSolicits", "Icmp6OutNeighborAdvertisements", "Icmp6OutMLDv2Reports",
			"Icmp6OutGroupMembResponses", "Icmp6OutGroupMembReductions":
			n, err := strconv.Atoi(fields[1])
			if err != nil {
				return 0, err
			}
			packets -= n
		}
	}
	return packets, nil
}
