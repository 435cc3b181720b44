//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"v6probe/kernels/wire"
)

// print prints a table with a column a kernel, and below it whatever is not good. It reports whether all is good.
func print(w io.Writer, trials []*trial, cases []string, require bool) (good bool) {
	good = true
	booted := slices.DeleteFunc(slices.Clone(trials), func(t *trial) bool { return t.release == "" })
	if len(booted) > 0 {
		printTable(w, booted, cases)
	}
	for _, t := range trials {
		good = t.explain(w, cases, require) && good
	}
	return good
}

func printTable(w io.Writer, booted []*trial, cases []string) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "case")
	for _, t := range booted {
		fmt.Fprint(table, "\t", printable(t.release))
	}
	fmt.Fprintln(table)
	for _, name := range cases {
		fmt.Fprint(table, name)
		for _, t := range booted {
			fmt.Fprint(table, "\t", t.cell(name))
		}
		fmt.Fprintln(table)
	}
	table.Flush()
}

// of returns what came of a case, or nil.
func (t *trial) of(name string) *wire.Message {
	i := slices.IndexFunc(t.done, func(m wire.Message) bool { return m.Case == name })
	if i < 0 {
		return nil
	}
	return &t.done[i]
}

func (t *trial) cell(name string) string {
	m := t.of(name)
	switch {
	case m == nil && name == t.running:
		return "died"
	case m == nil:
		return "not run"
	}
	return printable(string(m.Result))
}

// explain tells what is not good on a kernel, and reports whether all is.
func (t *trial) explain(w io.Writer, cases []string, require bool) (good bool) {
	good = true
	for _, name := range cases {
		m := t.of(name)
		if m == nil || m.Result == wire.OK && m.Text == "" {
			good = good && (m != nil || t.release == "")
			continue
		}
		good = good && (m.Result == wire.OK || m.Result == wire.Missing)
		fmt.Fprintf(w, "\n%s %s: %s\n", t.series, name, printable(string(m.Result)))
		for line := range strings.Lines(m.Text) {
			fmt.Fprintln(w, "  "+printable(strings.TrimRight(line, "\n")))
		}
	}
	switch {
	case t.err == nil:
	case errors.Is(t.err, errNoKernel) && !require:
		fmt.Fprintf(w, "\n%s: skipped: %v\n", t.series, t.err)
	default:
		good = false
		fmt.Fprintf(w, "\n%s: %v\n", t.series, t.err)
	}
	return good
}

// printable returns text with what a terminal would obey, or not show, as Go writes it: \x1b.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch quoted := strconv.QuoteRune(r); {
		case r == '\'' || r == '\\':
			b.WriteRune(r)
		default:
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// lastLines returns the last n lines of what others wrote, to be shown on a terminal. Empty ones do not count.
func lastLines(text []byte, n int) []string {
	const width = 300
	lines := strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' || r == '\r' })
	lines = lines[max(0, len(lines)-n):]
	for i, l := range lines {
		if lines[i] = printable(l); len(l) > width {
			lines[i] = printable(l[:width]) + "…"
		}
	}
	return lines
}
