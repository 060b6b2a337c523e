// SPDX-License-Identifier: GPL-2.0-only
/* VMM_IOC_RUN: who may, when, and what it returns. */
#include "guest.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

GUEST(64, two_outs, "mov $1, %al\n out %al, $0x80\n mov $2, %al\n out %al, $0x80\n");
GUEST(64, forever, FOREVER);
GUEST(64, halt_off, "mov $0x1234, %ebx\n cli\n hlt\n");
GUEST(64, halt_on, "sti\n hlt\n out %al, $0x80\n");
GUEST(64, nowhere, "mov $0x40000000, %ebx\n mov (%rbx), %eax\n");
GUEST(64, crash, "lidt 9f(%rip)\n ud2\n 9: .quad 0, 0\n");
GUEST(64, fault_in_mmio, "mov $0xfe000000, %ebx\n mov (%rbx), %eax\n");
GUEST(64, count, "xor %eax, %eax\n 1: inc %eax\n out %eax, $0x80\n jmp 1b\n");
GUEST(64, open_and_cpuid, "sti\n nop\n xor %eax, %eax\n cpuid\n out %al, $0x80\n");
GUEST(32, switch_task, "ljmp $0x20, $0\n");
GUEST(64, to_user,
      "lea 1f(%rip), %rax\n push $0x33\n push $0xf000\n push $0x3002\n push $0x2b\n push %rax\n"
      "iretq\n 1: out %al, $0x80\n");
GUEST(64, all_registers,
      "mov $0x0101010101010101, %rax\n mov $0x0202020202020202, %rbx\n"
      "mov $0x0303030303030303, %rcx\n mov $0x0404040404040404, %rdx\n"
      "mov $0x0505050505050505, %rsi\n mov $0x0606060606060606, %rdi\n"
      "mov $0x0707070707070707, %rbp\n mov $0x0808080808080808, %r8\n"
      "mov $0x0909090909090909, %r9\n mov $0x1010101010101010, %r10\n"
      "mov $0x1111111111111111, %r11\n mov $0x1212121212121212, %r12\n"
      "mov $0x1313131313131313, %r13\n mov $0x1414141414141414, %r14\n"
      "mov $0x1515151515151515, %r15\n out %al, $0x80\n");

static uint8_t state(const struct guest *g)
{
	return info_of(g->fd, g->id).vir_vcpu_state[g->vcpu];
}

void run_first(void)
{
	struct guest g;

	START(&g, LONG, two_outs);
	EXPECT_OUT(&g, 1);
	EXPECT_OUT(&g, 2);
	EXPECT_EQ(state(&g), VCPU_STATE_STOPPED);
}

void run_modes(void)
{
	struct guest g;
	enum mode m;

	/* MOV AL, n and OUT are the same bytes in every mode. */
	for (m = REAL; m <= LONG; m++) {
		START(&g, m, two_outs);
		EXPECT_OUT(&g, 1);
		EXPECT_OUT(&g, 2);
		close(g.fd);
	}
}

void run_never_reset(void)
{
	struct guest g;

	make(&g, 1);
	EXPECT_ERR(run_on(&g), EINVAL);
	EXPECT_EQ(state(&g), VCPU_STATE_TERMINATED);
}

void run_terminated(void)
{
	struct guest g;

	START(&g, LONG, halt_off);
	EXPECT_ERR(run_on(&g), EIO);
	EXPECT_ERR(run_once(&g), EBUSY);
}

void run_busy(void)
{
	pthread_t thread;
	struct guest g, again;

	START(&g, LONG, forever);
	again = other_vcpu(&g, 0);
	run_in_thread(&g, &thread);
	EVENTUALLY(is_running(&g));
	EXPECT_ERR(run_once(&again), EBUSY);
	MUST(interrupt(&g, thread));
	EXPECT_EQ(state(&g), VCPU_STATE_STOPPED);
}

static int run_as_child(void *arg)
{
	return run_once(arg);
}

void run_other_mm(void)
{
	struct guest g;

	START(&g, LONG, two_outs);
	EXPECT_EQ(in_child(run_as_child, &g), EPERM);
	EXPECT_OUT(&g, 1);
}

/* ---- the order of checks ---- */

static int run_with(struct guest *g, uint32_t vcpu, struct vm_exit *exit)
{
	struct vm_run_params vrp = { .vrp_vm_id = g->id, .vrp_vcpu_id = vcpu, .vrp_exit = exit };

	return call(g->fd, VMM_IOC_RUN, &vrp);
}

void run_order_vcpu(void)
{
	struct guest g;

	START(&g, LONG, two_outs);
	EXPECT_ERR(run_with(&g, 1, NULL), ENOENT);
}

static int run_vcpu_1(void *arg)
{
	return run_with(arg, 1, NULL);
}

void run_order_mm(void)
{
	struct guest g;

	START(&g, LONG, halt_off);
	EXPECT_ERR(run_on(&g), EIO);
	EXPECT_EQ(in_child(run_as_child, &g), EPERM);
	EXPECT_EQ(in_child(run_vcpu_1, &g), ENOENT);
}

void run_order_busy(void)
{
	struct guest g;

	START(&g, LONG, halt_off);
	EXPECT_ERR(run_on(&g), EIO);
	EXPECT_ERR(run_with(&g, 0, NULL), EBUSY);
}

/* ---- vrp_exit ---- */

void run_exit_null(void)
{
	struct guest g;

	START(&g, LONG, two_outs);
	EXPECT_ERR(run_with(&g, 0, NULL), EFAULT);
	EXPECT_EQ(state(&g), VCPU_STATE_STOPPED);
	EXPECT_OUT(&g, 1);
	EXPECT_ERR(run_with(&g, 0, (struct vm_exit *)0xffff800000000000), EFAULT);
	EXPECT_OUT(&g, 2);
}

void run_exit_readonly(void)
{
	struct vm_exit *exit = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct guest g;

	EXPECT(exit != MAP_FAILED);
	START(&g, LONG, two_outs);
	EXPECT_ERR(run_with(&g, 0, exit), EFAULT);
	EXPECT_EQ(state(&g), VCPU_STATE_STOPPED);
	MUST(readregs(g.fd, g.id, 0, VM_RWREGS_ALL, &g.exit.vrs));
	g.exit.vrs.vrs_gprs[VCPU_REGS_RIP] += 2;
	EXPECT_OUT(&g, 2);
}

void run_exit_registers(void)
{
	struct vcpu_reg_state regs;
	unsigned int i;
	struct guest g;

	START(&g, LONG, all_registers);
	EXPECT_EQ(run(&g), reason(R_IO));
	regs = regs_of(&g);
	EXPECT(!memcmp(&regs, &g.exit.vrs, sizeof(regs)));
	for (i = VCPU_REGS_R10; i <= VCPU_REGS_R15; i++)
		EXPECT_EQ(regs.vrs_gprs[i], 0x0101010101010101 * (0x10 + i - VCPU_REGS_R10));
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_RAX], 0x0101010101010101);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_RBX], 0x0202020202020202);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_RCX], 0x0303030303030303);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_RDX], 0x0404040404040404);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_RSI], 0x0505050505050505);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_RDI], 0x0606060606060606);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_RBP], 0x0707070707070707);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_R8], 0x0808080808080808);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_R9], 0x0909090909090909);
}

void run_exit_cpl(void)
{
	struct guest g;

	START(&g, LONG, two_outs);
	run_to_io(&g);
	EXPECT_EQ(g.exit.cpl, 0);
	START(&g, LONG, to_user);
	run_to_io(&g);
	EXPECT_EQ(g.exit.cpl, 3);
}

void run_exit_ordinal(void)
{
	struct guest g;
	uint64_t n;

	START(&g, LONG, count);
	run_to_io(&g);
	n = g.exit.ve_exit;
	EXPECT(n > 0);
	run_to_io(&g);
	EXPECT(g.exit.ve_exit > n);
}

/* ---- what RUN returns for ---- */

void run_reason_io(void)
{
	struct guest g;

	START(&g, LONG, two_outs);
	EXPECT_EQ(run(&g), isa() == SVM ? 0x7b : 30);
}

void run_reason_hlt(void)
{
	struct guest g;

	START(&g, LONG, halt_on);
	EXPECT_EQ(run(&g), isa() == SVM ? 0x78 : 12);
	EXPECT_EQ(g.exit.vrs.vrs_gprs[VCPU_REGS_RIP], CODE + 2);
	run_to_out(&g);
}

void run_reason_fault(void)
{
	struct guest g;

	START(&g, LONG, fault_in_mmio);
	EXPECT_EQ(run(&g), isa() == SVM ? 0x400 : 48);
}

void run_reason_shutdown(void)
{
	struct guest g;

	START(&g, LONG, crash);
	EXPECT_EQ(run(&g), isa() == SVM ? 0x7f : 2);
	EXPECT_EQ(state(&g), VCPU_STATE_STOPPED);
	LOAD(&g, two_outs);
	MUST(reset(&g, LONG));
	EXPECT_OUT(&g, 1);
}

/* The reason is the last exit's, whatever RUN came back for: here, that an
 * interrupt can be taken. */
void run_reason_last(void)
{
	struct guest g;

	START(&g, LONG, forever);
	g.run.vrp_intr_pending = 1;
	EXPECT(run(&g) != reason(R_IO));
	EXPECT_EQ(g.run.vrp_irqready, 1);
	LOAD(&g, open_and_cpuid);
	MUST(reset(&g, LONG));
	g.run.vrp_intr_pending = 0;
	EXPECT_EQ(run(&g), reason(R_IO));
}

void run_hlt_off(void)
{
	struct vcpu_reg_state regs;
	struct guest g;

	START(&g, LONG, halt_off);
	EXPECT_ERR(run_on(&g), EIO);
	EXPECT_EQ(state(&g), VCPU_STATE_TERMINATED);
	regs = regs_of(&g);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_RBX], 0x1234);
}

void run_nowhere(void)
{
	struct guest g;

	START(&g, LONG, nowhere);
	EXPECT_ERR(run_on(&g), EINVAL);
	EXPECT_EQ(state(&g), VCPU_STATE_TERMINATED);
	EXPECT_EQ(regs_of(&g).vrs_gprs[VCPU_REGS_RIP], CODE + 5);
}

/* State that no processor enters: 64-bit mode without PAE. */
void run_entry_failure(void)
{
	struct vcpu_reg_state regs;
	struct guest g;

	START(&g, LONG, two_outs);
	regs = registers(LONG);
	regs.vrs_crs[VCPU_REGS_CR4] = 0;
	set_regs(&g, VM_RWREGS_CRS, &regs);
	EXPECT_ERR(run_on(&g), EINVAL);
	EXPECT_EQ(state(&g), VCPU_STATE_TERMINATED);
}

void run_task_switch(void)
{
	uint64_t tss = 0x0000890000000067;	/* available, as JMP wants it */
	struct guest g;

	strict_processor();
	START(&g, PROT32, switch_task);
	memcpy(g.ram + GDT + SEL_TSS, &tss, sizeof(tss));
	EXPECT_ERR(run_on(&g), EINVAL);
	EXPECT_EQ(state(&g), VCPU_STATE_TERMINATED);
}

/* ---- signals ---- */

void run_signal(void)
{
	pthread_t thread;
	struct guest g;

	START(&g, LONG, forever);
	run_in_thread(&g, &thread);
	EVENTUALLY(is_running(&g));
	MUST(interrupt(&g, thread));
	EXPECT_EQ(g.run.vrp_exit_reason, VM_EXIT_NONE);
	EXPECT_EQ(g.exit.vrs.vrs_gprs[VCPU_REGS_RIP], CODE + 1);
	EXPECT_EQ(state(&g), VCPU_STATE_STOPPED);
}

/* RUN again goes on where the guest was. */
void run_signal_again(void)
{
	pthread_t thread;
	unsigned int i;
	struct guest g;

	START(&g, LONG, forever);
	for (i = 0; i < 3; i++) {
		run_in_thread(&g, &thread);
		EVENTUALLY(is_running(&g));
		MUST(interrupt(&g, thread));
		EXPECT_EQ(g.run.vrp_exit_reason, VM_EXIT_NONE);
	}
	LOAD(&g, two_outs);
	set_gpr(&g, VCPU_REGS_RIP, CODE);
	EXPECT_OUT(&g, 1);
}

/* ---- vrp_irqready ---- */

void run_irqready_if(void)
{
	struct guest g;

	START(&g, LONG, two_outs);
	run_to_io(&g);
	EXPECT_EQ(g.run.vrp_irqready, 0);
	set_gpr(&g, VCPU_REGS_RFLAGS, RFLAGS_ONE | RFLAGS_IF);
	run_to_io(&g);
	EXPECT_EQ(g.run.vrp_irqready, 1);
}

GUEST(64, sti_then_out, "sti\n out %al, $0x80\n out %al, $0x80\n");

/* In the shadow of STI no interrupt can be taken. */
void run_irqready_shadow(void)
{
	struct guest g;

	START(&g, LONG, sti_then_out);
	run_to_io(&g);
	EXPECT(g.exit.vrs.vrs_gprs[VCPU_REGS_RFLAGS] & RFLAGS_IF);
	EXPECT_EQ(g.run.vrp_irqready, 0);
	run_to_io(&g);
	EXPECT_EQ(g.run.vrp_irqready, 1);
}
