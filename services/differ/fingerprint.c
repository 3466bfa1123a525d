// SPDX-License-Identifier: Apache-2.0
#include "fingerprint.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/utf8.h"
#include "interfaces.h"
#include "places.h"
#include "text.h"

/* Each byte of a longest text may become the three of U+FFFD. */
enum { TEXT_MAX_BYTES = 4 * EVENT_TEXT_MAX, DIGEST_BYTES = 16 };
enum { WRITE_FLAGS = O_WRONLY | O_RDWR | O_CREAT };

int fingerprinter_init(struct fingerprinter *fingerprinter, struct error *err)
{
	*fingerprinter = (struct fingerprinter){.locale = text_locale(err)};
	normalizer_init(&fingerprinter->normalizer);
	buf_init(&fingerprinter->clean, TEXT_MAX_BYTES);
	buf_init(&fingerprinter->folded, 2 * (size_t)TEXT_MAX_BYTES);
	buf_init(&fingerprinter->named, 2 * (size_t)TEXT_MAX_BYTES);
	buf_init(&fingerprinter->compatible, TEXT_MAX_BYTES);
	buf_init(&fingerprinter->bounded[0], FINGERPRINT_VALUE_MAX);
	buf_init(&fingerprinter->bounded[1], FINGERPRINT_VALUE_MAX);
	return fingerprinter->locale == (locale_t)0 ? -ENOENT : 0;
}

void fingerprinter_release(struct fingerprinter *fingerprinter)
{
	if (fingerprinter->locale != (locale_t)0)
		freelocale(fingerprinter->locale);
	normalizer_release(&fingerprinter->normalizer);
	buf_release(&fingerprinter->clean);
	buf_release(&fingerprinter->folded);
	buf_release(&fingerprinter->named);
	buf_release(&fingerprinter->compatible);
	buf_release(&fingerprinter->bounded[0]);
	buf_release(&fingerprinter->bounded[1]);
}

/* Below the install root: behind it; data NULL: it is elsewhere. */
static struct view below_root(struct view path, struct view root)
{
	bool below = root.data && view_starts_with(path, root) && path.size > root.size + 1 &&
	             path.data[root.size] == '/';
	return below ? view_of(path.data + root.size, path.size - root.size) : (struct view){0};
}

/* "<name>" and `rest`. */
static struct view named(struct fingerprinter *fingerprinter, struct view name, struct view rest)
{
	struct buf *out = &fingerprinter->named;
	buf_reset(out);
	buf_append_char(out, '<');
	buf_append_view(out, name);
	buf_append_char(out, '>');
	buf_append_view(out, rest);
	return buf_view(out);
}

/* "<@scope/name>" */
static struct view whole_package(struct fingerprinter *fingerprinter,
                                 const struct package_path *place)
{
	struct buf *out = &fingerprinter->named;
	buf_reset(out);
	buf_append_char(out, '<');
	buf_append_view(out, place->scope);
	buf_append_view(out, place->name);
	buf_append_char(out, '>');
	return buf_view(out);
}

/* The size of "<mark><digits>" at `at`, where a component ends with it; else 0. */
static size_t numbered(struct view path, size_t at, struct view mark)
{
	size_t start = at + mark.size, end = start;
	if (path.size < start || !view_equal(view_of(path.data + at, mark.size), mark))
		return 0;
	while (end < path.size && path.data[end] >= '0' && path.data[end] <= '9')
		end++;
	return end == start || (end < path.size && path.data[end] != '/') ? 0 : end - at;
}

/* Ids of processes and threads in /proc are the kernel's to choose. */
static struct view without_pid(struct fingerprinter *fingerprinter, struct view path)
{
	size_t process = numbered(path, 0, VIEW_LITERAL("/proc/"));
	if (process == 0)
		return path;
	size_t thread = numbered(path, process, VIEW_LITERAL("/task/"));
	struct buf *out = &fingerprinter->named;
	buf_reset(out);
	buf_append_string(out, thread ? "/proc/<PID>/task/<TID>" : "/proc/<PID>");
	buf_append(out, path.data + process + thread, path.size - process - thread);
	return buf_view(out);
}

/* In full, in the terms of the install root. */
static struct view placed(struct fingerprinter *fingerprinter, struct view path, struct view root)
{
	struct package_path place;
	struct view below = below_root(path, root);
	if (!below.data)
		return without_pid(fingerprinter, path);
	if (place_of_package(path, &place) && place.root.size == root.size)
		return named(fingerprinter, place.outer, place.inside);
	return named(fingerprinter, VIEW_LITERAL("."), below);
}

struct view fingerprint_written_path(struct fingerprinter *fingerprinter, struct view path,
                                     struct view root)
{
	return placed(fingerprinter, text_clean(path, &fingerprinter->clean), root);
}

/* One for all that npm unpacks of a package. The existing CLI has one for each file; every package
 * has this one. */
static void unpacked(struct fingerprinter *fingerprinter, const struct package_path *place,
                     struct fingerprint *ret)
{
	struct buf *out = &fingerprinter->folded;
	struct view end = place->folder;
	while (end.size && end.data[end.size - 1] != '/')
		end.size--;
	buf_reset(out);
	buf_append_view(out, end);
	buf_append_view(out, place->name);
	buf_append_string(out, "/package.json");
	ret->compatible = normalize_path(&fingerprinter->normalizer, buf_view(out));
	ret->value = whole_package(fingerprinter, place);
}

/* False: npm's own business. */
static bool manager_path(struct fingerprinter *fingerprinter, struct view clean,
                         struct fingerprint *ret)
{
	struct package_path place;
	if (!ret->cred) {
		if (ret->category == CATEGORY_PATH_READ)
			return false;
		if (place_of_package(clean, &place)) {
			unpacked(fingerprinter, &place, ret);
			return true;
		}
		if (place_is_npms(clean))
			return false;
		if (memmem(clean.data, clean.size, "/node_modules/", strlen("/node_modules/")))
			return false; /* the folder of a scope */
	}
	ret->value = without_pid(fingerprinter, clean);
	return true;
}

/* What code of a package reads of a package: "<name>" of those that npm unpacked; elsewhere
 * "/usr/lib/node_modules/<name>", with all that is in it. */
static struct view read_package(struct fingerprinter *fingerprinter,
                                const struct package_path *place, struct view root)
{
	static const char folder[] = "/node_modules/";
	if (view_equal(place->root, root))
		return whole_package(fingerprinter, place);
	struct view name = named(fingerprinter, place->outer, (struct view){0});
	struct buf *out = &fingerprinter->folded;
	buf_reset(out);
	buf_append_view(out, place->root);
	buf_append_string(out, folder);
	buf_append_view(out, name);
	return buf_view(out);
}

static void package_path(struct fingerprinter *fingerprinter, struct view clean,
                         const struct event_context *context, struct fingerprint *ret)
{
	struct package_path place;
	if (ret->category == CATEGORY_PATH_READ && !ret->cred && place_of_package(clean, &place))
		ret->value = read_package(fingerprinter, &place, context->root);
	else
		ret->value = placed(fingerprinter, clean, context->root);
	if (ret->category == CATEGORY_PATH_WRITE)
		ret->mark = mark_of_written(clean);
}

/* Code of a package asks for a credential's name: no read of it, so the value is another one. What
 * it has read before it may look for. */
static bool probe_fingerprint(struct fingerprinter *fingerprinter, struct view clean,
                              struct fingerprint *ret)
{
	if (!ret->cred || ret->actor != ACTOR_PACKAGE || place_is_account_list(clean))
		return false;
	struct view path = without_pid(fingerprinter, clean);
	buf_reset(&fingerprinter->folded);
	buf_append_string(&fingerprinter->folded, "stat:");
	buf_append_view(&fingerprinter->folded, path);
	ret->value = buf_view(&fingerprinter->folded);
	ret->cred = false;
	ret->mark = MARK_PROBE;
	return true;
}

static bool path_fingerprint(struct fingerprinter *fingerprinter, const struct event *event,
                             const struct event_context *context, const struct filter *filter,
                             const struct filter_rules *own, struct fingerprint *ret)
{
	struct view clean = text_clean(event->file.path, &fingerprinter->clean);
	if (clean.size == 0)
		return false;
	bool writes = event->file.flags & WRITE_FLAGS;
	ret->category = writes ? CATEGORY_PATH_WRITE : CATEGORY_PATH_READ;
	ret->cred = (event->process.tags & EVENT_TAG_CRED) || place_is_credential(clean);
	ret->compatible = normalize_path(&fingerprinter->normalizer, clean);
	ret->value = ret->compatible;
	if (filter_hides_text(filter, own, ret->category, ret->compatible))
		return false;
	if (event->file.operation == FILE_STAT)
		return probe_fingerprint(fingerprinter, clean, ret);
	if (ret->cred && !place_is_account_list(clean))
		ret->mark = MARK_CREDENTIAL;
	if (ret->actor == ACTOR_MANAGER && !manager_path(fingerprinter, clean, ret))
		return false;
	if (ret->actor == ACTOR_PACKAGE)
		package_path(fingerprinter, clean, context, ret);
	return !filter_hides_text(filter, own, ret->category, ret->value);
}

static bool exec_fingerprint(struct fingerprinter *fingerprinter, const struct event *event,
                             const struct event_context *context, const struct filter *filter,
                             const struct filter_rules *own, struct fingerprint *ret)
{
	struct view path = event->exec.path;
	while (path.size && path.data[path.size - 1] == '\0')
		path.size--;
	ret->category = CATEGORY_EXEC;
	ret->compatible = text_trim(text_clean(path, &fingerprinter->clean));
	ret->value = ret->compatible;
	if (below_root(ret->compatible, context->root).data)
		ret->value = placed(fingerprinter, ret->compatible, context->root);
	return ret->value.size > 0 &&
	       !filter_hides_text(filter, own, CATEGORY_EXEC, ret->compatible) &&
	       !filter_hides_text(filter, own, CATEGORY_EXEC, ret->value);
}

static struct view host_of(struct fingerprinter *fingerprinter, struct view name)
{
	struct view host = text_trim(text_clean(name, &fingerprinter->clean));
	return text_lower(fingerprinter->locale, host, &fingerprinter->folded);
}

/* "<ip>:<port>", in `compatible`. */
static struct view address_value(struct fingerprinter *fingerprinter, uint8_t family,
                                 const uint8_t address[16], uint16_t port)
{
	char text[EVENT_IP_TEXT_MAX];
	event_format_ip(family, address, text);
	buf_reset(&fingerprinter->compatible);
	buf_printf(&fingerprinter->compatible, "%s:%u", text, port);
	return buf_view(&fingerprinter->compatible);
}

/* Our sensor says the name that led to an address, and sees every ClientHello. */
static bool names_are_known(const struct event *event)
{
	return event->process.start_ns != 0;
}

static bool interface_fingerprint(struct fingerprinter *fingerprinter, const struct event *event,
                                  const struct filter *filter, const struct filter_rules *own,
                                  struct fingerprint *ret)
{
	struct view interface = text_clean(event->connect.interface, &fingerprinter->clean);
	if (interface_is_noise(interface))
		return false;
	ret->value = named(fingerprinter, interface, (struct view){0});
	ret->compatible = ret->value;
	if (ret->actor == ACTOR_PACKAGE)
		ret->mark = interface_mark(interface);
	return !filter_hides_text(filter, own, CATEGORY_DESTINATION, ret->value);
}

static bool connect_fingerprint(struct fingerprinter *fingerprinter, const struct event *event,
                                const struct event_context *context, const struct filter *filter,
                                const struct filter_rules *own, struct fingerprint *ret)
{
	const struct event_connect *connect = &event->connect;
	struct ip ip;
	ret->category = CATEGORY_DESTINATION;
	if (connect->interface.size)
		return interface_fingerprint(fingerprinter, event, filter, own, ret);
	if (!ip_of_event(connect->family, connect->address, &ip) ||
	    filter_hides_address(filter, own, &ip))
		return false;
	struct view name = host_of(fingerprinter, connect->name);
	if (name.size && filter_hides_text(filter, own, CATEGORY_DNS, name))
		return false;
	bool of_content_network = filter_is_content_network(filter, &ip);
	bool names_known = names_are_known(event);
	/* The name has a fingerprint of its own. Where the sensor does not say which name led to an
	 * address, npm itself is believed to have had one. */
	if (of_content_network && (name.size || (ret->actor == ACTOR_MANAGER && !names_known)))
		return false;
	ret->unnamed = of_content_network;
	ret->compatible =
	        address_value(fingerprinter, connect->family, connect->address, connect->port);
	ret->value = ret->compatible;
	buf_reset(&fingerprinter->named);
	if (context->resolver)
		buf_printf(&fingerprinter->named, "<resolver>:%u", connect->port);
	else if (name.size)
		buf_printf(&fingerprinter->named, "%.*s:%u", VIEW_ARG(name), connect->port);
	else if (ret->actor == ACTOR_PACKAGE)
		ret->mark = mark_of_address(&ip, names_known);
	if (fingerprinter->named.size)
		ret->value = buf_view(&fingerprinter->named);
	return !filter_hides_text(filter, own, CATEGORY_DESTINATION, ret->value);
}

void fingerprint_of_waiting(struct fingerprinter *fingerprinter,
                            const struct waiting_connect *connect, struct fingerprint *ret)
{
	struct view value = address_value(fingerprinter, connect->address.family,
	                                  connect->address.bytes, connect->port);
	*ret = (struct fingerprint){
	        .category = CATEGORY_DESTINATION,
	        .actor = (enum actor)connect->actor,
	        .value = value,
	        .compatible = value,
	        .mark = connect->actor == ACTOR_PACKAGE && connect->names_known
	                        ? MARK_UNNAMED_CONTENT
	                        : MARK_NONE,
	};
}

static bool dns_fingerprint(struct fingerprinter *fingerprinter, const struct event *event,
                            const struct filter *filter, const struct filter_rules *own,
                            struct fingerprint *ret)
{
	if (event->dns.response)
		return false;
	struct view name = host_of(fingerprinter, event->dns.name);
	if (name.size == 0 && event->dns.parse_failed)
		name = VIEW_LITERAL("<unreadable>");
	if (view_ends_with(name, VIEW_LITERAL(".")))
		name.size--;
	ret->category = CATEGORY_DNS;
	ret->value = name;
	return name.size > 0 && !filter_hides_text(filter, own, CATEGORY_DNS, name);
}

/* An encrypted ClientHello names another host inside; what is outside is only its front. */
static struct view hidden_host(struct fingerprinter *fingerprinter, struct view front)
{
	buf_reset(&fingerprinter->named);
	buf_printf(&fingerprinter->named, "<ech:%.*s>", VIEW_ARG(front));
	return buf_view(&fingerprinter->named);
}

static bool tls_fingerprint(struct fingerprinter *fingerprinter, const struct event *event,
                            const struct filter *filter, const struct filter_rules *own,
                            struct fingerprint *ret)
{
	ret->category = CATEGORY_HTTPS_HOST;
	ret->value = host_of(fingerprinter, event->tls.sni);
	if (ret->value.size && filter_hides_text(filter, own, CATEGORY_HTTPS_HOST, ret->value))
		return false;
	ret->compatible = ret->value;
	if (event->tls.ech)
		ret->value = hidden_host(fingerprinter, ret->value);
	else if (ret->value.size == 0 && names_are_known(event))
		ret->value = event->tls.parse_failed ? VIEW_LITERAL("<unreadable>")
		                                     : VIEW_LITERAL("<unnamed>");
	if (ret->compatible.size == 0)
		ret->compatible = ret->value;
	if (ret->actor == ACTOR_PACKAGE && (event->tls.ech || event->tls.parse_failed))
		ret->mark = MARK_HIDDEN;
	return ret->value.size > 0 &&
	       !filter_hides_text(filter, own, CATEGORY_HTTPS_HOST, ret->value);
}

static struct view bounded_value(struct view value, struct buf *out)
{
	static const char mark[] = "...sha256:";
	if (value.size <= FINGERPRINT_VALUE_MAX)
		return value;
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char text[2 * DIGEST_BYTES + 1];
	(void)SHA256((const unsigned char *)value.data, value.size, digest);
	hex_encode(digest, DIGEST_BYTES, text);
	size_t kept = FINGERPRINT_VALUE_MAX - (sizeof(mark) - 1) - 2 * (size_t)DIGEST_BYTES;
	buf_reset(out);
	buf_append_view(out, utf8_prefix(value, kept));
	buf_append_string(out, mark);
	buf_append_string(out, text);
	return buf_view(out);
}

bool fingerprint_of(struct fingerprinter *fingerprinter, const struct event *event,
                    const struct event_context *context, const struct filter *filter,
                    const struct filter_rules *own, struct fingerprint *ret)
{
	bool found = false;
	*ret = (struct fingerprint){.actor = context->actor};
	if (context->setup)
		return false;
	switch (event->type) {
	case EVENT_FILE:
		found = path_fingerprint(fingerprinter, event, context, filter, own, ret);
		break;
	case EVENT_EXEC:
		found = exec_fingerprint(fingerprinter, event, context, filter, own, ret);
		break;
	case EVENT_CONNECT:
		found = connect_fingerprint(fingerprinter, event, context, filter, own, ret);
		break;
	case EVENT_DNS:
		found = dns_fingerprint(fingerprinter, event, filter, own, ret);
		break;
	case EVENT_TLS:
		found = tls_fingerprint(fingerprinter, event, filter, own, ret);
		break;
	case EVENT_UNKNOWN:
	case EVENT_TYPE_COUNT:
		break;
	}
	if (!found)
		return false;
	if (event->type == EVENT_DNS)
		ret->compatible = ret->value;
	ret->compatible = bounded_value(ret->compatible, &fingerprinter->bounded[0]);
	ret->value = bounded_value(ret->value, &fingerprinter->bounded[1]);
	return true;
}
