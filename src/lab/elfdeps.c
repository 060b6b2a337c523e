/* SPDX-License-Identifier: GPL-2.0-only */
/* The shared libraries of a program: its own ELF interpreter knows best and can list them. */
#include <config.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/lab/internal.h"

/* Where glibc's loader on Debian looks without configuration, so no ld.so.cache is needed. */
#define LIBRARY_DIR "/lib/x86_64-linux-gnu"

/* The PT_INTERP string of a 64-bit ELF program, or NULL if it has none. The caller frees it. */
static char *elf_interpreter(const char *elf, size_t size)
{
	const Elf64_Ehdr *ehdr = (const void *)elf;
	const Elf64_Phdr *phdr;

	if (size < sizeof(*ehdr) || memcmp(elf, ELFMAG, SELFMAG) ||
	    elf[EI_CLASS] != ELFCLASS64 || ehdr->e_phoff > size ||
	    (size - ehdr->e_phoff) / sizeof(*phdr) < ehdr->e_phnum)
		return NULL;
	phdr = (const void *)(elf + ehdr->e_phoff);
	for (unsigned int i = 0; i < ehdr->e_phnum; i++)
		if (phdr[i].p_type == PT_INTERP && phdr[i].p_offset < size &&
		    size - phdr[i].p_offset >= phdr[i].p_filesz)
			return strndup(elf + phdr[i].p_offset, phdr[i].p_filesz);
	return NULL;
}

/* One line of the list: "name => /path (0x...)", or "/path (0x...)" for the interpreter. */
static int add_listed(struct cpio *cpio, char *line, const char *file)
{
	char *arrow = strstr(line, " => "), *path, *end, *dest;
	int err;

	path = strchr(arrow ? arrow : line, '/');
	if (arrow && strstr(arrow, "not found")) {
		lab_error("%s needs a shared library that this machine has not: %s", file,
			  line + strspn(line, " \t"));
		return -ENOENT;
	}
	if (!path)
		return 0;
	end = strstr(path, " (0x");
	if (end)
		*end = '\0';
	if (!arrow)
		return cpio_add_file(cpio, path, 0755, path);
	*arrow = '\0';
	if (asprintf(&dest, LIBRARY_DIR "/%s", line + strspn(line, " \t")) < 0)
		return -ENOMEM;
	err = cpio_add_file(cpio, dest, 0644, path);
	free(dest);
	return err;
}

static int start_list(const char *interpreter, const char *file, FILE **ret_from, pid_t *ret_pid)
{
	const char *argv[] = { interpreter, "--list", file, NULL };
	posix_spawn_file_actions_t actions;
	int fds[2], err;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	err = -posix_spawn(ret_pid, interpreter, &actions, NULL, (char **)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (err) {
		close(fds[0]);
		return err;
	}
	*ret_from = fdopen(fds[0], "r");
	if (!*ret_from) {
		close(fds[0]);
		waitpid(*ret_pid, NULL, 0);
		return -ENOMEM;
	}
	return 0;
}

static int add_list(struct cpio *cpio, const char *interpreter, const char *file)
{
	char line[4096];
	FILE *from = NULL;
	int status, err;
	pid_t pid;

	err = start_list(interpreter, file, &from, &pid);
	if (err) {
		lab_error("%s, the ELF interpreter of %s: %s", interpreter, file, strerror(-err));
		return err;
	}
	while (!err && fgets(line, sizeof(line), from)) {
		line[strcspn(line, "\n")] = '\0';
		err = add_listed(cpio, line, file);
	}
	fclose(from);
	waitpid(pid, &status, 0);
	if (!err && status) {
		lab_error("%s cannot list the shared libraries of %s", interpreter, file);
		err = -EIO;
	}
	return err;
}

int lab_add_elf_deps(struct cpio *cpio, const char *file)
{
	char *elf, *interpreter;
	size_t size;
	int err;

	err = lab_read_file(file, &elf, &size);
	if (err) {
		lab_error("%s: %s", file, strerror(-err));
		return err;
	}
	interpreter = elf_interpreter(elf, size);
	free(elf);
	if (!interpreter)
		return 0;
	err = cpio_add_file(cpio, interpreter, 0755, interpreter);
	if (!err)
		err = add_list(cpio, interpreter, file);
	free(interpreter);
	return err;
}
