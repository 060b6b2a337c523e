// SPDX-License-Identifier: GPL-2.0-only
/* vmmtrace serve: give /dev/vmm to other users of this host. */
#include <config.h>

#include <stdio.h>

#include "cli.h"
#include "src/serve/serve.h"
#include "verbs.h"

#define usage(...) cli_usage("serve", __VA_ARGS__)

static const char help_text[] =
"Usage: vmmtrace serve [OPTION]...\n"
"Give /dev/vmm to other users of this host, through a Unix socket: open descriptors of\n"
"it with limits, and each call as JSON-RPC 2.0, a line a message. Works in the\n"
"foreground until it gets SIGTERM or SIGINT. Programs find it by themselves.\n"
"\n"
"Options\n"
"  --socket PATH           where to listen [/run/vmmtrace.sock]\n"
"  --group GROUP           who may connect [everybody]\n"
"\n"
"Each user gets at most\n"
"  --limit-vms N           VMs at once [8]\n"
"  --limit-memory SIZE     guest memory in all [4G]\n"
"  --limit-vcpus N         vCPUs in all [16]\n"
"  --limit-connections N   connections [64]\n"
"  --limit-rate N          messages a second; what comes faster waits [5000]\n"
"  --limit-message SIZE    bytes of a message [64K]\n"
"  -h, --help\n"
"\n"
"Status: 0 done, 1 failed, 2 usage.\n";

enum {
	OPT_SOCKET = 256, OPT_GROUP, OPT_VMS, OPT_MEMORY, OPT_VCPUS, OPT_CONNECTIONS, OPT_RATE,
	OPT_MESSAGE,
};

static const struct option options[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "group", required_argument, NULL, OPT_GROUP },
	{ "limit-vms", required_argument, NULL, OPT_VMS },
	{ "limit-memory", required_argument, NULL, OPT_MEMORY },
	{ "limit-vcpus", required_argument, NULL, OPT_VCPUS },
	{ "limit-connections", required_argument, NULL, OPT_CONNECTIONS },
	{ "limit-rate", required_argument, NULL, OPT_RATE },
	{ "limit-message", required_argument, NULL, OPT_MESSAGE },
	{ "help", no_argument, NULL, 'h' },
	{}
};

/* What a limit may be, and where it goes. */
struct limit {
	int opt;
	const char *name;
	uint64_t min, max;
	uint64_t value;
};

static struct limit limits[] = {
	{ OPT_VMS, "--limit-vms", 0, 512, 8 },
	{ OPT_MEMORY, "--limit-memory", 4096, INT64_MAX, 4ull << 30 },
	{ OPT_VCPUS, "--limit-vcpus", 0, 512, 16 },
	{ OPT_CONNECTIONS, "--limit-connections", 1, SERVE_CONNS, 64 },
	{ OPT_RATE, "--limit-rate", 1, 1000000, 5000 },
	{ OPT_MESSAGE, "--limit-message", 1024, 16 << 20, 64 << 10 },
};

static int set_limit(int opt, const char *text)
{
	struct limit *l = limits;

	while (l->opt != opt)
		l++;
	if (cli_size(text, &l->value) || l->value < l->min || l->value > l->max)
		return usage("%s %s: must be from %llu to %llu", l->name, text,
			     (unsigned long long)l->min, (unsigned long long)l->max);
	return 0;
}

int verb_serve(int argc, char **argv)
{
	struct serve_options o = { .socket = VMM_SOCKET };
	int opt, status;

	optind = 1;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (opt) {
		case OPT_SOCKET:
			o.socket = optarg;
			break;
		case OPT_GROUP:
			o.group = optarg;
			break;
		case OPT_VMS ... OPT_MESSAGE:
			status = set_limit(opt, optarg);
			if (status)
				return status;
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return cli_bad_option("serve", opt, argv, options);
		}
	}
	if (optind < argc)
		return usage("%s: takes options only; see --help", argv[optind]);
	o.limits = (struct serve_limits) {
		.vms = (uint32_t)limits[0].value, .memory = limits[1].value,
		.vcpus = (uint32_t)limits[2].value, .conns = (uint32_t)limits[3].value,
		.rate = (uint32_t)limits[4].value, .message = (uint32_t)limits[5].value,
	};
	return serve(&o);
}
