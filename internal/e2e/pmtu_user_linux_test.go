package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/lab"
	pathlab "v6probe/internal/lab/zone"
)

// zoneNamed brings up the lab's network of that name.
func zoneNamed(t *testing.T, name string) *pathlab.Zone {
	t.Helper()
	all, err := pathlab.Scenarios()
	check(t, err)
	i := slices.IndexFunc(all, func(s *pathlab.Scenario) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("the lab has no network %q", name)
	}
	z, err := pathlab.Up(within(t, time.Minute), all[i])
	check(t, err)
	t.Cleanup(func() { z.Close() })
	return z
}

// TestPathMTUNobodyReads: who ends reading, as `head -1` does, does not keep the route cache from being put back.
func TestPathMTUNobodyReads(t *testing.T) {
	needs(t, "nft")
	z := zoneNamed(t, "ptb")
	read, write, err := os.Pipe()
	check(t, err)
	defer read.Close()
	cmd := exec.Command(binary, "pmtu", z.Target.String(), "-v", "-q")
	cmd.Stdout = write
	stderr := newOutput()
	cmd.Stderr = stderr
	check(t, z.Guest.Start(cmd))
	write.Close()
	if _, err := bufio.NewReaderSize(read, 16).ReadString('\n'); err != nil {
		t.Error(err)
	}
	read.Close()
	if err := cmd.Wait(); err != nil || stderr.String() != "" {
		t.Errorf("%v, and it says %q", err, stderr)
	}
	if mtu, err := z.Guest.RouteMTU(z.Target); err != nil || mtu != 0 && mtu < 1450 {
		t.Errorf("the route cache keeps %d (%v)", mtu, err)
	}
}

// TestPathMTURTT: what is answered took its time.
func TestPathMTURTT(t *testing.T) {
	needs(t, "nft")
	z := zoneNamed(t, "clean-1450")
	r, _ := probePath(t, z)
	answered := 0
	for _, l := range r.of("probe") {
		var p struct {
			Result string
			RTT    float64
		}
		check(t, json.Unmarshal([]byte(l.raw), &p))
		if p.Result == "silent" {
			continue
		}
		if answered++; p.RTT <= 0 {
			t.Errorf("no RTT: %s", l.raw)
		}
	}
	if answered == 0 {
		t.Error("nothing was answered")
	}
}

// TestPathMTUEndsEarly: a time that is too short, and Ctrl-C, are each told for what they are, once.
func TestPathMTUEndsEarly(t *testing.T) {
	needs(t)
	guest, nobody := host(t), host(t)
	link(t, lab.End{NS: guest, Name: "eth0"}, lab.End{NS: nobody, Name: "eth0"})
	check(t, guest.AddAddress("eth0", "fd00::1/64"))
	r := launch(t, guest, exec.Command(binary, "pmtu", "fd00::2", "--timeout", "300ms")).wait(t)
	if r.code != 2 || strings.Count(r.stdout+r.stderr, "--timeout") != 1 || strings.Contains(r.stderr, "known") {
		t.Errorf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	contains(t, r.stdout, "fd00::2 had not answered when it ended early: nothing can be told.",
		"FAIL  ended early: the --timeout of 300ms was not enough")

	p := launch(t, guest, exec.Command(binary, "pmtu", "fd00::2", "-v", "--timeout", "0"))
	check(t, p.stderr.await(within(t, 20*time.Second), "probing the path to fd00::2"))
	p.interrupt(t)
	r = p.wait(t)
	if r.code != 2 || strings.Contains(r.stdout+r.stderr, "timeout") || strings.Count(r.stdout+r.stderr, "interrupted") != 2 {
		t.Errorf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	contains(t, r.stdout, "FAIL  ended early: interrupted; 0 errors")
}

// TestPathMTULinkTrouble: an interface that cannot carry IPv6 is named for that, and not for the route that it lacks.
func TestPathMTULinkTrouble(t *testing.T) {
	needs(t)
	guest, peer := host(t), host(t)
	link(t, lab.End{NS: guest, Name: "eth0"}, lab.End{NS: peer, Name: "eth0"})
	check(t, guest.AddAddress("eth0", "fd00::1/64"), guest.SetMTU("eth0", 1200))
	for _, args := range [][]string{{}, {"-i", "eth0"}} {
		r := launch(t, guest, exec.Command(binary, append([]string{"pmtu", "fd00::2"}, args...)...)).wait(t)
		if r.code != 2 {
			t.Errorf("%q: exit code %d", args, r.code)
		}
		contains(t, r.stderr, "v6probe: eth0 has an MTU of 1200: IPv6 needs 1280 at least", "ip link set eth0 mtu 1280")
	}
	check(t, guest.SetMTU("eth0", 1500), peer.SetDown("eth0"))
	// It takes the kernel a moment to say that the carrier is gone.
	for ctx := within(t, 20*time.Second); ; {
		r := launch(t, guest, exec.Command(binary, "pmtu", "fd00::2", "-i", "eth0")).wait(t)
		if strings.Contains(r.stderr, "v6probe: eth0 has no carrier") && r.code == 2 {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("exit code %d: %s", r.code, r.stderr)
		}
	}
}

// TestPlanVerdict: the faults of this host's tunnels stand before the table, the verdict last, and --fail-on holds.
func TestPlanVerdict(t *testing.T) {
	needs(t)
	kvm := host(t)
	check(t, kvm.AddVXLAN("vxlan300", lab.VXLAN{VNI: 300, Port: 4789, Local: "10.0.0.1"}))
	r := launch(t, kvm, exec.Command(binary, "pmtu", "--plan")).wait(t)
	contains(t, r.stdout, "vxlan300  carries 1500, VXLAN over IPv4; what carries it is not known",
		"\nPASS  0 errors, 0 warnings, 0 notes; 1 tunnel on this host\n")
	peer := host(t)
	link(t, lab.End{NS: kvm, Name: "eth0"}, lab.End{NS: peer, Name: "eth0"})
	check(t, kvm.AddAddress("eth0", "192.0.2.1/24"),
		kvm.AddVXLAN("vxlan200", lab.VXLAN{VNI: 200, Port: 4789, Local: "192.0.2.1", Remote: "192.0.2.2"}),
		kvm.SetMTU("vxlan200", 1500))
	for want, args := range map[int][]string{1: nil, 0: {"--fail-on", "never"}} {
		r = launch(t, kvm, exec.Command(binary, append([]string{"pmtu", "--plan"}, args...)...)).wait(t)
		if r.code != want {
			t.Errorf("exit code %d, want %d", r.code, want)
		}
		fault, table := strings.Index(r.stdout, "pmtu.tunnel-mtu"), strings.Index(r.stdout, "\nencapsulation  ")
		if fault < 0 || fault > table || !strings.HasSuffix(r.stdout, "; 2 tunnels on this host\n") {
			t.Errorf("%s", r.stdout)
		}
	}
}
