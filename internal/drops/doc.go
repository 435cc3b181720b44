// Package drops counts the ICMPv6 that this kernel drops, says where, and judges which of it hurts.
//
// An eBPF program on the kernel's tracepoint skb:kfree_skb counts in a map (bpf/drops.bpf.c). What it counts by are
// numbers; their names, of reasons, functions, devices and namespaces, are read from the running kernel, as they differ
// from one to the next. Counter does both. Classify knows what a healthy network drops.
package drops
