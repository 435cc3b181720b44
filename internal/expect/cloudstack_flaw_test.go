package expect

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"v6probe/internal/rule"
)

// TestCloudStackFlaws holds what is wrong in the fixtures, and where.
func TestCloudStackFlaws(t *testing.T) {
	want := []struct {
		id       rule.ID
		severity rule.Severity
		link     string
		place    string
		detail   string // what is in it
		fix      string // likewise
	}{
		{"expect.network-mtu", rule.Error, `network "tiny" (Isolated)`, "flaws.json:44 (network[0].privatemtu)",
			"privatemtu is 576, and IPv6 needs 1280", "`cmk update network id=54a58639-1389-4e8a-9e99-4d2c5e39581d privatemtu=1450`"},
		{"expect.network-mtu", rule.Error, `network "cart" (Isolated)`, "flaws.json:134 (network[1].publicmtu)",
			"publicmtu is 1200, and IPv6 needs 1280", "`cmk update vpc id=a1b8f350-10f8-49dc-9403-9d30a4502a32 publicmtu=1500`"},
		{"expect.source", rule.Warning, `network "lost" (Isolated, without ip6cidr)`, "flaws.json:201 (network[2].internetprotocol)",
			"only fe80:: addresses (compare apache/cloudstack#13121)", "id=5bd212e8-2fdf-4317-92e9-2a4660651771"},
		{"expect.source", rule.Warning, `network "wide" (Isolated)`, "flaws.json:280 (network[3].ip6cidr)",
			"ip6cidr is fd17:5c1:a0:600::/56, not a /64", "/64"},
		{"expect.source", rule.Warning, `network "astray" (Shared)`, "flaws.json:368 (network[4].ip6gateway)",
			"ip6gateway is 2001:db8:120::1, which is not in ip6cidr 2001:db8:121::/64", "wrong"},
		{"expect.source", rule.Warning, `network "web" (Isolated)`, "virtualmachines.json:112 (virtualmachine[1].nic[0].ip6address)",
			"ip6address of i-2-8-VM is fd17:5c1:a0:1::cafe, but SLAAC gives it fd17:5c1:a0:1:1:ff:fec0:6, by its MAC 02:01:00:c0:00:06",
			"Take the interface off"},
	}
	got := cloudState(t, cloudFiles(t, "flaws.json", "networks.json", "virtualmachines.json", "routers.json")...).Flaws
	if len(got) != len(want) {
		t.Fatalf("got %d flaws, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		g := got[i]
		if g.Rule != w.id || g.Severity != w.severity || g.Link != w.link || g.Place.String() != w.place ||
			!strings.Contains(g.Detail, w.detail) || !strings.Contains(g.Fix, w.fix) {
			t.Errorf("got\n%+v\nwant\n%+v", g, w)
		}
	}
}

// TestCloudStackLost: what is expected of a network that should have IPv6 and has no prefix. Its router may advertise; the
// flaw says what is wrong.
func TestCloudStackLost(t *testing.T) {
	l := cloudLink(t, cloudState(t, cloudFiles(t, "flaws.json")...), "lost")
	if l.Says == nil || l.Says.Prefixes != nil || l.OnlyRouters || l.Prefixes != nil {
		t.Errorf("%s", cloudDump(l))
	}
}

func TestCloudStackMTU(t *testing.T) {
	const head = `{"network":[{"id":"n","name":"a","type":"Isolated",`
	nic := func(mtu int) string {
		return fmt.Sprintf(`{"name":"g","nic":[{"networkid":"n","macaddress":"02:00:00:00:00:05","mtu":%d}]}`, mtu)
	}
	tests := []struct {
		doc   string
		mtu   int
		flaws int
	}{
		{head + `"ip6cidr":"2001:db8::/64","privatemtu":1280,"publicmtu":1280}]}`, 1280, 0},
		{head + `"ip6cidr":"2001:db8::/64","privatemtu":1279,"publicmtu":1279}]}`, 1279, 2},
		{head + `"ip6cidr":"2001:db8::/64","privatemtu":0,"publicmtu":null}]}`, 0, 0},
		{head + `"internetprotocol":"IPv4","privatemtu":576}]}`, 576, 0},
		{head + `"internetprotocol":"IPv4","ip6cidr":"2001:db8::/64","privatemtu":576}]}`, 576, 1},
		{head + `"privatemtu":576}]}`, 576, 1},
		{head + `"ip6cidr":"2001:db8::/64"}],"virtualmachine":[` + nic(0) + "," + nic(1400) + `]}`, 1400, 0},
		{head + `"ip6cidr":"2001:db8::/64"}],"router":[` + nic(1400) + `]}`, 0, 0},
		{head + `"ip6cidr":"2001:db8::/64"}],"router":[` + nic(68) + `]}`, 0, 1},
		{head + `"ip6cidr":"2001:db8::/64","privatemtu":576}],"virtualmachine":[` + nic(576) + `]}`, 576, 1},
		{head + `"ip6cidr":"2001:db8::/64","privatemtu":1450}],"virtualmachine":[` + nic(576) + `]}`, 1450, 1},
		{head + `"ip6cidr":"2001:db8::/64"}],"virtualmachine":[` + strings.Repeat(nic(576)+",", 30) + nic(576) + `]}`, 576, 11},
	}
	for _, test := range tests {
		s := cloudState(t, Source{Name: "f", Data: []byte(test.doc)})
		if s.Links[0].MTU != test.mtu || len(s.Flaws) != test.flaws {
			t.Errorf("%s: MTU %d, %d flaws: %+v", test.doc, s.Links[0].MTU, len(s.Flaws), s.Flaws)
		}
		for _, f := range s.Flaws {
			if f.Rule != "expect.network-mtu" || f.Severity != rule.Error {
				t.Errorf("%s: %+v", test.doc, f)
			}
		}
	}
}

// TestCloudStackNoFlaw holds what looks like a flaw, and is none.
func TestCloudStackNoFlaw(t *testing.T) {
	for _, doc := range []string{
		`{"network":[{"name":"a","type":"Shared","internetprotocol":"DualStack"}]}`,
		`{"network":[{"name":"a","type":"Shared","ip6cidr":"2001:db8::/64","ip6gateway":"fe80::1"}]}`,
		`{"network":[{"name":"a","type":"Isolated","ip6cidr":"2001:db8::/64","ip6gateway":""}]}`,
		`{"network":[{"id":"n","type":"Shared","ip6cidr":"2001:db8::/64"}],"virtualmachine":[{"nic":[{"networkid":"n",` +
			`"macaddress":"02:00:00:00:00:01","ip6address":null,"secondaryip":[{"id":"x"},{"ipaddress":"192.0.2.1"}]}]}]}`,
	} {
		if s := cloudState(t, Source{Name: "f", Data: []byte(doc)}); len(s.Flaws) > 0 {
			t.Errorf("%s: %+v", doc, s.Flaws)
		}
	}
}

// TestCloudStackMany: where all guests have another address, that is not said of each.
func TestCloudStackMany(t *testing.T) {
	const guest = `{"name":"g","nic":[{"networkid":"n","macaddress":"02:00:00:00:00:05","ip6address":"2001:db8::9"}]}`
	s := cloudState(t, Source{Name: "f", Data: []byte(`{"network":[{"id":"n","type":"Shared","ip6cidr":"2001:db8::/64"}],
"virtualmachine":[` + strings.Repeat(guest+",", 40) + guest + `]}`)})
	const last = "31 more guests have another ip6address than SLAAC gives them"
	if n := len(s.Flaws); n != maxAlike+1 || s.Flaws[n-1].Detail != last {
		t.Errorf("%d flaws: %+v", n, s.Flaws)
	}
	if n := len(s.Links[0].Neighbors); n != 41 {
		t.Errorf("%d neighbors", n)
	}
}

// TestCloudStackCommand: what is to be copied to a shell holds no words of the file but ids.
func TestCloudStackCommand(t *testing.T) {
	if _, err := netip.ParseAddr("fe80::1%$(reboot)"); err != nil {
		t.Fatal("package netip no longer takes any zone")
	}
	s := cloudState(t, Source{Name: "f", Data: []byte(`{"network":[{"id":"x; reboot","type":"Isolated","privatemtu":100}],
"router":[{"nic":[{"networkid":"x; reboot","macaddress":"02:00:00:00:00:01"}]}]}`)},
		Source{Name: "g", Data: []byte(`{"network":[{"id":"s","type":"Shared"}],
"router":[{"name":"r-1-VM","linklocalip":"fe80::1%$(reboot)","nic":[{"networkid":"s","macaddress":"02:00:00:00:00:01"}]}]}`)})
	fixes := []string{s.Flaws[0].Fix, cloudLink(t, s, "s").Forbidden[0].Fix}
	if !strings.Contains(fixes[0], "id=ID ") {
		t.Errorf("%q", fixes[0])
	}
	for _, fix := range fixes {
		if strings.Contains(fix, "reboot") {
			t.Errorf("%q", fix)
		}
	}
}

// TestCloudStackErrors holds what is said of files that cannot be used.
func TestCloudStackErrors(t *testing.T) {
	deep := strings.Repeat("[", 20000)
	list := func(network string) string { return `{"network":[` + "\n" + network + "]}" }
	tests := []struct{ doc, want string }{
		{`{"network":[`, "f:1:12: it is not valid JSON: unexpected end of JSON input"},
		{"{\"network\":[\n {\"id\":\"a\",}]}",
			"f:2:12: it is not valid JSON: invalid character '}' looking for beginning of object key string"},
		{list(`{"privatemtu":NaN}`), "f:2:15: it is not valid JSON: invalid character 'N' looking for beginning of value"},
		{list(`{"name":"` + "a\xff" + `"}`), "f:2:11: it is not valid UTF-8"},
		{list("{\"name\":\"a\x00\"}"), `f:2:11: it is not valid JSON: invalid character '\x00' in string literal`},
		{deep, "f:1:10001: it is not valid JSON: invalid character '[' exceeded max depth"},
		{`{"network":` + deep, "f:1:10011: it is not valid JSON: invalid character '[' exceeded max depth"},
		{list(`{"privatemtu":1e999}`), "f:2:15: network[0].privatemtu is 1e999, not a whole number up to 2147483647"},
		{list(`{"privatemtu":-1}`), "f:2:15: network[0].privatemtu is -1, not a whole number up to 2147483647"},
		{list(`{"publicmtu":` + strings.Repeat("9", 1000) + `}`), "f:2:14: network[0].publicmtu is " + strings.Repeat("9", 100) +
			"…, not a whole number up to 2147483647"},
		{list(`{"privatemtu":"1450"}`), "f:2:15: network[0].privatemtu is a string, not a number"},
		{list(`{"name":7}`), "f:2:9: network[0].name is a number, not a string"},
		{list(`{"name":["a"]}`), "f:2:9: network[0].name is a list, not a string"},
		{list(`{"ip6cidr":{}}`), "f:2:12: network[0].ip6cidr is an object, not a string"},
		{list(`{"type":true}`), "f:2:9: network[0].type is true or false, not a string"},
		{list(`null`), "f:2:1: network[0] is null, not an object"},
		{`{"network":7}`, "f:1:12: network is a number, not a list"},
		{`{"virtualmachine":[{"nic":{}}]}`, "f:1:27: virtualmachine[0].nic is an object, not a list"},
		{`{"virtualmachine":[{"nic":[7]}]}`, "f:1:28: virtualmachine[0].nic[0] is a number, not an object"},
		{`{"router":[{"nic":[{"mtu":"a"}]}]}`, "f:1:27: router[0].nic[0].mtu is a string, not a number"},
		{list(`{"id":"a"},` + "\n" + `{"id":"a"}`), "f:3:7: the network a is listed twice; first at f:2 (network[0].id)"},
		{`[{"instancename":"i","id":"a"},{"instancename":"i","id":"a"}]`,
			"f:1:57: the virtual machine a is listed twice; first at f:1 ([0].id)"},
		{list(`{"name":"a",` + "\n" + `"name":"b"}`), "f:3:8: network[0].name is there twice; first in line 2"},
		{list(`{"privatemtu":1,"privatemtu":1}`), "f:2:30: network[0].privatemtu is there twice; first in line 2"},
		{`{"router":[{"nic":[],"nic":[]}]}`, "f:1:28: router[0].nic is there twice; first in line 1"},
		{list(`{"ip6cidr":"10.0.0.0/8"}`), `f:2:12: network[0].ip6cidr is "10.0.0.0/8", not an IPv6 prefix`},
		{list(`{"ip6cidr":"::ffff:10.0.0.0/104"}`), `f:2:12: network[0].ip6cidr is "::ffff:10.0.0.0/104", not an IPv6 prefix`},
		{list(`{"ip6cidr":"2001:db8::/\u001b"}`), `f:2:12: network[0].ip6cidr is "2001:db8::/\x1b", not an IPv6 prefix`},
		{list(`{"ip6cidr":"2001:db8::/64","ip6gateway":"fe80::1%eth0","type":"Shared"}`),
			`f:2:41: network[0].ip6gateway is "fe80::1%eth0", not an IPv6 address`},
		{list(`{"ip6cidr":"2001:db8::/64","ip6dns1":"192.0.2.1","type":"Isolated"}`),
			`f:2:38: network[0].ip6dns1 is "192.0.2.1", not an IPv6 address`},
		{list(`{"broadcasturi":"vxlan://16777216"}`),
			`f:2:17: network[0].broadcasturi is "vxlan://16777216", but VXLAN ids go from 1 to 16777215`},
		{list(`{"broadcasturi":"vlan://99999999999999999999"}`),
			`f:2:17: network[0].broadcasturi is "vlan://99999999999999999999", but VLAN ids go from 1 to 4094`},
		{`{"network":[{"id":"n"}],"virtualmachine":[{"nic":[{"networkid":"n","macaddress":"02:00"}]}]}`,
			`f:1:81: virtualmachine[0].nic[0].macaddress is "02:00", not an Ethernet address`},
		{`{"network":[{"id":"n","type":"Shared","ip6cidr":"2001:db8::/64"}],"virtualmachine":[{"nic":[{"networkid":"n",` +
			`"macaddress":"02:00:00:00:00:01","secondaryip":[{"ipaddress":"x"}]}]}]}`,
			`f:1:171: virtualmachine[0].nic[0].secondaryip[0].ipaddress is "x", not an IPv6 address`},
		{`{"listnetworksresponse":{"errorcode":401,"errortext":"unable to verify\nuser"}}`,
			`f:1:54: CloudStack answered with an error: unable to verify\nuser`},
		{`{"listvpcsresponse":{"vpc":[{"id":"v"}]}}`,
			"f:1:21: it is no network, virtual machine or router of CloudStack's API"},
		{`[{"id":"a"}]`, "f:1:2: it is no network, virtual machine or router of CloudStack's API"},
		{`{"count":0}`, "f: CloudStack lists no guest network in it"},
		{`[]`, "f: CloudStack lists no guest network in it"},
		{`{"network":[]} {"router":[]`, "f:1:27: it is not valid JSON: unexpected end of JSON input"},
		{`{"network":[]} 7`, "f:1:16: it is not valid JSON: invalid character '7' after top-level value"},
	}
	for _, test := range tests {
		_, err := parseCloudStack([]Source{{Name: "f", Data: []byte(test.doc)}})
		if err == nil {
			t.Errorf("%.60q: no error", test.doc)
			continue
		}
		checkCloudError(t, err)
		if err.Error() != test.want {
			t.Errorf("%.60q:\n got %s\nwant %s", test.doc, err, test.want)
		}
	}
}

// TestCloudStackRoom: what is read is bounded, over all files.
func TestCloudStackRoom(t *testing.T) {
	doc := []byte(`{"network":[` + strings.Repeat("{},", maxObjects/2) + "{}]}")
	_, err := parseCloudStack([]Source{{Name: "a", Data: doc}, {Name: "b", Data: doc}})
	const want = "b:1:393220: there are more than 262144 networks, machines and interfaces"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// checkCloudError holds what must be so of any error: one line, that says where, and harms no terminal.
func checkCloudError(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T: %v", err, err)
	}
	if e.Place.File == "" || e.Reason == "" {
		t.Errorf("%+v", e)
	}
	for _, s := range []string{e.Error(), e.Hint()} {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || len(s) > 1000 {
			t.Errorf("not to be shown: %.200q", s)
		}
	}
}

func FuzzCloudStack(f *testing.F) {
	for _, d := range cloudFiles(f, "networks.json", "virtualmachines.json", "routers.json", "flaws.json", "raw-network.json",
		"raw-router.json") {
		f.Add(d.Data)
	}
	f.Add([]byte(`{"network":[{"id":"n","type":"Shared","ip6cidr":"2001:db8::/64"}],"virtualmachine":[{"nic":[{"networkid":"n",` +
		`"macaddress":"02:00:00:00:00:01","secondaryip":[{"ipaddress":"2001:db8::5"}]}]}]}`))
	f.Add([]byte("\xef\xbb\xbf# c\n[{\"instancename\":\"i\\u0000\",\"nic\":[{\"networkid\":\"n\"}]}]{\"listroutersresponse\":{}}"))
	f.Add([]byte(`{"errortext":"no"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseCloudStack([]Source{{Name: "f", Data: b}})
		if err != nil {
			checkCloudError(t, err)
			return
		}
		if len(s.Links) == 0 {
			t.Error("neither links nor an error")
		}
		var shown []string
		for _, l := range s.Links {
			shown = append(append(shown, l.Name), l.Keys...)
			for _, r := range append(l.Routers, l.Forbidden...) {
				shown = append(shown, r.Name, r.Why, r.Fix)
			}
			for _, n := range l.Neighbors {
				shown = append(shown, n.Name)
			}
		}
		for _, w := range s.Flaws {
			shown = append(shown, w.Link, w.Detail, w.Fix)
		}
		for _, text := range shown {
			if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || len(text) > 1500 {
				t.Errorf("not to be shown: %.200q", text)
			}
		}
	})
}
