/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines over a socket that does not block: what came, up to a size; what is still
 * to be written, with descriptors that go along.
 */
#ifndef SERVE_STREAM_H
#define SERVE_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct stream_out;

struct stream {
	int fd;
	size_t max;			/* bytes of a line */
	char *in;
	size_t begin, end, room;	/* of in: what is not taken yet */
	struct stream_out *out, *out_last;
	size_t out_bytes;
	unsigned int out_fds;
	bool eof;			/* nothing more comes */
};

/* The descriptor becomes the stream's. */
void stream_init(struct stream *s, int fd, size_t max);
void stream_close(struct stream *s);

/* Read what is there, once. Returns 0, or a negative errno: the stream is broken. */
int stream_read(struct stream *s);

/* The next whole line, without its end; good until stream_read(). False: there is none. */
bool stream_line(struct stream *s, char **ret_line, size_t *ret_size);
/* Whether there is one. */
bool stream_has_line(const struct stream *s);
/* Whether what came is longer than a line may be. */
bool stream_too_long(const struct stream *s);
/* Bytes of a line that is not whole. */
size_t stream_partial(const struct stream *s);

/* Queue an object as a line, both taken over; fd goes along unless it is -1. */
int stream_queue(struct stream *s, json_t *object, int fd);
/* Write what goes. Returns how many bytes went, or a negative errno. */
long stream_flush(struct stream *s);

#endif /* SERVE_STREAM_H */
