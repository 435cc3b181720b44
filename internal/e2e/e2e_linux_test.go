package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"v6probe/internal/lab"
)

// binary is the v6probe to test, built by TestMain; noLab is why there can be no network to run it on.
var (
	binary string
	noLab  error
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	n, err := lab.New()
	if err != nil {
		noLab = err
		return m.Run()
	}
	n.Close()
	dir, err := os.MkdirTemp("", "v6probe-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "v6probe")
	build := exec.Command("go", "build", "-o", binary, "v6probe/cmd/v6probe")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build v6probe: %v\n%s", err, out)
		return 1
	}
	// A test runs the binary as another user.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// sources has go test see that the results depend on the sources of v6probe, though no package imports them: it
// remembers what directories a test has read.
var sources = sync.OnceValue(func() error {
	for _, dir := range []string{"../../cmd", "../../internal", "../../fixtures/pcaps"} {
		err := filepath.WalkDir(dir, func(_ string, _ os.DirEntry, err error) error { return err })
		if err != nil {
			return err
		}
	}
	return nil
})

// needs skips the test where there can be no network or a program is missing. In CI nothing is skipped.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	err := errors.Join(noLab, sources())
	for _, p := range programs {
		_, e := exec.LookPath(p)
		err = errors.Join(err, e)
	}
	switch {
	case err == nil:
	case os.Getenv("V6PROBE_CI") == "1":
		t.Fatal(err)
	default:
		t.Skip("needs root and its programs: ", err)
	}
}

// check ends the test at the first error.
func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// within is a context for what takes much less on a good day.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// output collects what a program writes and lets others wait for it.
type output struct {
	mu   sync.Mutex
	data []byte
	more chan struct{} // closed at the next write
}

func newOutput() *output { return &output{more: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.data = append(o.data, p...)
	close(o.more)
	o.more = make(chan struct{})
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.data)
}

// await waits until text has been written.
func (o *output) await(ctx context.Context, text string) error {
	for {
		o.mu.Lock()
		found, more := bytes.Contains(o.data, []byte(text)), o.more
		o.mu.Unlock()
		if found {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			if all := o.String(); !strings.Contains(all, text) {
				return fmt.Errorf("wait for %q: %w; there is %q", text, ctx.Err(), all)
			}
			return nil
		}
	}
}

// probe is a running v6probe.
type probe struct {
	cmd            *exec.Cmd
	stdout, stderr *output
	ended          chan struct{}
}

// start starts v6probe in a namespace and returns when it listens.
func start(t *testing.T, ns *lab.Namespace, args ...string) *probe {
	t.Helper()
	return startUntil(t, ns, "listening on", args...)
}

// startUntil starts v6probe in a namespace and returns when it has said so on its standard error.
func startUntil(t *testing.T, ns *lab.Namespace, says string, args ...string) *probe {
	t.Helper()
	p := launch(t, ns, exec.Command(binary, args...))
	ctx, cancel := context.WithCancel(within(t, 20*time.Second))
	defer cancel()
	go func() {
		<-p.ended
		cancel()
	}()
	check(t, p.stderr.await(ctx, says))
	return p
}

// launch starts v6probe, which the end of the test ends.
func launch(t *testing.T, ns *lab.Namespace, cmd *exec.Cmd) *probe {
	t.Helper()
	p := &probe{cmd: cmd, stdout: newOutput(), stderr: newOutput(), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	check(t, ns.Start(cmd))
	go func() {
		cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// interrupt sends what Ctrl-C sends.
func (p *probe) interrupt(t *testing.T) {
	t.Helper()
	check(t, p.cmd.Process.Signal(syscall.SIGINT))
}

// result is what a v6probe that ended has said.
type result struct {
	code           int
	stdout, stderr string
	lines          []line // of --json
}

// line is one object of --json, as far as the tests look at it.
type line struct {
	raw string

	Type        string
	Message     string
	Rule        string
	Severity    string
	Detail      string
	Source      string
	Destination string
	Iface       string
	Direction   string
	VLAN        []int
	VNI         int
	Verdict     string
	Messages    int
	Damage      string
	Tunnels     []struct{ Port int }
}

// wait waits for v6probe to end by itself.
func (p *probe) wait(t *testing.T) result {
	t.Helper()
	select {
	case <-p.ended:
	case <-within(t, 60*time.Second).Done():
		t.Fatalf("v6probe does not end; it said:\n%s%s", p.stdout, p.stderr)
	}
	r := result{code: p.cmd.ProcessState.ExitCode(), stdout: p.stdout.String(), stderr: p.stderr.String()}
	if slices.Contains(p.cmd.Args, "--json") {
		r.parse(t)
	}
	return r
}

func (r *result) parse(t *testing.T) {
	t.Helper()
	for text := range strings.Lines(r.stdout) {
		l := line{raw: text}
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("line of --json: %v: %q", err, text)
		}
		r.lines = append(r.lines, l)
	}
	if n := len(r.lines); n == 0 || r.lines[n-1].Type != "summary" {
		t.Errorf("the last line of --json is no summary:\n%s%s", r.stdout, r.stderr)
	}
}

// of returns the lines of a type.
func (r result) of(kind string) []line {
	return slices.DeleteFunc(slices.Clone(r.lines), func(l line) bool { return l.Type != kind })
}

// advertisements returns the RAs that were told.
func (r result) advertisements() []line {
	return slices.DeleteFunc(r.of("message"), func(l line) bool { return l.Message != "router-advertisement" })
}

// want checks the exit code and that there are exactly the given rules, in any order, among the findings that are more
// than information.
func (r result) want(t *testing.T, code int, rules ...string) {
	t.Helper()
	var got []string
	for _, l := range r.of("finding") {
		if l.Severity != "info" {
			got = append(got, l.Rule)
		}
	}
	slices.Sort(got)
	got = slices.Compact(got)
	slices.Sort(rules)
	if r.code != code || !slices.Equal(got, rules) {
		t.Errorf("exit code %d with %q, want %d with %q:\n%s%s", r.code, got, code, rules, r.stdout, r.stderr)
	}
}

// replay has a command read a capture that a live run of it wrote, and checks that it says the same as that run.
func (r result) replay(t *testing.T, command, file string) {
	t.Helper()
	out, err := exec.Command(binary, command, "-r", file, "--json").Output()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	again := result{stdout: string(out)}
	again.parse(t)
	for _, kind := range []string{"message", "finding"} {
		live, offline := r.of(kind), again.of(kind)
		if len(live) != len(offline) {
			t.Errorf("live there are %d lines of type %s, offline %d:\n%s\n%s", len(live), kind, len(offline), r.stdout, out)
			continue
		}
		for i := range live {
			if live[i].raw != offline[i].raw {
				t.Errorf("live and offline differ:\n%s%s", live[i].raw, offline[i].raw)
			}
		}
	}
}

// contains checks that text has every one of the wanted pieces.
func contains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing in:\n%s", w, text)
		}
	}
}
