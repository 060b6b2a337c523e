// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "host.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/stats/stats.h"

static void free_vm(struct top_vm *vm)
{
	unsigned int i;

	for (i = 0; vm->vcpus && i < vm->ncpus; i++) {
		vmm_unmap_stats(vm->vcpus[i].map);
		free(vm->vcpus[i].now);
		free(vm->vcpus[i].before);
	}
	free(vm->vcpus);
	vm->vcpus = NULL;
}

static int map_vcpus(int fd, struct top_vm *vm)
{
	unsigned int i;
	int err;

	vm->vcpus = calloc(vm->ncpus, sizeof(*vm->vcpus));
	if (!vm->vcpus)
		return -ENOMEM;
	for (i = 0; i < vm->ncpus; i++) {
		struct top_vcpu *vcpu = &vm->vcpus[i];

		err = vmm_map_stats(fd, vm->id, i, &vcpu->map);
		if (err)
			return err;
		vcpu->now = calloc(1, sizeof(*vcpu->now));
		vcpu->before = calloc(1, sizeof(*vcpu->before));
		if (!vcpu->now || !vcpu->before)
			return -ENOMEM;
	}
	return 0;
}

/* Names are whatever a program said. */
static void copy_name(char *to, const char *from)
{
	unsigned int i;

	for (i = 0; i < VMM_MAX_NAME_LEN - 1 && from[i]; i++)
		to[i] = isascii((unsigned char)from[i]) && isprint((unsigned char)from[i]) ?
			from[i] : '?';
	to[i] = 0;
}

static bool wanted(const struct top_host *host, const struct vm_info_result *info)
{
	char id[16];

	snprintf(id, sizeof(id), "%u", info->vir_id);
	return !host->only || !strcmp(host->only, id) ||
	       !strncmp(host->only, info->vir_name, sizeof(info->vir_name));
}

/* One that has ended meanwhile is none; ids are never used again. */
static int add_vm(struct top_host *host, const struct vm_info_result *info)
{
	struct top_vm vm = { .id = info->vir_id, .ncpus = (unsigned int)info->vir_ncpus }, *vms;
	int err = map_vcpus(host->fd, &vm);
	size_t at = host->nvms;

	vms = err ? NULL : realloc(host->vms, (host->nvms + 1) * sizeof(*vms));
	if (!vms) {
		free_vm(&vm);
		return !err ? -ENOMEM : err == -ENOENT ? 0 : err;
	}
	host->vms = vms;
	copy_name(vm.name, info->vir_name);
	for (; at && vms[at - 1].id > vm.id; at--)
		vms[at] = vms[at - 1];
	vms[at] = vm;
	host->nvms++;
	return 0;
}

static int read_info(int fd, struct vm_info_params *vip)
{
	int err;

	*vip = (struct vm_info_params){};
	do {
		free(vip->vip_info);
		vip->vip_info = calloc(1, vip->vip_size + 1);
		err = vip->vip_info ? vmm_info(fd, vip) : -ENOMEM;
	} while (!err && !vip->vip_info_ct && vip->vip_size);
	return err;
}

static struct top_vm *find_vm(const struct top_host *host, uint32_t id)
{
	size_t i;

	for (i = 0; i < host->nvms; i++)
		if (host->vms[i].id == id)
			return &host->vms[i];
	return NULL;
}

static void drop_ended(struct top_host *host)
{
	size_t i, kept = 0;

	for (i = 0; i < host->nvms; i++) {
		if (host->vms[i].ended)
			free_vm(&host->vms[i]);
		else
			host->vms[kept++] = host->vms[i];
	}
	host->nvms = kept;
}

static int update_list(struct top_host *host)
{
	struct vm_info_params vip;
	struct top_vm *vm;
	size_t i;
	int err = read_info(host->fd, &vip);

	if (err)
		goto free;
	drop_ended(host);
	for (i = 0; i < host->nvms; i++)
		host->vms[i].ended = true;
	for (i = 0; !err && i < vip.vip_info_ct; i++) {
		vm = find_vm(host, vip.vip_info[i].vir_id);
		if (vm)
			vm->ended = false;
		else if (wanted(host, &vip.vip_info[i]))
			err = add_vm(host, &vip.vip_info[i]);
	}
free:
	free(vip.vip_info);
	return err;
}

static void snapshot(struct top_vcpu *vcpu)
{
	struct vmm_stats *before = vcpu->now;

	vcpu->now = vcpu->before;
	vcpu->before = before;
	stats_snapshot(vcpu->now, vcpu->map);
}

int top_host_refresh(struct top_host *host)
{
	bool first = !host->refreshed;
	struct timespec ts;
	unsigned int i;
	uint64_t now;
	size_t v;
	int err = update_list(host);

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	for (v = 0; !err && v < host->nvms; v++) {
		for (i = 0; i < host->vms[v].ncpus; i++) {
			struct top_vcpu *vcpu = &host->vms[v].vcpus[i];

			snapshot(vcpu);
			if (first)
				memcpy(vcpu->before, vcpu->now, sizeof(*vcpu->now));
		}
	}
	host->interval = first ? 0 : (double)(now - host->refreshed) / 1e9;
	host->refreshed = now;
	return err;
}

void top_host_free(struct top_host *host)
{
	size_t i;

	for (i = 0; i < host->nvms; i++)
		free_vm(&host->vms[i]);
	free(host->vms);
	host->vms = NULL;
	host->nvms = 0;
}
