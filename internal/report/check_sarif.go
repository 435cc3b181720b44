package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"v6probe/internal/check"
	"v6probe/internal/rule"
)

const sarifSchemaURI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// checkSARIF writes one run of SARIF 2.1.0. The results are written as they come; the rules that they name, and what could not
// be judged, stand behind them.
type checkSARIF struct {
	w        io.Writer
	o        CheckOptions
	obj      object
	begun    bool
	results  int
	rules    []rule.ID
	index    map[rule.ID]int
	troubles []sarifTrouble
}

// sarifTrouble is why something was not judged, and where that is shown; the zero Place is nowhere.
type sarifTrouble struct {
	at  rule.Place
	why string
}

func newCheckSARIF(w io.Writer, o CheckOptions) *checkSARIF {
	return &checkSARIF{w: w, o: o, index: make(map[rule.ID]int)}
}

func (r *checkSARIF) Capture(c *check.Capture) error {
	if c.Err != nil {
		r.troubles = append(r.troubles, sarifTrouble{errorPlace(c), sarifError(c)})
	}
	for i := range c.Found {
		if err := r.result(c, &c.Found[i]); err != nil {
			return err
		}
	}
	return r.begin()
}

// sarifError says why c was not judged. A bad expectation, at which it stands, may be that of many captures.
func sarifError(c *check.Capture) string {
	text := errorText(c)
	if errorPlace(c) != captureStart(c) {
		text = joinText(": ", printable(c.Name), text)
	}
	return shortened(joinText("; ", text, printable(errorHint(c))), 1024)
}

func (r *checkSARIF) begin() error {
	if r.begun {
		return nil
	}
	r.begun = true
	_, err := io.WriteString(r.w, `{"$schema":"`+sarifSchemaURI+`",`+
		`"version":"2.1.0","runs":[{"columnKind":"unicodeCodePoints","results":[`)
	return err
}

// result writes a finding. It is at the line of the expectation that it misses, where there is one: that is text, which can
// be shown, and the capture is not.
func (r *checkSARIF) result(c *check.Capture, f *rule.Found) error {
	if err := r.begin(); err != nil {
		return err
	}
	at, ok := r.index[f.Rule]
	if !ok {
		at = len(r.rules)
		r.index[f.Rule] = at
		r.rules = append(r.rules, f.Rule)
	}
	o := append(r.obj[:0], '\n')
	if r.results++; r.results > 1 {
		o = append(o, ',')
	}
	o = o.open('{').key("ruleId").string(string(f.Rule)).uint("ruleIndex", uint64(at))
	o = o.key("level").string(levelName(f.Severity, "note"))
	place, text := captureStart(c), where(*f)+printable(f.Detail)+expected(f.Expected)
	if inFile(f.Expected) {
		place, text = f.Expected, joinText(": ", printable(c.Name), text)
	}
	if f.Fix != "" {
		text += "\nFix: " + printable(f.Fix)
	}
	o = o.sarifText("message", text)
	o = o.key("locations").open('[').open('{').artifact(place).close('}').close(']')
	if inFile(f.Expected) {
		o = o.key("relatedLocations").open('[').open('{').uint("id", 1)
		o = o.artifact(captureStart(c)).sarifText("message", "the capture").close('}').close(']')
	}
	o = o.uint("occurrenceCount", max(f.Count, 1))
	o = o.key("partialFingerprints").open('{').key("v6probe/v1").string(fingerprint(c, f)).close('}')
	o = o.properties(f).close('}')
	r.obj = o
	_, err := r.w.Write(o)
	return err
}

// properties appends where in the capture a finding was seen, for which SARIF has no names.
func (o object) properties(f *rule.Found) object {
	if f.Link == "" && !f.Source.IsValid() && f.Frame == 0 && f.Expected.IsZero() {
		return o
	}
	o = o.key("properties").open('{').text("link", f.Link)
	if f.Source.IsValid() {
		o = o.addr("source", f.Source)
	}
	if f.Frame > 0 {
		o = o.uint("frame", f.Frame)
	}
	if f.Expected.File != "" {
		o = o.key("expected").string(f.Expected.String())
	}
	return o.close('}')
}

// fingerprint is the same for the same fault in the same capture: it does not depend on the values seen, nor on the frame.
func fingerprint(c *check.Capture, f *rule.Found) string {
	h := sha256.New()
	for _, s := range []string{c.Name, string(f.Rule), f.Link, f.Source.String(), f.Subject} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// sarifText appends a SARIF message. What looks like a link to another location is parted, as it is nothing of ours.
func (o object) sarifText(key, text string) object {
	text = strings.ReplaceAll(strings.ReplaceAll(text, nbsp, " "), "](", "] (")
	return o.key(key).open('{').key("text").string(text).close('}')
}

// artifact appends a physical location: a line of a file. GitHub's code scanning asks for the line.
func (o object) artifact(p rule.Place) object {
	o = o.key("physicalLocation").open('{').key("artifactLocation").open('{').key("uri").string(fileURI(p.File)).close('}')
	o = o.key("region").open('{').uint("startLine", uint64(max(p.Line, 1))).positive("startColumn", p.Column).close('}')
	return o.close('}')
}

// fileURI is the name of a file as a URI: a relative one as a reference, an absolute one, of Windows too, with its scheme.
func fileURI(name string) string {
	name = filepath.ToSlash(name)
	if len(name) > 2 && name[1] == ':' && name[2] == '/' {
		name = "/" + name
	}
	u := url.URL{Path: name}
	if strings.HasPrefix(name, "/") {
		u.Scheme = "file"
	}
	return u.String()
}

func (r *checkSARIF) End(s CheckSummary) error {
	if err := r.begin(); err != nil {
		return err
	}
	o := append(r.obj[:0], "\n],\n\"tool\":{\"driver\":{\"name\":\"v6probe\""...)
	o = o.text("version", r.o.Version).key("rules").open('[')
	for i, id := range r.rules {
		if i > 0 {
			o = append(o, ',')
		}
		o = append(o, '\n').sarifRule(id)
	}
	o = append(o, "]}},\n"...)
	o = append(o, `"invocations":[{"executionSuccessful":`...)
	if s.Interrupted {
		r.troubles = append(r.troubles, sarifTrouble{why: interruptedText(s)})
	}
	if len(r.troubles) == 0 {
		o = append(o, "true"...)
	} else {
		o = append(o, "false"...).key("toolExecutionNotifications").open('[')
		for i, d := range r.troubles {
			if i > 0 {
				o = append(o, ',')
			}
			o = append(o, '\n').open('{').key("level").string("error").sarifText("message", d.why)
			if !d.at.IsZero() {
				o = o.key("locations").open('[').open('{').artifact(d.at).close('}').close(']')
			}
			o = o.close('}')
		}
		o = o.close(']')
	}
	o = append(o, "}],\n\"properties\":{"...)
	o = o.uint("captures", uint64(max(s.Captures, 0))).uint("failed", uint64(max(s.Failed, 0)))
	o = o.uint("broken", uint64(max(s.Damaged, 0)))
	o = o.uint("ignored", uint64(max(s.Ignored, 0))).uint("known", uint64(max(s.Known, 0)))
	o = append(o, "}}]}\n"...)
	_, err := r.w.Write(o)
	return err
}

// sarifRule appends what a rule is.
func (o object) sarifRule(id rule.ID) object {
	r, ok := rule.Lookup(id)
	o = o.open('{').key("id").string(string(id))
	if ok {
		o = o.sarifText("shortDescription", sentence(r.Title))
		o = o.sarifText("fullDescription", joinText(" ", sentence(r.Title), r.Why, receiver(r)+rfc(r)))
		o = o.sarifText("help", r.Fix)
		o = o.key("defaultConfiguration").open('{').key("level").string(levelName(r.Severity, "note")).close('}')
	}
	return o.close('}')
}
