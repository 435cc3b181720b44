package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"testing"
	"time"

	"v6probe/internal/lab"
	pathlab "v6probe/internal/lab/zone"
)

// path is the summary of v6probe pmtu --json.
type path struct {
	MTU             int
	ReturnMTU       int                                `json:"return_mtu"`
	ReturnMost      int                                `json:"return_most"`
	ReturnBlackHole bool                               `json:"return_black_hole"`
	EitherWay       bool                               `json:"either_way"`
	CachedMTU       int                                `json:"cached_mtu"`
	BlackHole       *struct{ Size, After, Before int } `json:"black_hole"`
	Said            []struct {
		Hop, MTU int
		Tunnel   bool
	}
	Flows  []struct{ MTU int }
	Sent   int
	Rounds int
	Took   float64 `json:"took_ms"`
}

// probePath runs v6probe pmtu in a zone, from the guest to the server.
func probePath(t *testing.T, z *pathlab.Zone, args ...string) (result, path) {
	t.Helper()
	args = append([]string{"pmtu", z.Target.String(), "--json"}, args...)
	r := launch(t, z.Guest, exec.Command(binary, args...)).wait(t)
	var p path
	if len(r.lines) > 0 {
		check(t, json.Unmarshal([]byte(r.lines[len(r.lines)-1].raw), &p))
	}
	return r, p
}

// compare compares what was found with what is true of the network.
func compare(s *pathlab.Scenario, p *path) []string {
	var wrong []string
	differs := func(what string, got, want any) {
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %v, want %v", what, got, want))
		}
	}
	truth := &s.Truth
	if len(truth.Flows) > 0 { // which of them the first flow takes is chance
		var flows []int
		for _, f := range p.Flows {
			if !slices.Contains(flows, f.MTU) {
				flows = append(flows, f.MTU)
			}
		}
		slices.Sort(flows)
		differs("flows", fmt.Sprint(flows), fmt.Sprint(truth.Flows))
		return wrong
	}
	differs("mtu", p.MTU, truth.MTU)
	differs("either way", p.EitherWay, false)
	// Where hosts discard what they are told, it is told all the same, and that is another finding.
	hole := truth.BlackHole && !(s.Liar != nil && s.Liar.Says < 1280)
	differs("black hole", p.BlackHole != nil, hole)
	if h := p.BlackHole; h != nil && hole && s.Loss == 0 {
		differs("hole after", h.After, truth.After)
		differs("hole before", h.Before, truth.Before)
	}
	differs("return black hole", p.ReturnBlackHole, truth.ReturnHole && truth.ReturnMTU < truth.MTU)
	back := min(p.MTU, truth.ReturnMTU)
	if p.ReturnMost > 0 {
		differs("return mtu", p.ReturnMTU <= back && back <= p.ReturnMost, true)
	} else if p.ReturnMTU > 0 {
		differs("return mtu", p.ReturnMTU, back)
	}
	var hops []int
	tunnel := false
	for _, said := range p.Said {
		tunnel = tunnel || said.Tunnel
		if !said.Tunnel && !slices.Contains(hops, said.Hop) {
			hops = append(hops, said.Hop)
		}
	}
	differs("tunnel", tunnel, truth.Tunnel)
	if truth.Hops != nil || s.Liar == nil {
		differs("hops that say Packet Too Big", fmt.Sprint(hops), fmt.Sprint(truth.Hops))
	}
	return wrong
}

// TestPathMTU probes each network of the lab, and wants what is true of it.
func TestPathMTU(t *testing.T) {
	needs(t, "nft")
	all, err := pathlab.Scenarios()
	check(t, err)
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			z, err := pathlab.Up(within(t, time.Minute), s)
			check(t, err)
			defer z.Close()
			r, p := probePath(t, z, s.Args...)
			if wrong := compare(s, &p); len(wrong) > 0 {
				t.Errorf("%q:\n%s%s", wrong, r.stdout, r.stderr)
			}
			var rules []string
			for _, l := range r.of("finding") {
				rules = append(rules, l.Rule+":"+l.Severity)
			}
			t.Logf("%d packets, %d rounds, %.1f ms, exit code %d, %q", p.Sent, p.Rounds, p.Took, r.code, rules)
		})
	}
}

// TestPathMTULoss probes networks that lose packets again and again: of 40 runs one may be wrong.
func TestPathMTULoss(t *testing.T) {
	needs(t, "nft")
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	const runs, mayFail = 40, 1
	all, err := pathlab.Scenarios()
	check(t, err)
	for _, s := range all {
		if s.Loss == 0 {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			z, err := pathlab.Up(within(t, time.Minute), s)
			check(t, err)
			defer z.Close()
			var wrong []int
			for range runs {
				if _, p := probePath(t, z); p.MTU != s.Truth.MTU || p.EitherWay {
					wrong = append(wrong, p.MTU)
				}
			}
			if len(wrong) > mayFail {
				t.Errorf("wrong in %d of %d runs: %v, want %d", len(wrong), runs, wrong, s.Truth.MTU)
			}
			t.Logf("right in %d of %d runs", runs-len(wrong), runs)
		})
	}
}

// TestPlanOnHost looks at a KVM host's VXLAN devices as CloudStack's two scripts make them: with the underlay's interface the
// kernel leaves room for the headers, without it it does not.
func TestPlanOnHost(t *testing.T) {
	needs(t)
	kvm, peer := host(t), host(t)
	link(t, lab.End{NS: kvm, Name: "eth0"}, lab.End{NS: peer, Name: "eth0"})
	check(t, kvm.AddAddress("eth0", "192.0.2.1/24"),
		kvm.AddVXLAN("vxlan100", lab.VXLAN{VNI: 100, Port: 8472, Remote: "239.0.0.100", Device: "eth0"}))
	r := launch(t, kvm, exec.Command(binary, "pmtu", "--plan")).wait(t)
	if r.code != 0 {
		t.Errorf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	contains(t, r.stdout, "vxlan100  carries 1450, VXLAN over IPv4; eth0, MTU 1500 leaves 1450: fits")

	check(t, kvm.AddVXLAN("vxlan200", lab.VXLAN{VNI: 200, Port: 4789, Local: "192.0.2.1", Remote: "192.0.2.2"}),
		kvm.SetMTU("vxlan200", 1500))
	r = launch(t, kvm, exec.Command(binary, "pmtu", "--plan")).wait(t)
	if r.code != 1 {
		t.Errorf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	contains(t, r.stdout, "50 bytes too many", "pmtu.tunnel-mtu", "ip link set eth0 mtu 1550")
	r = launch(t, kvm, exec.Command(binary, "pmtu", "--plan", "--encap", "vxlan")).wait(t)
	if r.code != 0 {
		t.Errorf("a plan for a tunnel that is named looks at this host's: exit code %d", r.code)
	}
}
