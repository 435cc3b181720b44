package guest

import (
	"net/netip"
	"slices"
	"testing"
)

func TestParseResolvers(t *testing.T) {
	file := "# nameserver 2001:db8::1\nnameserver 127.0.0.53\n  nameserver\t2001:db8::53  # ours\nnameserver fe80::1%eth0\n" +
		"nameserver nonsense\nnameserver\nnameserver fe80::1%\x1b[31m\noptions edns0\nsearch a"
	want := []netip.Addr{addr("127.0.0.53"), addr("2001:db8::53"), addr("fe80::1%eth0")}
	if got := parseResolvers([]byte(file)); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	var many []byte
	for range 1000 {
		many = append(many, "nameserver ::1\n"...)
	}
	if got := parseResolvers(many); len(got) != maxResolvers {
		t.Errorf("%d of a thousand", len(got))
	}
}

func FuzzParseResolvers(f *testing.F) {
	f.Add([]byte("nameserver fe80::1%eth0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, a := range parseResolvers(b) {
			if s := a.String(); escape(s) != s {
				t.Errorf("%q", s)
			}
		}
	})
}

func TestEscape(t *testing.T) {
	for s, want := range map[string]string{"eth0": "eth0", "": "", "a\x1bb": `"a\x1bb"`, "ü": "ü", `a"b`: `"a\"b"`} {
		if got := escape(s); got != want {
			t.Errorf("%q: %s", s, got)
		}
	}
}

func TestUsable(t *testing.T) {
	for name, c := range map[string]struct {
		a    Address
		want bool
	}{
		"settled":    {Address{}, true},
		"tested":     {Address{Tentative: true}, false},
		"optimistic": {Address{Tentative: true, Optimistic: true}, true},
		"duplicate":  {Address{Tentative: true, Failed: true, Optimistic: true}, false},
	} {
		if got := c.a.Usable(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
