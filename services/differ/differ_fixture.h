// SPDX-License-Identifier: Apache-2.0
/*
 * For tests: a differ on a database of its own with the postgres bus, runs to give it, and messages
 * as gateways and runners send them. Failures abort.
 */
#ifndef FANGS_DIFFER_DIFFER_FIXTURE_H
#define FANGS_DIFFER_DIFFER_FIXTURE_H

#include "db/db_fixture.h"
#include "differ.h"
#include "model/event.h"
#include "model/result.h"

struct differ_fixture {
	struct db_fixture *db;
	struct bus *bus;
	struct service *service;
	struct differ_config config;
	struct differ *differ; /* NULL until differ_fixture_start() */
};

struct differ_fixture *differ_fixture_create(void);
void differ_fixture_destroy(struct differ_fixture *f);

/* A differ, as after the start of its process; stopping one loses all that it had in memory. */
void differ_fixture_start(struct differ_fixture *f);
void differ_fixture_stop(struct differ_fixture *f);

/* Turns until everything in the log is consumed. */
void differ_fixture_drain(struct differ_fixture *f);

/* A row of `runs`, queued, attempt 1. */
struct run_id differ_fixture_run(struct differ_fixture *f, const char *package,
                                 const char *version);

/* Messages. `seq` counts from 1. */
void differ_fixture_batch(struct differ_fixture *f, const struct run_id *run_id, uint32_t attempt,
                          uint64_t seq, const struct event *events, size_t count);
void differ_fixture_result(struct differ_fixture *f, const struct run_id *run_id, uint32_t attempt,
                           const struct run_result *result);
void differ_fixture_raw(struct differ_fixture *f, struct view key, struct view value);

/* One batch of one event of the first attempt, and turns until it is consumed. */
void differ_fixture_give(struct differ_fixture *f, const struct run_id *run_id, uint64_t seq,
                         struct event event);

/* A run of left-pad: one batch of one event and a good end, not consumed yet. */
struct run_id differ_fixture_short_run(struct differ_fixture *f, const char *version,
                                       struct event event);

/* The recorded run of that version, as the gateway would publish it: its batches, so many times
 * over (each time with the next numbers), and its result. */
void differ_fixture_recorded(struct differ_fixture *f, const struct run_id *run_id,
                             const char *version, unsigned times);

/* Some events. `text` is path, name or host. */
struct event differ_fixture_open(const char *path, int32_t flags, enum actor actor);
struct event differ_fixture_read(const char *path); /* by code of a package */
struct event differ_fixture_exec(const char *path, enum actor actor);
struct event differ_fixture_dns(const char *name, enum actor actor);
/* To 192.0.2.<last>, as our sensor tells it; `name` may be empty. */
struct event differ_fixture_connect(const char *name, uint8_t last, uint16_t port,
                                    enum actor actor);

/* A good end of a run of our runner with that many batches. */
struct run_result differ_fixture_ok(uint64_t last_seq);

/* First cell of the first row; the caller frees it. */
char *differ_fixture_text(struct differ_fixture *f, const char *sql);
/* Everything that the differ wrote, without what differs from one replay to the next (ids of
 * events, moments). */
char *differ_fixture_dump(struct differ_fixture *f);

#endif
