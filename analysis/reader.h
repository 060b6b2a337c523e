/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads a timeline line by line, compressed or not, in bounded memory. */
#ifndef ANALYSIS_READER_H
#define ANALYSIS_READER_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Longest line; a longer one is not from us. */
#define READER_LINE_MAX (4 << 20)

struct reader;

enum reader_format {
	READER_UNKNOWN,
	READER_JSON,		/* an array, one event a line */
	READER_NDJSON,
};

/* Opens a file; 0 or a negative errno. */
int reader_open(const char *path, struct reader **ret_reader);
void reader_close(struct reader *r);

/* The next line without its newline, NUL-terminated, valid until the next
 * call. Returns 1; 0 at the end; -EFBIG for a line that is too long, or a
 * negative errno of read(2). What a cut or damaged compressed file still gives
 * is read, then reader_cut() is true. */
int reader_line(struct reader *r, char **ret_line, size_t *ret_len);

/* Number of the line last read, from 1. */
unsigned long reader_number(const struct reader *r);

/* At the end: the last line had no newline, or the compression broke off. */
bool reader_cut(const struct reader *r);

/* Did the line last read lack its newline? */
bool reader_unterminated(const struct reader *r);

/* Is the file compressed? */
bool reader_compressed(const struct reader *r);

/* What a file with this first line is. */
enum reader_format reader_format(const char *first_line);

/* One event of a line, without what an array has around it: NULL if it is not
 * one whole object. In an array the line may end in a comma. */
json_t *reader_parse(const char *line, size_t len, enum reader_format format);

#endif /* ANALYSIS_READER_H */
