package drops

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Symbols are the functions of a running kernel and of its modules, by address.
type Symbols struct {
	list  []symbol // by address; of several at one address, as the kernel lists them
	names string
	end   uint64 // of the text of the kernel itself; 0 where it is not known
}

// symbol is a function, or another name of one. There are some 100,000 of them, so that 16 bytes must do.
type symbol struct {
	start  uint64
	name   uint32 // where it begins in names
	length uint16
	module uint16 // a number of the module; core for the kernel itself
}

const (
	core  = 0
	alone = math.MaxUint16 // a piece of code between which and the next anything may lie, such as a BPF program

	// What is larger than this is no list of a kernel's functions. The largest kernels have a quarter of that.
	maxSymbols     = 1 << 20
	maxSymbolBytes = 64 << 20
	maxSymbolName  = 511 // KSYM_NAME_LEN in the kernel's linux/kallsyms.h, less the zero byte
)

// ParseSymbols reads what has the format of /proc/kallsyms. It keeps the text of the kernel, from _text to _etext, and that
// of its modules. Lines that it cannot read it passes over. Where the kernel hides all addresses, the error has a Hint.
func ParseSymbols(r io.Reader) (*Symbols, error) {
	// Room for most kernels: to grow bit by bit takes five times the memory in the end.
	p := symbolReader{list: make([]symbol, 0, 1<<16)}
	p.names.Grow(2 << 20)
	if err := p.read(r); err != nil {
		return nil, fmt.Errorf("read the kernel's functions: %w", err)
	}
	switch {
	case p.hidden > 0 && len(p.list) == 0:
		return nil, &fault{errors.New("the kernel hides the addresses of its functions"),
			"it takes the capability cap_syslog, and the sysctl kernel.kptr_restrict not to be 2"}
	case len(p.list) == 0:
		return nil, errors.New("read the kernel's functions: there are none")
	}
	return p.symbols(), nil
}

// Name returns the name of the function that has addr in it, without what the compiler appends to the names of its copies
// and parts, such as .isra.0 or .cold. It is "" where that is not known: what follows the last function of a module may be
// part of a module that was loaded later.
func (s *Symbols) Name(addr uint64) string {
	i, found := s.search(addr)
	if !found {
		if i == 0 {
			return ""
		}
		i, _ = s.search(s.list[i-1].start) // the first of its names
	}
	if addr >= s.endOf(i) {
		return ""
	}
	return plainName(s.name(i))
}

// Range returns the addresses of the function with that name: from start up to but without end, padding included. A
// function that the compiler has replaced by a copy of its own, as name.isra.0, is found as well, a part of one is not.
func (s *Symbols) Range(name string) (start, end uint64, ok bool) {
	copied := -1
	for i := range s.list {
		full := s.name(i)
		if full == name {
			return s.list[i].start, s.endOf(i), true
		}
		if copied < 0 && plainName(full) == name && !strings.Contains(full, ".cold") && !strings.Contains(full, ".part.") {
			copied = i
		}
	}
	if copied < 0 {
		return 0, 0, false
	}
	return s.list[copied].start, s.endOf(copied), true
}

// search returns where the first symbol at addr is, or would be.
func (s *Symbols) search(addr uint64) (int, bool) {
	return slices.BinarySearchFunc(s.list, addr, func(e symbol, addr uint64) int { return cmp.Compare(e.start, addr) })
}

func (s *Symbols) name(i int) string {
	e := &s.list[i]
	return s.names[e.name : e.name+uint32(e.length)]
}

// endOf returns the first address after a symbol. The kernel does not tell it: within a module it is the next one's start.
// Nothing else lies in the last page of a module, but the page after that may be another's.
func (s *Symbols) endOf(i int) uint64 {
	const page = 4096 // or a multiple
	e := &s.list[i]
	limit := e.start | (page - 1)
	if limit < math.MaxUint64 {
		limit++
	}
	if e.module == core && s.end != 0 {
		limit = s.end
	}
	next := i + 1
	for next < len(s.list) && s.list[next].start == e.start {
		next++
	}
	if next == len(s.list) {
		return limit
	}
	if after := &s.list[next]; after.module != e.module || e.module == alone {
		return min(limit, after.start)
	}
	return s.list[next].start
}

// plainName cuts off what the compiler appends. It begins with a dot, which no name in C has.
func plainName(name string) string {
	if i := strings.IndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return name
}

// symbolReader collects symbols.
type symbolReader struct {
	list       []symbol
	names      strings.Builder
	start, end uint64 // of the kernel's text; 0 where that has not been seen
	hidden     int    // functions whose address is 0
	module     []byte // of the line before; none for the kernel itself
	number     uint16 // its number
	modules    uint16 // how many numbers were given
}

func (p *symbolReader) read(r io.Reader) error {
	limited := &io.LimitedReader{R: r, N: maxSymbolBytes}
	lines := bufio.NewReaderSize(limited, 64<<10)
	for long := false; ; {
		line, err := lines.ReadSlice('\n')
		full := errors.Is(err, bufio.ErrBufferFull)
		if !long && !full {
			p.add(bytes.TrimSuffix(line, []byte("\n")))
		}
		long = full
		switch {
		case limited.N <= 0 || len(p.list) > maxSymbols:
			return errors.New("there are more than a kernel can have")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !full:
			return err
		}
	}
}

func (p *symbolReader) add(line []byte) {
	l, ok := parseSymbol(line)
	if !ok {
		return
	}
	p.enter(l.module)
	if p.number == core {
		switch string(l.name) {
		case "_text", "_stext":
			if p.start == 0 || l.addr < p.start {
				p.start = l.addr
			}
			return
		case "_etext":
			p.end = l.addr
			return
		}
	}
	if !l.function() {
		return
	}
	if l.addr == 0 {
		p.hidden++
		return
	}
	p.list = append(p.list, symbol{start: l.addr, name: uint32(p.names.Len()), length: uint16(len(l.name)), module: p.number})
	p.names.Write(l.name)
}

// enter gives the module that a line belongs to its number.
func (p *symbolReader) enter(module []byte) {
	if bytes.Equal(module, p.module) {
		return
	}
	p.module = append(p.module[:0], module...)
	switch {
	case len(module) == 0:
		p.number = core
	case string(module) == "bpf" || bytes.HasPrefix(module, []byte("__builtin__")) || p.modules == alone-1:
		p.number = alone
	default:
		p.modules++
		p.number = p.modules
	}
}

// symbols sorts what was read, and leaves out what lies outside of the kernel's text, as its code for booting does.
func (p *symbolReader) symbols() *Symbols {
	list := slices.DeleteFunc(p.list, func(e symbol) bool {
		return e.module == core && (e.start < p.start || p.end != 0 && e.start >= p.end)
	})
	slices.SortFunc(list, func(a, b symbol) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.name, b.name))
	})
	return &Symbols{list: list, names: p.names.String(), end: p.end}
}

// symbolLine is a line of /proc/kallsyms: address, type, name, and the module in brackets after a tab.
type symbolLine struct {
	addr   uint64
	kind   byte
	name   []byte
	module []byte
}

func parseSymbol(line []byte) (symbolLine, bool) {
	var l symbolLine
	addr, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(addr) == 0 || len(addr) > 16 || len(rest) < 3 || rest[1] != ' ' {
		return l, false
	}
	for _, c := range addr {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return l, false
		}
		l.addr = l.addr<<4 | uint64(c)
	}
	l.kind = rest[0]
	l.name, l.module, _ = bytes.Cut(rest[2:], []byte("\t"))
	if len(l.name) == 0 || len(l.name) > maxSymbolName {
		return l, false
	}
	for _, c := range l.name {
		if c <= ' ' || c >= 0x7f {
			return l, false
		}
	}
	if len(l.module) > 0 {
		if len(l.module) < 3 || l.module[0] != '[' || l.module[len(l.module)-1] != ']' {
			return l, false
		}
		l.module = l.module[1 : len(l.module)-1]
	}
	return l, true
}

// function reports whether the line is about code that can be called. The rest are data, padding before a function, and an
// assembler's labels.
func (l *symbolLine) function() bool {
	switch l.kind {
	case 't', 'T', 'w', 'W':
	default:
		return false
	}
	for _, prefix := range [...]string{"__pfx_", "__cfi_", "$", ".L"} {
		if bytes.HasPrefix(l.name, []byte(prefix)) {
			return false
		}
	}
	return true
}
