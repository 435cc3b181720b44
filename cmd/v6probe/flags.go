package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
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
	capture liveFlags

	asking  string // whom, when it is not only listened
	oneLink bool   // -i names one interface: any is none
	ahead   bool   // what the view wants of a packet, and its part of an NDJSON line, may be asked for on another goroutine
}

// addSource adds those that say what is read, and for how long.
func (f *sourceFlags) addSource(c *cobra.Command) {
	if f.timeout == 0 {
		f.timeout = 20 * time.Second
	}
	fs := c.Flags()
	fs.StringVarP(&f.iface, "iface", "i", "", "capture on interface `IFACE`; any is all of them")
	fs.StringVarP(&f.read, "read", "r", "", "read the capture `FILE`: pcap or pcapng, also .gz and .zst; - is standard input")
	fs.StringVarP(&f.write, "write", "w", "", "write what was looked at to `FILE`, as pcapng")
	fs.Uint64VarP(&f.count, "count", "c", 0, "end after `N` messages")
	fs.DurationVar(&f.timeout, "timeout", f.timeout, "how long to listen; 0 is until interrupted")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "only findings and the verdict; no hints, no progress")
	complete(c, "iface", func() []string {
		if f.oneLink {
			return capture.InterfaceNames()
		}
		return append(capture.InterfaceNames(), capture.AnyInterface)
	})
	c.MarkFlagFilename("read", "pcap", "pcapng", "cap", "gz", "zst")
	c.MarkFlagFilename("write", "pcapng")
}

func (f *sourceFlags) add(c *cobra.Command) {
	f.addSource(c)
	fs := c.Flags()
	fs.BoolVar(&f.json, "json", false, "write NDJSON, one object a line")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "show every message, one a line")
	fs.StringVar(&f.failOn, "fail-on", "error", "exit with 1 from `SEVERITY` on: error, warning or never")
	addColorFlag(c, &f.color)
	complete(c, "fail-on", func() []string { return []string{"error", "warning", "never"} })
}

func addColorFlag(c *cobra.Command, color *string) {
	c.Flags().StringVar(color, "color", "auto", "colour `WHEN`: auto, always or never (NO_COLOR is honoured)")
	complete(c, "color", func() []string { return []string{"auto", "always", "never"} })
}

// complete has the shell complete a flag's value from what list returns.
func complete(c *cobra.Command, flag string, list func() []string) {
	c.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return list(), cobra.ShellCompDirectiveNoFileComp
	})
}

// check says what is wrong with the flags together.
func (f *sourceFlags) check(c *cobra.Command) error {
	given := c.Flags().Changed
	switch {
	case given("iface") && given("read"):
		return hinted("leave one of them out", "-i is for a live interface and -r for a capture: not both")
	case given("iface") && f.iface == "":
		return hinted("interfaces here: "+strings.Join(capture.InterfaceNames(), ", "), "-i: the name is empty")
	case given("read") && f.read == "":
		return hinted("name a capture; - is standard input", "-r: the name is empty")
	case f.json && (f.verbose || f.quiet):
		return hinted("--json has all that -v shows", "--json cannot be had with -v or -q")
	case f.timeout < 0:
		return hinted("for example --timeout 5s; 0 is until interrupted", "--timeout: %v is less than nothing", f.timeout)
	}
	if c.Flags().Lookup("direction") == nil {
		return nil // a command that looks at a machine in its role
	}
	return f.capture.check(c, f.read)
}

// zone takes the interface from the zone of a, if it has one: the name or the index of it.
func (f *sourceFlags) zone(a netip.Addr) error {
	zone := a.Zone()
	if zone == "" {
		return nil
	}
	if index, err := strconv.Atoi(zone); err == nil {
		if ifi, err := net.InterfaceByIndex(index); err == nil {
			zone = ifi.Name
		}
	}
	if f.iface != "" && f.iface != zone {
		return hinted("leave one of them out", "%v is on %s, not on %s", a, zone, f.iface)
	}
	f.iface = zone
	return nil
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
		s.Color = canDraw(w) && os.Getenv("NO_COLOR") == ""
	case "never":
	default:
		return s, hinted("one of: auto, always, never", "--color: no such choice: %q", color)
	}
	if tty {
		const readable = 110 // wider lines are hard to read
		columns, _ := terminalSize(w)
		s.Width = min(columns, readable)
	}
	return s, nil
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// canDraw reports whether w is a terminal that knows escape sequences.
func canDraw(w io.Writer) bool { return isTerminal(w) && os.Getenv("TERM") != "dumb" }

// terminalSize returns the size of the terminal w, or the usual one where it does not tell.
func terminalSize(w io.Writer) (columns, rows int) {
	if f, ok := w.(*os.File); ok {
		if columns, rows, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 && rows > 0 {
			return columns, rows
		}
	}
	return 80, 24
}

// chooseInterface returns the interface to listen on when none is named: the only one that is up.
func chooseInterface() (string, error) {
	list, err := net.Interfaces()
	if err != nil {
		return "", fmt.Errorf("list of interfaces: %w", err)
	}
	var up []string
	for _, i := range list {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 {
			up = append(up, i.Name)
		}
	}
	if len(up) == 1 {
		return up[0], nil
	}
	hint := "interfaces that are up: " + strings.Join(up, ", ")
	if len(up) == 0 {
		hint = "no interface of this machine is up but its loopback"
	}
	return "", hinted(hint, "say where to look: %s", "-i IFACE for a live interface, -r FILE for a capture")
}
