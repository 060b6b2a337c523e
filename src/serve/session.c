// SPDX-License-Identifier: GPL-2.0-only
/*
 * What has a process of its own. A connection's session is `vmmtrace vm batch` as the
 * client's user, on a descriptor with that user's limits: its VMs are that process's
 * memory, and end with it. TERM may have to wait, so it has one, too.
 */
#include <config.h>

#include "serve.h"

#include <errno.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "src/calls/calls.h"

#define ANSWER_MAX	(1u << 20)
#define ENDS		4		/* TERMs of one user at once */
#define DEVICE_FD	3

/* ---- a script's calls ---- */

/* A request that the session is at, in order. */
struct pending {
	struct pending *next;
	json_t *id;			/* NULL: a notification */
};

struct session {
	struct source source;
	struct conn *conn;
	struct stream stream;
	pid_t pid;
	struct pending *first, *last;
	uint32_t events;
};

static void pending_drop(struct session *session)
{
	struct pending *p = session->first;

	session->first = p->next;
	json_decref(p->id);
	free(p);
	session->conn->waiting--;
}

void session_end(struct session *session)
{
	if (!session)
		return;
	while (session->first)
		pending_drop(session);
	if (session->pid)
		kill(session->pid, SIGKILL);
	stream_close(&session->stream);
	session->conn->session = NULL;
	free(session);
}

/* It is gone: whoever waits is told. */
static void session_broke(struct session *session, const char *why)
{
	while (session->first) {
		conn_errno(session->conn, session->first->id, -ECONNRESET, why);
		pending_drop(session);
	}
	session_end(session);
}

/* An answer of `vmmtrace vm batch` is the call's result, or has error and message. */
static void pass_answer(struct session *session, json_t *answer)
{
	struct pending *p = session->first;
	const char *error = json_string_value(json_object_get(answer, "error"));
	const char *message = json_string_value(json_object_get(answer, "message"));

	if (error && !strcmp(error, "usage"))
		conn_error(session->conn, p->id, RPC_PARAMS, message ? message : "", NULL);
	else if (error)
		conn_error(session->conn, p->id, RPC_FAILED, message ? message : "", error);
	else
		conn_result(session->conn, p->id, json_incref(answer), -1);
	pending_drop(session);
}

static int session_watch(struct session *session)
{
	uint32_t events = EPOLLIN | (session->stream.out ? EPOLLOUT : 0);

	if (events == session->events)
		return 0;
	session->events = events;
	return server_watch(session->conn->server, EPOLL_CTL_MOD, session->stream.fd, events,
			    &session->source);
}

static void session_ready(struct source *source, uint32_t events)
{
	struct session *session = (struct session *)source;
	json_error_t error;
	json_t *answer;
	size_t size;
	char *line;
	int err = 0;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		err = stream_read(&session->stream);
	while (!err && session->first && stream_line(&session->stream, &line, &size)) {
		answer = json_loadb(line, size, 0, &error);
		json_object_del(answer, "call");
		if (json_is_object(answer))
			pass_answer(session, answer);
		else
			err = -EPROTO;
		json_decref(answer);
	}
	if (!err && stream_flush(&session->stream) < 0)
		err = -EPIPE;
	if (err || session->stream.eof || stream_has_line(&session->stream) ||
	    stream_too_long(&session->stream) || session_watch(session))
		session_broke(session, "the session has ended, and its VMs with it: another call "
			      "begins a new one");
}

/* The client's user, and nobody's privileges; this process is not undone. */
static int become(uid_t uid, gid_t gid)
{
	if (uid != geteuid() &&
	    (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)))
		return -errno;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ? -errno : 0;
}

/* In the child: sockets become 0 and 1, the device DEVICE_FD, nothing else is open. */
static void session_exec(const struct conn *conn, int sock, int device, pid_t parent)
{
	struct rlimit none = {};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	/* None of them may be where another has to be. */
	sock = fcntl(sock, F_DUPFD, 10);
	device = fcntl(device, F_DUPFD, 10);
	if (sock < 0 || device < 0 || dup2(sock, 0) < 0 || dup2(sock, 1) < 0 ||
	    (null >= 0 && dup2(null, 2) < 0) || dup2(device, DEVICE_FD) < 0)
		_exit(127);
	close_range(DEVICE_FD + 1, ~0U, 0);
	setrlimit(RLIMIT_CORE, &none);
	sigprocmask(SIG_SETMASK, &conn->server->old_mask, NULL);
	if (become(conn->user->uid, conn->gid))
		_exit(127);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		execl("/proc/self/exe", "vmmtrace", "vm", "batch", "--fd", "3", (char *)NULL);
	_exit(127);
}

static struct session *session_new(struct conn *conn, int sock, pid_t pid)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session && server_watch(conn->server, EPOLL_CTL_ADD, sock, EPOLLIN, &session->source)) {
		free(session);
		session = NULL;
	}
	if (!session) {
		close(sock);
		kill(pid, SIGKILL);
		return NULL;
	}
	session->source.ready = session_ready;
	session->conn = conn;
	session->pid = pid;
	session->events = EPOLLIN;
	stream_init(&session->stream, sock, ANSWER_MAX);
	return session;
}

static int session_begin(struct conn *conn, char msg[RPC_MSG])
{
	int device = user_open(conn->user->uid, &conn->server->options->limits, NULL, msg);
	int socks[2];
	pid_t pid, self = getpid();

	if (device < 0)
		return device;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks)) {
		close(device);
		return -errno;
	}
	pid = fork();
	if (!pid)
		session_exec(conn, socks[1], device, self);
	close(device);
	close(socks[1]);
	if (pid < 0) {
		close(socks[0]);
		return -EAGAIN;
	}
	fcntl(socks[0], F_SETFL, O_NONBLOCK);
	conn->session = session_new(conn, socks[0], pid);
	return conn->session ? 0 : -ENOMEM;
}

/* Whether a session may do that. */
static bool may_call(struct conn *conn, const struct rpc_request *request)
{
	const struct calls_call *call = calls_by_word(request->method);
	char msg[RPC_MSG];

	if (!call) {
		snprintf(msg, sizeof(msg), "%.100s: no such method", request->method);
		conn_error(conn, request->id, RPC_METHOD, msg, NULL);
		return false;
	}
	if (json_object_get(request->params, "call") ||
	    (!call->cmd && json_object_get(request->params, "file"))) {
		conn_error(conn, request->id, RPC_PARAMS,
			   "the service opens no files; the method is the call: see docs/rpc.md",
			   NULL);
		return false;
	}
	return true;
}

void session_call(struct conn *conn, const struct rpc_request *request)
{
	struct pending *p;
	char msg[RPC_MSG] = "";
	int err = 0;

	if (!may_call(conn, request))
		return;
	if (!conn->session)
		err = user_control(conn->user, &conn->server->options->limits, msg);
	if (err >= 0 && !conn->session)
		err = session_begin(conn, msg);
	p = err < 0 ? NULL : calloc(1, sizeof(*p));
	if (!p) {
		conn_errno(conn, request->id, err < 0 ? err : -ENOMEM, msg);
		return;
	}
	p->id = json_incref(request->id);
	if (conn->session->first)
		conn->session->last->next = p;
	else
		conn->session->first = p;
	conn->session->last = p;
	conn->waiting++;
	json_object_set_new(request->params, "call", json_string(request->method));
	if (stream_queue(&conn->session->stream, json_incref(request->params), -1) ||
	    stream_flush(&conn->session->stream) < 0 || session_watch(conn->session))
		session_broke(conn->session,
			      "the session has ended: another call begins a new one");
}

/* ---- TERM ---- */

struct ending {
	struct ending *next;
	pid_t pid;
	struct conn *conn;		/* NULL: gone */
	struct user *user;
	json_t *id;
};

/* In the child. Its status is the errno, all of which are below 256. */
static void end_vm(const struct conn *conn, int fd, uint32_t vm)
{
	fd = dup2(fd, DEVICE_FD);
	close_range(DEVICE_FD + 1, ~0U, 0);
	sigprocmask(SIG_SETMASK, &conn->server->old_mask, NULL);
	_exit(-vmm_term(fd, vm));
}

void session_term(struct conn *conn, json_t *id, uint32_t vm)
{
	struct ending *e;
	int fd = conn->user->fd;

	if (conn->user->ends >= ENDS) {
		conn_error(conn, id, RPC_LIMIT,
			   "as many VMs of this user are being ended as may be at once", NULL);
		return;
	}
	e = calloc(1, sizeof(*e));
	if (e)
		e->pid = fork();
	if (e && !e->pid)
		end_vm(conn, fd, vm);
	if (!e || e->pid < 0) {
		conn_errno(conn, id, -EAGAIN, NULL);
		free(e);
		return;
	}
	e->conn = conn;
	e->id = json_incref(id);
	e->user = conn->user;
	e->user->ends++;
	e->user->conns++;		/* the user stays until then */
	conn->waiting++;
	e->next = conn->server->endings;
	conn->server->endings = e;
}

static void tell_ending(const struct ending *e, int status)
{
	int err = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	const char *advice = err == EPERM ? "the VM is not this user's" :
			     calls_advice(calls_by_word("term"), err);

	if (err)
		conn_errno(e->conn, e->id, -err, advice);
	else
		conn_result(e->conn, e->id, json_object(), -1);
}

void session_reap(struct server *server, pid_t pid, int status)
{
	struct ending **at = &server->endings, *e;
	struct conn *conn;

	for (conn = server->conns; conn; conn = conn->next)
		if (conn->session && conn->session->pid == pid)
			conn->session->pid = 0;
	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	e = *at;
	if (!e)
		return;
	*at = e->next;
	if (e->conn) {
		e->conn->waiting--;
		tell_ending(e, status);
	}
	e->user->ends--;
	user_put(&server->users, e->user);
	json_decref(e->id);
	free(e);
}

void session_forget(struct conn *conn)
{
	struct ending *e;

	for (e = conn->server->endings; e; e = e->next)
		if (e->conn == conn)
			e->conn = NULL;
}
