// SPDX-License-Identifier: Apache-2.0
/* Any text as each of the gateway's control messages, and as a cursor. */
#include "access/tokens_http.h"
#include "base/alloc.h"
#include "live/position.h"
#include "model/job.h"
#include "resources/allow_entries.h"
#include "resources/notifiers.h"
#include "resources/page.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view body = view_of(data, size);
	const struct watched_paths watched = {job_default_watched_paths,
	                                      job_default_watched_path_count};
	struct wire_heartbeat heartbeat;
	struct registration registration;
	struct allow_entry entry;
	struct notifier notifier;
	struct access_token token;
	struct page page;
	struct error err = {0};
	const char *target;
	struct arena arena;
	struct job job;

	arena_init(&arena);
	(void)wire_read_register(body, &arena, &registration, NULL);
	(void)wire_read_heartbeat(body, &arena, &heartbeat, NULL);
	(void)wire_read_scan(body, &arena, &watched, 1, &target, &job, NULL);
	(void)notifier_read(body, "name", &arena, &notifier, &err);
	(void)allow_entry_read(body, &arena, &entry, &err);
	(void)tokens_read(body, &arena, &token, &err);
	const char *cursor = arena_copy(&arena, body).data;
	for (int order = PAGE_BY_TIME_AND_TEXT; order <= PAGE_BY_TEXTS; order++)
		(void)page_read(NULL, cursor, (enum page_order)order, &arena, &page, &err);
	position_unref(position_parse(body));
	arena_release(&arena);
	return 0;
}
