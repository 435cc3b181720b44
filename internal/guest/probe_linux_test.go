package guest

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/lab"
)

// inside runs a probe in a namespace with the facts of its eth0.
func inside(t *testing.T, n *lab.Namespace, probe func(ctx context.Context, f *Facts) error) {
	t.Helper()
	ctx := within(t, 30*time.Second)
	check(t, n.Do(func() error {
		f, err := Read("eth0")
		if err != nil {
			return err
		}
		return probe(ctx, f)
	}))
}

func askGateway(t *testing.T, n *lab.Namespace, gateway string) Gateway {
	t.Helper()
	var g Gateway
	inside(t, n, func(ctx context.Context, f *Facts) (err error) {
		g, err = AskGateway(ctx, f, addr(gateway))
		return err
	})
	return g
}

func TestGatewayAnswers(t *testing.T) {
	needs(t)
	t.Parallel()
	guest, _ := pair(t)
	for _, gateway := range []string{routerLL, routerAddress} {
		g := askGateway(t, guest, gateway)
		if g.Status != Answered || g.Group != Answered || g.Unicast != NotAsked || g.MAC.String() != routerMAC || g.Asked != 1 ||
			g.Time <= 0 || g.Address != addr(gateway) {
			t.Errorf("%s: %+v", gateway, g)
		}
	}
	g := askGateway(t, guest, "fe80::dead")
	if g.Status != Silent || g.Group != Silent || g.Unicast != NotAsked || g.Asked != 5 {
		t.Errorf("nobody: %+v", g)
	}
}

// A gateway that the group does not reach, as behind a bridge that snoops, answers what goes to it alone.
func TestGatewayUnicast(t *testing.T) {
	needs(t, "ip", "nft")
	t.Parallel()
	guest, router := pair(t)
	run(t, guest, "ip -6 neigh add "+routerLL+" lladdr "+routerMAC+" dev eth0 nud permanent")
	nft(t, router, `table ip6 f { chain in { type filter hook input priority 0; ip6 daddr ff02::1:ff00:0/104 drop; }; }`)
	g := askGateway(t, guest, routerLL)
	if g.Status != Answered || g.Group != Silent || g.Unicast != Answered || g.MAC.String() != routerMAC || g.Asked != 2 ||
		g.Before != "permanent" {
		t.Errorf("%+v", g)
	}
}

// What the guest's own filter drops is not heard, as its kernel does not hear it.
func TestGatewayFiltered(t *testing.T) {
	needs(t, "nft")
	t.Parallel()
	guest, _ := pair(t)
	nft(t, guest, `table ip6 f { chain in { type filter hook input priority 0; icmpv6 type nd-neighbor-advert drop; }; }`)
	if g := askGateway(t, guest, routerLL); g.Status != Silent {
		t.Errorf("input: %+v", g)
	}
	nft(t, guest, `table ip6 f { chain out { type filter hook output priority 0; icmpv6 type nd-neighbor-solicit drop; }; }`)
	if g := askGateway(t, guest, routerLL); g.Status != Refused || g.Why == "" || g.Asked != 0 {
		t.Errorf("output: %+v", g)
	}
}

// The end of the context ends a probe, and what it had heard by then is not called silence.
func TestProbeInterrupted(t *testing.T) {
	needs(t)
	t.Parallel()
	guest, router := pair(t)
	l, err := router.Listen("eth0")
	check(t, err)
	defer l.Close()
	ctx, cancel := context.WithCancel(within(t, 20*time.Second))
	heard := make(chan error, 1)
	go func() {
		_, err := l.Await(ctx, func(f []byte) bool { // for fe80::dead
			return lab.ICMPv6Type(135)(f) && len(f) >= 78 && f[76] == 0xde && f[77] == 0xad
		})
		cancel()
		heard <- err
	}()
	inside(t, guest, func(_ context.Context, f *Facts) error {
		if g, err := AskGateway(ctx, f, addr("fe80::dead")); !errors.Is(err, context.Canceled) || g.Status == Silent || g.Asked != 1 {
			t.Errorf("%+v, %v", g, err)
		}
		if d, err := Solicit(ctx, f, false); !errors.Is(err, context.Canceled) || d.Asked != 1 {
			t.Errorf("%+v, %v", d, err)
		}
		return nil
	})
	check(t, <-heard)
}

// late is a context that ends just after it was asked for the first time, when it was armed, whether it had.
type late struct {
	context.Context
	cancel func()
	armed  bool
}

func (c *late) Err() error {
	if c.armed {
		c.armed = false
		c.cancel()
		return nil
	}
	return c.Context.Err()
}

// The end of the context wakes what waits.
func TestReceiveWakes(t *testing.T) {
	ctx := new(late)
	ctx.Context, ctx.cancel = context.WithCancel(t.Context())
	s, err := openSocket(ctx, unix.SOCK_DGRAM, unix.IPPROTO_UDP)
	check(t, err)
	ctx.armed = true
	woke := make(chan error, 1)
	go func() {
		_, _, err := s.receive(time.Now().Add(time.Hour))
		woke <- err
		s.close()
	}()
	select {
	case err := <-woke:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-within(t, 10*time.Second).Done():
		t.Error("still waiting")
	}
}

// TestUnprivileged runs itself as nobody: without the capability the error says what helps.
func TestUnprivileged(t *testing.T) {
	if os.Getenv("V6PROBE_TEST_NOBODY") == "1" {
		f := &Facts{Interface: Interface{Name: "lo", Index: 1, MAC: [6]byte{2}},
			Addresses: []Address{{Prefix: netip.MustParsePrefix("fe80::1/64"), Valid: Forever, Preferred: Forever}}}
		for name, ask := range map[string]func() error{
			"gateway": func() error { _, err := AskGateway(t.Context(), f, addr("fe80::2")); return err },
			"DHCPv6":  func() error { _, err := Solicit(t.Context(), f, false); return err },
			"target":  func() error { _, err := Reach(t.Context(), f, addr("::1"), netip.Addr{}); return err },
		} {
			var permission *PermissionError
			if err := ask(); !errors.As(err, &permission) || !strings.Contains(Fail(ProbeTarget, err).Hint, "setcap cap_net_raw+ep") {
				t.Errorf("%s: %v", name, err)
			}
		}
		return
	}
	needs(t, "setpriv")
	cmd := exec.Command("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--reuid=65534", "--clear-groups",
		"/proc/self/fd/3", "-test.run=^TestUnprivileged$")
	self, err := os.Open("/proc/self/exe")
	check(t, err)
	defer self.Close()
	cmd.ExtraFiles = []*os.File{self}
	cmd.Env = append(os.Environ(), "V6PROBE_TEST_NOBODY=1")
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
