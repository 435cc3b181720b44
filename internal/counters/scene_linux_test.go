package counters

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
	"v6probe/internal/tool"
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

// need skips the test where a program is not installed.
func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, name := range tools {
		if _, err := tool.Find(name); err != nil && os.Getenv("V6PROBE_CI") != "1" {
			t.Skip(err)
		}
	}
}

// deadline is for what takes milliseconds on a good day.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// shell runs lines inside the namespace.
func shell(t *testing.T, n *lab.Namespace, script string) string {
	t.Helper()
	cmd := exec.CommandContext(deadline(t), "sh", "-ec", "PATH=$PATH:/usr/sbin:/sbin\n"+script)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := n.Run(cmd); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return out.String()
}

// take takes a sample inside the namespace.
func take(t *testing.T, n *lab.Namespace, o Options) *Sample {
	t.Helper()
	var s *Sample
	check(t, n.Do(func() error {
		var err error
		s, err = Take(deadline(t), o)
		return err
	}))
	return s
}

// await takes samples until what moved since before has something for which ok.
func await(t *testing.T, n *lab.Namespace, before *Sample, o Options, ok func(Moved) bool) (Moved, []Moved) {
	t.Helper()
	ctx := deadline(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		all := Compare(before, take(t, n, o))
		if i := slices.IndexFunc(all, ok); i >= 0 {
			return all[i], all
		}
		select {
		case <-ctx.Done():
			t.Fatalf("never came; what moved: %+v", all)
		case <-tick.C:
		}
	}
}

// pair returns a guest and a router joined by eth0 and vr0, when both have their link-local addresses.
func pair(t *testing.T) (guest, router *lab.Namespace) {
	t.Helper()
	guest, router = namespace(t), namespace(t)
	check(t, guest.SkipDAD(), router.SkipDAD(), router.Sysctl("ipv6/conf/all/forwarding", "1"),
		lab.Veth(lab.End{NS: guest, Name: "eth0", MAC: craft.GuestMAC}, lab.End{NS: router, Name: "vr0", MAC: craft.RouterMAC}))
	for n, name := range map[*lab.Namespace]string{guest: "eth0", router: "vr0"} {
		_, err := n.WaitLinkLocal(deadline(t), name)
		check(t, err)
	}
	return guest, router
}

// send sends a message of ICMPv6 n times.
func send(t *testing.T, ns *lab.Namespace, iface string, n int, frame []byte) {
	t.Helper()
	for range n {
		check(t, ns.Inject(iface, frame))
	}
}

func rs() []byte { return craft.Frame(craft.GuestMAC, craft.GuestLL, craft.AllRouters, craft.RS()) }

func ra() []byte {
	return craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.CloudStackRA().Message(craft.CloudStackOptions()...))
}

// source returns a source of a sample by the tool that it was read with.
func source(s *Sample, tool string) Source {
	for _, of := range s.Sources {
		if of.Tool == tool {
			return of
		}
	}
	return Source{}
}

// said reports whether one of a source's statements has the words.
func (s Source) said(words string) bool {
	return slices.ContainsFunc(s.Blind, func(b string) bool { return strings.Contains(b, words) })
}
