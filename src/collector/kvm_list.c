// SPDX-License-Identifier: GPL-2.0-only
/* KVM's VMs as /proc shows them: their files in their processes. */
#include "kvm_list.h"

#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source_kvm.h"

static ssize_t read_proc(uint32_t pid, const char *file, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	text[n] = 0;
	return n;
}

/* -name takes NAME[,process=...] or guest=NAME,...; a comma in NAME is doubled. */
static void take_name(char name[KVM_NAME], const char *arg)
{
	size_t n = 0;

	if (!strncmp(arg, "guest=", 6))
		arg += 6;
	for (; *arg && n < KVM_NAME - 1; arg++) {
		if (*arg == ',' && *++arg != ',')
			break;
		name[n++] = *arg;
	}
	name[n] = 0;
}

bool kvm_qemu_name(const char *args, size_t size, char name[KVM_NAME])
{
	const char *arg = args, *next, *end = args + size;

	for (; arg < end; arg = next) {
		next = arg + strnlen(arg, (size_t)(end - arg)) + 1;
		if (strcmp(arg, "-name") && strcmp(arg, "--name"))
			continue;
		if (next >= end)
			return false;
		take_name(name, next);
		return name[0];
	}
	return false;
}

bool kvm_process_name(uint32_t pid, char name[KVM_NAME])
{
	char *args = malloc(131072);
	ssize_t n = args ? read_proc(pid, "cmdline", args, 131072) : -ENOMEM;
	bool found = n > 0 && kvm_qemu_name(args, (size_t)n, name);

	free(args);
	return found;
}

static void count_files(struct source_kvm_process *p)
{
	char path[32], link[PATH_MAX];
	struct dirent *entry;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fd", p->pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		if (n < 0)
			continue;
		link[n] = 0;
		p->vms += !strcmp(link, "anon_inode:kvm-vm");
		p->vcpus += !strncmp(link, "anon_inode:kvm-vcpu", 19);
	}
	if (dir)
		closedir(dir);
}

static void name_process(struct source_kvm_process *p)
{
	if (kvm_process_name(p->pid, p->name))
		return;
	if (read_proc(p->pid, "comm", p->name, sizeof(p->name)) > 0)
		p->name[strcspn(p->name, "\n")] = 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct source_kvm_process *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

int source_kvm_list(struct source_kvm_process **ret)
{
	struct source_kvm_process *list = NULL, *grown, p;
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		p = (struct source_kvm_process){ .pid = (uint32_t)strtoul(entry->d_name, NULL, 10) };
		if (p.pid)
			count_files(&p);
		if (!p.vms)
			continue;
		name_process(&p);
		grown = reallocarray(list, (size_t)count + 1, sizeof(*list));
		if (!grown) {
			free(list);
			closedir(dir);
			return -ENOMEM;
		}
		list = grown;
		list[count++] = p;
	}
	closedir(dir);
	if (count)
		qsort(list, (size_t)count, sizeof(*list), by_pid);
	*ret = list;
	return count;
}
