package drops

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// tracepointFormats are where the kernel describes the tracepoint for those without BTF.
var tracepointFormats = []string{
	"/sys/kernel/tracing/events/skb/kfree_skb/format",
	"/sys/kernel/debug/tracing/events/skb/kfree_skb/format",
}

// kernel is what must be known of the running kernel before a program can be chosen.
type kernel struct {
	own     bool       // it has BTF of its own, which programs of type tp_btf need
	cache   *btf.Cache // of that BTF: tens of MB, wanted until the program is loaded
	types   *btf.Spec  // the file's; nil for the kernel's own
	reason  bool       // the tracepoint tells a reason
	reasons map[uint32]string
}

// inspect reads the kernel's BTF, or the file's where one is given, and whether the tracepoint tells a reason. That is
// asked of the kernel, never concluded from its version: distributions move features back.
func inspect(file string) (*kernel, error) {
	k := &kernel{cache: btf.NewCache()}
	spec, err := k.cache.Kernel()
	k.own = err == nil
	switch {
	case file != "":
		if spec, err = btf.LoadSpec(file); err != nil {
			return nil, &fault{err: fmt.Errorf("--btf %s: %w", file, err),
				hint: "it takes the BTF of this very kernel: a file that `bpftool gen min_core_btf` or pahole made"}
		}
		k.types = spec
	case err != nil:
		return nil, &Unavailable{Why: "this kernel has no BTF", hint: "--btf FILE takes the BTF of this very kernel; or see --counters"}
	}
	if k.reasons, err = Reasons(spec); err != nil {
		return nil, err
	}
	params, err := parameters(spec)
	if err == nil {
		k.reason = params >= 3
		return k, nil
	}
	format, err := tracepointFormat()
	if err != nil {
		return nil, &Unavailable{Why: "this kernel does not describe its tracepoint skb:kfree_skb"}
	}
	k.reason = strings.Contains(format, " reason;")
	if len(k.reasons) == 0 {
		k.reasons = tracefsReasons(strings.NewReader(format))
	}
	return k, nil
}

// parameters returns how many arguments the tracepoint kfree_skb has: skb, location, and on newer kernels more.
func parameters(spec *btf.Spec) (int, error) {
	var trace *btf.Typedef
	if err := spec.TypeByName("btf_trace_kfree_skb", &trace); err != nil {
		return 0, err
	}
	pointer, ok := trace.Type.(*btf.Pointer)
	if !ok {
		return 0, errors.New("btf_trace_kfree_skb is not a pointer")
	}
	proto, ok := pointer.Target.(*btf.FuncProto)
	if !ok || len(proto.Params) < 3 {
		return 0, errors.New("btf_trace_kfree_skb is not a function")
	}
	return len(proto.Params) - 1, nil // the first is the tracepoint's own
}

func tracepointFormat() (string, error) {
	var err error
	for _, name := range tracepointFormats {
		var text []byte
		if text, err = os.ReadFile(name); err == nil {
			return string(text), nil
		}
	}
	return "", err
}

// programs returns the names of those that may do on this kernel, best first.
func (k *kernel) programs() []string {
	var names []string
	if k.own {
		if k.reason {
			// The first looks into packets in place, and wherever they lie. Older kernels refuse it.
			names = append(names, dropsProgBtfModern, dropsProgBtfReason)
		} else {
			names = append(names, dropsProgBtfPlain)
		}
	}
	if k.reason {
		return append(names, dropsProgRawReason)
	}
	return append(names, dropsProgRawPlain)
}

// loaded is a program in the kernel, attached, with its maps.
type loaded struct {
	name     string
	program  *ebpf.Program
	attached io.Closer
	maps     dropsMaps
}

func (l *loaded) Close() error {
	var err error
	if l.attached != nil {
		err = l.attached.Close()
	}
	return errors.Join(err, l.program.Close(), l.maps.Close())
}

// load loads and attaches the first program that this kernel takes.
func (k *kernel) load(spec *ebpf.CollectionSpec) (*loaded, error) {
	// Until 5.11 maps count against this limit. Where it cannot be raised, the kernel's refusal says so. The library's own
	// way to find out whether it must be takes system calls at every start of the program, whatever its command.
	_ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
	var first error
	for _, name := range k.programs() {
		l, err := k.loadOne(spec.Copy(), name)
		if err == nil {
			return l, nil
		}
		if first == nil {
			first = err
		}
		if errors.Is(err, os.ErrPermission) {
			break
		}
	}
	return nil, refused(first)
}

func (k *kernel) loadOne(spec *ebpf.CollectionSpec, name string) (*loaded, error) {
	for other := range spec.Programs {
		if other != name {
			delete(spec.Programs, other)
		}
	}
	collection, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		Programs: ebpf.ProgramOptions{KernelTypes: k.types},
		Cache:    k.cache,
	})
	if err != nil {
		return nil, err
	}
	defer collection.Close()
	l := &loaded{name: name}
	if err := collection.Assign(&l.maps); err != nil {
		return nil, err
	}
	l.program = collection.DetachProgram(name)
	if strings.HasPrefix(name, "raw_") {
		l.attached, err = link.AttachRawTracepoint(link.RawTracepointOptions{Name: "kfree_skb", Program: l.program})
	} else {
		l.attached, err = link.AttachTracing(link.TracingOptions{Program: l.program})
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}
