/* SPDX-License-Identifier: GPL-2.0-only */
/* The receiving side of frame.h: output to our stdout and stderr, files below --out. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/lab/frame.h"
#include "src/lab/internal.h"

#define BUF_SIZE (sizeof(struct lab_frame) + LAB_FRAME_MAX + LAB_READ_SIZE)

int lab_channel_init(struct lab_channel *channel, const char *out_dir, const void *window)
{
	*channel = (struct lab_channel){ .window = window, .out_dir = -1, .file = -1 };
	channel->buf = malloc(BUF_SIZE);
	if (!channel->buf) {
		lab_error("out of memory");
		return -ENOMEM;
	}
	if (!out_dir)
		return 0;
	if (mkdir(out_dir, 0777) && errno != EEXIST) {
		lab_error("--out %s: %s", out_dir, strerror(errno));
		return -EIO;
	}
	channel->out_dir = open(out_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (channel->out_dir < 0) {
		lab_error("--out %s: %s", out_dir, strerror(errno));
		return -EIO;
	}
	return 0;
}

void lab_channel_destroy(struct lab_channel *channel)
{
	if (channel->file >= 0)
		close(channel->file);
	if (channel->out_dir >= 0)
		close(channel->out_dir);
	free(channel->buf);
	*channel = (struct lab_channel){ .out_dir = -1, .file = -1 };
}

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= n;
	}
	return 0;
}

static int write_stream(int fd, const char *name, const void *data, size_t len)
{
	int err = write_all(fd, data, len);

	if (err)
		lab_error("%s cannot be written: %s", name, strerror(-err));
	return err;
}

/*
 * Opens the directory that holds @path below @dir. The host is not trusted to send a good path: no
 * component is "." or "..", none is empty (nor is the path absolute), and no link is followed.
 */
static int open_parent(int dir, char *path, char **ret_base)
{
	int fd = dup(dir), next;
	char *slash;

	for (; fd >= 0; path = slash + 1) {
		slash = strchr(path, '/');
		if (slash)
			*slash = '\0';
		if (!path[0] || !strcmp(path, ".") || !strcmp(path, "..")) {
			close(fd);
			return -EINVAL;
		}
		if (!slash)
			break;
		next = openat(fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	*ret_base = path;
	return fd < 0 ? -errno : fd;
}

static int make_entry(struct lab_channel *channel, int dir, const char *base, bool is_dir,
		      uint32_t mode)
{
	if (is_dir) {
		if (!mkdirat(dir, base, 0777))
			return 0;
		return errno == EEXIST ? 0 : -errno;
	}
	if (unlinkat(dir, base, 0) && errno != ENOENT)
		return -errno;
	channel->file = openat(dir, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			       mode & 0111 ? 0777 : 0666);
	return channel->file < 0 ? -errno : 0;
}

static int receive_entry(struct lab_channel *channel, bool is_dir, const char *data, size_t len)
{
	struct lab_frame_file file;
	char *path, *base;
	int err = -EINVAL, dir;

	if (len <= sizeof(file) || channel->file >= 0 || channel->out_dir < 0)
		return -EPROTO;
	memcpy(&file, data, sizeof(file));
	path = strndup(data + sizeof(file), len - sizeof(file));
	if (!path)
		return -ENOMEM;
	dir = open_parent(channel->out_dir, path, &base);
	if (dir >= 0) {
		err = make_entry(channel, dir, base, is_dir, file.mode);
		close(dir);
	} else {
		err = dir;
	}
	free(path);
	if (err)
		lab_error("--out: %.*s cannot be made: %s", (int)(len - sizeof(file)),
			  data + sizeof(file), strerror(-err));
	return err;
}

static int receive_data(struct lab_channel *channel, const void *data, size_t len)
{
	if (channel->file < 0)
		return -EPROTO;
	return write_stream(channel->file, "a file below --out", data, len);
}

static int receive_end(struct lab_channel *channel)
{
	int fd = channel->file;

	if (fd < 0)
		return -EPROTO;
	channel->file = -1;
	if (!close(fd))
		return 0;
	lab_error("a file below --out cannot be written: %s", strerror(errno));
	return -EIO;
}

static int receive(struct lab_channel *channel, const struct lab_frame *frame, const char *data)
{
	uint32_t status;

	switch (frame->type) {
	case LAB_FRAME_READY:
		channel->ready = true;
		return 0;
	case LAB_FRAME_STDOUT:
		return write_stream(STDOUT_FILENO, "standard output", data, frame->length);
	case LAB_FRAME_STDERR:
		return write_stream(STDERR_FILENO, "standard error", data, frame->length);
	case LAB_FRAME_DIR:
	case LAB_FRAME_FILE:
		return receive_entry(channel, frame->type == LAB_FRAME_DIR, data, frame->length);
	case LAB_FRAME_DATA:
		return receive_data(channel, data, frame->length);
	case LAB_FRAME_END:
		return receive_end(channel);
	case LAB_FRAME_SKIPPED:
		lab_error("/out/%.*s is neither file nor directory; left behind",
			  (int)frame->length, data);
		return 0;
	case LAB_FRAME_FAIL:
		lab_error("on the emulated host: %.*s", (int)frame->length, data);
		channel->ended = channel->failed = true;
		return 0;
	case LAB_FRAME_STATUS:
		if (frame->length != sizeof(status))
			return -EPROTO;
		memcpy(&status, data, sizeof(status));
		channel->status = status;
		channel->ended = true;
		return 0;
	}
	return -EPROTO;
}

/*
 * Looks for a frame at @buf. Returns the bytes it takes, 0 when more are needed to tell, or -1
 * when none starts here. *ret_data is its payload.
 */
static ssize_t parse(const struct lab_channel *channel, const unsigned char *buf, size_t len,
		     struct lab_frame *ret_frame, const char **ret_data)
{
	struct lab_frame frame;
	size_t size = sizeof(frame);
	uint32_t sum;

	if (len < sizeof(frame))
		return 0;
	memcpy(&frame, buf, sizeof(frame));
	if (frame.magic != LAB_FRAME_MAGIC || frame.length > LAB_FRAME_MAX)
		return -1;
	if (frame.slot == LAB_FRAME_INLINE) {
		size += frame.length;
		if (len < size)
			return 0;
		*ret_data = (const char *)buf + sizeof(frame);
	} else {
		if (!channel->window || frame.slot >= LAB_WINDOW_SLOTS)
			return -1;
		*ret_data = (const char *)channel->window + (size_t)frame.slot * LAB_FRAME_MAX;
	}
	sum = frame.sum;
	frame.sum = 0;
	frame.sum = lab_frame_sum(LAB_FRAME_SUM_INIT, &frame, sizeof(frame));
	if (sum != lab_frame_sum(frame.sum, *ret_data, frame.length))
		return -1;
	*ret_frame = frame;
	return size;
}

/* The command started another kernel (kexec) with the same init: what that one sends counts. */
static void begin_again(struct lab_channel *channel)
{
	channel->next_seq = 0;
	if (channel->file >= 0)
		close(channel->file);
	channel->file = -1;
}

static int take_frame(struct lab_channel *channel, const struct lab_frame *frame, const char *data)
{
	int err = -EPROTO;

	if (channel->ended)
		return 0;
	if (frame->type == LAB_FRAME_READY && !frame->seq)
		begin_again(channel);
	if (frame->seq == channel->next_seq) {
		channel->next_seq++;
		err = receive(channel, frame, data);
	}
	if (err == -EPROTO)
		lab_error("the output of the emulated host arrived damaged");
	return err;
}

int lab_channel_feed(struct lab_channel *channel, const void *data, size_t len)
{
	struct lab_frame frame;
	const char *payload;
	size_t at = 0;
	ssize_t n;
	int err = 0;

	memcpy(channel->buf + channel->len, data, len);
	channel->len += len;
	while (!err && at < channel->len) {
		n = parse(channel, channel->buf + at, channel->len - at, &frame, &payload);
		if (!n)
			break;
		if (n > 0)
			err = take_frame(channel, &frame, payload);
		at += n > 0 ? n : 1;
	}
	channel->len -= at;
	memmove(channel->buf, channel->buf + at, channel->len);
	channel->failed |= err != 0;
	return err;
}
