// SPDX-License-Identifier: Apache-2.0
#include "wire/gate.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "queries.h"

enum { PASS_MS = 5000 };

void gate_init(struct gate *gate, int64_t lease_ms)
{
	pthread_mutex_init(&gate->lock, NULL);
	gate->lease_ms = lease_ms;
	gate->slots = xcalloc(GATE_SLOTS, sizeof(*gate->slots));
}

void gate_release(struct gate *gate)
{
	pthread_mutex_destroy(&gate->lock);
	free(gate->slots);
}

static struct gate_slot *slot_of(struct gate *gate, const char *wire_id)
{
	return &gate->slots[view_hash(view_of_string(wire_id)) % GATE_SLOTS];
}

static bool look_up(struct gate *gate, const char *wire_id, struct gate_pass *ret)
{
	struct gate_slot *slot = slot_of(gate, wire_id);

	pthread_mutex_lock(&gate->lock);
	bool found =
	        slot->until_ms > clock_monotonic_ms() && strcmp(slot->pass.wire_id, wire_id) == 0;
	if (found)
		*ret = slot->pass;
	pthread_mutex_unlock(&gate->lock);
	return found;
}

static void keep(struct gate *gate, const struct gate_pass *pass)
{
	struct gate_slot *slot = slot_of(gate, pass->wire_id);

	pthread_mutex_lock(&gate->lock);
	slot->pass = *pass;
	slot->until_ms = clock_monotonic_ms() + PASS_MS;
	pthread_mutex_unlock(&gate->lock);
}

void gate_forget(struct gate *gate, const char *wire_id)
{
	struct gate_slot *slot = slot_of(gate, wire_id);

	pthread_mutex_lock(&gate->lock);
	if (strcmp(slot->pass.wire_id, wire_id) == 0)
		slot->until_ms = 0;
	pthread_mutex_unlock(&gate->lock);
}

static int check_speaker(const char *speaker, const struct gate_pass *pass, struct error *err)
{
	if (!speaker || strcmp(speaker, pass->runner_id) == 0)
		return 0;
	return error_set_class(err, ERROR_DROP, EACCES, "the run is not leased to runner '%s'",
	                       speaker);
}

int gate_enter(struct gate *gate, struct db *db, const char *wire_id, const char *speaker,
               struct gate_pass *ret, struct error *err)
{
	/* Ids of runs are 32 digits: what is longer or shorter was never told to anybody. */
	if (strlen(wire_id) != RUN_ID_TEXT_SIZE - 1)
		return error_set(err, ENOENT, "run not found");
	if (look_up(gate, wire_id, ret))
		return check_speaker(speaker, ret, err);
	AUTO(db_conn) struct db_conn *conn = db_acquire(db, err);
	if (!conn)
		return -err->code;
	int rc = query_sign_of_life(conn, wire_id, speaker, gate->lease_ms, ret, err);
	if (rc < 0)
		return rc;
	rc = check_speaker(speaker, ret, err);
	if (rc == 0)
		keep(gate, ret);
	return rc;
}
