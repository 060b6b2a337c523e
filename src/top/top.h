/* SPDX-License-Identifier: GPL-2.0-only */
/* vmmtrace top, once its options are known. */
#ifndef TOP_TOP_H
#define TOP_TOP_H

#include <signal.h>

#include "rows.h"

enum top_mode { TOP_SCREEN, TOP_BATCH, TOP_JSON };

struct top_options {
	enum top_mode mode;
	struct timespec delay;
	unsigned long times;		/* 0: until somebody ends it */
	struct top_view view;
};

/* Show what host, opened already, does. Returns the program's status: 0, or 1
 * with one line on stderr. */
int top_main(struct top_host *host, const struct top_options *options);

/* Of the modes below: somebody wants an end. Signals that say so are blocked,
 * but for while_waiting. */
extern volatile sig_atomic_t top_stop;
extern sigset_t top_while_waiting;

/* One line on stderr; returns 1. */
int top_fail(int err, const char *what);

int top_screen(struct top_host *host, const struct top_options *options);

/* One object on a line, or -EIO if memory is short. */
int top_json_print(const struct top_host *host);

#endif /* TOP_TOP_H */
