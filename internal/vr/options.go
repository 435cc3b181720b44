package vr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Options is what the user knows better than the machine.
type Options struct {
	Type   string // Isolated, VPC or Shared; "" for what CloudStack's own files say
	Backup *bool  // whether it is the backup of a redundant pair; nil for what the machine's state says
	Radvd  string // radvd's configuration; "" for the one that radvd runs with, or else /etc/radvd.conf
	Root   string // before the names of CloudStack's files; "" outside of tests
}

// printable returns the name of an interface as it may be shown: whoever may make interfaces may put almost any byte into a
// name.
func printable(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return name
	}
	return strconv.Quote(name)
}

// maxNamed is how many things a sentence names.
const maxNamed = 6

// some lists the first of many: "a, b and 7 more".
func some(list []string) string {
	switch n := len(list); {
	case n == 0:
		return "none"
	case n == 1:
		return list[0]
	case n <= maxNamed:
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:maxNamed], ", "), len(list)-maxNamed)
}

// names lists interfaces as they may be shown.
func names(list []string) string {
	shown := make([]string, len(list))
	for i, name := range list {
		shown[i] = printable(name)
	}
	return some(shown)
}
