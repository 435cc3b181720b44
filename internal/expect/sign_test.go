package expect

import (
	"bytes"
	"testing"
)

func TestSign(t *testing.T) {
	text := Sign([]byte("# Written by v6probe expect init.\nexpect: 1\n"))
	if !Untouched(text) {
		t.Errorf("not known again: %q", text)
	}
	for name, edited := range map[string][]byte{
		"changed":       bytes.Replace(text, []byte("1\n"), []byte("2\n"), 1),
		"longer":        append(bytes.Clone(text), "# mine\n"...),
		"without it":    text[:bytes.Index(text, []byte(digestLine))],
		"somebody's":    Sign([]byte("# Mine.\nexpect: 1\n")),
		"empty":         nil,
		"line ends cut": bytes.TrimSpace(text),
	} {
		if Untouched(edited) {
			t.Errorf("%s: taken for untouched: %q", name, edited)
		}
	}
	if _, err := parseYAML(Source{Name: "x", Data: text}); err != nil {
		t.Error(err)
	}
}
