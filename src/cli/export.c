/* SPDX-License-Identifier: GPL-2.0-only */
/* vmmtrace export: other formats of a capture. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "analysis/export.h"
#include "analysis/text.h"
#include "cli.h"
#include "verbs.h"

#define MAX_OUTPUTS 8

static const char help[] =
"Usage: vmmtrace export FILE.ctf -o FILE [-o FILE]... [-f EXPR]\n"
"Make other formats of a capture, the same to the byte as if they had been recorded\n"
"directly, and check that every count of its totals is found in it.\n"
"\n"
"  -o, --output FILE  .json .json.gz .ndjson .ndjson.gz .ctf; repeatable\n"
"  -f, --filter EXPR  keep only these: class=io,key=0x3f8..0x3ff,dur>=10us;\n"
"                     see vmmtrace-filter(7)\n"
"  -h, --help         print this and exit\n"
"\n"
"Status: 0 done, 1 failed, 2 usage, 3 the capture is not whole: what could be read is in\n"
"the outputs, which have no totals.\n";

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "filter", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

#define usage(...) cli_usage("export", __VA_ARGS__)

static int export(const struct export_options *o)
{
	char text[5][TEXT_NUMBER], msg[EXPORT_MSG];
	struct export_result result;
	int ret = export_capture(o, &result, msg);

	if (msg[0])
		fprintf(stderr, "vmmtrace export: %s: %s\n", o->path, msg);
	if (ret < 0)
		return 1;
	if (!ret)
		printf("%s: %s exits counted = %s recorded + %s filtered + %s lost; %s records of all kinds\n",
		       o->path, text_number(text[0], result.exits.counted),
		       text_number(text[1], result.exits.recorded),
		       text_number(text[2], result.exits.filtered),
		       text_number(text[3], result.exits.lost),
		       text_number(text[4], result.records));
	return ret ? 3 : 0;
}

static int add_output(struct export_options *o, const char *outputs[], const char *file)
{
	if (o->noutputs == MAX_OUTPUTS)
		return usage("-o %s: at most %d outputs", file, MAX_OUTPUTS);
	if (!collector_knows_suffix(file))
		return usage("-o %s: the suffix chooses the format: " COLLECTOR_FORMATS, file);
	outputs[o->noutputs++] = file;
	return 0;
}

static int set_filter(struct export_options *o, const char *text)
{
	char msg[FILTER_MSG];

	if (o->filter_text)
		return usage("-f %s: one filter only", text);
	if (filter_parse(text, &o->filter, msg))
		return usage("-f: %s", msg);
	o->filter_text = text;
	return 0;
}

int verb_export(int argc, char **argv)
{
	const char *outputs[MAX_OUTPUTS];
	struct export_options o = { .outputs = outputs };
	int c, err = 0;

	opterr = 0;
	while (!err && (c = getopt_long(argc, argv, ":o:f:h", long_options, NULL)) != -1) {
		switch (c) {
		case 'o':
			err = add_output(&o, outputs, optarg);
			break;
		case 'f':
			err = set_filter(&o, optarg);
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return cli_bad_option("export", c, argv, long_options);
		}
	}
	if (err)
		return err;
	if (argc - optind != 1)
		return usage("name one capture, FILE.ctf; see --help");
	if (!o.noutputs)
		return usage("name an output, -o FILE; the suffix chooses the format: "
			     COLLECTOR_FORMATS);
	o.path = argv[optind];
	return export(&o);
}
