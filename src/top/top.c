// SPDX-License-Identifier: GPL-2.0-only
/* --batch and --json: what came, every so often, on standard output. */
#include <config.h>

#include "top.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_COLUMNS 80

volatile sig_atomic_t top_stop;
sigset_t top_while_waiting;

static void on_signal(int signal)
{
	top_stop = 1;
}

/* Whoever waits looks at top_stop first, so no signal may come in between. */
static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = on_signal }, old;
	sigset_t caught;
	size_t i;

	sigemptyset(&caught);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler == SIG_IGN)
			continue;	/* nohup */
		sigaction(signals[i], &action, NULL);
		sigaddset(&caught, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &caught, &top_while_waiting);
}

int top_fail(int err, const char *what)
{
	if (err == -EPROTO)
		fprintf(stderr, "vmmtrace top: vmm.ko has other statistics than this program knows: load the module that belongs to it\n");
	else
		fprintf(stderr, "vmmtrace top: %s: %s\n", what, strerror(-err));
	return 1;
}

static int print_batch(const struct top_host *host, const struct top_view *view)
{
	static struct top_rows rows;
	char line[TOP_LINE];
	size_t i;

	if (top_rows_make(&rows, host, view, top_key_room(view, BATCH_COLUMNS)))
		return -ENOMEM;
	top_line_sum(line, host, &rows);
	puts(line);
	top_line_head(line, view);
	puts(line);
	for (i = 0; i < rows.n; i++) {
		top_line_row(line, view, &rows.row[i]);
		puts(line);
	}
	putchar('\n');
	return 0;
}

/* Nothing has come of what is there at first: waiting comes before printing. */
static int print_all(struct top_host *host, const struct top_options *o)
{
	unsigned long done;
	int err = top_host_refresh(host);

	for (done = 0; !err && (!o->times || done < o->times); done++) {
		if (!top_stop)
			ppoll(NULL, 0, &o->delay, &top_while_waiting);
		err = top_host_refresh(host);
		if (err)
			break;
		err = o->mode == TOP_JSON ? top_json_print(host) : print_batch(host, &o->view);
		if (fflush(stdout) || ferror(stdout))
			return top_fail(-errno, "standard output");
		if (top_stop)
			break;
	}
	return err ? top_fail(err, "the statistics") : 0;
}

int top_main(struct top_host *host, const struct top_options *options)
{
	int status;

	catch_signals();
	status = options->mode == TOP_SCREEN ? top_screen(host, options) :
					       print_all(host, options);
	top_host_free(host);
	return status;
}
