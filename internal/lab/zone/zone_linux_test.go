package zone

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// up builds a scenario's network, which goes with the test. Without root, and without what the scenario needs of the
// kernel, the test is skipped.
func up(t *testing.T, s *Scenario) (*Zone, context.Context) {
	t.Helper()
	if err := s.Missing(); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	z, err := Up(ctx, s)
	if errors.Is(err, unix.EPERM) && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip("needs root:", err)
	}
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

// named returns one of the scenarios.
func named(t *testing.T, name string) *Scenario {
	t.Helper()
	all, err := Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(s *Scenario) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("there is no scenario %s", name)
	}
	return all[i]
}

func TestUpEndsWithItsContext(t *testing.T) {
	s := named(t, "clean-1450")
	up(t, s) // or skip
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	z, err := Up(ctx, s)
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "clean-1450: ") || z != nil {
		t.Errorf("zone %v, error %v", z, err)
	}
}

// TestWords shows what false messages say, and of what.
func TestWords(t *testing.T) {
	tests := []struct {
		scenario string
		mtu      uint32
		quoted   bool // the packet that was sent, as it was
	}{
		{"ptb", 1400, true},
		{"lying-ptb-low", 1300, true},
		{"lying-ptb-high", 1480, true},
		{"lying-ptb-not-shrinking", 1480, true},
		{"ptb-1200", 1200, true},
		{"forged-ptb", 1300, false},
	}
	for _, c := range tests {
		t.Run(c.scenario, func(t *testing.T) {
			t.Parallel()
			z, ctx := up(t, named(t, c.scenario))
			l, err := z.Guest.Listen("eth0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			w := z.there(7)
			sent := (&counter{way: w}).frame(1450, 0)
			if err := z.Guest.Inject("eth0", sent); err != nil {
				t.Fatal(err)
			}
			_, err = l.Await(ctx, func(f []byte) bool {
				if !lab.ICMPv6Type(2)(f) {
					return false
				}
				if got := binary.BigEndian.Uint32(f[headers+4:]); got != c.mtu {
					t.Errorf("the Packet Too Big says %d, want %d", got, c.mtu)
				}
				message := craft.Join(f[headers:])
				if from := netip.AddrFrom16([16]byte(f[22:38])).String(); string(craft.ICMPv6(from, guestAddress, message)) !=
					string(message) {
					t.Error("its checksum is wrong")
				}
				quoted := f[headers+8:]
				want := craft.Join(sent[14:][:len(quoted)])
				want[7]-- // the VR passed it on
				if (string(quoted) == string(want)) != c.quoted {
					t.Errorf("it quotes % x, sent was % x", quoted[:60], want[:60])
				}
				return true
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestStaleCache shows that the guest's kernel believes in the old path MTU.
func TestStaleCache(t *testing.T) {
	z, ctx := up(t, named(t, "stale-cache"))
	out, err := z.Guest.Output(ctx, "ip", "-6", "route", "get", serverAddress)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, " mtu 1400 ") {
		t.Errorf("ip says %q, not mtu 1400", out)
	}
}

// TestAnswers shows who answers what, and who does not when told not to.
func TestAnswers(t *testing.T) {
	const all = "echo hop-1 hop-2 hop-3 udp"
	for name, want := range map[string]string{
		"clean-1450":       all,
		"filtered-at-r1":   all,
		"no-echo":          "hop-1 hop-2 hop-3 udp",
		"no-udp":           "echo hop-1 hop-2 hop-3",
		"no-time-exceeded": "echo udp",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			z, ctx := up(t, named(t, name))
			var heard answers
			station, err := z.Guest.OpenStation("eth0", heard.hear)
			if err != nil {
				t.Fatal(err)
			}
			send := func(hopLimit, next byte, payload []byte) {
				ip := craft.IPv6(guestAddress, serverAddress, hopLimit, next, payload)
				station.Send(craft.Ethernet(craft.MAC(craft.RouterMAC), craft.MAC(craft.GuestMAC), nil, unix.ETH_P_IPV6, ip))
			}
			echo := craft.ICMPv6(guestAddress, serverAddress, craft.Echo(8))
			send(64, 58, echo)
			send(64, 17, craft.UDP6(guestAddress, serverAddress, 40000, 33434, nil))
			for hop := range byte(3) {
				send(hop+1, 58, echo)
			}
			// When a packet sent after these has arrived, and one back after that, so have the answers.
			if _, err := z.Arrivals(ctx, minMTU, minMTU); err != nil {
				t.Fatal(err)
			}
			if _, err := z.ReturnArrivals(ctx, minMTU, minMTU); err != nil {
				t.Fatal(err)
			}
			if err := station.Close(); err != nil {
				t.Error(err)
			}
			slices.Sort(heard.all)
			if got := strings.Join(heard.all, " "); got != want {
				t.Errorf("answers: %s, want %s", got, want)
			}
		})
	}
}

// answers are those that came in, until the station is closed.
type answers struct{ all []string }

func (a *answers) hear(frame []byte) [][]byte {
	if len(frame) < headers+8 || frame[20] != 58 {
		return nil
	}
	from := netip.AddrFrom16([16]byte(frame[22:38])).String()
	hops := map[string]string{vrAddress: "hop-1", r1Address: "hop-2", r2Address: "hop-3"}
	switch frame[headers] {
	case 129:
		a.all = append(a.all, "echo")
	case 1:
		a.all = append(a.all, "udp")
	case 3:
		a.all = append(a.all, hops[from])
	}
	return nil
}
