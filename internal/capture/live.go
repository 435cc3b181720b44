package capture

// LiveOptions are the options of a live capture; the zero value is what most captures want.
type LiveOptions struct {
	Buffer         int  // bytes of the ring that the kernel fills, rounded up to whole blocks; 0 for 16 MiB
	IgnoreOutgoing bool // leave out what this machine sends; it makes sending cheaper on a busy host
	Filter         Filter
}
