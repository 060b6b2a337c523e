// SPDX-License-Identifier: GPL-2.0-only
/* vmmtrace record: the command line. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "src/record/kvm.h"
#include "src/run/run.h"
#include "verbs.h"

static const char help_text[] =
"Usage: vmmtrace record -o FILE [OPTION]... -a | -p PID | --vm ID|NAME | -- COMMAND...\n"
"Record VMs that are running, or those that COMMAND starts. They are not touched.\n"
"\n"
"Which VMs\n"
"  --kvm                   KVM's, not vmm.ko's; by process, NAME or COMMAND\n"
"  -a, --all               all, and those that are made meanwhile\n"
"  -p, --pid PID           of that process, until it ends; repeatable\n"
"  --vm ID|NAME            that one (vmmtrace list shows them), until it ends;\n"
"                          repeatable\n"
"  COMMAND..., behind --   those that it and its children make, from their first\n"
"                          exit on, until it ends\n"
"\n"
"What\n"
"  -o, --output FILE       write a timeline: .json .json.gz .ndjson .ndjson.gz .ctf;\n"
"                          repeatable\n"
"  -f, --filter EXPR       keep only these: class=io,key=0x3f8..0x3ff,dur>=10us;\n"
"                          see vmmtrace-filter(7)\n"
"  --for TIME              that long: 90s, 500ms, 10m [until Ctrl-C, or the VMs end]\n"
"  --rotate SIZE|TIME      begin a new file at that size (100M) or age (10s); they are\n"
"                          numbered: FILE.0001.ndjson\n"
"  --keep N                of these keep the newest N [all]\n"
"  --start-when COND       write nothing until a record meets COND: a filter, such as\n"
"                          mark=0x1234 or guest>10ms, or FILTER#N, the N-th such\n"
"                          record: class=cpuid#1000\n"
"  --before TIME           and that long before it, as far as 256 MiB go [50ms]\n"
"  --stop-when COND        stop when a record meets COND\n"
"  --ring-size SIZE        of each CPU's ring [64M over all CPUs, at most 32M each]\n"
"\n"
"  --json                  the summary as JSON on stdout\n"
"  -q, --quiet             no summary\n"
"  -h, --help\n"
"\n"
"Status: 0 done, 1 failed, 2 usage, 3 --start-when was not met; with COMMAND that of\n"
"COMMAND, if it is not 0.\n";

enum { OPT_VM = 256, OPT_FOR, OPT_ROTATE, OPT_KEEP, OPT_RING_SIZE, OPT_JSON, OPT_START, OPT_BEFORE,
       OPT_STOP, OPT_KVM };

static const struct option long_options[] = {
	{ "kvm", no_argument, NULL, OPT_KVM },
	{ "all", no_argument, NULL, 'a' },
	{ "pid", required_argument, NULL, 'p' },
	{ "vm", required_argument, NULL, OPT_VM },
	{ "output", required_argument, NULL, 'o' },
	{ "filter", required_argument, NULL, 'f' },
	{ "for", required_argument, NULL, OPT_FOR },
	{ "rotate", required_argument, NULL, OPT_ROTATE },
	{ "keep", required_argument, NULL, OPT_KEEP },
	{ "start-when", required_argument, NULL, OPT_START },
	{ "before", required_argument, NULL, OPT_BEFORE },
	{ "stop-when", required_argument, NULL, OPT_STOP },
	{ "ring-size", required_argument, NULL, OPT_RING_SIZE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{}
};

#define usage(...) cli_usage("record", __VA_ARGS__)

static int add_pid(struct record_options *opt, const char *text)
{
	struct select *select = &opt->select;
	uint64_t pid;

	if (cli_number(text, &pid) || !pid || pid > INT_MAX)
		return usage("-p %s: not the number of a process", text);
	if (select->npids == SELECT_MAX)
		return usage("-p %s: at most %d processes", text, SELECT_MAX);
	select->pids[select->npids++] = (pid_t)pid;
	return 0;
}

static int add_vm(struct record_options *opt, const char *text)
{
	struct select *select = &opt->select;

	if (select->nvms == SELECT_MAX)
		return usage("--vm %s: at most %d VMs; -a records all", text, SELECT_MAX);
	select->vms[select->nvms++] = text;
	return 0;
}

static int add_output(struct record_options *opt, const char *file)
{
	if (opt->noutputs == RECORD_MAX_OUTPUTS)
		return usage("-o %s: at most %d outputs", file, RECORD_MAX_OUTPUTS);
	if (!collector_knows_suffix(file))
		return usage("-o %s: the suffix chooses the format: " COLLECTOR_FORMATS, file);
	opt->outputs[opt->noutputs++] = file;
	return 0;
}

/* With a unit of time it is one; else it is a size. */
static int set_rotate(struct record_options *opt, const char *text)
{
	bool bare = !text[strspn(text, "0123456789")];

	if (!bare && !cli_time(text, &opt->rotate_ns))
		return 0;
	if (cli_size(text, &opt->rotate_bytes) || opt->rotate_bytes < 65536)
		return usage("--rotate %s: a size from 64K up, such as 100M, or a time, such as 10s", text);
	return 0;
}

static int set_trigger(const char *option, const char *text, struct trigger *ret)
{
	char msg[FILTER_MSG];

	return trigger_parse(text, ret, msg) ? usage("%s: %s", option, msg) : 0;
}

/* One option; 0, or the status to end with, or -1: all is done. */
static int take_option(struct record_options *opt, int c, char *arg)
{
	uint64_t n;

	switch (c) {
	case 'a':
		opt->select.all = true;
		return 0;
	case 'p':
		return add_pid(opt, arg);
	case OPT_KVM:
		opt->kvm = true;
		return 0;
	case OPT_VM:
		return add_vm(opt, arg);
	case 'o':
		return add_output(opt, arg);
	case 'f':
		opt->filter_text = arg;
		return 0;
	case OPT_FOR:
		if (cli_time(arg, &opt->time_ns))
			return usage("--for %s: not a time, such as 10s, 500ms or 5m", arg);
		return 0;
	case OPT_ROTATE:
		return set_rotate(opt, arg);
	case OPT_KEEP:
		if (cli_number(arg, &n) || !n || n > UINT_MAX)
			return usage("--keep %s: a number of files from 1 up", arg);
		opt->keep = (unsigned int)n;
		return 0;
	case OPT_START:
		return set_trigger("--start-when", arg, &opt->start);
	case OPT_STOP:
		return set_trigger("--stop-when", arg, &opt->stop);
	case OPT_BEFORE:
		if (cli_time(arg, &opt->before_ns))
			return usage("--before %s: not a time, such as 10s, 500ms or 5m", arg);
		return 0;
	case OPT_RING_SIZE:
		if (cli_size(arg, &n) || n < 4096 || n > 1u << 30)
			return usage("--ring-size %s: from 4K to 1G", arg);
		opt->ring_size = (unsigned int)n;
		return 0;
	case OPT_JSON:
		opt->json = true;
		return 0;
	case 'q':
		opt->quiet = true;
		return 0;
	case 'h':
		fputs(help_text, stdout);
		return -1;
	default:
		return STATUS_USAGE;
	}
}

static int check(struct record_options *opt)
{
	const struct select *select = &opt->select;
	char msg[FILTER_MSG];

	if (!select->all && !select->npids && !select->nvms && !opt->command)
		return usage("which VMs? -a, -p PID, --vm ID|NAME, or -- COMMAND");
	if (opt->command && (select->all || select->npids || select->nvms))
		return usage("with a COMMAND its VMs are recorded: leave -a, -p and --vm out");
	if (select->all && (select->npids || select->nvms))
		return usage("-a is all VMs: leave -p and --vm out");
	if (!opt->noutputs)
		return usage("no output: -o FILE");
	if (opt->keep && !opt->rotate_ns && !opt->rotate_bytes)
		return usage("--keep belongs to --rotate");
	if (opt->before_ns && !opt->start.set)
		return usage("--before belongs to --start-when");
	if (opt->kvm && (opt->rotate_ns || opt->rotate_bytes))
		return usage("--rotate does not go with --kvm");
	if (opt->kvm && (opt->start.set || opt->stop.set))
		return usage("--start-when and --stop-when do not go with --kvm");
	if (opt->filter_text && filter_parse(opt->filter_text, &opt->filter, msg))
		return usage("-f: %s", msg);
	return 0;
}

int verb_record(int argc, char **argv)
{
	struct record_options opt = {};
	int c, err;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:ap:o:f:qh", long_options, NULL)) != -1) {
		if (c == '?' || c == ':')
			return cli_bad_option("record", c, argv, long_options);
		err = take_option(&opt, c, optarg);
		if (err)
			return err < 0 ? STATUS_DONE : err;
	}
	if (optind < argc)
		opt.command = argv + optind;
	err = check(&opt);
	if (err)
		return err;
	return opt.kvm ? record_kvm(&opt) : record_vms(&opt);
}
