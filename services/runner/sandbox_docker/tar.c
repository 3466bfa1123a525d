// SPDX-License-Identifier: Apache-2.0
#include "sandbox_docker/tar.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>

enum { TAR_BLOCK = 512 };

/* POSIX ustar; numbers are octal text. */
struct tar_header {
	char name[100];
	char mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
	char type;
	char link_name[100];
	char magic[6], version[2];
	char user[32], group[32], device_major[8], device_minor[8], prefix[155], pad[12];
};
static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is one block");

static unsigned checksum_of(const struct tar_header *header)
{
	/* The checksum's own bytes count as spaces. */
	const unsigned char *bytes = (const unsigned char *)header;
	unsigned sum = 0;
	for (size_t i = 0; i < sizeof(*header); i++) {
		bool own = i >= offsetof(struct tar_header, checksum) &&
		           i < offsetof(struct tar_header, type);
		sum += own ? ' ' : bytes[i];
	}
	return sum;
}

static void pad_to_block(struct buf *out, size_t content_size)
{
	static const char zeros[TAR_BLOCK];
	size_t over = content_size % TAR_BLOCK;
	if (over > 0)
		buf_append(out, zeros, TAR_BLOCK - over);
}

void tar_write_file(struct buf *out, const char *name, uint32_t mode, struct view content)
{
	static const char end[2 * TAR_BLOCK];
	struct tar_header header = {
	        .type = '0',
	        .magic = "ustar",
	        .version = {'0', '0'},
	        .uid = "0000000",
	        .gid = "0000000",
	        .mtime = "00000000000",
	};
	(void)snprintf(header.name, sizeof(header.name), "%s", name);
	(void)snprintf(header.mode, sizeof(header.mode), "%07o", mode & 07777U);
	(void)snprintf(header.size, sizeof(header.size), "%011llo",
	               (unsigned long long)content.size);
	(void)snprintf(header.checksum, sizeof(header.checksum), "%06o", checksum_of(&header));
	header.checksum[7] = ' ';
	buf_append(out, &header, sizeof(header));
	buf_append_view(out, content);
	pad_to_block(out, content.size);
	buf_append(out, end, sizeof(end));
}

static bool read_octal(const char *text, size_t size, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;
	while (i < size && text[i] == ' ')
		i++;
	size_t digits = i;
	for (; i < size && text[i] >= '0' && text[i] <= '7'; i++)
		value = value * 8 + (uint64_t)(text[i] - '0');
	*ret = value;
	return i > digits;
}

struct view tar_first_file(struct view archive)
{
	while (archive.size >= TAR_BLOCK) {
		const struct tar_header *header = (const struct tar_header *)archive.data;
		uint64_t size;
		if (!read_octal(header->size, sizeof(header->size), &size) ||
		    size > archive.size - TAR_BLOCK)
			break;
		if (header->type == '0' || header->type == '\0')
			return view_of(archive.data + TAR_BLOCK, (size_t)size);
		/* Extended headers and the like stand before the file that they describe. */
		uint64_t step = TAR_BLOCK + (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
		if (step > archive.size)
			break;
		archive = view_of(archive.data + step, archive.size - (size_t)step);
	}
	return (struct view){0};
}
