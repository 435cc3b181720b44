package expect

import (
	"bytes"
	stdjson "encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate holds YAML against the schema as an editor would; read is false where it is no YAML at all.
func validate(t *testing.T, s *jsonschema.Schema, data []byte) (read bool, err error) {
	t.Helper()
	root, err := (&yamlFile{}).parse(data)
	if err != nil {
		return false, nil
	}
	return true, s.Validate(plainValue(t, root))
}

// plainValue returns a node as encoding/json would have it.
func plainValue(t *testing.T, n ast.Node) any {
	t.Helper()
	switch n := n.(type) {
	case *ast.MappingNode:
		m := map[string]any{}
		for _, v := range n.Values {
			m[v.Key.GetToken().Value] = plainValue(t, v.Value)
		}
		return m
	case *ast.SequenceNode:
		list := []any{}
		for _, v := range n.Values {
			list = append(list, plainValue(t, v))
		}
		return list
	case *ast.IntegerNode, *ast.FloatNode:
		return stdjson.Number(n.GetToken().Value)
	case *ast.BoolNode:
		return n.Value
	case *ast.NullNode:
		return nil
	}
	text, _ := yamlScalar(n)
	return text
}

// missedBySchema are bad files that are well formed for a schema: what is wrong with them is between keys, or needs more than
// patterns.
var missedBySchema = []string{"host-bits.yaml", "more-without-list.yaml", "nobody-missing.yaml", "range-reversed.yaml",
	"star-matches-none.yaml", "unknown-rule.yaml"}

func TestSchema(t *testing.T) {
	s := compiled(t)
	good, err := filepath.Glob(filepath.Join("testdata", "yaml", "good", "*.yaml"))
	if err != nil || len(good) < 2 {
		t.Fatalf("%d good files, %v", len(good), err)
	}
	for _, name := range good {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if read, err := validate(t, s, data); !read || err != nil {
			t.Errorf("%s: read %t: %v", name, read, err)
		}
	}
	bad, err := filepath.Glob(filepath.Join("testdata", "yaml", "bad", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	caught := 0
	for _, name := range bad {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		read, err := validate(t, s, data)
		if !read {
			continue
		}
		if missed := slices.Contains(missedBySchema, filepath.Base(name)); missed != (err == nil) {
			t.Errorf("%s: in missedBySchema: %t; the schema says: %v", name, missed, err)
		}
		if err != nil {
			caught++
		}
	}
	if caught < 15 {
		t.Errorf("the schema caught %d bad files", caught)
	}
}

// TestSchemaWritten holds that whatever is written fits the schema.
func TestSchemaWritten(t *testing.T) {
	s := compiled(t)
	for seed := range uint64(100) {
		text := written(t, newMaker(seed).state())
		if read, err := validate(t, s, text); !read || err != nil {
			t.Fatalf("read %t: %v\n%s", read, err, text)
		}
	}
}

// yamlTables are the keys of each mapping, by its name in the schema.
func yamlTables() map[string][]yamlField {
	d := &yamlFile{}
	return map[string][]yamlField{
		"":          d.rootFields(&State{}),
		"link":      d.linkFields(&Link{}, &otherRouters{}),
		"router":    d.routerFields(&Router{}),
		"forbidden": d.forbiddenFields(&Router{}),
		"neighbor":  d.neighborFields(&Neighbor{}),
		"says":      d.saysFields(&Advertisement{}, nil),
		"prefix":    d.prefixFields(&Prefix{}),
		"route":     d.routeFields(&Route{}),
		"server":    d.serverFields(&Server{}),
		"domain":    d.domainFields(&Domain{}),
		"nat64":     d.nat64Fields(&NAT64{}),
		"option":    d.optionFields(&Option{}, nil),
		"portal":    d.portalFields(nil),
		"rules":     d.rulesFields(&Rules{}),
	}
}

// TestSchemaKeys holds that the schema and the parser know the same keys.
func TestSchemaKeys(t *testing.T) {
	tables := yamlTables()
	type object struct {
		Type       string
		Additional *bool `json:"additionalProperties"`
		Properties map[string]stdjson.RawMessage
	}
	var root struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := stdjson.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	root.Defs[""] = root.object
	for name, o := range root.Defs {
		if o.Type != "object" {
			continue
		}
		var got, want []string
		for key := range o.Properties {
			got = append(got, key)
		}
		for _, f := range tables[name] {
			want = append(want, f.key)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q in the schema: %v; the parser: %v", name, got, want)
		}
		if o.Additional == nil || *o.Additional {
			t.Errorf("%q takes any other key", name)
		}
		delete(tables, name)
	}
	for name := range tables {
		t.Errorf("the schema has no object %q", name)
	}
}

// TestExpectPage holds that the user's page names every key, and that its example is one.
func TestExpectPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "expect.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```yaml\n# The")
	example, _, found := strings.Cut(example, "```")
	if !found {
		t.Fatal("docs/expect.md has no example")
	}
	if s := read(t, "# The"+example); len(s.Links) != 1 || len(s.Rules.Ignore) == 0 {
		t.Errorf("the example reads as %+v", s)
	}
	for name, fields := range yamlTables() {
		for _, f := range fields {
			if !strings.Contains(string(page), "`"+f.key+"`") && !strings.Contains(string(page), "{"+f.key+": ") {
				t.Errorf("docs/expect.md does not name %q, a key of %q", f.key, name)
			}
		}
	}
}
