// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "src/record/vms.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RETIRE 3		/* readings of all rings after a VM ended */

/* A vCPU may be between the counting of an exit and its tracepoint, on its way past
 * programs that it has not seen. After an RCU grace period, for which this asks, there
 * is none; where it may not be had (nohz_full), time does. */
static void wait_for_tracepoints(void)
{
	struct timespec pause = { .tv_nsec = 200000000 };

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&pause, NULL);
}

void vms_open(struct vms *v)
{
	wait_for_tracepoints();
}

/* ---- the tables ---- */

static struct vms_vm *find(struct vms *v, uint32_t id)
{
	size_t i;

	if (v->recent < v->nvms && v->vms[v->recent]->id == id)
		return v->vms[v->recent];
	for (i = 0; i < v->nvms; i++) {
		if (v->vms[i]->id == id) {
			v->recent = i;
			return v->vms[i];
		}
	}
	return NULL;
}

static size_t other_at(const struct vms *v, uint32_t id)
{
	size_t i = v->nothers;

	while (i > 0 && v->others[i - 1] != id)
		i--;
	return i;	/* 0: not there, else behind it */
}

static void add_other(struct vms *v, uint32_t id)
{
	uint32_t *others = reallocarray(v->others, v->nothers + 1, sizeof(*others));

	if (!others)
		return;		/* it is looked at again */
	v->others = others;
	others[v->nothers++] = id;
}

static void drop_other(struct vms *v, uint32_t id)
{
	size_t i = other_at(v, id);

	if (i)
		v->others[i - 1] = v->others[--v->nothers];
}

static void vm_free(struct vms_vm *vm)
{
	unsigned int i;

	for (i = 0; vm->vcpus && i < vm->nvcpus; i++) {
		vmm_unmap_stats(vm->vcpus[i].stats);
		free(vm->vcpus[i].first);
	}
	free(vm->vcpus);
	free(vm);
}

static struct vms_vm *vm_new(uint32_t id, const char *name, unsigned int nvcpus)
{
	struct vms_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->id = id;
	strncpy(vm->name, name, sizeof(vm->name) - 1);
	vm->nvcpus = nvcpus;
	vm->vcpus = calloc(nvcpus, sizeof(*vm->vcpus));
	if (vm->vcpus)
		return vm;
	free(vm);
	return NULL;
}

/* It is the table's; on failure it is freed. 0 or -ENOMEM. */
static int vm_add(struct vms *v, struct vms_vm *vm)
{
	struct vms_vm **vms = reallocarray(v->vms, v->nvms + 1, sizeof(*vms));

	if (!vms) {
		vm_free(vm);
		return -ENOMEM;
	}
	v->vms = vms;
	vms[v->nvms++] = vm;
	return 0;
}

static int map_stats(struct vms *v, struct vms_vm *vm)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < vm->nvcpus; i++)
		err = vmm_map_stats(v->fd, vm->id, i, &vm->vcpus[i].stats);
	return err;
}

/* ---- VMs that run, VMs that are made ---- */

/* Where the recording of a vCPU begins: its statistics, all of them for the summary,
 * the exact part of them as a snapshot. */
static int begin_vcpu(struct vms *v, struct vms_vcpu *vcpu)
{
	vcpu->first = malloc(sizeof(*vcpu->first));
	if (!vcpu->first)
		return -ENOMEM;
	memcpy(vcpu->first, vcpu->stats, sizeof(*vcpu->first));
	snapshot_take(vcpu->stats, &vcpu->begin, &v->ops);
	vcpu->end = vcpu->origin = vcpu->begin;
	vcpu->from = vcpu->begin.exits;
	return 0;
}

static int begin_streams(const struct vms_vm *vm, struct collector *c)
{
	unsigned int i;
	int err = 0;

	for (i = 0; c && !err && i < vm->nvcpus; i++)
		err = collector_begin_stream(c, vm->id, i, vm->vcpus[i].begin.seq);
	return err;
}

int vms_begin(const struct vms *v, struct collector *c)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < v->nvms; i++)
		err = begin_streams(v->vms[i], c);
	return err;
}

static int take_up(struct vms *v, const struct vm_info_result *vir, struct collector *c)
{
	struct vms_vm *vm = vm_new(vir->vir_id, vir->vir_name, (unsigned int)vir->vir_ncpus);
	unsigned int i;
	int err;

	if (!vm)
		return -ENOMEM;
	vm->pid = vir->vir_creator_pid;
	vm->memory = vir->vir_memory_size;
	err = map_stats(v, vm);
	for (i = 0; !err && i < vm->nvcpus; i++)
		err = begin_vcpu(v, &vm->vcpus[i]);
	if (!err)
		err = begin_streams(vm, c);
	if (err) {
		vm_free(vm);
		return err == -ENOENT ? 0 : err;	/* it ended meanwhile */
	}
	drop_other(v, vm->id);
	return vm_add(v, vm);
}

int vms_list(int fd, struct vm_info_result **ret, size_t *ret_count)
{
	struct vm_info_params vip = {};
	struct vm_info_result *list = NULL, *more;
	int err;

	for (;;) {
		err = vmm_info(fd, &vip);
		if (err || vip.vip_info_ct || !vip.vip_size)
			break;
		/* Too small, or no VM any more; some may be made meanwhile. */
		vip.vip_size += 4 * sizeof(*list);
		more = realloc(list, vip.vip_size);
		if (!more) {
			err = -ENOMEM;
			break;
		}
		vip.vip_info = list = more;
	}
	if (err) {
		free(list);
		return err;
	}
	*ret = list;
	*ret_count = vip.vip_info_ct;
	return 0;
}

int vms_look(struct vms *v, struct collector *c)
{
	struct vm_info_result *list;
	size_t count, i;
	int err;

	v->stranger = false;
	err = vms_list(v->fd, &list, &count);
	if (err)
		return err;
	/* VMs made since the programs are attached tell so in the rings. */
	v->ops.idle(v->ops.arg);
	for (i = 0; !err && i < count; i++) {
		const struct vm_info_result *vir = &list[i];

		if (find(v, vir->vir_id))
			continue;
		if (select_has(v->select, vir->vir_id, vir->vir_name, vir->vir_creator_pid, true))
			err = take_up(v, vir, c);
		else if (!other_at(v, vir->vir_id))
			add_other(v, vir->vir_id);
	}
	free(list);
	return err;
}

static void take_up_made(struct vms *v, const struct vmmt_life *life, struct collector *c)
{
	char name[VMM_MAX_NAME_LEN + 1] = "";
	struct vms_vm *vm;

	memcpy(name, life->name, sizeof(life->name));
	if (!select_has(v->select, life->vm, name, (pid_t)life->pid, false)) {
		add_other(v, life->vm);
		return;
	}
	vm = vm_new(life->vm, name, life->vcpus);
	if (!vm) {
		v->nomem = true;
		return;
	}
	vm->pid = (pid_t)life->pid;
	vm->memory = life->memory;
	vm->whole = true;
	vm->fresh = v->cutting;
	map_stats(v, vm);	/* it may be gone already: see blind_totals() */
	if (begin_streams(vm, c) || vm_add(v, vm))
		v->nomem = true;
}

/* ---- records ---- */

/* In place of the statistics that the vCPU has none of. */
static void see(struct vms_vcpu *vcpu, const union vmmt_record *rec)
{
	vcpu->end.seq = rec->head.seq;
	if (rec->head.event != VMMT_EVENT_exit)
		return;
	vcpu->end.exits = rec->exit.exit;
	vcpu->end.counted[rec->exit.class] = rec->exit.nth;
	vcpu->seen[rec->exit.class]++;
}

static enum vms_route route_vcpu(struct vms *v, struct vms_vm *vm, const union vmmt_record *rec)
{
	struct vms_vcpu *vcpu = &vm->vcpus[rec->head.vcpu];

	if (rec->head.seq <= vcpu->begin.seq)
		return VMS_NOT;
	if (v->cutting && (vm->fresh || (vcpu->stats && rec->head.seq > vcpu->end.seq)))
		return VMS_LATER;
	if (!vcpu->stats)
		see(vcpu, rec);
	return VMS_NOW;
}

static void take_life(struct vms_vm *vm, const struct vmmt_life *life)
{
	if (life->what == VMMT_LIFE_vcpu_ended && life->of < vm->nvcpus)
		vm->vcpus[life->of].exits = life->exit;
	if (life->what == VMMT_LIFE_vm_ended)
		vm->ended = true;
}

static enum vms_route route_stranger(struct vms *v, const union vmmt_record *rec,
				     struct collector *c)
{
	uint32_t id = rec->head.vm;

	if (rec->head.event == VMMT_EVENT_life && rec->life.what == VMMT_LIFE_vm_made) {
		take_up_made(v, &rec->life, c);
		return !find(v, id) ? VMS_NOT : v->cutting ? VMS_LATER : VMS_NOW;
	}
	if (rec->head.event == VMMT_EVENT_life && rec->life.what == VMMT_LIFE_vm_ended)
		drop_other(v, id);
	else if (!other_at(v, id))
		v->stranger = true;
	return VMS_NOT;
}

enum vms_route vms_route(struct vms *v, const union vmmt_record *rec, struct collector *c)
{
	const struct vmmt_head *h = &rec->head;
	struct vms_vm *vm;

	if (!h->vm)
		return v->cutting && h->event == VMMT_EVENT_clock && h->time >= v->cut_time ?
		       VMS_BOTH : VMS_NOW;
	vm = find(v, h->vm);
	if (!vm)
		return route_stranger(v, rec, c);
	if (h->vcpu < vm->nvcpus)
		return route_vcpu(v, vm, rec);
	if (v->cutting && vm->fresh)
		return VMS_LATER;
	if (h->event == VMMT_EVENT_life)
		take_life(vm, &rec->life);
	return VMS_NOW;
}

size_t vms_running(const struct vms *v)
{
	size_t i, n = 0;

	for (i = 0; i < v->nvms; i++)
		n += !v->vms[i]->ended;
	return n;
}

/* ---- from one snapshot to the next ---- */

/* Of a vCPU without statistics the records were counted as they came. */
static void end_vcpu(struct vms *v, const struct vms_vm *vm, unsigned int k)
{
	struct vms_vcpu *vcpu = &vm->vcpus[k];
	struct vmmt_refused refused;

	if (vcpu->stats) {
		snapshot_take(vcpu->stats, &vcpu->end, &v->ops);
		return;
	}
	v->ops.refused(v->ops.arg, vm->id, k, &refused);
	memcpy(vcpu->end.filtered, refused.exits, sizeof(refused.exits));
}

void vms_cut(struct vms *v)
{
	unsigned int k;
	size_t i;

	v->cuts++;
	for (i = 0; i < v->nvms; i++) {
		struct vms_vm *vm = v->vms[i];

		if (vm->ended && !vm->final)
			vm->final_at = v->cuts;
		vm->final = vm->ended;
		for (k = 0; k < vm->nvcpus; k++)
			end_vcpu(v, vm, k);
	}
	v->cutting = true;
}

static void count(struct collector_count class[VMMT_NCLASS], const struct vms_vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < VMMT_NCLASS; i++) {
		uint64_t counted = vcpu->end.counted[i] - vcpu->begin.counted[i];
		uint64_t filtered = vcpu->end.filtered[i] - vcpu->begin.filtered[i];

		/* It ended before its statistics could be mapped: its records tell, and where
		 * they have gaps, the ordinal that each exit has in its class. */
		if (!vcpu->stats && counted < vcpu->seen[i] + filtered)
			counted = vcpu->seen[i] + filtered;
		class[i].counted += counted;
		class[i].filtered += filtered;
	}
}

/* Adds to a list that has room. */
static void count_vm(const struct vms_vm *vm, struct collector_count class[VMMT_NCLASS],
		     struct collector_stream_end *ends, size_t *n)
{
	unsigned int k;

	for (k = 0; k < vm->nvcpus && !vm->fresh; k++) {
		count(class, &vm->vcpus[k]);
		if (vm->vcpus[k].stats)
			ends[(*n)++] = (struct collector_stream_end){ vm->id, k,
								      vm->vcpus[k].end.seq };
	}
}

int vms_totals(const struct vms *v, struct collector_totals *ret,
	       struct collector_stream_end **ret_streams)
{
	struct collector_stream_end *ends;
	size_t i, n = v->ngone_ends;

	for (i = 0; i < v->nvms; i++)
		n += v->vms[i]->nvcpus;
	ends = calloc(n + 1, sizeof(*ends));
	if (!ends)
		return -ENOMEM;
	*ret = (struct collector_totals){ .rest_lost = true };
	memcpy(ret->class, v->gone, sizeof(v->gone));
	n = v->ngone_ends;
	if (n)
		memcpy(ends, v->gone_ends, n * sizeof(*ends));
	for (i = 0; i < v->nvms; i++)
		count_vm(v->vms[i], ret->class, ends, &n);
	ret->streams = *ret_streams = ends;
	ret->nstreams = n;
	return 0;
}

static void remember(struct vms *v, const struct vms_vm *vm)
{
	struct vms_info *infos = reallocarray(v->infos, v->ninfos + 1, sizeof(*infos)), *info;
	unsigned int k;

	if (!infos)
		return;
	v->infos = infos;
	info = &infos[v->ninfos++];
	*info = (struct vms_info){
		.id = vm->id, .pid = vm->pid, .memory = vm->memory, .nvcpus = vm->nvcpus,
		.whole = vm->whole, .ended = vm->ended,
	};
	memcpy(info->name, vm->name, sizeof(info->name));
	for (k = 0; k < vm->nvcpus; k++) {
		const struct vms_vcpu *vcpu = &vm->vcpus[k];

		info->blind |= !vcpu->stats;
		info->exits += vcpu->end.exits - vcpu->from;
		if (vcpu->stats)
			stats_add(&v->sum, vcpu->first, vcpu->stats);
	}
}

static void forget(struct vms *v, size_t i)
{
	remember(v, v->vms[i]);
	vm_free(v->vms[i]);
	v->vms[i] = v->vms[--v->nvms];
}

void vms_next(struct vms *v)
{
	unsigned int k;
	size_t i = 0;

	v->cutting = false;
	v->ngone_ends = 0;
	memset(v->gone, 0, sizeof(v->gone));
	while (i < v->nvms) {
		struct vms_vm *vm = v->vms[i];

		if (vm->final && !v->waiting) {
			forget(v, i);
			continue;
		}
		for (k = 0; k < vm->nvcpus; k++) {
			struct vms_vcpu *vcpu = &vm->vcpus[k];

			vcpu->begin = vcpu->end;
			memset(vcpu->seen, 0, sizeof(vcpu->seen));
		}
		vm->fresh = false;
		i++;
	}
}

/* All its records were read: it counts in the totals, and is forgotten. */
static void retire(struct vms *v, size_t i)
{
	struct vms_vm *vm = v->vms[i];
	struct collector_stream_end *ends;
	unsigned int k;

	ends = reallocarray(v->gone_ends, v->ngone_ends + vm->nvcpus, sizeof(*ends));
	if (!ends)
		return;
	v->gone_ends = ends;
	for (k = 0; k < vm->nvcpus; k++)
		end_vcpu(v, vm, k);
	count_vm(vm, v->gone, ends, &v->ngone_ends);
	forget(v, i);
}

static bool is_gone(const struct vms *v, const struct vms_vm *vm)
{
	const struct vmm_stats *stats;
	int err = vmm_map_stats(v->fd, vm->id, 0, &stats);

	if (!err)
		vmm_unmap_stats(stats);
	return err == -ENOENT;
}

void vms_check(struct vms *v, bool probe)
{
	size_t i = 0;

	while (i < v->nvms) {
		struct vms_vm *vm = v->vms[i];

		if (probe && !vm->ended)
			vm->ended = is_gone(v, vm);
		if (vm->ended && !v->waiting && ++vm->looks > RETIRE)
			retire(v, i);
		if (i < v->nvms && v->vms[i] == vm)
			i++;
	}
}

/* ---- back to an earlier moment ---- */

void vms_free_marks(struct vms_mark *marks, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(marks[i].stats);
	free(marks);
}

int vms_marks(const struct vms *v, struct vms_mark **ret, size_t *ret_count)
{
	struct vms_mark *marks;
	size_t i, n = 0;
	unsigned int k;

	for (i = 0; i < v->nvms; i++)
		n += v->vms[i]->nvcpus;
	marks = calloc(n + 1, sizeof(*marks));
	if (!marks)
		return -ENOMEM;
	for (i = n = 0; i < v->nvms; i++) {
		for (k = 0; k < v->vms[i]->nvcpus; k++) {
			const struct vms_vcpu *vcpu = &v->vms[i]->vcpus[k];

			if (!vcpu->begin.seq || !vcpu->stats)
				continue;
			marks[n] = (struct vms_mark){ v->vms[i]->id, k, vcpu->begin, NULL };
			marks[n].stats = malloc(sizeof(*marks[n].stats));
			if (!marks[n].stats) {
				vms_free_marks(marks, n);
				return -ENOMEM;
			}
			memcpy(marks[n++].stats, vcpu->stats, sizeof(*marks->stats));
		}
	}
	*ret = marks;
	*ret_count = n;
	return 0;
}

static struct vms_mark *mark_of(struct vms_mark *marks, size_t n, uint32_t vm, uint32_t vcpu)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (marks[i].vm == vm && marks[i].vcpu == vcpu)
			return &marks[i];
	return NULL;
}

static void rewind_vcpu(struct vms_vcpu *vcpu, struct vms_mark *mark)
{
	vcpu->begin = mark ? mark->at : vcpu->origin;
	vcpu->from = vcpu->begin.exits;
	memset(vcpu->seen, 0, sizeof(vcpu->seen));
	if (!mark)
		return;
	free(vcpu->first);
	vcpu->first = mark->stats;
	mark->stats = NULL;
}

void vms_rewind(struct vms *v, struct vms_mark *marks, size_t n)
{
	unsigned int k;
	size_t i;

	v->waiting = false;
	for (i = 0; i < v->nvms; i++) {
		struct vms_vm *vm = v->vms[i];

		for (k = 0; k < vm->nvcpus; k++) {
			struct vms_mark *mark = mark_of(marks, n, vm->id, k);

			rewind_vcpu(&vm->vcpus[k], mark);
			vm->whole &= !mark;
		}
	}
}

void vms_drop(struct vms *v, uint64_t cut)
{
	size_t i = 0;

	while (i < v->nvms) {
		struct vms_vm *vm = v->vms[i];

		if (cut != UINT64_MAX && !(vm->final && vm->final_at < cut)) {
			i++;
			continue;
		}
		vm_free(vm);
		v->vms[i] = v->vms[--v->nvms];
	}
}

void vms_close_all(struct vms *v)
{
	while (v->nvms)
		forget(v, v->nvms - 1);
}

void vms_free(struct vms *v)
{
	size_t i;

	for (i = 0; i < v->nvms; i++)
		vm_free(v->vms[i]);
	free(v->vms);
	free(v->others);
	free(v->infos);
	free(v->gone_ends);
	*v = (struct vms){ .fd = -1 };
}
