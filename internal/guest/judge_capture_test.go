package guest

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/checklist"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
	"v6probe/internal/slaac"
)

// captured is a host in a capture that has all it needs.
func captured() Input {
	in := healthyGuest()
	return Input{State: in.State, Heard: Heard{Advertisements: 3, Routers: in.Heard.Routers}}
}

// TestCapture: of a host in a capture nothing is judged that a capture does not tell.
func TestCapture(t *testing.T) {
	prefix := netip.MustParsePrefix(ownPrefix)
	other := netip.MustParsePrefix("2001:db8:2::/56")
	for _, tt := range []struct {
		name   string
		change func(*Input)
		line   string // of the checklist
		want   []string
	}{
		{"healthy", func(*Input) {}, "ok address " + ownGlobal + ": preferred for 4 h, valid for 24 h", nil},
		{"held", func(in *Input) { in.State.Addresses[0].Held = true }, "ok address " + ownGlobal + ": preferred for 4 h, valid for 24 h; the router cut that", nil},
		{"nobody advertises", func(in *Input) {
			in.State = slaac.State{MAC: macOf(1), LinkLocal: in.State.LinkLocal}
			in.Heard = Heard{Findings: []rule.Finding{{Rule: "ra.absent", Severity: rule.Error, Fix: "look"}}}
		}, "fail advertisement none", []string{"ra.absent"}},
		{"all dropped", func(in *Input) {
			in.State.Dropped, in.State.Addresses, in.State.Routers, in.Heard.Dropping = 1, nil, nil, []rule.ID{"nd.hop-limit"}
			onWire("nd.hop-limit")(in)
		}, "fail advertisement 1 heard, and receivers drop each of them (nd.hop-limit)", []string{"nd.hop-limit"}},
		{"one dropped", func(in *Input) {
			in.State.Advertisements, in.State.Dropped, in.Heard.Dropping = 3, 1, []rule.ID{"nd.hop-limit"}
			onWire("nd.hop-limit")(in)
		}, "fail advertisement 3 heard from " + router + "; receivers drop 1 of them (nd.hop-limit)", []string{"nd.hop-limit"}},
		{"cut", func(in *Input) { in.State.Cut, in.State.Addresses = true, nil }, "unknown address none is known, but the capture cut", nil},
		{"A off", func(in *Input) {
			in.State.Addresses, in.State.Refused = nil, []slaac.Refusal{{Prefix: prefix, Reason: slaac.NotAutonomous}}
			onWire("ra.no-address-source")(in)
		}, "note address none of " + ownPrefix + ": its A flag is off", []string{"ra.no-address-source"}},
		{"A off beside", func(in *Input) {
			in.State.Refused = []slaac.Refusal{{Prefix: netip.MustParsePrefix("2001:db8:2::/64"), Reason: slaac.NotAutonomous}}
		}, "note address none of 2001:db8:2::/64", nil},
		{"no /64", func(in *Input) {
			in.State.Refused = []slaac.Refusal{{Prefix: other, Reason: slaac.NotSixtyFour}}
			onWire("pio.not-64")(in)
		}, "note address none of 2001:db8:2::/56: it is no /64", []string{"pio.not-64"}},
		{"expired", func(in *Input) { in.State.Addresses[0].State = slaac.Expired }, "note address " + ownPrefix + ": its valid lifetime is over", nil},
		{"deprecated", func(in *Input) { in.State.Addresses[0].State = slaac.Deprecated }, "ok address " + ownGlobal + ": deprecated", nil},
		{"duplicate", func(in *Input) {
			in.State.Addresses[0].State, in.State.Addresses[0].Contested = slaac.Duplicate, packet.MAC{2, 0, 0, 0, 0, 5}
		}, "fail duplicate test " + ownGlobal + ": another has it too", []string{"dad.conflict"}},
		{"duplicate, as nd says", func(in *Input) {
			in.State.Addresses[0].State = slaac.Duplicate
			in.Heard.Findings = []rule.Finding{{Rule: "dad.conflict", Severity: rule.Error, Source: at(ownGlobal), Frame: 9}}
		}, "fail duplicate test", []string{"dad.conflict"}},
		{"tested by this host", func(in *Input) {
			in.State.Conflicts = []slaac.Conflict{{Address: at("2001:db8::5"), MAC: packet.MAC{2, 0, 0, 0, 0, 5}}}
		}, "fail duplicate test 2001:db8::5: tested by this host, but another has it", []string{"dad.conflict"}},
		{"link-local duplicate", func(in *Input) {
			in.State.LinkLocal.State, in.State.LinkLocal.Contested = slaac.Duplicate, packet.MAC{2, 0, 0, 0, 0, 5}
			in.State.Deaf, in.State.Addresses, in.State.Routers, in.State.DNS = slaac.InterfaceOff, nil, nil, nil
		}, "fail link-local " + ownLocal + ", but another has it too", []string{"dad.conflict"}},
		{"tentative", func(in *Input) { in.State.Addresses[0].State = slaac.Tentative }, "unknown duplicate test nobody objects, but the capture ends", nil},
		{"goodbye", func(in *Input) {
			in.State.Routers[0].Left, in.State.Routers[0].Farewell = 0, true
		}, "fail default route none any more: " + router + " said goodbye", []string{"guest.no-default-route"}},
		{"silent since", func(in *Input) { in.State.Routers[0].Left = 0 }, "fail default route none any more: the lifetime", []string{"guest.no-default-route"}},
		{"never a router", func(in *Input) {
			in.State.Routers[0].Left, in.State.Routers[0].WasDefault = 0, false
		}, "fail default route none: no router offers itself", []string{"guest.no-default-route"}},
		{"DNS is over", func(in *Input) { in.State.DNS[0].Left = 0 }, "note DNS none any more", nil},
		{"M", func(in *Input) { in.State.Managed = true }, "unknown DHCPv6 M=1: addresses by DHCPv6 too; nobody asked here", nil},
		{"M, asked", func(in *Input) { in.State.Managed, in.Heard.DHCPv6Asked = true, true }, "unknown DHCPv6 M=1: addresses by DHCPv6 too; clients ask", nil},
		{"O, answered", func(in *Input) { in.State.Other, in.Heard.DHCPv6Answers = true, true }, "ok DHCPv6 O=1: DNS and more by DHCPv6; a server answers", nil},
		{"O, in vain", func(in *Input) {
			in.State.Other = true
			onWire("ra.managed-no-server")(in)
		}, "warning DHCPv6 O=1: DNS and more by DHCPv6; no server answers", []string{"ra.managed-no-server (warning)"}},
		{"not answered", func(in *Input) { in.Heard.Solicitations = 3; onWire("ra.solicit-unanswered")(in) },
			"warning solicitation sent 3 times, not answered", []string{"ra.solicit-unanswered (warning)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := captured()
			tt.change(&in)
			l := Judge(in)
			if got := tellings(l); !slices.Equal(got, tt.want) {
				t.Errorf("told %v, want %v\n%s", got, tt.want, shown(l))
			}
			if !slices.ContainsFunc(l.Lines, func(line checklist.Line) bool {
				return strings.HasPrefix(line.Status.String()+" "+line.Name+" "+line.Text, tt.line)
			}) {
				t.Errorf("no line %q\n%s", tt.line, shown(l))
			}
			inOrder(t, l)
		})
	}
}

// TestCaptureKnowsNoHost: the lines about the host itself are left out.
func TestCaptureKnowsNoHost(t *testing.T) {
	for _, line := range Judge(captured()).Lines {
		if slices.Contains([]string{lineLink, lineIPv6, lineSettings, lineIdent, lineGateway, lineTarget, linePath, lineDrops}, line.Name) {
			t.Errorf("there is a line %q: %s", line.Name, line.Text)
		}
	}
}
