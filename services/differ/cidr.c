// SPDX-License-Identifier: Apache-2.0
#include "cidr.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

enum { IPV4_SIZE = 4, IPV6_SIZE = 16, MAPPED_BITS = 96, BITS = 8 };

static const uint8_t mapped_prefix[IPV6_SIZE - IPV4_SIZE] = {0, 0, 0, 0, 0,    0,
                                                             0, 0, 0, 0, 0xff, 0xff};

static bool is_mapped(const struct ip *ip)
{
	return ip->size == IPV6_SIZE &&
	       memcmp(ip->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static struct ip unmapped(const struct ip *ip)
{
	if (!is_mapped(ip))
		return *ip;
	struct ip v4 = {.size = IPV4_SIZE};
	memcpy(v4.bytes, ip->bytes + sizeof(mapped_prefix), IPV4_SIZE);
	return v4;
}

bool ip_of_event(uint8_t family, const uint8_t address[16], struct ip *ret)
{
	struct ip ip = {0};
	if (family == AF_INET)
		ip.size = IPV4_SIZE;
	else if (family == AF_INET6)
		ip.size = IPV6_SIZE;
	else
		return false;
	memcpy(ip.bytes, address, ip.size);
	*ret = unmapped(&ip);
	return true;
}

/* As written: a mapped address stays 16 bytes long. inet_pton() refuses the same as Go: leading
 * zeros, zones, missing groups. */
static bool parse_as_written(struct view text, struct ip *ret)
{
	char copy[INET6_ADDRSTRLEN];
	if (text.size == 0 || text.size >= sizeof(copy) || memchr(text.data, '\0', text.size))
		return false;
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	struct ip ip = {0};
	if (inet_pton(AF_INET, copy, ip.bytes) == 1)
		ip.size = IPV4_SIZE;
	else if (inet_pton(AF_INET6, copy, ip.bytes) == 1)
		ip.size = IPV6_SIZE;
	else
		return false;
	*ret = ip;
	return true;
}

bool ip_parse(struct view text, struct ip *ret)
{
	struct ip ip;
	if (!parse_as_written(text, &ip))
		return false;
	*ret = unmapped(&ip);
	return true;
}

static void clear_host_bits(struct ip *ip, unsigned prefix)
{
	for (unsigned i = 0; i < ip->size; i++) {
		unsigned kept = prefix > i * BITS ? prefix - i * BITS : 0;
		if (kept < BITS)
			ip->bytes[i] &= (uint8_t)(0xff00U >> kept);
	}
}

bool cidr_parse(struct view text, struct cidr *ret)
{
	struct view rest = text;
	struct view address = view_split(&rest, '/');
	if (address.size == text.size)
		return false;
	struct ip ip;
	uint64_t prefix;
	if (!parse_as_written(address, &ip) || !view_to_u64(rest, &prefix) ||
	    prefix > (uint64_t)ip.size * BITS)
		return false;
	clear_host_bits(&ip, (unsigned)prefix);
	if (is_mapped(&ip)) /* so the prefix covers the mark, or its last bits would be cleared */
		prefix -= MAPPED_BITS;
	ret->network = unmapped(&ip);
	ret->prefix = (uint8_t)prefix;
	return true;
}

bool cidr_contains(const struct cidr *cidr, const struct ip *ip)
{
	if (cidr->network.size != ip->size)
		return false;
	struct ip network = *ip;
	clear_host_bits(&network, cidr->prefix);
	return memcmp(network.bytes, cidr->network.bytes, ip->size) == 0;
}
