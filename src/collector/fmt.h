/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Append-only formatting. Each function writes at p, where the caller has
 * reserved room, and returns the end of what it wrote. Nothing is terminated.
 */
#ifndef COLLECTOR_FMT_H
#define COLLECTOR_FMT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Most bytes one number can take, quotes and all. */
#define FMT_NUMBER_MAX 24

extern const char fmt_pairs[200];	/* "00" to "99" */

/* A literal: its length is known when compiled. */
#define FMT_LIT(p, literal) ((char *)memcpy((p), (literal), sizeof(literal) - 1) + \
			     sizeof(literal) - 1)

static inline char *fmt_bytes(char *p, const char *text, size_t len)
{
	memcpy(p, text, len);
	return p + len;
}

static inline char *fmt_str(char *p, const char *text)
{
	return fmt_bytes(p, text, strlen(text));
}

extern const uint64_t fmt_powers[20];	/* of ten */

/* How many decimal digits; bits * log10(2) is right or one too few. */
static inline unsigned int fmt_digits(uint64_t v)
{
	unsigned int n = (unsigned int)(64 - __builtin_clzll(v | 1)) * 1233 >> 12;

	return n + (v >= fmt_powers[n] || !n);
}

/* Decimal. */
static inline char *fmt_u64(char *p, uint64_t v)
{
	unsigned int n = fmt_digits(v);
	char *at = p + n;

	while (v >= 100) {
		at -= 2;
		memcpy(at, fmt_pairs + v % 100 * 2, 2);
		v /= 100;
	}
	if (v >= 10)
		memcpy(p, fmt_pairs + v * 2, 2);
	else
		*p = (char)('0' + v);
	return p + n;
}

static inline char *fmt_s64(char *p, int64_t v)
{
	if (v >= 0)
		return fmt_u64(p, (uint64_t)v);
	*p++ = '-';
	return fmt_u64(p, -(uint64_t)v);
}

/* "0x..." in quotes: JSON's numbers are not exact beyond 2^53. */
static inline char *fmt_hex(char *p, uint64_t v)
{
	int digits = v ? (67 - __builtin_clzll(v)) / 4 : 1;

	p = FMT_LIT(p, "\"0x");
	for (int i = digits - 1; i >= 0; i--, v >>= 4)
		p[i] = "0123456789abcdef"[v & 15];
	p += digits;
	*p++ = '"';
	return p;
}

/* Nanoseconds as microseconds with three decimals. */
static inline char *fmt_us(char *p, uint64_t ns)
{
	unsigned int rest = (unsigned int)(ns % 1000);

	p = fmt_u64(p, ns / 1000);
	*p++ = '.';
	*p++ = (char)('0' + rest / 100);
	return fmt_bytes(p, fmt_pairs + rest % 100 * 2, 2);
}

/* A text as a JSON string, up to its NUL or max bytes; bytes that are not
 * plain ASCII are escaped (a byte from 0x80 as that code point). Takes up to
 * 6 * max + 2 bytes. */
char *fmt_json(char *p, const char *text, size_t max);

#endif /* COLLECTOR_FMT_H */
