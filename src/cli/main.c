// SPDX-License-Identifier: GPL-2.0-only
/* vmmtrace: one program, one verb at a time. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "verbs.h"

struct verb {
	const char *group, *name, *summary;
	int (*run)(int argc, char **argv);
};

static const struct verb verbs[] = {
#define V(group, name, summary) { group, #name, summary, verb_##name },
	VERBS(V)
#undef V
};

static void help(FILE *to)
{
	const char *group = "";
	size_t i;

	fputs("Usage: vmmtrace VERB [OPTION]... [-- COMMAND...]\n"
	      "Run, record and compare virtual machines: every exit, EPT fault and interrupt.\n", to);
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(group, verbs[i].group)) {
			group = verbs[i].group;
			fprintf(to, "\n%s\n", group);
		}
		fprintf(to, "  %-11s %s\n", verbs[i].name, verbs[i].summary);
	}
	fputs("\nvmmtrace VERB --help tells a verb's options.\n"
	      "Status: 0 done, 1 failed, 2 usage, 3 the answer is no, 4 the guest ended badly.\n", to);
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		help(stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("vmmtrace " PACKAGE_VERSION);
		return 0;
	}
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	fprintf(stderr, "vmmtrace: no verb '%s': vmmtrace --help lists them\n", argv[1]);
	return 2;
}
