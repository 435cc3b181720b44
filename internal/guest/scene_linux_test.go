package guest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"v6probe/internal/lab"
)

// needs skips a test that needs network namespaces and programs; where nothing may be skipped it fails.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	n, err := lab.New()
	if err == nil {
		n.Close()
	}
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

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

const (
	guestMAC, routerMAC = "02:01:00:cb:00:01", "02:01:00:cb:00:fe"
	guestLL             = "fe80::1:ff:fecb:1"
	guestAddress        = "fd17:625c:f037:2:1:ff:fecb:1"
	routerAddress       = "fd17:625c:f037:2::1"
)

// newHost returns a namespace whose addresses are of use at once.
func newHost(t *testing.T) *lab.Namespace {
	t.Helper()
	n, err := lab.New()
	check(t, err)
	t.Cleanup(func() { n.Close() })
	check(t, n.SkipDAD())
	return n
}

// pair returns a guest and its router, joined by eth0 and eth0, when packets pass.
func pair(t *testing.T) (guest, router *lab.Namespace) {
	t.Helper()
	guest, router = newHost(t), newHost(t)
	check(t, router.Sysctl("ipv6/conf/all/forwarding", "1"),
		lab.Veth(lab.End{NS: guest, Name: "eth0", MAC: guestMAC}, lab.End{NS: router, Name: "eth0", MAC: routerMAC}),
		router.AddAddress("eth0", routerAddress+"/64"))
	for _, n := range []*lab.Namespace{guest, router} {
		_, err := n.WaitLinkLocal(within(t, 20*time.Second), "eth0")
		check(t, err)
	}
	return guest, router
}

// run runs a program inside a namespace.
func run(t *testing.T, n *lab.Namespace, line string) string {
	t.Helper()
	f := strings.Fields(line)
	out, err := n.Output(within(t, 20*time.Second), f[0], f[1:]...)
	check(t, err)
	return out
}

// nft gives a namespace a ruleset.
func nft(t *testing.T, n *lab.Namespace, rules string) {
	t.Helper()
	_, err := n.Output(within(t, 20*time.Second), "nft", rules)
	check(t, err)
}

// read reads the facts of an interface in a namespace.
func read(t *testing.T, n *lab.Namespace, iface string) *Facts {
	t.Helper()
	var f *Facts
	check(t, n.Do(func() (err error) {
		f, err = Read(iface)
		return err
	}))
	return f
}
