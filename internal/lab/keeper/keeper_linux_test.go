package keeper

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeZone runs commands on this machine and remembers what is switched.
type fakeZone struct {
	mu      sync.Mutex
	calls   []string
	refuses string // this scenario
}

func (z *fakeZone) note(call string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.calls = append(z.calls, call)
}

func (z *fakeZone) called() []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.calls)
}

func (z *fakeZone) Nodes() []string { return []string{"guest1", "vr"} }
func (z *fakeZone) Files() string   { return "/files" }

func (z *fakeZone) Start(node string, cmd *exec.Cmd) error {
	z.note("start " + node)
	return cmd.Start()
}

func (z *fakeZone) Fault(_ context.Context, name string) error {
	z.note("fault " + name)
	if name == z.refuses {
		return &Error{"it cannot be", "try another"}
	}
	return nil
}

func (z *fakeZone) Heal(_ context.Context, name string) error {
	z.note("heal " + name)
	return nil
}

// kept is a keeper of a fakeZone in a process of its tests.
type kept struct {
	places
	zone   *fakeZone
	report *os.File      // what Up would read
	built  chan struct{} // is closed to have the building end
	fails  error         // the building
	ended  chan error
	closed chan struct{} // when the zone was taken down
}

// keepFake starts one whose zone is not built yet.
func keepFake(t *testing.T, fails error) *kept {
	t.Helper()
	k := &kept{places: places{place(filepath.Join(t.TempDir(), "lab"))}, zone: &fakeZone{refuses: "impossible"}, fails: fails,
		built: make(chan struct{}), ended: make(chan error, 1), closed: make(chan struct{})}
	files, err := k.claim()
	if err != nil {
		t.Fatal(err)
	}
	report, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	k.report = report
	t.Cleanup(func() { report.Close() })
	kp := &keeper{files[0], files[1], files[2], w}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		err := kp.keep(ctx, "/lab/bin", Options{Faults: []string{"early"}}, k.build)
		k.ended <- err
	}()
	t.Cleanup(func() {
		defer closeAll([]*os.File{kp.dir, kp.lock}) // no earlier: the lock must be free before
		cancel()
		select {
		case err := <-k.ended:
			if !errors.Is(err, k.fails) {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the keeper does not end")
		}
	})
	return k
}

func (k *kept) build(ctx context.Context, o Options, log func(string)) (zone, func() error, error) {
	log("bricks")
	select {
	case <-k.built:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if k.fails != nil {
		return nil, nil, k.fails
	}
	return k.zone, func() error { close(k.closed); return nil }, nil
}

// keepBuilt starts one and returns when its zone is built.
func keepBuilt(t *testing.T) *kept {
	t.Helper()
	k := keepFake(t, nil)
	close(k.built)
	var said []string
	if err := follow(k.report, func(s string) { said = append(said, s) }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(said, []string{"bricks"}) {
		t.Errorf("progress: %q", said)
	}
	return k
}

func TestBuilding(t *testing.T) {
	k := keepFake(t, nil)
	s, err := k.state()
	if err != nil || !s.Building || len(s.Nodes) != 0 {
		t.Errorf("while it is built: %+v, %v", s, err)
	}
	for _, err := range []error{k.fault("x", true), execError(k.exec(command("true")))} {
		if err == nil || err.Error() != "the zone is still being built" {
			t.Errorf("while it is built: %v", err)
		}
	}
	close(k.built)
	if err := follow(k.report, func(string) {}); err != nil {
		t.Fatal(err)
	}
	s, err = k.state()
	if err != nil || s.Building || !slices.Equal(s.Nodes, k.zone.Nodes()) || s.Files != "/files" ||
		!slices.Equal(s.Faults, []string{"early"}) || s.PID != os.Getpid() {
		t.Errorf("when it is built: %+v, %v", s, err)
	}
}

// TestDownWhileBuilding has the zone not wanted any more before it is there.
func TestDownWhileBuilding(t *testing.T) {
	k := keepFake(t, nil)
	k.fails = context.Canceled
	if err := k.down(); err != nil {
		t.Error(err)
	}
	if err := follow(k.report, func(string) {}); err == nil {
		t.Error("who built it is told that it is up")
	}
}

func TestBuildFails(t *testing.T) {
	k := keepFake(t, &Error{"no bricks", "buy some"})
	close(k.built)
	err := follow(k.report, func(string) {})
	var e *Error
	if !errors.As(err, &e) || e.Text != "no bricks" || e.Hint() != "buy some" {
		t.Errorf("got %v", err)
	}
}

func TestOneZone(t *testing.T) {
	k := keepBuilt(t)
	if files, err := k.claim(); !errors.Is(err, ErrUp) {
		t.Errorf("a second zone: %v", err)
	} else {
		closeAll(files)
	}
	elsewhere := places{place(filepath.Join(t.TempDir(), "lab")), k.places[0]}
	if _, err := elsewhere.claim(); !errors.Is(err, ErrUp) {
		t.Errorf("a second zone at another place: %v", err)
	}
	if err := k.down(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-k.closed:
	default:
		t.Error("the zone was not taken down before its user was told so")
	}
	if _, err := k.state(); !errors.Is(err, ErrNone) {
		t.Errorf("after down: %v", err)
	}
	files, err := k.claim() // at once
	if err != nil {
		t.Errorf("a zone after another: %v", err)
	}
	closeAll(files)
}

// TestDeadKeeper has a keeper die without a word: its socket stays.
func TestDeadKeeper(t *testing.T) {
	all := places{place(filepath.Join(t.TempDir(), "lab"))}
	if _, err := all.state(); !errors.Is(err, ErrNone) {
		t.Errorf("before any: %v", err)
	}
	files, err := all.claim()
	if err != nil {
		t.Fatal(err)
	}
	closeAll(files)
	if _, err := os.Stat(all[0].file(socketName)); err != nil {
		t.Fatal(err)
	}
	if _, err := all.state(); !errors.Is(err, ErrNone) {
		t.Errorf("of a dead keeper: %v", err)
	}
	files, err = all.claim()
	if err != nil {
		t.Errorf("after a dead keeper: %v", err)
	}
	closeAll(files)
}

func TestFaults(t *testing.T) {
	k := keepBuilt(t)
	for _, step := range []struct {
		name string
		on   bool
		want string // the error
		then string
	}{
		{"a", true, "", "early a"},
		{"b", true, "", "early a b"},
		{"a", true, "a is on already", "early a b"},
		{"a", false, "", "early b"},
		{"a", false, "a is not on", "early b"},
		{"impossible", true, "it cannot be", "early b"},
	} {
		err := k.fault(step.name, step.on)
		if got := errorText(err); got != step.want {
			t.Errorf("%s %v: %q, want %q", step.name, step.on, got, step.want)
		}
		s, err := k.state()
		if got := strings.Join(s.Faults, " "); err != nil || got != step.then {
			t.Errorf("after %s %v: %q on, %v, want %q", step.name, step.on, got, err, step.then)
		}
	}
	want := []string{"fault a", "fault b", "heal a", "fault impossible", "heal impossible"}
	if got := k.zone.called(); !slices.Equal(got, want) {
		t.Errorf("the zone was asked %q, want %q", got, want)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestPlace(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	open := filepath.Join(dir, "open")
	link := filepath.Join(dir, "link")
	file := filepath.Join(dir, "file")
	for _, err := range []error{os.Mkdir(target, 0o700), os.Mkdir(open, 0o700), os.Chmod(open, 0o750), os.Symlink(target, link),
		os.WriteFile(file, nil, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		target: "", filepath.Join(dir, "new"): "",
		open: "is open to others: its mode is -rwxr-x---", link: "is no directory", file: "is no directory",
	} {
		err := place(path).make()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(target, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if err := place(target).check(); err == nil || !strings.HasSuffix(err.Error(), "belongs to somebody else") {
			t.Errorf("of another user: %v", err)
		}
	}
	if _, err := place(filepath.Join(dir, strings.Repeat("x", 120))).listen(); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a long name: %v", err)
	}
}

func TestOurs(t *testing.T) {
	t.Setenv(PlaceVariable, "/elsewhere/lab")
	if got := ours(); !slices.Equal(got, places{"/elsewhere/lab"}) {
		t.Errorf("%v", got)
	}
	t.Setenv(PlaceVariable, "relative")
	if got := ours(); len(got) == 0 || slices.Contains(got, "relative") {
		t.Errorf("%v", got)
	}
}

func TestWithAdminPrograms(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
		"/bin":               "/bin:/usr/local/sbin:/usr/sbin:/sbin",
		"/usr/sbin:/a:/sbin": "/usr/sbin:/a:/sbin:/usr/local/sbin",
	} {
		if got := WithAdminPrograms(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
