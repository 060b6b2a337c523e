/* SPDX-License-Identifier: GPL-2.0-only */
/* Outputs as they lie on disk: files, and captures, which are directories. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/collector/sink.h"

int64_t collector_output_size(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int64_t size = 0;
	struct stat st;

	if (!dir)
		return stat(path, &st) ? -errno : (int64_t)st.st_size;
	while ((entry = readdir(dir)))
		if (!fstatat(dirfd(dir), entry->d_name, &st, 0) && S_ISREG(st.st_mode))
			size += st.st_size;
	closedir(dir);
	return size;
}

int collector_output_remove(const char *path)
{
	char *env = NULL;
	int err = unlink(path) ? -errno : 0;

	if (err == -EISDIR || err == -EPERM)
		err = ctf_remove(path);
	if (err)
		return err;
	if (asprintf(&env, "%s.env.json", path) < 0)
		return -ENOMEM;
	unlink(env);
	free(env);
	return 0;
}
