// SPDX-License-Identifier: GPL-2.0-only
/* Events for the guest: vrp_inject, vrp_intr_pending, VMM_IOC_INTR. */
#include "guest.h"

#include <errno.h>
#include <unistd.h>

#define VECTOR 0x50

/* OUT and JMP are the same bytes in every mode. */
GUEST(64, tell, "1: out %al, $0x80\n jmp 1b\n");
GUEST(64, tell_open, "sti\n nop\n 1: out %al, $0x80\n jmp 1b\n");
GUEST(64, tell_then_open,
      "out %al, $0x80\n out %al, $0x80\n sti\n nop\n cli\n 1: out %al, $0x80\n jmp 1b\n");
GUEST(64, halt_open, "sti\n hlt\n 1: out %al, $0x80\n jmp 1b\n");
GUEST(64, tell_cr2, "1: mov %cr2, %rax\n out %eax, $0x80\n jmp 1b\n");
GUEST(64, wait_open, "out %al, $0x80\n sti\n 1: jmp 1b\n");
GUEST(64, open_cpuid, "sti\n cpuid\n 1: jmp 1b\n");
GUEST(64, count_cpuid, "1: xor %eax, %eax\n cpuid\n inc %esi\n jmp 1b\n");
GUEST(64, three,
      "mov $1, %al\n out %al, $0x80\n mov $2, %al\n out %al, $0x80\n mov $3, %al\n"
      "out %al, $0x80\n");

static void inject(struct guest *g, uint8_t type, uint8_t vector, uint32_t error)
{
	g->run.vrp_inject = (struct vcpu_inject_event) {
		.vie_type = type, .vie_vector = vector, .vie_errorcode = error,
	};
}

/* ---- exceptions ---- */

/* SDM table 6-1: which push an error code, where there is protection. */
static bool has_error(unsigned int vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

static void exception(uint8_t vector)
{
	struct guest g;
	struct trap t;
	enum mode m;

	for (m = REAL; m <= LONG; m++) {
		START(&g, m, tell);
		run_to_out(&g);
		inject(&g, VCPU_INJECT_EX, vector, 0x10 + vector);
		t = run_to_trap(&g);
		EXPECT_EQ(t.vector, vector);
		EXPECT_EQ(t.rip, m == REAL ? 2 : CODE + 2);
		EXPECT_EQ(t.has_error, m != REAL && has_error(vector));
		if (t.has_error)
			EXPECT_EQ(t.error, vector == 17 ? 0 : 0x10 + vector);
		run_to_out(&g);		/* back from the handler, once */
		run_to_out(&g);
		close(g.fd);
	}
}

#define EXCEPTION(number, name) void inject_ex_##number(void) { exception(number); }
CONFORM_EXCEPTIONS(EXCEPTION)

/* Nothing has changed: what vrp_exit gives back has not been taken either. */
static void refused(uint8_t type, uint8_t vector)
{
	struct guest g;

	START(&g, LONG, three);
	run_to_io(&g);
	inject(&g, type, vector, 0);
	EXPECT_ERR(run_once(&g), EINVAL);
	EXPECT_EQ(info_of(g.fd, g.id).vir_vcpu_state[0], VCPU_STATE_STOPPED);
	g.exit.vrs.vrs_gprs[VCPU_REGS_RIP] = CODE + 8;
	EXPECT_OUT(&g, 3);
	close(g.fd);
}

void inject_ex_reserved(void)
{
	static const uint8_t vectors[] = { 2, 9, 15, 20, 21, 22, 28, 29, 30, 31, 32, 255 };
	unsigned int i;

	for (i = 0; i < sizeof(vectors); i++)
		refused(VCPU_INJECT_EX, vectors[i]);
}

void inject_type_unknown(void)
{
	refused(VCPU_INJECT_NMI + 1, 3);
	refused(255, 3);
}

void inject_none(void)
{
	struct guest g;

	START(&g, LONG, tell_open);
	run_to_out(&g);
	inject(&g, VCPU_INJECT_NONE, 13, 5);
	run_to_out(&g);
}

void inject_pf_cr2(void)
{
	struct vcpu_reg_state regs;
	struct guest g;

	START(&g, LONG, tell_cr2);
	EXPECT_OUT(&g, 0);
	regs = regs_of(&g);
	regs.vrs_crs[VCPU_REGS_CR2] = 0x5678000;
	MUST(writeregs(g.fd, g.id, 0, VM_RWREGS_CRS, &regs));
	inject(&g, VCPU_INJECT_EX, 14, 2);
	EXPECT_EQ(run_to_trap(&g).error, 2);
	EXPECT_EQ(regs_of(&g).vrs_crs[VCPU_REGS_CR2], 0x5678000);
	EXPECT_OUT(&g, 0x5678000);
}

/* The stack is not there yet: the delivery is cut off, and done again. */
void inject_cut_off(void)
{
	struct guest g;

	START(&g, LONG, tell);
	run_to_out(&g);
	set_gpr(&g, VCPU_REGS_RSP, 0x90000);
	inject(&g, VCPU_INJECT_EX, 13, 0x18);
	EXPECT_EQ(run_to_trap(&g).error, 0x18);
	run_to_out(&g);
	run_to_out(&g);
}

/* ---- interrupts ---- */

void inject_intr(void)
{
	struct guest g;
	struct trap t;
	enum mode m;

	for (m = REAL; m <= LONG; m++) {
		START(&g, m, tell_open);
		run_to_out(&g);
		EXPECT_EQ(g.run.vrp_irqready, 1);
		inject(&g, VCPU_INJECT_INTR, VECTOR, 0);
		t = run_to_trap(&g);
		EXPECT_EQ(t.vector, VECTOR);
		EXPECT(t.rflags & RFLAGS_IF);
		run_to_out(&g);
		run_to_out(&g);
		close(g.fd);
	}
}

void inject_intr_cut_off(void)
{
	struct guest g;

	START(&g, LONG, tell_open);
	run_to_out(&g);
	set_gpr(&g, VCPU_REGS_RSP, 0x90000);
	inject(&g, VCPU_INJECT_INTR, VECTOR, 0);
	EXPECT_EQ(run_to_trap(&g).vector, VECTOR);
	run_to_out(&g);
	run_to_out(&g);
}

/* It waits until the guest opens interrupts, over as many RUNs as that takes. */
void inject_intr_closed(void)
{
	struct guest g;
	struct trap t;

	START(&g, LONG, tell_then_open);
	run_to_out(&g);
	EXPECT_EQ(g.run.vrp_irqready, 0);
	inject(&g, VCPU_INJECT_INTR, VECTOR, 0);
	run_to_out(&g);
	t = run_to_trap(&g);
	EXPECT_EQ(t.vector, VECTOR);
	EXPECT_EQ(t.rip, CODE + 6);		/* behind the instruction after STI */
	run_to_out(&g);
	run_to_out(&g);
}

void inject_intr_replaced(void)
{
	struct guest g;

	START(&g, LONG, tell_then_open);
	run_to_out(&g);
	inject(&g, VCPU_INJECT_INTR, VECTOR, 0);
	run_to_out(&g);
	inject(&g, VCPU_INJECT_INTR, VECTOR + 1, 0);
	EXPECT_EQ(run_to_trap(&g).vector, VECTOR + 1);
	run_to_out(&g);
}

void inject_intr_halted(void)
{
	struct guest g;
	struct trap t;

	START(&g, LONG, halt_open);
	EXPECT_EQ(run(&g), reason(R_HLT));
	EXPECT_EQ(g.run.vrp_irqready, 1);
	inject(&g, VCPU_INJECT_INTR, VECTOR, 0);
	t = run_to_trap(&g);
	EXPECT_EQ(t.vector, VECTOR);
	EXPECT_EQ(t.rip, CODE + 2);
	run_to_out(&g);
}

/* ---- NMI ---- */

void inject_nmi(void)
{
	struct guest g;
	struct trap t;
	enum mode m;

	for (m = REAL; m <= LONG; m++) {
		START(&g, m, tell);
		run_to_out(&g);
		inject(&g, VCPU_INJECT_NMI, 0, 0);
		t = run_to_trap(&g);
		EXPECT_EQ(t.vector, 2);
		EXPECT(!(t.rflags & RFLAGS_IF));
		run_to_out(&g);
		run_to_out(&g);
		close(g.fd);
	}
}

/* ---- vrp_intr_pending and VMM_IOC_INTR ---- */

void intr_pending_open(void)
{
	struct guest g;

	START(&g, LONG, wait_open);
	run_to_out(&g);
	set_gpr(&g, VCPU_REGS_RFLAGS, RFLAGS_ONE | RFLAGS_IF);
	g.run.vrp_intr_pending = 1;
	run(&g);
	EXPECT_EQ(g.run.vrp_irqready, 1);
}

void intr_pending_closed(void)
{
	struct guest g;

	START(&g, LONG, wait_open);
	run_to_out(&g);
	g.run.vrp_intr_pending = 1;
	EXPECT_EQ(run(&g), isa() == SVM ? 0x64 : 7);
	EXPECT_EQ(g.run.vrp_irqready, 1);
	EXPECT(g.exit.vrs.vrs_gprs[VCPU_REGS_RIP] >= CODE + 3);
}

void intr_before_run(void)
{
	struct guest g;

	START(&g, LONG, wait_open);
	run_to_out(&g);
	MUST(intr(g.fd, g.id, 0, 1));
	EXPECT_EQ(run(&g), reason(R_WINDOW));
	EXPECT_EQ(g.run.vrp_irqready, 1);
}

/* It is a flag: any number but 0 sets it. */
void intr_any_number(void)
{
	struct guest g;

	START(&g, LONG, wait_open);
	run_to_out(&g);
	MUST(intr(g.fd, g.id, 0, 0x100));
	EXPECT_EQ(run(&g), reason(R_WINDOW));
}

/* An instruction that is finished for the guest ends the shadow of STI, as it does itself. */
void intr_skipped(void)
{
	struct guest g;

	START(&g, LONG, open_cpuid);
	g.run.vrp_intr_pending = 1;
	run(&g);
	EXPECT_EQ(g.run.vrp_irqready, 1);
	EXPECT_EQ(g.exit.vrs.vrs_gprs[VCPU_REGS_RIP], CODE + 3);
}

void intr_withdrawn(void)
{
	struct guest g;

	START(&g, LONG, tell_then_open);
	run_to_out(&g);
	MUST(intr(g.fd, g.id, 0, 1));
	MUST(intr(g.fd, g.id, 0, 0));
	run_to_out(&g);
	run_to_out(&g);
}

/* RUN looked; from then on it is userland's to look again. */
void intr_cleared(void)
{
	struct guest g;

	START(&g, LONG, tell_then_open);
	MUST(intr(g.fd, g.id, 0, 1));
	run_to_out(&g);
	run_to_out(&g);
	run_to_out(&g);
}

void intr_kick(void)
{
	pthread_t thread;
	struct guest g;

	START(&g, LONG, wait_open);
	run_to_out(&g);
	run_in_thread(&g, &thread);
	EVENTUALLY(is_running(&g));
	pause_ms(20);
	MUST(intr(g.fd, g.id, 0, 1));
	MUST(join(thread));
	EXPECT_EQ(g.run.vrp_irqready, 1);
}

/* With interrupts off, the guest goes on until it opens them. */
void intr_kick_closed(void)
{
	pthread_t thread;
	struct guest g;

	START(&g, LONG, count_cpuid);
	run_in_thread(&g, &thread);
	EVENTUALLY(is_running(&g));
	MUST(intr(g.fd, g.id, 0, 1));
	pause_ms(50);
	EVENTUALLY(is_running(&g));
	MUST(interrupt(&g, thread));
	EXPECT_EQ(g.run.vrp_exit_reason, VM_EXIT_NONE);
}

void intr_stopped(void)
{
	struct guest g;

	make(&g, 1);
	MUST(intr(g.fd, g.id, 0, 1));
	EXPECT_ERR(run_on(&g), EINVAL);
	MUST(intr(g.fd, g.id, 0, 1));
}
