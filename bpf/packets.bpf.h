// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Names, from the packets that leave: UDP payloads that are DNS queries, and the first bytes of TCP
 * streams that begin like TLS or go to a DNS port. Whatever call sent the bytes, they pass here.
 * Sequence numbers are relative to the SYN, so user space can put a stream together.
 */
#ifndef FANGS_BPF_PACKETS_H
#define FANGS_BPF_PACKETS_H

#include "emit.bpf.h"
#include "kernel.bpf.h"
#include "sockets.bpf.h"

enum {
	PACKETS_IPPROTO_TCP = 6,
	PACKETS_TCP_SYN = 2,
	PACKETS_TCP_ACK = 16,
	PACKETS_PORT_DNS = 53,
	PACKETS_PORT_MDNS = 5353,
	PACKETS_PORT_LLMNR = 5355,
	PACKETS_TLS_HANDSHAKE = 0x16,
	PACKETS_TLS_STREAM_MAX = 16384, /* bytes of a stream that can hold a ClientHello */
	PACKETS_DNS_STREAM_MAX = 65536,
	PACKETS_IPV6_EXTENSIONS_MAX = 4,
	PACKETS_DNS_HEADER_SIZE = 12,
};

/* TCP streams by cookie. 16384 entries, 1 MiB; full: the least recently used goes; TLS-like bytes
 * of an unknown stream are counted as lost. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct flow);
} flows SEC(".maps");

struct packet {
	struct record_address to;
	__u64 cookie;
	__u32 payload; /* offset in the packet */
	__u32 size;    /* of the payload */
	__u32 stream_offset;
	__u16 purpose;
	__u16 segment_size;
};

struct tcp_start { /* the first 14 bytes of a TCP header */
	__be16 source, dest;
	__be32 seq, ack;
	__u8 header_words; /* << 4 */
	__u8 flags;
};

struct udp_header {
	__be16 source, dest, size, check;
};

static __always_inline int packet_ip4(struct __sk_buff *skb, struct packet *packet)
{
	__u8 header[20];

	if (bpf_skb_load_bytes(skb, 0, header, sizeof(header)))
		return -1;
	packet->to.family = SOCKETS_AF_INET;
	packet->to.protocol = header[9];
	__builtin_memcpy(packet->to.address, header + 16, 4);
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
	__builtin_memcpy(packet->to.address, header + 24, 16);
	next = header[6];
#pragma unroll
	for (int i = 0; i < PACKETS_IPV6_EXTENSIONS_MAX; i++) {
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

/* Emits the payload in a reservation of `class_size`. No scratch memory here: these programs can
 * interrupt themselves. */
static __always_inline void emit_payload(struct __sk_buff *skb, const struct scope *scope,
                                         const struct packet *packet, __u32 class_size,
                                         enum record_kind kind)
{
	struct socket_owner *owner = bpf_map_lookup_elem(&owners, &packet->cookie);
	struct record_payload *record;
	__u64 size = packet->size;

	record = bpf_ringbuf_reserve(&packet_ring, sizeof(*record) + class_size, 0);
	if (!record) {
		count_lost(scope->slot, kind);
		return;
	}
	__builtin_memset(record, 0, sizeof(*record));
	fill_scope(&record->header, kind, scope);
	record->header.flags = RECORD_NO_TASK;
	record->header.cgroup_id = bpf_skb_cgroup_id(skb);
	record->cookie = packet->cookie;
	record->to = packet->to;
	record->offset = packet->stream_offset;
	record->total = packet->size;
	record->segment_size = packet->segment_size;
	record->purpose = packet->purpose;
	if (owner) {
		record->header.pid = owner->pid;
		record->header.tid = owner->tid;
		record->header.start_ns = owner->start_ns;
	}
	if (size > class_size)
		record->header.flags |= RECORD_CUT;
	size = bounded(size, class_size);
	if (size == 0 || bpf_skb_load_bytes(skb, packet->payload, record + 1, (__u32)size)) {
		size = 0;
		record->header.flags |= RECORD_CUT;
	}
	record->size = (__u32)size;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __always_inline void emit_packet(struct __sk_buff *skb, const struct scope *scope,
                                        const struct packet *packet, enum record_kind kind)
{
	if (packet->size <= RECORD_PAYLOAD_SMALL)
		emit_payload(skb, scope, packet, RECORD_PAYLOAD_SMALL, kind);
	else if (packet->size <= RECORD_PAYLOAD_MEDIUM)
		emit_payload(skb, scope, packet, RECORD_PAYLOAD_MEDIUM, kind);
	else
		emit_payload(skb, scope, packet, RECORD_PAYLOAD_LARGE, kind);
}

static __always_inline int is_dns_port(__u16 port)
{
	return port == PACKETS_PORT_DNS || port == PACKETS_PORT_MDNS || port == PACKETS_PORT_LLMNR;
}

/* A header that says: a standard query, one question, no answers. */
static __always_inline int looks_like_query(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 h[PACKETS_DNS_HEADER_SIZE];

	if (packet->size <= sizeof(h) || bpf_skb_load_bytes(skb, packet->payload, h, sizeof(h)))
		return 0;
	return (h[2] & 0xf8) == 0 && (h[3] & 0x4f) == 0 && h[4] == 0 && h[5] == 1 && h[6] == 0 &&
	       h[7] == 0 && h[8] == 0 && h[9] == 0 && h[10] == 0 && h[11] <= 2;
}

static __always_inline void packet_udp(struct __sk_buff *skb, const struct scope *scope,
                                       struct packet *packet)
{
	struct socket_owner *owner;
	struct udp_header header;

	if (bpf_skb_load_bytes(skb, packet->payload, &header, sizeof(header)))
		return;
	packet->payload += sizeof(header);
	if (skb->len <= packet->payload)
		return;
	packet->size = skb->len - packet->payload;
	packet->to.port = bpf_ntohs(header.dest);
	packet->segment_size = (__u16)skb->gso_size;
	owner = bpf_map_lookup_elem(&owners, &packet->cookie);
	/* Address translation (an embedded resolver) has already rewritten the packet: what the
	 * process asked for stands in the owner entry. */
	if (owner && is_dns_port(owner->to.port) && !is_dns_port(packet->to.port))
		packet->to = owner->to;
	if (is_dns_port(packet->to.port))
		packet->purpose = RECORD_PURPOSE_DNS;
	else if (looks_like_query(skb, packet))
		packet->purpose = RECORD_PURPOSE_DNS_LIKE;
	else
		return;
	emit_packet(skb, scope, packet, RECORD_DATAGRAM);
}

/* Decides by the first byte of the stream what it is. */
static __always_inline void flow_decide(struct __sk_buff *skb, const struct packet *packet,
                                        struct flow *flow)
{
	__u8 first = 0;

	flow->state = FLOW_IGNORED;
	if (packet->stream_offset || bpf_skb_load_bytes(skb, packet->payload, &first, 1))
		return;
	if (packet->to.port == PACKETS_PORT_DNS)
		flow->purpose = RECORD_PURPOSE_DNS;
	else if (first == PACKETS_TLS_HANDSHAKE)
		flow->purpose = RECORD_PURPOSE_TLS;
	else
		return;
	flow->state = FLOW_CAPTURED;
}

static __always_inline void count_unknown_flow(struct __sk_buff *skb, const struct scope *scope,
                                               const struct packet *packet)
{
	struct run_counters *run = counters_of(scope->slot);
	__u8 first = 0;

	bpf_skb_load_bytes(skb, packet->payload, &first, 1);
	if (run && (first == PACKETS_TLS_HANDSHAKE || packet->to.port == PACKETS_PORT_DNS))
		run->flows_unknown++;
}

static __always_inline void packet_tcp_payload(struct __sk_buff *skb, const struct scope *scope,
                                               struct packet *packet, __u32 seq)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, &packet->cookie);
	__u32 limit;

	if (!flow) {
		count_unknown_flow(skb, scope, packet);
		return;
	}
	packet->stream_offset = seq - flow->base_seq;
	if (flow->state == FLOW_NEW)
		flow_decide(skb, packet, flow);
	if (flow->state != FLOW_CAPTURED)
		return;
	limit = flow->purpose == RECORD_PURPOSE_TLS ? PACKETS_TLS_STREAM_MAX
	                                            : PACKETS_DNS_STREAM_MAX;
	if (packet->stream_offset >= limit) /* a keep-alive probe is one before the start: huge */
		return;
	packet->purpose = flow->purpose;
	emit_packet(skb, scope, packet, RECORD_SEGMENT);
}

static __always_inline void packet_tcp(struct __sk_buff *skb, const struct scope *scope,
                                       struct packet *packet)
{
	struct tcp_start header;
	struct flow flow = {};
	__u32 seq;

	if (bpf_skb_load_bytes(skb, packet->payload, &header, sizeof(header)))
		return;
	packet->payload += (__u32)(header.header_words >> 4) * 4;
	packet->to.port = bpf_ntohs(header.dest);
	seq = bpf_ntohl(header.seq);
	if (header.flags & PACKETS_TCP_SYN) {
		seq++;
		flow.base_seq = seq;
		/* A server's stream is not the process's wish to go somewhere. */
		flow.state = header.flags & PACKETS_TCP_ACK ? FLOW_IGNORED : FLOW_NEW;
		bpf_map_update_elem(&flows, &packet->cookie, &flow, BPF_ANY);
	}
	if (skb->len <= packet->payload)
		return;
	packet->size = skb->len - packet->payload;
	packet_tcp_payload(skb, scope, packet, seq);
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct scope *scope = scope_of_packet(skb);
	__u8 version = 0;

	if (!scope || bpf_skb_load_bytes(skb, 0, &version, 1))
		return SOCKETS_PROCEED;
	version >>= 4;
	if ((version == 4 ? packet_ip4(skb, &packet) : packet_ip6(skb, &packet)) != 0)
		return SOCKETS_PROCEED;
	packet.cookie = bpf_get_socket_cookie(skb);
	if (packet.to.protocol == PACKETS_IPPROTO_TCP)
		packet_tcp(skb, scope, &packet);
	else if (packet.to.protocol == SOCKETS_IPPROTO_UDP)
		packet_udp(skb, scope, &packet);
	return SOCKETS_PROCEED;
}

#endif
