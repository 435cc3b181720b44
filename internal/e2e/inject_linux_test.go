package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// listenTo starts v6probe on an interface for one RA, to NDJSON and to a file. The function it returns checks what
// v6probe says of the RA, that a replay of the file says the same, and returns the RA.
func listenTo(t *testing.T, ns *lab.Namespace, name string) (heard func(code int, rules ...string) line) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".pcapng")
	p := start(t, ns, "ra", "-i", name, "-c", "1", "--passive", "--json", "-w", file)
	return func(code int, rules ...string) line {
		t.Helper()
		r := p.wait(t)
		r.want(t, code, rules...)
		r.replay(t, "ra", file)
		all := r.advertisements()
		if len(all) != 1 {
			t.Fatalf("%d RAs, want one:\n%s%s", len(all), r.stdout, r.stderr)
		}
		return all[0]
	}
}

func TestSilence(t *testing.T) {
	needs(t)
	t.Parallel()
	guest, _ := isolated(t)
	asText := start(t, guest, "ra", "-i", "eth0", "--timeout", "2s", "--passive", "--color", "never")
	start(t, guest, "ra", "-i", "eth0", "--timeout", "2s", "--passive", "--json").wait(t).want(t, 1, "ra.absent")
	r := asText.wait(t)
	if r.code != 1 {
		t.Errorf("exit code %d, want 1", r.code)
	}
	contains(t, r.stdout, "ra.absent", "radvd")
}

func TestHeaders(t *testing.T) {
	needs(t)
	fragments := func() [][]byte {
		message := craft.ICMPv6(craft.RouterLL, craft.AllNodes, healthyMessage(craft.RouterMAC))
		fragment := func(offset uint16, more bool, data []byte) []byte {
			payload := craft.Join(craft.FragmentHeader(58, offset, more, 7), data)
			return craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes,
				craft.IPv6(craft.RouterLL, craft.AllNodes, 255, 44, payload))
		}
		return [][]byte{fragment(0, true, message[:24]), fragment(24, false, message[24:])}
	}
	tagged := func(vlans ...uint16) []byte {
		message := craft.ICMPv6(craft.RouterLL, craft.AllNodes, healthyMessage(craft.RouterMAC))
		return craft.Ethernet(craft.MulticastMAC(craft.AllNodes), craft.MAC(craft.RouterMAC), vlans, 0x86dd,
			craft.IPv6(craft.RouterLL, craft.AllNodes, 255, 58, message))
	}
	hopLimit := craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes, craft.IPv6(craft.RouterLL, craft.AllNodes, 64, 58,
		craft.ICMPv6(craft.RouterLL, craft.AllNodes, healthyMessage(craft.RouterMAC))))
	checksum := healthy()
	checksum[14+40+2] ^= 0xff
	for _, c := range []struct {
		name   string
		frames [][]byte
		code   int
		rules  []string
		vlans  []int
	}{
		{name: "plain", frames: [][]byte{healthy()}},
		{name: "vlan", frames: [][]byte{tagged(100)}, vlans: []int{100}},
		{name: "qinq", frames: [][]byte{tagged(100, 200)}, vlans: []int{100, 200}},
		{name: "hop-by-hop", frames: [][]byte{behind(0, craft.HopByHop(58))}, rules: []string{"nd.ext-header"}},
		{name: "destination-options", frames: [][]byte{behind(60, craft.HopByHop(58))}, rules: []string{"nd.ext-header"}},
		{name: "fragments", frames: fragments(), code: 1, rules: []string{"nd.fragmented"}},
		{name: "hop-limit", frames: [][]byte{hopLimit}, code: 1, rules: []string{"nd.hop-limit"}},
		{name: "checksum", frames: [][]byte{checksum}, code: 1, rules: []string{"icmp.checksum"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			guest, vr := isolated(t)
			onGuest, onVR := listenTo(t, guest, "eth0"), listenTo(t, vr, "eth0")
			for _, f := range c.frames {
				check(t, vr.Inject("eth0", f))
			}
			for side, heard := range map[string]func(int, ...string) line{"in": onGuest, "out": onVR} {
				ra := heard(c.code, c.rules...)
				if ra.Direction != side || ra.Source != craft.RouterLL || !slices.Equal(ra.VLAN, c.vlans) {
					t.Errorf("direction %q, source %s, VLANs %v, want %q, %s, %v", ra.Direction, ra.Source, ra.VLAN,
						side, craft.RouterLL, c.vlans)
				}
			}
		})
	}
}

// TestVXLAN listens on the underlay to an RA of the overlay.
func TestVXLAN(t *testing.T) {
	needs(t)
	for _, port := range []int{8472, 4789} {
		for _, family := range [][3]string{{"192.0.2.1", "192.0.2.2", "/24"}, {"fd00::1", "fd00::2", "/64"}} {
			t.Run(fmt.Sprintf("%d over %s", port, family[0]), func(t *testing.T) {
				t.Parallel()
				a, b := host(t), host(t)
				check(t, lab.Veth(lab.End{NS: a, Name: "eth0"}, lab.End{NS: b, Name: "eth0"}),
					a.AddAddress("eth0", family[0]+family[2]), b.AddAddress("eth0", family[1]+family[2]),
					a.AddVXLAN("vxlan77", lab.VXLAN{VNI: 77, Port: port, Local: family[0], Remote: family[1]}))
				receiver, sender := listenTo(t, b, "eth0"), listenTo(t, a, "eth0")
				check(t, a.Inject("vxlan77", healthy()))
				for _, heard := range []func(int, ...string) line{receiver, sender} {
					ra := heard(0)
					if ra.VNI != 77 || len(ra.Tunnels) != 1 || ra.Tunnels[0].Port != port {
						t.Errorf("VNI %d in %v, want 77 in one tunnel to port %d", ra.VNI, ra.Tunnels, port)
					}
				}
			})
		}
	}
}

// TestOffload has a host leave the checksum to its hardware, as Linux does with what a virtual machine hands over so.
func TestOffload(t *testing.T) {
	needs(t)
	t.Parallel()
	guest, vr := isolated(t)
	message := craft.Offloaded(craft.RouterLL, craft.AllNodes, healthyMessage(craft.RouterMAC))
	frame := craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes,
		craft.IPv6(craft.RouterLL, craft.AllNodes, 255, 58, message))
	onGuest, onVR := listenTo(t, guest, "eth0"), listenTo(t, vr, "eth0")
	check(t, vr.InjectOffloaded("eth0", frame, 14+40, 2))
	onGuest(0)
	onVR(0)
	// The same bytes without that mark are what a sender with broken offload puts on the wire: hosts drop them.
	onGuest, onVR = listenTo(t, guest, "eth0"), listenTo(t, vr, "eth0")
	check(t, vr.Inject("eth0", frame))
	onGuest(1, "icmp.checksum")
	onVR(1, "icmp.checksum")
}

// TestHypervisor listens where a KVM host has no IPv6: on a bridge, on its ports, on a guest's tap.
func TestHypervisor(t *testing.T) {
	needs(t)
	t.Parallel()
	kvm, vr := host(t), router(t)
	check(t, lab.Veth(lab.End{NS: vr, Name: "eth0", MAC: craft.RouterMAC}, lab.End{NS: kvm, Name: "uplink"}))
	tap, err := kvm.AddTap("vnet5", "")
	check(t, err)
	defer tap.Close()
	check(t, kvm.AddBridge("brvx-77", "uplink", "vnet5"))
	onPort, onBridge, onTap := listenTo(t, kvm, "uplink"), listenTo(t, kvm, "brvx-77"), listenTo(t, kvm, "vnet5")
	asking := start(t, kvm, "ra", "-i", "uplink", "-c", "1", "--json")
	check(t, vr.Inject("eth0", healthy()))
	for want, heard := range map[string]func(int, ...string) line{"uplink in": onPort, "brvx-77 in": onBridge, "vnet5 out": onTap} {
		ra := heard(0)
		if got := ra.Iface + " " + ra.Direction; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	r := asking.wait(t)
	r.want(t, 0)
	if len(r.of("message")) != 1 {
		t.Errorf("on a port without IPv6 there is more than the RA:\n%s", r.stdout)
	}

	// A guest that advertises by itself is told from a router once a router is seen to serve it.
	rogue := start(t, kvm, "ra", "-i", "vnet5", "-c", "2", "--passive", "--json")
	check(t, vr.Inject("eth0", healthy()))
	_, err = tap.Write(advertisement(craft.GuestMAC, craft.GuestLL))
	check(t, err)
	rogue.wait(t).want(t, 1, "ra.from-guest")
}

// TestInterfaceGone takes the interface away from under v6probe, which tells what it has seen and ends with trouble.
func TestInterfaceGone(t *testing.T) {
	needs(t)
	for name, act := range map[string]func(*lab.Namespace) error{
		"down":    func(n *lab.Namespace) error { return n.SetDown("eth0") },
		"deleted": func(n *lab.Namespace) error { return n.Delete("eth0") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			guest, vr := isolated(t)
			asText := start(t, guest, "ra", "-i", "eth0", "--passive", "--timeout", "0", "--color", "never", "-v")
			asJSON := start(t, guest, "ra", "-i", "eth0", "--passive", "--timeout", "0", "--json")
			check(t, vr.Inject("eth0", healthy()),
				asText.stdout.await(within(t, 20*time.Second), craft.RouterLL),
				asJSON.stdout.await(within(t, 20*time.Second), "router-advertisement"),
				act(guest))
			r := asJSON.wait(t)
			r.want(t, 2)
			last := r.lines[len(r.lines)-1]
			if len(r.advertisements()) != 1 || last.Messages != 1 || last.Verdict != "fail" || last.Damage == "" {
				t.Errorf("not one RA and its damaged summary:\n%s", r.stdout)
			}
			r = asText.wait(t)
			if r.code != 2 {
				t.Errorf("exit code %d, want 2", r.code)
			}
			contains(t, r.stdout, "fd17:625c:f037:2::/64")
			contains(t, r.stderr, "eth0")
		})
	}
}

// TestInterrupt ends a run that would go on for ever.
func TestInterrupt(t *testing.T) {
	needs(t)
	t.Parallel()
	guest, vr := isolated(t)
	p := start(t, guest, "ra", "-i", "eth0", "--passive", "--timeout", "0", "--json")
	check(t, vr.Inject("eth0", healthy()), p.stdout.await(within(t, 20*time.Second), "router-advertisement"))
	p.interrupt(t)
	r := p.wait(t)
	r.want(t, 0)
	if s := r.lines[len(r.lines)-1]; s.Verdict != "pass" || s.Messages != 1 {
		t.Errorf("summary %s", s.raw)
	}
}

// TestPermission runs v6probe as nobody.
func TestPermission(t *testing.T) {
	needs(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root to become nobody")
	}
	t.Parallel()
	guest, _ := isolated(t)
	for capabilities, args := range map[string][]string{
		"cap_net_raw":                    {"ra", "-i", "eth0", "--json"},
		"cap_net_raw,cap_net_admin":      {"pmtu", craft.RouterLL, "-i", "eth0", "--json"},
		"cap_bpf,cap_perfmon,cap_syslog": {"drops", "--json"},
	} {
		cmd := exec.Command(binary, args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		p := launch(t, guest, cmd)
		<-p.ended
		if code := cmd.ProcessState.ExitCode(); code != 2 || p.stdout.String() != "" {
			t.Errorf("%s: exit code %d, want 2 and no output: %s", args[0], code, p.stdout)
		}
		contains(t, p.stderr.String(), "v6probe: ", "setcap "+capabilities+"+ep ")
	}
}
