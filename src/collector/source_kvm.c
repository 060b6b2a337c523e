// SPDX-License-Identifier: GPL-2.0-only
#include "source_kvm.h"

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t source_kvm_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

#ifdef HAVE_BPF
#include <linux/membarrier.h>
#include <sys/syscall.h>

#include <bpf/bpf.h>

#include "bpf.h"
#include "kvm_list.h"
#include "trace/kvm.h"
#include "trace/kvm.skel.h"

#define CLOCK_PERIOD 1000000000	/* ns */

struct source_kvm {
	struct collector *collector;
	struct kvm_bpf *bpf;
	struct bpf_rings *rings;
	int clock_source;
	uint64_t clock_seq, clock_time;
	struct collector_count class[VMMT_NCLASS];
	struct collector_stream_end *ends;
	size_t nends, room;
	bool detached;
};

static void push_clock(struct source_kvm *s, uint64_t now)
{
	struct vmmt_clock rec = {
		.event = VMMT_EVENT_clock, .size = sizeof(rec), .vcpu = VMMT_VCPU_VM,
		.isa = (uint8_t)s->bpf->rodata->config.isa, .seq = ++s->clock_seq, .time = now,
		.mono = now, .real = read_clock(CLOCK_REALTIME), .khz = SOURCE_KVM_KHZ,
	};

	s->clock_time = now;
	collector_push(s->collector, s->clock_source, &rec, sizeof(rec));
}

/* -- what the programs counted -- */

static int add_end(struct source_kvm *s, uint32_t vm, uint32_t vcpu, uint64_t seq)
{
	struct collector_stream_end *ends;

	if (s->nends == s->room) {
		ends = reallocarray(s->ends, s->room + 64, sizeof(*ends));
		if (!ends)
			return -ENOMEM;
		s->ends = ends;
		s->room += 64;
	}
	s->ends[s->nends++] = (struct collector_stream_end){ vm, vcpu, seq };
	return 0;
}

static int add_counts(struct source_kvm *s, const struct vmmt_kvm_counts *n)
{
	for (unsigned int i = 0; i < VMMT_NCLASS; i++) {
		s->class[i].counted += n->counted[i];
		s->class[i].filtered += n->filtered[i];
		s->class[i].lost += n->lost[i];
	}
	return add_end(s, n->vm, n->vcpu, n->seq);
}

/* Of a vCPU that ended; each is taken once. */
static int reap_vcpu(struct source_kvm *s, uint64_t id)
{
	int fd = bpf_map__fd(s->bpf->maps.ended), err = 0;
	struct vmmt_kvm_counts n;

	if (!bpf_map_lookup_elem(fd, &id, &n))
		err = add_counts(s, &n);
	bpf_map_delete_elem(fd, &id);
	return err;
}

static int reap_vm(struct source_kvm *s, uint32_t id)
{
	int fd = bpf_map__fd(s->bpf->maps.ended_vms), err = 0;
	uint64_t seq;

	if (!bpf_map_lookup_elem(fd, &id, &seq))
		err = add_end(s, id, VMMT_VCPU_VM, seq);
	bpf_map_delete_elem(fd, &id);
	return err;
}

static int count_ended(struct source_kvm *s)
{
	int fd = bpf_map__fd(s->bpf->maps.ended), err = 0;
	uint64_t id;
	uint32_t vm;

	while (!err && !bpf_map_get_next_key(fd, NULL, &id))
		err = reap_vcpu(s, id);
	fd = bpf_map__fd(s->bpf->maps.ended_vms);
	while (!err && !bpf_map_get_next_key(fd, NULL, &vm))
		err = reap_vm(s, vm);
	return err;
}

/* Those that live: each entry of the map by its key. */
static int count_living(struct source_kvm *s, const struct bpf_map *map,
			int (*count)(struct source_kvm *s, const void *value))
{
	void *value = malloc(bpf_map__value_size(map));
	uint64_t key, *last = NULL, next;
	int err = value ? 0 : -ENOMEM, fd = bpf_map__fd(map);

	while (!err && !bpf_map_get_next_key(fd, last, &next)) {
		key = next;
		last = &key;
		if (!bpf_map_lookup_elem(fd, &key, value))
			err = count(s, value);
	}
	free(value);
	return err;
}

static int count_vcpu(struct source_kvm *s, const void *value)
{
	return add_counts(s, value);
}

static int count_vm(struct source_kvm *s, const void *value)
{
	const struct vmmt_kvm_vm *vm = value;

	return vm->wanted ? add_end(s, vm->id, VMMT_VCPU_VM, vm->seq) : 0;
}

int source_kvm_totals(struct source_kvm *s, struct collector_totals *ret)
{
	int err = count_ended(s);

	if (!err)
		err = count_living(s, s->bpf->maps.vcpus, count_vcpu);
	if (!err)
		err = count_living(s, s->bpf->maps.vms, count_vm);
	if (err)
		return err;
	memcpy(ret->class, s->class, sizeof(ret->class));
	ret->streams = s->ends;
	ret->nstreams = s->nends;
	ret->missed = source_kvm_misses(s);
	return 0;
}

/* -- records -- */

static void take_life(struct source_kvm *s, int index, const struct vmmt_life *life)
{
	struct vmmt_life rec = *life;

	switch (rec.what) {
	case VMMT_LIFE_vm_made:
	case VMMT_LIFE_vm_found:
		kvm_process_name(rec.pid, rec.name);
		break;
	case VMMT_LIFE_vcpu_ended:
		reap_vcpu(s, (uint64_t)rec.vm << 32 | rec.of);
		break;
	case VMMT_LIFE_vm_ended:
		reap_vm(s, rec.vm);
		break;
	}
	collector_push(s->collector, index, &rec, sizeof(rec));
}

static void take(void *arg, int index, const void *data, size_t size)
{
	const struct vmmt_head *head = data;
	struct source_kvm *s = arg;

	if (head->event == VMMT_EVENT_life && size == sizeof(struct vmmt_life))
		take_life(s, index, data);
	else
		collector_push(s->collector, index, data, size);
}

unsigned int source_kvm_drain(struct source_kvm *s)
{
	uint64_t now = source_kvm_now();

	if (!s->detached && now - s->clock_time >= CLOCK_PERIOD)
		push_clock(s, now);
	return bpf_rings_drain(s->rings);
}

uint64_t source_kvm_misses(const struct source_kvm *s)
{
	return bpf_misses(s->bpf->obj) + s->bpf->bss->no_room;
}

/* -- begin and end -- */

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

/* The vendor of the KVM that is there, or why there is nothing to attach to. */
static int find_kvm(enum vmmt_isa *ret, char msg[SOURCE_MSG])
{
	if (exists("/sys/module/kvm_amd"))
		*ret = VMMT_ISA_svm;
	else if (exists("/sys/module/kvm_intel"))
		*ret = VMMT_ISA_vmx;
	else
		return bpf_fail(msg, -ENOENT, "KVM is not there: load its module (modprobe kvm_amd, or kvm_intel)");
	if (!exists("/sys/kernel/btf/vmlinux"))
		return bpf_fail(msg, -EOPNOTSUPP, "this kernel does not tell its types (CONFIG_DEBUG_INFO_BTF): KVM's guests cannot be recorded");
	if (exists("/sys/module/kvm/initstate") && !exists("/sys/kernel/btf/kvm"))
		return bpf_fail(msg, -EOPNOTSUPP, "KVM's modules do not tell their types (CONFIG_DEBUG_INFO_BTF_MODULES): KVM's guests cannot be recorded");
	return 0;
}

/* Before the programs are loaded. */
static int prepare(struct source_kvm *s, const struct source_kvm_options *options,
		   enum vmmt_isa isa)
{
	struct vmmt_kvm_config config = {
		.filter = options->filter, .isa = isa, .only = options->npids != 0,
		.descend = options->descend,
	};
	int err;

	memcpy((void *)&s->bpf->rodata->config, &config, sizeof(config));
	err = bpf_map__set_max_entries(s->bpf->maps.rings,
				       (unsigned int)libbpf_num_possible_cpus());
	if (!err && isa != VMMT_ISA_vmx)
		err = bpf_program__set_autoload(s->bpf->progs.on_exit_vmx, false);
	return err;
}

static int add_pids(struct source_kvm *s, const struct source_kvm_options *options)
{
	uint8_t yes = 1;
	int err = 0;

	for (size_t i = 0; !err && i < options->npids; i++)
		err = bpf_map_update_elem(bpf_map__fd(s->bpf->maps.pids), &options->pids[i], &yes,
					  BPF_ANY) ? -errno : 0;
	return err;
}

static int make_rings(struct source_kvm *s, unsigned int size)
{
	s->clock_source = collector_add_source(s->collector);
	if (s->clock_source < 0)
		return s->clock_source;
	return bpf_rings_new(s->collector, bpf_map__fd(s->bpf->maps.rings), size, take, s,
			     &s->rings);
}

static int explain(char msg[SOURCE_MSG], int err, const char *what)
{
	if (err == -ENOENT || err == -ESRCH || err == -EINVAL)
		return bpf_fail(msg, err, "%s: this kernel's KVM is not as expected (%s); VMMTRACE_LIBBPF=1 says where",
				what, strerror(-err));
	return bpf_explain(msg, err, what);
}

int source_kvm_open(struct collector *c, const struct source_kvm_options *options,
		    struct source_kvm **ret, char msg[SOURCE_MSG])
{
	struct source_kvm *s = calloc(1, sizeof(*s));
	const char *what = "cannot load the BPF programs";
	enum vmmt_isa isa = VMMT_ISA_none;
	int err;

	if (!s)
		return bpf_fail(msg, -ENOMEM, "out of memory");
	bpf_hush();
	err = find_kvm(&isa, msg);
	if (err)
		goto told;
	err = -ENOMEM;
	s->collector = c;
	s->bpf = kvm_bpf__open();
	if (s->bpf)
		err = prepare(s, options, isa);
	if (!err)
		err = kvm_bpf__load(s->bpf);
	if (err)
		goto failed;
	what = "cannot make the ring buffers";
	err = make_rings(s, options->ring_size);
	if (!err)
		err = add_pids(s, options);
	if (err)
		goto failed;
	what = "cannot attach to KVM";
	err = kvm_bpf__attach(s->bpf);
	if (err)
		goto failed;
	push_clock(s, source_kvm_now());
	s->bpf->bss->on = 1;
	*ret = s;
	return 0;
failed:
	explain(msg, err, what);
told:
	source_kvm_close(s);
	return err;
}

/* No program is under way any more when it returns. */
void source_kvm_detach(struct source_kvm *s)
{
	if (!s || s->detached)
		return;
	s->detached = true;
	s->bpf->bss->on = 0;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(100000);
	kvm_bpf__detach(s->bpf);
	push_clock(s, source_kvm_now());
}

void source_kvm_close(struct source_kvm *s)
{
	if (!s)
		return;
	bpf_rings_free(s->rings);
	kvm_bpf__destroy(s->bpf);
	free(s->ends);
	free(s);
}

#else /* !HAVE_BPF */

int source_kvm_open(struct collector *c, const struct source_kvm_options *options,
		    struct source_kvm **ret, char msg[SOURCE_MSG])
{
	snprintf(msg, SOURCE_MSG, "this vmmtrace was built without BPF: install libbpf-dev, bpftool and clang, and configure again");
	return -EOPNOTSUPP;
}

unsigned int source_kvm_drain(struct source_kvm *s)
{
	return 0;
}

uint64_t source_kvm_misses(const struct source_kvm *s)
{
	return 0;
}

void source_kvm_detach(struct source_kvm *s)
{
}

int source_kvm_totals(struct source_kvm *s, struct collector_totals *ret)
{
	return -EOPNOTSUPP;
}

void source_kvm_close(struct source_kvm *s)
{
}

#endif
