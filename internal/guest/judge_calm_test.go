package guest

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/host"
	"v6probe/internal/rule"
	"v6probe/internal/slaac"
)

// calm has hosts that are as they should be. What is told of them are notes.
var calm = []struct {
	name   string
	change func(*Input)
	notes  []string
}{
	{"a guest", func(*Input) {}, nil},
	{"as expected", func(in *Input) { in.Expect = expectation(ownGlobal) }, nil},
	{"of which any address is expected", func(in *Input) { in.Expect = expectation() }, nil},
	{"set up by hand, and nobody advertises", all(quiet, byHand), nil},
	{"set up by hand, ignoring advertisements", all(byHand, func(in *Input) { in.Facts.Settings.AcceptRA, in.Facts.Settings.Autoconf = 0, 0 }), nil},
	{"set up by hand, on a link without a prefix", all(noPrefix, byHand), []string{"ra.no-address-source (info)"}},
	{"DHCPv6 gave the address", func(in *Input) {
		in.State.Addresses, in.State.Managed = nil, true
		in.Probes.DHCPv6 = &DHCPv6{Asked: 1, Servers: []Server{{Address: at(router)}}}
		in.Facts.Settings.Autoconf = 0
		in.Facts.Addresses[1] = Address{Prefix: netip.MustParsePrefix("fd17:625c:f037:2::1234/128"), Valid: 3600e9, Preferred: 1800e9}
	}, nil},
	{"NetworkManager takes advertisements", managed("NetworkManager"), []string{"guest.ra-client (info)"}},
	{"dhcpcd, which is not known to have the interface", func(in *Input) {
		managed("dhcpcd")(in)
		in.Facts.Managers[0].Manages = false
	}, []string{"guest.ra-client (info)"}},
	{"a laptop: stable addresses and temporary ones", func(in *Input) {
		managed("NetworkManager")(in)
		in.Facts.Settings.AddrGenMode, in.Facts.Settings.UseTempaddr = 3, 2
		in.Facts.Addresses[1].Prefix, in.Facts.Addresses[1].StablePrivacy = netip.MustParsePrefix("fd17:625c:f037:2:1234:5678:9abc:def0/64"), true
		in.Facts.Addresses = append(in.Facts.Addresses, Address{Prefix: netip.MustParsePrefix("fd17:625c:f037:2:aaaa:5678:9abc:1/64"), Valid: 600e9,
			Preferred: 300e9, Temporary: true})
	}, []string{"guest.ra-client (info)", "guest.not-eui64 (info)"}},
	{"temporary addresses beside the one of the MAC", func(in *Input) {
		in.Facts.Settings.UseTempaddr = 2
		in.Facts.Addresses = append(in.Facts.Addresses, Address{Prefix: netip.MustParsePrefix("fd17:625c:f037:2:aaaa:5678:9abc:1/64"), Valid: 600e9,
			Preferred: 300e9, Temporary: true, Origin: "kernel_ra"})
	}, []string{"guest.not-eui64 (info)"}},
	{"two routers", func(in *Input) {
		other := in.Facts.Routes[0]
		other.Gateway = at("fe80::2")
		in.Facts.Routes = append(in.Facts.Routes, other)
		in.State.Routers = append(in.State.Routers, slaac.Router{Address: other.Gateway, Left: 45e9, WasDefault: true, Count: 1})
		in.Probes.Gateways = append(in.Probes.Gateways, Gateway{Address: other.Gateway, Status: Answered, Group: Answered})
	}, nil},
	{"two prefixes, one deprecated", func(in *Input) {
		a := slaac.Address{Address: at("2001:db8:9:0:1:ff:fecb:1"), Prefix: netip.MustParsePrefix("2001:db8:9::/64"), Valid: 600e9, State: slaac.Deprecated}
		in.State.Addresses = append(in.State.Addresses, a)
		in.Facts.Addresses = append(in.Facts.Addresses, Address{Prefix: netip.MustParsePrefix("2001:db8:9:0:1:ff:fecb:1/64"), Valid: 600e9,
			Deprecated: true, Origin: "kernel_ra"})
	}, nil},
	{"optimistic", func(in *Input) { in.Facts.Addresses[1].Tentative, in.Facts.Addresses[1].Optimistic = true, true }, nil},
	{"still testing", all(func(in *Input) { in.Facts.Addresses[1].Tentative = true }, unasked), nil},
	{"without a default router, but routes", func(in *Input) {
		in.State.Routers = []slaac.Router{{Address: at(router), Count: 1}}
		in.State.Routes = []slaac.Route{{Prefix: netip.MustParsePrefix("2001:db8:9::/48"), Router: at(router), Left: 60e9}}
		noWay(in)
		unasked(in)
	}, nil},
	{"questions that took long", func(in *Input) {
		in.Later, in.Facts.Routes[0].Expires, in.Facts.Addresses[1].Valid = 30e9, 14e9, 86369e9
	}, nil},
	{"a route for certain sources, and none for others", func(in *Input) {
		in.Facts.Routes[0].From = netip.MustParsePrefix(ownPrefix)
		in.Facts.World, in.Facts.NoWorld, in.Facts.Refused = nil, "2000::1: a route of this host says unreachable", "unreachable"
	}, nil},
	{"a static default route, and accept_ra_defrtr=0", func(in *Input) {
		in.Facts.Settings.AcceptRADefrtr = 0
		in.Facts.Routes[0].Protocol, in.Facts.Routes[0].FromRA, in.Facts.Routes[0].Expires = "static", false, Forever
	}, nil},
	{"forwarding with accept_ra=2", func(in *Input) {
		in.Facts.Settings.Forwarding, in.Facts.Settings.AcceptRA = 1, 2
	}, nil},
	{"the loopback", all(quiet, func(in *Input) {
		in.Facts.Interface = Interface{Name: "lo", Index: 1, Up: true, Carrier: true, Running: true, Loopback: true, MTU: 65536}
		in.Facts.Addresses = []Address{{Prefix: netip.MustParsePrefix("::1/128"), Permanent: true}}
		in.Heard, in.Probes, in.Path, in.Target = Heard{}, Probes{}, nil, ""
	}), nil},
	{"WireGuard", all(quiet, byHand, func(in *Input) {
		in.Facts.Interface = Interface{Name: "wg0", Index: 2, Up: true, Carrier: true, Running: true, NoARP: true, MTU: 1420, Kind: "wireguard"}
		in.Facts.Addresses = in.Facts.Addresses[1:]
		in.Facts.Routes[0].Gateway = netip.Addr{}
		in.Probes.Gateways, in.Heard.Solicitations = nil, 0
	}), nil},
	{"a tunnel beside the way out", all(quiet, func(in *Input) {
		in.Facts.Interface = Interface{Name: "tun0", Index: 3, Up: true, Carrier: true, Running: true, NoARP: true, MTU: 1420, Kind: "tun"}
		in.Facts.Addresses = []Address{{Prefix: netip.MustParsePrefix("fd00::2/64"), Permanent: true}}
		in.Probes.Gateways, in.Heard.Solicitations, in.Probes.DNS = nil, 0, nil
	}), nil},
	{"Docker's bridge without containers", all(bare, quiet, dockerBridge, func(in *Input) {
		in.Facts.Interface.Carrier, in.Facts.Interface.Running = false, false
	}), nil},
	{"Docker's bridge", all(bare, quiet, dockerBridge), nil},
	{"a port of a bridge", all(bare, quiet, func(in *Input) {
		in.Facts.Interface.Master, in.Facts.Interface.MasterKind, in.Facts.Addresses, in.Heard = "br0", "bridge", nil, Heard{}
	}), nil},
	{"a bridge that is no way out", all(bare, quiet, func(in *Input) {
		in.Facts.Interface.Kind, in.Target, in.Heard.Solicitations = "bridge", "", 3
		in.Facts.World = &host.Way{Device: "eth9", Index: 9}
	}), nil},
	{"not asked, and nothing came", func(in *Input) {
		quiet(in)
		in.Heard.Solicitations, in.Heard.Unsolicited = 0, "--passive"
		in.Probes, in.Path, in.Target = Probes{}, nil, ""
	}, nil},
	{"advertisements as often as answers", func(in *Input) { in.Heard.Answered, in.Heard.Solicitations = false, 3 }, nil},
	{"one solicitation lost", func(in *Input) { in.Heard.Answered, in.Heard.Solicitations, in.Heard.Missed = false, 3, 1 }, nil},
	{"duplicates of others", func(in *Input) {
		in.Heard.Findings = []rule.Finding{{Rule: "dad.conflict", Severity: rule.Error, Source: at("fe80::99")}}
	}, nil},
	{"the second router is gone", func(in *Input) {
		in.Probes.Gateways = append(in.Probes.Gateways, Gateway{Address: at("fe80::2"), Status: Silent, Group: Silent, Asked: 5})
	}, []string{"guest.gateway-unreachable (warning)"}},
	{"no permission to ask", func(in *Input) {
		in.Probes = Probes{Failed: []Failure{{Probe: ProbeGateway, Why: "not allowed"}, {Probe: ProbeDNS, Why: "x"}, {Probe: ProbeTarget, Why: "y"}}}
		in.Path = nil
	}, nil},
	{"nothing could be read", func(in *Input) {
		in.Facts.Settings = nil
		for p := PartSettings; p <= PartResolvers; p++ {
			in.Facts.Unread = append(in.Facts.Unread, Unread{p, "permission denied"})
		}
	}, nil},
}

func managed(name string) func(*Input) {
	return func(in *Input) {
		in.Facts.Managers = []Manager{{Name: name, Manages: true, RA: true, Evidence: "seen"}}
		in.Facts.Settings.AcceptRA, in.Facts.Settings.Autoconf = 0, 0
		in.Facts.Addresses[1].Origin, in.Facts.Addresses[1].NoPrefixRoute = "", true
	}
}

func dockerBridge(in *Input) {
	in.Facts.Interface.Name, in.Facts.Interface.Kind = "docker0", "bridge"
	in.Facts.Settings.Forwarding = 1
	in.Heard.Solicitations, in.Heard.Unsolicited, in.Target = 0, "this machine is a router on docker0 (forwarding)", ""
}

// TestCalm: no warning and no error where nothing is wrong.
func TestCalm(t *testing.T) {
	for _, tt := range calm {
		t.Run(tt.name, func(t *testing.T) {
			in := healthyGuest()
			tt.change(&in)
			l := Judge(in)
			if got := tellings(l); !slices.Equal(got, tt.notes) {
				t.Errorf("told %v, want %v\n%s", got, tt.notes, shown(l))
			}
			if l.Healthy == "" || !strings.HasSuffix(l.Healthy, ".") {
				t.Errorf("%q is no sentence", l.Healthy)
			}
			inOrder(t, l)
		})
	}
}

// TestCutShort: who listened for less than an answer may take does not know that nobody advertises.
func TestCutShort(t *testing.T) {
	for listened, absent := range map[time.Duration]bool{500 * time.Millisecond: false, 20 * time.Second: true} {
		in := healthyGuest()
		bare(&in)
		quiet(&in)
		in.Heard.Listened = listened
		l := Judge(in)
		f, ok := l.First()
		if ok != absent || absent && f.Rule != "ra.absent" {
			t.Errorf("after %v: %v, %v", listened, f.Rule, ok)
		}
	}
}
