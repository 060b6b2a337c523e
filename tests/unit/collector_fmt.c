/* SPDX-License-Identifier: GPL-2.0-only */
/* The formatter, held to printf and to Jansson's idea of JSON. */
#include <config.h>

#include "collector_test.h"

#include <inttypes.h>

#include <jansson.h>

#include "src/collector/fmt.h"

static uint64_t rng = 42;

/* Values of every length, and those around each power of two and of ten. */
static uint64_t value(unsigned int i)
{
	static const int64_t around[] = { -1, 0, 1 };
	uint64_t ten = 1;

	if (i < 192)
		return (1ull << i / 3) + (uint64_t)around[i % 3];
	if (i < 252) {
		for (unsigned int n = (i - 192) / 3; n; n--)
			ten *= 10;
		return ten + (uint64_t)around[i % 3];
	}
	return test_random(&rng) >> test_random(&rng) % 64;
}

static void numbers(void **state)
{
	char ours[64], theirs[64];

	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t v = value(i);

		*fmt_u64(ours, v) = '\0';
		snprintf(theirs, sizeof(theirs), "%" PRIu64, v);
		assert_string_equal(ours, theirs);
		*fmt_s64(ours, (int64_t)v) = '\0';
		snprintf(theirs, sizeof(theirs), "%" PRId64, (int64_t)v);
		assert_string_equal(ours, theirs);
		*fmt_hex(ours, v) = '\0';
		snprintf(theirs, sizeof(theirs), "\"0x%" PRIx64 "\"", v);
		assert_string_equal(ours, theirs);
		*fmt_us(ours, v) = '\0';
		snprintf(theirs, sizeof(theirs), "%" PRIu64 ".%03u", v / 1000,
			 (unsigned int)(v % 1000));
		assert_string_equal(ours, theirs);
	}
}

static void longest_numbers_fit(void **state)
{
	char text[64];

	assert_true(fmt_u64(text, UINT64_MAX) - text <= FMT_NUMBER_MAX);
	assert_true(fmt_s64(text, INT64_MIN) - text <= FMT_NUMBER_MAX);
	assert_true(fmt_hex(text, UINT64_MAX) - text <= FMT_NUMBER_MAX);
	assert_true(fmt_us(text, UINT64_MAX) - text <= FMT_NUMBER_MAX);
}

/* Any bytes make a valid JSON string; ASCII comes back as it was. */
static void strings(void **state)
{
	char text[65], out[6 * 64 + 3];

	for (unsigned int i = 0; i < 10000; i++) {
		size_t len = test_random(&rng) % 64;
		bool ascii = i % 2;
		json_t *s;

		for (size_t j = 0; j < len; j++)
			text[j] = (char)(test_random(&rng) % (ascii ? 127 : 255) + 1);
		text[len] = '\0';
		*fmt_json(out, text, sizeof(text)) = '\0';
		s = json_loads(out, JSON_DECODE_ANY, NULL);
		assert_non_null(s);
		if (ascii)
			assert_string_equal(json_string_value(s), text);
		json_decref(s);
	}
}

static void string_ends_at_its_size(void **state)
{
	char out[64];

	*fmt_json(out, "abcdef", 3) = '\0';
	assert_string_equal(out, "\"abc\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(longest_numbers_fit),
		cmocka_unit_test(strings),
		cmocka_unit_test(string_ends_at_its_size),
	};

	return RUN_TESTS(tests);
}
