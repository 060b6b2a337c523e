/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel modules: what a .ko says of itself, and which others it needs. */
#include <config.h>

#include <elf.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/lab/internal.h"

/* Finds section @name of a 64-bit ELF file, checking every offset against the file's size. */
static int elf_section(const char *elf, size_t size, const char *name, const char **ret_data,
		       size_t *ret_size)
{
	const Elf64_Ehdr *ehdr = (const void *)elf;
	const Elf64_Shdr *shdr, *names;

	if (size < sizeof(*ehdr) || memcmp(elf, ELFMAG, SELFMAG) ||
	    elf[EI_CLASS] != ELFCLASS64 || ehdr->e_shentsize != sizeof(*shdr) ||
	    ehdr->e_shoff > size || (size - ehdr->e_shoff) / sizeof(*shdr) < ehdr->e_shnum ||
	    ehdr->e_shstrndx >= ehdr->e_shnum)
		return -ENOEXEC;
	shdr = (const void *)(elf + ehdr->e_shoff);
	names = &shdr[ehdr->e_shstrndx];
	for (unsigned int i = 0; i < ehdr->e_shnum; i++) {
		size_t at = names->sh_offset + shdr[i].sh_name;

		if (at >= size || strncmp(elf + at, name, size - at))
			continue;
		if (shdr[i].sh_offset > size || size - shdr[i].sh_offset < shdr[i].sh_size)
			return -ENOEXEC;
		*ret_data = elf + shdr[i].sh_offset;
		*ret_size = shdr[i].sh_size;
		return 0;
	}
	return -ENOENT;
}

int lab_modinfo(const char *path, const char *key, char **ret_value)
{
	size_t key_len = strlen(key), size, left;
	const char *info;
	char *elf;
	int err;

	err = lab_read_file(path, &elf, &size);
	if (err)
		return err;
	err = elf_section(elf, size, ".modinfo", &info, &left);
	if (err)
		goto free_elf;
	err = -ENOENT;
	while (left) {
		size_t len = strnlen(info, left);

		if (len > key_len && !memcmp(info, key, key_len) && info[key_len] == '=') {
			*ret_value = strndup(info + key_len + 1, len - key_len - 1);
			err = *ret_value ? 0 : -ENOMEM;
			break;
		}
		len += len < left;
		info += len;
		left -= len;
	}
free_elf:
	free(elf);
	return err;
}

/* True if the file name @base is that of module @name; '-' and '_' are the same in such names. */
static bool is_module_file(const char *base, const char *name)
{
	for (; *name; name++, base++) {
		char a = *name == '-' ? '_' : *name;
		char b = *base == '-' ? '_' : *base;

		if (a != b)
			return false;
	}
	return !strcmp(base, ".ko");
}

/* nftw() gives its callback no argument of the caller's. */
static struct {
	const char *name;
	char *path;
} wanted;

static int look_at_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (type != FTW_F || !is_module_file(path + ftw->base, wanted.name))
		return 0;
	wanted.path = strdup(path);
	return 1;
}

static char *find_module(const struct lab_host *host, const char *name)
{
	if (!strcmp(name, "vmm"))
		return host->vmm_ko ? strdup(host->vmm_ko) : NULL;
	if (!host->modules)
		return NULL;
	wanted.name = name;
	wanted.path = NULL;
	nftw(host->modules, look_at_file, 16, FTW_PHYS);
	return wanted.path;
}

static bool is_builtin(const struct lab_host *host, const char *name)
{
	char line[512], path[4096];
	bool found = false;
	FILE *from;

	snprintf(path, sizeof(path), "%s/modules.builtin", host->modules ? host->modules : "");
	from = fopen(path, "re");
	while (from && !found && fgets(line, sizeof(line), from)) {
		char *base = strrchr(line, '/');

		line[strcspn(line, "\n")] = '\0';
		found = base && is_module_file(base + 1, name);
	}
	if (from)
		fclose(from);
	return found;
}

static int add_with_dependencies(const struct lab_host *host, const char *path,
				 struct lab_strv *files)
{
	char *depends, *save, *name;
	int err;

	err = lab_modinfo(path, "depends", &depends);
	if (err == -ENOENT)
		depends = strdup("");
	else if (err) {
		lab_error("%s: not a kernel module (%s)", path, strerror(-err));
		return err;
	}
	if (!depends)
		return -ENOMEM;
	err = 0;
	for (name = strtok_r(depends, ",", &save); name && !err; name = strtok_r(NULL, ",", &save))
		err = lab_module_files(host, name, files);
	free(depends);
	if (err)
		return err;
	for (size_t i = 0; i < files->n; i++)
		if (!strcmp(files->v[i], path))
			return 0;
	lab_strv_add(files, "%s", path);
	return files->error;
}

int lab_module_files(const struct lab_host *host, const char *name, struct lab_strv *files)
{
	char *path = strchr(name, '/') ? strdup(name) : find_module(host, name);
	int err = 0;

	if (path) {
		err = add_with_dependencies(host, path, files);
	} else if (!is_builtin(host, name)) {
		lab_error("no module %s for the host kernel %s in %s", name, host->release,
			  host->modules ? host->modules : "its cache (run ./dev setup)");
		err = -ENOENT;
	}
	free(path);
	return err;
}
