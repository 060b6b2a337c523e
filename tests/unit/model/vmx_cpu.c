/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model processor with VMX. SDM is Intel's manual, volume 3. A VMCS's fields
 * are in the processor while it is active, and never in the region's memory. The
 * processor keeps translations by VPID and by EPT.
 */
#include "model.h"
#include "vmx_insn.h"

#include "vmx/vmx.h"

#define REVISION	0x4d4f44	/* the VMCSs' identifier */
#define MAX_VMCSS	256
#define MAX_ROOTS	8
#define EPT_ROOT	GENMASK_ULL(51, 12)
#define FIELD_AREA(encoding) (((encoding) >> 10) & 3)	/* SDM table 25-21 */
#define AREA_EXIT	1
#define MAX_SAME	4		/* VPIDs left when chance takes the others */

/* Every field that the module knows of, and which an entry uses unless it says so. */
static const struct {
	const char *name;
	u32 encoding;
} fields[] = {
#define X(encoding, name, type) { #name, encoding },
	VMX_FIELDS(X)
#undef X
};
#define NFIELDS ARRAY_SIZE(fields)

struct vmcs {
	u64 pa;			/* 0: not in use */
	bool cleared;		/* VMCLEAR has been executed on this region */
	bool launched;
	int active;		/* on this CPU; -1 on none */
	bool written[NFIELDS];
	u64 value[NFIELDS];
};

static struct vmcs vmcss[MAX_VMCSS];

static struct vmx_model {
	bool vmxon, limits_gone;
	u64 region, cr4;
	u64 debugctl, host_debugctl;	/* as it is; as perf wants it in the host */
	struct vmcs *current_vmcs;
	struct vmcs *guest;		/* whose guest runs */
} cpus[MODEL_CPUS];

/* What this processor has of what differs: SDM A.10. */
static bool has_vpid, has_invept_one, has_invept_all, has_large;
static bool has_multihit;
bool model_vmx_split_locks;
static bool vpids_run_out;
static u64 roots[MAX_ROOTS];		/* EPTs that were used last */
static unsigned int nroots;

static struct vmx_model *this_cpu(void)
{
	return &cpus[smp_processor_id()];
}

/* ---- registers ---- */

struct model_cpuinfo boot_cpu_data = { .cpuid_level = 1, .x86_phys_bits = 52, .x86_virt_bits = 48 };

bool model_has(const char *feature)
{
	if (!strcmp(feature, "X86_BUG_ITLB_MULTIHIT"))
		return has_multihit;
	if (!strcmp(feature, "X86_FEATURE_SPLIT_LOCK_DETECT"))
		return model_vmx_split_locks;
	return !strcmp(feature, "X86_FEATURE_VMX") || !strcmp(feature, "X86_FEATURE_USE_IBPB") ||
	       !strcmp(feature, "X86_FEATURE_IBPB_EXIT_TO_USER");
}

u32 model_cpuid_ebx(u32 leaf)
{
	return 0;
}

static u32 lacks_msr;
static u64 lacks_bits;

void model_vmx_lacks(u32 msr, u64 bits)
{
	lacks_msr = msr;
	lacks_bits = bits;
}

u32 cpuid_ecx(u32 leaf)
{
	return leaf == 1 ? BIT(5) & ~(lacks_msr ? 0 : lacks_bits) : 0;
}

u64 rdtsc(void)
{
	static u64 tsc;

	return ++tsc;
}

/* Controls: the high half may be 1, the low half must. */
#define ANY_CONTROL	(~0ULL << 32)

static u64 read_msr(u32 index)
{
	int cpu = model_raw_cpu(), thread = model_self();

	switch (index) {
	case MSR_IA32_FEAT_CTL:
		return FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;
	case MSR_IA32_VMX_BASIC:
		return REVISION | BIT_ULL(54) | BIT_ULL(55);
	case MSR_IA32_VMX_TRUE_PINBASED_CTLS:
	case MSR_IA32_VMX_TRUE_PROCBASED_CTLS:
	case MSR_IA32_VMX_TRUE_EXIT_CTLS:
	case MSR_IA32_VMX_TRUE_ENTRY_CTLS:
		return ANY_CONTROL;
	case MSR_IA32_VMX_PROCBASED_CTLS2:
		return ANY_CONTROL & ~(has_vpid ? 0 : (u64)SECONDARY_EXEC_ENABLE_VPID << 32);
	case MSR_IA32_VMX_EPT_VPID_CAP:
		return VMX_EPT_PAGE_WALK_4_BIT | VMX_EPTP_WB_BIT | VMX_EPT_INVEPT_BIT |
		       (has_large ? VMX_EPT_2MB_PAGE_BIT : 0) |
		       (has_invept_one ? VMX_EPT_EXTENT_CONTEXT_BIT : 0) |
		       (has_invept_all ? VMX_EPT_EXTENT_GLOBAL_BIT : 0) | BIT_ULL(32) | BIT_ULL(42);
	case MSR_IA32_VMX_CR0_FIXED0:
		return X86_CR0_PE | X86_CR0_NE | X86_CR0_PG;
	case MSR_IA32_VMX_CR0_FIXED1:
	case MSR_IA32_VMX_CR4_FIXED1:
		return U32_MAX;
	case MSR_IA32_VMX_CR4_FIXED0:
		return X86_CR4_VMXE;
	case MSR_EFER:
		return EFER_LME | EFER_LMA | EFER_SCE;
	/* What differs by CPU, and by thread. */
	case MSR_GS_BASE:
	case MSR_IA32_SYSENTER_ESP:
		return 0xffff800000000000ULL + 0x1000 * cpu;
	case MSR_FS_BASE:
	case MSR_KERNEL_GS_BASE:
		return 0x7f0000000000ULL + 0x1000 * thread;
	default:
		return 0;
	}
}

u64 model_rdmsr(u32 index)
{
	return read_msr(index) & ~(index == lacks_msr ? lacks_bits : 0);
}

void model_wrmsr(u32 index, u64 value)
{
	if (index == MSR_IA32_PRED_CMD)
		model_host_barrier();
}

/* CR3 is the thread's, CR4 the CPU's. */
u64 __get_current_cr3_fast(void)
{
	return 0x100000 + 0x1000 * model_self();
}

u64 cr4_read_shadow(void)
{
	return cpus[model_raw_cpu()].cr4;
}

void cr4_set_bits_irqsoff(u64 bits)
{
	this_cpu()->cr4 |= bits;
}

void cr4_clear_bits_irqsoff(u64 bits)
{
	if ((bits & X86_CR4_VMXE) && this_cpu()->vmxon)
		model_broken("CR4.VMXE is cleared in VMX operation");
	this_cpu()->cr4 &= ~bits;
}

/* Some thread's system call changed what CR4 has: rarely, but it happens (TSD, PCE). */
static void change_cr4(struct vmx_model *c)
{
	if (model_chance(20))
		c->cr4 ^= X86_CR4_PCE;
}

u64 get_debugctlmsr(void)
{
	return this_cpu()->debugctl;
}

void update_debugctlmsr(u64 value)
{
	this_cpu()->debugctl = value;
}

/* perf switches the recording of branches on and off, by interrupt. */
static void on_irq_enable(void)
{
	struct vmx_model *c = this_cpu();

	if (c->debugctl != c->host_debugctl)
		model_broken("perf's DEBUGCTL is %#llx, not %#llx", c->debugctl, c->host_debugctl);
	if (model_chance(20))
		c->debugctl = c->host_debugctl ^= BIT_ULL(0);
}

void load_fixmap_gdt(int cpu)
{
	this_cpu()->limits_gone = false;
}

void vmx_vmexit(void)
{
}

void vmx_host_nmi(void)
{
}

void vmx_host_mce(void)
{
}

/* ---- the host's mitigations, which are no matter of the model's ---- */

DEFINE_STATIC_KEY_FALSE(vmx_l1d_flushed);

int vmx_l1d_init(void)
{
	return 0;
}

void vmx_l1d_exit(void)
{
}

void vmx_l1d_flush(struct vmx_vcpu *vmx)
{
}

/* ---- VMCSs ---- */

static struct vmcs *find_vmcs(u64 pa)
{
	struct vmcs *v;

	for (v = vmcss; v < vmcss + MAX_VMCSS; v++)
		if (v->pa == pa)
			return v;
	return NULL;
}

static unsigned int field_index(u32 encoding)
{
	static u8 index_of[0x8000];	/* 0 not looked up yet; else 1 more */
	unsigned int i = encoding < 0x8000 ? index_of[encoding] : 0;

	if (i)
		return i - 1;
	while (i < NFIELDS && fields[i].encoding != encoding)
		i++;
	if (i == NFIELDS)
		model_broken("VMREAD or VMWRITE of field %#x, which is in no list", encoding);
	index_of[encoding] = i + 1;
	return i;
}

static u64 get(const struct vmcs *v, u32 encoding)
{
	return v->value[field_index(encoding)];
}

static void set(struct vmcs *v, u32 encoding, u64 value)
{
	unsigned int i = field_index(encoding);

	v->value[i] = value;
	v->written[i] = true;
}

/* Once the host goes down instructions outside of VMX operation do nothing (insn.h). */
static bool in_vmx(const char *insn)
{
	if (!this_cpu()->vmxon && !model_going_down)
		model_broken("%s outside of VMX operation", insn);
	return this_cpu()->vmxon;
}

static void check_region(const char *insn, u64 pa)
{
	if (!pa || (pa & (PAGE_SIZE - 1)))
		model_broken("%s of %#llx, which is no page", insn, pa);
	if (pa == this_cpu()->region)
		model_broken("%s of the VMXON region", insn);
}

/* Its data is complete in memory, its launch state clear (SDM 25.11.3). */
bool vmx_vmclear(u64 pa)
{
	struct vmcs *v;

	model_yield();
	if (!in_vmx("VMCLEAR"))
		return false;
	check_region("VMCLEAR", pa);
	v = find_vmcs(pa);
	if (!v) {
		v = find_vmcs(0);
		*v = (struct vmcs){ .pa = pa, .active = -1 };
	}
	if (v->active >= 0 && v->active != smp_processor_id())
		model_broken("VMCLEAR of a VMCS that is active on CPU %d", v->active);
	v->cleared = true;
	v->launched = false;
	v->active = -1;
	if (this_cpu()->current_vmcs == v)
		this_cpu()->current_vmcs = NULL;
	return false;
}

bool vmx_vmptrld(u64 pa)
{
	struct vmcs *v;

	model_yield();
	if (!in_vmx("VMPTRLD"))
		return false;
	check_region("VMPTRLD", pa);
	if (*(u32 *)__va(pa) != REVISION)
		model_broken("VMPTRLD of a region with another revision");
	v = find_vmcs(pa);
	if (!v)
		model_broken("VMPTRLD of a region that was never cleared (SDM 25.11.3)");
	if (v->active >= 0 && v->active != smp_processor_id())
		model_broken("VMPTRLD of a VMCS that is active on CPU %d", v->active);
	v->active = smp_processor_id();
	this_cpu()->current_vmcs = v;
	return false;
}

/* In an interrupt another VMCS may be made current, and must not be: so each instruction looks. */
static struct vmcs *current_vmcs(const char *insn)
{
	if (!in_vmx(insn))
		return NULL;
	if (!this_cpu()->current_vmcs)
		model_broken("%s without a current VMCS", insn);
	return this_cpu()->current_vmcs;
}

u64 vmx_vmread(u32 field)
{
	struct vmcs *v = current_vmcs("VMREAD");
	unsigned int i = field_index(field);

	if (!v)
		return 0;
	if (!v->written[i])
		model_broken("VMREAD of %s, which nobody has written", fields[i].name);
	return v->value[i];
}

bool vmx_vmwrite(u32 field, u64 value)
{
	struct vmcs *v = current_vmcs("VMWRITE");

	if (!v)
		return false;
	if (FIELD_AREA(field) == AREA_EXIT)
		model_broken("VMWRITE of %s, which is read-only", fields[field_index(field)].name);
	set(v, field, value);
	return false;
}

/* ---- VMX operation ---- */

/* Another hypervisor may have been here: it had VPIDs, and EPTs at any address. */
static void spoil(void)
{
	u32 next = this_cpu_ptr(&vmx_cpus)->next_vpid;
	unsigned int i;

	for (i = 0; i < nroots; i++) {
		model_tlb_spoil(0, MAX_SAME, roots[i]);
		model_tlb_spoil(next, next + MAX_SAME, roots[i]);
	}
}

bool vmx_vmxon(u64 pa)
{
	struct vmx_model *c = this_cpu();

	if (c->vmxon)
		model_broken("VMXON in VMX operation");
	if (model_going_down)
		model_broken("VMXON while the host goes down");
	if (!(c->cr4 & X86_CR4_VMXE))
		model_broken("VMXON without CR4.VMXE");
	if (!pa || (pa & (PAGE_SIZE - 1)) || *(u32 *)__va(pa) != REVISION)
		model_broken("VMXON with a bad region");
	c->vmxon = true;
	c->region = pa;
	spoil();
	return false;
}

void vmx_vmxoff(void)
{
	struct vmx_model *c = this_cpu();
	struct vmcs *v;

	if (!in_vmx("VMXOFF"))
		return;
	for (v = vmcss; v < vmcss + MAX_VMCSS; v++)
		if (v->pa && v->active == smp_processor_id())
			model_broken("VMXOFF while VMCS %#llx is active", v->pa);
	c->vmxon = false;
	c->region = 0;
	c->current_vmcs = NULL;
}

/* Memory is freed: a processor must not use it any more, and forgets whose VMCS it was. */
static void on_free(u64 pa, u64 size)
{
	struct vmcs *v;
	int cpu;

	for (cpu = 0; cpu < MODEL_CPUS; cpu++)
		if (cpus[cpu].vmxon && cpus[cpu].region >= pa && cpus[cpu].region < pa + size)
			model_broken("the VMXON region of CPU %d is freed", cpu);
	for (v = vmcss; v < vmcss + MAX_VMCSS; v++) {
		if (!v->pa || v->pa < pa || v->pa >= pa + size)
			continue;
		if (v->active >= 0)
			model_broken("a VMCS is freed that is active on CPU %d", v->active);
		v->pa = 0;
	}
}

static void on_leave(void)
{
	if (cpus[model_raw_cpu()].limits_gone)
		model_broken("the thread leaves while TR and GDTR have the limits of an exit");
}

void model_vmx_init(void)
{
	memset(cpus, 0, sizeof(cpus));
	memset(vmcss, 0, sizeof(vmcss));
	nroots = 0;
	model_host_init();
	has_large = !model_chance(2);
	has_multihit = model_chance(2);
	has_vpid = !model_chance(4);
	has_invept_all = !model_chance(4);
	has_invept_one = !has_invept_all || model_chance(2);
	vpids_run_out = model_chance(2);
	model_on_free = on_free;
	model_on_leave = on_leave;
	model_on_irq_enable = on_irq_enable;
}

/* ---- translations ---- */

/* SDM 29.4.3: of an EPT, guest-physical and combined mappings. */
bool vmx_invept(u64 type, u64 eptp)
{
	u64 root = eptp & EPT_ROOT;

	if (!in_vmx("INVEPT"))
		return false;
	model_counts.flushes++;
	if (type == VMX_EPT_EXTENT_CONTEXT && has_invept_one)
		model_tlb_flush(true, true, NULL, &root);
	else if (type == VMX_EPT_EXTENT_GLOBAL && has_invept_all)
		model_tlb_flush(true, true, NULL, NULL);
	else
		return true;
	return false;
}

/* Of a VPID, linear and combined mappings. */
bool vmx_invvpid(u64 type, u16 vpid)
{
	u32 id = vpid;

	if (!in_vmx("INVVPID"))
		return false;
	model_counts.flushes++;
	if (type == VMX_VPID_EXTENT_ALL_CONTEXT)
		model_tlb_flush(true, false, NULL, NULL);
	else if (type == VMX_VPID_EXTENT_SINGLE_CONTEXT && vpid)
		model_tlb_flush(true, false, &id, NULL);
	else
		return true;
	return false;
}

/* Without VPIDs an entry and an exit drop what belongs to VPID 0 (SDM 29.4.3.1). */
static void flush_without_vpid(const struct vmcs *v)
{
	u32 none = 0;

	if (!(get(v, SECONDARY_VM_EXEC_CONTROL) & SECONDARY_EXEC_ENABLE_VPID))
		model_tlb_flush(true, false, &none, NULL);
}

/* VPIDs are used up sooner than by so many vCPUs: as if others had had them. */
static void use_up_vpids(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);

	if (vpids_run_out && model_chance(10) && cpu->next_vpid < 0x10000 - MAX_SAME)
		cpu->next_vpid = 0x10000 - MAX_SAME;
}

static void remember_root(u64 root)
{
	unsigned int i;

	for (i = 0; i < nroots; i++)
		if (roots[i] == root)
			return;
	roots[nroots < MAX_ROOTS ? nroots++ : model_random(MAX_ROOTS)] = root;
}

/* ---- entries and exits ---- */

static void must_be(const struct vmcs *v, u32 encoding, u64 value)
{
	if (get(v, encoding) != value)
		model_broken("an exit would load %s with %#llx, not %#llx",
			     fields[field_index(encoding)].name, get(v, encoding), value);
}

static void check_list(u64 pa, u64 count)
{
	const struct vmx_list_entry *e = __va(pa);
	u64 i;

	for (i = 0; i < count; i++)
		if (e[i].value != model_rdmsr(e[i].index))
			model_broken("an exit would load MSR %#x with %#llx, not %#llx", e[i].index,
				     e[i].value, model_rdmsr(e[i].index));
}

/* What an exit loads is this CPU's and this thread's (SDM 28.5). */
static void check_host(const struct vmcs *v)
{
	int cpu = smp_processor_id();

	must_be(v, HOST_CR3, __get_current_cr3_fast());
	must_be(v, HOST_CR4, cr4_read_shadow());
	must_be(v, HOST_FS_BASE, model_rdmsr(MSR_FS_BASE));
	must_be(v, HOST_GS_BASE, model_rdmsr(MSR_GS_BASE));
	must_be(v, HOST_IA32_SYSENTER_ESP, model_rdmsr(MSR_IA32_SYSENTER_ESP));
	must_be(v, HOST_IA32_EFER, model_rdmsr(MSR_EFER));
	must_be(v, HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	must_be(v, HOST_GDTR_BASE, (unsigned long)get_current_gdt_ro());
	must_be(v, HOST_RIP, (unsigned long)vmx_vmexit);
	check_list(get(v, VM_EXIT_MSR_LOAD_ADDR), get(v, VM_EXIT_MSR_LOAD_COUNT));
}

/* Fields that an entry uses only if something else says so. */
static bool optional(u32 encoding)
{
	switch (encoding) {
	case VIRTUAL_PROCESSOR_ID:
	case ENCLS_EXITING_BITMAP:
	case VM_ENTRY_EXCEPTION_ERROR_CODE:
	case VM_ENTRY_INSTRUCTION_LEN:
	case HOST_RSP:
		return true;
	default:
		return FIELD_AREA(encoding) == AREA_EXIT;
	}
}

static void check_entry(const struct vmcs *v, const struct vmm_frame *frame)
{
	const u64 *gprs = frame->gprs;
	unsigned int i;

	if (!model_irqs_off())
		model_broken("an entry with interrupts on");
	if (frame->launched && !v->launched)
		model_broken("VMRESUME of a VMCS that is clear");
	if (!frame->launched && v->launched)
		model_broken("VMLAUNCH of a VMCS that is launched");
	for (i = 0; i < NFIELDS; i++)
		if (!v->written[i] && !optional(fields[i].encoding))
			model_broken("an entry uses %s, which nobody has written", fields[i].name);
	if ((get(v, SECONDARY_VM_EXEC_CONTROL) & SECONDARY_EXEC_ENABLE_VPID) &&
	    !get(v, VIRTUAL_PROCESSOR_ID))
		model_broken("an entry with VPIDs and VPID 0");
	if (get(v, GUEST_RIP) != gprs[VCPU_REGS_RIP] || get(v, GUEST_RSP) != gprs[VCPU_REGS_RSP] ||
	    get(v, GUEST_RFLAGS) != gprs[VCPU_REGS_RFLAGS])
		model_broken("the guest would go on with other registers than the vCPU has");
	check_host(v);
}

static bool nmis_blocked(const struct vmcs *v)
{
	return get(v, GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_NMI;
}

static bool is_nmi(u64 event)
{
	return (event & VMM_EVENT_VALID) && vmm_event_type((u32)event) == VMMT_ITYPE_nmi;
}

static void block_nmis(struct vmcs *v, bool blocked)
{
	u64 others = get(v, GUEST_INTERRUPTIBILITY_INFO) & ~(u64)GUEST_INTR_STATE_NMI;

	set(v, GUEST_INTERRUPTIBILITY_INFO, others | (blocked ? GUEST_INTR_STATE_NMI : 0));
}

/* An event is delivered at the entry; NMIs are blocked from an NMI on (SDM 27.6.1). */
static void deliver(struct vmcs *v)
{
	u64 event = get(v, VM_ENTRY_INTR_INFO_FIELD);

	if (!is_nmi(event))
		return;
	if (nmis_blocked(v))
		model_broken("an NMI is injected while NMIs are blocked");
	block_nmis(v, true);
	model_counts.nmis++;
}

/* The exit of a window that is asked for and open (SDM 26.2), 0 for none. */
static u32 open_window(const struct vmcs *v)
{
	u64 asked = get(v, CPU_BASED_VM_EXEC_CONTROL);

	if ((asked & CPU_BASED_NMI_WINDOW_EXITING) && !nmis_blocked(v))
		return EXIT_REASON_NMI_WINDOW;
	if ((asked & CPU_BASED_INTR_WINDOW_EXITING) && (get(v, GUEST_RFLAGS) & X86_EFLAGS_IF))
		return EXIT_REASON_INTERRUPT_WINDOW;
	return 0;
}

/* Each exit writes all that tells of it (SDM 25.9). */
static void clear_exit(struct vmcs *v)
{
	unsigned int i;

	for (i = 0; i < NFIELDS; i++)
		if (FIELD_AREA(fields[i].encoding) == AREA_EXIT)
			set(v, fields[i].encoding, 0);
}

static void exit_with(struct vmcs *v, u32 reason, u64 qualification, unsigned int len)
{
	set(v, VM_EXIT_REASON, reason);
	set(v, EXIT_QUALIFICATION, qualification);
	set(v, VM_EXIT_INSTRUCTION_LEN, len);
}

static void exit_msr(struct vmcs *v, struct vmm_frame *frame)
{
	static const u32 index[] = { MSR_EFER, MSR_IA32_CR_PAT, 0x10a };
	u32 msr = index[model_random(ARRAY_SIZE(index))];
	u64 value = 0;

	if (msr == MSR_EFER)
		value = get(v, GUEST_IA32_EFER) ^ (model_chance(2) ? EFER_NX : 0);
	else if (msr == MSR_IA32_CR_PAT)
		value = model_chance(2) ? 0x0007040600070406ULL : 0x0606060606060606ULL;
	frame->gprs[VCPU_REGS_RCX] = msr;
	frame->gprs[VCPU_REGS_RAX] = (u32)value;
	frame->gprs[VCPU_REGS_RDX] = value >> 32;
	exit_with(v, model_chance(2) ? EXIT_REASON_MSR_WRITE : EXIT_REASON_MSR_READ, 0, 2);
}

/* MOV to CR4 of a bit that the guest does not own, and of one that changes translations. */
static void exit_cr4(struct vmcs *v, struct vmm_frame *frame)
{
	u64 value = get(v, CR4_READ_SHADOW) ^ X86_CR4_MCE;

	value = (value & ~(u64)X86_CR4_PGE) | (model_chance(2) ? X86_CR4_PGE : 0);
	frame->gprs[VCPU_REGS_RBX] = value;
	exit_with(v, EXIT_REASON_CR_ACCESS, 4 | (VCPU_REGS_RBX << 8), 3);
}

/* An instruction that exits, drawn. */
static void act(struct vmcs *v, struct vmm_frame *frame)
{
	switch (model_random(8)) {
	case 0:
		exit_with(v, EXIT_REASON_CPUID, 0, 2);
		break;
	case 1:
	case 2:
		exit_msr(v, frame);
		break;
	case 3:
		exit_with(v, EXIT_REASON_IO_INSTRUCTION, 0x80 << 16 | (model_chance(2) ? BIT(3) : 0), 2);
		break;
	case 4:
		exit_with(v, EXIT_REASON_HLT, 0, 1);
		break;
	case 5:
		exit_cr4(v, frame);
		break;
	case 6:
		if (get(v, CPU_BASED_VM_EXEC_CONTROL) & CPU_BASED_MOV_DR_EXITING) {
			exit_with(v, EXIT_REASON_DR_ACCESS, 0, 3);
			break;
		}
		/* fallthrough */
	default:
		exit_with(v, EXIT_REASON_EXCEPTION_NMI, 1, 0);
		set(v, VM_EXIT_INTR_INFO, VMM_EVENT(VMMT_ITYPE_exception, X86_TRAP_DB));
	}
}

static void stay(struct vmcs *v, struct vmm_frame *frame)
{
	u64 cr3 = get(v, GUEST_CR3), root = get(v, EPT_POINTER) & EPT_ROOT;
	bool vpids = get(v, SECONDARY_VM_EXEC_CONTROL) & SECONDARY_EXEC_ENABLE_VPID;
	struct model_guest guest = {
		.linear = { vpids ? (u32)get(v, VIRTUAL_PROCESSOR_ID) : 0, root },
		.physical = { 0, root }, .root = root, .present = 7, .access = 7, .cr3 = &cr3,
		.paging = get(v, GUEST_CR4) & X86_CR4_PGE,
	};
	u32 event = get(v, VM_ENTRY_INTR_INFO_FIELD), window;

	deliver(v);
	switch (model_guest_run(&guest)) {
	case MODEL_END_FAULT:
		exit_with(v, EXIT_REASON_EPT_VIOLATION,
			  BIT_ULL(guest.write) | BIT_ULL(7) | BIT_ULL(8), 0);
		set(v, GUEST_PHYSICAL_ADDRESS, guest.gpa);
		set(v, GUEST_LINEAR_ADDRESS, guest.gpa);
		/* The event may not have been delivered: it is told back. */
		if (model_chance(2))
			set(v, IDT_VECTORING_INFO_FIELD, event);
		break;
	case MODEL_END_INTR:
		exit_with(v, EXIT_REASON_EXTERNAL_INTERRUPT, 0, 0);
		break;
	case MODEL_END_ACT:
		set(v, GUEST_RIP, get(v, GUEST_RIP) + 16);
		if (model_chance(2))
			block_nmis(v, false);	/* an IRET */
		window = open_window(v);
		model_counts.windows += !!window;
		if (window)
			exit_with(v, window, 0, 0);
		else
			act(v, frame);
	}
	set(v, GUEST_CR3, cr3);
	if (model_chance(4))
		set(v, GUEST_RSP, model_random(1 << 20));
	if (model_chance(8))
		set(v, GUEST_RFLAGS, get(v, GUEST_RFLAGS) ^ X86_EFLAGS_TF);
}

static struct model_vmx_exit *plan;
static unsigned int nplanned;

void model_vmx_plan(struct model_vmx_exit *exits, unsigned int n)
{
	plan = exits;
	nplanned = n;
}

/* False: there was no entry. */
static bool stay_as_planned(struct vmcs *v, struct vmm_frame *frame)
{
	struct model_vmx_exit *e = plan++;

	nplanned--;
	e->entry_rip = get(v, GUEST_RIP);
	e->entry_event = get(v, VM_ENTRY_INTR_INFO_FIELD);
	e->done = true;
	if (e->reason == MODEL_VMFAIL) {
		set(v, VM_INSTRUCTION_ERROR, e->qualification);
		frame->failed = 1;
		return false;
	}
	exit_with(v, e->reason, e->qualification, e->len);
	set(v, VM_EXIT_INTR_INFO, e->event);
	v->launched = v->launched || !(e->reason & BIT(31));
	return true;
}

/* In place of entry.S. */
void vmx_vmenter(struct vmm_frame *frame)
{
	struct vmcs *v = current_vmcs("an entry");
	u64 efer;

	if (!v)
		model_broken("an entry while the host goes down");
	efer = get(v, GUEST_IA32_EFER);
	check_entry(v, frame);
	model_host_enters(frame);
	if (vmm_ops->pt->large && (!has_large || has_multihit))
		model_broken("EPT has 2 MiB pages on a processor that must not have them");
	remember_root(get(v, EPT_POINTER) & EPT_ROOT);
	use_up_vpids();
	frame->t_enter = rdtsc();
	flush_without_vpid(v);
	clear_exit(v);
	if (nplanned) {
		if (!stay_as_planned(v, frame))
			return;
	} else if (efer >> 32) {
		/* A failure after the host's state was checked leaves by the host's RIP. */
		model_counts.refused++;
		exit_with(v, EXIT_REASON_INVALID_STATE | BIT(31), 0, 0);
	} else {
		if (v->launched)
			model_counts.resumes++;
		else
			model_counts.launches++;
		v->launched = true;
		stay(v, frame);
	}
	set(v, VM_ENTRY_INTR_INFO_FIELD, get(v, VM_ENTRY_INTR_INFO_FIELD) & ~(u64)VMM_EVENT_VALID);
	flush_without_vpid(v);
	this_cpu()->limits_gone = true;
	this_cpu()->debugctl = 0;
	change_cr4(this_cpu());
	if (this_cpu()->current_vmcs != v)
		model_broken("another VMCS was made current while a guest ran");
	frame->t_exit = rdtsc();
}
