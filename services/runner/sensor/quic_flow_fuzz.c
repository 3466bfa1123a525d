// SPDX-License-Identifier: Apache-2.0
/* The first byte chooses: the rest is a datagram, or the frames of packets that are sealed well,
 * cut at each 0xff, so that what stands behind the keys is reached, too. */
#include "quic_flow.h"

#include <stdlib.h>

#include "client_hello.h"
#include "quic_fixture.h"

enum { FRAMES_MAX = 2048, COOKIE = 1, CUT = 0xff };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give(struct quic_flows *flows, struct view datagram)
{
	struct quic_flow *flow;
	enum quic_news news;
	struct client_hello hello;

	while (quic_flows_next(flows, COOKIE, &datagram, &news, &flow))
		if (news == QUIC_PROGRESS)
			(void)client_hello_parse_bare(stream_prefix(&flow->handshake), &hello);
}

static void give_sealed(struct quic_flows *flows, struct view rest)
{
	struct quic_fixture fixture = {.version = QUIC_VERSION_1,
	                               .destination = VIEW_LITERAL("idididid")};
	uint8_t bytes[QUIC_FIXTURE_MAX];

	while (rest.size) {
		struct view frames = view_split(&rest, (char)CUT);

		if (frames.size > FRAMES_MAX)
			frames.size = FRAMES_MAX;
		fixture.number++;
		give(flows, view_of(bytes, quic_fixture_initial(bytes, &fixture, frames, 4)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct quic_flows flows;

	if (size == 0)
		return 0;
	quic_flows_init(&flows);
	if (data[0] & 1)
		give_sealed(&flows, view_of(data + 1, size - 1));
	else
		give(&flows, view_of(data + 1, size - 1));
	quic_flows_release(&flows);
	return 0;
}
