package report

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/nd"
)

// TestEveryFieldIsDocumented: docs/json.md names every field of a message and of a link's picture.
func TestEveryFieldIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	j := NewJSON(&out)
	for _, tt := range messages {
		if err := j.Message(decode(t, tt.frame), nil); err != nil {
			t.Fatal(err)
		}
	}
	router := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, everything())
	if err := j.Message(decode(t, router), nil); err != nil {
		t.Fatal(err)
	}
	if err := j.Neighbors([]nd.Link{troubled()}); err != nil {
		t.Fatal(err)
	}
	documented(t, string(doc), out.Bytes())
}

// documented wants each field of the NDJSON named in doc.
func documented(t *testing.T, doc string, out []byte) {
	t.Helper()
	told := make(map[string]bool)
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, inner := range v {
				if !strings.Contains(doc, "`"+k+"`") && !told[k] {
					told[k] = true
					t.Errorf("docs/json.md does not name %s", k)
				}
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	for line := range bytes.Lines(out) {
		walk(unmarshal(t, line))
	}
}
