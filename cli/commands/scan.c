// SPDX-License-Identifier: Apache-2.0
/* fangs scan submit: one scan on demand, optionally waiting for its verdict. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "gateway.h"
#include "model/job.h"
#include "output.h"
#include "json/json_writer.h"

enum { BODY_MAX_BYTES = 256 * 1024, POLL_MS = 300, WAIT_DEFAULT_S = 600 };

enum { OPT_PACKAGE, OPT_VERSION, OPT_RUNNER, OPT_IMAGE, OPT_DURATION, OPT_WAIT, OPT_WAIT_TIMEOUT };
static const struct command_option options[] = {
        [OPT_PACKAGE] = {"package", "NAME", "the npm package"},
        [OPT_VERSION] = {"version", "V", "its version"},
        [OPT_RUNNER] = {"runner", "ID", "on this runner only (default: any with a free slot)"},
        [OPT_IMAGE] = {"image", "REF", "container image (default node:20-slim)"},
        [OPT_DURATION] = {"duration", "SECONDS", "budget of the run (default 60)"},
        [OPT_WAIT] = {"wait", NULL, "wait for the verdict; exit code 4 when the run deviates"},
        [OPT_WAIT_TIMEOUT] = {"wait-timeout", "SECONDS", "give up waiting after (default 600)"},
};

static int positive_seconds(const char *name, const char *text, int64_t fallback, int64_t *ret,
                            struct error *err)
{
	*ret = fallback;
	if (!text)
		return 0;
	/* "60s" is what the existing CLI takes. */
	size_t size = strlen(text);
	if (size && text[size - 1] == 's')
		size--;
	if (!view_to_i64(view_of(text, size), ret) || *ret <= 0 || *ret > INT32_MAX)
		return error_set(err, EINVAL, "--%s takes seconds from 1, not '%s'", name, text);
	return 0;
}

static int build_request(const struct command_args *args, struct arena *arena, struct buf *body,
                         struct error *err)
{
	struct job job = {0};
	int64_t duration_s = 0;
	int ret = job_default_scan(arena, args->values[OPT_PACKAGE], args->values[OPT_VERSION],
	                           NULL, &job, err);
	if (ret < 0)
		return ret;
	ret = positive_seconds("duration", args->values[OPT_DURATION], job.duration_ns / NS_PER_S,
	                       &duration_s, err);
	if (ret < 0)
		return ret;
	job.duration_ns = duration_s * NS_PER_S;
	job.watched_path_count = 0; /* as the gateway is configured */
	if (args->values[OPT_IMAGE])
		job.sandbox.image = args->values[OPT_IMAGE];
	struct json_writer w = json_writer_on(body);
	const char *runner = args->values[OPT_RUNNER];
	AUTO(buf) struct buf job_json;
	buf_init(&job_json, BODY_MAX_BYTES);
	job_write_json(&job_json, &job, false);
	json_object(&w);
	json_member_string(&w, "target_runner", runner ? runner : "*");
	json_member_raw(&w, "Job", buf_view(&job_json));
	json_end_object(&w);
	return 0;
}

static void sleep_ms(int64_t ms)
{
	struct timespec delay = {.tv_sec = ms / MS_PER_S, .tv_nsec = ms % MS_PER_S * NS_PER_MS};
	(void)nanosleep(&delay, NULL);
}

/* One line that is rewritten in place on a terminal, and not written elsewhere. */
static void show_progress(const struct json *run, int64_t since_ms)
{
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\033[K%.12s  %s@%s  %s  %llds", json_string(json_get(run, "id"), ""),
	        json_string(json_get(run, "package"), ""),
	        json_string(json_get(run, "version"), ""), json_string(json_get(run, "phase"), ""),
	        (long long)((clock_monotonic_ms() - since_ms) / MS_PER_S));
}

static void end_progress(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static int report_verdict(const struct cli *cli, const struct json *run)
{
	const char *verdict = json_string(json_get(run, "verdict"), "");
	const char *state = json_string(json_get(run, "state"), "");
	if (cli->output == OUTPUT_JSON)
		output_json(run);
	else
		printf("%.12s  %s@%s  %s  %s  %lld deviations\n",
		       json_string(json_get(run, "id"), ""),
		       json_string(json_get(run, "package"), ""),
		       json_string(json_get(run, "version"), ""), state, verdict,
		       (long long)json_int(json_get(run, "deviation_count"), 0));
	if (strcmp(verdict, "deviates") == 0)
		return EXIT_CODE_DEVIATIONS;
	return strcmp(state, "failed") == 0 ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

static int wait_for_verdict(const struct cli *cli, const char *run_id, int64_t timeout_s,
                            struct error *err)
{
	int64_t since_ms = clock_monotonic_ms();
	AUTO(free) char *path = gateway_path("/v1/runs/", run_id, "");
	while (clock_monotonic_ms() - since_ms < timeout_s * MS_PER_S) {
		AUTO(json) struct json *run = NULL;
		int code = gateway_call(cli, "GET", path, NULL, &run, err);
		if (code == EXIT_CODE_OK &&
		    strcmp(json_string(json_get(run, "phase"), ""), "judged") == 0) {
			end_progress();
			return report_verdict(cli, run);
		}
		if (code == EXIT_CODE_NOT_FOUND)
			return code;
		/* A gateway that restarts is waited for: the run goes on without it. */
		error_clear(err);
		show_progress(run, since_ms);
		sleep_ms(POLL_MS);
	}
	end_progress();
	error_set(err, ETIMEDOUT,
	          "run %.12s was not judged within %lld s; it goes on: fangs run show %.12s",
	          run_id, (long long)timeout_s, run_id);
	return EXIT_CODE_FAILED;
}

static int submit(const struct cli *cli, const struct command_args *args, struct error *err)
{
	if (!args->values[OPT_PACKAGE] || !args->values[OPT_VERSION]) {
		error_set(err, EINVAL, "scan submit: --package and --version are required");
		return EXIT_CODE_USAGE;
	}
	int64_t timeout_s = 0;
	if (positive_seconds("wait-timeout", args->values[OPT_WAIT_TIMEOUT], WAIT_DEFAULT_S,
	                     &timeout_s, err) < 0)
		return EXIT_CODE_USAGE;
	struct arena arena;
	arena_init(&arena);
	AUTO(buf) struct buf body;
	buf_init(&body, BODY_MAX_BYTES);
	int built = build_request(args, &arena, &body, err);
	arena_release(&arena);
	if (built < 0)
		return EXIT_CODE_USAGE;
	AUTO(json) struct json *answer = NULL;
	int code = gateway_call(cli, "POST", "/v1/scans", &body, &answer, err);
	if (code != EXIT_CODE_OK)
		return code;
	const char *run_id = json_string(json_get(answer, "run_id"), "");
	if (args->values[OPT_WAIT])
		return wait_for_verdict(cli, run_id, timeout_s, err);
	if (cli->output == OUTPUT_JSON)
		output_json(answer);
	else
		printf("queued scan run_id=%.12s package=%s version=%s\n"
		       "follow with: fangs run show %.12s\n",
		       run_id, args->values[OPT_PACKAGE], args->values[OPT_VERSION], run_id);
	return EXIT_CODE_OK;
}

const struct command command_scan_submit = {
        .noun = "scan",
        .verb = "submit",
        .operands = "",
        .summary = "Scan one release now",
        .options = options,
        .option_count = sizeof(options) / sizeof(options[0]),
        .run = submit,
};
