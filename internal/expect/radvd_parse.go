package expect

import (
	"fmt"

	"v6probe/internal/rule"
)

// radvdNode is one statement: an option with its value, a block with what stands in its head and in its braces, or one of
// the addresses or prefixes of a list.
type radvdNode struct {
	name string // as radvd's manual spells it; "" in a list
	at   radvdToken
	args []radvdToken
	body []radvdNode
}

// radvdParser makes statements of the tokens of a file. It looks one token ahead.
type radvdParser struct {
	file   string
	scan   radvdScanner
	before radvdToken // the last one taken
	ahead  radvdToken
	since  *Flaw // the first thing that radvd 2.19 refuses and 2.20 does not
}

func newRadvdParser(src Source) *radvdParser {
	p := &radvdParser{file: src.Name, scan: newRadvdScanner(src.Data)}
	p.ahead = p.scan.next()
	return p
}

func (p *radvdParser) take() radvdToken {
	p.before = p.ahead
	p.ahead = p.scan.next()
	return p.before
}

// fail is the error at t. What radvd cannot read at all is the better reason.
func (p *radvdParser) fail(t *radvdToken, hint, format string, args ...any) error {
	e := &Error{Place: t.place(p.file), Reason: fmt.Sprintf(format, args...), hint: hint}
	if t.kind == radvdBad {
		e.Reason, e.hint = t.text, ""
		if t.text == radvdBadByte('\r') {
			e.hint = "save the file with Unix line ends"
		}
	}
	if t.kind == radvdWord && t.text[0] == '#' {
		e.Reason, e.hint = "radvd takes a comment for text in a last line that has no end", "end the last line"
	}
	return e
}

// needs220 takes note that radvd before 2.20 does not read the file.
func (p *radvdParser) needs220(t *radvdToken, format string, args ...any) {
	if p.since == nil {
		p.since = &Flaw{Rule: "expect.source", Severity: rule.Info, Place: t.place(p.file),
			Detail: "radvd before 2.20 refuses this file: " + fmt.Sprintf(format, args...),
			Fix:    "Compare with `radvd --version`."}
	}
}

// word takes note of a spelling that only radvd 2.20 accepts.
func (p *radvdParser) word(t *radvdToken, name string, since bool) {
	switch {
	case since:
		p.needs220(t, "it does not know %s", name)
	case t.text != name:
		p.needs220(t, "it knows %s, and no other spelling", name)
	}
}

// interfaces reads the whole file.
func (p *radvdParser) interfaces() ([]radvdNode, error) {
	var list []radvdNode
	for p.ahead.kind != radvdEnd || len(list) == 0 {
		if !p.ahead.is("interface") {
			hint := "a radvd.conf is: interface NAME { … };"
			if p.ahead.is(";") || p.ahead.is("}") {
				hint = "take it out"
			}
			return nil, p.fail(&p.ahead, hint, "%v stands where an interface block should", &p.ahead)
		}
		n, err := p.block(&radvdFile)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// block reads a block; the token ahead is its name.
func (p *radvdParser) block(b *radvdBlock) (radvdNode, error) {
	n := radvdNode{name: b.name, at: p.take()}
	p.word(&n.at, b.name, b.since)
	err := p.head(b, &n)
	switch {
	case err != nil:
		return n, err
	case p.ahead.is("{"):
		p.take()
		if n.body, err = p.body(b, &n); err != nil {
			return n, err
		}
	case !b.bare:
		return n, p.fail(&p.ahead, "", `%v stands where the "{" of the block of %s should`, &p.ahead, b.name)
	}
	return n, p.semicolon()
}

// body reads what stands in the braces of n, and the closing one.
func (p *radvdParser) body(b *radvdBlock, n *radvdNode) ([]radvdNode, error) {
	var list []radvdNode
	for {
		switch {
		case p.ahead.kind == radvdEnd:
			return nil, p.fail(&p.ahead, `it ends with "};"`, "the file ends in the block of %s that begins in line %d",
				b.name, n.at.line)
		case p.ahead.is("}"):
			if len(list) == 0 && b.head >= bodyAddresses {
				return nil, p.fail(&p.ahead, "take the block out", "the block of %s is empty, which radvd refuses", b.name)
			}
			p.take()
			return list, nil
		}
		s, err := p.statement(b)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
}

func (p *radvdParser) statement(b *radvdBlock) (radvdNode, error) {
	switch b.head {
	case bodyAddresses, bodyClients, bodyPrefixes:
		return p.member(b)
	}
	if inner := b.block(&p.ahead); inner != nil {
		return p.block(inner)
	}
	o := b.option(&p.ahead)
	if o == nil {
		if p.ahead.kind == radvdWord {
			return radvdNode{}, p.fail(&p.ahead, radvdHint(b, &p.ahead), "there is no option %v in the block of %s",
				&p.ahead, b.name)
		}
		return radvdNode{}, p.fail(&p.ahead, "", "%v stands where an option of the block of %s should", &p.ahead, b.name)
	}
	n := radvdNode{name: o.name, at: p.take()}
	p.word(&n.at, o.name, o.since)
	if reason := p.refuses(o.takes); reason != "" {
		if p.ahead.is(";") || p.ahead.is("}") || p.ahead.kind == radvdEnd {
			return n, p.fail(&p.ahead, "", "%s has no value", o.name)
		}
		return n, p.fail(&p.ahead, radvdValueHint(&p.ahead, o.takes), "%s takes %s, not %v", o.name, reason, &p.ahead)
	}
	n.args = []radvdToken{p.take()}
	return n, p.semicolon()
}

// semicolon reads the one that ends a statement. Where it is missing, the place is where it should be.
func (p *radvdParser) semicolon() error {
	if p.ahead.is(";") {
		p.take()
		return nil
	}
	if p.ahead.kind == radvdBad || p.ahead.kind == radvdWord && p.ahead.text[0] == '#' {
		return p.fail(&p.ahead, "", "")
	}
	t := radvdToken{kind: radvdSign, line: p.before.last, column: p.before.after}
	return p.fail(&t, "every statement and every block of radvd.conf ends with one", `there is no ";" after %v`, &p.before)
}
