/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Each exit that VMX has, asked for or not, on the model processor: what becomes
 * of it. And which processors the module refuses, and in which words.
 */
#include "model/model.h"

#include "core.h"
#include "vmx/vmx.h"

#define START		0x1000		/* RIP */
#define LEN		3		/* of the instruction that exits */
#define LAST_REASON	80		/* beyond the last that has a name */
#define EVENT(type, vector) VMM_EVENT(VMMT_ITYPE_##type, vector)
#define EXCEPTION(vector) EVENT(exception, vector)
#define FAILED		VMX_EXIT_REASONS_FAILED_VMENTRY

enum outcome {
	KILLED,		/* RUN fails, and the log says what it was */
	USERLAND,	/* RUN returns */
	AGAIN,		/* the guest goes on where it was, */
	BEHIND,		/* or behind the instruction, */
	GIVEN,		/* or where it was, with an exception; */
	TRAPPED,	/* or behind it, with one */
};

struct expected {
	u32 reason;
	enum outcome outcome;
	u32 detail;		/* vector of an exception; or the event that exited */
	u64 qualification;
	const char *says;	/* in the log; NULL: what the schema calls it */
};

#define E(number, becomes, ...) { .reason = number, .outcome = becomes, __VA_ARGS__ }
/* What is not here kills the vCPU: nobody asked for it. */
static const struct expected table[] = {
	E(EXIT_REASON_EXCEPTION_NMI, AGAIN, .detail = EVENT(nmi, X86_TRAP_NMI)),
	E(EXIT_REASON_EXCEPTION_NMI, AGAIN, .detail = EXCEPTION(X86_TRAP_MC)),
	E(EXIT_REASON_EXCEPTION_NMI, GIVEN, .detail = EXCEPTION(X86_TRAP_DB)),
	E(EXIT_REASON_EXCEPTION_NMI, GIVEN, .detail = EXCEPTION(X86_TRAP_AC)),
	E(EXIT_REASON_EXCEPTION_NMI, TRAPPED, .detail = EVENT(privsoft, X86_TRAP_DB)),
	E(EXIT_REASON_EXCEPTION_NMI, KILLED, .detail = EXCEPTION(X86_TRAP_GP)),
	E(EXIT_REASON_EXTERNAL_INTERRUPT, AGAIN),
	E(EXIT_REASON_TRIPLE_FAULT, USERLAND),
	E(EXIT_REASON_INTERRUPT_WINDOW, AGAIN),
	E(EXIT_REASON_NMI_WINDOW, AGAIN),
	E(EXIT_REASON_CPUID, BEHIND),
	E(11 /* GETSEC */, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_HLT, USERLAND),
	E(EXIT_REASON_INVD, BEHIND),
	E(EXIT_REASON_RDPMC, GIVEN, .detail = X86_TRAP_GP),
	E(EXIT_REASON_RDTSC, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_VMCALL, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_VMCLEAR, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_VMLAUNCH, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_VMPTRLD, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_VMPTRST, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_VMREAD, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_VMRESUME, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_VMWRITE, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_VMOFF, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_VMON, GIVEN, .detail = X86_TRAP_UD),
	/* Only writes that the guest's masks do not allow exit: this one is of CR3. */
	E(EXIT_REASON_CR_ACCESS, KILLED, .qualification = 3),
	E(EXIT_REASON_DR_ACCESS, AGAIN),
	E(EXIT_REASON_IO_INSTRUCTION, USERLAND),
	E(EXIT_REASON_MSR_READ, GIVEN, .detail = X86_TRAP_GP),	/* RCX is 0 */
	E(EXIT_REASON_MSR_WRITE, BEHIND),
	E(EXIT_REASON_MWAIT_INSTRUCTION, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_MONITOR_INSTRUCTION, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_PAUSE_INSTRUCTION, BEHIND),
	E(EXIT_REASON_EPT_VIOLATION, AGAIN, .qualification = 0x181),
	E(EXIT_REASON_INVEPT, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_RDTSCP, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_INVVPID, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_WBINVD, BEHIND),
	E(EXIT_REASON_XSETBV, GIVEN, .detail = X86_TRAP_GP),	/* of XCR0 without the FPU's bit */
	E(EXIT_REASON_VMFUNC, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_ENCLS, GIVEN, .detail = X86_TRAP_UD),
	E(EXIT_REASON_UMWAIT, BEHIND),
	E(EXIT_REASON_TPAUSE, BEHIND),
	E(EXIT_REASON_INVALID_STATE | FAILED, KILLED, .says = "invalid guest state"),
	E(EXIT_REASON_MSR_LOAD_FAIL | FAILED, KILLED, .qualification = 2,
	  .says = "MSR 0xc0000082 cannot be loaded"),
	E(EXIT_REASON_MCE_DURING_VMENTRY | FAILED, KILLED, .says = "machine check"),
	E(MODEL_VMFAIL, KILLED, .qualification = 8, .says = "invalid host-state fields"),
};

static const struct lack {
	u32 msr;
	u64 bits;
	const char *says;	/* NULL: it can do without */
} lacks[] = {
	{ 0, BIT(5), "the processor has no VMX" },
	{ MSR_IA32_FEAT_CTL, FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX, "locked off by firmware" },
	{ MSR_IA32_VMX_BASIC, VMX_BASIC_TRUE_CTLS, "TRUE capability MSRs" },
	{ MSR_IA32_VMX_TRUE_PINBASED_CTLS, (u64)PIN_BASED_VIRTUAL_NMIS << 32,
	  "\"virtual NMIs\" (bit 5 of its pin-based controls)" },
	{ MSR_IA32_VMX_TRUE_PROCBASED_CTLS, (u64)CPU_BASED_ACTIVATE_SECONDARY_CONTROLS << 32,
	  "\"activate secondary controls\"" },
	{ MSR_IA32_VMX_PROCBASED_CTLS2, (u64)SECONDARY_EXEC_ENABLE_EPT << 32, "\"enable EPT\"" },
	{ MSR_IA32_VMX_PROCBASED_CTLS2, (u64)SECONDARY_EXEC_UNRESTRICTED_GUEST << 32,
	  "\"unrestricted guest\"" },
	{ MSR_IA32_VMX_TRUE_EXIT_CTLS, (u64)VM_EXIT_LOAD_IA32_EFER << 32, "\"load IA32_EFER\"" },
	{ MSR_IA32_VMX_TRUE_ENTRY_CTLS, (u64)VM_ENTRY_LOAD_IA32_PAT << 32, "\"load IA32_PAT\"" },
	{ MSR_IA32_VMX_EPT_VPID_CAP, VMX_EPT_PAGE_WALK_4_BIT, "tables of 4 levels" },
	{ MSR_IA32_VMX_EPT_VPID_CAP, VMX_EPTP_WB_BIT, "write-back" },
	{ MSR_IA32_VMX_EPT_VPID_CAP, VMX_EPT_INVEPT_BIT, "INVEPT" },
	{ MSR_IA32_VMX_EPT_VPID_CAP, VMX_EPT_AD_BIT, NULL },
	{ MSR_IA32_VMX_PROCBASED_CTLS2, (u64)SECONDARY_EXEC_ENABLE_VPID << 32, NULL },
	{ MSR_IA32_VMX_PROCBASED_CTLS2, (u64)SECONDARY_EXEC_WBINVD_EXITING << 32, NULL },
};

static unsigned int count;

static void result(bool ok, const char *what, const char *name)
{
	printf("%s %u - %s%s\n", ok ? "ok" : "not ok", ++count, what, name);
}

static const char *reason_name(u32 reason)
{
	switch (reason & 0xffff) {
#define X(lo, hi, class, name) case lo ... hi: return name;
	VMMT_VMX_CODES(X)
#undef X
	default:
		return "unknown";
	}
}

static struct vmm_range ram;
static struct page *ram_pages[4];

static struct vmm_vm *make_vm(void)
{
	static const struct vcpu_reg_state start = {
		.vrs_gprs = { [VCPU_REGS_RFLAGS] = X86_EFLAGS_FIXED | X86_EFLAGS_IF,
			      [VCPU_REGS_RIP] = START },
		.vrs_crs = { [VCPU_REGS_CR0] = X86_CR0_PE | X86_CR0_ET | X86_CR0_NE,
			     [VCPU_REGS_XCR0] = 1 },
		.vrs_drs = { [VCPU_REGS_DR6] = 0xffff0ff0, [VCPU_REGS_DR7] = 0x400 },
	};
	struct vmm_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL);

	vm->mm = current->mm;
	ram = (struct vmm_range){ .size = sizeof(ram_pages) / sizeof(ram_pages[0]) * PAGE_SIZE,
				  .pages = ram_pages };
	vm->mem = (struct vmm_mem *)&ram;
	if (vmm_pt_init(&vm->pt, vmm_ops->pt))
		model_broken("no memory for a VM");
	vm->ncpus = 1;
	vm->vcpus[0] = vmm_vcpu_create(vm, 0);
	if (IS_ERR(vm->vcpus[0]) || vmm_vcpu_reset(vm->vcpus[0], &start))
		model_broken("no vCPU");
	return vm;
}

static void end_vm(struct vmm_vm *vm)
{
	unsigned int i;

	vmm_vcpu_destroy(vm->vcpus[0]);
	vmm_pt_free(&vm->pt);
	for (i = 0; i < ARRAY_SIZE(ram_pages); i++) {
		__free_page(ram_pages[i]);
		ram_pages[i] = NULL;
	}
	kfree(vm);
}

/* A RUN whose guest exits so; if it is entered again it next reads a port. Returns what RUN does;
 * exits[1] tells of the second entry. */
static int run(const struct expected *x, struct model_vmx_exit exits[2])
{
	static struct vm_exit out;
	struct vm_run_params vrp = { .vrp_exit = &out };
	struct vmm_vm *vm = make_vm();
	int err;

	exits[0] = (struct model_vmx_exit){
		.reason = x->reason, .qualification = x->qualification, .len = LEN,
		.event = x->reason == EXIT_REASON_EXCEPTION_NMI ? x->detail : 0,
	};
	exits[1] = (struct model_vmx_exit){
		.reason = EXIT_REASON_IO_INSTRUCTION, .qualification = 0x80 << 16 | BIT(3), .len = 1,
	};
	model_vmx_plan(exits, 2);
	model_logged[0] = '\0';
	do	/* RUN also returns for a signal, as chance has it */
		err = vmm_vcpu_run(vm->vcpus[0], &vrp, rdtsc());
	while (!err && (!exits[0].done || (vrp.vrp_exit_reason == VM_EXIT_NONE && !exits[1].done)));
	model_vmx_plan(NULL, 0);
	end_vm(vm);
	return err;
}

/* Whether the second entry is as it should be. */
static bool entered(const struct model_vmx_exit *second, u64 rip, u32 vector)
{
	u32 event = second->entry_event;

	if (!second->done || second->entry_rip != rip)
		return false;
	if (!vector)
		return !(event & VMM_EVENT_VALID);
	return (event & VMM_EVENT_VALID) && vmm_event_type(event) == VMMT_ITYPE_exception &&
	       vmm_event_vector(event) == vector;
}

static bool as_expected(const struct expected *x, int err, const struct model_vmx_exit exits[2])
{
	u32 vector = vmm_event_vector(x->detail);
	const char *says = x->says ? x->says : reason_name(x->reason);

	switch (x->outcome) {
	case KILLED:
		return err == -EINVAL && !exits[1].done && strstr(model_logged, says);
	case USERLAND:
		return !err && !exits[1].done;
	case AGAIN:
		return !err && entered(&exits[1], START, 0);
	case BEHIND:
		return !err && entered(&exits[1], START + LEN, 0);
	case GIVEN:
		return !err && entered(&exits[1], START, vector);
	case TRAPPED:
		return !err && entered(&exits[1], START + LEN, vector);
	}
	return false;
}

static void try_exit(const struct expected *x)
{
	static const char *const words[] = {
		[KILLED] = "ends the vCPU, and the log says so", [USERLAND] = "goes to userland",
		[AGAIN] = "and on", [BEHIND] = "and on behind it", [GIVEN] = "gives an exception",
		[TRAPPED] = "gives a trap",
	};
	struct model_vmx_exit exits[2];
	int err = run(x, exits);
	char name[128];

	snprintf(name, sizeof(name), "exit %u %s: ", x->reason & 0xffff,
		 x->reason == MODEL_VMFAIL ? "none, VMfail" : reason_name(x->reason));
	result(as_expected(x, err, exits), name, words[x->outcome]);
	if (!as_expected(x, err, exits))
		printf("# RUN returns %d, next entry at %#llx with event %#x; log: %.60s\n", err,
		       exits[1].entry_rip, exits[1].entry_event, model_logged);
}

static bool in_table(u32 reason)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if ((table[i].reason & 0xffff) == reason)
			return true;
	return false;
}

static void refusals(void)
{
	char why[128];
	unsigned int i;
	bool ok;
	int err;

	for (i = 0; i < ARRAY_SIZE(lacks); i++) {
		const struct lack *l = &lacks[i];

		why[0] = '\0';
		model_vmx_lacks(l->msr, l->bits);
		err = vmm_ops->check(why, sizeof(why));
		ok = l->says ? err == -EOPNOTSUPP && strstr(why, l->says) : !err;
		if (l->says)
			result(ok, "a processor is refused, for this: ", l->says);
		else
			result(ok, "a processor is taken that lacks what is only of use", "");
		if (!ok)
			printf("# %d: %s\n", err, why);
	}
	model_vmx_lacks(0, 0);
}

static void all(void *unused)
{
	char why[128];
	unsigned int i;

	if (vmm_ops->check(why, sizeof(why)) || vmm_hw_init() || vmm_hw_get())
		model_broken("the module does not load");
	for (i = 0; i < ARRAY_SIZE(table); i++)
		try_exit(&table[i]);
	for (i = 0; i <= LAST_REASON; i++)
		if (!in_table(i))
			try_exit(&(struct expected){ .reason = i });
	model_vmx_split_locks = true;
	printf("# where the host detects split locks, an #AC at CPL 0 is the host's\n");
	try_exit(&(struct expected)E(EXIT_REASON_EXCEPTION_NMI, AGAIN,
				     .detail = EXCEPTION(X86_TRAP_AC)));
	vmm_hw_put();
	vmm_hw_exit();
	refusals();
}

int main(void)
{
	const char *wrong;

	scene_bind(&vmm_vmx_ops);
	model_init(1);
	model_vmx_init();
	model_thread(all, NULL);
	wrong = model_run(false);
	result(!wrong, "nothing else is wrong", "");
	if (wrong)
		printf("# %s\n", wrong);
	printf("1..%u\n", count);
	return 0;
}
