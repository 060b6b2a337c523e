/* SPDX-License-Identifier: GPL-2.0-only */
/* Bochs: an Intel processor with VMX and EPT, or an AMD one with SVM. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/lab/frame.h"
#include "src/lab/internal.h"

#define BIOS		"/usr/share/bochs/BIOS-bochs-latest"
#define VGA_BIOS	"/usr/share/vgabios/vgabios.bin"
#define ISOLINUX	"/usr/lib/ISOLINUX/isolinux.bin"
#define LDLINUX		"/usr/lib/syslinux/modules/bios/ldlinux.c32"

#define HOST_MEMORY_MAX	2048	/* MiB that Bochs itself can allocate; beyond, it pages to a file */

/*
 * For the kernel on the ryzen model: its MWAITX with a timer and interrupts off never ends, so that
 * udelay() must not use it (bit 221); its XSAVEC and XSAVES (321, 323) put AVX state over the
 * header, and the next XRSTORS is #GP; its RDRAND and RDSEED (158, 306) answer with random numbers
 * of this machine, which would make equal runs differ, as would an address layout drawn from them.
 */
#define RYZEN_OPTIONS	" nokaslr clearcpuid=221,321,323,158,306"

/* The Intel model says HT (28) with fewer threads than cores, of which Linux 6.12 warns. */
#define INTEL_OPTIONS	" clearcpuid=28"

static const struct {
	const char *path, *package;
	bool for_exit_log;
} needed[] = {
	{ BIOS, "bochsbios", false },
	{ VGA_BIOS, "vgabios", false },
	{ ISOLINUX, "isolinux", false },
	{ LDLINUX, "syslinux-common", false },
	{ "/usr/bin/xorriso", "xorriso", false },
	{ "/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so", "bochs-term", false },
	{ "/usr/bin/gdb", "gdb", true },
};

static int check_needed(const struct lab_options *opts)
{
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (lab_is_file(needed[i].path) || (needed[i].for_exit_log && !opts->exit_log))
			continue;
		lab_error("no %s here; run ./dev setup (Debian package %s)", needed[i].path,
			  needed[i].package);
		return -ENOENT;
	}
	return 0;
}

static FILE *create(const struct lab_run *run, const char *name)
{
	char path[sizeof(run->dir) + 32];
	FILE *to;

	snprintf(path, sizeof(path), "%s/%s", run->dir, name);
	to = fopen(path, "we");
	if (!to)
		lab_error("%s: %s", path, strerror(errno));
	return to;
}

static int finish(FILE *to)
{
	if (!(ferror(to) | fclose(to)))
		return 0;
	lab_error("the temporary directory cannot be written; is the disk full?");
	return -EIO;
}

/*
 * The sandy bridge model has no CPUID leaf 15h, so Linux measures the TSC and its clocks agree; it
 * has no RDRAND either, whose values would be those of this machine. The ryzen model has SVM with
 * next-RIP save and decode assists. A triple fault (our "reboot=t") ends the emulator.
 */
static void write_machine(const struct lab_run *run, FILE *to)
{
	const struct lab_options *opts = run->opts;
	unsigned int host = opts->memory < HOST_MEMORY_MAX ? opts->memory : HOST_MEMORY_MAX;

	fprintf(to, "cpu: model=%s, count=%u, ips=100000000, reset_on_triple_fault=0\n",
		opts->cpu == LAB_CPU_INTEL ? "corei7_sandy_bridge_2600k" : "ryzen", opts->smp);
	fprintf(to, "memory: guest=%u, host=%u\n", opts->memory, host);
	fprintf(to, "clock: sync=none, time0=1767225600\n");
	fprintf(to, "romimage: file=" BIOS "\nvgaromimage: file=" VGA_BIOS "\n");
	fprintf(to, "boot: cdrom\nata0-master: type=cdrom, path=%s/cd.iso, status=inserted\n",
		run->dir);
	/* frame.h: the window. */
	fprintf(to, "ata1: enabled=1, ioaddr1=0x%x, ioaddr2=0x%x, irq=15\n"
		"ata1-master: type=disk, mode=flat, path=%s/window, cylinders=%u, heads=%u, spt=%u\n",
		LAB_DISK_PORT, LAB_DISK_CONTROL - 6, run->dir, LAB_DISK_CYLINDERS, LAB_DISK_HEADS,
		LAB_DISK_SECTORS);
	fprintf(to, "com1: enabled=1, mode=file, dev=%s\n", run->console);
	fprintf(to, "port_e9_hack: enabled=1\n");
}

/*
 * The display plugin "term" draws on a pseudo-terminal of its own; the others in Debian's package
 * want a window system or listen on the network. Sound cards are not there to be opened.
 */
static int write_config(const struct lab_run *run)
{
	FILE *to = create(run, "bochsrc");

	if (!to)
		return -EIO;
	fprintf(to, "config_interface: textconfig\ndisplay_library: term\n"
		"plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1, "
		"gameport=0, iodebug=1\n"
		"panic: action=fatal\nerror: action=ignore\ninfo: action=ignore\ndebug: action=ignore\n"
		"log: %s/bochs.log\n", run->dir);
	write_machine(run, to);
	for (size_t i = 0; i < run->opts->emulator_args.n; i++)
		fprintf(to, "%s\n", run->opts->emulator_args.v[i]);
	return finish(to);
}

/*
 * Debian's Bochs has its debugger built in and waits for a command to begin; and for another one at
 * a triple fault, unless that panic is fatal. The second command goes on, for a guest whose triple
 * fault still becomes an exit. A third there is none, and the emulator ends.
 */
static int write_commands(const struct lab_run *run)
{
	FILE *to = create(run, "rc");

	if (!to)
		return -EIO;
	fputs("c\nc\n", to);
	return finish(to);
}

static int write_boot_menu(const struct lab_run *run)
{
	struct lab_strv line = { 0 };
	FILE *to = create(run, "isolinux.cfg");

	if (!to)
		return -EIO;
	lab_kernel_command_line(run->opts, run->opts->cpu == LAB_CPU_AMD_BOCHS ? RYZEN_OPTIONS : INTEL_OPTIONS,
				&line);
	if (!line.error)
		fprintf(to, "default lab\nprompt 0\nlabel lab\nkernel vmlinuz\n"
			"append initrd=initramfs %s\n", line.v[0]);
	lab_strv_destroy(&line);
	return finish(to) ?: line.error;
}

/* Bochs has no way to load a kernel directly, so it boots from a CD. */
static int write_cd(const struct lab_run *run)
{
	static const char *const options[] = {
		"xorriso", "-as", "mkisofs", "-quiet", "-b", "isolinux.bin", "-c", "boot.cat",
		"-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-o",
	};
	struct lab_strv argv = { 0 };
	int err;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		lab_strv_add(&argv, "%s", options[i]);
	lab_strv_add(&argv, "%s/cd.iso", run->dir);
	lab_strv_add(&argv, "-graft-points");
	lab_strv_add(&argv, "isolinux.bin=" ISOLINUX);
	lab_strv_add(&argv, "ldlinux.c32=" LDLINUX);
	lab_strv_add(&argv, "isolinux.cfg=%s/isolinux.cfg", run->dir);
	lab_strv_add(&argv, "vmlinuz=%s", run->host.vmlinuz);
	lab_strv_add(&argv, "initramfs=%s", run->initramfs);
	err = argv.error ? argv.error : lab_program(argv.v, run->log);
	if (err && err != -ENOMEM)
		lab_error("xorriso cannot make the CD image that Bochs boots from");
	lab_strv_destroy(&argv);
	return err;
}

/*
 * Bochs cannot log VM exits (its log of the processor is a gigabyte in 40 s), but its functions
 * for them have symbols, and gdb prints their arguments. gdb's own output goes to a file, as its
 * standard output is that of Bochs. SIGALRM, by which Bochs shows its speed, is kept from it: one that
 * comes while gdb steps over such a function has the exit printed twice.
 */
static int write_gdb_script(const struct lab_run *run)
{
	FILE *to = create(run, "gdb");

	if (!to)
		return -EIO;
	fprintf(to, "set pagination off\nset confirm off\nset debuginfod enabled off\n"
		"set startup-with-shell off\nhandle SIGALRM nostop noprint nopass\n"
		"set logging file %s\nset logging redirect on\nset logging enabled on\n", run->exits);
	if (run->opts->cpu == LAB_CPU_INTEL)
		fputs("dprintf _Z15bx_instr_vmexitjjm,\"\\nVMEXIT %#x %#lx\\n\","
		      "(unsigned)$esi,(unsigned long)$rdx\n", to);
	else
		fputs("dprintf _ZN8BX_CPU_C10Svm_VmexitEimm,\"\\nVMEXIT %#lx %#lx %#lx\\n\","
		      "(long)(int)$esi,(unsigned long)$rdx,(unsigned long)$rcx\n", to);
	fputs("run\n", to);
	return finish(to);
}

static void bochs_exit_line(const char *line, FILE *to)
{
	unsigned long long code, info1, info2;
	int n = sscanf(line, "VMEXIT %llx %llx %llx", &code, &info1, &info2);

	if (n >= 2)
		fprintf(to, "EXIT code=0x%llx info1=0x%llx", code, info1);
	if (n == 3)
		fprintf(to, " info2=0x%llx", info2);
	if (n >= 2)
		fputc('\n', to);
}

static int write_files(const struct lab_run *run)
{
	int err;

	err = write_config(run);
	if (!err)
		err = write_commands(run);
	if (!err)
		err = write_gdb_script(run);
	if (!err)
		err = write_boot_menu(run);
	if (!err)
		err = write_cd(run);
	return err;
}

static int bochs_prepare(struct lab_run *run)
{
	static const char *const prefix[] = {
		/* Unbuffered, so that output arrives while the command runs. */
		"env", "TERM=dumb", "stdbuf", "-o0",
	};
	struct lab_strv *argv = &run->argv;
	int err;

	err = check_needed(run->opts);
	if (!err)
		err = write_files(run);
	if (err)
		return err;
	for (size_t i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++)
		lab_strv_add(argv, "%s", prefix[i]);
	if (run->opts->exit_log) {
		lab_strv_add(argv, "gdb");
		lab_strv_add(argv, "-nx");
		lab_strv_add(argv, "-batch");
		lab_strv_add(argv, "-x");
		lab_strv_add(argv, "%s/gdb", run->dir);
		lab_strv_add(argv, "--args");
	}
	lab_strv_add(argv, "%s", lab_bochs.program);
	lab_strv_add(argv, "-q");
	lab_strv_add(argv, "-f");
	lab_strv_add(argv, "%s/bochsrc", run->dir);
	lab_strv_add(argv, "-rc");
	lab_strv_add(argv, "%s/rc", run->dir);
	return argv->error;
}

const struct lab_emulator lab_bochs = {
	.name = "Bochs",
	.program = "bochs-bin",
	.package = "bochs",
	.shutdown_seconds = 180,
	.disk_window = true,
	.prepare = bochs_prepare,
	.exit_line = bochs_exit_line,
};
