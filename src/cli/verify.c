/* SPDX-License-Identifier: GPL-2.0-only */
/* vmmtrace verify: is a timeline whole, and make it so if it was cut. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analysis/text.h"
#include "analysis/verify.h"
#include "cli.h"

int verb_verify(int argc, char **argv);

static const char help[] =
"Usage: vmmtrace verify [--repair] FILE...\n"
"Prove that a timeline (.json, .ndjson, either with .gz; .ctf) is whole: every key and value\n"
"is known, threads are in order, slices nest, ids are unique, each vCPU's time is accounted\n"
"for, and exits counted = recorded + filtered + lost. Prints one line, or what is wrong.\n"
"\n"
"  --repair    keep all whole events of a FILE that was cut off, and end it properly\n"
"  -h, --help  print this and exit\n"
"\n"
"Status: 0 whole (or repaired), 1 cannot be read or written, 2 usage, 3 not whole.\n";

static int repair(const char *path)
{
	char text[TEXT_NUMBER];
	uint64_t events;
	bool changed;
	int err = verify_repair(path, &events, &changed);

	if (err == -EOPNOTSUPP) {
		fprintf(stderr, "vmmtrace verify: %s: only .json, .ndjson and these with .gz can be repaired; vmmtrace export keeps what is whole of a .ctf\n",
			path);
		return 1;
	}
	if (err == -EINVAL) {
		fprintf(stderr, "vmmtrace verify: %s: not a timeline of vmmtrace\n", path);
		return 1;
	}
	if (err) {
		fprintf(stderr, "vmmtrace verify: %s: cannot be repaired: %s\n", path,
			strerror(-err));
		return 1;
	}
	printf(changed ? "%s: repaired, %s events kept\n" : "%s: nothing to repair, %s events\n",
	       path, text_number(text, events));
	return 0;
}

static int verify(const char *path)
{
	int ret = verify_file(path, stdout);

	if (ret < 0)
		fprintf(stderr, "vmmtrace verify: %s: %s\n", path, strerror(-ret));
	return ret < 0 ? 1 : ret ? 3 : 0;
}

/* The worst: what failed stands above what is not whole. */
static int worse(int a, int b)
{
	return a == 1 || b == 1 ? 1 : a ? a : b;
}

int verb_verify(int argc, char **argv)
{
	static const struct option options[] = {
		{ "repair", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool want_repair = false;
	int opt, status = 0;

	optind = 1;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (opt) {
		case 'r':
			want_repair = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return cli_bad_option("verify", opt, argv, options);
		}
	}
	if (optind == argc)
		return cli_usage("verify", "name a FILE; see --help");
	for (; optind < argc; optind++)
		status = worse(status, want_repair ? repair(argv[optind]) : verify(argv[optind]));
	return status;
}
