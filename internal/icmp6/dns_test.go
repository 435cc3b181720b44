package icmp6

import (
	"bytes"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"v6probe/internal/craft"
)

func TestRDNSSServers(t *testing.T) {
	addr := netip.MustParseAddr
	ten := make([]string, 127)
	want := make([]netip.Addr, 127)
	for i := range ten {
		ten[i], want[i] = "2001:db8::53", addr("2001:db8::53")
	}
	two := craft.RDNSS(30, "2001:db8::1", "2001:db8::2")
	tests := []struct {
		name string
		raw  []byte
		want []netip.Addr
	}{
		{"two", two, []netip.Addr{addr("2001:db8::1"), addr("2001:db8::2")}},
		{"none", craft.RDNSS(30), nil},
		{"half an address", craft.Option(25, make([]byte, 14)), nil},
		{"one and a half", craft.Option(25, make([]byte, 6), craft.Addr("2001:db8::1"), make([]byte, 8)),
			[]netip.Addr{addr("2001:db8::1")}},
		{"second cut by the end", two[:39], []netip.Addr{addr("2001:db8::1")}},
		{"all that 255 units hold", craft.RDNSS(30, ten...), want},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, ok := one(t, tt.raw).RDNSS()
			if !ok {
				t.Fatal("no RDNSS")
			}
			var got []netip.Addr
			for i := range r.Len() {
				got = append(got, r.Server(i))
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDomains(t *testing.T) {
	l63 := strings.Repeat("x", 63)
	l61 := strings.Repeat("y", 61)
	many := make([]string, 677)
	for i := range many {
		many[i] = "a"
	}
	tests := []struct {
		name  string
		names []byte
		want  []string
		err   string // all of the error, "" for none
	}{
		{"one", craft.Name("cs1cloud", "internal"), []string{"cs1cloud.internal"}, ""},
		{"two", craft.Join(craft.Name("a", "example"), craft.Name("b", "example")), []string{"a.example", "b.example"}, ""},
		{"much padding", craft.Join(craft.Name("a"), make([]byte, 29)), []string{"a"}, ""},
		{"empty list", nil, nil, ""},
		{"zeros alone", make([]byte, 8), nil, ""},
		{"no padding", craft.Name("abcdef"), []string{"abcdef"}, ""},
		{"escapes", craft.Name("a.b\\c", " \t\x00\x7f\xff", "~!"), []string{`a\046b\092c.\032\009\000\127\255.~!`}, ""},
		{"label of 63", craft.Name(l63), []string{l63}, ""},
		{"name of 255", craft.Name(l63, l63, l63, l61), []string{l63 + "." + l63 + "." + l63 + "." + l61}, ""},
		{"as many as fit", bytes.Repeat(craft.Name("a"), 677), many, ""},

		{"pointer", []byte{0xc0, 0}, nil, "name at offset 8: compression pointer at offset 8"},
		{"pointer to itself after a name", craft.Join(craft.Name("ab"), []byte{1, 'c', 0xc0, 4}), []string{"ab"},
			"name at offset 12: compression pointer at offset 14"},
		{"pointer past the end", []byte{1, 'a', 0xff, 0xff, 0, 0}, nil, "name at offset 8: compression pointer at offset 10"},
		{"label of 64", craft.Name(strings.Repeat("x", 64)), nil, "name at offset 8: label of 64 bytes at offset 8"},
		{"label of 191", craft.Name("a", strings.Repeat("x", 191)), nil, "name at offset 8: label of 191 bytes at offset 10"},
		{"name of 256", craft.Name(l63, l63, l63, l61+"y"), nil, "name at offset 8: longer than 255 bytes"},
		{"name of 319", craft.Name(l63, l63, l63, l63, l63), nil, "name at offset 8: longer than 255 bytes"},
		{"no zero byte", []byte{5, 'a', 'b', 'c', 'd', 'e', 1, 'f'}, nil, "name at offset 8: no zero byte ends it"},
		{"label past the end", []byte{9, 'a', 'b', 'c', 'd', 'e', 'f', 'g'}, nil,
			"name at offset 8: label at offset 8 runs past the end"},
		{"label one past the end", []byte{2, 'a', 'b', 5, 'd', 'e', 'f', 'g'}, nil,
			"name at offset 8: label at offset 11 runs past the end"},
		{"empty name in front", craft.Join([]byte{0}, craft.Name("abcde")), nil, "empty name at offset 8: more follows it"},
		{"padding that is not zero", craft.Join(craft.Name("a"), []byte{0, 0, 0, 0, 1}), []string{"a"},
			"empty name at offset 11: more follows it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := one(t, craft.DNSSL(30, tt.names))
			d, ok := o.DNSSL()
			if !ok {
				t.Fatal("no DNSSL")
			}
			got, err := d.Domains()
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if text := errText(err); text != tt.err {
				t.Errorf("error %q, want %q", text, tt.err)
			}
			checkViews(t, o)
		})
	}
}

// errText returns err's text, or "" for nil.
func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestDomainsOverrun reads a list that the end of the message cuts.
func TestDomainsOverrun(t *testing.T) {
	raw := craft.DNSSL(30, craft.Name("one", "example"), craft.Name("two", "example"))
	d, ok := one(t, raw[:29]).DNSSL()
	if !ok {
		t.Fatal("no DNSSL")
	}
	got, err := d.Domains()
	if want := []string{"one.example"}; !reflect.DeepEqual(got, want) || err == nil {
		t.Errorf("got %q, %v, want %q and an error", got, err, want)
	}
}

func TestEncryptedDNS(t *testing.T) {
	adn := craft.Name("dns", "example") // 13 bytes
	server := craft.Addr("2001:db8::53")
	second := craft.Addr("fe80::53")
	alpn := []byte{0, 1, 0, 4, 3, 'd', 'o', 't'}
	head := []byte{0, 1, 0, 0, 2, 88, 0, 13} // priority 1, lifetime 600, an ADN of 13 bytes
	base := EncryptedDNS{ServicePriority: 1, Lifetime: 600, ADNLength: 13, ADN: adn}
	with := func(change func(*EncryptedDNS)) EncryptedDNS {
		e := base
		change(&e)
		return e
	}
	full := craft.EncryptedDNS(1, 600, adn, [][]byte{server, second}, alpn)
	bigLifetime := craft.EncryptedDNS(0x1234, 0xffffffff, craft.Name("a"), [][]byte{server}, alpn)

	tests := []struct {
		name string
		raw  []byte
		want EncryptedDNS
		len  int
	}{
		{"full", full, with(func(e *EncryptedDNS) {
			e.AddrLength, e.addrs, e.SvcParamsLength, e.SvcParams = 32, craft.Join(server, second), 8, alpn
		}), 2},
		{"infinite", bigLifetime, EncryptedDNS{ServicePriority: 0x1234, Lifetime: 0xffffffff, ADNLength: 3,
			ADN: craft.Name("a"), AddrLength: 16, addrs: server, SvcParamsLength: 8, SvcParams: alpn}, 1},
		{"adn only, one byte of padding", craft.Option(144, head, adn), with(func(e *EncryptedDNS) { e.ADNOnly = true }), 0},
		{"adn only, no padding", craft.Option(144, []byte{0, 1, 0, 0, 2, 88, 0, 6}, craft.Name("abcd")),
			EncryptedDNS{ServicePriority: 1, Lifetime: 600, ADNLength: 6, ADN: craft.Name("abcd"), ADNOnly: true}, 0},
		{"adn only, seven bytes of padding", craft.Option(144, []byte{0, 1, 0, 0, 2, 88, 0, 7}, craft.Name("abcde")),
			EncryptedDNS{ServicePriority: 1, Lifetime: 600, ADNLength: 7, ADN: craft.Name("abcde"), ADNOnly: true}, 0},
		{"adn only, byte of padding not zero", craft.Option(144, head, adn, []byte{9}),
			with(func(e *EncryptedDNS) { e.ADNOnly = true }), 0},
		{"no adn", craft.Option(144, make([]byte, 14)), EncryptedDNS{ADN: []byte{}, ADNOnly: true}, 0},
		{"a whole unit of zeros after the adn", craft.Option(144, []byte{0, 1, 0, 0, 2, 88, 0, 6}, craft.Name("abcd"),
			make([]byte, 8)), EncryptedDNS{ServicePriority: 1, Lifetime: 600, ADNLength: 6, ADN: craft.Name("abcd"),
			addrs: []byte{}, SvcParams: []byte{}}, 0},
		{"address length but no addresses", craft.Option(144, []byte{0, 1, 0, 0, 2, 88, 0, 7}, craft.Name("abcde"),
			[]byte{0, 16, 0, 0, 0, 0, 0}), EncryptedDNS{ServicePriority: 1, Lifetime: 600, ADNLength: 7,
			ADN: craft.Name("abcde"), AddrLength: 16, addrs: make([]byte, 5), Overrun: true}, 0},
		{"no parameters", craft.EncryptedDNS(1, 600, adn, [][]byte{server}, nil),
			with(func(e *EncryptedDNS) { e.AddrLength, e.addrs, e.SvcParams = 16, server, []byte{} }), 1},
		{"address length no multiple of 16", craft.EncryptedDNS(1, 600, adn, [][]byte{server, second[:4]}, alpn),
			with(func(e *EncryptedDNS) {
				e.AddrLength, e.addrs, e.SvcParamsLength, e.SvcParams = 20, craft.Join(server, second[:4]), 8, alpn
			}), 1},

		{"adn past the end", craft.Option(144, []byte{0, 1, 0, 0, 2, 88, 0xff, 0xff}, adn, []byte{0}),
			EncryptedDNS{ServicePriority: 1, Lifetime: 600, ADNLength: 0xffff, ADN: craft.Join(adn, []byte{0}), Overrun: true}, 0},
		{"adn one past the end", craft.Option(144, []byte{0, 1, 0, 0, 2, 88, 0, 7}, []byte("abcdef")),
			EncryptedDNS{ServicePriority: 1, Lifetime: 600, ADNLength: 7, ADN: []byte("abcdef"), Overrun: true}, 0},
		{"addresses past the end", craft.Option(144, head, adn, []byte{1, 0}, server, make([]byte, 7)),
			with(func(e *EncryptedDNS) {
				e.AddrLength, e.addrs, e.Overrun = 256, craft.Join(server, make([]byte, 7)), true
			}), 1},
		{"parameters past the end", craft.Option(144, head, adn, []byte{0, 16}, server, []byte{0, 6}, []byte{1, 2, 3, 4, 5}),
			with(func(e *EncryptedDNS) {
				e.AddrLength, e.addrs, e.SvcParamsLength = 16, server, 6
				e.SvcParams, e.Overrun = []byte{1, 2, 3, 4, 5}, true
			}), 1},
		{"no parameter length", craft.Option(144, []byte{0, 1, 0, 0, 2, 88, 0, 4}, craft.Name("ab"), []byte{0, 16}, server),
			EncryptedDNS{ServicePriority: 1, Lifetime: 600, ADNLength: 4, ADN: craft.Name("ab"), AddrLength: 16,
				addrs: server, Overrun: true}, 1},
		{"cut after the adn", full[:23], with(func(e *EncryptedDNS) { e.Overrun = true }), 0},
		{"cut in an address", full[:50], with(func(e *EncryptedDNS) {
			e.AddrLength, e.addrs, e.Overrun = 32, craft.Join(server, second[:9]), true
		}), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := one(t, tt.raw)
			got, ok := o.EncryptedDNS()
			if !ok || !reflect.DeepEqual(got, tt.want) || got.Len() != tt.len {
				t.Errorf("got  %+v, %v, %d addresses\nwant %+v, %d addresses", got, ok, got.Len(), tt.want, tt.len)
			}
			checkViews(t, o)
		})
	}

	e, _ := one(t, full).EncryptedDNS()
	if e.Server(0) != netip.MustParseAddr("2001:db8::53") || e.Server(1) != netip.MustParseAddr("fe80::53") {
		t.Errorf("servers %v, %v", e.Server(0), e.Server(1))
	}
	if _, ok := one(t, []byte{144, 1, 0, 1, 0, 0, 0, 1}).EncryptedDNS(); ok {
		t.Error("an option of one unit has no room for the ADN length, but was read")
	}
}

func TestEncryptedDNSName(t *testing.T) {
	tests := []struct {
		name string
		adn  []byte
		want string
		err  string
	}{
		{"plain", craft.Name("dns", "example"), "dns.example", ""},
		{"escaped", craft.Name("d.ns", "\xff"), `d\046ns.\255`, ""},
		{"root", []byte{0}, "", ""},
		{"none", nil, "", "no name: its length is zero"},
		{"more after the end", []byte{1, 'a', 0, 0, 0}, "a", "name at offset 10: 2 bytes follow its end"},
		{"pointer", []byte{1, 'a', 0xc0, 0}, "", "name at offset 10: compression pointer at offset 12"},
		{"no end", []byte{1, 'a'}, "", "name at offset 10: no zero byte ends it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, ok := one(t, craft.EncryptedDNS(1, 1, tt.adn, [][]byte{craft.Addr("fe80::1")}, []byte{1})).EncryptedDNS()
			if !ok {
				t.Fatal("no encrypted DNS")
			}
			if got, err := e.Name(); got != tt.want || errText(err) != tt.err {
				t.Errorf("got %q, %v, want %q, %q", got, err, tt.want, tt.err)
			}
		})
	}
}
