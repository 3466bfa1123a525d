// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a sequence of records: two bytes of length, then the record. */
#include "run_decoder.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(void *ctx, const struct event *event)
{
	volatile size_t *total = ctx;

	/* Touch what a consumer would. */
	*total += event->process.comm.size;
	if (event->type == EVENT_FILE)
		*total += view_hash(event->file.path);
	if (event->type == EVENT_EXEC)
		for (size_t i = 0; i < event->exec.argc; i++)
			*total += view_hash(event->exec.argv[i]);
	if (event->type == EVENT_DNS)
		*total += view_hash(event->dns.name) + view_hash(event->dns.query);
	if (event->type == EVENT_TLS)
		*total += view_hash(event->tls.sni) + view_hash(event->tls.raw) +
		          view_hash(event->tls.tunnel);
	if (event->type == EVENT_CONNECT)
		*total += view_hash(event->connect.interface) + view_hash(event->connect.name);
}

static void give_records(struct run_decoder *decoder, const uint8_t *data, size_t size)
{
	while (size > 2) {
		size_t length = (size_t)data[0] | (size_t)data[1] << 8;
		void *record;

		data += 2;
		size -= 2;
		if (length > size)
			length = size;
		record = xmalloc(length + 1); /* aligned, and its end is seen by the sanitizer */
		memcpy(record, data, length);
		record = xrealloc(record, length ? length : 1, 1);
		run_decoder_record(decoder, view_of(record, length));
		free(record);
		data += length;
		size -= length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct watched_path watched[] = {{"/etc/", false}, {"/proc/self/x", true}};
	size_t total = 0;
	struct run_decoder_options options = {
	        .watched_paths = watched,
	        .watched_path_count = 2,
	        .command_actor = ACTOR_MANAGER,
	        .on_event = on_event,
	        .ctx = &total,
	};
	struct run_decoder decoder;
	struct error err;

	if (run_decoder_init(&decoder, &options, &err) < 0)
		abort();
	give_records(&decoder, data, size);
	run_decoder_flush(&decoder);
	run_decoder_release(&decoder);
	return 0;
}
