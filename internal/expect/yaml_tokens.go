package expect

import (
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// checkTokens refuses what an expectation has no use for, and what would cost the parser too much.
func (d *yamlFile) checkTokens(tokens token.Tokens) error {
	keys := map[string]bool{}
	var columns []int // where the lists and mappings in block style begin that are open
	flow := 0
	content, ended := false, false // whether the document has begun, and whether it is over
	for i, t := range tokens {
		open := 0
		switch t.Type {
		case token.CommentType:
			continue
		case token.AnchorType, token.TagType, token.MergeKeyType, token.DirectiveType, token.MappingKeyType, token.AliasType:
			what, hint := yamlRefused(t.Type)
			return d.fail(d.placeOf(t), hint, "%s", what)
		case token.DocumentHeaderType:
			if content {
				return d.fail(d.placeOf(t), oneDocument, "a second document begins")
			}
			continue
		case token.DocumentEndType:
			ended = true
			continue
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow = max(flow-1, 0)
		case token.SequenceEntryType:
			open = t.Position.Column
		case token.MappingValueType:
			if i > 0 && flow == 0 {
				open = tokens[i-1].Position.Column
			}
			if i > 0 {
				keys[tokens[i-1].Value] = true
			}
		}
		if content = true; ended {
			return d.fail(d.placeOf(t), oneDocument, "a second document begins")
		}
		if open > 0 {
			for len(columns) > 0 && columns[len(columns)-1] >= open {
				columns = columns[:len(columns)-1]
			}
			columns = append(columns, open)
		}
		if len(columns)+flow > maxDepth {
			return d.fail(d.placeOf(t), yamlHint, "lists and mappings within each other, deeper than %d", maxDepth)
		}
		if len(keys) > maxKeys {
			return d.fail(d.placeOf(tokens[i-1]), initHint, "it is no expectation: more than %d different keys", maxKeys)
		}
	}
	return nil
}

// yamlRefused names a piece of YAML that is not read, and says what to write instead.
func yamlRefused(t token.Type) (what, hint string) {
	switch t {
	case token.AliasType:
		return "an alias (a * at the beginning), which is not read", "put a text that begins with * in quotes"
	case token.AnchorType:
		return "an anchor (an & at the beginning), which is not read", "put a text that begins with & in quotes"
	case token.TagType:
		return "a tag (a ! at the beginning), which is not read", "leave it out, or put a text that begins with ! in quotes"
	case token.MergeKeyType:
		return "a merge key (<<), which is not read", "write the keys out"
	case token.DirectiveType:
		return "a directive (a % at the beginning), which is not read", "leave it out"
	}
	return "a key in two lines (a ? at the beginning), which is not read", "write it `key: value`"
}

// joinColons undoes what the library does within braces, where it takes every colon for one between a key and its value:
// an address in a list there would be a mapping.
func (d *yamlFile) joinColons(tokens token.Tokens) (token.Tokens, error) {
	var out token.Tokens
	var open []token.Type // the brackets
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			open = append(open, t.Type)
		case token.SequenceEndType, token.MappingEndType:
			open = open[:max(len(open)-1, 0)]
		case token.MappingValueType:
			if len(open) == 0 || i+1 == len(tokens) || !isPlain(tokens[i+1]) || !adjacent(t, tokens[i+1]) {
				break
			}
			if open[len(open)-1] == token.MappingStartType {
				if i > 0 && isPlain(tokens[i-1]) {
					return nil, d.fail(d.placeOf(t), "for example {mac: 02:00:00:00:00:01}", "a blank is missing after the colon")
				}
				break
			}
			joined := token.String(":"+tokens[i+1].Value, ":"+tokens[i+1].Origin, t.Position)
			if last := len(out) - 1; last >= 0 && isPlain(out[last]) && adjacent(out[last], t) {
				joined = token.String(out[last].Value+joined.Value, out[last].Origin+joined.Origin, out[last].Position)
				out = out[:last]
			}
			t = joined
			i++
		}
		out.Add(t)
	}
	return out, nil
}

func isPlain(t *token.Token) bool {
	return isYAMLText(t.Type) && t.Type != token.SingleQuoteType && t.Type != token.DoubleQuoteType
}

// adjacent reports whether b begins where a ends.
func adjacent(a, b *token.Token) bool {
	return a.Position.Line == b.Position.Line && a.Position.Column+utf8.RuneCountInString(a.Value) == b.Position.Column
}
