// SPDX-License-Identifier: GPL-2.0-only
/*
 * The choke point: every exit passes here once, after it was handled and
 * before anything else happens. Its record is finished, counted, and given to
 * the tracepoint, together with the records that belong to it. Emitting is
 * measured: t_traced of the next exit closes it.
 *
 * Records are emitted from process context with interrupts on: BPF skips a
 * program that would run twice on a CPU, and that would be a loss. A recorder
 * in lossless mode makes them wait until it has room.
 */
#include <linux/freezer.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sched/jobctl.h>
#include <linux/sched/signal.h>
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

/* ---- lossless mode ---- */

/* Between two offers of a record: from, doubled each time, to. */
#define PAUSE_LEAST	(50 * NSEC_PER_USEC)
#define PAUSE_MOST	NSEC_PER_MSEC

/* How long, in jiffies, a record of a VM's or the host's own stream waits. */
#define PATIENCE	HZ

/* Whether a thread has to go on though there is no room: it is killed or exits,
 * is to stop or to freeze, as the recorder may be, too. */
static bool must_go_on(void)
{
	return fatal_signal_pending(current) || (current->flags & PF_EXITING) ||
	       freezing(current) ||
	       (READ_ONCE(current->jobctl) & (JOBCTL_PENDING_MASK | JOBCTL_TRAP_FREEZE));
}

static void pause_for(u64 ns)
{
	ktime_t time = ns_to_ktime(ns);

	set_current_state(TASK_KILLABLE);
	schedule_hrtimeout_range(&time, ns / 4, HRTIMER_MODE_REL);
}

/*
 * A recorder has no room for this record and asks to wait: offer it again until
 * there is room, or the recorder gone. The wait of a vCPU ends with its VM, too,
 * and when the host goes down; without a vCPU it ends after so many jiffies. The
 * last offer says `full`. Returns the verdict; `full` as well if nobody is left
 * to answer. Sleeps.
 */
static noinline u8 offer_again(const struct vmmt_head *head, const struct vmm_vcpu *vcpu,
			       unsigned long patience)
{
	unsigned long end = jiffies + patience;
	union vmmt_record again = {};
	u64 pause = PAUSE_LEAST;
	bool last;

	memcpy(&again, head, head->size);
	for (;;) {
		if (vcpu)
			last = READ_ONCE(vcpu->vm->dying) || !raw_cpu_read(vmm_hw_on);
		else
			last = time_after_eq(jiffies, end);
		last |= must_go_on();
		again.head.verdict = last ? VMMT_VERDICT_full : VMMT_VERDICT_none;
		trace_vmm_again(&again);
		if (again.head.verdict != VMMT_VERDICT_wait)
			break;
		if (!last)
			pause_for(pause);
		pause = min_t(u64, 2 * pause, PAUSE_MOST);
	}
	return again.head.verdict ? again.head.verdict : VMMT_VERDICT_full;
}

/* The same for a record of a vCPU, whose next exit record tells the time. */
static noinline u8 vcpu_waits(struct vmm_vcpu *vcpu, const struct vmmt_head *head)
{
	u64 since = vmm_tsc(rdtsc());
	u8 verdict = offer_again(head, vcpu, 0);
	u64 ticks = vmm_tsc(rdtsc()) - since;

	if (vcpu->wait_exit != vcpu->nexit + 1) {
		vcpu->wait_exit = vcpu->nexit + 1;
		vcpu->wait = 0;
	}
	vcpu->wait += ticks;
	vcpu->stats->vs_wait += ticks;
	return verdict;
}

/*
 * What became of a record of a VM's or the host's own stream, whose lock is
 * held. As others are behind that lock it waits a second at most, and not at all
 * once a recorder has not made room within that time.
 */
static void settle(const struct vmmt_head *head)
{
	static bool stalled;
	u8 verdict = head->verdict;

	if (verdict == VMMT_VERDICT_wait) {
		verdict = offer_again(head, NULL, READ_ONCE(stalled) ? 0 : PATIENCE);
		WRITE_ONCE(stalled, verdict == VMMT_VERDICT_full);
	} else if (verdict == VMMT_VERDICT_delivered) {
		WRITE_ONCE(stalled, false);
	}
}

/* ---- records of a vCPU ---- */

static void delivered(struct vmm_stats *st, struct vmm_stats_class *class)
{
	st->vs_records_delivered++;
	if (class)
		class->vsc_delivered++;
}

/* A record that was not delivered at once. Its seq stays spent even if no recorder
 * wanted it: who filters numbers anew what is kept. */
static noinline void not_delivered(struct vmm_vcpu *vcpu, struct vmm_stats_class *class,
				   const struct vmmt_head *head)
{
	struct vmm_stats *st = vcpu->stats;
	u8 verdict = head->verdict;

	if (verdict == VMMT_VERDICT_wait)
		verdict = vcpu_waits(vcpu, head);
	switch (verdict) {
	case VMMT_VERDICT_delivered:
		delivered(st, class);
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
}

/* What became of a record. */
static void account(struct vmm_vcpu *vcpu, struct vmm_stats_class *class,
		    const struct vmmt_head *head)
{
	vcpu->stats->vs_records++;
	if (likely(head->verdict == VMMT_VERDICT_delivered))
		delivered(vcpu->stats, class);
	else
		not_delivered(vcpu, class, head);
	vcpu->stats->vs_seq = vcpu->seq;
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
		account(vcpu, NULL, head);
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

/* Time off the CPU so far; what comes from here on, the next record tells. */
static u64 take_off(struct vmm_vcpu *vcpu)
{
	u64 off = vcpu->off;

	if (unlikely(off)) {
		vcpu->stats->vs_off += off;
		vcpu->off = 0;
	}
	return off;
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
	rec->off = take_off(vcpu);
	rec->wait = 0;
	if (unlikely(vcpu->wait_exit == vcpu->nexit))
		rec->wait = vcpu->wait;
	if (unlikely(vmm_tsc_offset))
		move_stamps(rec);
	if (vcpu->naux)
		emit_aux(vcpu);
	rec->head.seq = ++vcpu->seq;
	trace_vmm_exit(rec);
	account(vcpu, class, &rec->head);
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
		take_off(vcpu);
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
	settle(&rec.head);
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
	settle(&rec.head);
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
	settle(&rec.head);
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
