package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"v6probe/internal/lab"
)

// up builds a zone, which goes with the test. Where there can be no namespaces the test is skipped.
func up(t *testing.T, o Options) (*Zone, context.Context) {
	t.Helper()
	mayRun(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	if o.Interval == 0 {
		o.Interval = 4 * time.Second
	}
	z, err := Up(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := z.Close(); err != nil {
			t.Error("close:", err)
		}
	})
	return z, ctx
}

// mayRun skips the test where no namespace can be made.
func mayRun(t *testing.T) {
	t.Helper()
	n, err := lab.New()
	if errors.Is(err, unix.EPERM) && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip("needs root, or a user namespace:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	n.Close()
	if lacking := missing([]string{"ip", "ping", "nft", "radvd"}); len(lacking) > 0 {
		if os.Getenv("V6PROBE_CI") == "1" {
			t.Fatal("this machine lacks", lacking)
		}
		t.Skip("this machine lacks", lacking)
	}
}

func TestHealthy(t *testing.T) {
	for _, family := range []int{4, 6} {
		for _, groups := range []bool{false, true} {
			t.Run(fmt.Sprintf("underlay IPv%d, security groups %v", family, groups), func(t *testing.T) {
				z, ctx := up(t, Options{Underlay: family, SecurityGroups: groups})
				for _, g := range guests() {
					n, _ := z.Node(g.node)
					all, err := n.Addresses("eth0")
					if err != nil {
						t.Fatal(err)
					}
					var got []string
					for _, p := range all {
						got = append(got, p.String())
					}
					slices.Sort(got)
					if want := []string{g.address + "/64", g.linkLocal + "/64"}; !slices.Equal(got, want) {
						t.Errorf("%s has %v, not %v", g.node, got, want)
					}
					if _, err := n.Output(ctx, "ping", "-6", "-c", "1", "-W", "5", "-M", "do", "-s", "1452", Server); err != nil {
						t.Errorf("%s: a packet of 1500 bytes: %v", g.node, err)
					}
					if err := n.Do(resolve); err != nil {
						t.Errorf("%s: %v", g.node, err)
					}
				}
			})
		}
	}
}

// resolve asks the server for a name.
func resolve() error {
	conn, err := net.DialTimeout("udp6", net.JoinHostPort(Server, "53"), 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	query := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, RecursionDesired: true}, Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName("example.org."), Type: dnsmessage.TypeAAAA, Class: dnsmessage.ClassINET}}}
	packed, err := query.Pack()
	if err != nil {
		return err
	}
	reply := make([]byte, 512)
	if err := errors.Join(conn.SetDeadline(time.Now().Add(5*time.Second)), write(conn, packed)); err != nil {
		return err
	}
	n, err := conn.Read(reply)
	if err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(reply[:n]); err != nil {
		return err
	}
	if m.ID != 7 || !m.Response || len(m.Answers) != 1 {
		return fmt.Errorf("DNS: %v", m.GoString())
	}
	return nil
}

func write(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}

// TestSwitch switches faults on and off in a running zone: afterwards it is as it was.
func TestSwitch(t *testing.T) {
	mayRun(t)
	all, err := Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	// One of each kind of step, and those that are hard to take back.
	some := []string{"no-prefix", "wrong-prefix-config", "hop-limit-64", "accept-ra-off", "vr-ipv6-disabled", "ptb-dropped",
		"ns-dropped", "ra-dropped-ip6tables", "vxlan-no-flood", "dns-silent", "mtu-below-1280", "duplicate-mac",
		"guest-mtu-below-1280", "no-return-route", "port-down", "snooping-group-lost"}
	all = slices.DeleteFunc(all, func(s *Scenario) bool { return !slices.Contains(some, s.Name) || len(s.Missing()) > 0 })
	if len(all) < len(some)/2 {
		t.Fatalf("only %d faults can be switched", len(all))
	}
	const zones = 4
	for part := range zones {
		t.Run(fmt.Sprintf("zone %d", part), func(t *testing.T) {
			t.Parallel()
			z, ctx := up(t, Options{})
			before := machine(ctx, t, z)
			for i, s := range all {
				if i%zones == part {
					switchOnAndOff(ctx, t, z, s, before)
				}
			}
		})
	}
}

func switchOnAndOff(ctx context.Context, t *testing.T, z *Zone, s *Scenario, before string) {
	t.Helper()
	if err := z.Fault(ctx, s); err != nil {
		t.Errorf("%s on: %v", s.Name, err)
		return
	}
	noFarther(ctx, t, z)
	if err := z.Fault(ctx, s); err == nil {
		t.Errorf("%s can be switched on twice", s.Name)
	}
	if err := z.Heal(ctx, s); err != nil {
		t.Errorf("%s off: %v", s.Name, err)
	}
	if after := machine(ctx, t, z); after != before {
		t.Fatalf("%s leaves something behind:\n%s", s.Name, difference(before, after))
	}
}

// machine is the state of the nodes that faults change.
func machine(ctx context.Context, t *testing.T, z *Zone) string {
	t.Helper()
	var b strings.Builder
	for _, node := range z.Nodes() {
		for _, line := range []string{"ip -br link", "ip -6 -br addr", "ip -6 route", "nft -s list ruleset", "sysctl -a --pattern ipv6.conf|bridge-nf",
			"bridge fdb show dev vxlan100"} {
			if strings.HasPrefix(line, "bridge") && !strings.HasPrefix(node, "kvm") {
				continue
			}
			out, err := z.output(ctx, node, line)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(regexp.MustCompile(`expires [0-9]+sec`).ReplaceAllString(out, ""), "\n")
			if strings.HasPrefix(line, "bridge") {
				lines = slices.DeleteFunc(lines, func(l string) bool { return !strings.HasPrefix(l, "00:00:00:00:00:00") })
			}
			slices.Sort(lines)
			for _, l := range lines {
				// The kernel makes a secret once, and ip6tables its table.
				if strings.Contains(l, "stable_secret") || strings.HasPrefix(node, "kvm") && strings.HasPrefix(line, "nft") &&
					!strings.Contains(l, "counter") && !strings.Contains(l, "drop") {
					continue
				}
				fmt.Fprintf(&b, "%s: %s: %s\n", node, line, l)
			}
		}
	}
	for _, file := range []string{radvdFile, networksFile} {
		data, err := os.ReadFile(filepath.Join(z.Files(), file))
		if err != nil {
			t.Fatal(err)
		}
		b.Write(data)
	}
	return b.String()
}

// difference returns the lines that only one of two texts has.
func difference(a, b string) string {
	var out strings.Builder
	for _, side := range []struct{ sign, in, other string }{{"-", a, b}, {"+", b, a}} {
		for _, line := range strings.Split(side.in, "\n") {
			if !strings.Contains(side.other, line) {
				fmt.Fprintln(&out, side.sign, line)
			}
		}
	}
	return out.String()
}

// TestWithoutRadvd has the built-in sender advertise.
func TestWithoutRadvd(t *testing.T) {
	z, ctx := up(t, Options{})
	if err := errors.Join(z.stopRadvd("vr"), z.runAdvertiser("vr", z.radvdConf())); err != nil {
		t.Fatal(err)
	}
	if err := z.boot(ctx); err != nil {
		t.Error(err)
	}
	if err := z.stopRadvd("vr"); err != nil {
		t.Fatal(err)
	}
	if err := z.runAdvertiser("vr", "interface eth0 { };"); err == nil {
		t.Error("it takes any configuration")
	}
}

// TestClose shows that nothing is left of a zone.
func TestClose(t *testing.T) {
	z, _ := up(t, Options{SecurityGroups: true})
	dir := z.Files()
	var inodes []string
	for _, name := range z.Nodes() {
		n, _ := z.Node(name)
		inode, err := n.Inode()
		if err != nil {
			t.Fatal(err)
		}
		inodes = append(inodes, fmt.Sprintf("net:[%d]", inode))
	}
	if held := holders(t, inodes); len(held) == 0 {
		t.Fatal("nobody holds the namespaces of a zone that is up")
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its directory: %v", err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		held := holders(t, inodes)
		if len(held) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("they still hold its namespaces:", held)
		}
	}
	if err := z.Close(); err != nil {
		t.Error("a second time:", err)
	}
}

// holders returns the threads and descriptors that hold namespaces.
func holders(t *testing.T, inodes []string) []string {
	t.Helper()
	var held []string
	for _, pattern := range []string{"/proc/[0-9]*/task/*/ns/net", "/proc/self/fd/*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			if target, err := os.Readlink(p); err == nil && slices.Contains(inodes, target) {
				held = append(held, p)
			}
		}
	}
	return held
}

// TestFaults switches each fault on. Up itself waits until guests have come as far as they can and the fault is to be seen by
// other means than v6probe; here they are seen to come no farther.
func TestFaults(t *testing.T) {
	mayRun(t)
	if testing.Short() {
		t.Skip("builds a zone for every fault, which takes more than a minute")
	}
	all, err := Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			if lacking := s.Missing(); len(lacking) > 0 {
				if os.Getenv("V6PROBE_CI") == "1" {
					t.Fatal("this machine lacks", lacking)
				}
				t.Skip("this machine lacks", lacking)
			}
			t.Parallel()
			z, ctx := up(t, Options{Fault: []*Scenario{s}})
			noFarther(ctx, t, z)
			if _, ok := z.Node(s.Node); !ok {
				t.Errorf("the command is for %s, which is not there", s.Node)
			}
			for _, a := range s.Arguments(z.Files()) {
				if strings.HasPrefix(a, z.Files()) {
					if _, err := os.Stat(a); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}

// noFarther holds that guests have come no farther than the faults that are on let them.
func noFarther(ctx context.Context, t *testing.T, z *Zone) {
	t.Helper()
	var wait sync.WaitGroup
	defer wait.Wait()
	for _, g := range guests() {
		n, _ := z.Node(g.node)
		far := z.reach(g.node)
		all, err := n.Addresses("eth0")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			global := !p.Addr().IsLinkLocalUnicast()
			if far == "nothing" || global && far == "link-local" {
				t.Errorf("%s has %v and should come as far as %s", g.node, p, far)
			}
		}
		if far == "address" {
			wait.Go(func() {
				if _, err := n.Output(ctx, "ping", "-6", "-c", "1", "-W", "1", Server); err == nil {
					t.Errorf("%s reaches the server", g.node)
				}
			})
		}
	}
}
