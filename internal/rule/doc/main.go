// Command doc prints the rule catalogue as Markdown, for docs/rules.md.
package main

//go:generate go run . ../../../docs/rules.md

import (
	"fmt"
	"io"
	"os"
	"strings"

	"v6probe/internal/rule"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "doc:", err)
		os.Exit(1)
	}
}

func write(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: doc FILE")
	}
	f, err := os.Create(args[0])
	if err != nil {
		return err
	}
	if err := markdown(f, rule.All()); err != nil {
		return err
	}
	return f.Close()
}

func markdown(w io.Writer, rules []rule.Rule) error {
	var b strings.Builder
	b.WriteString("# The rules\n\nMade from the catalogue by `make generate`; `v6probe rules ID` prints the same.\n" +
		"*error*: a receiver drops the packet or the option, or guests lose connectivity; *warning*: legal but harmful;\n" +
		"*info*: worth knowing.\n")
	for _, r := range rules {
		fmt.Fprintf(&b, "\n## %s\n\n**%s**, RFC %s", r.ID, r.Severity, r.RFC)
		if r.Receiver != rule.ReceiverNone {
			fmt.Fprintf(&b, "; the receiver %s", r.Receiver)
		}
		fmt.Fprintf(&b, "\n\n%s. %s\n\nFix: %s\n", strings.ToUpper(r.Title[:1])+r.Title[1:], r.Why, r.Fix)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
