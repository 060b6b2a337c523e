// SPDX-License-Identifier: GPL-2.0-only
/* The socket and the loop. */
#include <config.h>

#include "serve.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IDLE_MS		1000		/* a round at least so often */
#define BUSY_MS		20		/* where somebody waits for time to pass */
#define EVENTS		64

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "vmmtrace serve: %s: %s\n", what, why);
	return 1;
}

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000 + 1;
}

int server_watch(struct server *server, int op, int fd, uint32_t events, struct source *source)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(server->epoll, op, fd, &event) ? -errno : 0;
}

/* ---- the socket ---- */

/* A socket that nobody listens on any more is in the way. */
static int remove_stale(const struct sockaddr_un *at)
{
	struct stat st;
	int fd, err;

	if (lstat(at->sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return fail(at->sun_path, "is there, and no socket: name another (--socket)");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = connect(fd, (const struct sockaddr *)at, sizeof(*at)) ? errno : 0;
	close(fd);
	if (err != ECONNREFUSED)
		return fail(at->sun_path, "another service listens there: end it, or name another "
			    "socket (--socket)");
	unlink(at->sun_path);
	return 0;
}

static int give_to_group(const char *path, const char *group)
{
	struct group *g = group ? getgrnam(group) : NULL;

	if (group && !g)
		return fail(group, "no such group: name one of /etc/group (--group)");
	if (g && chown(path, (uid_t)-1, g->gr_gid))
		return fail(path, "cannot be given to the group: run as root, or as a member");
	if (chmod(path, group ? 0660 : 0666))
		return fail(path, strerror(errno));
	return 0;
}

static int open_socket(const struct serve_options *options)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(options->socket) >= sizeof(at.sun_path)) {
		fail(options->socket, "the path of a socket has at most 107 bytes");
		return -1;
	}
	strcpy(at.sun_path, options->socket);
	if (remove_stale(&at))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	umask(0177);			/* nobody connects until it is the group's */
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		fail(options->socket, strerror(errno));
	} else if (!give_to_group(options->socket, options->group)) {
		if (!listen(fd, SOMAXCONN))
			return fd;
		fail(options->socket, strerror(errno));
	}
	close(fd);
	return -1;
}

/* ---- sources ---- */

#define SERVER_OF(source, member) \
	((struct server *)((char *)(source) - offsetof(struct server, member)))

static void accept_all(struct source *source, uint32_t events)
{
	struct server *server = SERVER_OF(source, listener);
	int i, fd;

	for (i = 0; i < EVENTS; i++) {
		fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			conn_accept(server, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			server->full = true;
			server_watch(server, EPOLL_CTL_MOD, server->listen_fd, 0, source);
		}
		return;
	}
}

static void take_signal(struct source *source, uint32_t events)
{
	struct server *server = SERVER_OF(source, signals);
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(server->signal_fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			server->stop = true;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		session_reap(server, pid, status);
}

/* ---- the loop ---- */

/* A turn for each connection; those that are dead go. Returns whether any has more to do. */
static bool all_conns(struct server *server)
{
	struct conn **at = &server->conns, *conn;
	bool more = false;

	while ((conn = *at)) {
		more |= conn_tick(conn, server->now);
		if (conn->dead) {
			*at = conn->next;
			conn_free(conn);
		} else {
			at = &conn->next;
		}
	}
	return more;
}

/* Whether a line waits for its turn: for time to pass, or for an answer to be taken. */
static bool any_waits(const struct server *server)
{
	for (const struct conn *conn = server->conns; conn; conn = conn->next)
		if (stream_has_line(&conn->stream))
			return true;
	return server->full;
}

static void loop(struct server *server, uint64_t watchdog)
{
	struct epoll_event events[EVENTS];
	uint64_t told = 0;
	int timeout = 0, i, n;

	while (!server->stop) {
		n = epoll_wait(server->epoll, events, EVENTS, timeout);
		server->now = clock_ms();
		if (server->full)
			server_watch(server, EPOLL_CTL_MOD, server->listen_fd, EPOLLIN,
				     &server->listener);
		server->full = false;
		for (i = 0; i < n; i++) {
			struct source *source = events[i].data.ptr;

			source->ready(source, events[i].events);
		}
		timeout = all_conns(server) ? 0 : any_waits(server) ? BUSY_MS : IDLE_MS;
		if (watchdog && server->now - told >= watchdog) {
			notify("WATCHDOG=1");
			told = server->now;
		}
		if (watchdog && timeout > (int)watchdog)
			timeout = (int)watchdog;
	}
}

static int prepare(struct server *server)
{
	struct rlimit files;
	sigset_t mask;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &server->old_mask);
	server->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->listener.ready = accept_all;
	server->signals.ready = take_signal;
	if (server->signal_fd < 0 || server->epoll < 0)
		return -errno;
	if (server_watch(server, EPOLL_CTL_ADD, server->listen_fd, EPOLLIN, &server->listener) ||
	    server_watch(server, EPOLL_CTL_ADD, server->signal_fd, EPOLLIN, &server->signals))
		return -errno;
	return 0;
}

int serve(const struct serve_options *options)
{
	struct server server = { .options = options, .now = clock_ms() };
	int passed = notify_socket(), err;

	if (passed < -1)
		return fail("LISTEN_FDS",
			    "one listening socket must be passed: see vmmtrace.socket");
	server.listen_fd = passed >= 0 ? passed : open_socket(options);
	if (server.listen_fd < 0)
		return 1;
	err = prepare(&server);
	if (err)
		return fail("cannot begin", strerror(-err));
	notify("READY=1");
	loop(&server, notify_watchdog());
	notify("STOPPING=1");
	while (server.conns) {
		struct conn *conn = server.conns;

		server.conns = conn->next;
		conn_free(conn);
	}
	if (passed < 0)
		unlink(options->socket);
	close(server.listen_fd);
	close(server.signal_fd);
	close(server.epoll);
	return 0;
}
