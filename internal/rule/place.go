package rule

import "fmt"

// Place is where in what the user gave an expectation stands. The zero Place is nowhere.
type Place struct {
	File   string // as the user named it; a flag, "--expect-mtu", for what came by one
	Line   int    // from 1; 0 where there are no lines
	Column int    // likewise
	Path   string // in JSON: "network[0].ip6cidr"
}

// IsZero reports whether p is nowhere.
func (p Place) IsZero() bool { return p == Place{} }

// String is "radvd.conf:12" or "networks.json:31 (network[0].ip6cidr)". It has no column, which is for errors.
func (p Place) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
	}
	if p.Path != "" {
		s += " (" + p.Path + ")"
	}
	return s
}
