package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"strings"

	"v6probe/internal/check"
	"v6probe/internal/rule"
)

// How much text a JUnit report keeps: the totals stand in its head, so that it is held in memory until the end. What a test
// case says is cut at junitCase bytes; once there are junitAll of it, further cases have their message only.
const (
	junitCase = 64 << 10
	junitAll  = 64 << 20
)

// checkJUnit writes the XML that Jenkins, GitLab and others read of JUnit: a test case for each capture. A finding that counts
// is a failure, a damaged capture or a bad expectation an error, and what else was found is the output of the test.
type checkJUnit struct {
	w     io.Writer
	o     CheckOptions
	cases bytes.Buffer
	text  int // bytes of what the cases say
	room  int // junitAll, but in tests
}

func newCheckJUnit(w io.Writer, o CheckOptions) *checkJUnit {
	return &checkJUnit{w: w, o: o, room: junitAll}
}

func (r *checkJUnit) Capture(c *check.Capture) error {
	b := &r.cases
	// Jenkins and GitLab group test cases by their class: that is the directory.
	class := path.Dir(c.Name)
	if class == "." {
		class = "v6probe"
	}
	fmt.Fprintf(b, "    <testcase classname=%s name=%s time=\"%.3f\"", xmlAttr(class), xmlAttr(path.Base(c.Name)), c.Took.Seconds())
	bad, rest := r.split(c)
	if captureVerdict(c) == verdictPass && len(rest) == 0 && len(c.Gone) == 0 {
		b.WriteString("/>\n")
		return nil
	}
	b.WriteString(">\n")
	switch captureVerdict(c) {
	case verdictBroken:
		r.element("error", errorTitle(c), errorText(c), r.body(func(t *Text) {
			t.item(0, "", 0, errorText(c))
			t.advice(0, printable(errorHint(c)))
		}))
	case verdictFail:
		kind, message := failure(bad)
		r.element("failure", kind, message, r.body(func(t *Text) { t.compact(0, bad, Fix) }))
	}
	if len(rest) > 0 || len(c.Gone) > 0 {
		out := r.body(func(t *Text) {
			t.compact(0, rest, Fix)
			for _, e := range c.Gone {
				t.item(0, "gone", 6, goneText(e))
			}
		})
		fmt.Fprintf(b, "      <system-out>%s</system-out>\n", xmlText(out))
	}
	b.WriteString("    </testcase>\n")
	return nil
}

// split returns the findings that fail the capture, and the others. Those of a damaged one are others, as its failure is
// another.
func (r *checkJUnit) split(c *check.Capture) (bad, rest []rule.Found) {
	for i := range c.Found {
		if captureVerdict(c) == verdictFail && r.o.counts(&c.Found[i]) {
			bad = append(bad, c.Found[i])
		} else {
			rest = append(rest, c.Found[i])
		}
	}
	return bad, rest
}

// failure returns the type and the message of a failure: the worst finding, and how many more there are. Most readers show
// no more than that, and of several failures the first.
func failure(bad []rule.Found) (kind, message string) {
	if len(bad) == 0 {
		return "failed", "it is not as expected"
	}
	message = where(bad[0]) + bad[0].Detail + expected(bad[0].Expected)
	if n := len(bad) - 1; n > 0 {
		message += fmt.Sprintf("; and %s more", Plural(n, "finding"))
	}
	return string(bad[0].Rule), message
}

// body returns what a case says, as far as there is room.
func (r *checkJUnit) body(say func(*Text)) string {
	if r.text >= r.room {
		return "There is too much to tell it here; --format json has it."
	}
	var b strings.Builder
	say(NewText(&b, Style{Width: 100}))
	s := strings.TrimSuffix(b.String(), "\n")
	s = shortened(s, junitCase)
	r.text += len(s)
	return s
}

func (r *checkJUnit) element(name, kind, message, text string) {
	message = shortened(message, 1024)
	fmt.Fprintf(&r.cases, "      <%s type=%s message=%s>%s</%s>\n", name, xmlAttr(kind), xmlAttr(message), xmlText(text), name)
}

// xmlText is text in an element. Line ends stay; every other control character becomes U+FFFD, though none is left in what
// is printable.
func xmlText(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		var b strings.Builder
		xml.EscapeText(&b, []byte(strings.ReplaceAll(l, nbsp, " ")))
		lines[i] = b.String()
	}
	return strings.Join(lines, "\n")
}

// xmlAttr is the value of an attribute, with its quotes.
func xmlAttr(s string) string {
	return `"` + xmlText(printable(strings.ReplaceAll(s, nbsp, " "))) + `"`
}

func (r *checkJUnit) End(s CheckSummary) error {
	if s.Interrupted {
		r.cases.WriteString("    <testcase classname=\"v6probe\" name=\"interrupted\" time=\"0.000\">\n")
		r.element("error", "interrupted", interruptedText(s), interruptedText(s))
		r.cases.WriteString("    </testcase>\n")
		s.Captures, s.Damaged = s.Captures+1, s.Damaged+1
	}
	totals := fmt.Sprintf(`name="v6probe check" tests="%d" failures="%d" errors="%d" time="%.3f"`,
		s.Captures, s.Failed, s.Damaged, s.Took.Seconds())
	_, err := fmt.Fprintf(r.w, "%s<testsuites %s>\n  <testsuite %s>\n", xml.Header, totals, totals)
	if err == nil {
		_, err = r.cases.WriteTo(r.w)
	}
	if err == nil {
		_, err = io.WriteString(r.w, "  </testsuite>\n</testsuites>\n")
	}
	return err
}
