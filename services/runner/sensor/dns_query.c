// SPDX-License-Identifier: Apache-2.0
#include "dns_query.h"

enum { DNS_LABEL_MAX = 63, DNS_FLAG_RESPONSE = 0x80, DNS_QUESTION_TAIL = 4 };

static unsigned dns_u16(struct view packet, size_t offset)
{
	const uint8_t *bytes = (const uint8_t *)packet.data + offset;

	return (unsigned)bytes[0] << 8 | bytes[1];
}

bool dns_reader_init(struct dns_reader *reader, struct view packet)
{
	*reader = (struct dns_reader){.packet = packet, .offset = DNS_HEADER_SIZE};
	if (packet.size < DNS_HEADER_SIZE || (uint8_t)packet.data[2] & DNS_FLAG_RESPONSE)
		return false;
	reader->left = dns_u16(packet, 4);
	return reader->left > 0;
}

/* Reads labels up to the root. Pointers never occur in the first question of a query, and no
 * resolver library writes them in later ones. */
static bool dns_read_name(struct dns_reader *reader, struct dns_question *ret)
{
	ret->name_size = 0;
	for (;;) {
		size_t length;

		if (reader->offset >= reader->packet.size)
			return false;
		length = (uint8_t)reader->packet.data[reader->offset++];
		if (length == 0)
			break;
		if (length > DNS_LABEL_MAX || length > reader->packet.size - reader->offset)
			return false;
		if (ret->name_size + length + 1 > DNS_NAME_MAX)
			return false;
		if (ret->name_size)
			ret->name[ret->name_size++] = '.';
		memcpy(ret->name + ret->name_size, reader->packet.data + reader->offset, length);
		ret->name_size += length;
		reader->offset += length;
	}
	ret->name[ret->name_size] = '\0';
	return true;
}

int dns_reader_next(struct dns_reader *reader, struct dns_question *ret)
{
	if (reader->left == 0)
		return 0;
	if (reader->left > DNS_QUESTIONS_MAX || !dns_read_name(reader, ret) ||
	    reader->packet.size - reader->offset < DNS_QUESTION_TAIL)
		return -1;
	ret->type = (uint16_t)dns_u16(reader->packet, reader->offset);
	reader->offset += DNS_QUESTION_TAIL;
	reader->left--;
	return 1;
}
