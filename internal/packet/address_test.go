package packet

import (
	"net/netip"
	"testing"
)

func TestAddressesOfMAC(t *testing.T) {
	mac := MAC{0x02, 0x01, 0x00, 0xcb, 0x00, 0x05}
	a := EUI64(netip.MustParsePrefix("2001:db8:1:2:3::/64"), mac)
	if a != netip.MustParseAddr("2001:db8:1:2:1:ff:fecb:5") {
		t.Errorf("EUI64 is %v", a)
	}
	if ll := LinkLocal(mac); ll != netip.MustParseAddr("fe80::1:ff:fecb:5") {
		t.Errorf("LinkLocal is %v", ll)
	}
	if m, ok := EmbeddedMAC(a); !ok || m != mac {
		t.Errorf("EmbeddedMAC is %v, %v", m, ok)
	}
	for _, other := range []string{"2001:db8::5", "192.0.2.1", "fe80::1:ff:cb:5"} {
		if m, ok := EmbeddedMAC(netip.MustParseAddr(other)); ok {
			t.Errorf("%s has %v in it", other, m)
		}
	}
	if g := SolicitedNode(a); g != netip.MustParseAddr("ff02::1:ffcb:5") {
		t.Errorf("SolicitedNode is %v", g)
	}
}
