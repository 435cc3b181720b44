package ra

import (
	"fmt"
	"strings"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// having returns the frame of the healthy RA with more options.
func having(options ...[]byte) []byte { return toAll(healthy(options...)) }

// longer returns an option with 8 zero bytes more, and its length right.
func longer(option []byte) []byte {
	return craft.Join(craft.WithLength(option, option[1]+1), make([]byte, 8))
}

// pio returns a second prefix with flags, and lifetimes that are in order.
func pio(prefix string, length, flags uint8) []byte {
	return craft.PIO(prefix, length, flags, 86400, 14400)
}

// dnr returns an Encrypted DNS option with an address and service parameters.
func dnr(params []byte, addrs ...string) []byte {
	if len(addrs) == 0 {
		addrs = []string{"2001:db8::53"}
	}
	var list [][]byte
	for _, a := range addrs {
		list = append(list, craft.Addr(a))
	}
	return craft.EncryptedDNS(1, 1800, craft.Name("dns", "example"), list, params)
}

var goodParams = craft.Join(craft.SvcParam(1, []byte("\x02h2")), craft.SvcParam(7, []byte("/dns-query{?dns}")))

// tunneled returns the frame of a VXLAN packet between tunnel endpoints around an Ethernet frame.
func tunneled(src, dst string, inner []byte) []byte {
	etherType := uint16(0x0800)
	if strings.Contains(src, ":") {
		etherType = 0x86dd
	}
	return craft.Ethernet(craft.MAC("02:00:00:00:00:0b"), craft.MAC("02:00:00:00:00:0a"), nil, etherType,
		craft.VXLAN(src, dst, 8472, 5001, inner))
}

// tagged returns frame with a VLAN tag.
func tagged(frame []byte) []byte {
	return craft.Join(frame[:12], []byte{0x81, 0, 0, 7}, frame[12:])
}

func ndOption(typ uint8, units int) []byte { return craft.Option(typ, make([]byte, 8*units-2)) }

var optionRows = []row{
	{name: "opt.duplicate-mtu", frame: having(craft.MTU(1500), craft.MTU(1500)), want: "opt.duplicate-mtu", detail: "mtu"},
	{name: "opt.duplicate-slla", frame: having(craft.SLLA(craft.RouterMAC)), want: "opt.duplicate-slla"},
	{name: "opt.duplicate-slla, thrice", frame: having(craft.SLLA(craft.RouterMAC), craft.SLLA(craft.RouterMAC)),
		want: "opt.duplicate-slla opt.duplicate-slla"},
	{name: "opt.duplicate-interval", frame: having(craft.Interval(15000), craft.Interval(15000)), want: "opt.duplicate-interval"},
	{name: "opt.duplicate-home-agent", frame: having(craft.HomeAgent(0, 1), craft.HomeAgent(0, 1)), want: "opt.duplicate-home-agent"},
	{name: "opt.duplicate-flags", frame: having(craft.FlagsExtension(1), craft.FlagsExtension(1)), want: "opt.duplicate-flags"},
	{name: "opt.duplicate-captive-portal", frame: having(craft.CaptivePortal(unrestricted), craft.CaptivePortal(unrestricted)),
		want: "opt.duplicate-captive-portal"},
	{name: "options that may come twice", frame: having(craft.RDNSS(30, "2001:db8::53"), craft.RDNSS(60, "2001:db8::54"),
		craft.DNSSL(30, craft.Name("a")), craft.DNSSL(30, craft.Name("b")), craft.PREF64("64:ff9b::", 0, 1800),
		craft.PREF64("2001:db8:64::", 0, 1800), dnr(goodParams), dnr(nil), craft.Nonce(make([]byte, 6)), craft.Nonce(make([]byte, 6)))},

	{name: "pio.length, 24 bytes", frame: having(ndOption(3, 3)), want: "pio.length", detail: "24 bytes"},
	{name: "pio.length, 40 bytes", frame: having(longer(pio("2001:db8:1::", 64, 0xc0))), want: "pio.length"},
	{name: "pio.prefix-length", frame: having(pio("2001:db8:1::", 129, 0xc0)), want: "pio.prefix-length", detail: "2001:db8:1::/129"},
	{name: "pio.prefix-length, 255", frame: having(pio("2001:db8:1::", 255, 0xc0)), want: "pio.prefix-length"},
	{name: "prefix length 128", frame: having(pio("2001:db8:1::1", 128, 0x80))},
	{name: "prefix length 0", frame: having(pio("::", 0, 0x80))},
	{name: "pio.link-local", frame: having(pio("fe80::", 64, 0xc0)), want: "pio.link-local", detail: "fe80::/64"},
	{name: "pio.link-local, the whole", frame: having(pio("fe80::", 10, 0xc0)), want: "pio.link-local"},
	{name: "wider than link-local", frame: having(pio("fe80::", 9, 0x80))},
	{name: "pio.multicast", frame: having(pio("ff02::", 64, 0xc0)), want: "pio.multicast", detail: "ff02::/64"},
	{name: "pio.multicast, the whole", frame: having(pio("ff00::", 8, 0xc0)), want: "pio.multicast"},
	{name: "pio.preferred-over-valid", frame: having(craft.PIO("2001:db8:1::", 64, 0xc0, 3600, 3601)),
		want: "pio.preferred-over-valid", detail: "2001:db8:1::/64: preferred 3601 s, valid 3600 s"},
	{name: "pio.preferred-over-valid, infinity", frame: having(craft.PIO("2001:db8:1::", 64, 0xc0, 3600, 0xffffffff)),
		want: "pio.lifetime-long pio.preferred-over-valid", detail: "infinity"},
	{name: "pio.preferred-over-valid, for on-link only", frame: having(craft.PIO("2001:db8:1::", 64, 0x80, 3600, 3601)),
		want: "pio.preferred-over-valid:info"},
	{name: "preferred as long as valid", frame: having(craft.PIO("2001:db8:1::", 64, 0xc0, 3600, 3600))},
	{name: "retired prefix", frame: having(craft.PIO("2001:db8:1::", 64, 0xc0, 0, 0))},
	{name: "pio.not-64", frame: having(pio("2001:db8:1::", 65, 0xc0)), want: "pio.not-64", detail: "2001:db8:1::/65"},
	{name: "pio.not-64, shorter", frame: having(pio("2001:db8:1::", 56, 0x40)), want: "pio.not-64"},
	{name: "another length without A", frame: having(pio("2001:db8:1::", 65, 0x80))},
	{name: "another length with P", frame: having(pio("2001:db8:1::", 48, 0x90))},
	{name: "pio.host-bits", frame: having(pio("2001:db8:1::1", 64, 0xc0)), want: "pio.host-bits", detail: "2001:db8:1::1"},
	{name: "pio.host-bits, one bit beyond", frame: having(pio("2001:db8:1:8000::", 48, 0x80)), want: "pio.host-bits"},
	{name: "pio.no-flags", frame: having(pio("2001:db8:1::", 64, 0)), want: "pio.no-flags"},
	{name: "A alone, L alone, P alone", frame: having(pio("2001:db8:1::", 64, 0x40), pio("2001:db8:2::", 64, 0x80),
		pio("2001:db8:3::", 64, 0x10))},
	{name: "pio.p-with-a", frame: having(pio("2001:db8:1::", 64, 0xd0)), want: "pio.p-with-a"},
	{name: "pio.r-without-address", frame: having(pio("2001:db8:1::", 64, 0xe0)), want: "pio.r-without-address"},
	{name: "R with an address", frame: having(pio("2001:db8:1::1", 64, 0xe0))},
	{name: "R with a whole address as prefix", frame: having(pio("2001:db8:1::1", 128, 0xa0))},
	{name: "R alone", frame: having(pio("2001:db8:1::1", 64, 0x20))},
	{name: "pio.lifetime-long, valid", frame: having(craft.PIO("2001:db8:1::", 64, 0xc0, 2592000, 14400)), want: "pio.lifetime-long"},
	{name: "pio.lifetime-long, preferred", frame: having(craft.PIO("2001:db8:1::", 64, 0xc0, 2591999, 604800)), want: "pio.lifetime-long"},
	{name: "pio.lifetime-long, infinity", frame: having(craft.PIO("2001:db8:1::", 64, 0xc0, 0xffffffff, 0xffffffff)),
		want: "pio.lifetime-long", detail: "infinity"},
	{name: "just not long", frame: having(craft.PIO("2001:db8:1::", 64, 0xc0, 2591999, 604799))},
	{name: "pio.duplicate", frame: having(goodPIO), want: "pio.duplicate", detail: "option 3 at 16"},
	{name: "pio.duplicate, other host bits", frame: having(pio("2001:db8::1", 64, 0xc0)), want: "pio.duplicate pio.host-bits"},
	{name: "pio.duplicate, no whole byte", frame: having(pio("2001:db8:0:8000::", 49, 0x80), pio("2001:db8::", 49, 0x80),
		pio("2001:db8:0:8001::", 49, 0x80)), want: "pio.duplicate pio.host-bits"},
	{name: "pio.duplicate, whole addresses", frame: having(pio("2001:db8::1", 128, 0x80), pio("2001:db8::1", 128, 0x80)), want: "pio.duplicate"},
	{name: "prefix and route alike", frame: having(pio("2001:db8::1", 128, 0x80), craft.RIO("2001:db8::1", 128, 0, 30, 16),
		craft.RIO("2001:db8::", 64, 0, 30, 16))},
	{name: "another length of the prefix", frame: having(pio("2001:db8::", 48, 0x80))},

	{name: "mtu.length", frame: having(longer(craft.MTU(1500))), want: "mtu.length", detail: "16 bytes"},
	{name: "mtu.below-1280", frame: having(craft.MTU(1279)), want: "mtu.below-1280", detail: "1279"},
	{name: "mtu.below-1280, 0", frame: having(craft.MTU(0)), want: "mtu.below-1280", change: onInterface("eth0", 1500)},
	{name: "smallest MTU", frame: having(craft.MTU(1280))},
	{name: "mtu.above-link", frame: having(craft.MTU(1500)), want: "mtu.above-link", detail: "brvx-5 is 1450", change: onInterface("brvx-5", 1450)},
	{name: "mtu.above-link, all bits", frame: having(craft.MTU(0xffffffff)), want: "mtu.above-link", change: onInterface("eth0", 1500)},
	{name: "MTU of the link", frame: having(craft.MTU(1450)), change: onInterface("eth0", 1450)},
	{name: "MTU of the link unknown", frame: having(craft.MTU(9000))},
	{name: "mtu.encapsulation", frame: tunneled("192.0.2.1", "192.0.2.2", having(craft.MTU(1451))), want: "mtu.encapsulation",
		detail: "50 bytes of tunnel headers make 1501, but eth1 has 1500", change: onInterface("eth1", 1500)},
	{name: "mtu.encapsulation, IPv6 underlay", frame: tunneled("2001:db8::a", "2001:db8::b", having(craft.MTU(1431))),
		want: "mtu.encapsulation", detail: "70 bytes", change: onInterface("eth1", 1500)},
	{name: "mtu.encapsulation, tag inside", frame: tunneled("192.0.2.1", "192.0.2.2", tagged(having(craft.MTU(1447)))),
		want: "mtu.encapsulation", detail: "54 bytes", change: onInterface("eth1", 1500)},
	{name: "mtu.encapsulation, tunnel in a tunnel", frame: tunneled("2001:db8::a", "2001:db8::b",
		tagged(tunneled("192.0.2.1", "192.0.2.2", having(craft.MTU(1400))))), want: "mtu.encapsulation", detail: "124 bytes",
		change: onInterface("eth1", 1500)},
	{name: "MTU that fits the underlay", frame: tunneled("192.0.2.1", "192.0.2.2", having(craft.MTU(1450))), change: onInterface("eth1", 1500)},
	{name: "MTU that fits an IPv6 underlay", frame: tunneled("2001:db8::a", "2001:db8::b", having(craft.MTU(1430))),
		change: onInterface("eth1", 1500)},
	{name: "MTU of the underlay unknown", frame: tunneled("192.0.2.1", "192.0.2.2", having(craft.MTU(9000)))},

	{name: "rio.length, /65 in 16 bytes", frame: having(craft.RIO("2001:db8::", 65, 0, 30, 8)), want: "rio.length", detail: "16 bytes"},
	{name: "rio.length, /1 in 8 bytes", frame: having(craft.RIO("2001:db8::", 1, 0, 30, 0)), want: "rio.length"},
	{name: "rio.length, 32 bytes", frame: having(longer(craft.RIO("2001:db8::", 65, 0, 30, 16))), want: "rio.length"},
	{name: "longer than need be", frame: having(craft.RIO("::", 0, 0, 30, 0), craft.RIO("2001:db8::", 48, 0, 30, 16),
		craft.RIO("2001:db8::", 64, 0, 30, 8), craft.RIO("2001:db8::", 65, 0, 30, 16))},
	{name: "rio.prefix-length", frame: having(craft.RIO("2001:db8::", 129, 0, 30, 16)), want: "rio.prefix-length", detail: "/129"},
	{name: "rio.preference-reserved", frame: having(craft.RIO("2001:db8::", 48, 0x10, 30, 8)), want: "rio.preference-reserved"},
	{name: "rio.duplicate", frame: having(craft.RIO("2001:db8::", 48, 0, 30, 8), craft.RIO("2001:db8::1", 48, 0x08, 60, 16)),
		want: "rio.duplicate", detail: "2001:db8::/48"},
	{name: "rio.duplicate, default", frame: having(craft.RIO("::", 0, 0, 30, 0), craft.RIO("2001:db8::", 0, 0, 30, 8)), want: "rio.duplicate"},
	{name: "routes that differ", frame: having(craft.RIO("2001:db8::", 48, 0, 30, 8), craft.RIO("2001:db8:1::", 48, 0, 30, 8),
		craft.RIO("2001:db8::", 47, 0, 30, 8))},

	{name: "rdnss.length, even", frame: having(longer(craft.RDNSS(30, "2001:db8::53"))), want: "rdnss.length", detail: "4 units"},
	{name: "rdnss.length, none", frame: having(craft.RDNSS(30)), want: "rdnss.length"},
	{name: "rdnss.address, multicast", frame: having(craft.RDNSS(30, "2001:db8::53", "ff02::fb")), want: "rdnss.address", detail: "ff02::fb"},
	{name: "rdnss.address, several", frame: having(craft.RDNSS(30, "::", "::1")), want: "rdnss.address rdnss.address"},
	{name: "servers that are link-local and unique-local", frame: having(craft.RDNSS(0, "fe80::53", "fd00::53"))},
	{name: "dnssl.length", frame: having(craft.Option(31, []byte{0, 0, 0, 0, 0, 30})), want: "dnssl.length"},
	{name: "dnssl.encoding, no name", frame: having(ndOption(31, 2)), want: "dnssl.encoding", detail: "no name"},
	{name: "dnssl.encoding, no end", frame: having(craft.DNSSL(30, []byte("\x07example"))), want: "dnssl.encoding"},
	{name: "dnssl.encoding, past the end", frame: having(craft.DNSSL(30, []byte("\x08example"))), want: "dnssl.encoding"},
	{name: "dnssl.encoding, compressed", frame: having(craft.DNSSL(30, []byte("\x03foo\xc0\x08\x00"))), want: "dnssl.encoding"},
	{name: "dnssl.encoding, long label", frame: having(craft.DNSSL(30, craft.Name(strings.Repeat("a", 64)))), want: "dnssl.encoding"},
	{name: "dnssl.encoding, long name", frame: having(craft.DNSSL(30, craft.Name(long(4)...))), want: "dnssl.encoding"},
	{name: "dnssl.encoding, name after padding", frame: having(craft.DNSSL(30, craft.Name("a"), []byte{0}, craft.Name("b"))), want: "dnssl.encoding"},
	{name: "names and padding", frame: having(craft.DNSSL(30, craft.Name("zone", "example"), craft.Name("example"), make([]byte, 9)),
		craft.DNSSL(30, craft.Name(append(long(3), strings.Repeat("a", 61))...)), craft.DNSSL(30, craft.Name("a", "exampl")))},

	{name: "encdns.length, no room for fixed fields", frame: having(ndOption(144, 1)), want: "encdns.length"},
	{name: "encdns.length, name past the end", frame: having(craft.Option(144, []byte{0, 1, 0, 0, 0, 30, 0, 200, 1, 'a', 0})), want: "encdns.length"},
	{name: "encdns.length, parameters past the end", frame: having(craft.Option(144, []byte{0, 1, 0, 0, 0, 30, 0, 3, 1, 'a', 0, 0, 0, 9, 9})),
		want: "encdns.length"},
	{name: "encdns.adn, none", frame: having(craft.EncryptedDNSName(1, 30, nil)), want: "encdns.adn"},
	{name: "encdns.adn, root", frame: having(craft.EncryptedDNSName(1, 30, []byte{0})), want: "encdns.adn", detail: "root"},
	{name: "encdns.adn, two names", frame: having(craft.EncryptedDNSName(1, 30, []byte("\x01a\x00\x01b\x00"))), want: "encdns.adn"},
	{name: "encdns.adn, no end", frame: having(craft.EncryptedDNSName(1, 30, []byte("\x01a"))), want: "encdns.adn"},
	{name: "encdns.adn and what follows it", frame: having(craft.EncryptedDNS(1, 30, []byte("\x09a"), [][]byte{craft.Addr("ff02::53")}, []byte{1})),
		want: "encdns.address encdns.adn encdns.svcparams"},
	{name: "encdns.address, multicast", frame: having(dnr(goodParams, "2001:db8::53", "ff02::53")), want: "encdns.address", detail: "ff02::53"},
	{name: "encdns.address, loopback", frame: having(dnr(goodParams, "::1")), want: "encdns.address"},
	{name: "encdns.address, IPv4", frame: having(craft.EncryptedDNS(1, 30, craft.Name("dns"), [][]byte{{192, 0, 2, 53}}, nil)),
		want: "encdns.address", detail: "4 bytes"},
	{name: "encdns.address, none", frame: having(craft.EncryptedDNS(1, 30, craft.Name("dns"), nil, goodParams)), want: "encdns.address"},
	{name: "encdns.svcparams, order", frame: having(dnr(craft.Join(craft.SvcParam(3, []byte{3, 85}), craft.SvcParam(1, []byte("\x03dot"))))),
		want: "encdns.svcparams", detail: "ascend"},
	{name: "encdns.svcparams, twice", frame: having(dnr(craft.Join(craft.SvcParam(1, []byte("\x03dot")), craft.SvcParam(1, []byte("\x03dot"))))),
		want: "encdns.svcparams"},
	{name: "encdns.svcparams, past the end", frame: having(dnr([]byte{0, 1, 0, 5, 3, 'd', 'o', 't'})), want: "encdns.svcparams"},
	{name: "encdns.svcparams, half a parameter", frame: having(dnr([]byte{0, 1, 0})), want: "encdns.svcparams"},
	{name: "encdns.svcparams, hint", frame: having(dnr(craft.SvcParam(6, craft.Addr("2001:db8::53")))), want: "encdns.svcparams", detail: "hint"},
	{name: "name only, padded by a unit more", frame: having(longer(craft.EncryptedDNSName(1, 30, craft.Name("dns", "example"))))},
	{name: "encrypted DNS", frame: having(dnr(craft.SvcParam(2, nil)), dnr(goodParams), dnr(nil, "fe80::53", "2001:db8::53"),
		craft.EncryptedDNSName(1, 0, craft.Name("dns", "example")))},

	{name: "pref64.length", frame: having(longer(craft.PREF64("64:ff9b::", 0, 1800))), want: "pref64.length", detail: "24 bytes"},
	{name: "pref64.length, 8 bytes", frame: having(ndOption(38, 1)), want: "pref64.length"},
	{name: "pref64.plc", frame: having(craft.PREF64("64:ff9b::", 6, 1800)), want: "pref64.plc"},
	{name: "pref64.plc, 7", frame: having(craft.PREF64("64:ff9b::", 7, 1800)), want: "pref64.plc"},
	{name: "pref64.lifetime", frame: having(craft.PREF64("64:ff9b::", 0, 8)), want: "pref64.lifetime", detail: "64:ff9b::/96: lifetime 8 s"},
	{name: "pref64.lifetime, interval known", frame: having(craft.PREF64("64:ff9b::", 0, 592), craft.Interval(200000)), want: "pref64.lifetime"},
	{name: "pref64.lifetime, router's longer", frame: having(craft.PREF64("64:ff9b::", 0, 600), craft.Interval(200000)),
		want: "pref64.lifetime:info", detail: "1800 s"},
	{name: "pref64.lifetime, one unit shorter than the router's", frame: having(craft.PREF64("64:ff9b::", 0, 1792)), want: "pref64.lifetime:info"},
	{name: "NAT64 prefix withdrawn", frame: having(craft.PREF64("64:ff9b::", 5, 0))},
	{name: "NAT64 prefix beside a router's longest lifetime", frame: toAll(craft.RA{Lifetime: 65535}.Message(goodPIO,
		craft.PREF64("64:ff9b::", 0, 65528))), want: "ra.lifetime-range:info"},
	{name: "NAT64 prefix with a lifetime rounded down", frame: toAll(craft.RA{Lifetime: 1807}.Message(goodPIO,
		craft.PREF64("64:ff9b::", 0, 1800)))},

	{name: "captive.empty", frame: having(craft.CaptivePortal("")), want: "captive.empty"},
	{name: "captive.padding", frame: having(craft.CaptivePortal("https://a.example/\x00x")), want: "captive.padding", detail: `\x00`},
	{name: "captive.padding, blanks", frame: having(craft.CaptivePortal("https://a.example/   ")), want: "captive.padding"},
	{name: "captive.padding, first byte", frame: having(craft.CaptivePortal("\x01https://a.example/")), want: "captive.padding"},
	{name: "captive.padding, DEL", frame: having(craft.CaptivePortal("https://a.example/\x7f")), want: "captive.padding"},
	{name: "captive.padding, escape sequence", frame: having(craft.CaptivePortal("https://a.example/\x1b[2J")), want: "captive.padding", detail: `\x1b[2J`},
	{name: "captive.not-https", frame: having(craft.CaptivePortal("http://a.example/")), want: "captive.not-https", detail: "http://a.example/"},
	{name: "captive.not-https, no scheme", frame: having(craft.CaptivePortal("a.example")), want: "captive.not-https"},
	{name: "captive.not-https, another URN", frame: having(craft.CaptivePortal(unrestricted + "s")), want: "captive.not-https"},
	{name: "captive.ip-literal", frame: having(craft.CaptivePortal("https://192.0.2.1/api")), want: "captive.ip-literal"},
	{name: "captive.ip-literal, IPv6", frame: having(craft.CaptivePortal("https://user@[2001:db8::1]:443/")), want: "captive.ip-literal"},
	{name: "captive.ip-literal, no path", frame: having(craft.CaptivePortal("https://192.0.2.1:8443")), want: "captive.ip-literal"},
	{name: "captive.ip-literal and not https", frame: having(craft.CaptivePortal("http://192.0.2.1?x")), want: "captive.ip-literal captive.not-https"},
	{name: "portal", frame: having(craft.CaptivePortal("HTTPS://portal.example:8443/api/192.0.2.1?x=[::1]"))},
	{name: "portal of four labels", frame: having(craft.CaptivePortal("https://a.b.example.net/"))},
	{name: "no host", frame: having(craft.CaptivePortal("https://")), want: ""},
	{name: "no host but a path", frame: having(craft.CaptivePortal("https:///1.2.3.4")), want: ""},
	{name: "an address behind an empty user", frame: having(craft.CaptivePortal("https://@192.0.2.1/")), want: "captive.ip-literal"},
	{name: "portal whose name begins with numbers", frame: having(craft.CaptivePortal("https://192.0.2.1.example/"))},
	{name: "no portal", frame: having(craft.CaptivePortal("URN:ietf:params:capport:unrestricted"))},

	{name: "flags.all-zero", frame: having(craft.FlagsExtension(0)), want: "flags.all-zero"},
	{name: "a flag", frame: having(craft.FlagsExtension(1))},
	{name: "interval.length", frame: having(longer(craft.Interval(15000))), want: "interval.length"},
	{name: "homeagent.lifetime-zero", frame: having(craft.HomeAgent(5, 0)), want: "homeagent.lifetime-zero"},
	{name: "6co.length, 65 bits in 16 bytes", frame: having(craft.SixCO(65, 0x10, 1, "2001:db8::", 8)), want: "6co.length", detail: "65 bits"},
	{name: "6co.length, 8 bytes", frame: having(craft.SixCO(0, 0x10, 1, "::", 0)), want: "6co.length"},
	{name: "6co.length, 32 bytes", frame: having(longer(craft.SixCO(64, 0x10, 1, "2001:db8::", 16))), want: "6co.length"},
	{name: "6co.length, 129 bits", frame: having(craft.SixCO(129, 0x10, 1, "2001:db8::", 16)), want: "6co.length"},
	{name: "contexts", frame: having(craft.SixCO(128, 0x10, 1, "2001:db8::1", 16), craft.SixCO(64, 0x10, 1, "2001:db8::", 8), craft.SixCO(64, 0x11, 1, "2001:db8::", 16))},

	{name: "a bad option between good and bad ones", frame: having(ndOption(3, 2), craft.MTU(1), longer(craft.RDNSS(30, "::")),
		pio("2001:db8:1::", 65, 0xc0), craft.CaptivePortal("")),
		want: "captive.empty mtu.below-1280 pio.length pio.not-64 rdnss.length"},
	{name: "what a guess says is not judged", frame: having(craft.WithLength(craft.MTU(1500), 0), craft.MTU(1)), want: "nd.opt-len-zero"},
	{name: "what reaches past the end is not judged", frame: having(craft.WithLength(craft.MTU(1), 2)), want: "nd.opt-overrun"},
}

// long returns n labels of 63 bytes.
func long(n int) []string {
	var labels []string
	for range n {
		labels = append(labels, strings.Repeat("a", 63))
	}
	return labels
}

func TestOptions(t *testing.T) {
	for _, tt := range optionRows {
		t.Run(tt.name, tt.run)
	}
}

// TestPlaces wants findings of one kind about different options told apart, and found again in the next message.
func TestPlaces(t *testing.T) {
	frame := having(pio("2001:db8:1::", 65, 0xc0), pio("2001:db8:2::", 65, 0xc0), ndOption(3, 3), ndOption(3, 3),
		craft.RDNSS(30, "::", "ff02::1"), craft.MTU(1), craft.MTU(2))
	seen := make(map[string]bool)
	for i := range 2 {
		for _, f := range judge(decodeFrame(t, frame, nil)).Findings {
			key := fmt.Sprint(f.Rule, " ", f.Subject)
			if again := i > 0; seen[key] != again {
				t.Errorf("message %d: %s seen before: %v", i+1, key, seen[key])
			}
			seen[key] = true
		}
	}
}

func TestUsable(t *testing.T) {
	for _, tt := range []struct {
		option []byte
		want   bool
	}{
		{goodPIO, true},
		{pio("2001:db8::1", 64, 0x40), true}, // host bits do not matter
		{craft.PIO("2001:db8::", 64, 0x40, 1, 0), true},
		{craft.PIO("2001:db8::", 64, 0x40, 3600, 3600), true},
		{craft.PIO("2001:db8::", 64, 0x40, 0, 0), false},
		{craft.PIO("2001:db8::", 64, 0x40, 3600, 3601), false},
		{pio("2001:db8::", 64, 0x80), false},
		{pio("2001:db8::", 65, 0x40), false},
		{pio("2001:db8::", 129, 0x40), false},
		{pio("fe80::", 64, 0x40), false},
		{pio("ff05::", 64, 0x40), false},
		{pio("2001:db8::", 48, 0x10), true},
		{pio("2001:db8::", 48, 0x50), true},
		{pio("2001:db8::1", 128, 0x10), true},
		{pio("fe80::", 64, 0x10), false},
		{craft.PIO("2001:db8::", 48, 0x10, 3600, 0), false},
		{craft.PIO("2001:db8::", 64, 0x50, 3600, 0), true}, // by A
	} {
		p, ok := icmp6.Option{Type: 3, Length: 4, Raw: tt.option}.PrefixInformation()
		if got := usable(&p); !ok || got != tt.want {
			t.Errorf("%+v: %v, want %v", p, got, tt.want)
		}
	}
}

// FuzzJudge wants any message judged without a panic, and what is said of it printable.
func FuzzJudge(f *testing.F) {
	for _, tt := range append(messageRows, optionRows...) {
		f.Add(tt.frame, uint16(0), uint16(1500))
	}
	f.Add(toAll(healthy()), uint16(20), uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, cut, mtu uint16) {
		frame := packet.Frame{Number: 1, Data: data, Length: len(data) + int(cut), LinkType: packet.LinkTypeEthernet,
			Interface: &packet.Interface{Name: "vnet1", MTU: int(mtu)}, Direction: packet.Incoming}
		var p packet.Packet
		if !packet.NewDecoder().Decode(&frame, &p) || !p.IsICMPv6 ||
			p.Message.Type != icmp6.TypeRouterAdvertisement && p.Message.Type != icmp6.TypeRouterSolicitation {
			return
		}
		for _, found := range judge(&p).Findings {
			if strings.ContainsFunc(found.Detail, func(c rune) bool { return c < ' ' || c >= 0x7f }) {
				t.Errorf("detail %q", found.Detail)
			}
			if found.Offset > len(data)+8 {
				t.Errorf("offset %d in %d bytes: %s", found.Offset, len(data), found.Rule)
			}
		}
	})
}
