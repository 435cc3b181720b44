package report

import (
	"bytes"
	"net/netip"
	"os"
	"testing"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/slaac"
)

// TestHostJSON: the object is JSON whatever came off the wire, and docs/slaac.md and docs/json.md name its fields.
func TestHostJSON(t *testing.T) {
	router, prefix := netip.MustParseAddr("fe80::1"), netip.MustParsePrefix("2001:db8:1::/64")
	st := slaac.State{
		MAC: packet.MAC{2, 0, 0, 0, 0, 2}, Present: true, Advertisements: 3,
		LinkLocal: slaac.Address{Address: netip.MustParseAddr("fe80::ff:fe00:2"), State: slaac.Preferred},
		Addresses: []slaac.Address{{Address: netip.MustParseAddr("2001:db8:1::ff:fe00:2"), Prefix: prefix, State: slaac.Preferred, Valid: slaac.Forever,
			Preferred: 14400e9, Router: router, Temporary: true, Held: true, Contested: packet.MAC{2, 0, 0, 0, 0, 5}}},
		Refused:  []slaac.Refusal{{Prefix: prefix, Reason: slaac.NotAutonomous, Router: router, Frame: 1, Count: 2}},
		Prefixes: []slaac.OnLink{{Prefix: prefix, Left: slaac.Forever}},
		Routers:  []slaac.Router{{Address: router, MAC: packet.MAC{2, 0, 0, 0, 0, 1}, Left: 45e9, WasDefault: true, Count: 3}},
		Routes:   []slaac.Route{{Prefix: netip.MustParsePrefix("2001:db8:9::/48"), Router: router, Preference: icmp6.PreferenceHigh, Left: 1e9}},
		DNS:      []slaac.Server{{Address: netip.MustParseAddr("2001:db8::53"), Router: router, Left: 30e9}},
		Domains:  []slaac.Domain{{Name: "evil\x1b\".example", Router: router, Left: 30e9}},
		MTU:      slaac.MTU{Value: 1450, Refused: 9000, Reason: slaac.AboveLink}, LinkMTU: 1500, HopLimit: slaac.HopLimit{Value: 64},
	}
	var out bytes.Buffer
	if err := NewJSON(&out).Host(&st, "interface", "eth0"); err != nil {
		t.Fatal(err)
	}
	host := unmarshal(t, out.Bytes())
	if host["chosen"] != "interface" || host["global_address"] != true || host["mtu_refused"] != 9000.0 {
		t.Errorf("%s", out.Bytes())
	}
	if a := host["addresses"].([]any)[0].(map[string]any); a["valid"] != 4294967295.0 || a["preferred"] != 14400.0 {
		t.Errorf("address %v", a)
	}
	if bytes.ContainsRune(out.Bytes(), 0x1b) {
		t.Error("an escape sequence came through")
	}
	var docs []byte
	for _, name := range []string{"../../docs/slaac.md", "../../docs/json.md"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, b...)
	}
	documented(t, string(docs), out.Bytes())
}
