package rule

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// notEmitted are the rules that no code finds, and why.
var notEmitted = map[ID]string{
	"nonce.length": "no packet can break it: an option of one unit has room for the six bytes that a nonce needs, and one " +
		"of none is nd.opt-len-zero",
}

// built are the rules whose ids are put together, by what their ids begin with.
var built = map[string][]ID{
	"ra.inconsistent-": {
		"ra.inconsistent-cur-hop-limit", "ra.inconsistent-managed", "ra.inconsistent-other", "ra.inconsistent-reachable-time",
		"ra.inconsistent-retrans-timer", "ra.inconsistent-mtu", "ra.inconsistent-valid-lifetime",
		"ra.inconsistent-preferred-lifetime", "ra.inconsistent-rdnss", "ra.inconsistent-dnssl",
		"ra.inconsistent-captive-portal", "ra.inconsistent-pref64",
	},
}

// TestUsage reads the module: every id that it names is in the catalogue, and every rule of the catalogue is reported
// somewhere in internal.
func TestUsage(t *testing.T) {
	used := make(map[ID]bool)
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		if wd, _ := os.Getwd(); sameDir(filepath.Dir(path), wd) {
			return nil // the catalogue itself
		}
		files++
		named, err := readFile(t, path)
		if rel, _ := filepath.Rel(root, path); strings.HasPrefix(rel, "internal") {
			for _, id := range named {
				used[id] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Fatalf("%d files read: is %s the module?", files, root)
	}
	for _, r := range All() {
		reason, excused := notEmitted[r.ID]
		switch {
		case !used[r.ID] && !excused:
			t.Errorf("%s is in the catalogue, but nothing reports it", r.ID)
		case used[r.ID] && excused:
			t.Errorf("%s is reported, although it should not be: %s", r.ID, reason)
		}
	}
	for id := range notEmitted {
		if _, ok := Lookup(id); !ok {
			t.Errorf("%s is not in the catalogue", id)
		}
	}
}

func sameDir(a, b string) bool {
	abs, err := filepath.Abs(a)
	return err == nil && abs == b
}

// readFile returns the ids that a file names, and complains of those that are none. What must be an id is told by its
// place: the first argument of a method Add, AddAt or AddInfo, a conversion to rule.ID, a field Rule, an element of a
// slice of rule.ID.
func readFile(t *testing.T, path string) (named []ID, err error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	must := func(e ast.Expr) {
		text, ok := literal(e)
		if !ok {
			return
		}
		if _, known := Lookup(ID(text)); !known {
			t.Errorf("%s: %q is not in the catalogue", set.Position(e.Pos()), text)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if len(n.Args) > 0 && (isMethod(n.Fun, "Add", "AddAt", "AddInfo") || isRuleID(n.Fun)) {
				must(n.Args[0])
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && strings.EqualFold(key.Name, "rule") {
				must(n.Value)
			}
		case *ast.CompositeLit:
			if list, ok := n.Type.(*ast.ArrayType); ok && isRuleID(list.Elt) {
				for _, e := range n.Elts {
					must(e)
				}
			}
		case *ast.BasicLit:
			if text, ok := literal(n); ok {
				if _, known := Lookup(ID(text)); known {
					named = append(named, ID(text))
				}
				named = append(named, built[text]...)
			}
		}
		return true
	})
	return named, nil
}

var looksLikeID = regexp.MustCompile(`^[0-9a-z]+\.[0-9a-z-]+$`)

// literal returns the text of a string literal that could be an id.
func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil && looksLikeID.MatchString(text)
}

// isMethod reports whether e is a selector that ends in one of the names.
func isMethod(e ast.Expr, names ...string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	for _, name := range names {
		if sel.Sel.Name == name {
			return true
		}
	}
	return false
}

// isRuleID reports whether e is the type rule.ID.
func isRuleID(e ast.Expr) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "ID" {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == "rule"
}
