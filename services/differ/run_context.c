// SPDX-License-Identifier: Apache-2.0
#include "run_context.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "places.h"

enum { DNS_PORT = 53, ADDRESS_HEX = 32 };
enum { WRITE_FLAGS = O_WRONLY | O_RDWR | O_CREAT };

void run_context_release(struct run_context *context)
{
	process_table_release(&context->processes);
	free(context->root);
	free(context->waiting);
	*context = (struct run_context){0};
}

void run_context_begin_attempt(struct run_context *context)
{
	process_table_forget(&context->processes);
}

static bool same_address(const struct context_address *a, const struct context_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static struct context_address address_of(uint8_t family, const uint8_t bytes[16])
{
	struct context_address address = {.family = family};
	memcpy(address.bytes, bytes, sizeof(address.bytes));
	return address;
}

static bool is_resolver(const struct run_context *context, const struct context_address *address)
{
	for (size_t i = 0; i < context->resolver_count; i++)
		if (same_address(&context->resolvers[i], address))
			return true;
	return false;
}

/* npm's first package says where it installs. What it unpacks to build a git dependency from is in
 * its own cache and somewhere else each time. */
static void learn_root(struct run_context *context, const struct event_file *file)
{
	struct package_path place;
	if (context->root || !(file->flags & WRITE_FLAGS) ||
	    !place_of_package(file->path, &place) ||
	    memmem(place.root.data, place.root.size, "/_cacache/", strlen("/_cacache/")))
		return;
	context->root = view_dup(place.root);
	context->root_kept = false;
}

static bool learn_destination(struct run_context *context, const struct event_connect *connect,
                              enum actor actor)
{
	struct context_address address = address_of(connect->family, connect->address);
	if (connect->port != DNS_PORT || connect->family == 0)
		return false;
	if (is_resolver(context, &address))
		return true;
	if (actor != ACTOR_MANAGER || context->resolver_count == CONTEXT_RESOLVERS_MAX)
		return false;
	context->resolvers[context->resolver_count++] = address;
	context->resolvers_kept = false;
	return true;
}

static bool has_name(const struct waiting_connect *connect, const struct event *event)
{
	struct context_address address = address_of(event->tls.family, event->tls.address);
	return event->tls.family ? same_address(&connect->address, &address) &&
	                                   connect->port == event->tls.port
	                         : connect->pid == event->process.pid;
}

/* The name for which a connect waited: by the address, where the sensor says it. Else it is that of
 * the process's last connect, and no other's. */
static void learn_host(struct run_context *context, const struct event *event)
{
	size_t end = context->waiting_count;
	if (event->tls.sni.size == 0)
		return;
	for (size_t i = end; i > 0; i--) {
		if (!has_name(&context->waiting[i - 1], event))
			continue;
		memmove(&context->waiting[i - 1], &context->waiting[i],
		        (context->waiting_count - i) * sizeof(*context->waiting));
		context->waiting_count--;
		if (!event->tls.family)
			break;
	}
	if (context->waiting_count != end)
		context->waiting_kept = false;
}

struct event_context run_context_see(struct run_context *context, const struct event *event)
{
	struct process_view who = process_table_see(&context->processes, event);
	struct event_context ret = {.actor = who.actor, .tree = who.tree, .setup = who.setup};
	if (who.setup)
		return ret;
	if (event->type == EVENT_FILE && who.actor == ACTOR_MANAGER)
		learn_root(context, &event->file);
	else if (event->type == EVENT_CONNECT)
		ret.resolver = learn_destination(context, &event->connect, who.actor);
	else if (event->type == EVENT_TLS)
		learn_host(context, event);
	if (context->root)
		ret.root = view_of_string(context->root);
	return ret;
}

bool run_context_wait(struct run_context *context, const struct event *event, enum actor actor,
                      int64_t event_id)
{
	struct waiting_connect connect = {
	        .address = address_of(event->connect.family, event->connect.address),
	        .port = event->connect.port,
	        .actor = (uint8_t)actor,
	        .names_known = event->process.start_ns != 0,
	        .pid = event->process.pid,
	        .event_id = event_id,
	        .count = 1,
	};
	context->waiting_kept = false;
	for (size_t i = 0; i < context->waiting_count; i++) {
		struct waiting_connect *other = &context->waiting[i];
		if (other->pid == connect.pid && other->port == connect.port &&
		    other->actor == connect.actor &&
		    same_address(&other->address, &connect.address)) {
			other->count++;
			return true;
		}
	}
	if (context->waiting_count == CONTEXT_WAITING_MAX)
		return false;
	if (!context->waiting)
		context->waiting = xcalloc(CONTEXT_WAITING_MAX, sizeof(*context->waiting));
	context->waiting[context->waiting_count++] = connect;
	return true;
}

static void save_address(struct buf *out, const struct context_address *address)
{
	char hex[ADDRESS_HEX + 1];
	hex_encode(address->bytes, sizeof(address->bytes), hex);
	buf_printf(out, " %u %s", address->family, hex);
}

/* All of them, as they are seldom any; "w" alone empties the list. */
static void save_waiting(const struct run_context *context, struct buf *out)
{
	buf_append_string(out, "w\n");
	for (size_t i = 0; i < context->waiting_count; i++) {
		const struct waiting_connect *connect = &context->waiting[i];
		buf_printf(out, "c %u %" PRIu32 " %u %" PRId64 " %" PRId64 " %d", connect->actor,
		           connect->pid, connect->port, connect->event_id, connect->count,
		           connect->names_known);
		save_address(out, &connect->address);
		buf_append_char(out, '\n');
	}
}

void run_context_save(struct run_context *context, struct buf *out)
{
	process_table_save(&context->processes, out);
	if (context->root && !context->root_kept) {
		buf_append_char(out, 'i');
		for (const char *c = context->root; *c; c++)
			buf_printf(out, "%02x", (unsigned char)*c);
		buf_append_char(out, '\n');
		context->root_kept = true;
	}
	if (context->resolver_count && !context->resolvers_kept) {
		for (size_t i = 0; i < context->resolver_count; i++) {
			buf_append_char(out, 'r');
			save_address(out, &context->resolvers[i]);
			buf_append_char(out, '\n');
		}
		context->resolvers_kept = true;
	}
	if (context->waiting && !context->waiting_kept) {
		save_waiting(context, out);
		context->waiting_kept = true;
	}
}

static bool load_address(struct view *rest, struct context_address *ret)
{
	uint64_t family;
	if (!view_to_u64(view_split(rest, ' '), &family) ||
	    !hex_decode(view_split(rest, ' '), ret->bytes, sizeof(ret->bytes)))
		return false;
	ret->family = (uint8_t)family;
	return true;
}

static bool load_resolver(struct run_context *context, struct view rest)
{
	struct context_address address;
	if (!load_address(&rest, &address))
		return false;
	if (!is_resolver(context, &address) && context->resolver_count < CONTEXT_RESOLVERS_MAX)
		context->resolvers[context->resolver_count++] = address;
	context->resolvers_kept = true;
	return true;
}

static bool load_waiting(struct run_context *context, struct view rest)
{
	enum { ACTOR, PID, PORT, EVENT_ID, COUNT, NAMES_KNOWN, NUMBERS };
	uint64_t n[NUMBERS];
	struct context_address address;
	for (size_t i = 0; i < NUMBERS; i++)
		if (!view_to_u64(view_split(&rest, ' '), &n[i]))
			return false;
	if (!load_address(&rest, &address) || context->waiting_count == CONTEXT_WAITING_MAX)
		return false;
	if (!context->waiting)
		context->waiting = xcalloc(CONTEXT_WAITING_MAX, sizeof(*context->waiting));
	context->waiting[context->waiting_count++] = (struct waiting_connect){
	        .address = address,
	        .port = (uint16_t)n[PORT],
	        .actor = (uint8_t)n[ACTOR],
	        .pid = (uint32_t)n[PID],
	        .event_id = (int64_t)n[EVENT_ID],
	        .count = (int64_t)n[COUNT],
	        .names_known = n[NAMES_KNOWN],
	};
	context->waiting_kept = true;
	return true;
}

static bool load_root(struct run_context *context, struct view hex)
{
	char *root = xcalloc(hex.size / 2 + 1, 1);
	free(context->root);
	context->root = root;
	context->root_kept = true;
	return hex_decode(hex, root, hex.size / 2);
}

int run_context_load(struct run_context *context, struct view line, struct error *err)
{
	bool loaded = false;
	char kind = '\0';
	if (line.size)
		kind = line.data[0];
	struct view rest = line.size > 2 ? view_of(line.data + 2, line.size - 2) : (struct view){0};
	switch (kind) {
	case 'i':
		loaded = load_root(context, view_of(line.data + 1, line.size - 1));
		break;
	case 'r':
		loaded = load_resolver(context, rest);
		break;
	case 'w':
		context->waiting_count = 0;
		context->waiting_kept = loaded = true;
		break;
	case 'c':
		loaded = load_waiting(context, rest);
		break;
	default:
		return process_table_load(&context->processes, line, err);
	}
	return loaded ? 0 : error_set(err, EINVAL, "'%.*s' is no fact about a run", VIEW_ARG(line));
}
