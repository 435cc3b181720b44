package drops

import "v6probe/internal/icmp6"

// Options say what is counted and how.
type Options struct {
	Types           []icmp6.Type // count these only; nil for all
	BTF             string       // a file with the kernel's BTF, where it has none of its own; "" for the kernel's
	StacksPerSecond uint32       // how many stacks each CPU may walk in a second; 0 for the usual
	NetNS           uint32       // walk stacks in this network namespace (its inode) only; 0 for all: others shall not use them up
	Places          uint32       // how many places there is room for; 0 for the usual, which depends on the number of CPUs
}
