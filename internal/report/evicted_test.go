package report

import (
	"bytes"
	"strings"
	"testing"

	"v6probe/internal/nd"
	"v6probe/internal/ra"
	"v6probe/internal/rule"
)

// TestEvicted: text and NDJSON tell what was forgotten, and nothing where nothing was.
func TestEvicted(t *testing.T) {
	for _, tt := range []struct {
		evicted    Evicted
		text, json string
	}{
		{EvictedRouters(ra.Evicted{Links: 3}), "", ""},
		{EvictedNeighbors(nd.Forgotten{}), "", ""},
		{EvictedRouters(ra.Evicted{Routers: 12, Options: 1}), "12 routers, 1 options had to be forgotten", `"forgotten":{"routers":12,"options":1}`},
		{EvictedNeighbors(nd.Forgotten{Tests: 5, Redirects: 2}), "5 tests for duplicates, 2 redirects had to be", `"forgotten":{"tests":5,"redirects":2}`},
	} {
		var text, json bytes.Buffer
		sum := Summary{Tally: rule.NewTally(), Evicted: tt.evicted}
		NewText(&text, Style{Width: 500}).Verdict(sum, "")
		if err := NewJSON(&json).Summary(sum); err != nil {
			t.Fatal(err)
		}
		if tt.text == "" {
			if strings.Contains(text.String(), "forgotten") || strings.Contains(json.String(), "forgotten") {
				t.Errorf("nothing was: %s%s", &text, &json)
			}
			continue
		}
		if !strings.Contains(text.String(), tt.text) || !strings.Contains(json.String(), tt.json) {
			t.Errorf("%s%s, want %q and %q", &text, &json, tt.text, tt.json)
		}
	}
}
