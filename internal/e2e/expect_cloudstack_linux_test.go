package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

const (
	lan   = prefix + "/64"
	slaac = "fd17:625c:f037:2:0:ff:fe00:2" // that of craft.GuestMAC in it
)

// entry is an object of CloudStack's API.
type entry map[string]any

// with returns e with other fields as well.
func (e entry) with(more entry) entry {
	e = maps.Clone(e)
	maps.Copy(e, more)
	return e
}

// network is what listNetworks says of an isolated network with that VNI.
func network(name string, vni int, cidr string) entry {
	n := entry{
		"account": "ops", "acltype": "Account", "broadcastdomaintype": "Vxlan", "broadcasturi": fmt.Sprintf("vxlan://%d", vni),
		"canusefordeploy": true, "cidr": "10.1.1.0/24", "displaytext": name + " network", "gateway": "10.1.1.1",
		"id": fmt.Sprintf("1428ee5e-87ed-4954-9f29-%012d", vni), "internetprotocol": "DualStack", "ip6routing": "Static",
		"issystem": false, "name": name, "networkofferingid": "3a8837e7-fe8c-40ea-91ea-daabb90f6584", "privatemtu": 1450,
		"publicmtu": 1500, "redundantrouter": false, "service": []entry{{"name": "Dhcp"}, {"name": "SourceNat"}},
		"state": "Implemented", "traffictype": "Guest", "type": "Isolated", "vlan": fmt.Sprint(vni), "zonename": "lab-zone",
	}
	if cidr != "" {
		n["ip6cidr"] = cidr
		n["ip6gateway"] = netip.MustParsePrefix(cidr).Addr().Next().String()
	}
	return n
}

// web is the network that is on the wire.
func web() entry { return network("web", 2001, lan).with(entry{"ip6dns1": dns1, "ip6dns2": dns2}) }

// tier is the web network as one of a VPC.
func tier() entry {
	return web().with(entry{"vpcid": "a1b8f350-10f8-49dc-9403-9d30a4502a32", "vpcname": "shop", "aclname": "default_allow"})
}

// nic is an interface on a network.
func nic(n entry, mac, address string) entry {
	e := entry{"deviceid": "0", "isdefault": true, "macaddress": mac, "networkid": n["id"], "networkname": n["name"],
		"secondaryip": []entry{}, "type": n["type"]}
	for _, k := range []string{"broadcasturi", "gateway", "ip6cidr", "ip6gateway", "traffictype"} {
		if v, ok := n[k]; ok {
			e[k] = v
		}
	}
	if address != "" {
		e["ip6address"] = address
	}
	return e
}

// virtualRouter is what listRouters says, virtualMachine what listVirtualMachines says of one.
func virtualRouter(name string, nics ...entry) entry {
	control := entry{"ipaddress": "169.254.12.12", "macaddress": "0e:00:a9:fe:0c:0c",
		"networkid": "701caba6-21b4-43dd-941e-cefe846e8c87", "traffictype": "Control"}
	return entry{"account": "ops", "id": "2d7f51e7-cfdc-47b4-9297-" + name, "isredundantrouter": false,
		"linklocalip": "169.254.12.12", "name": name, "nic": append(nics, control), "redundantstate": "UNKNOWN",
		"requiresupgrade": false, "role": "VIRTUAL_ROUTER", "scriptsversion": "3f1c0c8a1d", "state": "Running",
		"version": "4.22.0"}
}

func virtualMachine(name string, nics ...entry) entry {
	return entry{"account": "ops", "displayname": "www1", "haenable": false, "hypervisor": "KVM",
		"id": "c32b7fef-ea1d-4aea-9466-" + name, "instancename": name, "name": "www1", "nic": nics, "state": "Running"}
}

// cloud is what CloudStack's API lists.
type cloud struct{ networks, routers, machines []entry }

// isolatedCloud is a zone of which n is on the wire, between the machines of craft.
func isolatedCloud(n entry) cloud {
	db := network("db", 2010, "fd17:625c:f037:7::/64")
	return cloud{
		[]entry{n, db, network("old", 2004, "").with(entry{"internetprotocol": "IPv4"})},
		[]entry{virtualRouter("r-12-VM", nic(n, craft.RouterMAC, prefix+"1")),
			virtualRouter("r-30-VM", nic(db, "02:01:00:cc:00:0a", "fd17:625c:f037:7::1"))},
		[]entry{virtualMachine("i-2-7-VM", nic(n, craft.GuestMAC, slaac)),
			virtualMachine("i-2-9-VM", nic(db, "02:01:00:c1:00:05", "fd17:625c:f037:7:1:ff:fec1:5"))},
	}
}

// expect writes the lists as cmk prints them, and returns the flags that have v6probe read them. What is empty is not
// written.
func (c cloud) expect(t *testing.T) (flags []string) {
	t.Helper()
	dir := t.TempDir()
	for _, l := range []struct {
		name string
		list []entry
	}{{"network", c.networks}, {"router", c.routers}, {"virtualmachine", c.machines}} {
		if len(l.list) == 0 {
			continue
		}
		file := filepath.Join(dir, l.name+"s.json")
		text, err := json.MarshalIndent(entry{"count": len(l.list), l.name: l.list}, "", "  ")
		check(t, err, os.WriteFile(file, append(text, '\n'), 0o644))
		flags = append(flags, "--expect", file)
	}
	return flags
}

// radvdOf is what the virtual router of the network on the wire gives to radvd.
func radvdOf() string { return lab.CloudStackRadvd("eth0", gateway, dns1, dns2) }

// startRA starts v6probe ra on eth0 for that many advertisements, with flags for more.
func startRA(t *testing.T, ns *lab.Namespace, count int, flags ...string) *probe {
	t.Helper()
	return start(t, ns, append([]string{"ra", "-i", "eth0", "-c", fmt.Sprint(count), "--json"}, flags...)...)
}

// TestExpectCloudStack is a healthy network in a zone of others, heard on both sides.
func TestExpectCloudStack(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	all := isolatedCloud(web())
	for name, c := range map[string]cloud{"network": {networks: all.networks[:1]}, "zone": all, "vpc": isolatedCloud(tier())} {
		t.Run(name, func(t *testing.T) {
			guest, vr := isolated(t)
			flags := c.expect(t)
			passive := append(flags, "--passive")
			onGuest, onVR := startRA(t, guest, 1, passive...), startRA(t, vr, 1, passive...)
			nd := start(t, vr, append([]string{"nd", "-i", "eth0", "-c", "1", "--json"}, flags...)...)
			knock(t, vr, slaac, 8) // which has it ask for the guest
			radvd(t, vr, radvdOf())
			for _, p := range []*probe{onGuest, onVR, nd} {
				p.wait(t).wantDifferences(t)
			}
			startRA(t, guest, 1, flags...).wait(t).wantDifferences(t) // it asks
		})
	}
}

// TestExpectNoPrefix is the fault of apache/cloudstack#13121, which names the network that its router left out.
func TestExpectNoPrefix(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	all := isolatedCloud(tier())
	for name, c := range map[string]cloud{"network": {networks: all.networks[:1]}, "zone": all} {
		t.Run(name, func(t *testing.T) {
			guest, vr := isolated(t)
			flags := c.expect(t)
			file := filepath.Join(t.TempDir(), "tier.pcapng")
			p := startRA(t, guest, 1, append(flags, "--passive", "-w", file)...)
			radvd(t, vr, lab.CloudStackRadvd("eth0", "", dns1, dns2))
			r := p.wait(t)
			r.wantDifferences(t,
				difference{"expect.prefix-missing", lan + ` is expected, and not advertised by fe80::ff:fe00:1`, "network[0].ip6cidr"},
				difference{"ra.no-address-source", `fe80::`, ""})
			text := explain(t, append([]string{"ra", "-r", file}, flags...)...)
			_, own, _ := strings.Cut(text, "ra.no-address-source")
			contains(t, own, "apache/cloudstack#13121")
			contains(t, text, "expect.prefix-missing", "network[0].ip6cidr", lan)
		})
	}
}

// onBridge returns a guest and routers with the Ethernet addresses given, on one bridge.
func onBridge(t *testing.T, macs ...string) (guest *lab.Namespace, routers []*lab.Namespace) {
	t.Helper()
	bridge := host(t)
	guest = host(t)
	check(t, lab.Veth(lab.End{NS: guest, Name: "eth0", MAC: craft.GuestMAC}, lab.End{NS: bridge, Name: "vnet0"}))
	ports := []string{"vnet0"}
	for i, mac := range macs {
		r, port := router(t), fmt.Sprintf("vnet%d", i+1)
		check(t, lab.Veth(lab.End{NS: r, Name: "eth0", MAC: mac}, lab.End{NS: bridge, Name: port}))
		routers, ports = append(routers, r), append(ports, port)
	}
	check(t, bridge.AddBridge("cloudbr0", ports...))
	for _, r := range append(routers, guest) {
		_, err := r.WaitLinkLocal(within(t, 20*time.Second), "eth0")
		check(t, err)
	}
	return guest, routers
}

// TestExpectShared is the fault of apache/cloudstack#6700: radvd runs on the virtual router of a Shared network, beside the
// router that serves it.
func TestExpectShared(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	guest, routers := onBridge(t, router2, craft.RouterMAC)
	n := network("uplink", 0, lan).with(entry{"type": "Shared", "broadcasturi": "vlan://120", "broadcastdomaintype": "Vlan"})
	c := cloud{networks: []entry{n}, routers: []entry{virtualRouter("r-40-VM", nic(n, craft.RouterMAC, prefix+"1"))}}
	flags := append(c.expect(t), "--passive")
	upstream, both := startRA(t, guest, 1, flags...), startRA(t, guest, 2, flags...)
	radvd(t, routers[0], radvdOf())
	upstream.wait(t).wantDifferences(t)
	radvd(t, routers[1], radvdOf())
	r := both.wait(t)
	r.wantDifferences(t, difference{"ra.unknown-router", `^r-40-VM, fe80::ff:fe00:1 .*apache/cloudstack#6700`,
		"router[0].nic[0].macaddress"})
	for _, f := range r.differences(t) {
		contains(t, f.Fix, "r-40-VM", "systemctl disable --now radvd", "root@169.254.12.12")
	}
}

// TestExpectRedundant is a pair of virtual routers, of which one may advertise at a time.
func TestExpectRedundant(t *testing.T) {
	needs(t)
	t.Parallel()
	macs, sources := []string{craft.RouterMAC, router2}, []string{craft.RouterLL, "fe80::ff:fe00:3"}
	n := web().with(entry{"redundantrouter": true})
	delete(n, "ip6dns1")
	delete(n, "ip6dns2")
	c := cloud{networks: []entry{n}, routers: []entry{
		virtualRouter("r-21-VM", nic(n, macs[0], prefix+"1")).with(entry{"isredundantrouter": true, "redundantstate": "PRIMARY"}),
		virtualRouter("r-22-VM", nic(n, macs[1], "")).with(entry{"isredundantrouter": true, "redundantstate": "BACKUP"}),
	}}
	for _, test := range []struct {
		name  string
		turns []int // who advertises
		want  []difference
	}{
		{"primary", []int{0, 0, 0}, nil},
		{"failover", []int{0, 0, 1, 1, 1}, nil},
		{"back again", []int{0, 1, 1, 0, 0}, nil},
		{"both", []int{0, 1, 0, 1, 0, 1}, one("expect.advertisers", `^2 routers take turns, expected 1: `, "network[0]")},
	} {
		t.Run(test.name, func(t *testing.T) {
			guest, routers := onBridge(t, macs...)
			p := startRA(t, guest, len(test.turns), append(c.expect(t), "--passive")...)
			// Further apart than copies of one message are, and fewer than show an interval.
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for _, i := range test.turns {
				check(t, routers[i].Inject("eth0", advertisement(macs[i], sources[i])))
				<-tick.C
			}
			p.wait(t).wantDifferences(t, test.want...)
		})
	}
}

// lanWords matches what reports call the network on the wire.
const lanWords = `network "web" \(Isolated\)`

// onUnderlay has v6probe listen on the underlay to the network on the wire, which is in the VXLAN with that VNI.
func onUnderlay(t *testing.T, vni int) result {
	t.Helper()
	a, b := host(t), host(t)
	link(t, lab.End{NS: a, Name: "eth0"}, lab.End{NS: b, Name: "eth0"})
	check(t, a.AddAddress("eth0", "192.0.2.1/24"), b.AddAddress("eth0", "192.0.2.2/24"),
		a.AddVXLAN("vxlan0", lab.VXLAN{VNI: vni, Port: 8472, Local: "192.0.2.1", Remote: "192.0.2.2"}))
	n := web()
	delete(n, "ip6dns1") // healthy has no DNS servers
	delete(n, "ip6dns2")
	p := startRA(t, b, 1, append(isolatedCloud(n).expect(t), "--passive")...)
	check(t, a.Inject("vxlan0", healthy()))
	return p.wait(t)
}

// TestExpectSegment has a network in its own VXLAN, in one that nobody knows, and in that of another network.
func TestExpectSegment(t *testing.T) {
	needs(t)
	t.Parallel()
	onUnderlay(t, 2001).wantDifferences(t)
	onUnderlay(t, 77).wantDifferences(t,
		difference{"expect.segment", "^" + lanWords + ` is advertised in VNI 77, expected VNI 2001$`, "network[0].broadcasturi"})
	var details strings.Builder
	r := onUnderlay(t, 2010)
	for _, f := range r.differences(t) {
		details.WriteString(f.Detail + "\n")
	}
	if said := details.String(); r.code != 1 || !regexp.MustCompile(lanWords+`|r-12-VM`).MatchString(said) {
		t.Errorf("exit code %d, and nothing says whose router is in VNI 2010:\n%s", r.code, said)
	}
}

// TestExpectAddress has a guest use another address than the one that CloudStack knows it by.
func TestExpectAddress(t *testing.T) {
	needs(t, "radvd", "ip")
	t.Parallel()
	for _, privacy := range []bool{false, true} { // the kernel makes it, or a user
		t.Run(fmt.Sprint("privacy=", privacy), func(t *testing.T) {
			guest, vr := isolated(t)
			check(t, guest.Sysctl("ipv6/conf/eth0/accept_dad", "1"))
			if privacy {
				check(t, guest.Sysctl("ipv6/conf/eth0/use_tempaddr", "2"))
			}
			args := append([]string{"nd", "-i", "eth0", "--timeout", "0", "--json"}, isolatedCloud(web()).expect(t)...)
			p := start(t, vr, args...)
			radvd(t, vr, radvdOf())
			_, err := guest.WaitAddress(within(t, 20*time.Second), "eth0", func(a netip.Addr) bool { return a.String() == slaac })
			check(t, err)
			says := `^i-2-7-VM 02:00:00:00:00:02 uses fd17:625c:f037:2:\S+, expected ` + slaac + `$`
			if !privacy {
				check(t, p.stdout.await(within(t, 20*time.Second), `"target":"`+slaac+`"`))
				ip(t, guest, "-6 address add "+prefix+"bad/64 dev eth0")
				says = strings.Replace(says, `\S+`, ":bad", 1)
			}
			until(t, p, `"rule":"expect.address"`).wantDifferences(t,
				difference{"expect.address", says, "virtualmachine[0].nic[0].macaddress"})
		})
	}
}

// TestExpectSmallMTU is a network of which CloudStack was told an MTU that IPv6 does not allow; the wire does not show it.
func TestExpectSmallMTU(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	guest, vr := isolated(t)
	p := startRA(t, guest, 1, append(isolatedCloud(web().with(entry{"privatemtu": 576})).expect(t), "--passive")...)
	radvd(t, vr, radvdOf())
	p.wait(t).wantDifferences(t,
		difference{"expect.network-mtu", `^privatemtu is 576, and IPv6 needs 1280`, "network[0].privatemtu"})
}
