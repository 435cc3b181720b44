package expect

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/rule"
)

// cloudFiles reads fixtures. They are named without their directory.
func cloudFiles(t testing.TB, names ...string) []Source {
	t.Helper()
	var docs []Source
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join("testdata", "cloudstack", n))
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, Source{Name: n, Data: b})
	}
	return docs
}

func cloudState(t testing.TB, docs ...Source) *State {
	t.Helper()
	s, err := parseCloudStack(docs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func cloudLink(t testing.TB, s *State, key string) *Link {
	t.Helper()
	i := slices.IndexFunc(s.Links, func(l *Link) bool { return slices.Contains(l.Keys, key) })
	if i < 0 {
		t.Fatalf("no link has the key %q", key)
	}
	return s.Links[i]
}

func cloudAddresses(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// TestCloudStackIsolated holds every field of one link, places and all.
func TestCloudStackIsolated(t *testing.T) {
	s := cloudState(t, cloudFiles(t, "networks.json", "virtualmachines.json", "routers.json")...)
	net := rule.Place{File: "networks.json", Line: 4, Column: 5, Path: "network[0]"}
	cidr := rule.Place{File: "networks.json", Line: 24, Column: 18, Path: "network[0].ip6cidr"}
	dns1 := rule.Place{File: "networks.json", Line: 25, Column: 18, Path: "network[0].ip6dns1"}
	dns2 := rule.Place{File: "networks.json", Line: 26, Column: 18, Path: "network[0].ip6dns2"}
	vm := func(line int, path string) rule.Place {
		return rule.Place{File: "virtualmachines.json", Line: line, Column: 25, Path: path + ".macaddress"}
	}
	off := &Switch{false, net}
	want := &Link{
		Name: `network "web" (Isolated)`, Keys: []string{"web", "1428ee5e-87ed-4954-9f29-cb17f65336a0"}, Place: net,
		VNI:      &ID{2001, rule.Place{File: "networks.json", Line: 8, Column: 23, Path: "network[0].broadcasturi"}},
		Prefixes: []netip.Prefix{netip.MustParsePrefix("fd17:5c1:a0:1::/64")},
		Routers: []Router{{Name: "r-12-VM", MAC: MAC{2, 1, 0, 0xcc, 0, 2},
			Place: rule.Place{File: "routers.json", Line: 38, Column: 25, Path: "router[0].nic[0].macaddress"}}},
		OnlyRouters: true,
		Advertisers: 1,
		Says: &Advertisement{
			CurHopLimit: Exactly(64, net), Managed: off, Other: off, HomeAgent: off, Preference: &Text{"medium", net},
			RouterLifetime: Exactly(45, net), ReachableTime: Exactly(0, net), RetransTimer: Exactly(0, net),
			Interval: &Range{5000, 15000, net}, SourceLinkLayer: &Switch{true, net}, MTU: Exactly(0, net),
			Prefixes: &Prefixes{Place: cidr, List: []Prefix{{Prefix: netip.MustParsePrefix("fd17:5c1:a0:1::/64"),
				OnLink: &Switch{true, cidr}, Autonomous: &Switch{true, cidr}, RouterAddress: &Switch{false, cidr},
				Valid: Exactly(86400, cidr), Preferred: Exactly(14400, cidr), Place: cidr}}},
			Routes: &Routes{Place: net},
			RDNSS: &Servers{Place: dns1, List: []Server{
				{netip.MustParseAddr("2001:db8:53::53"), Exactly(30, dns1), dns1},
				{netip.MustParseAddr("2001:db8:53::54"), Exactly(30, dns2), dns2}}},
			DNSSL: &Domains{Place: net}, PREF64: &NAT64s{Place: net}, Portal: &Text{"", net}, Options: &Options{Place: net},
		},
		Neighbors: []Neighbor{
			{Name: "i-2-7-VM", MAC: MAC{2, 1, 0, 0xc0, 0, 5}, Place: vm(43, "virtualmachine[0].nic[0]"),
				Addresses: cloudAddresses("fd17:5c1:a0:1:1:ff:fec0:5", "fd17:5c1:a0:1::90")},
			{Name: "i-2-8-VM", MAC: MAC{2, 1, 0, 0xc0, 0, 6}, Place: vm(118, "virtualmachine[1].nic[0]"),
				Addresses: cloudAddresses("fd17:5c1:a0:1:1:ff:fec0:6", "fd17:5c1:a0:1::cafe")},
		},
		MTU: 1450, CloudStack: true,
	}
	got := cloudLink(t, s, "web")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", cloudDump(got), cloudDump(want))
	}
	if len(s.Flaws) != 1 || s.Flaws[0].Link != want.Name || !strings.Contains(s.Flaws[0].Detail, "fd17:5c1:a0:1::cafe") {
		t.Errorf("the guest with an address of its own: %+v", s.Flaws)
	}
}

// TestCloudStackLinks holds what is different in the other networks.
func TestCloudStackLinks(t *testing.T) {
	type summary struct {
		name              string
		vni, vlan         uint32
		prefix            string
		routers           string
		only              bool
		forbidden         string
		advertisers       int
		template          bool // the whole one, not prefixes alone
		prefixes          int  // that the RA has; -1: any
		servers           int  // likewise
		neighbors         string
		mtu               int
		flagged, lifetime bool
	}
	tests := []struct {
		key  string
		want summary
	}{
		{"ha", summary{name: `network "ha" (Isolated)`, vni: 2002, prefix: "fd17:5c1:a0:2::/64",
			routers: "r-21-VM 02:01:00:cc:00:03, r-22-VM 02:01:00:cc:00:04", only: true, advertisers: 1, template: true,
			prefixes: 1, servers: -1, mtu: 1450, flagged: true, lifetime: true}},
		{"app", summary{name: `network "app" (Isolated)`, vni: 2010, prefix: "fd17:5c1:a0:10::/64",
			routers: "r-30-VM 02:01:00:cc:00:0a", only: true, advertisers: 1, template: true, prefixes: 1, servers: 1,
			neighbors: "i-2-9-VM fd17:5c1:a0:10:1:ff:fec1:5", mtu: 1450, flagged: true, lifetime: true}},
		{"data", summary{name: `network "data" (Isolated)`, vni: 2011, prefix: "fd17:5c1:a0:11::/64",
			routers: "r-30-VM 02:01:00:cc:00:0b", only: true, advertisers: 1, template: true, prefixes: 1, servers: -1,
			neighbors: "i-2-9-VM fd17:5c1:a0:11:1:ff:fec2:5", mtu: 1450, flagged: true, lifetime: true}},
		{"uplink", summary{name: `network "uplink" (Shared)`, vlan: 120, prefix: "2001:db8:120::/64",
			forbidden: "r-40-VM 1e:00:d6:00:00:01", prefixes: 1, servers: -1,
			neighbors: "i-2-10-VM 2001:db8:120:0:1c00:d6ff:fe00:7", flagged: true}},
		{"lan", summary{name: `network "lan" (L2)`, vlan: 130, prefixes: -1, servers: -1}},
		{"old", summary{name: `network "old" (Isolated, without ip6cidr)`, vni: 2004, only: true, prefixes: -1, servers: -1,
			mtu: 1450}},
	}
	s := cloudState(t, cloudFiles(t, "networks.json", "virtualmachines.json", "routers.json")...)
	if len(s.Links) != len(tests)+1 {
		t.Errorf("%d links", len(s.Links))
	}
	for _, test := range tests {
		l := cloudLink(t, s, test.key)
		got := summary{name: l.Name, only: l.OnlyRouters, advertisers: l.Advertisers, mtu: l.MTU, prefixes: -1, servers: -1,
			routers: cloudRouters(l.Routers), forbidden: cloudRouters(l.Forbidden)}
		if l.VNI != nil {
			got.vni = l.VNI.Number
		}
		if l.VLAN != nil {
			got.vlan = l.VLAN.Number
		}
		for _, p := range l.Prefixes {
			got.prefix += p.String()
		}
		for _, n := range l.Neighbors {
			got.neighbors += n.Name
			for _, a := range n.Addresses {
				got.neighbors += " " + a.String()
			}
		}
		if says := l.Says; says != nil {
			got.template = says.CurHopLimit != nil
			if says.Prefixes != nil {
				p := says.Prefixes.List
				got.prefixes = len(p)
				got.flagged = p[0].OnLink.On && p[0].Autonomous.On
				got.lifetime = p[0].Valid != nil
				if shared := strings.Contains(l.Name, "(Shared"); says.Prefixes.More != shared {
					t.Errorf("%s: may other prefixes be advertised: %v", test.key, says.Prefixes.More)
				}
			}
			if says.RDNSS != nil {
				got.servers = len(says.RDNSS.List)
			}
		}
		if got != test.want {
			t.Errorf("%s:\n got %+v\nwant %+v", test.key, got, test.want)
		}
		if !l.CloudStack || l.Iface != "" {
			t.Errorf("%s: CloudStack %t, interface %q", test.key, l.CloudStack, l.Iface)
		}
	}
	vr := cloudLink(t, s, "uplink").Forbidden[0]
	if !strings.Contains(vr.Why, "apache/cloudstack#6700") || !strings.Contains(vr.Fix, "systemctl disable --now radvd") ||
		!strings.Contains(vr.Fix, "root@169.254.12.40`") {
		t.Errorf("the shared network's router: why %q, fix %q", vr.Why, vr.Fix)
	}
	if says := cloudLink(t, s, "uplink").Says; !reflect.DeepEqual(says, &Advertisement{Prefixes: says.Prefixes}) {
		t.Errorf("more is expected of an upstream router than its prefix: %s", cloudDump(says))
	}
}

func cloudRouters(list []Router) string {
	var out []string
	for _, r := range list {
		out = append(out, r.Name+" "+r.MAC.String())
	}
	return strings.Join(out, ", ")
}

// TestCloudStackUnknownRouters: without a list of routers it is not known who may advertise, or must not.
func TestCloudStackUnknownRouters(t *testing.T) {
	s := cloudState(t, cloudFiles(t, "networks.json")...)
	for key, nobody := range map[string]bool{"web": false, "ha": false, "uplink": false, "lan": false, "old": true} {
		l := cloudLink(t, s, key)
		if l.OnlyRouters != nobody || len(l.Routers) > 0 || len(l.Forbidden) > 0 {
			t.Errorf("%s: OnlyRouters %t, Routers %v, Forbidden %v", key, l.OnlyRouters, l.Routers, l.Forbidden)
		}
	}
}

// TestCloudStackForms: one network may be written in many ways.
func TestCloudStackForms(t *testing.T) {
	const network = `{"id": "n1", "name": "web", "type": "Isolated", "ip6cidr": "2001:db8:1::1/64"}`
	const router = `{"name": "r-1-VM", "linklocalip": "169.254.1.1",
		"nic": [{"networkid": "n1", "macaddress": "02:00:00:00:00:01"}]}`
	const machine = `{"name": "www", "nic": [{"networkid": "n1", "macaddress": "02:00:00:00:00:05"}]}`
	whole := `{"count":1,"network":[` + network + `]}`
	tests := []struct {
		name, path string
		docs       []string
	}{
		{"cmk", "network[0]", []string{whole, `{"router":[` + router + `]}`, `{"virtualmachine":[` + machine + `]}`}},
		{"machines first", "network[0]", []string{`{"virtualmachine":[` + machine + `]}`, `{"router":[` + router + `]}`, whole}},
		{"raw", "listnetworksresponse.network[0]", []string{`{"listnetworksresponse":` + whole + `}`,
			`{"listroutersresponse":{"count":1,"router":[` + router + `]}}`,
			`{"listvirtualmachinesresponse":{"virtualmachine":[` + machine + `],"count":1}}`}},
		{"bare lists", "[0]", []string{"[" + network + "]", "[" + router + "]", "[" + machine + "]"}},
		{"a mixed list", "[1]", []string{"[" + router + "," + network + "," + machine + "]"}},
		{"objects", "", []string{network, router, machine}},
		{"an object in a list's place", "network", []string{`{"network":` + network + `}`, router, machine}},
		{"one object", "network[0]", []string{`{"router":[` + router + `],"network":[` + network + `],"virtualmachine":[` +
			machine + `]}`}},
		{"one file that grew", "network[0]", []string{whole + "\n" + `{"router":[` + router + `]}` + `[` + machine + `]`}},
		{"byte order mark and comment", "network[0]", []string{"\xef\xbb\xbf# of the lab\n \t# today\n" + whole, router, machine}},
		{"nothing in a list", "network[0]", []string{whole, `{}`, `{"count":0}`, `{"listroutersresponse":{}}`, `{"router":null}`,
			router, machine}},
		{"the same file again", "network[0]", []string{whole, whole, router, machine}},
		{"escapes", "network[0]", []string{strings.ReplaceAll(whole, "ip6cidr", `\u0069p6cidr`), router, machine}},
	}
	for _, test := range tests {
		var docs []Source
		for _, d := range test.docs {
			docs = append(docs, Source{Name: "doc", Data: []byte(d)})
		}
		s, err := Load(docs)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if len(s.Links) != 1 {
			t.Errorf("%s: %d links", test.name, len(s.Links))
			continue
		}
		l := s.Links[0]
		if l.Place.Path != test.path || l.Name != `network "web" (Isolated)` ||
			cloudRouters(l.Routers) != "r-1-VM 02:00:00:00:00:01" || len(l.Neighbors) != 1 ||
			!slices.Equal(l.Neighbors[0].Addresses, cloudAddresses("2001:db8:1::ff:fe00:5")) ||
			l.Says.Prefixes.List[0].Prefix.String() != "2001:db8:1::/64" {
			t.Errorf("%s: %s", test.name, cloudDump(l))
		}
	}
}

// TestCloudStackImplied: machines name their networks, which is enough where no networks are listed.
func TestCloudStackImplied(t *testing.T) {
	s := cloudState(t, cloudFiles(t, "virtualmachines.json", "routers.json")...)
	var got []string
	for _, l := range s.Links {
		got = append(got, l.Name)
	}
	want := []string{`network "web" (Isolated)`, `network "app" (Isolated)`, `network "data" (Isolated)`,
		`network "uplink" (Shared)`, `network "lan" (L2)`, `network "old" (Isolated)`, `network "ha" (Isolated)`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	web := cloudLink(t, s, "web")
	if web.VNI.Number != 2001 || !web.OnlyRouters || len(web.Says.Prefixes.List) != 1 || web.MTU != 1450 ||
		len(web.Neighbors) != 2 {
		t.Errorf("%s", cloudDump(web))
	}
	if old := cloudLink(t, s, "old"); old.OnlyRouters || old.Says != nil {
		t.Errorf("that no interface has IPv6 does not say that the network has none: %s", cloudDump(old))
	}
}

// TestCloudStackListed: where networks are listed, it is those that are meant.
func TestCloudStackListed(t *testing.T) {
	docs := append(cloudFiles(t, "virtualmachines.json", "routers.json"),
		Source{Name: "f", Data: []byte(`{"network":[{"id":"n","name":"a","type":"L2","ip6cidr":"2001:db8::/64"}]}`)})
	s := cloudState(t, docs...)
	if len(s.Links) != 1 {
		t.Fatalf("%d links", len(s.Links))
	}
	if l := s.Links[0]; l.Name != `network "a" (L2)` || l.Prefixes != nil || l.Says != nil {
		t.Errorf("%s", cloudDump(l))
	}
}

// TestCloudStackWide: in a prefix that is no /64 there is no address by SLAAC.
func TestCloudStackWide(t *testing.T) {
	s := cloudState(t, Source{Name: "f", Data: []byte(`{"network":[{"id":"n","type":"Shared","ip6cidr":"2001:db8::/56"}],
"virtualmachine":[{"nic":[{"networkid":"n","macaddress":"02:00:00:00:00:05","ip6address":"2001:db8::9"}]}]}`)})
	if got := s.Links[0].Neighbors[0].Addresses; !slices.Equal(got, cloudAddresses("2001:db8::9")) {
		t.Errorf("%v", got)
	}
}

func TestCloudStackSegment(t *testing.T) {
	tests := []struct {
		uri       string
		vni, vlan uint32
	}{
		{"vxlan://1", 1, 0}, {"vxlan://16777215", 16777215, 0}, {"VXLAN://7", 7, 0}, {"vlan://1", 0, 1}, {"vlan://4094", 0, 4094},
		{"vlan://untagged", 0, 0}, {"vlan://native", 0, 0}, {"pvlan://100-i101", 0, 0}, {"lswitch:ab", 0, 0},
		{"vlan://0", 0, 0}, {"vxlan://", 0, 0}, {"", 0, 0}, {"7", 0, 0},
	}
	for _, test := range tests {
		// An interface tells what the network itself does not.
		for _, doc := range []string{`{"network":[{"name":"a","type":"L2","broadcasturi":"` + test.uri + `"}]}`,
			`{"network":[{"id":"a","type":"L2"}],"virtualmachine":[{"nic":[{"networkid":"a","broadcasturi":"` + test.uri + `"}]}]}`} {
			l := cloudState(t, Source{Name: "f", Data: []byte(doc)}).Links[0]
			var vni, vlan uint32
			if l.VNI != nil {
				vni = l.VNI.Number
			}
			if l.VLAN != nil {
				vlan = l.VLAN.Number
			}
			if vni != test.vni || vlan != test.vlan {
				t.Errorf("%s: VNI %d, VLAN %d", doc, vni, vlan)
			}
		}
	}
}

// TestCloudStackNames: a name that two networks have tells neither apart.
func TestCloudStackNames(t *testing.T) {
	s := cloudState(t, Source{Name: "f", Data: []byte(`{"network":[
{"id":"n1","name":"web","type":"L2"},{"id":"n2","name":"web","type":"L2"},{"id":"n3","name":"web","type":"Shared"},
{"name":"x\u001b[31m\"","type":"L2"},{"id":"n4"},{"id":"n5","name":"public","traffictype":"Public"}]}`)})
	type named struct {
		name string
		keys string
	}
	want := []named{{`network "web" (L2, n1)`, "n1"}, {`network "web" (L2, n2)`, "n2"},
		{`network "web" (Shared, without ip6cidr)`, "n3"},
		{`network "x\x1b[31m\"" (L2)`, `x\x1b[31m\"`}, {`network "n4" (of unknown type)`, "n4"}}
	var got []named
	for _, l := range s.Links {
		got = append(got, named{l.Name, strings.Join(l.Keys, " ")})
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
