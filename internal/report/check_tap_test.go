package report

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"v6probe/internal/check"
	"v6probe/internal/rule"
)

// tapPoint is a test point as a harness reads it.
type tapPoint struct {
	ok        bool
	name      string
	directive string
	block     map[string]any
}

// readTAP reads TAP 13 as its specification has it: a version, test points with their blocks, the plan at the end, comments.
// Where it bails out, that is the last line, and more may have been planned.
func readTAP(t *testing.T, out string) []tapPoint {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if lines[0] != "TAP version 13" {
		t.Fatalf("it begins with %q", lines[0])
	}
	point := regexp.MustCompile(`^(not )?ok ([0-9]+) - (.*)$`)
	var points []tapPoint
	var block []string
	in, bail, plan := false, false, ""
	for _, l := range lines[1:] {
		m := point.FindStringSubmatch(l)
		switch {
		case bail:
			t.Errorf("a line after it bailed out: %q", l)
		case in && l == "  ...":
			in = false
			p := &points[len(points)-1]
			if err := yaml.Unmarshal([]byte(strings.Join(block, "\n")+"\n"), &p.block); err != nil {
				t.Fatalf("the block of %q: %v in\n%s", p.name, err, strings.Join(block, "\n"))
			}
		case in:
			if !strings.HasPrefix(l, "  ") {
				t.Fatalf("a line of a block is not indented: %q", l)
			}
			block = append(block, l[2:])
		case l == "  ---":
			in, block = true, nil
		case m != nil && plan == "":
			if m[2] != fmt.Sprint(len(points)+1) {
				t.Errorf("test point %d has the number %s", len(points)+1, m[2])
			}
			p := tapPoint{ok: m[1] == ""}
			p.name, p.directive = tapName(m[3])
			points = append(points, p)
		case strings.HasPrefix(l, "1.."):
			plan = l
		case strings.HasPrefix(l, "# ") && plan != "":
		case strings.HasPrefix(l, "Bail out! ") && plan != "":
			bail = true
		default:
			t.Errorf("a line that is none of TAP: %q", l)
		}
	}
	var planned int
	if _, err := fmt.Sscanf(plan, "1..%d", &planned); err != nil || in || planned < len(points) || !bail && planned > len(points) {
		t.Errorf("the plan is %q for %d test points, %v", plan, len(points), err)
	}
	return points
}

// tapName parts a description from its directive, which begins at a # that is not escaped.
func tapName(s string) (name, directive string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '#':
			return b.String(), s[i:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

func TestCheckTAP(t *testing.T) {
	// U+E0001 is not printable, and JSON has no way to write it that YAML understands.
	list := append(checked(), &check.Capture{Name: `odd # SKIP \ name`, Failed: true,
		Found: []rule.Found{found("a.b", rule.Error, `"x": [1] # é`), found("a.b", rule.Error, "\U000e0001")}})
	points := readTAP(t, checkOutput(t, "tap", list, Style{}, CheckOptions{}))
	if len(points) != len(list) {
		t.Fatalf("%d test points, want %d", len(points), len(list))
	}
	for i, c := range list {
		p := points[i]
		if p.ok == c.Failed || p.name != c.Name || p.directive != "" {
			t.Errorf("test point %d: %+v", i+1, p)
		}
		findings, _ := p.block["findings"].([]any)
		if len(findings) != len(c.Found) {
			t.Errorf("%s has %d findings, want %d", p.name, len(findings), len(c.Found))
		}
		for j, f := range findings {
			if got := f.(map[string]any)["detail"]; got != printable(c.Found[j].Detail) {
				t.Errorf("detail %q, want %q", got, printable(c.Found[j].Detail))
			}
		}
	}
	if got := points[3].block["error"]; got != "frame 12: unexpected EOF" {
		t.Errorf("the error of the damaged capture is %q", got)
	}
}

// TestCheckTAPProve has Perl's harness read it, which knows version 13 and not all of YAML.
func TestCheckTAPProve(t *testing.T) {
	if _, err := exec.LookPath("prove"); err != nil {
		lacking(t, "there is no prove")
	}
	prove := func(tap string) string {
		file := filepath.Join(t.TempDir(), "check.tap")
		if err := os.WriteFile(file, []byte(tap), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("prove", "--norc", "-e", "cat", file).CombinedOutput()
		return fmt.Sprintf("%s%v", out, err)
	}
	colon := []*check.Capture{{Name: "a.pcap", Against: []string{"x: y"}, Gone: []check.Entry{{Rule: "x: y"}}}}
	lists := map[string][]*check.Capture{"usual": checked(), "hostile": hostile(), "bad": badExpectations(), "colon": colon}
	for name, list := range lists {
		failed := 0
		for _, c := range list {
			if c.Failed {
				failed++
			}
		}
		want := fmt.Sprintf("Tests: %d Failed: %d)", len(list), failed)
		if failed == 0 {
			want = "All tests successful."
		}
		out := prove(checkOutput(t, "tap", list, Style{}, CheckOptions{}))
		if !strings.Contains(out, want) || strings.Contains(out, "rror") || strings.Contains(out, "limit") {
			t.Errorf("%s: prove says %s, want %s", name, out, want)
		}
	}
	for _, n := range []int{0, 1} {
		out := prove(checkSummed(t, "tap", checked()[:n], Style{}, CheckOptions{}, CheckSummary{Interrupted: true}))
		if !strings.Contains(out, "FAILED--Further testing stopped: interrupted\nexit status ") {
			t.Errorf("of %d captures and interrupted: prove says %s", n, out)
		}
	}
}
