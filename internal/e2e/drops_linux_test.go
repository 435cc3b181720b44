package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
)

// farSolicitation is a Neighbor Solicitation for the guest that a router has passed on: its hop limit is 64.
func farSolicitation() []byte {
	ip := craft.IPv6(craft.RouterLL, craft.GuestLL, 64, 58, craft.ICMPv6(craft.RouterLL, craft.GuestLL, craft.NS(craft.GuestLL)))
	return craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 0x86dd, ip)
}

// program returns the id of the program in the kernel that a process holds.
func program(t *testing.T, pid int) string {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	check(t, err)
	for _, f := range files {
		text, err := os.ReadFile(f)
		check(t, err)
		if _, id, ok := strings.Cut(string(text), "\nprog_id:\t"); ok {
			id, _, _ = strings.Cut(id, "\n")
			return id
		}
	}
	t.Fatalf("process %d holds no program", pid)
	return ""
}

// TestDropsKilled kills v6probe, which then cannot clean up: the kernel does.
func TestDropsKilled(t *testing.T) {
	needs(t, "bpftool")
	guest, vr := isolated(t)
	p := startUntil(t, guest, "counting", "drops", "--for", "0")
	id := program(t, p.cmd.Process.Pid)
	check(t, vr.Inject("eth0", farSolicitation()), p.cmd.Process.Kill())
	<-p.ended
	for ctx := within(t, 20*time.Second); ; {
		out, err := exec.Command("bpftool", "prog", "show").Output()
		check(t, err)
		if !strings.Contains("\n"+string(out), "\n"+id+": ") {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("program %s is still there:\n%s", id, out)
		}
	}
}

// TestDropsBTF has v6probe read the kernel's types from a file: all of them, and only those that it needs.
func TestDropsBTF(t *testing.T) {
	needs(t, "bpftool")
	guest, vr := isolated(t)
	small := filepath.Join(t.TempDir(), "small.btf")
	out, err := exec.Command("bpftool", "gen", "min_core_btf", "/sys/kernel/btf/vmlinux", small, "../drops/drops_bpfel.o").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, file := range []string{"/sys/kernel/btf/vmlinux", small} {
		p := startUntil(t, guest, "counting", "drops", "-i", "eth0", "--btf", file, "--json", "--for", "0", "--interval", "100ms")
		for range 3 {
			check(t, vr.Inject("eth0", farSolicitation()))
		}
		check(t, p.stdout.await(within(t, 20*time.Second), `"total":3`))
		p.interrupt(t)
		r := p.wait(t)
		r.want(t, 1, "nd.hop-limit")
		contains(t, r.stdout, `"location":"icmpv6_rcv"`, `"iface":"eth0"`, `"source":"ebpf"`)
	}
}

// TestDropsNoSuchBTF gives v6probe the types of no kernel.
func TestDropsNoSuchBTF(t *testing.T) {
	needs(t)
	p := launch(t, host(t), exec.Command(binary, "drops", "--btf", "../drops/drops_bpfel.go", "--for", "1s"))
	if r := p.wait(t); r.code != 2 || strings.Count(r.stderr, "\n") != 2 {
		t.Errorf("exit code %d, want 2 with a line and a hint: %s%s", r.code, r.stdout, r.stderr)
	}
}

// TestDropsContained runs v6probe as the root of a user namespace, as in a container: the kernel takes no program from it.
func TestDropsContained(t *testing.T) {
	needs(t, "unshare")
	guest, vr := isolated(t)
	p := launch(t, guest, exec.Command("unshare", "-Ur", binary, "drops", "--for", "2s"))
	check(t, p.stderr.await(within(t, 20*time.Second), "reading"))
	frame := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.GuestLL, craft.NS(craft.GuestLL))
	frame[len(frame)-1] ^= 1 // the checksum is wrong
	for range 5 {
		check(t, vr.Inject("eth0", frame))
	}
	r := p.wait(t)
	if r.code != 0 {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.stderr, "counters")
	contains(t, r.stdout, "Icmp6InCsumErrors")
}

// TestRADrops has a filter eat the RAs that reach a guest's interface: one report says both.
func TestRADrops(t *testing.T) {
	needs(t, "nft")
	guest, vr := isolated(t)
	check(t, guest.Firewall(t.Context(), "table ip6 f { chain c { type filter hook input priority 0; icmpv6 type nd-router-advert drop; }; }"))
	p := start(t, guest, "ra", "-i", "eth0", "--drops", "--passive", "-c", "4")
	for range 4 {
		check(t, vr.Inject("eth0", healthy()))
	}
	r := p.wait(t)
	if r.code != 1 {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.stdout, "4 Router Advertisements reached eth0, and this kernel dropped 4 of them",
		"(nftables or ip6tables-nft)", "drop.filter-input", "nft -a list ruleset")
}

// TestDropsNamed looks into one namespace of several, by its name, and names it.
func TestDropsNamed(t *testing.T) {
	needs(t)
	guest, vr := isolated(t)
	name := "v6probe-" + strings.ToLower(strings.TrimPrefix(t.Name(), "Test"))
	unbind, err := guest.Bind(name)
	check(t, err)
	t.Cleanup(func() { check(t, unbind()) })
	p := startUntil(t, host(t), "counting", "drops", "--netns", name, "--json", "--for", "0", "--interval", "100ms")
	check(t, vr.Inject("eth0", farSolicitation()))
	check(t, p.stdout.await(within(t, 20*time.Second), `"rule":"nd.hop-limit"`))
	p.interrupt(t)
	r := p.wait(t)
	r.want(t, 1, "nd.hop-limit")
	contains(t, r.stdout, `"netns":"`+name+`"`)
	other := launch(t, host(t), exec.Command(binary, "drops", "--netns", "no-such-namespace"))
	if r := other.wait(t); r.code != 2 || !strings.Contains(r.stderr, name) {
		t.Errorf("exit code %d, want 2 and the names that there are: %s", r.code, r.stderr)
	}
}
