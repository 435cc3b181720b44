package report

import (
	"bytes"
	"net/netip"
	"os"
	"testing"

	"v6probe/internal/icmp6"
	"v6probe/internal/trace"
)

func jsonDoc(t *testing.T) []byte {
	t.Helper()
	doc, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func tracedPaths() []trace.Path {
	addr := netip.MustParseAddr
	underlay := trace.Tunnel{VNI: 100, Source: addr("192.0.2.1"), Destination: addr("192.0.2.2"), Port: 4789}
	return []trace.Path{
		{Type: icmp6.TypeRouterAdvertisement, Source: addr("fe80::1:ff:fecb:fe"), Destination: addr("ff02::1"), Lifetime: 45, From: "vnet9", Count: 4,
			Tunnel: underlay, Exits: []trace.Exit{{Port: "vnet1", Seen: 4}, {Port: "vnet2", Missed: 4},
				{Port: "vxlan100", Kind: trace.Overlay, Seen: 4, Below: 4, Device: "eth0"}}},
		{Type: icmp6.TypeRouterAdvertisement, Source: addr("fe80::1:ff:fecb:3"), Destination: addr("ff02::1"), Lifetime: 45, From: "vnet3", Rogue: true,
			Disguise: "in fragments", Count: 2, Nowhere: 2},
		{Type: icmp6.TypeRouterSolicitation, Source: addr("fe80::1:ff:fecb:1"), Destination: addr("ff02::2"), Untaken: "vxlan100", Tunnel: underlay,
			Count: 1, Nowhere: 1},
		{Type: icmp6.TypeNeighborSolicitation, Source: addr("fe80::1:ff:fecb:1"), Destination: addr("ff02::1:ffcb:2"), Target: addr("fe80::1:ff:fecb:2"),
			From: "vnet1", Count: 3, Exits: []trace.Exit{{Port: "vnet2", Seen: 3}}},
	}
}

func TestTraces(t *testing.T) {
	var out bytes.Buffer
	NewText(&out, Style{}).Traces(tracedPaths(), false, func(p *trace.Path, port string) string { return "kernel: " + p.Type.String() + " at " + port })
	want := `Router Advertisement fe80::1:ff:fecb:fe > ff02::1, router lifetime 45 s, 4 times
  vnet9 ┬─ vnet1     4 of 4
        ├─ vnet2     LOST 4 of 4; kernel: router-advertisement at vnet2
        └─ vxlan100  4 of 4; 4 left by eth0 in VXLAN 100, UDP port 4789

Router Advertisement, in fragments fe80::1:ff:fecb:3 > ff02::1, router lifetime
45 s, 2 times
  vnet3 ── stopped

Router Solicitation fe80::1:ff:fecb:1 > ff02::2, 1 time
  VXLAN 100 from 192.0.2.1 > vxlan100 ── NOT TAKEN

3 messages of neighbor discovery came out as they should (-v draws them).
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwanted\n%s", got, want)
	}
}

func TestTracesJSON(t *testing.T) {
	var out bytes.Buffer
	if err := NewJSON(&out).Traces(tracedPaths()); err != nil {
		t.Fatal(err)
	}
	documented(t, string(jsonDoc(t)), out.Bytes())
	first, _, _ := bytes.Cut(out.Bytes(), []byte("\n"))
	want := `{"type":"path","schema":1,"message":"router-advertisement","source":"fe80::1:ff:fecb:fe","destination":"ff02::1","mac":"00:00:00:00:00:00",` +
		`"from":"vnet9","vni":100,"tunnel_source":"192.0.2.1","tunnel_destination":"192.0.2.2","tunnel_port":4789,"rogue":false,"count":4,"nowhere":0,` +
		`"exits":[{"port":"vnet1","seen":4,"missed":0},{"port":"vnet2","seen":0,"missed":4},{"port":"vxlan100","seen":4,"missed":0,"below":4,"device":"eth0"}]}`
	if string(first) != want {
		t.Errorf("got\n%s\nwanted\n%s", first, want)
	}
}
