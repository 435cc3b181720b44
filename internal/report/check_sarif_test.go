package report

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gosarif "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"v6probe/internal/check"
	"v6probe/internal/rule"
)

// sarifSchema compiles the schema of SARIF 2.1.0. A library has it as a constant of its own, so it is read from its source.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	ast.Inspect(file, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING && len(l.Value) > len(text) {
			text = l.Value
		}
		return true
	})
	if text, err = strconv.Unquote(text); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(sarifSchemaURI, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(sarifSchemaURI)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCheckSARIFSchema(t *testing.T) {
	schema := sarifSchema(t)
	validate := func(doc string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
		if err != nil {
			return err
		}
		return schema.Validate(v)
	}
	lists := map[string][]*check.Capture{"usual": checked(), "hostile": hostile(), "none": nil, "clean": checked()[:1],
		"bad expectations": badExpectations()}
	for name, list := range lists {
		if err := validate(checkOutput(t, "sarif", list, Style{}, CheckOptions{Version: "1.2.3"})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := validate(checkSummed(t, "sarif", checked()[:1], Style{}, CheckOptions{}, CheckSummary{Interrupted: true})); err != nil {
		t.Errorf("interrupted: %v", err)
	}
	out := checkOutput(t, "sarif", checked(), Style{}, CheckOptions{})
	for old, bad := range map[string]string{`"level":"error"`: `"level":"info"`, `"startLine":12`: `"startLine":0`,
		`"executionSuccessful":false,`: ``, `{"name":"v6probe"`: `{"nam":"v6probe"`, `"uri":"captures/web.pcap"`: `"uri":"::"`} {
		changed := strings.Replace(out, old, bad, 1)
		if changed == out || validate(changed) == nil {
			t.Errorf("the schema finds nothing wrong with %s", bad)
		}
	}
}

// TestCheckSARIFRead has another program's reader understand it.
func TestCheckSARIFRead(t *testing.T) {
	list := checked()
	log, err := gosarif.FromString(checkOutput(t, "sarif", list, Style{}, CheckOptions{Version: "1.2.3"}))
	if err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	i := 0
	for _, c := range list {
		for _, f := range c.Found {
			r := run.Results[i]
			i++
			id := *run.Tool.Driver.Rules[r.RuleIndex].ID
			if id != string(f.Rule) || *r.RuleID != id || !strings.Contains(*r.Message.Text, f.Detail) {
				t.Errorf("result %d: rule %s, message %s, want %s, %s", i, id, *r.Message.Text, f.Rule, f.Detail)
			}
			capture := rule.Place{File: c.Name, Line: 1}
			want, related := capture, []rule.Place(nil)
			if inFile(f.Expected) {
				want, related = f.Expected, []rule.Place{capture}
				want.Path = ""
				if !strings.HasPrefix(*r.Message.Text, c.Name+": ") {
					t.Errorf("result %d does not name its capture: %s", i, *r.Message.Text)
				}
			}
			if got := sarifPlaces(r.Locations); len(got) != 1 || got[0] != want {
				t.Errorf("result %d is at %+v, want %+v", i, got, want)
			}
			if got := sarifPlaces(r.RelatedLocations); !slices.Equal(got, related) {
				t.Errorf("result %d is related to %+v, want %+v", i, got, related)
			}
		}
	}
	if i != len(run.Results) {
		t.Errorf("%d results, want %d", len(run.Results), i)
	}
	inv := run.Invocations[0]
	if *inv.ExecutionSuccessful || len(inv.ToolExecutionNotifications) != 1 {
		t.Errorf("the invocation with a damaged capture: %+v", inv)
	}
}

// sarifPlaces are the lines that locations are.
func sarifPlaces(list []*gosarif.Location) []rule.Place {
	var places []rule.Place
	for _, l := range list {
		p := rule.Place{File: strings.ReplaceAll(*l.PhysicalLocation.ArtifactLocation.URI, "%20", " ")}
		if r := l.PhysicalLocation.Region; r != nil {
			p.Line = *r.StartLine
			if r.StartColumn != nil {
				p.Column = *r.StartColumn
			}
		}
		places = append(places, p)
	}
	return places
}

func TestFingerprint(t *testing.T) {
	c := &check.Capture{Name: "a.pcap"}
	f := found("expect.mtu", rule.Error, "1400")
	f.Link = "eth0"
	same := f
	same.Detail, same.Frame = "1300", 9
	if fingerprint(c, &f) != fingerprint(c, &same) {
		t.Error("another value and frame make another fault of it")
	}
	seen := map[string]string{fingerprint(c, &f): "the fault itself"}
	for name, change := range map[string]func(*check.Capture, *rule.Found){
		"capture": func(c *check.Capture, _ *rule.Found) { c.Name = "b.pcap" },
		"rule":    func(_ *check.Capture, f *rule.Found) { f.Rule = "mtu.length" },
		"link":    func(_ *check.Capture, f *rule.Found) { f.Link = "eth1" },
		"subject": func(_ *check.Capture, f *rule.Found) { f.Subject = "x" },
		"cut":     func(_ *check.Capture, f *rule.Found) { f.Link, f.Subject = "eth", "0" },
	} {
		c, f := *c, f
		change(&c, &f)
		print := fingerprint(&c, &f)
		if other, ok := seen[print]; ok {
			t.Errorf("%s is taken for %s", name, other)
		}
		seen[print] = name
	}
}

// TestSARIFLinks: text of the wire makes no link to another location.
func TestSARIFLinks(t *testing.T) {
	got := string(object("{").sarifText("m", "see [x](1) [y] (2)"))
	if want := `{"m":{"text":"see [x] (1) [y] (2)"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestFileURI(t *testing.T) {
	tests := map[string]string{
		"a/b.pcap": "a/b.pcap", "/a b.pcap": "file:///a%20b.pcap", "C:/x.pcap": "file:///C:/x.pcap", "a:b": "./a:b",
		"x#1?2%.pcap": "x%231%3F2%25.pcap", "\xff\x1b": "%FF%1B", "../é": "../%C3%A9", "": "", "//host/x": "file:////host/x",
	}
	for in, want := range tests {
		if got := fileURI(in); got != want {
			t.Errorf("fileURI(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestSARIFRules: each rule that has findings is described, and those that have none are not.
func TestSARIFRules(t *testing.T) {
	var list []*check.Capture
	for i, r := range rule.All() {
		list = append(list, &check.Capture{Name: fmt.Sprint(i),
			Found: []rule.Found{found(r.ID, r.Severity, "x"), found(r.ID, r.Severity, "y")}})
	}
	log, err := gosarif.FromString(checkOutput(t, "sarif", list, Style{}, CheckOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	rules := log.Runs[0].Tool.Driver.Rules
	if len(rules) != len(list) {
		t.Fatalf("%d rules, want %d", len(rules), len(list))
	}
	for i, r := range rule.All() {
		if got := rules[i]; *got.ID != string(r.ID) || *got.Help.Text != r.Fix ||
			!strings.Contains(*got.FullDescription.Text, r.Why) || got.DefaultConfiguration.Level != levelName(r.Severity, "note") {
			t.Errorf("%s is described as %+v", r.ID, got)
		}
	}
}
