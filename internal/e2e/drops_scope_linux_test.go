package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// namedBridge returns the name of a namespace with a bridge between a router and a guest, whose filter drops Router
// Advertisements, and the router. The namespaces end with the test.
func namedBridge(t *testing.T) (name string, kvm, vr *lab.Namespace) {
	t.Helper()
	const filter = "table bridge f { chain c { type filter hook forward priority 0; icmpv6 type nd-router-advert drop; }; }"
	kvm, vr = host(t), router(t)
	guest := host(t)
	check(t, lab.Veth(lab.End{NS: vr, Name: "eth0", MAC: craft.RouterMAC}, lab.End{NS: kvm, Name: "vnet-vr"}),
		lab.Veth(lab.End{NS: guest, Name: "eth0", MAC: craft.GuestMAC}, lab.End{NS: kvm, Name: "vnet-guest"}),
		kvm.AddBridge("br-uvr", "vnet-vr", "vnet-guest"),
		kvm.Firewall(t.Context(), filter))
	for _, port := range []string{"vnet-vr", "vnet-guest"} {
		check(t, kvm.WaitUp(within(t, 20*time.Second), port))
	}
	name = fmt.Sprintf("v6probe-%d-%s", os.Getpid(), strings.ToLower(strings.TrimPrefix(t.Name(), "Test")))
	unbind, err := kvm.Bind(name)
	check(t, err)
	t.Cleanup(func() { check(t, unbind()) })
	return name, kvm, vr
}

// TestDropsBridgeElsewhere asks from the host about a bridge in a namespace: what its ports lose is the bridge's.
func TestDropsBridgeElsewhere(t *testing.T) {
	needs(t, "nft")
	name, _, vr := namedBridge(t)
	for _, iface := range []string{"br-uvr", "vnet-guest"} {
		p := startUntil(t, host(t), "counting", "drops", "--netns", name, "-i", iface, "--json", "--for", "0",
			"--interval", "100ms")
		check(t, vr.Inject("eth0", healthy()))
		// Of which hook it was nothing is known where this machine drops too much at the same time to ask.
		err := p.stdout.await(within(t, 5*time.Second), `"rule":"drop.filter`)
		p.interrupt(t)
		r := p.wait(t)
		if err != nil {
			t.Fatalf("-i %s: %v\n%s", iface, err, r.stdout)
		}
		if r.code != 1 {
			t.Errorf("-i %s: exit code %d\n%s", iface, r.code, r.stdout)
		}
		contains(t, r.stdout, `"message":"router-advertisement"`, `"iface":"vnet-guest"`, `"netns":"`+name+`"`)
	}
}

// TestDropsNoInterfaceElsewhere names an interface that the namespace does not have, and one that another has.
func TestDropsNoInterfaceElsewhere(t *testing.T) {
	needs(t, "nft")
	name, _, _ := namedBridge(t)
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--netns", name, "-i", "nope0"},
			[]string{"nope0: no such interface in namespace " + name, "interfaces there: lo, ", "br-uvr", "vnet-guest"}},
		{[]string{"-i", "vnet-guest"}, []string{"vnet-guest: no such interface", "in namespace " + name + ": --netns " + name}},
	} {
		p := launch(t, host(t), exec.Command(binary, append([]string{"drops", "--for", "1s"}, c.args...)...))
		r := p.wait(t)
		if r.code != 2 || r.stdout != "" {
			t.Errorf("%q: exit code %d, %s", c.args, r.code, r.stdout)
		}
		contains(t, r.stderr, c.want...)
	}
}
