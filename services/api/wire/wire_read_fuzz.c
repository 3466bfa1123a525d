// SPDX-License-Identifier: Apache-2.0
/* Any body as each of the gateway's control messages. */
#include "base/alloc.h"
#include "model/job.h"
#include "resources/allow_entries.h"
#include "resources/notifiers.h"
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
	arena_release(&arena);
	return 0;
}
