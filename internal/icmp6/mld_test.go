package icmp6

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"v6probe/internal/craft"
)

const group = "ff02::1:ff00:1"

func TestMLDQuery(t *testing.T) {
	addr := netip.MustParseAddr(group)
	v1 := craft.MLDQuery(10000, group)
	v2 := craft.MLDv2Query(10000, "::", 0x0a, 125, "2001:db8::1", "2001:db8::2")
	tests := []struct {
		name string
		raw  []byte
		want MLDQuery
	}{
		{"version 1", v1, MLDQuery{MaxResponseDelay: 10 * time.Second, Group: addr}},
		{"version 1, the longest delay", craft.MLDQuery(0xffff, group),
			MLDQuery{MaxResponseDelay: 65535 * time.Millisecond, Group: addr}},
		{"version 2", v2, MLDQuery{V2: true, MaxResponseDelay: 10 * time.Second, Group: netip.IPv6Unspecified(),
			Suppress: true, Robustness: 2, Interval: 125 * time.Second, Sources: 2}},
		{"version 2, sources cut off", v2[:30], MLDQuery{V2: true, MaxResponseDelay: 10 * time.Second,
			Group: netip.IPv6Unspecified(), Suppress: true, Robustness: 2, Interval: 125 * time.Second, Sources: 2}},
		{"last whole number", craft.MLDv2Query(0x7fff, group, 0xf7, 127),
			MLDQuery{V2: true, MaxResponseDelay: 32767 * time.Millisecond, Group: addr, Robustness: 7,
				Interval: 127 * time.Second}},
		{"first floating-point number", craft.MLDv2Query(0x8000, group, 0, 128),
			MLDQuery{V2: true, MaxResponseDelay: 32768 * time.Millisecond, Group: addr, Interval: 128 * time.Second}},
		{"mantissa and exponent", craft.MLDv2Query(0xa123, group, 0, 0xa3),
			MLDQuery{V2: true, MaxResponseDelay: (0x1123 << 5) * time.Millisecond, Group: addr,
				Interval: (0x13 << 5) * time.Second}},
		{"greatest", craft.MLDv2Query(0xffff, group, 0, 255),
			MLDQuery{V2: true, MaxResponseDelay: 8387584 * time.Millisecond, Group: addr, Interval: 31744 * time.Second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := decode(tt.raw)
			if got, ok := m.MLDQuery(); !ok || got != tt.want || m.Short {
				t.Errorf("%v, short %v\ngot  %+v\nwant %+v", ok, m.Short, got, tt.want)
			}
		})
	}
	for name, b := range map[string][]byte{"23 bytes": v1[:23], "25 bytes": v2[:25], "27 bytes": v2[:27],
		"report": craft.MLDReport(group), "version 2 report": craft.MLDv2Report(group)} {
		m := decode(b)
		if q, ok := m.MLDQuery(); ok || q != (MLDQuery{}) || m.Short != (len(b) < 24) {
			t.Errorf("%s: %v, %+v, short %v", name, ok, q, m.Short)
		}
	}
}

func TestMLDGroup(t *testing.T) {
	for _, tt := range []struct {
		name string
		raw  []byte
		want bool
	}{
		{"report", craft.MLDReport(group), true},
		{"done", craft.MLDDone(group), true},
		{"report with more after it", craft.Join(craft.MLDReport(group), make([]byte, 8)), true},
		{"cut off", craft.MLDReport(group)[:23], false},
		{"query", craft.MLDQuery(0, group), false},
		{"version 2 report", craft.MLDv2Report(group), false},
		{"neighbor solicitation", craft.NS(group), false},
	} {
		got, ok := decode(tt.raw).MLDGroup()
		if ok != tt.want || ok && got != netip.MustParseAddr(group) || !ok && got.IsValid() {
			t.Errorf("%s: %v, %v", tt.name, got, ok)
		}
	}
}

func TestMLDRecords(t *testing.T) {
	first := craft.MLDRecord(2, group)
	second := craft.MLDRecord(3, "ff05::2", "2001:db8::1", "2001:db8::2")
	sources := craft.Join(craft.Addr("2001:db8::1"), craft.Addr("2001:db8::2"))
	auxiliary := craft.Join(craft.MLDRecord(6, "ff05::2", "2001:db8::1"), []byte("12345678"))
	auxiliary[1] = 2
	whole := craft.MLDv2ReportOf(first, second)
	record := func(typ uint8, group string, offset int, sources []byte) MLDRecord {
		return MLDRecord{Type: typ, Group: netip.MustParseAddr(group), Sources: sources, Offset: offset}
	}
	none := []byte{}
	tests := []struct {
		name string
		raw  []byte
		want []MLDRecord
	}{
		{"one", craft.MLDv2Report(group), []MLDRecord{record(4, group, 8, none)}},
		{"two", whole, []MLDRecord{record(2, group, 8, none), record(3, "ff05::2", 28, sources)}},
		{"none", craft.MLDv2ReportOf(), nil},
		{"records beyond their number", craft.Join(craft.MLDv2ReportOf(first), second), []MLDRecord{record(2, group, 8, none)}},
		{"fewer than their number", whole[:28], []MLDRecord{record(2, group, 8, none)}},
		{"auxiliary data", craft.MLDv2ReportOf(auxiliary, first),
			[]MLDRecord{record(6, "ff05::2", 8, sources[:16]), record(2, group, 52, none)}},
		{"auxiliary data cut off", craft.MLDv2ReportOf(auxiliary, first)[:50],
			[]MLDRecord{record(6, "ff05::2", 8, sources[:16])}},
		{"unknown type", craft.MLDv2ReportOf(craft.MLDRecord(9, group), first),
			[]MLDRecord{record(9, group, 8, none), record(2, group, 28, none)}},
		{"sources cut off", whole[:len(whole)-1], []MLDRecord{record(2, group, 8, none), record(3, "ff05::2", 28, sources[:16])}},
		{"record cut off", whole[:47], []MLDRecord{record(2, group, 8, none)}},
		{"number cut off", whole[:7], nil},
		{"query with reserved bits", craft.Join([]byte{130, 0, 0, 0, 0, 0, 0, 1}, first), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := decode(tt.raw)
			if got := slices.Collect(m.MLDRecords()); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if want := len(tt.raw) < 8; m.Short != want {
				t.Errorf("short is %v, want %v", m.Short, want)
			}
		})
	}
	for range decode(whole).MLDRecords() {
		break // a walk that is left must not go on
	}
}

func TestMLDReserved(t *testing.T) {
	for _, tt := range []struct {
		typ  byte
		want uint32
	}{{130, 0x0304}, {131, 0x0304}, {132, 0x0304}, {143, 0x0102}, {128, 0}} {
		b := craft.Join([]byte{tt.typ, 0, 0, 0, 1, 2, 3, 4}, make([]byte, 16))
		if m := decode(b); m.Reserved != tt.want {
			t.Errorf("%v: reserved %#x, want %#x", m.Type, m.Reserved, tt.want)
		}
	}
}

func TestMLDRecordJoins(t *testing.T) {
	source := make([]byte, 16)
	for typ, want := range map[uint8][2]bool{ // without sources, with one
		0: {false, false}, 1: {false, true}, 2: {true, true}, 3: {false, true}, 4: {true, true}, 5: {false, true},
		6: {false, false}, 7: {false, false},
	} {
		if got := [2]bool{MLDRecord{Type: typ}.Joins(), MLDRecord{Type: typ, Sources: source}.Joins()}; got != want {
			t.Errorf("type %d: %v, want %v", typ, got, want)
		}
	}
}

func TestTypeKinds(t *testing.T) {
	for i := range 256 {
		typ := Type(i)
		if want := i >= 1 && i <= 4; typ.IsError() != want {
			t.Errorf("%v: IsError is %v", typ, !want)
		}
		if want := i >= 130 && i <= 132 || i == 143; typ.IsMLD() != want {
			t.Errorf("%v: IsMLD is %v", typ, !want)
		}
	}
}

func TestMLDAllocations(t *testing.T) {
	report := decode(craft.MLDv2ReportOf(craft.MLDRecord(2, group), craft.MLDRecord(1, group, "2001:db8::1")))
	query := decode(craft.MLDv2Query(10000, "::", 2, 125))
	n := testing.AllocsPerRun(100, func() {
		joined := 0
		for r := range report.MLDRecords() {
			if r.Joins() {
				joined++
			}
		}
		if _, ok := query.MLDQuery(); !ok || joined != 2 {
			t.Errorf("query %v, %d groups joined", ok, joined)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
