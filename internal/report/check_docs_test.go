package report

import (
	"os"
	"testing"
)

// TestEveryCheckFieldIsDocumented: docs/json.md names every field that check and expect show write.
func TestEveryCheckFieldIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	out := checkSummed(t, "json", checked(), Style{}, CheckOptions{}, CheckSummary{Interrupted: true})
	out += expectationJSON(t, everyExpectation())
	documented(t, string(doc), []byte(out))
}
