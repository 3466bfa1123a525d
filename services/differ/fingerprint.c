// SPDX-License-Identifier: Apache-2.0
#include "fingerprint.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/utf8.h"
#include "fold.h"
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
	buf_release(&fingerprinter->bounded[0]);
	buf_release(&fingerprinter->bounded[1]);
}

static bool path_fingerprint(struct fingerprinter *fingerprinter, const struct event *event,
                             const struct filter *filter, const struct filter_rules *own,
                             struct fingerprint *ret)
{
	struct view clean = text_clean(event->file.path, &fingerprinter->clean);
	if (clean.size == 0)
		return false;
	struct view path = normalize_path(&fingerprinter->normalizer, clean);
	bool writes = event->file.flags & WRITE_FLAGS;
	ret->category = writes ? CATEGORY_PATH_WRITE : CATEGORY_PATH_READ;
	if (filter_hides_text(filter, own, ret->category, path))
		return false;
	ret->compatible = path;
	ret->value = fold_path(path, event->process.actor, &fingerprinter->folded);
	ret->cred = event->process.tags & EVENT_TAG_CRED;
	return true;
}

static bool exec_fingerprint(struct fingerprinter *fingerprinter, const struct event *event,
                             const struct filter *filter, const struct filter_rules *own,
                             struct fingerprint *ret)
{
	struct view path = event->exec.path;
	while (path.size && path.data[path.size - 1] == '\0')
		path.size--;
	ret->category = CATEGORY_EXEC;
	ret->value = text_trim(text_clean(path, &fingerprinter->clean));
	return ret->value.size > 0 && !filter_hides_text(filter, own, CATEGORY_EXEC, ret->value);
}

static bool connect_fingerprint(struct fingerprinter *fingerprinter, const struct event *event,
                                const struct filter *filter, const struct filter_rules *own,
                                struct fingerprint *ret)
{
	struct ip ip;
	if (!ip_of_event(event->connect.family, event->connect.address, &ip) ||
	    filter_hides_address(filter, own, &ip))
		return false;
	char text[EVENT_IP_TEXT_MAX];
	event_format_ip(event->connect.family, event->connect.address, text);
	buf_reset(&fingerprinter->clean);
	buf_printf(&fingerprinter->clean, "%s:%u", text, event->connect.port);
	ret->category = CATEGORY_DESTINATION;
	ret->value = buf_view(&fingerprinter->clean);
	return true;
}

static struct view host_of(struct fingerprinter *fingerprinter, struct view name)
{
	struct view host = text_trim(text_clean(name, &fingerprinter->clean));
	return text_lower(fingerprinter->locale, host, &fingerprinter->folded);
}

static bool dns_fingerprint(struct fingerprinter *fingerprinter, const struct event *event,
                            const struct filter *filter, const struct filter_rules *own,
                            struct fingerprint *ret)
{
	struct view name = host_of(fingerprinter, event->dns.name);
	if (view_ends_with(name, VIEW_LITERAL(".")))
		name.size--;
	ret->category = CATEGORY_DNS;
	ret->value = name;
	return name.size > 0 && !filter_hides_text(filter, own, CATEGORY_DNS, name);
}

static bool tls_fingerprint(struct fingerprinter *fingerprinter, const struct event *event,
                            const struct filter *filter, const struct filter_rules *own,
                            struct fingerprint *ret)
{
	ret->category = CATEGORY_HTTPS_HOST;
	ret->value = host_of(fingerprinter, event->tls.sni);
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
                    const struct filter *filter, const struct filter_rules *own,
                    struct fingerprint *ret)
{
	bool found = false;
	*ret = (struct fingerprint){.actor = event->process.actor};
	switch (event->type) {
	case EVENT_FILE:
		found = path_fingerprint(fingerprinter, event, filter, own, ret);
		break;
	case EVENT_EXEC:
		found = exec_fingerprint(fingerprinter, event, filter, own, ret);
		break;
	case EVENT_CONNECT:
		found = connect_fingerprint(fingerprinter, event, filter, own, ret);
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
	if (event->type != EVENT_FILE)
		ret->compatible = ret->value;
	ret->compatible = bounded_value(ret->compatible, &fingerprinter->bounded[0]);
	ret->value = bounded_value(ret->value, &fingerprinter->bounded[1]);
	return true;
}
