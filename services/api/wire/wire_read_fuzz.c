// SPDX-License-Identifier: Apache-2.0
/* Any body as each of the gateway's control messages. */
#include "base/alloc.h"
#include "model/job.h"
#include "resources/manage.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view body = view_of(data, size);
	struct wire_heartbeat heartbeat;
	struct registration registration;
	struct notifier notifier;
	const char *target;
	struct arena arena;
	struct job job;

	arena_init(&arena);
	(void)wire_read_register(body, &arena, &registration, NULL);
	(void)wire_read_heartbeat(body, &arena, &heartbeat, NULL);
	(void)wire_read_scan(body, &arena, 1, &target, &job, NULL);
	(void)manage_read_notifier(body, "name", &arena, &notifier, NULL);
	arena_release(&arena);
	return 0;
}
