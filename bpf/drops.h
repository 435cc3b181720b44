/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * What the programs count and by what, and the maps they count in. The Go types of internal/drops have the layout of struct
 * key, struct value and struct counts.
 */
#ifndef V6PROBE_DROPS_H
#define V6PROBE_DROPS_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>

/* The bits of key.flags, as internal/drops.Flags has them. */
enum {
	TUNNELED = 1 << 0,
	BAD_HOP_LIMIT = 1 << 1,
	BAD_CODE = 1 << 2,
	BAD_SOURCE = 1 << 3,
	UNVERIFIED = 1 << 4, /* no sum was found right; whether anybody looked is known by the location */
	MULTICAST = 1 << 5,
	OTHER_HOST = 1 << 6,
	OUTGOING = 1 << 7,
	SOLICITED = 1 << 8,
	LATER_PIECE = 1 << 9,
	STACK_NOT_TAKEN = 1 << 10,
	ON_BRIDGE = 1 << 11,
	NO_SOURCE = 1 << 12,
};

#define CALLERS 5
#define NAME_SIZE 16

struct key {
	__u64 location;
	__u64 callers[CALLERS];
	__u32 netns;
	__u32 interface;
	__u32 arrived;
	__u32 reason;
	__u32 vni;
	__u16 vlan;
	__u8 type;
	__u8 code;
	volatile __u16 flags;
	__u16 pad[3];
};

struct value {
	__u64 packets;
	__u64 bytes; /* of IPv6: of the kernel's own length the headers read so far are gone */
	__u64 first; /* ns since boot, suspended time apart */
	__u64 last;
	__u8 source[16];
	__u8 destination[16];
	char name[NAME_SIZE];
};

struct counts {
	__u64 seen;
	__u64 icmpv6;
	__u64 unread;
	__u64 map_full;
	__u64 no_stack;
};

struct budget {
	__u64 second;
	__u64 used;
};

/* A range of kernel text, end excluded. */
struct range {
	__u64 start;
	__u64 end;
};

#define RANGES 4

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct key);
	__type(value, struct value);
} drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counts);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct budget);
} budgets SEC(".maps");

/* Where the callers tell more than the location. It is a map, not a constant, as modules are loaded late. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct range[RANGES]);
} crossroads SEC(".maps");

volatile const __u64 wanted[4] = {~0ull, ~0ull, ~0ull, ~0ull}; /* bit 134 of these 256: count RAs */
volatile const __u32 netfilter_drop;                           /* the running kernel's number of that reason, or 0 */
volatile const __u32 stacks_per_second;                        /* on each CPU */
volatile const __u32 stacks_netns;                             /* only in this namespace, if it is not 0 */

#endif
