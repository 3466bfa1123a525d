// SPDX-License-Identifier: Apache-2.0
/* Golden bodies: the first of each kind is what the existing system sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "render.h"
#include "text.h"
#include "json/json.h"

enum { BODY_MAX = 1 << 20 };

static const struct finding one_finding[] = {
        {"5cfd02c459710f601147b5c6409ad047", "net_new_https_host", "c2.example", "warn", 21}};
static const struct finding two_findings[] = {
        {"a", "fs_new_path_write", "/tmp/x0", "info", 1},
        {"b", "net_new_https_host", "evil<b>&.example", "warn", 2}};

static void check(const char *template, const struct notice *notice, const char *expected)
{
	AUTO(buf) struct buf body;

	buf_init(&body, BODY_MAX);
	template_find(template)->render(notice, &body);
	assert_false(body.overflowed);
	assert_string_equal(body.data, expected);
}

static void renders_generic(void **state)
{
	(void)state;
	struct notice notice = {
	        .run_id = "03030000000000000000000000000000",
	        .package = "splitpkg",
	        .version = "1.0.0",
	        .state = "done",
	        .is_baseline = true,
	        .max_severity = "",
	        .findings = one_finding,
	        .finding_count = 1,
	};
	check("generic", &notice,
	      "{\"source\":\"fangs-orchestrator\",\"schema_version\":\"v1\",\"run_id\":"
	      "\"03030000000000000000000000000000\",\"package_name\":\"splitpkg\",\"version\":"
	      "\"1.0.0\",\"state\":\"done\",\"is_baseline\":true,\"max_severity\":\"\","
	      "\"deviations\":"
	      "[{\"id\":\"5cfd02c459710f601147b5c6409ad047\",\"category\":\"net_new_https_host\","
	      "\"value\":\"c2.example\",\"severity\":\"warn\",\"evidence_event_id\":21}],"
	      "\"deviation_count\":1}");
}

static void renders_slack(void **state)
{
	(void)state;
	struct notice notice = {
	        .run_id = "02020000000000000000000000000000",
	        .package = "left-pad",
	        .version = "1.3.1",
	        .state = "done",
	        .max_severity = "",
	        .findings = two_findings,
	        .finding_count = 2,
	};
	/* As the existing system's, but for the entities in the value. */
	check("slack", &notice,
	      "{\"blocks\":[{\"text\":{\"emoji\":true,\"text\":\"🚨 FANGS deviation: left-pad@1.3.1 "
	      "— "
	      "2 findings (max: "
	      ")\",\"type\":\"plain_text\"},\"type\":\"header\"},{\"text\":{\"text\":"
	      "\"Run `020200000000` · package `left-pad` · version `1.3.1`\",\"type\":\"mrkdwn\"},"
	      "\"type\":\"section\"},{\"text\":{\"text\":\"• *info* `/tmp/x0` — "
	      "fs_new_path_write\\n"
	      "• *warn* `evil\\u0026lt;b\\u0026gt;\\u0026amp;.example` — net_new_https_host\","
	      "\"type\":\"mrkdwn\"},\"type\":\"section\"}],\"text\":\"🚨 FANGS deviation: "
	      "left-pad@1.3.1 — 2 findings (max: )\"}");
}

static void renders_discord(void **state)
{
	(void)state;
	struct notice notice = {
	        .run_id = "02020000000000000000000000000000",
	        .package = "left-pad",
	        .version = "1.3.1",
	        .state = "done",
	        .max_severity = "",
	        .findings = two_findings,
	        .finding_count = 1,
	};
	check("discord", &notice,
	      "{\"embeds\":[{\"color\":8421504,\"description\":\"**1 finding** (max severity: "
	      "****)\\n"
	      "Run `020200000000`\",\"fields\":[{\"inline\":false,\"name\":\"info · "
	      "fs_new_path_write\",\"value\":\"`/tmp/x0`\"}],\"title\":\"FANGS deviation: "
	      "left-pad@1.3.1\"}],\"username\":\"FANGS\"}");
}

static void colours_by_severity(void **state)
{
	static const struct {
		const char *severity, *colour;
	} cases[] = {{"crit", "\"color\":14902109,"},   {"warn", "\"color\":13871185,"},
	             {"info", "\"color\":7185368,"},    {"critical", "\"color\":14902109,"},
	             {"medium", "\"color\":13871185,"}, {"low", "\"color\":7185368,"},
	             {"nonsense", "\"color\":8421504,"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct notice notice = {.run_id = "0",
		                        .package = "p",
		                        .version = "1",
		                        .max_severity = cases[i].severity,
		                        .findings = one_finding,
		                        .finding_count = 1};
		AUTO(buf) struct buf body;
		buf_init(&body, BODY_MAX);
		render_discord(&notice, &body);
		assert_non_null(strstr(body.data, cases[i].colour));
	}
}

/* A notice with `count` findings that all have the same value. */
static struct notice many(size_t count, const char *value, struct finding findings[])
{
	for (size_t i = 0; i < count; i++)
		findings[i] = (struct finding){"i", "fs_new_path_read", value, "crit", 1};
	return (struct notice){.run_id = "02020000000000000000000000000000",
	                       .package = "p",
	                       .version = "1.0.0",
	                       .state = "done",
	                       .max_severity = "crit",
	                       .findings = findings,
	                       .finding_count = count};
}

static size_t occurrences(const char *text, const char *part)
{
	size_t count = 0;
	for (const char *at = strstr(text, part); at; at = strstr(at + strlen(part), part))
		count++;
	return count;
}

static void shows_twelve_and_counts_the_rest(void **state)
{
	static const struct {
		const char *template, *finding, *rest;
	} cases[] = {{"slack", "— fs_new_path_read", "\\n_… and 1 more_"},
	             {"discord", "crit · fs_new_path_read",
	              "{\"inline\":false,\"name\":\"…\",\"value\":\"and 1 more\"}"}};
	struct finding findings[13];
	struct notice notice = many(13, "/x", findings);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf body;
		buf_init(&body, BODY_MAX);
		template_find(cases[i].template)->render(&notice, &body);
		assert_int_equal(occurrences(body.data, cases[i].finding), 12);
		assert_int_equal(occurrences(body.data, cases[i].rest), 1);
	}
}

/* Every text of every block within Slack's limits, whatever the values are. */
static void keeps_slack_within_its_limits(void **state)
{
	enum { LONG = 4096, HEADER_MAX = 150, SECTION_MAX = 3000 };
	static char ampersands[LONG + 1];
	struct finding findings[12];

	(void)state;
	memset(ampersands, '&', LONG);
	struct notice notice = many(12, ampersands, findings);
	notice.package = notice.version = ampersands;
	AUTO(buf) struct buf body;
	buf_init(&body, BODY_MAX);
	render_slack(&notice, &body);

	struct error err = {0};
	AUTO(json) struct json *root = json_parse(buf_view(&body), true, &err);
	assert_non_null(root);
	const struct json *block = json_first(json_get(root, "blocks"));
	for (size_t i = 0; block; block = json_next(block), i++) {
		const char *text = json_string(json_get(json_get(block, "text"), "text"), NULL);
		assert_non_null(text);
		assert_true(strlen(text) <= (i == 0 ? (size_t)HEADER_MAX : (size_t)SECTION_MAX));
	}
	assert_non_null(strstr(body.data, " more_"));
}

static void cuts_and_escapes_text(void **state)
{
	static const struct {
		const char *text;
		size_t max;
		enum text_style style;
		const char *expected;
	} cases[] = {
	        {"plain", 5, TEXT_PLAIN, "plain"},
	        {"plain", 4, TEXT_PLAIN, "plai…"},
	        {"", 4, TEXT_PLAIN, ""},
	        {"aé", 2, TEXT_PLAIN, "a…"}, /* never half a character */
	        {"aé", 3, TEXT_PLAIN, "aé"},
	        {"a\xc3", 9, TEXT_PLAIN, "a\xEF\xBF\xBD"},
	        {"a\xff\xfe"
	         "b",
	         9, TEXT_PLAIN,
	         "a\xEF\xBF\xBD\xEF\xBF\xBD"
	         "b"},
	        {"a\nb\tc\x7f", 9, TEXT_PLAIN, "a b c "},
	        {"<!channel> & `x`", 99, TEXT_PLAIN, "<!channel> & `x`"},
	        {"<!channel> & `x`", 99, TEXT_CODE, "<!channel> & 'x'"},
	        {"<!channel> & `x`", 99, TEXT_SLACK, "&lt;!channel&gt; &amp; `x`"},
	        {"<!channel> & `x`", 99, TEXT_SLACK_CODE, "&lt;!channel&gt; &amp; 'x'"},
	        {"` <https://evil|click> `\n*bold*", 99, TEXT_SLACK_CODE,
	         "' &lt;https://evil|click&gt; ' *bold*"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf out;
		buf_init(&out, BODY_MAX);
		text_append(&out, view_of_string(cases[i].text), cases[i].max, cases[i].style);
		assert_string_equal(out.data, cases[i].expected);
	}
}

static void knows_its_templates(void **state)
{
	(void)state;
	assert_true(template_find("generic")->is_signed);
	assert_false(template_find("slack")->is_signed);
	assert_false(template_find("discord")->is_signed);
	assert_null(template_find("teams"));
	assert_null(template_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(renders_generic),
	        cmocka_unit_test(renders_slack),
	        cmocka_unit_test(renders_discord),
	        cmocka_unit_test(colours_by_severity),
	        cmocka_unit_test(shows_twelve_and_counts_the_rest),
	        cmocka_unit_test(keeps_slack_within_its_limits),
	        cmocka_unit_test(cuts_and_escapes_text),
	        cmocka_unit_test(knows_its_templates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
