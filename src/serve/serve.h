/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmmtrace serve: one thread and one epoll loop serve all clients; nothing in it waits
 * for one of them. What may take long runs in a process of its own (session.c): a
 * script's calls, as the client's user, and TERM.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "rpc.h"
#include "stream.h"
#include "src/lib/libvmm.h"

#define SERVE_CONNS	1024		/* of all users */

/* What one user gets. */
struct serve_limits {
	uint64_t memory;		/* bytes */
	uint32_t vms, vcpus;
	uint32_t conns;
	uint32_t rate;			/* messages a second */
	uint32_t message;		/* bytes */
};

struct serve_options {
	const char *socket, *group;	/* group NULL: everybody may connect */
	struct serve_limits limits;
};

struct server;

/* What epoll tells of. */
struct source {
	void (*ready)(struct source *source, uint32_t events);
};

/* ---- user.c ---- */

struct user {
	struct user *next;
	uid_t uid;
	unsigned int conns, ends;	/* connections; TERMs that are going on */
	int fd;				/* the user's file of the device, for control; -1 not yet */
	double tokens;			/* messages that may come now */
	uint64_t filled;		/* ms, when they were counted */
};

/* The user with that id, made if need be, with a connection more. NULL: -ENOMEM. */
struct user *user_get(struct user **all, uid_t uid);
void user_put(struct user **all, struct user *user);
/* Take a message's token; false if there is none now. */
bool user_take(struct user *user, const struct serve_limits *limits, uint64_t now);
/* A new file of the device with the user's limits; or a negative errno with msg. */
int user_open(uid_t uid, const struct serve_limits *limits, struct vmm_limit *ret,
	      char msg[RPC_MSG]);
/* The user's own for control, opened if need be. */
int user_control(struct user *user, const struct serve_limits *limits, char msg[RPC_MSG]);

/* ---- conn.c ---- */

struct session;

struct conn {
	struct source source;
	struct conn *next;
	struct server *server;
	struct user *user;
	gid_t gid;
	struct stream stream;
	struct session *session;	/* of a script; NULL: none */
	unsigned int waiting;		/* requests that a process of its own is at */
	uint32_t events;		/* what epoll is asked for */
	uint64_t partial_since, stalled_since;	/* ms; 0: not so */
	bool closing;			/* cut off when all is written, or after a while */
	bool dead;			/* to be freed when the loop comes round */
};

/* A client that has connected; takes the socket. */
void conn_accept(struct server *server, int fd);
/* Do what is due. Returns whether it has more to do right now. */
bool conn_tick(struct conn *conn, uint64_t now);
void conn_free(struct conn *conn);
/* Answer a request; one without id (NULL) gets no answer. result is taken over, and fd,
 * unless it is -1, goes along. */
void conn_result(struct conn *conn, json_t *id, json_t *result, int fd);
void conn_error(struct conn *conn, json_t *id, int code, const char *msg, const char *errno_name);
/* A call failed with this errno; msg may be empty. */
void conn_errno(struct conn *conn, json_t *id, int err, const char *msg);

/* ---- method.c ---- */

/* Do what a request asks for; it is answered now, or later. */
void method_call(struct conn *conn, const struct rpc_request *request);

/* ---- session.c ---- */

/* Pass a call on to the connection's session, which is begun if need be. */
void session_call(struct conn *conn, const struct rpc_request *request);
void session_end(struct session *session);
/* End a user's VM, in a process of its own. */
void session_term(struct conn *conn, json_t *id, uint32_t vm);
/* A process of ours has ended. */
void session_reap(struct server *server, pid_t pid, int status);
/* The connection is gone: nobody waits any more. */
void session_forget(struct conn *conn);

/* ---- notify.c: sd_notify(3), sd_listen_fds(3), by what their manual pages say ---- */

void notify(const char *state);
/* The socket that systemd passed; -1 if none; negative errno if it is no listening one. */
int notify_socket(void);
/* How often to tell the watchdog, in ms; 0: there is none. */
uint64_t notify_watchdog(void);

/* ---- loop.c ---- */

struct ending;

struct server {
	const struct serve_options *options;
	struct source listener, signals;
	int epoll, listen_fd, signal_fd;
	sigset_t old_mask;		/* what children get */
	struct conn *conns;
	unsigned int nconns;
	struct user *users;
	struct ending *endings;		/* TERMs that are going on */
	uint64_t now;			/* ms */
	bool stop;
	bool full;			/* no descriptor is left: nobody is accepted for a while */
};

/* Ask epoll for these events of a descriptor; op: EPOLL_CTL_*. 0 or a negative errno. */
int server_watch(struct server *server, int op, int fd, uint32_t events, struct source *source);

/* The whole service, until a signal ends it. Returns the program's status. */
int serve(const struct serve_options *options);

#endif /* SERVE_SERVE_H */
