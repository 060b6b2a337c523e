/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of src/lab/ share. */
#ifndef VMMTRACE_LAB_INTERNAL_H
#define VMMTRACE_LAB_INTERNAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "src/lab/cpio.h"
#include "src/lab/lab.h"

/* util.c */

/* One line on stderr, "vmmtrace lab: ..."; lab_note() says it only when stderr is a terminal. */
void lab_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void lab_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Reads a whole file; *ret_data gets a NUL after its end. Returns 0 or a negative errno. */
int lab_read_file(const char *path, char **ret_data, size_t *ret_size);
bool lab_is_file(const char *path);
/*
 * Runs a program found by PATH to its end, with its output in the file @log. Returns 0, a negative
 * errno when it could not be started, or -EIO when it failed.
 */
int lab_program(char *const argv[], const char *log);
/*
 * The file at LAB_BUILDDIR/@built when the running program lies in its build tree, else @installed.
 * The caller frees it; NULL when there is no such file or no memory.
 */
char *lab_find_part(const char *built, const char *installed);
bool lab_in_build_tree(void);

/* hostkernel.c */

struct lab_host {
	char *vmlinuz;
	char *release;		/* "6.1.0-56-cloud-amd64" */
	char *modules;		/* directory of the kernel's own modules, or NULL */
	char *vmm_ko;		/* or NULL */
};

/* Finds the host's kernel and our module; says what is missing. Returns 0 or a negative errno. */
int lab_host_find(const struct lab_options *opts, struct lab_host *ret_host);
void lab_host_destroy(struct lab_host *host);

/* modules.c */

/*
 * A value of a module's .modinfo section ("vermagic", "depends"). The caller frees *ret_value.
 * Returns 0, -ENOENT when there is no such key, or another negative errno.
 */
int lab_modinfo(const char *path, const char *key, char **ret_value);
/*
 * Appends the files to load for module @name, what it depends on first; those already in @files
 * are not repeated. Says what went wrong. Returns 0 or a negative errno.
 */
int lab_module_files(const struct lab_host *host, const char *name, struct lab_strv *files);

/* elfdeps.c */

/*
 * Adds the ELF interpreter and shared libraries that the program @file needs; nothing if it is
 * not a dynamically linked program. Says what went wrong. Returns 0 or a negative errno.
 */
int lab_add_elf_deps(struct cpio *cpio, const char *file);

/* image.c */

/*
 * Writes the host's initramfs to @filename. @disk_window: the window is a disk there (frame.h). Says
 * what went wrong. Returns 0 or a negative errno.
 */
int lab_image_write(const struct lab_options *opts, const struct lab_host *host, bool disk_window,
		    const char *filename);

/* channel.c */

struct lab_channel {
	const unsigned char *window;	/* LAB_WINDOW_SIZE bytes */
	int out_dir;			/* descriptor, or -1 */
	int file;			/* being received, or -1 */
	uint16_t next_seq;
	unsigned char *buf;		/* bytes not yet understood */
	size_t len;
	bool ready;			/* the command was started */
	bool failed;			/* something was said on stderr; there is no status */
	bool ended;			/* the command's status, or the init's failure, was received */
	unsigned int status;
};

int lab_channel_init(struct lab_channel *channel, const char *out_dir, const void *window);
/* Takes @len more bytes of the emulator's standard output. Returns 0 or a negative errno. */
int lab_channel_feed(struct lab_channel *channel, const void *data, size_t len);
void lab_channel_destroy(struct lab_channel *channel);

/* emulator */

struct lab_run {
	const struct lab_options *opts;
	struct lab_host host;
	struct lab_channel channel;
	char dir[4096];			/* temporary directory; the files below lie in it, and "window" */
	char *initramfs, *console, *log, *exits;
	int window_fd;			/* -1 before it is made */
	void *window;			/* MAP_FAILED before */
	struct lab_strv argv;		/* the emulator's command line */
	sigset_t signals;		/* that end the run; blocked meanwhile */
	int died_of;			/* signal that the emulator died of by itself, or 0 */
};

struct lab_emulator {
	const char *name;
	const char *program;
	const char *package;		/* of Debian */
	unsigned int shutdown_seconds;	/* the longest a host may take to power off */
	bool disk_window;		/* the window is a disk there, not memory */
	/* Fills run->argv, writing what the emulator reads into run->dir. 0 or a negative errno. */
	int (*prepare)(struct lab_run *run);
	/* Writes what a line of the emulator's log (run->exits) says, in the form of --exit-log. */
	void (*exit_line)(const char *line, FILE *to);
};

extern const struct lab_emulator lab_qemu, lab_bochs;

/* run.c */

/* Appends the host kernel's command line, @extra included, as one string to @strv. */
void lab_kernel_command_line(const struct lab_options *opts, const char *extra,
			     struct lab_strv *strv);

/* exitlog.c */

/*
 * Makes FILE of --exit-log: for each line one of
 *   EXIT code=0x72 info1=0x0 info2=0x0 rip=0x100007
 *   ENTRY vmcb=0x1b70000
 *   INJECT type=INTR vector=0x20 error=0x0
 * in the order of the processor's doing. What the emulator does not tell is left out (Bochs: RIP,
 * ENTRY and INJECT). On VMX code is the exit reason and info1 the qualification. Says what went
 * wrong. Returns 0 or a negative errno.
 */
int lab_exit_log(const struct lab_run *run, const struct lab_emulator *emulator);

/* emulator.c: the emulator's process */

enum lab_end {
	LAB_END_EXITED,		/* the emulator ended by itself */
	LAB_END_TIMEOUT,
	LAB_END_SIGNAL,		/* somebody wants us to end */
	LAB_END_ERROR,		/* we cannot go on; said on stderr */
};

/*
 * Starts run->argv and follows it to its end, passing on what the host sends, and its console if
 * that is wanted. The emulator is gone when this returns. *ret_signal is set for LAB_END_SIGNAL.
 */
enum lab_end lab_emulator_run(struct lab_run *run, const struct lab_emulator *emulator,
			      int *ret_signal);

#endif
