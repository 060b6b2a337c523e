/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verbs have in common: how they read their arguments, and say that they
 * were not used as they should be. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <getopt.h>
#include <stdint.h>

#define CLI_USAGE 2	/* the status */

/* One line on stderr, "vmmtrace VERB: ...". Returns CLI_USAGE. */
__attribute__((format(printf, 2, 3)))
int cli_usage(const char *verb, const char *format, ...);

/* What getopt_long() did not take: c is '?' or ':', with opterr 0 and a ':'
 * before the short options. Returns CLI_USAGE. */
int cli_bad_option(const char *verb, int c, char *const *argv, const struct option *options);

/* The whole text is one, or -EINVAL: a number, decimal or 0x; a size with an optional K,
 * M, G or T; a time above 0 with s (or nothing), ms, us, m or h, in nanoseconds. */
int cli_number(const char *text, uint64_t *ret);
int cli_size(const char *text, uint64_t *ret);
int cli_time(const char *text, uint64_t *ret_ns);

#endif /* CLI_CLI_H */
