// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 4096		/* to begin with */

struct stream_out {
	struct stream_out *next;
	char *text;
	size_t size, done;
	int fd;			/* -1: none, or gone already */
};

void stream_init(struct stream *s, int fd, size_t max)
{
	*s = (struct stream){ .fd = fd, .max = max };
}

static void drop_first(struct stream *s)
{
	struct stream_out *out = s->out;

	s->out = out->next;
	s->out_bytes -= out->size - out->done;
	if (out->fd >= 0) {
		close(out->fd);
		s->out_fds--;
	}
	free(out->text);
	free(out);
}

void stream_close(struct stream *s)
{
	while (s->out)
		drop_first(s);
	free(s->in);
	s->in = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* ---- in ---- */

/* Room for more: what is there moves to the beginning, then the buffer grows. */
static int make_room(struct stream *s)
{
	size_t room = s->room ? s->room : ROOM;
	char *in;

	if (s->begin) {
		memmove(s->in, s->in + s->begin, s->end - s->begin);
		s->end -= s->begin;
		s->begin = 0;
	}
	if (s->end < s->room)
		return 0;
	if (s->room)
		room *= 2;
	in = realloc(s->in, room);
	if (!in)
		return -ENOMEM;
	s->in = in;
	s->room = room;
	return 0;
}

int stream_read(struct stream *s)
{
	int err = make_room(s);
	ssize_t n;

	if (err)
		return err;
	n = recv(s->fd, s->in + s->end, s->room - s->end, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	s->eof = !n;
	s->end += (size_t)n;
	return 0;
}

static char *line_end(const struct stream *s)
{
	return s->begin < s->end ? memchr(s->in + s->begin, '\n', s->end - s->begin) : NULL;
}

bool stream_has_line(const struct stream *s)
{
	return line_end(s);
}

size_t stream_partial(const struct stream *s)
{
	return line_end(s) ? 0 : s->end - s->begin;
}

bool stream_too_long(const struct stream *s)
{
	char *end = line_end(s);

	return (end ? (size_t)(end - s->in) - s->begin : s->end - s->begin) > s->max;
}

bool stream_line(struct stream *s, char **ret_line, size_t *ret_size)
{
	char *end = line_end(s);

	if (!end) {
		if (s->begin == s->end) {	/* who is idle holds no memory */
			free(s->in);
			s->in = NULL;
			s->begin = s->end = s->room = 0;
		}
		return false;
	}
	*ret_line = s->in + s->begin;
	*ret_size = (size_t)(end - *ret_line);
	s->begin += *ret_size + 1;
	return true;
}

/* ---- out ---- */

int stream_queue(struct stream *s, json_t *object, int fd)
{
	struct stream_out *out = calloc(1, sizeof(*out));
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	if (!out || !text) {
		free(out);
		free(text);
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	out->text = text;
	out->size = strlen(text) + 1;
	text[out->size - 1] = '\n';
	out->fd = fd;
	s->out_fds += fd >= 0;
	s->out_bytes += out->size;
	if (s->out)
		s->out_last->next = out;
	else
		s->out = out;
	s->out_last = out;
	return 0;
}

static ssize_t send_first(struct stream *s)
{
	struct stream_out *out = s->out;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec iov = { out->text + out->done, out->size - out->done };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (out->fd >= 0) {
		control.header = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), &out->fd, sizeof(int));
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
	}
	n = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
	if (n > 0 && out->fd >= 0) {
		close(out->fd);
		out->fd = -1;
		s->out_fds--;
	}
	return n;
}

long stream_flush(struct stream *s)
{
	long sum = 0;
	ssize_t n;

	while (s->out) {
		n = send_first(s);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0)
			return -errno;
		s->out->done += (size_t)n;
		s->out_bytes -= (size_t)n;
		sum += n;
		if (s->out->done == s->out->size)
			drop_first(s);
	}
	return sum;
}
