// SPDX-License-Identifier: Apache-2.0
/* The rules on any bytes: no fault, results that are fit for storing, and equal for equal input. */
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "fingerprint.h"
#include "seq_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_event(struct fingerprinter *fingerprinter, const struct filter *filter,
                        const struct event *event)
{
	struct fingerprint first, second;
	struct event_context context = {.actor = event->process.actor,
	                                .root = VIEW_LITERAL("/tmp/test")};
	if (!fingerprint_of(fingerprinter, event, &context, filter, NULL, &first))
		return;
	check(first.value.size > 0 && first.value.size <= FINGERPRINT_VALUE_MAX);
	check(first.compatible.size <= FINGERPRINT_VALUE_MAX);
	check(utf8_is_valid(first.value) && !memchr(first.value.data, 0, first.value.size));
	AUTO(free) char *value = view_dup(first.value);
	check(fingerprint_of(fingerprinter, event, &context, filter, NULL, &second));
	check(view_is(second.value, value));
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
	static struct fingerprinter fingerprinter;
	static struct filter *filter;
	if (!filter) {
		filter = filter_create();
		check(fingerprinter_init(&fingerprinter, NULL) == 0);
	}
	if (size == 0 || size > EVENT_TEXT_MAX)
		return 0;
	struct view text = view_of(data + 1, size - 1);
	struct event event = {.type = (enum event_type)(data[0] % EVENT_TYPE_COUNT)};
	event.process.actor = data[0] & 0x80 ? ACTOR_MANAGER : ACTOR_PACKAGE;
	if (event.type == EVENT_FILE)
		event.file.path = text;
	else if (event.type == EVENT_EXEC)
		event.exec.path = text;
	else if (event.type == EVENT_DNS)
		event.dns.name = text;
	else if (event.type == EVENT_TLS)
		event.tls.sni = text;
	check_event(&fingerprinter, filter, &event);
	check_seqs(text);
	return 0;
}
