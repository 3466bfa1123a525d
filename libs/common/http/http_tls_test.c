// SPDX-License-Identifier: Apache-2.0
/* Client and server together over TLS, with certificates made for the test by openssl(1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/http_client.h"
#include "http/http_server.h"

enum { PATH_MAX_BYTES = 64, ANSWER_MAX = 1024, TIMEOUT_MS = 10000, STOP_MS = 1000 };

static char folder[] = "/tmp/fangs-tls-test-XXXXXX";

/* A file in the test's folder; valid until the eighth call after it. */
static const char *in_folder(const char *name)
{
	static char paths[8][PATH_MAX_BYTES];
	static size_t next;
	char *path = paths[next++ % 8];
	(void)snprintf(path, PATH_MAX_BYTES, "%s/%s", folder, name);
	return path;
}

static void run_openssl(const char *const *args)
{
	posix_spawn_file_actions_t quiet;
	pid_t pid = 0;
	int status = -1;
	char *argv[32] = {(char *)"openssl"};
	for (size_t i = 0; args[i]; i++)
		argv[i + 1] = (char *)args[i];
	assert_int_equal(posix_spawn_file_actions_init(&quiet), 0);
	assert_int_equal(posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", 1, 0),
	                 0);
	assert_int_equal(posix_spawnp(&pid, "openssl", &quiet, NULL, argv, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)posix_spawn_file_actions_destroy(&quiet);
}

#define NEW_KEY                                                                                    \
	"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"

/* A certificate authority, and one certificate of it for each side. */
static int make_certificates(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	run_openssl((const char *[]){NEW_KEY, "-subj", "/CN=ca", "-keyout", in_folder("ca.key"),
	                             "-out", in_folder("ca.pem"), NULL});
	run_openssl((const char *[]){
	        NEW_KEY, "-subj", "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1", "-addext",
	        "basicConstraints=CA:FALSE", "-CA", in_folder("ca.pem"), "-CAkey",
	        in_folder("ca.key"), "-keyout", in_folder("server.key"), "-out",
	        in_folder("server.pem"), NULL});
	run_openssl((const char *[]){
	        NEW_KEY, "-subj", "/CN=runner-1", "-addext", "extendedKeyUsage=clientAuth",
	        "-addext", "basicConstraints=CA:FALSE", "-CA", in_folder("ca.pem"), "-CAkey",
	        in_folder("ca.key"), "-keyout", in_folder("client.key"), "-out",
	        in_folder("client.pem"), NULL});
	return 0;
}

static int remove_certificates(void **state)
{
	(void)state;
	static const char *const names[] = {"ca.key",     "ca.pem",     "server.key",
	                                    "server.pem", "client.key", "client.pem"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(in_folder(names[i]));
	return rmdir(folder);
}

static void get_name(void *ctx, struct http_request *request)
{
	(void)ctx;
	const char *name = http_request_tls_name(request);
	http_reply(request, 200, "text/plain", view_of_string(name ? name : "nobody"));
}

static void on_gone(void *ctx, struct http_stream *stream)
{
	(void)ctx;
	(void)stream;
}

/* Says the name, too, but as a stream. */
static void stream_name(void *ctx, struct http_request *request)
{
	char name[PATH_MAX_BYTES];
	const struct http_stream_options options = {"text/plain", ANSWER_MAX, on_gone, ctx};
	(void)snprintf(name, sizeof(name), "%s", http_request_tls_name(request));
	struct http_stream *stream = http_reply_stream(request, &options);
	for (const char *c = name; *c; c++) {
		sched_yield();
		assert_true(http_stream_send(stream, view_of(c, 1)));
	}
	assert_true(http_stream_close(stream));
}

static const struct http_route routes[] = {
        {.method = "GET", .pattern = "/name", .handler = get_name},
        {.method = "GET", .pattern = "/stream", .handler = stream_name}};

static struct http_server *start_server(bool wants_client, struct error *err)
{
	const struct http_server_options options = {
	        .listen = "127.0.0.1:0",
	        .routes = routes,
	        .route_count = 2,
	        .workers = 1,
	        .tls_cert_file = in_folder("server.pem"),
	        .tls_key_file = in_folder("server.key"),
	        .tls_client_ca_file = wants_client ? in_folder("ca.pem") : NULL,
	};
	return http_server_start(&options, err);
}

/* Asks a fresh server for the name it sees; the status and the name, or the error's code. */
static int ask(const char *path, bool server_wants_client,
               const struct http_client_options *options, char *name, struct error *err)
{
	struct http_answer answer;
	char url[PATH_MAX_BYTES];
	struct http_server *server = start_server(server_wants_client, err);
	assert_non_null(server);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d%s", http_server_port(server), path);
	struct http_client *client = http_client_create(options, err);
	assert_non_null(client);
	const struct http_call call = {.method = "GET",
	                               .url = url,
	                               .timeout_ms = TIMEOUT_MS,
	                               .answer_max_bytes = ANSWER_MAX};
	int rc = http_client_call(client, &call, &answer, err);
	int status = rc < 0 ? rc : (int)answer.status;
	(void)snprintf(name, PATH_MAX_BYTES, "%s", answer.body.data);
	http_answer_release(&answer);
	http_client_destroy(client);
	http_server_stop(server, STOP_MS);
	http_server_destroy(server);
	return status;
}

static int ask_name(bool server_wants_client, const struct http_client_options *options, char *name,
                    struct error *err)
{
	return ask("/name", server_wants_client, options, name, err);
}

static void known_authority_is_trusted(void **state)
{
	(void)state;
	struct error err = {0};
	char name[PATH_MAX_BYTES];
	const struct http_client_options options = {.tls_ca_file = in_folder("ca.pem")};
	assert_int_equal(ask_name(false, &options, name, &err), 200);
	assert_string_equal(name, "nobody");
}

static void unknown_authority_is_refused(void **state)
{
	(void)state;
	struct error err = {0};
	char name[PATH_MAX_BYTES];
	const struct http_client_options options = {0};
	assert_true(ask_name(false, &options, name, &err) < 0);
	assert_int_equal(err.class, ERROR_RETRY);
	assert_non_null(strstr(err.text, "certificate"));
}

static void client_shows_its_certificate(void **state)
{
	(void)state;
	struct error err = {0};
	char name[PATH_MAX_BYTES];
	const struct http_client_options options = {.tls_ca_file = in_folder("ca.pem"),
	                                            .tls_cert_file = in_folder("client.pem"),
	                                            .tls_key_file = in_folder("client.key")};
	assert_int_equal(ask_name(true, &options, name, &err), 200);
	assert_string_equal(name, "runner-1");
}

static void client_without_certificate_is_refused(void **state)
{
	(void)state;
	struct error err = {0};
	char name[PATH_MAX_BYTES];
	const struct http_client_options options = {.tls_ca_file = in_folder("ca.pem")};
	assert_int_equal(ask_name(true, &options, name, &err), 403);
	assert_string_not_equal(name, "nobody");
}

static void streams_are_encrypted_too(void **state)
{
	(void)state;
	struct error err = {0};
	char name[PATH_MAX_BYTES];
	const struct http_client_options options = {.tls_ca_file = in_folder("ca.pem"),
	                                            .tls_cert_file = in_folder("client.pem"),
	                                            .tls_key_file = in_folder("client.key")};
	assert_int_equal(ask("/stream", true, &options, name, &err), 200);
	assert_string_equal(name, "runner-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(known_authority_is_trusted),
	        cmocka_unit_test(unknown_authority_is_refused),
	        cmocka_unit_test(client_shows_its_certificate),
	        cmocka_unit_test(client_without_certificate_is_refused),
	        cmocka_unit_test(streams_are_encrypted_too),
	};
	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
