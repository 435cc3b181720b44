/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Counts the ICMPv6 that the kernel frees as dropped, by place and kind.
 *
 * The tracepoint skb:kfree_skb fires for every packet of every protocol that a machine drops, so that nearly all work is
 * to find out quickly that a packet is none of ours. What is kept is what tells places and faults apart; names are given
 * to it by internal/drops, which loads exactly one of the programs at the end of this file.
 */
#include "packet.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Notes what the ICMPv6 header says, and what makes a receiver discard neighbor discovery (RFC 4861 §6.1, §7.1, §8.1). */
static __always_inline void note_message(struct key *k, const struct ipv6 *ip, const struct icmpv6 *m)
{
	if (ip->destination[0] == 0xff)
		k->flags |= MULTICAST;
	if (!(*(__u64 *)ip->source | *(__u64 *)(ip->source + 8)))
		k->flags |= NO_SOURCE;
	if (!m) {
		k->flags |= LATER_PIECE;
		return;
	}
	k->type = m->type;
	k->code = m->code;
	if (m->type < TYPE_ROUTER_SOLICITATION || m->type > TYPE_REDIRECT)
		return;
	if (ip->hop_limit != 255)
		k->flags |= BAD_HOP_LIMIT;
	if (m->code)
		k->flags |= BAD_CODE;
	if (m->type == TYPE_ROUTER_ADVERTISEMENT || m->type == TYPE_REDIRECT) {
		if (ip->source[0] != 0xfe || (ip->source[1] & 0xc0) != 0x80)
			k->flags |= BAD_SOURCE;
	}
	if (m->type == TYPE_NEIGHBOR_ADVERTISEMENT && (m->body[0] & 0x40))
		k->flags |= SOLICITED;
}

/* Notes where the packet is: device, namespace, port of arrival, VLAN. */
static __always_inline void note_place(struct sk_buff *skb, struct key *k, char name[NAME_SIZE], const bool btf)
{
	struct net_device *dev = GET(dev);
	struct sock *sk = GET(sk);
	__u8 kind = GET_BITS(pkt_type), summed = GET_BITS(ip_summed);

	if (!dev) {
		/* Sent by a socket, on its way to a device that the route names. */
		unsigned long dst = GET(_skb_refdst) & ~1ul;
		if (sk)
			k->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
		if (dst)
			dev = BPF_CORE_READ((struct dst_entry *)dst, dev);
	}
	if (dev) {
		k->interface = BPF_CORE_READ(dev, ifindex);
		k->netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
		bpf_probe_read_kernel(name, NAME_SIZE, &dev->name);
		if (BPF_CORE_READ_BITFIELD_PROBED(dev, priv_flags) & IFF_EBRIDGE)
			k->flags |= ON_BRIDGE;
	}
	k->arrived = GET(skb_iif);
	if (kind == PACKET_OTHERHOST)
		k->flags |= OTHER_HOST;
	if (kind == PACKET_OUTGOING || !k->arrived)
		k->flags |= OUTGOING;
	if ((summed == CHECKSUM_NONE || summed == CHECKSUM_COMPLETE) && !GET_BITS(csum_valid))
		k->flags |= UNVERIFIED;
	if (!k->vlan && !(k->flags & TUNNELED)) {
		bool tagged = GET(vlan_proto) != 0;
		if (bpf_core_field_exists(skb->vlan_present))
			tagged = GET_BITS(vlan_present);
		if (tagged)
			k->vlan = GET(vlan_tci) & 0xfff;
	}
}

/* Reports whether the callers of this place are worth the walk. */
static __always_inline bool at_crossroads(const struct key *k)
{
	__u32 zero = 0;

	if (netfilter_drop && k->reason == netfilter_drop)
		return true;
	struct range *r = bpf_map_lookup_elem(&crossroads, &zero);
	if (!r)
		return false;
	for (int i = 0; i < RANGES; i++) {
		if (k->location >= r[i].start && k->location < r[i].end)
			return true;
	}
	return false;
}

/* Takes one from this CPU's budget of stacks for this second. */
static __always_inline bool spend(__u64 now)
{
	__u32 zero = 0;
	struct budget *b = bpf_map_lookup_elem(&budgets, &zero);
	__u64 second = now >> 30;

	if (!b)
		return false;
	if (b->second != second) {
		b->second = second;
		b->used = 0;
	}
	if (b->used >= stacks_per_second)
		return false;
	b->used++;
	return true;
}

/* Notes who called the place. Above it stand the tracepoint's own frames, whose number differs by kernel. */
static __always_inline void note_callers(void *ctx, struct key *k)
{
	__u64 frames[CALLERS + 5] = {};

	bpf_get_stack(ctx, frames, sizeof(frames), 0);
	for (int i = 0; i < 5; i++) {
		if (frames[i] != k->location)
			continue;
		for (int j = 0; j < CALLERS; j++)
			k->callers[j] = frames[i + 1 + j];
		return;
	}
}

static __always_inline void add(const struct key *k, const struct ipv6 *ip, const char name[NAME_SIZE], __u64 now,
				struct counts *c)
{
	struct value *v = bpf_map_lookup_elem(&drops, k);

	if (!v) {
		struct value zero = {};
		bpf_map_update_elem(&drops, k, &zero, BPF_NOEXIST);
		v = bpf_map_lookup_elem(&drops, k);
		if (!v) {
			c->map_full++;
			return;
		}
	}
	if (!v->packets) {
		v->first = now;
		__builtin_memcpy(v->source, ip->source, 16);
		__builtin_memcpy(v->destination, ip->destination, 16);
		__builtin_memcpy(v->name, name, 16);
	}
	v->packets++;
	v->bytes += sizeof(*ip) + htons(ip->payload);
	v->last = now;
}

static __always_inline int count(void *ctx, struct sk_buff *skb, __u64 location, __u32 reason, const bool btf,
				 const bool paged)
{
	__u32 zero = 0;
	__be16 protocol = GET(protocol);
	struct counts *c = bpf_map_lookup_elem(&counters, &zero);

	if (!c)
		return 0;
	c->seen++;
	if (protocol != ETH_P_IPV6 && protocol != ETH_P_IP && !is_vlan(protocol))
		return 0;

	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);
	if (!s)
		return 0;
	s->at = s->ip = s->vni = s->vlan = 0;
	s->tunneled = false;
	s->have = gather(skb, s, protocol, btf, paged);
	if (!s->have && protocol == ETH_P_IP)
		return 0;
	enum found found = parse(s);
	if (found == UNREAD)
		c->unread++;
	if (found != OURS)
		return 0;

	struct key *k = &s->key;
	struct ipv6 *ip = look(s, s->ip);
	__builtin_memset(k, 0, sizeof(*k));
	k->location = location;
	k->reason = reason;
	k->vni = s->vni;
	k->vlan = s->vlan;
	if (s->tunneled)
		k->flags |= TUNNELED;
	note_message(k, ip, s->message ? look(s, s->message) : 0);
	if (!(wanted[k->type >> 6] & 1ull << (k->type & 63)))
		return 0;

	char name[NAME_SIZE] = {};
	__u64 now = bpf_ktime_get_ns();
	c->icmpv6++;
	note_place(skb, k, name, btf);
	if (at_crossroads(k)) {
		if (spend(now)) {
			note_callers(ctx, k);
		} else {
			k->flags |= STACK_NOT_TAKEN;
			c->no_stack++;
		}
	}
	add(k, ip, name, now, c);
	return 0;
}

/*
 * The tracepoint's arguments are skb, location, and since 5.17 the reason; later ones are of no use here. A program that
 * asks for more arguments than the kernel has is refused, when it is loaded (tp_btf) or attached (raw_tp).
 */
#define PROGRAM(name, section, reason, btf, paged)                                                  \
	SEC(section)                                                                                 \
	int name(__u64 *ctx)                                                                         \
	{                                                                                            \
		return count(ctx, (struct sk_buff *)ctx[0], ctx[1], reason, btf, paged);             \
	}

PROGRAM(btf_reason_paged, "tp_btf/kfree_skb", ctx[2], true, true)
PROGRAM(btf_reason, "tp_btf/kfree_skb", ctx[2], true, false)
PROGRAM(btf_plain, "tp_btf/kfree_skb", 0, true, false)
PROGRAM(raw_reason, "raw_tp/kfree_skb", ctx[2], false, false)
PROGRAM(raw_plain, "raw_tp/kfree_skb", 0, false, false)
