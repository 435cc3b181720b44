package drops

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cilium/ebpf/btf"
)

// btfWith returns BTF with what is given in it, as a kernel would have it.
func btfWith(t *testing.T, list ...btf.Type) *btf.Spec {
	t.Helper()
	b, err := btf.NewBuilder(append([]btf.Type{&btf.Int{Name: "int", Size: 4}}, list...), nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := b.Marshal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestReasons(t *testing.T) {
	for _, c := range []struct {
		kernel string
		types  []btf.Type
		want   map[uint32]string
	}{
		{"5.10", nil, map[uint32]string{}},
		{"5.17", []btf.Type{&btf.Enum{Name: "skb_drop_reason", Size: 4, Values: []btf.EnumValue{
			{Name: "SKB_DROP_REASON_NOT_SPECIFIED", Value: 0}, {Name: "SKB_DROP_REASON_NO_SOCKET", Value: 1},
			{Name: "SKB_DROP_REASON_MAX", Value: 2},
		}}}, map[uint32]string{0: "NOT_SPECIFIED", 1: "NO_SOCKET"}},
		{"6.18", []btf.Type{&btf.Enum{Name: "skb_drop_reason", Size: 4, Values: []btf.EnumValue{
			{Name: "SKB_NOT_DROPPED_YET", Value: 0}, {Name: "SKB_CONSUMED", Value: 1},
			{Name: "SKB_DROP_REASON_NOT_SPECIFIED", Value: 2}, {Name: "SKB_DROP_REASON_NETFILTER_DROP", Value: 12},
			{Name: "SKB_DROP_REASON_SKB_CSUM", Value: 75},
			{Name: "SKB_DROP_REASON_MAX", Value: 128}, {Name: "SKB_DROP_REASON_SUBSYS_MASK", Value: 0xffff0000},
		}}}, map[uint32]string{0: "NOT_DROPPED_YET", 1: "CONSUMED", 2: "NOT_SPECIFIED", 12: "NETFILTER_DROP", 75: "SKB_CSUM"}},
		{"hostile", []btf.Type{
			&btf.Struct{Name: "skb_drop_reason"},
			&btf.Enum{Name: "skb_drop_reason", Size: 4, Values: []btf.EnumValue{
				{Name: "SKB_DROP_REASON_" + strings.Repeat("A", 65), Value: 3}, {Name: "SKB_DROP_REASON_", Value: 4},
				{Name: "SKB_DROP_REASON_ONE", Value: 5}, {Name: "SKB_DROP_REASON_TWO", Value: 5},
			}}}, map[uint32]string{5: "ONE"}},
	} {
		got, err := Reasons(btfWith(t, c.types...))
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.kernel, got, err, c.want)
		}
	}
}

// The descriptions of the tracepoint, as far as they differ.
const (
	format510 = `print fmt: "skbaddr=%p protocol=%u location=%p", REC->skbaddr, REC->protocol, REC->location` + "\n"
	format517 = `	field:enum skb_drop_reason reason;	offset:28;	size:4;	signed:0;

print fmt: "skbaddr=%p protocol=%u location=%p reason: %s", REC->skbaddr, REC->protocol, REC->location, ` +
		`__print_symbolic(REC->reason, { SKB_DROP_REASON_NOT_SPECIFIED, "NOT_SPECIFIED" }, { 1, "NO_SOCKET" })` + "\n"
	format618 = `print fmt: "skbaddr=%p rx_sk=%p protocol=%u location=%pS reason: %s", REC->skbaddr, REC->rx_sk, ` +
		`REC->protocol, REC->location, __print_symbolic(REC->reason, { 2, "NOT_SPECIFIED" }, { 0xc, "NETFILTER_DROP" }, ` +
		`{ 127, "MAX" }, { 5, "so\x1bcket" }, { 6, "" }, { 7 }, {}, { 75, "SKB_CSUM" }), { 9, "BEHIND" }` + "\n"
)

func TestTracefsReasons(t *testing.T) {
	for _, c := range []struct {
		format string
		want   map[uint32]string
	}{
		{"", map[uint32]string{}},
		{format510, map[uint32]string{}},
		{format517, map[uint32]string{1: "NO_SOCKET"}},
		{format618, map[uint32]string{2: "NOT_SPECIFIED", 12: "NETFILTER_DROP", 75: "SKB_CSUM"}},
		{"__print_symbolic(REC->reason, { 1, \"ONE\"", map[uint32]string{1: "ONE"}},
	} {
		if got := tracefsReasons(strings.NewReader(c.format)); !maps.Equal(got, c.want) {
			t.Errorf("%v, want %v, from %s", got, c.want, c.format)
		}
	}
	if got := tracefsReasons(iotest.ErrReader(errors.New("broken"))); len(got) != 0 {
		t.Errorf("%v from a broken file", got)
	}
}

// TestReasonsOfRunningKernel compares what the kernel that runs the test says in two places.
func TestReasonsOfRunningKernel(t *testing.T) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		t.Skip("needs BTF:", err)
	}
	reasons, err := Reasons(spec)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("/sys/kernel/tracing/events/skb/kfree_skb/format")
	if err != nil {
		t.Skip("needs tracefs:", err)
	}
	defer f.Close()
	described := tracefsReasons(f)
	for number, name := range described {
		if reasons[number] != name {
			t.Errorf("reason %d is %q by BTF, and %q by the tracepoint", number, reasons[number], name)
		}
	}
	if len(reasons) > 0 && len(described) < len(reasons)-5 {
		t.Errorf("BTF has %d reasons, the tracepoint %d", len(reasons), len(described))
	}
}

func FuzzTracefsReasons(f *testing.F) {
	for _, format := range []string{format510, format517, format618} {
		f.Add(format)
	}
	f.Fuzz(func(t *testing.T, format string) {
		for number, name := range tracefsReasons(strings.NewReader(format)) {
			if !isConstant(name) || number > 0xffff || !strings.Contains(format, name) {
				t.Errorf("reason %d is %q", number, name)
			}
		}
	})
}

func BenchmarkReasons(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		spec, err := btf.LoadKernelSpec()
		if err != nil {
			b.Skip(err)
		}
		if _, err := Reasons(spec); err != nil {
			b.Fatal(err)
		}
	}
}
