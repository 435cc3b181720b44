package ifaddr

import (
	"net/netip"
	"testing"
)

func TestParse(t *testing.T) {
	const list = "fe800000000000000000000000000001 02 40 20 80     eth0\n" +
		"20010db8000000000000000000000003 0a 70 00 c8     eth1\n" +
		"damaged\nzz 05 40 20 80 eth3\nc0000201 05 20 00 80 eth3\n"
	all := Parse([]byte(list))
	want := []Address{
		{netip.MustParsePrefix("fe80::1/64"), 2, "eth0", 0x80},
		{netip.MustParsePrefix("2001:db8::3/112"), 10, "eth1", 0xc8},
	}
	if len(all) != len(want) || all[0] != want[0] || all[1] != want[1] {
		t.Errorf("%+v", all)
	}
}
