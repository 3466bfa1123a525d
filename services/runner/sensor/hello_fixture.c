// SPDX-License-Identifier: Apache-2.0
#include "hello_fixture.h"

#include <string.h>

enum { EXTENSION_PADDING = 21, RECORD_HEADER = 5, HANDSHAKE_HEADER = 4 };

static size_t put_u16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return 2;
}

static size_t put_server_name(uint8_t *at, const char *name)
{
	size_t length = strlen(name), size = 0;

	size += put_u16(at, 0);
	size += put_u16(at + size, length + 5);
	size += put_u16(at + size, length + 3);
	at[size++] = 0;
	size += put_u16(at + size, length);
	memcpy(at + size, name, length);
	return size + length;
}

static size_t put_extensions(uint8_t *at, const char *name, size_t padding)
{
	size_t size = 2;

	if (padding) {
		size += put_u16(at + size, EXTENSION_PADDING);
		size += put_u16(at + size, padding);
		memset(at + size, 0, padding);
		size += padding;
	}
	if (name)
		size += put_server_name(at + size, name);
	(void)put_u16(at, size - 2);
	return size;
}

static size_t put_hello(uint8_t *at, const char *name, size_t padding)
{
	static const uint8_t suites[] = {0, 4, 0x13, 0x01, 0x13, 0x02, 1, 0};
	size_t size = HANDSHAKE_HEADER;

	size += put_u16(at + size, 0x0303);
	memset(at + size, 0xab, 32);
	size += 32;
	at[size++] = 32;
	memset(at + size, 0xcd, 32);
	size += 32;
	memcpy(at + size, suites, sizeof(suites));
	size += sizeof(suites);
	size += put_extensions(at + size, name, padding);
	at[0] = 1;
	at[1] = 0;
	(void)put_u16(at + 2, size - HANDSHAKE_HEADER);
	return size;
}

size_t hello_make(uint8_t out[HELLO_FIXTURE_MAX], const char *name, size_t padding,
                  size_t record_size)
{
	uint8_t hello[HELLO_FIXTURE_MAX];
	size_t total = put_hello(hello, name, padding), size = 0;

	if (record_size == 0)
		record_size = total;
	for (size_t done = 0; done < total; done += record_size) {
		size_t part = total - done < record_size ? total - done : record_size;

		out[size] = 0x16;
		(void)put_u16(out + size + 1, 0x0301);
		(void)put_u16(out + size + 3, part);
		memcpy(out + size + RECORD_HEADER, hello + done, part);
		size += RECORD_HEADER + part;
	}
	return size;
}
