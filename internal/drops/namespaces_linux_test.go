package drops

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/lab"
)

// emptyNamespace returns a new namespace that ends with the test, and its inode. The test is skipped where there can be
// none.
func emptyNamespace(t *testing.T) (*lab.Namespace, uint32) {
	t.Helper()
	n, err := lab.New()
	if errors.Is(err, unix.EPERM) && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip("needs root:", err)
	}
	check(t, err)
	t.Cleanup(func() { n.Close() })
	inode, err := n.Inode()
	check(t, err)
	return n, inode
}

// giveName names a namespace as ip netns does, until the end of the test.
func giveName(t *testing.T, n *lab.Namespace, name string) {
	t.Helper()
	unbind, err := n.Bind(name)
	check(t, err)
	t.Cleanup(func() { check(t, unbind()) })
}

// start starts a process that lasts until the function that it returns is called. The test is skipped where that may not be.
func start(t *testing.T, cmd *exec.Cmd, by func() error) (pid int, stop func()) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	check(t, err)
	if err = by(); errors.Is(err, unix.EPERM) && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip("needs root:", err)
	}
	check(t, err)
	stop = sync.OnceFunc(func() {
		stdin.Close()
		cmd.Wait()
	})
	t.Cleanup(stop)
	return cmd.Process.Pid, stop
}

// startInside starts such a process in a namespace.
func startInside(t *testing.T, n *lab.Namespace) (stop func()) {
	t.Helper()
	cmd := exec.Command("cat")
	_, stop = start(t, cmd, func() error { return n.Start(cmd) })
	return stop
}

// uniqueName is one that no other test and no other run has.
func uniqueName(what string) string { return fmt.Sprintf("v6probe-%d-%s", os.Getpid(), what) }

func TestNamedNamespace(t *testing.T) {
	one, inode := emptyNamespace(t)
	name := uniqueName("\x1b[2J one")
	second := uniqueName("two")
	giveName(t, one, second)
	giveName(t, one, name)
	startInside(t, one) // a name says more
	n := OpenNamespaces()
	if got := n.Name(inode); got != name {
		t.Errorf("named %q, want %q", got, name)
	}
	if got := n.Names(); !slices.Contains(got, name) || !slices.Contains(got, second) || !slices.IsSorted(got) {
		t.Errorf("names %q, want %q and %q among them", got, name, second)
	}
	for _, name := range []string{name, second} {
		if got, err := n.Find(name); got != inode || err != nil {
			t.Errorf("%q: found %d, %v; want %d", name, got, err, inode)
		}
	}
}

// TestNameWithoutNamespace looks at a file that no namespace has been mounted on, as an ip netns that was killed leaves one.
func TestNameWithoutNamespace(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "left"), nil, 0), unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	n := OpenNamespaces()
	n.dirs = []string{dir, filepath.Join(dir, "nowhere")}
	if got := n.Names(); len(got) != 0 {
		t.Errorf("names %q", got)
	}
	if inode, err := n.Find("left"); err == nil {
		t.Errorf("found %d", inode)
	}
}

func TestNamespaceOfProcess(t *testing.T) {
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET} // nobody but this process is in it
	pid, stop := start(t, cmd, cmd.Start)
	inode, err := ProcessNamespace(pid)
	n := OpenNamespaces()
	if err != nil || inode == n.own {
		t.Fatalf("process %d is in %d, %v", pid, inode, err)
	}
	want := fmt.Sprintf("inode %d (cat, pid %d)", inode, pid)
	if got := n.Name(inode); got != want {
		t.Errorf("named %q, want %q", got, want)
	}
	for _, name := range []string{"pid:" + strconv.Itoa(pid), strconv.FormatUint(uint64(inode), 10)} {
		if got, err := n.Find(name); got != inode || err != nil {
			t.Errorf("%s: found %d, %v; want %d", name, got, err, inode)
		}
	}
	before, err := ProcessNamespace(os.Getpid())
	check(t, err)
	for range 100 {
		if got := n.Device(inode, 1, ""); got != "lo" {
			t.Errorf("device 1 is %q", got)
		}
		clear(n.devices)
	}
	if after, err := ProcessNamespace(os.Getpid()); err != nil || after != before {
		t.Errorf("the first thread of this process was in %d, and is in %d now, %v", before, after, err)
	}
	stop()
	if got := n.Name(inode); got != want {
		t.Errorf("after the end of the process it is named %q, want %q still", got, want)
	}
	if got := n.Device(inode, 2, ""); got != "ifindex 2" {
		t.Errorf("after the end of the process device 2 is %q", got)
	}
	if _, ok := n.found[inode]; ok {
		t.Error("a process that has ended is still held to own the namespace")
	}
	if inode, err := ProcessNamespace(pid); err == nil || !strings.Contains(err.Error(), "no process") {
		t.Errorf("a process that has ended is in %d, %v", inode, err)
	}
}

// TestNamespaceOfThread names a namespace that but a thread is in, and then one that nobody is in.
func TestNamespaceOfThread(t *testing.T) {
	_, inode := emptyNamespace(t)
	n := OpenNamespaces()
	comm, err := os.ReadFile("/proc/self/comm")
	check(t, err)
	want := fmt.Sprintf("inode %d (%s, pid %d)", inode, strings.TrimSpace(string(comm)), os.Getpid())
	if got := n.Name(inode); got != want {
		t.Errorf("named %q, want %q", got, want)
	}
	const nobody = 0xf7654321
	for range 2 {
		if got := n.Name(nobody); got != "inode 4150608673" {
			t.Errorf("nobody's is named %q", got)
		}
	}
	if _, ok := n.names[nobody]; ok {
		t.Error("it has searched again at once")
	}
	n.rest = 0
	n.Name(nobody)
	if _, ok := n.names[nobody]; !ok {
		t.Error("it has not searched again")
	}
}

func TestOwnNamespace(t *testing.T) {
	n := OpenNamespaces()
	// Not that of the process: its first thread may be the lab's, and elsewhere.
	link, err := os.Readlink("/proc/thread-self/ns/net")
	check(t, err)
	var own uint32
	if _, err := fmt.Sscanf(link, "net:[%d]", &own); err != nil {
		t.Fatal(err, link)
	}
	if got := n.Name(own); got != "" {
		t.Errorf("our own, %d, is named %q", own, got)
	}
	if got := n.Name(0); got != "" {
		t.Errorf("none is named %q", got)
	}
	list, err := net.Interfaces()
	check(t, err)
	for _, ifi := range list {
		if got := n.Device(own, uint32(ifi.Index), ""); got != ifi.Name {
			t.Errorf("device %d is %q, want %q", ifi.Index, got, ifi.Name)
		}
	}
	if got := n.Device(own, 1<<30, ""); got != "ifindex 1073741824" {
		t.Errorf("no device is %q", got)
	}
}

func TestDevice(t *testing.T) {
	for _, held := range []string{"name", "process", "thread"} {
		one, inode := emptyNamespace(t)
		stop := func() {}
		switch held {
		case "name":
			giveName(t, one, uniqueName("device"))
		case "process":
			stop = startInside(t, one)
		}
		check(t, one.AddBridge("br-here"))
		index, err := one.Index("br-here")
		check(t, err)
		n := OpenNamespaces()
		for _, c := range []struct {
			inode, index uint32
			fallback     string
			want         string
		}{
			{inode, 0, "", ""},
			{inode, 1, "", "lo"},
			{inode, uint32(index), "", "br-here"},
			{inode, uint32(index), "br-then", "br-then"}, // as it was called at that time
			{inode, uint32(index), "", "br-here"},
			{inode, 77, "", "ifindex 77"},
			{inode, 78, "tap-gone", "tap-gone"},
			{inode, 78, "", "tap-gone"}, // it has been seen before
			{0, 1, "", "ifindex 1"},
		} {
			if got := n.Device(c.inode, c.index, c.fallback); got != c.want {
				t.Errorf("by its %s: device %d with %q is %q, want %q", held, c.index, c.fallback, got, c.want)
			}
		}
		check(t, one.AddBridge("br-late"))
		late, err := one.Index("br-late")
		check(t, err)
		stop()
		n.rest = 0 // where the process has ended, it is found by the thread now, once it has searched again
		n.Device(inode, uint32(late), "")
		if got := n.Device(inode, uint32(late), ""); got != "br-late" {
			t.Errorf("by its %s, late: %q", held, got)
		}
	}
}

// TestDeviceLeavesNothing shows that asking does not hold a namespace: the other end of its veth pair is gone with it.
func TestDeviceLeavesNothing(t *testing.T) {
	two, _ := emptyNamespace(t)
	one, inode := emptyNamespace(t)
	const name = "veth-one"
	check(t, lab.Veth(lab.End{NS: one, Name: name}, lab.End{NS: two, Name: "veth-two"}))
	index, err := one.Index(name)
	check(t, err)
	if own, err := ProcessNamespace(os.Getpid()); err != nil || own == inode {
		t.Fatalf("this process counts as being in the namespace: %v", err)
	}
	n := OpenNamespaces()
	for range 100 {
		if got := n.Device(inode, uint32(index), ""); got != name {
			t.Errorf("device %d is %q", index, got)
		}
		clear(n.devices)
	}
	check(t, one.Close())
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := two.Index("veth-two"); err != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the namespace is still there")
		}
	}
}

// TestEnter runs functions in a namespace until it is gone. This process stays where it is.
func TestEnter(t *testing.T) {
	one, inode := emptyNamespace(t)
	unbind, err := one.Bind(uniqueName("enter"))
	check(t, err)
	check(t, one.AddBridge("br-here"))
	n := OpenNamespaces()
	var names []string
	look := func() error {
		list, err := net.Interfaces()
		names = nil
		for _, ifi := range list {
			names = append(names, ifi.Name)
		}
		return err
	}
	check(t, n.Enter(inode, look))
	if !slices.Contains(names, "br-here") {
		t.Errorf("in the namespace there are %q", names)
	}
	check(t, n.Enter(n.own, look))
	if slices.Contains(names, "br-here") {
		t.Errorf("in our own there are %q", names)
	}
	want := errors.New("what it returns")
	if err := n.Enter(inode, func() error { return want }); err != want {
		t.Errorf("error %v, want that of the function", err)
	}
	if n.Gone(inode) || n.Gone(n.own) {
		t.Error("it is held to be gone")
	}
	check(t, unbind())
	n.rest = 0 // its thread is found now
	if n.Gone(inode) {
		t.Error("with its name it is held to be gone, although a thread is in it")
	}
	check(t, n.Enter(inode, look))
	check(t, one.Close())
	for deadline := time.Now().Add(20 * time.Second); !n.Gone(inode); n.rest = 0 {
		if time.Now().After(deadline) {
			t.Fatal("it is still there")
		}
	}
	err = n.Enter(inode, func() error { t.Error("ran"); return nil })
	if hint := (interface{ Hint() string })(nil); !errors.As(err, &hint) {
		t.Errorf("error %v, want one with a hint", err)
	}
}

func TestCommandsIn(t *testing.T) {
	const text = "if not: `a 1`, or `b`"
	for netns, want := range map[string]string{
		"":                                 text,
		"kvm1":                             "if not: `ip netns exec kvm1 a 1`, or `ip netns exec kvm1 b`",
		"inode 4026532321 (radvd, pid 17)": "if not: `nsenter -t 17 -n a 1`, or `nsenter -t 17 -n b`",
		"inode 4026532321":                 "",
	} {
		if got := CommandsIn(netns, text); got != want {
			t.Errorf("%q: %q", netns, got)
		}
	}
}

// TestDeviceOfAnother asks by a file that another namespace is at now, as the id of a process may be given to another one.
func TestDeviceOfAnother(t *testing.T) {
	_, inode := emptyNamespace(t)
	n := OpenNamespaces()
	n.found = map[uint32]owner{inode: {inode: inode, path: fmt.Sprintf("/proc/%d/ns/net", os.Getppid())}}
	if got := n.Device(inode, 1, ""); got != "ifindex 1" {
		t.Errorf("device 1 is %q, which is another namespace's", got)
	}
}

func TestFindRefuses(t *testing.T) {
	n := OpenNamespaces()
	n.dirs = nil
	for _, name := range []string{
		"", "nowhere", "17", "4294967296", "-1", "pid:", "pid:x", "pid:0", "pid:-1", "../../proc/self/ns/net",
	} {
		inode, err := n.Find(name)
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q is %d, %v", name, inode, err)
		}
	}
	_, err := n.Find("nowhere")
	if hint := (interface{ Hint() string })(nil); !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "named none") {
		t.Errorf("error %v lacks a hint", err)
	}
	one, _ := emptyNamespace(t)
	n = OpenNamespaces()
	for i := range 12 {
		giveName(t, one, uniqueName(fmt.Sprintf("%02d\n", i)))
	}
	_, err = n.Find("nowhere")
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) {
		t.Fatalf("error %v lacks a hint", err)
	}
	h := hint.Hint()
	if strings.Contains(h, "\n") || !strings.Contains(h, " more;") || strings.Count(h, `"`) != 2*10 {
		t.Errorf("hint %s", h)
	}
}

func BenchmarkSearch(b *testing.B) {
	n := OpenNamespaces()
	for b.Loop() {
		n.search()
	}
	b.ReportMetric(float64(len(numbers("/proc", maxProcesses))), "processes")
}
