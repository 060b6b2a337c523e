/* SPDX-License-Identifier: GPL-2.0-only */
/* How every verb says that it was not used as it should be. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <getopt.h>

#define CLI_USAGE 2	/* the status */

/* One line on stderr, "vmmtrace VERB: ...". Returns CLI_USAGE. */
__attribute__((format(printf, 2, 3)))
int cli_usage(const char *verb, const char *format, ...);

/* What getopt_long() did not take: c is '?' or ':', with opterr 0 and a ':'
 * before the short options. Returns CLI_USAGE. */
int cli_bad_option(const char *verb, int c, char *const *argv, const struct option *options);

#endif /* CLI_CLI_H */
