package guest

import (
	"io/fs"
	"reflect"
	"testing"
	"testing/fstest"
)

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func link(to string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
}

// ownSpace is where a thread finds its network namespace.
const ownSpace = "proc/thread-self/ns/net"

func TestReadManagers(t *testing.T) {
	const networkd, manager = "run/systemd/netif/links/2", "run/NetworkManager/devices/2"
	const configured = "/" + networkd + ": ADMIN_STATE=configured"
	const state = "# This is private data.\nADMIN_STATE=configured\nNETWORK_FILE=/run/systemd/network/10-eth0.network\n"
	const network = "run/systemd/network/10-eth0.network"
	daemon, nm := file("systemd-network\n"), file("NetworkManager\n")
	for name, c := range map[string]struct {
		root fstest.MapFS
		all  bool
		want []Manager
	}{
		"nobody": {fstest.MapFS{"proc/1/comm": file("init\n")}, true, nil},
		"networkd": {
			fstest.MapFS{networkd: file(state), "proc/7/comm": daemon, "proc/7/ns/net": link("net:[1]"), ownSpace: link("net:[1]")},
			true, []Manager{{"systemd-networkd", true, true, configured}}},
		"networkd of another namespace": {
			fstest.MapFS{networkd: file(state), "proc/7/comm": daemon, "proc/7/ns/net": link("net:[1]"), ownSpace: link("net:[2]")},
			true, nil},
		"networkd of both": {
			fstest.MapFS{networkd: file(state), "proc/7/comm": daemon, "proc/7/ns/net": link("net:[1]"),
				"proc/8/comm": daemon, "proc/8/ns/net": link("net:[2]"), ownSpace: link("net:[2]")},
			true, []Manager{{"systemd-networkd", true, true, configured}}},
		"networkd's file is left over": {fstest.MapFS{networkd: file(state), "proc/1/comm": file("init")}, true, nil},
		"networkd's process cannot be seen": {
			fstest.MapFS{networkd: file(state), "proc/1/comm": file("init")},
			false, []Manager{{"systemd-networkd", true, true, configured}}},
		"networkd of another link": {fstest.MapFS{"run/systemd/netif/links/3": file(state), "proc/7/comm": daemon}, true, nil},
		"networkd leaves it alone": {
			fstest.MapFS{networkd: file("ADMIN_STATE=unmanaged\n"), "proc/7/comm": daemon},
			true, []Manager{{"systemd-networkd", false, false, "/" + networkd + ": ADMIN_STATE=unmanaged"}}},
		"networkd takes no advertisements": {
			fstest.MapFS{networkd: file(state), "proc/7/comm": daemon, network: file("[Match]\nName=eth0\n[Network]\nIPv6AcceptRA = no\n")},
			true, []Manager{{"systemd-networkd", true, false, configured}}},
		"networkd takes them by a drop-in": {
			fstest.MapFS{networkd: file(state + "NETWORK_FILE_DROPINS=/etc/a.conf /etc/b.conf\n"), "proc/7/comm": daemon,
				network: file("IPv6AcceptRA=no"), "etc/b.conf": file("IPv6AcceptRA=yes")},
			true, []Manager{{"systemd-networkd", true, true, configured}}},
		"networkd writes what it should not": {
			fstest.MapFS{networkd: file("ADMIN_STATE=\x1b[31m\nNETWORK_FILE=../../etc/passwd\n"), "proc/7/comm": daemon},
			true, []Manager{{"systemd-networkd", false, false, "/" + networkd + `: ADMIN_STATE="\x1b[31m"`}}},
		"NetworkManager": {
			fstest.MapFS{manager: file("[device]\nmanaged=true\n"), "proc/9/comm": nm},
			true, []Manager{{"NetworkManager", true, true, "/" + manager + ": managed=true"}}},
		"NetworkManager leaves it alone": {
			fstest.MapFS{manager: file("[device]\nmanaged=false\n"), "proc/9/comm": nm},
			true, []Manager{{"NetworkManager", false, false, "/" + manager + ": managed=false"}}},
		"dhcpcd": {
			fstest.MapFS{"proc/12/comm": file("dhcpcd\n"), "proc/13/comm": file("dhclient\n"), "proc/self/comm": file("dhcpcd\n")},
			true, []Manager{{"dhcpcd", false, true, "process 12 (dhcpcd)"}, {"dhclient", false, false, "process 13 (dhclient)"}}},
	} {
		var f Facts
		f.readManagers(c.root, 2, c.all)
		if !reflect.DeepEqual(f.Managers, c.want) || len(f.Unread) > 0 {
			t.Errorf("%s: %+v, %v", name, f.Managers, f.Unread)
		}
	}
	var f Facts
	f.readManagers(fstest.MapFS{}, 2, true)
	if _, ok := f.Misses(PartManagers); !ok {
		t.Error("no /proc: not told")
	}
}

func TestReadIPv6(t *testing.T) {
	for name, c := range map[string]struct {
		root fstest.MapFS
		want IPv6
	}{
		"on":       {fstest.MapFS{"proc/sys/net/ipv6/conf/all/forwarding": file("0\n")}, IPv6On},
		"missing":  {fstest.MapFS{"proc/sys/net/ipv4/ip_forward": file("0\n")}, IPv6Missing},
		"disabled": {fstest.MapFS{"sys/module/ipv6/parameters/disable": file("1\n")}, IPv6Disabled},
		"not disabled, and yet not there": {fstest.MapFS{"sys/module/ipv6/parameters/disable": file("0\n")},
			IPv6Missing},
	} {
		if got := readIPv6(c.root); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
