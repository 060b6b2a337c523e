// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checks that a VM entry makes of the guest's state (SDM 27.3.1), made by
 * ourselves to name the one that failed: the processor only says that one did.
 * In the manual's order; of features that no guest has, none.
 */
#include <linux/kernel.h>

#include <asm/msr-index.h>
#include <asm/processor.h>
#include <asm/processor-flags.h>

#include "vmx.h"

/* Access rights of a segment, SDM table 25-2. */
#define SEG_TYPE(ar)	((ar) & 0xf)
#define SEG_S		BIT(4)
#define SEG_DPL(ar)	(((ar) >> 5) & 3)
#define SEG_P		BIT(7)
#define SEG_RESERVED	(GENMASK(11, 8) | GENMASK(31, 17))
#define SEG_L		BIT(13)
#define SEG_DB		BIT(14)
#define SEG_G		BIT(15)
#define SEG_UNUSABLE	BIT(16)
#define TYPE_CODE	BIT(3)
#define SELECTOR_TI	BIT(2)

#define PENDING_BS	BIT_ULL(14)

enum { ES, CS, SS, DS, FS, GS, LDTR, TR };
static const char *const segment_names[] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR" };

/* What several rules need, read once. */
struct guest {
	u64 cr0, cr4, efer, rflags, rip;
	u32 entry_ctl, event, interruptibility;
	bool long_mode, v86;
	struct {
		u16 selector;
		u32 limit, ar;
		u64 base;
	} seg[8];
};

static void read_guest(struct guest *g)
{
	unsigned int i;

	g->cr0 = vmcs_read(GUEST_CR0);
	g->cr4 = vmcs_read(GUEST_CR4);
	g->efer = vmcs_read(GUEST_IA32_EFER);
	g->rflags = vmcs_read(GUEST_RFLAGS);
	g->rip = vmcs_read(GUEST_RIP);
	g->entry_ctl = vmcs_read(VM_ENTRY_CONTROLS);
	g->event = vmcs_read(VM_ENTRY_INTR_INFO_FIELD);
	g->interruptibility = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	g->long_mode = g->entry_ctl & VM_ENTRY_IA32E_MODE;
	g->v86 = g->rflags & X86_EFLAGS_VM;
	for (i = 0; i < ARRAY_SIZE(g->seg); i++) {
		g->seg[i].selector = (u16)vmcs_read_segment(i, SELECTOR);
		g->seg[i].limit = (u32)vmcs_read_segment(i, LIMIT);
		g->seg[i].ar = (u32)vmcs_read_segment(i, AR_BYTES);
		g->seg[i].base = vmcs_read_segment(i, BASE);
	}
}

static bool canonical(u64 address)
{
	unsigned int bits = boot_cpu_data.x86_virt_bits;

	return (u64)((s64)(address << (64 - bits)) >> (64 - bits)) == address;
}

static bool usable(const struct guest *g, unsigned int i)
{
	return !(g->seg[i].ar & SEG_UNUSABLE);
}

/* The first rule that does not hold is what the function returns. */
#define RULE(holds, text) do { if (!(holds)) return text; } while (0)

/* 27.3.1.1 */
static const char *control_registers(const struct guest *g)
{
	const struct vmx_controls *c = &vmx_controls;
	u64 fixed0 = c->cr0_fixed0 & ~(u64)(X86_CR0_PE | X86_CR0_PG | X86_CR0_NW | X86_CR0_CD);

	RULE(!(~g->cr0 & fixed0), "CR0 lacks a bit that VMX operation fixes to 1");
	RULE(!(g->cr0 & ~c->cr0_fixed1), "CR0 has a bit that VMX operation fixes to 0");
	RULE(!(g->cr0 & X86_CR0_PG) || (g->cr0 & X86_CR0_PE), "CR0.PG without CR0.PE");
	RULE(!(~g->cr4 & c->cr4_fixed0), "CR4 lacks a bit that VMX operation fixes to 1");
	RULE(!(g->cr4 & ~c->cr4_fixed1), "CR4 has a bit that VMX operation fixes to 0");
	RULE(!g->long_mode || (g->cr0 & X86_CR0_PG), "IA-32e mode without CR0.PG");
	RULE(!g->long_mode || (g->cr4 & X86_CR4_PAE), "IA-32e mode without CR4.PAE");
	RULE(g->long_mode || !(g->cr4 & X86_CR4_PCIDE), "CR4.PCIDE without IA-32e mode");
	RULE(!(vmcs_read(GUEST_CR3) >> boot_cpu_data.x86_phys_bits),
	     "CR3 beyond the processor's physical addresses");
	RULE(!(vmcs_read(GUEST_DR7) >> 32), "DR7 has bits above 31");
	return NULL;
}

static const char *msrs(const struct guest *g)
{
	const u64 known = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;

	RULE(canonical(vmcs_read(GUEST_SYSENTER_ESP)), "SYSENTER_ESP is not canonical");
	RULE(canonical(vmcs_read(GUEST_SYSENTER_EIP)), "SYSENTER_EIP is not canonical");
	RULE(vmm_pat_valid(vmcs_read(GUEST_IA32_PAT)), "IA32_PAT has a memory type there is not");
	RULE(!(g->efer & ~known), "IA32_EFER has reserved bits");
	RULE(!(g->efer & EFER_LMA) == !g->long_mode, "IA32_EFER.LMA is not what IA-32e mode is");
	RULE(!(g->cr0 & X86_CR0_PG) || !(g->efer & EFER_LMA) == !(g->efer & EFER_LME),
	     "IA32_EFER.LMA is not LME, with paging on");
	return NULL;
}

/* 27.3.1.2, a segment in virtual-8086 mode */
static const char *v86_segment(const struct guest *g, unsigned int i)
{
	RULE(g->seg[i].base == (u64)g->seg[i].selector << 4,
	     "its base is not its selector times 16, in virtual-8086 mode");
	RULE(g->seg[i].limit == 0xffff, "its limit is not 0xffff, in virtual-8086 mode");
	RULE(g->seg[i].ar == 0xf3, "its access rights are not 0xf3, in virtual-8086 mode");
	return NULL;
}

/* What holds for any segment that is usable. */
static const char *descriptor(const struct guest *g, unsigned int i)
{
	u32 limit = g->seg[i].limit, ar = g->seg[i].ar;

	RULE(ar & SEG_P, "it is not present");
	RULE(!(ar & SEG_RESERVED), "its access rights have reserved bits");
	RULE(!(ar & SEG_G) || (limit & 0xfff) == 0xfff,
	     "its limit has low bits clear with granularity 4 KiB");
	RULE((ar & SEG_G) || !(limit >> 20), "its limit is above 1 MiB with granularity 1 byte");
	return NULL;
}

static const char *code_segment(const struct guest *g)
{
	u32 ar = g->seg[CS].ar, type = SEG_TYPE(ar);

	RULE(type == 3 || (type & 9) == 9, "its type is neither accessed code nor 3");
	RULE(ar & SEG_S, "it is a system segment");
	RULE(type != 3 || !SEG_DPL(ar), "its DPL is not 0, with type 3");
	RULE((type != 9 && type != 11) || SEG_DPL(ar) == SEG_DPL(g->seg[SS].ar),
	     "its DPL is not SS's, with a non-conforming type");
	RULE((type != 13 && type != 15) || SEG_DPL(ar) <= SEG_DPL(g->seg[SS].ar),
	     "its DPL is above SS's, with a conforming type");
	RULE(!g->long_mode || !(ar & SEG_L) || !(ar & SEG_DB), "it has both L and D/B");
	RULE(!(g->seg[CS].base >> 32), "its base is above 4 GiB");
	return NULL;
}

static const char *data_segment(const struct guest *g, unsigned int i)
{
	u32 ar = g->seg[i].ar;

	if (i == SS)
		RULE(!SEG_DPL(ar) || (SEG_TYPE(g->seg[CS].ar) != 3 && (g->cr0 & X86_CR0_PE)),
		     "its DPL is not 0, with CS of type 3 or CR0.PE 0");
	if (i == FS || i == GS)
		RULE(canonical(g->seg[i].base), "its base is not canonical");
	if (!usable(g, i))
		return NULL;
	if (i == SS)
		RULE((SEG_TYPE(ar) & ~4u) == 3, "its type is not accessed, writable data");
	RULE(ar & 1, "its type is not accessed");
	RULE(!(ar & TYPE_CODE) || (ar & 2), "its type is code that cannot be read");
	RULE(ar & SEG_S, "it is a system segment");
	RULE(i == FS || i == GS || !(g->seg[i].base >> 32), "its base is above 4 GiB");
	return descriptor(g, i);
}

static const char *system_segment(const struct guest *g, unsigned int i)
{
	u32 ar = g->seg[i].ar, type = SEG_TYPE(ar);

	if (i == LDTR && !usable(g, i))
		return NULL;
	RULE(!(g->seg[i].selector & SELECTOR_TI), "its selector is in the local table");
	RULE(canonical(g->seg[i].base), "its base is not canonical");
	if (i == TR) {
		RULE(usable(g, i), "it is unusable");
		RULE(type == 11 || (type == 3 && !g->long_mode), "its type is not a busy TSS");
	} else {
		RULE(type == 2, "its type is not LDT");
	}
	RULE(!(ar & SEG_S), "it is not a system segment");
	return descriptor(g, i);
}

static const char *segment(const struct guest *g, unsigned int i)
{
	const char *broken;

	if (i == LDTR || i == TR)
		return system_segment(g, i);
	if (g->v86)
		return v86_segment(g, i);
	if (i != CS)
		return data_segment(g, i);
	broken = code_segment(g);
	return broken ? broken : descriptor(g, CS);
}

/* 27.3.1.3 and 27.3.1.4 */
static const char *tables_and_flags(const struct guest *g)
{
	bool long64 = g->long_mode && (g->seg[CS].ar & SEG_L);

	RULE(canonical(vmcs_read(GUEST_GDTR_BASE)), "GDTR's base is not canonical");
	RULE(canonical(vmcs_read(GUEST_IDTR_BASE)), "IDTR's base is not canonical");
	RULE(!(vmcs_read(GUEST_GDTR_LIMIT) >> 16), "GDTR's limit is above 0xffff");
	RULE(!(vmcs_read(GUEST_IDTR_LIMIT) >> 16), "IDTR's limit is above 0xffff");
	RULE(long64 || !(g->rip >> 32), "RIP is above 4 GiB, outside 64-bit mode");
	RULE(!long64 || canonical(g->rip), "RIP is not canonical");
	RULE(!(g->rflags & ~(u64)0x3f7fd7), "RFLAGS has reserved bits");
	RULE(g->rflags & X86_EFLAGS_FIXED, "RFLAGS lacks bit 1");
	RULE(!g->v86 || (!g->long_mode && (g->cr0 & X86_CR0_PE)),
	     "RFLAGS.VM in IA-32e mode, or with CR0.PE 0");
	RULE(vmm_event_type(g->event) != VMMT_ITYPE_intr || !(g->event & VMM_EVENT_VALID) ||
	     (g->rflags & X86_EFLAGS_IF), "RFLAGS.IF is 0, with an interrupt injected");
	return NULL;
}

/* 27.3.1.5: what blocks events, and what is injected all the same */
static const char *interruptibility(const struct guest *g)
{
	const u32 shadow = GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS;
	u32 blocked = g->interruptibility, type = vmm_event_type(g->event);
	bool event = g->event & VMM_EVENT_VALID;

	RULE(!(blocked & ~0x1fu), "interruptibility has reserved bits");
	RULE((blocked & shadow) != shadow, "both STI and MOV SS block");
	RULE(!(blocked & GUEST_INTR_STATE_STI) || (g->rflags & X86_EFLAGS_IF),
	     "STI blocks, with RFLAGS.IF 0");
	RULE(!event || type != VMMT_ITYPE_intr || !(blocked & shadow),
	     "an interrupt is injected while STI or MOV SS blocks");
	RULE(!event || type != VMMT_ITYPE_nmi || !(blocked & shadow),
	     "an NMI is injected while STI or MOV SS blocks");
	RULE(!event || type != VMMT_ITYPE_nmi || !(blocked & GUEST_INTR_STATE_NMI),
	     "an NMI is injected while NMIs are blocked");
	RULE(!(blocked & GUEST_INTR_STATE_SMI), "SMIs are blocked outside system-management mode");
	return NULL;
}

static const char *non_registers(const struct guest *g)
{
	const u32 shadow = GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS;
	u64 pending = vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS);
	u32 activity = vmcs_read(GUEST_ACTIVITY_STATE);
	bool step = (g->rflags & X86_EFLAGS_TF) &&
		    !(vmcs_read(GUEST_IA32_DEBUGCTL) & DEBUGCTLMSR_BTF);
	const char *broken;

	RULE(activity == GUEST_ACTIVITY_ACTIVE || activity == GUEST_ACTIVITY_HLT,
	     "an activity state that we never ask for");
	RULE(activity == GUEST_ACTIVITY_ACTIVE || !(g->interruptibility & shadow),
	     "not active while STI or MOV SS blocks");
	broken = interruptibility(g);
	if (broken)
		return broken;
	RULE(!(pending & ~0x1500fULL), "pending debug exceptions have reserved bits");
	if ((g->interruptibility & shadow) || activity == GUEST_ACTIVITY_HLT)
		RULE(!(pending & PENDING_BS) == !step,
		     "pending debug exceptions: BS is not what RFLAGS.TF asks for");
	RULE(vmcs_read(VMCS_LINK_POINTER) == ~0ULL, "the VMCS link pointer is not all ones");
	return NULL;
}

/* 27.3.1.6 */
static const char *pdptes(const struct guest *g)
{
	if (!(g->cr0 & X86_CR0_PG) || !(g->cr4 & X86_CR4_PAE) || g->long_mode)
		return NULL;
	RULE(vmx_pdpte_valid(vmcs_read(GUEST_PDPTR0)) && vmx_pdpte_valid(vmcs_read(GUEST_PDPTR1)) &&
	     vmx_pdpte_valid(vmcs_read(GUEST_PDPTR2)) && vmx_pdpte_valid(vmcs_read(GUEST_PDPTR3)),
	     "a PDPTE has reserved bits");
	return NULL;
}

/* Why the processor refuses the state in the current VMCS; false, and why says so, if no
 * rule that we know is broken. */
bool vmx_guest_rule(char why[VMX_RULE])
{
	static const char *(*const rules[])(const struct guest *g) = {
		control_registers, msrs, tables_and_flags, non_registers, pdptes,
	};
	struct guest g;
	const char *broken = NULL;
	unsigned int i;

	read_guest(&g);
	for (i = 0; i < ARRAY_SIZE(g.seg) && !broken; i++)
		broken = segment(&g, i);
	if (broken) {
		snprintf(why, VMX_RULE, "%s: %s", segment_names[i - 1], broken);
		return true;
	}
	for (i = 0; i < ARRAY_SIZE(rules) && !broken; i++)
		broken = rules[i](&g);
	snprintf(why, VMX_RULE, "%s", broken ? broken : "it breaks no rule that we know");
	return broken;
}
