package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"v6probe/internal/lab/keeper"
)

// labUser is somebody who uses v6probe lab.
type labUser struct {
	dir string   // of the zone
	as  []string // what makes a command this user's
}

// run runs v6probe lab.
func (u *labUser) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	words := append(append([]string{}, u.as...), append([]string{binary, "lab"}, args...)...)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute) // also after the test, to clean up
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), keeper.PlaceVariable+"="+u.dir)
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), said.String()
}

// want runs v6probe lab and checks its exit code, and that it says something.
func (u *labUser) want(t *testing.T, code int, says string, args ...string) {
	t.Helper()
	got, out, said := u.run(t, args...)
	if got != code || !strings.Contains(out+said, says) {
		t.Errorf("lab %s: exit code %d, want %d and %q:\n%s%s", strings.Join(args, " "), got, code, says, out, said)
	}
}

// session is what one does with the zone: it is built, looked at, broken and mended, and ended.
func (u *labUser) session(t *testing.T) {
	t.Helper()
	u.want(t, 1, "No zone is up", "status")
	u.want(t, 2, "no zone is up", "exec", "guest1", "true")
	if code, out, said := u.run(t, "up"); code != 0 {
		t.Fatalf("up: exit code %d:\n%s%s", code, out, said)
	}
	t.Cleanup(func() { u.run(t, "down") })
	u.want(t, 2, "a zone is up already", "up")
	u.want(t, 0, "guest1, guest2, guest3, vr, kvm1, kvm2, upstream, server", "status")
	u.want(t, 0, "fd17:625c:f037:2:1:ff:fecb:1", "exec", "guest1", "--", "ip", "-6", "addr", "show", "dev", "eth0")
	u.want(t, 42, "on guest2", "exec", "guest2", "sh", "-c", "echo on $"+keeper.NodeVariable+"; exit 42")
	u.want(t, 2, "leave it with: exit", "exec", "vr", "--", "v6probe", "lab", "status")
	u.want(t, 0, "AdvSendAdvert on;", "exec", "vr", "cat", "{files}/radvd.conf")
	// What is left in the background must not outlive the zone.
	_, pid, _ := u.run(t, "exec", "guest3", "--", "sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!")

	u.want(t, 0, "no-prefix is on", "fault", "no-prefix")
	u.want(t, 0, "no-prefix", "fault")
	u.want(t, 1, "ra.no-address-source", "exec", "guest1", "--", "v6probe", "ra", "-i", "eth0", "-c", "1")
	u.want(t, 0, "no-prefix is off", "fault", "no-prefix", "--off")
	u.want(t, 0, "PASS", "exec", "guest1", "--", "v6probe", "ra", "-i", "eth0", "-c", "1")
	u.want(t, 2, "must be on before the zone is built", "fault", "vxlan-ports")

	u.want(t, 0, "The zone is gone", "down")
	u.want(t, 0, "nothing to end", "down")
	if _, err := os.Stat("/proc/" + strings.TrimSpace(pid) + "/ns/net"); pid == "" || err == nil {
		t.Errorf("process %q is still there", pid)
	}
}

// labDir is a directory for the zone of a user, who is root or nobody.
func labDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "v6probe-lab-test-")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	check(t, os.Chmod(dir, 0o777))
	return filepath.Join(dir, "zone")
}

func TestLab(t *testing.T) {
	needs(t, "radvd", "ip")
	t.Parallel()
	(&labUser{dir: labDir(t)}).session(t)
}

// TestLabUser does the same as somebody who is not root, where the kernel lets users make namespaces.
func TestLabUser(t *testing.T) {
	needs(t, "radvd", "ip", "runuser")
	t.Parallel()
	as := []string{"runuser", "-u", "nobody", "--"}
	if out, err := exec.Command(as[0], append(as[1:], "unshare", "--user", "--net", "true")...).CombinedOutput(); err != nil {
		if os.Getenv("V6PROBE_CI") == "1" {
			t.Fatalf("users can make no namespaces here: %v: %s", err, out)
		}
		t.Skipf("users can make no namespaces here: %v: %s", err, out)
	}
	(&labUser{dir: labDir(t), as: as}).session(t)
}
