/* SPDX-License-Identifier: GPL-2.0-only */
/* QEMU without KVM: an AMD processor with SVM and nested paging. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "src/lab/frame.h"
#include "src/lab/internal.h"

/*
 * One instruction is one virtual nanosecond and one TSC tick; what else could differ between two
 * runs (the date, random numbers) is fixed.
 */
static void add_clock(const struct lab_options *opts, struct lab_strv *argv)
{
	if (!opts->deterministic) {
		lab_strv_add(argv, "-accel");
		lab_strv_add(argv, "tcg,thread=multi");
		return;
	}
	lab_strv_add(argv, "-accel");
	lab_strv_add(argv, "tcg,thread=single");
	lab_strv_add(argv, "-icount");
	lab_strv_add(argv, "shift=0,sleep=off");
	lab_strv_add(argv, "-seed");
	lab_strv_add(argv, "1");
	lab_strv_add(argv, "-rtc");
	lab_strv_add(argv, "base=2026-01-01T00:00:00,clock=vm");
}

/*
 * QEMU 7.2 changes a processor's pending interrupts without its lock where VMRUN finds a virtual
 * interrupt (svm_helper.c), so that one which comes at that instant can be lost. If it was that of a
 * timer which fires once, the host's processor never hears of time again: it gets a tick for ever.
 */
#define TICKS	" highres=off nohz=off"

static void add_machine(const struct lab_options *opts, struct lab_strv *argv)
{
	lab_strv_add(argv, "-nodefaults");
	lab_strv_add(argv, "-no-user-config");
	lab_strv_add(argv, "-no-reboot");
	lab_strv_add(argv, "-display");
	lab_strv_add(argv, "none");
	lab_strv_add(argv, "-cpu");
	lab_strv_add(argv, "EPYC,+svm,+npt");
	lab_strv_add(argv, "-smp");
	lab_strv_add(argv, "%u", opts->smp);
	lab_strv_add(argv, "-m");
	lab_strv_add(argv, "%u", opts->memory);
}

/* The port of frame.h is our pipe, QEMU's standard output; its window is memory that we share. */
static void add_channel(const struct lab_run *run, struct lab_strv *argv)
{
	lab_strv_add(argv, "-chardev");
	lab_strv_add(argv, "stdio,id=channel,signal=off");
	lab_strv_add(argv, "-device");
	lab_strv_add(argv, "isa-debugcon,iobase=0x%x,chardev=channel", LAB_FRAME_PORT);
	lab_strv_add(argv, "-object");
	lab_strv_add(argv, "memory-backend-file,id=window,share=on,size=%u,mem-path=%s/window",
		     LAB_WINDOW_SIZE, run->dir);
	lab_strv_add(argv, "-device");
	lab_strv_add(argv, "ivshmem-plain,memdev=window");
	lab_strv_add(argv, "-serial");
	lab_strv_add(argv, "file:%s", run->console);
}

static int qemu_prepare(struct lab_run *run)
{
	struct lab_strv *argv = &run->argv;

	lab_strv_add(argv, "%s", lab_qemu.program);
	add_clock(run->opts, argv);
	add_machine(run->opts, argv);
	add_channel(run, argv);
	lab_strv_add(argv, "-kernel");
	lab_strv_add(argv, "%s", run->host.vmlinuz);
	lab_strv_add(argv, "-initrd");
	lab_strv_add(argv, "%s", run->initramfs);
	lab_strv_add(argv, "-append");
	lab_kernel_command_line(run->opts, run->opts->deterministic ? "" : TICKS, argv);
	if (run->opts->exit_log) {
		/* No guest code lies at address 1, so that of all translations none is logged. */
		lab_strv_add(argv, "-d");
		lab_strv_add(argv, "in_asm");
		lab_strv_add(argv, "-dfilter");
		lab_strv_add(argv, "0x1+0x1");
		lab_strv_add(argv, "-D");
		lab_strv_add(argv, "%s", run->exits);
	}
	for (size_t i = 0; i < run->opts->emulator_args.n; i++)
		lab_strv_add(argv, "%s", run->opts->emulator_args.v[i]);
	return argv->error;
}

/* QEMU's svm_helper.c writes these without a newline after some of them. */
static void qemu_exit_line(const char *line, FILE *to)
{
	unsigned long long code, info1, info2, rip;
	unsigned int vector, error;
	char type[16];
	int n;

	for (; *line; line++) {
		if (sscanf(line, "vmexit(%llx, %llx, %llx, %llx)", &code, &info1, &info2, &rip) == 4) {
			fprintf(to, "EXIT code=0x%llx info1=0x%llx info2=0x%llx rip=0x%llx\n", code, info1,
				info2, rip);
		} else if (sscanf(line, "vmrun! %llx", &code) == 1) {
			fprintf(to, "ENTRY vmcb=0x%llx\n", code);
		} else if (!strncmp(line, "Injecting(", 10)) {
			n = sscanf(line, "Injecting(%*x): %15[A-Z] %x %x", type, &vector, &error);
			if (n == 3)
				fprintf(to, "INJECT type=%s vector=0x%x error=0x%x\n", type, vector, error);
			else if (n >= 1)
				fprintf(to, "INJECT type=%s\n", type);
		}
	}
}

const struct lab_emulator lab_qemu = {
	.name = "QEMU",
	.program = "qemu-system-x86_64",
	.package = "qemu-system-x86",
	.shutdown_seconds = 60,
	.prepare = qemu_prepare,
	.exit_line = qemu_exit_line,
};
