/* SPDX-License-Identifier: GPL-2.0-only */
/* The emulated host's file system: an initramfs with lab-init, busybox and our programs. */
#include <config.h>

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/lab/internal.h"

#define BUSYBOX "/bin/busybox"

static const char passwd[] =
	"root:x:0:0:root:/root:/bin/sh\n"
	"user:x:1000:1000:user:/tmp:/bin/sh\n"
	"nobody:x:65534:65534:nobody:/tmp:/bin/sh\n";
static const char group[] = "root:x:0:\ntty:x:5:\nuser:x:1000:\nnogroup:x:65534:\n";
static const char hosts[] = "127.0.0.1 localhost lab\n::1 localhost\n";

static int add_base(struct cpio *cpio)
{
	static const char *const dirs[] = { "/", "/proc", "/sys", "/run", "/root", "/out", "/mnt" };
	int err = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !err; i++)
		err = cpio_add_dir(cpio, dirs[i], 0755);
	if (!err)
		err = cpio_add_dir(cpio, "/tmp", 01777);
	if (!err)
		err = cpio_add_char_device(cpio, "/dev/console", 0600, 5, 1);
	if (!err)
		err = cpio_add_data(cpio, "/etc/passwd", 0644, passwd, sizeof(passwd) - 1);
	if (!err)
		err = cpio_add_data(cpio, "/etc/group", 0644, group, sizeof(group) - 1);
	if (!err)
		err = cpio_add_data(cpio, "/etc/hosts", 0644, hosts, sizeof(hosts) - 1);
	return err;
}

static int add_program(struct cpio *cpio, const char *path, const char *source)
{
	int err = cpio_add_file(cpio, path, 0755, source);

	return err ? err : lab_add_elf_deps(cpio, source);
}

static int add_init(struct cpio *cpio)
{
	char *init = lab_find_part("lab-init", LAB_LIBEXECDIR "/lab-init");
	int err;

	if (!init) {
		lab_error("lab-init is missing (%s); build or install vmmtrace anew",
			  lab_in_build_tree() ? LAB_BUILDDIR : LAB_LIBEXECDIR);
		return -ENOENT;
	}
	err = cpio_add_file(cpio, "/init", 0755, init);
	free(init);
	return err;
}

static int add_busybox(struct cpio *cpio)
{
	char line[256], path[300];
	FILE *list;
	int err;

	if (!lab_is_file(BUSYBOX)) {
		lab_error("no " BUSYBOX " for the emulated host; run ./dev setup (Debian package busybox-static)");
		return -ENOENT;
	}
	err = add_program(cpio, BUSYBOX, BUSYBOX);
	list = err ? NULL : popen(BUSYBOX " --list-full", "re");
	while (list && !err && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(path, sizeof(path), "/%s", line);
		if (strcmp(path, BUSYBOX) && strcmp(path, "/linuxrc"))
			err = cpio_add_link(cpio, path, BUSYBOX);
	}
	if (list)
		pclose(list);
	return err;
}

/* The programs that `make install` puts in bin, as automake's space-separated list has them. */
static int add_our_programs(struct cpio *cpio)
{
	char list[] = LAB_PROGRAMS, *save, path[4096], installed[4096];
	int err = 0;

	for (char *p = strtok_r(list, " ", &save); p && !err; p = strtok_r(NULL, " ", &save)) {
		const char *base = strrchr(p, '/') ? strrchr(p, '/') + 1 : p;
		char *source;

		snprintf(installed, sizeof(installed), "%s/%s", LAB_BINDIR, base);
		source = lab_find_part(p, installed);
		if (!source)
			continue;
		snprintf(path, sizeof(path), "/usr/bin/%s", base);
		err = add_program(cpio, path, source);
		free(source);
	}
	return err;
}

/* nftw() gives its callback no argument of the caller's. */
static struct {
	struct cpio *cpio;
	const char *dest;
	size_t source_len;
	int err;
} tree;

static int add_tree_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char dest[8192];

	snprintf(dest, sizeof(dest), "%s%s", tree.dest, path + tree.source_len);
	if (type == FTW_D)
		tree.err = cpio_add_dir(tree.cpio, dest, st->st_mode & 07777);
	else if (type == FTW_F && S_ISREG(st->st_mode))
		tree.err = cpio_add_file(tree.cpio, dest, st->st_mode & 07777, path);
	if (!tree.err && type == FTW_F && (st->st_mode & 0100))
		tree.err = lab_add_elf_deps(tree.cpio, path);
	return tree.err;
}

/* Adds a file, or a directory with all regular files below it; symbolic links are followed. */
static int add_tree(struct cpio *cpio, const char *source, const char *dest)
{
	tree.cpio = cpio;
	tree.dest = dest;
	tree.source_len = strlen(source);
	tree.err = 0;
	if (nftw(source, add_tree_entry, 16, 0) < 0)
		tree.err = -errno;
	return tree.err;
}

/* DEST defaults to /root/NAME; a relative one lies in /root, one that ends in '/' is a directory. */
static char *destination(const char *source, const char *dest)
{
	const char *slash = strrchr(source, '/'), *base = slash ? slash + 1 : source;
	size_t len = strlen(dest);
	char *path;

	if (asprintf(&path, "%s%s%s", dest[0] == '/' ? "" : "/root/", dest,
		     !len || dest[len - 1] == '/' ? base : "") < 0)
		return NULL;
	return path;
}

static int add_one(struct cpio *cpio, const char *add)
{
	char *file = strdup(add), *source, *dest = NULL, *colon;
	int err = -ENOMEM;

	if (!file)
		return -ENOMEM;
	colon = strrchr(file, ':');
	if (colon)
		*colon++ = '\0';
	source = realpath(file, NULL);
	if (!source) {
		err = -errno;
		lab_error("--add %s: %s", file, strerror(errno));
		goto free_file;
	}
	/* The name given, not that of what a link points to, is the one that people expect. */
	dest = destination(file[strlen(file) - 1] == '/' ? source : file, colon ? colon : "");
	if (!dest)
		goto free_file;
	if (strstr(dest, "/../") || strstr(dest, "/./")) {
		lab_error("--add %s: DEST must not contain . or ..", add);
		err = -EINVAL;
		goto free_file;
	}
	err = add_tree(cpio, source, dest);
	if (err == -ENOENT)
		lab_error("--add %s: cannot be read", add);
free_file:
	free(file);
	free(source);
	free(dest);
	return err;
}

static int add_adds(struct cpio *cpio, const struct lab_strv *adds)
{
	int err = 0;

	for (size_t i = 0; i < adds->n && !err; i++)
		err = add_one(cpio, adds->v[i]);
	return err;
}

/* Puts the files of module "NAME[ PARAMETERS]" on the host and into lab-init's configuration. */
static int add_module(struct cpio *cpio, const struct lab_host *host, const char *module,
		      struct lab_strv *files, FILE *config)
{
	size_t first = files->n, name_len = strcspn(module, " ");
	char *name = strndup(module, name_len), path[4096];
	int err;

	if (!name)
		return -ENOMEM;
	err = lab_module_files(host, name, files);
	for (size_t i = first; i < files->n && !err; i++) {
		snprintf(path, sizeof(path), "/lab/%s", strrchr(files->v[i], '/') + 1);
		err = cpio_add_file(cpio, path, 0644, files->v[i]);
		fprintf(config, "module=%s%s%c", path,
			i == files->n - 1 ? module + name_len : "", '\0');
	}
	free(name);
	return err;
}

static int add_modules(struct cpio *cpio, const struct lab_options *opts,
		       const struct lab_host *host, FILE *config)
{
	struct lab_strv files = { 0 };
	bool vmm_given = false;
	int err = 0;

	for (size_t i = 0; i < opts->modules.n && !err; i++) {
		const char *module = opts->modules.v[i];

		vmm_given |= !strcmp(module, "vmm") || !strncmp(module, "vmm ", 4);
		err = add_module(cpio, host, module, &files, config);
	}
	if (!err && host->vmm_ko && !vmm_given)
		err = add_module(cpio, host, "vmm", &files, config);
	lab_strv_destroy(&files);
	return err;
}

static int add_config(struct cpio *cpio, const struct lab_options *opts,
		      const struct lab_host *host, bool disk_window)
{
	char *text = NULL;
	size_t size;
	FILE *config = open_memstream(&text, &size);
	int err;

	if (!config)
		return -ENOMEM;
	err = add_modules(cpio, opts, host, config);
	fprintf(config, "out=%d%cdisk=%d%c", opts->out_dir != NULL, '\0', disk_window, '\0');
	for (char **arg = opts->cmd; *arg; arg++)
		fprintf(config, "arg=%s%c", *arg, '\0');
	if (fclose(config))
		err = -ENOMEM;
	if (!err)
		err = cpio_add_data(cpio, "/lab/config", 0644, text, size);
	free(text);
	return err;
}

int lab_image_write(const struct lab_options *opts, const struct lab_host *host, bool disk_window,
		    const char *filename)
{
	struct cpio cpio = { 0 };
	int err;

	err = add_base(&cpio);
	if (!err)
		err = add_init(&cpio);
	if (!err)
		err = add_busybox(&cpio);
	if (!err)
		err = add_our_programs(&cpio);
	if (!err)
		err = add_adds(&cpio, &opts->adds);
	if (!err)
		err = add_config(&cpio, opts, host, disk_window);
	if (!err)
		err = cpio_write(&cpio, filename);
	if (err == -ENOMEM)
		lab_error("out of memory");
	cpio_destroy(&cpio);
	return err;
}
