// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM's guests as records: programs on KVM's tracepoints, which gather what it
 * tells of one exit and hand over one record of the schema when KVM is done with
 * it, that is at the next entry or on the way to userland.
 *
 * KVM tells neither what its handler took nor its way in and out apart, so a
 * record has fewer stamps of its own than one of vmm.ko; docs/timeline.md says
 * which. Stamps are CLOCK_MONOTONIC in ns: BPF cannot read the TSC.
 *
 * All tracepoints but those of life fire on the vCPU's own thread, which holds
 * the vCPU's mutex: a vCPU's entry in `vcpus` has one writer. Tracepoints that
 * do not name the vCPU find it by the thread.
 *
 * Types are minimal, with relocation: the layout is that of the running kernel.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "record.h"
#include "kvm.h"
#include "kvm_decode.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct kvm {
	int created_vcpus;
};
struct kvm_vcpu_arch {
	unsigned long regs[17];
	bool guest_state_protected;
};
struct kvm_vcpu {
	struct kvm *kvm;
	int vcpu_idx;
	struct kvm_vcpu_arch arch;
};
struct vmcb;
struct vcpu_svm {
	struct vmcb *vmcb;
};
union vmx_exit_reason {
	__u32 full;
};
struct vcpu_vmx {
	union vmx_exit_reason exit_reason;
};
/* Newer kernels have it one level down. */
struct vcpu_vt {
	union vmx_exit_reason exit_reason;
};
struct vcpu_vmx___vt {
	struct vcpu_vt vt;
};
struct task_struct {
	int tgid;
	struct task_struct *real_parent;
};
struct trace_event_raw_kvm_exit {
	unsigned long guest_rip;
	__u64 info1, info2;
	__u32 intr_info;
};
#pragma clang attribute pop

const volatile struct vmmt_kvm_config config;

/* The reader sets it when all is attached, and clears it before it detaches. */
volatile __u32 on;

__u32 next_vm;
/* vCPUs that are not recorded, as a map has no room. */
__u64 no_room;

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

/* Sized, and filled with a ring for each possible CPU, by the reader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
	__array(values, struct ring);
} rings SEC(".maps");

/* An event that KVM has prepared for the next entry. */
struct event {
	__u32 info;		/* VMX format; 0 none */
	__u32 error;
	__u8 stage;
};

struct vcpu {
	struct vmmt_kvm_counts counts;
	struct vmmt_exit x;		/* the stay or exit under way */
	struct vmmt_ept_fault fault;	/* of that exit, where faulted */
	struct gprs gprs;
	struct event irq, exception;
	__u64 exits;
	__u64 last;			/* last stamp in the stream */
	__u64 prev;			/* last stamp of the previous exit, 0 none */
	__u64 traced;			/* 0: at the next entry */
	__u64 slept, woke;		/* a HLT within KVM */
	__u32 intr;			/* VMX: interruption information of the exit */
	__u32 tid;
	__u8 inside;			/* entered, and no exit was told */
	__u8 held;			/* x is an exit that is not recorded yet */
	__u8 faulted, halted, user;
};

/* What a thread runs. run: it began its KVM_RUN. */
struct thread {
	__u64 vcpu;
	__u64 run;
};

#define MAP(name, entries, ktype, vtype) \
struct { \
	__uint(type, BPF_MAP_TYPE_HASH); \
	__uint(max_entries, entries); \
	__type(key, ktype); \
	__type(value, vtype); \
} name SEC(".maps")

MAP(pids, 1024, __u32, __u8);
MAP(vms, 1024, __u64, struct vmmt_kvm_vm);		/* by struct kvm * */
MAP(vcpus, 4096, __u64, struct vcpu);			/* by struct kvm_vcpu * */
MAP(threads, 8192, __u32, struct thread);		/* by thread id */
MAP(ended, 4096, __u64, struct vmmt_kvm_counts);	/* by vm << 32 | vcpu */
MAP(ended_vms, 1024, __u32, __u64);			/* last seq, by vm */

static const struct vcpu no_vcpu = {};

static __always_inline struct vcpu *vcpu_of(struct kvm_vcpu *kvcpu)
{
	__u64 key = (__u64)kvcpu;

	return bpf_map_lookup_elem(&vcpus, &key);
}

static __always_inline struct thread *current_thread(void)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&threads, &tid);
}

static __always_inline struct vcpu *current_vcpu(void)
{
	struct thread *t = on ? current_thread() : NULL;

	return t ? bpf_map_lookup_elem(&vcpus, &t->vcpu) : NULL;
}

/* The clock, which may step back by a little between CPUs, never does so in a
 * stream. */
static __always_inline __u64 stamp(struct vcpu *v)
{
	__u64 now = bpf_ktime_get_ns();

	if (now > v->last)
		v->last = now;
	return v->last;
}

static __always_inline void fill_head(struct vmmt_head *head, __u16 event, __u16 size, __u64 time)
{
	head->event = event;
	head->size = size;
	head->cpu = (__u16)bpf_get_smp_processor_id();
	head->isa = (__u8)config.isa;
	head->verdict = VMMT_VERDICT_delivered;
	head->time = time;
}

/* Copy a record of a size that is known into the ring of this CPU. */
static __always_inline bool deliver(const void *rec, __u32 size)
{
	__u32 cpu = bpf_get_smp_processor_id(), i;
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	const __u64 *from = rec;
	__u64 *to = ring ? bpf_ringbuf_reserve(ring, size, 0) : NULL;

	if (!to)
		return false;
#pragma unroll
	for (i = 0; i < size / 8; i++)
		to[i] = from[i];
	bpf_ringbuf_submit(to, BPF_RB_NO_WAKEUP);
	return true;
}

/* A record of a vCPU. One that the filter refuses has no seq, one that finds no
 * room leaves a gap. Returns the verdict. */
static __always_inline int tell(struct vcpu *v, void *rec, __u16 event, __u16 size, __u64 time)
{
	struct vmmt_head *head = rec;

	fill_head(head, event, size, time);
	head->vm = v->counts.vm;
	head->vcpu = v->counts.vcpu;
	if (config.filter.terms && !vmmt_filter_wants(&config.filter, event, rec))
		return VMMT_VERDICT_filtered;
	head->seq = ++v->counts.seq;
	return deliver(rec, size) ? VMMT_VERDICT_delivered : VMMT_VERDICT_full;
}

#define TELL(v, rec, name, time) tell(v, rec, VMMT_EVENT_##name, sizeof(struct vmmt_##name), time)

/* -- VMs and their life -- */

/* Is the VM of this process to be recorded? Asked once a VM. */
static __always_inline bool wanted_process(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 pid;
	int i;

	if (!config.only)
		return true;
	for (i = 0; i < 32; i++) {
		pid = (__u32)BPF_CORE_READ(task, tgid);
		if (bpf_map_lookup_elem(&pids, &pid))
			return true;
		if (!config.descend || pid <= 1)
			return false;
		task = BPF_CORE_READ(task, real_parent);
	}
	return false;
}

static __always_inline void tell_life(struct vmmt_kvm_vm *vm, struct kvm *kvm, __u8 what, __u32 of,
				      __u64 exits)
{
	struct vmmt_life rec = {};

	fill_head(&rec.head, VMMT_EVENT_life, sizeof(rec), bpf_ktime_get_ns());
	rec.vm = vm->id;
	rec.vcpu = VMMT_VCPU_VM;
	rec.exit = exits;
	rec.pid = bpf_get_current_pid_tgid() >> 32;
	rec.vcpus = (__u16)BPF_CORE_READ(kvm, created_vcpus);
	rec.what = what;
	rec.of = (__u8)of;
	if (what == VMMT_LIFE_vm_made || what == VMMT_LIFE_vm_found)
		bpf_get_current_comm(rec.name, 16);
	rec.seq = __sync_fetch_and_add(&vm->seq, 1) + 1;
	deliver(&rec, sizeof(rec));
}

/* The VM, which begins now if it was not known. NULL: it is not to be recorded. */
static __always_inline struct vmmt_kvm_vm *vm_of(struct kvm *kvm, __u8 what)
{
	struct vmmt_kvm_vm *vm, made = {};
	__u64 key = (__u64)kvm;

	vm = bpf_map_lookup_elem(&vms, &key);
	if (vm)
		return vm->wanted ? vm : NULL;
	made.wanted = wanted_process();
	if (made.wanted)
		made.id = __sync_fetch_and_add(&next_vm, 1) + 1;
	if (!bpf_map_update_elem(&vms, &key, &made, BPF_NOEXIST) && made.wanted) {
		vm = bpf_map_lookup_elem(&vms, &key);
		if (vm)
			tell_life(vm, kvm, what, 0, 0);
		return vm;
	}
	vm = bpf_map_lookup_elem(&vms, &key);
	return vm && vm->wanted ? vm : NULL;
}

static __always_inline struct vcpu *vcpu_new(struct kvm_vcpu *kvcpu, struct vmmt_kvm_vm *vm)
{
	__u64 key = (__u64)kvcpu;
	struct vcpu *v;

	bpf_map_update_elem(&vcpus, &key, &no_vcpu, BPF_ANY);
	v = bpf_map_lookup_elem(&vcpus, &key);
	if (!v) {
		__sync_fetch_and_add(&no_room, 1);
		return NULL;
	}
	v->counts.vm = vm->id;
	v->counts.vcpu = (__u32)BPF_CORE_READ(kvcpu, vcpu_idx);
	return v;
}

SEC("fexit/kvm_arch_init_vm")
int BPF_PROG(on_vm_made, struct kvm *kvm, unsigned long type, int err)
{
	if (on && !err)
		vm_of(kvm, VMMT_LIFE_vm_made);
	return 0;
}

SEC("fentry/kvm_arch_vcpu_postcreate")
int BPF_PROG(on_vcpu_made, struct kvm_vcpu *kvcpu)
{
	struct kvm *kvm = BPF_CORE_READ(kvcpu, kvm);
	struct vmmt_kvm_vm *vm = on ? vm_of(kvm, VMMT_LIFE_vm_found) : NULL;

	struct vcpu *v = vm ? vcpu_new(kvcpu, vm) : NULL;

	if (v)
		tell_life(vm, kvm, VMMT_LIFE_vcpu_made, v->counts.vcpu, 0);
	return 0;
}

SEC("fentry/kvm_arch_vcpu_destroy")
int BPF_PROG(on_vcpu_ended, struct kvm_vcpu *kvcpu)
{
	struct kvm *kvm = BPF_CORE_READ(kvcpu, kvm);
	__u64 key = (__u64)kvcpu, vm_key = (__u64)kvm, id;
	struct vcpu *v = on ? vcpu_of(kvcpu) : NULL;
	struct vmmt_kvm_vm *vm;
	struct thread *t;
	__u32 tid;

	if (!v)
		return 0;
	tid = v->tid;
	t = bpf_map_lookup_elem(&threads, &tid);
	if (t && t->vcpu == key)
		bpf_map_delete_elem(&threads, &tid);
	/* First, as the reader looks there when it has the record. */
	id = (__u64)v->counts.vm << 32 | v->counts.vcpu;
	if (bpf_map_update_elem(&ended, &id, &v->counts, BPF_ANY))
		__sync_fetch_and_add(&no_room, 1);
	vm = bpf_map_lookup_elem(&vms, &vm_key);
	if (vm)
		tell_life(vm, kvm, VMMT_LIFE_vcpu_ended, v->counts.vcpu, v->exits);
	bpf_map_delete_elem(&vcpus, &key);
	return 0;
}

SEC("fexit/kvm_arch_destroy_vm")
int BPF_PROG(on_vm_ended, struct kvm *kvm)
{
	__u64 key = (__u64)kvm, seq;
	struct vmmt_kvm_vm *vm = on ? bpf_map_lookup_elem(&vms, &key) : NULL;
	__u32 id;

	if (!vm)
		return 0;
	if (vm->wanted) {
		id = vm->id;
		seq = vm->seq + 1;
		bpf_map_update_elem(&ended_vms, &id, &seq, BPF_ANY);
		tell_life(vm, kvm, VMMT_LIFE_vm_ended, 0, 0);
	}
	bpf_map_delete_elem(&vms, &key);
	return 0;
}

/* -- one exit -- */

/* A vCPU that runs for the first time since recording began. */
static __always_inline struct vcpu *vcpu_get(struct kvm_vcpu *kvcpu)
{
	struct vcpu *v = vcpu_of(kvcpu);
	struct vmmt_kvm_vm *vm;

	if (v)
		return v;
	vm = vm_of(BPF_CORE_READ(kvcpu, kvm), VMMT_LIFE_vm_found);
	return vm ? vcpu_new(kvcpu, vm) : NULL;
}

/* The thread that enters with this vCPU. */
static __always_inline struct thread *thread_get(struct vcpu *v, struct kvm_vcpu *kvcpu)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct thread *t = bpf_map_lookup_elem(&threads, &tid);
	struct thread made = { .vcpu = (__u64)kvcpu };

	if (v->tid != tid) {
		__u32 old = v->tid;
		struct thread *other = bpf_map_lookup_elem(&threads, &old);

		if (other && other->vcpu == made.vcpu)
			bpf_map_delete_elem(&threads, &old);
		v->tid = tid;
	}
	if (t) {
		t->vcpu = made.vcpu;
		return t;
	}
	bpf_map_update_elem(&threads, &tid, &made, BPF_ANY);
	return bpf_map_lookup_elem(&threads, &tid);
}

static __always_inline void tell_fault(struct vcpu *v, __u64 time)
{
	struct vmmt_ept_fault *f = &v->fault;

	f->exit = v->x.exit;
	f->rip = v->x.rip;
	if (config.isa == VMMT_ISA_svm) {
		f->access = svm_access(f->flags);
		f->present = svm_present(f->flags);
	} else if (v->x.class == VMMT_CLASS_ept) {
		f->access = vmx_access(v->x.info1);
		f->present = (v->x.info1 >> 3) & 7;
	}
	TELL(v, f, ept_fault, time);
}

static __always_inline void tell_mark(struct vcpu *v, __u64 time)
{
	struct vmmt_mark mark = { .value = v->x.value, .rip = v->x.rip };

	mark.exit = v->x.exit;
	TELL(v, &mark, mark, time);
}

static __always_inline void decode(struct vcpu *v)
{
	struct vmmt_exit *x = &v->x;

	if (config.isa == VMMT_ISA_svm)
		svm_decode(x);
	else
		vmx_decode(x, v->intr);
	decode_gprs(x, &v->gprs);
	if (config.isa == VMMT_ISA_vmx && v->faulted &&
	    (x->class == VMMT_CLASS_ept || x->class == VMMT_CLASS_misconfig))
		x->key = x->info2 = v->fault.gpa;
}

static __always_inline void tell_exit(struct vcpu *v, __u64 time)
{
	struct vmmt_exit *x = &v->x;
	__u32 class = x->class & (VMMT_KVM_CLASSES - 1);

	x->nth = ++v->counts.counted[class];
	switch (TELL(v, x, exit, time)) {
	case VMMT_VERDICT_filtered:
		v->counts.filtered[class]++;
		break;
	case VMMT_VERDICT_full:
		v->counts.lost[class]++;
		break;
	}
}

/* KVM is done with the exit: at the next entry, or with out on the way to
 * userland. A HLT was done when its sleep began. */
static __always_inline void finish(struct vcpu *v, __u64 now, bool out)
{
	struct vmmt_exit *x = &v->x;

	decode(v);
	v->halted = x->class == VMMT_CLASS_hlt;
	if (!v->halted)
		v->slept = 0;
	x->t_handled = v->slept ? v->slept : now;
	x->t_out = out && !v->slept ? now : 0;
	x->end = x->t_out ? VMMT_END_userland :
		 v->exception.info && v->exception.stage == VMMT_STAGE_injected ?
		 VMMT_END_injected : VMMT_END_resumed;
	if (v->faulted && (x->class == VMMT_CLASS_ept || x->class == VMMT_CLASS_misconfig))
		tell_fault(v, x->t_handled);
	if (x->class == VMMT_CLASS_io_out && x->key == VMMT_MARK_PORT && !x->string)
		tell_mark(v, x->t_handled);
	tell_exit(v, x->t_handled);
	v->prev = x->t_handled;
	v->traced = v->slept;
	v->held = v->faulted = 0;
	v->slept = 0;
}

static __always_inline void tell_event(struct vcpu *v, struct event *e)
{
	struct vmmt_intr rec = { .stage = e->stage, .vector = (__u8)e->info, .irq = 255 };

	if (!e->info)
		return;
	rec.itype = EVENT_TYPE(e->info);
	rec.error = e->error;
	rec.exit = v->exits;
	v->x.injected = e->info;
	TELL(v, &rec, intr, stamp(v));
	e->info = 0;
}

/* The last thing before the entry. */
static __always_inline void begin_stay(struct vcpu *v, struct thread *t)
{
	struct vmmt_exit *x = &v->x;
	__u64 enter;

	__builtin_memset(x, 0, sizeof(*x));
	tell_event(v, &v->exception);
	tell_event(v, &v->irq);
	enter = stamp(v);
	x->t_prev = v->prev ? v->prev : enter;
	x->t_traced = v->prev && v->traced ? v->traced : enter;
	if (v->halted)
		x->t_run = v->woke;
	if (v->user && t->run > x->t_run)
		x->t_run = t->run;
	if (!v->prev || (x->t_run && x->t_run < x->t_traced))
		x->t_run = x->t_traced;
	x->t_enter = enter;
	v->woke = 0;
	v->user = 0;
	t->run = 0;
	v->inside = 1;
}

SEC("raw_tp/kvm_entry")
int BPF_PROG(on_entry, struct kvm_vcpu *kvcpu)
{
	struct vcpu *v = on ? vcpu_get(kvcpu) : NULL;
	struct thread *t = v ? thread_get(v, kvcpu) : NULL;

	/* KVM may enter again without having told of an exit. */
	if (!t || v->inside)
		return 0;
	if (v->held)
		finish(v, stamp(v), false);
	begin_stay(v, t);
	return 0;
}

static __always_inline void read_svm(struct vcpu *v, struct kvm_vcpu *kvcpu)
{
	char *vmcb = (void *)BPF_CORE_READ((struct vcpu_svm *)kvcpu, vmcb);
	struct vmmt_exit *x = &v->x;
	struct vmcb_exit e = {};
	struct vmcb_cpl c = {};
	struct vmcb_run r = {};
	__u64 next = 0;
	__u16 cs = 0;

	bpf_probe_read_kernel(&e, sizeof(e), vmcb + VMCB_EXIT);
	x->reason = (__u32)e.code;
	x->info1 = e.info1;
	x->info2 = e.info2;
	if (e.intr & EVENT_VALID) {
		x->vectoring = e.intr;
		x->vecerror = e.intr & EVENT_ERROR ? e.intr_error : 0;
	}
	x->mode = VMMT_MODE_none;
	x->cpl = VMMT_CPL_NONE;
	if (BPF_CORE_READ(kvcpu, arch.guest_state_protected))
		return;
	bpf_probe_read_kernel(&c, sizeof(c), vmcb + VMCB_CPL);
	bpf_probe_read_kernel(&r, sizeof(r), vmcb + VMCB_RUN);
	bpf_probe_read_kernel(&cs, sizeof(cs), vmcb + VMCB_CS_ATTRIB);
	bpf_probe_read_kernel(&next, sizeof(next), vmcb + VMCB_NRIP);
	x->rip = r.rip;
	x->cpl = c.cpl;
	x->mode = svm_mode(&r, c.efer, cs);
	if (next > r.rip && next - r.rip <= 15)
		x->ilen = (__u8)(next - r.rip);
}

static __always_inline void read_vmx(struct vcpu *v, struct kvm_vcpu *kvcpu)
{
	struct vcpu_vmx *vmx = (void *)kvcpu;
	struct vcpu_vmx___vt *vt = (void *)kvcpu;

	if (bpf_core_field_exists(vmx->exit_reason))
		v->x.reason = BPF_CORE_READ(vmx, exit_reason.full);
	else
		v->x.reason = BPF_CORE_READ(vt, vt.exit_reason.full);
	v->x.mode = VMMT_MODE_none;
	v->x.cpl = VMMT_CPL_NONE;
}

SEC("raw_tp/kvm_exit")
int BPF_PROG(on_exit, struct kvm_vcpu *kvcpu)
{
	struct vcpu *v = on ? vcpu_of(kvcpu) : NULL;

	if (!v || !v->inside)
		return 0;
	v->x.t_exit = stamp(v);
	v->inside = 0;
	v->held = 1;
	v->slept = v->woke = 0;
	v->exception.info = v->irq.info = 0;
	v->x.exit = ++v->exits;
	bpf_core_read(&v->gprs, sizeof(v->gprs), &kvcpu->arch.regs);
	if (config.isa == VMMT_ISA_svm)
		read_svm(v, kvcpu);
	else
		read_vmx(v, kvcpu);
	return 0;
}

/* VMX: what only the tracepoint reads from the VMCS. It runs before or after
 * on_exit(). */
SEC("tp/kvm/kvm_exit")
int on_exit_vmx(struct trace_event_raw_kvm_exit *ctx)
{
	struct vcpu *v = current_vcpu();

	if (!v)
		return 0;
	v->x.rip = ctx->guest_rip;
	v->x.info1 = ctx->info1;
	v->x.vectoring = ctx->info2 & EVENT_VALID ? (__u32)ctx->info2 : 0;
	v->intr = ctx->intr_info;
	return 0;
}

SEC("raw_tp/kvm_userspace_exit")
int BPF_PROG(on_userspace_exit)
{
	struct thread *t = on ? current_thread() : NULL;
	struct vcpu *v = t ? bpf_map_lookup_elem(&vcpus, &t->vcpu) : NULL;

	if (!v)
		return 0;
	t->run = 0;
	v->inside = 0;
	if (v->held) {
		finish(v, stamp(v), true);
		if (!v->traced)
			v->traced = stamp(v);
	}
	v->user = 1;
	v->exception.info = v->irq.info = 0;
	return 0;
}

/* KVM_RUN begins with loading the guest's FPU state. */
SEC("raw_tp/kvm_fpu")
int BPF_PROG(on_fpu, int load)
{
	struct thread *t = on && load ? current_thread() : NULL;

	if (t && !t->run)
		t->run = bpf_ktime_get_ns();
	return 0;
}

/* KVM slept for the guest. It tells how long. */
SEC("raw_tp/kvm_vcpu_wakeup")
int BPF_PROG(on_wakeup, __u64 ns)
{
	struct vcpu *v = current_vcpu();
	__u64 now;

	if (!v)
		return 0;
	now = bpf_ktime_get_ns();
	v->woke = now;
	if (v->held && !v->slept) {
		v->slept = now - ns;
		if (v->slept < v->last)
			v->slept = v->last;
	}
	return 0;
}

/* -- what KVM tells of the exit meanwhile -- */

static __always_inline struct vcpu *held_vcpu(void)
{
	struct vcpu *v = current_vcpu();

	return v && v->held ? v : NULL;
}

static __always_inline void begin_fault(struct vcpu *v, __u64 gpa, __u64 code)
{
	__builtin_memset(&v->fault, 0, sizeof(v->fault));
	v->fault.gpa = gpa;
	v->fault.flags = (__u32)code;
	v->faulted = 1;
}

SEC("raw_tp/kvm_page_fault")
int BPF_PROG(on_page_fault, struct kvm_vcpu *kvcpu, __u64 addr, __u64 code)
{
	struct vcpu *v = on ? vcpu_of(kvcpu) : NULL;

	if (v && v->held && !v->faulted)
		begin_fault(v, addr, code);
	return 0;
}

SEC("raw_tp/kvm_mmu_set_spte")
int BPF_PROG(on_set_spte, int level, __u64 gfn)
{
	struct vcpu *v = held_vcpu();
	__u64 size;

	if (!v || !v->faulted || level < 1 || level > 5)
		return 0;
	size = 4096ULL << (9 * (level - 1));
	if (((gfn << 12) ^ v->fault.gpa) & ~(size - 1))
		return 0;
	v->fault.page = size;
	v->fault.outcome = VMMT_OUTCOME_mapped;
	v->fault.resolve = bpf_ktime_get_ns() - v->x.t_exit;
	return 0;
}

/* A misconfigured entry is how KVM finds out about MMIO on VMX; there is no
 * page fault then. */
static __always_inline void note_mmio(struct vcpu *v, __u64 gpa, bool write)
{
	if (!v->faulted && config.isa == VMMT_ISA_vmx) {
		begin_fault(v, gpa, 0);
		v->fault.access = write ? VMMT_ACCESS_w : VMMT_ACCESS_r;
	}
	if (v->faulted)
		v->fault.outcome = VMMT_OUTCOME_mmio;
}

#define KVM_MMIO_WRITE 2	/* KVM_TRACE_MMIO_WRITE */

SEC("raw_tp/kvm_mmio")
int BPF_PROG(on_mmio, int type, int len, __u64 gpa)
{
	struct vcpu *v = held_vcpu();

	if (v)
		note_mmio(v, gpa, type == KVM_MMIO_WRITE);
	return 0;
}

SEC("raw_tp/kvm_fast_mmio")
int BPF_PROG(on_fast_mmio, __u64 gpa)
{
	struct vcpu *v = held_vcpu();

	if (v)
		note_mmio(v, gpa, true);
	return 0;
}

SEC("raw_tp/kvm_msr")
int BPF_PROG(on_msr, unsigned int write, __u32 index, __u64 data, bool failed)
{
	struct vcpu *v = held_vcpu();

	if (v && !write && !failed)
		v->x.value = data;
	return 0;
}

SEC("raw_tp/kvm_cr")
int BPF_PROG(on_cr, unsigned int write, unsigned int cr, unsigned long value)
{
	struct vcpu *v = held_vcpu();

	if (v && write)
		v->x.value = value;
	return 0;
}

/* KVM may prepare an entry, not make it, and prepare it again: that is not yet
 * the second time that the guest gets the event. */
static __always_inline void prepare_event(struct event *e, __u32 info, __u32 error, bool again)
{
	if (e->info != info)
		e->stage = again ? VMMT_STAGE_reinjected : VMMT_STAGE_injected;
	e->info = info;
	e->error = error;
}

SEC("raw_tp/kvm_inj_virq")
int BPF_PROG(on_inj_virq, unsigned int vector, bool soft, bool again)
{
	__u32 type = soft ? VMMT_ITYPE_softint : VMMT_ITYPE_intr;
	struct vcpu *v = current_vcpu();

	if (v)
		prepare_event(&v->irq, EVENT_VALID | type << 8 | (vector & 0xff), 0, again);
	return 0;
}

SEC("raw_tp/kvm_inj_exception")
int BPF_PROG(on_inj_exception, unsigned int vector, bool has_error, unsigned int error, bool again)
{
	bool soft = config.isa == VMMT_ISA_vmx && (vector == 3 || vector == 4);
	__u32 type = soft ? VMMT_ITYPE_softexc : VMMT_ITYPE_exception;
	struct vcpu *v = current_vcpu();

	if (v)
		prepare_event(&v->exception, EVENT_VALID | type << 8 | (has_error ? EVENT_ERROR : 0) |
			      (vector & 0xff), has_error ? error : 0, again);
	return 0;
}

SEC("raw_tp/kvm_eoi")
int BPF_PROG(on_eoi, void *apic, int vector)
{
	struct vcpu *v = held_vcpu();
	struct vmmt_intr rec = { .stage = VMMT_STAGE_end, .irq = 255 };

	if (!v)
		return 0;
	rec.vector = (__u8)vector;
	rec.exit = v->x.exit;
	TELL(v, &rec, intr, v->slept ? v->slept : stamp(v));
	return 0;
}
