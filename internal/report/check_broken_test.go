package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	gosarif "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"v6probe/internal/check"
	"v6probe/internal/expect"
	"v6probe/internal/rule"
)

// badExpectations are captures of which the expectation is wrong: at a place in a file, somewhere in one, in what came by a
// flag, in standard input; and a damaged one.
func badExpectations() []*check.Capture {
	bad := func(name string, p rule.Place) *check.Capture {
		err := &expect.Error{Place: p, Reason: "there is no field mtuu"}
		return &check.Capture{Name: name, Err: fmt.Errorf("%s: %w", name, err), Failed: true}
	}
	return []*check.Capture{
		bad("a.pcap", rule.Place{File: "x y.yaml", Line: 7, Column: 3}),
		bad("b.pcap", rule.Place{File: "networks.json"}),
		bad("c.pcap", rule.Place{File: "--expect-mtu"}),
		bad("d.pcap", rule.Place{File: "-", Line: 4}),
		{Name: "cut.pcap", Err: hintedError{"cut.pcap: unexpected EOF", ""}, Failed: true},
	}
}

// badPlaces is where they are shown.
func badPlaces() []rule.Place {
	return []rule.Place{{File: "x y.yaml", Line: 7, Column: 3}, {File: "networks.json", Line: 1}, {File: "c.pcap", Line: 1},
		{File: "d.pcap", Line: 1}, {File: "cut.pcap", Line: 1}}
}

// badTitle is what the one called name is.
func badTitle(name string) string {
	if name == "cut.pcap" {
		return "damaged capture"
	}
	return "bad expectation"
}

func TestCheckBadExpectation(t *testing.T) {
	list, places := badExpectations(), badPlaces()
	annotations := readGitHub(t, checkOutput(t, "github", list, Style{}, CheckOptions{}))
	cases := readJUnit(t, checkOutput(t, "junit", list, Style{}, CheckOptions{})).Cases
	log, err := gosarif.FromString(checkOutput(t, "sarif", list, Style{}, CheckOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	notes := log.Runs[0].Invocations[0].ToolExecutionNotifications
	if len(annotations) != len(list) || len(cases) != len(list) || len(notes) != len(list) {
		t.Fatalf("%d annotations, %d cases, %d notifications", len(annotations), len(cases), len(notes))
	}
	for i, c := range list {
		if a := annotations[i]; a.file != places[i].File || a.line != fmt.Sprint(places[i].Line) || a.title != badTitle(c.Name) ||
			!strings.HasPrefix(a.text, c.Name+": ") {
			t.Errorf("annotation of %s: %+v", c.Name, a)
		}
		if e := cases[i].Error; e == nil || e.Type != badTitle(c.Name) {
			t.Errorf("case of %s: %+v", c.Name, e)
		}
		if got := sarifPlaces(notes[i].Locations); len(got) != 1 || got[0] != places[i] {
			t.Errorf("notification of %s at %+v, want %+v", c.Name, got, places[i])
		}
	}
	if text := *notes[0].Message.Text; text != "a.pcap: x y.yaml:7:3: there is no field mtuu" {
		t.Errorf("the notification says %q", text)
	}
	text := checkOutput(t, "text", list, Style{}, CheckOptions{})
	if want := "BROKEN  a.pcap: x y.yaml:7:3: there is no field mtuu\n"; !strings.HasPrefix(text, want) {
		t.Errorf("the text is %s", text)
	}
}

// TestCheckInterrupted: no format says that it passed, or was all, where the rest was not looked at.
func TestCheckInterrupted(t *testing.T) {
	for _, n := range []int{0, 2} {
		list := checked()[:n]
		output := func(format string) string {
			return checkSummed(t, format, list, Style{}, CheckOptions{FailOn: rule.Error}, CheckSummary{Interrupted: true, Total: 9})
		}
		says := fmt.Sprintf("interrupted: %d of 9 captures judged", n)
		for _, format := range []string{"text", "github"} {
			if out := output(format); !strings.HasPrefix(out, "FAIL  "+says+"; ") {
				t.Errorf("%s: %s", format, out)
			}
		}
		lines := strings.Split(strings.TrimSpace(output("json")), "\n")
		var sum struct {
			Type, Verdict string
			Interrupted   bool
		}
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &sum); err != nil || sum.Type != "summary" ||
			sum.Verdict != "fail" || !sum.Interrupted {
			t.Errorf("json: %+v, %v", sum, err)
		}
		tap := output("tap")
		if readTAP(t, tap); !strings.HasSuffix(tap, "\n1..9\n# FAIL  "+says+"; 0 errors, 0 warnings, "+
			strings.ReplaceAll(Plural(n/2, "note"), nbsp, " ")+"; 2.3 s\nBail out! interrupted\n") {
			t.Errorf("tap: %s", tap)
		}
		x := readJUnit(t, output("junit"))
		if len(x.Cases) != n+1 || x.Tests != n+1 || x.Errors != 1 || x.Failures != 0 {
			t.Fatalf("junit: %+v", x)
		}
		if c := x.Cases[n]; c.Name != "interrupted" || c.Error == nil || c.Error.Type != "interrupted" || c.Error.Message != says {
			t.Errorf("junit: %+v", c)
		}
		log, err := gosarif.FromString(output("sarif"))
		if err != nil {
			t.Fatal(err)
		}
		inv := log.Runs[0].Invocations[0]
		if *inv.ExecutionSuccessful || len(inv.ToolExecutionNotifications) != 1 ||
			*inv.ToolExecutionNotifications[0].Message.Text != says {
			t.Errorf("sarif: %+v", inv)
		}
	}
	// Whoever stops it behind the last capture has not seen that it was the last.
	if v := (CheckSummary{Captures: 1, Total: 1, Interrupted: true}).Verdict(); v != "fail" {
		t.Errorf("the verdict is %s", v)
	}
	if out := checkOutput(t, "json", checked(), Style{}, CheckOptions{}); strings.Contains(out, "interrupted") {
		t.Errorf("nobody interrupted %s", out)
	}
}

// TestCheckPassingFindings: what does not fail a capture is told nevertheless, but for notes.
func TestCheckPassingFindings(t *testing.T) {
	list := []*check.Capture{
		{Name: "warned.pcap", Found: []rule.Found{found("nd.hop-limit", rule.Warning, "it is 64"),
			found("ra.absent", rule.Info, "none")}},
		{Name: "noted.pcap", Found: []rule.Found{found("ra.absent", rule.Info, "none")}},
	}
	out := checkOutput(t, "text", list, Style{}, CheckOptions{FailOn: rule.Error, Quiet: true})
	want := "ok      warned.pcap: 1 warning, 1 note\n  WARNING nd.hop-limit\n    seen  it is 64\n\n" +
		"PASS  2 captures; 0 errors, 1 warning, 2 notes; 2.3 s\n"
	if out != want {
		t.Errorf("got:\n%swant:\n%s", out, want)
	}
	out = checkOutput(t, "text", list, Style{}, CheckOptions{FailOn: rule.Error, Verbose: true})
	if n := strings.Count(out, "  INFO    ra.absent\n"); n != 2 {
		t.Errorf("%d notes, want 2, in\n%s", n, out)
	}
}
