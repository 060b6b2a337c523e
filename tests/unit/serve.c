// SPDX-License-Identifier: GPL-2.0-only
/* The service's parts: messages, lines over sockets, a user's rate, what systemd passes. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/serve/serve.h"

/* ---- messages ---- */

static void test_request(void **state)
{
	static const char line[] =
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"run\",\"params\":{\"a\":1}}";
	struct rpc_request r;
	char msg[RPC_MSG];

	assert_int_equal(rpc_parse(line, strlen(line), &r, msg), 0);
	assert_string_equal(r.method, "run");
	assert_int_equal(json_integer_value(r.id), 7);
	assert_int_equal(json_integer_value(json_object_get(r.params, "a")), 1);
	rpc_free(&r);
	assert_null(r.whole);
}

/* Without params there are none; without id it is a notification; a null id is one. */
static void test_request_short(void **state)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"method\":\"list\"}";
	static const char null[] = "{\"jsonrpc\":\"2.0\",\"method\":\"list\",\"id\":null}";
	struct rpc_request r;
	char msg[RPC_MSG];

	assert_int_equal(rpc_parse(line, strlen(line), &r, msg), 0);
	assert_null(r.id);
	assert_int_equal(json_object_size(r.params), 0);
	rpc_free(&r);
	assert_int_equal(rpc_parse(null, strlen(null), &r, msg), 0);
	assert_true(json_is_null(r.id));
	rpc_free(&r);
}

static void test_bad_requests(void **state)
{
	static const struct { const char *line; int code; bool id; } bad[] = {
		{ "", RPC_PARSE, false },
		{ "{", RPC_PARSE, false },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"x\"}", RPC_PARSE, false },
		{ "{} {}", RPC_PARSE, false },
		{ "\"\xff\"", RPC_PARSE, false },
		{ "1", RPC_REQUEST, false },
		{ "null", RPC_REQUEST, false },
		{ "[]", RPC_REQUEST, false },
		{ "{}", RPC_REQUEST, false },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"id\":{}}", RPC_REQUEST, false },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"id\":true}", RPC_REQUEST, false },
		{ "{\"jsonrpc\":\"1.0\",\"method\":\"x\",\"id\":1}", RPC_REQUEST, true },
		{ "{\"jsonrpc\":2.0,\"method\":\"x\",\"id\":1}", RPC_REQUEST, true },
		{ "{\"method\":\"x\",\"id\":1}", RPC_REQUEST, true },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_REQUEST, true },
		{ "{\"jsonrpc\":\"2.0\",\"method\":5,\"id\":1}", RPC_REQUEST, true },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"id\":1,\"params\":[]}",
		  RPC_PARAMS, true },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"id\":1,\"params\":null}",
		  RPC_PARAMS, true },
	};
	struct rpc_request r;
	char msg[RPC_MSG];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		msg[0] = '\0';
		if (rpc_parse(bad[i].line, strlen(bad[i].line), &r, msg) != bad[i].code)
			fail_msg("%s: %s", bad[i].line, msg);
		assert_int_equal(!!r.id, bad[i].id);
		assert_true(msg[0]);
		rpc_free(&r);
	}
}

/* Nested as deep as a message can be: an error, and no end of the stack. */
static void test_deep(void **state)
{
	size_t size = 1 << 20;
	char *line = malloc(size), msg[RPC_MSG];
	struct rpc_request r;

	memset(line, '[', size);
	assert_int_equal(rpc_parse(line, size, &r, msg), RPC_PARSE);
	rpc_free(&r);
	for (size_t i = 0; i < size; i++)
		line[i] = "{\"a\":"[i % 5];
	assert_int_equal(rpc_parse(line, size, &r, msg), RPC_PARSE);
	rpc_free(&r);
	free(line);
}

static void test_answers(void **state)
{
	json_t *id = json_string("q"), *a = rpc_result(id, NULL);
	char *text = json_dumps(a, JSON_COMPACT);

	assert_string_equal(text, "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":{}}");
	free(text);
	json_decref(a);
	a = rpc_error(NULL, RPC_FAILED, "no", "EPERM");
	text = json_dumps(a, JSON_COMPACT);
	assert_string_equal(text, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,"
			    "\"message\":\"no\",\"data\":{\"errno\":\"EPERM\"}}}");
	free(text);
	json_decref(a);
	a = rpc_error(id, RPC_FAILED, "\xff", NULL);
	assert_non_null(json_string_value(json_object_get(json_object_get(a, "error"), "message")));
	json_decref(a);
	json_decref(id);
}

/* ---- lines ---- */

static int other;		/* the client's end */

static void begin(struct stream *s, size_t max)
{
	int socks[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, socks), 0);
	stream_init(s, socks[0], max);
	other = socks[1];
}

static void end(struct stream *s)
{
	stream_close(s);
	close(other);
}

static void put(const char *text)
{
	assert_int_equal(write(other, text, strlen(text)), strlen(text));
}

static void expect_line(struct stream *s, const char *text)
{
	char *line;
	size_t size;

	assert_true(stream_line(s, &line, &size));
	assert_int_equal(size, strlen(text));
	assert_memory_equal(line, text, size);
}

static void test_lines(void **state)
{
	struct stream s;
	char *line;
	size_t size;

	begin(&s, 100);
	assert_int_equal(stream_read(&s), 0);	/* nothing there is no error */
	put("one\ntwo\n\nthr");
	assert_int_equal(stream_read(&s), 0);
	expect_line(&s, "one");
	expect_line(&s, "two");
	expect_line(&s, "");
	assert_false(stream_line(&s, &line, &size));
	assert_int_equal(stream_partial(&s), 3);
	put("ee\n");
	assert_int_equal(stream_read(&s), 0);
	expect_line(&s, "three");
	assert_false(stream_line(&s, &line, &size));
	assert_null(s.in);			/* who is idle holds no memory */
	assert_false(s.eof);
	close(other);
	assert_int_equal(stream_read(&s), 0);
	assert_true(s.eof);
	stream_close(&s);
}

/* A line that comes byte by byte, longer than the buffer is at first. */
static void test_long_line(void **state)
{
	char text[10000];
	struct stream s;

	begin(&s, sizeof(text));
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		assert_int_equal(write(other, "x", 1), 1);
		assert_int_equal(stream_read(&s), 0);
	}
	assert_false(stream_has_line(&s));
	put("\n");
	assert_int_equal(stream_read(&s), 0);
	assert_false(stream_too_long(&s));
	expect_line(&s, text);
	end(&s);
}

static void test_too_long(void **state)
{
	struct stream s;

	begin(&s, 4);
	put("1234\n12345");
	assert_int_equal(stream_read(&s), 0);
	assert_false(stream_too_long(&s));
	expect_line(&s, "1234");
	assert_true(stream_too_long(&s));
	put("\n");
	assert_int_equal(stream_read(&s), 0);
	assert_true(stream_too_long(&s));
	end(&s);
}

/* More than the socket takes: the rest waits, and nothing is lost or mixed up. */
static void test_flush(void **state)
{
	struct stream s;
	char buf[65536];
	unsigned int queued = 0, lines = 0, mark = 0;
	ssize_t n;

	begin(&s, 100);
	while (s.out_bytes < 1 << 20)
		assert_int_equal(stream_queue(&s, json_pack("[i]", ++queued % 10), -1), 0);
	assert_true(stream_flush(&s) > 0);
	assert_non_null(s.out);
	while (lines < queued) {
		n = read(other, buf, sizeof(buf));
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] == '\n')
				lines++;
			else if (buf[i] >= '0' && buf[i] <= '9')
				assert_int_equal(buf[i] - '0', ++mark % 10);
		}
		assert_true(stream_flush(&s) >= 0);
	}
	assert_null(s.out);
	assert_int_equal(s.out_bytes, 0);
	end(&s);
}

static void test_broken(void **state)
{
	struct stream s;

	begin(&s, 100);
	close(other);
	assert_int_equal(stream_queue(&s, json_object(), -1), 0);
	assert_int_equal(stream_flush(&s), -EPIPE);
	stream_close(&s);
}

static int take_fd(void)
{
	char text[64], room[CMSG_SPACE(4 * sizeof(int))];
	struct iovec iov = { text, sizeof(text) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
			      .msg_controllen = sizeof(room) };
	int fd = -1;

	assert_true(recvmsg(other, &msg, 0) > 0);
	if (CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* A descriptor goes along with its own answer, once, and is closed here; also one that is
 * never sent. */
static void test_descriptors(void **state)
{
	int fd = open("/dev/null", O_RDONLY), second = dup(fd), got;
	struct stream s;

	begin(&s, 100);
	assert_int_equal(stream_queue(&s, json_object(), fd), 0);
	assert_int_equal(s.out_fds, 1);
	assert_int_equal(stream_flush(&s), 3);
	assert_int_equal(s.out_fds, 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	got = take_fd();
	assert_true(got >= 0);
	close(got);
	assert_int_equal(stream_queue(&s, json_object(), -1), 0);
	stream_flush(&s);
	assert_int_equal(take_fd(), -1);
	assert_int_equal(stream_queue(&s, json_object(), second), 0);
	end(&s);
	assert_int_equal(fcntl(second, F_GETFD), -1);
}

/* ---- users ---- */

static void test_users(void **state)
{
	struct user *all = NULL, *one = user_get(&all, 1), *two = user_get(&all, 2);

	assert_ptr_not_equal(one, two);
	assert_ptr_equal(user_get(&all, 1), one);
	assert_int_equal(one->conns, 2);
	user_put(&all, one);
	user_put(&all, two);
	assert_ptr_equal(all, one);
	user_put(&all, one);
	assert_null(all);
}

static void test_rate(void **state)
{
	struct serve_limits limits = { .rate = 10 };
	struct user user = {};
	int i;

	for (i = 0; i < 10; i++)
		assert_true(user_take(&user, &limits, 1000));
	assert_false(user_take(&user, &limits, 1000));
	assert_false(user_take(&user, &limits, 1099));
	assert_true(user_take(&user, &limits, 1150));
	assert_false(user_take(&user, &limits, 1150));
	for (i = 0; i < 10; i++)	/* no more than a second's for who was silent for long */
		assert_true(user_take(&user, &limits, 1000000));
	assert_false(user_take(&user, &limits, 1000000));
}

/* ---- systemd ---- */

static void test_notify(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char got[64] = "", dir[] = "/tmp/vmmtrace-test.XXXXXX";

	assert_non_null(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	unsetenv("NOTIFY_SOCKET");
	notify("READY=1");		/* to nobody */
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
	notify("READY=1");
	assert_int_equal(recv(fd, got, sizeof(got), 0), 7);
	assert_string_equal(got, "READY=1");
	unlink(at.sun_path);
	rmdir(dir);
	close(fd);
}

static void test_watchdog(void **state)
{
	char pid[16];

	unsetenv("WATCHDOG_USEC");
	assert_int_equal(notify_watchdog(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog(), 15000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog(), 0);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_watchdog(), 15000);
}

static void test_passed_socket(void **state)
{
	int old = dup(3), fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un at = { .sun_family = AF_UNIX };	/* any name will do */
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	unsetenv("LISTEN_FDS");
	assert_int_equal(notify_socket(), -1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_PID", "1", 1);
	assert_int_equal(notify_socket(), -1);
	setenv("LISTEN_PID", pid, 1);
	if (fd != 3)
		dup2(fd, 3);
	assert_int_equal(notify_socket(), -ENOTSOCK);
	assert_int_equal(bind(3, (struct sockaddr *)&at, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(3, 1), 0);
	assert_int_equal(notify_socket(), 3);
	assert_true(fcntl(3, F_GETFD) & FD_CLOEXEC);
	setenv("LISTEN_FDS", "2", 1);
	assert_int_equal(notify_socket(), -EINVAL);
	if (old >= 0)
		dup2(old, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request), cmocka_unit_test(test_request_short),
		cmocka_unit_test(test_bad_requests), cmocka_unit_test(test_deep),
		cmocka_unit_test(test_answers), cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_line), cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_flush), cmocka_unit_test(test_broken),
		cmocka_unit_test(test_descriptors), cmocka_unit_test(test_users),
		cmocka_unit_test(test_rate), cmocka_unit_test(test_notify),
		cmocka_unit_test(test_watchdog), cmocka_unit_test(test_passed_socket),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
