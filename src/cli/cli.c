// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

int cli_number(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	*ret = strtoull(text, &end, 0);
	return errno || *end ? -EINVAL : 0;
}

int cli_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t n;
	char *end;

	errno = 0;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	n = strtoull(text, &end, 0);
	if (errno)
		return -EINVAL;
	if (*end) {
		unit = strchr(units, *end & ~0x20);
		if (!unit || end[1])
			return -EINVAL;
		if (n > UINT64_MAX >> (10 * (unit - units + 1)))
			return -EINVAL;
		n <<= 10 * (unit - units + 1);
	}
	*ret = n;
	return 0;
}

int cli_time(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "", 1000000000 }, { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 },
		{ "m", 60000000000 }, { "h", 3600000000000 },
	};
	uint64_t n;
	char *end;
	size_t i;

	errno = 0;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	n = strtoull(text, &end, 10);
	for (i = 0; !errno && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name))
			continue;
		if (!n || n > UINT64_MAX / 2 / units[i].ns)
			return -EINVAL;
		*ret_ns = n * units[i].ns;
		return 0;
	}
	return -EINVAL;
}
