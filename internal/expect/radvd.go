package expect

import (
	"fmt"
	"net/netip"

	"v6probe/internal/rule"
)

// maxRadvd is the size of the largest radvd.conf that is read, in bytes.
const maxRadvd = 1 << 20

// parseRadvd reads a radvd.conf. Each interface block becomes a Link that says what radvd sends there, with the defaults
// of what the block leaves out. The measure is radvd 2.19; what 2.20 added is read as well, and where the two differ in
// what they send, the Range has both. What radvd refuses, when it reads the file or when it sets the interface up, is an
// *Error.
//
// What is not in the file is not in the State either: a router that does not forward sends a router lifetime of 0, 2.20
// cuts lifetimes of prefixes to those of the router's own addresses, and a radvd that ends says farewell with other values.
func parseRadvd(src Source) (*State, error) {
	if len(src.Data) > maxRadvd {
		return nil, &Error{Place: rule.Place{File: src.Name}, Reason: "it is larger than 1 MiB"}
	}
	p := newRadvdParser(src)
	list, err := p.interfaces()
	if err != nil {
		return nil, err
	}
	state := &State{}
	var readers []*radvdReader
	lines := make(map[string]int)
	for i := range list { // as radvd does, all is read before anything is set up
		n := &list[i]
		name, err := radvdIface(src.Name, &n.args[0])
		if err != nil {
			return nil, err
		}
		if line := lines[name]; line > 0 {
			return nil, &Error{Place: n.args[0].place(src.Name), hint: "put both into one block",
				Reason: fmt.Sprintf("there is a block of interface %s in line %d already", name, line)}
		}
		lines[name] = n.at.line
		r := newRadvdReader(src.Name, name, n, state)
		for j := range n.body {
			if err := r.statement(&n.body[j]); err != nil {
				return nil, err
			}
		}
		readers = append(readers, r)
	}
	for _, r := range readers {
		if err := r.setUp(); err != nil {
			return nil, err
		}
		state.Links = append(state.Links, r.link)
	}
	if p.since != nil {
		p.since.Link = radvdLinkAt(state.Links, p.since.Place).Name
		state.Flaws = append(state.Flaws, *p.since)
	}
	return state, nil
}

// radvdLinkAt returns the last link that begins at that place or before it.
func radvdLinkAt(links []*Link, p rule.Place) *Link {
	found := links[0]
	for _, l := range links {
		if l.Place.Line < p.Line || l.Place.Line == p.Line && l.Place.Column <= p.Column {
			found = l
		}
	}
	return found
}

// radvdIface checks the name of an interface. radvd reads these and then finds no such interface.
func radvdIface(file string, t *radvdToken) (string, error) {
	e := &Error{Place: t.place(file)}
	switch {
	case t.text[0] == '"' || t.text[0] == 'L' && t.text[len(t.text)-1] == '"':
		e.Reason = fmt.Sprintf("radvd takes the quotes in %v for a part of the interface's name", t)
		e.hint = "write the name without them"
	case len(t.text) > 15: // IFNAMSIZ without the NUL
		e.Reason = fmt.Sprintf("%v is longer than the 15 characters of an interface's name", t)
	default:
		return t.text, nil
	}
	return "", e
}

// radvdReader makes a Link of an interface block.
type radvdReader struct {
	file  string
	home  rule.Place // of the interface block
	state *State
	link  *Link

	set           radvdSet
	max           float64        // MaxRtrAdvInterval, in seconds, as far as the block was read
	says          *Advertisement // of link
	clients       bool           // there is a list of those who are told
	routerAddress bool           // a prefix has the R flag
}

// flaw takes note of something that radvd does, and that is hardly meant.
func (r *radvdReader) flaw(p rule.Place, fix, format string, args ...any) {
	r.state.Flaws = append(r.state.Flaws, Flaw{Rule: "expect.source", Severity: rule.Warning, Link: r.link.Name, Place: p,
		Detail: fmt.Sprintf(format, args...), Fix: fix})
}

func (r *radvdReader) fail(p rule.Place, hint, format string, args ...any) error {
	return &Error{Place: p, Reason: fmt.Sprintf(format, args...), hint: hint}
}

// radvdSet is the options of a block by their names. The last of a name counts.
type radvdSet struct {
	file  string
	home  rule.Place // of what is left out: the block in which it could stand, as there one would put it
	nodes map[string]*radvdNode
}

func (r *radvdReader) options(n *radvdNode) radvdSet {
	s := radvdSet{file: r.file, home: n.at.place(r.file), nodes: make(map[string]*radvdNode)}
	for i := range n.body {
		if b := &n.body[i]; len(b.args) == 1 {
			s.nodes[b.name] = b
		}
	}
	return s
}

// place returns where an option is set, and if it is.
func (s *radvdSet) place(name string) (rule.Place, bool) {
	if n := s.nodes[name]; n != nil {
		return n.at.place(s.file), true
	}
	return s.home, false
}

// on returns a switch.
func (s *radvdSet) on(name string, otherwise bool) *Switch {
	p, ok := s.place(name)
	if ok {
		otherwise = s.nodes[name].args[0].is("on")
	}
	return &Switch{On: otherwise, Place: p}
}

// number returns a number or a lifetime.
func (s *radvdSet) number(name string, otherwise uint64) *Range {
	p, ok := s.place(name)
	if ok {
		otherwise = s.nodes[name].args[0].number
		if s.nodes[name].args[0].is("infinity") {
			otherwise = Infinity
		}
	}
	return Exactly(otherwise, p)
}

// seconds returns a number that may have decimals.
func (s *radvdSet) seconds(name string, otherwise float64) (float64, rule.Place) {
	p, ok := s.place(name)
	if ok {
		otherwise = s.nodes[name].args[0].seconds()
	}
	return otherwise, p
}

// radvdMasked is the prefix of the first two of args without the bits of a host: of these packets are told apart.
func radvdMasked(args []radvdToken) netip.Prefix {
	return netip.PrefixFrom(args[0].addr, int(args[1].number)).Masked()
}
