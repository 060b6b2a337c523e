/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "analysis/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define CHUNK (128 * 1024)

struct reader {
	gzFile gz;
	char *buf;
	size_t room, start, end;	/* of what is read and not yet handed out */
	unsigned long number;
	bool eof, broken, unterminated;
};

int reader_open(const char *path, struct reader **ret_reader)
{
	struct reader *r = calloc(1, sizeof(*r));
	int fd, err = -ENOMEM;

	if (!r)
		return err;
	r->room = CHUNK;
	r->buf = malloc(r->room + 1);
	if (!r->buf)
		goto fail;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		goto fail;
	}
	r->gz = gzdopen(fd, "r");
	if (!r->gz) {
		close(fd);
		goto fail;
	}
	gzbuffer(r->gz, CHUNK);
	*ret_reader = r;
	return 0;
fail:
	free(r->buf);
	free(r);
	return err;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	gzclose(r->gz);
	free(r->buf);
	free(r);
}

/* Makes room behind what is buffered, and reads. */
static int fill(struct reader *r)
{
	int n, error;
	char *buf;

	if (r->start) {
		memmove(r->buf, r->buf + r->start, r->end - r->start);
		r->end -= r->start;
		r->start = 0;
	}
	if (r->room - r->end < CHUNK) {
		if (r->room >= READER_LINE_MAX)
			return -EFBIG;
		buf = realloc(r->buf, 2 * r->room + 1);
		if (!buf)
			return -ENOMEM;
		r->buf = buf;
		r->room *= 2;
	}
	n = gzread(r->gz, r->buf + r->end, CHUNK);
	if (n > 0) {
		r->end += (size_t)n;
		return 0;
	}
	r->eof = true;
	gzerror(r->gz, &error);
	if (error == Z_ERRNO)
		return -errno;
	/* Unexpected end, wrong check sum, no valid data: take what came. */
	r->broken = error != Z_OK && error != Z_STREAM_END;
	return 0;
}

int reader_line(struct reader *r, char **ret_line, size_t *ret_len)
{
	size_t searched = 0;
	char *nl;
	int err;

	for (;;) {
		nl = memchr(r->buf + r->start + searched, '\n', r->end - r->start - searched);
		if (nl || r->eof)
			break;
		searched = r->end - r->start;
		err = fill(r);
		if (err)
			return err;
	}
	if (!nl && r->start == r->end)
		return 0;
	r->unterminated = !nl;
	if (!nl)
		nl = r->buf + r->end;
	*nl = '\0';
	*ret_line = r->buf + r->start;
	*ret_len = (size_t)(nl - *ret_line);
	r->start = r->unterminated ? r->end : (size_t)(nl + 1 - r->buf);
	r->number++;
	return 1;
}

unsigned long reader_number(const struct reader *r)
{
	return r->number;
}

bool reader_cut(const struct reader *r)
{
	return r->unterminated || r->broken;
}

bool reader_unterminated(const struct reader *r)
{
	return r->unterminated;
}

bool reader_compressed(const struct reader *r)
{
	return !gzdirect(r->gz);
}

enum reader_format reader_format(const char *line)
{
	if (!strcmp(line, "["))
		return READER_JSON;
	if (!strncmp(line, "{\"ev\":", 6))
		return READER_NDJSON;
	return READER_UNKNOWN;
}

json_t *reader_parse(const char *line, size_t len, enum reader_format format)
{
	json_t *event;

	if (format == READER_JSON && len && line[len - 1] == ',')
		len--;
	event = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(event))
		return event;
	json_decref(event);
	return NULL;
}
