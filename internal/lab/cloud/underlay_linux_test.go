package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"v6probe/internal/lab"
)

// TestLateUnderlay has both hypervisors miss the first question for their address. The kernel asks again after a second, and
// keeps for so long what it could not send: an advertisement of a radvd that has been stopped must not come out of there when
// guests have been started.
func TestLateUnderlay(t *testing.T) {
	mayRun(t)
	all, err := Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	down := all[slices.IndexFunc(all, func(s *Scenario) bool { return s.Name == "radvd-down" })]
	for _, test := range []struct {
		family          int
		table, question string
	}{
		{4, "arp", "arp operation request"},
		{6, "ip6", "icmpv6 type nd-neighbor-solicit"},
	} {
		t.Run(fmt.Sprintf("IPv%d", test.family), func(t *testing.T) {
			t.Parallel()
			o := Options{Underlay: test.family, Interval: 4 * time.Second, Fault: []*Scenario{down}}
			z, ctx := late(t, o, fmt.Sprintf(`table %s late {
	chain input {
		type filter hook input priority 0;
		%s limit rate 1/day burst 1 packets drop
	}
}`, test.table, test.question))
			ctx, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
			defer cancel()
			got, err := z.spaces["guest3"].WaitAddress(ctx, "eth0", func(a netip.Addr) bool { return !a.IsLinkLocalUnicast() })
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("guest3 has %v without a radvd: %v", got, err)
			}
		})
	}
}

// late builds a zone whose hypervisors have that filter before they know each other.
func late(t *testing.T, o Options, filter string) (*Zone, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	z := &Zone{options: o, spaces: map[string]*lab.Namespace{}, network: map[string]string{}, dir: t.TempDir()}
	t.Cleanup(func() {
		if err := z.Close(); err != nil {
			t.Error("close:", err)
		}
	})
	if err := z.plan(); err != nil {
		t.Fatal(err)
	}
	lose := func(ctx context.Context) (err error) {
		for _, host := range []string{"kvm1", "kvm2"} {
			err = errors.Join(err, feed(ctx, z.spaces[host], filter, "nft", "-f", "-"))
		}
		return err
	}
	for _, step := range []func(context.Context) error{z.links, lose, z.overlay, z.routers, z.firstFaults, z.bootAll} {
		if err := step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return z, ctx
}
