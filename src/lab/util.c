/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "src/lab/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
