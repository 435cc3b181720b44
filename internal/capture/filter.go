package capture

import (
	"fmt"

	"golang.org/x/net/bpf"

	"v6probe/internal/packet"
)

// Numbers that Match and the kernel's filter compare with.
const (
	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86dd

	protocolTCP   = 6
	protocolUDP   = 17
	protocolICMP6 = 58

	portDHCPv6Client = 546
	portDHCPv6Server = 547
	portVXLAN        = 4789
	portVXLANLinux   = 8472 // the default of the Linux driver
)

// Hardware types of Linux (ARPHRD_ in if_arp.h) whose frames can be decoded.
const (
	hardwareEthernet = 1
	hardwareLoopback = 772 // with an Ethernet header of zeros
	hardwareTunnel   = 768 // IPv4 or IPv6 in IPv4
	hardwareTunnel6  = 769
	hardwareSIT      = 776
	hardwareIPGRE    = 778
	hardwareRawIP    = 519
	hardwareNone     = 65534 // tun, WireGuard
)

// netOffset is SKF_NET_OFF of Linux, -0x100000: loads from there on count from the network header.
const netOffset = 0xfff00000

// filterProgram returns the classic BPF program that decides as f does on frames of link, which is Ethernet or raw.
func filterProgram(f Filter, link packet.LinkType) ([]bpf.Instruction, error) {
	p := newProgram(f)
	ipv4, ipv6 := p.label(), p.label()
	p.add(bpf.LoadConstant{Dst: bpf.RegX, Val: 0})
	if link == packet.LinkTypeEthernet {
		p.ethernet(0, 2, ipv4, ipv6)
	} else {
		p.raw(ipv4, ipv6)
	}
	p.packets(ipv4, ipv6)
	return p.finish()
}

// anyFilterProgram returns the program for a socket that hears all interfaces. It branches on the hardware type. Of the
// types that cannot be decoded it lets through what would be worth decoding, so that it can be counted.
func anyFilterProgram(f Filter) ([]bpf.Instruction, error) {
	p := newProgram(f)
	ethernet, raw, ipv4, ipv6 := p.label(), p.label(), p.label(), p.label()
	p.add(bpf.LoadConstant{Dst: bpf.RegX, Val: 0}, bpf.LoadExtension{Num: bpf.ExtLinkLayerType})
	p.when(ethernet, hardwareEthernet, hardwareLoopback)
	p.when(raw, hardwareTunnel, hardwareTunnel6, hardwareSIT, hardwareIPGRE, hardwareRawIP, hardwareNone)
	p.add(bpf.LoadExtension{Num: bpf.ExtProto})
	p.unless(p.reject, etherTypeIPv6)
	p.add(bpf.LoadAbsolute{Off: netOffset + 6, Size: 1})
	p.when(p.accept, admitted[:]...)
	p.jump(p.reject)
	p.place(raw)
	p.raw(ipv4, ipv6)
	p.place(ethernet)
	p.ethernet(0, 2, ipv4, ipv6)
	p.packets(ipv4, ipv6)
	return p.finish()
}

// raw goes to the code for the IP packet at X by its version.
func (p *program) raw(ipv4, ipv6 int) {
	p.octet(0)
	p.add(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0})
	p.when(ipv6, 0x60)
	p.when(ipv4, 0x40)
	p.jump(p.reject)
}

// ethernet moves X from before an Ethernet header, which begins at X + offset, to the IP header behind it and up to
// tags VLAN tags, and goes to the code for its protocol.
func (p *program) ethernet(offset uint32, tags int, ipv4, ipv6 int) {
	untagged, six := p.label(), p.label()
	for range tags {
		tagged := p.label()
		p.half(offset + 12)
		p.when(tagged, 0x8100, 0x88a8, 0x9100)
		p.jump(untagged)
		p.place(tagged)
		p.advance(4)
	}
	p.place(untagged)
	p.half(offset + 12)
	p.when(six, etherTypeIPv6)
	p.unless(p.reject, etherTypeIPv4)
	p.advance(offset + 14)
	p.jump(ipv4)
	p.place(six)
	p.advance(offset + 14)
	p.jump(ipv6)
}

// packets decides on the IP packet at X, and on the frame in it if it is VXLAN: one more VLAN tag, IP packet, and no
// further. What is VXLAN within VXLAN is let through for the decoder to look at.
func (p *program) packets(ipv4, ipv6 int) {
	tunnel, inner4, inner6 := p.label(), p.label(), p.label()
	p.ip(ipv4, ipv6, tunnel)
	p.place(tunnel)
	p.forget()
	p.ethernet(8+8, 1, inner4, inner6)
	p.ip(inner4, inner6, p.accept)
}

// ip decides on the IP packet at X, or moves X to the header of a UDP datagram that carries VXLAN and goes to tunnel.
func (p *program) ip(ipv4, ipv6, tunnel int) {
	p.place(ipv4)
	p.octet(9)
	p.unless(p.reject, protocolUDP)
	p.half(6)
	p.whenBits(p.reject, 0x1fff) // a later fragment has no ports
	p.octet(0)
	p.add(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0f}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
		bpf.ALUOpX{Op: bpf.ALUOpAdd}, bpf.TAX{})
	p.half(2)
	p.when(tunnel, portVXLAN, portVXLANLinux)
	p.jump(p.reject)

	p.place(ipv6)
	p.measure()
	p.octet(6)
	p.when(p.accept, admitted[:]...)
	if p.filter.TCP {
		p.when(p.cut, protocolTCP)
	}
	p.unless(p.reject, protocolUDP)
	p.advance(40)
	p.half(0)
	p.when(p.accept, portDHCPv6Client, portDHCPv6Server)
	p.half(2)
	p.when(p.accept, portDHCPv6Client, portDHCPv6Server)
	p.when(tunnel, portVXLAN, portVXLANLinux)
	p.jump(p.reject)
}

// admitted are the next-header values of a packet that is, or may turn out to be, ICMPv6: ICMPv6 itself, hop-by-hop
// options, routing, fragment, authentication header, destination options.
var admitted = [...]uint32{58, 0, 43, 44, 51, 60}

// program is a classic BPF program in the making. Jumps in BPF only go forward, and are counted in instructions; here
// they go to labels, which finish turns into counts. Register A holds what is compared, X the offset of a header. When
// large packets are admitted, the first word of memory is how many bytes to capture of a frame that is rejected else.
type program struct {
	filter  Filter
	ins     []bpf.Instruction
	targets map[int]int // instruction to label
	places  []int       // label to instruction

	accept, cut, reject int // whole, its first bytes, or nothing
}

func newProgram(f Filter) *program {
	p := &program{filter: f, targets: make(map[int]int)}
	p.accept, p.cut, p.reject = p.label(), p.label(), p.label()
	p.forget()
	return p
}

// forget sets what to capture of a frame that is rejected else to nothing, measure to largeCutoff if the IPv6 packet at X
// is large. Both do nothing when large packets are not admitted. They overwrite A.
func (p *program) forget() {
	if p.filter.Large {
		p.add(bpf.LoadConstant{Dst: bpf.RegA, Val: 0}, bpf.StoreScratch{Src: bpf.RegA, N: 0})
	}
}

func (p *program) measure() {
	if p.filter.Large {
		p.half(4)
		p.add(bpf.JumpIf{Cond: bpf.JumpLessThan, Val: packet.LargePayload, SkipTrue: 2},
			bpf.LoadConstant{Dst: bpf.RegA, Val: largeCutoff}, bpf.StoreScratch{Src: bpf.RegA, N: 0})
	}
}

func (p *program) add(ins ...bpf.Instruction) { p.ins = append(p.ins, ins...) }

// label returns a new label, to be placed later.
func (p *program) label() int {
	p.places = append(p.places, -1)
	return len(p.places) - 1
}

// place puts label before the next instruction.
func (p *program) place(label int) { p.places[label] = len(p.ins) }

// when jumps to label if A is one of values.
func (p *program) when(label int, values ...uint32) {
	for _, v := range values {
		p.targets[len(p.ins)] = label
		p.add(bpf.JumpIf{Cond: bpf.JumpEqual, Val: v})
	}
}

// unless jumps to label if A is not value.
func (p *program) unless(label int, value uint32) {
	p.targets[len(p.ins)] = label
	p.add(bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: value})
}

// whenBits jumps to label if A has any bit of mask.
func (p *program) whenBits(label int, mask uint32) {
	p.targets[len(p.ins)] = label
	p.add(bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: mask})
}

func (p *program) jump(label int) {
	p.targets[len(p.ins)] = label
	p.add(bpf.Jump{})
}

// half loads the 16 bits at X + offset, octet the 8 bits.
func (p *program) half(offset uint32)  { p.add(bpf.LoadIndirect{Off: offset, Size: 2}) }
func (p *program) octet(offset uint32) { p.add(bpf.LoadIndirect{Off: offset, Size: 1}) }

// advance adds n to X. It overwrites A.
func (p *program) advance(n uint32) {
	p.add(bpf.TXA{}, bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: n}, bpf.TAX{})
}

// finish places accept, cut and reject, and resolves the labels.
func (p *program) finish() ([]bpf.Instruction, error) {
	p.place(p.accept)
	p.add(bpf.RetConstant{Val: 0x40000}) // more than any frame has
	p.place(p.cut)
	if p.filter.TCP {
		p.add(bpf.RetConstant{Val: largeCutoff})
	}
	p.place(p.reject)
	if p.filter.Large {
		p.add(bpf.LoadScratch{Dst: bpf.RegA, N: 0}, bpf.RetA{})
	} else {
		p.add(bpf.RetConstant{Val: 0})
	}
	for i, label := range p.targets {
		skip := p.places[label] - i - 1
		switch ins := p.ins[i].(type) {
		case bpf.Jump:
			ins.Skip = uint32(skip)
			p.ins[i] = ins
		case bpf.JumpIf:
			if skip < 0 || skip > 255 {
				return nil, fmt.Errorf("packet filter: a jump over %d instructions", skip)
			}
			ins.SkipTrue = uint8(skip)
			p.ins[i] = ins
		}
	}
	return p.ins, nil
}
