// SPDX-License-Identifier: Apache-2.0
/* The parts of the Docker driver that need no daemon. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox_docker/docker_api.h"
#include "sandbox_docker/docker_container.h"
#include "sandbox_docker/docker_image.h"
#include "sandbox_docker/docker_payload.h"
#include "json/json.h"

enum { PAYLOAD_MAX = 1 << 20, WORKDIR_BYTES = 1 << 30 };

static const char *const no_words[] = {NULL};

static void the_api_version_suits_both_sides(void **state)
{
	static const struct {
		const char *newest, *oldest, *chosen;
	} cases[] = {
	        {"1.41", "1.12", "1.41"}, {"1.51", "1.24", "1.41"}, {"1.52", "1.44", "1.44"},
	        {"1.40", "1.12", "1.40"}, {"", "", "1.41"},         {"x", "y", "1.41"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char version[DOCKER_VERSION_TEXT_MAX];
		docker_api_choose_version(cases[i].newest, cases[i].oldest, version);
		assert_string_equal(version, cases[i].chosen);
	}
}

static void a_failure_inside_the_pull_stream_is_found(void **state)
{
	static const struct {
		const char *pieces[4];
		const char *failure;
	} cases[] = {
	        {{"{\"status\":\"Pulling\"}\r\n", "{\"status\":\"Done\"}\r\n"}, ""},
	        {{"{\"status\":\"Pulling\"}\r\n{\"err",
	          "or\":\"x\",\"errorDetail\":{\"message\":\"manifest unknown\"}}\r\n"},
	         "manifest unknown"},
	        {{"{\"error\":\"first\"}\n{\"error\":\"second\"}\n"}, "first"},
	        {{"{\"message\":\"no such host\"}"}, "no such host"},
	        {{"not json\n", "\n"}, ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pull_stream stream;
		pull_stream_init(&stream);
		for (const char *const *piece = cases[i].pieces; *piece; piece++)
			pull_stream_feed(&stream, view_of_string(*piece));
		pull_stream_end(&stream);
		assert_string_equal(stream.failure, cases[i].failure);
		pull_stream_release(&stream);
	}
}

struct fixture {
	struct run_id id;
	struct sandbox_spec spec;
	struct sandbox_request request;
	struct docker_payload payload;
	struct buf body;
};

static const char *scan_command[] = {"sh", "-c", "npm install axios@1.7.9 2>&1 | tail -3; sleep 2"};

static int setup(void **state)
{
	static struct fixture f;
	f = (struct fixture){0};
	assert_true(run_id_parse(VIEW_LITERAL("18b20000000000000000000000000001"), &f.id));
	f.spec = (struct sandbox_spec){
	        .image = "node:20-slim",
	        .command = scan_command,
	        .command_count = 3,
	        .user = "0:0",
	        .network_mode = "bridge",
	        .grace_period_ns = INT64_C(2000000000),
	};
	f.request = (struct sandbox_request){
	        .run_id = &f.id,
	        .spec = &f.spec,
	        .runner_id = "r1",
	        .npm_registry = "",
	        .workdir_bytes = WORKDIR_BYTES,
	};
	f.payload = (struct docker_payload){
	        .request = &f.request,
	        .image = "node@sha256:deadbeef",
	        .entrypoint = no_words,
	        .command = no_words,
	        .cgroup_parent = "/fangs/18b20000000000000000000000000001",
	};
	buf_init(&f.body, PAYLOAD_MAX);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	buf_release(&f->body);
	return 0;
}

static struct json *write_payload(struct fixture *f)
{
	struct error err = {0};
	buf_reset(&f->body);
	assert_int_equal(docker_payload_write(&f->body, &f->payload, &err), 0);
	struct json *root = json_parse(buf_view(&f->body), true, &err);
	assert_non_null(root);
	return root;
}

static void assert_words(const struct json *list, const char *const *words)
{
	const struct json *item = json_first(list);
	for (; *words; words++, item = json_next(item)) {
		assert_non_null(item);
		assert_string_equal(json_string(item, ""), *words);
	}
	assert_null(item);
}

static void every_limit_is_in_the_payload(void **state)
{
	AUTO(json) struct json *root = write_payload(*state);
	assert_string_equal(json_string(json_get(root, "Image"), ""), "node@sha256:deadbeef");
	assert_string_equal(json_string(json_get(root, "User"), ""), "0:0");
	const struct json *host = json_get(root, "HostConfig");
	assert_int_equal(json_int(json_get(host, "Memory"), 0), 536870912);
	assert_int_equal(json_int(json_get(host, "NanoCpus"), 0), 1000000000);
	assert_int_equal(json_int(json_get(host, "PidsLimit"), 0), 256);
	assert_string_equal(json_string(json_get(host, "NetworkMode"), ""), "bridge");
	assert_words(json_get(host, "CapDrop"), (const char *const[]){"ALL", NULL});
	assert_words(json_get(host, "SecurityOpt"),
	             (const char *const[]){"no-new-privileges:true", NULL});
	assert_string_equal(json_string(json_get(json_get(host, "RestartPolicy"), "Name"), ""),
	                    "no");
	assert_string_equal(json_string(json_get(host, "CgroupParent"), ""),
	                    "/fangs/18b20000000000000000000000000001");
	const struct json *tmpfs = json_get(host, "Tmpfs");
	assert_string_equal(json_string(json_get(tmpfs, "/tmp"), ""),
	                    "rw,nosuid,nodev,noexec,size=256m");
	assert_string_equal(json_string(json_get(tmpfs, "/tmp/test"), ""),
	                    "rw,nosuid,nodev,exec,size=1073741824");
	assert_string_equal(json_string(json_get(tmpfs, "/run"), ""), "rw,nosuid,nodev,size=16m");
	assert_int_equal(json_count(json_get(host, "Ulimits")), 3);
	assert_non_null(strstr(((struct fixture *)*state)->body.data,
	                       "{\"Name\":\"nofile\",\"Soft\":1024,\"Hard\":2048}"));
	assert_non_null(strstr(((struct fixture *)*state)->body.data,
	                       "{\"Name\":\"fsize\",\"Soft\":268435456,\"Hard\":268435456}"));
	const struct json *labels = json_get(root, "Labels");
	assert_string_equal(json_string(json_get(labels, "io.fangs.role"), ""), "sandbox");
	assert_string_equal(json_string(json_get(labels, "io.fangs.runner"), ""), "r1");
	assert_string_equal(json_string(json_get(labels, "io.fangs.run"), ""),
	                    "18b20000000000000000000000000001");
}

static void the_jobs_own_limits_win(void **state)
{
	struct fixture *f = *state;
	f->spec.memory_bytes = 1 << 20;
	f->spec.nano_cpus = 5;
	f->spec.pids_limit = 7;
	f->spec.user = "";
	f->spec.network_mode = "";
	AUTO(json) struct json *root = write_payload(f);
	const struct json *host = json_get(root, "HostConfig");
	assert_int_equal(json_int(json_get(host, "Memory"), 0), 1 << 20);
	assert_int_equal(json_int(json_get(host, "NanoCpus"), 0), 5);
	assert_int_equal(json_int(json_get(host, "PidsLimit"), 0), 7);
	assert_string_equal(json_string(json_get(host, "NetworkMode"), ""), "bridge");
	assert_string_equal(json_string(json_get(root, "User"), ""), "1000:1000");
}

static void init_runs_the_entrypoint_with_the_command(void **state)
{
	struct fixture *f = *state;
	static const char *const entrypoint[] = {"docker-entrypoint.sh", NULL};
	static const char *const command[] = {"node", NULL};
	f->payload.entrypoint = entrypoint;
	f->payload.command = command;
	AUTO(json) struct json *with = write_payload(f);
	assert_words(json_get(with, "Entrypoint"),
	             (const char *const[]){"/sbin/docker-init", "--grace-ms=2000", "--gate", "--",
	                                   NULL});
	assert_words(json_get(with, "Cmd"), (const char *const[]){"docker-entrypoint.sh", "sh",
	                                                          "-c", scan_command[2], NULL});
	f->spec.command_count = 0;
	AUTO(json) struct json *without = write_payload(f);
	assert_words(json_get(without, "Cmd"),
	             (const char *const[]){"docker-entrypoint.sh", "node", NULL});
}

static void nothing_to_run_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	f->spec.command_count = 0;
	assert_int_equal(docker_payload_write(&f->body, &f->payload, &err), -ENOENT);
	assert_int_equal(err.class, ERROR_DROP);
}

static void npm_is_quiet_unless_the_job_speaks(void **state)
{
	struct fixture *f = *state;
	AUTO(json) struct json *quiet = write_payload(f);
	assert_words(json_get(quiet, "Env"),
	             (const char *const[]){"npm_config_audit=false", "npm_config_fund=false",
	                                   "npm_config_update_notifier=false", NULL});
	static const char *env[] = {"A=b", "NPM_CONFIG_AUDIT=true"};
	f->spec.env = env;
	f->spec.env_count = 2;
	f->request.npm_registry = "http://172.17.0.1:4873/";
	AUTO(json) struct json *own = write_payload(f);
	assert_words(json_get(own, "Env"),
	             (const char *const[]){"A=b", "NPM_CONFIG_AUDIT=true", "npm_config_fund=false",
	                                   "npm_config_update_notifier=false",
	                                   "npm_config_registry=http://172.17.0.1:4873/", NULL});
}

static void a_missing_socket_says_what_to_do(void **state)
{
	(void)state;
	struct error err = {0};
	AUTO(docker_api)
	struct docker_api *api = docker_api_open("/nonexistent/docker.sock", "", NULL, &err);
	assert_non_null(api);
	const struct docker_call call = {.method = "GET", .path = "/version"};
	assert_true(docker_api_json(api, &call, 200, 0, NULL, &err) < 0);
	assert_int_equal(err.class, ERROR_RETRY);
	assert_non_null(strstr(err.text, "no Docker socket at '/nonexistent/docker.sock'"));
}

static void nothing(int signal_number)
{
	(void)signal_number;
}

/* The container runtime's process handles all signals until it executes the sandbox's init. */
static void the_signal_waits_for_init(void **state)
{
	enum { EXIT_CODE = 7, RUNTIME_US = 200000 };
	struct error err = {0};
	int status = 0;
	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct sigaction handled = {.sa_handler = nothing, .sa_flags = SA_RESTART};
		(void)sigaction(SIGUSR1, &handled, NULL);
		(void)usleep(RUNTIME_US);
		(void)execl(SANDBOX_INIT_FILE, "init", "--grace-ms=0", "--gate", "--", "sh", "-c",
		            "grep -q gate /proc/$PPID/comm || exit 7", (char *)NULL);
		_exit(EXIT_FAILURE);
	}
	assert_int_equal(docker_container_let_go(NULL, "", pid, &err), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_CODE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_api_version_suits_both_sides),
	        cmocka_unit_test(a_failure_inside_the_pull_stream_is_found),
	        cmocka_unit_test_setup_teardown(every_limit_is_in_the_payload, setup, teardown),
	        cmocka_unit_test_setup_teardown(the_jobs_own_limits_win, setup, teardown),
	        cmocka_unit_test_setup_teardown(init_runs_the_entrypoint_with_the_command, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(nothing_to_run_is_an_error, setup, teardown),
	        cmocka_unit_test_setup_teardown(npm_is_quiet_unless_the_job_speaks, setup,
	                                        teardown),
	        cmocka_unit_test(a_missing_socket_says_what_to_do),
	        cmocka_unit_test(the_signal_waits_for_init),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
