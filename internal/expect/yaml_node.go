package expect

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"v6probe/internal/like"
	"v6probe/internal/rule"
)

// yamlField is a key that a mapping may have, and what reads its value.
type yamlField struct {
	key  string
	read func(ast.Node) error
}

func (d *yamlFile) placeOf(t *token.Token) rule.Place {
	if t == nil || t.Position == nil {
		return rule.Place{File: d.name}
	}
	return d.at(t.Position.Line, t.Position.Column)
}

// place is where a value begins: a mapping in block style at its first key, which the library puts at its colon.
func (d *yamlFile) place(n ast.Node) rule.Place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return d.placeOf(m.Values[0].Key.GetToken())
	}
	return d.placeOf(n.GetToken())
}

// mapping reads n, which what names: "a router".
func (d *yamlFile) mapping(n ast.Node, what string, fields []yamlField) error {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		hint := "its keys are " + yamlKeys(fields)
		text, _ := yamlScalar(n)
		if key, value, ok := strings.Cut(text, " "); ok && has(fields, key) {
			hint = "a colon is missing: " + key + ": " + yamlCut(value)
		}
		return d.fail(d.place(n), hint, "%s has keys and values; this is %s", what, yamlDescribe(n))
	}
	seen := map[string]int{}
	for _, pair := range m.Values {
		t := pair.Key.GetToken()
		key := t.Value
		if line, ok := seen[key]; ok {
			return d.twice(d.placeOf(t), key, line)
		}
		seen[key] = d.placeOf(t).Line
		i := slices.IndexFunc(fields, func(f yamlField) bool { return f.key == key })
		if i < 0 {
			return d.unknown(d.placeOf(t), key, what, fields)
		}
		if isNull(pair.Value) {
			return d.fail(d.placeOf(t), "give it one ([] is an empty list), or leave the key out", "%q has no value", key)
		}
		if err := fields[i].read(pair.Value); err != nil {
			return err
		}
	}
	return nil
}

func (d *yamlFile) unknown(at rule.Place, key, what string, fields []yamlField) error {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.key
	}
	hint := what + " has: " + yamlKeys(fields)
	if near := like.Nearest(key, all); near != "" {
		hint = "did you mean: " + near
	} else if has(fields, "says") && has(d.saysFields(&Advertisement{}, nil), key) {
		hint = "it stands under `says`"
	}
	return d.fail(at, hint, "unknown key %q", yamlCut(key))
}

func has(fields []yamlField, key string) bool {
	return slices.ContainsFunc(fields, func(f yamlField) bool { return f.key == key })
}

func yamlKeys(fields []yamlField) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.key
	}
	return strings.Join(all, ", ")
}

// list returns a reader of a list, each of whose elements read reads; example is one list.
func (d *yamlFile) list(what, example string, read func(ast.Node) error) func(ast.Node) error {
	return func(n ast.Node) error {
		s, ok := n.(*ast.SequenceNode)
		if !ok {
			return d.fail(d.place(n), "for example "+example, "a list of %s belongs here, not %s", what, yamlDescribe(n))
		}
		for i, v := range s.Values {
			if isNull(v) {
				at := d.place(v)
				if v.GetToken().Type == token.ImplicitNullType && i < len(s.Entries) {
					at = d.placeOf(s.Entries[i].Start)
				}
				return d.fail(at, "for example "+example, "an empty place in the list of %s", what)
			}
			if err := read(v); err != nil {
				return err
			}
		}
		return nil
	}
}

func isNull(n ast.Node) bool {
	_, ok := n.(*ast.NullNode)
	return ok
}

// yamlScalar returns the text of a value as it stands in the file, and whether that is without quotes; "" for a list or a
// mapping.
func yamlScalar(n ast.Node) (text string, plain bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, n.Token.Type == token.StringType
	case *ast.LiteralNode:
		return strings.TrimRight(n.Value.Value, "\n"), false
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// yamlDescribe says what a value is, for an error about it.
func yamlDescribe(n ast.Node) string {
	switch n := n.(type) {
	case *ast.MappingNode:
		return "a mapping of keys and values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	case *ast.StringNode:
		return "the text " + yamlQuote(n.Value)
	case *ast.LiteralNode:
		return "a text of its own lines"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + yamlCut(n.GetToken().Value)
	case *ast.BoolNode:
		return yamlCut(n.GetToken().Value)
	}
	return "something else"
}
