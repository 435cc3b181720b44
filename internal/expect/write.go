package expect

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Write writes s as the YAML that Load reads, under the lines of about as a comment. It leaves out what the format has no
// words for: State.Flaws, Link.MTU, Router.Fix, and which places the values came from. A State that Load would not take
// from a file, such as one with a control character in a name, is an error, and nothing is written.
func Write(w io.Writer, s *State, about string) error {
	o := &yamlWriter{}
	o.comment(about)
	o.line("", "expect: 1")
	if len(s.Links) > 0 {
		o.line("", "links:")
	}
	for _, l := range s.Links {
		o.link(l)
	}
	if r := s.Rules; len(r.Must)+len(r.MustNot)+len(r.Ignore) > 0 {
		o.line("", "rules:")
		o.rules("must", r.Must)
		o.rules("must-not", r.MustNot)
		o.rules("ignore", r.Ignore)
	}
	if _, err := parseYAML(Source{Data: o.Bytes()}); err != nil {
		var e *Error
		if errors.As(err, &e) {
			return fmt.Errorf("this cannot be written as an expectation: %s", e.Reason)
		}
		return err
	}
	_, err := w.Write(o.Bytes())
	return err
}

// yamlWidth is how long a line may be before a list gets a line for each element.
const yamlWidth = 110

type yamlWriter struct {
	bytes.Buffer
}

func (o *yamlWriter) line(indent, format string, args ...any) {
	o.WriteString(indent)
	fmt.Fprintf(o, format, args...)
	o.WriteByte('\n')
}

func (o *yamlWriter) comment(about string) {
	if about == "" {
		return
	}
	for _, line := range strings.Split(strings.TrimRight(about, "\n"), "\n") {
		line = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return unicode.ReplacementChar
			}
			return r
		}, line)
		o.line("", "%s", strings.TrimRight("# "+line, " "))
	}
}

// list writes a list whose elements are in flow style.
func (o *yamlWriter) list(indent, key string, elements []string) {
	one := fmt.Sprintf("%s%s: [%s]", indent, key, strings.Join(elements, ", "))
	if len(elements) == 0 || len(one) <= yamlWidth {
		o.line("", "%s", one)
		return
	}
	o.line(indent, "%s:", key)
	for _, e := range elements {
		o.line(indent, "- %s", e)
	}
}

func (o *yamlWriter) rules(key string, list []RuleRef) {
	if len(list) == 0 {
		return
	}
	var ids []string
	for _, r := range list {
		ids = append(ids, yamlText(r.ID))
	}
	o.list("  ", key, ids)
}

func (o *yamlWriter) link(l *Link) {
	o.line("", "- name: %s", yamlText(l.Name))
	if l.Iface != "" {
		o.line("  ", "iface: %s", yamlText(l.Iface))
	}
	if l.VNI != nil {
		o.line("  ", "vni: %d", l.VNI.Number)
	}
	if l.VLAN != nil {
		o.line("  ", "vlan: %d", l.VLAN.Number)
	}
	if l.Advertisers != 0 {
		o.line("  ", "advertisers: %d", l.Advertisers)
	}
	o.routers(l)
	if len(l.Forbidden) > 0 {
		o.line("  ", "forbidden:")
	}
	for _, r := range l.Forbidden {
		p := routerPairs(r)
		p.text("why", r.Why)
		o.line("  ", "- %s", p)
	}
	o.says("  ", l.Says)
	if len(l.Neighbors) > 0 {
		o.line("  ", "neighbors:")
	}
	for _, w := range l.Neighbors {
		o.line("  ", "- %s", neighborPairs(w))
	}
}

func (o *yamlWriter) routers(l *Link) {
	switch {
	case len(l.Routers) > 0:
		o.line("  ", "routers:")
	case l.OnlyRouters:
		o.line("  ", "routers: []")
	}
	for _, r := range l.Routers {
		p := routerPairs(r)
		p.yes("required", r.Required)
		if r.Says == nil {
			o.line("  ", "- %s", p)
			continue
		}
		o.line("  ", "- %s", strings.Join(p, "\n    "))
		o.says("    ", r.Says)
	}
	if len(l.Routers) > 0 && !l.OnlyRouters {
		o.line("  ", "other-routers: true")
	}
}

func (o *yamlWriter) says(indent string, a *Advertisement) {
	if a == nil {
		return
	}
	p := sayPairs(a)
	if len(p) == 0 && a.lists() == 0 {
		o.line(indent, "says: {}")
		return
	}
	o.line(indent, "says:")
	indent += "  "
	for _, pair := range p {
		o.line(indent, "%s", pair)
	}
	o.lists(indent, a)
}

// lists counts the lists that a has.
func (a *Advertisement) lists() int {
	n := 0
	for _, there := range []bool{a.Prefixes != nil, a.Routes != nil, a.RDNSS != nil, a.DNSSL != nil, a.PREF64 != nil,
		a.Portal != nil, a.Options != nil} {
		if there {
			n++
		}
	}
	return n
}

func (o *yamlWriter) lists(indent string, a *Advertisement) {
	if a.Prefixes != nil {
		o.prefixes(indent, a.Prefixes.List)
	}
	if a.Routes != nil {
		o.list(indent, "routes", flow(a.Routes.List, routePairs))
	}
	if a.RDNSS != nil {
		o.list(indent, "rdnss", flow(a.RDNSS.List, serverPairs))
	}
	if a.DNSSL != nil {
		o.list(indent, "dnssl", flow(a.DNSSL.List, domainPairs))
	}
	if a.PREF64 != nil {
		o.list(indent, "pref64", flow(a.PREF64.List, nat64Pairs))
	}
	if a.Portal != nil {
		o.line(indent, "captive-portal: %s", portalText(a.Portal.Want))
	}
	if a.Options != nil {
		o.list(indent, "options", flow(a.Options.List, optionPairs))
	}
	var more []string
	for _, kind := range moreKinds {
		if open := a.more(kind); open != nil && *open {
			more = append(more, kind)
		}
	}
	if len(more) > 0 {
		o.list(indent, "more", more)
	}
}

func (o *yamlWriter) prefixes(indent string, list []Prefix) {
	if len(list) == 0 {
		o.line(indent, "prefixes: []")
		return
	}
	o.line(indent, "prefixes:")
	for _, e := range list {
		o.line(indent, "- %s", strings.Join(prefixPairs(e), "\n"+indent+"  "))
	}
}

func portalText(uri string) string {
	switch {
	case uri == "":
		return "none"
	case uri == "none" || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return `{hex: "` + hex.EncodeToString([]byte(uri)) + `"}`
	}
	return yamlText(uri)
}
