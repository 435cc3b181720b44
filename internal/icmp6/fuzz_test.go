package icmp6

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"v6probe/internal/craft"
)

// checkWalk fails t unless m's options and trailing bytes cover raw from its fixed fields to its end, in order, each
// with the fault that its length byte and place call for.
func checkWalk(t *testing.T, m *Message, raw []byte) {
	t.Helper()
	if !bytes.Equal(m.Raw, raw) {
		t.Fatalf("Raw is % x, want % x", m.Raw, raw)
	}
	if !m.Type.IsND() || m.Short {
		if len(m.Options) != 0 || m.Trailing != 0 {
			t.Fatalf("%d options, %d trailing bytes in a message that has none", len(m.Options), m.Trailing)
		}
		return
	}
	off, guessed := fixedSize(m.Type), false
	for i, o := range m.Options {
		left := len(raw) - off
		if o.Offset != off || len(o.Raw) < 8 || len(o.Raw) > left || &o.Raw[0] != &raw[off] || cap(o.Raw) != len(o.Raw) {
			t.Fatalf("option %d: offset %d, %d bytes; want offset %d, 8 to %d bytes", i, o.Offset, len(o.Raw), off, left)
		}
		if byte(o.Type) != raw[off] || o.Length != raw[off+1] || o.Guessed != guessed {
			t.Fatalf("option %d: %+v, guessed want %v", i, o, guessed)
		}
		want, size := FaultNone, 8*int(o.Length)
		switch {
		case size == 0:
			want, guessed, size = FaultZero, true, len(o.Raw)
		case size > left:
			want, size = FaultOverrun, left
		}
		if o.Fault != want || len(o.Raw) != size {
			t.Fatalf("option %d: fault %d, %d bytes; want %d, %d", i, o.Fault, len(o.Raw), want, size)
		}
		if o.Fault == FaultOverrun && (i != len(m.Options)-1 || m.Trailing != 0) {
			t.Fatalf("option %d overruns the end, but something follows it", i)
		}
		off += len(o.Raw)
	}
	if m.Trailing >= 8 || off+m.Trailing != len(raw) {
		t.Fatalf("options end at %d, %d trailing bytes, length %d", off, m.Trailing, len(raw))
	}
}

// readFixed calls every view that needs no memory and returns the type of the options that those that said yes are for.
func readFixed(o Option) (types [16]OptionType, n int) {
	add := func(t OptionType, ok bool) {
		if ok {
			types[n] = t
			n++
		}
	}
	_, ok := o.LinkLayerAddress()
	add(o.Type, ok)
	p, ok := o.PrefixInformation()
	add(OptPrefixInformation, ok)
	p.Prefix()
	_, ok = o.RedirectedHeader()
	add(OptRedirectedHeader, ok)
	_, ok = o.MTU()
	add(OptMTU, ok)
	_, ok = o.AdvertisementInterval()
	add(OptAdvertisementInterval, ok)
	_, ok = o.HomeAgentInformation()
	add(OptHomeAgentInformation, ok)
	_, ok = o.Nonce()
	add(OptNonce, ok)
	r, ok := o.RouteInformation()
	add(OptRouteInformation, ok)
	r.Prefix()
	d, ok := o.RDNSS()
	add(OptRDNSS, ok)
	for i := range d.Len() {
		d.Server(i)
	}
	_, ok = o.FlagsExtension()
	add(OptFlagsExtension, ok)
	_, ok = o.DNSSL()
	add(OptDNSSL, ok)
	_, ok = o.SixCO()
	add(Opt6CO, ok)
	_, ok = o.CaptivePortal()
	add(OptCaptivePortal, ok)
	p64, ok := o.PREF64()
	add(OptPREF64, ok)
	p64.Prefix()
	e, ok := o.EncryptedDNS()
	add(OptEncryptedDNS, ok)
	for i := range e.Len() {
		e.Server(i)
	}
	return types, n
}

// fixedPart has the least size of an option that its view reads, for every type with a view.
var fixedPart = map[OptionType]int{
	OptSourceLinkLayerAddress: 8, OptTargetLinkLayerAddress: 8, OptPrefixInformation: 32, OptRedirectedHeader: 8,
	OptMTU: 8, OptAdvertisementInterval: 8, OptHomeAgentInformation: 8, OptNonce: 8, OptRouteInformation: 8,
	OptRDNSS: 8, OptFlagsExtension: 8, OptDNSSL: 8, Opt6CO: 8, OptCaptivePortal: 8, OptPREF64: 16, OptEncryptedDNS: 10,
}

// checkViews fails t unless just the view for o's type reads it, and that only when it is long enough.
func checkViews(t *testing.T, o Option) {
	t.Helper()
	types, n := readFixed(o)
	least, known := fixedPart[o.Type]
	if want := known && len(o.Raw) >= least; n > 1 || (n == 1) != want || n == 1 && types[0] != o.Type {
		t.Fatalf("%v of %d bytes: views %v say yes, want %v", o.Type, len(o.Raw), types[:n], want)
	}
	if d, ok := o.DNSSL(); ok {
		checkDomains(t, d, o.Raw[8:])
	}
	if r, ok := o.RDNSS(); ok && r.Len() != (len(o.Raw)-8)/16 {
		t.Fatalf("rdnss of %d bytes: %d servers", len(o.Raw), r.Len())
	}
	if e, ok := o.EncryptedDNS(); ok {
		checkEncryptedDNS(t, e, o)
	}
}

// checkEncryptedDNS puts the parts of e together again and compares them with the option.
func checkEncryptedDNS(t *testing.T, e EncryptedDNS, o Option) {
	t.Helper()
	if name, err := e.Name(); err == nil && !bytes.Equal(wire(t, name), e.ADN) {
		t.Fatalf("name %q is not % x", name, e.ADN)
	}
	b := craft.Join([]byte{144, o.Length, byte(e.ServicePriority >> 8), byte(e.ServicePriority),
		byte(e.Lifetime >> 24), byte(e.Lifetime >> 16), byte(e.Lifetime >> 8), byte(e.Lifetime)},
		[]byte{byte(e.ADNLength >> 8), byte(e.ADNLength)}, e.ADN)
	if !e.ADNOnly && !e.Overrun {
		b = craft.Join(b, []byte{byte(e.AddrLength >> 8), byte(e.AddrLength)}, e.addrs,
			[]byte{byte(e.SvcParamsLength >> 8), byte(e.SvcParamsLength)}, e.SvcParams)
	}
	if !bytes.HasPrefix(o.Raw, b) {
		t.Fatalf("parts % x do not begin % x", b, o.Raw)
	}
	whole := len(e.ADN) == int(e.ADNLength) && len(e.addrs) == int(e.AddrLength) && len(e.SvcParams) == int(e.SvcParamsLength)
	if e.Overrun && e.ADNOnly || !e.Overrun && !whole {
		t.Fatalf("% x: %+v", o.Raw, e)
	}
}

// checkDomains writes the names of d again: they must be the bytes that they came from.
func checkDomains(t *testing.T, d DNSSL, names []byte) {
	t.Helper()
	list, err := d.Domains()
	var b []byte
	for _, name := range list {
		b = append(b, wire(t, name)...)
	}
	if !bytes.HasPrefix(names, b) {
		t.Fatalf("names %q do not begin % x", list, names)
	}
	rest := names[len(b):]
	if err == nil && !allZero(rest) || err != nil && allZero(rest) {
		t.Fatalf("names %q, error %v, % x left", list, err, rest)
	}
}

// wire is the inverse of readName. It fails t on a name that is no presentation form or too long.
func wire(t *testing.T, name string) []byte {
	t.Helper()
	var b []byte
	if name != "" {
		for label := range strings.SplitSeq(name, ".") {
			var l []byte
			for i := 0; i < len(label); i++ {
				c := label[i]
				if c <= ' ' || c > '~' {
					t.Fatalf("name %q holds byte %#x", name, c)
				}
				if c == '\\' {
					c = byte(int(label[i+1]-'0')*100 + int(label[i+2]-'0')*10 + int(label[i+3]-'0'))
					i += 3
				}
				l = append(l, c)
			}
			if len(l) == 0 || len(l) > 63 {
				t.Fatalf("name %q has a label of %d bytes", name, len(l))
			}
			b = append(append(b, byte(len(l))), l...)
		}
	}
	if b = append(b, 0); len(b) > 255 {
		t.Fatalf("name %q takes %d bytes", name, len(b))
	}
	return b
}

func FuzzMessage(f *testing.F) {
	f.Add(typicalRA())
	f.Add(craft.RS(craft.SLLA(craft.GuestMAC), []byte{1, 2, 3}))
	f.Add(craft.NS("fe80::1", craft.Nonce([]byte("abcdef"))))
	f.Add(craft.NA(0xe0, "fe80::1", craft.TLLA(craft.GuestMAC)))
	f.Add(craft.Join([]byte{137, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 32), craft.Option(4, make([]byte, 46))))
	f.Add(craft.RA{}.Message(craft.WithLength(craft.MTU(1500), 0), craft.WithLength(craft.SLLA(craft.GuestMAC), 9)))
	f.Add(craft.RA{}.Message(craft.Interval(1000), craft.HomeAgent(1, 2), craft.FlagsExtension(3),
		craft.SixCO(64, 0x11, 5, "2001:db8::", 8)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := decode(b)
		checkWalk(t, m, b)
		for _, o := range m.Options {
			checkViews(t, o)
		}
		used := decode(typicalRA())
		used.Decode(b)
		if len(used.Options) == 0 && len(m.Options) == 0 {
			used.Options, m.Options = nil, nil
		}
		if !reflect.DeepEqual(used, m) {
			t.Fatalf("a used message gives %+v, a fresh one %+v", used, m)
		}
	})
}

func FuzzDomains(f *testing.F) {
	f.Add(craft.Name("cs", "example"))
	f.Add(craft.Join(craft.Name("a"), craft.Name("b.c", "d e", "\x00\xff\\"), make([]byte, 5)))
	f.Add([]byte{3, 'a', 'b', 'c', 0xc0, 0})
	f.Add(craft.Join(bytes.Repeat(craft.Name(strings.Repeat("x", 63))[:64], 4), []byte{0}))
	f.Add([]byte{0, 1, 'a', 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		checkDomains(t, DNSSL{names: b}, b)
		if name, err := (EncryptedDNS{ADN: b}).Name(); err == nil && !bytes.Equal(wire(t, name), b) {
			t.Fatalf("name %q is not % x", name, b)
		}
	})
}
