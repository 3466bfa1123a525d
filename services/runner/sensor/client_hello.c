// SPDX-License-Identifier: Apache-2.0
#include "client_hello.h"

enum {
	TLS_RECORD_HEADER = 5,
	TLS_RECORD_MAX = 16384,
	TLS_CONTENT_HANDSHAKE = 22,
	TLS_VERSION_MAJOR = 3,
	TLS_HANDSHAKE_HEADER = 4,
	TLS_HANDSHAKE_CLIENT_HELLO = 1,
	TLS_VERSION_AND_RANDOM = 34,
	TLS_SESSION_ID_MAX = 32,
	TLS_EXTENSION_SERVER_NAME = 0,
	TLS_EXTENSION_ECH = 0xfe0d,
	TLS_NAME_TYPE_HOST = 0,
};

/* Reads the handshake bytes through the record boundaries without copying them together. */
struct cursor {
	struct view stream;
	size_t offset;      /* of the next byte in the stream */
	size_t record_left; /* handshake bytes left in the current record */
	size_t left;        /* bytes left in the hello, once its header has been read */
	bool bad, more;     /* why reading stopped */
};

static bool cursor_next_record(struct cursor *cursor)
{
	const uint8_t *header = (const uint8_t *)cursor->stream.data + cursor->offset;
	size_t have = cursor->stream.size - cursor->offset;

	if ((have > 0 && header[0] != TLS_CONTENT_HANDSHAKE) ||
	    (have > 1 && header[1] != TLS_VERSION_MAJOR)) {
		cursor->bad = true;
		return false;
	}
	if (have < TLS_RECORD_HEADER) {
		cursor->more = true;
		return false;
	}
	cursor->record_left = (size_t)header[3] << 8 | header[4];
	cursor->offset += TLS_RECORD_HEADER;
	if (cursor->record_left == 0 || cursor->record_left > TLS_RECORD_MAX)
		cursor->bad = true;
	return !cursor->bad;
}

static bool cursor_byte(struct cursor *cursor, uint8_t *ret)
{
	if (cursor->left == 0)
		cursor->bad = true;
	if (cursor->bad || cursor->more ||
	    (cursor->record_left == 0 && !cursor_next_record(cursor)))
		return false;
	if (cursor->offset >= cursor->stream.size) {
		cursor->more = true;
		return false;
	}
	*ret = (uint8_t)cursor->stream.data[cursor->offset++];
	cursor->record_left--;
	cursor->left--;
	return true;
}

/* A big-endian number of `size` bytes; 0 when reading stopped. */
static size_t cursor_number(struct cursor *cursor, unsigned size)
{
	size_t value = 0;
	uint8_t byte;

	while (size-- > 0) {
		if (!cursor_byte(cursor, &byte))
			return 0;
		value = value << 8 | byte;
	}
	return value;
}

static void cursor_skip(struct cursor *cursor, size_t size)
{
	uint8_t byte;

	while (size-- > 0 && cursor_byte(cursor, &byte))
		;
}

static bool cursor_stopped(const struct cursor *cursor)
{
	return cursor->bad || cursor->more;
}

/* The body of a server_name extension of `size` bytes; true when a host name was read. */
static bool read_server_names(struct cursor *cursor, size_t size, struct client_hello *ret)
{
	size_t list = cursor_number(cursor, 2);

	if (!cursor_stopped(cursor) && list + 2 != size)
		cursor->bad = true;
	while (list > 0 && !cursor_stopped(cursor)) {
		size_t type = cursor_number(cursor, 1), length = cursor_number(cursor, 2);

		if (cursor_stopped(cursor))
			return false;
		if (length + 3 > list || (type == TLS_NAME_TYPE_HOST &&
		                          (length == 0 || length > CLIENT_HELLO_NAME_MAX))) {
			cursor->bad = true;
			return false;
		}
		list -= length + 3;
		if (type != TLS_NAME_TYPE_HOST) {
			cursor_skip(cursor, length);
			continue;
		}
		for (size_t i = 0; i < length; i++)
			ret->name[i] = (char)cursor_number(cursor, 1);
		if (cursor_stopped(cursor)) {
			ret->name[0] = '\0';
			return false;
		}
		ret->name[length] = '\0';
		ret->name_size = length;
		return true;
	}
	return false;
}

/* The first server_name extension counts. */
static void read_extensions(struct cursor *cursor, struct client_hello *ret)
{
	bool named = false;
	size_t total;

	if (cursor->left == 0)
		return; /* TLS 1.0 allowed a hello without any */
	total = cursor_number(cursor, 2);
	if (!cursor_stopped(cursor) && total != cursor->left)
		cursor->bad = true;
	while (!cursor_stopped(cursor) && cursor->left > 0) {
		size_t type = cursor_number(cursor, 2), size = cursor_number(cursor, 2);
		size_t end = size < cursor->left ? cursor->left - size : 0;

		if (cursor_stopped(cursor))
			break;
		if (type == TLS_EXTENSION_SERVER_NAME && size > 0 && !named)
			named = read_server_names(cursor, size, ret);
		if (type == TLS_EXTENSION_ECH)
			ret->encrypted = true;
		if (cursor->left > end)
			cursor_skip(cursor, cursor->left - end);
	}
}

static void read_hello_start(struct cursor *cursor)
{
	size_t session;

	cursor_skip(cursor, TLS_VERSION_AND_RANDOM);
	session = cursor_number(cursor, 1);
	if (session > TLS_SESSION_ID_MAX)
		cursor->bad = true;
	cursor_skip(cursor, session);
	cursor_skip(cursor, cursor_number(cursor, 2)); /* cipher suites */
	cursor_skip(cursor, cursor_number(cursor, 1)); /* compression methods */
}

static enum client_hello_status parse(struct cursor *cursor, struct client_hello *ret)
{
	size_t type, size;

	*ret = (struct client_hello){0};
	cursor->left = TLS_HANDSHAKE_HEADER;
	type = cursor_number(cursor, 1);
	size = cursor_number(cursor, 3);
	if (!cursor->more && (type != TLS_HANDSHAKE_CLIENT_HELLO || size > CLIENT_HELLO_MAX))
		cursor->bad = true;
	cursor->left = size;
	if (!cursor_stopped(cursor))
		read_hello_start(cursor);
	if (!cursor_stopped(cursor))
		read_extensions(cursor, ret);
	if (cursor->more)
		return CLIENT_HELLO_MORE;
	if (ret->name_size)
		return CLIENT_HELLO_NAME;
	return cursor->bad ? CLIENT_HELLO_BAD : CLIENT_HELLO_NO_NAME;
}

enum client_hello_status client_hello_parse(struct view stream, struct client_hello *ret)
{
	struct cursor cursor = {.stream = stream};

	return parse(&cursor, ret);
}

enum client_hello_status client_hello_parse_bare(struct view handshake, struct client_hello *ret)
{
	struct cursor cursor = {.stream = handshake, .record_left = SIZE_MAX};

	return parse(&cursor, ret);
}
