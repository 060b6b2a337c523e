// SPDX-License-Identifier: GPL-2.0-only
/*
 * The choke point: every exit passes here once, after it was handled and
 * before anything else happens. Its record is finished, counted, and given to
 * the tracepoint, together with the records that belong to it. Emitting is
 * measured: t_traced of the next exit closes it.
 *
 * Records are emitted from process context with interrupts on: BPF skips a
 * program that would run twice on a CPU, and that would be a loss.
 */
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include <asm/msr.h>
#include <asm/tsc.h>

#include "core.h"
#include "keys.h"
#include "tp.h"

static_assert(VMMT_NCLASS <= VMM_STATS_CLASSES);

#define CLOCK_PERIOD HZ

static DEFINE_MUTEX(host_lock);
static u64 host_seq;

static void head_init(struct vmmt_head *head, u16 event, u16 size, u32 vm, u32 vcpu)
{
	head->event = event;
	head->size = size;
	head->isa = vmm_ops->isa;
	head->verdict = VMMT_VERDICT_none;
	head->cpu = raw_smp_processor_id();
	head->vm = vm;
	head->vcpu = vcpu;
}

#define HEAD_INIT(rec, name, vm, vcpu) \
	head_init(&(rec)->head, VMMT_EVENT_##name, sizeof(struct vmmt_##name), vm, vcpu)

/* ---- records of a vCPU ---- */

/* What became of a record. Its seq stays spent even if no recorder wanted it:
 * who filters numbers anew what is kept. */
static void account(struct vmm_vcpu *vcpu, struct vmm_stats_class *class, u8 verdict)
{
	struct vmm_stats *st = vcpu->stats;

	st->vs_records++;
	switch (verdict) {
	case VMMT_VERDICT_delivered:
		st->vs_records_delivered++;
		if (class)
			class->vsc_delivered++;
		break;
	case VMMT_VERDICT_filtered:
		st->vs_records_filtered++;
		if (class)
			class->vsc_filtered++;
		break;
	case VMMT_VERDICT_full:
		st->vs_records_full++;
		if (class)
			class->vsc_full++;
		break;
	}
	st->vs_seq = vcpu->seq;
}

/* Room for a record that goes out with the next exit record. Where there is
 * none its seq is spent, so that readers see that one is missing. */
static void *aux_take(struct vmm_vcpu *vcpu, u16 event, u16 size)
{
	struct vmmt_head *head;

	if (vcpu->naux == VMM_AUX_MAX) {
		vcpu->seq++;
		return NULL;
	}
	head = &vcpu->aux[vcpu->naux++].head;
	memset(head, 0, size);
	head_init(head, event, size, vcpu->vm->id, vcpu->id);
	head->exit = vcpu->nexit;
	head->time = vmm_tsc(rdtsc());
	return head;
}

/* A nested fault was dealt with; since is the TSC when that began, page the
 * bytes that were mapped. */
void vmm_aux_ept(struct vmm_vcpu *vcpu, u8 outcome, u64 page, u64 since)
{
	struct vmmt_ept_fault *rec = aux_take(vcpu, VMMT_EVENT_ept_fault, sizeof(*rec));

	if (!rec)
		return;
	rec->gpa = vcpu->x.gpa;
	rec->gva = vcpu->x.gla;
	rec->gva_valid = vcpu->x.gla_valid;
	rec->rip = vcpu->rec.rip;
	rec->resolve = rec->head.time - vmm_tsc(since);
	rec->page = page;
	rec->access = vcpu->x.access;
	rec->present = vcpu->x.present;
	rec->outcome = outcome;
	rec->flags = (u32)vcpu->rec.info1;
}

/* A stage in the life of an event for the guest. */
void vmm_aux_intr(struct vmm_vcpu *vcpu, u8 stage, const struct vmm_event *event)
{
	struct vmmt_intr *rec = aux_take(vcpu, VMMT_EVENT_intr, sizeof(*rec));

	if (!rec)
		return;
	rec->irq_id = event->irq_id;
	rec->error = event->info & VMM_EVENT_ERROR ? event->error : 0;
	rec->stage = stage;
	rec->vector = vmm_event_vector(event->info);
	rec->itype = vmm_event_type(event->info);
	rec->irq = 255;
}

/* The guest wrote to the marker port. */
void vmm_aux_mark(struct vmm_vcpu *vcpu, u64 value)
{
	struct vmmt_mark *rec = aux_take(vcpu, VMMT_EVENT_mark, sizeof(*rec));

	if (!rec)
		return;
	rec->value = value;
	rec->rip = vcpu->rec.rip;
}

static void emit_aux(struct vmm_vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < vcpu->naux; i++) {
		struct vmmt_head *head = &vcpu->aux[i].head;

		head->seq = ++vcpu->seq;
		switch (head->event) {
		case VMMT_EVENT_ept_fault:
			trace_vmm_ept_fault(&vcpu->aux[i].ept);
			break;
		case VMMT_EVENT_intr:
			trace_vmm_intr(&vcpu->aux[i].intr);
			break;
		case VMMT_EVENT_mark:
			trace_vmm_mark(&vcpu->aux[i].mark);
			break;
		}
		account(vcpu, NULL, head->verdict);
	}
	vcpu->naux = 0;
}

/* Account for the spans that this exit closes. */
static void count_spans(struct vmm_vcpu *vcpu, u64 t_handled, u64 t_out)
{
	struct vmm_stats *st = vcpu->stats;
	const struct vmm_frame *f = &vcpu->frame;
	u64 back = vcpu->t_run ? vcpu->t_run : vcpu->t_traced;
	u64 trace = vcpu->t_traced - vcpu->t_prev, user = back - vcpu->t_traced;
	struct vmm_stats_class *last = vcpu->last_class;
	u64 busy;

	st->vs_spans[VMM_SPAN_guest] += f->t_exit - f->t_enter;
	st->vs_spans[VMM_SPAN_kernel] += t_handled - f->t_exit;
	st->vs_spans[VMM_SPAN_trace] += trace;
	st->vs_spans[VMM_SPAN_reentry] += f->t_enter - back;
	busy = f->t_enter - vcpu->t_last_exit - trace;
	if (t_out)
		st->vs_spans[VMM_SPAN_return] += t_out - t_handled;
	if (user && last == &st->vs_class[VMMT_CLASS_hlt]) {
		st->vs_spans[VMM_SPAN_halted] += user;
		busy -= user;
	} else {
		st->vs_spans[VMM_SPAN_user] += user;
	}
	if (!last)
		return;
	last->vsc_ticks += busy;
	vcpu->last_key->vsk_ticks += busy;
	last->vsc_hist[vmm_hist_bucket(busy)]++;
	if (busy > last->vsc_max)
		last->vsc_max = busy;
}

/* A suspend set the TSC back some time. */
static void move_stamps(struct vmmt_exit *rec)
{
	rec->head.time = vmm_tsc(rec->head.time);
	rec->t_prev = vmm_tsc(rec->t_prev);
	rec->t_traced = vmm_tsc(rec->t_traced);
	rec->t_run = rec->t_run ? vmm_tsc(rec->t_run) : 0;
	rec->t_enter = vmm_tsc(rec->t_enter);
	rec->t_exit = vmm_tsc(rec->t_exit);
	rec->t_handled = vmm_tsc(rec->t_handled);
	rec->t_out = rec->t_out ? vmm_tsc(rec->t_out) : 0;
}

/* The rest of the record, and out with it and those that belong to it. */
static void emit_exit(struct vmm_vcpu *vcpu, struct vmm_stats_class *class, u8 end, u64 t_handled,
		      u64 t_out)
{
	struct vmmt_exit *rec = &vcpu->rec;

	HEAD_INIT(rec, exit, vcpu->vm->id, vcpu->id);
	rec->head.exit = vcpu->nexit;
	rec->head.time = t_out ? t_out : t_handled;
	rec->t_prev = vcpu->t_prev;
	rec->t_traced = vcpu->t_traced;
	rec->t_run = vcpu->t_run;
	rec->t_enter = vcpu->frame.t_enter;
	rec->t_exit = vcpu->frame.t_exit;
	rec->t_handled = t_handled;
	rec->t_out = t_out;
	rec->nth = class->vsc_counted;
	rec->end = end;
	rec->off = vcpu->off;
	rec->wait = 0;
	if (unlikely(vmm_tsc_offset))
		move_stamps(rec);
	if (vcpu->naux)
		emit_aux(vcpu);
	rec->head.seq = ++vcpu->seq;
	trace_vmm_exit(rec);
	account(vcpu, class, rec->head.verdict);
}

/* Before and after the statistics change: readers see all of an exit or nothing. */
static void stats_change(struct vmm_stats *st)
{
	smp_wmb();
	WRITE_ONCE(st->vs_changes, st->vs_changes + 1);
	smp_wmb();
}

/*
 * The exit that vcpu->rec describes is dealt with: end says how. t_handled and
 * t_out are stamps; t_out is 0 if the guest is entered again at once.
 */
void vmm_exit_finish(struct vmm_vcpu *vcpu, u8 end, u64 t_handled, u64 t_out)
{
	struct vmm_stats *st = vcpu->stats;
	struct vmm_stats_class *class = &st->vs_class[vcpu->rec.class];

	stats_change(st);
	count_spans(vcpu, t_handled, t_out);
	st->vs_exits++;
	class->vsc_counted++;
	vcpu->last_class = class;
	vcpu->last_key = vmm_key_count(class, vcpu->rec.key);
	if (trace_vmm_exit_enabled()) {
		emit_exit(vcpu, class, end, t_handled, t_out);
	} else {
		vcpu->seq += vcpu->naux + 1;
		st->vs_seq = vcpu->seq;
		vcpu->naux = 0;
	}
	if (unlikely(vcpu->off)) {
		st->vs_off += vcpu->off;
		vcpu->off = 0;
	}
	stats_change(st);
	vcpu->t_run = 0;
	vcpu->t_last_exit = vcpu->frame.t_exit;
	vcpu->t_prev = t_out ? t_out : t_handled;
	vcpu->t_traced = rdtsc();
}

/* ---- records of a VM and of the host ---- */

/* Life of a VM (vcpu NULL) or a vCPU, in the VM's own stream. May sleep. */
void vmm_emit_life(struct vmm_vm *vm, struct vmm_vcpu *vcpu, u8 what, u64 info)
{
	struct vmmt_life rec = {};

	mutex_lock(&vm->seq_lock);
	HEAD_INIT(&rec, life, vm->id, VMMT_VCPU_VM);
	rec.head.seq = ++vm->seq;
	rec.head.time = vmm_tsc(rdtsc());
	rec.head.exit = vcpu ? vcpu->nexit : 0;
	rec.memory = vm->mem->size;
	rec.tsc_scale = 1ULL << 32;
	rec.info = info;
	rec.pid = current->tgid;
	rec.vcpus = vm->ncpus;
	rec.what = what;
	rec.of = vcpu ? vcpu->id : 0;
	memcpy(rec.name, vm->name, sizeof(rec.name));
	trace_vmm_life(&rec);
	mutex_unlock(&vm->seq_lock);
}

/* An ioctl ended; vm is NULL if it was about none. May sleep. */
void vmm_emit_call(struct vmm_vm *vm, u8 call, int err, u64 begin)
{
	struct mutex *lock = vm ? &vm->seq_lock : &host_lock;
	struct vmmt_call rec = {};

	mutex_lock(lock);
	HEAD_INIT(&rec, call, vm ? vm->id : 0, VMMT_VCPU_VM);
	rec.head.seq = vm ? ++vm->seq : ++host_seq;
	rec.head.time = vmm_tsc(rdtsc());
	rec.begin = vmm_tsc(begin);
	rec.err = -err;
	rec.call = call;
	trace_vmm_call(&rec);
	mutex_unlock(lock);
}

/* TSC and the system's clocks at one moment, in the host's stream. May sleep. */
void vmm_emit_clock(void)
{
	struct vmmt_clock rec = {};
	unsigned long flags;

	mutex_lock(&host_lock);
	HEAD_INIT(&rec, clock, 0, VMMT_VCPU_VM);
	rec.head.seq = ++host_seq;
	local_irq_save(flags);
	rec.head.time = vmm_tsc(rdtsc_ordered());
	rec.mono = ktime_get_mono_fast_ns();
	rec.real = ktime_get_real_fast_ns();
	local_irq_restore(flags);
	rec.khz = tsc_khz;
	trace_vmm_clock(&rec);
	mutex_unlock(&host_lock);
}

static void clock_tick(struct work_struct *work);
static DECLARE_DELAYED_WORK(clock_work, clock_tick);

static void clock_tick(struct work_struct *work)
{
	vmm_emit_clock();
	schedule_delayed_work(&clock_work, CLOCK_PERIOD);
}

/* A clock record now and every second, from the first VM to the last. */
void vmm_clock_start(void)
{
	vmm_emit_clock();
	schedule_delayed_work(&clock_work, CLOCK_PERIOD);
}

/* The last clock record. May sleep. */
void vmm_clock_stop(void)
{
	cancel_delayed_work_sync(&clock_work);
	vmm_emit_clock();
}
