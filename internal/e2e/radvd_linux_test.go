package e2e

import (
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// TestIsolatedNetwork is a healthy network, heard on both sides, as text and as NDJSON.
func TestIsolatedNetwork(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	guest, vr := isolated(t)
	radvdHeard(t, guest, vr, lab.CloudStackRadvd("eth0", gateway, dns1, dns2))
	file := filepath.Join(t.TempDir(), "guest.pcapng")
	onVR := start(t, vr, "ra", "--iface", "eth0", "-c", "2", "--json")
	onVRText := start(t, vr, "ra", "--iface", "eth0", "-c", "2", "--color", "never")
	onGuestText := start(t, guest, "ra", "--iface", "eth0", "-c", "2", "--passive", "--color", "never")
	onGuest := start(t, guest, "ra", "--iface", "eth0", "-c", "2", "--json", "-w", file)

	for side, p := range map[string]*probe{"out": onVR, "in": onGuest} {
		r := p.wait(t)
		r.want(t, 0)
		all := r.advertisements()
		if len(all) != 2 {
			t.Errorf("%d RAs with -c 2:\n%s", len(all), r.stdout)
		}
		for _, ra := range all {
			if ra.Source != craft.RouterLL || ra.Direction != side || ra.Iface != "eth0" {
				t.Errorf("RA from %s, direction %q, on %q, want %s, %q, eth0", ra.Source, ra.Direction, ra.Iface, craft.RouterLL, side)
			}
		}
		if p == onGuest {
			r.replay(t, "ra", file)
		}
	}
	for _, p := range []*probe{onVRText, onGuestText} {
		r := p.wait(t)
		r.want(t, 0)
		contains(t, r.stdout, craft.RouterLL, craft.RouterMAC, "fd17:625c:f037:2::1/64", dns1, dns2)
	}
}

// TestWatching shows that to watch a router changes nothing. radvd takes promiscuous mode for a change of its interface
// that hosts must know of, and advertises within a second; left alone, this one is silent for eleven.
func TestWatching(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	guest, vr := isolated(t)
	radvdHeard(t, guest, vr, strings.Replace(lab.CloudStackRadvd("eth0", gateway, dns1, dns2),
		"MinRtrAdvInterval 5", "MinRtrAdvInterval 11", 1))
	r := start(t, vr, "ra", "-i", "eth0", "--passive", "--json", "--timeout", "3s").wait(t)
	r.want(t, 1, "ra.absent")
}

// TestNoPrefix is the fault of apache/cloudstack#13121.
func TestNoPrefix(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	guest, vr := isolated(t)
	radvdHeard(t, guest, vr, lab.CloudStackRadvd("eth0", "", dns1, dns2))
	asText := start(t, guest, "ra", "-i", "eth0", "-c", "1", "--passive", "--color", "never")
	asJSON := start(t, guest, "ra", "-i", "eth0", "-c", "1", "--json")
	r := asJSON.wait(t)
	r.want(t, 1, "ra.no-address-source")
	r = asText.wait(t)
	if r.code != 1 {
		t.Errorf("exit code %d, want 1", r.code)
	}
	contains(t, r.stdout, "ra.no-address-source", "fe80::", craft.RouterLL)
}

// TestAsking shows that v6probe itself solicits on a host, and that the answer comes.
func TestAsking(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	guest, vr := isolated(t)
	radvdHeard(t, guest, vr, lab.CloudStackRadvd("eth0", gateway, dns1, dns2))
	r := start(t, guest, "ra", "-i", "eth0", "-c", "1", "--json").wait(t)
	r.want(t, 0)
	messages := r.of("message")
	if len(messages) != 2 {
		t.Fatalf("not a question and its answer:\n%s", r.stdout)
	}
	asked, answer := messages[0], messages[1]
	if asked.Message != "router-solicitation" || asked.Direction != "out" || asked.Destination != craft.AllRouters {
		t.Errorf("the question is %s", asked.raw)
	}
	if answer.Message != "router-advertisement" || answer.Source != craft.RouterLL || answer.Destination != craft.GuestLL {
		t.Errorf("the answer is %s", answer.raw)
	}
}

// TestFirewall has the firewall of CloudStack's router drop the solicitations.
func TestFirewall(t *testing.T) {
	needs(t, "radvd", "nft")
	t.Parallel()
	guest, vr := isolated(t)
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = strings.NewReader(lab.CloudStackFirewall)
	check(t, vr.Run(nft))
	// The next RA comes well after the third solicitation, which is sent after eight seconds.
	radvdHeard(t, guest, vr, strings.Replace(lab.CloudStackRadvd("eth0", gateway, dns1, dns2),
		"MinRtrAdvInterval 5", "MinRtrAdvInterval 11", 1))
	r := start(t, guest, "ra", "-i", "eth0", "-c", "1", "--json", "--timeout", "30s").wait(t)
	r.want(t, 0, "ra.solicit-unanswered")
}

// TestTwoRouters has two routers on a bridge that do not agree (apache/cloudstack#6700).
func TestTwoRouters(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	bridge, guest := host(t), host(t)
	check(t, lab.Veth(lab.End{NS: guest, Name: "eth0", MAC: craft.GuestMAC}, lab.End{NS: bridge, Name: "veth2"}))
	var routers []*lab.Namespace
	for i, name := range []string{"veth0", "veth1"} {
		vr := router(t)
		check(t, lab.Veth(lab.End{NS: vr, Name: "eth0", MAC: []string{"02:00:00:00:00:01", "02:00:00:00:00:03"}[i]},
			lab.End{NS: bridge, Name: name}))
		routers = append(routers, vr)
	}
	check(t, bridge.AddBridge("cloudbr0", "veth0", "veth1", "veth2"))
	p := start(t, guest, "ra", "-i", "eth0", "-c", "2", "--passive", "--json")
	config := lab.CloudStackRadvd("eth0", gateway, dns1, dns2)
	radvd(t, routers[0], config)
	radvd(t, routers[1], strings.Replace(config, "{", "{\n\tAdvCurHopLimit 32;\n\tAdvManagedFlag on;", 1))
	r := p.wait(t)
	r.want(t, 0, "ra.inconsistent-cur-hop-limit", "ra.inconsistent-managed")
	sources := map[string]bool{}
	for _, ra := range r.advertisements() {
		sources[ra.Source] = true
	}
	if !sources["fe80::ff:fe00:1"] || !sources["fe80::ff:fe00:3"] {
		t.Errorf("RAs from %v, want both routers", sources)
	}
}

// TestTwoTiers listens on all interfaces of a VPC's router.
func TestTwoTiers(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	vr := router(t)
	var config strings.Builder
	for i, name := range []string{"eth2", "eth3"} {
		guest := host(t)
		link(t, lab.End{NS: vr, Name: name}, lab.End{NS: guest, Name: "eth0"})
		config.WriteString(lab.CloudStackRadvd(name, []string{"fd17:625c:f037:2::1/64", "fd17:625c:f037:3::1/64"}[i], dns1))
	}
	p := start(t, vr, "ra", "-i", "any", "-c", "2", "--json")
	radvd(t, vr, config.String())
	r := p.wait(t)
	r.want(t, 0)
	var heard []string
	for _, ra := range r.advertisements() {
		if !slices.Contains(heard, ra.Iface) {
			heard = append(heard, ra.Iface)
		}
	}
	slices.Sort(heard)
	if !slices.Equal(heard, []string{"eth2", "eth3"}) {
		t.Errorf("RAs on %q, want eth2 and eth3:\n%s", heard, r.stdout)
	}
}

// TestStop has radvd say goodbye, which is no fault.
func TestStop(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	guest, vr := isolated(t)
	daemon, err := vr.Radvd(lab.CloudStackRadvd("eth0", gateway, dns1, dns2))
	check(t, err)
	_, err = guest.WaitAddress(within(t, 20*time.Second), "eth0", netip.Addr.IsPrivate)
	check(t, err)
	p := start(t, guest, "ra", "-i", "eth0", "--passive", "--timeout", "0", "--json")
	check(t, daemon.Stop(), p.stdout.await(within(t, 20*time.Second), `"router-advertisement"`))
	p.interrupt(t)
	p.wait(t).want(t, 0)
}
