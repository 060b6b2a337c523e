// SPDX-License-Identifier: GPL-2.0-only
/*
 * filter EXPR FILE1 FILE2 COMMAND...: records the guests of COMMAND with two
 * recorders at once, one that filters in BPF (FILE1) and one that is offered
 * everything, whose collector filters (FILE2). Both evaluate the same terms,
 * number what they keep and count what they refuse: the files must be equal.
 */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/collector/source_vmm.h"
#include "src/filter/filter.h"
#include "src/lib/libvmm.h"

#define RING (8u << 20)
#define VMS 4096

struct recorder {
	struct collector *collector;
	struct source_vmm *source;
};

static int open_recorder(struct recorder *r, const char *text, const struct vmmt_filter *terms,
			 const char *path, bool bpf)
{
	struct collector_options options = { .generator = "filter", .filter = text,
					     .terms = bpf ? NULL : terms };
	struct source_vmm_options source = { .ring_size = RING };
	char msg[SOURCE_MSG];
	int err;

	if (bpf)
		source.filter = *terms;
	r->collector = collector_new(&options);
	if (!r->collector || collector_add_output(r->collector, path))
		return -1;
	err = source_vmm_open(r->collector, &source, &r->source, msg);
	if (err)
		fprintf(stderr, "filter: %s\n", msg);
	return err;
}

static int close_recorder(struct recorder *r, bool bpf)
{
	struct collector_totals totals = {};
	struct vmmt_refused refused;
	unsigned int vm, i;

	if (source_vmm_misses(r->source))
		fprintf(stderr, "filter: records were missed\n");
	source_vmm_drain(r->source);
	/* What arrived is all there was, but for what BPF refused. */
	for (vm = 1; bpf && vm < VMS; vm++) {
		source_vmm_refused(r->source, vm, 0, &refused);
		for (i = 0; i < VMMT_NCLASS; i++)
			totals.class[i].filtered += refused.exits[i];
	}
	collector_flush(r->collector);
	collector_advance_all(r->collector, UINT64_MAX);
	for (i = 0; i < VMMT_NCLASS; i++)
		totals.class[i].counted = collector_counts(r->collector)[i].recorded +
					  collector_counts(r->collector)[i].filtered +
					  totals.class[i].filtered;
	return collector_finish(r->collector, &totals);
}

static int run(char **command)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

int main(int argc, char **argv)
{
	struct recorder bpf, user;
	struct vmm_version version;
	struct vmmt_filter terms;
	struct filter filter;
	char msg[FILTER_MSG];
	int fd = vmm_open();

	if (argc < 5 || fd < 0 || vmm_version(fd, &version)) {
		fprintf(stderr, "Usage: filter EXPR FILE1 FILE2 COMMAND...; with /dev/vmm\n");
		return 2;
	}
	close(fd);
	if (filter_parse(argv[1], &filter, msg)) {
		fprintf(stderr, "filter: %s\n", msg);
		return 2;
	}
	filter_compile(&filter, version.vv_tsc_khz, &terms);
	if (open_recorder(&bpf, argv[1], &terms, argv[2], true) ||
	    open_recorder(&user, argv[1], &terms, argv[3], false) || run(argv + 4))
		return 1;
	source_vmm_detach(bpf.source);
	source_vmm_detach(user.source);
	return close_recorder(&bpf, true) || close_recorder(&user, false);
}
