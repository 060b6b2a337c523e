// SPDX-License-Identifier: GPL-2.0-only
/* A VMX exit, read once: from the VMCS's exit-information fields (SDM 25.9,
 * 28.2) to the neutral record. */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "vmx.h"

#define CS_AR_L		BIT(13)
#define CS_AR_DB	BIT(14)
#define UNBLOCKED_NMI	BIT(12)		/* "NMI unblocking due to IRET", SDM 28.2.3 */

#define IO_STRING	BIT(4)		/* SDM table 28-5 */

/* Exit qualification for CR accesses, SDM table 28-3. */
#define CR_NUMBER(q)	((q) & 0xf)
#define CR_TYPE(q)	(((q) >> 4) & 3)
#define CR_GPR(q)	(((q) >> 8) & 0xf)
enum { CR_MOV_TO, CR_MOV_FROM };	/* 2: CLTS, 3: LMSW */

/* Interrupts are still off and the VMCS is current: take what it says. */
void vmx_read_exit(struct vmm_vcpu *vcpu)
{
	struct vmx_exit *e = &to_vmx(vcpu)->exit;

	e->reason = vmcs_read(VM_EXIT_REASON);
	e->qualification = vmcs_read(EXIT_QUALIFICATION);
	e->idt_info = vmcs_read(IDT_VECTORING_INFO_FIELD);
	if (e->idt_info & VMM_EVENT_ERROR)
		e->idt_error = vmcs_read(IDT_VECTORING_ERROR_CODE);
	e->insn_len = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	e->interruptibility = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	e->rip = vmcs_read(GUEST_RIP);
	e->rsp = vmcs_read(GUEST_RSP);
	e->rflags = vmcs_read(GUEST_RFLAGS);
	e->cs_ar = vmcs_read(GUEST_CS_AR_BYTES);
	e->ss_ar = vmcs_read(GUEST_SS_AR_BYTES);
	e->long_mode = vmcs_read(VM_ENTRY_CONTROLS) & VM_ENTRY_IA32E_MODE;
	e->real = !e->long_mode && !(vmcs_read(GUEST_CR0) & X86_CR0_PE);
	e->intr_info = 0;
	switch (e->reason) {
	case EXIT_REASON_IO_INSTRUCTION:
		if (e->qualification & IO_STRING)
			e->insn_info = vmcs_read(VMX_INSTRUCTION_INFO);
		break;
	case EXIT_REASON_EPT_VIOLATION:
	case EXIT_REASON_EPT_MISCONFIG:
		e->gpa = vmcs_read(GUEST_PHYSICAL_ADDRESS);
		e->gla = vmcs_read(GUEST_LINEAR_ADDRESS);
		break;
	case EXIT_REASON_EXCEPTION_NMI:
		e->intr_info = vmcs_read(VM_EXIT_INTR_INFO);
		break;
	}
}

static u8 class_of_exception(const struct vmx_exit *e)
{
	switch (vmm_event_type(e->intr_info)) {
	case VMMT_ITYPE_nmi:
		return VMMT_CLASS_nmi;
	case VMMT_ITYPE_privsoft:	/* INT1 */
		return VMMT_CLASS_softint;
	default:
		return VMMT_CLASS_exception;
	}
}

static u8 class_of(const struct vmx_exit *e)
{
	u32 reason = e->reason & 0xffff;

	/* A switch costs a comparison a level; the commonest go first. */
	if (e->reason == EXIT_REASON_IO_INSTRUCTION)
		return VMMT_CLASS_io_in;
	if (e->reason == EXIT_REASON_CPUID)
		return VMMT_CLASS_cpuid;
	if (e->reason & VMX_EXIT_REASONS_FAILED_VMENTRY)
		return VMMT_CLASS_entryfail;
	if (reason == EXIT_REASON_EXCEPTION_NMI)
		return class_of_exception(e);
	switch (reason) {
#define X(lo, hi, class, name) case lo ... hi: return VMMT_CLASS_##class;
	VMMT_VMX_CODES(X)
#undef X
	default:
		return VMMT_CLASS_other;
	}
}

static u8 mode_of(const struct vmx_exit *e)
{
	if (e->long_mode)
		return e->cs_ar & CS_AR_L ? VMMT_MODE_long64 : VMMT_MODE_compat;
	if (e->real)
		return VMMT_MODE_real;
	if (e->rflags & X86_EFLAGS_VM)
		return VMMT_MODE_vm86;
	return e->cs_ar & CS_AR_DB ? VMMT_MODE_prot32 : VMMT_MODE_prot16;
}

/* SDM table 28-5, and 28-8 for what INS and OUTS tell beside. */
static void decode_io(struct vmm_vcpu *vcpu, const struct vmx_exit *e)
{
	struct vmmt_exit *rec = &vcpu->rec;
	struct vmm_exit_state *x = &vcpu->x;
	u64 q = e->qualification;

	rec->class = q & BIT(3) ? VMMT_CLASS_io_in : VMMT_CLASS_io_out;
	rec->width = (u8)((q & 7) + 1);
	rec->string = !!(q & IO_STRING);
	rec->rep = !!(q & BIT(5));
	rec->key = (q >> 16) & 0xffff;
	rec->ilen = (u8)e->insn_len;
	x->encoding = !!(q & BIT(6));
	if (!rec->string) {
		if (rec->class == VMMT_CLASS_io_out)
			rec->value = vcpu->frame.gprs[VCPU_REGS_RAX] &
				     (U32_MAX >> (32 - 8 * rec->width));
		return;
	}
	if (vmx_controls.string_info) {
		x->addr_size = (u8)(2 << ((e->insn_info >> 7) & 7));
		x->seg = (e->insn_info >> 15) & 7;
	} else {
		vmm_insn_string(vcpu);
	}
	if (rec->class == VMMT_CLASS_io_in)
		x->seg = VCPU_REGS_ES;
}

/*
 * SDM table 28-7. A walk of the guest's page tables counts as a write, on every processor: that is
 * how SVM tells it, and VMX if EPT has accessed and dirty flags (SDM 29.3.3.2). Bit 8 is clear for
 * a walk; bit 7 too for the load of PDPTEs.
 */
static void decode_ept(struct vmm_vcpu *vcpu, const struct vmx_exit *e)
{
	struct vmm_exit_state *x = &vcpu->x;
	u64 q = e->qualification;

	x->gpa = e->gpa;
	x->gla_valid = !!(q & BIT(7));
	x->gla = x->gla_valid ? e->gla : 0;
	x->access = q & BIT(2) ? VMMT_ACCESS_x :
		    (q & BIT(1)) || !(q & BIT(8)) ? VMMT_ACCESS_w : VMMT_ACCESS_r;
	x->present = (q >> 3) & 7;
	vcpu->rec.key = e->gpa;
	vcpu->rec.info2 = e->gpa;
	/* Finding and clearing a page leaves the host's data in the cache. */
	to_vmx(vcpu)->l1d_flush = true;
}

static void decode_cr(struct vmm_vcpu *vcpu, const struct vmx_exit *e)
{
	struct vmmt_exit *rec = &vcpu->rec;
	u64 q = e->qualification;

	rec->class = CR_TYPE(q) == CR_MOV_FROM ? VMMT_CLASS_cr_read : VMMT_CLASS_cr_write;
	rec->key = CR_TYPE(q) <= CR_MOV_FROM ? CR_NUMBER(q) : 0;
	if (CR_TYPE(q) == CR_MOV_TO)
		rec->value = vcpu->frame.gprs[CR_GPR(q)];
	if (rec->mode != VMMT_MODE_long64)
		rec->value = (u32)rec->value;
}

/* An event whose delivery the exit cut off is given again (SDM 28.2.4); the
 * instruction of a soft one runs again. */
static void decode_vectoring(struct vmm_vcpu *vcpu, const struct vmx_exit *e)
{
	u32 type = vmm_event_type(e->idt_info);

	vcpu->rec.vectoring = e->idt_info & VMM_EVENT_VALID ? e->idt_info : 0;
	vcpu->rec.vecerror = 0;
	if (!(e->idt_info & VMM_EVENT_VALID))
		return;
	if (e->idt_info & VMM_EVENT_ERROR)
		vcpu->rec.vecerror = e->idt_error;
	if (type >= VMMT_ITYPE_softint)
		return;
	vcpu->reinject.info = e->idt_info & ~BIT(12);
	vcpu->reinject.error = e->idt_error;
	vcpu->reinject.irq_id = type == VMMT_ITYPE_intr ? to_vmx(vcpu)->irq_id : 0;
	/* An NMI cannot be given while its own delivery blocks it. */
	if (type == VMMT_ITYPE_nmi)
		vcpu->nmi_blocked = false;
}

/* An IRET that ended the blocking of NMIs, and then faulted, will do so again (SDM 28.2.3). */
static void decode_blocking(struct vmm_vcpu *vcpu, const struct vmx_exit *e)
{
	bool unblocked = e->reason == EXIT_REASON_EPT_VIOLATION ? e->qualification & UNBLOCKED_NMI :
			 (e->intr_info & UNBLOCKED_NMI) &&
			 vmm_event_vector(e->intr_info) != X86_TRAP_DF;

	vcpu->shadow = e->interruptibility & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
	vcpu->nmi_blocked = (e->interruptibility & GUEST_INTR_STATE_NMI) ||
			    (unblocked && !(e->idt_info & VMM_EVENT_VALID));
}

static void decode_class(struct vmm_vcpu *vcpu, const struct vmx_exit *e)
{
	struct vmmt_exit *rec = &vcpu->rec;

	switch (rec->class) {
	case VMMT_CLASS_io_in:
		decode_io(vcpu, e);
		break;
	case VMMT_CLASS_ept:
	case VMMT_CLASS_misconfig:
		decode_ept(vcpu, e);
		break;
	case VMMT_CLASS_cr_read:
		decode_cr(vcpu, e);
		break;
	case VMMT_CLASS_dr_read:
		rec->class = e->qualification & BIT(4) ? VMMT_CLASS_dr_read : VMMT_CLASS_dr_write;
		rec->key = e->qualification & 7;
		break;
	case VMMT_CLASS_softint:
		rec->key = vmm_event_vector(e->intr_info);
		break;
	case VMMT_CLASS_exception:
		rec->key = vmm_event_vector(e->intr_info);
		if (rec->key == X86_TRAP_DB)
			to_vmx(vcpu)->dr6 = (to_vmx(vcpu)->dr6 & ~0xfULL) | (e->qualification & 0x600f);
		break;
	}
}

void vmx_decode(struct vmm_vcpu *vcpu)
{
	const struct vmx_exit *e = &to_vmx(vcpu)->exit;
	struct vmmt_exit *rec = &vcpu->rec;

	vcpu->frame.gprs[VCPU_REGS_RSP] = e->rsp;
	vcpu->frame.gprs[VCPU_REGS_RIP] = e->rip;
	vcpu->frame.gprs[VCPU_REGS_RFLAGS] = e->rflags;
	decode_blocking(vcpu, e);
	rec->reason = e->reason;
	rec->info1 = e->qualification;
	rec->info2 = 0;
	rec->rip = e->rip;
	rec->cpl = (e->ss_ar >> 5) & 3;
	rec->mode = mode_of(e);
	rec->class = class_of(e);
	rec->key = rec->value = 0;
	rec->ilen = rec->width = rec->rep = rec->string = 0;
	vcpu->x.next_rip = e->rip + e->insn_len;
	vcpu->x.ninsn = 0;
	vcpu->x.seg = 0xff;
	vcpu->x.addr_size = 0;
	vcpu->x.access = 0;
	decode_vectoring(vcpu, e);
	decode_class(vcpu, e);
}

/* Exits that only VMX has, and those that nobody asked for. */
int vmx_handle(struct vmm_vcpu *vcpu)
{
	const struct vmx_exit *e = &to_vmx(vcpu)->exit;
	int did;

	switch (vcpu->rec.class) {
	case VMMT_CLASS_cr_read:
	case VMMT_CLASS_cr_write:
		did = vmx_handle_cr(vcpu);
		if (did >= 0)
			return did;
		break;
	case VMMT_CLASS_entryfail:
		vmx_tell_entry_failure(vcpu);
		return -EINVAL;
	}
	pr_info_ratelimited("vm %u vcpu %u: exit %s (%u) cannot be handled, RIP %#llx qualification %#llx\n",
			    vcpu->vm->id, vcpu->id, vmx_exit_name(e->reason), e->reason, e->rip,
			    e->qualification);
	return -EINVAL;
}
