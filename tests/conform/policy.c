// SPDX-License-Identifier: GPL-2.0-only
/* What a guest sees: MSRs, control registers, the TSC, instructions that are not its. */
#include "guest.h"

#include <errno.h>
#include <cpuid.h>
#include <unistd.h>

#define GP 13
#define UD 6

GUEST(64, do_rdmsr, "rdmsr\n out %al, $0x80\n");
GUEST(64, do_wrmsr, "wrmsr\n out %al, $0x80\n");
GUEST(64, mov_cr0, "mov %rax, %cr0\n mov %cr0, %rax\n out %eax, $0x80\n");
GUEST(32, mov_cr0_32, "mov %eax, %cr0\n mov %cr0, %eax\n out %eax, $0x80\n");
GUEST(64, mov_cr4, "mov %rax, %cr4\n mov %cr4, %rax\n out %eax, $0x80\n");
GUEST(64, mov_cr8, "mov %rax, %cr8\n xor %eax, %eax\n mov %cr8, %rax\n out %eax, $0x80\n");
GUEST(64, clear_ts,
      "mov %cr0, %rax\n or $8, %eax\n mov %rax, %cr0\n clts\n mov %cr0, %rax\n"
      "out %eax, $0x80\n smsw %ax\n lmsw %ax\n out %al, $0x80\n");
GUEST(32, to_long,
      "mov $0x20, %eax\n mov %eax, %cr4\n mov $0x1000, %eax\n mov %eax, %cr3\n"
      "mov $0xc0000080, %ecx\n mov $0x100, %eax\n xor %edx, %edx\n wrmsr\n"
      "mov %cr0, %eax\n or $0x80000000, %eax\n mov %eax, %cr0\n"
      "mov $0xc0000080, %ecx\n rdmsr\n out %eax, $0x80\n"
      "mov %cr0, %eax\n and $0x7fffffff, %eax\n mov %eax, %cr0\n"
      "mov $0xc0000080, %ecx\n rdmsr\n out %eax, $0x80\n");
GUEST(64, do_xsetbv, "xsetbv\n xor %ecx, %ecx\n xgetbv\n out %eax, $0x80\n");
GUEST(64, user_xsetbv,
      "lea 1f(%rip), %rbx\n push $0x33\n push $0xf000\n push $0x3002\n push $0x2b\n push %rbx\n"
      "iretq\n 1: mov $1, %eax\n xor %edx, %edx\n xor %ecx, %ecx\n xsetbv\n out %al, $0x80\n");
GUEST(64, tell_tsc, "rdtsc\n out %al, $0x80\n");
GUEST(64, invd, "mov $1, %eax\n invd\n out %al, $0x80\n");
GUEST(64, wbinvd, "mov $1, %eax\n wbinvd\n out %al, $0x80\n");
GUEST(64, rdpmc, "xor %ecx, %ecx\n rdpmc\n out %al, $0x80\n");
GUEST(64, do_pause, "mov $1, %eax\n pause\n out %al, $0x80\n");
GUEST(64, step_cpuid,
      "int3\n pushfq\n orl $0x100, (%rsp)\n popfq\n cpuid\n out %al, $0x80\n");
GUEST(64, icebp, ".byte 0xf1\n out %al, $0x80\n");

/* ---- probing ---- */

/* Run the code with these in EAX (RAX), ECX and EDX; false if it ended in a trap. */
static bool probe(struct guest *g, uint64_t rax, uint32_t rcx, uint32_t rdx, struct trap *ret_trap)
{
	struct vcpu_reg_state regs = regs_of(g);

	regs.vrs_gprs[VCPU_REGS_RAX] = rax;
	regs.vrs_gprs[VCPU_REGS_RCX] = rcx;
	regs.vrs_gprs[VCPU_REGS_RDX] = rdx;
	regs.vrs_gprs[VCPU_REGS_RIP] = CODE;
	regs.vrs_gprs[VCPU_REGS_RSP] = STACK;
	regs.vrs_gprs[VCPU_REGS_RFLAGS] = RFLAGS_ONE;
	set_regs(g, VM_RWREGS_GPRS, &regs);
	return run_to_out_or_trap(g, ret_trap);
}

/* RDMSR of the guest; false for #GP. */
static bool guest_rdmsr(struct guest *g, uint32_t index, uint64_t *ret_value)
{
	struct trap t;

	LOAD(g, do_rdmsr);
	if (!probe(g, 0, index, 0, &t)) {
		EXPECT_EQ(t.vector, GP);
		EXPECT_EQ(t.rip, CODE);
		return false;
	}
	*ret_value = (uint32_t)g->exit.vrs.vrs_gprs[VCPU_REGS_RAX] |
		     g->exit.vrs.vrs_gprs[VCPU_REGS_RDX] << 32;
	return true;
}

static bool guest_wrmsr(struct guest *g, uint32_t index, uint64_t value)
{
	struct trap t;

	LOAD(g, do_wrmsr);
	if (probe(g, (uint32_t)value, index, (uint32_t)(value >> 32), &t))
		return true;
	EXPECT_EQ(t.vector, GP);
	EXPECT_EQ(t.rip, CODE);
	return false;
}

static void make_long(struct guest *g)
{
	make(g, 1);
	MUST(reset(g, LONG));
}

/* ---- MSRs ---- */

static void read_write(uint32_t index, uint64_t value)
{
	uint64_t is = 0;
	struct guest g;

	make_long(&g);
	EXPECT(guest_wrmsr(&g, index, value));
	EXPECT(guest_rdmsr(&g, index, &is));
	EXPECT_EQ(is, value);
}

#define DIRECT(name, text, index, value) void msr_##name(void) { read_write(index, value); }
CONFORM_DIRECT_MSRS(DIRECT)

static void reads_as(uint32_t index, uint64_t value)
{
	uint64_t is = ~value;
	struct guest g;

	make_long(&g);
	EXPECT(guest_rdmsr(&g, index, &is));
	EXPECT_EQ(is, value);
}

static void read_faults(uint32_t index)
{
	struct guest g;
	uint64_t is;

	make_long(&g);
	EXPECT(!guest_rdmsr(&g, index, &is));
}

static void write_discarded(uint32_t index)
{
	struct guest g;

	make_long(&g);
	EXPECT(guest_wrmsr(&g, index, 0x1234567890abcdef));
}

static void write_faults(uint32_t index, uint64_t value)
{
	struct guest g;

	make_long(&g);
	EXPECT(!guest_wrmsr(&g, index, value));
}

void msr_efer(void)
{
	struct guest g;
	uint64_t is;

	make_long(&g);
	EXPECT(guest_rdmsr(&g, 0xc0000080, &is));
	EXPECT_EQ(is, EFER_LME | EFER_LMA);
	EXPECT(guest_wrmsr(&g, 0xc0000080, EFER_LME | EFER_LMA | 0x801));
	EXPECT(guest_rdmsr(&g, 0xc0000080, &is));
	EXPECT_EQ(is, EFER_LME | EFER_LMA | 0x801);
}

void msr_efer_lma(void)
{
	struct guest g;
	uint64_t is;

	make_long(&g);
	EXPECT(guest_wrmsr(&g, 0xc0000080, EFER_LME));
	EXPECT(guest_rdmsr(&g, 0xc0000080, &is));
	EXPECT_EQ(is, EFER_LME | EFER_LMA);
}

void msr_efer_paging(void)
{
	write_faults(0xc0000080, 0);
}

void msr_efer_reserved(void)
{
	write_faults(0xc0000080, EFER_LME | EFER_LMA | 1ULL << 12);	/* SVME */
	write_faults(0xc0000080, EFER_LME | EFER_LMA | 1ULL << 63);
}

void msr_pat(void)
{
	reads_as(0x277, 0x0007040600070406);
	read_write(0x277, 0x0001050600070406);
}

void msr_pat_bad(void)
{
	write_faults(0x277, 0x0007040600070402);
	write_faults(0x277, 0x0307040600070406);
	write_faults(0x277, 0x0007040800070406);
}

void msr_misc_enable(void)
{
	vendor_only(VMX);
	read_write(0x1a0, 0x801);
}

void msr_tsc(void)
{
	uint64_t before, is = 0, after;
	struct guest g;

	strict_processor();
	make_long(&g);
	before = ticks();
	EXPECT(guest_rdmsr(&g, 0x10, &is));
	after = ticks();
	EXPECT(before < is && is < after);
}

void msr_tsc_write(void)
{
	uint64_t before, is = 0, after;
	struct guest g;

	strict_processor();
	make_long(&g);
	EXPECT(guest_wrmsr(&g, 0x10, 5));
	before = ticks();
	EXPECT(guest_rdmsr(&g, 0x10, &is));
	after = ticks();
	EXPECT(before < is && is < after);
}

void msr_bios_sign(void)
{
	reads_as(0x8b, 0);
}

void msr_platform_id(void)
{
	reads_as(0x17, 0);
}

void msr_apic_base(void)
{
	read_faults(0x1b);
}

void msr_mtrr(void)
{
	read_faults(0xfe);
	read_faults(0x2ff);
}

void msr_unknown_read(void)
{
	read_faults(0x12345);
	read_faults(0xc0001fff);
	read_faults(0xc0012345);
	read_faults(0xffffffff);
}

void msr_unknown_write(void)
{
	write_discarded(0x12345);
	write_discarded(0x1b);
	write_discarded(0x2ff);
	write_discarded(0xc0001fff);
	write_discarded(0xffffffff);
}

void msr_feature_control(void)
{
	vendor_only(VMX);
	reads_as(0x3a, 1);
	write_faults(0x3a, 5);
}

void msr_smm_monitor_ctl(void)
{
	vendor_only(VMX);
	write_faults(0x9b, 1);
}

void msr_int_pending(void)
{
	vendor_only(SVM);
	reads_as(0xc0010055, 0);
}

void msr_de_cfg(void)
{
	vendor_only(SVM);
	reads_as(0xc0011029, 2);
}

void msr_amd_direct(void)
{
	struct guest g;
	uint64_t is;

	vendor_only(SVM);
	make_long(&g);
	EXPECT(guest_rdmsr(&g, 0xc0010015, &is));
	EXPECT(guest_rdmsr(&g, 0xc0010064, &is));
}

/* ---- control registers ---- */

/* MOV to a control register must fault, and RIP stay on it. */
static void cr_faults(enum mode mode, const uint8_t *code, size_t size, uint64_t value)
{
	struct guest g;
	struct trap t;

	make(&g, 1);
	load(&g, code, size);
	MUST(reset(&g, mode));
	EXPECT(!probe(&g, value, 0, 0, &t));
	EXPECT_EQ(t.vector, GP);
	EXPECT_EQ(t.error, 0);
	EXPECT_EQ(t.rip, CODE);
	close(g.fd);
}
#define CR_FAULTS(mode, code, value) cr_faults(mode, code, (size_t)(code##_end - code), value)

/* What it then reads as. */
static uint32_t cr_after(enum mode mode, const uint8_t *code, size_t size, uint64_t value)
{
	struct guest g;
	struct trap t;

	make(&g, 1);
	load(&g, code, size);
	MUST(reset(&g, mode));
	EXPECT(probe(&g, value, 0, 0, &t));
	return (uint32_t)g.exit.vrs.vrs_gprs[VCPU_REGS_RAX];
}
#define CR_AFTER(mode, code, value) cr_after(mode, code, (size_t)(code##_end - code), value)

void cr_cr0_pg_without_pe(void)
{
	strict_processor();
	CR_FAULTS(PROT32, mov_cr0_32, CR0_PG | CR0_ET);
}

void cr_cr0_nw_without_cd(void)
{
	strict_processor();
	CR_FAULTS(PROT32, mov_cr0_32, CR0_PE | CR0_ET | CR0_NW);
}

void cr_cr0_upper(void)
{
	strict_processor();
	CR_FAULTS(LONG, mov_cr0, CR0_PE | CR0_ET | CR0_PG | 1ULL << 32);
}

void cr_cr0_ne(void)
{
	EXPECT_EQ(CR_AFTER(PROT32, mov_cr0_32, CR0_PE | CR0_ET), CR0_PE | CR0_ET);
	EXPECT_EQ(CR_AFTER(PROT32, mov_cr0_32, CR0_PE | CR0_ET | CR0_NE),
		  CR0_PE | CR0_ET | CR0_NE);
}

void cr_cr0_cd(void)
{
	EXPECT_EQ(CR_AFTER(PROT32, mov_cr0_32, CR0_PE | CR0_ET | CR0_CD | CR0_NW),
		  CR0_PE | CR0_ET | CR0_CD | CR0_NW);
}

void cr_cr0_ts(void)
{
	struct guest g;

	START(&g, LONG, clear_ts);
	EXPECT(!(run_to_out(&g) & 8));
	run_to_out(&g);
}

void cr_cr4_reserved(void)
{
	strict_processor();
	CR_FAULTS(LONG, mov_cr4, CR4_PAE | 1ULL << 32);
}

void cr_cr4_vmxe(void)
{
	vendor_only(VMX);
	CR_FAULTS(LONG, mov_cr4, CR4_PAE | 1ULL << 13);
}

void cr_cr4(void)
{
	EXPECT_EQ(CR_AFTER(LONG, mov_cr4, CR4_PAE | 0x80), CR4_PAE | 0x80);
}

void cr_cr8(void)
{
	EXPECT_EQ(CR_AFTER(LONG, mov_cr8, 6), 6);
}

void cr_cr8_bad(void)
{
	strict_processor();
	CR_FAULTS(LONG, mov_cr8, 16);
}

/* LMA comes with paging, and goes with it; whoever has it is in long mode. */
void cr_long_mode(void)
{
	struct guest g;

	START(&g, LONG, to_long);
	MUST(reset(&g, PROT32));
	EXPECT_OUT(&g, EFER_LME | EFER_LMA);
	EXPECT_OUT(&g, EFER_LME);
}

/* ---- XSETBV ---- */

static void make_xsave(struct guest *g, const uint8_t *code, size_t size)
{
	struct vcpu_reg_state regs = registers(LONG);
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		not_here("a host without XSAVE");
	make_long(g);
	load(g, code, size);
	regs.vrs_crs[VCPU_REGS_CR4] |= CR4_OSXSAVE;
	set_regs(g, VM_RWREGS_CRS, &regs);
}

static void xsetbv_faults(uint32_t ecx, uint64_t value)
{
	struct guest g;
	struct trap t;

	make_xsave(&g, do_xsetbv, (size_t)(do_xsetbv_end - do_xsetbv));
	EXPECT(!probe(&g, (uint32_t)value, ecx, (uint32_t)(value >> 32), &t));
	EXPECT_EQ(t.vector, GP);
	EXPECT_EQ(t.rip, CODE);
	close(g.fd);
}

void cr_xsetbv(void)
{
	struct guest g;
	struct trap t;

	make_xsave(&g, do_xsetbv, (size_t)(do_xsetbv_end - do_xsetbv));
	EXPECT(probe(&g, 3, 0, 0, &t));
	EXPECT_EQ((uint32_t)g.exit.vrs.vrs_gprs[VCPU_REGS_RAX], 3);
	EXPECT_EQ(regs_of(&g).vrs_crs[VCPU_REGS_XCR0], 3);
	EXPECT(probe(&g, 1, 0, 0, &t));
	EXPECT_EQ((uint32_t)g.exit.vrs.vrs_gprs[VCPU_REGS_RAX], 1);
}

void cr_xsetbv_index(void)
{
	xsetbv_faults(1, 1);
}

void cr_xsetbv_value(void)
{
	xsetbv_faults(0, 0);
	xsetbv_faults(0, 2);
	xsetbv_faults(0, 5);
	xsetbv_faults(0, 1ULL << 62 | 1);
}

void cr_xsetbv_user(void)
{
	struct guest g;
	struct trap t;

	make_xsave(&g, user_xsetbv, (size_t)(user_xsetbv_end - user_xsetbv));
	EXPECT(!probe(&g, 0, 0, 0, &t));
	EXPECT_EQ(t.vector, GP);
}

/* ---- single steps, the TSC ---- */

/* As if the processor had executed the instruction itself. All pages that the trap needs have
 * been touched by INT3, as Bochs takes a nested fault for a step. */
void cr_trap_flag(void)
{
	struct guest g;
	struct trap t;

	START(&g, LONG, step_cpuid);
	EXPECT_EQ(run_to_trap(&g).vector, 3);
	t = run_to_trap(&g);
	EXPECT_EQ(t.vector, 1);
	EXPECT_EQ(t.rip, CODE + 12);
	EXPECT(t.rflags & RFLAGS_TF);
}

void cr_rdtsc(void)
{
	uint64_t before, is, after;
	struct guest g;

	START(&g, LONG, tell_tsc);
	before = ticks();
	run_to_out(&g);
	after = ticks();
	is = (uint32_t)g.exit.vrs.vrs_gprs[VCPU_REGS_RAX] |
	     g.exit.vrs.vrs_gprs[VCPU_REGS_RDX] << 32;
	EXPECT(before < is && is < after);
}

/* ---- instructions ---- */

/* The bytes, run as code, are #UD at the instruction itself. */
static void is_undefined(const uint8_t *bytes, size_t size)
{
	struct guest g;
	struct trap t;

	make_long(&g);
	memset(g.ram + CODE, 0x90, 64);
	load(&g, bytes, size);
	memcpy(g.ram + CODE + 64, "\xe6\x80", 2);
	EXPECT(!probe(&g, 0, 0, 0, &t));
	EXPECT_EQ(t.vector, UD);
	EXPECT_EQ(t.rip, CODE);
	close(g.fd);
}

#define UNDEFINED(name, text, vendor, ...) \
	void ud_##name(void) \
	{ \
		static const uint8_t bytes[] = { __VA_ARGS__ }; \
		\
		if (vendor) \
			vendor_only(vendor); \
		if (!strcmp(#name, "rdtscp")) \
			strict_processor(); \
		is_undefined(bytes, sizeof(bytes)); \
	}
CONFORM_UNDEFINED(UNDEFINED)

void cr_rdpmc(void)
{
	struct guest g;

	START(&g, LONG, rdpmc);
	EXPECT_EQ(run_to_trap(&g).vector, GP);
}

void cr_invd(void)
{
	struct guest g;

	START(&g, LONG, invd);
	EXPECT_OUT(&g, 1);
	START(&g, LONG, wbinvd);
	EXPECT_OUT(&g, 1);
}

void cr_pause(void)
{
	struct guest g;

	START(&g, LONG, do_pause);
	EXPECT_OUT(&g, 1);
}

void cr_icebp(void)
{
	struct guest g;
	struct trap t;

	strict_processor();
	START(&g, LONG, icebp);
	t = run_to_trap(&g);
	EXPECT_EQ(t.vector, 1);
	EXPECT_EQ(t.rip, CODE + 1);
	run_to_out(&g);
}
