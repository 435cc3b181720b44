package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"v6probe/internal/lab"
)

// notDrops returns what there is to say in a namespace, by "names: the first words".
func notDrops(t *testing.T, n *lab.Namespace, names ...string) []Statement {
	t.Helper()
	var all []Statement
	check(t, n.Do(func() error {
		var err error
		all, err = NotDrops(names)
		return err
	}))
	return all
}

// saying returns the statement with these words.
func saying(t *testing.T, all []Statement, words string) Statement {
	t.Helper()
	i := slices.IndexFunc(all, func(s Statement) bool { return strings.Contains(s.Text, words) })
	if i < 0 {
		t.Fatalf("nothing says %q: %+v", words, all)
	}
	return all[i]
}

// TestNotDropsConf has a host as it should be, and then each setting.
func TestNotDropsConf(t *testing.T) {
	guest, router := pair(t)
	if all := notDrops(t, guest); len(all) != 0 {
		t.Fatalf("a host as it should be: %+v", all)
	}
	check(t, lab.Veth(lab.End{NS: guest, Name: "eth0.100"}, lab.End{NS: router, Name: "vr0.100"}))
	ip(t, guest, "link add down0 type veth peer name down1")
	for _, c := range []struct {
		set        string // "interface setting value"
		names, fix string
		words      string
	}{
		{"eth0 accept_ra 0", "eth0", "if none does: `sysctl -w net.ipv6.conf.eth0.accept_ra=1`", "accept_ra=0: Router"},
		{"eth0.100 accept_ra 0", "eth0, eth0.100", "if none does: `sysctl -w net.ipv6.conf.IFACE.accept_ra=1`", "accept_ra=0: Router"},
		{"eth0 accept_ra 1", "eth0.100", "if none does: `sysctl -w net/ipv6/conf/eth0.100/accept_ra=1`", "accept_ra=0: Router"},
		{"eth0.100 accept_ra 1", "", "", ""},
		{"down0 accept_ra 0", "", "", ""},
		{"eth0 autoconf 0", "eth0", "`sysctl -w net.ipv6.conf.eth0.autoconf=1`", "autoconf=0"},
		{"eth0 forwarding 1", "eth0",
			"a host that forwards and should use them needs accept_ra=2: `sysctl -w net.ipv6.conf.eth0.accept_ra=2`",
			"forwarding=1 with accept_ra=1"},
		{"eth0 accept_ra 0", "eth0", "if it should use them all the same: `sysctl -w net.ipv6.conf.eth0.accept_ra=2`",
			"accept_ra=0 and forwarding=1"},
		{"eth0 accept_ra 2", "eth0", "`sysctl -w net.ipv6.conf.eth0.autoconf=1`", "autoconf=0"},
		{"eth0 autoconf 1", "", "", ""},
		{"eth0 disable_ipv6 1", "eth0", "`sysctl -w net.ipv6.conf.eth0.disable_ipv6=0`", "disable_ipv6=1: this host has no IPv6 there"},
	} {
		f := strings.Fields(c.set)
		check(t, guest.Sysctl("ipv6/conf/"+f[0]+"/"+f[1], f[2]))
		all := notDrops(t, guest)
		if c.words == "" {
			if len(all) != 0 {
				t.Errorf("%s: %+v", c.set, all)
			}
			continue
		}
		s := saying(t, all, c.words)
		if len(all) != 1 || strings.Join(s.Interfaces, ", ") != c.names || s.Fix != c.fix {
			t.Errorf("%s: %+v", c.set, all)
		}
	}
	if all := notDrops(t, guest, "eth0.100"); len(all) != 0 {
		t.Errorf("of eth0.100: %+v", all)
	}
	err := guest.Do(func() error { _, err := NotDrops([]string{"eth9\x1b"}); return err })
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("error %v", err)
	}
}

// TestNotDropsBridge has the bridges of a KVM host with many guests.
func TestNotDropsBridge(t *testing.T) {
	host, _ := pair(t)
	ip(t, host, "addr add 192.0.2.2/24 dev eth0", "link add vxlan100 type vxlan id 100 local 192.0.2.2 remote 192.0.2.3 dstport 4789",
		"link set vxlan100 mtu 1450 up")
	check(t, host.AddBridge("brvx-100", "vxlan100"), host.AddBridge("cloudbr0"))
	for i := range 20 {
		tap, err := host.AddTap(fmt.Sprintf("vnet%d", i), "")
		check(t, err)
		defer tap.Close()
		check(t, host.AddPort("brvx-100", fmt.Sprintf("vnet%d", i)))
	}
	all := notDrops(t, host)
	s := saying(t, all, "disable_ipv6=1: this host itself takes no IPv6 there, which is as it should be on a KVM host")
	if s.Names() != "brvx-100, cloudbr0" || s.Fix != "" {
		t.Errorf("%+v", s)
	}
	s = saying(t, all, "by the tunnel itself, with a Packet Too Big that seems to come from its destination (vxlan100 has MTU 1450)")
	if s.Names() != "vxlan100" || len(all) != 2 {
		t.Errorf("%+v", all)
	}

	set := func(dev, flag string) {
		t.Helper()
		ip(t, host, "link set dev "+dev+" type bridge_slave "+flag)
	}
	set("vnet0", "isolated on") // alone it talks with all others
	if all = notDrops(t, host); len(all) != 2 {
		t.Errorf("one isolated port: %+v", all)
	}
	for i := range 20 {
		set(fmt.Sprintf("vnet%d", i), "isolated on")
	}
	set("vnet3", "mcast_flood off")
	set("vnet4", "flood off")
	set("vxlan100", "neigh_suppress on")
	all = notDrops(t, host, "brvx-100") // and so its ports
	for words, want := range map[string]Statement{
		"isolated ports": {Interfaces: []string{"vnet0, vnet1, vnet2, vnet3, vnet4, vnet5, vnet6 and 13 more"},
			Fix: "if that is not wanted: `bridge link set dev IFACE isolated off`"},
		"mcast_flood off": {Interfaces: []string{"vnet3"}, Fix: "if that is not wanted: `bridge link set dev vnet3 mcast_flood on`"},
		"flood off: uni":  {Interfaces: []string{"vnet4"}, Fix: "if that is not wanted: `bridge link set dev vnet4 flood on`"},
		"neigh_suppress on": {Interfaces: []string{"vxlan100"},
			Fix: "if that is not wanted: `bridge link set dev vxlan100 neigh_suppress off`"},
	} {
		if s := saying(t, all, words); s.Names() != want.Interfaces[0] || s.Fix != want.Fix {
			t.Errorf("%s: %s: %+v", words, s.Names(), s)
		}
	}
	if len(all) != 6 {
		t.Errorf("%d statements: %+v", len(all), all)
	}
	if got := notDrops(t, host, "vnet3"); len(got) != 2 {
		t.Errorf("of vnet3: %+v", got)
	}
	check(t, host.Do(func() error {
		ports, err := Ports()
		if len(ports) != 21 || ports[0].Name != "vxlan100" || !ports[0].NeighSuppress || ports[0].Isolated || !ports[0].Learning ||
			ports[0].Hairpin || ports[0].Bridge != "brvx-100" {
			t.Errorf("ports %+v", ports)
		}
		return err
	}))
}

func TestReadConf(t *testing.T) {
	guest, _ := pair(t)
	ip(t, guest, "link add odd.~$(x) type veth peer name p1") // a name that is one word to ip
	for key, value := range map[string]string{"accept_ra": "2", "forwarding": "1", "dad_transmits": "7", "use_tempaddr": "-1",
		"mtu": "1400", "addr_gen_mode": "3", "accept_ra_defrtr": "0", "accept_ra_pinfo": "0", "autoconf": "0"} {
		check(t, guest.Sysctl("ipv6/conf/odd.~$(x)/"+key, value))
	}
	check(t, guest.Do(func() error {
		got, err := ReadConf("odd.~$(x)")
		want := Conf{AcceptRA: 2, Forwarding: 1, DADTransmits: 7, UseTempaddr: -1, MTU: 1400, AddrGenMode: 3}
		if got != want { // AcceptDAD is 0 from pair
			t.Errorf("%+v, want %+v", got, want)
		}
		for c, want := range map[Conf]bool{got: true, {AcceptRA: 1, Forwarding: 1}: false, {AcceptRA: 2, DisableIPv6: 1}: false,
			{}: false, {AcceptRA: 1}: true} {
			if c.UsesRA() != want {
				t.Errorf("%+v: UsesRA is not %v", c, want)
			}
		}
		for _, name := range []string{"", ".", "..", "../conf/eth0", "eth0/", "nowhere", "eth0\x00"} {
			if c, err := ReadConf(name); !errors.Is(err, fs.ErrNotExist) || c != (Conf{}) {
				t.Errorf("%q: %+v, %v", name, c, err)
			}
		}
		return err
	}))
	if b, err := os.ReadFile("/proc/sys/net/ipv6/conf/odd.~$(x)/mtu"); err == nil {
		t.Errorf("read outside: %s", b)
	}
}

// TestStatementsMany has more interfaces than anybody wants to read of, with names that are not for a terminal.
func TestStatementsMany(t *testing.T) {
	var all []setting
	for i := range 5000 {
		l := Link{Name: fmt.Sprintf("e\x1b%d", i), Index: i + 1, Kind: "vxlan", MTU: 1400 + i%100, Tunnel: &Tunnel{}}
		all = append(all, setting{Link: l, ok: true, enslaved: i%2 == 0})
	}
	list := statements(all)
	if len(list) != 2 {
		t.Errorf("%d statements", len(list))
	}
	for _, s := range list {
		if line := s.Names() + s.Text + s.Fix; len(line) > 600 || strings.Contains(line, "\x1b") {
			t.Errorf("%q", line)
		}
	}
	if s := saying(t, list, "their MTUs are 1400 to 1498"); len(s.Interfaces) != 2500 {
		t.Errorf("%d interfaces", len(s.Interfaces))
	}
	for name, want := range map[string]string{"eth0": "eth0", "a b": "'a b'", "$(x)'": `'$(x)'\'''`, "a\x1b": `"a\x1b"`} {
		if got := quoted(name); got != want {
			t.Errorf("%q quoted as %s", name, got)
		}
	}
}

func FuzzParsePort(f *testing.F) {
	slave := appendAttribute(appendAttribute(nil, unix.IFLA_INFO_SLAVE_KIND, []byte("bridge\x00")), unix.IFLA_INFO_SLAVE_DATA,
		appendAttribute(appendAttribute(nil, unix.IFLA_BRPORT_ISOLATED, []byte{1}), unix.IFLA_BRPORT_UNICAST_FLOOD, []byte{0}))
	f.Add(appendAttribute(make([]byte, unix.SizeofIfInfomsg), unix.IFLA_LINKINFO, slave))
	f.Add(binary.NativeEndian.AppendUint32(nil, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parsePort(b)
		if !ok && (p.Isolated || p.NeighSuppress) {
			t.Error("flags of what is no port")
		}
	})
}
