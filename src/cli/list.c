// SPDX-License-Identifier: GPL-2.0-only
/* vmmtrace list: the VMs that can be recorded. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "cli.h"
#include "src/calls/calls.h"
#include "src/collector/sink.h"
#include "src/collector/source_kvm.h"
#include "src/record/vms.h"
#include "src/stats/text.h"
#include "verbs.h"

#define SAMPLE_NS 500000000	/* over which the rate is taken */
#define COMMAND 256

static const char help_text[] =
"Usage: vmmtrace list [--json]\n"
"VMs on this host that can be recorded: root sees all, others their own.\n"
"\n"
"  --json      a JSON array on stdout\n"
"  -h, --help  print this and exit\n"
"\n"
"EXITS are all that the VM took, EXITS/S those of the last half second. A VM's ID\n"
"or NAME is what vmmtrace record --vm takes, its PID what -p takes. KVM's VMs have\n"
"the ID kvm, and a line for each process; record --kvm records them.\n"
"Status: 0 done (also if there is none), 1 failed, 2 usage.\n";

struct line {
	const struct vm_info_result *vm;
	uint64_t exits, before;
	uint64_t ns, ns_before;
	bool known;			/* exits: its statistics could be read */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool read_exits(int fd, const struct vm_info_result *vm, uint64_t *ret)
{
	const struct vmm_stats *st;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < vm->vir_ncpus; i++) {
		if (vmm_map_stats(fd, vm->vir_id, i, &st))
			return false;
		sum += __atomic_load_n(&st->vs_exits, __ATOMIC_RELAXED);
		vmm_unmap_stats(st);
	}
	*ret = sum;
	return true;
}

static void sample(int fd, struct line *lines, size_t n)
{
	struct timespec pause = { .tv_nsec = SAMPLE_NS };
	size_t i;

	for (i = 0; i < n; i++) {
		lines[i].known = read_exits(fd, lines[i].vm, &lines[i].before);
		lines[i].ns_before = now_ns();
	}
	if (n)
		nanosleep(&pause, NULL);
	for (i = 0; i < n; i++) {
		lines[i].exits = lines[i].before;
		read_exits(fd, lines[i].vm, &lines[i].exits);
		lines[i].ns = now_ns();
	}
}

static double rate(const struct line *l)
{
	return l->ns > l->ns_before ?
	       (double)(l->exits - l->before) * 1e9 / (double)(l->ns - l->ns_before) : 0;
}

/* The command line of a process, or "-". What would move a terminal's cursor is a
 * question mark. */
static void command_of(pid_t pid, char text[COMMAND])
{
	char path[48];
	size_t n = 0, i;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	f = fopen(path, "re");
	if (f) {
		n = fread(text, 1, COMMAND - 1, f);
		fclose(f);
	}
	while (n && !text[n - 1])
		n--;
	if (!n)
		text[n++] = '-';
	text[n] = 0;
	for (i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
		else if ((unsigned char)text[i] < ' ' || text[i] == 127)
			text[i] = '?';
}

static void print_kvm(const struct source_kvm_process *list, size_t n)
{
	char command[COMMAND];
	size_t i;

	for (i = 0; i < n; i++) {
		command_of((pid_t)list[i].pid, command);
		printf("%5s %-16s %5u %7s %14s %10s %7u %s\n", "kvm", list[i].name, list[i].vcpus,
		       "-", "-", "-", list[i].pid, command);
	}
}

static void print_people(const struct line *lines, size_t n,
			 const struct source_kvm_process *kvm, size_t nkvm)
{
	char command[COMMAND], exits[STATS_TEXT] = "-", per_s[STATS_TEXT] = "-";
	size_t i;

	if (!n && !nkvm) {
		fprintf(stderr, "no VM%s runs on this host\n", geteuid() ? " of yours" : "");
		return;
	}
	printf("%5s %-16s %5s %7s %14s %10s %7s %s\n", "ID", "NAME", "VCPUS", "MiB", "EXITS",
	       "EXITS/S", "PID", "COMMAND");
	for (i = 0; i < n; i++) {
		const struct vm_info_result *vm = lines[i].vm;

		command_of(vm->vir_creator_pid, command);
		if (lines[i].known) {
			stats_text_grouped(lines[i].exits, exits);
			stats_text_grouped((uint64_t)rate(&lines[i]), per_s);
		}
		printf("%5u %-16s %5zu %7zu %14s %10s %7d %s\n", vm->vir_id, vm->vir_name,
		       vm->vir_ncpus, vm->vir_memory_size >> 20, exits, per_s,
		       (int)vm->vir_creator_pid, command);
	}
	print_kvm(kvm, nkvm);
}

static void add_kvm(json_t *list, const struct source_kvm_process *kvm, size_t n)
{
	char command[COMMAND];
	size_t i;

	for (i = 0; i < n; i++) {
		command_of((pid_t)kvm[i].pid, command);
		json_array_append_new(list, json_pack("{s:s s:o s:I s:I s:I s:o}", "source", "kvm",
			"name", json_text(kvm[i].name), "vms", (json_int_t)kvm[i].vms,
			"vcpus", (json_int_t)kvm[i].vcpus, "pid", (json_int_t)kvm[i].pid,
			"command", json_text(command)));
	}
}

static void print_json(const struct line *lines, size_t n,
		       const struct source_kvm_process *kvm, size_t nkvm)
{
	json_t *list = json_array(), *one;
	char command[COMMAND];
	size_t i;

	for (i = 0; i < n; i++) {
		const struct vm_info_result *vm = lines[i].vm;

		command_of(vm->vir_creator_pid, command);
		one = json_pack("{s:I s:o s:I s:I s:I s:I s:o}", "vm", (json_int_t)vm->vir_id,
				"name", json_text(vm->vir_name), "vcpus", (json_int_t)vm->vir_ncpus,
				"memory", (json_int_t)vm->vir_memory_size,
				"used", (json_int_t)vm->vir_used_size,
				"pid", (json_int_t)vm->vir_creator_pid, "command",
				json_text(command));
		if (lines[i].known) {
			json_object_set_new(one, "exits", json_integer((json_int_t)lines[i].exits));
			json_object_set_new(one, "exits_per_s", json_real(rate(&lines[i])));
		}
		json_array_append_new(list, one);
	}
	add_kvm(list, kvm, nkvm);
	json_dumpf(list, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(list);
}

static int list(bool json)
{
	struct source_kvm_process *kvm = NULL;
	struct vm_info_result *vms = NULL;
	struct vmm_version version;
	struct line *lines;
	char msg[384];
	size_t n = 0, i;
	int fd = calls_open(&version, msg, sizeof(msg)), err = 0, nkvm = source_kvm_list(&kvm);

	if (nkvm < 0)
		nkvm = 0;
	if (fd < 0 && !nkvm) {
		fprintf(stderr, "vmmtrace list: %s\n", msg);
		return 1;
	}
	if (fd >= 0)
		err = vms_list(fd, &vms, &n);
	lines = err ? NULL : calloc(n + 1, sizeof(*lines));
	if (!lines) {
		fprintf(stderr, "vmmtrace list: %s\n", strerror(err ? -err : ENOMEM));
		free(vms);
		free(kvm);
		if (fd >= 0)
			close(fd);
		return 1;
	}
	for (i = 0; i < n; i++)
		lines[i].vm = &vms[n - 1 - i];		/* oldest first */
	sample(fd, lines, n);
	json ? print_json(lines, n, kvm, (size_t)nkvm) : print_people(lines, n, kvm, (size_t)nkvm);
	free(lines);
	free(vms);
	free(kvm);
	if (fd >= 0)
		close(fd);
	return fflush(stdout) ? 1 : 0;
}

int verb_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool json = false;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return cli_bad_option("list", c, argv, options);
		}
	}
	if (optind < argc)
		return cli_usage("list", "%s: no arguments are taken; see --help", argv[optind]);
	return list(json);
}
