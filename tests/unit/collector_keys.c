/* SPDX-License-Identifier: GPL-2.0-only */
/* The hottest key of a class, in bounded memory, against counting them all. */
#include <config.h>

#include "collector_test.h"

#include "src/collector/keys.h"
#include "src/collector/names.h"

#define MANY 4096

struct counted {
	struct keys keys;
	uint64_t count[MANY], all;
};

static void add(struct counted *c, uint64_t key)
{
	keys_add(&c->keys, VMMT_CLASS_io_out, key);
	c->count[key]++;
	c->all++;
}

static uint64_t most(const struct counted *c)
{
	uint64_t max = 0;

	for (size_t i = 0; i < MANY; i++)
		max = c->count[i] > max ? c->count[i] : max;
	return max;
}

static void nothing_came(void **state)
{
	struct counted *c = calloc(1, sizeof(*c));
	struct key_count top;
	bool sure;

	assert_false(keys_top(&c->keys, VMMT_CLASS_io_out, &top, &sure));
	add(c, 5);
	assert_false(keys_top(&c->keys, VMMT_CLASS_io_in, &top, &sure));
	assert_true(keys_top(&c->keys, VMMT_CLASS_io_out, &top, &sure));
	assert_int_equal(top.key, 5);
	free(c);
}

/* No more keys than there is room for: the hottest, and how often, for sure. */
static void few_are_counted_exactly(void **state)
{
	uint64_t rng = 1;

	for (int round = 0; round < 50; round++) {
		struct counted *c = calloc(1, sizeof(*c));
		struct key_count top;
		bool sure;

		for (int i = 0; i < 5000; i++)
			add(c, test_random(&rng) % (1 + test_random(&rng) % KEYS_KEPT));
		assert_true(keys_top(&c->keys, VMMT_CLASS_io_out, &top, &sure));
		assert_true(sure);
		assert_int_equal(top.count, most(c));
		assert_int_equal(c->count[top.key], most(c));
		free(c);
	}
}

/* Far more: never told to have come more often than it did, nor missed by
 * more than is said; whatever has more than a share of 1 in KEYS_KEPT is
 * found; and what is called sure is. */
static void many_are_estimated(void **state)
{
	uint64_t rng = 2;
	int surely = 0;

	for (int round = 0; round < 200; round++) {
		uint64_t hot = test_random(&rng) % MANY, one_in = 1 + test_random(&rng) % 200;
		struct counted *c = calloc(1, sizeof(*c));
		struct key_count top;
		bool sure;

		for (int i = 0; i < 20000; i++)
			add(c, test_random(&rng) % one_in ? test_random(&rng) % MANY : hot);
		assert_true(keys_top(&c->keys, VMMT_CLASS_io_out, &top, &sure));
		assert_true(top.count <= c->count[top.key]);
		assert_true(top.count + top.more >= c->count[top.key]);
		if (c->count[hot] > 2 * c->all / KEYS_KEPT)
			assert_int_equal(top.key, hot);
		if (sure) {
			surely++;
			assert_int_equal(top.count, c->count[top.key]);
			assert_int_equal(top.count, most(c));
		}
		free(c);
	}
	assert_true(surely > 0);
}

/* The collector counts the exits that it wrote, where a key means something. */
static void of_what_was_recorded(void **state)
{
	struct collector_options options = { .generator = "test", .khz = 1000000 };
	struct collector *c = collector_new(&options);
	struct key_count top;
	uint64_t n = 0;
	bool sure;

	assert_int_equal(collector_add_source(c), 0);
	for (int i = 0; i < 30; i++) {
		struct vmmt_exit x = { HEAD(exit, 1, 0, n + 1, 100 * (n + 1), n + 1) };

		n++;
		x.class = i % 3 == 2 ? VMMT_CLASS_hlt : VMMT_CLASS_io_in;
		x.key = i % 2 ? 0x3fd : 0x60;
		if (i < 3)
			x.key = 0x3fd;
		PUSH(c, 0, x);
	}
	assert_int_equal(collector_finish(c, NULL), 0);
	assert_true(keys_top(collector_keys(c), VMMT_CLASS_io_in, &top, &sure));
	assert_true(sure);
	assert_int_equal(top.key, 0x3fd);
	assert_int_equal(top.count, 11);
	assert_false(keys_top(collector_keys(c), VMMT_CLASS_hlt, &top, &sure));
	collector_free(c);
}

/* A name for each kind of key; well-known where there is one. */
static void names_of_keys(void **state)
{
	static const struct {
		enum vmmt_key kind;
		uint64_t key;
		const char *text;
	} keys[] = {
		{ VMMT_KEY_port, 0x3fd, "serial0" }, { VMMT_KEY_port, 0x1234, "0x1234" },
		{ VMMT_KEY_msr, 0xc0000080, "EFER" }, { VMMT_KEY_msr, 0x999, "0x999" },
		{ VMMT_KEY_leaf, 0x80000001, "0x80000001" }, { VMMT_KEY_cr, 4, "cr4" },
		{ VMMT_KEY_dr, 7, "dr7" }, { VMMT_KEY_vector, 14, "14" },
		{ VMMT_KEY_gpa, VMMT_ACCESS_w, "write" }, { VMMT_KEY_rax, 1ull << 40, "" },
		{ VMMT_KEY_none, 1, "" },
	};
	char text[40];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		vmmt_key_text(text, sizeof(text), keys[i].kind, keys[i].key);
		assert_string_equal(text, keys[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_came),
		cmocka_unit_test(few_are_counted_exactly),
		cmocka_unit_test(many_are_estimated),
		cmocka_unit_test(of_what_was_recorded),
		cmocka_unit_test(names_of_keys),
	};

	return RUN_TESTS(tests);
}
