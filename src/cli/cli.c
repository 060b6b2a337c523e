// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int cli_usage(const char *verb, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "vmmtrace %s: ", verb);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CLI_USAGE;
}

/* getopt_long() leaves in optopt the letter that it does not know or that
 * misses its argument, or what a long option stands for; 0 for a long option
 * that it does not know. */
int cli_bad_option(const char *verb, int c, char *const *argv, const struct option *options)
{
	const char *word = argv[optind - 1];
	char letter[] = { '-', (char)optopt, 0 };

	if (c == ':')
		return cli_usage(verb, "%s: its argument is missing; see --help",
				 strncmp(word, "--", 2) ? letter : word);
	for (; optopt && options->name; options++)
		if (options->val == optopt)
			return cli_usage(verb, "--%s: it takes no argument; see --help",
					 options->name);
	return cli_usage(verb, "%s: no such option; see --help", optopt ? letter : word);
}
