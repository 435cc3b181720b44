package host

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/lab"
)

// namespace returns a new namespace that ends with the test, which is skipped where there can be none.
func namespace(t *testing.T) *lab.Namespace {
	t.Helper()
	n, err := lab.New()
	if errors.Is(err, unix.EPERM) && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip("needs root:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// check ends the test at the first error.
func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// ip runs ip inside the namespace, once for each line, and returns what it printed.
func ip(t *testing.T, n *lab.Namespace, lines ...string) string {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var all strings.Builder
	for _, line := range lines {
		out, err := n.Output(ctx, "ip", strings.Fields(line)...)
		if err != nil {
			t.Fatalf("ip %s: %v", line, err)
		}
		all.WriteString(out)
	}
	return all.String()
}

const guestMAC, routerMAC = "02:00:00:00:00:02", "02:00:00:00:00:01"

// pair returns two namespaces joined by eth0 and vr0, with fd00::2 and fd00::1, when packets pass.
func pair(t *testing.T) (guest, router *lab.Namespace) {
	t.Helper()
	guest, router = namespace(t), namespace(t)
	check(t, guest.SkipDAD(), router.SkipDAD(),
		lab.Veth(lab.End{NS: guest, Name: "eth0", MAC: guestMAC}, lab.End{NS: router, Name: "vr0", MAC: routerMAC}),
		guest.AddAddress("eth0", "fd00::2/64"), router.AddAddress("vr0", "fd00::1/64"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	// The kernel gives an interface its link-local address once it has seen that the link works; until then it drops what is
	// sent.
	_, err := guest.WaitLinkLocal(ctx, "eth0")
	check(t, err)
	_, err = router.WaitLinkLocal(ctx, "vr0")
	check(t, err)
	return guest, router
}

// bridgeFDB adds an entry to the forwarding database of a VXLAN, as "02:00:00:00:00:09 dst 192.0.2.9".
func bridgeFDB(t *testing.T, n *lab.Namespace, dev, entry string) {
	t.Helper()
	if _, err := exec.LookPath("bridge"); err != nil && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip(err)
	}
	args := append([]string{"fdb", "append"}, strings.Fields(entry)...)
	_, err := n.Output(t.Context(), "bridge", append(args, "dev", dev)...)
	check(t, err)
}

// moveTo moves an interface from one namespace to another. Ip knows a namespace by a process in it.
func moveTo(t *testing.T, from, to *lab.Namespace, dev string) {
	t.Helper()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	check(t, err, to.Start(cmd))
	defer cmd.Wait()
	defer stdin.Close()
	ip(t, from, "link set "+dev+" netns "+strconv.Itoa(cmd.Process.Pid))
}
