//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// unknown is a count that a program does not tell.
const unknown = -1

// account is what a program says that it has seen.
type account struct {
	frames  int // that it took
	dropped int // by the kernel, for lack of room
	shed    int // by itself, or unknown
	adverts int // of the known router, or unknown
}

// parseTcpdump reads the last lines of tcpdump: "3 packets captured", "5 packets received by filter" and "2 packets dropped by
// kernel".
func parseTcpdump(diagnostics string) (a account, err error) {
	count := func(what string) (n int) {
		text, _, found := strings.Cut(diagnostics, what)
		if fields := strings.Fields(text); found && len(fields) > 0 {
			if n, err2 := strconv.Atoi(fields[len(fields)-1]); err2 == nil {
				return n
			}
		}
		err = errors.Join(err, fmt.Errorf("tcpdump does not say how many %s: %q", strings.TrimSpace(what), diagnostics))
		return 0
	}
	return account{frames: count(" packets captured"), dropped: count(" packets dropped by kernel"),
		shed: unknown, adverts: unknown}, err
}

// summary is the last line of v6probe's NDJSON.
type liveSummary struct {
	Type     string          `json:"type"`
	Frames   int             `json:"frames"`
	Messages int             `json:"messages"`
	Dropped  int             `json:"kernel_drops"`
	Shed     json.RawMessage `json:"shed"` // a number, or numbers of kinds and maybe their total
}

// parseSummary finds the summary in the end of v6probe's NDJSON. The advertisements of a flood that has no others are the
// frames that are no messages of v6probe nd.
func parseSummary(end []byte) (a account, err error) {
	end = bytes.TrimSpace(end)
	var s liveSummary
	if err := json.Unmarshal(end[bytes.LastIndexByte(end, '\n')+1:], &s); err != nil || s.Type != "summary" {
		return a, fmt.Errorf("v6probe ends without a summary: %q", end[max(0, len(end)-200):])
	}
	shed, err := sumOf(s.Shed)
	return account{frames: s.Frames, dropped: s.Dropped, shed: shed, adverts: s.Frames - s.Messages}, err
}

// sumOf adds up numbers in JSON: one, or those of an object unless it has their total; nothing is 0.
func sumOf(raw json.RawMessage) (sum int, err error) {
	if len(raw) == 0 || json.Unmarshal(raw, &sum) == nil {
		return sum, nil
	}
	var kinds map[string]int
	if err := json.Unmarshal(raw, &kinds); err != nil {
		return 0, fmt.Errorf("shed is %s: %w", raw, err)
	}
	if total, told := kinds["total"]; told {
		return total, nil
	}
	for _, n := range kinds {
		sum += n
	}
	return sum, nil
}

// parseText reads the verdict of v6probe nd: "PASS  0 errors, …; 3 messages in 5 s; 4 frames looked at; the kernel dropped 2
// frames before v6probe saw them". In lines that are wrapped.
func parseText(end []byte) (a account, err error) {
	text := strings.Join(strings.Fields(string(end)), " ") // no-break spaces too
	number := func(pattern string) (n int, found bool) {
		all := regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1)
		if len(all) == 0 {
			return 0, false
		}
		n, err := strconv.Atoi(all[len(all)-1][1])
		return n, err == nil
	}
	messages, found1 := number(`(\d+) messages? in `)
	frames, found2 := number(`(\d+) frames? looked at`)
	if !found1 || !found2 {
		return a, fmt.Errorf("v6probe does not say how much it has seen: %q", text[max(0, len(text)-200):])
	}
	dropped, _ := number(`the kernel dropped (\d+) frame`)
	shed, _ := number(`(\d+) frames? came faster than could be judged`)
	return account{frames: frames, dropped: dropped, shed: shed, adverts: frames - messages}, nil
}

// textAfter returns what follows a word in text.
func textAfter(text, word string) string {
	_, rest, _ := strings.Cut(text, word)
	return rest
}
