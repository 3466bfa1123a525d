// SPDX-License-Identifier: Apache-2.0
#include "proxy_request.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

enum {
	HTTP_BLANK_MAX = 8, /* line ends before a request, which servers pass over */
	PORT_HTTPS = 443,
	PORT_DIGITS_MAX = 5,
	SOCKS4 = 4,
	SOCKS5 = 5,
	SOCKS_CONNECT = 1,
	SOCKS_BIND = 2,
	SOCKS_UDP = 3,
	SOCKS4_USER = 8, /* where the user's name starts */
	SOCKS5_PASSWORD = 1,
	SOCKS5_HEADER = 4,
	SOCKS5_IPV4 = 1,
	SOCKS5_NAME = 3,
	SOCKS5_IPV6 = 4,
	IPV4_SIZE = 4,
	IPV6_SIZE = 16,
	PORT_SIZE = 2,
};

static uint8_t byte_at(struct view bytes, size_t at)
{
	return (uint8_t)bytes.data[at];
}

static struct view skip(struct view bytes, size_t size)
{
	return view_of(bytes.data + size, bytes.size - size);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_line_end(char c)
{
	return c == '\r' || c == '\n';
}

static bool take_host(struct view host, struct proxy_request *ret)
{
	if (host.size == 0 || host.size > PROXY_HOST_MAX)
		return false;
	for (size_t i = 0; i < host.size; i++)
		if (byte_at(host, i) <= ' ' || byte_at(host, i) >= 0x7f)
			return false;
	memcpy(ret->host, host.data, host.size);
	ret->host[host.size] = '\0';
	return true;
}

/* HTTP. ------------------------------------------------------------------------------------- */

static bool take_port(struct view digits, struct proxy_request *ret)
{
	uint32_t port = 0;

	if (digits.size == 0 || digits.size > PORT_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < digits.size; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return false;
		port = port * 10 + (uint32_t)(digits.data[i] - '0');
	}
	ret->port = (uint16_t)port;
	return port <= UINT16_MAX;
}

/* "host:port", "[address]:port"; without a port that of HTTPS. */
static bool take_authority(struct view text, struct proxy_request *ret)
{
	const char *colon = memrchr(text.data, ':', text.size), *bracket;
	struct view host = text;

	ret->port = PORT_HTTPS;
	if (text.size && *text.data == '[') {
		bracket = memchr(text.data, ']', text.size);
		if (!bracket)
			return false;
		host = view_of(text.data + 1, (size_t)(bracket - text.data) - 1);
		if (colon && colon < bracket)
			colon = NULL;
		if ((colon ? colon : text.data + text.size) != bracket + 1)
			return false;
	} else if (colon) {
		host.size = (size_t)(colon - text.data);
	}
	if (colon && !take_port(skip(text, (size_t)(colon - text.data) + 1), ret))
		return false;
	return take_host(host, ret);
}

/* Size of the head: up to an empty line; 0 when it is not there yet. */
static size_t head_size(struct view bytes)
{
	const char *at = bytes.data, *end = bytes.data + bytes.size;

	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		at++;
		if (end - at >= 1 && at[0] == '\n')
			return (size_t)(at + 1 - bytes.data);
		if (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
			return (size_t)(at + 2 - bytes.data);
	}
	return 0;
}

/* The line behind the method: a target and the version, blanks between. */
static enum proxy_status take_line(struct view line, struct proxy_request *ret)
{
	static const char version[] = "HTTP/1.";
	size_t end;

	line = view_trim(line);
	for (end = line.size; end > 0 && !is_blank(line.data[end - 1]); end--)
		;
	if (!view_starts_with(skip(line, end), view_of_string(version)))
		return PROXY_NONE; /* others have a command of this name, too */
	return take_authority(view_trim(view_of(line.data, end)), ret) ? PROXY_TARGET : PROXY_BAD;
}

static enum proxy_status parse_http(struct view bytes, struct proxy_request *ret)
{
	static const char method[] = "CONNECT";
	const size_t method_size = sizeof(method) - 1;
	size_t blank = 0, have, head;
	struct view rest;
	const char *end;
	enum proxy_status status;

	while (blank < bytes.size && blank < HTTP_BLANK_MAX && is_line_end(bytes.data[blank]))
		blank++;
	rest = skip(bytes, blank);
	have = rest.size < method_size ? rest.size : method_size;
	if (memcmp(rest.data, method, have) != 0 ||
	    (rest.size > method_size && !is_blank(rest.data[method_size])))
		return PROXY_NONE;
	end = memchr(rest.data, '\n', rest.size);
	if (!end)
		return PROXY_MORE;
	rest = skip(rest, method_size);
	status = take_line(view_of(rest.data, (size_t)(end - rest.data)), ret);
	head = head_size(skip(bytes, blank));
	ret->size = head ? blank + head : 0;
	return status;
}

/* SOCKS. ------------------------------------------------------------------------------------ */

static uint16_t port_at(struct view bytes, size_t at)
{
	return (uint16_t)(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

/* A text that ends in a NUL; false when that is not there. */
static bool take_text(struct view *bytes, struct view *ret)
{
	const char *end = bytes->size ? memchr(bytes->data, '\0', bytes->size) : NULL;

	if (!end)
		return false;
	*ret = view_of(bytes->data, (size_t)(end - bytes->data));
	*bytes = skip(*bytes, ret->size + 1);
	return true;
}

static enum proxy_status parse_socks4(struct view bytes, struct proxy_request *ret)
{
	struct view rest, name;
	const char *address;

	if (bytes.size > 1 && byte_at(bytes, 1) != SOCKS_CONNECT && byte_at(bytes, 1) != SOCKS_BIND)
		return PROXY_NONE;
	if (bytes.size < SOCKS4_USER)
		return PROXY_MORE;
	ret->port = port_at(bytes, 2);
	address = bytes.data + SOCKS4_USER - IPV4_SIZE;
	rest = skip(bytes, SOCKS4_USER);
	if (!take_text(&rest, &name))
		return PROXY_MORE;
	if (memcmp(address, "\0\0\0", 3) == 0 && address[3] != 0) { /* 4a: a name follows */
		if (!take_text(&rest, &name))
			return PROXY_MORE;
		ret->size = bytes.size - rest.size;
		return take_host(name, ret) ? PROXY_TARGET : PROXY_BAD;
	}
	(void)inet_ntop(AF_INET, address, ret->host, sizeof(ret->host));
	ret->size = bytes.size - rest.size;
	return PROXY_TARGET;
}

/* The address of a request that begins with `rest`. */
static enum proxy_status take_socks5(struct view rest, struct proxy_request *ret)
{
	size_t size = IPV4_SIZE, start = SOCKS5_HEADER;
	uint8_t type;

	if (rest.size < SOCKS5_HEADER + 1)
		return PROXY_MORE;
	type = byte_at(rest, SOCKS5_HEADER - 1);
	if (type == SOCKS5_NAME)
		size = byte_at(rest, start++);
	else if (type == SOCKS5_IPV6)
		size = IPV6_SIZE;
	else if (type != SOCKS5_IPV4)
		return PROXY_BAD;
	if (rest.size < start + size + PORT_SIZE)
		return PROXY_MORE;
	ret->port = port_at(rest, start + size);
	ret->size = start + size + PORT_SIZE;
	if (type == SOCKS5_NAME)
		return take_host(view_of(rest.data + start, size), ret) ? PROXY_TARGET : PROXY_BAD;
	(void)inet_ntop(type == SOCKS5_IPV4 ? AF_INET : AF_INET6, rest.data + start, ret->host,
	                sizeof(ret->host));
	return PROXY_TARGET;
}

/* User and password: each with its length before it. 0: cut. */
static size_t password_size(struct view rest)
{
	size_t size = 1;

	for (int i = 0; i < 2; i++) {
		if (rest.size <= size)
			return 0;
		size += 1 + (size_t)byte_at(rest, size);
	}
	return size <= rest.size ? size : 0;
}

/* Methods, a password if the server asks for it, the request. */
static enum proxy_status parse_socks5(struct view bytes, struct proxy_request *ret)
{
	struct view rest = bytes;
	enum proxy_status status;
	size_t size;

	if (rest.size > 1 && byte_at(rest, 1) == 0)
		return PROXY_NONE;
	if (rest.size < 2 || rest.size <= 2 + (size_t)byte_at(rest, 1))
		return PROXY_MORE;
	rest = skip(rest, 2 + (size_t)byte_at(rest, 1));
	if (byte_at(rest, 0) == SOCKS5_PASSWORD) {
		size = password_size(rest);
		if (size == 0 || size == rest.size)
			return PROXY_MORE;
		rest = skip(rest, size);
	}
	if (byte_at(rest, 0) != SOCKS5 ||
	    (rest.size > 1 && (byte_at(rest, 1) < SOCKS_CONNECT || byte_at(rest, 1) > SOCKS_UDP)))
		return PROXY_NONE;
	status = take_socks5(rest, ret);
	if (ret->size)
		ret->size += bytes.size - rest.size;
	return status;
}

enum proxy_status proxy_request_parse(struct view bytes, struct proxy_request *ret)
{
	*ret = (struct proxy_request){0};
	if (bytes.size == 0)
		return PROXY_MORE;
	switch (byte_at(bytes, 0)) {
	case 'C':
	case '\r':
	case '\n':
		return parse_http(bytes, ret);
	case SOCKS4:
		return parse_socks4(bytes, ret);
	case SOCKS5:
		return parse_socks5(bytes, ret);
	default:
		return PROXY_NONE;
	}
}
