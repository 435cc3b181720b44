package report

import (
	"bytes"
	"strings"
	"testing"

	"v6probe/internal/checklist"
	"v6probe/internal/rule"
)

// chain is the checklist of a guest that ignores advertisements.
func chain() *checklist.List {
	l := &checklist.List{Title: "Guest eth0 (02:01:00:cb:00:01)", Healthy: "eth0 has an address.", Broken: "eth0 gets no global address"}
	l.Add(checklist.Line{Name: "link", Text: "up, MTU 1500", Evidence: []string{"MTU 1500"}})
	l.Add(checklist.Line{Name: "solicitation", Text: "unanswered", Findings: []rule.Finding{
		checklist.Finding("ra.solicit-unanswered", "eth0", "three solicitations were not answered", "")}})
	l.Add(checklist.Line{Name: "settings", Text: "accept_ra is 0 \x1b[31mon a line that is much longer than what is left of the eighty columns", Evidence: []string{
		"net.ipv6.conf.eth0.accept_ra = 0"}, Findings: []rule.Finding{checklist.Finding("guest.accept-ra-off", "eth0", "accept_ra is 0 on eth0", "do this")}})
	l.Add(checklist.Line{Name: "address", Status: checklist.Skipped, Text: "see settings"})
	l.Add(checklist.Line{Name: "DNS", Status: checklist.Unknown, Text: "no permission"})
	return l
}

func tellChain(l *checklist.List, evidence bool) string {
	var out bytes.Buffer
	text := NewText(&out, Style{})
	text.Checklist(l, evidence)
	sum := Summary{Tally: rule.NewTally(), FailOn: rule.Error, Checklist: l}
	for _, f := range l.Findings() {
		sum.Tally.Add(f)
	}
	text.ChecklistVerdict(l, sum, "20 s of listening")
	return out.String()
}

func TestChecklist(t *testing.T) {
	want := `Guest eth0 (02:01:00:cb:00:01):

  ok    link          up, MTU 1500
  WARN  solicitation  unanswered
  FAIL  settings      accept_ra is 0 \x1b[31mon a line that is much longer than
                      what is left of the eighty columns
  -     address       see settings
  ?     DNS           no permission

FAIL  eth0 gets no global address: accept_ra is 0 on eth0. 1 error, 1 warning,
      0 notes; 20 s of listening
next  do this
`
	if got := tellChain(chain(), false); got != want {
		t.Errorf("got\n%s\nwanted\n%s", got, want)
	}
	if got := tellChain(chain(), true); !strings.Contains(got, "· net.ipv6.conf.eth0.accept_ra = 0\n") {
		t.Errorf("-v does not show the evidence:\n%s", got)
	}
}

func TestConclusion(t *testing.T) {
	healthy, broken := &checklist.List{Healthy: "All is well."}, &checklist.List{Healthy: "All is well.", Broken: "It is broken"}
	broken.Add(checklist.Line{Findings: []rule.Finding{checklist.Finding("ra.solicit-unanswered", "", "nobody answers", "wait")}})
	for _, tt := range []struct {
		list          *checklist.List
		verdict, next string
	}{
		{healthy, "All is well.", "nothing needs doing"},
		{broken, "All is well. But nobody answers.", "wait"},
		{chain(), "eth0 gets no global address: accept_ra is 0 on eth0.", "do this"},
	} {
		if verdict, next := Conclusion(tt.list); verdict != tt.verdict || next != tt.next {
			t.Errorf("%q, %q; wanted %q, %q", verdict, next, tt.verdict, tt.next)
		}
	}
}

func TestChecklistJSON(t *testing.T) {
	var out bytes.Buffer
	j := NewJSON(&out)
	l := chain()
	if err := j.Checklist(l); err != nil {
		t.Fatal(err)
	}
	if err := j.Summary(Summary{Tally: rule.NewTally(), Checklist: l}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"type":"check","schema":1,"check":"link","result":"ok","text":"up, MTU 1500","evidence":["MTU 1500"]}`,
		`"check":"settings","result":"fail","text":"accept_ra is 0 \u001b[31mon`, `"rules":["guest.accept-ra-off"]`,
		`"conclusion":"eth0 gets no global address: accept_ra is 0 on eth0.","next":"do this"`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %s:\n%s", want, out.String())
		}
	}
	documented(t, string(jsonDoc(t)), out.Bytes())
}
