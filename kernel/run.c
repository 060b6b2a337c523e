// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMM_IOC_RUN: enter the guest, deal with its exits, until userland is needed.
 *
 * The vCPU's lock is held all the time. The guest's FPU state is loaded for
 * the whole call. An exit's way: enter() stamps it, exit_irqoff() does what
 * cannot wait, interrupts are opened, decode() reads it, vmm_handle_exit()
 * deals with it, vmm_exit_finish() counts and records it.
 */
#include <linux/context_tracking.h>
#include <linux/entry-kvm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/vtime.h>

#include <asm/debugreg.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/segment.h>
#include <asm/trapnr.h>

#include "core.h"

/* The last vCPU on each CPU: another one must not train its branches. */
static DEFINE_PER_CPU(const struct vmm_vcpu *, last_vcpu);

/* A vCPU ends: the next one at its address is another one. */
void vmm_forget_branches(const struct vmm_vcpu *vcpu)
{
	int cpu;

	for_each_possible_cpu(cpu)
		cmpxchg(per_cpu_ptr(&last_vcpu, cpu), vcpu, NULL);
}

/* ---- between userland and the vCPU ---- */

/* What vrp_exit gives back after an exit that userland dealt with. */
static int take_input(struct vmm_vcpu *vcpu, const struct vm_run_params *vrp)
{
	const struct vm_exit __user *from = (void __user *)vrp->vrp_exit;
	u64 *gprs = vcpu->frame.gprs;
	struct vm_exit_inout vei;
	u64 rip;

	switch (vcpu->last_input) {
	case VMM_INPUT_IO:
		if (copy_from_user(&vei, &from->vei, sizeof(vei)) ||
		    get_user(rip, &from->vrs.vrs_gprs[VCPU_REGS_RIP]))
			return -EFAULT;
		gprs[VCPU_REGS_RIP] = rip;
		if (vcpu->rec.class != VMMT_CLASS_io_in)
			break;
		if (vcpu->rec.width == 4)
			gprs[VCPU_REGS_RAX] = 0;
		gprs[VCPU_REGS_RAX] &= ~(u64)U32_MAX;
		gprs[VCPU_REGS_RAX] |= vei.vei_data;
		break;
	case VMM_INPUT_GPRS:
		if (copy_from_user(gprs, from->vrs.vrs_gprs, sizeof(vcpu->frame.gprs)))
			return -EFAULT;
		break;
	default:
		return get_user(rip, &from->vrs.vrs_gprs[VCPU_REGS_RIP]) ? -EFAULT : 0;
	}
	/* Taken once, should RUN return before there is another exit. */
	vcpu->last_input = VMM_INPUT_NONE;
	vcpu->shadow = false;
	if ((gprs[VCPU_REGS_RFLAGS] & X86_EFLAGS_TF) && gprs[VCPU_REGS_RIP] != vcpu->rec.rip)
		vmm_op(single_step)(vcpu);
	return 0;
}

/* Exceptions that a guest of ours can meet, and those with an error code (SDM
 * table 6-1). The rest is reserved, or belongs to what no guest has: #VE, #CP,
 * #HV, #VC, #SX. A processor may refuse an entry with one of them. */
#define EXCEPTIONS		(GENMASK(19, 16) | GENMASK(14, 10) | GENMASK(8, 3) | BIT(1) | BIT(0))
#define EXCEPTIONS_WITH_ERROR	(BIT(17) | GENMASK(14, 10) | BIT(8))

static bool event_valid(const struct vcpu_inject_event *vie)
{
	if (vie->vie_type == VCPU_INJECT_EX)
		return vie->vie_vector < 32 && (EXCEPTIONS & BIT(vie->vie_vector));
	return vie->vie_type <= VCPU_INJECT_NMI;
}

/* An exception's type and error code by its vector (SDM 6.13). In real mode
 * there is none; #AC's is 0. */
static void take_exception(struct vmm_vcpu *vcpu, const struct vcpu_inject_event *vie)
{
	struct vmm_paging pg;
	bool error;

	vmm_op(paging)(vcpu, &pg);
	error = (pg.cr0 & X86_CR0_PE) && (EXCEPTIONS_WITH_ERROR & BIT(vie->vie_vector));
	vmm_inject_exception(vcpu, vie->vie_vector, error,
			     vie->vie_vector == X86_TRAP_AC ? 0 : vie->vie_errorcode);
}

/* What userland injects, checked already. */
static void take_event(struct vmm_vcpu *vcpu, const struct vm_run_params *vrp)
{
	const struct vcpu_inject_event *vie = &vrp->vrp_inject;

	switch (vie->vie_type) {
	case VCPU_INJECT_INTR:
		vcpu->irq = (struct vmm_event) {
			.info = VMM_EVENT(VMMT_ITYPE_intr, vie->vie_vector),
			.irq_id = vcpu->vm->extended ? vrp->vrp_irq_id : 0,
		};
		break;
	case VCPU_INJECT_EX:
		take_exception(vcpu, vie);
		break;
	case VCPU_INJECT_NMI:
		vcpu->nmi = (struct vmm_event) {
			.info = VMM_EVENT(VMMT_ITYPE_nmi, X86_TRAP_NMI),
		};
		break;
	}
}

static void fill_inout(const struct vmm_vcpu *vcpu, struct vm_exit_inout *vei)
{
	const struct vmmt_exit *rec = &vcpu->rec;

	vei->vei_size = rec->width;
	vei->vei_dir = rec->class == VMMT_CLASS_io_in ? VEI_DIR_IN : VEI_DIR_OUT;
	vei->vei_rep = rec->rep;
	vei->vei_string = rec->string;
	vei->vei_encoding = vcpu->x.encoding;
	vei->vei_port = (u16)rec->key;
	vei->vei_data = (u32)vcpu->frame.gprs[VCPU_REGS_RAX];
	vei->vei_insn_len = rec->ilen;
}

static void fill_fault(const struct vmm_vcpu *vcpu, struct vm_exit_eptviolation *vee)
{
	const struct vmm_exit_state *x = &vcpu->x;

	vee->vee_fault_type = x->fault;
	vee->vee_insn_len = vcpu->rec.ilen;
	vee->vee_insn_info = (vcpu->rec.ilen ? VEE_LEN_VALID : 0) |
			     (x->ninsn ? VEE_BYTES_VALID : 0);
	memcpy(vee->vee_insn_bytes, x->insn, x->ninsn);
}

/* Tell userland why RUN returns: the exit it is asked to deal with, if reason
 * is not VM_EXIT_NONE, and all registers. */
static int give_output(struct vmm_vcpu *vcpu, struct vm_run_params *vrp, u16 reason)
{
	struct vm_exit __user *to = (void __user *)vrp->vrp_exit;
	struct vm_exit *out = &vcpu->out;
	const struct vmm_exit_state *x = &vcpu->x;

	memset(out->ve_pad, 0, sizeof(out->ve_pad));
	vmm_vcpu_get_regs(vcpu, VM_RWREGS_ALL, &out->vrs);
	out->cpl = vcpu->rec.cpl;
	out->ve_gpa = out->ve_gla = 0;
	out->ve_exit = vcpu->nexit;
	out->ve_flags = out->ve_addr_size = out->ve_access = 0;
	out->ve_seg = 0xff;
	if (reason != VM_EXIT_NONE && vcpu->last_input) {
		out->ve_seg = x->seg;
		out->ve_addr_size = x->addr_size;
		out->ve_access = x->access;
		if (vcpu->rec.class == VMMT_CLASS_ept) {
			fill_fault(vcpu, &out->vee);
			out->ve_gpa = x->gpa;
			out->ve_gla = x->gla;
			out->ve_flags = x->gla_valid ? VE_GLA_VALID : 0;
		} else {
			fill_inout(vcpu, &out->vei);
		}
	} else if (reason != VM_EXIT_NONE && vcpu->rec.class == VMMT_CLASS_ept) {
		out->vee.vee_fault_type = VEE_FAULT_HANDLED;
	}
	vrp->vrp_exit_reason = reason;
	vrp->vrp_irqready = vmm_irq_ready(vcpu) && !vcpu->irq.info;
	return copy_to_user(to, out, sizeof(*out)) ? -EFAULT : 0;
}

/* ---- one stay in the guest ---- */

static void give_event(struct vmm_vcpu *vcpu, struct vmm_event *event, u8 stage)
{
	vmm_op(inject)(vcpu, event);
	vcpu->rec.injected = event->info;
	vmm_aux_intr(vcpu, stage, event);
	event->info = 0;
}

/* Have exits as soon as the guest can take events of these kinds, VMM_WINDOW_*.
 * That an event begins to wait for it is a stage in its life; which interrupt it
 * is may not be known before the controller is acknowledged. */
__cold void vmm_want_window(struct vmm_vcpu *vcpu, u8 want)
{
	static const struct vmm_event not_known;
	u8 begins = want & ~vcpu->waiting;

	if (begins & VMM_WINDOW_INTR)
		vmm_aux_intr(vcpu, VMMT_STAGE_window,
			     vcpu->irq.info ? &vcpu->irq : &not_known);
	if (begins & VMM_WINDOW_NMI)
		vmm_aux_intr(vcpu, VMMT_STAGE_window, &vcpu->nmi);
	vcpu->waiting = want;
	vmm_op(window)(vcpu, want);
}

static __cold void give_interrupt(struct vmm_vcpu *vcpu)
{
	give_event(vcpu, &vcpu->irq, VMMT_STAGE_injected);
	/* What waits from now on is another one. */
	if (vcpu->waiting)
		vmm_want_window(vcpu, vcpu->waiting & ~VMM_WINDOW_INTR);
}

/* Decide what the guest gets at this entry, and what it should exit for when it can
 * take it. One event an entry (SDM 27.6). */
static void choose_event(struct vmm_vcpu *vcpu)
{
	u8 want = 0;

	if (vcpu->reinject.info)
		give_event(vcpu, &vcpu->reinject, VMMT_STAGE_reinjected);
	else if (vcpu->inject.info)
		give_event(vcpu, &vcpu->inject, VMMT_STAGE_injected);
	else if (vcpu->nmi.info && vmm_nmi_ready(vcpu))
		give_event(vcpu, &vcpu->nmi, VMMT_STAGE_injected);
	else if (vcpu->irq.info && vmm_irq_ready(vcpu))
		give_interrupt(vcpu);
	if (vcpu->irq.info || READ_ONCE(vcpu->intr_pending))
		want |= VMM_WINDOW_INTR;
	if (vcpu->nmi.info)
		want |= VMM_WINDOW_NMI;
	if (want | vcpu->waiting)
		vmm_want_window(vcpu, want);
}

/* Interrupts are off. Most entries have no events: one branch for all kinds. */
static void prepare_events(struct vmm_vcpu *vcpu)
{
	vcpu->rec.injected = 0;
	if (vcpu->reinject.info | vcpu->inject.info | vcpu->nmi.info | vcpu->irq.info |
	    READ_ONCE(vcpu->intr_pending) | vcpu->waiting)
		choose_event(vcpu);
}

/* None of the host's breakpoints may be on while the guest's addresses are in. */
static void load_debug(struct vmm_vcpu *vcpu)
{
	if (hw_breakpoint_active())
		set_debugreg(0, 7);
	set_debugreg(vcpu->dr[0], 0);
	set_debugreg(vcpu->dr[1], 1);
	set_debugreg(vcpu->dr[2], 2);
	set_debugreg(vcpu->dr[3], 3);
}

static void save_debug(struct vmm_vcpu *vcpu)
{
	get_debugreg(vcpu->dr[0], 0);
	get_debugreg(vcpu->dr[1], 1);
	get_debugreg(vcpu->dr[2], 2);
	get_debugreg(vcpu->dr[3], 3);
}

/* From here to the exit nothing may be traced or instrumented: to RCU and the
 * accounting this CPU is in the guest. */
static noinstr void enter_guest(struct vmm_vcpu *vcpu)
{
	bool tracked;

	tracked = context_tracking_guest_enter();
	/* A quiescent state for RCU; telling it once a tick is often enough. */
	if (!tracked && vcpu->noted != jiffies) {
		instrumentation_begin();
		vcpu->noted = jiffies;
		vmm_note_guest();
		instrumentation_end();
	}
	vmm_op(enter)(vcpu);
	context_tracking_guest_exit();
}

/* Whether something must be looked at before the guest is entered. */
static bool must_leave(const struct vmm_vcpu *vcpu)
{
	return xfer_to_guest_mode_work_pending() || READ_ONCE(vcpu->vm->dying) ||
	       !__this_cpu_read(vmm_hw_on);
}

/* Returns false if there was a reason not to enter. */
static bool stay_in_guest(struct vmm_vcpu *vcpu)
{
	preempt_disable();
	vmm_op(vcpu_load)(vcpu);
	local_irq_disable();
	/* Whoever sets a flag and then sees us not running need not kick: we
	 * look at the flags after this. Pairs with vmm_vcpu_kick(). */
	WRITE_ONCE(vcpu->running_cpu, smp_processor_id());
	smp_mb();
	if (must_leave(vcpu)) {
		WRITE_ONCE(vcpu->running_cpu, -1);
		local_irq_enable();
		preempt_enable();
		return false;
	}
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	if (__this_cpu_read(last_vcpu) != vcpu) {
		__this_cpu_write(last_vcpu, vcpu);
		vmm_branch_barrier();
	}
	prepare_events(vcpu);
	vmm_op(prepare)(vcpu);
	if (vmm_host_xcr0 && vmm_host_xcr0 != vcpu->xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
	if (vcpu->dr_live)
		load_debug(vcpu);
	vtime_account_guest_enter();

	enter_guest(vcpu);
	vmm_guest_was_here();

	if (vcpu->dr_live)
		save_debug(vcpu);
	/* An exit disables all breakpoints (SDM 28.5.1, APM 15.6). */
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
	if (vmm_host_xcr0) {
		/* One emulator does not exit for XSETBV: see what is there. */
		vcpu->xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
		if (vmm_host_xcr0 != vcpu->xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, vmm_host_xcr0);
	}
	vmm_op(exit_irqoff)(vcpu);
	WRITE_ONCE(vcpu->running_cpu, -1);
	/* The interrupt that ended the stay is taken here, as guest time. */
	local_irq_enable();
	nop();
	local_irq_disable();
	vtime_account_guest_exit();
	local_irq_enable();
	preempt_enable();
	return true;
}

/* ---- the loop ---- */

/*
 * An exit gives LDTR back as it was when the vCPU came here, or not at all. Meanwhile another
 * thread may have made a new table, and freed the old one. The kernel has written the new one into
 * this CPU's GDT, by interrupt, and does not look again.
 */
static void reload_ldt(void)
{
#ifdef CONFIG_MODIFY_LDT_SYSCALL
	if (unlikely(READ_ONCE(current->mm->context.ldt)))
		asm volatile("lldt %w0" : : "r" (GDT_ENTRY_LDT * 8));
#endif
}

static void sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	struct vmm_vcpu *vcpu = container_of(notifier, struct vmm_vcpu, notifier);

	vcpu->off_since = rdtsc();
	reload_ldt();
	vmm_op(vcpu_put)(vcpu);
	vcpu->cpu_stale = true;
}

static void sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct vmm_vcpu *vcpu = container_of(notifier, struct vmm_vcpu, notifier);

	vcpu->off += rdtsc() - vcpu->off_since;
}

static struct preempt_ops preempt_ops = {
	.sched_in = sched_in,
	.sched_out = sched_out,
};

/* An event that was waiting can be taken: userland wants to know. */
static bool wanted_by_userland(const struct vmm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->intr_pending) && vmm_irq_ready(vcpu) && !vcpu->irq.info;
}

/* What to do about a handled exit; finishes its record. Returns VMM_RESUME,
 * VMM_USERLAND or the errno that ends the vCPU. */
static int conclude(struct vmm_vcpu *vcpu, int did)
{
	u64 handled;
	u8 end = did == VMM_INJECTED ? VMMT_END_injected : VMMT_END_resumed;

	if (did >= 0 && did != VMM_USERLAND && !wanted_by_userland(vcpu)) {
		vmm_exit_finish(vcpu, end, rdtsc(), 0);
		return VMM_RESUME;
	}
	handled = rdtsc();
	vcpu->pending_end = did < 0 ? VMMT_END_killed : VMMT_END_userland;
	vcpu->t_handled = handled;
	return did < 0 ? did : VMM_USERLAND;
}

static int run_loop(struct vmm_vcpu *vcpu, u16 *ret_reason)
{
	int did;

	for (;;) {
		if (vcpu->pvclock_gpa)
			vmm_pvclock_update(vcpu, rdtsc());
		if (!raw_cpu_read(vmm_hw_on))
			return -EIO;	/* the host is going down */
		if (!stay_in_guest(vcpu)) {
			if (signal_pending(current) || test_thread_flag(TIF_NOTIFY_RESUME) ||
			    READ_ONCE(vcpu->vm->dying)) {
				*ret_reason = VM_EXIT_NONE;
				return 0;
			}
			cond_resched();
			continue;
		}
		vmm_op(decode)(vcpu);
		vcpu->nexit++;
		did = conclude(vcpu, vmm_handle_exit(vcpu));
		if (did == VMM_RESUME)
			continue;
		*ret_reason = (u16)vcpu->rec.reason;
		return did < 0 ? did : 0;
	}
}

static void begin_run(struct vmm_vcpu *vcpu, u64 t_run)
{
	vcpu->t_run = t_run;
	if (!vcpu->t_prev)
		vcpu->t_prev = vcpu->t_traced = t_run;
	vcpu->pending_end = VMM_END_NONE;
	vcpu->cpu_stale = true;
	preempt_disable();
	preempt_notifier_init(&vcpu->notifier, &preempt_ops);
	preempt_notifier_register(&vcpu->notifier);
	preempt_enable();
	fpu_swap_kvm_fpstate(&vcpu->fpu, true);
}

static void end_run(struct vmm_vcpu *vcpu)
{
	fpu_swap_kvm_fpstate(&vcpu->fpu, false);
	preempt_disable();
	reload_ldt();
	vmm_op(vcpu_put)(vcpu);
	preempt_notifier_unregister(&vcpu->notifier);
	preempt_enable();
}

/*
 * VMM_IOC_RUN, with t_run the TSC when the call began. Returns 0 with
 * vrp_exit_reason, vrp_irqready and *vrp_exit filled, or, checked in this order:
 * -EPERM not the creator's address space, -EBUSY the vCPU is not stopped,
 * -EINVAL no such event, -EFAULT vrp_exit cannot be read; nothing has changed then.
 * -EFAULT also if vrp_exit cannot be written. Any other errno ended the vCPU:
 * -EIO for HLT with interrupts off, -EINVAL for an exit that cannot be handled
 * or a vCPU that never was reset, -ENOMEM. Takes the vCPU's lock.
 */
int vmm_vcpu_run(struct vmm_vcpu *vcpu, struct vm_run_params *vrp, u64 t_run)
{
	u16 reason = VM_EXIT_NONE;
	u8 state = VCPU_STATE_STOPPED;
	int err, fault;

	if (current->mm != vcpu->vm->mm)
		return -EPERM;
	if (cmpxchg(&vcpu->state, VCPU_STATE_STOPPED, VCPU_STATE_RUNNING) != VCPU_STATE_STOPPED)
		return -EBUSY;
	mutex_lock(&vcpu->lock);
	err = event_valid(&vrp->vrp_inject) ? take_input(vcpu, vrp) : -EINVAL;
	if (err)
		goto unlock;
	take_event(vcpu, vrp);
	if (vrp->vrp_intr_pending)
		WRITE_ONCE(vcpu->intr_pending, true);
	begin_run(vcpu, t_run);
	err = vcpu->ready ? run_loop(vcpu, &reason) : -EINVAL;
	end_run(vcpu);
	WRITE_ONCE(vcpu->intr_pending, false);
	fault = err ? 0 : give_output(vcpu, vrp, reason);
	if (vcpu->pending_end != VMM_END_NONE)
		vmm_exit_finish(vcpu, vcpu->pending_end, vcpu->t_handled, rdtsc());
	if (err) {
		state = VCPU_STATE_TERMINATED;
		vmm_emit_life(vcpu->vm, vcpu, VMMT_LIFE_vcpu_killed, vcpu->rec.reason);
	} else {
		err = fault;
	}
unlock:
	WRITE_ONCE(vcpu->state, state);
	mutex_unlock(&vcpu->lock);
	return err;
}
