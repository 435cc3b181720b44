package tool

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Clean returns s as it may be shown, in at most max bytes and a mark that there was more: names and comments of rules may
// have any bytes in them.
func Clean(s string, max int) string {
	cut := len(s) > max
	if cut {
		s = s[:max]
		for n := 0; n < utf8.UTFMax-1 && s != ""; n++ { // not amid a character
			if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
				break
			}
			s = s[:len(s)-1]
		}
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		s = strconv.Quote(s)
		s = s[1 : len(s)-1]
	}
	if cut {
		s += "…"
	}
	return s
}
