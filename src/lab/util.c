/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "src/lab/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	fprintf(stderr, "vmmtrace lab: %s\n", text);
}

void lab_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void lab_note(const char *fmt, ...)
{
	va_list ap;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

static int read_all(int fd, char **ret_data, size_t *ret_size)
{
	size_t size = 0, room = 65536;
	char *data = malloc(room);
	ssize_t n;

	if (!data)
		return -ENOMEM;
	while ((n = read(fd, data + size, room - size - 1)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			n = -errno;
			free(data);
			return n;
		}
		size += n;
		if (room - size < 4096) {
			char *more = realloc(data, room *= 2);

			if (!more) {
				free(data);
				return -ENOMEM;
			}
			data = more;
		}
	}
	data[size] = '\0';
	*ret_data = data;
	*ret_size = size;
	return 0;
}

int lab_read_file(const char *path, char **ret_data, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = read_all(fd, ret_data, ret_size);
	close(fd);
	return err;
}

bool lab_is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

int lab_program(char *const argv[], const char *log)
{
	posix_spawn_file_actions_t actions;
	int err, status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	err = -posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return err;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? -EIO : 0;
}

bool lab_in_build_tree(void)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	size_t len = strlen(LAB_BUILDDIR);

	if (n < 0)
		return false;
	exe[n] = '\0';
	return !strncmp(exe, LAB_BUILDDIR "/", len + 1);
}

char *lab_find_part(const char *built, const char *installed)
{
	char *path;

	if (!lab_in_build_tree())
		return lab_is_file(installed) ? strdup(installed) : NULL;
	if (asprintf(&path, "%s/%s", LAB_BUILDDIR, built) < 0)
		return NULL;
	if (lab_is_file(path))
		return path;
	free(path);
	return NULL;
}
