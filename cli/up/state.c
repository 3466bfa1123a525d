// SPDX-License-Identifier: Apache-2.0
#include "up/state.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "up/files.h"
#include "json/json_writer.h"

enum { STATE_MAX_BYTES = 64 * 1024 };

static char *runtime_dir(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	const char *home = getenv("HOME");
	if (geteuid() == 0)
		return xstrdup("/run/fangs");
	if (runtime && *runtime)
		return xasprintf("%s/fangs", runtime);
	return xasprintf("%s/.cache/fangs/run", home ? home : "");
}

/* "http://127.0.0.1:8443" is "127.0.0.1_8443.json"; localhost is the same gateway. */
static char *state_path(const char *gateway_url)
{
	static const char plain[] =
	        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	const char *scheme_end = strstr(gateway_url, "://");
	const char *address = scheme_end ? scheme_end + 3 : gateway_url;
	bool by_name = strncmp(address, "localhost:", strlen("localhost:")) == 0;
	AUTO(free) char *dir = runtime_dir();
	char *path = xasprintf("%s/%s%s.json", dir, by_name ? "127.0.0.1" : "",
	                       by_name ? strchr(address, ':') : address);
	for (char *at = path + strlen(dir) + 1; *at; at++)
		if (!strchr(plain, *at))
			*at = '_';
	return path;
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

int up_state_write(const struct up_state *state, struct error *err)
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
	AUTO(free) char *dir = runtime_dir();
	AUTO(free) char *path = state_path(state->gateway_url);
	int ret = directory_create(dir, 0700, err);
	return ret < 0 ? ret : file_write_atomically(path, text.data, 0600, err);
}

void up_state_remove(const char *gateway_url)
{
	AUTO(free) char *path = state_path(gateway_url);
	(void)unlink(path);
}

struct json *up_state_read(const char *gateway_url)
{
	AUTO(free) char *path = state_path(gateway_url);
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
