// SPDX-License-Identifier: GPL-2.0-only
/*
 * conform [--except] [SECTION|TEST...]: run these rows, or all but these, and speak TAP.
 * conform --list: the rows as a document. conform --count: how many they are.
 */
#include "conform.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROW_SECONDS	120

struct row {
	const char *section, *name, *given, *result;	/* name NULL: a section's title in given */
	bool ours;
	void (*run)(void);
};

static const struct row rows[] = {
#define SECTION(section, title) { #section, NULL, title, NULL, false, NULL },
#define ROW(section, name, given, result) \
	{ #section, #name, given, result, false, section##_##name },
#define OURS(section, name, given, result) \
	{ #section, #name, given, result, true, section##_##name },
#include "rows.h"
#undef SECTION
#undef ROW
#undef OURS
};
#define NROWS (sizeof(rows) / sizeof(rows[0]))

enum verdict { PASS, FAIL, NOT_HERE };
/* What a row's process tells of itself. */
static struct {
	enum verdict verdict;
	char why[200];
} *told;

void fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	int n;

	told->verdict = FAIL;
	n = snprintf(told->why, sizeof(told->why), "%s:%d: ", strrchr(file, '/') + 1, line);
	va_start(ap, fmt);
	vsnprintf(told->why + n, sizeof(told->why) - n, fmt, ap);
	va_end(ap);
	_exit(1);
}

void not_here(const char *why)
{
	told->verdict = NOT_HERE;
	snprintf(told->why, sizeof(told->why), "%s", why);
	_exit(1);
}

/* A row's process, and all that it left behind, which becomes ours. */
static int reap(pid_t pid)
{
	int status, ret = 0;
	pid_t got;

	do {
		got = waitpid(pid, &status, 0);
	} while (got < 0 && errno == EINTR);
	ret = status;
	kill(-pid, SIGKILL);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return ret;
}

/* No VM outlives the processes that had it. */
static void check_nothing_left(void)
{
	struct vm_info_params vip = {};
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0 || call(fd, VMM_IOC_INFO, &vip) || vip.vip_size) {
		told->verdict = FAIL;
		snprintf(told->why, sizeof(told->why), "%llu bytes of INFO left behind",
			 (unsigned long long)vip.vip_size);
	}
	close(fd);
}

static void run_row(const struct row *row)
{
	pid_t pid;
	int status;

	memset(told, 0, sizeof(*told));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		alarm(ROW_SECONDS);
		row->run();
		_exit(0);
	}
	setpgid(pid, pid);
	status = reap(pid);
	if (told->verdict == PASS && status) {
		told->verdict = FAIL;
		snprintf(told->why, sizeof(told->why), "ended with wait status %#x", status);
	}
	if (told->verdict == PASS)
		check_nothing_left();
}

/* Whether it is named, by its section or by its own name. */
static bool is_named(const struct row *row, char **names)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%s", row->section, row->name);
	for (; *names; names++)
		if (!strcmp(*names, row->section) || !strcmp(*names, name))
			return true;
	return false;
}

static int run_rows(char **names)
{
	bool except = *names && !strcmp(*names, "--except");
	unsigned int n = 0, failed = 0;
	size_t i;

	names += except;
	except |= !*names;
	for (i = 0; i < NROWS; i++) {
		if (!rows[i].name || is_named(&rows[i], names) == except)
			continue;
		run_row(&rows[i]);
		if (told->verdict == NOT_HERE) {
			printf("# %s_%s: not here: %s\n", rows[i].section, rows[i].name, told->why);
			continue;
		}
		failed += told->verdict == FAIL;
		printf("%sok %u - %s_%s: %s: %s\n", told->verdict == FAIL ? "not " : "", ++n,
		       rows[i].section, rows[i].name, rows[i].given, rows[i].result);
		if (told->verdict == FAIL)
			printf("# %s\n", told->why);
	}
	printf("1..%u\n", n);
	return failed ? 1 : 0;
}

/* docs/conformance.md */
static void list_rows(void)
{
	size_t i;

	printf("# What /dev/vmm promises, row by row\n\n"
	       "<!-- Made from tests/conform/rows.h; `make update-docs` writes it anew. -->\n\n"
	       "Each row has a test, of the name that it begins with, in `tests/conform`.\n"
	       "**(ours)** stands where this driver means to differ from OpenBSD's vmm(4), or\n"
	       "goes beyond it; [ioctl.md](ioctl.md) tells why.\n\n");
	for (i = 0; i < NROWS; i++) {
		if (!rows[i].name)
			printf("%s## %s\n\n| test | given | result |\n|---|---|---|\n", i ? "\n" : "",
			       rows[i].given);
		else
			printf("| `%s_%s` | %s | %s%s |\n", rows[i].section, rows[i].name,
			       rows[i].given, rows[i].result, rows[i].ours ? " **(ours)**" : "");
	}
}

static unsigned int count_rows(void)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < NROWS; i++)
		n += !!rows[i].name;
	return n;
}

/* A thread that has registered a restartable sequence has something to do in user mode each
 * time that it was preempted, so its RUN comes back with VM_EXIT_NONE. Rows that wait for
 * a RUN that goes on want none of that. */
static void without_rseq(char **argv)
{
	if (getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		list_rows();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--count")) {
		printf("%u\n", count_rows());
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "--after-exec"))
		return life_after_exec(atoi(argv[2]), (uint32_t)atoi(argv[3]));
	without_rseq(argv);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return told == MAP_FAILED ? 1 : run_rows(argv + 1);
}
