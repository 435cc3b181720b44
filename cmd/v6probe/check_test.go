package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"v6probe/internal/report"
)

// healthyIn makes the working directory a new one with a healthy capture at each of paths.
func healthyIn(t *testing.T, paths ...string) {
	t.Helper()
	data, err := os.ReadFile("../../fixtures/pcaps/healthy.pcap")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, p := range paths {
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// runCheck runs check with args, and returns what it writes.
func runCheck(ctx context.Context, out *watched, args ...string) (string, error) {
	c := newCheck()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetOut(out)
	c.SetErr(&bytes.Buffer{})
	c.SetArgs(args)
	err := c.ExecuteContext(ctx)
	return out.text.String(), err
}

// watched is output, of which the first that is written is told.
type watched struct {
	text  bytes.Buffer
	first func()
}

func (w *watched) Write(text []byte) (int, error) {
	if w.first != nil {
		w.first()
	}
	w.first = nil
	return w.text.Write(text)
}

// TestCheckInterrupted wants no format to look like that of a whole run.
func TestCheckInterrupted(t *testing.T) {
	healthyIn(t, "a.pcap", "b.pcap")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, format := range report.CheckFormats() {
		out, err := runCheck(ctx, &watched{}, ".", "--format", format)
		if err == nil || err.Error() != "interrupted: 0 of 2 captures judged" || exitCode(&bytes.Buffer{}, err) != exitTrouble {
			t.Errorf("%s: it ended with %v", format, err)
		}
		if !strings.Contains(strings.ToLower(out), "interrupted") {
			t.Errorf("%s has no word of it:\n%s", format, out)
		}
		if strings.Contains(out, "PASS") || strings.Contains(out, `"pass"`) {
			t.Errorf("%s says that all passes:\n%s", format, out)
		}
	}
}

// TestUpdateUnwritable has an expectation that cannot be written, and wants the others to be.
func TestUpdateUnwritable(t *testing.T) {
	healthyIn(t, "a.pcap", "b.pcap", "c.pcap")
	block := func() { // when the first was written
		if err := os.MkdirAll("b.expect.yaml/in the way", 0o755); err != nil {
			t.Error(err)
		}
	}
	out, err := runCheck(t.Context(), &watched{first: block}, ".", "--update")
	if err == nil || !strings.HasPrefix(err.Error(), "1 expectation could not be written; the first: write b.expect.yaml: ") ||
		exitCode(&bytes.Buffer{}, err) != exitTrouble {
		t.Errorf("it ended with %v", err)
	}
	if !strings.Contains(out, "\nnot written: write b.expect.yaml: ") ||
		!strings.HasSuffix(out, "\n2 expectations written, 0 unchanged, 0 left as they are, 1 could not be written\n") {
		t.Errorf("it says\n%s", out)
	}
	if strings.Contains(out+err.Error(), ".v6probe-") {
		t.Errorf("it tells of a file that is not there: %v, %s", err, out)
	}
	if _, err := os.Stat("c.expect.yaml"); err != nil {
		t.Error(err)
	}
}
