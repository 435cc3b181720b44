package expect

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/icmp6"
	"v6probe/internal/lab"
)

// radvdLink is a router with the interface vr0, and a guest behind it that listens.
type radvdLink struct {
	router   *lab.Namespace
	listener *lab.Listener
}

func newRadvdLink(t *testing.T) *radvdLink {
	t.Helper()
	needsRadvd(t)
	guest, err := lab.New()
	if errors.Is(err, syscall.EPERM) && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip("needs root: ", err)
	}
	checkRadvd(t, err)
	t.Cleanup(func() { guest.Close() })
	router, err := lab.New()
	checkRadvd(t, err)
	t.Cleanup(func() { router.Close() })
	checkRadvd(t, guest.SkipDAD(), router.SkipDAD(), router.Sysctl("ipv6/conf/all/forwarding", "1"),
		guest.Sysctl("ipv6/conf/default/router_solicitations", "0"),
		lab.Veth(lab.End{NS: guest, Name: "eth0", MAC: craft.GuestMAC}, lab.End{NS: router, Name: "vr0", MAC: craft.RouterMAC}))
	_, err = router.WaitLinkLocal(radvdDeadline(t), "vr0")
	checkRadvd(t, err)
	l, err := guest.Listen("eth0")
	checkRadvd(t, err)
	t.Cleanup(func() { l.Close() })
	return &radvdLink{router, l}
}

func checkRadvd(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func radvdDeadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// advertisement runs radvd and returns its first advertisement, and where from.
func (l *radvdLink) advertisement(t *testing.T, config string) *icmp6.Message {
	t.Helper()
	r, err := l.router.Radvd(config)
	checkRadvd(t, err)
	m := &icmp6.Message{}
	ra := lab.ICMPv6Type(byte(icmp6.TypeRouterAdvertisement))
	_, err = l.listener.Await(radvdDeadline(t), func(f []byte) bool {
		if !ra(f) {
			return false
		}
		size := int(f[18])<<8 | int(f[19])
		m.Decode(append([]byte(nil), f[54:54+size]...))
		return true
	})
	checkRadvd(t, err, r.Kill())
	return m
}

// TestRadvdSends holds what a file is read as against what the real radvd sends for it, field by field.
func TestRadvdSends(t *testing.T) {
	files, err := filepath.Glob("testdata/radvd/*.conf")
	checkRadvd(t, err)
	l := newRadvdLink(t)
	for _, file := range files {
		config, err := os.ReadFile(file)
		checkRadvd(t, err)
		l.compare(t, filepath.Base(file), string(config))
	}
}

// TestRadvdSendsRandom does so with files that nobody thought of.
func TestRadvdSendsRandom(t *testing.T) {
	l := newRadvdLink(t)
	g := newRadvdGenerator(2)
	for n := 0; n < 40; {
		config := g.file(true)
		if _, err := parseRadvd(Source{Data: []byte(config)}); err != nil {
			if l.sets(t, config) {
				t.Fatalf("error %v, and radvd sets the interface up by:\n%s", err, config)
			}
			continue
		}
		l.compare(t, fmt.Sprint("random ", n), config)
		n++
	}
}

func (l *radvdLink) compare(t *testing.T, name, config string) {
	t.Helper()
	s, err := parseRadvd(Source{Name: name, Data: []byte(config)})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	m := l.advertisement(t, config)
	for _, d := range radvdDifferences(s.Links[0].Says, m) {
		t.Errorf("%s: %s", name, d)
	}
	if t.Failed() {
		t.Fatalf("%s is:\n%s", name, config)
	}
}

// sets reports whether radvd sets vr0 up by a file.
func (l *radvdLink) sets(t *testing.T, config string) bool {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "radvd.conf")
	checkRadvd(t, os.WriteFile(file, []byte(config), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "radvd", "--nodaemon", "--logmethod", "stderr", "--debug", "5",
		"--config", file, "--pidfile", filepath.Join(dir, "pid"))
	log, err := cmd.StderrPipe()
	checkRadvd(t, err, l.router.Start(cmd))
	var lines []string
	ready, refused := false, false
	for s := bufio.NewScanner(log); !ready && !refused && s.Scan(); {
		lines = append(lines, s.Text())
		ready = strings.Contains(s.Text(), "vr0 is ready")
		refused = strings.Contains(s.Text(), "failed to read config file")
		for _, name := range []string{"RtrAdvInterval for", "MinDelayBetweenRAs for", "AdvLinkMTU for", "AdvReachableTime for",
			"AdvDefaultLifetime for", "HomeAgentLifetime for", "AdvHomeAgentFlag for", "AdvHomeAgentInfo for"} {
			refused = refused || strings.Contains(s.Text(), name) && strings.Contains(s.Text(), " must ")
		}
	}
	cancel()
	cmd.Wait()
	if !ready && !refused {
		t.Fatalf("radvd neither sets vr0 up nor refuses to:\n%s\nits file:\n%s", strings.Join(lines, "\n"), config)
	}
	return ready
}

// TestRadvdSetsUp holds the limits of values against those of the real radvd, which looks at them when it sets the
// interface up.
func TestRadvdSetsUp(t *testing.T) {
	l := newRadvdLink(t)
	for _, options := range []string{
		"MaxRtrAdvInterval 4; MinRtrAdvInterval 3;", "MaxRtrAdvInterval 4;", "MaxRtrAdvInterval 3.99; MinRtrAdvInterval 3;",
		"MaxRtrAdvInterval 9;", "MaxRtrAdvInterval 9.1;", "MaxRtrAdvInterval 1800;", "MaxRtrAdvInterval 1800.5;",
		"MinRtrAdvInterval 450;", "MinRtrAdvInterval 450.1;", "MinRtrAdvInterval 3;", "MinRtrAdvInterval 2.9;",
		"MaxRtrAdvInterval 4294967295;", "MaxRtrAdvInterval 10; MinRtrAdvInterval 8;",
		"MinDelayBetweenRAs 3;", "MinDelayBetweenRAs 2.9;", "MinDelayBetweenRAs 0.5; AdvIntervalOpt on;",
		"MinDelayBetweenRAs 0.02; AdvIntervalOpt on;",
		"AdvHomeAgentFlag on; MaxRtrAdvInterval 0.07; MinRtrAdvInterval 0.03;",
		"AdvHomeAgentFlag on; MaxRtrAdvInterval 0.06; MinRtrAdvInterval 0.03;",
		"AdvHomeAgentFlag on; MaxRtrAdvInterval 0.07;", "AdvHomeAgentFlag on; MaxRtrAdvInterval 1;",
		"prefix 2001:db8::/64 { AdvRouterAddr on; }; MaxRtrAdvInterval 1;",
		"prefix ::/64 { AdvRouterAddr on; }; MaxRtrAdvInterval 1;",
		"AdvLinkMTU 1280;", "AdvLinkMTU 1279;", "AdvLinkMTU 0;", "AdvReachableTime 3600000;", "AdvReachableTime 3600001;",
		"AdvRetransTimer 4294967295;", "AdvDefaultLifetime 0;", "AdvDefaultLifetime 9000;", "AdvDefaultLifetime 9001;",
		"AdvDefaultLifetime 600;", "AdvDefaultLifetime 599;", "AdvDefaultLifetime 2147483648;",
		"AdvDefaultLifetime 4294967295;",
		"AdvHomeAgentInfo on;", "AdvHomeAgentInfo on; AdvHomeAgentFlag on;",
		"AdvHomeAgentInfo on; AdvHomeAgentFlag on; HomeAgentLifetime 0;",
		"AdvHomeAgentInfo on; AdvHomeAgentFlag on; HomeAgentLifetime 65520;",
		"AdvHomeAgentInfo on; AdvHomeAgentFlag on; HomeAgentLifetime 65521;",
		"AdvHomeAgentInfo on; AdvHomeAgentFlag on; AdvDefaultLifetime 0;", "HomeAgentLifetime 65521;",
		"AdvMobRtrSupportFlag on;",
		"AdvHomeAgentInfo on; AdvHomeAgentFlag on; HomeAgentLifetime 4294967295;",
		"AdvCurHopLimit 0;", "AdvCurHopLimit 4294967295;",
		"AdvHomeAgentInfo on; AdvHomeAgentFlag on; AdvMobRtrSupportFlag on;",
	} {
		config := "interface vr0 { AdvSendAdvert on; " + options + " };\n"
		_, err := parseRadvd(Source{Data: []byte(config)})
		if want := l.sets(t, config); want != (err == nil) {
			t.Errorf("%s: error %v, and radvd sets the interface up: %v", options, err, want)
		}
	}
}
