package expect

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"v6probe/internal/rule"
)

// The library reads lists within lists, and the keys of one mapping, by calling itself, and takes a time that grows with
// their square. These limits are far above any expectation.
const (
	maxYAML  = 1 << 20 // bytes
	maxDepth = 16      // of lists and mappings within each other
	maxKeys  = 200     // different ones in a file
)

// yamlFile is the file that is being read.
type yamlFile struct {
	name string
	yaml string // with newlines as the ends of lines
}

func (d *yamlFile) fail(at rule.Place, hint, format string, args ...any) *Error {
	return &Error{Place: at, Reason: fmt.Sprintf(format, args...), hint: hint}
}

func (d *yamlFile) at(line, column int) rule.Place {
	return rule.Place{File: d.name, Line: line, Column: column}
}

// parse returns the mapping or whatever else a file of YAML is.
func (d *yamlFile) parse(data []byte) (root ast.Node, err error) {
	if d.yaml, err = d.lines(data); err != nil {
		return nil, err
	}
	// The file may be anybody's, and the library is not ours.
	defer func() {
		if recover() != nil {
			root, err = nil, d.fail(rule.Place{File: d.name}, yamlHint, "it is not valid YAML")
		}
	}()
	tokens := lexer.Tokenize(d.yaml)
	if tokens, err = d.joinColons(tokens); err != nil {
		return nil, err
	}
	if err := d.checkTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, d.syntax(err)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, d.fail(rule.Place{File: d.name}, initHint, "there is nothing in it but comments")
	}
	if len(file.Docs) > 1 {
		return nil, d.fail(rule.Place{File: d.name}, oneDocument, "it has several documents")
	}
	root = file.Docs[0].Body
	if lost := yamlLost(tokens, root); lost != nil {
		return nil, d.fail(d.placeOf(lost), yamlHint, "%q has no place here", yamlCut(lost.Value))
	}
	return root, nil
}

const (
	oneDocument = "put all links under one `links`, or into files of their own"

	initHint = "`v6probe expect init` writes one from what it sees"
	yamlHint = "look at the indentation, the quotes and the brackets here and in the line before"
)

// formats are what users hand over by mistake.
var formats = []struct{ start, reason, hint string }{
	{"\xd4\xc3\xb2\xa1", captureReason, captureHint},
	{"\xa1\xb2\xc3\xd4", captureReason, captureHint},
	{"\x4d\x3c\xb2\xa1", captureReason, captureHint},
	{"\xa1\xb2\x3c\x4d", captureReason, captureHint},
	{"\x0a\x0d\x0d\x0a", captureReason, captureHint},
	{"\x1f\x8b", "it is compressed, and no expectation", captureHint},
	{"\x28\xb5\x2f\xfd", "it is compressed, and no expectation", captureHint},
	{"\xff\xfe", "it is UTF-16, and an expectation is UTF-8", "save it as UTF-8"},
	{"\xfe\xff", "it is UTF-16, and an expectation is UTF-8", "save it as UTF-8"},
	{"<", "it is HTML or XML, and no expectation", initHint},
}

const (
	captureReason = "it is a packet capture, and no expectation"
	captureHint   = "-r FILE reads a capture; `v6probe expect init -r FILE` writes an expectation from one"
)

// lines returns data as lines that end with a newline, without a byte order mark.
func (d *yamlFile) lines(data []byte) (string, error) {
	for _, f := range formats {
		if bytes.HasPrefix(data, []byte(f.start)) {
			return "", d.fail(rule.Place{File: d.name}, f.hint, "%s", f.reason)
		}
	}
	if len(data) > maxYAML {
		return "", d.fail(rule.Place{File: d.name}, "several files can be given, with --expect before each", "it is larger than 1 MiB")
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(data)) == 0 {
		return "", d.fail(rule.Place{File: d.name}, initHint, "it is empty")
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	line, column, indent := 1, 1, true
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return "", d.fail(d.at(line, column), "save it as UTF-8", "byte 0x%02x is no UTF-8 text", data[i])
		case r == '\t' && indent:
			return "", d.fail(d.at(line, column), "YAML is indented with blanks alone", "a tab in the indentation")
		case unicode.IsControl(r) && r != '\t' && r != '\n':
			return "", d.fail(d.at(line, column), "leave it out", "a control character, 0x%02x", r)
		}
		indent = indent && r == ' '
		i += n
		column++
		if r == '\n' {
			line, column, indent = line+1, 1, true
		}
	}
	return string(data), nil
}

// yamlLost returns the first text of the file that is not in what was made of it, nil if all of it is.
func yamlLost(tokens token.Tokens, root ast.Node) *token.Token {
	used := map[*token.Position]bool{}
	yamlMark(root, used)
	for _, t := range tokens {
		if isYAMLText(t.Type) && !used[t.Position] {
			return t
		}
	}
	return nil
}

func yamlMark(n ast.Node, used map[*token.Position]bool) {
	switch n := n.(type) {
	case nil:
	case *ast.MappingNode:
		for _, v := range n.Values {
			yamlMark(v, used)
		}
	case *ast.MappingValueNode:
		yamlMark(n.Key, used)
		yamlMark(n.Value, used)
	case *ast.SequenceNode:
		for _, v := range n.Values {
			yamlMark(v, used)
		}
	case *ast.LiteralNode:
		yamlMark(n.Value, used)
	default:
		used[n.GetToken().Position] = true
	}
}

func isYAMLText(t token.Type) bool {
	switch t {
	case token.SingleQuoteType, token.DoubleQuoteType, token.NullType, token.InfinityType, token.NanType, token.IntegerType,
		token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType, token.FloatType, token.StringType, token.BoolType:
		return true
	}
	return false
}

// syntax words an error of the library.
func (d *yamlFile) syntax(err error) *Error {
	var at interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if !errors.As(err, &at) || at.GetToken() == nil || at.GetToken().Position == nil {
		return d.fail(rule.Place{File: d.name}, yamlHint, "it is not valid YAML")
	}
	t, message := at.GetToken(), at.GetMessage()
	place := d.placeOf(t)
	if strings.Contains(message, "already defined") {
		first := 0
		if i := strings.LastIndexByte(message, '['); i >= 0 {
			fmt.Sscanf(message[i:], "[%d:", &first)
		}
		return d.twice(place, t.Value, first)
	}
	// A line that is indented too deep is taken for more of the value before it, until its colon.
	if n := t.Next; n != nil && n.Type == token.MappingValueType && n.Position.Line > t.Position.Line {
		line := strings.Split(d.yaml, "\n")[n.Position.Line-1]
		return d.fail(d.at(n.Position.Line, len(line)-len(strings.TrimLeft(line, " "))+1),
			"put it under the key that it goes with", "this is indented deeper than the line before, which has a value")
	}
	for _, w := range syntaxWords {
		if strings.Contains(message, w.library) {
			return d.fail(place, w.hint, "%s", w.reason)
		}
	}
	return d.fail(place, yamlHint, "this is not valid YAML")
}

func (d *yamlFile) twice(at rule.Place, key string, first int) *Error {
	hint := "leave one of them out"
	if first > 0 {
		hint = fmt.Sprintf("the first is in line %d; leave one of them out", first)
	}
	return d.fail(at, hint, "the key %q is there twice", yamlCut(key))
}

// syntaxWords has our words for errors of the library, the first that fits.
var syntaxWords = []struct{ library, reason, hint string }{
	{"-quoted text", "the quote is not closed", "end the text with the same quote"},
	{"',' or ']'", "a comma or ] is missing before this", "a list is written [a, b]"},
	{"flow mapping end", "the { is not closed", "end it with }"},
	{"',' or '}'", "a comma or } is missing before this", "a mapping is written {key: value, key: value}"},
	{"sequence end token", "the [ is not closed", "end it with ]"},
	{"corresponding to", "this bracket was never opened", yamlHint},
	{"reserved character", "a text cannot begin like this", "put it in quotes"},
	{"mapping value is not allowed", "a key and a value where only a value can be", "put a text that has a colon in quotes"},
	{"non-map value", "a key and a colon are missing here", "for example `name: web`"},
	{"unexpected key name", "this is no key", "a key is one word, then a colon and a blank: `name: web`"},
	{"escape", "no such escape in a text in double quotes", `for a backslash write \\`},
	{"not allowed in this context", "this has no place here", yamlHint},
}
