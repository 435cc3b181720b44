package rule

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestCatalogue(t *testing.T) {
	id := regexp.MustCompile(`^[0-9a-z]+\.[0-9a-z]+(-[0-9a-z]+)*$`)
	source := regexp.MustCompile(`^([0-9]{4} |[0-9]{4};|[0-9]{4}$|draft-ietf-)`)
	receivers := []Receiver{ReceiverNone, ReceiverDrops, ReceiverIgnores, ReceiverAccepts}
	seen := make(map[ID]bool)
	for _, r := range All() {
		if seen[r.ID] {
			t.Errorf("%s is there twice", r.ID)
		}
		seen[r.ID] = true
		if !id.MatchString(string(r.ID)) {
			t.Errorf("%q is no subject.fault in kebab-case", r.ID)
		}
		if r.Severity > Error {
			t.Errorf("%s: severity %d", r.ID, r.Severity)
		}
		if !slices.Contains(receivers, r.Receiver) {
			t.Errorf("%s: receiver %q", r.ID, r.Receiver)
		}
		if r.Receiver == ReceiverDrops && r.Severity != Error {
			t.Errorf("%s: receivers drop the packet, yet it is of severity %s", r.ID, r.Severity)
		}
		if !source.MatchString(r.RFC) {
			t.Errorf("%s: source %q", r.ID, r.RFC)
		}
		for field, text := range map[string]string{"title": r.Title, "why": r.Why, "fix": r.Fix} {
			if text == "" || text != strings.TrimSpace(text) || strings.Contains(text, "  ") || strings.Contains(text, "\n") {
				t.Errorf("%s: %s is %q", r.ID, field, text)
			}
			if full := strings.HasSuffix(text, "."); full != (field != "title") && text != "" {
				t.Errorf("%s: %s ends wrongly: %q", r.ID, field, text)
			}
			if strings.Count(text, "`")%2 != 0 {
				t.Errorf("%s: %s has an odd backquote", r.ID, field)
			}
		}
		if len(r.Title) > 100 {
			t.Errorf("%s: a title of %d characters", r.ID, len(r.Title))
		}
	}
	if len(seen) < 140 {
		t.Errorf("%d rules only", len(seen))
	}
}

func TestLookup(t *testing.T) {
	for _, want := range All() {
		if got, ok := Lookup(want.ID); !ok || got != want {
			t.Errorf("Lookup(%q) = %+v, %v", want.ID, got, ok)
		}
	}
	if got, ok := Lookup("ra.no-such"); ok || got != (Rule{}) {
		t.Errorf("Lookup of an unknown id: %+v, %v", got, ok)
	}
	if n := testing.AllocsPerRun(10, func() { Lookup("6co.length") }); n != 0 {
		t.Errorf("Lookup allocates %v times", n)
	}

	// The catalogue cannot be changed through what All returns.
	All()[0].Title = "changed"
	if All()[0].Title == "changed" {
		t.Error("All gives the catalogue itself away")
	}
}

func TestSeverityString(t *testing.T) {
	for s, want := range map[Severity]string{Info: "info", Warning: "warning", Error: "error"} {
		if got := s.String(); got != want {
			t.Errorf("%d is %q, want %q", s, got, want)
		}
	}
}
