// SPDX-License-Identifier: Apache-2.0
#include "resolver.h"

#include <stdlib.h>

#include "base/alloc.h"

enum { RESOLVER_AF_INET = 2, RESOLVER_AF_INET6 = 10 };

struct resolver_name {
	struct resolver_name *bucket_next, *newer;
	struct dns_address address;
	size_t size;
	char text[]; /* name */
};

void resolver_init(struct resolver *resolver)
{
	*resolver = (struct resolver){0};
}

void resolver_release(struct resolver *resolver)
{
	struct resolver_name *name = resolver->oldest;

	while (name) {
		struct resolver_name *newer = name->newer;

		free(name);
		name = newer;
	}
	*resolver = (struct resolver){0};
}

/* A mapped address is the IPv4 address that it stands for. */
static struct dns_address plain_address(uint8_t family, const uint8_t bytes[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct dns_address address = {.family = family};

	if (family == RESOLVER_AF_INET6 && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		address.family = RESOLVER_AF_INET;
		memcpy(address.bytes, bytes + sizeof(mapped), 4);
	} else {
		memcpy(address.bytes, bytes, family == RESOLVER_AF_INET ? 4 : 16);
	}
	return address;
}

static uint64_t hash_of(struct view name)
{
	char lower[DNS_NAME_MAX + 1];
	size_t size = name.size < DNS_NAME_MAX ? name.size : DNS_NAME_MAX;

	for (size_t i = 0; i < size; i++) {
		char c = name.data[i];

		lower[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	return view_hash(view_of(lower, size));
}

void resolver_asked(struct resolver *resolver, uint64_t cookie, uint16_t id, struct view name)
{
	resolver->questions[resolver->next_question] =
	        (struct resolver_question){.cookie = cookie, .name = hash_of(name), .id = id};
	resolver->next_question = (resolver->next_question + 1) % RESOLVER_QUESTIONS_MAX;
}

/* Each question has one answer: who races the server with a second one is not listened to. */
static bool take_question(struct resolver *resolver, uint64_t cookie,
                          const struct dns_answer *answer)
{
	uint64_t name = hash_of(view_of(answer->question.name, answer->question.name_size));

	for (size_t i = 0; i < RESOLVER_QUESTIONS_MAX; i++) {
		struct resolver_question *question = &resolver->questions[i];

		if (question->cookie != cookie || question->id != answer->id ||
		    question->name != name || cookie == 0)
			continue;
		question->cookie = 0;
		return true;
	}
	return false;
}

static bool believed(struct resolver *resolver, const struct record_address *server,
                     enum actor actor)
{
	struct record_address same = *server;

	same.protocol = 0; /* UDP and TCP are one server */
	same.reserved = 0;
	for (size_t i = 0; i < resolver->server_count; i++)
		if (memcmp(&resolver->servers[i], &same, sizeof(same)) == 0)
			return true;
	if (actor == ACTOR_PACKAGE || resolver->server_count == RESOLVER_SERVERS_MAX)
		return false;
	resolver->servers[resolver->server_count++] = same;
	return true;
}

static struct resolver_name **bucket_of(struct resolver *resolver,
                                        const struct dns_address *address)
{
	return &resolver->buckets[view_hash(view_of(address, sizeof(*address))) % RESOLVER_BUCKETS];
}

static void forget_oldest(struct resolver *resolver)
{
	struct resolver_name *name = resolver->oldest, **at = bucket_of(resolver, &name->address);

	while (*at != name)
		at = &(*at)->bucket_next;
	*at = name->bucket_next;
	resolver->oldest = name->newer;
	if (resolver->newest == name)
		resolver->newest = NULL;
	resolver->count--;
	free(name);
}

/* In front of older names of the same address. */
static void remember(struct resolver *resolver, const struct dns_address *address, struct view text)
{
	struct resolver_name *name = xmalloc(sizeof(*name) + text.size + 1);
	struct resolver_name **bucket = bucket_of(resolver, address);

	if (resolver->count == RESOLVER_NAMES_MAX)
		forget_oldest(resolver);
	*name = (struct resolver_name){
	        .bucket_next = *bucket, .address = *address, .size = text.size};
	memcpy(name->text, text.data, text.size);
	*bucket = name;
	if (resolver->newest)
		resolver->newest->newer = name;
	else
		resolver->oldest = name;
	resolver->newest = name;
	resolver->count++;
}

void resolver_answered(struct resolver *resolver, uint64_t cookie,
                       const struct record_address *server, enum actor actor,
                       const struct dns_answer *answer)
{
	struct view name = view_of(answer->question.name, answer->question.name_size);

	if (name.size == 0 || !take_question(resolver, cookie, answer) ||
	    !believed(resolver, server, actor))
		return;
	for (size_t i = 0; i < answer->address_count; i++) {
		const struct dns_address *given = &answer->addresses[i];
		struct dns_address address = plain_address(given->family, given->bytes);

		if (!view_equal(resolver_name_of(resolver, address.family, address.bytes), name))
			remember(resolver, &address, name);
	}
}

struct view resolver_name_of(const struct resolver *resolver, uint8_t family,
                             const uint8_t address[16])
{
	struct dns_address wanted = plain_address(family, address);
	size_t bucket = view_hash(view_of(&wanted, sizeof(wanted))) % RESOLVER_BUCKETS;

	for (const struct resolver_name *name = resolver->buckets[bucket]; name;
	     name = name->bucket_next)
		if (memcmp(&name->address, &wanted, sizeof(wanted)) == 0)
			return view_of(name->text, name->size);
	return (struct view){0};
}
