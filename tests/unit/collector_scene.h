/* SPDX-License-Identifier: GPL-2.0-only */
/* Scenes made by hand, one exit at a time, and the lines that must come of
 * them. 1 tick is 1 ns, and time 0 is tick T0. */
#ifndef COLLECTOR_SCENE_H
#define COLLECTOR_SCENE_H

#include "collector_test.h"

#define T0 1000000ull
#define VM 7

/* What exit records have in common. */
#define EXIT(seq, n, nth_, class_, prev, traced, run, enter, exit_, handled, out, ...) \
	(struct vmmt_exit){ \
		HEAD(exit, VM, 0, seq, T0 + ((out) ? (out) : (handled)), n), \
		.t_prev = T0 + (prev), .t_traced = T0 + (traced), .t_run = (run) ? T0 + (run) : 0, \
		.t_enter = T0 + (enter), .t_exit = T0 + (exit_), .t_handled = T0 + (handled), \
		.t_out = (out) ? T0 + (out) : 0, .nth = (nth_), .class = VMMT_CLASS_##class_, \
		.end = (out) ? VMMT_END_userland : VMMT_END_resumed, __VA_ARGS__ }

/* The clock that makes it so. */
#define CLOCK ((struct vmmt_clock){ HEAD(clock, 0, VMMT_VCPU_VM, 1, T0, 0), .mono = 5000, \
				    .real = 1700000000000000000, .khz = 1000000 })

/* Is the text, cut at newlines, these lines and no more? With only, lines that
 * do not have it in them are passed over. */
static inline void expect_lines(char *text, const char *only, const char *const *lines,
				size_t count)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save);
	size_t i = 0;

	for (; line; line = strtok_r(NULL, "\n", &save)) {
		if (only && !strstr(line, only))
			continue;
		assert_true(i < count);
		assert_string_equal(line, lines[i]);
		i++;
	}
	assert_int_equal(i, count);
}

#define EXPECT_LINES(path, only, ...) do { \
	static const char *const lines_[] = { __VA_ARGS__ }; \
	char *text_ = test_read(path, NULL); \
	expect_lines(text_, only, lines_, sizeof(lines_) / sizeof(lines_[0])); \
	free(text_); \
} while (0)

#endif /* COLLECTOR_SCENE_H */
