package main

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"v6probe/internal/capture"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// sourceFlags are the flags of every command that reads packets.
type sourceFlags struct {
	iface   string
	read    string
	write   string
	count   uint64
	timeout time.Duration
	json    bool
	verbose bool
	quiet   bool
	failOn  string
	color   string
}

func (f *sourceFlags) add(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVarP(&f.iface, "iface", "i", "", "capture on this interface; any: on all")
	fs.StringVarP(&f.read, "read", "r", "", "read a capture: pcap or pcapng, also .gz and .zst; - is standard input")
	fs.StringVarP(&f.write, "write", "w", "", "write what was looked at to this file, as pcapng")
	fs.Uint64VarP(&f.count, "count", "c", 0, "end after so many messages")
	fs.DurationVar(&f.timeout, "timeout", 20*time.Second, "how long to listen; 0: until interrupted")
	fs.BoolVar(&f.json, "json", false, "write NDJSON, one object a line")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "show every message, one a line")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "only findings and the verdict; no hints, no progress")
	fs.StringVar(&f.failOn, "fail-on", "error", "exit with 1 from this severity on: error, warning or never")
	addColorFlag(c, &f.color)
	c.MarkFlagsMutuallyExclusive("iface", "read")
	c.MarkFlagsMutuallyExclusive("json", "verbose")
	c.MarkFlagsMutuallyExclusive("json", "quiet")
	complete(c, "iface", func() []string { return append(capture.InterfaceNames(), "any") })
	complete(c, "fail-on", func() []string { return []string{"error", "warning", "never"} })
	c.MarkFlagFilename("read", "pcap", "pcapng", "cap", "gz", "zst")
	c.MarkFlagFilename("write", "pcapng")
}

func addColorFlag(c *cobra.Command, color *string) {
	c.Flags().StringVar(color, "color", "auto", "colour: auto, always or never (NO_COLOR is honoured)")
	complete(c, "color", func() []string { return []string{"auto", "always", "never"} })
}

// complete has the shell complete a flag's value from what list returns.
func complete(c *cobra.Command, flag string, list func() []string) {
	c.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return list(), cobra.ShellCompDirectiveNoFileComp
	})
}

// fail returns the severity from which findings fail the run, and whether they never do.
func (f *sourceFlags) fail() (from rule.Severity, never bool, err error) {
	switch f.failOn {
	case "error":
		return rule.Error, false, nil
	case "warning":
		return rule.Warning, false, nil
	case "never":
		return rule.Error, true, nil
	}
	return 0, false, hinted("one of: error, warning, never", "--fail-on: no such severity: %q", f.failOn)
}

// textStyle returns how text is to be set on w.
func textStyle(color string, w io.Writer) (report.Style, error) {
	tty := isTerminal(w)
	s := report.Style{}
	switch color {
	case "always":
		s.Color = true
	case "auto":
		s.Color = tty && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	case "never":
	default:
		return s, hinted("one of: auto, always, never", "--color: no such choice: %q", color)
	}
	if tty {
		s.Width = columns(w)
	}
	return s, nil
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// columns returns how wide to write on the terminal w: as wide as it is, up to what reads well.
func columns(w io.Writer) int {
	const readable = 110
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	n, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return min(n, readable)
}

// chooseInterface returns the interface to listen on when none is named: the only one there is.
func chooseInterface() (string, error) {
	var up []string
	for _, name := range capture.InterfaceNames() {
		if name != "lo" {
			up = append(up, name)
		}
	}
	if len(up) == 1 {
		return up[0], nil
	}
	hint := "interfaces here: " + strings.Join(up, ", ")
	if len(up) == 0 {
		hint = "this machine has no interface but its loopback"
	}
	return "", hinted(hint, "say where to look: %s", "-i IFACE for a live interface, -r FILE for a capture")
}
