// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * One packet: where its payload is, who its other end is, and the way of its bytes into the ring.
 */
#ifndef FANGS_BPF_PACKET_H
#define FANGS_BPF_PACKET_H

#include "emit.bpf.h"
#include "kernel.bpf.h"
#include "sockets.bpf.h"

enum {
	PACKET_IPPROTO_TCP = 6,
	PACKET_IPV6_EXTENSIONS_MAX = 4,
	PACKET_IPV6_FRAGMENT = 44,
};

struct packet {
	struct record_address to; /* the other end: where it goes, or comes from */
	__u64 cookie;             /* with RECORD_INGRESS when it comes */
	__u32 payload;            /* offset in the packet */
	__u32 size;               /* of the payload */
	__u32 stream_offset;
	__u16 purpose;
	__u16 segment_size;
};

static __always_inline int packet_is_ingress(const struct packet *packet)
{
	return (packet->cookie & RECORD_INGRESS) != 0;
}

static __always_inline int packet_ip4(struct __sk_buff *skb, struct packet *packet)
{
	__u8 header[20];

	if (bpf_skb_load_bytes(skb, 0, header, sizeof(header)))
		return -1;
	packet->to.family = SOCKETS_AF_INET;
	packet->to.protocol = header[9];
	__builtin_memcpy(packet->to.address, header + (packet_is_ingress(packet) ? 12 : 16), 4);
	packet->payload = (__u32)(header[0] & 15) * 4;
	return 0;
}

static __always_inline int packet_ip6(struct __sk_buff *skb, struct packet *packet)
{
	__u8 header[40], extension[2];
	__u32 offset = sizeof(header);
	__u8 next;

	if (bpf_skb_load_bytes(skb, 0, header, sizeof(header)))
		return -1;
	packet->to.family = SOCKETS_AF_INET6;
	__builtin_memcpy(packet->to.address, header + (packet_is_ingress(packet) ? 8 : 24), 16);
	next = header[6];
#pragma unroll
	for (int i = 0; i < PACKET_IPV6_EXTENSIONS_MAX; i++) {
		if (next != 0 && next != 43 && next != 60) /* hop-by-hop, routing, destination */
			break;
		if (bpf_skb_load_bytes(skb, offset, extension, sizeof(extension)))
			return -1;
		next = extension[0];
		offset += ((__u32)extension[1] + 1) * 8;
	}
	packet->to.protocol = next;
	packet->payload = offset;
	return 0;
}

static __always_inline int packet_ip(struct __sk_buff *skb, struct packet *packet)
{
	__u8 version = 0;

	if (bpf_skb_load_bytes(skb, 0, &version, 1))
		return -1;
	return version >> 4 == 4 ? packet_ip4(skb, packet) : packet_ip6(skb, packet);
}

static __always_inline void packet_owner(struct record_header *header, __u64 cookie)
{
	__u64 socket = cookie & ~RECORD_INGRESS;
	struct socket_owner *owner = bpf_map_lookup_elem(&owners, &socket);

	header->flags = RECORD_NO_TASK;
	if (!owner)
		return;
	header->pid = owner->pid;
	header->tid = owner->tid;
	header->start_ns = owner->start_ns;
}

/* Emits the payload in a reservation of `class_size`. No scratch memory here: these programs can
 * interrupt themselves. */
static __always_inline void emit_payload(struct __sk_buff *skb, const struct scope *scope,
                                         const struct packet *packet, __u32 class_size,
                                         enum record_kind kind)
{
	struct record_payload *record;
	__u64 size = packet->size;

	record = bpf_ringbuf_reserve(&packet_ring, sizeof(*record) + class_size, 0);
	if (!record) {
		count_lost(scope->slot, kind);
		return;
	}
	__builtin_memset(record, 0, sizeof(*record));
	fill_scope(&record->header, kind, scope);
	packet_owner(&record->header, packet->cookie);
	record->header.cgroup_id = bpf_skb_cgroup_id(skb);
	record->cookie = packet->cookie;
	record->to = packet->to;
	record->offset = packet->stream_offset;
	record->total = packet->size;
	record->segment_size = packet->segment_size;
	record->purpose = packet->purpose;
	if (size > class_size)
		record->header.flags |= RECORD_CUT;
	if (size == 0 || bpf_skb_load_bytes(skb, packet->payload, record + 1,
	                                    (__u32)bounded_size(size, class_size))) {
		size = 0;
		record->header.flags |= RECORD_CUT;
	}
	record->size = (__u32)bounded(size, class_size);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __always_inline void emit_packet(struct __sk_buff *skb, const struct scope *scope,
                                        const struct packet *packet, enum record_kind kind)
{
	if (packet->size <= RECORD_PAYLOAD_TINY)
		emit_payload(skb, scope, packet, RECORD_PAYLOAD_TINY, kind);
	else if (packet->size <= RECORD_PAYLOAD_SMALL)
		emit_payload(skb, scope, packet, RECORD_PAYLOAD_SMALL, kind);
	else if (packet->size <= RECORD_PAYLOAD_MEDIUM)
		emit_payload(skb, scope, packet, RECORD_PAYLOAD_MEDIUM, kind);
	else
		emit_payload(skb, scope, packet, RECORD_PAYLOAD_LARGE, kind);
}

#endif
