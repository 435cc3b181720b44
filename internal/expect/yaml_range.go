package expect

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// yamlSpan is which numbers a field of an advertisement can have.
type yamlSpan struct {
	what     string // "a hop limit"
	min, max uint64
	unit     uint64 // so many of what Range holds are one of what the file says
	example  string
}

var (
	hopLimits       = yamlSpan{"a hop limit", 0, 255, 1, "64"}
	routerLifetimes = yamlSpan{"a router lifetime in seconds", 0, 65535, 1, "45"}
	milliseconds    = yamlSpan{"a time in milliseconds", 0, Infinity, 1, "1000"}
	lifetimes       = yamlSpan{"a lifetime in seconds", 0, Infinity, 1, "1800"}
	mtus            = yamlSpan{"an MTU in bytes", 1, Infinity, 1, "1450, or none"}
	intervals       = yamlSpan{"a time in seconds", 0, Infinity, 1000, "5..15"}
)

// noun is what without its article.
func noun(what string) string {
	_, n, _ := strings.Cut(what, " ")
	return n
}

// number returns a reader of N, N..M or infinity into r.
func (d *yamlFile) number(r **Range, s yamlSpan) func(ast.Node) error {
	return d.interval(r, s, func(text string) (uint64, bool) {
		n, err := strconv.ParseUint(text, 10, 64)
		return n, (err == nil || errors.Is(err, strconv.ErrRange)) && (text == "0" || text[0] != '0')
	})
}

// seconds returns a reader of seconds with up to three decimals into r, which has milliseconds.
func (d *yamlFile) seconds(r **Range, s yamlSpan) func(ast.Node) error {
	return d.interval(r, s, func(text string) (uint64, bool) {
		whole, part, dot := strings.Cut(text, ".")
		if whole == "" || dot && part == "" || len(part) > 3 || whole != "0" && strings.HasPrefix(whole, "0") {
			return 0, false
		}
		n, err := strconv.ParseUint(whole+part+"000"[len(part):], 10, 64)
		return n, err == nil || errors.Is(err, strconv.ErrRange)
	})
}

// mtu returns a reader of an MTU into r, where none is no MTU option.
func (d *yamlFile) mtu(r **Range) func(ast.Node) error {
	read := d.number(r, mtus)
	return func(n ast.Node) error {
		if text, _ := yamlScalar(n); text == "none" {
			*r = Exactly(0, d.place(n))
			return nil
		}
		return read(n)
	}
}

func (d *yamlFile) interval(r **Range, s yamlSpan, one func(string) (uint64, bool)) func(ast.Node) error {
	return func(n ast.Node) error {
		text, plain := yamlScalar(n)
		low, high, many := strings.Cut(text, "..")
		if !many {
			high = low
		}
		if text == "" || !many && !plain && text != "infinity" {
			return d.fail(d.place(n), "for example "+s.example, "%s belongs here, not %s", s.what, yamlDescribe(n))
		}
		got := &Range{Place: d.place(n)}
		for i, part := range []string{low, high} {
			value, ok := uint64(Infinity), true
			if part != "infinity" {
				value, ok = one(part)
			}
			switch top := part == "infinity" && many && i == 1; {
			case !ok:
				return d.fail(d.place(n), "for example "+s.example, "%s belongs here, not %s", s.what, yamlDescribe(n))
			case value < s.min || value > s.max && !top:
				return d.fail(d.place(n), fmt.Sprintf("it is from %d to %d", s.min/s.unit, s.max/s.unit), "%s is no %s",
					yamlCut(part), noun(s.what))
			}
			if i == 0 {
				got.Min = value
			}
			got.Max = value
		}
		if got.Min > got.Max {
			return d.fail(d.place(n), fmt.Sprintf("the other way round: %s..%s", high, low),
				"the range %s ends before it begins", yamlCut(text))
		}
		*r = got
		return nil
	}
}

// count returns a reader of a number from least to most.
func (d *yamlFile) count(what, example string, least, most uint64, set func(uint64)) func(ast.Node) error {
	return func(n ast.Node) error {
		text, plain := yamlScalar(n)
		value, err := strconv.ParseUint(text, 10, 64)
		switch {
		case !plain || !areDigits(text) || text != "0" && text[0] == '0':
			return d.fail(d.place(n), "for example "+example, "%s belongs here, not %s", what, yamlDescribe(n))
		case err != nil || value < least || value > most:
			return d.fail(d.place(n), fmt.Sprintf("it is from %d to %d", least, most), "%s is no %s", yamlCut(text), noun(what))
		}
		set(value)
		return nil
	}
}
