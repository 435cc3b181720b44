package main

import (
	"bytes"
	"os"
	"testing"

	"v6probe/internal/rule"
)

func TestPageIsCurrent(t *testing.T) {
	var want bytes.Buffer
	if err := markdown(&want, rule.All()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("docs/rules.md is not what the catalogue says: run make generate")
	}
}
