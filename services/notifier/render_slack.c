// SPDX-License-Identifier: Apache-2.0
/* Slack's Block Kit. Slack refuses a whole message when one text is too long for its block. */
#include "base/cleanup.h"
#include "render.h"
#include "text.h"
#include "json/json_writer.h"

enum {
	HEADER_MAX = 147,   /* Slack: 150 characters; the ellipsis takes one */
	SECTION_MAX = 2900, /* Slack: 3,000; room for the line about the rest */
	TEXT_MAX = 64 * 1024,
	NAME_MAX_BYTES = 256,
	FINDINGS_SHOWN_MAX = 12,
	VALUE_MAX = 80,
};

static void write_headline(const struct notice *notice, enum text_style style, size_t max_bytes,
                           struct buf *out)
{
	AUTO(buf) struct buf line;

	buf_init(&line, TEXT_MAX);
	buf_printf(&line, "🚨 FANGS deviation: %s@%s — %zu %s (max: %s)", notice->package,
	           notice->version, notice->finding_count, findings_word(notice),
	           notice->max_severity);
	text_append(out, buf_view(&line), max_bytes, style);
}

static void put_header(struct json_writer *w, const struct notice *notice)
{
	AUTO(buf) struct buf text;

	buf_init(&text, TEXT_MAX);
	write_headline(notice, TEXT_PLAIN, HEADER_MAX, &text); /* plain_text has no entities */
	json_object(w);
	json_member(w, "text");
	json_object(w);
	json_member_bool(w, "emoji", true);
	json_member_view(w, "text", buf_view(&text));
	json_member_string(w, "type", "plain_text");
	json_end_object(w);
	json_member_string(w, "type", "header");
	json_end_object(w);
}

static void put_section(struct json_writer *w, const struct buf *text)
{
	json_object(w);
	json_member(w, "text");
	json_object(w);
	json_member_view(w, "text", buf_view(text));
	json_member_string(w, "type", "mrkdwn");
	json_end_object(w);
	json_member_string(w, "type", "section");
	json_end_object(w);
}

static void append_code(struct buf *out, struct view text, size_t max_bytes)
{
	buf_append_char(out, '`');
	text_append(out, text, max_bytes, TEXT_SLACK_CODE);
	buf_append_char(out, '`');
}

static void write_run(const struct notice *notice, struct buf *out)
{
	buf_append_string(out, "Run ");
	append_code(out, short_run_id(notice), NAME_MAX_BYTES);
	buf_append_string(out, " · package ");
	append_code(out, view_of_string(notice->package), NAME_MAX_BYTES);
	buf_append_string(out, " · version ");
	append_code(out, view_of_string(notice->version), NAME_MAX_BYTES);
}

static void write_finding(const struct finding *finding, struct buf *out)
{
	buf_append_string(out, "• *");
	text_append(out, view_of_string(finding->severity), VALUE_MAX, TEXT_SLACK);
	buf_append_string(out, "* ");
	append_code(out, view_of_string(finding->value), VALUE_MAX);
	buf_append_string(out, " — ");
	text_append(out, view_of_string(finding->category), VALUE_MAX, TEXT_SLACK);
}

/* Whole lines only; entities may make a line several times as long as its value. */
static void write_findings(const struct notice *notice, struct buf *out)
{
	size_t shown = 0;

	for (; shown < notice->finding_count && shown < FINDINGS_SHOWN_MAX; shown++) {
		AUTO(buf) struct buf line;
		buf_init(&line, TEXT_MAX);
		if (shown > 0)
			buf_append_char(&line, '\n');
		write_finding(&notice->findings[shown], &line);
		if (out->size + line.size > SECTION_MAX)
			break;
		buf_append_view(out, buf_view(&line));
	}
	if (shown < notice->finding_count)
		buf_printf(out, "\n_… and %zu more_", notice->finding_count - shown);
}

void render_slack(const struct notice *notice, struct buf *out)
{
	AUTO(buf) struct buf text;
	struct json_writer w = json_writer_on(out);

	buf_init(&text, TEXT_MAX);
	json_object(&w);
	json_member(&w, "blocks");
	json_array(&w);
	put_header(&w, notice);
	write_run(notice, &text);
	put_section(&w, &text);
	buf_reset(&text);
	write_findings(notice, &text);
	put_section(&w, &text);
	json_end_array(&w);
	buf_reset(&text);
	write_headline(notice, TEXT_SLACK, TEXT_MAX / 8, &text);
	json_member_view(&w, "text", buf_view(&text));
	json_end_object(&w);
}
