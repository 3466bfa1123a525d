// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/event_wire.h"
#include "model/model_fixture.h"

enum { JSON_MAX = 1024 * 1024 };

static void assert_row(const struct event *event, const char *expected)
{
	AUTO(buf) struct buf out;
	buf_init(&out, JSON_MAX);
	event_write_row_json(&out, event);
	assert_string_equal(out.data, expected);
}

#define HEADER(type)                                                                               \
	"{\"Header\":{\"TsNs\":9007199254740993,\"CgroupID\":18446744073709551615,\"PID\":310,"    \
	"\"TID\":311,\"PPID\":300,\"UID\":1000,\"GID\":4294967295,\"Type\":" type ",\"Tags\":3}"
#define OURS "\"Actor\":\"package\",\"StartNs\":1234567,\"Package\":\"@scope/left-pad\""

static void rows_have_no_arrays_of_bytes(void **state)
{
	(void)state;
	static const char *const rows[MODEL_FIXTURE_EVENTS] = {
	        HEADER("1") ",\"DFD\":-100,\"Flags\":524288,\"PathLen\":21,\"Truncated\":1,"
	                    "\"PathName\":\"/root/.ssh/\\u003cid\\u003e\\u0026\\\"rsa\\\"\","
	                    "\"CommStr\":\"node\"," OURS ",\"Result\":-2}",
	        HEADER("2") ",\"Argc\":3,\"Ancestors\":[{\"PID\":300,\"PPID\":290,\"StartNs\":77},{"
	                    "\"PID\":290,"
	                    "\"PPID\":1}],\"BinaryPathStr\":\"/usr/bin/"
	                    "curl\",\"ArgvStrs\":[\"curl\","
	                    "\"-d\",\"a\xE2\x90\x80"
	                    "b\"],\"CommStr\":\"node\",\"AncestorComms\":[\"sh\",\"npm "
	                    "install\"]," OURS ",\"ArgvTruncated\":true}",
	        HEADER("3") ",\"Family\":10,\"Source\":2,\"DestPort\":31337,\"Sockfd\":21,"
	                    "\"DestIP\":\"2001:db8::1\",\"CommStr\":\"node\"," OURS
	                    ",\"Protocol\":17,\"Name\":\"evil.test\",\"Result\":-111}",
	        HEADER("4") ",\"Family\":2,\"DestPort\":53,\"QueryLen\":4,\"QName\":\"evil.test\","
	                    "\"QType\":1,\"DestIP\":\"8.8.8.8\",\"CommStr\":\"node\",\"ParseErr\":{"
	                    "}," OURS ",\"Response\":true,\"Answers\":\"192.0.2.1 TYPE16\"}",
	        HEADER("5") ",\"Source\":3,\"SniLen\":9,\"RawPayloadLen\":4,\"SNI\":\"evil.test\","
	                    "\"DuplicateOf\":\"libssl\",\"SourceName\":\"tcp_clienthello\","
	                    "\"CommStr\":\"node\",\"ParseErr\":{}," OURS
	                    ",\"Protocol\":\"quic\",\"Ech\":true,\"Tunnel\":\"hidden.test:443\","
	                    "\"DestIP\":\"192.0.2.1\","
	                    "\"DestPort\":443}",
	};
	for (size_t i = 0; i < MODEL_FIXTURE_EVENTS; i++)
		assert_row(&model_fixture_events[i], rows[i]);
}

static void another_interface_has_no_address(void **state)
{
	(void)state;
	const struct event event = {
	        .type = EVENT_CONNECT,
	        .wire_type = EVENT_CONNECT,
	        .connect = {.family = 2, .interface = {"raw:1", 5}, .result = 1}};
	assert_row(&event, "{\"Header\":{\"TsNs\":0,\"CgroupID\":0,\"PID\":0,\"TID\":0,\"PPID\":0,"
	                   "\"UID\":0,\"GID\":0,\"Type\":3,\"Tags\":0},\"Family\":2,\"Source\":0,"
	                   "\"DestPort\":0,\"Sockfd\":0,\"DestIP\":\"\",\"CommStr\":\"\","
	                   "\"Interface\":\"raw:1\",\"Result\":1}");
}

static void text_is_what_jsonb_can_hold(void **state)
{
	(void)state;
	const struct event event = {
	        .type = EVENT_DNS, .wire_type = EVENT_DNS, .dns = {.name = {"a\0\xFFz", 4}}};
	AUTO(buf) struct buf out;
	buf_init(&out, JSON_MAX);
	event_write_row_json(&out, &event);
	assert_non_null(strstr(out.data, "\"QName\":\"a\xE2\x90\x80\xEF\xBF\xBDz\""));
}

static void unknown_payloads_become_what_jsonb_can_hold(void **state)
{
	(void)state;
	static const struct {
		const char *payload, *row;
	} cases[] = {
	        {"null", "null"},
	        {" { \"b\" : [ 1 , true , null , {} , [] ] , \"a\" : \"x\" } ",
	         "{\"b\":[1,true,null,{},[]],\"a\":\"x\"}"},
	        {"{\"\\u0000k\":\"\\u0000\\ud800\xFF\"}",
	         "{\"\xE2\x90\x80k\":\"\xE2\x90\x80\xEF\xBF\xBD\xEF\xBF\xBD\"}"},
	        {"[18446744073709551615,-0.5,1e3,1e999999]",
	         "[18446744073709551615,-0.5,1000,null]"},
	        {"", "null"},
	        {"{", "null"},
	        {"{}{}", "null"},
	        {"[1,]", "null"},
	        {"nul", "null"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct event event = {.type = EVENT_UNKNOWN,
		                            .wire_type = 9,
		                            .unknown = view_of_string(cases[i].payload)};
		assert_row(&event, cases[i].row);
	}
}

static void a_bad_payload_takes_back_only_itself(void **state)
{
	(void)state;
	const struct event event = {.type = EVENT_UNKNOWN, .unknown = {"[1,", 3}};
	AUTO(buf) struct buf out;
	buf_init(&out, JSON_MAX);
	buf_append_string(&out, "before ");
	event_write_row_json(&out, &event);
	assert_string_equal(out.data, "before null");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(another_interface_has_no_address),
	        cmocka_unit_test(rows_have_no_arrays_of_bytes),
	        cmocka_unit_test(text_is_what_jsonb_can_hold),
	        cmocka_unit_test(unknown_payloads_become_what_jsonb_can_hold),
	        cmocka_unit_test(a_bad_payload_takes_back_only_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
