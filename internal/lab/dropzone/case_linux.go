package dropzone

import "fmt"

// Case is a network that loses packets, and what is true of that.
type Case struct {
	Name  string
	About string // what an operator did, or what is as it should be
	// Losses are all that is lost of the types they name; a hurtful loss of any other type is one too many.
	Losses []Loss
	// NotDrop is part of what v6probe must say of its own namespace where packets vanish and no drop can be counted.
	NotDrop string
	// Inside is the part, a key of the network's namespaces, in which v6probe runs, seeing its own namespace only.
	// Empty has it run outside and see all of them.
	Inside string
	// Since is the first kernel on which the case can be built; the zero Version is any.
	Since Version

	build func(n *network)
}

// Loss is what is lost at one place.
type Loss struct {
	Type    uint8
	Code    uint8
	Packets uint64 // clones count each
	Reason  ByKernel
	// Where is the function that freed it and those of its callers that matter: "nft_do_chain < nf_hook_slow". A function
	// that compilers make part of others has several names: "do_xdp_generic|netif_receive_generic_xdp".
	Where ByKernel
	Hook  string // a part of the words for it; "" where nothing needs to be said
	Class string // "hurts", "unknown" or "benign"
	Rule  string // of what hurts; "" for any
	// Interface and Arrived are the packet's device and, if another, the one by which it came.
	Interface string
	Arrived   string
	NetNS     string // the part of the network, a key of its namespaces
	VNI       int
	Flags     []string // some of those reported; those in absent are not
	Absent    []string
	// Since and Before limit the loss to some kernels: others do not call it a drop. The zero Version does not limit.
	Since  Version
	Before Version
}

// on reports whether a kernel has the loss.
func (l *Loss) on(v Version) bool {
	return !v.less(l.Since) && (l.Before == Version{} || v.less(l.Before))
}

// Version is a kernel's.
type Version struct{ Major, Minor int }

func (v Version) less(w Version) bool {
	return v.Major < w.Major || v.Major == w.Major && v.Minor < w.Minor
}

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// ByKernel is a text that differs by kernel: the first one whose version the kernel has reached is true.
type ByKernel []From

// From is a text that is true since a kernel.
type From struct {
	Since Version
	Text  string
}

// On returns the text for a kernel, "" for one before all.
func (b ByKernel) On(v Version) string {
	for _, f := range b {
		if !v.less(f.Since) {
			return f.Text
		}
	}
	return ""
}

// always is a text that is true on all kernels.
func always(text string) ByKernel { return ByKernel{{Text: text}} }

// reason is a reason that kernels give since a version, as far as was tried: on 5.10, 6.1, 6.12 and 6.18. Before that, those
// from 5.17 on give NOT_SPECIFIED, and older ones none.
func reason(name string, since Version) ByKernel {
	first := Version{5, 17}
	if since.less(first) {
		since = first
	}
	return ByKernel{{since, name}, {first, "NOT_SPECIFIED"}}
}

// unspecified is the reason of a place that gives none on any kernel.
func unspecified() ByKernel { return reason("NOT_SPECIFIED", Version{}) }

// Missing says what this machine lacks to build a case.
type Missing struct {
	What   string
	Kernel bool // it is the kernel that lacks it: no package can help
	Err    error
}

func (m *Missing) Error() string { return fmt.Sprintf("%s is missing: %v", m.What, m.Err) }

func (m *Missing) Unwrap() error { return m.Err }
