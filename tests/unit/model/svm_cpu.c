/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model processor with SVM. APM is AMD's manual, volume 2. It keeps what a
 * VMCB's clean bits allow it to keep, by the VMCB's address and for ever, and
 * translations by ASID.
 */
#include "model.h"
#include "svm_insn.h"

#include "svm/svm.h"

#define NASIDS		7		/* CPUID 8000_000A EBX: 0 to 6, so that they run out */
#define MAX_KEPT	64		/* VMCBs a CPU keeps parts of */
#define HOST_MAGIC	0x484f5354	/* in a page that VMSAVE wrote */

/* What a clean bit covers, APM 15.15.3; and NP_ENABLE, to be on the safe side. */
#define COVERED(C) \
	C(INTERCEPTS, control.intercepts) C(INTERCEPTS, control.tsc_offset) \
	C(INTERCEPTS, control.pause_filter_count) C(INTERCEPTS, control.pause_filter_thresh) \
	C(IOPM_MSRPM, control.iopm_base_pa) C(IOPM_MSRPM, control.msrpm_base_pa) \
	C(ASID, control.asid) \
	C(TPR, control.int_ctl) C(TPR, control.int_vector) \
	C(NP, control.nested_ctl) C(NP, control.nested_cr3) C(NP, save.g_pat) \
	C(CR, save.cr0) C(CR, save.cr3) C(CR, save.cr4) C(CR, save.efer) \
	C(DR, save.dr6) C(DR, save.dr7) \
	C(DT, save.gdtr) C(DT, save.idtr) \
	C(SEG, save.es) C(SEG, save.cs) C(SEG, save.ss) C(SEG, save.ds) C(SEG, save.cpl) \
	C(CR2, save.cr2) \
	C(LBR, save.dbgctl) C(LBR, save.br_from) C(LBR, save.br_to) \
	C(LBR, save.last_excp_from) C(LBR, save.last_excp_to) \
	C(AVIC, control.avic_vapic_bar) C(AVIC, control.avic_backing_page) \
	C(AVIC, control.avic_logical_id) C(AVIC, control.avic_physical_id)

static const struct {
	const char *name;
	unsigned int bit, offset, size;
} covered[] = {
#define C(bit, field) { #field, SVM_CLEAN_##bit, offsetof(struct vmcb, field), \
			sizeof(((struct vmcb *)0)->field) },
	COVERED(C)
#undef C
};

struct kept {
	u64 pa;				/* 0: none */
	u32 groups;			/* those that are here */
	struct vmcb vmcb;
};

static struct svm_model {
	u64 efer, hsave, vm_cr, bp_cfg;
	bool gif, divided;		/* the divider has nothing of the host's */
	struct kept kept[MAX_KEPT];
} cpus[MODEL_CPUS];

/* What VMSAVE wrote into the host's page. */
struct host_state {
	u32 magic;
	int cpu, thread;
};

static struct svm_model *this_cpu(void)
{
	return &cpus[smp_processor_id()];
}

/* PKRU goes with the thread, and no guest is told of it. */
#define MAX_THREADS	64
#define THREAD_PKRU(n)	(0x55555550u + (n))
static u32 changed_pkru[MAX_THREADS];	/* exclusive or */

u32 rdpkru(void)
{
	return THREAD_PKRU(model_self()) ^ changed_pkru[model_self()];
}

void wrpkru(u32 value)
{
	changed_pkru[model_self()] = value ^ THREAD_PKRU(model_self());
}

void svm_clear_divider(void)
{
	this_cpu()->divided = true;
}

static void on_irq_enable(void)
{
	if (rdpkru() != THREAD_PKRU(model_self()))
		model_broken("the thread has a guest's PKRU");
	if (!this_cpu()->gif)
		model_broken("interrupts are opened with GIF 0");
}

void model_svm_init(void)
{
	int cpu;

	model_on_irq_enable = on_irq_enable;
	memset(cpus, 0, sizeof(cpus));
	memset(changed_pkru, 0, sizeof(changed_pkru));
	model_host_init();
	for (cpu = 0; cpu < MODEL_CPUS; cpu++) {
		cpus[cpu].gif = true;
		cpus[cpu].efer = EFER_LME | EFER_LMA | EFER_SCE;
	}
}

/* Another hypervisor may have been here while SVM was off. */
static void spoil(struct svm_model *c)
{
	struct kept *k;

	model_tlb_spoil(1, NASIDS - 1, 0);
	for (k = c->kept; k < c->kept + MAX_KEPT && k->pa; k++)
		memset(&k->vmcb, 0xcc, sizeof(k->vmcb));
}

/* ---- registers ---- */

bool model_has(const char *feature)
{
	static const char *const has[] = {
		"X86_FEATURE_SVM", "X86_FEATURE_NPT", "X86_FEATURE_NRIPS",
		"X86_FEATURE_DECODEASSISTS", "X86_FEATURE_OSPKE", "X86_FEATURE_USE_IBPB",
		"X86_FEATURE_IBPB_EXIT_TO_USER", "X86_FEATURE_SRSO_BP_SPEC_REDUCE", "X86_BUG_DIV0",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(has); i++)
		if (!strcmp(has[i], feature))
			return true;
	return false;
}

u32 model_cpuid_ebx(u32 leaf)
{
	return leaf == 0x8000000a ? NASIDS : 0;
}

u64 rdtsc(void)
{
	static u64 tsc;

	return ++tsc;
}

u64 model_rdmsr(u32 index)
{
	switch (index) {
	case MSR_EFER:
		return cpus[model_raw_cpu()].efer;
	case MSR_ZEN4_BP_CFG:
		return cpus[model_raw_cpu()].bp_cfg;
	case MSR_VM_HSAVE_PA:
		return cpus[model_raw_cpu()].hsave;
	default:
		return 0;
	}
}

void model_wrmsr(u32 index, u64 value)
{
	struct svm_model *c = this_cpu();

	switch (index) {
	case MSR_EFER:
		if ((c->efer & ~value & EFER_SVME) && !c->gif)
			model_broken("SVM is switched off with GIF 0");
		if ((~c->efer & value & EFER_SVME) && model_going_down)
			model_broken("SVM is switched on while the host goes down");
		if (~c->efer & value & EFER_SVME)
			spoil(c);
		c->efer = value;
		break;
	case MSR_VM_HSAVE_PA:
		c->hsave = value;
		break;
	case MSR_ZEN4_BP_CFG:
		c->bp_cfg = value;
		break;
	case MSR_IA32_PRED_CMD:
		model_host_barrier();
		break;
	}
}

/* ---- instructions ---- */

void svm_clgi(void)
{
	if (!(this_cpu()->efer & EFER_SVME))
		model_broken("CLGI without EFER.SVME");
	this_cpu()->gif = false;
}

void svm_stgi(void)
{
	if (!(this_cpu()->efer & EFER_SVME))
		model_broken("STGI without EFER.SVME");
	this_cpu()->gif = true;
}

void svm_vmsave(u64 pa)
{
	if (!(this_cpu()->efer & EFER_SVME))
		model_broken("VMSAVE without EFER.SVME");
	*(struct host_state *)__va(__sme_clr(pa)) = (struct host_state){
		HOST_MAGIC, smp_processor_id(), model_self(),
	};
}

void svm_host_mce(void)
{
}

/* What this CPU keeps of the VMCB at pa. */
static struct kept *kept_of(struct svm_model *c, u64 pa)
{
	struct kept *k;

	for (k = c->kept; k < c->kept + MAX_KEPT && k->pa; k++)
		if (k->pa == pa)
			return k;
	if (k == c->kept + MAX_KEPT)
		k = c->kept + model_random(MAX_KEPT);
	*k = (struct kept){ .pa = pa };
	return k;
}

/* Read the VMCB: what is clean comes from what was kept, if it was. */
static void load(struct kept *k, const struct vmcb *vmcb)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(covered); i++) {
		u8 *mine = (u8 *)&k->vmcb + covered[i].offset;
		const u8 *memory = (const u8 *)vmcb + covered[i].offset;

		if ((k->groups & BIT(covered[i].bit)) &&
		    (vmcb->control.clean & BIT(covered[i].bit))) {
			model_counts.clean++;
			if (memcmp(mine, memory, covered[i].size))
				model_broken("VMCB %p: %s has changed under its clean bit %u",
					     (void *)vmcb, covered[i].name, covered[i].bit);
		}
		memcpy(mine, memory, covered[i].size);
	}
	k->groups = SVM_CLEAN_ALL;
}

/* At an exit memory and what is kept are the same. */
static void store(struct kept *k, const struct vmcb *vmcb)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(covered); i++)
		memcpy((u8 *)&k->vmcb + covered[i].offset, (const u8 *)vmcb + covered[i].offset,
		       covered[i].size);
}

/* Some of VMRUN's checks, APM 15.5.1. */
static bool valid(const struct vmcb *vmcb)
{
	return vmcb->control.asid && vmcb->control.asid < NASIDS &&
	       (vmcb->save.efer & EFER_SVME) &&
	       (vmcb->control.intercepts[4] & BIT(INTERCEPT_VMRUN % 32)) &&
	       !(vmcb->save.efer >> 32);
}

/* TLB_CONTROL, APM 15.16.1. */
static void flush_for(const struct vmcb_control_area *ctl)
{
	switch (ctl->tlb_ctl) {
	case TLB_CONTROL_DO_NOTHING:
		return;
	case TLB_CONTROL_FLUSH_ALL_ASID:
		model_tlb_flush(true, true, NULL, NULL);
		model_counts.flushes++;
		return;
	default:
		model_broken("TLB_CONTROL %u, which CPUID does not offer", ctl->tlb_ctl);
	}
}

static void exit_with(struct vmcb *vmcb, u32 code, u64 info1, u64 info2, unsigned int len)
{
	vmcb->control.exit_code = code;
	vmcb->control.exit_info_1 = info1;
	vmcb->control.exit_info_2 = info2;
	vmcb->control.next_rip = vmcb->save.rip + len;
}

static void exit_msr(struct vmcb *vmcb, struct vmm_frame *frame)
{
	static const u32 index[] = { MSR_EFER, MSR_IA32_CR_PAT, 0x10a };
	static const u64 pats[] = { 0x0007040600070406ULL, 0x0606060606060606ULL };
	bool write = model_chance(2);
	u32 msr = index[model_random(ARRAY_SIZE(index))];
	u64 value = 0;

	if (msr == MSR_EFER)
		value = (vmcb->save.efer & ~(u64)EFER_SVME) ^ (model_chance(2) ? EFER_NX : 0);
	else if (msr == MSR_IA32_CR_PAT)
		value = pats[model_random(ARRAY_SIZE(pats))];
	frame->gprs[VCPU_REGS_RCX] = msr;
	frame->gprs[VCPU_REGS_RDX] = value >> 32;
	vmcb->save.rax = (u32)value;
	exit_with(vmcb, SVM_EXIT_MSR, write, 0, 2);
}

/* An instruction that exits, drawn. */
static void act(struct vmcb *vmcb, struct vmm_frame *frame)
{
	switch (model_random(8)) {
	case 0:
		exit_with(vmcb, SVM_EXIT_CPUID, 0, 0, 2);
		break;
	case 1:
	case 2:
		exit_msr(vmcb, frame);
		break;
	case 3:
		exit_with(vmcb, SVM_EXIT_IOIO, (0x80ULL << 16) | (1 << SVM_IOIO_SIZE_SHIFT) |
			  (model_chance(2) ? SVM_IOIO_TYPE_MASK : 0), vmcb->save.rip + 2, 2);
		break;
	case 4:
		exit_with(vmcb, SVM_EXIT_HLT, 0, 0, 1);
		break;
	case 5:
		if (vmcb->control.intercepts[INTERCEPT_DR]) {
			exit_with(vmcb, SVM_EXIT_READ_DR0, 0, 0, 3);
			break;
		}
		/* fallthrough */
	case 6:
		if (vmcb->control.intercepts[INTERCEPT_IRET / 32] & BIT(INTERCEPT_IRET % 32)) {
			exit_with(vmcb, SVM_EXIT_IRET, 0, 0, 1);
			break;
		}
		/* fallthrough */
	default:
		vmcb->save.dr6 ^= 1;
		exit_with(vmcb, SVM_EXIT_EXCP_BASE + X86_TRAP_DB, 0, 0, 0);
	}
}

/* What the guest did to its state on the way. */
static void change_state(struct vmcb *vmcb)
{
	if (model_chance(4))
		vmcb->save.cr2 = model_random(1 << 20);
	if (model_chance(4))
		vmcb->save.cr0 ^= X86_CR0_TS;
	if (model_chance(4))
		vmcb->save.gdtr.limit = model_random(0x10000);
	if (model_chance(4))
		vmcb->save.ds.selector = 8 * model_random(16);
	if (model_chance(4))
		vmcb->save.rsp = model_random(1 << 20);
	if (model_chance(8))
		vmcb->save.rflags ^= X86_EFLAGS_TF;
}

static bool window_open(const struct vmcb *vmcb)
{
	return (vmcb->control.int_ctl & V_IRQ_MASK) && (vmcb->save.rflags & X86_EFLAGS_IF) &&
	       (vmcb->control.intercepts[INTERCEPT_VINTR / 32] & BIT(INTERCEPT_VINTR % 32));
}

static void stay(struct vmcb *vmcb, struct vmm_frame *frame)
{
	u64 cr3 = vmcb->save.cr3;
	struct model_tag tag = { .id = vmcb->control.asid };
	struct model_guest guest = {
		.linear = tag, .physical = tag, .root = vmcb->control.nested_cr3,	/* with the bit that says encrypted */
		.present = _PAGE_PRESENT, .access = _PAGE_RW | _PAGE_NX, .cr3 = &cr3,
		.paging = vmcb->save.cr4 & X86_CR4_PGE,
	};

	switch (model_guest_run(&guest)) {
	case MODEL_END_FAULT:
		exit_with(vmcb, SVM_EXIT_NPF, guest.mapped | guest.write << 1 | BIT_ULL(2),
			  guest.gpa, 0);
		vmcb->control.insn_len = 0;
		/* The event may not have been delivered: it is told back. */
		if (model_chance(2))
			vmcb->control.exit_int_info = vmcb->control.event_inj;
		break;
	case MODEL_END_INTR:
		exit_with(vmcb, SVM_EXIT_INTR, 0, 0, 0);
		break;
	case MODEL_END_ACT:
		vmcb->save.rip += 16;
		model_counts.windows += window_open(vmcb);
		if (window_open(vmcb))
			exit_with(vmcb, SVM_EXIT_VINTR, 0, 0, 0);
		else
			act(vmcb, frame);
	}
	vmcb->save.cr3 = cr3;
	change_state(vmcb);
}

static void check_entry(const struct svm_model *c, const struct vmm_frame *frame)
{
	const struct host_state *host = __va(__sme_clr(frame->host_pa));

	if (!model_irqs_off() || c->gif)
		model_broken("VMRUN with interrupts on or GIF 1");
	if (!(c->efer & EFER_SVME) || !c->hsave)
		model_broken("VMRUN without EFER.SVME or VM_HSAVE_PA");
	if (!(c->bp_cfg & BIT(MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT)))
		model_broken("VMRUN while the host speculates as without guests (SRSO)");
	if (!c->divided)
		model_broken("VMRUN with a quotient of the host's in the divider");
	if (!host || host->magic != HOST_MAGIC || host->cpu != smp_processor_id() ||
	    host->thread != model_self())
		model_broken("the host's state after the exit would be another CPU's or thread's");
}

/* In place of entry.S. */
void svm_vmrun(struct vmm_frame *frame)
{
	struct svm_model *c = this_cpu();
	struct vmcb *vmcb = __va(__sme_clr(frame->guest_pa));
	struct kept *k = kept_of(c, frame->guest_pa);

	check_entry(c, frame);
	c->divided = false;
	model_host_enters(frame);
	if (model_chance(8))
		wrpkru(model_random(U32_MAX));
	frame->t_enter = rdtsc();
	load(k, vmcb);
	vmcb->control.exit_int_info = 0;
	if (valid(vmcb)) {
		model_counts.nmis += vmm_event_type(vmcb->control.event_inj) == VMMT_ITYPE_nmi;
		flush_for(&vmcb->control);
		stay(vmcb, frame);
		store(k, vmcb);
	} else {
		/* Nothing says that a VMRUN which fails has flushed. */
		model_counts.refused++;
		exit_with(vmcb, SVM_EXIT_ERR, 0, 0, 0);
	}
	frame->t_exit = rdtsc();
}
