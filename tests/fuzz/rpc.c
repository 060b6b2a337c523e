// SPDX-License-Identifier: GPL-2.0-only
/*
 * rpc CORPUS [SEED ROUNDS]: lines of the corpus, whole, mutated and mixed, to a connection
 * of the service, and their params to the structures of the calls. It must not crash (build
 * with AddressSanitizer), must answer in JSON, and must hold no more memory afterwards.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/calls/calls.h"
#include "src/serve/serve.h"

#define LINES	512
#define MAX	8192		/* bytes of an input */

static char *corpus[LINES];
static unsigned int nlines;
static uint64_t state;

static uint64_t random64(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static size_t below(size_t n)
{
	return n ? random64() % n : 0;
}

/* ---- inputs ---- */

static int read_corpus(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t room = 0;
	char *line = NULL;

	while (f && nlines < LINES && getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		corpus[nlines++] = strdup(line);
	}
	free(line);
	if (f)
		fclose(f);
	return nlines ? 0 : 1;
}

static const char *const pieces[] = {
	"{", "}", "[", "]", "\"", ":", ",", "\\u0000", "\\ud800", "null", "true", "-1", "0",
	"1e999", "18446744073709551616", "0xffffffffffffffff", "+1", "-0", "4K", "\xff", "\xc3",
	"\r", "\n", "{\"a\":",
	"\"vm\":", "\"params\":", "\"id\":", "\"call\":", "\"file\":", "1.5",
};

static size_t insert(char *text, size_t size, const char *what, size_t n)
{
	size_t at = below(size + 1);

	if (size + n > MAX)
		return size;
	memmove(text + at + n, text + at, size - at);
	memcpy(text + at, what, n);
	return size + n;
}

static size_t mutate(char *text, size_t size)
{
	const char *other = corpus[below(nlines)];
	const char *piece = pieces[below(sizeof(pieces) / sizeof(pieces[0]))];
	size_t at = below(size), n = below(size - at + 1);

	switch (below(6)) {
	case 0:
		if (size)
			text[at] ^= (char)(1 << below(8));
		return size;
	case 1:
		memmove(text + at, text + at + n, size - at - n);
		return size - n;
	case 2:
		return insert(text, size, piece, strlen(piece));
	case 3:
		at = below(strlen(other));
		return insert(text, size, other + at, below(strlen(other) - at + 1));
	case 4:
		for (n = below(200); n; n--)
			size = insert(text, size, piece, strlen(piece));
		return size;
	default:
		return n;		/* cut */
	}
}

static size_t make_input(char *text)
{
	const char *line = corpus[below(nlines)];
	size_t size = strlen(line) < MAX ? strlen(line) : MAX;
	unsigned int n = (unsigned int)below(6);

	memcpy(text, line, size);
	while (n--)
		size = mutate(text, size);
	return size;
}

/* ---- where they go ---- */

/* Params into the structure of their call, and back. */
static void to_structure(const char *text, size_t size)
{
	union {
		struct vm_run_params run;
		char room[16384];
	} *arg = calloc(1, sizeof(*arg));
	struct vm_exit *exit = calloc(1, sizeof(*exit));
	const struct calls_call *call;
	struct rpc_request r;
	char msg[CALLS_MSG];

	if (!rpc_parse(text, size, &r, msg)) {
		call = calls_by_word(r.method);
		if (call && !strcmp(call->word, "run"))
			arg->run.vrp_exit = exit;
		if (call && !calls_read(call->arg(), arg, r.params, msg) &&
		    strcmp(call->word, "info"))
			json_decref(calls_write(call->arg(), arg, CALLS_inout));
	}
	rpc_free(&r);
	free(exit);
	free(arg);
}

/* What comes back must be lines of JSON-RPC. */
static int check_answers(int fd)
{
	static char text[1 << 20];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	char *line = text, *end;
	json_t *answer;
	int bad = 0;

	for (; n > 0 && (end = memchr(line, '\n', (size_t)(text + n - line))); line = end + 1) {
		answer = json_loadb(line, (size_t)(end - line), 0, NULL);
		bad |= !json_object_get(answer, "error") == !json_object_get(answer, "result");
		bad |= !json_object_get(answer, "id");
		json_decref(answer);
	}
	return bad;
}

/* Rounds of the loop, until there is nothing to do. */
static void turn(struct server *server)
{
	struct epoll_event event;

	for (int i = 0; i < 100 && server->conns; i++) {
		struct conn *conn = server->conns;

		server->now += 10;
		if (epoll_wait(server->epoll, &event, 1, 0) == 1)
			((struct source *)event.data.ptr)->ready(event.data.ptr, event.events);
		else if (!stream_has_line(&conn->stream))
			i = 100;
		conn_tick(conn, server->now);
		if (conn->dead) {
			server->conns = conn->next;
			conn_free(conn);
		}
	}
}

static int to_connection(struct server *server, const char *text, size_t size)
{
	int socks[2], bad;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, socks))
		return 1;
	conn_accept(server, socks[0]);
	for (size_t at = 0, n; at < size; at += n) {
		n = 1 + below(size - at);
		if (send(socks[1], text + at, n, MSG_NOSIGNAL) != (ssize_t)n)
			break;
		turn(server);
	}
	send(socks[1], "\n", 1, MSG_NOSIGNAL);
	turn(server);
	bad = check_answers(socks[1]);
	close(socks[1]);
	turn(server);
	if (server->conns || server->users)
		bad = 1;
	return bad;
}

int main(int argc, char **argv)
{
	static const struct serve_options options = {
		.limits = { .conns = 4, .rate = 1000000, .message = 4096, .vms = 1,
			    .memory = 4096, .vcpus = 1 },
	};
	struct server server = { .options = &options, .now = 1,
				 .epoll = epoll_create1(EPOLL_CLOEXEC) };
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL), i;
	uint64_t rounds = argc > 3 ? strtoull(argv[3], NULL, 0) : 20000;
	char text[MAX];
	size_t size;

	if (argc < 2 || argc > 4 || read_corpus(argv[1])) {
		fprintf(stderr, "Usage: rpc CORPUS [SEED ROUNDS]\n");
		return 2;
	}
	for (i = 0; i < rounds; i++) {
		state = seed + i;
		size = i < nlines ? strlen(corpus[i]) : make_input(text);
		if (i < nlines)
			memcpy(text, corpus[i], size < MAX ? size : (size = MAX));
		to_structure(text, size);
		if (to_connection(&server, text, size)) {
			printf("seed %llu, round %llu: not answered as it must be: %.*s\n",
			       (unsigned long long)seed, (unsigned long long)i, (int)size,
			       text);
			return 1;
		}
	}
	while (nlines)
		free(corpus[--nlines]);
	close(server.epoll);
	printf("%llu inputs from seed %llu\n", (unsigned long long)rounds,
	       (unsigned long long)seed);
	return 0;
}
