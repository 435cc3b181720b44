package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
)

// namespace returns a new namespace that ends with the test, which is skipped where there can be none.
func namespace(t *testing.T) *Namespace {
	t.Helper()
	n, err := New()
	if errors.Is(err, unix.EPERM) && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip("needs root:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// check ends the test at the first error.
func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// pair returns two namespaces joined by eth0 and vr0, with addresses that are of use at once.
func pair(t *testing.T) (guest, router *Namespace) {
	t.Helper()
	guest, router = namespace(t), namespace(t)
	check(t, guest.SkipDAD(), router.SkipDAD(),
		Veth(End{guest, "eth0", craft.GuestMAC}, End{router, "vr0", craft.RouterMAC}))
	return guest, router
}

// listen opens a Listener that ends with the test.
func listen(t *testing.T, n *Namespace, name string) *Listener {
	t.Helper()
	l, err := n.Listen(name)
	check(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// await waits for a frame that has want in it.
func await(t *testing.T, l *Listener, want []byte) {
	t.Helper()
	_, err := l.Await(deadline(t), func(f []byte) bool { return bytes.Contains(f, want) })
	check(t, err)
}

// deadline is for what takes milliseconds on a good day.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestDoRunsInside(t *testing.T) {
	n := namespace(t)
	check(t, n.AddBridge("br-inside"))
	check(t, n.Do(func() error {
		all, err := net.Interfaces()
		if len(all) != 2 || all[0].Name != "lo" || all[1].Name != "br-inside" {
			t.Errorf("interfaces inside: %v, want lo and br-inside", all)
		}
		return err
	}))
	if _, err := net.InterfaceByName("br-inside"); err == nil {
		t.Error("br-inside is outside as well")
	}
	want := errors.New("as it is")
	if err := n.Do(func() error { return want }); err != want {
		t.Errorf("Do returned %v", err)
	}
}

func TestSysctlIsOfTheNamespace(t *testing.T) {
	guest, router := pair(t)
	check(t, router.Sysctl("ipv6/conf/all/forwarding", "1"))
	for n, want := range map[*Namespace]string{guest: "0\n", router: "1\n"} {
		got, err := n.Output(deadline(t), "cat", "/proc/sys/net/ipv6/conf/all/forwarding")
		check(t, err)
		if got != want {
			t.Errorf("forwarding is %q, want %q", got, want)
		}
	}
	if err := guest.Sysctl("ipv6/conf/nowhere/forwarding", "1"); err == nil {
		t.Error("a setting of no interface could be written")
	}
}

func TestOutputTellsWhy(t *testing.T) {
	_, err := namespace(t).Output(deadline(t), "cat", "/nowhere")
	if err == nil || !strings.Contains(err.Error(), "/nowhere: No such file") {
		t.Errorf("error %v lacks the program's own words", err)
	}
}

func TestCloseEndsProcesses(t *testing.T) {
	n := namespace(t)
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	check(t, err)
	defer stdin.Close()
	check(t, n.Start(cmd), n.Close())
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Success() {
		t.Error("the process ended by itself:", err)
	}
	if err := n.Start(exec.Command("cat")); err == nil {
		t.Error("a process could be started in a closed namespace")
	}
}

// TestCloseRemovesLinks shows that the kernel removed the namespace: the other end of its veth pair is gone with it.
func TestCloseRemovesLinks(t *testing.T) {
	guest, router := pair(t)
	check(t, router.Close())
	ctx := deadline(t)
	for {
		if _, err := guest.Index("eth0"); err != nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatal("eth0 is still there")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestVethAddresses(t *testing.T) {
	guest, router := pair(t)
	check(t, guest.AddAddress("eth0", "fd00::2/64"), guest.AddAddress("eth0", "192.0.2.2/24"))
	for _, c := range []struct {
		ns         *Namespace
		name, want string
	}{{guest, "eth0", craft.GuestLL}, {router, "vr0", craft.RouterLL}} {
		got, err := c.ns.WaitLinkLocal(deadline(t), c.name)
		check(t, err)
		if got != netip.MustParseAddr(c.want) {
			t.Errorf("%s has %v, want %s", c.name, got, c.want)
		}
	}
	all, err := guest.Addresses("eth0")
	check(t, err)
	if len(all) != 2 {
		t.Errorf("eth0 has %v, want its link-local address and fd00::2", all)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := guest.WaitAddress(canceled, "eth0", netip.Addr.IsMulticast); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if err := Veth(End{guest, "eth0", ""}, End{router, "vr1", ""}); err == nil {
		t.Error("a second eth0 could be made")
	}
}

func TestAddressIsOfUseAtOnce(t *testing.T) {
	n := namespace(t)
	check(t, Veth(End{n, "eth0", ""}, End{n, "eth1", ""}), n.AddAddress("eth0", "fd00::1/64"))
	all, err := n.Addresses("eth0")
	check(t, err)
	if !slices.Contains(all, netip.MustParsePrefix("fd00::1/64")) {
		t.Errorf("eth0 has %v, fd00::1 is tentative", all)
	}
}

func TestBridgeAndTap(t *testing.T) {
	host, guest := namespace(t), namespace(t)
	check(t, Veth(End{host, "vnet0", ""}, End{guest, "eth0", craft.GuestMAC}))
	tap, err := host.AddTap("vnet1", craft.RouterMAC)
	check(t, err)
	defer tap.Close()
	check(t, host.AddBridge("brvx-100", "vnet0", "vnet1"))
	frame := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes,
		craft.CloudStackRA().Message(craft.CloudStackOptions()...))
	l := listen(t, guest, "eth0")
	// A port of a bridge forwards at once where no spanning tree runs.
	_, err = tap.Write(frame)
	check(t, err)
	await(t, l, frame)
	for _, name := range []string{"brvx-100", "vnet0", "vnet1"} {
		if all, err := host.Addresses(name); err != nil || len(all) != 0 {
			t.Errorf("%s has the addresses %v (%v), want none", name, all, err)
		}
	}
}

func TestVXLAN(t *testing.T) {
	a, b := pair(t)
	check(t, a.AddAddress("eth0", "192.0.2.1/24"), b.AddAddress("vr0", "192.0.2.2/24"),
		a.AddVXLAN("vxlan100", VXLAN{VNI: 100, Port: 4789, Local: "192.0.2.1", Remote: "192.0.2.2", MAC: craft.RouterMAC}),
		b.AddVXLAN("vxlan100", VXLAN{VNI: 100, Port: 4789, Local: "192.0.2.2", Remote: "192.0.2.1", Device: "vr0"}))
	frame := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.CloudStackRA().Message())
	inner, outer := listen(t, b, "vxlan100"), listen(t, b, "vr0")
	check(t, a.Inject("vxlan100", frame))
	await(t, inner, frame)
	vni100 := []byte{0x08, 0, 0, 0, 0, 0, 100, 0} // RFC 7348 §5
	await(t, outer, append(vni100, frame...))
}

// TestInjectOffloaded shows that the checksum is known to be unfinished: the guest's kernel takes the RA all the same.
func TestInjectOffloaded(t *testing.T) {
	guest, router := pair(t)
	message := craft.CloudStackRA().Message(craft.CloudStackOptions()...)
	unfinished := craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes,
		craft.IPv6(craft.RouterLL, craft.AllNodes, 255, 58, craft.Offloaded(craft.RouterLL, craft.AllNodes, message)))
	l := listen(t, guest, "eth0")
	check(t, router.InjectOffloaded("vr0", unfinished, 14+40, 2))
	await(t, l, unfinished) // veth hands it over as it is
	_, err := guest.WaitAddress(deadline(t), "eth0", notLinkLocal)
	check(t, err)
}

func notLinkLocal(a netip.Addr) bool { return !a.IsLinkLocalUnicast() }

func TestAdvertiser(t *testing.T) {
	guest, router := pair(t)
	_, err := router.WaitLinkLocal(deadline(t), "vr0")
	check(t, err)
	ra, err := CloudStackRA(craft.RouterMAC)
	check(t, err)
	a, err := router.Advertise("vr0", time.Hour, ra)
	check(t, err)
	defer a.Close()
	// With an hour between RAs the guest has its address from the first, or from the answer to its solicitation.
	_, err = guest.WaitAddress(deadline(t), "eth0", notLinkLocal)
	check(t, err)

	l := listen(t, guest, "eth0")
	check(t, guest.Inject("eth0", craft.Frame(craft.GuestMAC, craft.GuestLL, craft.AllRouters, craft.RS())))
	await(t, l, append(craft.Addr(craft.RouterLL), craft.Addr(craft.GuestLL)...)) // the answer, to the guest alone
	check(t, a.Close(), a.Close())

	if _, err := router.Advertise("nowhere", time.Hour, ra); err == nil {
		t.Error("could advertise on no interface")
	}
}

func TestRadvd(t *testing.T) {
	guest, router := pair(t)
	if _, err := exec.LookPath("radvd"); err != nil && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip(err)
	}
	check(t, router.Sysctl("ipv6/conf/all/forwarding", "1"))
	r, err := router.Radvd(CloudStackRadvd("vr0", "fd17:625c:f037:2::1/64", "2001:db8::53"))
	check(t, err)
	_, err = guest.WaitAddress(deadline(t), "eth0", notLinkLocal)
	check(t, err)
	l := listen(t, guest, "eth0")
	check(t, r.Stop())
	lifetimeZero := func(f []byte) bool { return ICMPv6Type(134)(f) && f[60] == 0 && f[61] == 0 }
	_, err = l.Await(deadline(t), lifetimeZero)
	check(t, err)

	r, err = router.Radvd(CloudStackRadvd("vr0", ""))
	check(t, err, r.Kill())
	if _, err = router.Radvd("interface vr0 { AdvSendAdvert maybe; };"); err == nil || !strings.Contains(err.Error(), "syntax error") {
		t.Errorf("error %v does not say what is wrong with the configuration", err)
	}
}

func TestListenerEnds(t *testing.T) {
	l := listen(t, namespace(t), "lo")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Await(canceled, func([]byte) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestLimitedBuffer(t *testing.T) {
	var b limitedBuffer
	if n, err := io.Copy(&b, io.LimitReader(zeros{}, 3<<20)); n != 3<<20 || err != nil {
		t.Errorf("took %d bytes, %v", n, err)
	}
	if len(b.data) != 1<<20 {
		t.Errorf("kept %d bytes", len(b.data))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestAdvertiserZone has two routers whose interfaces have one name and two numbers. The standard library remembers one number
// for a name, whatever namespace it is of: each router must send on its own all the same.
func TestAdvertiserZone(t *testing.T) {
	for i := range 2 {
		guest, router := namespace(t), namespace(t)
		check(t, guest.SkipDAD(), router.SkipDAD())
		for n := range 3 * i {
			check(t, router.AddBridge(fmt.Sprintf("other%d", n)))
		}
		check(t, Veth(End{router, "same0", craft.RouterMAC}, End{guest, "eth0", craft.GuestMAC}))
		_, err := router.WaitLinkLocal(deadline(t), "same0")
		check(t, err)
		ra, err := CloudStackRA(craft.RouterMAC)
		check(t, err)
		a, err := router.Advertise("same0", time.Hour, ra)
		check(t, err)
		_, err = guest.WaitAddress(deadline(t), "eth0", notLinkLocal)
		check(t, err, a.Close())
	}
}
