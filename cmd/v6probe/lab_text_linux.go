package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"v6probe/internal/lab/cloud"
	"v6probe/internal/lab/keeper"
	"v6probe/internal/report"
)

// labPage is text of the lab's, set in as many columns as its reader has.
type labPage struct {
	strings.Builder
	width int
}

// newLabPage returns an empty page for w: of 80 columns, or those of a terminal as far as lines are easy to read.
func newLabPage(w io.Writer) *labPage {
	p := &labPage{width: 80}
	if isTerminal(w) {
		const least, readable = 40, 110
		columns, _ := terminalSize(w)
		p.width = max(least, min(columns, readable))
	}
	return p
}

// writeTo writes the page to w.
func (p *labPage) writeTo(w io.Writer) error {
	_, err := io.WriteString(w, p.String())
	return err
}

// hang writes text after head, in a column, broken into lines.
func (p *labPage) hang(head string, column int, text string) {
	if utf8.RuneCountInString(head)+1 > column {
		fmt.Fprintln(p, head)
		head = ""
	}
	line := fmt.Sprintf("%-*s", column, head)
	first := true
	for _, word := range strings.Fields(text) {
		switch {
		case first:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > p.width:
			fmt.Fprintln(p, strings.TrimRight(line, " "))
			line = strings.Repeat(" ", column) + word
		default:
			line += " " + word
		}
		first = false
	}
	fmt.Fprintln(p, strings.TrimRight(line, " "))
}

// writeScenarios lists scenarios, which are in the order of labOrdered: in a line each, by roles and groups, or in full.
func writeScenarios(w io.Writer, all []*cloud.Scenario, full bool) error {
	p := newLabPage(w)
	role, title := "", ""
	for _, s := range all {
		r, g := labGroupOf(s)
		if r.name != role {
			if role != "" {
				p.WriteString("\n")
			}
			fmt.Fprintf(p, "%s\n%s\n", r.words, strings.Repeat("─", utf8.RuneCountInString(r.words)))
			role, title = r.name, ""
		}
		if full {
			p.WriteString("\n")
			p.scenario(s)
			continue
		}
		if g.title != title {
			if title != "" {
				p.WriteString("\n")
			}
			fmt.Fprintln(p, g.title)
			title = g.title
		}
		p.hang("  "+s.Name, g.column(), s.About)
	}
	if !full {
		p.WriteString("\nv6probe lab list NAME explains one; v6probe lab run NAME shows it.\n")
	}
	return p.writeTo(w)
}

// scenario writes one in full.
func (p *labPage) scenario(s *cloud.Scenario) {
	fmt.Fprintf(p, "%s\n", s.Name)
	p.hang("  what", 12, s.About)
	p.hang("  story", 12, s.Story)
	p.hang("  node", 12, s.Node)
	fmt.Fprintf(p, "  command   %s\n", commandText(s.Command)) // in a line, to be copied
	found := "nothing"
	if len(s.Findings) > 0 {
		found = strings.Join(s.Findings, ", ")
	}
	p.hang("  finds", 12, found)
	if s.Early {
		p.hang("  when", 12, "from the beginning of the zone: lab up --fault, or lab run")
	}
	if missing := s.Missing(); len(missing) > 0 {
		p.hang("  needs", 12, strings.Join(missing, ", ")+": not on this machine")
	}
}

// commandText is a scenario's command as one would type it.
func commandText(words []string) string { return "v6probe " + strings.Join(words, " ") }

// scenarioJSON is a scenario as NDJSON has it.
type scenarioJSON struct {
	Type     string   `json:"type"`
	Schema   int      `json:"schema"`
	Name     string   `json:"name"`
	Role     string   `json:"role"`
	Node     string   `json:"node"`
	About    string   `json:"about"`
	Story    string   `json:"story"`
	Command  []string `json:"command"`
	Findings []string `json:"findings"`
	Early    bool     `json:"early"`
	Missing  []string `json:"missing"`
}

func writeScenariosJSON(w io.Writer, all []*cloud.Scenario) error {
	for _, s := range all {
		err := writeJSONLine(w, scenarioJSON{"scenario", report.Schema, s.Name, s.Role, s.Node, s.About, s.Story,
			append([]string{"v6probe"}, s.Command...), noNil(s.Findings), s.Early, noNil(s.Missing())})
		if err != nil {
			return err
		}
	}
	return nil
}

// noNil returns a list that JSON has as such even when it is empty.
func noNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func writeJSONLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// statusJSON is the state of the zone as NDJSON has it.
type statusJSON struct {
	Type     string     `json:"type"`
	Schema   int        `json:"schema"`
	Up       bool       `json:"up"`
	Building bool       `json:"building"`
	Since    *time.Time `json:"since,omitempty"`
	PID      int        `json:"pid,omitempty"`
	Nodes    []string   `json:"nodes"`
	Faults   []string   `json:"faults"`
	Files    string     `json:"files,omitempty"`
}

func writeStatusJSON(w io.Writer, up bool, s keeper.Status) error {
	j := statusJSON{Type: "zone", Schema: report.Schema, Up: up && !s.Building, Building: s.Building, PID: s.PID,
		Nodes: noNil(s.Nodes), Faults: noNil(s.Faults), Files: s.Files}
	if up {
		since := s.Since.UTC()
		j.Since = &since
	}
	return writeJSONLine(w, j)
}

func writeStatus(w io.Writer, up bool, s keeper.Status) error {
	p := newLabPage(w)
	switch {
	case !up:
		p.WriteString("No zone is up. Build it with: v6probe lab up\n")
	case s.Building:
		p.WriteString("The zone is being built.\n")
	default:
		fmt.Fprintf(p, "The zone is up since %s, kept by process %d.\n", s.Since.Local().Format(time.DateTime), s.PID)
		p.hang("  nodes", 10, strings.Join(s.Nodes, ", "))
		p.hang("  files", 10, s.Files)
		p.hang("  faults", 10, orNone(s.Faults))
	}
	return p.writeTo(w)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// writeFaults says which faults are on.
func writeFaults(w io.Writer, s keeper.Status) error {
	p := newLabPage(w)
	if len(s.Faults) == 0 {
		p.WriteString("No fault is on. Switch one on with: v6probe lab fault NAME (v6probe lab list)\n")
	}
	for _, name := range s.Faults {
		about := ""
		if f, err := findScenario(name); err == nil {
			about = f.About
		}
		p.hang(name, 30, about)
	}
	return p.writeTo(w)
}

// writeSwitched says that a fault is on, and how to see it, or that it is off.
func writeSwitched(w io.Writer, s *cloud.Scenario, on bool) error {
	p := newLabPage(w)
	if on {
		fmt.Fprintf(p, "%s is on.\n", s.Name)
		p.hang("  what", 8, s.About)
		// In a line each, to be copied.
		fmt.Fprintf(p, "  see   v6probe lab exec %s -- %s\n", s.Node, commandText(s.Command))
		fmt.Fprintf(p, "  off   v6probe lab fault %s --off\n", s.Name)
	} else {
		fmt.Fprintf(p, "%s is off.\n", s.Name)
	}
	return p.writeTo(w)
}
