package counters

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// clean returns s as it may be shown, in at most max bytes and a mark that there was more: names and comments of rules may
// have any bytes in them.
func clean(s string, max int) string {
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

// some lists the first of a list: "a, b and 7 more".
func some(list []string) string {
	const most = 4
	switch n := len(list); {
	case n == 0:
		return ""
	case n == 1:
		return list[0]
	case n <= most:
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
