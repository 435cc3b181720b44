package capture

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/bpf"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// filterPacket is an IP packet and whether it is to be admitted.
type filterPacket struct {
	name  string
	ip    []byte
	want  bool
	vxlan bool // it is VXLAN, which is admitted when it is found in VXLAN, whatever is inside
	large bool // it is to be admitted for its length, if not anyway
	tcp   bool // it is to be admitted as TCP
}

// filters are those that commands use.
var filters = []Filter{{}, {Large: true}, {Large: true, TCP: true}}

// wants reports whether f is to admit p.
func (p *filterPacket) wants(f Filter) bool { return p.want || f.Large && p.large || f.TCP && p.tcp }

const (
	outer4a, outer4b = "192.0.2.1", "192.0.2.2"
	outer6a, outer6b = "2001:db8::1", "2001:db8::2"
)

// filterPackets returns packets of all kinds that the filter tells apart, VXLAN among them down to the given depth.
func filterPackets(depth int) []filterPacket {
	ra := craft.IPv6(craft.RouterLL, craft.AllNodes, 255, 58,
		craft.ICMPv6(craft.RouterLL, craft.AllNodes, craft.CloudStackRA().Message(craft.CloudStackOptions()...)))
	udp6 := func(sport, dport uint16) []byte {
		return craft.IPv6(craft.GuestLL, craft.RouterLL, 64, 17,
			craft.UDP6(craft.GuestLL, craft.RouterLL, sport, dport, make([]byte, 40)))
	}
	next := func(next uint8) []byte {
		return craft.IPv6(craft.GuestLL, craft.RouterLL, 64, next, craft.Join(craft.HopByHop(58), make([]byte, 40)))
	}
	udp4 := craft.IPv4(outer4a, outer4b, 17, craft.Join([]byte{0, 53, 0x12, 0xb5, 0, 16, 0, 0}, make([]byte, 60)))
	// sized returns an IPv6 packet of that Payload Length, of which more was not captured.
	sized := func(next uint8, length int, payload []byte) []byte {
		b := craft.IPv6(craft.GuestLL, craft.RouterLL, 64, next, craft.Join(payload, make([]byte, 40)))
		binary.BigEndian.PutUint16(b[4:], uint16(length))
		return b
	}
	ports := func(from, to uint16) []byte {
		return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, from), to)
	}
	list := []filterPacket{
		{"ra", ra, true, false, false, false},
		{"hop-by-hop", next(0), true, false, false, false},
		{"routing", next(43), true, false, false, false},
		{"fragment", next(44), true, false, false, false},
		{"authentication", next(51), true, false, false, false},
		{"destination options", next(60), true, false, false, false},
		{"encapsulated security payload", next(50), false, false, false, false},
		{"no next header", next(59), false, false, false, false},
		{"tcp", next(6), false, false, false, true},
		{"udp noise", udp6(5000, 5001), false, false, false, false},
		{"dhcpv6 from a client", udp6(546, 547), true, false, false, false},
		{"dhcpv6 source port client", udp6(546, 9), true, false, false, false},
		{"dhcpv6 source port server", udp6(547, 9), true, false, false, false},
		{"dhcpv6 destination port client", udp6(9, 546), true, false, false, false},
		{"dhcpv6 destination port server", udp6(9, 547), true, false, false, false},
		{"ports above and below dhcpv6", udp6(545, 548), false, false, false, false},
		{"from the vxlan port only", udp6(4789, 9), false, false, false, false},
		{"ipv4 icmp", craft.IPv4(outer4a, outer4b, 1, make([]byte, 60)), false, false, false, false},
		{"ipv4 udp, port 4789 with nothing", udp4, false, true, false, false},
		{"ipv4 protocol 58", craft.IPv4(outer4a, outer4b, 58, make([]byte, 60)), false, false, false, false},
		{"tcp, one byte short of large", sized(6, 1239, nil), false, false, false, true},
		{"tcp, just large", sized(6, 1240, nil), false, false, true, true},
		{"large udp", sized(17, 1400, ports(5000, 5001)), false, false, true, false},
		{"large dhcpv6", sized(17, 1400, ports(547, 546)), true, false, true, false},
		{"large icmpv6", sized(58, 1400, nil), true, false, true, false},
		{"large encapsulated security payload", sized(50, 1400, nil), false, false, true, false},
	}
	if depth == 0 {
		return list
	}
	for _, p := range filterPackets(depth - 1) {
		want := p.want || p.vxlan
		frame := filterFrame(p.ip)
		one := filterFrame(p.ip, 0x8100)
		two := filterFrame(p.ip, 0x8100, 0x8100)
		wrapped := craft.VXLAN(outer4a, outer4b, 4789, 5001, one)
		fragment := craft.Join(wrapped)
		fragment[7] = 1
		farFragment := craft.Join(wrapped)
		farFragment[6] = 0x10
		first := craft.Join(wrapped)
		first[6] = 0x20
		options := craft.Join(wrapped[:20], make([]byte, 8), wrapped[20:])
		options[0] = 0x47
		six := craft.VXLAN(outer6a, outer6b, 4789, 5001, frame)
		largeSix := craft.Join(six)
		binary.BigEndian.PutUint16(largeSix[4:], 1500)
		list = append(list,
			filterPacket{"vxlan over ipv4: " + p.name, craft.VXLAN(outer4a, outer4b, 8472, 5001, frame), want, true, p.large, p.tcp},
			filterPacket{"vxlan over ipv4, inner tag: " + p.name, wrapped, want, true, p.large, p.tcp},
			filterPacket{"vxlan over ipv4, two inner tags: " + p.name,
				craft.VXLAN(outer4a, outer4b, 4789, 5001, two), false, true, false, false},
			filterPacket{"vxlan over ipv4, later fragment: " + p.name, fragment, false, false, false, false},
			filterPacket{"vxlan over ipv4, fragment at half the size: " + p.name, farFragment, false, false, false, false},
			filterPacket{"vxlan over ipv4, first fragment: " + p.name, first, want, true, p.large, p.tcp},
			filterPacket{"vxlan over ipv4 with options: " + p.name, options, want, true, p.large, p.tcp},
			filterPacket{"vxlan over ipv6: " + p.name, six, want, true, p.large, p.tcp},
			filterPacket{"vxlan over ipv6, large outside: " + p.name, largeSix, want, true, p.large, p.tcp},
			filterPacket{"vxlan over ipv6, inner tag: " + p.name, craft.VXLAN(outer6a, outer6b, 8472, 5001, one), want, true,
				p.large, p.tcp})
	}
	return list
}

// filterFrame returns ip in Ethernet behind tags of the given TPIDs.
func filterFrame(ip []byte, tpids ...uint16) []byte {
	b := craft.Join(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC))
	for _, t := range tpids {
		b = append(binary.BigEndian.AppendUint16(b, t), 0x20, 100)
	}
	if ip[0]>>4 == 4 {
		return craft.Join(b, []byte{0x08, 0x00}, ip)
	}
	return craft.Join(b, []byte{0x86, 0xdd}, ip)
}

// filterVM returns the program of f and link for the virtual machine; with any, that of all interfaces, told the hardware
// type, for the machine does not know it.
func filterVM(t *testing.T, f Filter, link packet.LinkType, any bool, hardware uint32) *bpf.VM {
	t.Helper()
	program, err := filterProgram(f, link)
	if any {
		program, err = anyFilterProgram(f)
		for i, ins := range program {
			if ext, ok := ins.(bpf.LoadExtension); ok {
				value := uint32(etherTypeIPv6)
				if ext.Num == bpf.ExtLinkLayerType {
					value = hardware
				}
				program[i] = bpf.LoadConstant{Dst: bpf.RegA, Val: value}
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(program) > 160 {
		t.Errorf("%d instructions", len(program))
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

// runFilter reports whether the program admits the frame: whole if Match admits it, else, for its length or as TCP, cut.
func runFilter(t *testing.T, vm *bpf.VM, link packet.LinkType, frame []byte) bool {
	t.Helper()
	n, err := vm.Run(frame)
	if err != nil {
		t.Fatal(err)
	}
	want := min(len(frame), largeCutoff)
	if Match(link, frame) {
		want = len(frame)
	}
	if n != 0 && min(n, len(frame)) != want {
		t.Fatalf("cuts a frame of %d bytes to %d, want %d", len(frame), n, want)
	}
	return n != 0
}

// filterCase is a link's programs, and what puts an IP packet on that link.
type filterCase struct {
	name string
	link packet.LinkType
	vms  []*bpf.VM
	wrap func(ip []byte) []byte
	none bool // nothing is admitted
}

func filterCases(t *testing.T, f Filter) []filterCase {
	ethernet := []*bpf.VM{filterVM(t, f, packet.LinkTypeEthernet, false, 0)}
	for _, h := range []uint32{hardwareEthernet, hardwareLoopback} {
		ethernet = append(ethernet, filterVM(t, f, packet.LinkTypeEthernet, true, h))
	}
	raw := []*bpf.VM{filterVM(t, f, packet.LinkTypeRaw, false, 0)}
	for _, h := range []uint32{hardwareTunnel, hardwareTunnel6, hardwareSIT, hardwareIPGRE, hardwareRawIP, hardwareNone} {
		raw = append(raw, filterVM(t, f, packet.LinkTypeRaw, true, h))
	}
	tagged := func(tpids ...uint16) func([]byte) []byte {
		return func(ip []byte) []byte { return filterFrame(ip, tpids...) }
	}
	return []filterCase{
		{"raw", packet.LinkTypeRaw, raw, func(ip []byte) []byte { return ip }, false},
		{"ethernet", packet.LinkTypeEthernet, ethernet, tagged(), false},
		{"802.1Q", packet.LinkTypeEthernet, ethernet, tagged(0x8100), false},
		{"802.1ad", packet.LinkTypeEthernet, ethernet, tagged(0x88a8), false},
		{"0x9100", packet.LinkTypeEthernet, ethernet, tagged(0x9100), false},
		{"QinQ", packet.LinkTypeEthernet, ethernet, tagged(0x88a8, 0x8100), false},
		{"three tags", packet.LinkTypeEthernet, ethernet, tagged(0x88a8, 0x8100, 0x8100), true},
		{"another type", packet.LinkTypeEthernet, ethernet, tagged(0x8847), true},
	}
}

func TestFilter(t *testing.T) {
	for _, f := range append(filters, Filter{TCP: true}) {
		for _, c := range filterCases(t, f) {
			for _, p := range filterPackets(2) {
				frame := c.wrap(p.ip)
				want := p.wants(f) && !c.none
				if got := f.Match(c.link, frame); got != want {
					t.Errorf("%+v: %s: %s: Match is %v, want %v", f, c.name, p.name, got, want)
				}
				for i, vm := range c.vms {
					if got := runFilter(t, vm, c.link, frame); got != want {
						t.Errorf("%+v: %s: %s: program %d says %v, want %v", f, c.name, p.name, i, got, want)
					}
				}
			}
		}
	}
}

// TestFilterAgreesWithMatch damages packets and holds the program against Match: every truncation of each, and bytes
// overwritten at random, by values that mean something as a rule.
func TestFilterAgreesWithMatch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	values := []byte{0, 1, 4, 6, 8, 17, 43, 44, 51, 58, 60, 0x40, 0x45, 0x4f, 0x60, 0x81, 0x86, 0x88, 0x91, 0xa8, 0xdd,
		0x12, 0xb5, 0x21, 0x18, 0x02, 0x22, 0x23, 0xd7, 0xd8}
	packets := filterPackets(2)
	for _, f := range filters {
		admitted, more := 0, 0
		for _, c := range filterCases(t, f) {
			vm, anyVM := c.vms[0], c.vms[len(c.vms)-1]
			check := func(name string, frame []byte) {
				want := f.Match(c.link, frame)
				if want {
					admitted++
					if !Match(c.link, frame) {
						more++
					}
				} else if Match(c.link, frame) {
					t.Fatalf("%+v: %s: %s: admits less than Match: % x", f, c.name, name, frame)
				}
				if runFilter(t, vm, c.link, frame) != want || runFilter(t, anyVM, c.link, frame) != want {
					t.Fatalf("%+v: %s: %s: Match is %v: % x", f, c.name, name, want, frame)
				}
			}
			for _, p := range packets {
				frame := c.wrap(p.ip)
				for n := range min(len(frame), 150) {
					check(p.name+", cut", frame[:n])
				}
				for range 25 {
					damaged := craft.Join(frame)
					for range 1 + random.IntN(3) {
						damaged[random.IntN(min(len(damaged), 130))] = values[random.IntN(len(values))]
					}
					check(p.name+", damaged", damaged[:len(damaged)-random.IntN(2)*random.IntN(len(damaged))])
				}
			}
		}
		if (f != Filter{}) != (more > 1000) {
			t.Errorf("%+v: %d frames admitted that Match does not admit", f, more)
		}
		t.Logf("%+v: %d frames admitted, %d of them not by Match", f, admitted, more)
	}
}

func FuzzFilter(f *testing.F) {
	for _, p := range filterPackets(1) {
		f.Add(p.ip)
	}
	f.Fuzz(func(t *testing.T, ip []byte) {
		for _, filter := range filters {
			for _, c := range filterCases(t, filter) {
				frame := ip
				if len(ip) > 0 {
					frame = c.wrap(ip)
				}
				if got := runFilter(t, c.vms[0], c.link, frame); got != filter.Match(c.link, frame) {
					t.Errorf("%+v: %s: the program says %v, Match %v: % x", filter, c.name, got, !got, frame)
				}
			}
		}
	})
}
