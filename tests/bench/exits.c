// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an exit costs, as the guest's own RDTSC sees it: round trips of CPUID,
 * RDMSR and OUT, the last to userland and back with a client that does nothing
 * else. Untraced, with the recorder attached, and under KVM where that is
 * loaded. On a deterministic emulated host a tick is an instruction.
 *
 *	vmmtrace lab --cpu amd --deterministic --module kvm-amd --add tests/bench/exits -- exits
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/collector/source_vmm.h"
#include "src/lib/libvmm.h"

#define ROUNDS 64
#define TABLES 0x2000
#define CODE 0x8000
#define RESULTS 0x10000
#define STR_(x) #x
#define STR(x) STR_(x)

/* Each measures ROUNDS times and stores 32-bit differences at R12. */
#define MEASURE(name, setup, insn) \
	"1:	rdtsc\n" \
	"	mov %eax, %r14d\n" setup insn \
	"	rdtsc\n" \
	"	sub %r14d, %eax\n" \
	"	mov %eax, (%r12)\n" \
	"	add $4, %r12\n" \
	"	dec %r13d\n" \
	"	jnz 1b\n" \
	"	mov $" STR(ROUNDS) ", %r13d\n"

/* All have the same frame: two instructions between the stamps beside the one
 * that is measured. */
asm(".pushsection .rodata\n"
    ".globl guest_code, guest_code_end\n"
    "guest_code:\n"
    "	mov $" STR(RESULTS) ", %r12d\n"
    "	mov $" STR(ROUNDS) ", %r13d\n"
    MEASURE("frame", "	mov $0, %eax\n	mov $0, %ecx\n", "")
    MEASURE("cpuid", "	mov $0, %eax\n	mov $0, %ecx\n", "	cpuid\n")
    MEASURE("rdmsr", "	mov $0, %eax\n	mov $0x277, %ecx\n", "	rdmsr\n")
    MEASURE("out", "	mov $0, %eax\n	mov $0x80, %edx\n", "	out %al, %dx\n")
    "	hlt\n"
    "guest_code_end:\n"
    ".popsection\n");
extern const char guest_code[], guest_code_end[];

static const char *const names[] = { "frame", "cpuid", "rdmsr", "out" };
#define NNAMES 4

struct guest {
	int fd;
	uint32_t vm;
	char *memory;
};

/* The program, and page tables that map the first GiB one to one. */
static void fill_memory(char *memory)
{
	uint64_t *table = (uint64_t *)(memory + TABLES);
	int i;

	table[0] = (TABLES + 0x1000) | 3;
	table[512] = (TABLES + 0x2000) | 3;
	for (i = 0; i < 512; i++)
		table[1024 + i] = ((uint64_t)i << 21) | 0x83;
	memcpy(memory + CODE, guest_code, (size_t)(guest_code_end - guest_code));
}

/* 64-bit mode. */
static int make_guest(struct guest *g)
{
	struct vm_create_params vcp = {
		.vcp_nmemranges = 1, .vcp_ncpus = 1,
		.vcp_memranges = { { .vmr_size = 1 << 20 } }, .vcp_name = "bench",
	};
	struct vm_resetcpu_params vrp = {};
	struct vcpu_reg_state *s = &vrp.vrp_init_state;
	int err, i;

	g->fd = vmm_open();
	err = g->fd < 0 ? g->fd : vmm_create(g->fd, &vcp);
	if (err)
		return err;
	g->vm = vcp.vcp_id;
	g->memory = (char *)(uintptr_t)vcp.vcp_memranges[0].vmr_va;
	fill_memory(g->memory);

	vrp.vrp_vm_id = g->vm;
	s->vrs_gprs[VCPU_REGS_RIP] = CODE;
	s->vrs_gprs[VCPU_REGS_RFLAGS] = 2;
	s->vrs_crs[VCPU_REGS_CR0] = 0x80000031;
	s->vrs_crs[VCPU_REGS_CR3] = TABLES;
	s->vrs_crs[VCPU_REGS_CR4] = 0x20;
	s->vrs_crs[VCPU_REGS_XCR0] = 1;
	s->vrs_msrs[VCPU_REGS_EFER] = 0x500;
	s->vrs_drs[VCPU_REGS_DR6] = 0xffff0ff0;
	s->vrs_drs[VCPU_REGS_DR7] = 0x400;
	for (i = 0; i < VCPU_REGS_NSREGS; i++)
		s->vrs_sregs[i] = (struct vcpu_segment_info){
			.vsi_sel = 0x10, .vsi_limit = ~0u, .vsi_ar = 0xc093 };
	s->vrs_sregs[VCPU_REGS_CS].vsi_sel = 8;
	s->vrs_sregs[VCPU_REGS_CS].vsi_ar = 0xa09b;
	s->vrs_sregs[VCPU_REGS_LDTR] = (struct vcpu_segment_info){ .vsi_limit = 0xffff, .vsi_ar = 0x82 };
	s->vrs_sregs[VCPU_REGS_TR] = (struct vcpu_segment_info){ .vsi_limit = 0xffff, .vsi_ar = 0x8b };
	return vmm_reset_cpu(g->fd, &vrp);
}

/* To its HLT, which ends the vCPU as interrupts are off. */
static int run(struct guest *g)
{
	struct vm_exit exit = {};
	struct vm_run_params vrp = { .vrp_vm_id = g->vm, .vrp_exit = &exit };
	int err;

	for (;;) {
		err = vmm_run(g->fd, &vrp);
		if (err)
			return err == -5 ? 0 : err;
		if (exit.vei.vei_size)
			exit.vrs.vrs_gprs[VCPU_REGS_RIP] += exit.vei.vei_insn_len;
	}
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void take_medians(const char *memory, uint32_t median[NNAMES])
{
	uint32_t values[ROUNDS];
	int i;

	for (i = 0; i < NNAMES; i++) {
		memcpy(values, memory + RESULTS + i * sizeof(values), sizeof(values));
		qsort(values, ROUNDS, sizeof(values[0]), by_value);
		median[i] = values[ROUNDS / 2];
	}
}

static int measure(uint32_t median[NNAMES])
{
	struct guest g;
	int err = make_guest(&g);

	if (!err)
		err = run(&g);
	if (!err) {
		take_medians(g.memory, median);
		err = vmm_term(g.fd, g.vm);
		close(g.fd);
	}
	return err;
}

/* The same guest under KVM. */
static int kvm_registers(int vcpu)
{
	struct kvm_segment data = {
		.limit = ~0u, .selector = 0x10, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1,
	}, code = data;
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return -errno;
	code.selector = 8;
	code.type = 11;
	code.db = 0;
	code.l = 1;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 = 0x80000031;
	sregs.cr3 = TABLES;
	sregs.cr4 = 0x20;
	sregs.efer = 0x500;
	return ioctl(vcpu, KVM_SET_SREGS, &sregs) || ioctl(vcpu, KVM_SET_REGS, &regs) ? -errno : 0;
}

static int kvm_run_guest(int vcpu, struct kvm_run *state)
{
	do {
		if (ioctl(vcpu, KVM_RUN, 0))
			return -errno;
	} while (state->exit_reason == KVM_EXIT_IO);
	return state->exit_reason == KVM_EXIT_HLT ? 0 : -EIO;
}

static int measure_kvm(uint32_t median[NNAMES])
{
	struct kvm_userspace_memory_region region = { .memory_size = 1 << 20 };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = -1, vcpu = -1, err;
	void *state = MAP_FAILED, *memory;
	long size;

	if (kvm < 0)
		return -errno;
	memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	region.userspace_addr = (uintptr_t)memory;
	err = -EIO;
	if (memory == MAP_FAILED || size < 0 || vm < 0 ||
	    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		goto out;
	fill_memory(memory);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu >= 0)
		state = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (state == MAP_FAILED)
		goto out;
	err = kvm_registers(vcpu);
	if (!err)
		err = kvm_run_guest(vcpu, state);
	if (!err)
		take_medians(memory, median);
	munmap(state, (size_t)size);
out:
	if (vcpu >= 0)
		close(vcpu);
	if (vm >= 0)
		close(vm);
	close(kvm);
	return err;
}

int main(void)
{
	struct collector_options options = { .generator = "bench", .khz = 1000000 };
	struct source_vmm_options source = {};
	struct collector *c = collector_new(&options);
	uint32_t off[NNAMES], on[NNAMES], kvm[NNAMES];
	bool have_kvm = !measure_kvm(kvm);
	struct source_vmm *s = NULL;
	char msg[SOURCE_MSG] = "";
	int err = measure(off), i;

	if (!err)
		err = source_vmm_open(c, &source, &s, msg);
	if (!err)
		err = measure(on);
	if (err) {
		fprintf(stderr, "exits: %s\n", msg[0] ? msg : strerror(-err));
		return 1;
	}
	printf("ticks a round trip, frame taken off, median of %d\n", ROUNDS);
	printf("%-10s %8s %8s %8s %12s\n", "guest does", "untraced", "traced", "KVM", "KVM/untraced");
	for (i = 1; i < NNAMES; i++) {
		uint32_t ours = off[i] - off[0];

		printf("%-10s %8u %8u", names[i], ours, on[i] - on[0]);
		if (have_kvm)
			printf(" %8u %12.2f\n", kvm[i] - kvm[0], (double)(kvm[i] - kvm[0]) / ours);
		else
			printf(" %8s\n", "-");
	}
	source_vmm_close(s);
	collector_free(c);
	return 0;
}
