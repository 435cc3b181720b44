package main

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBadExpectations has what is no expectation be told in one line, with line and column, and one that says what to do.
func TestBadExpectations(t *testing.T) {
	bad, err := filepath.Glob("../../internal/expect/testdata/yaml/bad/*.yaml")
	if err != nil || len(bad) < 20 {
		t.Fatalf("%d files, %v", len(bad), err)
	}
	whole := regexp.MustCompile(`/(capture|empty|html)\.yaml$`) // there is no place in what is something else
	for _, name := range bad {
		for _, args := range [][]string{
			{"ra", "-r", "../../fixtures/pcaps/radvd-isolated.pcap", "--expect", name},
			{"check", "../../fixtures/pcaps/radvd-isolated.pcap", "--expect", name},
			{"expect", "show", name},
		} {
			var out, errs bytes.Buffer
			code := execute(context.Background(), args, streams{strings.NewReader(""), &out, &errs})
			place := `:\d+:\d+`
			if whole.MatchString(name) {
				place = ""
			}
			want := regexp.MustCompile(`^v6probe: (--expect: )?` + regexp.QuoteMeta(name) + place + `: [^\n]+\n {9}[^\n]+\n$`)
			if code != exitTrouble || out.Len() > 0 || !want.MatchString(errs.String()) {
				t.Errorf("%q: exit code %d, output %q, errors %q", args, code, out.String(), errs.String())
			}
		}
	}
}
