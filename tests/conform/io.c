// SPDX-License-Identifier: GPL-2.0-only
/* Port and memory accesses: what vrp_exit tells, and what RUN takes back. */
#include "guest.h"

#include <errno.h>
#include <unistd.h>

GUEST(64, out_sizes,
      "mov $0x11223344, %eax\n out %al, $0x80\n out %ax, $0x80\n out %eax, $0x80\n");
GUEST(64, out_dx, "mov $0xfedc, %edx\n out %al, %dx\n out %al, $0x80\n");
GUEST(64, in_al, "mov $0x1122334455667788, %rax\n in $0x80, %al\n out %al, $0x80\n");
GUEST(64, in_ax, "mov $0x1122334455667788, %rax\n in $0x80, %ax\n out %al, $0x80\n");
GUEST(64, in_eax, "mov $0x1122334455667788, %rax\n in $0x80, %eax\n out %al, $0x80\n");
GUEST(64, three_outs,
      "mov $1, %al\n out %al, $0x80\n mov $2, %al\n out %al, $0x80\n mov $3, %al\n"
      "out %al, $0x80\n");
GUEST(64, in_then_loop, "in $0x80, %eax\n" FOREVER);
GUEST(64, tell_rbx, "out %al, $0x80\n mov %ebx, %eax\n out %eax, $0x80\n");
GUEST(64, outs,
      "mov $0x20000, %esi\n mov $3, %ecx\n mov $0x80, %edx\n rep outsb\n"
      "mov %ecx, %eax\n out %eax, $0x80\n mov %esi, %eax\n out %eax, $0x80\n");
GUEST(64, outs_fs, "mov $0x80, %edx\n outsw %fs:(%rsi), %dx\n");
GUEST(64, outs_addr32, "mov $0x80, %edx\n addr32 outsl\n");
GUEST(64, ins, "mov $0x20000, %edi\n mov $2, %ecx\n mov $0x80, %edx\n rep insl\n");
GUEST(32, outs32, "mov $0x80, %edx\n outsb\n");
GUEST(16, outs16, "mov $0x80, %dx\n outsb\n");
GUEST(64, mmio_read, "mov $0xfe000123, %ebx\n mov (%rbx), %eax\n out %eax, $0x80\n");
GUEST(64, mmio_write, "mov $0xfe000123, %ebx\n mov %eax, (%rbx)\n out %eax, $0x80\n");
GUEST(64, mmio_execute, "mov $0xfe000000, %ebx\n jmp *%rbx\n");

#define FIRST_MMIO_RIP (CODE + 5)

static uint64_t rip(const struct guest *g)
{
	return g->exit.vrs.vrs_gprs[VCPU_REGS_RIP];
}

void io_sizes(void)
{
	static const unsigned int sizes[] = { 1, 2, 4 };
	struct guest g;
	unsigned int i;

	START(&g, LONG, out_sizes);
	for (i = 0; i < 3; i++) {
		run_to_io(&g);
		EXPECT_EQ(g.exit.vei.vei_size, sizes[i]);
		EXPECT_EQ(g.exit.vei.vei_data, 0x11223344);
		EXPECT_EQ(g.exit.vei.vei_port, 0x80);
		EXPECT_EQ(g.exit.vei.vei_dir, VEI_DIR_OUT);
		EXPECT_EQ(g.exit.vei.vei_rep, 0);
		EXPECT_EQ(g.exit.vei.vei_string, 0);
	}
}

void io_dx(void)
{
	struct guest g;

	START(&g, LONG, out_dx);
	run_to_io(&g);
	EXPECT_EQ(g.exit.vei.vei_port, 0xfedc);
	EXPECT_EQ(g.exit.vei.vei_encoding, 0);
	EXPECT_EQ(g.exit.vei.vei_insn_len, 1);
	run_to_io(&g);
	EXPECT_EQ(g.exit.vei.vei_encoding, isa() == VMX);
	EXPECT_EQ(g.exit.vei.vei_insn_len, 2);
}

void io_insn_len(void)
{
	struct guest g;

	START(&g, LONG, out_sizes);
	run_to_io(&g);
	EXPECT_EQ(g.exit.vei.vei_insn_len, 2);
	run_to_io(&g);
	EXPECT_EQ(g.exit.vei.vei_insn_len, 3);	/* with an operand-size prefix */
}

void io_rip(void)
{
	struct guest g;

	START(&g, LONG, three_outs);
	EXPECT_EQ(run(&g), reason(R_IO));
	EXPECT_EQ(rip(&g), CODE + 2);
	EXPECT_EQ(run(&g), reason(R_IO));
	EXPECT_EQ(rip(&g), CODE + 2);
}

void io_rip_taken(void)
{
	struct guest g;

	START(&g, LONG, three_outs);
	run_to_io(&g);
	g.exit.vrs.vrs_gprs[VCPU_REGS_RIP] = CODE + 8;
	EXPECT_OUT(&g, 3);
}

/* The guest's RAX after an IN that was answered with data. */
static uint64_t rax_after_in(const uint8_t *code, size_t size, uint32_t data)
{
	struct guest g;

	make(&g, 1);
	load(&g, code, size);
	MUST(reset(&g, LONG));
	run_to_io(&g);
	EXPECT_EQ(g.exit.vei.vei_dir, VEI_DIR_IN);
	EXPECT_EQ(g.exit.vei.vei_data, 0x55667788);
	g.exit.vei.vei_data = data;
	run_to_io(&g);
	return g.exit.vrs.vrs_gprs[VCPU_REGS_RAX];
}

/* Userland merges into EAX as it was; the upper half is not its business. */
void io_in_1(void)
{
	EXPECT_EQ(rax_after_in(in_al, (size_t)(in_al_end - in_al), 0x55667799),
		  0x1122334455667799);
}

void io_in_2(void)
{
	EXPECT_EQ(rax_after_in(in_ax, (size_t)(in_ax_end - in_ax), 0x5566aabb),
		  0x112233445566aabb);
}

void io_in_4(void)
{
	EXPECT_EQ(rax_after_in(in_eax, (size_t)(in_eax_end - in_eax), 0xccddeeff), 0xccddeeff);
}

void io_out_data(void)
{
	struct guest g;

	START(&g, LONG, out_sizes);
	run_to_io(&g);
	g.exit.vei.vei_data = 0;
	g.exit.vrs.vrs_gprs[VCPU_REGS_RAX] = 0;
	run_to_io(&g);
	EXPECT_EQ(g.exit.vei.vei_data, 0x11223344);
}

void io_others_ignored(void)
{
	struct guest g;

	START(&g, LONG, tell_rbx);
	run_to_io(&g);
	g.exit.vrs.vrs_gprs[VCPU_REGS_RBX] = 77;
	g.exit.vrs.vrs_gprs[VCPU_REGS_RFLAGS] |= RFLAGS_IF;
	EXPECT_OUT(&g, 0);
	EXPECT(!(g.exit.vrs.vrs_gprs[VCPU_REGS_RFLAGS] & RFLAGS_IF));
}

/* A RUN that came back for a signal has taken what was there to take; the next
 * one does not take it again. */
void io_taken_once(void)
{
	struct vcpu_reg_state regs;
	pthread_t thread;
	struct guest g;

	START(&g, LONG, in_then_loop);
	run_to_io(&g);
	g.exit.vei.vei_data = 0x1234;
	run_in_thread(&g, &thread);
	EVENTUALLY(is_running(&g));
	MUST(interrupt(&g, thread));
	EXPECT_EQ(g.run.vrp_exit_reason, VM_EXIT_NONE);
	regs = regs_of(&g);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_RAX], 0x1234);
	EXPECT_EQ(regs.vrs_gprs[VCPU_REGS_RIP], CODE + 3);
	LOAD(&g, three_outs);
	regs.vrs_gprs[VCPU_REGS_RIP] = CODE + 4;
	MUST(writeregs(g.fd, g.id, 0, VM_RWREGS_GPRS, &regs));
	memset(&g.exit, 0, sizeof(g.exit));
	EXPECT_OUT(&g, 2);
}

/* After a port access it is vrp_exit that says where the guest goes on. */
void io_writeregs_undone(void)
{
	struct vcpu_reg_state regs;
	struct guest g;

	START(&g, LONG, three_outs);
	run_to_io(&g);
	regs = regs_of(&g);
	regs.vrs_gprs[VCPU_REGS_RIP] = CODE + 8;
	MUST(writeregs(g.fd, g.id, 0, VM_RWREGS_GPRS, &regs));
	EXPECT_OUT(&g, 2);
}

void io_reset_forgets(void)
{
	struct guest g;

	START(&g, LONG, three_outs);
	run_to_io(&g);
	run_to_io(&g);
	MUST(reset(&g, LONG));
	EXPECT_OUT(&g, 1);
}

/* ---- string instructions ---- */

void io_outs(void)
{
	struct guest g;

	START(&g, LONG, outs);
	EXPECT_EQ(run(&g), reason(R_IO));
	EXPECT_EQ(g.exit.vei.vei_string, 1);
	EXPECT_EQ(g.exit.vei.vei_rep, 1);
	EXPECT_EQ(g.exit.vei.vei_size, 1);
	EXPECT_EQ(g.exit.vei.vei_dir, VEI_DIR_OUT);
	EXPECT_EQ(g.exit.vrs.vrs_gprs[VCPU_REGS_RCX], 3);
	EXPECT_EQ(g.exit.vrs.vrs_gprs[VCPU_REGS_RSI], DATA);
	EXPECT_EQ(g.exit.ve_seg, VCPU_REGS_DS);
	EXPECT_EQ(g.exit.ve_addr_size, 8);
}

/* Userland moves RSI, RCX and RIP on; they are taken back with all the rest. */
void io_outs_taken(void)
{
	struct guest g;

	START(&g, LONG, outs);
	run_to_io(&g);
	g.exit.vrs.vrs_gprs[VCPU_REGS_RCX] = 0;
	g.exit.vrs.vrs_gprs[VCPU_REGS_RSI] += 3;
	EXPECT_OUT(&g, 0);
	EXPECT_OUT(&g, DATA + 3);
}

void io_ins(void)
{
	struct guest g;

	START(&g, LONG, ins);
	EXPECT_EQ(run(&g), reason(R_IO));
	EXPECT_EQ(g.exit.vei.vei_string, 1);
	EXPECT_EQ(g.exit.vei.vei_size, 4);
	EXPECT_EQ(g.exit.vei.vei_dir, VEI_DIR_IN);
	EXPECT_EQ(g.exit.ve_seg, VCPU_REGS_ES);
	EXPECT_EQ(g.exit.ve_addr_size, 8);
}

void io_outs_segment(void)
{
	struct guest g;

	START(&g, LONG, outs_fs);
	EXPECT_EQ(run(&g), reason(R_IO));
	EXPECT_EQ(g.exit.ve_seg, VCPU_REGS_FS);
	EXPECT_EQ(g.exit.vei.vei_size, 2);
	EXPECT_EQ(g.exit.vei.vei_rep, 0);
}

void io_outs_addr_size(void)
{
	struct guest g;

	START(&g, LONG, outs_addr32);
	EXPECT_EQ(run(&g), reason(R_IO));
	EXPECT_EQ(g.exit.ve_addr_size, 4);
	START(&g, PROT32, outs32);
	EXPECT_EQ(run(&g), reason(R_IO));
	EXPECT_EQ(g.exit.ve_addr_size, 4);
	START(&g, REAL, outs16);
	EXPECT_EQ(run(&g), reason(R_IO));
	EXPECT_EQ(g.exit.ve_addr_size, 2);
}

/* ---- memory that is not there ---- */

void mmio_fault(void)
{
	struct guest g;

	START(&g, LONG, mmio_read);
	EXPECT_EQ(run(&g), reason(R_NESTED_FAULT));
	EXPECT_EQ(g.exit.vee.vee_fault_type, VEE_FAULT_MMIO_ASSIST);
	EXPECT_EQ(rip(&g), FIRST_MMIO_RIP);
}

void mmio_gpa(void)
{
	struct guest g;

	START(&g, LONG, mmio_read);
	EXPECT_EQ(run(&g), reason(R_NESTED_FAULT));
	EXPECT_EQ(g.exit.ve_gpa, 0xfe000123);
	if (isa() == VMX)
		EXPECT(g.exit.ve_flags & VE_GLA_VALID);
	if (g.exit.ve_flags & VE_GLA_VALID)
		EXPECT_EQ(g.exit.ve_gla, 0xfe000123);
}

void mmio_access(void)
{
	struct guest g;

	START(&g, LONG, mmio_read);
	EXPECT_EQ(run(&g), reason(R_NESTED_FAULT));
	EXPECT_EQ(g.exit.ve_access, 1);
	START(&g, LONG, mmio_write);
	EXPECT_EQ(run(&g), reason(R_NESTED_FAULT));
	EXPECT_EQ(g.exit.ve_access, 2);
	START(&g, LONG, mmio_execute);
	EXPECT_EQ(run(&g), reason(R_NESTED_FAULT));
	EXPECT_EQ(g.exit.ve_access, 4);
	EXPECT_EQ(g.exit.ve_gpa, MMIO_GPA);
}

void mmio_bytes(void)
{
	static const uint8_t mov[] = { 0x8b, 0x03, 0xe7, 0x80 };
	struct guest g;

	START(&g, LONG, mmio_read);
	EXPECT_EQ(run(&g), reason(R_NESTED_FAULT));
	EXPECT(g.exit.vee.vee_insn_info & VEE_BYTES_VALID);
	EXPECT(!memcmp(g.exit.vee.vee_insn_bytes, mov, sizeof(mov)));
	if (g.exit.vee.vee_insn_info & VEE_LEN_VALID)
		EXPECT_EQ(g.exit.vee.vee_insn_len, 2);
}

void mmio_taken(void)
{
	struct vcpu_reg_state regs;
	struct guest g;
	unsigned int i;

	START(&g, LONG, mmio_read);
	EXPECT_EQ(run(&g), reason(R_NESTED_FAULT));
	for (i = 0; i < VCPU_REGS_RIP; i++)
		g.exit.vrs.vrs_gprs[i] = 0x1111 * (i + 1);
	g.exit.vrs.vrs_gprs[VCPU_REGS_RIP] += 2;
	g.exit.vrs.vrs_gprs[VCPU_REGS_RFLAGS] |= 1;
	EXPECT_OUT(&g, 0x1111);
	regs = regs_of(&g);
	for (i = 0; i < VCPU_REGS_RIP; i++)
		EXPECT_EQ(regs.vrs_gprs[i], 0x1111 * (i + 1));
	EXPECT(regs.vrs_gprs[VCPU_REGS_RFLAGS] & 1);
}

void mmio_again(void)
{
	struct guest g;

	START(&g, LONG, mmio_write);
	EXPECT_EQ(run(&g), reason(R_NESTED_FAULT));
	EXPECT_EQ(run(&g), reason(R_NESTED_FAULT));
	EXPECT_EQ(rip(&g), FIRST_MMIO_RIP);
	EXPECT_EQ(g.exit.ve_gpa, 0xfe000123);
}

void mmio_efault(void)
{
	struct vm_run_params vrp = {};
	struct guest g;

	START(&g, LONG, mmio_read);
	EXPECT_EQ(run(&g), reason(R_NESTED_FAULT));
	g.exit.vrs.vrs_gprs[VCPU_REGS_RIP] += 2;
	vrp.vrp_vm_id = g.id;
	EXPECT_ERR(call(g.fd, VMM_IOC_RUN, &vrp), EFAULT);
	run_to_out(&g);
}
