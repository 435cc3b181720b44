package expect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"v6probe/internal/like"
	"v6probe/internal/rule"
)

// version is that of the format, which the key "expect" states.
const version = "1"

// parseYAML reads expectations in our own format, docs/expect.md. It takes nothing that it does not understand: an
// expectation that is silently left out would pass every capture.
func parseYAML(src Source) (*State, error) {
	d := &yamlFile{name: src.Name}
	root, err := d.parse(src.Data)
	if err != nil {
		return nil, err
	}
	s := &State{}
	if err := d.check(root); err != nil {
		return nil, err
	}
	if err := d.mapping(root, "an expectation", d.rootFields(s)); err != nil {
		return nil, err
	}
	for i, l := range s.Links {
		finishLink(l, i+1)
	}
	return s, nil
}

// check tells an expectation from any other YAML, whose keys would all be unknown.
func (d *yamlFile) check(root ast.Node) error {
	const hint = "it begins with a line `expect: 1`; `v6probe expect init` writes one"
	m, ok := root.(*ast.MappingNode)
	if !ok {
		return d.fail(d.place(root), hint, "it is no expectation but %s", yamlDescribe(root))
	}
	for _, pair := range m.Values {
		if pair.Key.GetToken().Value != "expect" {
			continue
		}
		text, plain := yamlScalar(pair.Value)
		switch {
		case isNull(pair.Value):
			return d.fail(d.placeOf(pair.Key.GetToken()), "for example `expect: 1`", "%q has no value", "expect")
		case plain && text == version:
			return nil
		case plain && areDigits(text):
			return d.fail(d.place(pair.Value), "this v6probe reads version "+version, "version %s of the format is not known",
				yamlCut(text))
		}
		return d.fail(d.place(pair.Value), "for example `expect: 1`", "expect is the version of the format, not %s",
			yamlDescribe(pair.Value))
	}
	return d.fail(d.place(root), hint, "it is no expectation: the key \"expect\" is missing")
}

// finishLink derives what a link's file does not say itself; n counts the links from 1.
func finishLink(l *Link, n int) {
	if l.Name == "" {
		l.Name = fmt.Sprintf("link %d", n)
	}
	l.Keys = []string{l.Name}
	if l.Iface != "" && l.Iface != l.Name {
		l.Keys = append(l.Keys, l.Iface)
	}
	says := []*Advertisement{l.Says}
	for _, r := range l.Routers {
		says = append(says, r.Says)
	}
	for _, a := range says {
		if a == nil || a.Prefixes == nil {
			continue
		}
		for _, p := range a.Prefixes.List {
			if !slices.Contains(l.Prefixes, p.Prefix) {
				l.Prefixes = append(l.Prefixes, p.Prefix)
			}
		}
	}
}

// maxRules is how many rules a list names at most: more than there are.
const maxRules = 1000

// ruleRef returns a reader of rule ids for list, which may have a "*" at their end if many is set.
func (d *yamlFile) ruleRef(list *[]RuleRef, many bool) func(ast.Node) error {
	return d.list("rules", `["ra.flood"]`, func(n ast.Node) error {
		id, err := d.textOf(n, "a rule", "ra.flood")
		if err != nil {
			return err
		}
		at := d.place(n)
		if len(*list) == maxRules {
			return d.fail(at, `"nd.*" is all that begin with "nd."`, "more than %d rules", maxRules)
		}
		if start, ok := strings.CutSuffix(id, "*"); ok {
			if !many {
				return d.fail(at, "name the one that must show; a * stands in must-not and ignore",
					"must names single rules, not %q", yamlCut(id))
			}
			if !slices.ContainsFunc(rule.All(), func(r rule.Rule) bool { return strings.HasPrefix(string(r.ID), start) }) {
				return d.fail(at, `"nd.*" is all that begin with "nd."; v6probe rules lists them`, "no rule is like %q", yamlCut(id))
			}
		} else if _, ok := rule.Lookup(rule.ID(id)); !ok {
			hint := "`v6probe rules` lists them"
			var ids []string
			for _, r := range rule.All() {
				ids = append(ids, string(r.ID))
			}
			if near := like.Nearest(id, ids); near != "" {
				hint = "did you mean: " + near
			}
			return d.fail(at, hint, "unknown rule %q", yamlCut(id))
		}
		*list = append(*list, RuleRef{ID: id, Place: at})
		return nil
	})
}
