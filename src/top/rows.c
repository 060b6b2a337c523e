// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/collector/names.h"
#include "src/stats/text.h"

const char *const top_sort_names[TOP_NSORT] = {
#define S(name, text) #name,
	TOP_SORTS(S)
#undef S
};

#define SHARE_COLUMNS 5		/* " 100%" */

/* ---- rows ---- */

static struct top_row *new_row(struct top_rows *rows)
{
	struct top_row *row = realloc(rows->row, (rows->n + 1) * sizeof(*row));

	if (!row)
		return NULL;
	rows->row = row;
	row += rows->n++;
	memset(row, 0, sizeof(*row));
	return row;
}

static void fill_row(struct top_row *row, const struct top_host *host, const struct stats_sum *sum)
{
	double ms = host->interval * 1000, khz = (double)host->tsc_khz;

	row->rate = row->time = 0;
	row->p50 = row->p99 = -1;
	if (!sum->counted || !ms || !khz)
		return;
	row->rate = (double)sum->counted / host->interval;
	row->time = (double)sum->ticks / khz / ms;
	row->p50 = 1000 * (double)stats_percentile(sum, 0.50) / khz;
	row->p99 = 1000 * (double)stats_percentile(sum, 0.99) / khz;
}

/* What a class did on the vCPUs first to last. Returns its exits so far. */
static uint64_t add_class(struct stats_sum *sum, const struct top_vm *vm, unsigned int first,
			  unsigned int last, unsigned int class, bool with_keys)
{
	uint64_t count = 0;
	unsigned int i;

	for (i = first; i <= last; i++) {
		const struct top_vcpu *vcpu = &vm->vcpus[i];

		if (!vcpu->now->vs_class[class].vsc_counted)
			continue;
		count += vcpu->now->vs_class[class].vsc_counted;
		stats_sum_add(sum, &vcpu->now->vs_class[class], &vcpu->before->vs_class[class],
			  with_keys);
	}
	return count;
}

/* All classes in one row: in place of the key it has the commonest class. */
static int add_folded(struct top_rows *rows, const struct top_host *host, struct top_row row,
		      unsigned int first, unsigned int last, struct stats_sum *sum, int key_room)
{
	uint64_t before, most = 0;
	unsigned int class, top = 0;
	struct top_row *to;

	stats_clear(sum);
	for (class = 0; class < VMMT_NCLASS; class++) {
		before = sum->counted;
		row.count += add_class(sum, row.vm, first, last, class, false);
		if (sum->counted - before <= most)
			continue;
		most = sum->counted - before;
		top = class;
	}
	to = new_row(rows);
	if (!to)
		return -1;
	row.class = -1;
	fill_row(&row, host, sum);
	snprintf(row.key, sizeof(row.key), "-");
	if (most)
		snprintf(row.key, sizeof(row.key), "%.*s %.0f%%", key_room - SHARE_COLUMNS,
			 vmmt_class_info(top)->label, 100 * (double)most / (double)sum->counted);
	*to = row;
	return 0;
}

static int add_classes(struct top_rows *rows, const struct top_host *host, struct top_row row,
		       unsigned int first, unsigned int last, struct stats_sum *sum, int key_room)
{
	struct top_row *to;
	unsigned int class;

	for (class = 0; class < VMMT_NCLASS; class++) {
		stats_clear(sum);
		row.count = add_class(sum, row.vm, first, last, class, true);
		if (!row.count)
			continue;
		to = new_row(rows);
		if (!to)
			return -1;
		row.class = (int)class;
		fill_row(&row, host, sum);
		stats_text_top(class, sum, key_room, row.key, sizeof(row.key));
		*to = row;
	}
	return 0;
}

/* ---- order ---- */

static int more(double a, double b)
{
	return (a < b) - (a > b);
}

static enum top_sort sort_by;

static int compare(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;
	int order = 0;

	switch (sort_by) {
	case TOP_SORT_time:
		order = more(x->time, y->time);
		break;
	case TOP_SORT_rate:
		order = more(x->rate, y->rate);
		break;
	case TOP_SORT_count:
		order = more((double)x->count, (double)y->count);
		break;
	case TOP_SORT_p99:
		order = more(x->p99, y->p99);
		break;
	default:
		order = strcmp(x->vm->name, y->vm->name);
	}
	if (!order && x->vm->id != y->vm->id)
		order = x->vm->id < y->vm->id ? -1 : 1;
	if (!order)
		order = x->vcpu != y->vcpu ? x->vcpu - y->vcpu : x->class - y->class;
	return order;
}

int top_rows_make(struct top_rows *rows, const struct top_host *host, const struct top_view *view,
		  int key_room)
{
	static struct stats_sum sum;
	unsigned int first, last;
	size_t v, i;
	int err = 0;

	rows->n = rows->vcpus = 0;
	rows->rate = 0;
	for (v = 0; !err && v < host->nvms; v++) {
		const struct top_vm *vm = &host->vms[v];

		rows->vcpus += vm->ncpus;
		for (first = 0; !err && first < vm->ncpus; first = last + 1) {
			struct top_row row = { .vm = vm, .vcpu = view->split ? (int)first : -1 };

			last = view->split ? first : vm->ncpus - 1;
			err = view->fold ? add_folded(rows, host, row, first, last, &sum, key_room) :
					   add_classes(rows, host, row, first, last, &sum, key_room);
		}
	}
	if (err)
		return -ENOMEM;
	for (i = 0; i < rows->n; i++)
		rows->rate += rows->row[i].rate;
	sort_by = view->sort;
	if (rows->n)
		qsort(rows->row, rows->n, sizeof(*rows->row), compare);
	return 0;
}

/* ---- lines ---- */

#define CPU_COLUMNS 4
#define FIXED_COLUMNS 61

int top_key_room(const struct top_view *view, int columns)
{
	int room = columns - FIXED_COLUMNS - (view->split ? CPU_COLUMNS : 0);

	return room < 8 ? 8 : room < TOP_KEY_ROOM ? room : TOP_KEY_ROOM - 1;
}

static void line(char *text, const char *vm, const char *name, const char *vcpu, const char *exit,
		 const char *count, const char *rate, const char *time, const char *p50,
		 const char *p99, const char *key)
{
	snprintf(text, TOP_LINE, "%4s %-9.9s %s%-9.9s %7s %7s %6s %5s %5s  %s", vm, name, vcpu,
		 exit, count, rate, time, p50, p99, key);
}

void top_line_head(char text[TOP_LINE], const struct top_view *view)
{
	line(text, "VM", "NAME", view->split ? "CPU " : "", view->fold ? "EXITS" : "EXIT", "COUNT",
	     "RATE/s", "TIME%", "p50us", "p99us", view->fold ? "TOP EXIT" : "TOP KEY");
}

static const char *us_or_none(double us, char buf[STATS_TEXT])
{
	return us < 0 ? "-" : stats_text_us(us, buf);
}

void top_line_row(char text[TOP_LINE], const struct top_view *view, const struct top_row *row)
{
	char vm[16], vcpu[16] = "", count[STATS_TEXT], rate[STATS_TEXT], time[STATS_TEXT];
	char p50[STATS_TEXT], p99[STATS_TEXT];

	snprintf(vm, sizeof(vm), "%u", row->vm->id);
	if (view->split)
		snprintf(vcpu, sizeof(vcpu), "%3d ", row->vcpu);
	/* One exit that took longer than the interval is more than its whole time. */
	snprintf(time, sizeof(time), row->time < 100 ? "%.1f" : "%.0f",
		 row->time < 9999 ? 100 * row->time : 999900);
	line(text, vm, row->vm->name, vcpu,
	     row->class < 0 ? "all" : vmmt_class_info((unsigned int)row->class)->label,
	     stats_text_count((double)row->count, count), stats_text_count(row->rate, rate), time,
	     us_or_none(row->p50, p50), us_or_none(row->p99, p99), row->key);
}

void top_line_sum(char text[TOP_LINE], const struct top_host *host, const struct top_rows *rows)
{
	char rate[STATS_TEXT];

	if (!host->nvms)
		snprintf(text, TOP_LINE, host->only ? "no VM %s that you may see; waiting" :
			 "no VM that you may see; waiting", host->only);
	else
		snprintf(text, TOP_LINE, "%zu VM%s, %u vCPU%s, %s exits/s", host->nvms,
			 host->nvms == 1 ? "" : "s", rows->vcpus, rows->vcpus == 1 ? "" : "s",
			 stats_text_count(rows->rate, rate));
}
