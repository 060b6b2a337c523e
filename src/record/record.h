/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `vmmtrace record`: VMs that others run, or that a command starts.
 *
 *	record.c	from the options to the summary
 *	session.c	the recording: its parts, where they begin and end
 *	vms.c		the VMs, and exactly what of each is recorded
 *	select.c	which VMs
 *	trigger.c	when it starts and stops
 *	before.c	what came before it started
 *	command.c	the command
 *	files.c		the files of a recording that is cut into many
 *	report.c	the summary
 *	kvm.c		all of it for VMs of KVM
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/filter/filter.h"
#include "src/record/before.h"
#include "src/record/command.h"
#include "src/record/files.h"
#include "src/record/held.h"
#include "src/record/recorder.h"
#include "src/record/select.h"
#include "src/record/trigger.h"
#include "src/record/vms.h"

#define RECORD_MAX_OUTPUTS 8

struct record_options {
	struct select select;
	char *const *command;		/* NULL none */
	const char *outputs[RECORD_MAX_OUTPUTS];
	unsigned int noutputs;
	const char *filter_text;
	struct filter filter;
	unsigned int ring_size;
	uint64_t time_ns;		/* how long; 0: no limit */
	uint64_t rotate_ns, rotate_bytes;	/* 0: not by that */
	unsigned int keep;		/* files of each output; 0: all */
	struct trigger start, stop;
	uint64_t before_ns;		/* what came before the start, too */
	bool kvm;			/* KVM's VMs */
	bool json, quiet;
};

/* Record; returns the status of the program. */
int record_vms(const struct record_options *opt);

enum session_end {
	SESSION_GOES_ON,
	SESSION_ENDED,			/* the VMs, or the command */
	SESSION_TIME,
	SESSION_MET,			/* the condition to stop */
	SESSION_STOPPED,		/* by a signal */
	SESSION_FAILED,
};

/* ---- session.c ---- */

struct session {
	const struct record_options *opt;
	int fd;				/* of /dev/vmm */
	struct vmm_version version;
	struct recorder *recorder;
	struct select select;		/* with the command as an ancestor */
	struct vms vms;
	struct files files;
	struct command command;
	struct trigger start, stop;
	bool waiting;			/* for start */
	bool met_start, met_stop;
	bool replaying;			/* records that were looked at already */
	struct before before;
	uint64_t back_ns;		/* so far it reached back, if not as far as asked for */
	struct held *later;		/* what lies beyond the cut that is being made */
	uint64_t begun_ns, part_ns;	/* CLOCK_MONOTONIC: the recording, this part of it */
	uint64_t probe_ns;
	int stop_fd;			/* signalfd: SIGINT and the like */
	struct collector_count counts[VMMT_NCLASS];	/* of all parts */
	struct collector_stats stats;
	const struct keys *keys;	/* NULL: not of all parts */
	uint64_t missed;
	bool output_failed;
	char why[384];
};

/* 0, or a negative errno with one line in why, or none if it has been told. */
int session_open(struct session *s);
enum session_end session_run(struct session *s);
int session_close(struct session *s);

/* ---- report.c ---- */
void record_report(struct session *s, enum session_end end);

#endif /* RECORD_RECORD_H */
