// SPDX-License-Identifier: GPL-2.0-only
/* vmmtrace vm: each call of vmm(4) from the shell, JSON in and out. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "src/calls/calls.h"
#include "verbs.h"

enum { DONE, FAILED, USAGE };

static const char help_head[] =
"Usage: vmmtrace vm CALL [--fd N] [JSON | @FILE | -]\n"
"       vmmtrace vm batch [--fd N] [-e] [FILE]\n"
"Issue one call of vmm(4): its structure as a JSON object, given on the command line,\n"
"in FILE or on standard input; what comes back is one JSON object on standard output.\n"
"A VM ends when its descriptor is closed. So batch issues many calls on one: it reads\n"
"an object a line, {\"call\":\"create\",...}, from FILE or standard input, and answers\n"
"each with a line.\n"
"\n"
"Calls\n";

static const char help_tail[] =
"\n"
"Options\n"
"  --fd N      use this inherited descriptor of /dev/vmm, not a new one\n"
"  -e, --stop  batch: end with the first call that fails\n"
"  -h, --help\n"
"\n"
"Members that are left out are 0, or what vmmtrace-vm(1) says.\n"
"Status: 0 done, 1 failed, 2 usage.\n";

static void help(void)
{
	size_t i;

	fputs(help_head, stdout);
	for (i = 0; i < calls_count; i++)
		printf("  %-11s %s%s%s%s\n", calls_list[i].word, calls_list[i].doc,
		       calls_list[i].cmd ? " (" : "", calls_list[i].macro,
		       calls_list[i].cmd ? ")" : "");
	fputs(help_tail, stdout);
}

static int fail(int status, const char *what, const char *msg)
{
	fprintf(stderr, "vmmtrace vm: %s%s%s\n", what, *what ? ": " : "", msg);
	return status;
}

static void print(json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	fflush(stdout);
	json_decref(object);
}

/* ---- one call ---- */

static json_t *read_input(const char *from, char msg[CALLS_MSG])
{
	json_error_t error;
	json_t *in;

	if (!from)
		in = json_object();
	else if (!strcmp(from, "-"))
		in = json_loadf(stdin, JSON_REJECT_DUPLICATES, &error);
	else if (*from == '@')
		in = json_load_file(from + 1, JSON_REJECT_DUPLICATES, &error);
	else
		in = json_loads(from, JSON_REJECT_DUPLICATES, &error);
	if (!in)
		snprintf(msg, CALLS_MSG, "no JSON object: %s (line %d, column %d)", error.text,
			 error.line, error.column);
	return in;
}

static int one_call(struct calls_session *session, bool inherited, const char *word,
		    const char *from)
{
	char msg[CALLS_MSG];
	json_t *in = read_input(from, msg), *out;
	int err;

	if (!in)
		return fail(USAGE, word, msg);
	err = calls_execute(session, word, in, &out, msg);
	json_decref(in);
	if (err > 0)
		return fail(USAGE, word, msg);
	if (err) {
		fprintf(stderr, "vmmtrace vm: %s: %s: %s\n", word, calls_errno_name(-err), msg);
		return FAILED;
	}
	print(out);
	if (!inherited && !strcmp(word, "create"))
		fail(DONE, word, "this VM ends now, as its descriptor is closed: "
		     "use vmmtrace vm batch, or --fd N");
	return DONE;
}

/* ---- batch ---- */

/* One line of a batch: prints its answer. */
static int one_line(struct calls_session *session, const char *line)
{
	json_error_t error;
	json_t *in = json_loads(line, JSON_REJECT_DUPLICATES, &error), *out = NULL, *answer;
	const char *word = json_string_value(json_object_get(in, "call"));
	char msg[CALLS_MSG], call[32] = "";
	int err = 1;

	if (!in) {
		snprintf(msg, sizeof(msg), "no JSON object: %s (column %d)", error.text,
			 error.column);
	} else if (!word) {
		snprintf(msg, sizeof(msg), "no \"call\" in it");
	} else {
		snprintf(call, sizeof(call), "%s", word);
		json_object_del(in, "call");
		err = calls_execute(session, call, in, &out, msg);
	}
	json_decref(in);
	if (err)
		out = json_pack("{s:s, s:s}", "error", err > 0 ? "usage" : calls_errno_name(-err),
				"message", msg);
	answer = *call ? json_pack("{s:s}", "call", call) : json_object();
	json_object_update(answer, out);
	json_decref(out);
	print(answer);
	return err > 0 ? USAGE : err ? FAILED : DONE;
}

static int batch(struct calls_session *session, const char *file, bool stop)
{
	FILE *f = file ? fopen(file, "r") : stdin;
	int status = DONE, now;
	char *line = NULL;
	size_t size = 0;

	if (!f)
		return fail(FAILED, file, strerror(errno));
	while (getline(&line, &size, f) > 0) {
		if (line[strspn(line, " \t\r\n")] == '\0' || *line == '#')
			continue;
		now = one_line(session, line);
		if (now > status)
			status = now;
		if (now && stop)
			break;
	}
	if (ferror(f))
		status = fail(FAILED, file ? file : "standard input", strerror(errno));
	free(line);
	if (file)
		fclose(f);
	return status;
}

/* ---- the verb ---- */

struct vm_options {
	int fd;			/* -1: open the device */
	bool stop;
	const char *call, *from;
};

static int parse_options(int argc, char **argv, struct vm_options *o)
{
	static const struct option options[] = {
		{ "fd", required_argument, NULL, 'f' },
		{ "stop", no_argument, NULL, 'e' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	char *end;
	int opt;

	optind = 1;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":eh", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			o->fd = (int)strtol(optarg, &end, 10);
			if (end == optarg || *end || o->fd < 0)
				return fail(USAGE, "--fd", "must be the number of a descriptor");
			break;
		case 'e':
			o->stop = true;
			break;
		case 'h':
			help();
			exit(DONE);
		default:
			return cli_bad_option("vm", opt, argv, options);
		}
	}
	if (optind == argc || argc - optind > 2)
		return fail(USAGE, "", "name a call and at most one input; see --help");
	o->call = argv[optind];
	o->from = argv[optind + 1];
	if (strcmp(o->call, "batch") && !calls_by_word(o->call))
		return fail(USAGE, o->call, "no such call; see --help");
	if (o->stop && strcmp(o->call, "batch"))
		return fail(USAGE, "--stop", "is for batch");
	return DONE;
}

int verb_vm(int argc, char **argv)
{
	struct vm_options o = { .fd = -1 };
	struct calls_session *session;
	struct vmm_version version;
	char msg[CALLS_MSG];
	bool inherited;
	int status = parse_options(argc, argv, &o), err = 0;

	if (status)
		return status;
	inherited = o.fd >= 0;
	if (inherited)
		err = calls_check(o.fd, &version, msg, sizeof(msg));
	else
		err = o.fd = calls_open(&version, msg, sizeof(msg));
	if (err < 0)
		return fail(FAILED, "", msg);
	session = calls_session_new(o.fd);
	if (!session)
		return fail(FAILED, "", "memory is short");
	if (!strcmp(o.call, "batch"))
		status = batch(session, o.from, o.stop);
	else
		status = one_call(session, inherited, o.call, o.from);
	calls_session_free(session);
	close(o.fd);
	return status;
}
