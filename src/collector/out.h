/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One output file: a buffer of whole lines that goes out by write(2), through
 * zlib where the name ends in .gz. After the first failure nothing more is
 * written and what was is kept, cut at a line.
 */
#ifndef COLLECTOR_OUT_H
#define COLLECTOR_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most bytes of one reservation. */
#define OUT_LINE_MAX 8192

struct z_stream_s;

struct out {
	int fd;			/* -1: thrown away */
	int error;		/* errno of the first failure, 0 none */
	bool reported;		/* for the owner: the failure was told */
	char *path;
	char *buf;		/* OUT_BUF_SIZE + OUT_LINE_MAX bytes */
	size_t used;
	uint64_t lines_end;	/* plain: bytes of the file that are whole lines */
	struct z_stream_s *gz;	/* NULL: plain */
	unsigned char *gz_buf;
	size_t gz_unsynced;	/* bytes since deflate was last made to catch up */
};

/* Makes or replaces the file. gz_level 0: plain; 1 to 9: through zlib, with a
 * header that has neither name nor date. Returns 0 or a negative errno. */
int out_open(struct out *o, const char *path, int gz_level);

/* Room for up to OUT_LINE_MAX bytes of one or more whole lines. Writes the
 * buffer out first if it is full. Never NULL. */
char *out_reserve(struct out *o);

/* What was written since out_reserve ends at end. */
static inline void out_commit(struct out *o, const char *end)
{
	o->used = (size_t)(end - o->buf);
}

/* A text of any length that is whole lines. */
void out_text(struct out *o, const char *text, size_t len);

/* Writes out what is buffered (what zlib holds back stays there, so that the
 * file's bytes do not depend on when this is called). 0 or negative errno. */
int out_flush(struct out *o);

/* Flushes, ends the compressed stream and closes the file: it is whole. */
void out_finish(struct out *o);

/* Frees all. A file that is still open stays as if cut where its last whole
 * line was written; one that was never opened is legal. */
void out_close(struct out *o);

#endif /* COLLECTOR_OUT_H */
