package expect

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"v6probe/internal/rule"
)

// bare returns s without its places, and without a difference between a list that is nil and one that is empty.
func bare(s *State) *State {
	strip(reflect.ValueOf(s))
	return s
}

func strip(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			strip(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			strip(v.Index(i))
		}
		if v.Len() == 0 {
			v.SetZero()
		}
	case reflect.Struct:
		switch v.Interface().(type) {
		case rule.Place:
			v.SetZero()
		case netip.Addr, netip.Prefix:
		default:
			for i := range v.NumField() {
				strip(v.Field(i))
			}
		}
	}
}

func written(t *testing.T, s *State) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, s, ""); err != nil {
		t.Fatalf("Write: %v\n%+v", err, s)
	}
	return b.Bytes()
}

// TestWriteParse holds that what is written reads as it was, of whatever it is made.
func TestWriteParse(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			want := newMaker(seed).state()
			text := written(t, want)
			if again := written(t, want); !bytes.Equal(text, again) {
				t.Fatalf("written twice, it differs:\n%s\n%s", text, again)
			}
			got, err := parseYAML(Source{Name: "x.yaml", Data: text})
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if !reflect.DeepEqual(bare(got), bare(want)) {
				t.Fatalf("%s\nreads as\n%s", text, written(t, got))
			}
		})
	}
}

// TestWriteLong holds that a long list gets a line for each element.
func TestWriteLong(t *testing.T) {
	a := &Advertisement{RDNSS: &Servers{}}
	for i := range 4 {
		address := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i + 1)})
		a.RDNSS.List = append(a.RDNSS.List, Server{Address: address, Lifetime: Exactly(30, rule.Place{})})
	}
	text := string(written(t, &State{Links: []*Link{{Name: "web", Says: a}}}))
	want := "expect: 1\nlinks:\n- name: web\n  says:\n    rdnss:\n    - {address: 2001:db8::1, lifetime: 30}\n" +
		"    - {address: 2001:db8::2, lifetime: 30}\n    - {address: 2001:db8::3, lifetime: 30}\n" +
		"    - {address: 2001:db8::4, lifetime: 30}\n"
	if text != want {
		t.Errorf("got:\n%s\nwant:\n%s", text, want)
	}
}

func TestWriteFull(t *testing.T) {
	in, err := os.ReadFile(filepath.Join("testdata", "yaml", "good", "full.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseYAML(Source{Name: "full.yaml", Data: in})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := Write(&got, s, "Made by hand.\n\nA second line,\x1b[31m with colour.\n"); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "yaml", "good", "full.written.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
}

// TestWriteRefused holds that what would not read again is not written.
func TestWriteRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		s    State
		err  string
	}{
		{"control character", State{Links: []*Link{{Name: "a\x1b[31m"}}}, "invisible character"},
		{"not UTF-8", State{Links: []*Link{{Name: "a\xff"}}}, "byte 0xff is no UTF-8 text"},
		{"no name", State{Links: []*Link{{}}}, "not an empty text"},
		{"router without an address", State{Links: []*Link{{Name: "a", Routers: []Router{{Name: "r"}}}}},
			"without its address or mac"},
		{"unknown rule", State{Rules: Rules{Must: []RuleRef{{ID: "ra.nothing"}}}}, "unknown rule"},
		{"large", State{Links: []*Link{{Name: strings.Repeat("x", maxYAML)}}}, "larger than 1 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			err := Write(&b, &c.s, "")
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want one with %q", err, c.err)
			}
			if b.Len() > 0 {
				t.Errorf("it wrote %q", b.String())
			}
		})
	}
}

// TestYAMLText holds which texts are in quotes: those that any reader of YAML, 1.1 or 1.2, would take for something else.
func TestYAMLText(t *testing.T) {
	for _, s := range []string{"web", "r-12-VM", "fe80::1", "2001:db8:1::/64", "64:ff9b::/96", "02:00:00:00:00:01", "12:34:56:ab:00:01",
		"example.org", "https://portal.example/api?a=b", "infinity", "none", "xn--bcher-kva.example"} {
		if got := yamlText(s); got != s {
			t.Errorf("%s is written %s", s, got)
		}
	}
	for _, s := range append([]string{"::/0", "12:34:56:10:20:30", "n", "OFF", "10"}, tricky[:len(tricky)-1]...) {
		switch s {
		case "infinity", "none", "a:b", "2001:db8::1", "fe80::1":
			continue
		}
		if got := yamlText(s); !strings.HasPrefix(got, `"`) || !strings.HasSuffix(got, `"`) {
			t.Errorf("%q is written %s", s, got)
		}
	}
	for s, want := range map[string]string{`a"b\c`: `"a\"b\\c"`, "a\nb": `"a\x0ab"`, "": `""`, "é": `"é"`} {
		if got := yamlText(s); got != want {
			t.Errorf("%q is written %s, not %s", s, got, want)
		}
	}
}
