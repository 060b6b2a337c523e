// SPDX-License-Identifier: GPL-2.0-only
/* vmmtrace run: the command line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "src/run/run.h"
#include "verbs.h"

static const char help_text[] =
"Usage: vmmtrace run [OPTION]... IMAGE\n"
"Boot a guest, show its console, and print where its time went.\n"
"\n"
"Image, one of\n"
"  --kernel FILE           a Linux kernel (bzImage), with\n"
"    --initrd FILE         its initial ramdisk\n"
"    --append TEXT         its command line\n"
"  --multiboot FILE        a multiboot 1 image; --append too, and\n"
"    --module FILE         a module for it; repeatable\n"
"  --flat FILE@ADDR        a raw file, entered at its first byte; in\n"
"    --mode 16|32|64       real, 32-bit or 64-bit mode [64]\n"
"\n"
"Guest\n"
"  -m, --memory SIZE       K, M, G; a multiple of 4K [256M]\n"
"  -n, --name NAME         [guest]\n"
"  --rtc SECONDS           time of day at the start, since 1970 [the host's]\n"
"  --caller-memory         memory of this process, pinned, not the module's\n"
"  --max-exits N           end the guest after N exits\n"
"\n"
"Recording\n"
"  -o, --output FILE       write a timeline: .json .json.gz .ndjson .ndjson.gz .ctf;\n"
"                          repeatable\n"
"  -f, --filter EXPR       keep only these: class=io,key=0x3f8..0x3ff,dur>=10us;\n"
"                          see vmmtrace-filter(7)\n"
"  --trace off|hist|full   off: no summary; hist: the summary; full: records [hist;\n"
"                          full with -o]\n"
"  --lttng                 give the records to LTTng-UST sessions too (provider vmmtrace)\n"
"  --ring-size SIZE        of each CPU's ring [64M over all CPUs, at most 32M each]\n"
"  --lossless              a vCPU waits for room in a ring instead of losing a record\n"
"\n"
"  --json                  the summary as JSON on stdout\n"
"  -q, --quiet             no summary\n"
"  -h, --help\n"
"\n"
"The guest's COM1 is stdout and stdin; Ctrl-A x leaves. The guest ends the run by\n"
"powering off (port 0x604), resetting, halting for good, or a write to the\n"
"debug-exit port 0xf4, whose value is its status.\n"
"Status: 0 done, 1 failed, 2 usage, 4 the guest ended badly.\n";

enum {
	OPT_KERNEL = 256, OPT_INITRD, OPT_APPEND, OPT_MULTIBOOT, OPT_MODULE, OPT_FLAT, OPT_MODE,
	OPT_RTC, OPT_CALLER_MEMORY, OPT_MAX_EXITS, OPT_TRACE, OPT_RING_SIZE,
	OPT_LOSSLESS, OPT_JSON, OPT_LTTNG,
};

static const struct option long_options[] = {
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "initrd", required_argument, NULL, OPT_INITRD },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "multiboot", required_argument, NULL, OPT_MULTIBOOT },
	{ "module", required_argument, NULL, OPT_MODULE },
	{ "flat", required_argument, NULL, OPT_FLAT },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "memory", required_argument, NULL, 'm' },
	{ "name", required_argument, NULL, 'n' },
	{ "rtc", required_argument, NULL, OPT_RTC },
	{ "caller-memory", no_argument, NULL, OPT_CALLER_MEMORY },
	{ "max-exits", required_argument, NULL, OPT_MAX_EXITS },
	{ "output", required_argument, NULL, 'o' },
	{ "filter", required_argument, NULL, 'f' },
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ "lttng", no_argument, NULL, OPT_LTTNG },
	{ "ring-size", required_argument, NULL, OPT_RING_SIZE },
	{ "lossless", no_argument, NULL, OPT_LOSSLESS },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{}
};

#define usage(...) cli_usage("run", __VA_ARGS__)

/* FILE@ADDR; the text is cut in two. */
static int parse_flat(struct run_options *opt, char *text)
{
	char *at = strrchr(text, '@');

	if (!at || at == text || cli_number(at + 1, &opt->flat_addr))
		return usage("--flat %s: give it as FILE@ADDR, such as guest.bin@0x1000", text);
	*at = 0;
	opt->kernel = text;
	return 0;
}

static int set_image(struct run_options *opt, enum run_image image, const char *file)
{
	if (opt->image != RUN_IMAGE_NONE)
		return usage("one image only: --kernel, --multiboot or --flat");
	opt->image = image;
	opt->kernel = file;
	return 0;
}

static int parse_mode(struct run_options *opt, const char *text)
{
	if (!strcmp(text, "16"))
		opt->flat_mode = BOOT_REAL16;
	else if (!strcmp(text, "32"))
		opt->flat_mode = BOOT_FLAT32;
	else if (!strcmp(text, "64"))
		opt->flat_mode = BOOT_FLAT64;
	else
		return usage("--mode %s: 16, 32 or 64", text);
	return 0;
}

static int parse_trace(struct run_options *opt, const char *text)
{
	if (!strcmp(text, "off"))
		opt->trace = RUN_TRACE_OFF;
	else if (!strcmp(text, "hist"))
		opt->trace = RUN_TRACE_HIST;
	else if (!strcmp(text, "full"))
		opt->trace = RUN_TRACE_FULL;
	else
		return usage("--trace %s: off, hist or full", text);
	return 0;
}

static int add_output(struct run_options *opt, const char *file)
{
	if (opt->noutputs == RUN_MAX_OUTPUTS)
		return usage("-o %s: at most %d outputs", file, RUN_MAX_OUTPUTS);
	if (!collector_knows_suffix(file))
		return usage("-o %s: the suffix chooses the format: " COLLECTOR_FORMATS, file);
	opt->outputs[opt->noutputs++] = file;
	return 0;
}

static int add_module(struct run_options *opt, const char *file)
{
	if (opt->nmodules == RUN_MAX_MODULES)
		return usage("--module %s: at most %d modules", file, RUN_MAX_MODULES);
	opt->modules[opt->nmodules++] = file;
	return 0;
}

/* One option; 0 or the status to end with. */
static int take_option(struct run_options *opt, int c, char *arg)
{
	uint64_t n;

	switch (c) {
	case OPT_KERNEL:
		return set_image(opt, RUN_IMAGE_LINUX, arg);
	case OPT_MULTIBOOT:
		return set_image(opt, RUN_IMAGE_MULTIBOOT, arg);
	case OPT_FLAT:
		return set_image(opt, RUN_IMAGE_FLAT, arg) ? STATUS_USAGE : parse_flat(opt, arg);
	case OPT_INITRD:
		opt->initrd = arg;
		return 0;
	case OPT_APPEND:
		opt->append = arg;
		return 0;
	case OPT_MODULE:
		return add_module(opt, arg);
	case OPT_MODE:
		return parse_mode(opt, arg);
	case 'm':
		if (cli_size(arg, &opt->memory))
			return usage("--memory %s: not a size, such as 256M", arg);
		return 0;
	case 'n':
		if (strlen(arg) >= VMM_MAX_NAME_LEN)
			return usage("--name %s: at most %d characters", arg, VMM_MAX_NAME_LEN - 1);
		opt->name = arg;
		return 0;
	case OPT_RTC:
		if (cli_number(arg, &n) || n > INT64_MAX)
			return usage("--rtc %s: seconds since 1970", arg);
		opt->rtc_base = (int64_t)n;
		return 0;
	case OPT_CALLER_MEMORY:
		opt->caller_memory = true;
		return 0;
	case OPT_MAX_EXITS:
		if (cli_number(arg, &opt->max_exits))
			return usage("--max-exits %s: not a number", arg);
		return 0;
	case 'o':
		return add_output(opt, arg);
	case 'f':
		opt->filter_text = arg;
		return 0;
	case OPT_TRACE:
		return parse_trace(opt, arg);
	case OPT_RING_SIZE:
		if (cli_size(arg, &n) || n < 4096 || n > 1u << 30)
			return usage("--ring-size %s: from 4K to 1G", arg);
		opt->ring_size = (unsigned int)n;
		return 0;
	case OPT_LTTNG:
		opt->lttng = true;
		return 0;
	case OPT_LOSSLESS:
		opt->lossless = true;
		return 0;
	case OPT_JSON:
		opt->json = true;
		return 0;
	case 'q':
		opt->quiet = true;
		return 0;
	case 'h':
		fputs(help_text, stdout);
		return -1;
	default:
		return STATUS_USAGE;
	}
}

/* Which options go together; mode: --mode was given. */
static int check(struct run_options *opt, bool mode, int argc, char **argv)
{
	bool recorded = opt->noutputs || opt->lttng;
	char msg[FILTER_MSG];

	if (optind < argc)
		return usage("%s: not an option; an image is given with --kernel, --multiboot or --flat",
			     argv[optind]);
	if (opt->image == RUN_IMAGE_NONE)
		return usage("no image: --kernel, --multiboot or --flat");
	if (opt->initrd && opt->image != RUN_IMAGE_LINUX)
		return usage("--initrd belongs to --kernel");
	if (opt->nmodules && opt->image != RUN_IMAGE_MULTIBOOT)
		return usage("--module belongs to --multiboot");
	if (opt->append && opt->image == RUN_IMAGE_FLAT)
		return usage("--append belongs to --kernel or --multiboot");
	if (mode && opt->image != RUN_IMAGE_FLAT)
		return usage("--mode belongs to --flat");
	if (opt->trace != RUN_TRACE_FULL && recorded)
		return usage("%s needs --trace full", opt->lttng ? "--lttng" : "-o");
	if (opt->trace == RUN_TRACE_FULL && !recorded)
		return usage("--trace full needs an output (-o FILE or --lttng)");
	if (opt->filter_text && !recorded)
		return usage("-f belongs to -o: it says what is recorded");
	if (opt->ring_size && !recorded)
		return usage("--ring-size belongs to -o");
	if (opt->lossless && !opt->noutputs)
		return usage("--lossless belongs to -o");
	if (opt->filter_text && filter_parse(opt->filter_text, &opt->filter, msg))
		return usage("-f: %s", msg);
	return 0;
}

int verb_run(int argc, char **argv)
{
	struct run_options opt = {
		.name = "guest", .memory = 256u << 20, .flat_mode = BOOT_FLAT64, .rtc_base = -1,
		.trace = RUN_TRACE_HIST, .argv = argv,
	};
	bool traced = false, mode = false;
	int c, err;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":m:n:o:f:qh", long_options, NULL)) != -1) {
		if (c == '?' || c == ':')
			return cli_bad_option("run", c, argv, long_options);
		err = take_option(&opt, c, optarg);
		if (err)
			return err < 0 ? STATUS_DONE : err;
		traced |= c == OPT_TRACE;
		mode |= c == OPT_MODE;
	}
	if ((opt.noutputs || opt.lttng) && !traced)
		opt.trace = RUN_TRACE_FULL;
	err = check(&opt, mode, argc, argv);
	return err ? err : run_guest(&opt);
}
