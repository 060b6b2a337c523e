/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Emulated hosts: run a command as root on a Linux host that an emulator makes up, with vmm.ko
 * loaded, and bring back its output, its files and its exit status.
 */
#ifndef VMMTRACE_LAB_H
#define VMMTRACE_LAB_H

#include <stdbool.h>

#include "src/lab/strv.h"

/* X(id, name, emulator, vendor, seconds to boot, default MiB, default timeout) */
#define LAB_CPUS(X) \
	X(AMD, "amd", qemu, "AMD", 4, 1024, 600) \
	X(AMD_BOCHS, "amd-bochs", bochs, "AMD", 25, 512, 900) \
	X(INTEL, "intel", bochs, "Intel", 20, 512, 900)

enum lab_cpu {
#define X(id, ...) LAB_CPU_##id,
	LAB_CPUS(X)
#undef X
	LAB_NR_CPUS
};

struct lab_options {
	enum lab_cpu cpu;
	unsigned int smp;
	unsigned int memory;		/* MiB */
	unsigned int timeout;		/* seconds of wall time, boot included */
	bool deterministic;
	bool console;			/* show the emulated host's console on stderr */
	bool no_vmm;			/* do not load vmm.ko */
	const char *host_kernel;	/* NULL: find one */
	const char *out_dir;		/* NULL: leave the files under /out behind */
	const char *exit_log;		/* NULL, or where the emulator's log of VM exits goes */
	struct lab_strv adds;		/* FILE[:DEST] */
	struct lab_strv modules;	/* "NAME[ PARAM=VALUE]..." */
	struct lab_strv append;		/* for the host kernel's command line */
	struct lab_strv emulator_args;
	char **cmd;			/* NULL-terminated, not empty */
};

/*
 * Fills @opts from the command line; argv[0] is the verb. What is wrong with it is said on stderr.
 * Returns 0, 2 for a usage error, or -1 after --help was printed.
 */
int lab_options_parse(struct lab_options *opts, int argc, char **argv);
void lab_options_destroy(struct lab_options *opts);

/*
 * Boots the host, runs the command, and waits for the host to end. The command's output appears on
 * stdout and stderr while it runs; what goes wrong otherwise is said in one line on stderr.
 * Returns the command's exit status as a shell would give it (128 + n when killed by signal n), or
 * 1 when there is none to give: the host did not boot, crashed, or ran out of time.
 */
int lab_run(const struct lab_options *opts);

#endif
