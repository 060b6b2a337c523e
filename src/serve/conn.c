// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections. A client that sends too much is not read, one that does not read its
 * answers is not served, and after a while either is cut off; so is whoever begins a
 * line and does not end it. Idle ones cost nothing and may stay.
 */
#include <config.h>

#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/calls/calls.h"

#define ROUND		16		/* requests of one client before the next has its turn */
#define WAITING		16		/* requests that may wait for a process */
#define OUT_BYTES	(128u << 10)	/* answers that may wait for the client */
#define OUT_FDS		4
#define PATIENCE	30000		/* ms */
#define LAST_WORDS	1000		/* ms to take the last answer */

/* ---- answers ---- */

void conn_result(struct conn *conn, json_t *id, json_t *result, int fd)
{
	if (id) {
		if (stream_queue(&conn->stream, rpc_result(id, result), fd))
			conn->dead = true;
		return;
	}
	json_decref(result);
	if (fd >= 0)
		close(fd);
}

void conn_error(struct conn *conn, json_t *id, int code, const char *msg, const char *errno_name)
{
	if (id && stream_queue(&conn->stream, rpc_error(id, code, msg, errno_name), -1))
		conn->dead = true;
}

void conn_errno(struct conn *conn, json_t *id, int err, const char *msg)
{
	conn_error(conn, id, RPC_FAILED, msg && *msg ? msg : strerror(-err),
		   calls_errno_name(-err));
}

/* Tell it why, and cut it off. */
static void cut_off(struct conn *conn, const char *why)
{
	if (conn->closing)
		return;
	conn_error(conn, json_null(), RPC_LIMIT, why, NULL);
	conn->closing = true;
	conn->stalled_since = conn->server->now;
}

/* ---- requests ---- */

static bool may_take(const struct conn *conn)
{
	return !conn->dead && !conn->closing && conn->waiting < WAITING &&
	       conn->stream.out_bytes < OUT_BYTES && conn->stream.out_fds < OUT_FDS;
}

static void serve_line(struct conn *conn, const char *line, size_t size)
{
	struct rpc_request request;
	char msg[RPC_MSG];
	int code = rpc_parse(line, size, &request, msg);

	if (code)
		conn_error(conn, request.id ? request.id : json_null(), code, msg, NULL);
	else
		method_call(conn, &request);
	rpc_free(&request);
}

/* Returns whether there is more that could be done now. */
static bool serve_lines(struct conn *conn)
{
	const struct serve_limits *limits = &conn->server->options->limits;
	int left = ROUND;
	size_t size;
	char *line;

	while (may_take(conn)) {
		if (stream_too_long(&conn->stream)) {
			cut_off(conn, "the message is too long");
			return false;
		}
		if (!stream_has_line(&conn->stream))
			break;
		if (!left--)
			return true;
		if (!user_take(conn->user, limits, conn->server->now))
			return false;
		stream_line(&conn->stream, &line, &size);
		if (size && line[size - 1] == '\r')
			size--;
		if (size)
			serve_line(conn, line, size);
	}
	return false;
}

/* ---- what is due ---- */

static void write_out(struct conn *conn)
{
	long n = stream_flush(&conn->stream);

	if (n < 0)
		conn->dead = true;
	if (!conn->stream.out)
		conn->stalled_since = 0;
	else if (n > 0 || !conn->stalled_since)
		conn->stalled_since = conn->server->now;
}

/* Whoever has said all, and got all. */
static void end_if_done(struct conn *conn)
{
	char *line;
	size_t size;

	if (!conn->stream.out && conn->closing)
		conn->dead = true;
	if (!conn->stream.eof || conn->closing || stream_has_line(&conn->stream))
		return;
	if (stream_partial(&conn->stream))
		cut_off(conn, "the message has no end: a request is a line");
	else if (!conn->waiting && !conn->stream.out)
		conn->dead = true;
	else
		stream_line(&conn->stream, &line, &size);
}

static void look_at_clock(struct conn *conn, uint64_t now)
{
	bool partial = !conn->closing && stream_partial(&conn->stream);

	if (!partial)
		conn->partial_since = 0;
	else if (!conn->partial_since)
		conn->partial_since = now;
	else if (now - conn->partial_since > PATIENCE)
		cut_off(conn, "the message does not go on: a request is a line");
	if (conn->stalled_since &&
	    now - conn->stalled_since > (conn->closing ? LAST_WORDS : PATIENCE))
		conn->dead = true;
}

static void ask_for_events(struct conn *conn)
{
	uint32_t events = conn->stream.out ? EPOLLOUT : 0;

	if (may_take(conn) && !conn->stream.eof && !stream_has_line(&conn->stream))
		events |= EPOLLIN;
	if (events == conn->events)
		return;
	conn->events = events;
	if (server_watch(conn->server, EPOLL_CTL_MOD, conn->stream.fd, events, &conn->source))
		conn->dead = true;
}

bool conn_tick(struct conn *conn, uint64_t now)
{
	bool more = false;

	if (!conn->dead)
		more = serve_lines(conn);
	if (!conn->dead && conn->stream.out)
		write_out(conn);
	if (!conn->dead)
		look_at_clock(conn, now);
	if (!conn->dead)
		end_if_done(conn);
	if (!conn->dead)
		ask_for_events(conn);
	return more;
}

static void conn_ready(struct source *source, uint32_t events)
{
	struct conn *conn = (struct conn *)source;
	char *line;
	size_t size;

	if (conn->dead)
		return;
	if (events & (EPOLLHUP | EPOLLERR))
		conn->dead = true;
	else if (events & EPOLLIN && stream_read(&conn->stream))
		conn->dead = true;
	else if (!stream_has_line(&conn->stream) && !stream_partial(&conn->stream))
		stream_line(&conn->stream, &line, &size);	/* gives its memory back */
}

/* ---- coming and going ---- */

static void refuse(int fd, const char *why)
{
	struct stream stream;

	stream_init(&stream, fd, 0);
	if (!stream_queue(&stream, rpc_error(NULL, RPC_LIMIT, why, NULL), -1))
		stream_flush(&stream);
	stream_close(&stream);
}

static struct conn *conn_new(struct server *server, int fd, const struct ucred *peer)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->user = user_get(&server->users, peer->uid);
	conn->source.ready = conn_ready;
	conn->server = server;
	conn->gid = peer->gid;
	conn->events = EPOLLIN;
	if (conn->user && server_watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, &conn->source)) {
		user_put(&server->users, conn->user);
		conn->user = NULL;
	}
	if (!conn->user) {
		free(conn);
		return NULL;
	}
	stream_init(&conn->stream, fd, server->options->limits.message);
	conn->next = server->conns;
	server->conns = conn;
	server->nconns++;
	return conn;
}

void conn_accept(struct server *server, int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	struct conn *conn;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) || peer.uid == (uid_t)-1) {
		refuse(fd, "the service does not know who you are");
		return;
	}
	if (server->nconns >= SERVE_CONNS) {
		refuse(fd, "the service has as many connections as it takes");
		return;
	}
	conn = conn_new(server, fd, &peer);
	if (!conn)
		refuse(fd, "the service is short of memory");
	else if (conn->user->conns > server->options->limits.conns)
		cut_off(conn, "this user has as many connections as one may have");
}

/* It is out of the server's list. */
void conn_free(struct conn *conn)
{
	struct server *server = conn->server;

	session_end(conn->session);
	session_forget(conn);
	stream_close(&conn->stream);
	user_put(&server->users, conn->user);
	server->nconns--;
	free(conn);
}
