// SPDX-License-Identifier: Apache-2.0
/*
 * Destinations. How a TCP connect ended is told by a later record, for which its event waits; not
 * for long, and not past a drain.
 */
#include "decode.h"

enum {
	CONNECT_IPPROTO_TCP = 6,
	CONNECT_DONE = 1,
};
#define CONNECT_WAIT_NS UINT64_C(2000000000)

bool decode_address_valid(const struct record_address *address)
{
	return address->family == 2 || address->family == 10;
}

static void connect_emit(struct run_decoder *decoder, const struct record_connect *connect,
                         int32_t result)
{
	struct event event = {.type = EVENT_CONNECT, .wire_type = EVENT_CONNECT};

	if (connect->header.flags & RECORD_NO_TASK)
		decode_packet_process(decoder, &connect->header, &event.process);
	else
		decode_process(&connect->header,
		               process_tree_find(&decoder->tree, connect->header.pid,
		                                 connect->header.start_ns),
		               &event.process);
	event.connect.family = connect->to.family;
	event.connect.source = EVENT_CONNECT_SYSCALL;
	event.connect.protocol = connect->to.protocol;
	event.connect.port = connect->to.port;
	memcpy(event.connect.address, connect->to.address, sizeof(event.connect.address));
	event.connect.name = decode_text(
	        resolver_name_of(&decoder->resolver, connect->to.family, connect->to.address));
	event.connect.result = result;
	decode_emit(decoder, &event);
}

static void waiting_end(struct run_decoder *decoder, size_t index, int32_t result)
{
	struct record_connect connect = decoder->connects[index];

	decoder->connect_count--;
	memmove(decoder->connects + index, decoder->connects + index + 1,
	        (decoder->connect_count - index) * sizeof(*decoder->connects));
	connect_emit(decoder, &connect, result);
}

void decode_connects_flush(struct run_decoder *decoder, uint64_t now_ns)
{
	while (decoder->connect_count &&
	       (now_ns == UINT64_MAX ||
	        now_ns > decoder->connects[0].header.ts_ns + CONNECT_WAIT_NS))
		waiting_end(decoder, 0, 0);
}

bool decode_connect(struct run_decoder *decoder, struct view record)
{
	const struct record_connect *connect = (const void *)record.data;

	if (record.size != sizeof(*connect) || !decode_address_valid(&connect->to))
		return false;
	if (!(connect->header.flags & RECORD_NO_TASK))
		(void)process_tree_get(&decoder->tree, &connect->header);
	if (connect->to.protocol != CONNECT_IPPROTO_TCP) {
		connect_emit(decoder, connect, 0);
		return true;
	}
	if (decoder->connect_count == RUN_CONNECTS_MAX)
		waiting_end(decoder, 0, 0);
	decoder->connects[decoder->connect_count++] = *connect;
	return true;
}

static bool is_end_of(const struct record_connected *end, const struct record_connect *connect)
{
	if (end->cookie)
		return end->cookie == connect->cookie;
	return end->header.tid == connect->header.tid &&
	       end->header.start_ns == connect->header.start_ns;
}

bool decode_connected(struct run_decoder *decoder, struct view record)
{
	const struct record_connected *end = (const void *)record.data;

	if (record.size != sizeof(*end))
		return false;
	for (size_t i = decoder->connect_count; i > 0; i--) {
		if (!is_end_of(end, &decoder->connects[i - 1]))
			continue;
		waiting_end(decoder, i - 1, end->result ? end->result : CONNECT_DONE);
		break;
	}
	return true; /* of a connect before the run, or one that was told already */
}
