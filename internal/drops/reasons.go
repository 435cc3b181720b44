package drops

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// Reasons returns the names of the kernel's drop reasons by its numbers, as in "NETFILTER_DROP". It is empty for a kernel
// that has none, before Linux 5.17. The numbers differ from one kernel to the next. Those above 0xffff are of a subsystem,
// such as Open vSwitch, and are not in the list.
func Reasons(spec *btf.Spec) (map[uint32]string, error) {
	reasons := make(map[uint32]string)
	types, err := spec.AnyTypesByName("skb_drop_reason")
	if errors.Is(err, btf.ErrNotFound) {
		return reasons, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the kernel's drop reasons: %w", err)
	}
	for _, t := range types {
		enum, ok := t.(*btf.Enum)
		if !ok {
			continue
		}
		for _, v := range enum.Values {
			name, ok := strings.CutPrefix(v.Name, "SKB_DROP_REASON_")
			if !ok {
				name = strings.TrimPrefix(v.Name, "SKB_") // SKB_CONSUMED is in the list as well
			}
			addReason(reasons, v.Value, name)
		}
	}
	return reasons, nil
}

// tracefsReasons reads the names from the description of the tracepoint, events/skb/kfree_skb/format in tracefs, for where
// there is no BTF. What it cannot read it passes over; it is empty where the tracepoint gives no reasons.
func tracefsReasons(format io.Reader) map[uint32]string {
	reasons := make(map[uint32]string)
	text, err := io.ReadAll(io.LimitReader(format, 1<<20))
	if err != nil {
		return reasons
	}
	// The kernel writes C: __print_symbolic(REC->reason, { 2, "NOT_SPECIFIED" }, { 3, "NO_SOCKET" })
	_, list, _ := strings.Cut(string(text), "__print_symbolic(REC->reason")
	list, _, _ = strings.Cut(list, ")")
	for {
		var entry string
		var ok bool
		if _, list, ok = strings.Cut(list, "{"); !ok {
			return reasons
		}
		entry, list, _ = strings.Cut(list, "}")
		number, name, _ := strings.Cut(entry, ",")
		value, err := strconv.ParseUint(strings.TrimSpace(number), 0, 32)
		if err != nil {
			continue // the name of a constant, where the kernel has not put its value
		}
		addReason(reasons, value, strings.Trim(strings.TrimSpace(name), `"`))
	}
}

// addReason adds a constant, if it is a reason: the kernel closes the list with a bound and a mask.
func addReason(reasons map[uint32]string, value uint64, name string) {
	if name == "MAX" || value > 0xffff || !isConstant(name) {
		return
	}
	if _, ok := reasons[uint32(value)]; !ok {
		reasons[uint32(value)] = name
	}
}

// isConstant reports whether name is one in the kernel's style. Others are nothing that a reader should meet.
func isConstant(name string) bool {
	foreign := func(r rune) bool { return r != '_' && (r < 'A' || r > 'Z') && (r < '0' || r > '9') }
	return name != "" && len(name) <= 64 && !strings.ContainsFunc(name, foreign)
}
