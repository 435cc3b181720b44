package vr

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/filter"
	"v6probe/internal/lab"
)

func TestParseSoftnet(t *testing.T) {
	for _, c := range []struct {
		text string
		want uint64
		ok   bool
	}{
		{"", 0, true},
		{"006510b3 00000000 00000003\n0f6f4e56 0000001f 00000058\n00000001 ffffffff 0\n", 0x1f + 0xffffffff, true},
		{"006510b3\n", 0, false},
		{"006510b3 x 00000003\n", 0, false},
	} {
		if got, err := parseSoftnet([]byte(c.text)); (err == nil) != c.ok || c.ok && got != c.want {
			t.Errorf("%q: %d, %v", c.text, got, err)
		}
	}
}

// namespace returns a new network namespace, or skips the test.
func namespace(t *testing.T) *lab.Namespace {
	t.Helper()
	n, err := lab.New()
	if err != nil {
		if os.Getenv("V6PROBE_CI") == "1" {
			t.Fatal(err)
		}
		t.Skip("needs network namespaces: ", err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// program skips the test where a program is not installed.
func program(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("V6PROBE_CI") == "1" {
			t.Fatal(err)
		}
		t.Skip("needs ", name)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// router makes a namespace with eth0 for guests and eth2 for the world, which forwards.
func router(t *testing.T) *lab.Namespace {
	t.Helper()
	n := namespace(t)
	must(t, n.SkipDAD(), n.Sysctl("ipv6/conf/all/forwarding", "1"),
		lab.Veth(lab.End{NS: n, Name: "eth0", MAC: "02:01:00:cb:00:fe"}, lab.End{NS: n, Name: "g0"}),
		lab.Veth(lab.End{NS: n, Name: "eth2"}, lab.End{NS: n, Name: "u0"}),
		n.AddAddress("eth0", "fd17:625c:f037:2::1/64"), n.AddAddress("eth2", "2001:db8:1::2/64"),
		n.AddRoute("::/0", "2001:db8:1::1"))
	for _, name := range []string{"eth0", "eth2"} {
		_, err := n.WaitLinkLocal(t.Context(), name)
		must(t, err)
	}
	return n
}

func read(t *testing.T, n *lab.Namespace, o Options) *Facts {
	t.Helper()
	o.Root = t.TempDir() // whatever machine the test runs on
	var f *Facts
	must(t, n.Do(func() (err error) {
		f, err = Read(o)
		return err
	}))
	must(t, f.Choose(nil, nil))
	return f
}

// TestRead reads a virtual router with the real radvd and nft, beside another namespace with a radvd of its own.
func TestRead(t *testing.T) {
	program(t, "radvd")
	program(t, "nft")
	n, beside := router(t), router(t)
	must(t, n.Firewall(context.Background(), lab.CloudStackFirewall))
	elsewhere, err := beside.Radvd(lab.CloudStackRadvd("eth2", "2001:db8:9::1/64"))
	must(t, err)
	defer elsewhere.Kill()

	f := read(t, n, Options{})
	if r := &f.Radvd; r.Running || r.Unsure != "" || r.File != "/etc/radvd.conf" {
		t.Errorf("without radvd: %+v", r)
	}
	daemon, err := n.Radvd(lab.CloudStackRadvd("eth0", "fd17:625c:f037:2::1/64", "2001:db8:80::80"))
	must(t, err)
	defer daemon.Kill()
	f = read(t, n, Options{})
	r := &f.Radvd
	if !r.Running || r.PID == 0 || filepath.Base(r.File) != "radvd.conf" || r.block("eth0") == nil || r.block("eth2") != nil {
		t.Errorf("radvd: %+v", r)
	}
	if got := r.Ways[r.block("eth0").Prefixes[0]]; got != "eth0" {
		t.Errorf("the prefix is reached by %q", got)
	}
	if !slices.Equal(f.Guests, []string{"eth0"}) || f.Public != "eth2" || f.Role.Type != "" || f.All.Forwarding != 1 || f.NoIPv6 {
		t.Errorf("guests on %v, out by %q, %+v, forwarding %d", f.Guests, f.Public, f.Role, f.All.Forwarding)
	}
	i := f.iface("eth0")
	if ll, ok := i.linkLocal(); !ok || ll != addr("fe80::1:ff:fecb:fe") || len(i.globals()) != 1 || i.Conf == nil || i.MTU != 1500 {
		t.Errorf("eth0: %+v", i)
	}
	if f.World == nil || f.World.Gateway != addr("2001:db8:1::1") {
		t.Errorf("world: %+v (%s)", f.World, f.NoWorld)
	}
	if n := f.Neighbors; n.Unread != "" || n.Max == 0 || n.Used == 0 || n.Used > n.Max {
		t.Errorf("neighbors: %+v", n)
	}
	if f.Backlog.Unread != "" || f.Connections.Unread != "" {
		t.Errorf("backlog %+v, connections %+v", f.Backlog, f.Connections)
	}
	if f.Filter == nil || !slices.ContainsFunc(f.Filter.Chains, func(c *filter.Chain) bool { return c.Name == "fw_input" }) {
		t.Errorf("filter: %s", f.FilterError)
	}
	l := Judge(Input{Facts: *f, Deaf: "not listened"})
	want := []string{"filter.router-solicitation@warning", "filter.listener-query@warning", "filter.packet-too-big@warning"}
	if got := found(l); !slices.Equal(got, want) {
		t.Errorf("found %v", got)
	}
}

// TestAdvice applies what is advised against CloudStack's chain, and wants nothing found then.
func TestAdvice(t *testing.T) {
	program(t, "nft")
	n := router(t)
	must(t, n.Firewall(context.Background(), lab.CloudStackFirewall))
	o := Options{Radvd: filepath.Join(files(t, map[string]string{"radvd.conf": radvdConf}), "radvd.conf")}
	l := Judge(Input{Facts: *read(t, n, o)})
	if got := found(l); len(got) != 4 { // radvd does not run
		t.Fatalf("found %v", got)
	}
	for _, f := range l.Findings()[1:] {
		command := strings.Trim(f.Fix, "`")
		if _, err := n.Output(context.Background(), "sh", "-c", command); err != nil {
			t.Errorf("%s: %v", command, err)
		}
	}
	if got := found(Judge(Input{Facts: *read(t, n, o)})); !slices.Equal(got, []string{"vr.radvd-down@error"}) {
		t.Errorf("found %v", got)
	}
}

// TestReadBroken reads routers of which something is missing.
func TestReadBroken(t *testing.T) {
	n := router(t)
	must(t, n.SetMTU("eth0", 1200))
	root := files(t, map[string]string{"radvd.conf": "interface eth0 {\n\tAdvSendAdvert;\n};\n"})
	var f *Facts
	must(t, n.Do(func() (err error) {
		f, err = Read(Options{Root: root, Type: Isolated, Radvd: filepath.Join(root, "radvd.conf")})
		return err
	}))
	must(t, f.Choose(nil, nil))
	if i := f.iface("eth0"); i.Conf != nil || i.MTU != 1200 || len(i.Addresses) != 0 {
		t.Errorf("eth0: %+v", i)
	}
	if !strings.HasSuffix(strings.SplitN(f.Radvd.Problem, ": ", 2)[0], "radvd.conf:2:15") {
		t.Errorf("radvd.conf: %q", f.Radvd.Problem)
	}
	bare := namespace(t)
	must(t, lab.Veth(lab.End{NS: bare, Name: "eth0"}, lab.End{NS: n, Name: "x0"}))
	f = read(t, bare, Options{Type: Isolated})
	if f.World != nil || !strings.Contains(f.NoWorld, "no way to addresses of the world") || !slices.Equal(f.Guests, []string{"eth0"}) {
		t.Errorf("guests on %v; %+v; %s", f.Guests, f.World, f.NoWorld)
	}
}
