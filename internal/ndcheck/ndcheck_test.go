package ndcheck

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// judge decodes frames, the last of which is judged, as captured on an Ethernet interface.
func judge(t *testing.T, frames ...[]byte) *Report {
	t.Helper()
	return judgeFrames(t, packet.LinkTypeEthernet, frames...)
}

func judgeFrames(t *testing.T, link packet.LinkType, frames ...[]byte) *Report {
	t.Helper()
	d := packet.NewDecoder()
	var r Report
	var p packet.Packet
	for i, b := range frames {
		f := packet.Frame{Number: uint64(i + 1), Time: time.Unix(int64(i), 0), Data: b, Length: len(b), LinkType: link,
			Interface: &packet.Interface{Name: "eth0", LinkType: link}}
		if !d.Decode(&f, &p) {
			t.Fatalf("frame %d is not decoded", i+1)
		}
		r.Reset(&p)
		Message(&r)
	}
	return &r
}

// ids returns the rules of r's findings, sorted and joined by spaces.
func ids(r *Report) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, string(f.Rule))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

var (
	ra    = craft.CloudStackRA()
	pio   = craft.PIO("2001:db8::", 64, 0xc0, 86400, 14400)
	slla  = craft.SLLA(craft.RouterMAC)
	clean = ra.Message(pio, slla)
)

func frame(msg []byte) []byte {
	return craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, msg)
}

// ipv6 returns a frame whose IPv6 packet has the hop limit and the payload given.
func ipv6(hopLimit, next uint8, payload []byte) []byte {
	return craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes,
		craft.IPv6(craft.RouterLL, craft.AllNodes, hopLimit, next, payload))
}

func sum(msg []byte) []byte { return craft.ICMPv6(craft.RouterLL, craft.AllNodes, msg) }

// with returns b with byte i set to v.
func with(b []byte, i int, v byte) []byte {
	b = slices.Clone(b)
	b[i] = v
	return b
}

func ethernetDestination(frame []byte, mac string) []byte {
	return append(craft.MAC(mac), frame[6:]...)
}

// fragments returns frames with clean cut at the offsets given.
func fragments(cuts ...int) [][]byte {
	var frames [][]byte
	for _, ip := range craft.FragmentIPv6(craft.RouterLL, craft.AllNodes, 255, 58, 7, sum(clean), cuts...) {
		frames = append(frames, craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes, ip))
	}
	return frames
}

func TestMessage(t *testing.T) {
	atomic := craft.Join(craft.FragmentHeader(58, 0, false, 9), sum(clean))
	redirect := func(opts ...[]byte) []byte {
		return craft.Join([]byte{137, 0, 0, 0, 0, 0, 0, 0}, craft.Addr("fe80::9"), craft.Addr("2001:db8::9"), craft.Join(opts...))
	}
	unknown := craft.Option(200, []byte{1, 2, 3, 4, 5, 6})
	overlap := fragments(16)
	overlap[1] = craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes, craft.IPv6(craft.RouterLL, craft.AllNodes, 255, 44,
		craft.Join(craft.FragmentHeader(58, 8, false, 7), sum(clean)[8:])))
	incomplete := ipv6(255, 44, craft.Join(craft.FragmentHeader(60, 0, true, 5), craft.DestinationOptions(58, 1)[:8]))

	tests := []struct {
		name   string
		frames [][]byte
		want   string
		offset int // of the first finding
	}{
		{"clean", [][]byte{frame(clean)}, "", 0},
		{"no options", [][]byte{frame(ra.Message())}, "", 0},
		{"RS padded to the Ethernet minimum", [][]byte{craft.Join(craft.Frame(craft.GuestMAC, craft.GuestLL, craft.AllRouters,
			craft.RS()), make([]byte, 10))}, "", 0},

		{"nd.hop-limit", [][]byte{ipv6(64, 58, sum(clean))}, "nd.hop-limit", 14 + 7},
		{"icmp.checksum", [][]byte{with(frame(clean), 14+40+2, 0)}, "icmp.checksum", 54 + 2},
		{"icmp.checksum, left to the hardware", [][]byte{ipv6(255, 58, craft.Offloaded(craft.RouterLL, craft.AllNodes, clean))}, "", 0},
		{"nd.code", [][]byte{frame(with(clean, 1, 3))}, "nd.code", 54 + 1},

		{"nd.opt-len-zero", [][]byte{frame(ra.Message(craft.WithLength(slla, 0)))}, "nd.opt-len-zero", 54 + 17},
		{"nd.opt-len-zero, good options around it", [][]byte{frame(ra.Message(pio, craft.WithLength(slla, 0), pio))},
			"nd.opt-len-zero", 54 + 16 + 32 + 1},
		{"nd.opt-len-zero, an unknown option guessed", [][]byte{frame(ra.Message(craft.WithLength(slla, 0), unknown))},
			"nd.opt-len-zero", 54 + 17},
		{"nd.opt-len-zero, no trailing bytes after a guess", [][]byte{frame(ra.Message(craft.WithLength(slla, 0), []byte{1, 2, 3}))},
			"nd.opt-len-zero", 54 + 17},
		{"nd.opt-overrun", [][]byte{frame(ra.Message(pio, craft.WithLength(slla, 2)))}, "nd.opt-overrun", 54 + 16 + 32 + 1},
		{"nd.opt-overrun, of an unknown option", [][]byte{frame(ra.Message(craft.WithLength(unknown, 2)))}, "nd.opt-overrun", 54 + 17},
		{"nd.trailing-bytes", [][]byte{frame(ra.Message(slla, []byte{5, 1, 0}))}, "nd.trailing-bytes", 54 + 24},

		{"nd.fragmented, reassembled", fragments(16), "nd.fragmented", 14},
		{"nd.fragmented, first fragment", fragments(16)[:1], "nd.fragmented", 54},
		{"nd.fragmented, a fragment cuts an option", fragments(24)[:1], "nd.fragmented", 54},
		{"no message in a later fragment", fragments(16)[1:], "", 0},
		{"nd.atomic-fragment", [][]byte{ipv6(255, 44, atomic)}, "nd.atomic-fragment", 54},
		{"ip.first-fragment-incomplete", [][]byte{incomplete}, "ip.first-fragment-incomplete", 0},
		{"ip.overlapping-fragment", overlap, "ip.overlapping-fragment", 0},

		{"nd.ext-header", [][]byte{ipv6(255, 0, craft.Join(craft.HopByHop(58), sum(clean)))}, "nd.ext-header", 54},
		{"nd.ext-header, two", [][]byte{ipv6(255, 0, craft.Join(craft.HopByHop(60), craft.HopByHop(58), sum(clean)))},
			"nd.ext-header", 54},
		{"an extension header before an echo", [][]byte{ipv6(255, 0, craft.Join(craft.HopByHop(58), sum(craft.Echo(8))))}, "", 0},
		{"echo with hop limit 64", [][]byte{ipv6(64, 58, sum(craft.Echo(8)))}, "", 0},
		{"echo with a bad checksum", [][]byte{with(frame(craft.Echo(8)), 56, 0)}, "", 0},

		{"nd.reserved-nonzero, RA flag", [][]byte{frame(with(clean, 5, 0x01))}, "nd.reserved-nonzero", 54 + 5},
		{"nd.reserved-nonzero, RS", [][]byte{frame(with(craft.RS(), 7, 1))}, "nd.reserved-nonzero", 54 + 4},
		{"nd.reserved-nonzero, NS", [][]byte{frame(with(craft.NS("fe80::9"), 4, 1))}, "nd.reserved-nonzero", 54 + 4},
		{"nd.reserved-nonzero, NA", [][]byte{frame(craft.NA(0x10, "fe80::9"))}, "nd.reserved-nonzero", 54 + 4},
		{"NA with all its flags", [][]byte{frame(craft.NA(0xe0, "fe80::9"))}, "", 0},
		{"nd.reserved-nonzero, Redirect", [][]byte{frame(with(redirect(), 4, 1))}, "nd.reserved-nonzero", 54 + 4},
		{"nd.reserved-nonzero, PIO flags", [][]byte{frame(with(clean, 16+3, 0xc1))}, "nd.reserved-nonzero", 54 + 16 + 3},
		{"nd.reserved-nonzero, PIO", [][]byte{frame(with(clean, 16+15, 1))}, "nd.reserved-nonzero", 54 + 16 + 12},
		{"nd.reserved-nonzero, MTU", [][]byte{frame(ra.Message(with(craft.MTU(1500), 3, 1)))}, "nd.reserved-nonzero", 54 + 18},
		{"nd.reserved-nonzero, RIO", [][]byte{frame(ra.Message(craft.RIO("2001:db8::", 48, 0x04, 30, 8)))}, "nd.reserved-nonzero", 54 + 19},
		{"nd.reserved-nonzero, RDNSS", [][]byte{frame(ra.Message(with(craft.RDNSS(30, "2001:db8::53"), 2, 1)))},
			"nd.reserved-nonzero", 54 + 18},
		{"nd.reserved-nonzero, DNSSL", [][]byte{frame(ra.Message(with(craft.DNSSL(30, craft.Name("lan")), 3, 1)))},
			"nd.reserved-nonzero", 54 + 18},
		{"nd.reserved-nonzero, 6CO flags", [][]byte{frame(ra.Message(craft.SixCO(64, 0x90, 1, "2001:db8::", 8)))},
			"nd.reserved-nonzero", 54 + 19},
		{"nd.reserved-nonzero, 6CO", [][]byte{frame(ra.Message(with(craft.SixCO(64, 0x10, 1, "2001:db8::", 8), 5, 1)))},
			"nd.reserved-nonzero", 54 + 20},
		{"nd.reserved-nonzero, redirected header", [][]byte{frame(redirect(with(craft.Option(4, make([]byte, 14)), 7, 1)))},
			"nd.reserved-nonzero", 54 + 42},

		{"nd.opt-unknown", [][]byte{frame(ra.Message(pio, unknown))}, "nd.opt-unknown", 54 + 48},
		{"nd.opt-unknown, in the registry", [][]byte{frame(ra.Message(craft.Option(13, make([]byte, 14))))}, "nd.opt-unknown", 54 + 16},
		{"nd.opt-not-allowed, PIO in RS", [][]byte{frame(craft.RS(pio))}, "nd.opt-not-allowed", 54 + 8},
		{"nd.opt-not-allowed, TLLA in RA", [][]byte{frame(ra.Message(craft.TLLA(craft.RouterMAC)))}, "nd.opt-not-allowed", 54 + 16},
		{"nd.opt-not-allowed, SLLA in NA", [][]byte{frame(craft.NA(0, "fe80::9", slla))}, "nd.opt-not-allowed", 54 + 24},
		{"nd.opt-not-allowed, MTU in NS", [][]byte{frame(craft.NS("fe80::9", craft.MTU(1500)))}, "nd.opt-not-allowed", 54 + 24},
		{"nd.opt-not-allowed, redirected header in RA", [][]byte{frame(ra.Message(craft.Option(4, make([]byte, 14))))},
			"nd.opt-not-allowed", 54 + 16},
		{"nonce in RS, NS, NA and RA", [][]byte{frame(craft.RS(craft.Nonce(make([]byte, 6)))), frame(craft.NS("fe80::9",
			craft.Nonce(make([]byte, 6)))), frame(craft.NA(0, "fe80::9", craft.Nonce(make([]byte, 6)))),
			frame(ra.Message(craft.Nonce(make([]byte, 6))))}, "", 0},
		{"TLLA in NA and Redirect", [][]byte{frame(craft.NA(0, "fe80::9", craft.TLLA(craft.RouterMAC))),
			frame(redirect(craft.TLLA(craft.RouterMAC), craft.Option(4, make([]byte, 14))))}, "", 0},
		{"every RA option", [][]byte{frame(ra.Message(slla, pio, craft.MTU(1500), craft.Interval(15000), craft.HomeAgent(0, 1),
			craft.RIO("2001:db8::", 48, 0, 30, 8), craft.RDNSS(30, "2001:db8::53"), craft.FlagsExtension(1),
			craft.DNSSL(30, craft.Name("lan")), craft.SixCO(64, 0x10, 1, "2001:db8::", 8),
			craft.CaptivePortal("https://portal.example/"), craft.PREF64("64:ff9b::", 0, 600),
			craft.EncryptedDNSName(1, 30, craft.Name("dns", "example"))))}, "", 0},

		{"nd.l2-multicast-mismatch", [][]byte{ethernetDestination(frame(clean), "33:33:00:00:00:02")}, "nd.l2-multicast-mismatch", -1},
		{"nd.l2-multicast-mismatch, broadcast", [][]byte{ethernetDestination(frame(clean), "ff:ff:ff:ff:ff:ff")},
			"nd.l2-multicast-mismatch", -1},
		{"RFC 6085", [][]byte{ethernetDestination(frame(clean), craft.GuestMAC)}, "", 0},
		{"nd.slla-not-ethernet-source", [][]byte{frame(ra.Message(craft.SLLA(craft.GuestMAC)))}, "nd.slla-not-ethernet-source", 54 + 16},
		{"nd.slla-not-ethernet-source, of another size", [][]byte{frame(ra.Message(craft.Option(1, make([]byte, 14))))}, "", 0},
		{"TLLA of another than the sender", [][]byte{frame(craft.NA(0, "fe80::9", craft.TLLA(craft.GuestMAC)))}, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := judge(t, tt.frames...)
			if got := ids(r); got != tt.want {
				t.Fatalf("findings %q, want %q", got, tt.want)
			}
			if tt.want == "" {
				return
			}
			f := r.Findings[0]
			if tt.offset != 0 && f.Offset != tt.offset {
				t.Errorf("offset %d, want %d", f.Offset, tt.offset)
			}
			known, _ := rule.Lookup(f.Rule)
			if f.Detail == "" || strings.Contains(f.Detail, "%!") || f.Severity != known.Severity {
				t.Errorf("finding %+v", f)
			}
			if got, want := r.Drops(), known.Receiver == rule.ReceiverDrops; got != want {
				t.Errorf("Drops() = %v, want %v", got, want)
			}
		})
	}
}

// TestGuessed wants what stands after an option of length zero told only as far as its extent goes.
func TestGuessed(t *testing.T) {
	r := judge(t, frame(ra.Message(craft.WithLength(slla, 0), craft.WithLength(pio, 9))))
	if got := ids(r); got != "nd.opt-len-zero nd.opt-overrun" {
		t.Error(got)
	}
	r = judge(t, frame(ra.Message(craft.WithLength(slla, 0), craft.SLLA(craft.GuestMAC), with(pio, 3, 0xc1))))
	if got := ids(r); got != "nd.opt-len-zero" {
		t.Error(got)
	}
}

// TestCut cuts good and bad frames at each byte as a snap length does: nothing is said of what is not there.
func TestCut(t *testing.T) {
	for _, whole := range [][]byte{
		frame(clean),
		frame(ra.Message(slla, craft.MTU(1500), pio, craft.RDNSS(30, "2001:db8::53", "2001:db8::54"))),
		frame(ra.Message(pio, craft.WithLength(slla, 3))),
		frame(ra.Message(pio, []byte{1, 1})),
		with(frame(clean), 56, 0),
	} {
		for n := 14 + 40; n < len(whole); n++ {
			f := packet.Frame{Number: 1, Data: whole[:n], Length: len(whole), LinkType: packet.LinkTypeEthernet,
				Interface: &packet.Interface{}}
			var p packet.Packet
			if !packet.NewDecoder().Decode(&f, &p) {
				t.Fatalf("%d bytes: not decoded", n)
			}
			r := Report{Packet: &p}
			Message(&r)
			if got := ids(&r); got != "" {
				t.Fatalf("%d of %d bytes: %s", n, len(whole), got)
			}
		}
	}
}

// TestCooked wants the sender's address compared in a cooked capture, which has no destination.
func TestCooked(t *testing.T) {
	ip := craft.IPv6(craft.RouterLL, craft.AllNodes, 255, 58, sum(clean))
	for mac, want := range map[string]string{
		craft.RouterMAC:     "",
		craft.GuestMAC:      "nd.slla-not-ethernet-source",
		"00:00:00:00:00:00": "",
	} {
		if got := ids(judgeFrames(t, packet.LinkTypeSLL, craft.SLL(2, mac, 0x86dd, ip))); got != want {
			t.Errorf("from %s: %q, want %q", mac, got, want)
		}
	}
	if got := ids(judgeFrames(t, packet.LinkTypeRaw, ip)); got != "" {
		t.Errorf("raw IP: %s", got)
	}
}

func TestAdd(t *testing.T) {
	now := time.Unix(1700000000, 0)
	p := packet.Packet{
		Frame:         packet.Frame{Number: 12, Time: now, Interface: &packet.Interface{Name: "eth0"}},
		Source:        netip.MustParseAddr(craft.RouterLL),
		PayloadOffset: 54,
	}
	var r Report
	r.Reset(&p)
	r.Add("pio.not-64", 18, "2001:db8::/65", "prefix %s", "2001:db8::/65\x1b[31m\n\x7f~\xff")
	r.Add("ra.hop-limit-low", -1, "", "x")
	r.AddAt("nd.opt-unknown", 3, "", "y")
	r.AddInfo("pio.not-64", 0, "", "z")
	want := []rule.Finding{
		{Rule: "pio.not-64", Severity: rule.Error, Detail: `prefix 2001:db8::/65\x1b[31m\x0a\x7f~\xff`, Offset: 72, Subject: "2001:db8::/65"},
		{Rule: "ra.hop-limit-low", Severity: rule.Warning, Detail: "x", Offset: -1},
		{Rule: "nd.opt-unknown", Severity: rule.Info, Detail: "y", Offset: 3},
		{Rule: "pio.not-64", Severity: rule.Info, Detail: "z", Offset: 54},
	}
	for i := range want {
		want[i].Frame, want[i].Time, want[i].Link, want[i].Source = 12, now, "eth0", p.Source
	}
	if !slices.Equal(r.Findings, want) {
		t.Errorf("findings\n%+v\nwant\n%+v", r.Findings, want)
	}
	if r.Drops() {
		t.Error("Drops without a rule that says so")
	}
	r.Add("nd.code", 1, "", "")
	if !r.Drops() {
		t.Error("Drops() is false after nd.code")
	}

	// The link's text follows the packet.
	p.VLANs = []packet.VLAN{{ID: 7}}
	r.Reset(&p)
	r.Add("nd.code", 1, "", "")
	if len(r.Findings) != 1 || r.Findings[0].Link != "eth0 vlan 7" {
		t.Errorf("after Reset: %+v", r.Findings)
	}
}

func TestDetails(t *testing.T) {
	chain := craft.Join(craft.HopByHop(60), craft.DestinationOptions(58, 0), sum(clean))
	for want, b := range map[string][]byte{
		"option 13 (timestamp), 16 bytes":                  frame(ra.Message(craft.Option(13, make([]byte, 14)))),
		"option 200, 8 bytes":                              frame(ra.Message(craft.Option(200))),
		"mtu in a neighbor-solicitation":                   frame(craft.NS("fe80::9", craft.MTU(1500))),
		"1 byte after the last option":                     frame(ra.Message(pio, []byte{9})),
		"7 bytes after the last option":                    frame(ra.Message(pio, make([]byte, 7))),
		"mtu is 16 bytes long, but the message has 8 left": frame(ra.Message(craft.WithLength(craft.MTU(1500), 2))),
		"2 extension headers: before the router-advertisement there is hop-by-hop options, destination options": ipv6(255, 0, chain),
	} {
		r := judge(t, b)
		if len(r.Findings) != 1 || r.Findings[0].Detail != want {
			t.Errorf("findings %+v, want one that says %q", r.Findings, want)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	b := frame(clean)
	f := packet.Frame{Number: 1, Data: b, Length: len(b), LinkType: packet.LinkTypeEthernet, Interface: &packet.Interface{}}
	var p packet.Packet
	packet.NewDecoder().Decode(&f, &p)
	var r Report
	if n := testing.AllocsPerRun(100, func() { r.Reset(&p); Message(&r) }); n != 0 || len(r.Findings) > 0 {
		t.Errorf("%v allocations, findings %v", n, r.Findings)
	}
}
