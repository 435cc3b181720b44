package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"v6probe/internal/rule"
)

// Style says how text is set.
type Style struct {
	Color bool
	Width int // columns to fill; 0 means 80
}

func (s Style) width() int {
	if s.Width <= 0 {
		return 80
	}
	return max(s.Width, 40)
}

// The few SGR sequences that are used.
const (
	sgrBold   = "\x1b[1m"
	sgrDim    = "\x1b[2m"
	sgrRed    = "\x1b[31m"
	sgrGreen  = "\x1b[32m"
	sgrYellow = "\x1b[33m"
	sgrReset  = "\x1b[0m"
)

func (s Style) paint(sgr, text string) string {
	if !s.Color {
		return text
	}
	return sgr + text + sgrReset
}

func (s Style) severity(sev rule.Severity, text string) string {
	switch sev {
	case rule.Error:
		return s.paint(sgrBold+sgrRed, text)
	case rule.Warning:
		return s.paint(sgrYellow, text)
	}
	return s.paint(sgrDim, text)
}

// printable returns s with every character that is not a printable one escaped, so that nothing from a wire or a file
// can drive a terminal.
func printable(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return wireText([]byte(s))
}

// wireText returns b as text: printable ASCII as it is, every other byte as \xHH.
func wireText(b []byte) string {
	var sb strings.Builder
	for _, c := range b {
		if c >= 0x20 && c < 0x7f && c != '\\' {
			sb.WriteByte(c)
		} else {
			fmt.Fprintf(&sb, `\x%02x`, c)
		}
	}
	return sb.String()
}

// nbsp joins a number and its unit until a line is written, so that wrap keeps them together.
const nbsp = "\u00a0"

// wrap breaks text at spaces into lines of at most width columns; a word that is longer stands alone.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.SplitSeq(text, " ") {
		switch {
		case word == "":
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// seconds says a lifetime of an option: "30 s", "4 h", "1 d 2 h", "infinite".
func seconds(s uint32) string {
	if s == 0xffffffff {
		return "infinite"
	}
	units := []struct {
		size uint32
		name string
	}{{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}
	if s < 120 {
		return fmt.Sprintf("%d%ss", s, nbsp)
	}
	var parts []string
	for _, u := range units {
		if n := s / u.size; n > 0 && len(parts) < 3 {
			parts = append(parts, fmt.Sprintf("%d%s%s", n, nbsp, u.name))
			s %= u.size
		}
	}
	return strings.Join(parts, nbsp)
}

// Duration says a time that was measured, with three digits: "0.412 ms", "4.01 s".
func Duration(d time.Duration) string {
	switch {
	case d < time.Second-500*time.Microsecond: // what is nearer to a second is one
		return strconv.FormatFloat(float64(d)/1e6, 'g', 3, 64) + nbsp + "ms"
	case d < 100*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + nbsp + "s"
	}
	return d.Round(time.Second).String()
}

// Plural returns "1 router" or "2 routers".
func Plural[N int | uint64](n N, noun string) string {
	if n == 1 {
		return "1" + nbsp + noun
	}
	return fmt.Sprintf("%d%s%ss", n, nbsp, noun)
}
