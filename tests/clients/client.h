/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What these clients have in common. They include nothing of this project but
 * the headers that a program for vmm(4) includes, and use its calls as vmd(8)
 * does: CREATE, RESETCPU, then RUN for ever, with one vm_exit that goes back
 * and forth. Each runs with either generation of guest memory: "caller", mapped
 * and filled before CREATE and passed in vmr_va, or "kernel", returned by it.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <machine/pte.h>
#include <machine/specialreg.h>
#include <machine/vmmvar.h>

#include <dev/vmm/vmm.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VMM_NODE	"/dev/vmm"
#define MAX_RUNS	10000

static int vmm_fd, failures;
static struct vm_create_params vcp;
static struct vm_run_params vrp;
static struct vm_exit vm_exit;

#define check(condition, ...) check_(condition, #condition, __VA_ARGS__)
__attribute__((format(printf, 3, 4)))
static void check_(int ok, const char *condition, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	printf("%sok - %s: ", ok ? "" : "not ", vcp.vcp_name);
	vprintf(format, ap);
	putchar('\n');
	va_end(ap);
	if (ok)
		return;
	printf("# %s: errno %d, exit reason %#x, RIP %#lx\n", condition, errno, vrp.vrp_exit_reason,
	       (unsigned long)vm_exit.vrs.vrs_gprs[VCPU_REGS_RIP]);
	failures++;
}

/* Guest memory in this process. */
static uint8_t *memory(paddr_t gpa)
{
	struct vm_mem_range *vmr;
	size_t i;

	for (i = 0; i < vcp.vcp_nmemranges; i++) {
		vmr = &vcp.vcp_memranges[i];
		if (gpa >= vmr->vmr_gpa && gpa - vmr->vmr_gpa < vmr->vmr_size)
			return (uint8_t *)vmr->vmr_va + (gpa - vmr->vmr_gpa);
	}
	errx(1, "no guest memory at %#lx", gpa);
}

static inline void put64(paddr_t gpa, uint64_t value)
{
	memcpy(memory(gpa), &value, sizeof(value));
}

/* A VM of the ranges in vcp, filled by load() before or after CREATE. */
static inline void create(const char *name, const char *generation, void (*load)(void))
{
	vaddr_t given[VMM_MAX_MEM_RANGES] = { 0 };
	int by_caller = !strcmp(generation, "caller"), right = 1;
	void *p;
	size_t i;

	vmm_fd = open(VMM_NODE, O_RDWR);
	if (vmm_fd == -1)
		err(1, "open %s", VMM_NODE);
	snprintf(vcp.vcp_name, sizeof(vcp.vcp_name), "%s %s", name, generation);
	vcp.vcp_ncpus = 1;
	for (i = 0; by_caller && i < vcp.vcp_nmemranges; i++) {
		p = mmap(NULL, vcp.vcp_memranges[i].vmr_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANON, -1, 0);
		if (p == MAP_FAILED)
			err(1, "mmap");
		vcp.vcp_memranges[i].vmr_va = given[i] = (vaddr_t)p;
	}
	if (by_caller)
		load();
	if (ioctl(vmm_fd, VMM_IOC_CREATE, &vcp) == -1)
		err(1, "VMM_IOC_CREATE");
	for (i = 0; i < vcp.vcp_nmemranges; i++)
		right &= by_caller ? vcp.vcp_memranges[i].vmr_va == given[i] :
		    (vcp.vcp_memranges[i].vmr_va != 0) ==
		    (vcp.vcp_memranges[i].vmr_type != VM_MEM_MMIO);
	check(vcp.vcp_id != 0, "CREATE gives an id");
	check(right, "vmr_va is %s", by_caller ? "the caller's" : "given by CREATE");
	if (!by_caller)
		load();
	vrp.vrp_vm_id = vcp.vcp_id;
	vrp.vrp_exit = &vm_exit;
}

/* A vCPU at rip without paging, all of its data segments alike. */
static inline void first_state(struct vcpu_reg_state *vrs, uint64_t rip,
    struct vcpu_segment_info code, struct vcpu_segment_info data)
{
	int i;

	memset(vrs, 0, sizeof(*vrs));
	vrs->vrs_gprs[VCPU_REGS_RFLAGS] = 0x2;
	vrs->vrs_gprs[VCPU_REGS_RIP] = rip;
	vrs->vrs_crs[VCPU_REGS_CR0] = CR0_ET;
	vrs->vrs_crs[VCPU_REGS_XCR0] = XFEATURE_X87;
	vrs->vrs_drs[VCPU_REGS_DR6] = 0xFFFF0FF0;
	vrs->vrs_drs[VCPU_REGS_DR7] = 0x400;
	for (i = VCPU_REGS_ES; i <= VCPU_REGS_GS; i++)
		vrs->vrs_sregs[i] = data;
	vrs->vrs_sregs[VCPU_REGS_CS] = code;
	vrs->vrs_sregs[VCPU_REGS_LDTR] = (struct vcpu_segment_info){ 0, 0xffff, 0x0082, 0 };
	vrs->vrs_sregs[VCPU_REGS_TR] = (struct vcpu_segment_info){ 0, 0xffff, 0x008b, 0 };
}

static inline void reset(const struct vcpu_reg_state *vrs)
{
	struct vm_resetcpu_params vresetp;

	memset(&vresetp, 0, sizeof(vresetp));
	vresetp.vrp_vm_id = vcp.vcp_id;
	memcpy(&vresetp.vrp_init_state, vrs, sizeof(*vrs));
	if (ioctl(vmm_fd, VMM_IOC_RESETCPU, &vresetp) == -1)
		err(1, "VMM_IOC_RESETCPU");
}

/* What an exit means, whichever processor it is. */
enum what { OTHER, PORT, HALT, FAULT, RESET };

static enum what what_exit(void)
{
	switch (vrp.vrp_exit_reason) {
	case VMX_EXIT_IO:
	case SVM_VMEXIT_IOIO:
		return PORT;
	case VMX_EXIT_HLT:
	case SVM_VMEXIT_HLT:
		return HALT;
	case VMX_EXIT_EPT_VIOLATION:
	case SVM_VMEXIT_NPF:
		return vm_exit.vee.vee_fault_type == VEE_FAULT_HANDLED ? OTHER : FAULT;
	case VMX_EXIT_TRIPLE_FAULT:
	case SVM_VMEXIT_SHUTDOWN:
		return RESET;
	default:
		return OTHER;
	}
}

/*
 * RUN until there is something to do; vrp_inject is for the first of them. As
 * vmd(8), go on after an exit that the kernel has dealt with.
 */
static inline enum what run(void)
{
	enum what what = OTHER;
	int i;

	for (i = 0; what == OTHER && i < MAX_RUNS; i++) {
		if (ioctl(vmm_fd, VMM_IOC_RUN, &vrp) == -1)
			err(1, "VMM_IOC_RUN");
		memset(&vrp.vrp_inject, 0, sizeof(vrp.vrp_inject));
		if (vrp.vrp_exit_reason != VM_EXIT_NONE)
			what = what_exit();
	}
	return what;
}

/* A port access was dealt with: the guest goes on behind its instruction. */
static inline void advance(void)
{
	vm_exit.vrs.vrs_gprs[VCPU_REGS_RIP] += vm_exit.vei.vei_insn_len;
}

/* The next exit is an OUT to this port; returns its data. */
static inline uint32_t expect_out(uint16_t port, const char *why)
{
	enum what what = run();
	uint32_t mask = vm_exit.vei.vei_size == 4 ? ~0u : (1u << 8 * vm_exit.vei.vei_size) - 1;

	check(what == PORT && vm_exit.vei.vei_dir == VEI_DIR_OUT && vm_exit.vei.vei_port == port,
	    "OUT to port %#x, %s", port, why);
	advance();
	return vm_exit.vei.vei_data & mask;
}

static inline void expect_in(uint16_t port, uint32_t answer, const char *why)
{
	enum what what = run();

	check(what == PORT && vm_exit.vei.vei_dir == VEI_DIR_IN && vm_exit.vei.vei_port == port,
	    "IN from port %#x, %s", port, why);
	vm_exit.vei.vei_data = answer;
	advance();
}

static inline int finish(void)
{
	struct vm_terminate_params vtp = { .vtp_vm_id = vcp.vcp_id };

	check(ioctl(vmm_fd, VMM_IOC_TERM, &vtp) == 0, "TERM");
	check(ioctl(vmm_fd, VMM_IOC_TERM, &vtp) == -1 && errno == ENOENT, "TERM again: ENOENT");
	return failures != 0;
}

static inline const char *generation(int argc, char **argv)
{
	if (argc < 2 || (strcmp(argv[1], "caller") && strcmp(argv[1], "kernel")))
		errx(2, "usage: %s caller|kernel", argv[0]);
	return argv[1];
}

#endif /* CLIENT_H */
