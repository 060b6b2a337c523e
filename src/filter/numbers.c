// SPDX-License-Identifier: GPL-2.0-only
/* Numbers and durations, as they are written in filters. */
#include <config.h>

#include "src/filter/internal.h"

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/* Digits from the begin of a word; how many there are, or 0 if the number is too large. */
static size_t take_digits(struct word w, unsigned int base, uint64_t *ret)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < w.len && digit_of(w.at[i]) < (int)base; i++)
		if (__builtin_mul_overflow(n, base, &n) ||
		    __builtin_add_overflow(n, (uint64_t)digit_of(w.at[i]), &n))
			return 0;
	*ret = n;
	return i;
}

bool number_parse(struct word w, uint64_t *ret)
{
	unsigned int base = 10;
	uint64_t n;

	if (w.len > 2 && w.at[0] == '0' && (w.at[1] == 'x' || w.at[1] == 'X')) {
		w = (struct word){ w.at + 2, w.len - 2 };
		base = 16;
	}
	if (!w.len || take_digits(w, base, &n) != w.len)
		return false;
	*ret = n;
	return true;
}

/* The nanoseconds of a unit of time, 0 if there is no such unit. */
static uint64_t unit_ns(struct word w)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (word_is(w, units[i].name))
			return units[i].ns;
	return 0;
}

/* The digits behind a decimal point, if they are whole nanoseconds: 1.5us, not 1.5ns. */
static bool add_fraction(struct word digits, uint64_t unit, uint64_t *ns)
{
	for (size_t i = 0; i < digits.len; i++) {
		unit = unit % 10 ? 0 : unit / 10;
		if (!unit && digits.at[i] != '0')
			return false;
		if (__builtin_add_overflow(*ns, unit * (uint64_t)digit_of(digits.at[i]), ns))
			return false;
	}
	return true;
}

static struct word behind(struct word w, size_t n)
{
	return (struct word){ w.at + n, w.len - n };
}

bool duration_parse(struct word w, uint64_t *ret)
{
	struct word fraction = {}, rest;
	uint64_t whole, unit, ns;
	size_t n = take_digits(w, 10, &whole);

	if (!n)
		return false;
	rest = behind(w, n);
	if (rest.len && rest.at[0] == '.') {
		fraction = behind(rest, 1);
		for (n = 0; n < fraction.len && digit_of(fraction.at[n]) < 10; n++)
			;
		rest = behind(fraction, n);
		fraction.len = n;
		if (!n)
			return false;
	}
	if (!rest.len && !whole && !fraction.len) {
		*ret = 0;
		return true;
	}
	unit = unit_ns(rest);
	if (!unit || __builtin_mul_overflow(whole, unit, &ns) ||
	    !add_fraction(fraction, unit, &ns))
		return false;
	*ret = ns;
	return true;
}
