/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/lab/internal.h"

#define MAX_CPUS	64
#define MIN_MEMORY	128		/* MiB; the host kernel does not boot in less */
#define MAX_MEMORY	(1024 * 1024)

/* X(id, name, argument, help) */
#define OPTIONS(X) \
	X(CPU, "cpu", "CPU", "amd (QEMU), amd-bochs or intel (both Bochs)") \
	X(SMP, "smp", "N", "number of processors [1]") \
	X(MEMORY, "memory", "SIZE", "memory in MiB, or with suffix M or G [1024; Bochs 512]") \
	X(DETERMINISTIC, "deterministic", NULL, "equal runs: 1 ns = 1 instruction = 1 TSC tick") \
	X(HOST_KERNEL, "host-kernel", "VMLINUZ", "the host's kernel [that vmm.ko was built for]") \
	X(ADD, "add", "FILE[:DEST]", "put FILE and its shared libraries on the host [in /root]") \
	X(MODULE, "module", "NAME", "load a module first: 'kvm-amd nested=0', or FILE.ko") \
	X(NO_VMM, "no-vmm", NULL, "do not load vmm.ko") \
	X(APPEND, "append", "ARG", "add to the host kernel's command line") \
	X(EMULATOR_ARG, "emulator-arg", "ARG", "pass ARG to QEMU; for Bochs, a line of its bochsrc") \
	X(OUT, "out", "DIR", "bring back what COMMAND wrote under /out") \
	X(EXIT_LOG, "exit-log", "FILE", "write the emulator's own log of VM exits") \
	X(TIMEOUT, "timeout", "SECONDS", "give up after that long [600; Bochs 900]") \
	X(CONSOLE, "console", NULL, "show the host's console on stderr (more: --append loglevel=7)") \
	X(HELP, "help", NULL, "print this and exit")

enum option_id {
#define X(id, ...) OPTION_##id,
	OPTIONS(X)
#undef X
	NR_OPTIONS
};

static const struct {
	const char *name, *argument, *help;
} option_table[] = {
#define X(id, name, argument, help) { name, argument, help },
	OPTIONS(X)
#undef X
};

static const struct {
	const char *name;
	unsigned int memory, timeout;
} cpu_table[] = {
#define X(id, name, emulator, vendor, boot, memory, timeout) { name, memory, timeout },
	LAB_CPUS(X)
#undef X
};

static void print_help(void)
{
	printf("Usage: vmmtrace lab --cpu CPU [OPTION]... -- COMMAND...\n"
	       "Run COMMAND as root on an emulated AMD or Intel host, with vmm.ko loaded and vmmtrace on\n"
	       "its PATH. Needs no hardware virtualization and no privileges.\n\n");
	for (int i = 0; i < NR_OPTIONS; i++) {
		const char *argument = option_table[i].argument;
		int n = printf("  --%s%s%s", option_table[i].name, argument ? " " : "",
			       argument ? argument : "");

		printf("%*s%s\n", n < 26 ? 26 - n : 1, "", option_table[i].help);
	}
	printf("\nThe status is COMMAND's. When there is none, because the host did not boot, crashed or ran\n"
	       "out of time, one line on stderr says so and the status is 1.\n");
}

static int usage(const char *fmt, const char *arg)
{
	char text[512];

	snprintf(text, sizeof(text), fmt, arg);
	lab_error("%s; vmmtrace lab --help lists the options", text);
	return 2;
}

/* A decimal number from @min to @max; @suffix allows M and G after it. */
static int parse_number(const char *text, bool suffix, unsigned long min, unsigned long max,
			unsigned int *ret_number)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || end == text || text[0] == '-')
		return -EINVAL;
	if (suffix && *end == 'G' && number <= max / 1024) {
		number *= 1024;
		end++;
	} else if (suffix && *end == 'M') {
		end++;
	}
	if (*end || number < min || number > max)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

static int set_cpu(struct lab_options *opts, const char *name)
{
	for (int i = 0; i < LAB_NR_CPUS; i++) {
		if (strcmp(cpu_table[i].name, name))
			continue;
		opts->cpu = i;
		return 0;
	}
	return usage("--cpu %s: there is amd, amd-bochs and intel", name);
}

static int set_number(struct lab_options *opts, enum option_id id, const char *text)
{
	switch (id) {
	case OPTION_SMP:
		if (parse_number(text, false, 1, MAX_CPUS, &opts->smp))
			return usage("--smp %s: give a number from 1 to 64", text);
		return 0;
	case OPTION_MEMORY:
		if (parse_number(text, true, MIN_MEMORY, MAX_MEMORY, &opts->memory))
			return usage("--memory %s: give 128 to 1048576 MiB", text);
		return 0;
	default:
		if (parse_number(text, false, 1, 1000000, &opts->timeout))
			return usage("--timeout %s: give a number of seconds", text);
		return 0;
	}
}

static int set_option(struct lab_options *opts, enum option_id id, char *arg)
{
	switch (id) {
	case OPTION_CPU:
		return set_cpu(opts, arg);
	case OPTION_SMP:
	case OPTION_MEMORY:
	case OPTION_TIMEOUT:
		return set_number(opts, id, arg);
	case OPTION_DETERMINISTIC:
		opts->deterministic = true;
		break;
	case OPTION_CONSOLE:
		opts->console = true;
		break;
	case OPTION_NO_VMM:
		opts->no_vmm = true;
		break;
	case OPTION_HOST_KERNEL:
		opts->host_kernel = arg;
		break;
	case OPTION_OUT:
		opts->out_dir = arg;
		break;
	case OPTION_EXIT_LOG:
		opts->exit_log = arg;
		break;
	case OPTION_ADD:
		lab_strv_add(&opts->adds, "%s", arg);
		break;
	case OPTION_MODULE:
		lab_strv_add(&opts->modules, "%s", arg);
		break;
	case OPTION_APPEND:
		lab_strv_add(&opts->append, "%s", arg);
		break;
	case OPTION_EMULATOR_ARG:
		lab_strv_add(&opts->emulator_args, "%s", arg);
		break;
	case OPTION_HELP:
		print_help();
		return -1;
	case NR_OPTIONS:
		break;
	}
	return 0;
}

static int check(struct lab_options *opts)
{
	if (opts->cpu == LAB_NR_CPUS)
		return usage("which processor? give --cpu amd, amd-bochs or intel%s", "");
	if (!opts->cmd[0])
		return usage("no command to run; give it after --%s", "");
	if (opts->deterministic && opts->smp > 1)
		return usage("--deterministic --smp %s: equal runs need one processor; the emulators cannot "
			     "repeat the order of two", "2");
	if (opts->adds.error || opts->modules.error || opts->append.error ||
	    opts->emulator_args.error) {
		lab_error("out of memory");
		return 1;
	}
	if (!opts->memory)
		opts->memory = cpu_table[opts->cpu].memory;
	if (!opts->timeout)
		opts->timeout = cpu_table[opts->cpu].timeout;
	return 0;
}

int lab_options_parse(struct lab_options *opts, int argc, char **argv)
{
	struct option long_options[NR_OPTIONS + 1] = { 0 };
	int c, err;

	for (int i = 0; i < NR_OPTIONS; i++)
		long_options[i] = (struct option){
			.name = option_table[i].name, .val = i + 1,
			.has_arg = option_table[i].argument ? required_argument : no_argument,
		};
	*opts = (struct lab_options){ .cpu = LAB_NR_CPUS, .smp = 1 };
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:h", long_options, NULL)) != -1) {
		if (c == '?')
			return usage("%s: no such option", argv[optind - 1]);
		if (c == ':')
			return usage("%s: its argument is missing", argv[optind - 1]);
		err = set_option(opts, c == 'h' ? OPTION_HELP : (enum option_id)(c - 1), optarg);
		if (err)
			return err;
	}
	opts->cmd = argv + optind;
	return check(opts);
}

void lab_options_destroy(struct lab_options *opts)
{
	lab_strv_destroy(&opts->adds);
	lab_strv_destroy(&opts->modules);
	lab_strv_destroy(&opts->append);
	lab_strv_destroy(&opts->emulator_args);
}
