// SPDX-License-Identifier: Apache-2.0
/*
 * The rules on any bytes. The first byte says what the rest is; a path ends at a newline, and what
 * is behind it is another one. No fault; values that are fit for storing, equal for equal events,
 * and of paths: the same again when they are normalized again, and different for different paths
 * but in the places that are known.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "fingerprint.h"
#include "places.h"
#include "seq_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KIND_MANAGER = 0x80, KIND_WRITES = 0x40 };

static struct fingerprinter fingerprinter;
static struct filter *filter;
static const struct view root = {"/tmp/test", sizeof("/tmp/test") - 1};

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* Owned by the caller; NULL: no fingerprint. */
static char *value_of(const struct event *event)
{
	struct fingerprint found;
	struct event_context context = {.actor = event->process.actor, .root = root};
	if (!fingerprint_of(&fingerprinter, event, &context, filter, NULL, &found))
		return NULL;
	check(found.value.size > 0 && found.value.size <= FINGERPRINT_VALUE_MAX);
	check(found.compatible.size <= FINGERPRINT_VALUE_MAX);
	check(utf8_is_valid(found.value) && !memchr(found.value.data, 0, found.value.size));
	return view_dup(found.value);
}

static void check_event(const struct event *event)
{
	AUTO(free) char *first = value_of(event), *second = value_of(event);
	check((first == NULL) == (second == NULL));
	check(!first || strcmp(first, second) == 0);
}

/* Where values of several paths are one: ids of processes, and the folders of packages for what
 * npm unpacks and what is read of them. Bytes that cannot be stored are replaced. */
static bool may_merge(const struct event *event)
{
	struct package_path place;
	struct view path = event->file.path;
	bool reads = !(event->file.flags & O_WRONLY);
	return view_starts_with(path, VIEW_LITERAL("/proc/")) || !utf8_is_valid(path) ||
	       memchr(path.data, 0, path.size) ||
	       ((reads || event->process.actor == ACTOR_MANAGER) && place_of_package(path, &place));
}

static void check_paths(struct event *event, struct view paths)
{
	struct view first = view_split(&paths, '\n'), second = paths;
	if (first.size == 0 || second.size == 0)
		return;
	event->file.path = first;
	bool merges = may_merge(event) || first.data[0] != '/' || second.data[0] != '/';
	AUTO(free) char *a = value_of(event);
	event->file.path = second;
	merges = merges || may_merge(event);
	AUTO(free) char *b = value_of(event);
	check(!a || !b || merges || view_equal(first, second) || strcmp(a, b) != 0);
	if (!a || merges)
		return;
	event->file.path = view_of_string(a);
	AUTO(free) char *again = value_of(event);
	check(again && strcmp(a, again) == 0);
}

static void check_seqs(struct view text)
{
	struct seq_set set = {0};
	AUTO(buf) struct buf out;
	buf_init(&out, (size_t)SEQ_SET_MAX * 48);
	if (seq_set_parse(&set, text, NULL) == 0)
		seq_set_format(&set, &out);
	seq_set_release(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!filter) {
		filter = filter_create();
		check(fingerprinter_init(&fingerprinter, NULL) == 0);
	}
	if (size == 0 || size > EVENT_TEXT_MAX)
		return 0;
	struct view text = view_of(data + 1, size - 1);
	struct event event = {.type = (enum event_type)(data[0] % EVENT_TYPE_COUNT)};
	event.process.actor = data[0] & KIND_MANAGER ? ACTOR_MANAGER : ACTOR_PACKAGE;
	event.process.start_ns = 1;
	if (event.type == EVENT_FILE)
		event.file.path = text;
	else if (event.type == EVENT_EXEC)
		event.exec.path = text;
	else if (event.type == EVENT_CONNECT)
		event.connect.interface = text;
	else if (event.type == EVENT_DNS)
		event.dns.name = text;
	else if (event.type == EVENT_TLS)
		event.tls.sni = text;
	check_event(&event);
	event.type = EVENT_FILE;
	event.file = (struct event_file){.flags = data[0] & KIND_WRITES ? O_WRONLY : O_RDONLY};
	check_paths(&event, text);
	check_seqs(text);
	return 0;
}
