package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"v6probe/internal/conform"
	"v6probe/internal/expect"
	"v6probe/internal/packet"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// maxExpectation is how many bytes of a source are read: an API's list of ten thousand machines has less.
const maxExpectation = 64 << 20

const expectHint = "a radvd.conf, what `cmk list networks` prints, or what `v6probe expect init` writes; FILE#NAME chooses a link of it"

// expectFlags are the flags that say what is expected.
type expectFlags struct {
	sources  []string
	routers  []string
	prefixes []string
	mtu      int
}

func (f *expectFlags) add(c *cobra.Command) {
	fs := c.Flags()
	fs.StringArrayVar(&f.sources, "expect", nil, "compare with `FILE`: a radvd.conf, CloudStack API JSON or expectation YAML;\n"+
		"FILE#NAME is one link of it; repeat for more")
	fs.StringArrayVar(&f.routers, "expect-router", nil, "only the router `ADDRESS` may advertise; repeat for more")
	fs.StringArrayVar(&f.prefixes, "expect-prefix", nil, "only `PREFIX` may be advertised, and must be; repeat for more")
	fs.IntVar(&f.mtu, "expect-mtu", 0, "the MTU option must say `BYTES`")
	c.MarkFlagFilename("expect")
	complete(c, "expect-router", func() []string { return nil })
	complete(c, "expect-prefix", func() []string { return nil })
	complete(c, "expect-mtu", func() []string { return nil })
}

// words returns the flags as they stand in a command line, with a blank before each.
func (f *expectFlags) words() string {
	var s strings.Builder
	for _, flag := range []struct {
		name   string
		values []string
	}{{"expect", f.sources}, {"expect-router", f.routers}, {"expect-prefix", f.prefixes}} {
		for _, v := range flag.values {
			fmt.Fprintf(&s, " --%s %s", flag.name, v)
		}
	}
	if f.mtu != 0 {
		fmt.Fprintf(&s, " --expect-mtu %d", f.mtu)
	}
	return s.String()
}

// state reads what is expected.
func (f *expectFlags) state(c *cobra.Command) (*expect.State, error) {
	state, err := readExpectations(c, f.sources)
	if err != nil {
		return nil, withHint(expectHint, fmt.Errorf("--expect: %w", err))
	}
	quick, err := f.quick(c)
	if err != nil {
		return nil, err
	}
	state.Links = append(state.Links, quick...)
	return state, nil
}

// readExpectations reads the sources with these names.
func readExpectations(c *cobra.Command, names []string) (*expect.State, error) {
	var sources []expect.Source
	for _, name := range names {
		s, err := readExpectation(c, name)
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	return expect.Load(sources)
}

// readExpectation reads the source called name, FILE or FILE#NAME; - is standard input.
func readExpectation(c *cobra.Command, name string) (expect.Source, error) {
	s := expect.Source{Name: name}
	if name == "" || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "#") && name != "#" {
		if _, err := os.Stat(name); err != nil {
			return s, fmt.Errorf("%q names no file, or no link of it", name)
		}
	}
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		if file, key, ok := cutLast(name, "#"); ok && key != "" {
			s.Name, s.Select = file, key
		}
	}
	in := c.InOrStdin()
	if s.Name != "-" {
		file, err := os.Open(s.Name)
		if err != nil {
			return s, err
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxExpectation+1))
	if err != nil {
		return s, err
	}
	if len(data) > maxExpectation {
		return s, fmt.Errorf("%s: it is larger than %d MiB", s.Name, maxExpectation>>20)
	}
	s.Data = data
	return s, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// expecting is a view that also compares with what is expected.
type expecting struct {
	view
	want *conform.Checker
}

// expecting has v, which looks at advertisements, compare with what is expected.
func (f *expectFlags) expecting(v view, want *expect.State) view {
	c := conform.New(want)
	c.Judged(aboutAdvertisements)
	return &expecting{v, c}
}

// aboutAdvertisements reports whether a rule is about advertisements and solicitations alone, so that ra judges it wherever it is
// broken. What may be wrong with any message ra sees in those only.
func aboutAdvertisements(id rule.ID) bool {
	subject, _, _ := strings.Cut(string(id), ".")
	return slices.Contains([]string{"ra", "rs", "pio", "mtu", "rio", "rdnss", "dnssl", "pref64", "captive", "encdns", "flags", "interval",
		"homeagent", "6co"}, subject)
}

func (v *expecting) Packet(p *packet.Packet) []rule.Finding {
	return v.want.Packet(p, v.view.Packet(p))
}

func (v *expecting) Finish(whole bool) []rule.Finding {
	return v.want.Finish(whole, v.view.Finish(whole))
}

// finding writes a finding as the view does.
func (v *expecting) finding(j *report.JSON, f rule.Finding) error {
	if own, ok := v.view.(findingWriter); ok {
		return own.finding(j, f)
	}
	return j.Finding(f)
}

// quick returns what the short flags expect of any link: who may advertise, and what anybody says.
func (f *expectFlags) quick(c *cobra.Command) ([]*expect.Link, error) {
	var links []*expect.Link
	if len(f.routers) > 0 {
		l := &expect.Link{Name: "this link", Place: rule.Place{File: "--expect-router"}, OnlyRouters: true}
		for _, r := range f.routers {
			a, err := netip.ParseAddr(r)
			if err != nil || !a.Is6() {
				return nil, hinted("for example --expect-router fe80::1", "--expect-router: not an IPv6 address: %q", r)
			}
			l.Routers = append(l.Routers, expect.Router{Address: a.WithZone(""), Place: l.Place})
		}
		links = append(links, l)
	}
	said, err := f.said(c)
	if said != nil {
		links = append(links, said)
	}
	return links, err
}

// said returns what the short flags expect every router to say, nil for nothing.
func (f *expectFlags) said(c *cobra.Command) (*expect.Link, error) {
	if len(f.prefixes) == 0 && !c.Flags().Changed("expect-mtu") {
		return nil, nil
	}
	l := &expect.Link{Name: "this link", Place: rule.Place{File: "--expect-prefix"}, Says: &expect.Advertisement{}, Together: true}
	if len(f.prefixes) > 0 {
		l.Says.Prefixes = &expect.Prefixes{Place: l.Place}
	}
	for _, p := range f.prefixes {
		pre, err := netip.ParsePrefix(p)
		if err != nil || !pre.Addr().Is6() {
			return nil, hinted("for example --expect-prefix 2001:db8:1::/64", "--expect-prefix: not an IPv6 prefix: %q", p)
		}
		l.Prefixes = append(l.Prefixes, pre.Masked())
		l.Says.Prefixes.List = append(l.Says.Prefixes.List, expect.Prefix{Prefix: pre.Masked(), Place: l.Place})
	}
	if c.Flags().Changed("expect-mtu") {
		if f.mtu < 1280 || f.mtu > 65535 {
			return nil, hinted("from 1280 to 65535 bytes, for example --expect-mtu 1450", "--expect-mtu: %d is no MTU for IPv6", f.mtu)
		}
		l.Says.MTU = expect.Exactly(uint64(f.mtu), rule.Place{File: "--expect-mtu"})
	}
	return l, nil
}
