// SPDX-License-Identifier: Apache-2.0
/* The examples of RFC 9001, appendix A, and of RFC 9369, appendix A; then what is malformed. */
#include "quic_initial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client_hello.h"
#include "quic_fixture.h"

enum { PLAIN_SIZE = 1162, HEX_MAX = 1200 };

static const char destination[] = "8394c8f03e515708";
static const char crypto_frame[] =
        "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c000004"
        "13011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d00170018"
        "00100007000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba75"
        "3de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e040305030603020308040805080600"
        "2d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075"
        "300901100f088394c8f03e51570806048000ffff";

static size_t unhex(const char *text, uint8_t *ret)
{
	size_t size = strlen(text) / 2;

	for (size_t i = 0; i < size; i++) {
		const char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};

		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return size;
}

static void expect_hex(const uint8_t *bytes, const char *text)
{
	uint8_t expected[HEX_MAX];

	assert_memory_equal(bytes, expected, unhex(text, expected));
}

static const struct example {
	uint32_t version;
	const char *key, *iv, *header; /* of the client */
	const char *start, *end;       /* of the protected packet */
} examples[] = {
        {QUIC_VERSION_1, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
         "9f50449e04a0e810283a1e9933adedd2",
         "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d9"
         "2"
         "ec356c0bab7df5976d27cd449f63300099f399",
         "e221af44860018ab0856972e194cd934"},
        {QUIC_VERSION_2, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
         "45b95e15235d6f45a6b19cbcb0294ba9", "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6a",
         ""},
};

static void test_examples(void **state)
{
	uint8_t id[QUIC_ID_MAX], frame[HEX_MAX], bytes[QUIC_FIXTURE_MAX];
	size_t id_size = unhex(destination, id), frame_size = unhex(crypto_frame, frame);

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		const struct example *example = &examples[i];
		const struct quic_fixture fixture = {.version = example->version,
		                                     .destination = view_of(id, id_size),
		                                     .number = 2};
		const struct quic_packet keyed = {.version = example->version,
		                                  .destination = view_of(id, id_size)};
		struct quic_keys keys;
		size_t size;

		assert_true(quic_keys_derive(&keyed, &keys));
		expect_hex(keys.key, example->key);
		expect_hex(keys.iv, example->iv);
		expect_hex(keys.header, example->header);
		size = quic_fixture_initial(bytes, &fixture, view_of(frame, frame_size),
		                            PLAIN_SIZE);
		assert_int_equal(size, QUIC_FIXTURE_DATAGRAM);
		expect_hex(bytes, example->start);
		expect_hex(bytes + size - strlen(example->end) / 2, example->end);
	}
}

/* Name in the hello of the datagram's first packet. */
static void expect_name(struct view datagram, const char *name)
{
	static struct quic_plain plain;
	struct quic_packet packet;
	struct quic_keys keys;
	struct quic_crypto crypto;
	struct client_hello hello;
	struct view frames;

	assert_int_equal(quic_packet_next(&datagram, &packet), 1);
	assert_true(packet.is_initial);
	assert_true(quic_keys_derive(&packet, &keys));
	assert_true(quic_packet_open(&packet, &keys, 0, &plain));
	assert_int_equal(plain.number, 2);
	frames = view_of(plain.frames, plain.size);
	assert_int_equal(quic_crypto_next(&frames, &crypto), 1);
	assert_int_equal(crypto.offset, 0);
	assert_int_equal(client_hello_parse_bare(crypto.data, &hello), CLIENT_HELLO_NAME);
	assert_string_equal(hello.name, name);
	assert_int_equal(quic_crypto_next(&frames, &crypto), 0);
}

static void test_open(void **state)
{
	uint8_t id[QUIC_ID_MAX], frame[HEX_MAX], bytes[QUIC_FIXTURE_MAX];
	size_t frame_size = unhex(crypto_frame, frame);
	struct quic_fixture fixture = {.destination = view_of(id, unhex(destination, id)),
	                               .token = VIEW_LITERAL("token"),
	                               .number = 2};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		size_t size;

		fixture.version = examples[i].version;
		size = quic_fixture_initial(bytes, &fixture, view_of(frame, frame_size),
		                            PLAIN_SIZE);
		expect_name(view_of(bytes, size), "example.com");
	}
}

static void test_every_cut_and_every_flip_is_refused(void **state)
{
	static struct quic_plain plain;
	uint8_t id[QUIC_ID_MAX], bytes[QUIC_FIXTURE_MAX];
	struct quic_fixture fixture = {.version = QUIC_VERSION_1,
	                               .destination = view_of(id, unhex(destination, id))};
	size_t size = quic_fixture_initial(bytes, &fixture, VIEW_LITERAL("\x01"), 60);
	struct quic_packet packet;
	struct quic_keys keys;
	struct view rest;

	(void)state;
	for (size_t cut = 1; cut < size; cut++) {
		rest = view_of(bytes, cut);
		assert_int_equal(quic_packet_next(&rest, &packet), -1);
	}
	for (size_t at = 0; at < size; at++) {
		bytes[at] ^= 1;
		rest = view_of(bytes, size);
		if (quic_packet_next(&rest, &packet) == 1 && quic_keys_derive(&packet, &keys))
			assert_false(quic_packet_open(&packet, &keys, 0, &plain));
		bytes[at] ^= 1;
	}
}

static void test_coalesced_packets(void **state)
{
	uint8_t bytes[2 * QUIC_FIXTURE_MAX];
	struct quic_fixture fixture = {.version = QUIC_VERSION_1,
	                               .destination = VIEW_LITERAL("12345678")};
	size_t size = quic_fixture_initial(bytes, &fixture, VIEW_LITERAL("\x01"), 60),
	       second = size;
	struct quic_packet packet;
	struct view rest;

	(void)state;
	size += quic_fixture_initial(bytes + size, &fixture, VIEW_LITERAL("\x01"), 60);
	bytes[second] = (uint8_t)(bytes[second] | 0x20); /* a handshake packet, to all appearance */
	bytes[second + 15] = bytes[second + 16];         /* which has no token */
	bytes[size++] = 0;                               /* padding of the datagram */
	rest = view_of(bytes, size);
	assert_int_equal(quic_packet_next(&rest, &packet), 1);
	assert_true(packet.is_initial);
	assert_int_equal(packet.bytes.size, second);
	assert_int_equal(rest.size, size - second);
}

static void test_frames(void **state)
{
	static const struct {
		struct view frames;
		int result; /* of the first call */
	} rows[] = {
	        {VIEW_LITERAL(""), 0},
	        {VIEW_LITERAL("\0\0\1\0"), 0},
	        {VIEW_LITERAL("\2\1\1\1\0\0\0\6\0\1x"), 1},   /* ACK of two ranges, CRYPTO */
	        {VIEW_LITERAL("\3\1\1\0\0\1\1\1\6\0\1x"), 1}, /* ACK with ECN */
	        {VIEW_LITERAL("\x1c\1\0\2no\6\0\1x"), 1},     /* CLOSE */
	        {VIEW_LITERAL("\6\0\2x"), -1},                /* cut */
	        {VIEW_LITERAL("\6"), -1},
	        {VIEW_LITERAL("\x08\0\0"), -1}, /* STREAM: not here */
	        {VIEW_LITERAL("\2\1\1\xff\xff\xff\xff\xff\xff\xff\xff\0"), -1},
	};
	struct quic_crypto crypto;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct view frames = rows[i].frames;

		if (quic_crypto_next(&frames, &crypto) != rows[i].result)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_examples),
	        cmocka_unit_test(test_open),
	        cmocka_unit_test(test_every_cut_and_every_flip_is_refused),
	        cmocka_unit_test(test_coalesced_packets),
	        cmocka_unit_test(test_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
