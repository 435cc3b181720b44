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

// labWidth is how many columns the lab writes.
const labWidth = 80

// labRole is a role of the zone's nodes: its name in scenarios, and in words.
type labRole struct{ name, words string }

func labRoles() []labRole {
	return []labRole{
		{"guest", "On a guest: v6probe slaac"},
		{"vr", "On the virtual router: v6probe vr"},
		{"kvm", "On a KVM host: v6probe kvm"},
	}
}

// hang writes text after head, in a column, broken into lines of labWidth.
func hang(b *strings.Builder, head string, column int, text string) {
	if utf8.RuneCountInString(head)+1 > column {
		fmt.Fprintln(b, head)
		head = ""
	}
	line := fmt.Sprintf("%-*s", column, head)
	first := true
	for _, word := range strings.Fields(text) {
		switch {
		case first:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > labWidth:
			fmt.Fprintln(b, strings.TrimRight(line, " "))
			line = strings.Repeat(" ", column) + word
		default:
			line += " " + word
		}
		first = false
	}
	fmt.Fprintln(b, strings.TrimRight(line, " "))
}

// writeScenarios lists scenarios by their roles, in a line each or in full.
func writeScenarios(w io.Writer, all []*cloud.Scenario, full bool) error {
	b := &strings.Builder{}
	column := 0
	for _, s := range all {
		column = max(column, len(s.Name)+4)
	}
	for _, role := range labRoles() {
		head := role.words + "\n"
		for _, s := range all {
			if s.Role != role.name {
				continue
			}
			if head != "" && b.Len() > 0 {
				b.WriteString("\n")
			}
			b.WriteString(head)
			head = ""
			if full {
				b.WriteString("\n")
				writeScenario(b, s)
				continue
			}
			hang(b, "  "+s.Name, min(column, 30), s.About)
		}
	}
	if !full {
		b.WriteString("\nv6probe lab list NAME explains one; v6probe lab run NAME shows it.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeScenario writes one in full.
func writeScenario(b *strings.Builder, s *cloud.Scenario) {
	fmt.Fprintf(b, "%s\n", s.Name)
	hang(b, "  what", 12, s.About)
	hang(b, "  story", 12, s.Story)
	hang(b, "  node", 12, s.Node)
	fmt.Fprintf(b, "  command   %s\n", commandText(s.Command)) // in a line, to be copied
	found := "nothing"
	if len(s.Findings) > 0 {
		found = strings.Join(s.Findings, ", ")
	}
	hang(b, "  finds", 12, found)
	if s.Early {
		hang(b, "  when", 12, "from the beginning of the zone: lab up --fault, or lab run")
	}
	if missing := s.Missing(); len(missing) > 0 {
		hang(b, "  needs", 12, strings.Join(missing, ", ")+": not on this machine")
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
	b := &strings.Builder{}
	switch {
	case !up:
		b.WriteString("No zone is up. Build it with: v6probe lab up\n")
	case s.Building:
		b.WriteString("The zone is being built.\n")
	default:
		fmt.Fprintf(b, "The zone is up since %s, kept by process %d.\n", s.Since.Local().Format(time.DateTime), s.PID)
		hang(b, "  nodes", 10, strings.Join(s.Nodes, ", "))
		hang(b, "  files", 10, s.Files)
		hang(b, "  faults", 10, orNone(s.Faults))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// writeFaults says which faults are on.
func writeFaults(w io.Writer, s keeper.Status) error {
	b := &strings.Builder{}
	if len(s.Faults) == 0 {
		b.WriteString("No fault is on. Switch one on with: v6probe lab fault NAME (v6probe lab list)\n")
	}
	for _, name := range s.Faults {
		about := ""
		if f, err := findScenario(name); err == nil {
			about = f.About
		}
		hang(b, name, 30, about)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeSwitched says that a fault is on, and how to see it, or that it is off.
func writeSwitched(w io.Writer, s *cloud.Scenario, on bool) error {
	b := &strings.Builder{}
	if on {
		fmt.Fprintf(b, "%s is on.\n", s.Name)
		hang(b, "  what", 8, s.About)
		hang(b, "  see", 8, "v6probe lab exec "+s.Node+" -- "+commandText(s.Command))
		hang(b, "  off", 8, "v6probe lab fault "+s.Name+" --off")
	} else {
		fmt.Fprintf(b, "%s is off.\n", s.Name)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
