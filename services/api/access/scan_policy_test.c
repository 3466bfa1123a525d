// SPDX-License-Identifier: Apache-2.0
#include "access/scan_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#define GIB (INT64_C(1) << 30)

static char *images[] = {"node:*", "ghcr.io/acme/*", "alpine"};
static char *modes[] = {"bridge", "none"};
static char *pulls[] = {"missing"};

static const struct scan_policy policy = {
        .images = {images, 3},
        .network_modes = {modes, 2},
        .pull_policies = {pulls, 1},
        .memory_max_bytes = GIB,
        .cpus_max = 2,
        .pids_max = 512,
        .duration_max_ms = 60000,
};

/* A job that the policy allows. */
static struct job good(void)
{
	return (struct job){
	        .kind = "sandbox_scan",
	        .duration_ns = INT64_C(60000000000),
	        .has_sandbox = true,
	        .sandbox = {.image = "node:20-slim", .network_mode = "", .pull_policy = ""},
	};
}

static void expect(const struct job *job, const char *field)
{
	struct error err = {0};
	int rc = scan_policy_check(&policy, job, &err);

	if (!field) {
		assert_int_equal(rc, 0);
		return;
	}
	assert_true(rc < 0);
	assert_int_equal(err.class, ERROR_DROP);
	if (!strstr(err.text, field) || !strstr(err.text, "not allowed"))
		fail_msg("%s", err.text);
}

static void images_match_patterns(void **state)
{
	static const struct {
		const char *image;
		bool allowed;
	} cases[] = {
	        {"node:20-slim", true},
	        {"node:", true},
	        {"node", false},
	        {"evil/node:20", false},
	        {"ghcr.io/acme/a/b:1", true},
	        {"ghcr.io/acme", false},
	        {"alpine", true},
	        {"alpine:3", false},
	        {"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct job job = good();

		job.sandbox.image = cases[i].image;
		expect(&job, cases[i].allowed ? NULL : "sandbox.image");
	}
}

static void limits_hold(void **state)
{
	struct job job = good();

	(void)state;
	expect(&job, NULL);
	job.duration_ns++;
	expect(&job, "duration");
	job = good();
	job.duration_ns = -1;
	expect(&job, "duration");
	job = good();
	job.sandbox.memory_bytes = GIB;
	expect(&job, NULL);
	job.sandbox.memory_bytes++;
	expect(&job, "sandbox.memory_bytes");
	job = good();
	job.sandbox.memory_bytes = -1; /* an engine's word for no limit */
	expect(&job, "sandbox.memory_bytes");
	job = good();
	job.sandbox.nano_cpus = INT64_C(2000000001);
	expect(&job, "sandbox.nano_cpus");
	job = good();
	job.sandbox.pids_limit = -1;
	expect(&job, "sandbox.pids_limit");
	job = good();
	job.sandbox.pids_limit = 513;
	expect(&job, "sandbox.pids_limit");
	job = good();
	job.sandbox.grace_period_ns = INT64_C(60000000001);
	expect(&job, "sandbox.grace_period");
}

static void networks_and_pulls_are_listed(void **state)
{
	static const char *const bad[] = {"host", "HOST", "container:gateway", "default"};
	struct job job;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		job = good();
		job.sandbox.network_mode = bad[i];
		expect(&job, "sandbox.network_mode");
	}
	job = good();
	job.sandbox.pull_policy = "always";
	expect(&job, "sandbox.pull_policy");
	job = good();
	job.sandbox.network_mode = "none";
	expect(&job, NULL);
}

static void without_a_sandbox_only_time_counts(void **state)
{
	struct job job = {.kind = "sensor_only", .duration_ns = 1};

	(void)state;
	expect(&job, NULL);
}

static void a_policy_cannot_allow_the_host(void **state)
{
	char *host[] = {"bridge", "Host"};
	const struct scan_policy senseless = {.network_modes = {host, 2}};
	struct error err = {0};

	(void)state;
	assert_true(scan_policy_validate(&senseless, &err) < 0);
	assert_int_equal(scan_policy_validate(&policy, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(images_match_patterns),
	        cmocka_unit_test(limits_hold),
	        cmocka_unit_test(networks_and_pulls_are_listed),
	        cmocka_unit_test(without_a_sandbox_only_time_counts),
	        cmocka_unit_test(a_policy_cannot_allow_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
