/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* The way from a packet's first header to its ICMPv6 header. */
#ifndef V6PROBE_PACKET_H
#define V6PROBE_PACKET_H

#include "drops.h"
#include <bpf/bpf_core_read.h>

#define htons(x) ((__be16)__builtin_bswap16(x))

#define ETH_P_IP htons(0x0800)
#define ETH_P_8021Q htons(0x8100)
#define ETH_P_IPV6 htons(0x86dd)
#define ETH_P_8021AD htons(0x88a8)

#define VXLAN_PORT htons(4789)       /* RFC 7348, and EVPN on Linux */
#define VXLAN_PORT_LINUX htons(8472) /* what Linux takes by default, and so CloudStack's multicast VXLAN */

enum {
	NEXT_HOP_BY_HOP = 0,
	NEXT_IPV4 = 4,
	NEXT_UDP = 17,
	NEXT_IPV6 = 41,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AUTHENTICATION = 51,
	NEXT_ICMPV6 = 58,
	NEXT_NONE = 59,
	NEXT_DESTINATION = 60,
	NEXT_MOBILITY = 135,
	NEXT_ETHERNET = 143, /* RFC 8986 §10.1; never met as a next header here */

	TYPE_ROUTER_SOLICITATION = 133,
	TYPE_ROUTER_ADVERTISEMENT = 134,
	TYPE_NEIGHBOR_ADVERTISEMENT = 136,
	TYPE_REDIRECT = 137,

	PACKET_OTHERHOST = 3,
	PACKET_OUTGOING = 4,
	IFF_EBRIDGE = 1 << 1, /* of net_device.priv_flags: the bridge itself, no port of one */
	CHECKSUM_NONE = 0,
	CHECKSUM_COMPLETE = 2,
};

/* What of a packet is looked at: enough for VXLAN over IPv6 with all its tags, and some extension headers inside. */
#define LOOK 192
#define MASK 255

/*
 * A packet's first bytes and what was found in them. It is memory that the verifier does not follow, as the way from header
 * to header has too many turns for it.
 */
struct scratch {
	__u8 bytes[MASK + 1 + 64]; /* so that what begins at a masked offset lies inside */
	volatile __u32 have;       /* how many of them were read */
	volatile __u32 at;         /* offset of the header that is next */
	volatile __u32 ip;         /* of the last IPv6 header */
	volatile __u32 message;    /* of the ICMPv6 header, 0 for a later piece */
	volatile __u32 vni;
	volatile __u32 length; /* of the IPv6 packet */
	volatile __u16 vlan;
	volatile __u8 next; /* what kind of header that is */
	volatile bool tunneled;
	__u64 tick; /* of the kernel's, in which now was read */
	__u64 now;
	struct key key;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* These have the names and the layout of the kernel's own, which is that of the wire. */
struct ipv6hdr {
	__u8 version, flow[3];
	__be16 payload;
	__u8 next;
	__u8 hop_limit;
	__u8 source[16];
	__u8 destination[16];
};

/* The ICMPv6 header and four bytes of the body. */
struct icmp6hdr {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__u8 body[4];
};

struct iphdr {
	__u8 version_length, tos;
	__be16 length, id, offset;
	__u8 ttl, protocol;
};

struct udphdr {
	__be16 source, dest, length, checksum;
};

struct extension {
	__u8 next;
	__u8 length;
	__be16 offset; /* of a fragment header */
	__u8 rest[4];
};

struct vxlan {
	__be16 source_port, port, length, checksum;
	__u8 flags, reserved[3];
	__u8 vni[3], reserved2;
};

/* An Ethernet header with room for two VLAN tags. */
struct ethernet {
	__u8 addresses[12];
	__be16 type;
	__be16 tag;
	__be16 type2;
	__be16 tag2;
	__be16 type3;
};

enum found { NOT_OURS, OURS, UNREAD };

extern int bpf_dynptr_from_skb(struct sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __weak __ksym;
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __weak __ksym;

/* Reads a packet where it lies, as if it were a structure of the kernel's. */
#define CAST(address, type) ((type *)bpf_rdonly_cast(address, bpf_core_type_id_kernel(type)))

/*
 * The programs of type tp_btf read the kernel's structures as if they were their own, which costs nothing. Those of type
 * raw_tp, for kernels without BTF of their own, have to copy. In each program one side is left out by the compiler.
 */
#define GET(field) (btf ? skb->field : BPF_CORE_READ(skb, field))
#define GET_BITS(field) (btf ? BPF_CORE_READ_BITFIELD(skb, field) : BPF_CORE_READ_BITFIELD_PROBED(skb, field))

static __always_inline bool is_vlan(__be16 type)
{
	return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

/* Returns the address of what stands at an offset, in a way that the verifier can follow. */
static __always_inline void *look(struct scratch *s, __u32 offset)
{
	asm volatile("%0 &= 255" : "+r"(offset));
	return s->bytes + offset;
}

/* Copies from a packet wherever its bytes lie. It has a stack frame of its own, as a dynptr's place in one cannot be reused. */
static __attribute__((noinline)) int copy_paged(struct sk_buff *skb, struct scratch *s, __u32 offset, __u32 size)
{
	struct bpf_dynptr ptr;

	if (bpf_dynptr_from_skb(skb, 0, &ptr))
		return -1;
	return bpf_dynptr_read(s->bytes, size & MASK, &ptr, offset, 0);
}

/* Where a packet's headers are. */
struct place {
	unsigned char *data;
	unsigned char *at;  /* the first header */
	unsigned char *end; /* of what lies in one piece behind skb->head */
	__u32 length;       /* from data on, wherever it lies */
};

/* Says where the first header is, IPv4, IPv6 or Ethernet, and returns which. */
static __always_inline __u8 locate(struct sk_buff *skb, struct place *p, __be16 protocol, const bool btf)
{
	unsigned char *head = GET(head);
	__u16 network = GET(network_header), mac = GET(mac_header);

	p->data = GET(data);
	p->length = GET(len);
	p->end = p->data + p->length - GET(data_len);
	p->at = head + network;
	if (network && protocol == ETH_P_IP)
		return NEXT_IPV4;
	if (network && protocol == ETH_P_IPV6)
		return NEXT_IPV6;
	p->at = p->data;
	if (mac == 0xffff)
		return NEXT_IPV6;
	p->at = head + mac;
	return NEXT_ETHERNET;
}

/*
 * Copies the first bytes of the packet. Returns how many there are. Where they do not lie in one piece, only a modern program
 * can get at them.
 */
static __always_inline __u32 gather(struct sk_buff *skb, struct scratch *s, const struct place *p, const bool modern)
{
	__s64 here = p->end - p->at, all = p->data + p->length - p->at;

	if (modern && here < LOOK && all > here && p->at >= p->data) {
		__u32 want = all < LOOK ? all : LOOK;
		if (!copy_paged(skb, s, p->at - p->data, want))
			return want;
	}
	if (here <= 0)
		return 0;
	__u64 want = here < LOOK ? here : LOOK;
	return bpf_probe_read_kernel(s->bytes, want & MASK, p->at) ? 0 : want;
}

/* Moves past an Ethernet header and up to two VLAN tags. */
static __always_inline enum found pass_ethernet(struct scratch *s)
{
	struct ethernet *e = look(s, s->at);
	__u32 length = 14;
	__be16 type;

	if (s->at + sizeof(*e) > s->have)
		return UNREAD;
	type = e->type;
	if (is_vlan(type)) {
		s->vlan = htons(e->tag) & 0xfff;
		type = e->type2;
		length = 18;
		if (is_vlan(type)) {
			type = e->type3;
			length = 22;
		}
	}
	if (type == ETH_P_IPV6)
		s->next = NEXT_IPV6;
	else if (type == ETH_P_IP && !s->tunneled)
		s->next = NEXT_IPV4;
	else
		return NOT_OURS;
	s->at += length;
	return OURS;
}

static __always_inline enum found pass_ipv4(struct scratch *s)
{
	struct iphdr *ip = look(s, s->at);

	if (s->at + sizeof(*ip) > s->have)
		return UNREAD;
	if (ip->protocol != NEXT_UDP || (ip->offset & htons(0x1fff)))
		return NOT_OURS;
	s->next = NEXT_UDP;
	s->at += (ip->version_length & 0xf) * 4;
	return OURS;
}

static __always_inline enum found pass_ipv6(struct scratch *s)
{
	struct ipv6hdr *ip = look(s, s->at);

	if (s->at + sizeof(*ip) > s->have)
		return UNREAD;
	if (ip->version >> 4 != 6)
		return s->at ? NOT_OURS : UNREAD;
	s->ip = s->at;
	s->next = ip->next;
	s->at += sizeof(*ip);
	return OURS;
}

/* Moves past the headers of UDP and VXLAN, once: there is no tunnel inside a tunnel. */
static __always_inline enum found pass_vxlan(struct scratch *s)
{
	struct vxlan *v = look(s, s->at);

	if (s->tunneled)
		return NOT_OURS;
	if (s->at + 4 > s->have)
		return UNREAD;
	if (v->port != VXLAN_PORT && v->port != VXLAN_PORT_LINUX)
		return NOT_OURS;
	if (s->at + sizeof(*v) > s->have)
		return UNREAD;
	if (!(v->flags & 0x08))
		return NOT_OURS;
	s->tunneled = true;
	s->vni = v->vni[0] << 16 | v->vni[1] << 8 | v->vni[2];
	s->vlan = 0;
	s->next = NEXT_ETHERNET;
	s->at += sizeof(*v);
	return OURS;
}

static __always_inline enum found pass_extension(struct scratch *s)
{
	struct extension *x = look(s, s->at);
	__u8 kind = s->next;
	__u32 length;

	if (s->at + sizeof(*x) > s->have)
		return UNREAD;
	length = (x->length + 1) * 8;
	if (kind == NEXT_AUTHENTICATION)
		length = (x->length + 2) * 4;
	if (kind == NEXT_FRAGMENT) {
		length = sizeof(*x);
		if (x->offset & htons(0xfff8))
			kind = NEXT_NONE;
	}
	s->next = x->next;
	s->at += length;
	if (kind != NEXT_NONE)
		return OURS;
	s->message = 0;
	s->at = 0;
	return s->next == NEXT_ICMPV6 ? OURS : NOT_OURS;
}

static __always_inline bool is_extension(__u8 next)
{
	return next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_DESTINATION || next == NEXT_MOBILITY ||
	       next == NEXT_AUTHENTICATION || next == NEXT_FRAGMENT;
}

static __always_inline enum found pass(struct scratch *s)
{
	switch (s->next) {
	case NEXT_IPV6:
		return pass_ipv6(s);
	case NEXT_ETHERNET:
		return pass_ethernet(s);
	case NEXT_IPV4:
		return pass_ipv4(s);
	case NEXT_UDP:
		return pass_vxlan(s);
	}
	return is_extension(s->next) ? pass_extension(s) : NOT_OURS;
}

/* Goes from header to header to the ICMPv6 header, or to a fragment that is not the first. */
static __always_inline enum found parse(struct scratch *s)
{
	for (int i = 0; i < 12; i++) {
		if (s->next == NEXT_ICMPV6) {
			s->message = s->at;
			if (s->at && s->at + sizeof(struct icmp6hdr) > s->have)
				return UNREAD;
			return OURS;
		}
		enum found found = pass(s);
		if (found != OURS)
			return found;
	}
	return UNREAD;
}

/* Reports, in a modern program, whether what UDP carries behind a header of that length can only be something else than VXLAN. */
static __always_inline bool is_other_udp(const struct place *p, __u32 length)
{
	__be16 port = CAST(p->at + length, struct udphdr)->dest;

	return p->at + length + 4 <= p->end && port != VXLAN_PORT && port != VXLAN_PORT_LINUX;
}

/*
 * Rejects most of what is none of ours without a copy: IPv4 that is not VXLAN, and IPv6 that has neither ICMPv6, VXLAN nor an
 * extension header behind it. Only a modern program looks into packets in place; others copy a byte of IPv4.
 */
static __always_inline bool is_foreign(const struct place *p, __u8 first, const bool modern)
{
	__u8 next = 0;

	if (first == NEXT_IPV4) {
		if (modern && p->at + sizeof(struct iphdr) > p->end)
			return false;
		if (modern)
			next = CAST(p->at, struct iphdr)->protocol;
		else
			bpf_probe_read_kernel(&next, 1, p->at + 9);
		if (next != NEXT_UDP)
			return true;
		return modern && is_other_udp(p, (CAST(p->at, struct iphdr)->version_length & 0xf) * 4);
	}
	if (!modern || first != NEXT_IPV6 || p->at + sizeof(struct ipv6hdr) > p->end)
		return false; /* not known yet */
	if (CAST(p->at, struct ipv6hdr)->version >> 4 != 6)
		return false;
	next = CAST(p->at, struct ipv6hdr)->next;
	if (next == NEXT_UDP)
		return is_other_udp(p, sizeof(struct ipv6hdr));
	return next != NEXT_ICMPV6 && !is_extension(next);
}

/* Returns the header of an IPv6 packet with ICMPv6 right behind it, in place, and NULL for any other. */
static __always_inline struct ipv6hdr *plain_icmpv6(const struct place *p, __u8 first, const bool modern)
{
	struct ipv6hdr *ip;

	if (!modern || first != NEXT_IPV6 || p->at + sizeof(struct ipv6hdr) + sizeof(struct icmp6hdr) > p->end)
		return 0;
	ip = CAST(p->at, struct ipv6hdr);
	return ip->version >> 4 == 6 && ip->next == NEXT_ICMPV6 ? ip : 0;
}

#endif
