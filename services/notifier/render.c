// SPDX-License-Identifier: Apache-2.0
#include "render.h"

#include <string.h>

#include "base/utf8.h"
#include "json/json_writer.h"

static const struct template templates[] = {
        {"generic", true, render_generic},
        {"slack", false, render_slack},
        {"discord", false, render_discord},
};

const struct template *template_find(const char *name)
{
	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
		if (strcmp(templates[i].name, name) == 0)
			return &templates[i];
	return NULL;
}

const char *findings_word(const struct notice *notice)
{
	return notice->finding_count == 1 ? "finding" : "findings";
}

struct view short_run_id(const struct notice *notice)
{
	enum { SHORT_SIZE = 12 };
	return utf8_prefix(view_of_string(notice->run_id), SHORT_SIZE);
}

static void put_finding(struct json_writer *w, const struct finding *finding)
{
	json_object(w);
	json_member_string(w, "id", finding->id);
	json_member_string(w, "category", finding->category);
	json_member_string(w, "value", finding->value);
	json_member_string(w, "severity", finding->severity);
	json_member_int(w, "evidence_event_id", finding->evidence_event_id);
	json_end_object(w);
}

void render_generic(const struct notice *notice, struct buf *out)
{
	struct json_writer w = json_writer_on(out);

	json_object(&w);
	json_member_string(&w, "source", "fangs-orchestrator"); /* receivers know it by this name */
	json_member_string(&w, "schema_version", "v1");
	json_member_string(&w, "run_id", notice->run_id);
	json_member_string(&w, "package_name", notice->package);
	json_member_string(&w, "version", notice->version);
	json_member_string(&w, "state", notice->state);
	json_member_bool(&w, "is_baseline", notice->is_baseline);
	json_member_string(&w, "max_severity", notice->max_severity);
	json_member(&w, "deviations");
	json_array(&w);
	for (size_t i = 0; i < notice->finding_count; i++)
		put_finding(&w, &notice->findings[i]);
	json_end_array(&w);
	json_member_int(&w, "deviation_count", (int64_t)notice->finding_count);
	json_end_object(&w);
}
