// SPDX-License-Identifier: GPL-2.0-only
/*
 * One recording. One thread does all of it, every 20 ms or when a VM is made. It may be cut
 * into parts, each with files of its own: a part ends, and the next begins, at a snapshot
 * of each vCPU, so that each is whole by itself and nothing lies between them.
 */
#include <config.h>

#include "src/record/record.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "src/calls/calls.h"

#define PERIOD_MS 20
#define PROBE_NS 1000000000u	/* is a VM gone whose last record was lost? */

static void refused(void *arg, uint32_t vm, uint32_t vcpu, struct vmmt_refused *ret)
{
	const struct session *s = arg;

	recorder_refused(s->recorder, vm, vcpu, ret);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void idle(void *arg)
{
	struct session *s = arg;

	recorder_read(s->recorder);
}

/* TSC as the records tell it: that of the module, should the host have slept. */
static uint64_t now_tsc(void *arg)
{
	const struct session *s = arg;
	const struct vmm_stats *st = s->vms.nvms ? s->vms.vms[0]->vcpus[0].stats : NULL;

	return __builtin_ia32_rdtsc() +
	       (st ? __atomic_load_n(&st->vs_tsc_offset, __ATOMIC_RELAXED) : 0);
}

static void hold(struct session *s, int source, const union vmmt_record *rec)
{
	if (s->later && held_add(s->later, source, rec))
		s->vms.nomem = true;
}

/* Does it start or stop the recording? */
static void look(struct session *s, const union vmmt_record *rec)
{
	if (s->replaying || !rec->head.vm)
		return;
	if (s->waiting && !s->met_start)
		s->met_start = trigger_met(&s->start, rec);
	else if (!s->met_stop)
		s->met_stop = trigger_met(&s->stop, rec);
}

static bool wanted(void *arg, int source, const union vmmt_record *rec)
{
	struct session *s = arg;
	enum vms_route route = vms_route(&s->vms, rec, recorder_collector(s->recorder));

	if (route == VMS_BOTH && s->waiting)
		route = VMS_LATER;
	if (route == VMS_LATER || route == VMS_BOTH)
		hold(s, source, rec);
	if (route != VMS_NOW && route != VMS_BOTH)
		return false;
	look(s, rec);
	if (s->waiting && before_add(&s->before, source, rec))
		s->vms.nomem = true;
	return !s->waiting;
}

static void push(void *arg, int source, const union vmmt_record *rec)
{
	struct session *s = arg;

	collector_push(recorder_collector(s->recorder), source, rec, rec->head.size);
}

/* ---- parts ---- */

/* All that lies before the cut is read when this returns. A VM's own records may be in two
 * rings in either order: so twice. */
static void cut(struct session *s)
{
	s->vms.cut_time = now_tsc(s);
	vmm_clock(s->fd);
	vms_cut(&s->vms);
	recorder_read(s->recorder);
	recorder_read(s->recorder);
}

static void add_counts(struct session *s)
{
	const struct collector *c = recorder_collector(s->recorder);
	const struct collector_count *counts = collector_counts(c);
	struct collector_stats stats = collector_stats(c);
	unsigned int i;

	for (i = 0; i < VMMT_NCLASS; i++) {
		s->counts[i].counted += counts[i].counted;
		s->counts[i].recorded += counts[i].recorded;
		s->counts[i].filtered += counts[i].filtered;
		s->counts[i].lost += counts[i].lost;
	}
	s->stats.records += stats.records;
	s->stats.lost += stats.lost;
	s->output_failed |= collector_failed(c);
}

/* The files of this part are written and closed. */
static int end_part(struct session *s)
{
	struct collector_totals totals;
	struct collector_stream_end *streams;
	int err = vms_totals(&s->vms, &totals, &streams);

	if (err)
		return err;
	err = recorder_finish(s->recorder, &totals);
	free(streams);
	add_counts(s);
	if (!err)
		files_done(&s->files);
	return err;
}

static int next_part(struct session *s)
{
	struct held later = {};
	int err;

	s->later = &later;
	cut(s);
	err = end_part(s);
	s->later = NULL;
	if (err == -EIO)	/* told already; the next file may do better */
		err = 0;
	if (!err)
		err = files_next(&s->files);
	if (!err) {
		collector_restart(recorder_collector(s->recorder));
		err = recorder_add_outputs(s->recorder, (const char *const *)s->files.paths,
					   s->files.noutputs);
	}
	vms_next(&s->vms);
	if (!err)
		err = vms_begin(&s->vms, recorder_collector(s->recorder));
	if (!err)
		held_each(&later, push, s);
	held_free(&later);
	s->part_ns = now_ns();
	return err;
}

static bool part_is_full(const struct session *s)
{
	const struct record_options *opt = s->opt;

	if (opt->rotate_ns && now_ns() - s->part_ns >= opt->rotate_ns)
		return true;
	return opt->rotate_bytes && files_size(&s->files) >= opt->rotate_bytes;
}

/* ---- before it starts ---- */

/* The next piece of what comes before the recording. */
static int next_piece(struct session *s)
{
	struct held later = {};
	int err;

	s->later = &later;
	cut(s);
	s->later = NULL;
	vms_next(&s->vms);
	err = before_begin(&s->before, &s->vms, now_ns());
	if (!err)
		held_each(&later, push, s);
	held_free(&later);
	return err;
}

/* The condition is met: all that is still held is the beginning of the recording. */
static int start(struct session *s)
{
	int err;

	s->waiting = false;
	s->begun_ns = s->part_ns = now_ns();
	if (s->before.cut_short)
		s->back_ns = s->begun_ns - s->before.oldest->ns;
	before_rewind(&s->before, &s->vms);
	err = vms_begin(&s->vms, recorder_collector(s->recorder));
	s->replaying = true;
	if (!err)
		before_each(&s->before, push, s);
	s->replaying = false;
	before_free(&s->before);
	return err;
}

/* ---- the beginning ---- */

static bool listed(const struct vm_info_result *list, size_t count, const char *text, pid_t pid)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (text ? select_names(text, list[i].vir_id, list[i].vir_name) :
			   list[i].vir_creator_pid == pid)
			return true;
	return false;
}

/* Is there what was asked for? */
static int check_selection(struct session *s)
{
	const struct select *select = &s->opt->select;
	struct vm_info_result *list;
	size_t count;
	unsigned int i;
	int err = vms_list(s->fd, &list, &count);

	if (err) {
		snprintf(s->why, sizeof(s->why), "the VMs cannot be listed: %s", strerror(-err));
		return err;
	}
	for (i = 0; !err && i < select->nvms; i++) {
		if (listed(list, count, select->vms[i], 0))
			continue;
		snprintf(s->why, sizeof(s->why), "there is no VM %s (vmmtrace list shows those there are)",
			 select->vms[i]);
		err = -ENOENT;
	}
	for (i = 0; !err && i < select->npids; i++) {
		if (listed(list, count, NULL, select->pids[i]))
			continue;
		snprintf(s->why, sizeof(s->why), "process %d has no VM (vmmtrace list shows those that have)",
			 (int)select->pids[i]);
		err = -ENOENT;
	}
	free(list);
	return err;
}

static int block_signals(struct session *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->stop_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->stop_fd < 0 ? -errno : 0;
}

static json_t *manifest(const struct session *s)
{
	return json_pack("{s:I s:s}", "ring_size", (json_int_t)s->opt->ring_size, "isa",
			 s->version.vv_isa == VMMT_ISA_svm ? "AMD SVM" : "Intel VMX");
}

static int make_recorder(struct session *s, char msg[RECORDER_MSG])
{
	const struct record_options *opt = s->opt;
	struct source_vmm_options source = {
		.ring_size = opt->ring_size, .bell = true,
	};
	json_t *m = manifest(s);
	struct recorder_options options = {
		.outputs = (const char *const *)s->files.paths, .noutputs = opt->noutputs,
		.manifest = m, .filter = opt->filter_text, .terms = &source.filter,
		.attached = true,
		.khz = s->version.vv_tsc_khz, .now = now_tsc, .wanted = wanted, .arg = s,
	};
	int err;

	filter_compile(&opt->filter, s->version.vv_tsc_khz, &source.filter);
	err = recorder_new(&options, &s->recorder, msg);
	json_decref(m);
	return err ? err : recorder_open_vmm(s->recorder, &source, msg);
}

/* Records gather before there is a first piece of what came before: it begins empty. */
static int begin(struct session *s)
{
	int err = 0;

	vms_open(&s->vms);
	s->before.ns = s->opt->before_ns;
	if (s->waiting)
		err = before_begin(&s->before, &s->vms, now_ns());
	if (!err)
		err = vmm_clock(s->fd);
	if (!err)
		err = vms_look(&s->vms, recorder_collector(s->recorder));
	if (!err && s->waiting)
		err = next_piece(s);
	if (err)
		snprintf(s->why, sizeof(s->why), "recording cannot start: %s", strerror(-err));
	return err;
}

static int start_command(struct session *s)
{
	int err = command_go(&s->command);

	if (err)
		snprintf(s->why, sizeof(s->why), "%s: cannot be started: %s", s->opt->command[0],
			 strerror(-err));
	return err;
}

static void prepare(struct session *s)
{
	const struct record_options *opt = s->opt;

	s->start = opt->start;
	s->stop = opt->stop;
	trigger_compile(&s->start, s->version.vv_tsc_khz);
	trigger_compile(&s->stop, s->version.vv_tsc_khz);
	s->waiting = s->vms.waiting = s->start.set;
	s->select = opt->select;
	s->vms.fd = s->fd;
	s->vms.select = &s->select;
	s->vms.ops = (struct snapshot_ops){ refused, idle, s };
}

/* What can fail without anything having been touched; the command, which waits. */
static int check(struct session *s)
{
	const struct record_options *opt = s->opt;
	int err = check_selection(s);

	if (!err)
		err = block_signals(s);
	if (!err && opt->command) {
		err = command_start(&s->command, opt->command);
		s->select.ancestor = getpid();
	}
	if (!err)
		err = files_init(&s->files, opt->outputs, opt->noutputs,
				 opt->rotate_ns || opt->rotate_bytes, opt->keep);
	if (!err)
		err = files_next(&s->files);
	if (err && !s->why[0])
		snprintf(s->why, sizeof(s->why), "%s", strerror(-err));
	return err;
}

int session_open(struct session *s)
{
	char msg[RECORDER_MSG] = "";
	int err;

	s->fd = calls_open(&s->version, s->why, sizeof(s->why));
	if (s->fd < 0)
		return s->fd;
	prepare(s);
	err = check(s);
	if (err)
		return err;
	err = make_recorder(s, msg);
	if (err) {
		snprintf(s->why, sizeof(s->why), "%s", msg);
		return err;
	}
	err = begin(s);
	if (!err && s->opt->command)
		err = start_command(s);
	s->begun_ns = s->part_ns = now_ns();
	return err;
}

/* ---- the loop ---- */

static void wait_a_while(const struct session *s)
{
	struct pollfd fds[] = {
		{ .fd = s->stop_fd, .events = POLLIN },
		{ .fd = recorder_bell(s->recorder), .events = POLLIN },
	};

	poll(fds, 2, PERIOD_MS);
}

/* A signal to stop; with a command it is the command that stops, and that ends the
 * recording. SIGINT of a terminal has reached it already. */
static bool told_to_stop(struct session *s)
{
	struct signalfd_siginfo info;
	bool stop = false;

	while (read(s->stop_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		stop |= !s->opt->command;
		if (info.ssi_signo != SIGINT)
			command_signal(&s->command, (int)info.ssi_signo);
	}
	return stop;
}

/* Of the processes that were named, is one left that could make a VM? */
static bool processes_left(const struct select *select)
{
	unsigned int i;

	for (i = 0; i < select->npids; i++)
		if (!kill(select->pids[i], 0) || errno == EPERM)
			return true;
	return false;
}

static enum session_end look_for_end(struct session *s)
{
	const struct record_options *opt = s->opt;

	if (told_to_stop(s))
		return SESSION_STOPPED;
	if (opt->command && command_ended(&s->command))
		return SESSION_ENDED;
	if (!opt->command && !opt->select.all && !vms_running(&s->vms) &&
	    !processes_left(&opt->select))
		return SESSION_ENDED;
	if (s->met_stop)
		return SESSION_MET;
	if (opt->time_ns && !s->waiting && now_ns() - s->begun_ns >= opt->time_ns)
		return SESSION_TIME;
	if (!collector_writes(recorder_collector(s->recorder)))
		return SESSION_FAILED;
	return SESSION_GOES_ON;
}

static int step(struct session *s)
{
	uint64_t now = now_ns();
	bool probe = now - s->probe_ns >= PROBE_NS;
	int err = 0;

	recorder_read(s->recorder);
	if (s->vms.stranger)
		err = vms_look(&s->vms, recorder_collector(s->recorder));
	if (probe)
		s->probe_ns = now;
	vms_check(&s->vms, probe);
	if (!err && s->vms.nomem)
		err = -ENOMEM;
	if (!err && s->waiting)
		err = s->met_start ? start(s) :
		      before_is_full(&s->before, now) ? next_piece(s) : 0;
	else if (!err && part_is_full(s))
		err = next_part(s);
	if (err)
		snprintf(s->why, sizeof(s->why), "recording ends: %s", strerror(-err));
	return err;
}

enum session_end session_run(struct session *s)
{
	enum session_end end;

	for (;;) {
		end = look_for_end(s);
		if (end != SESSION_GOES_ON)
			return end;
		if (step(s))
			return SESSION_FAILED;
		wait_a_while(s);
	}
}

/* The last snapshot while the programs are attached, then what lies before it. */
int session_close(struct session *s)
{
	int err;

	recorder_read(s->recorder);
	if (s->vms.stranger)
		vms_look(&s->vms, recorder_collector(s->recorder));
	if (s->waiting && s->met_start)
		start(s);
	cut(s);
	recorder_stop(s->recorder);
	if (s->waiting)
		vms_drop(&s->vms, UINT64_MAX);
	s->missed = recorder_missed(s->recorder);
	err = end_part(s);
	if (s->files.number == 1)
		s->keys = collector_keys(recorder_collector(s->recorder));
	vms_close_all(&s->vms);
	return err;
}
