// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "judgement.h"

/* One run that is complete and clean; each case spoils one thing. */
struct fixture {
	struct run_result result;
	struct seq_set seqs;
	struct judge_facts facts;
};

static void fixture_init(struct fixture *f, bool native)
{
	*f = (struct fixture){
	        .result = {.status = RUN_STATUS_OK,
	                   .events_emitted = 30,
	                   .native = native,
	                   .npm_exit_code = native ? 0 : INT32_MIN},
	};
	for (uint64_t seq = 1; seq <= 3; seq++)
		assert_int_equal(seq_set_add(&f->seqs, seq), SEQ_NEW);
	f->facts = (struct judge_facts){.has_package = true,
	                                .has_baseline = true,
	                                .result = &f->result,
	                                .last_seq = native ? 3 : 0,
	                                .seqs = &f->seqs,
	                                .events_stored = 30,
	                                .first_attempt = true};
}

static void check(struct fixture *f, const char *verdict, const char *state, const char *reason)
{
	struct judgement judgement;
	judge(&f->facts, &judgement);
	assert_string_equal(verdict_name(judgement.verdict), verdict);
	assert_string_equal(judgement.state, state);
	assert_string_equal(judgement.reason, reason);
	assert_int_equal(judgement.complete, reason[0] == '\0');
	bool promotes = strcmp(verdict, "clean") == 0 || strcmp(verdict, "seeded") == 0;
	assert_int_equal(judgement.promotes, promotes);
	seq_set_release(&f->seqs);
}

static void complete_runs(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f, true);
	check(&f, "clean", "done", "");
	fixture_init(&f, false);
	check(&f, "clean", "done", "");
	fixture_init(&f, true);
	f.facts.has_baseline = false;
	check(&f, "seeded", "done", "");
	fixture_init(&f, true);
	f.facts.deviation_count = 1;
	check(&f, "deviates", "done", "");
	fixture_init(&f, true);
	f.facts.has_package = false;
	check(&f, "none", "done", "");
	fixture_init(&f, true);
	f.result.truncated = 7;
	check(&f, "clean", "done", "");
}

static void bad_results(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f, true);
	f.facts.result = NULL;
	check(&f, "incomplete", "done", "no result came");
	fixture_init(&f, true);
	f.result.status = RUN_STATUS_FAILED;
	check(&f, "incomplete", "failed", "failed");
	fixture_init(&f, true);
	f.result.status = RUN_STATUS_TIMEOUT;
	f.result.reason = VIEW_LITERAL("60 s are over");
	check(&f, "incomplete", "failed", "timed out: 60 s are over");
	fixture_init(&f, true);
	f.result.npm_exit_code = 1;
	check(&f, "incomplete", "done", "npm exited with status 1");
	fixture_init(&f, true);
	f.result.npm_exit_code = INT32_MIN;
	check(&f, "clean", "done", "");
	fixture_init(&f, true);
	f.facts.rejected = true;
	check(&f, "incomplete", "done", "the release was rejected");
	fixture_init(&f, true); /* deviations count whatever the end was */
	f.result.status = RUN_STATUS_FAILED;
	f.facts.deviation_count = 2;
	check(&f, "deviates", "failed", "failed");
}

static void missing_batches(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f, true);
	f.facts.last_seq = 4;
	check(&f, "incomplete", "done", "batch 4 of 4 is missing");
	fixture_init(&f, true);
	f.facts.has_baseline = false; /* and an incomplete run seeds nothing */
	f.facts.last_seq = 4;
	check(&f, "incomplete", "done", "batch 4 of 4 is missing");
	fixture_init(&f, false);
	assert_int_equal(seq_set_add(&f.seqs, 5), SEQ_NEW);
	check(&f, "incomplete", "done", "batch 4 of 5 is missing");
	fixture_init(&f, false);
	f.facts.events_stored = 29;
	check(&f, "incomplete", "done", "29 of 30 events arrived");
	fixture_init(&f, false);
	f.facts.events_stored = 29; /* earlier attempts' rows are in it: not comparable */
	f.facts.first_attempt = false;
	check(&f, "clean", "done", "");
	fixture_init(&f, true);
	f.facts.lost = 2;
	check(&f, "incomplete", "done", "2 events were lost");
}

static void losses(void **state)
{
	static const struct {
		bool native;
		uint64_t dropped, ring, parse;
		int64_t previous;
		uint64_t lost;
	} cases[] = {
	        {true, 0, 0, 0, -1, 0},  {true, 1, 2, 3, -1, 5},
	        {true, 6, 2, 3, -1, 6},                           /* the total of the causes */
	        {true, 5, 0, 0, 5, 5},                            /* ours counts per run */
	        {false, 0, 0, 0, -1, 0}, {false, 7, 0, 0, -1, 7}, /* unknown: may be of this run */
	        {false, 7, 0, 0, 7, 0},  {false, 9, 0, 0, 7, 2},
	        {false, 3, 0, 0, 7, 3}, /* restarted since */
	        {false, 0, 0, 0, 7, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run_result result = {.native = cases[i].native,
		                            .events_dropped = cases[i].dropped,
		                            .lost_ring = cases[i].ring,
		                            .lost_parse = cases[i].parse};
		assert_int_equal(judge_lost(&result, cases[i].previous), cases[i].lost);
	}
}

static void runs_that_were_made_for_others(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f, true);
	f.facts.purpose = PURPOSE_SEED;
	check(&f, "seeded", "done", "");
	fixture_init(&f, true);
	f.facts.purpose = PURPOSE_SEED;
	f.facts.deviation_count = 1;
	check(&f, "deviates", "done", "");
	fixture_init(&f, true);
	f.facts.purpose = PURPOSE_SEED;
	f.result.npm_exit_code = 1;
	check(&f, "incomplete", "done", "npm exited with status 1");
	fixture_init(&f, true);
	f.facts.purpose = PURPOSE_CONTROL;
	check(&f, "none", "done", "");
	assert_int_equal(purpose_parse("control"), PURPOSE_CONTROL);
	assert_int_equal(purpose_parse("seed"), PURPOSE_SEED);
	assert_int_equal(purpose_parse("release"), PURPOSE_SCAN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(runs_that_were_made_for_others),
	        cmocka_unit_test(complete_runs),
	        cmocka_unit_test(bad_results),
	        cmocka_unit_test(missing_batches),
	        cmocka_unit_test(losses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
