// SPDX-License-Identifier: GPL-2.0-only
/* `vmmtrace record --kvm`: KVM's VMs, from the options to the summary. */
#include <config.h>

#include "src/record/kvm.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "src/collector/source_kvm.h"
#include "src/record/tables.h"

#define LOOK_MS 50		/* how often it is seen who has ended */

enum { STATUS_DONE, STATUS_FAILED };

struct kvm_session {
	const struct record_options *opt;
	struct recorder *recorder;
	struct source_kvm *source;
	struct command command;
	uint32_t pids[2 * SELECT_MAX];	/* whose VMs; those that --vm names, too */
	size_t npids;
	uint64_t end_ns;		/* 0: no limit */
	int stop_fd;
	char why[384];
};

/* ---- which VMs ---- */

static bool add_pids(struct kvm_session *s, const struct source_kvm_process *list, int n,
		     const char *name, pid_t pid)
{
	size_t before = s->npids;

	for (int i = 0; i < n && s->npids < 2 * SELECT_MAX; i++)
		if (name ? !strcmp(list[i].name, name) : list[i].pid == (uint32_t)pid)
			s->pids[s->npids++] = list[i].pid;
	return s->npids > before;
}

/* Is there what was asked for? */
static int select_processes(struct kvm_session *s)
{
	const struct select *select = &s->opt->select;
	struct source_kvm_process *list;
	int n = source_kvm_list(&list), err = 0;
	unsigned int i;

	if (n < 0) {
		snprintf(s->why, sizeof(s->why), "the VMs cannot be listed: %s", strerror(-n));
		return n;
	}
	for (i = 0; !err && i < select->nvms; i++) {
		if (add_pids(s, list, n, select->vms[i], 0))
			continue;
		snprintf(s->why, sizeof(s->why), "KVM has no VM %s (vmmtrace list shows those there are)",
			 select->vms[i]);
		err = -ENOENT;
	}
	for (i = 0; !err && i < select->npids; i++) {
		if (add_pids(s, list, n, NULL, select->pids[i]))
			continue;
		snprintf(s->why, sizeof(s->why), "process %d has no VM of KVM (vmmtrace list shows those that have)",
			 (int)select->pids[i]);
		err = -ENOENT;
	}
	free(list);
	return err;
}

/* ---- the beginning ---- */

static uint64_t now(void *unused)
{
	return source_kvm_now();
}

static unsigned int drain(void *source)
{
	return source_kvm_drain(source);
}

static uint64_t misses(const void *source)
{
	return source_kvm_misses(source);
}

static void detach(void *source)
{
	source_kvm_detach(source);
}

static void close_source(void *source)
{
	source_kvm_close(source);
}

static int open_source(struct kvm_session *s, const struct vmmt_filter *filter)
{
	struct source_kvm_options options = {
		.filter = *filter, .ring_size = s->opt->ring_size,
		.pids = s->pids, .npids = s->npids, .descend = s->opt->command,
	};
	struct recorder_source source = {
		.drain = drain, .misses = misses, .detach = detach, .close = close_source,
	};
	int err = source_kvm_open(recorder_collector(s->recorder), &options, &s->source, s->why);

	if (err)
		return err;
	source.source = s->source;
	err = recorder_add_source(s->recorder, &source);
	if (err)
		snprintf(s->why, sizeof(s->why), "out of memory");
	return err;
}

static int make_recorder(struct kvm_session *s)
{
	const struct record_options *opt = s->opt;
	struct vmmt_filter filter;
	struct recorder_options options = {
		.outputs = opt->outputs, .noutputs = opt->noutputs, .filter = opt->filter_text,
		.terms = &filter, .source = SOURCE_KVM, .khz = SOURCE_KVM_KHZ, .now = now,
	};
	char msg[RECORDER_MSG];
	int err;

	filter_compile(&opt->filter, SOURCE_KVM_KHZ, &filter);
	err = recorder_new(&options, &s->recorder, msg);
	if (err)
		snprintf(s->why, sizeof(s->why), "%s", msg);
	return err ? err : open_source(s, &filter);
}

static int block_signals(struct kvm_session *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->stop_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->stop_fd < 0 ? -errno : 0;
}

static int begin(struct kvm_session *s)
{
	const struct record_options *opt = s->opt;
	int err = block_signals(s);

	/* What the command leaves behind becomes this process's child. */
	if (!err && opt->command) {
		err = command_start(&s->command, opt->command);
		s->pids[s->npids++] = (uint32_t)getpid();
	}
	if (err) {
		snprintf(s->why, sizeof(s->why), "recording cannot start: %s", strerror(-err));
		return err;
	}
	err = make_recorder(s);
	if (err)
		return err;
	err = recorder_start(s->recorder);
	if (err)
		snprintf(s->why, sizeof(s->why), "recording cannot start: %s", strerror(-err));
	else if (opt->command && (err = command_go(&s->command)))
		snprintf(s->why, sizeof(s->why), "%s: cannot be started: %s", opt->command[0],
			 strerror(-err));
	if (opt->time_ns)
		s->end_ns = source_kvm_now() + opt->time_ns;
	return err;
}

/* ---- the end ---- */

static bool all_ended(struct kvm_session *s)
{
	size_t i;

	if (s->opt->command)
		return command_ended(&s->command);
	for (i = 0; i < s->npids; i++)
		if (!kill((pid_t)s->pids[i], 0) || errno != ESRCH)
			return false;
	return s->npids;
}

/* A signal to stop; with a command it is the command that stops, and that ends the
 * recording. SIGINT of a terminal has reached it already. */
static bool told_to_stop(struct kvm_session *s)
{
	struct signalfd_siginfo info;
	bool stop = false;

	while (read(s->stop_fd, &info, sizeof(info)) == sizeof(info)) {
		stop |= !s->opt->command;
		if (info.ssi_signo != SIGINT)
			command_signal(&s->command, (int)info.ssi_signo);
	}
	return stop;
}

static void wait_for_end(struct kvm_session *s)
{
	struct pollfd stop = { .fd = s->stop_fd, .events = POLLIN };

	while (!all_ended(s) && !told_to_stop(s) && (!s->end_ns || source_kvm_now() < s->end_ns))
		poll(&stop, 1, LOOK_MS);
}

static void report(const struct kvm_session *s, uint64_t missed)
{
	const struct collector *c = recorder_collector(s->recorder);
	struct tables_losses losses = { .lost = collector_stats(c).lost, .missed = missed,
					.many = true };
	struct collector_count sum;
	unsigned int i;
	json_t *root;

	if (s->opt->json) {
		tables_sum(collector_counts(c), &sum);
		root = json_pack("{s:s s:{s:I s:I s:I s:I s:I}}", "source", SOURCE_KVM, "records",
				 "counted", (json_int_t)sum.counted,
				 "recorded", (json_int_t)sum.recorded,
				 "filtered", (json_int_t)sum.filtered,
				 "lost", (json_int_t)sum.lost, "missed", (json_int_t)missed);
		json_dumpf(root, stdout, JSON_INDENT(2));
		putchar('\n');
		fflush(stdout);
		json_decref(root);
	} else if (!s->opt->quiet) {
		tables_print_counts(collector_counts(c), &losses);
		for (i = 0; i < s->opt->noutputs; i++)
			tables_print_file(s->opt->outputs[i]);
	}
}

static int finish(struct kvm_session *s)
{
	struct collector_totals totals = {};
	int err;

	recorder_stop(s->recorder);
	err = source_kvm_totals(s->source, &totals);
	if (!err)
		err = recorder_finish(s->recorder, &totals);
	if (err && err != -EIO)	/* that is told already */
		snprintf(s->why, sizeof(s->why), "the totals cannot be written: %s",
			 strerror(-err));
	report(s, recorder_missed(s->recorder));
	return err;
}

/* The recording may end before the command does: then it goes on alone. */
static void wait_for_command(struct kvm_session *s)
{
	struct pollfd stop = { .fd = s->stop_fd, .events = POLLIN };

	while (!command_ended(&s->command)) {
		told_to_stop(s);
		poll(&stop, 1, LOOK_MS);
	}
}

int record_kvm(const struct record_options *opt)
{
	struct kvm_session s = { .opt = opt, .stop_fd = -1 };
	int err = select_processes(&s), status;

	if (!err)
		err = begin(&s);
	if (!err) {
		wait_for_end(&s);
		err = finish(&s);
		if (opt->command)
			wait_for_command(&s);
	}
	if (s.why[0])
		fprintf(stderr, "vmmtrace record: %s\n", s.why);
	status = s.command.status ? s.command.status : err ? STATUS_FAILED : STATUS_DONE;
	command_free(&s.command);
	recorder_free(s.recorder);
	if (s.stop_fd >= 0)
		close(s.stop_fd);
	return status;
}
