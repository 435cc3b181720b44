package drops

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGenerated compiles bpf/drops.bpf.c anew and compares: what is committed is what the source says. It takes the clang of
// Debian 12, as others make other code of it.
func TestGenerated(t *testing.T) {
	clang, err := exec.Command("clang", "-dumpversion").Output()
	if err != nil || !bytes.HasPrefix(clang, []byte("14.")) {
		if os.Getenv("V6PROBE_CI") == "1" {
			t.Fatalf("needs clang 14: %v, version %q", err, clang)
		}
		t.Skipf("needs clang 14: %v, version %q", err, clang)
	}
	source, err := os.ReadFile("generate.go")
	check(t, err)
	_, line, ok := bytes.Cut(source, []byte("//go:generate go tool bpf2go "))
	if !ok {
		t.Fatal("generate.go does not say how")
	}
	dir := t.TempDir()
	args := append([]string{"tool", "bpf2go", "-output-dir", dir}, strings.Fields(string(line))...)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"drops_bpfel.go", "drops_bpfel.o"} {
		want, err := os.ReadFile(name)
		check(t, err)
		got, err := os.ReadFile(filepath.Join(dir, name))
		check(t, err)
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what go generate makes: commit what it does", name)
		}
	}
}
