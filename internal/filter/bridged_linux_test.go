package filter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
	"v6probe/internal/tool"
)

// Addresses of the bridge's stations: the guest i-2-7-VM at vnet1, the router at vnet2.
const (
	guestMAC  = "02:01:00:cb:00:07"
	guestLL   = "fe80::1:ff:fecb:7"
	guestGUA  = "fd17:625c:f037:2:1:ff:fecb:7"
	routerGUA = "fd17:625c:f037:2::1"
)

// sample is a frame and what Bridged is told of it.
type sample struct {
	name  string
	frame []byte
	track Track
}

func samples() []sample {
	const ll, mac, guest = craft.RouterLL, craft.RouterMAC, guestMAC
	ra := craft.CloudStackRA().Message(craft.CloudStackOptions()...)
	quoted := craft.TCP6(guestGUA, "2001:db8:80::80", 40000, 443, make([]byte, 100))
	quoted = craft.IPv6(guestGUA, "2001:db8:80::80", 60, 6, quoted)
	echo := []byte{128, 0, 0, 0, 0, 7, 0, 1, 1, 2, 3, 4}
	return []sample{
		{"RA", craft.Frame(mac, ll, "ff02::1", ra), Untracked},
		{"unicast RA", craft.Frame(mac, ll, guestLL, ra), Untracked},
		{"RA of the guest", craft.Frame(guest, guestLL, "ff02::1", ra), Untracked},
		{"RA with hop limit 64", craft.EthernetIPv6(mac, "ff02::1",
			craft.IPv6(ll, "ff02::1", 64, 58, craft.ICMPv6(ll, "ff02::1", ra))), Untracked},
		{"RS", craft.Frame(guest, guestLL, "ff02::2", craft.RS(craft.SLLA(guest))), Untracked},
		{"RS from ::", craft.Frame(guest, "::", "ff02::2", craft.RS()), Untracked},
		{"NS", craft.Frame(guest, guestLL, "ff02::1:ff00:1", craft.NS(routerGUA, craft.SLLA(guest))), Untracked},
		{"DAD", craft.Frame(guest, "::", "ff02::1:ffcb:7", craft.NS(guestLL)), Untracked},
		{"NA", craft.Frame(mac, routerGUA, guestLL, craft.NA(0xe0, routerGUA, craft.TLLA(mac))), Untracked},
		{"NA to all", craft.Frame(guest, guestLL, "ff02::1", craft.NA(0x20, guestLL, craft.TLLA(guest))), Untracked},
		{"foreign NA", craft.Frame(guest, "fd17::bad", "ff02::1", craft.NA(0x20, "fd17::bad")), Untracked},
		{"PTB", craft.Frame(mac, "2001:db8:1::2", guestGUA, craft.TooBig(1400, quoted)), Invalid},
		{"PTB of the guest", craft.Frame(guest, guestGUA, "2001:db8:80::80", craft.TooBig(1400, quoted)), Invalid},
		{"no port", craft.Frame(mac, "2001:db8:80::80", guestGUA, craft.Unreachable(4, quoted)), Invalid},
		{"MLD query", craft.MLDFrame(mac, ll, "ff02::1", craft.MLDQuery(1000, "::")), Untracked},
		{"MLDv2 report", craft.MLDFrame(guest, guestLL, "ff02::16", craft.MLDv2ReportOf(craft.MLDRecord(4, "ff02::1:ffcb:7"))),
			Untracked},
		{"echo", craft.Frame(guest, guestGUA, "2001:db8:80::80", echo), New},
	}
}

// packet returns what is to be followed for a frame that goes from one port to the other.
func (s sample) packet(in, out string) *Packet {
	ip := s.frame[14:]
	p := &Packet{In: "brvx-100", Out: "brvx-100", PhysIn: in, PhysOut: out, EtherTarget: [6]byte(s.frame),
		EtherSource: [6]byte(s.frame[6:]), Source: netip.AddrFrom16([16]byte(ip[8:])), Target: netip.AddrFrom16([16]byte(ip[24:])),
		HopLimit: ip[7], Length: len(ip), Track: s.track}
	icmp := ip[40:]
	if ip[6] == 0 {
		icmp = icmp[8:]
	}
	p.Type, p.Code = icmp[0], icmp[1]
	return p
}

// marker is a frame of a protocol of nobody's, which each set of rules lets pass: what was sent before it has come by then.
func marker() []byte {
	return craft.Ethernet(craft.MAC("02:00:00:00:00:99"), craft.MAC("02:00:00:00:00:98"), nil, 0x88b5, make([]byte, 46))
}

// bridgeScene is a host with a bridge of two ports, and the far ends of these.
type bridgeScene struct {
	host, far *lab.Namespace
	listen    map[string]*lab.Listener
	send      map[string]int
}

// Before it has the bridge, before is run on the host.
func newBridgeScene(t *testing.T, before string) *bridgeScene {
	t.Helper()
	s := &bridgeScene{listen: map[string]*lab.Listener{}, send: map[string]int{}}
	for _, n := range []**lab.Namespace{&s.host, &s.far} {
		made, err := lab.New()
		if errors.Is(err, unix.EPERM) && os.Getenv("V6PROBE_CI") != "1" {
			t.Skip("needs root:", err)
		}
		noError(t, err)
		t.Cleanup(func() { made.Close() })
		*n = made
	}
	s.shell(t, before)
	noError(t, s.host.AddBridge("brvx-100"))
	for _, port := range []string{"vnet1", "vnet2"} {
		noError(t, s.far.Sysctl("ipv6/conf/default/disable_ipv6", "1"))
		noError(t, lab.Veth(lab.End{NS: s.host, Name: port}, lab.End{NS: s.far, Name: port}))
		noError(t, s.host.AddPort("brvx-100", port))
		l, err := s.far.Listen(port)
		noError(t, err)
		t.Cleanup(func() { l.Close() })
		s.listen[port] = l
		s.send[port] = s.sender(t, port)
	}
	return s
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shell runs lines on the host.
func (s *bridgeScene) shell(t *testing.T, script string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-ec", "PATH=$PATH:/usr/sbin:/sbin\n"+script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := s.host.Run(cmd); err != nil {
		t.Fatalf("%v: %s\n%s", err, out.String(), script)
	}
}

// forwarded sends a frame into a port and reports whether it comes out of the other one.
func (s *bridgeScene) forwarded(t *testing.T, in, out string, frame []byte) bool {
	t.Helper()
	noError(t, onOneProcessor(func() error {
		_, err := unix.Write(s.send[in], frame)
		if err == nil {
			_, err = unix.Write(s.send[in], marker())
		}
		return err
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	came := false
	_, err := s.listen[out].Await(ctx, func(f []byte) bool {
		came = came || bytes.Equal(f, frame)
		return bytes.Equal(f, marker())
	})
	noError(t, err)
	// What was sent into this port is seen here too, and is not to be taken for what comes out of it later.
	_, err = s.listen[in].Await(ctx, func(f []byte) bool { return bytes.Equal(f, marker()) })
	noError(t, err)
	return came
}

// onOneProcessor runs f on one processor, so that the kernel takes the frames that it sends one after the other.
func onOneProcessor(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	for cpu := range 1024 {
		if before.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	return errors.Join(f(), unix.SchedSetaffinity(0, &before))
}

// sender opens a packet socket, with which frames are sent into a port.
func (s *bridgeScene) sender(t *testing.T, port string) int {
	t.Helper()
	index, err := s.far.Index(port)
	noError(t, err)
	fd := -1
	noError(t, s.far.Do(func() error {
		var err error
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index})
	}))
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// read reads the rules of the host.
func (s *bridgeScene) read(t *testing.T) *Ruleset {
	t.Helper()
	var r *Ruleset
	noError(t, s.host.Do(func() error {
		var err error
		r, err = Read(t.Context())
		return err
	}))
	return r
}

// TestBridgedIsTrue compares what Bridged tells with what the kernel does, for many sets of rules.
func TestBridgedIsTrue(t *testing.T) {
	for _, tool := range []string{"ip6tables-nft", "ip6tables-legacy", "ebtables-nft", "nft"} {
		for _, set := range rulesets(t, tool) {
			name := tool + "/" + set.name
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				set.try(t, tool)
			})
		}
	}
}

// try makes the rules with a tool and sends all samples in both directions.
func (set ruleset) try(t *testing.T, program string) {
	t.Helper()
	for _, name := range append(set.needs, program) {
		if _, err := tool.Find(name); err != nil && os.Getenv("V6PROBE_CI") != "1" {
			t.Skip(err)
		}
	}
	s := newBridgeScene(t, set.before)
	call := "1"
	if set.bridgeOnly {
		call = "0"
	}
	noError(t, s.host.Sysctl("bridge/bridge-nf-call-ip6tables", call))
	s.shell(t, "T="+program+"\n"+set.script)
	r := s.read(t)
	if len(r.Unread) > 0 {
		t.Fatal(r.Unread)
	}
	var doubtful, passes, dropped int
	for _, ports := range [][2]string{{"vnet1", "vnet2"}, {"vnet2", "vnet1"}} {
		for _, m := range samples() {
			got := r.Bridged(m.packet(ports[0], ports[1]), !set.bridgeOnly)
			came := s.forwarded(t, ports[0], ports[1], m.frame)
			switch {
			case got.Verdict == Doubtful:
				if doubtful++; !set.doubt {
					t.Errorf("%s from %s: doubtful: %+v", m.name, ports[0], got)
				}
			case (got.Verdict == Passes) != came:
				t.Errorf("%s from %s: %+v, came %t", m.name, ports[0], got, came)
			case came:
				passes++
			default:
				dropped++
			}
			if testing.Verbose() && got.Verdict != Passes && ports[0] == "vnet1" {
				t.Logf("%s: came %t: %s", m.name, came, placeText(got.At))
			}
		}
	}
	switch {
	case set.anything:
	case set.doubt && doubtful == 0 && !set.perhaps:
		t.Error("nothing is doubtful")
	case !set.doubt && (dropped == 0 || passes == 0 && !set.all):
		t.Errorf("%d pass, %d are dropped: this tests nothing", passes, dropped)
	}
}

func placeText(p Place) string {
	return fmt.Sprintf("%s %s %s (%s) %d: %s", p.Tool, p.Table, p.Chain, p.Hook, p.Handle, p.Rule)
}

// ruleset is a set of rules, made by a script in which $T is the tool.
type ruleset struct {
	name       string
	before     string // what is run before there is a bridge
	script     string
	doubt      bool // some of it cannot be told
	perhaps    bool // it may be that all can
	all        bool // it drops all
	anything   bool // it may drop all or nothing
	bridgeOnly bool // the rules of IPv6 are not asked
	needs      []string
}

// rulesets returns those that are for a tool.
func rulesets(t *testing.T, tool string) []ruleset {
	t.Helper()
	if tool == "nft" {
		return placeRulesets()
	}
	file, _, _ := strings.Cut(tool, "-")
	b, err := os.ReadFile("testdata/rules/" + file)
	noError(t, err)
	var list []ruleset
	for _, part := range strings.Split(string(b), "\n== ")[1:] {
		name, script, _ := strings.Cut(part, "\n")
		if other, rest, ok := strings.Cut(script, "\n"); ok && strings.HasPrefix(other, "@") {
			script = list[slices.IndexFunc(list, func(s ruleset) bool { return s.name == other[1:] })].script + rest
		}
		set := ruleset{name: name, script: script, all: strings.HasPrefix(name, "all")}
		// As nftables has them, nothing is known of marks.
		set.perhaps = tool == "ip6tables-nft" && strings.HasPrefix(name, "mark")
		set.doubt = strings.HasPrefix(name, "doubt") || set.perhaps
		if strings.Contains(script, "ipset") {
			set.needs = []string{"ipset"}
		}
		list = append(list, set)
	}
	return list
}

// placeRulesets are about the order in which the kernel asks what it asks.
func placeRulesets() []ruleset {
	const zero = "nft 'add table bridge f; add chain bridge f c { type filter hook %s priority %d; };" +
		" add rule bridge f c icmpv6 type nd-router-advert drop'\n"
	const device = "nft 'add table netdev f; add chain netdev f c { type filter hook %s device vnet2 priority 0; };" +
		" add rule netdev f c icmpv6 type nd-router-advert drop'\n"
	ip6 := "ip6tables-nft -A FORWARD -d ff02::1 -j DROP\n"
	return []ruleset{
		{name: "bridge first", script: ip6 + fmt.Sprintf(zero, "forward", -1)},
		{name: "bridge last", script: ip6 + fmt.Sprintf(zero, "forward", 1)},
		{name: "newer than the bridge", script: fmt.Sprintf(zero, "forward", 0), doubt: true},
		{name: "older than the bridge", before: fmt.Sprintf(zero, "forward", 0), doubt: true},
		{name: "prerouting newer", script: fmt.Sprintf(zero, "prerouting", 0), doubt: true},
		{name: "prerouting older", before: fmt.Sprintf(zero, "prerouting", 0), doubt: true},
		{name: "postrouting", script: ip6 + fmt.Sprintf(zero, "postrouting", 0)},
		{name: "bridge only", script: ip6 + fmt.Sprintf(zero, "forward", 0), bridgeOnly: true},
		{name: "ingress", script: ip6 + fmt.Sprintf(device, "ingress")},
		{name: "egress", script: ip6 + fmt.Sprintf(device, "egress"), bridgeOnly: true},
		// What ip6tables-nft-save shows of this rule of nftables' is "-A FORWARD -j DROP".
		{name: "rules of nft among those of ip6tables", script: "ip6tables-nft -A FORWARD -m hl --hl-eq 64 -j DROP\n" +
			"nft 'add rule ip6 filter FORWARD ip6 saddr { fe80::5, fe80::1:ff:fecb:7 } drop'\n" +
			"ip6tables-nft -A FORWARD -m physdev --physdev-in vnet2 -d ff02::1 -j DROP"},
	}
}
