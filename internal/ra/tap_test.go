package ra

import (
	"net/netip"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// on returns the shot as it is captured on an interface, in a direction.
func (x shot) on(name string, d packet.Direction) shot {
	x.change = func(f *packet.Frame) { f.Interface, f.Direction = &packet.Interface{Name: name}, d }
	return x
}

func TestTap(t *testing.T) {
	const in, out = packet.Incoming, packet.Outgoing
	router := func(at float64, d packet.Direction) shot { return ra(at, healthy()).on("vnet12", d) }
	other := func(at float64, d packet.Direction) shot { return ra2(at, goodRA.Message(goodPIO)).on("vnet12", d) }
	goodbye := fields(func(r *craft.RA) { r.Lifetime = 0 })
	expected := []netip.Addr{netip.MustParseAddr(craft.RouterLL)}
	for _, tt := range []scene{
		{name: "a virtual router's tap, or a rogue's", shots: []shot{router(0, in), router(10, in)}, want: "ra.from-guest:info",
			detail: "--expect-router"},
		{name: "named after an id", shots: []shot{ra(0, healthy()).on("tapc0ffee-1", in)}, want: "ra.from-guest:info"},
		{name: "to a guest", shots: []shot{router(0, out)}},
		{name: "direction unknown", shots: []shot{router(0, packet.DirectionUnknown)}},
		{name: "into another interface", shots: []shot{ra(0, healthy()).on("eth0", in)}},
		{name: "into an interface of a similar name", shots: []shot{ra(0, healthy()).on("vnetwork", in)}},
		{name: "into a bare tap", shots: []shot{ra(0, healthy()).on("tap", in)}},
		{name: "inside a tunnel", shots: []shot{(shot{data: tunneled("192.0.2.1", "192.0.2.2", toAll(healthy()))}).on("vnet12", in)}},
		{name: "a guest that a router serves", shots: []shot{router(0, out), other(1, in), other(11, in)}, want: "ra.from-guest",
			detail: "router fe80::ff:fe00:1 serves it"},
		{name: "the router comes later", shots: []shot{other(0, in), router(1, out)}, want: "ra.from-guest", detail: "fe80::ff:fe00:1"},
		{name: "its own RA comes back", shots: []shot{router(0, in), router(1, out)}, want: "ra.from-guest:info"},
		{name: "a goodbye serves nobody", shots: []shot{ra(0, goodbye).on("vnet12", out), other(1, in)}, want: "ra.from-guest:info"},
		{name: "the router expected", shots: []shot{router(0, in)}, routers: expected},
		{name: "another than the router expected", shots: []shot{other(0, in)}, routers: expected,
			want: "ra.from-guest"},
		{name: "a hostile name", shots: []shot{ra(0, healthy()).on("vnet1\x1b[2J", in)}, want: "ra.from-guest:info"},
	} {
		t.Run(tt.name, tt.run)
	}
}
