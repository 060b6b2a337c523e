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

/* Begins the line that says why a kernel died; the first one on the console counts. */
static const char *const crash_words[] = {
	"BUG:", "Oops:", "kernel BUG at", "general protection fault", "Kernel panic",
};

/*
 * Bochs emulates the serial port's speed, and the crypto self-tests take half of a boot there.
 * A kernel that is broken ends at once, by a triple fault, and both emulators end with that.
 */
#define COMMAND_LINE "console=ttyS0,115200 quiet cryptomgr.notests panic=-1 oops=panic reboot=t"

void lab_kernel_command_line(const struct lab_options *opts, const char *extra,
			     struct lab_strv *strv)
{
	char *all = NULL, *more;

	if (asprintf(&all, "%s%s", COMMAND_LINE, extra) < 0)
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

static int make_window(struct lab_run *run)
{
	run->window_fd = memfd_create("vmmtrace-lab", MFD_CLOEXEC);
	if (run->window_fd < 0 || ftruncate(run->window_fd, LAB_WINDOW_SIZE))
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
	if (!err && emulator->window) {
		err = make_window(run);
		if (err)
			lab_error("no memory to share with %s: %s", emulator->name, strerror(-err));
	}
	if (!err)
		err = lab_channel_init(&run->channel, run->opts->out_dir,
				       emulator->window ? run->window : NULL);
	if (!err)
		err = lab_image_write(run->opts, &run->host, run->initramfs);
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

/* The first line of the console with one of the words in it; the caller frees it. */
static char *find_line(const char *path, const char *const *words, size_t nr_words)
{
	char *text, *found = NULL;
	size_t size;

	if (lab_read_file(path, &text, &size))
		return NULL;
	for (char *line = strtok(text, "\r\n"); line && !found; line = strtok(NULL, "\r\n"))
		for (size_t i = 0; i < nr_words && !found; i++)
			if (strstr(line, words[i]))
				found = strdup(line);
	free(text);
	return found;
}

static int crashed(struct lab_run *run, const struct lab_emulator *emulator)
{
	char *line = find_line(run->console, crash_words, sizeof(crash_words) / sizeof(char *));
	struct stat st;

	if (line)
		lab_error("the emulated host crashed: %s", line);
	else if (run->channel.ready)
		lab_error("the emulated host ended before the command did");
	else
		lab_error("the emulated host did not boot");
	if (!run->opts->console)
		show_lines("console", run->console, line);
	free(line);
	if (stat(run->console, &st) || !st.st_size)
		show_lines(emulator->name, run->log, NULL);
	return 1;
}

static int ended(struct lab_run *run, const struct lab_emulator *emulator)
{
	static const char *const warning = "WARNING: ";
	char *line = find_line(run->console, crash_words, sizeof(crash_words) / sizeof(char *));

	if (run->channel.failed) {
		if (!run->opts->console)
			show_lines("console", run->console, NULL);
		free(line);
		return 1;
	}
	if (line || !run->channel.ended) {
		free(line);
		return crashed(run, emulator);
	}
	line = find_line(run->console, &warning, 1);
	if (line)
		lab_error("the emulated host's kernel warned (--console shows all): %s", line);
	free(line);
	return run->channel.status;
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

int lab_run(const struct lab_options *opts)
{
	const struct lab_emulator *emulator = cpu_table[opts->cpu].emulator;
	struct lab_run run = { .opts = opts, .window_fd = -1, .window = MAP_FAILED,
			       .channel = { .out_dir = -1, .file = -1 } };
	int status = 1, signal = 0, err;
	enum lab_end end;

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
	return status;
}
