package cloud

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

const small = `about: something is broken
role: guest
node: guest1
command: [slaac, -i, eth0]
findings: [ra.absent]
`

func TestParse(t *testing.T) {
	s, err := Parse("dir/no-ra.yaml", []byte(small+`do:
  - {on: vr, stop: radvd}
  - {on: guest1, sysctl: {net.ipv6.conf.eth0.accept_ra: 0}}
  - {on: guest3, send: {shape: exthdr, every: 1s}}
reach: {all: link-local}
`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "no-ra" || s.Early || len(s.Do) != 3 || s.Do[1].Sysctl["net.ipv6.conf.eth0.accept_ra"] != "0" ||
		s.Do[2].Send.Every.Seconds() != 1 || s.reach("guest2") != "link-local" {
		t.Errorf("%+v", s)
	}
	s.Command = []string{"vr", "--expect", "{files}/networks.json"}
	if got := s.Arguments("/x"); !slices.Equal(got, []string{"vr", "--expect", "/x/networks.json"}) {
		t.Error(got)
	}
	if s, err = Parse("x.yaml", []byte(small+"zone: {vxlan_port: {kvm1: 4789}}\n")); err != nil || !s.Early {
		t.Errorf("another port is not early: %+v, %v", s, err)
	}
	if s, err = Parse("x.yaml", []byte(small+"zone: {security_groups: true}\ndo: [{on: vr, stop: radvd}]\n")); err != nil || s.Early {
		t.Errorf("security groups are early: %+v, %v", s, err)
	}
}

func TestParseErrors(t *testing.T) {
	do := func(step string) string { return small + "do:\n  - " + step + "\n" }
	tests := []struct{ text, want string }{
		{small, "x.yaml:1:1: do is missing"},
		{"", "x.yaml:1:1: about is to say"},
		{small + "oops: 1\n", "x.yaml:6:1: unknown field"},
		{strings.Replace(small, "guest\n", "host\n", 1), `x.yaml:2:7: role is "host"`},
		{strings.Replace(small, "guest1", "guest4", 1), `x.yaml:3:7: "guest4" is none of the nodes`},
		{do("{on: vr}"), "x.yaml:7:5: a step is one of"},
		{do("{on: vr, stop: radvd, fill: 3}"), "a step is one of"},
		{do("{on: vr2x, stop: radvd}"), `x.yaml:7:10: "vr2x" is none`},
		{do("{on: vr, stop: sshd}"), `x.yaml:7:20: stop is "sshd"`},
		{do("{on: vr, run: rm -r $HOME}"), "runs without a shell, and has no '$'"},
		{do(`{on: vr, run: ip link, undo: "ip | cat"}`), "runs without a shell"},
		{do("{on: vr, stop: radvd, undo: ip link}"), "undo is for run and nft"},
		{do("{on: vr, sysctl: {kernel.panic: 1}}"), "no sysctl below net"},
		{do("{on: vr, sysctl: {net.../x: 1}}"), "no sysctl below net"},
		{do("{on: vr, send: {shape: round}}"), `shape is "round"`},
		{do("{on: vr, send: {source: 192.0.2.1}}"), "no IPv6 address"},
		{do("{on: vr, send: {prefix: fd00::}}"), "no IPv6 prefix"},
		{do("{on: vr, send: {every: fast}}"), "x.yaml:"},
		{do("{on: vr, fill: 100}"), "no percentage"},
		{do("{on: vr, stop: radvd}") + "reach: {guest7: server}\n", "is no guest, nor all"},
		{do("{on: vr, stop: radvd}") + "reach: {all: mars}\n", `x.yaml:8:14: "mars" is none of`},
		{do("{on: vr, stop: radvd}") + "see: [{on: vr, run: ip link, shows: (}]\n", "missing closing )"},
		{do("{on: vr, stop: radvd}") + "zone: {underlay_mtu: 9}\n", "x.yaml:8:22: 9 is no MTU"},
		{do("{on: vr, stop: radvd}") + "faults: [a, b]\n", "faults is for two or more"},
		{small + "faults: [a]\n", "faults is for two or more"},
	}
	for _, tt := range tests {
		_, err := Parse("x.yaml", []byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "x.yaml:") {
			t.Errorf("%q: %v, not %q", tt.text, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: an error of several lines: %v", tt.text, err)
		}
	}
}

func TestScenarios(t *testing.T) {
	all, err := Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	pairs := 0
	for _, s := range all {
		if strings.HasPrefix(s.Name, "pairs-") != (len(s.Faults) > 0) {
			t.Errorf("%s: its name says whether it is a pair", s.Name)
		}
		if len(s.Faults) > 0 {
			pairs++
			if len(s.Do) == 0 && !s.Zone.early() || len(s.Findings) < 2 {
				t.Errorf("%s has not the faults of %v", s.Name, s.Faults)
			}
		} else if len(s.See) == 0 {
			t.Errorf("%s says not how one sees it", s.Name)
		}
		if s.Story == "" {
			t.Errorf("%s has no story", s.Name)
		}
	}
	if singles := len(all) - pairs; singles < 46 || pairs < 6 {
		t.Errorf("there are %d faults and %d pairs", singles, pairs)
	}
}

func TestMerge(t *testing.T) {
	yes, no := true, false
	b := Build{SecurityGroups: &yes, UnderlayMTU: 1500}
	if err := b.merge(Build{SecurityGroups: &no}); err == nil {
		t.Error("with and without security groups")
	}
	if err := b.merge(Build{UnderlayMTU: 1450}); err == nil {
		t.Error("two MTUs")
	}
	if err := b.merge(Build{VR2: true, UnderlayMTU: 1500, VXLANPort: map[string]int{"kvm1": 1}}); err != nil {
		t.Error(err)
	}
	if !b.VR2 || b.VXLANPort["kvm1"] != 1 {
		t.Errorf("%+v", b)
	}
}

func TestMissing(t *testing.T) {
	if got := missing([]string{"no-such-program", "no-such-program"}); !slices.Equal(got, []string{"no-such-program"}) {
		t.Error(got)
	}
}

func TestNetworksJSON(t *testing.T) {
	data, err := networksJSON(Build{VR2: true, Tier2: true}, map[string]string{"privatemtu": "1200", "broadcasturi": "vxlan://200"})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Network []struct {
			PrivateMTU      int
			BroadcastURI    string
			RedundantRouter bool
		}
		VirtualMachine []struct {
			NIC []struct{ MACAddress, IP6Address, BroadcastURI string }
		}
		Router []struct {
			RedundantState string
			NIC            []struct{ NetworkID string }
		}
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Network) != 2 || got.Network[0].PrivateMTU != 1200 || got.Network[0].BroadcastURI != "vxlan://200" ||
		!got.Network[0].RedundantRouter || got.Network[1].PrivateMTU != 1500 {
		t.Errorf("networks: %+v", got.Network)
	}
	if len(got.VirtualMachine) != 3 || got.VirtualMachine[1].NIC[0].IP6Address != "fd17:625c:f037:2:1:ff:fecb:2" ||
		got.VirtualMachine[1].NIC[0].BroadcastURI != "vxlan://200" {
		t.Errorf("machines: %+v", got.VirtualMachine)
	}
	if len(got.Router) != 2 || got.Router[1].RedundantState != "BACKUP" || len(got.Router[0].NIC) != 3 {
		t.Errorf("routers: %+v", got.Router)
	}
}
