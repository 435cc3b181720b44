package drops

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// kallsyms has what kernels from 5.10 to 6.18 list: absolute symbols, several names at one address, padding, code for
// booting behind the kernel's text, modules whose functions are in no order, and BPF programs.
const kallsyms = `0000000000000000 A fixed_percpu_data
ffffffff80fff000 T before_text
ffffffff81000000 T first_function
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000100 t __pfx_nf_hook_slow
ffffffff81000110 T nf_hook_slow
ffffffff81000110 W __weak_nf_hook_slow
ffffffff81000200 t nf_hook_slow.cold
ffffffff81000240 t icmpv6_rcv.isra.0
ffffffff81000300 t ip6_forward.part.0
ffffffff81000300 d data_is_not_code
ffffffff81000400 t br_pass.constprop.0.isra.0
ffffffff81000500 t last.llvm.1234567890
ffffffff81000600 R _etext
ffffffff83000000 T boot_only
ffffffff83780000 B __init_begin
ffffffffc0102200 t nft_last	[nf_tables]
ffffffffc0102000 T nft_do_chain	[nf_tables]
ffffffffc0102100 t $x	[nf_tables]
ffffffffc0102100 t .L42	[nf_tables]
ffffffffc0103000 d nft_data	[nf_tables]
ffffffffc0100010 T br_handle_frame	[bridge]
ffffffffc0100f00 t br_big	[bridge]
ffffffffc0101400 t br_exit	[bridge]
ffffffffc0200000 t bpf_prog_one	[bpf]
ffffffffc0300000 t bpf_prog_two	[bpf]
`

func readList(t *testing.T, text string) *Symbols {
	t.Helper()
	s, err := ParseSymbols(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSymbolName(t *testing.T) {
	s := readList(t, kallsyms)
	for _, c := range []struct {
		addr uint64
		want string
	}{
		{0, ""},
		{0xffffffff80fff000, ""}, // before the text
		{0xffffffff80ffffff, ""},
		{0xffffffff81000000, "first_function"}, // the first of three names
		{0xffffffff8100010f, "first_function"}, // padding is the one's before
		{0xffffffff81000110, "nf_hook_slow"},
		{0xffffffff810001ff, "nf_hook_slow"},
		{0xffffffff81000200, "nf_hook_slow"}, // .cold
		{0xffffffff81000240, "icmpv6_rcv"},   // .isra.0
		{0xffffffff81000300, "ip6_forward"},  // .part.0
		{0xffffffff81000400, "br_pass"},      // .constprop.0.isra.0
		{0xffffffff810005ff, "last"},         // .llvm.
		{0xffffffff81000600, ""},             // _etext
		{0xffffffff83000000, ""},             // freed after boot
		{0xffffffffc010000f, ""},             // before the first module
		{0xffffffffc0100010, "br_handle_frame"},
		{0xffffffffc01013ff, "br_big"}, // over the end of a page, as the module goes on
		{0xffffffffc0101400, "br_exit"},
		{0xffffffffc0101fff, "br_exit"}, // the last of a module, to the end of its page
		{0xffffffffc01020ff, "nft_do_chain"},
		{0xffffffffc0102100, "nft_do_chain"}, // labels are no functions
		{0xffffffffc0102fff, "nft_last"},
		{0xffffffffc0103000, ""}, // a module that was loaded later may be here
		{0xffffffffc0200fff, "bpf_prog_one"},
		{0xffffffffc0201000, ""}, // between two BPF programs there may be anything
		{0xffffffffc0300000, "bpf_prog_two"},
		{0xffffffffc0301000, ""},
		{math.MaxUint64, ""},
	} {
		if got := s.Name(c.addr); got != c.want {
			t.Errorf("%#x is in %q, want %q", c.addr, got, c.want)
		}
	}
}

func TestSymbolRange(t *testing.T) {
	s := readList(t, kallsyms)
	for _, c := range []struct {
		name       string
		start, end uint64
	}{
		{"nf_hook_slow", 0xffffffff81000110, 0xffffffff81000200}, // not its part
		{"__weak_nf_hook_slow", 0xffffffff81000110, 0xffffffff81000200},
		{"icmpv6_rcv", 0xffffffff81000240, 0xffffffff81000300},
		{"last", 0xffffffff81000500, 0xffffffff81000600},
		{"br_exit", 0xffffffffc0101400, 0xffffffffc0102000},
		{"ip6_forward", 0, 0}, // a part alone
		{"boot_only", 0, 0},
		{"nft_data", 0, 0},
		{"", 0, 0},
	} {
		start, end, ok := s.Range(c.name)
		if start != c.start || end != c.end || ok != (c.end != 0) {
			t.Errorf("%q is from %#x to %#x, %v; want %#x to %#x", c.name, start, end, ok, c.start, c.end)
		}
	}
}

// TestSymbolsWithoutBounds reads lists that lack the bounds of the kernel's text, and those that end with the address space.
func TestSymbolsWithoutBounds(t *testing.T) {
	s := readList(t, "1000 T one\n1800 T two\nfffffffffffffff0 t three\t[m]")
	for addr, want := range map[uint64]string{
		0xfff: "", 0x17ff: "one", 0x1fff: "two", 0x2000: "", 0xfffffffffffffffe: "three",
	} {
		if got := s.Name(addr); got != want {
			t.Errorf("%#x is in %q, want %q", addr, got, want)
		}
	}
}

func TestSymbolsHidden(t *testing.T) {
	_, err := ParseSymbols(strings.NewReader("0000000000000000 T _text\n0000000000000000 T one\n0000000000000000 t two\t[m]\n"))
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "cap_syslog") || !strings.Contains(err.Error(), "hides") {
		t.Errorf("error %v, want one with a hint", err)
	}
}

func TestSymbolsUnreadable(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "",
		"data":    "1000 D one\n",
		"garbage": "\n \n1000\n1000 T\n1000 T \nxyz T one\n1000T one\n11112222333344445 T one\n1000 T one\tm\n1000 T one\t[]\n" +
			"1000 T o\x1bne\n1000 T o\x7fne\n1000 T o\xffne\n1000 T o ne\n1000 TT one\n" +
			"1000 T " + strings.Repeat("a", maxSymbolName+1) + "\n",
	} {
		if s, err := ParseSymbols(strings.NewReader(text)); err == nil {
			t.Errorf("%s: read %d functions, want an error", name, len(s.list))
		}
	}
	broken := errors.New("broken")
	if _, err := ParseSymbols(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	s := readList(t, strings.Repeat("x", 64<<10)+"2000 T long\n1000 T short\n") // what comes after the reader's buffer
	if len(s.list) != 1 || s.Name(0x1000) != "short" {
		t.Errorf("read %d functions around a long line, want 1", len(s.list))
	}
}

// endless gives the same text for ever.
type endless struct {
	text  string
	at    int
	given int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := copy(p[n:], e.text[e.at:])
		n, e.at = n+c, (e.at+c)%len(e.text)
	}
	e.given += n
	return n, nil
}

func TestSymbolsEnd(t *testing.T) {
	for text, most := range map[string]int{
		"1000 T one\n":          12 << 20, // symbols take more memory than what is passed over
		"no line of a symbol\n": maxSymbolBytes,
		"no end of a line":      maxSymbolBytes,
	} {
		e := &endless{text: text}
		if _, err := ParseSymbols(e); err == nil || !strings.Contains(err.Error(), "more than") || e.given > most {
			t.Errorf("%q for ever: error %v after %d bytes, want one by %d", text, err, e.given, most)
		}
	}
}

func TestManyModules(t *testing.T) {
	var text strings.Builder
	text.WriteString("10 T _text\n20 T _etext\n")
	for i := range alone + 10 {
		fmt.Fprintf(&text, "%x t f%d\t[m%d]\n", (i+1)<<16, i, i)
	}
	s := readList(t, text.String())
	for _, i := range []int{0, 1, alone - 2, alone - 1, alone, alone + 9} {
		if got, far := s.Name(uint64(i+1)<<16), s.Name(uint64(i+1)<<16+0x1000); got != "f"+strconv.Itoa(i) || far != "" {
			t.Errorf("module %d has %q, and after it %q", i, got, far)
		}
	}
}

// TestRunningKernel looks up every function of the kernel that runs the test, by a reader that is as plain as can be.
func TestRunningKernel(t *testing.T) {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		t.Skip("needs Linux:", err)
	}
	defer f.Close()
	s, err := ParseSymbols(f)
	if hint := (interface{ Hint() string })(nil); errors.As(err, &hint) && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip("needs root:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	names := make(map[uint64][]string)
	first := make(map[string]uint64)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		addr, err := strconv.ParseUint(fields[0], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		names[addr] = append(names[addr], plainName(fields[2]))
		if _, ok := first[fields[2]]; !ok {
			first[fields[2]] = addr
		}
	}
	for i := range s.list {
		if strings.HasPrefix(s.name(i), "bpf_") {
			continue // programs come and go between the two readings
		}
		addr := s.list[i].start
		if got := s.Name(addr); !slices.Contains(names[addr], got) {
			t.Errorf("%#x is in %q, want one of %q", addr, got, names[addr])
		}
	}
	for _, name := range []string{"nf_hook_slow", "icmpv6_rcv", "ip6_forward"} {
		start, end, ok := s.Range(name)
		if !ok || start != first[name] || s.Name(end-1) != name || s.Name(end) == name {
			t.Errorf("%s is from %#x to %#x, %v; the list has it at %#x", name, start, end, ok, first[name])
		}
	}
	if got := s.Name(first["_etext"]); got != "" {
		t.Errorf("the end of the text is in %q", got)
	}
}

func FuzzSymbols(f *testing.F) {
	f.Add([]byte(kallsyms), uint64(0xffffffff81000110))
	f.Add([]byte("fffffffffffffff0 t three\t[m]"), uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, text []byte, addr uint64) {
		s, err := ParseSymbols(strings.NewReader(string(text)))
		if err != nil {
			return
		}
		name := s.Name(addr)
		foreign := func(r rune) bool { return r <= ' ' || r >= 0x7f }
		if strings.ContainsFunc(name, foreign) || !strings.Contains(string(text), name) {
			t.Errorf("%#x is in %q", addr, name)
		}
		for i := range s.list {
			start, end := s.list[i].start, s.endOf(i)
			if end <= start && start != math.MaxUint64 {
				t.Errorf("%q is from %#x to %#x", s.name(i), start, end)
			}
			if name := s.Name(start); start < end && name == "" {
				t.Errorf("nothing is at %#x, where %q is", start, s.name(i))
			}
			if _, _, ok := s.Range(s.name(i)); !ok {
				t.Errorf("%q has no range", s.name(i))
			}
			if i == 100 {
				break
			}
		}
	})
}

// BenchmarkParseSymbols reads as many functions as a host with many modules has.
func BenchmarkParseSymbols(b *testing.B) {
	var text strings.Builder
	text.WriteString("ffffffff81000000 T _text\nffffffff90000000 T _etext\n")
	for i := range 150000 {
		fmt.Fprintf(&text, "%x t a_function_of_the_kernel_%d\n", uint64(0xffffffff81000000)+uint64(i)*64, i)
	}
	for i := range 50000 {
		fmt.Fprintf(&text, "%x t a_function_of_a_module_%d\t[module_%d]\n", uint64(0xffffffffc0000000)+uint64(i)*64, i, i/500)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseSymbols(strings.NewReader(text.String())); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRunningKernel(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		f, err := os.Open("/proc/kallsyms")
		if err != nil {
			b.Skip(err)
		}
		if _, err := ParseSymbols(f); err != nil {
			b.Skip(err)
		}
		f.Close()
	}
}

func BenchmarkSymbolName(b *testing.B) {
	s, err := ParseSymbols(strings.NewReader(kallsyms))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Name(0xffffffff810001ff)
	}
}
