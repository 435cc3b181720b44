package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDemo runs what `make run` runs, as root and as a user who is not.
func TestDemo(t *testing.T) {
	needs(t)
	demo := filepath.Join(filepath.Dir(binary), "demo")
	out, err := exec.Command("go", "build", "-o", demo, "v6probe/internal/lab/demo").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, user := range map[string]*syscall.Credential{"root": nil, "nobody": {Uid: 65534, Gid: 65534}} {
		t.Run(name, func(t *testing.T) {
			if user != nil && os.Geteuid() != 0 {
				t.Skip("needs root to become nobody")
			}
			t.Parallel()
			cmd := exec.Command(demo, binary)
			cmd.Dir = "../.."
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user, Pdeathsig: syscall.SIGKILL}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v:\n%s", err, out)
			}
			contains(t, string(out), "\n$ v6probe ra -r fixtures/pcaps/", "ra.no-address-source")
			if user != nil && strings.Contains(string(out), "So only a capture") {
				return // the machine does not allow it
			}
			contains(t, string(out), "\n$ v6probe ra --iface eth0 -c 3\n", "fd17:625c:f037:2::/64", "2001:db8:1::53")
		})
	}
}
