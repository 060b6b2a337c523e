/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an emulated host sends: nothing is lost or made up among an emulator's own lines, damage is
 * noticed, and no path leads out of --out.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/lab/frame.h"
#include "src/lab/internal.h"

struct stream {
	char bytes[400000];
	size_t len;
	uint16_t seq;
	unsigned char *window;	/* or NULL */
};

struct fixture {
	char dir[64];
	struct lab_channel channel;
	struct stream stream;
};

static void put_bytes(struct stream *stream, const void *data, size_t len)
{
	assert_true(stream->len + len <= sizeof(stream->bytes));
	memcpy(stream->bytes + stream->len, data, len);
	stream->len += len;
}

static void put_text(struct stream *stream, const char *text)
{
	put_bytes(stream, text, strlen(text));
}

/* The frame as frame.h describes it, written here a second time on purpose. */
static void put_frame(struct stream *stream, enum lab_frame_type type, const void *data, size_t len)
{
	struct lab_frame frame = { .magic = LAB_FRAME_MAGIC, .type = type, .seq = stream->seq,
				   .length = len, .slot = LAB_FRAME_INLINE };

	if (stream->window) {
		frame.slot = stream->seq % LAB_WINDOW_SLOTS;
		memcpy(stream->window + (size_t)frame.slot * LAB_FRAME_MAX, data, len);
	}
	stream->seq++;
	frame.sum = lab_frame_sum(LAB_FRAME_SUM_INIT, &frame, sizeof(frame));
	frame.sum = lab_frame_sum(frame.sum, data, len);
	put_bytes(stream, &frame, sizeof(frame));
	if (!stream->window)
		put_bytes(stream, data, len);
}

static void put_file(struct stream *stream, enum lab_frame_type type, const char *path,
		     uint32_t mode)
{
	char data[4096];
	struct lab_frame_file file = { .mode = mode };

	memcpy(data, &file, sizeof(file));
	memcpy(data + sizeof(file), path, strlen(path));
	put_frame(stream, type, data, sizeof(file) + strlen(path));
}

static void put_status(struct stream *stream, uint32_t status)
{
	put_frame(stream, LAB_FRAME_STATUS, &status, sizeof(status));
}

/* Feeds the stream in pieces of @piece bytes, with our stdout and stderr in a file meanwhile. */
static int feed(struct fixture *f, size_t piece, char *ret_out, size_t size)
{
	char path[128];
	int saved[2], fd, err = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/stdout", f->dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		saved[i] = dup(i + 1);
		dup2(fd, i + 1);
	}
	for (size_t at = 0; at < f->stream.len && !err; at += piece) {
		size_t len = f->stream.len - at < piece ? f->stream.len - at : piece;

		err = lab_channel_feed(&f->channel, f->stream.bytes + at, len);
	}
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		dup2(saved[i], i + 1);
		close(saved[i]);
	}
	n = pread(fd, ret_out, size - 1, 0);
	close(fd);
	assert_true(n >= 0);
	ret_out[n] = '\0';
	return err;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char out[128];

	if (!f)
		return -1;
	*state = f;
	strcpy(f->dir, "lab-channel-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(out, sizeof(out), "%s/out", f->dir);
	return lab_channel_init(&f->channel, out, NULL);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	lab_channel_destroy(&f->channel);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	free(f);
	return system(command);
}

static char *read_out(const struct fixture *f, const char *name, size_t *ret_size)
{
	char path[256], *data;

	snprintf(path, sizeof(path), "%s/out/%s", f->dir, name);
	return lab_read_file(path, &data, ret_size) ? NULL : data;
}

static void emulator_lines_are_not_output(void **state)
{
	static const size_t pieces[] = { 1, 2, 7, 19, 20, 21, LAB_READ_SIZE };
	struct fixture *f = *state;
	char out[256];

	put_text(&f->stream, "Bochs x86 Emulator\n\x9b\x56\x4d");
	put_frame(&f->stream, LAB_FRAME_READY, "", 0);
	put_text(&f->stream, "(0) [0x0000fffffff0]\n");
	put_frame(&f->stream, LAB_FRAME_STDOUT, "one\n", 4);
	put_frame(&f->stream, LAB_FRAME_STDOUT, "two\n", 4);
	put_text(&f->stream, "\x9b\x56\x4d\x8c not a frame at all, but it starts like one");
	put_status(&f->stream, 42);
	put_text(&f->stream, "bye\n");
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		lab_channel_destroy(&f->channel);
		assert_int_equal(lab_channel_init(&f->channel, NULL, NULL), 0);
		assert_int_equal(feed(f, pieces[i], out, sizeof(out)), 0);
		assert_string_equal(out, "one\ntwo\n");
		assert_true(f->channel.ready);
		assert_true(f->channel.ended);
		assert_int_equal(f->channel.status, 42);
	}
}

static void every_byte_value_passes(void **state)
{
	struct fixture *f = *state;
	unsigned char data[256];
	size_t size;
	char out[64], *got;

	for (int i = 0; i < 256; i++)
		data[i] = i;
	put_file(&f->stream, LAB_FRAME_FILE, "bytes", 0644);
	for (int i = 0; i < 300; i++)
		put_frame(&f->stream, LAB_FRAME_DATA, data, sizeof(data));
	put_frame(&f->stream, LAB_FRAME_END, "", 0);
	assert_int_equal(feed(f, LAB_READ_SIZE, out, sizeof(out)), 0);
	got = read_out(f, "bytes", &size);
	assert_non_null(got);
	assert_int_equal(size, 300 * sizeof(data));
	for (size_t i = 0; i < size; i++)
		assert_int_equal((unsigned char)got[i], i % 256);
	free(got);
}

static void payload_comes_through_the_window(void **state)
{
	struct fixture *f = *state;
	char out[64];

	f->stream.window = calloc(LAB_WINDOW_SLOTS, LAB_FRAME_MAX);
	assert_non_null(f->stream.window);
	f->channel.window = f->stream.window;
	put_frame(&f->stream, LAB_FRAME_STDOUT, "here", 4);
	put_status(&f->stream, 3);
	assert_int_equal(feed(f, LAB_READ_SIZE, out, sizeof(out)), 0);
	assert_string_equal(out, "here");
	assert_int_equal(f->channel.status, 3);
	free(f->stream.window);
}

/* Flipping any one bit of a frame must not pass unnoticed once the next frame has come. */
static void damage_is_noticed(void **state)
{
	struct fixture *f = *state;
	char out[512];
	size_t len;

	put_frame(&f->stream, LAB_FRAME_STDOUT, "some output", 11);
	len = f->stream.len;
	put_status(&f->stream, 0);
	for (size_t bit = 0; bit < len * 8; bit++) {
		lab_channel_destroy(&f->channel);
		assert_int_equal(lab_channel_init(&f->channel, NULL, NULL), 0);
		f->stream.bytes[bit / 8] ^= 1 << bit % 8;
		feed(f, LAB_READ_SIZE, out, sizeof(out));
		f->stream.bytes[bit / 8] ^= 1 << bit % 8;
		assert_false(f->channel.ended && !f->channel.failed);
		assert_null(strstr(out, "some output"));
	}
}

static void missing_frame_is_noticed(void **state)
{
	struct fixture *f = *state;
	char out[256];

	put_frame(&f->stream, LAB_FRAME_STDOUT, "a", 1);
	f->stream.seq++;
	put_status(&f->stream, 0);
	assert_int_not_equal(feed(f, LAB_READ_SIZE, out, sizeof(out)), 0);
	assert_true(f->channel.failed);
	assert_non_null(strstr(out, "damaged"));
}

/* The command started another kernel by kexec: its init counts from 0, and its status is the one. */
static void another_kernel_begins_again(void **state)
{
	struct fixture *f = *state;
	char out[256];

	put_frame(&f->stream, LAB_FRAME_READY, "", 0);
	put_frame(&f->stream, LAB_FRAME_STDOUT, "one\n", 4);
	put_file(&f->stream, LAB_FRAME_FILE, "cut", 0644);
	f->stream.seq = 0;
	put_frame(&f->stream, LAB_FRAME_READY, "", 0);
	put_frame(&f->stream, LAB_FRAME_STDOUT, "two\n", 4);
	put_file(&f->stream, LAB_FRAME_FILE, "whole", 0644);
	put_frame(&f->stream, LAB_FRAME_END, "", 0);
	put_status(&f->stream, 3);
	assert_int_equal(feed(f, 21, out, sizeof(out)), 0);
	assert_string_equal(out, "one\ntwo\n");
	assert_true(f->channel.ended);
	assert_int_equal(f->channel.status, 3);
}

static void tree_arrives(void **state)
{
	struct fixture *f = *state;
	char path[128], out[64], *got;
	struct stat st;
	size_t size;

	put_file(&f->stream, LAB_FRAME_DIR, "a", 0755);
	put_file(&f->stream, LAB_FRAME_DIR, "a/b c", 0755);
	put_file(&f->stream, LAB_FRAME_FILE, "a/b c/script", 0755);
	put_frame(&f->stream, LAB_FRAME_DATA, "#!/bin/sh\n", 10);
	put_frame(&f->stream, LAB_FRAME_END, "", 0);
	put_file(&f->stream, LAB_FRAME_FILE, "empty", 0644);
	put_frame(&f->stream, LAB_FRAME_END, "", 0);
	assert_int_equal(feed(f, LAB_READ_SIZE, out, sizeof(out)), 0);
	got = read_out(f, "a/b c/script", &size);
	assert_non_null(got);
	assert_string_equal(got, "#!/bin/sh\n");
	free(got);
	snprintf(path, sizeof(path), "%s/out/a/b c/script", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_mode & S_IXUSR);
	got = read_out(f, "empty", &size);
	assert_non_null(got);
	assert_int_equal(size, 0);
	free(got);
}

static void no_path_leads_outside(void **state)
{
	static const char *const paths[] = {
		"../stolen", "/stolen", "a/../../stolen", "a//stolen", ".", "..", "a/", "link/stolen",
		"./stolen",
	};
	struct fixture *f = *state;
	char path[128], out[512];

	snprintf(path, sizeof(path), "%s/out/a", f->dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/out/link", f->dir);
	assert_int_equal(symlink("..", path), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(path, sizeof(path), "%s/out", f->dir);
		lab_channel_destroy(&f->channel);
		assert_int_equal(lab_channel_init(&f->channel, path, NULL), 0);
		f->stream.len = f->stream.seq = 0;
		put_file(&f->stream, LAB_FRAME_FILE, paths[i], 0644);
		put_frame(&f->stream, LAB_FRAME_END, "", 0);
		assert_int_not_equal(feed(f, LAB_READ_SIZE, out, sizeof(out)), 0);
	}
	snprintf(path, sizeof(path), "%s/stolen", f->dir);
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/out/stolen", f->dir);
	assert_int_not_equal(access(path, F_OK), 0);
}

/* A file of an earlier run may be a link to somewhere else; that place is not written. */
static void link_is_replaced_not_followed(void **state)
{
	struct fixture *f = *state;
	char path[128], target[128], out[64], *got;
	struct stat st;
	size_t size;

	snprintf(target, sizeof(target), "%s/precious", f->dir);
	assert_int_equal(close(open(target, O_WRONLY | O_CREAT, 0600)), 0);
	snprintf(path, sizeof(path), "%s/out/x", f->dir);
	assert_int_equal(symlink("../precious", path), 0);
	put_file(&f->stream, LAB_FRAME_FILE, "x", 0644);
	put_frame(&f->stream, LAB_FRAME_DATA, "new", 3);
	put_frame(&f->stream, LAB_FRAME_END, "", 0);
	assert_int_equal(feed(f, LAB_READ_SIZE, out, sizeof(out)), 0);
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_size, 0);
	got = read_out(f, "x", &size);
	assert_non_null(got);
	assert_string_equal(got, "new");
	free(got);
}

static void failure_of_the_host_is_told(void **state)
{
	struct fixture *f = *state;
	char out[256];

	put_frame(&f->stream, LAB_FRAME_FAIL, "x.ko did not load", 17);
	assert_int_equal(feed(f, LAB_READ_SIZE, out, sizeof(out)), 0);
	assert_true(f->channel.failed);
	assert_non_null(strstr(out, "x.ko did not load"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(emulator_lines_are_not_output),
		TEST(every_byte_value_passes),
		TEST(payload_comes_through_the_window),
		TEST(damage_is_noticed),
		TEST(missing_frame_is_noticed),
		TEST(another_kernel_begins_again),
		TEST(tree_arrives),
		TEST(no_path_leads_outside),
		TEST(link_is_replaced_not_followed),
		TEST(failure_of_the_host_is_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
