// SPDX-License-Identifier: Apache-2.0
/* What a deviation weighs for what its run has done before, and whose doing it was, on a real
 * database: needs FANGS_TEST_DB_URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "differ_expect.h"

static const char severities[] =
        "SELECT string_agg(concat_ws(' ', value, severity), E'\n' ORDER BY value COLLATE \"C\")"
        " FROM deviations";

static void a_credential_makes_earlier_connections_worse(void **state)
{
	struct differ_fixture *f = *state;
	struct event npmrc = differ_fixture_read("/root/.npmrc");
	(void)differ_fixture_short_run(f, "1.0.0", differ_fixture_read("/a"));
	differ_fixture_drain(f);
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	differ_fixture_give(f, &run, 1, differ_fixture_connect("c2.test", 9, 443, ACTOR_PACKAGE));
	differ_expect_text(f, severities, "c2.test:443 warn");
	differ_fixture_give(f, &run, 2, npmrc);
	differ_expect_text(f, severities, "/root/.npmrc crit\nc2.test:443 crit");
	differ_fixture_give(f, &run, 3, npmrc); /* again: nothing more to say */
	differ_fixture_stop(f);
	differ_fixture_start(f);
	differ_fixture_give(
	        f, &run, 4,
	        differ_fixture_connect("c3.test", 9, 443, ACTOR_PACKAGE)); /* remembered */
	differ_expect_text(f, severities, "/root/.npmrc crit\nc2.test:443 crit\nc3.test:443 crit");
	differ_expect_text(
	        f, "SELECT reason FROM deviations WHERE value = 'c2.test:443'",
	        "code of a package connected to 'c2.test:443', which no accepted run of "
	        "left-pad has done before, and its tree of processes has read a credential");
	differ_expect_text(
	        f,
	        "SELECT string_agg(value ->> 'severity', ' ' ORDER BY id) FROM (SELECT id,"
	        " convert_from(value, 'UTF8')::jsonb AS value FROM outbox) AS messages"
	        " WHERE value ->> 'type' = 'deviation'",
	        "warn crit crit crit");
}

static void what_was_dropped_and_executed_is_crit(void **state)
{
	struct differ_fixture *f = *state;
	(void)differ_fixture_short_run(f, "1.0.0", differ_fixture_exec("/bin/true", ACTOR_PACKAGE));
	differ_fixture_drain(f);
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	struct event python = differ_fixture_exec("/usr/bin/python3", ACTOR_PACKAGE);
	python.exec.argc = 2;
	python.exec.argv[0] = VIEW_LITERAL("python3");
	python.exec.argv[1] = VIEW_LITERAL("/tmp/ld.py");
	differ_fixture_give(f, &run, 1, differ_fixture_exec("/tmp/x-12345", ACTOR_PACKAGE));
	differ_fixture_give(f, &run, 2,
	                    differ_fixture_open("/tmp/x-12346", O_WRONLY, ACTOR_PACKAGE));
	differ_expect_text(f, severities, "/tmp/x-12345 warn\n/tmp/x-12346 info");
	differ_fixture_give(f, &run, 3, differ_fixture_exec("/tmp/x-12346", ACTOR_PACKAGE));
	differ_fixture_give(f, &run, 4, differ_fixture_open("/tmp/ld.py", O_WRONLY, ACTOR_PACKAGE));
	differ_fixture_give(f, &run, 5, python);
	differ_expect_text(
	        f, severities,
	        "/tmp/ld.py crit\n/tmp/x-12345 warn\n/tmp/x-12346 crit\n/tmp/x-12346 crit\n"
	        "/usr/bin/python3 crit");
	differ_expect_text(f, "SELECT command FROM deviations WHERE value = '/usr/bin/python3'",
	                   "python3 /tmp/ld.py");
}

static void the_first_code_is_crit(void **state)
{
	struct differ_fixture *f = *state;
	(void)differ_fixture_short_run(f, "1.0.0", differ_fixture_read("/a"));
	differ_fixture_drain(f);
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	differ_fixture_give(f, &run, 1, differ_fixture_exec("/bin/npm", ACTOR_MANAGER));
	differ_fixture_give(f, &run, 2, differ_fixture_exec("/bin/sh", ACTOR_PACKAGE));
	differ_fixture_give(f, &run, 3, differ_fixture_exec("/bin/node", ACTOR_PACKAGE));
	differ_expect_text(f, severities, "/bin/node crit\n/bin/npm warn\n/bin/sh crit");
	differ_expect_number(f,
	                     "SELECT count(*) FROM deviations WHERE reason LIKE"
	                     " '%, the first code that this installation has run,%'",
	                     2);
}

/* An existing runner whose lease ended: another one goes on, on another host. */
static void another_attempt_has_processes_of_its_own(void **state)
{
	struct differ_fixture *f = *state;
	(void)differ_fixture_short_run(f, "1.0.0", differ_fixture_read("/a"));
	differ_fixture_drain(f);
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	struct event npm = differ_fixture_exec("/usr/bin/node", ACTOR_UNKNOWN);
	npm.exec.argc = 2;
	npm.exec.argv[0] = VIEW_LITERAL("node");
	npm.exec.argv[1] = VIEW_LITERAL("/usr/bin/npm");
	npm.process.pid = 20;
	npm.process.ppid = 10;
	differ_fixture_give(f, &run, 1, npm);
	(void)db_fixture_number(f->db, "UPDATE runs SET attempt = 2");
	npm.process.pid = 40;
	npm.process.ppid = 30;
	npm.exec.argv[1] = VIEW_LITERAL("/usr/bin/npx");
	differ_fixture_batch(f, &run, 2, 1, &npm, 1);
	differ_fixture_drain(f);
	differ_expect_text(f,
	                   "SELECT string_agg(concat_ws(' ', value, actor), ';') FROM deviations",
	                   "/usr/bin/node manager");
}

static void the_registry_is_npms_own(void **state)
{
	struct differ_fixture *f = *state;
	struct run_id first = differ_fixture_run(f, "left-pad", "1.0.0");
	struct run_result ok = differ_fixture_ok(2);
	differ_fixture_give(f, &first, 1,
	                    differ_fixture_connect("registry.test", 1, 443, ACTOR_MANAGER));
	differ_fixture_give(f, &first, 2, differ_fixture_read("/a"));
	differ_fixture_result(f, &first, 1, &ok);
	differ_fixture_drain(f);
	struct run_id run = differ_fixture_run(f, "left-pad", "1.0.1");
	differ_fixture_give(f, &run, 1,
	                    differ_fixture_connect("registry.test", 7, 443, ACTOR_MANAGER));
	differ_fixture_give(f, &run, 2,
	                    differ_fixture_connect("registry.test", 8, 443, ACTOR_PACKAGE));
	differ_expect_text(f,
	                   "SELECT string_agg(concat_ws(' ', value, actor, severity), ';')"
	                   " FROM deviations",
	                   "registry.test:443 package crit");
}

static struct event to_content_network(const char *sni)
{
	struct event event = differ_fixture_connect("", 1, 443, ACTOR_PACKAGE);
	memcpy(event.connect.address, (uint8_t[]){104, 16, 0, 1}, 4);
	if (!sni)
		return event;
	struct event tls = differ_fixture_exec("", ACTOR_PACKAGE);
	tls.type = EVENT_TLS;
	tls.wire_type = EVENT_TLS;
	tls.tls = (struct event_tls){.sni = view_of_string(sni), .family = 2, .port = 443};
	memcpy(tls.tls.address, (uint8_t[]){104, 16, 0, 1}, 4);
	return tls;
}

static void content_networks_need_a_name(void **state)
{
	struct differ_fixture *f = *state;
	struct run_result ok = differ_fixture_ok(2);
	(void)differ_fixture_short_run(f, "1.0.0", differ_fixture_read("/a"));
	differ_fixture_drain(f);
	struct run_id named = differ_fixture_run(f, "left-pad", "1.0.1");
	differ_fixture_give(f, &named, 1, to_content_network(NULL));
	differ_fixture_stop(f);
	differ_fixture_start(f);
	differ_fixture_give(f, &named, 2, to_content_network("cdn.test"));
	differ_fixture_result(f, &named, 1, &ok);
	differ_fixture_drain(f);
	differ_expect_text(f, severities, "cdn.test warn");

	struct run_id nameless = differ_fixture_run(f, "left-pad", "1.0.2");
	differ_fixture_give(f, &nameless, 1, to_content_network(NULL));
	differ_expect_text(f, severities, "cdn.test warn");
	ok = differ_fixture_ok(1);
	differ_fixture_result(f, &nameless, 1, &ok);
	differ_fixture_drain(f);
	differ_expect_text(f, severities, "104.16.0.1:443 crit\ncdn.test warn");
	differ_expect_run(f, &nameless, "done|judged|deviates|t|f|");
}

int main(void)
{
	if (!db_fixture_available())
		return DB_FIXTURE_SKIP;
	const struct CMUnitTest tests[] = {
	        DIFFER_CASE(a_credential_makes_earlier_connections_worse),
	        DIFFER_CASE(what_was_dropped_and_executed_is_crit),
	        DIFFER_CASE(the_first_code_is_crit),
	        DIFFER_CASE(another_attempt_has_processes_of_its_own),
	        DIFFER_CASE(the_registry_is_npms_own),
	        DIFFER_CASE(content_networks_need_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
