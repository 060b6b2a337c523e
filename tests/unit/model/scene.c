/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens: VMs are made, each vCPU has a thread that resets it, writes its
 * registers, and runs it; VMs are ended, some while they run. Then the memory
 * belongs to the next. It is the module's own code that does it, but for the
 * parts named here: guest memory, records, CPUID, the clock.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "model.h"

#include "core.h"

#define SEEDS		20
#define VMS		30		/* made and ended with each seed */
#define MAX_VCPUS	3
#define RUNS		60		/* calls of RUN in a vCPU's life */
#define REBOOT_WITHIN	3000		/* turns of the thread that reboots */

struct scene_vcpu {
	struct scene_vm *scene;
	struct vmm_vcpu *vcpu;
	struct vm_exit exit;
	bool bad;		/* registers that end it were written */
};

struct scene_vm {
	struct vmm_vm *vm;
	struct vmm_range ram;
	struct page *pages[MODEL_GUEST_PAGES];
	struct scene_vcpu vcpus[MAX_VCPUS];
	unsigned int nvcpus, nrunning;
};

static struct scene_vm scenes[3];
static unsigned int vms_left;
static u32 last_id;

/* ---- what the rest of the module does ---- */

const struct vmm_ops *vmm_ops;
#define VMM_OP(ret, name, args) ret (*vmm_op_##name) args;
VMM_OPS(VMM_OP)
#undef VMM_OP

u64 vmm_host_xcr0;

bool vmm_xcr0_valid(u64 xcr0)
{
	return xcr0 & 1;
}

void vmm_cpuid(struct vmm_vcpu *vcpu, u32 leaf, u32 sub, u32 r[4])
{
	memset(r, 0, 4 * sizeof(r[0]));
}

void vmm_pvclock_update(struct vmm_vcpu *vcpu, u64 tsc)
{
}

int vmm_pvclock_set(struct vmm_vcpu *vcpu, u64 gpa)
{
	return 0;
}

int vmm_wallclock_write(struct vmm_vcpu *vcpu, u64 gpa)
{
	return 0;
}

void vmm_fetch_insn(struct vmm_vcpu *vcpu)
{
}

unsigned int vmm_insn_len(struct vmm_vcpu *vcpu, unsigned int len)
{
	return len;
}

void vmm_insn_string(struct vmm_vcpu *vcpu)
{
}

void vmm_exit_finish(struct vmm_vcpu *vcpu, u8 end, u64 t_handled, u64 t_out)
{
}

void vmm_aux_ept(struct vmm_vcpu *vcpu, u8 outcome, u64 page, u64 since)
{
	model_counts.denied += outcome == VMMT_OUTCOME_denied;
}

void vmm_aux_intr(struct vmm_vcpu *vcpu, u8 stage, const struct vmm_event *event)
{
}

void vmm_aux_mark(struct vmm_vcpu *vcpu, u64 value)
{
}

void vmm_emit_life(struct vmm_vm *vm, struct vmm_vcpu *vcpu, u8 what, u64 info)
{
}

struct vmm_vcpu *vmm_vm_vcpu(struct vmm_vm *vm, u32 id)
{
	return vm->vcpus[id];
}

struct vmm_range *vmm_mem_find(struct vmm_mem *mem, u64 gpa)
{
	struct vmm_range *ram = (struct vmm_range *)mem;

	return gpa < ram->size ? ram : NULL;
}

struct page *vmm_mem_page(struct vmm_mem *mem, struct vmm_range *range, u64 gpa)
{
	struct page **page = &range->pages[gpa >> PAGE_SHIFT];

	if (!*page)
		*page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	return *page;
}

void *vmm_mem_kaddr(struct vmm_mem *mem, u64 gpa)
{
	struct vmm_range *ram = vmm_mem_find(mem, gpa);

	return ram ? page_address(vmm_mem_page(mem, ram, gpa)) : NULL;
}

bool vmm_mem_contiguous(struct vmm_range *range, u64 gpa)
{
	return false;
}

/* ---- userland: a vCPU's thread ---- */

static const struct vcpu_reg_state start = {
	.vrs_gprs = { [VCPU_REGS_RFLAGS] = X86_EFLAGS_FIXED | X86_EFLAGS_IF },
	.vrs_crs = { [VCPU_REGS_CR0] = X86_CR0_PE | X86_CR0_ET | X86_CR0_NE, [VCPU_REGS_XCR0] = 1 },
	.vrs_drs = { [VCPU_REGS_DR6] = 0xffff0ff0, [VCPU_REGS_DR7] = 0x400 },
};

/* Registers that differ from those before in whatever the mask names. */
static void draw_regs(struct vcpu_reg_state *regs)
{
	unsigned int i;

	*regs = start;
	regs->vrs_crs[VCPU_REGS_CR3] = model_random(4) << PAGE_SHIFT;
	regs->vrs_crs[VCPU_REGS_CR2] = model_random(1 << 20);
	regs->vrs_crs[VCPU_REGS_CR8] = model_random(16);
	regs->vrs_crs[VCPU_REGS_CR0] |= model_chance(2) ? X86_CR0_MP : 0;
	regs->vrs_crs[VCPU_REGS_CR4] |= model_chance(2) ? X86_CR4_PGE : 0;
	regs->vrs_msrs[VCPU_REGS_EFER] = model_chance(2) ? EFER_NX : 0;
	regs->vrs_drs[VCPU_REGS_DR7] |= model_chance(2) ? 0x100 : 0;
	for (i = 0; i < VCPU_REGS_NSREGS; i++)
		regs->vrs_sregs[i] = (struct vcpu_segment_info){
			.vsi_sel = 8 * model_random(16), .vsi_limit = 0xfffff, .vsi_ar = 0x93,
		};
	regs->vrs_gdtr.vsi_limit = regs->vrs_idtr.vsi_limit = model_random(0x10000);
}

static void reset(struct scene_vcpu *v)
{
	struct vcpu_reg_state regs;
	int err;

	draw_regs(&regs);
	err = vmm_vcpu_reset(v->vcpu, &regs);
	if (err && err != -EBUSY)
		model_broken("RESETCPU returns %d", err);
}

static void write_regs(struct scene_vcpu *v)
{
	u64 mask = model_random(VM_RWREGS_ALL + 1);
	struct vcpu_reg_state regs;
	int err;

	draw_regs(&regs);
	if (!model_chance(40)) {
		err = vmm_vcpu_writeregs(v->vcpu, mask, &regs);
		if (err)
			model_broken("WRITEREGS returns %d", err);
		return;
	}
	/* What the processor refuses, at WRITEREGS or at the entry. */
	regs.vrs_msrs[VCPU_REGS_EFER] |= BIT_ULL(60);
	v->bad = true;
	vmm_vcpu_writeregs(v->vcpu, mask | VM_RWREGS_MSRS, &regs);
}

static void draw_event(struct vm_run_params *vrp)
{
	switch (model_random(8)) {
	case 0:
		vrp->vrp_inject.vie_type = VCPU_INJECT_INTR;
		vrp->vrp_inject.vie_vector = 0x20;
		break;
	case 1:
		vrp->vrp_inject.vie_type = VCPU_INJECT_EX;
		vrp->vrp_inject.vie_vector = X86_TRAP_UD;
		break;
	case 2:
		vrp->vrp_intr_pending = 1;
		break;
	case 3:
		vrp->vrp_inject.vie_type = VCPU_INJECT_NMI;
		break;
	}
}

/* RUN, which ends well, or because another thread is at it, or because of what was written. */
static void run(struct scene_vcpu *v)
{
	struct vm_run_params vrp = { .vrp_exit = &v->exit };
	int err;

	draw_event(&vrp);
	err = vmm_vcpu_run(v->vcpu, &vrp, rdtsc());
	if (err && err != -EBUSY && !(err == -EINVAL && v->bad) &&
	    !(err == -EIO && model_going_down))
		model_broken("RUN returns %d", err);
	model_host_leaves();
	if (model_on_leave)
		model_on_leave();
}

/* MPROTECT_EPT of some pages, which is refused while a vCPU of the VM is inside a RUN. */
static void protect(struct scene_vcpu *v)
{
	static const u8 accesses[] = {
		VMMT_ACCESS_r, VMMT_ACCESS_rw, VMMT_ACCESS_rx, VMMT_ACCESS_rwx,
	};
	u64 page = model_random(MODEL_GUEST_PAGES);
	struct vm_mprotect_ept_params vmep = {
		.vmep_vcpu_id = v->vcpu->id,
		.vmep_sgpa = page << PAGE_SHIFT,
		.vmep_size = (1 + model_random(MODEL_GUEST_PAGES - page)) << PAGE_SHIFT,
		.vmep_prot = accesses[model_random(ARRAY_SIZE(accesses))],
	};
	int err = vmm_vm_protect(v->scene->vm, &vmep);

	if (err && err != -EBUSY)
		model_broken("MPROTECT_EPT returns %d", err);
	model_counts.protects += !err;
}

/* Each vCPU has its thread, but any thread may run any. */
static void vcpu_thread(void *arg)
{
	struct scene_vcpu *me = arg, *v;
	struct scene_vm *scene = me->scene;
	struct vcpu_reg_state regs;
	unsigned int i;

	for (i = 0; i < RUNS && !READ_ONCE(scene->vm->dying); i++) {
		v = model_chance(10) ? &scene->vcpus[model_random(scene->nvcpus)] : me;
		if (model_chance(20))
			reset(v);
		if (model_chance(3))
			write_regs(v);
		if (model_chance(5))
			vmm_vcpu_readregs(v->vcpu, VM_RWREGS_ALL, &regs);
		if (model_chance(3))
			vmm_vcpu_kick(scene->vcpus[model_random(scene->nvcpus)].vcpu);
		if (model_chance(8))
			protect(v);
		run(v);
		model_yield();
	}
	scene->nrunning--;
}

/* ---- userland: VMs ---- */

/* As CREATE does it (vm.c). False: there is no virtualization any more. */
static bool vm_make(struct scene_vm *scene)
{
	struct vmm_vm *vm;
	unsigned int i;

	if (vmm_hw_get()) {
		if (!model_going_down)
			model_broken("virtualization cannot be switched on");
		return false;
	}
	vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	vm->mm = current->mm;
	vm->id = ++last_id;
	scene->vm = vm;
	scene->ram = (struct vmm_range){
		.size = MODEL_GUEST_PAGES * PAGE_SIZE, .pages = scene->pages,
	};
	vm->mem = (struct vmm_mem *)&scene->ram;
	if (vmm_pt_init(&vm->pt, vmm_ops->pt))
		model_broken("no memory for a VM");
	scene->nvcpus = 1 + model_random(MAX_VCPUS);
	for (i = 0; i < scene->nvcpus; i++) {
		vm->vcpus[i] = vmm_vcpu_create(vm, i);
		if (IS_ERR(vm->vcpus[i]))
			model_broken("no memory for a vCPU");
		scene->vcpus[i] = (struct scene_vcpu){ .scene = scene, .vcpu = vm->vcpus[i] };
		reset(&scene->vcpus[i]);
	}
	vm->ncpus = scene->nrunning = scene->nvcpus;
	model_counts.vms++;
	return true;
}

/* As TERM does it. */
static void vm_end(struct scene_vm *scene)
{
	struct vmm_vm *vm = scene->vm;
	unsigned int i;

	WRITE_ONCE(vm->dying, true);
	for (i = 0; i < vm->ncpus; i++)
		vmm_vcpu_kick(vm->vcpus[i]);
	while (scene->nrunning)
		cond_resched();
	for (i = 0; i < vm->ncpus; i++)
		vmm_vcpu_destroy(vm->vcpus[i]);
	vmm_pt_free(&vm->pt);
	for (i = 0; i < MODEL_GUEST_PAGES; i++) {
		__free_page(scene->pages[i]);
		scene->pages[i] = NULL;
	}
	kfree(vm);
	vmm_hw_put();
}

static void vms_thread(void *arg)
{
	struct scene_vm *scene = arg;
	unsigned int i;

	while (vms_left) {
		vms_left--;
		if (!vm_make(scene))
			continue;
		for (i = 0; i < scene->nvcpus; i++)
			model_thread(vcpu_thread, &scene->vcpus[i]);
		while (scene->nrunning && !model_chance(500))
			cond_resched();
		vm_end(scene);
	}
}

/* Somewhere in the midst. The notifier runs on one CPU, and asks the others. */
static void reboot_thread(void *unused)
{
	unsigned int left = model_random(REBOOT_WITHIN);

	while (vms_left && left--)
		cond_resched();
	model_going_down = true;
	model_reboot->notifier_call(model_reboot, 0, NULL);
}

/* Where one entry cannot map 2 MiB it says so: a caller then maps small pages. */
static void map_large(void)
{
	struct vmm_pt pt;
	int may = vmm_ops->pt->large ? 0 : -EEXIST;

	if (vmm_pt_init(&pt, vmm_ops->pt))
		model_broken("no memory for a page table");
	if (vmm_pt_map(&pt, 0, 512, true) != may ||
	    vmm_pt_protect(&pt, PMD_SIZE, 1024, true, VMMT_ACCESS_r) != may)
		model_broken("2 MiB are mapped by one entry where there is none, or are not");
	if (vmm_pt_access(&pt, 0) != (may ? VMMT_ACCESS_none : VMMT_ACCESS_rwx))
		model_broken("2 MiB that were not mapped are there");
	vmm_pt_free(&pt);
}

static void load_thread(void *reboot)
{
	char why[128] = "";
	unsigned int i;

	if (vmm_ops->check(why, sizeof(why)))
		model_broken("the module refuses the processor: %s", why);
	if (vmm_hw_init())
		model_broken("the module does not load");
	map_large();
	for (i = 0; i < ARRAY_SIZE(scenes); i++)
		model_thread(vms_thread, &scenes[i]);
	if (reboot)
		model_thread(reboot_thread, NULL);
}

static void unload_thread(void *unused)
{
	if (model_going_down && !vmm_hw_get())
		model_broken("virtualization is on again while the host goes down");
	vmm_hw_exit();
	if (model_pages_in_use)
		model_broken("%lu pages were not given back", model_pages_in_use);
}

/* One seed. Returns NULL, or what went wrong. A host that rebooted cannot be used again. */
static const char *play(bool reboot)
{
	const char *wrong;

	memset(scenes, 0, sizeof(scenes));
	vms_left = VMS;
	model_thread(load_thread, reboot ? scenes : NULL);
	/* CPUs that never go count what they hand out in step, which has its own dangers. */
	wrong = model_run(!reboot && model_chance(2));
	if (wrong)
		return wrong;
	model_thread(unload_thread, NULL);
	return model_run(false);
}

/* Seeds first to last; counts go to *sum. */
static const char *play_seeds(void (*power_on)(void), u64 first, u64 last, struct model_counts *sum)
{
	const char *wrong = NULL;

	for (; !wrong && first <= last; first++) {
		model_init(first);
		power_on();
		wrong = play(false);
#define C(name, svm, vmx) sum->name += model_counts.name;
		MODEL_COUNTS(C)
#undef C
	}
	if (wrong)
		printf("# seed %llu: %s\n", first - 1, wrong);
#define C(name, svm, vmx) printf("# %s %lu\n", #name, sum->name);
	MODEL_COUNTS(C)
#undef C
	return wrong;
}

/* Seeds whose host reboots, each in a process of its own. Returns NULL, or that it went wrong. */
static const char *play_reboots(void (*power_on)(void), u64 first, u64 last)
{
	int status = 0;

	for (; !status && first <= last; first++) {
		fflush(stdout);
		if (!fork()) {
			const char *wrong;

			model_init(first);
			power_on();
			wrong = play(true);
			if (wrong)
				printf("# seed %llu: %s\n", first, wrong);
			fflush(stdout);
			_exit(wrong ? 1 : 0);
		}
		if (wait(&status) < 0)
			return "no process for it";
	}
	return status ? "see above" : NULL;
}

/* A test whose model never reuses anything tests nothing. */
static const char *never_happened(const struct model_counts *sum)
{
	bool is_svm = vmm_ops->isa == VMMT_ISA_svm;

#define C(name, svm, vmx) \
	if ((is_svm ? svm : vmx) && !sum->name) \
		return "it never happened: " #name;
	MODEL_COUNTS(C)
#undef C
	return NULL;
}

/* In paranoid mode a processor has nothing to keep. */
static const char *relied(const struct model_counts *sum)
{
	if (!sum->entries)
		return "nothing was entered";
	if (sum->reused)
		return "translations were kept";
	if (sum->clean)
		return "parts of a VMCB were clean";
	return sum->resumes ? "a VMCS stayed launched" : NULL;
}

static void result(unsigned int number, const char *name, const char *wrong)
{
	printf("%s %u - %s\n", wrong ? "not ok" : "ok", number, name);
	if (wrong)
		printf("# %s\n", wrong);
}

void scene_bind(const struct vmm_ops *ops)
{
	vmm_ops = ops;
#define VMM_OP(ret, name, args) vmm_op_##name = ops->name;
	VMM_OPS(VMM_OP)
#undef VMM_OP
}

/* Each is there: one that is called in a crash only would not be missed before. */
static const char *without_operation(const struct vmm_ops *ops)
{
#define VMM_OP(ret, name, args) \
	if (!ops->name) \
		return "it has no " #name;
	VMM_OPS(VMM_OP)
#undef VMM_OP
	return NULL;
}

int scene_main(const struct vmm_ops *ops, void (*power_on)(void))
{
	const char *only = getenv("MODEL_SEED");
	u64 first = only ? strtoull(only, NULL, 0) : 1, last = only ? first : SEEDS;
	struct model_counts sum = {};
	const char *wrong;

	scene_bind(ops);
	printf("1..5\n");
	wrong = play_seeds(power_on, first, last, &sum);
	result(1, "the module never relies on what is stale", wrong);
	if (wrong)
		return 1;	/* nothing that follows could be trusted */
	result(2, "there was occasion for it", never_happened(&sum));
	result(3, "nor when the host goes down", play_reboots(power_on, first, last));
	sum = (struct model_counts){};
	static_branch_enable(&vmm_paranoid);
	wrong = play_seeds(power_on, first, last, &sum);
	result(4, "paranoid: nor on anything", wrong ?: relied(&sum));
	result(5, "the vendor has every operation", without_operation(ops));
	return 0;
}
