// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Names, from the packets themselves, whatever call sent the bytes: UDP payloads that are DNS
 * queries, DNS answers or the beginning of QUIC, the first bytes of TCP streams that begin like TLS
 * or DNS, and what a DNS server sends back. Sequence numbers are relative to the SYN, so user space
 * can put a stream together. Packets of other protocols (ICMP, SCTP, raw) are destinations.
 */
#ifndef FANGS_BPF_PACKETS_H
#define FANGS_BPF_PACKETS_H

#include "packet.bpf.h"

enum {
	PACKETS_IPPROTO_DCCP = 33,
	PACKETS_IPPROTO_SCTP = 132,
	PACKETS_IPPROTO_UDPLITE = 136,
	PACKETS_TCP_SYN = 2,
	PACKETS_TCP_ACK = 16,
	PACKETS_PORT_DNS = 53,
	PACKETS_PORT_HTTPS = 443,
	PACKETS_PORT_MDNS = 5353,
	PACKETS_PORT_LLMNR = 5355,
	PACKETS_TLS_HANDSHAKE = 0x16,
	PACKETS_TLS_STREAM_MAX = 16384, /* bytes of a stream that can hold a ClientHello */
	PACKETS_PROXY_STREAM_MAX = 32768,
	PACKETS_DNS_STREAM_MAX = 65536,
	PACKETS_METHOD_SIZE = 7, /* "CONNECT" */
	PACKETS_SOCKS4 = 4,
	PACKETS_SOCKS5 = 5,
	PACKETS_DNS_HEADER_SIZE = 12,
	PACKETS_DNS_LENGTH_HIGH_MAX = 3, /* a query has less than 1024 bytes */
	PACKETS_QUIC_HEADER_SIZE = 6,    /* up to the length of the connection id */
	PACKETS_QUIC_LONG_FIXED = 0xc0,
	PACKETS_QUIC_ID_MAX = 20,
	PACKETS_QUIC_DATAGRAM_MIN = 1200,
	PACKETS_SEGMENTS_MAX = 128, /* of one packet of the kernel's */
};
#define PACKETS_QUIC_V1 1U
#define PACKETS_QUIC_V2 0x6b3343cfU

/* TCP streams by cookie, those that come with RECORD_INGRESS. 16384 entries, 1 MiB; full: the least
 * recently used goes; TLS-like bytes of an unknown stream are counted as lost. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct flow);
} flows SEC(".maps");

struct tcp_start { /* the first 14 bytes of a TCP header */
	__be16 source, dest;
	__be32 seq, ack;
	__u8 header_words; /* << 4 */
	__u8 flags;
};

struct udp_header {
	__be16 source, dest, size, check;
};

static __always_inline int is_dns_port(__u16 port)
{
	return port == PACKETS_PORT_DNS || port == PACKETS_PORT_MDNS || port == PACKETS_PORT_LLMNR;
}

/* Address translation (an embedded resolver) has already rewritten the packet: what the process
 * asked for stands in the owner entry. */
static __always_inline void packet_as_asked(struct packet *packet)
{
	__u64 socket = packet->cookie & ~RECORD_INGRESS;
	struct socket_owner *owner;

	if (is_dns_port(packet->to.port))
		return;
	owner = bpf_map_lookup_elem(&owners, &socket);
	if (owner && is_dns_port(owner->to.port) && owner->to.protocol == packet->to.protocol)
		packet->to = owner->to;
}

/* UDP. ------------------------------------------------------------------------------------- */

/* A header that says: a standard query, one question, no answers. */
static __always_inline int looks_like_query(const __u8 h[PACKETS_DNS_HEADER_SIZE])
{
	return (h[2] & 0xf8) == 0 && (h[3] & 0x4f) == 0 && h[4] == 0 && h[5] == 1 && h[6] == 0 &&
	       h[7] == 0 && h[8] == 0 && h[9] == 0 && h[10] == 0 && h[11] <= 2;
}

/* A response to a standard query of one question. */
static __always_inline int looks_like_answer(const __u8 h[PACKETS_DNS_HEADER_SIZE])
{
	return (h[2] & 0xf8) == 0x80 && (h[3] & 0x40) == 0 && h[4] == 0 && h[5] == 1 && h[6] == 0;
}

static __always_inline int looks_like_dns(const __u8 h[PACKETS_DNS_HEADER_SIZE], int ingress)
{
	return ingress ? looks_like_answer(h) : looks_like_query(h);
}

/* What is no version that we know is only believed on the port of HTTPS, in full size. */
static __always_inline int looks_like_quic(const __u8 *h, __u16 port, __u32 size)
{
	__u32 version = (__u32)h[1] << 24 | (__u32)h[2] << 16 | (__u32)h[3] << 8 | h[4];

	if ((h[0] & 0x80) == 0 || h[5] > PACKETS_QUIC_ID_MAX)
		return 0;
	if (version == PACKETS_QUIC_V1 || version == PACKETS_QUIC_V2)
		return 1;
	return port == PACKETS_PORT_HTTPS && size >= PACKETS_QUIC_DATAGRAM_MIN &&
	       (h[0] & PACKETS_QUIC_LONG_FIXED) == PACKETS_QUIC_LONG_FIXED && version != 0;
}

struct datagram_search {
	struct __sk_buff *skb;
	__u32 offset, left, segment_size;
	__u16 port, purpose;
	__u32 ingress;
};

static long datagram_step(__u32 index, void *data)
{
	struct datagram_search *search = data;
	__u8 h[PACKETS_DNS_HEADER_SIZE];

	if (search->left <= sizeof(h) ||
	    bpf_skb_load_bytes(search->skb, search->offset, h, sizeof(h)))
		return 1;
	if (!search->ingress && looks_like_quic(h, search->port, search->left))
		search->purpose = RECORD_PURPOSE_QUIC;
	else if (looks_like_dns(h, search->ingress != 0))
		search->purpose = RECORD_PURPOSE_DNS_LIKE;
	if (search->purpose || search->left <= search->segment_size || search->segment_size == 0)
		return 1;
	search->offset += search->segment_size;
	search->left -= search->segment_size;
	return 0;
}

/* The first datagram in the packet that looks like something decides for all of it. */
static __always_inline __u16 datagram_purpose(struct __sk_buff *skb, const struct packet *packet)
{
	struct datagram_search search = {
	        .skb = skb,
	        .offset = packet->payload,
	        .left = packet->size,
	        .segment_size = packet->segment_size,
	        .port = packet->to.port,
	        .ingress = packet_is_ingress(packet),
	};

	if (is_dns_port(packet->to.port))
		return RECORD_PURPOSE_DNS;
	bpf_loop(PACKETS_SEGMENTS_MAX, datagram_step, &search, 0);
	return search.purpose;
}

static __always_inline void packet_udp(struct __sk_buff *skb, const struct scope *scope,
                                       struct packet *packet)
{
	struct udp_header header;

	if (bpf_skb_load_bytes(skb, packet->payload, &header, sizeof(header)))
		return;
	packet->payload += sizeof(header);
	if (skb->len <= packet->payload)
		return;
	packet->size = skb->len - packet->payload;
	packet->to.port = bpf_ntohs(packet_is_ingress(packet) ? header.source : header.dest);
	packet->segment_size = (__u16)skb->gso_size;
	packet_as_asked(packet);
	packet->purpose = datagram_purpose(skb, packet);
	if (packet->purpose)
		emit_packet(skb, scope, packet, RECORD_DATAGRAM);
}

/* TCP. ------------------------------------------------------------------------------------- */

/* DNS on a port of its own choice: a length, then a query of that length. A first piece too short
 * to tell is left to user space. */
static __always_inline int looks_like_dns_stream(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 h[2 + PACKETS_DNS_HEADER_SIZE];

	if (bpf_skb_load_bytes(skb, packet->payload, h, 1) || h[0] > PACKETS_DNS_LENGTH_HIGH_MAX)
		return 0;
	if (packet->size < sizeof(h))
		return 1;
	if (bpf_skb_load_bytes(skb, packet->payload, h, sizeof(h)))
		return 0;
	return looks_like_query(h + 2);
}

/* Like SOCKS, or the method CONNECT of HTTP, as far as there are bytes; empty lines may come before
 * it. User space looks closer. */
static __always_inline int looks_like_proxy(struct __sk_buff *skb, const struct packet *packet,
                                            __u8 first)
{
	static const char method[PACKETS_METHOD_SIZE] = "CONNECT";
	__u8 h[PACKETS_METHOD_SIZE];

	if (first == '\r' || first == '\n' || first == PACKETS_SOCKS4 || first == PACKETS_SOCKS5)
		return 1;
	if (first != method[0])
		return 0;
	if (packet->size < sizeof(h) || bpf_skb_load_bytes(skb, packet->payload, h, sizeof(h)))
		return 1;
#pragma unroll
	for (int i = 1; i < PACKETS_METHOD_SIZE; i++)
		if (h[i] != method[i])
			return 0;
	return 1;
}

/* Decides by the first bytes of the stream what it is. */
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
	else if (looks_like_proxy(skb, packet, first))
		flow->purpose = RECORD_PURPOSE_PROXY;
	else if (looks_like_dns_stream(skb, packet))
		flow->purpose = RECORD_PURPOSE_DNS_LIKE;
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

static __always_inline __u32 flow_limit(__u16 purpose)
{
	if (purpose == RECORD_PURPOSE_TLS)
		return PACKETS_TLS_STREAM_MAX;
	return purpose == RECORD_PURPOSE_PROXY ? PACKETS_PROXY_STREAM_MAX : PACKETS_DNS_STREAM_MAX;
}

static __always_inline void packet_tcp_payload(struct __sk_buff *skb, const struct scope *scope,
                                               struct packet *packet, __u32 seq)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, &packet->cookie);
	__u32 limit;

	if (!flow) {
		if (!packet_is_ingress(packet))
			count_unknown_flow(skb, scope, packet);
		return;
	}
	packet->stream_offset = seq - flow->base_seq;
	if (flow->state == FLOW_NEW)
		flow_decide(skb, packet, flow);
	if (flow->state != FLOW_CAPTURED)
		return;
	limit = flow_limit(flow->purpose);
	if (packet->stream_offset >= limit) /* a keep-alive probe is one before the start: huge */
		return;
	packet->purpose = flow->purpose;
	emit_packet(skb, scope, packet, RECORD_SEGMENT);
}

/* A stream begins. A server's stream is not the process's wish to go somewhere; of what comes in,
 * only the answers of DNS servers are read. */
static __always_inline void flow_begin(const struct packet *packet, __u8 flags, __u32 seq)
{
	struct flow flow = {.base_seq = seq, .state = FLOW_NEW};
	int answers = (flags & PACKETS_TCP_ACK) != 0;

	if (packet_is_ingress(packet)) {
		if (!answers || packet->to.port != PACKETS_PORT_DNS)
			return;
		flow.state = FLOW_CAPTURED;
		flow.purpose = RECORD_PURPOSE_DNS;
	} else if (answers) {
		flow.state = FLOW_IGNORED;
	}
	bpf_map_update_elem(&flows, &packet->cookie, &flow, BPF_ANY);
}

static __always_inline void packet_tcp(struct __sk_buff *skb, const struct scope *scope,
                                       struct packet *packet)
{
	struct tcp_start header;
	__u32 seq;

	if (bpf_skb_load_bytes(skb, packet->payload, &header, sizeof(header)))
		return;
	packet->payload += (__u32)(header.header_words >> 4) * 4;
	packet->to.port = bpf_ntohs(packet_is_ingress(packet) ? header.source : header.dest);
	packet_as_asked(packet);
	seq = bpf_ntohl(header.seq);
	if (header.flags & PACKETS_TCP_SYN)
		flow_begin(packet, header.flags, ++seq);
	if (skb->len <= packet->payload)
		return;
	packet->size = skb->len - packet->payload;
	packet_tcp_payload(skb, scope, packet, seq);
}

/* Other protocols. ---------------------------------------------------------------------------- */

/* Some have ports where UDP has them. */
static __always_inline void packet_other_port(struct __sk_buff *skb, struct packet *packet)
{
	__u8 protocol = packet->to.protocol;
	__be16 ports[2];

	if ((protocol == PACKETS_IPPROTO_SCTP || protocol == PACKETS_IPPROTO_DCCP ||
	     protocol == PACKETS_IPPROTO_UDPLITE) &&
	    bpf_skb_load_bytes(skb, packet->payload, ports, sizeof(ports)) == 0)
		packet->to.port = bpf_ntohs(ports[1]);
}

/* No hook sees their connect or send, so the packet is the destination's only witness. */
static __always_inline void packet_other(struct __sk_buff *skb, const struct scope *scope,
                                         struct packet *packet)
{
	struct socket_owner *owner = bpf_map_lookup_elem(&owners, &packet->cookie);
	struct record_connect record = {};

	packet_other_port(skb, packet);
	if (owner && address_equal(&owner->to, &packet->to))
		return; /* repeats carry nothing */
	if (owner)
		owner->to = packet->to;
	fill_scope(&record.header, RECORD_CONNECT, scope);
	packet_owner(&record.header, packet->cookie);
	record.cookie = packet->cookie;
	record.to = packet->to;
	emit(&priority_ring, &record.header, sizeof(record));
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct scope *scope = scope_of_packet(skb);

	if (!scope || packet_ip(skb, &packet))
		return SOCKETS_PROCEED;
	packet.cookie = bpf_get_socket_cookie(skb);
	if (packet.to.protocol == PACKET_IPPROTO_TCP)
		packet_tcp(skb, scope, &packet);
	else if (packet.to.protocol == SOCKETS_IPPROTO_UDP)
		packet_udp(skb, scope, &packet);
	else
		packet_other(skb, scope, &packet);
	return SOCKETS_PROCEED;
}

SEC("cgroup_skb/ingress")
int on_ingress(struct __sk_buff *skb)
{
	struct packet packet = {.cookie = RECORD_INGRESS};
	struct scope *scope = scope_of_packet(skb);

	if (!scope || packet_ip(skb, &packet))
		return SOCKETS_PROCEED;
	packet.cookie |= bpf_get_socket_cookie(skb);
	if (packet.to.protocol == PACKET_IPPROTO_TCP)
		packet_tcp(skb, scope, &packet);
	else if (packet.to.protocol == SOCKETS_IPPROTO_UDP)
		packet_udp(skb, scope, &packet);
	return SOCKETS_PROCEED;
}

#endif
