/* SPDX-License-Identifier: GPL-2.0-only */
/* What the unit tests of the collector share: cmocka speaking TAP, records
 * made by hand, files read back. */
#ifndef COLLECTOR_TEST_H
#define COLLECTOR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "src/collector/collector.h"
#include "trace/record.h"

#define RUN_TESTS(tests) \
	(cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests(tests, NULL, NULL))

/* The head of a record made by hand: of the kernel's, of userland's. */
#define HEAD(name, vm, vcpu, seq, time, exit) \
	USER_HEAD(name, vm, vcpu, seq, time, exit), .isa = VMMT_ISA_svm, \
	.verdict = VMMT_VERDICT_delivered
#define USER_HEAD(name, vm_, vcpu_, seq_, time_, exit_) \
	.event = VMMT_EVENT_##name, .size = sizeof(struct vmmt_##name), .vm = (vm_), \
	.vcpu = (vcpu_), .seq = (seq_), .time = (time_), .exit = (exit_)

#define PUSH(c, source, ...) do { \
	__auto_type record_ = (__VA_ARGS__); \
	assert_int_equal(collector_push(c, source, &record_, sizeof(record_)), 0); \
} while (0)

/* xorshift64*: the same numbers everywhere. */
static inline uint64_t test_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

/* A path in a directory that is new for this program, gone at its end. */
static char test_dir[] = "collector-test-XXXXXX";

static inline void test_cleanup(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", test_dir);
	if (system(command))
		fprintf(stderr, "%s stays behind\n", test_dir);
}

static inline const char *test_path(const char *name)
{
	static char paths[8][128];
	static unsigned int next;
	char *path = paths[next++ % 8];

	if (!strcmp(test_dir + sizeof(test_dir) - 7, "XXXXXX")) {
		assert_non_null(mkdtemp(test_dir));
		atexit(test_cleanup);
	}
	snprintf(path, 128, "%s/%s", test_dir, name);
	return path;
}

/* All of a file, decompressed if need be, NUL-terminated; the caller frees. */
static inline char *test_read(const char *path, size_t *ret_len)
{
	gzFile gz = gzopen(path, "r");
	size_t len = 0, room = 1 << 16;
	char *text = malloc(room + 1);
	int n;

	assert_non_null(gz);
	while ((n = gzread(gz, text + len, (unsigned int)(room - len))) > 0) {
		len += (size_t)n;
		if (len == room)
			text = realloc(text, (room *= 2) + 1);
		assert_non_null(text);
	}
	gzclose(gz);
	text[len] = '\0';
	if (ret_len)
		*ret_len = len;
	return text;
}

/* The bytes of a file as they are. */
static inline char *test_read_raw(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rb");
	char *bytes;
	long len;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	bytes = malloc((size_t)len + 1);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, (size_t)len, f), len);
	bytes[len] = '\0';
	fclose(f);
	*ret_len = (size_t)len;
	return bytes;
}

static inline void test_write(const char *path, const char *bytes, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

#endif /* COLLECTOR_TEST_H */
