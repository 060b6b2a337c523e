/* SPDX-License-Identifier: GPL-2.0-only */
/* One run: make the host's files, start the emulator, say how it ended. */
#include <config.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/lab/frame.h"
#include "src/lab/internal.h"

#define SHOWN_LINES 40	/* of the console, when the host ended badly */

static const struct {
	const struct lab_emulator *emulator;
	const char *vendor;
	unsigned int boot_seconds;
} cpu_table[] = {
#define X(id, name, emulator, vendor, boot, ...) { &lab_##emulator, vendor, boot },
	LAB_CPUS(X)
#undef X
};

/* In the lines that say what is wrong with a kernel; the first one on the console counts. */
static const char *const fault_words[] = {
	"BUG:", "Oops:", "kernel BUG at", "general protection fault", "Kernel panic", NULL
};

/* In those of a kernel that found fault with something and went on. */
static const char *const warning_words[] = {
	"WARNING: CPU:", "WARNING: possible", "WARNING: suspicious", "INFO: task", "INFO: rcu",
	"UBSAN:", NULL
};

/*
 * Bochs emulates the serial port's speed, and the crypto self-tests take half of a boot there.
 * Warnings and worse (loglevel 5) go to the console. A kernel that is broken ends at once, by a
 * triple fault, and both emulators end with that.
 */
#define COMMAND_LINE \
	"console=ttyS0,115200 loglevel=5 cryptomgr.notests panic=-1 oops=panic reboot=t"

/* For programs on the host that want to know what its clock is worth. */
static const char *clock_name(const struct lab_options *opts)
{
	if (opts->cpu != LAB_CPU_AMD)
		return "bochs";
	return opts->deterministic ? "icount" : "tcg";
}

void lab_kernel_command_line(const struct lab_options *opts, const char *extra,
			     struct lab_strv *strv)
{
	char *all = NULL, *more;

	if (asprintf(&all, "%s vmmtrace.lab=%s%s", COMMAND_LINE, clock_name(opts), extra) < 0)
		all = NULL;
	for (size_t i = 0; all && i < opts->append.n; i++) {
		if (asprintf(&more, "%s %s", all, opts->append.v[i]) < 0)
			more = NULL;
		free(all);
		all = more;
	}
	if (all)
		lab_strv_add(strv, "%s", all);
	else
		strv->error = -ENOMEM;
	free(all);
}

static bool in_path(const char *program)
{
	const char *path = getenv("PATH");
	char *list = strdup(path ? path : "/usr/bin:/bin"), *save, file[4096];
	bool found = false;

	for (char *dir = list ? strtok_r(list, ":", &save) : NULL; dir && !found;
	     dir = strtok_r(NULL, ":", &save)) {
		snprintf(file, sizeof(file), "%s/%s", dir, program);
		found = !access(file, X_OK);
	}
	free(list);
	return found;
}

static int make_files(struct lab_run *run)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(run->dir, sizeof(run->dir), "%s/vmmtrace-lab-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(run->dir)) {
		lab_error("no temporary directory %s: %s", run->dir, strerror(errno));
		run->dir[0] = '\0';
		return -EIO;
	}
	if (asprintf(&run->initramfs, "%s/initramfs", run->dir) < 0 ||
	    asprintf(&run->console, "%s/console", run->dir) < 0 ||
	    asprintf(&run->log, "%s/emulator.log", run->dir) < 0 ||
	    asprintf(&run->exits, "%s/exits", run->dir) < 0)
		return -ENOMEM;
	return 0;
}

/* Memory of ours that the emulator opens as a file. */
static int make_window(struct lab_run *run)
{
	char link[sizeof(run->dir) + 8], target[64];

	run->window_fd = memfd_create("vmmtrace-lab", MFD_CLOEXEC);
	if (run->window_fd < 0 || ftruncate(run->window_fd, LAB_WINDOW_SIZE))
		return -errno;
	snprintf(link, sizeof(link), "%s/window", run->dir);
	snprintf(target, sizeof(target), "/proc/%ld/fd/%d", (long)getpid(), run->window_fd);
	if (symlink(target, link))
		return -errno;
	run->window = mmap(NULL, LAB_WINDOW_SIZE, PROT_READ, MAP_SHARED, run->window_fd, 0);
	return run->window == MAP_FAILED ? -errno : 0;
}

static int prepare(struct lab_run *run, const struct lab_emulator *emulator)
{
	int err;

	if (!in_path(emulator->program)) {
		lab_error("no %s here; run ./dev setup (Debian package %s)", emulator->program,
			  emulator->package);
		return -ENOENT;
	}
	err = lab_host_find(run->opts, &run->host);
	if (err)
		return err;
	err = make_files(run);
	if (!err) {
		err = make_window(run);
		if (err)
			lab_error("no memory to share with %s: %s", emulator->name, strerror(-err));
	}
	if (!err)
		err = lab_channel_init(&run->channel, run->opts->out_dir, run->window);
	if (!err)
		err = lab_image_write(run->opts, &run->host, emulator->disk_window, run->initramfs);
	return err ? err : emulator->prepare(run);
}

/* Shows lines of a file, indented, on stderr: from that with @first in it, or the last ones. */
static void show_lines(const char *what, const char *path, const char *first)
{
	char *text, *from, *line;
	size_t size;
	int lines = 0;

	if (lab_read_file(path, &text, &size))
		return;
	while (size && text[size - 1] == '\n')
		text[--size] = '\0';
	from = first ? strstr(text, first) : NULL;
	if (!from)
		for (from = text + size; from > text; from--)
			if (from[-1] == '\n' && ++lines == SHOWN_LINES)
				break;
	if (size)
		fprintf(stderr, "%s, %s:\n", what, first ? "from there on" : "last lines");
	lines = 0;
	for (line = strtok(from, "\r\n"); line && lines++ < SHOWN_LINES; line = strtok(NULL, "\r\n"))
		fprintf(stderr, "  %s\n", line);
	free(text);
}

/* The first line of a file with one of the words in it, or NULL; the caller frees it. */
static char *find_line(const char *path, const char *const *words)
{
	char *text, *found = NULL;
	size_t size;

	if (lab_read_file(path, &text, &size))
		return NULL;
	for (char *line = strtok(text, "\r\n"); line && !found; line = strtok(NULL, "\r\n"))
		for (size_t i = 0; words[i] && !found; i++)
			if (strstr(line, words[i]))
				found = strdup(line);
	free(text);
	return found;
}

/* @fault is the line of the console that says what is wrong, or NULL. */
static int ended_badly(struct lab_run *run, const struct lab_emulator *emulator, const char *fault)
{
	struct stat st;

	if (fault && run->channel.ended)
		lab_error("the emulated host's kernel is broken: %s", fault);
	else if (fault)
		lab_error("the emulated host crashed: %s", fault);
	else if (run->died_of)
		lab_error("the emulator itself died of signal %d (%s), and the emulated host with it",
			  run->died_of, strsignal(run->died_of));
	else if (run->channel.ready)
		lab_error("the emulated host ended before the command did");
	else
		lab_error("the emulated host did not boot");
	if (!run->opts->console)
		show_lines("console", run->console, fault);
	if (run->died_of || stat(run->console, &st) || !st.st_size)
		show_lines(emulator->name, run->log, NULL);
	return 1;
}

static int ended(struct lab_run *run, const struct lab_emulator *emulator)
{
	char *fault = find_line(run->console, fault_words), *warning;
	int status = 1;

	if (run->channel.failed) {
		if (!run->opts->console)
			show_lines("console", run->console, fault);
	} else if (fault || !run->channel.ended) {
		status = ended_badly(run, emulator, fault);
	} else {
		warning = find_line(run->console, warning_words);
		if (warning)
			lab_error("the emulated host's kernel warned (--console shows all): %s", warning);
		free(warning);
		status = run->channel.status;
	}
	free(fault);
	return status;
}

static int report(struct lab_run *run, const struct lab_emulator *emulator, enum lab_end end,
		  int signal)
{
	switch (end) {
	case LAB_END_EXITED:
		return ended(run, emulator);
	case LAB_END_SIGNAL:
		lab_error("interrupted; the emulated host was stopped");
		return 128 + signal;
	case LAB_END_TIMEOUT:
		if (run->channel.ended)
			lab_error("the emulated host did not power off; stopped");
		else
			lab_error("no end after %u s (--timeout); the emulated host was stopped",
				  run->opts->timeout);
		if (!run->opts->console)
			show_lines("console", run->console, NULL);
		return 1;
	case LAB_END_ERROR:
		break;
	}
	return 1;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void clean_up(struct lab_run *run)
{
	if (run->dir[0])
		nftw(run->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	if (run->window != MAP_FAILED)
		munmap(run->window, LAB_WINDOW_SIZE);
	if (run->window_fd >= 0)
		close(run->window_fd);
	lab_channel_destroy(&run->channel);
	lab_host_destroy(&run->host);
	lab_strv_destroy(&run->argv);
	free(run->initramfs);
	free(run->console);
	free(run->log);
	free(run->exits);
}

/* From here to the end, a signal that ends us waits until the temporary files can be removed. */
static void block_signals(struct lab_run *run, sigset_t *ret_before)
{
	sigemptyset(&run->signals);
	sigaddset(&run->signals, SIGINT);
	sigaddset(&run->signals, SIGTERM);
	sigaddset(&run->signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &run->signals, ret_before);
	signal(SIGPIPE, SIG_IGN);
}

int lab_run(const struct lab_options *opts)
{
	const struct lab_emulator *emulator = cpu_table[opts->cpu].emulator;
	struct lab_run run = { .opts = opts, .window_fd = -1, .window = MAP_FAILED,
			       .channel = { .out_dir = -1, .file = -1 } };
	int status = 1, signal = 0, err;
	enum lab_end end;
	sigset_t before;

	block_signals(&run, &before);
	err = prepare(&run, emulator);
	if (err == -ENOMEM)
		lab_error("out of memory");
	if (err)
		goto clean_up;
	lab_note("booting an emulated %s host (about %u s) ...", cpu_table[opts->cpu].vendor,
		 cpu_table[opts->cpu].boot_seconds);
	end = lab_emulator_run(&run, emulator, &signal);
	status = report(&run, emulator, end, signal);
	if (opts->exit_log && lab_exit_log(&run, emulator) && !status)
		status = 1;
clean_up:
	clean_up(&run);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
