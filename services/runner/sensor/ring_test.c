// SPDX-License-Identifier: Apache-2.0
#include "ring.h"

#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 64 };

/* A ring as the kernel lays it out, in plain memory. */
struct fake {
	_Atomic uint64_t consumer, producer;
	_Alignas(8) uint8_t data[2 * SIZE];
	struct ring ring;
};

static void fake_init(struct fake *fake)
{
	memset(fake, 0, sizeof(*fake));
	fake->ring = (struct ring){&fake->consumer, &fake->producer, fake->data, 0, SIZE, 0};
}

static void fake_put_word(struct fake *fake, uint64_t position, uint32_t word)
{
	memcpy(fake->data + position % SIZE, &word, sizeof(word));
}

static void fake_put(struct fake *fake, const char *text, uint32_t flags)
{
	uint64_t at = fake->producer;
	size_t size = strlen(text);

	fake_put_word(fake, at, (uint32_t)size | flags);
	for (size_t i = 0; i < size; i++) { /* both mappings show the same bytes */
		size_t place = (at + BPF_RINGBUF_HDR_SZ + i) % SIZE;

		fake->data[place] = fake->data[place + SIZE] = (uint8_t)text[i];
	}
	fake->producer = at + (size + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
}

static void expect(struct fake *fake, const char *text)
{
	struct view record;

	assert_int_equal(ring_peek(&fake->ring, &record), RING_READY);
	assert_int_equal(record.size, strlen(text));
	assert_memory_equal(record.data, text, record.size);
	ring_pop(&fake->ring);
}

static void test_order_and_wrap(void **state)
{
	struct fake fake;
	struct view record;

	(void)state;
	fake_init(&fake);
	assert_int_equal(ring_peek(&fake.ring, &record), RING_EMPTY);
	fake_put(&fake, "first record here", 0);
	fake_put(&fake, "second", 0);
	expect(&fake, "first record here");
	expect(&fake, "second");
	fake_put(&fake, "this one wraps around", 0);
	expect(&fake, "this one wraps around");
	assert_int_equal(ring_peek(&fake.ring, &record), RING_EMPTY);
	assert_int_equal(ring_consumed(&fake.ring), ring_produced(&fake.ring));
}

static void test_discarded_is_skipped(void **state)
{
	struct fake fake;

	(void)state;
	fake_init(&fake);
	fake_put(&fake, "gone", BPF_RINGBUF_DISCARD_BIT);
	fake_put(&fake, "kept", 0);
	expect(&fake, "kept");
}

static void test_busy_blocks_what_follows(void **state)
{
	struct fake fake;
	struct view record;

	(void)state;
	fake_init(&fake);
	fake_put(&fake, "slow", BPF_RINGBUF_BUSY_BIT);
	fake_put(&fake, "fast", 0);
	assert_int_equal(ring_peek(&fake.ring, &record), RING_BUSY);
	assert_int_equal(ring_consumed(&fake.ring), 0);
	fake_put_word(&fake, 0, 4);
	expect(&fake, "slow");
	expect(&fake, "fast");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_order_and_wrap),
	        cmocka_unit_test(test_discarded_is_skipped),
	        cmocka_unit_test(test_busy_blocks_what_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
