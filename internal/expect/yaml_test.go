package expect

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/rule"
)

// TestBadYAML holds each bad file against its error, place and hint.
func TestBadYAML(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join("testdata", "yaml", "bad", "errors.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(golden)) {
		name, _, _ := strings.Cut(line, ":")
		want[name] = strings.TrimSuffix(line, "\n")
	}
	files, err := filepath.Glob(filepath.Join("testdata", "yaml", "bad", "*.yaml"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d bad files, %v", len(files), err)
	}
	for _, name := range files {
		base := filepath.Base(name)
		t.Run(base, func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = parseYAML(Source{Name: base, Data: data})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("no *Error: %v", err)
			}
			if got := e.Error() + " (" + e.Hint() + ")"; got != want[base] {
				t.Errorf("got:  %s\nwant: %s", got, want[base])
			}
		})
		delete(want, base)
	}
	for name := range want {
		t.Errorf("errors.txt has an error of %s, which is not there", name)
	}
}

func read(t *testing.T, data string) *State {
	t.Helper()
	s, err := parseYAML(Source{Name: "x.yaml", Data: []byte(data)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestYAMLPlaces holds that a value's place is where it begins.
func TestYAMLPlaces(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "yaml", "good", "full.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s := read(t, string(data))
	web := s.Links[0]
	for _, c := range []struct {
		what  string
		place rule.Place
		text  string // what stands there
	}{
		{"link", web.Place, "name: web"},
		{"VNI", web.VNI.Place, "1234"},
		{"VLAN", web.VLAN.Place, "100"},
		{"router", web.Routers[0].Place, "address: fe80::1"},
		{"router of one key", web.Routers[1].Place, "mac: 02:00:00:00:00:02"},
		{"own value", web.Routers[0].Says.RouterLifetime.Place, "0\n"},
		{"prefix in brackets", web.Routers[0].Says.Prefixes.List[0].Place, "{prefix: 2001:db8:2::/64"},
		{"forbidden", web.Forbidden[0].Place, "{mac: 02:00:00:00:00:09"},
		{"range", web.Says.RetransTimer.Place, "0..1000"},
		{"interval", web.Says.Interval.Place, "4.75..15"},
		{"flag", web.Says.SourceLinkLayer.Place, "true"},
		{"no MTU", web.Says.MTU.Place, "none"},
		{"preference", web.Says.Preference.Place, "medium"},
		{"prefixes", web.Says.Prefixes.Place, "- prefix: 2001:db8:1::/64"},
		{"prefix", web.Says.Prefixes.List[0].Place, "prefix: 2001:db8:1::/64"},
		{"preferred", web.Says.Prefixes.List[0].Preferred.Place, "14400..infinity"},
		{"routes", web.Says.Routes.Place, `[{prefix: "::/0"`},
		{"server", web.Says.RDNSS.List[0].Place, "{address: 2001:db8::53"},
		{"lifetime", web.Says.PREF64.List[0].Lifetime.Place, "1800}"},
		{"portal", web.Says.Portal.Place, "none"},
		{"option", web.Says.Options.List[0].Place, "{type: 34"},
		{"neighbor", web.Neighbors[0].Place, "{mac: 02:00:00:00:00:05"},
		{"empty link", s.Links[1].Place, "{}"},
		{"must", s.Rules.Must[0].Place, "ra.no-address-source"},
		{"must not", s.Rules.MustNot[1].Place, `"nd.*"`},
	} {
		lines := strings.SplitAfter(string(data), "\n")
		if c.place.Line < 1 || c.place.Line > len(lines) || c.place.Column < 1 ||
			!strings.HasPrefix(lines[c.place.Line-1][c.place.Column-1:], c.text) {
			t.Errorf("%s: %+v is not where %q stands", c.what, c.place, c.text)
		}
	}
	if s.Links[1].Name != "link 2" || !slices.Equal(web.Keys, []string{"web", "eth2"}) {
		t.Errorf("names: %q, %q", s.Links[1].Name, web.Keys)
	}
}

// TestYAMLForms holds that the forms which editors give a file make no difference.
func TestYAMLForms(t *testing.T) {
	const plain = "expect: 1\nlinks:\n- name: wéb # a comment\n  forbidden:\n  - mac: 02:00:00:00:00:09\n    why: it is so\n"
	want := bare(read(t, plain))
	for name, text := range map[string]string{
		"byte order mark":    "\ufeff" + plain,
		"CRLF":               strings.ReplaceAll(plain, "\n", "\r\n"),
		"CR":                 strings.ReplaceAll(plain, "\n", "\r"),
		"document marks":     "---\n" + plain + "...\n",
		"tabs for blanks":    strings.ReplaceAll(strings.ReplaceAll(plain, ": w", ":\tw"), " #", "\t#"),
		"no newline":         strings.TrimSuffix(plain, "\n"),
		"braces":             "{expect: 1, links: [{name: wéb, forbidden: [{mac: 02:00:00:00:00:09, why: it is so}]}]}",
		"like JSON":          `{"expect":1,"links":[{"name":"w\u00e9b","forbidden":[{"mac":"02:00:00:00:00:09","why":"it is so"}]}]}`,
		"text of more lines": strings.Replace(plain, "it is so", ">\n      it\n      is so", 1),
		"other order":        "links:\n- forbidden:\n    - {why: it is so, mac: 02:00:00:00:00:09}\n  name: 'wéb'\nexpect: 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got := bare(read(t, text)); !reflect.DeepEqual(got, want) {
				t.Errorf("%q reads as\n%s", text, written(t, got))
			}
		})
	}
}

// TestYAMLColons holds that an address is one wherever it stands: within braces the library takes any colon for a key's.
func TestYAMLColons(t *testing.T) {
	s := read(t, "expect: 1\nlinks: [{neighbors: [{mac: 02:00:00:00:00:05, "+
		"addresses: [2001:db8::5, ::1, \"::2\", fe80::]}]}]\n")
	want := []netip.Addr{netip.MustParseAddr("2001:db8::5"), netip.MustParseAddr("::1"), netip.MustParseAddr("::2"),
		netip.MustParseAddr("fe80::")}
	if got := s.Links[0].Neighbors[0].Addresses; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestYAMLPrefixes holds that a link is told apart by each prefix that any of its routers says, once.
func TestYAMLPrefixes(t *testing.T) {
	s := read(t, "expect: 1\nlinks:\n- routers:\n  - {address: fe80::1, says: {prefixes: [{prefix: 2001:db8:2::/64}, "+
		"{prefix: 2001:db8:1::/64}]}}\n"+
		"  says: {prefixes: [{prefix: 2001:db8:1::/64}]}\n")
	want := []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64"), netip.MustParsePrefix("2001:db8:2::/64")}
	if got := s.Links[0].Prefixes; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestYAMLBounds holds that what would cost the library too much is refused before it sees it.
func TestYAMLBounds(t *testing.T) {
	var keys strings.Builder
	for i := range 2 * maxKeys {
		fmt.Fprintf(&keys, "k%d: 1\n", i)
	}
	for name, c := range map[string]struct{ text, reason string }{
		"large":        {"expect: 1\n" + strings.Repeat("#", maxYAML), "larger than 1 MiB"},
		"brackets":     {"expect: 1\nlinks: " + strings.Repeat("[", 10000), "deeper than 16"},
		"braces":       {strings.Repeat("{a: ", 10000), "deeper than 16"},
		"dashes":       {strings.Repeat("- ", 10000), "deeper than 16"},
		"keys":         {keys.String(), "more than 200 different keys"},
		"one key":      {strings.Repeat("expect: 1\n", 10000), "there twice"},
		"key by key":   {strings.Repeat("? ", 10000), "is not read"},
		"other format": {"\x1f\x8b" + strings.Repeat("\x00", maxYAML), "compressed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseYAML(Source{Name: "x.yaml", Data: []byte(c.text)})
			if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("error %v, want one with %q", err, c.reason)
			}
		})
	}
}
