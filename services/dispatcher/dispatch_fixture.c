// SPDX-License-Identifier: Apache-2.0
#include "dispatch_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "leases.h"
#include "placing.h"

const struct dispatcher_config dispatch_config = {
        .lease_ms = 90000,
        .offer_timeout_ms = 45000,
        .runner_timeout_ms = 90000,
        .attempts = 3,
        .backoff_ms = 5000,
        .backoff_max_ms = 60000,
        .scan_duration_ms = 60000,
        .grace_ms = 2000,
        .image = (char[]){"node:20-slim"},
        .npm_registry = (char[]){"http://registry.test:4873"},
};

int64_t dispatch_number(struct db_fixture *f, char *sql)
{
	AUTO(free) char *owned = sql;
	return db_fixture_number(f, owned);
}

int dispatch_set_up(void **state)
{
	*state = db_fixture_create(true);
	return 0;
}

int dispatch_tear_down(void **state)
{
	db_fixture_destroy(*state);
	return 0;
}

void dispatch_add_runner(struct db_fixture *f, const char *id, int slots)
{
	DISPATCH_NUMBER(f, "INSERT INTO runners (id, slots, status) VALUES ('%s', %d, 'idle')", id,
	                slots);
}

void dispatch_add_run(struct db_fixture *f, int index, const char *target)
{
	DISPATCH_NUMBER(
	        f,
	        "INSERT INTO runs (id, state, phase, target_runner, queued_at, not_before, job)"
	        " VALUES (lpad('%d', 32, '0'), 'pending', 'queued', '%s',"
	        " now() - interval '1 hour' + %d * interval '1 second', now() - interval '1 hour',"
	        " '{\"run_id\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],\"kind\":\"sandbox_scan\","
	        "\"duration\":1000000000,\"sandbox\":{\"image\":\"busybox\"}}')",
	        index, target, index);
}

int dispatch_place(struct db_fixture *f)
{
	struct dispatcher_metrics m = dispatcher_metrics_create();
	struct error err = {0};
	int placed = place_runs(f->db, &dispatch_config, &m, &err);

	if (placed < 0)
		fail_msg("%s", err.text);
	return placed;
}

int dispatch_expire(struct db_fixture *f)
{
	struct dispatcher_metrics m = dispatcher_metrics_create();
	struct error err = {0};
	int expired = expire_leases(f->db, &dispatch_config, &m, &err);

	if (expired < 0)
		fail_msg("%s", err.text);
	return expired;
}
