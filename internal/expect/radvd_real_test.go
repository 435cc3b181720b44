package expect

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// needsRadvd skips a test that measures by radvd 2.19; where nothing may be skipped it fails.
func needsRadvd(t *testing.T) {
	t.Helper()
	out, err := exec.Command("radvd", "--version").CombinedOutput() // it ends with an error whatever it says
	if strings.Contains(string(out), "Version: 2.19\n") {
		return
	}
	reason := "needs radvd 2.19: " + strings.TrimSpace(string(out))
	if len(out) == 0 {
		reason = "needs radvd 2.19: " + err.Error()
	}
	if os.Getenv("V6PROBE_CI") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// configtest reports whether the real radvd reads a file, and what it says.
func configtest(t *testing.T, config string) (bool, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "radvd.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("radvd", "--logmethod", "stderr", "--configtest", "--config", file).CombinedOutput()
	return err == nil, string(out)
}

// sameAsRadvd holds parseRadvd against the real radvd's configtest. Three differences are meant: values that radvd looks at
// when it sets an interface up, and not before (TestRadvdSetsUp); names that no interface can have, which it reads and does
// not find; and search domains that are too many, over which it ends when it would send. What only radvd 2.20 reads is
// marked as that.
func sameAsRadvd(t *testing.T, config string) {
	t.Helper()
	src := Source{Name: "radvd.conf", Data: []byte(config)}
	_, err := parseRadvd(src)
	got := err == nil
	for _, reason := range []string{" must be ", "AdvHomeAgentInfo is on without", "AdvMobRtrSupportFlag is on without",
		"a third of MaxRtrAdvInterval", "radvd takes the quotes", "longer than the 15 characters", "do not fit into one option"} {
		got = got || strings.Contains(err.Error(), reason)
	}
	p := newRadvdParser(src)
	p.interfaces()
	got = got && p.since == nil
	if want, says := configtest(t, config); got != want {
		t.Errorf("error %v, and radvd reads it: %v\nit says: %s\nthe file:\n%s", err, want, says, config)
	}
}

func TestRadvdRefuses(t *testing.T) {
	needsRadvd(t)
	for _, config := range radvdFiles(t) {
		sameAsRadvd(t, config)
	}
	for _, tt := range radvdErrors {
		sameAsRadvd(t, tt.config)
	}
}

func radvdFiles(t *testing.T) []string {
	t.Helper()
	var all []string
	files, err := filepath.Glob("testdata/radvd/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatal("no files: ", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

func TestRadvdRefusesRandom(t *testing.T) {
	needsRadvd(t)
	g := newRadvdGenerator(1)
	for range 300 {
		sameAsRadvd(t, g.file(false))
	}
}
