package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLateUnderlay has the hypervisors hear no question for their addresses in the beginning. The kernel asks again each second,
// and keeps meanwhile what it could not send: an advertisement of a radvd that has been stopped must not come out of there when
// guests have been started.
func TestLateUnderlay(t *testing.T) {
	mayRun(t)
	all, err := Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	down := all[slices.IndexFunc(all, func(s *Scenario) bool { return s.Name == "radvd-down" })]
	for family, rule := range map[int]string{4: "arp deaf input arp operation request drop", 6: "ip6 deaf input icmpv6 type nd-neighbor-solicit drop"} {
		t.Run(fmt.Sprintf("IPv%d", family), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			z, heard := deaf(ctx, t, Options{Underlay: family, Interval: 4 * time.Second, Fault: []*Scenario{down}}, rule)
			if err := <-heard; err != nil {
				t.Fatal(err)
			}
			ctx, cancel = context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			got, err := z.spaces["guest3"].WaitAddress(ctx, "eth0", func(a netip.Addr) bool { return !a.IsLinkLocalUnicast() })
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("guest3 has %v without a radvd: %v", got, err)
			}
		})
	}
}

// deafFor is longer than it takes from the routers' first word to the guests'.
const deafFor = 1500 * time.Millisecond

// deaf builds a zone whose hypervisors know nothing of each other when its routers begin to speak, and have a rule for deafFor by
// which that remains so. heard tells when they have it no more.
func deaf(ctx context.Context, t *testing.T, o Options, rule string) (z *Zone, heard <-chan error) {
	t.Helper()
	z = newZone(o)
	t.Cleanup(func() {
		if err := z.Close(); err != nil {
			t.Error("close:", err)
		}
	})
	if err := z.plan(); err != nil {
		t.Fatal(err)
	}
	family, _, _ := strings.Cut(rule, " ")
	both := func(script string) (err error) {
		for _, host := range []string{"kvm1", "kvm2"} {
			err = errors.Join(err, feed(ctx, z.spaces[host], script, "nft", "-f", "-"))
		}
		return err
	}
	ended := make(chan error, 1)
	begin := func(context.Context) error {
		err := both(fmt.Sprintf("table %s deaf { chain input { type filter hook input priority 0; }; }\nadd rule %s", family, rule))
		for _, host := range []string{"kvm1", "kvm2"} {
			_, e := z.spaces[host].Output(ctx, "ip", "neigh", "flush", "dev", "eth0")
			err = errors.Join(err, e)
		}
		time.AfterFunc(deafFor, func() { ended <- both("delete table " + family + " deaf") })
		return err
	}
	if err := z.raise(ctx, slices.Insert(z.steps(), 2, buildStep{"nobody is heard", begin})); err != nil {
		t.Fatal(err)
	}
	return z, ended
}
