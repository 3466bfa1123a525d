// SPDX-License-Identifier: Apache-2.0
/* A Discord embed. */
#include "base/cleanup.h"
#include "model/severity.h"
#include "render.h"
#include "text.h"
#include "json/json_writer.h"

enum {
	TITLE_MAX = 250, /* Discord: 256 characters */
	TEXT_MAX = 16 * 1024,
	FIELDS_SHOWN_MAX = 12,
	VALUE_MAX = 100,
	COLOUR_CRIT = 0xE3635D,
	COLOUR_WARN = 0xD3A851,
	COLOUR_INFO = 0x6DA3D8,
	COLOUR_UNKNOWN = 0x808080,
};

static int64_t colour_of(const char *severity_text)
{
	static const int64_t colours[] = {
	        [SEVERITY_INFO] = COLOUR_INFO,
	        [SEVERITY_WARN] = COLOUR_WARN,
	        [SEVERITY_CRIT] = COLOUR_CRIT,
	};
	enum severity severity;

	return severity_parse(severity_text, &severity) ? colours[severity] : COLOUR_UNKNOWN;
}

static void put_field(struct json_writer *w, const char *name, const char *value)
{
	json_object(w);
	json_member_bool(w, "inline", false);
	json_member_string(w, "name", name);
	json_member_string(w, "value", value);
	json_end_object(w);
}

static void put_finding(struct json_writer *w, const struct finding *finding)
{
	AUTO(buf) struct buf name, value;

	buf_init(&name, TEXT_MAX);
	buf_init(&value, TEXT_MAX);
	text_append(&name, view_of_string(finding->severity), VALUE_MAX, TEXT_PLAIN);
	buf_append_string(&name, " · ");
	text_append(&name, view_of_string(finding->category), VALUE_MAX, TEXT_PLAIN);
	buf_append_char(&value, '`');
	text_append(&value, view_of_string(finding->value), VALUE_MAX, TEXT_CODE);
	buf_append_char(&value, '`');
	put_field(w, name.data, value.data);
}

static void put_fields(struct json_writer *w, const struct notice *notice)
{
	size_t shown = 0;

	json_member(w, "fields");
	json_array(w);
	for (; shown < notice->finding_count && shown < FIELDS_SHOWN_MAX; shown++)
		put_finding(w, &notice->findings[shown]);
	if (shown < notice->finding_count) {
		AUTO(buf) struct buf rest;
		buf_init(&rest, TEXT_MAX);
		buf_printf(&rest, "and %zu more", notice->finding_count - shown);
		put_field(w, "…", rest.data);
	}
	json_end_array(w);
}

static void put_title(struct json_writer *w, const struct notice *notice)
{
	AUTO(buf) struct buf whole, title;

	buf_init(&whole, TEXT_MAX);
	buf_init(&title, TEXT_MAX);
	buf_printf(&whole, "FANGS deviation: %s@%s", notice->package, notice->version);
	text_append(&title, buf_view(&whole), TITLE_MAX, TEXT_PLAIN);
	json_member_view(w, "title", buf_view(&title));
}

static void put_description(struct json_writer *w, const struct notice *notice)
{
	AUTO(buf) struct buf text;

	buf_init(&text, TEXT_MAX);
	buf_printf(&text, "**%zu %s** (max severity: **%s**)\nRun `%.*s`", notice->finding_count,
	           findings_word(notice), notice->max_severity, VIEW_ARG(short_run_id(notice)));
	json_member_view(w, "description", buf_view(&text));
}

void render_discord(const struct notice *notice, struct buf *out)
{
	struct json_writer w = json_writer_on(out);

	json_object(&w);
	json_member(&w, "embeds");
	json_array(&w);
	json_object(&w);
	json_member_int(&w, "color", colour_of(notice->max_severity));
	put_description(&w, notice);
	put_fields(&w, notice);
	put_title(&w, notice);
	json_end_object(&w);
	json_end_array(&w);
	json_member_string(&w, "username", "FANGS");
	json_end_object(&w);
}
