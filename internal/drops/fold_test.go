package drops

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// fewFunctions is a kernel of few functions, 16 bytes each.
const fewFunctions = `ffffffff81000000 T _text
ffffffff81000010 T nft_do_chain
ffffffff81000020 T nft_do_chain_ipv6
ffffffff81000030 T nf_hook_slow
ffffffff81000040 T ip6_input
ffffffff81000050 T ip6_forward
ffffffff81000060 T icmpv6_rcv
ffffffff81000070 T br_handle_frame_finish
ffffffff81000080 T _etext
`

// fakePlaces names namespaces and devices by their numbers.
type fakePlaces struct{}

func (fakePlaces) Name(inode uint32) string { return fmt.Sprintf("ns%d", inode) }

func (fakePlaces) Device(inode, index uint32, fallback string) string {
	if fallback != "" {
		return fallback
	}
	return fmt.Sprintf("dev%d.%d", inode, index)
}

func named(t *testing.T) *names {
	t.Helper()
	s, err := ParseSymbols(strings.NewReader(fewFunctions))
	if err != nil {
		t.Fatal(err)
	}
	return &names{symbols: s, reasons: map[uint32]string{2: "NOT_SPECIFIED", 12: reasonNetfilter}, where: fakePlaces{},
		boot: time.Unix(1000, 0)}
}

// after returns the address after the last call in the nth function.
func after(n uint64) uint64 { return 0xffffffff81000000 + 16*(n+1) }

func TestFold(t *testing.T) {
	input := Record{Location: after(1), Callers: [5]uint64{after(2), after(3), after(4)}, NetNS: 7, Interface: 3, Arrived: 3, Reason: 12, Type: 134,
		Packets: 2, Bytes: 200, First: 5e9, Last: 6e9, Name: "eth0", Source: netip.MustParseAddr("fe80::2")}
	other := input // the same place, though called from elsewhere further out
	other.Callers[3], other.First, other.Last, other.Packets, other.Source = after(6), 4e9, 7e9, 3, netip.MustParseAddr("fe80::1")
	port := Record{Location: after(7), NetNS: 7, Interface: 4, Arrived: 5, Reason: 2, Type: 135, Flags: Multicast, Packets: 1, Name: "br0"}
	fresh := Record{Location: after(6), Reason: 2, Type: 135} // not counted yet

	list := named(t).fold([]Record{port, input, other, fresh})
	if len(list) != 2 {
		t.Fatalf("%d drops: %+v", len(list), list)
	}
	d := list[0]
	if d.Packets != 5 || d.Bytes != 400 || !d.First.Equal(time.Unix(1004, 0)) || !d.Last.Equal(time.Unix(1007, 0)) || d.Source != other.Source {
		t.Errorf("added up to %+v", d)
	}
	if d.Location != "nft_do_chain" || !slices.Equal(d.Callers, []string{"nft_do_chain_ipv6", "nf_hook_slow", "ip6_input"}) ||
		d.NetNS != "ns7" || d.Interface != "eth0" || d.Arrived != "" || d.Reason != reasonNetfilter {
		t.Errorf("named %+v", d)
	}
	if p := list[1]; p.Interface != "br0" || p.Arrived != "dev7.5" || p.Location != "br_handle_frame_finish" {
		t.Errorf("named %+v", p)
	}
}

// TestInfer has packets that were counted without their stack: they belong to the one hook that others were dropped at,
// and to none where there are two.
func TestInfer(t *testing.T) {
	at := func(hook uint64, typ uint8, packets uint64) Record {
		return Record{Location: after(1), Callers: [5]uint64{after(2), after(3), after(hook)}, Reason: 12, Type: typ, Packets: packets}
	}
	without := func(typ uint8, packets uint64) Record {
		return Record{Location: after(1), Reason: 12, Type: typ, Packets: packets, Flags: StackNotTaken}
	}
	list := Infer(named(t).fold([]Record{at(4, 134, 10), without(134, 100), at(4, 135, 20), at(5, 135, 30), without(135, 200), without(136, 7)}))
	got := make(map[string]uint64)
	for _, d := range list {
		got[fmt.Sprint(uint8(d.Type), d.Flags.Has(StackNotTaken), strings.Contains(d.Hook, "forward"))] += d.Packets
	}
	want := map[string]uint64{"134 false false": 110, "135 false false": 20, "135 false true": 30, "135 true false": 200, "136 true false": 7}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestWithoutNames has a kernel that hides its functions, and numbers without a name.
func TestWithoutNames(t *testing.T) {
	n := named(t)
	n.symbols = nil
	d := n.fold([]Record{{Location: after(1), Callers: [5]uint64{after(2)}, Reason: 99, Type: 134, Packets: 1}})[0]
	if d.Location != "" || d.Reason != "reason 99" || d.Interface != "" || d.Class != Unknown {
		t.Errorf("got %+v", d)
	}
	if got := n.reason(2<<16 | 5); got != "subsystem 2 reason 5" {
		t.Errorf("got %q", got)
	}
}

// TestChecksum: that no checksum was found right says something only where the kernel has looked.
func TestChecksum(t *testing.T) {
	for location, want := range map[uint64]bool{after(6): true, after(1): false, after(7): false} {
		d := named(t).fold([]Record{{Location: location, Reason: 2, Type: 135, Flags: BadChecksum, Packets: 1}})[0]
		if got := d.Flags.Has(BadChecksum); got != want {
			t.Errorf("%s: %v", d.Location, got)
		}
	}
}
