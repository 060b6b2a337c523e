/* SPDX-License-Identifier: GPL-2.0-only */
/* Which kernel the emulated host boots, and which vmm.ko goes with it. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/lab/internal.h"

/* Linux/x86 boot protocol: "HdrS" at 0x202; the version string lies 0x200 after the word at 0x20e. */
#define SETUP_MAGIC		0x202
#define SETUP_KERNEL_VERSION	0x20e
#define SETUP_SECTOR		0x200

/* Reads the release, "6.1.0-56-cloud-amd64", out of a bzImage. The caller frees it. */
static int kernel_release(const char *vmlinuz, char **ret_release)
{
	size_t size, at;
	char *image;
	int err;

	err = lab_read_file(vmlinuz, &image, &size);
	if (err) {
		lab_error("host kernel %s: %s", vmlinuz, strerror(-err));
		return err;
	}
	err = -ENOEXEC;
	if (size > SETUP_KERNEL_VERSION + 2 && !memcmp(image + SETUP_MAGIC, "HdrS", 4)) {
		at = SETUP_SECTOR + (uint8_t)image[SETUP_KERNEL_VERSION] +
		     256 * (uint8_t)image[SETUP_KERNEL_VERSION + 1];
		if (at > SETUP_SECTOR && at < size) {
			*ret_release = strndup(image + at, strcspn(image + at, " "));
			err = *ret_release ? 0 : -ENOMEM;
		}
	}
	if (err)
		lab_error("host kernel %s: not a Linux kernel image (bzImage)", vmlinuz);
	free(image);
	return err;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* The kernel's modules: beside it as in our cache and on an installed system, or installed here. */
static char *find_modules(const char *vmlinuz, const char *release)
{
	static const char *const places[] = { "/lib/modules/", "/../lib/modules/" };
	char *copy = strdup(vmlinuz), *path = NULL;

	for (size_t i = 0; copy && i < sizeof(places) / sizeof(places[0]); i++) {
		if (asprintf(&path, "%s%s%s", i ? copy : dirname(copy), places[i], release) < 0)
			path = NULL;
		if (path && is_dir(path))
			break;
		free(path);
		path = NULL;
	}
	free(copy);
	if (!path && asprintf(&path, "/lib/modules/%s", release) < 0)
		return NULL;
	if (!is_dir(path)) {
		free(path);
		path = NULL;
	}
	return path;
}

/* The release that a module was built for: the first word of its vermagic. */
static char *module_release(const char *path)
{
	char *vermagic;

	if (lab_modinfo(path, "vermagic", &vermagic))
		return NULL;
	vermagic[strcspn(vermagic, " ")] = '\0';
	return vermagic;
}

/* The newest release in directory @dir (named @prefix and the release) that has file @file. */
static char *newest_release(const char *dir, const char *prefix, const char *file)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, NULL, versionsort);
	char *release = NULL, path[4096];

	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		snprintf(path, sizeof(path), "%s/%s%s", dir, name, file);
		if (!strncmp(name, prefix, strlen(prefix)) && lab_is_file(path)) {
			free(release);
			release = strdup(name + strlen(prefix));
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return release;
}

static char *cache_dir(void)
{
	const char *cache = getenv("VMMTRACE_CACHE");
	char *dir;

	if (cache && *cache)
		return asprintf(&dir, "%s/lab", cache) < 0 ? NULL : dir;
	return strdup(LAB_SRCDIR "/.cache/lab");
}

/* Finds the kernel of release @want, or the newest one if that is NULL. */
static char *find_kernel(const char *want)
{
	char *cache = cache_dir(), *newest = NULL, *path = NULL;

	if (!cache)
		return NULL;
	if (!want)
		newest = newest_release(cache, "", "/vmlinuz");
	if ((want || newest) &&
	    asprintf(&path, "%s/%s/vmlinuz", cache, want ? want : newest) < 0)
		path = NULL;
	free(cache);
	free(newest);
	if (path && lab_is_file(path))
		return path;
	free(path);
	path = newest = NULL;
	if (!want)
		newest = newest_release("/boot", "vmlinuz-", "");
	if ((want || newest) && asprintf(&path, "/boot/vmlinuz-%s", want ? want : newest) < 0)
		path = NULL;
	free(newest);
	if (path && lab_is_file(path))
		return path;
	free(path);
	return NULL;
}

static int choose_kernel(const struct lab_options *opts, const char *want, struct lab_host *host)
{
	if (opts->host_kernel) {
		host->vmlinuz = strdup(opts->host_kernel);
		return host->vmlinuz ? 0 : -ENOMEM;
	}
	host->vmlinuz = find_kernel(want);
	if (!host->vmlinuz && !host->vmm_ko)
		host->vmlinuz = find_kernel(NULL);
	if (host->vmlinuz)
		return 0;
	lab_error("no kernel %s%sto boot the emulated host with; run ./dev setup, or give --host-kernel",
		  want ? want : "", want ? " " : "");
	return -ENOENT;
}

int lab_host_find(const struct lab_options *opts, struct lab_host *ret_host)
{
	struct lab_host host = { 0 };
	char *want = NULL;
	int err;

	host.vmm_ko = lab_find_part(LAB_VMM_KO_BUILT, LAB_VMM_KO_INSTALLED);
	if (host.vmm_ko)
		want = module_release(host.vmm_ko);
	if (opts->no_vmm) {
		free(host.vmm_ko);
		host.vmm_ko = NULL;
	}
	err = choose_kernel(opts, want, &host);
	if (!err)
		err = kernel_release(host.vmlinuz, &host.release);
	if (!err && host.vmm_ko && want && strcmp(want, host.release)) {
		lab_error("vmm.ko was built for kernel %s, the host kernel is %s; build it with --with-linux="
			  "/usr/src/linux-headers-%s, or give --no-vmm", want, host.release, host.release);
		err = -ENOEXEC;
	}
	free(want);
	if (err) {
		lab_host_destroy(&host);
		return err;
	}
	host.modules = find_modules(host.vmlinuz, host.release);
	*ret_host = host;
	return 0;
}

void lab_host_destroy(struct lab_host *host)
{
	free(host->vmlinuz);
	free(host->release);
	free(host->modules);
	free(host->vmm_ko);
	*host = (struct lab_host){ 0 };
}
