/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * What drops.bpf.c uses of the kernel: only the fields it reads, in no particular order. Their offsets come from the
 * BTF of the kernel that loads the program (CO-RE).
 */
#ifndef V6PROBE_KERNEL_H
#define V6PROBE_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef _Bool bool;

enum { false, true };

/* Of enum bpf_map_type and of the flags of helpers (linux/bpf.h); they are part of the kernel's ABI. */
enum {
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_NOEXIST = 1,
};

#define __core __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} __core;

struct net {
	struct ns_common ns;
} __core;

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	possible_net_t nd_net;
	int ifindex;
	char name[16];
	unsigned int priv_flags; /* since 6.9 a bit field */
} __core;

struct sock_common {
	possible_net_t skc_net;
} __core;

struct sock {
	struct sock_common __sk_common;
} __core;

struct dst_entry {
	struct net_device *dev;
} __core;

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned long _skb_refdst;
	unsigned char *head;
	unsigned char *data;
	unsigned int len;
	unsigned int data_len;
	int skb_iif;
	__be16 protocol;
	__u16 vlan_tci;
	__be16 vlan_proto;
	__u16 network_header;
	__u16 mac_header;
	__u8 pkt_type : 3;
	__u8 ip_summed : 2;
	__u8 csum_valid : 1;
	__u8 vlan_present : 1; /* until 6.2; then vlan_proto alone says it */
} __core;

struct bpf_dynptr {
	__u64 opaque[2];
};

#undef __core

#endif
