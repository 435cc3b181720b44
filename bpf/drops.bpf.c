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
static __always_inline void note_message(struct scratch *s, const struct ipv6hdr *ip, const struct icmp6hdr *m)
{
	struct key *k = &s->key;

	s->length = sizeof(*ip) + htons(ip->payload);
	if (ip->destination[0] == 0xff)
		k->flags |= MULTICAST;
	if (!ip->source[0] && !ip->source[1] && !ip->source[15]) /* no other address is like that */
		k->flags |= NO_SOURCE;
	if (!m) {
		k->flags |= LATER_PIECE;
		return;
	}
	k->type = m->type;
	/* Other types are told apart without it: a sender could fill the map with all the codes that there are. */
	if (m->type <= 4 || (m->type >= TYPE_ROUTER_SOLICITATION && m->type <= TYPE_REDIRECT))
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

/* Notes the device and the namespace of a packet that a socket sends and that has no device yet: the route names it. */
static __always_inline struct net_device *note_route(struct sk_buff *skb, struct key *k, const bool btf)
{
	struct sock *sk = GET(sk);
	unsigned long dst = GET(_skb_refdst) & ~1ul;
	struct net_device *dev;

	if (sk)
		k->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (!dst)
		return 0;
	dev = BPF_CORE_READ((struct dst_entry *)dst, dev);
	k->interface = BPF_CORE_READ(dev, ifindex);
	k->netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	return dev;
}

/* Notes where the packet is: device, namespace, port of arrival, VLAN. Returns the device, which may be NULL. */
static __always_inline struct net_device *note_place(struct sk_buff *skb, struct key *k, const bool btf)
{
	struct net_device *dev = GET(dev);
	__u8 kind = GET_BITS(pkt_type), summed = GET_BITS(ip_summed);
	__u32 private = 0;

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
	if (!dev)
		return note_route(skb, k, btf);
	if (btf) {
		k->interface = dev->ifindex;
		k->netns = dev->nd_net.net->ns.inum;
		private = BPF_CORE_READ_BITFIELD(dev, priv_flags);
	} else {
		k->interface = BPF_CORE_READ(dev, ifindex);
		k->netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
		private = BPF_CORE_READ_BITFIELD_PROBED(dev, priv_flags);
	}
	if (private & IFF_EBRIDGE)
		k->flags |= ON_BRIDGE;
	return dev;
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

/* Adds the packet whose IPv6 header is at that address. */
static __always_inline void add(const struct scratch *s, const void *ip, struct net_device *dev, __u64 now, struct counts *c)
{
	struct value *v = bpf_map_lookup_elem(&drops, &s->key);

	if (!v) {
		struct value zero = {};
		bpf_map_update_elem(&drops, &s->key, &zero, BPF_NOEXIST);
		v = bpf_map_lookup_elem(&drops, &s->key);
		if (!v) {
			c->map_full++;
			return;
		}
	}
	if (!v->packets) {
		v->first = now;
		bpf_probe_read_kernel(v->source, sizeof(v->source), ip + __builtin_offsetof(struct ipv6hdr, source));
		bpf_probe_read_kernel(v->destination, sizeof(v->destination), ip + __builtin_offsetof(struct ipv6hdr, destination));
		if (dev)
			bpf_probe_read_kernel(v->name, sizeof(v->name), &dev->name);
	}
	v->packets++;
	v->bytes += s->length;
	v->last = now;
}

/* Finds the ICMPv6 header in a copy of the packet's first bytes, and notes what it says. */
static __always_inline enum found study(struct sk_buff *skb, struct scratch *s, const struct place *p, __u8 first,
					const bool modern)
{
	enum found found;

	s->at = s->ip = s->vni = s->vlan = 0;
	s->tunneled = false;
	s->next = first;
	s->have = gather(skb, s, p, modern);
	found = parse(s);
	if (found != OURS)
		return found;
	s->key.vni = s->vni;
	s->key.vlan = s->vlan;
	if (s->tunneled)
		s->key.flags |= TUNNELED;
	note_message(s, look(s, s->ip), s->message ? look(s, s->message) : 0);
	return OURS;
}

/* Returns the time: in a modern program that of the kernel's last tick, as to read the clock can take as long as all the rest. */
static __always_inline __u64 time(struct scratch *s, const bool modern)
{
	if (!modern)
		return bpf_ktime_get_ns();
	if (s->tick != bpf_jiffies64()) {
		s->tick = bpf_jiffies64();
		s->now = bpf_ktime_get_ns();
	}
	return s->now;
}

static __always_inline int count(void *ctx, struct sk_buff *skb, __u64 location, __u32 reason, const bool btf,
				 const bool modern)
{
	__u32 zero = 0;
	__be16 protocol = GET(protocol);
	struct counts *c = bpf_map_lookup_elem(&counters, &zero);

	if (!c)
		return 0;
	c->seen++;
	if (protocol != ETH_P_IPV6 && protocol != ETH_P_IP && !is_vlan(protocol))
		return 0;

	struct place p;
	__u8 first = locate(skb, &p, protocol, btf);
	if (is_foreign(&p, first, modern))
		return 0;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);
	if (!s)
		return 0;
	struct key *k = &s->key;
	const void *header;
	__builtin_memset(k, 0, sizeof(*k));
	struct ipv6hdr *ip = plain_icmpv6(&p, first, modern);
	if (ip) {
		note_message(s, ip, CAST(p.at + sizeof(*ip), struct icmp6hdr));
		header = p.at;
	} else {
		enum found found = study(skb, s, &p, first, modern);
		if (found == UNREAD)
			c->unread++;
		if (found != OURS)
			return 0;
		header = look(s, s->ip);
	}
	if (!(wanted[k->type >> 6] & 1ull << (k->type & 63)))
		return 0;

	__u64 now = time(s, modern);
	c->icmpv6++;
	k->location = location;
	k->reason = reason;
	struct net_device *dev = note_place(skb, k, btf);
	if (at_crossroads(k)) {
		if (stacks_netns && k->netns != stacks_netns) {
			k->flags |= STACK_NOT_TAKEN;
		} else if (spend(now)) {
			note_callers(ctx, k);
		} else {
			k->flags |= STACK_NOT_TAKEN;
			c->no_stack++;
		}
	}
	add(s, header, dev, now, c);
	return 0;
}

/*
 * The tracepoint's arguments are skb, location, and since 5.17 the reason; later ones are of no use here. A program that
 * asks for more arguments than the kernel has is refused, when it is loaded (tp_btf) or attached (raw_tp).
 */
#define PROGRAM(name, section, reason, btf, modern)                                                  \
	SEC(section)                                                                                 \
	int name(__u64 *ctx)                                                                         \
	{                                                                                            \
		return count(ctx, (struct sk_buff *)ctx[0], ctx[1], reason, btf, modern);             \
	}

PROGRAM(btf_modern, "tp_btf/kfree_skb", ctx[2], true, true)
PROGRAM(btf_reason, "tp_btf/kfree_skb", ctx[2], true, false)
PROGRAM(btf_plain, "tp_btf/kfree_skb", 0, true, false)
PROGRAM(raw_reason, "raw_tp/kfree_skb", ctx[2], false, false)
PROGRAM(raw_plain, "raw_tp/kfree_skb", 0, false, false)
