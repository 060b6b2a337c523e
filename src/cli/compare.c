/* SPDX-License-Identifier: GPL-2.0-only */
/* vmmtrace compare: so far, whether two runs took the same way. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "analysis/sequence.h"
#include "cli.h"
#include "trace/schema.h"

int verb_compare(int argc, char **argv);

static const char help[] =
"Usage: vmmtrace compare --sequence A B\n"
"Compare two .ndjson timelines exit by exit, each vCPU by itself: class, key and value.\n"
"The host's interrupts and NMIs, which come when they come, are left out.\n"
"Prints that they are equal, or the first exits that differ and those before.\n"
"\n"
"  --sequence  compare the order of exits, not their times (the only comparison so far)\n"
"  -h, --help  print this and exit\n"
"\n"
"Status: 0 equal, 1 a file cannot be read, 2 usage, 3 they differ.\n";

static int compare(const char *a, const char *b)
{
	const char *path;
	int ret = sequence_compare(a, b, stdout, &path);

	if (ret == -EINVAL)
		fprintf(stderr, "vmmtrace compare: %s: not an .ndjson timeline; record with -o FILE.ndjson\n",
			path);
	else if (ret == -EPROTO)
		fprintf(stderr, "vmmtrace compare: %s: another schema than %d, the one that this program knows\n",
			path, VMMT_SCHEMA_VERSION);
	else if (ret == -EBADMSG)
		fprintf(stderr, "vmmtrace compare: %s: cut short; both runs must be whole\n", path);
	else if (ret < 0)
		fprintf(stderr, "vmmtrace compare: %s: %s\n", path, strerror(-ret));
	return ret < 0 ? 1 : ret ? 3 : 0;
}

int verb_compare(int argc, char **argv)
{
	static const struct option options[] = {
		{ "sequence", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool sequence = false;
	int opt;

	optind = 1;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			sequence = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return cli_bad_option("compare", opt, argv, options);
		}
	}
	if (!sequence)
		return cli_usage("compare", "only --sequence exists so far; see --help");
	if (argc - optind != 2)
		return cli_usage("compare", "name two files, A and B; see --help");
	return compare(argv[optind], argv[optind + 1]);
}
