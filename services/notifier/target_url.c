// SPDX-License-Identifier: Apache-2.0
#include "target_url.h"

#include <errno.h>

#include "base/view.h"

enum { URL_MAX = 2048 };

static bool is_clean(struct view url)
{
	for (size_t i = 0; i < url.size; i++)
		if (url.data[i] <= ' ' || url.data[i] > '~' || url.data[i] == '\\')
			return false;
	return true;
}

/* What is between "//" and the path. */
static struct view authority_of(struct view rest)
{
	size_t end = 0;
	while (end < rest.size && !strchr("/?#", rest.data[end]))
		end++;
	return view_of(rest.data, end);
}

/* The host of "host:port" or "[v6]:port"; empty when there is none or the brackets do not match. */
static struct view host_of(struct view authority)
{
	size_t size = 0;

	if (authority.size == 0 || authority.data[0] != '[') {
		while (size < authority.size && authority.data[size] != ':')
			size++;
		return view_of(authority.data, size);
	}
	while (size < authority.size && authority.data[size] != ']')
		size++;
	if (size == authority.size ||
	    (size + 1 < authority.size && authority.data[size + 1] != ':'))
		return (struct view){0};
	return view_of(authority.data, size + 1);
}

static bool is_loopback(struct view host)
{
	return view_is(host, "127.0.0.1") || view_is(host, "[::1]") ||
	       view_equal_ignoring_case(host, VIEW_LITERAL("localhost"));
}

static bool cut_scheme(struct view *url, struct view scheme)
{
	if (url->size < scheme.size ||
	    !view_equal_ignoring_case(view_of(url->data, scheme.size), scheme))
		return false;
	*url = view_of(url->data + scheme.size, url->size - scheme.size);
	return true;
}

int target_url_check(const char *url, struct error *err)
{
	struct view rest = view_of_string(url);
	if (rest.size > URL_MAX || !is_clean(rest))
		return error_set(err, EINVAL,
		                 "the URL is too long or has characters that no URL has");

	bool https = cut_scheme(&rest, VIEW_LITERAL("https://"));
	if (!https && !cut_scheme(&rest, VIEW_LITERAL("http://")))
		return error_set(err, EINVAL, "the URL must begin with https://");
	struct view authority = authority_of(rest);
	/* User and password in front of the host serve nobody here but those who disguise it. */
	if (authority.size && memchr(authority.data, '@', authority.size))
		return error_set(err, EINVAL, "the URL must not hold a user name");
	struct view host = host_of(authority);
	if (host.size == 0)
		return error_set(err, EINVAL, "the URL has no host");
	if (!https && !is_loopback(host))
		return error_set(err, EINVAL,
		                 "plain http is allowed only to 127.0.0.1, localhost and [::1]");
	return 0;
}
