// SPDX-License-Identifier: Apache-2.0
#include "model/event.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { IPV6_WORDS = 8 };

static const char *const type_names[EVENT_TYPE_COUNT] = {
        [EVENT_UNKNOWN] = "unknown",     [EVENT_FILE] = "file_access", [EVENT_EXEC] = "exec",
        [EVENT_CONNECT] = "net_connect", [EVENT_DNS] = "dns_query",    [EVENT_TLS] = "tls_sni",
};

static const char *const actor_names[] = {
        [ACTOR_UNKNOWN] = "unknown",
        [ACTOR_MANAGER] = "manager",
        [ACTOR_PACKAGE] = "package",
};

static const char *const operation_names[FILE_OPERATION_COUNT] = {
        [FILE_OPEN] = "open",       [FILE_RENAME] = "rename",     [FILE_LINK] = "link",
        [FILE_SYMLINK] = "symlink", [FILE_UNLINK] = "unlink",     [FILE_MKDIR] = "mkdir",
        [FILE_MKNOD] = "mknod",     [FILE_TRUNCATE] = "truncate", [FILE_CHMOD] = "chmod",
        [FILE_CHOWN] = "chown",     [FILE_UTIMES] = "utimes",     [FILE_XATTR] = "xattr",
        [FILE_STAT] = "stat",
};

const char *event_type_name(enum event_type type)
{
	return type < EVENT_TYPE_COUNT ? type_names[type] : type_names[EVENT_UNKNOWN];
}

const char *event_row_type(const struct event *event)
{
	return event_type_name((enum event_type)event->wire_type);
}

const char *actor_name(enum actor actor)
{
	return actor_names[actor];
}

bool actor_parse(struct view text, enum actor *ret)
{
	for (size_t i = 0; i < sizeof(actor_names) / sizeof(actor_names[0]); i++) {
		if (view_is(text, actor_names[i])) {
			*ret = (enum actor)i;
			return true;
		}
	}
	return false;
}

const char *file_operation_name(enum file_operation operation)
{
	return operation_names[operation];
}

bool file_operation_parse(struct view text, enum file_operation *ret)
{
	for (size_t i = 0; i < FILE_OPERATION_COUNT; i++) {
		if (view_is(text, operation_names[i])) {
			*ret = (enum file_operation)i;
			return true;
		}
	}
	return false;
}

static void format_ipv4(const uint8_t bytes[4], char text[EVENT_IP_TEXT_MAX])
{
	(void)snprintf(text, EVENT_IP_TEXT_MAX, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2],
	               bytes[3]);
}

/* The longest run of at least two zero words, the first of equals (RFC 5952 4.2). */
static void find_zero_run(const uint16_t words[IPV6_WORDS], int *ret_start, int *ret_length)
{
	*ret_start = -1;
	*ret_length = 1;
	for (int i = 0; i < IPV6_WORDS; i++) {
		int length = 0;
		while (i + length < IPV6_WORDS && words[i + length] == 0)
			length++;
		if (length > *ret_length) {
			*ret_start = i;
			*ret_length = length;
		}
	}
}

/* Not inet_ntop(): it prints ::102:304 as ::1.2.3.4, the wire's other end does not. */
static void format_ipv6(const uint8_t bytes[16], char text[EVENT_IP_TEXT_MAX])
{
	uint16_t words[IPV6_WORDS];
	for (size_t i = 0; i < IPV6_WORDS; i++)
		words[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
	int zeros = -1;
	int length = 0;
	find_zero_run(words, &zeros, &length);
	size_t used = 0;
	for (int i = 0; i < IPV6_WORDS; i++) {
		if (i == zeros) {
			used += (size_t)snprintf(text + used, EVENT_IP_TEXT_MAX - used, "::");
			i += length - 1;
			continue;
		}
		bool colon = i > 0 && i != zeros + length;
		used += (size_t)snprintf(text + used, EVENT_IP_TEXT_MAX - used, "%s%x",
		                         colon ? ":" : "", words[i]);
	}
}

static const uint8_t v4_mapped_prefix[12] = {[10] = 0xFF, [11] = 0xFF};

void event_format_ip(uint8_t family, const uint8_t address[16], char text[EVENT_IP_TEXT_MAX])
{
	text[0] = '\0';
	if (family == AF_INET)
		format_ipv4(address, text);
	else if (family == AF_INET6 &&
	         memcmp(address, v4_mapped_prefix, sizeof(v4_mapped_prefix)) == 0)
		format_ipv4(address + sizeof(v4_mapped_prefix), text);
	else if (family == AF_INET6)
		format_ipv6(address, text);
}

bool event_parse_ip(struct view text, uint8_t *family, uint8_t address[16])
{
	char ip[EVENT_IP_TEXT_MAX];
	if (text.size == 0 || text.size >= sizeof(ip) || memchr(text.data, '\0', text.size))
		return false;
	memcpy(ip, text.data, text.size);
	ip[text.size] = '\0';
	uint8_t parsed[16] = {0};
	if (inet_pton(AF_INET6, ip, parsed) == 1) {
		*family = AF_INET6;
	} else if (inet_pton(AF_INET, ip, parsed) != 1) {
		return false;
	} else if (*family == AF_INET6) { /* how a mapped address is shown */
		memmove(parsed + sizeof(v4_mapped_prefix), parsed, 4);
		memcpy(parsed, v4_mapped_prefix, sizeof(v4_mapped_prefix));
	} else {
		*family = AF_INET;
	}
	memcpy(address, parsed, sizeof(parsed));
	return true;
}
