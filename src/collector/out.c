/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "src/collector/out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define OUT_BUF_SIZE	(64 * 1024)
#define GZ_BUF_SIZE	(64 * 1024)
/* A reader gets all that went in before such a point, whatever comes later. */
#define GZ_SYNC_BYTES	(1024 * 1024)

static int gz_open(struct out *o, int level)
{
	/* 15 bits of window, 16: a gzip header, which zlib leaves without
	 * name and date (zlib.h, deflateInit2). */
	o->gz = calloc(1, sizeof(*o->gz));
	o->gz_buf = malloc(GZ_BUF_SIZE);
	if (!o->gz || !o->gz_buf)
		return -ENOMEM;
	if (deflateInit2(o->gz, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(o->gz);
		o->gz = NULL;
		return -ENOMEM;
	}
	return 0;
}

int out_open(struct out *o, const char *path, int gz_level)
{
	int err = -ENOMEM;

	*o = (struct out){ .fd = -1 };
	o->path = strdup(path);
	o->buf = malloc(OUT_BUF_SIZE + OUT_LINE_MAX);
	if (!o->path || !o->buf)
		goto fail;
	if (gz_level) {
		err = gz_open(o, gz_level);
		if (err)
			goto fail;
	}
	o->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	if (o->fd < 0) {
		err = -errno;
		goto fail;
	}
	return 0;
fail:
	out_close(o);
	return err;
}

/* Writes all of it; on failure says how much did go out. */
static size_t write_all(struct out *o, const void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(o->fd, (const char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			o->error = n < 0 ? errno : EIO;
			break;
		}
		done += (size_t)n;
	}
	return done;
}

static void write_plain(struct out *o)
{
	size_t done = write_all(o, o->buf, o->used);

	if (done == o->used) {
		o->lines_end += done;
		return;
	}
	/* Back to the last whole line; a pipe cannot, and needs not. */
	while (done && o->buf[done - 1] != '\n')
		done--;
	o->lines_end += done;
	if (ftruncate(o->fd, (off_t)o->lines_end))
		return;
}

static void write_gz(struct out *o, int mode)
{
	z_stream *z = o->gz;
	int ret;

	z->next_in = (unsigned char *)o->buf;
	z->avail_in = (unsigned int)o->used;
	do {
		z->next_out = o->gz_buf;
		z->avail_out = GZ_BUF_SIZE;
		ret = deflate(z, mode);
		write_all(o, o->gz_buf, GZ_BUF_SIZE - z->avail_out);
	} while (!o->error && ret == Z_OK && !z->avail_out);
}

static void write_buf(struct out *o)
{
	if (o->fd >= 0 && !o->error && o->used) {
		if (!o->gz) {
			write_plain(o);
		} else {
			o->gz_unsynced += o->used;
			write_gz(o, o->gz_unsynced >= GZ_SYNC_BYTES ? Z_SYNC_FLUSH : Z_NO_FLUSH);
			o->gz_unsynced %= GZ_SYNC_BYTES;
		}
	}
	o->used = 0;
}

char *out_reserve(struct out *o)
{
	if (o->used >= OUT_BUF_SIZE)
		write_buf(o);
	return o->buf + o->used;
}

void out_text(struct out *o, const char *text, size_t len)
{
	/* Only a text above the whole buffer is cut up. */
	if (o->used + len > OUT_BUF_SIZE + OUT_LINE_MAX)
		write_buf(o);
	while (len) {
		size_t n = len < OUT_BUF_SIZE ? len : OUT_BUF_SIZE;

		memcpy(o->buf + o->used, text, n);
		o->used += n;
		text += n;
		len -= n;
		if (len)
			write_buf(o);
	}
}

int out_flush(struct out *o)
{
	/* Deflate's blocks depend on how its input is cut up. */
	if (!o->gz)
		write_buf(o);
	return -o->error;
}

void out_finish(struct out *o)
{
	write_buf(o);
	if (o->gz && o->fd >= 0 && !o->error)
		write_gz(o, Z_FINISH);
	if (o->fd >= 0 && close(o->fd) && !o->error)
		o->error = errno;
	o->fd = -1;
}

void out_close(struct out *o)
{
	if (o->buf)
		write_buf(o);
	if (o->gz && o->fd >= 0 && !o->error)
		write_gz(o, Z_SYNC_FLUSH);
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	if (o->gz)
		deflateEnd(o->gz);
	free(o->gz);
	free(o->gz_buf);
	free(o->buf);
	free(o->path);
	o->gz = NULL;
	o->gz_buf = NULL;
	o->buf = NULL;
	o->path = NULL;
}
