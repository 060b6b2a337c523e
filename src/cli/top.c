// SPDX-License-Identifier: GPL-2.0-only
/* vmmtrace top: live exits by VM, vCPU and class. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "src/calls/calls.h"
#include "src/top/top.h"
#include "verbs.h"

static const char help[] =
"Usage: vmmtrace top [OPTION]...\n"
"Show what the VMs on this host exit for: a live table by VM and class of exits, from\n"
"the module's own statistics. It needs no recording and no privileges: each user sees\n"
"his own VMs, root all. In the table, h tells the keys and the columns.\n"
"\n"
"  -d, --delay SECONDS  refresh so often, 0.01 to 86400 [1]\n"
"  -n, --times N        end after N refreshes\n"
"      --vm ID|NAME     this VM alone; where there is none yet, wait for it\n"
"  -s, --sort COLUMN    time, rate, count, p99 or name [time]\n"
"  -c, --fold           all classes of exits in one row\n"
"  -1, --split          a row for each vCPU\n"
"  -b, --batch          no terminal: print the table at each refresh\n"
"  -j, --json           no terminal: print one JSON object at each refresh, with each\n"
"                       vCPU by itself\n"
"  -h, --help           print this and exit\n"
"\n"
"Status: 0 done, 1 failed, 2 usage.\n";

static int parse_delay(const char *text, struct timespec *ret)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s >= 0.01 && s <= 86400))
		return cli_usage("top", "--delay %s: give seconds, 0.01 to 86400", text);
	ret->tv_sec = (time_t)s;
	ret->tv_nsec = (long)((s - (double)ret->tv_sec) * 1e9);
	return 0;
}

static int parse_times(const char *text, unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !*ret)
		return cli_usage("top", "--times %s: give a number, 1 or more", text);
	return 0;
}

static int parse_sort(const char *text, enum top_sort *ret)
{
	unsigned int i;

	for (i = 0; i < TOP_NSORT; i++) {
		if (strcmp(text, top_sort_names[i]))
			continue;
		*ret = (enum top_sort)i;
		return 0;
	}
	return cli_usage("top", "--sort %s: time, rate, count, p99 or name", text);
}

static int parse_mode(enum top_mode *mode, enum top_mode want)
{
	if (*mode != TOP_SCREEN && *mode != want)
		return cli_usage("top", "--batch and --json: give one of them");
	*mode = want;
	return 0;
}

static int parse_option(struct top_options *o, struct top_host *host, int c)
{
	switch (c) {
	case 'd':
		return parse_delay(optarg, &o->delay);
	case 'n':
		return parse_times(optarg, &o->times);
	case 'v':
		host->only = optarg;
		return 0;
	case 's':
		return parse_sort(optarg, &o->view.sort);
	case 'c':
		o->view.fold = true;
		return 0;
	case '1':
		o->view.split = true;
		return 0;
	case 'b':
		return parse_mode(&o->mode, TOP_BATCH);
	default:
		return parse_mode(&o->mode, TOP_JSON);
	}
}

int verb_top(int argc, char **argv)
{
	static const struct option options[] = {
		{ "delay", required_argument, NULL, 'd' },
		{ "times", required_argument, NULL, 'n' },
		{ "vm", required_argument, NULL, 'v' },
		{ "sort", required_argument, NULL, 's' },
		{ "fold", no_argument, NULL, 'c' },
		{ "split", no_argument, NULL, '1' },
		{ "batch", no_argument, NULL, 'b' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct top_options o = { .delay = { .tv_sec = 1 } };
	struct top_host host = {};
	struct vmm_version version;
	char msg[CALLS_MSG];
	int c, status;

	optind = 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":d:n:s:c1bjh", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return 0;
		}
		status = c == '?' || c == ':' ? cli_bad_option("top", c, argv, options) :
						parse_option(&o, &host, c);
		if (status)
			return status;
	}
	if (optind < argc)
		return cli_usage("top", "%s: it takes no arguments; a VM is --vm %s", argv[optind],
				 argv[optind]);
	if (o.mode == TOP_SCREEN && (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)))
		return cli_usage("top", "no terminal: use --batch or --json");
	host.fd = calls_open(&version, msg, sizeof(msg));
	if (host.fd < 0) {
		fprintf(stderr, "vmmtrace top: %s\n", msg);
		return 1;
	}
	host.tsc_khz = version.vv_tsc_khz;
	status = top_main(&host, &o);
	close(host.fd);
	return status;
}
