// SPDX-License-Identifier: Apache-2.0
#include "dns_answer.h"

#include <stdio.h>

#include "model/event.h"

enum {
	DNS_FLAG_RESPONSE = 0x80,
	DNS_FLAG_CUT = 0x02,
	DNS_POINTER = 0xc0,
	DNS_LABEL_MAX = 63,
	DNS_QUESTION_TAIL = 4,
	DNS_RECORD_TAIL = 10, /* type, class, time to live, size of the data */
	DNS_TYPE_A = 1,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_AAAA = 28,
	DNS_AF_INET = 2,
	DNS_AF_INET6 = 10,
};

struct name {
	char text[DNS_NAME_MAX + 1];
	size_t size;
};

static unsigned u16_at(struct view packet, size_t offset)
{
	const uint8_t *bytes = (const uint8_t *)packet.data + offset;

	return (unsigned)bytes[0] << 8 | bytes[1];
}

static bool add_label(struct name *name, const char *label, size_t size)
{
	if (name->size + size + 1 > DNS_NAME_MAX)
		return false;
	if (name->size)
		name->text[name->size++] = '.';
	memcpy(name->text + name->size, label, size);
	name->size += size;
	return true;
}

/* Follows pointers, a bounded number of them. `*offset` is set behind the name. */
static bool read_name(struct view packet, size_t *offset, struct name *ret)
{
	size_t at = *offset, jumps = 0;

	ret->size = 0;
	for (;;) {
		size_t length;

		if (at >= packet.size)
			return false;
		length = (uint8_t)packet.data[at++];
		if (length >= DNS_POINTER) {
			if (at >= packet.size || ++jumps > DNS_JUMPS_MAX)
				return false;
			if (jumps == 1)
				*offset = at + 1;
			at = (length & ~(size_t)DNS_POINTER) << 8 | (uint8_t)packet.data[at];
			continue;
		}
		if (length == 0)
			break;
		if (length > DNS_LABEL_MAX || length > packet.size - at ||
		    !add_label(ret, packet.data + at, length))
			return false;
		at += length;
	}
	if (jumps == 0)
		*offset = at;
	ret->text[ret->size] = '\0';
	return true;
}

static bool name_is(const struct name *name, const char *text, size_t size)
{
	return view_equal_ignoring_case(view_of(name->text, name->size), view_of(text, size));
}

/* What does not fit any more is left out, as a whole. */
static void add_text(struct dns_answer *answer, struct view text)
{
	size_t gap = answer->text_size ? 1 : 0;

	if (text.size == 0 || text.size + gap > sizeof(answer->text) - answer->text_size)
		return;
	if (gap)
		answer->text[answer->text_size++] = ' ';
	memcpy(answer->text + answer->text_size, text.data, text.size);
	answer->text_size += text.size;
}

static void add_name(struct dns_answer *answer, const struct name *name)
{
	enum { ESCAPED = 4 };
	char text[ESCAPED * DNS_NAME_MAX + 1];
	size_t size = 0;

	for (size_t i = 0; i < name->size; i++) {
		unsigned char c = (unsigned char)name->text[i];

		if (c > ' ' && c < 0x7f && c != '\\')
			text[size++] = (char)c;
		else
			size += (size_t)snprintf(text + size, ESCAPED + 1, "\\%03u", c);
	}
	add_text(answer, view_of(text, size));
}

static void add_address(struct dns_answer *answer, uint8_t family, struct view bytes, bool ours)
{
	struct dns_address address = {.family = family};
	char text[EVENT_IP_TEXT_MAX];

	memcpy(address.bytes, bytes.data, bytes.size);
	event_format_ip(family, address.bytes, text);
	add_text(answer, view_of_string(text));
	if (ours && answer->address_count < DNS_ADDRESSES_MAX)
		answer->addresses[answer->address_count++] = address;
}

/* `alias` is the last name that the question's name leads to. */
static bool add_record(struct dns_answer *answer, struct view packet, size_t data_at, size_t size,
                       unsigned type, const struct name *owner, struct name *alias)
{
	struct view data = view_of(packet.data + data_at, size);
	bool ours = name_is(owner, answer->question.name, answer->question.name_size) ||
	            name_is(owner, alias->text, alias->size);
	char other[16];

	if (type == DNS_TYPE_A && size == 4) {
		add_address(answer, DNS_AF_INET, data, ours);
	} else if (type == DNS_TYPE_AAAA && size == 16) {
		add_address(answer, DNS_AF_INET6, data, ours);
	} else if (type == DNS_TYPE_CNAME) {
		struct name target;

		if (!read_name(packet, &data_at, &target))
			return false;
		add_name(answer, &target);
		if (ours)
			*alias = target;
	} else {
		(void)snprintf(other, sizeof(other), "TYPE%u", type);
		add_text(answer, view_of_string(other));
	}
	return type != DNS_TYPE_A || size == 4;
}

static bool read_record(struct dns_answer *answer, struct view packet, size_t *offset,
                        struct name *alias)
{
	struct name owner;
	size_t size;
	unsigned type;

	if (!read_name(packet, offset, &owner) || packet.size < *offset ||
	    packet.size - *offset < DNS_RECORD_TAIL)
		return false;
	type = u16_at(packet, *offset);
	size = u16_at(packet, *offset + DNS_RECORD_TAIL - 2);
	*offset += DNS_RECORD_TAIL;
	if (size > packet.size - *offset ||
	    !add_record(answer, packet, *offset, size, type, &owner, alias))
		return false;
	*offset += size;
	return true;
}

static bool read_question(struct dns_answer *answer, struct view packet, size_t *offset)
{
	struct name name;

	if (!read_name(packet, offset, &name) || packet.size < *offset ||
	    packet.size - *offset < DNS_QUESTION_TAIL)
		return false;
	answer->question.type = (uint16_t)u16_at(packet, *offset);
	answer->question.name_size = name.size;
	memcpy(answer->question.name, name.text, name.size + 1);
	*offset += DNS_QUESTION_TAIL;
	return true;
}

bool dns_answer_read(struct view packet, struct dns_answer *ret)
{
	size_t offset = DNS_HEADER_SIZE;
	struct name alias = {.size = 0};
	unsigned questions, records;
	bool cut;

	if (packet.size < DNS_HEADER_SIZE || !((uint8_t)packet.data[2] & DNS_FLAG_RESPONSE))
		return false;
	ret->id = (uint16_t)u16_at(packet, 0);
	ret->question = (struct dns_question){0};
	ret->address_count = ret->text_size = 0;
	cut = (uint8_t)packet.data[2] & DNS_FLAG_CUT;
	questions = u16_at(packet, 4);
	records = u16_at(packet, 6);
	if (questions > 1 || (questions && !read_question(ret, packet, &offset)))
		return false;
	memcpy(alias.text, ret->question.name, ret->question.name_size + 1);
	alias.size = ret->question.name_size;
	for (unsigned i = 0; i < records; i++)
		if (!read_record(ret, packet, &offset, &alias))
			return cut;
	return true;
}
