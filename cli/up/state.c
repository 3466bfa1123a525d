// SPDX-License-Identifier: Apache-2.0
#include "up/state.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "up/files.h"
#include "json/json_writer.h"

enum { STATE_MAX_BYTES = 64 * 1024 };

char *up_default_data_dir(void)
{
	const char *given = getenv("FANGS_DATA_DIR");
	const char *state_home = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	if (given && *given)
		return xstrdup(given);
	if (geteuid() == 0)
		return xstrdup("/var/lib/fangs");
	if (state_home && *state_home)
		return xasprintf("%s/fangs", state_home);
	return xasprintf("%s/.local/state/fangs", home ? home : "");
}

static char *state_path(const char *data_dir)
{
	return xasprintf("%s/up.json", data_dir);
}

static void write_services(struct json_writer *w, const struct supervisor *supervisor)
{
	json_member(w, "services");
	json_array(w);
	for (size_t i = 0; i < supervisor->count; i++) {
		const struct child *child = &supervisor->children[i];
		json_object(w);
		json_member_string(w, "service", child->name);
		json_member_string(w, "state", child_state_name(child->state));
		json_member_int(w, "pid", child->pid > 0 ? child->pid : 0);
		json_member_int(w, "restarts", child->restarts);
		json_end_object(w);
	}
	json_end_array(w);
}

int up_state_write(const char *data_dir, const struct up_state *state, struct error *err)
{
	AUTO(buf) struct buf text;
	buf_init(&text, STATE_MAX_BYTES);
	struct json_writer w = json_writer_on(&text);
	json_object(&w);
	json_member_int(&w, "pid", getpid());
	json_member_string(&w, "gateway_url", state->gateway_url);
	json_member_string(&w, "database_url", state->database_url);
	json_member_string(&w, "bus", state->bus);
	write_services(&w, state->supervisor);
	json_end_object(&w);
	AUTO(free) char *path = state_path(data_dir);
	return file_write_atomically(path, text.data, 0600, err);
}

void up_state_remove(const char *data_dir)
{
	AUTO(free) char *path = state_path(data_dir);
	(void)unlink(path);
}

struct json *up_state_read(const char *data_dir)
{
	AUTO(free) char *path = state_path(data_dir);
	AUTO(free) char *text = file_read_small(path, NULL);
	if (!text)
		return NULL;
	struct json *state = json_parse(view_of_string(text), true, NULL);
	int64_t pid = json_int(json_get(state, "pid"), 0);
	if (pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM))
		return state;
	json_free(state);
	return NULL;
}
