/* SPDX-License-Identifier: GPL-2.0-only */
/* What top shows of two snapshots, as rows, and as lines of text. */
#ifndef TOP_ROWS_H
#define TOP_ROWS_H

#include "host.h"

/* S(name, what people read): the first is what a row is sorted by if nobody says
 * otherwise. */
#define TOP_SORTS(S) \
	S(time, "share of time") \
	S(rate, "exits a second") \
	S(count, "exits so far") \
	S(p99, "p99") \
	S(name, "VM's name")

enum top_sort {
#define S(name, text) TOP_SORT_##name,
	TOP_SORTS(S)
#undef S
	TOP_NSORT
};

extern const char *const top_sort_names[TOP_NSORT];

struct top_view {
	enum top_sort sort;
	bool split;			/* a row for each vCPU */
	bool fold;			/* all classes in one row */
};

#define TOP_KEY_ROOM 64
#define TOP_LINE 256

struct top_row {
	const struct top_vm *vm;
	int vcpu;			/* -1: all of the VM */
	int class;			/* -1: all */
	uint64_t count;			/* since the VM began */
	double rate;			/* of the interval: exits a second */
	double time;			/* share of one CPU's time from the exit to the next entry */
	double p50, p99;		/* us; negative where there were none */
	char key[TOP_KEY_ROOM];		/* the hottest, or the hottest class */
};

struct top_rows {
	struct top_row *row;
	size_t n;
	double rate;			/* of all */
	unsigned int vcpus;
};

/* Rows as view wants them, in its order; key_room is the columns that a key has.
 * rows is used again from call to call, free(rows->row) is the caller's.
 * Returns 0 or -ENOMEM. */
int top_rows_make(struct top_rows *rows, const struct top_host *host, const struct top_view *view,
		  int key_room);

/* Columns that a key has on a line that is so long. */
int top_key_room(const struct top_view *view, int columns);

/* The line above the rows, and a row's. */
void top_line_head(char line[TOP_LINE], const struct top_view *view);
void top_line_row(char line[TOP_LINE], const struct top_view *view, const struct top_row *row);

/* How many there are of what, and how much it does. */
void top_line_sum(char line[TOP_LINE], const struct top_host *host, const struct top_rows *rows);

#endif /* TOP_ROWS_H */
