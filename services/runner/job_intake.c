// SPDX-License-Identifier: Apache-2.0
#include "job_intake.h"

#include "json/json.h"

static bool read_id(const struct json *value, struct run_id *ret)
{
	enum { BYTE_MAX = 255 };
	struct run_id id = {0};
	if (json_is_string(value))
		return run_id_parse(view_of_string(json_string(value, "")), ret);
	size_t i = 0;
	for (const struct json *item = json_first(value); item && i < RUN_ID_SIZE;
	     item = json_next(item)) {
		int64_t byte = json_int(item, -1);
		if (byte < 0 || byte > BYTE_MAX)
			return false;
		id.bytes[i++] = (uint8_t)byte;
	}
	if (i != RUN_ID_SIZE)
		return false;
	*ret = id;
	return true;
}

/* What is needed to answer "this job is bad", from a job that is. */
static void salvage_ids(struct view text, struct job *ret)
{
	*ret = (struct job){.kind = "", .package_name = "", .version = "", .cgroup_path = ""};
	AUTO(json) struct json *root = json_parse(text, false, NULL);
	const struct json *ours = json_get_ci(root, "fangs");
	(void)read_id(json_get_ci(root, "run_id"), &ret->run_id);
	if (!read_id(json_get_ci(ours, "run_id"), &ret->canonical_run_id))
		ret->canonical_run_id = ret->run_id;
	int64_t attempt = json_int(json_get_ci(ours, "attempt"), 1);
	ret->attempt = attempt > 0 && attempt <= UINT32_MAX ? (uint32_t)attempt : 1;
}

int job_intake_read(struct view text, struct arena *arena, struct job *ret, struct error *err)
{
	int r = job_read_json(text, arena, ret, err);
	if (r == 0)
		return 0;
	salvage_ids(text, ret);
	return error_wrap(err, "malformed job");
}
