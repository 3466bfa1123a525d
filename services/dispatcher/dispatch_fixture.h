// SPDX-License-Identifier: Apache-2.0
/*
 * For tests with cmocka on a database: runners and runs to place, and the dispatcher's steps, of
 * which none may fail. A test's state is a struct db_fixture.
 */
#ifndef FANGS_DISPATCHER_DISPATCH_FIXTURE_H
#define FANGS_DISPATCHER_DISPATCH_FIXTURE_H

#include "db/db_fixture.h"
#include "dispatcher.h"

extern const struct dispatcher_config dispatch_config;

int dispatch_set_up(void **state);
int dispatch_tear_down(void **state);

/* The first cell of what a formatted statement returns. */
#define DISPATCH_NUMBER(f, ...) dispatch_number((f), xasprintf(__VA_ARGS__))
int64_t dispatch_number(struct db_fixture *f, char *sql); /* takes the statement */

void dispatch_add_runner(struct db_fixture *f, const char *id, int slots);
/* A queued run with a job as the gateway would store it; its id is `index` in 32 digits. */
void dispatch_add_run(struct db_fixture *f, int index, const char *target);

/* How many runs were placed, or lost their lease. */
int dispatch_place(struct db_fixture *f);
int dispatch_expire(struct db_fixture *f);

#endif
