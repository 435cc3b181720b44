package host

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// printable returns the name of an interface as it may be shown: whoever may make interfaces may put almost any byte into
// a name.
func printable(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return name
	}
	return strconv.Quote(name)
}
