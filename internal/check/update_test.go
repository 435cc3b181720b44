package check

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"v6probe/internal/expect"
	"v6probe/internal/rule"
)

// copied makes the working directory one with captures of fixtures: "a.pcap <- healthy.pcap".
func copied(t *testing.T, names ...string) {
	t.Helper()
	from, err := filepath.Abs(fixtures)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, n := range names {
		name, source, _ := strings.Cut(n, " <- ")
		b, err := os.ReadFile(filepath.Join(from, source))
		if err != nil {
			t.Fatal(err)
		}
		write(t, name, string(b))
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// updateOne has the capture called name updated, and returns what came of it and what is in its file then.
func updateOne(t *testing.T, name string, create, force bool, o Options) (Update, string) {
	t.Helper()
	items, err := Find([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	o.Record, o.FailOn = true, rule.Error
	c := one(t.Context(), items[0], &o)
	u, err := c.Update(create, force)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(u.Path)
	if err != nil && u.Outcome != Nothing && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return u, string(b)
}

// checked says what a check of the capture called name finds against the file beside it.
func checked(t *testing.T, name string, o Options) string {
	t.Helper()
	items, err := Find([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	o.FailOn = rule.Error
	return summary(one(t.Context(), items[0], &o))
}

func TestUpdate(t *testing.T) {
	copied(t, "a.pcap <- healthy.pcap", "a2.pcap <- radvd-vpc-redundant-no-prefix.pcap")
	u, text := updateOne(t, "a.pcap", true, false, Options{})
	if u.Outcome != Written || u.Path != "a.expect.yaml" || u.Faults != 0 || !strings.HasPrefix(text, ours) {
		t.Fatalf("%+v, with\n%s", u, text)
	}
	if !bytes.HasPrefix(u.Diff, []byte("--- /dev/null\n+++ a.expect.yaml\n@@ -0,0 ")) || !bytes.Contains(u.Diff, []byte("\n+expect: 1\n")) {
		t.Errorf("it is shown as\n%s", u.Diff)
	}
	if !expect.Untouched([]byte(text)) {
		t.Errorf("it is not signed:\n%s", text)
	}
	if got := checked(t, "a.pcap", Options{}); got != "" {
		t.Errorf("what was written does not hold: %s", got)
	}
	if u, again := updateOne(t, "a.pcap", true, false, Options{}); u.Outcome != Unchanged || len(u.Diff) > 0 || again != text {
		t.Errorf("a second time: %+v, with\n%s", u, again)
	}

	// Another capture in its place is another expectation, with the fault that it shows.
	if err := os.Rename("a2.pcap", "a.pcap"); err != nil {
		t.Fatal(err)
	}
	if got := checked(t, "a.pcap", Options{}); got == "" {
		t.Fatal("another capture is as expected")
	}
	u, text = updateOne(t, "a.pcap", true, false, Options{})
	if u.Outcome != Written || u.Faults != 1 || !strings.Contains(text, "must: [ra.no-address-source]") || !bytes.HasPrefix(u.Diff, []byte("--- a.expect.yaml\n+++ a.expect.yaml\n@@ ")) || !bytes.Contains(u.Diff, []byte("\n-")) {
		t.Errorf("%+v, with\n%s", u, text)
	}
	if got := checked(t, "a.pcap", Options{}); got != "" {
		t.Errorf("what was written does not hold: %s", got)
	}
}

func TestUpdateLeaves(t *testing.T) {
	const name, stray = "a.pcap", "expect: 1\nlinks:\n- routers: [{address: \"fe80::bad\"}]\n"
	t.Run("what others wrote", func(t *testing.T) {
		copied(t, "a.pcap <- healthy.pcap")
		write(t, "a.expect.yaml", "# mine\n"+stray)
		u, text := updateOne(t, name, true, false, Options{})
		if u.Outcome != Left || len(u.Diff) == 0 || u.Why != "v6probe did not write it; --force rewrites it" || text != "# mine\n"+stray {
			t.Errorf("%+v, with\n%s", u, text)
		}
		if u, text = updateOne(t, name, true, true, Options{}); u.Outcome != Written || !strings.HasPrefix(text, ours) {
			t.Errorf("by force: %+v, with\n%s", u, text)
		}
	})
	t.Run("what others wrote and holds", func(t *testing.T) {
		copied(t, "a.pcap <- healthy.pcap")
		write(t, "a.expect.yaml", "expect: 1\n")
		if u, text := updateOne(t, name, true, false, Options{}); u.Outcome != Unchanged || len(u.Diff) > 0 || text != "expect: 1\n" {
			t.Errorf("%+v, with\n%s", u, text)
		}
	})
	t.Run("what holds, unless by force", func(t *testing.T) {
		copied(t, "a.pcap <- healthy.pcap")
		held := string(expect.Sign([]byte(ours + ".\nexpect: 1\n")))
		write(t, "a.expect.yaml", held)
		if u, text := updateOne(t, name, true, false, Options{}); u.Outcome != Unchanged || len(u.Diff) > 0 || text != held {
			t.Errorf("%+v, with\n%s", u, text)
		}
		if u, text := updateOne(t, name, true, true, Options{}); u.Outcome != Written || !strings.Contains(text, "routers:") {
			t.Errorf("by force: %+v, with\n%s", u, text)
		}
	})
	t.Run("what was edited", func(t *testing.T) {
		copied(t, "a.pcap <- healthy.pcap")
		signed := expect.Sign([]byte(ours + ".\n" + stray))
		edited := strings.Replace(string(signed), "fe80::bad", "fe80::bead", 1)
		write(t, "a.expect.yaml", edited)
		u, text := updateOne(t, name, true, false, Options{})
		if u.Outcome != Left || len(u.Diff) == 0 || u.Why != "edited by hand since v6probe wrote it; --force rewrites it" || text != edited {
			t.Errorf("%+v, with\n%s", u, text)
		}
		write(t, "a.expect.yaml", string(signed))
		if u, text := updateOne(t, name, true, false, Options{}); u.Outcome != Written || u.Why != "" || !expect.Untouched([]byte(text)) {
			t.Errorf("as it was written: %+v, with\n%s", u, text)
		}
	})
	t.Run("what is of several captures", func(t *testing.T) {
		copied(t, "a.pcap <- healthy.pcap", "a.pcap.gz <- healthy.pcap.gz")
		write(t, "a.expect.yaml", stray)
		u, text := updateOne(t, name, true, true, Options{})
		if u.Outcome != Left || u.Why != "it is for a.pcap.gz as well" || text != stray {
			t.Errorf("%+v, with\n%s", u, text)
		}
	})
	t.Run("a damaged capture", func(t *testing.T) {
		copied(t, "a.pcap <- hostile-truncated-record.pcap")
		if u, text := updateOne(t, name, true, true, Options{}); u.Outcome != Nothing || text != "" {
			t.Errorf("%+v, with\n%s", u, text)
		}
	})
	t.Run("what is not there, unless it may create", func(t *testing.T) {
		copied(t, "a.pcap <- healthy.pcap")
		if u, text := updateOne(t, name, false, false, Options{}); u.Outcome != Nothing || text != "" {
			t.Errorf("%+v, with\n%s", u, text)
		}
	})
}

func TestUpdateNames(t *testing.T) {
	copied(t, "a.pcap <- healthy.pcap", "a.pcap.gz <- healthy.pcap.gz", "b.pcap.gz <- healthy.pcap.gz", "dump <- healthy.pcap")
	for name, want := range map[string]string{
		"a.pcap": "a.pcap.expect.yaml", "a.pcap.gz": "a.pcap.gz.expect.yaml", "b.pcap.gz": "b.expect.yaml", "dump": "dump.expect.yaml",
	} {
		if u, text := updateOne(t, name, true, false, Options{}); u.Path != want || u.Outcome != Written || text == "" {
			t.Errorf("%s is written to %s (%v), want %s", name, u.Path, u.Outcome, want)
		}
	}
}

// TestUpdateKeepsRules wants what is said of rules to stay, and what is ignored not to be expected.
func TestUpdateKeepsRules(t *testing.T) {
	copied(t, "a.pcap <- radvd-vpc-redundant-no-prefix.pcap", "b.pcap <- radvd-vpc-redundant-no-prefix.pcap")
	write(t, "a.expect.yaml", string(expect.Sign([]byte(ours+".\nexpect: 1\nrules: {must-not: [\"ra.*\"], ignore: [ra.flood]}\n"))))
	u, text := updateOne(t, "a.pcap", true, false, Options{})
	if u.Outcome != Written || u.Faults != 0 || strings.Contains(text, "must:") || !strings.Contains(text, "must-not:") || !strings.Contains(text, "ra.flood") {
		t.Errorf("%+v, with\n%s", u, text)
	}
	if got := checked(t, "a.pcap", Options{}); got != "error ra.no-address-source" {
		t.Errorf("what must not be is: %s", got)
	}
	write(t, "b.expect.yaml", "expect: 1\nrules: {ignore: [ra.no-address-source]}\n")
	u, text = updateOne(t, "b.pcap", true, true, Options{})
	if u.Outcome != Written || u.Faults != 0 || strings.Contains(text, "must:") || !strings.Contains(text, "ignore: [ra.no-address-source]") {
		t.Errorf("%+v, with\n%s", u, text)
	}
	if got := checked(t, "b.pcap", Options{}); got != "" {
		t.Errorf("what was written does not hold: %s", got)
	}
}

func TestReplace(t *testing.T) {
	tree(t, "d/real", "link -> d/real")
	if err := os.Chmod("d/real", 0o640); err != nil {
		t.Fatal(err)
	}
	if err := replace("link", []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat("link")
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is one no more: %v, %v", info, err)
	}
	if b, err := os.ReadFile("d/real"); err != nil || string(b) != "new" {
		t.Errorf("it has %q, %v", b, err)
	}
	if info, err := os.Stat("d/real"); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if err := replace("nosuch/file", nil); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "write nosuch/file: ") || strings.Contains(err.Error(), ".v6probe") {
		t.Errorf("to write a file in no directory comes to: %v", err)
	}
	if err := replace("d", nil); err == nil || !strings.HasPrefix(err.Error(), "write d: ") || strings.Contains(err.Error(), ".v6probe") {
		t.Errorf("to write over a directory comes to: %v", err)
	}
	if left, err := filepath.Glob("[d.]/.v6probe*"); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestDifference(t *testing.T) {
	got := string(difference("a\x1b.yaml", []byte("one\ntwo\x1b[2J\n"), []byte("one\nthree\n")))
	if want := "--- a?.yaml\n+++ a?.yaml\n@@ -1,2 +1,2 @@\n one\n-two?[2J\n+three\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got = string(difference("new", nil, []byte("one\n")))
	if want := "--- /dev/null\n+++ new\n@@ -0,0 +1,1 @@\n+one\n"; got != want {
		t.Errorf("a new file is shown as %q, want %q", got, want)
	}
	got = string(difference("was-empty", []byte{}, []byte("one\n")))
	if want := "--- was-empty\n+++ was-empty\n@@ -0,0 +1,1 @@\n+one\n"; got != want {
		t.Errorf("one that was empty is shown as %q, want %q", got, want)
	}
}

func TestBaselineUpdate(t *testing.T) {
	copied(t, "a.pcap <- dad.conflict_bad.pcap", "b.pcap <- hostile-truncated-record.pcap", "c.pcap <- healthy.pcap")
	write(t, "known", "# why\nb.pcap  ra.absent  7\nc.pcap  ra.absent  1\nelsewhere.pcap  ra.absent  1\nINDEX  ra.absent  1\n")
	write(t, "INDEX", "")
	b, err := LoadBaseline("known")
	if err != nil {
		t.Fatal(err)
	}
	items, err := Find([]string{"."})
	if err != nil {
		t.Fatal(err)
	}
	take := func(force bool) string {
		t.Helper()
		err := Run(t.Context(), items, Options{FailOn: rule.Error}, func(c *Capture) error { b.Take(c, force); return nil })
		if err != nil {
			t.Fatal(err)
		}
		b.Forget()
		u, err := b.Update()
		if err != nil || u.Outcome != Written || len(u.Diff) == 0 {
			t.Fatalf("%+v, %v", u, err)
		}
		text, err := os.ReadFile("known")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	// What was damaged stays as it was; what is good goes, and what is not there; what was not looked at stays.
	if got, want := take(false), "INDEX  ra.absent  1\na.pcap  dad.conflict  1\n# why\nb.pcap  ra.absent  7\n"; got != want {
		t.Errorf("written as\n%s\nwant\n%s", got, want)
	}
	if got, want := take(true), "INDEX  ra.absent  1\na.pcap  dad.conflict  1\nb.pcap  unreadable  1\n"; got != want {
		t.Errorf("by force written as\n%s\nwant\n%s", got, want)
	}
	if u, err := b.Update(); err != nil || u.Outcome != Unchanged || u.Faults != 3 {
		t.Errorf("again: %+v, %v", u, err)
	}
}

// TestRecordings records all captures of fixtures, and wants what was recorded to hold for each. Those are many of odd kinds.
func TestRecordings(t *testing.T) {
	if testing.Short() {
		t.Skip("it judges hundreds of captures twice")
	}
	items, err := Find([]string{fixtures})
	if err != nil {
		t.Fatal(err)
	}
	for i := range items {
		items[i].Expect = "" // as if there were none
	}
	var done, faults int
	err = Run(t.Context(), items, Options{FailOn: rule.Error, Record: true}, func(c *Capture) error {
		damaged := strings.HasPrefix(filepath.Base(c.Name), "hostile-")
		switch {
		case c.Err != nil && !damaged:
			t.Error(c.Err)
		case c.Err == nil:
			done++
			faults += c.record.faults
		}
		return nil
	})
	if err != nil || done < 400 || faults < 100 {
		t.Errorf("%d recorded with %d faults, %v", done, faults, err)
	}
}
