// SPDX-License-Identifier: GPL-2.0-only
/* CPUID as a guest sees it, beside the host's own. */
#include "guest.h"

#include <cpuid.h>
#include <unistd.h>

enum { EAX, EBX, ECX, EDX };

GUEST(64, do_cpuid, "cpuid\n out %al, $0x80\n");

static void probe(struct guest *g, uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	struct vcpu_reg_state regs = regs_of(g);

	regs.vrs_gprs[VCPU_REGS_RAX] = leaf;
	regs.vrs_gprs[VCPU_REGS_RCX] = sub;
	regs.vrs_gprs[VCPU_REGS_RIP] = CODE;
	set_regs(g, VM_RWREGS_GPRS, &regs);
	run_to_io(g);
	r[EAX] = (uint32_t)g->exit.vrs.vrs_gprs[VCPU_REGS_RAX];
	r[EBX] = (uint32_t)g->exit.vrs.vrs_gprs[VCPU_REGS_RBX];
	r[ECX] = (uint32_t)g->exit.vrs.vrs_gprs[VCPU_REGS_RCX];
	r[EDX] = (uint32_t)g->exit.vrs.vrs_gprs[VCPU_REGS_RDX];
}

/* One leaf of a new guest, and of the host. */
static void leaf_of_both(uint32_t leaf, uint32_t sub, uint32_t r[4], uint32_t host[4])
{
	struct guest g;

	START(&g, LONG, do_cpuid);
	probe(&g, leaf, sub, r);
	close(g.fd);
	__cpuid_count(leaf, sub, host[EAX], host[EBX], host[ECX], host[EDX]);
}

static void is_zero(uint32_t leaf, uint32_t sub)
{
	uint32_t r[4], host[4];

	leaf_of_both(leaf, sub, r, host);
	EXPECT_EQ(r[EAX], 0);
	EXPECT_EQ(r[EBX], 0);
	EXPECT_EQ(r[ECX], 0);
	EXPECT_EQ(r[EDX], 0);
}

static void is_hosts(uint32_t leaf, uint32_t sub)
{
	uint32_t r[4], host[4];

	leaf_of_both(leaf, sub, r, host);
	EXPECT(!memcmp(r, host, sizeof(host)));
}

static uint32_t host_max(void)
{
	return __get_cpuid_max(0, NULL);
}

static bool invariant_tsc(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8);
}

void cpuid_0(void)
{
	uint32_t r[4], host[4];

	leaf_of_both(0, 0, r, host);
	EXPECT_EQ(r[EBX], host[EBX]);
	EXPECT_EQ(r[ECX], host[ECX]);
	EXPECT_EQ(r[EDX], host[EDX]);
}

void cpuid_0_max(void)
{
	uint32_t r[4], host[4];

	leaf_of_both(0, 0, r, host);
	EXPECT_EQ(r[EAX], invariant_tsc() && host_max() < 0x15 ? 0x15 : host_max());
}

void cpuid_1_signature(void)
{
	uint32_t r[4], host[4];

	leaf_of_both(1, 0, r, host);
	EXPECT_EQ(r[EAX], host[EAX]);
	EXPECT_EQ(r[EBX] & 0xffff, host[EBX] & 0xffff);
}

void cpuid_1_apic_id(void)
{
	struct guest g, second;
	uint32_t r[4];

	make(&g, 2);
	LOAD(&g, do_cpuid);
	MUST(reset(&g, LONG));
	probe(&g, 1, 0, r);
	EXPECT_EQ(r[EBX] >> 24, 0);
	second = other_vcpu(&g, 1);
	MUST(reset(&second, LONG));
	probe(&second, 1, 0, r);
	EXPECT_EQ(r[EBX] >> 24, 1);
}

/* DTES64, MONITOR, DS-CPL, VMX, SMX, EST, TM2, CNXT-ID, SDBG, xTPR, PDCM, PCID, DCA, x2APIC,
 * TSC deadline; the hypervisor's own is set. */
void cpuid_1_ecx(void)
{
	static const uint32_t not = 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 |
				    1u << 8 | 1u << 10 | 1u << 11 | 1u << 14 | 1u << 15 | 1u << 17 |
				    1u << 18 | 1u << 21 | 1u << 24;
	static const uint32_t osxsave = 1u << 27, hypervisor = 1u << 31;
	uint32_t r[4], host[4];

	leaf_of_both(1, 0, r, host);
	EXPECT_EQ(r[ECX] & not, 0);
	EXPECT(r[ECX] & hypervisor);
	EXPECT_EQ(r[ECX] & ~(osxsave | hypervisor), host[ECX] & ~(not | osxsave | hypervisor));
}

/* MCE, APIC, MTRR, MCA, PSN, DS, ACPI, SS, HTT, TM, PBE. */
void cpuid_1_edx(void)
{
	static const uint32_t not = 1u << 7 | 1u << 9 | 1u << 12 | 1u << 14 | 1u << 18 | 1u << 21 |
				    1u << 22 | 1u << 27 | 1u << 28 | 1u << 29 | 1u << 31;
	uint32_t r[4], host[4];

	leaf_of_both(1, 0, r, host);
	EXPECT_EQ(r[EDX], host[EDX] & ~not);
}

void cpuid_1_osxsave(void)
{
	struct vcpu_reg_state regs = registers(LONG);
	struct guest g;
	uint32_t r[4];

	START(&g, LONG, do_cpuid);
	probe(&g, 1, 0, r);
	EXPECT(!(r[ECX] & 1u << 27));
	if (!(r[ECX] & 1u << 26))
		not_here("a host without XSAVE");
	regs.vrs_crs[VCPU_REGS_CR4] |= CR4_OSXSAVE;
	set_regs(&g, VM_RWREGS_CRS, &regs);
	probe(&g, 1, 0, r);
	EXPECT(r[ECX] & 1u << 27);
}

void cpuid_4(void)
{
	uint32_t r[4], host[4], sub;

	if (host_max() < 4)
		not_here("a host without leaf 4");
	for (sub = 0; sub < 5; sub++) {
		leaf_of_both(4, sub, r, host);
		EXPECT_EQ(r[EAX], host[EAX] & 0x3fff);
		EXPECT_EQ(r[EBX], host[EBX]);
		EXPECT_EQ(r[ECX], host[ECX]);
	}
}

/* TSC_ADJUST, SGX, HLE, INVPCID, RTM, PQM, MPX, AVX512, PCOMMIT, PT. */
void cpuid_7_ebx(void)
{
	static const uint32_t not = 1u << 1 | 1u << 2 | 1u << 4 | 1u << 10 | 1u << 11 | 1u << 12 |
				    1u << 14 | 1u << 16 | 1u << 17 | 1u << 21 | 1u << 22 |
				    1u << 25 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31;
	uint32_t r[4], host[4];

	if (host_max() < 7)
		not_here("a host without leaf 7");
	leaf_of_both(7, 0, r, host);
	EXPECT_EQ(r[EAX], 0);
	EXPECT_EQ(r[EBX] & not, 0);
	EXPECT_EQ(r[EBX] & ~host[EBX], 0);
	/* FSGSBASE, BMI1, SMEP, BMI2 are kept. */
	EXPECT_EQ(r[EBX] & 0x189, host[EBX] & 0x189);
}

void cpuid_7_rest(void)
{
	uint32_t r[4], host[4];

	if (host_max() < 7)
		not_here("a host without leaf 7");
	leaf_of_both(7, 0, r, host);
	EXPECT_EQ(r[ECX] & ~(1u << 2), 0);
	EXPECT_EQ(r[EDX] & ~(1u << 10), 0);
	is_zero(7, 1);
}

void cpuid_zero(void)
{
	static const uint32_t leaves[] = { 3, 5, 6, 9, 0xa, 0xb, 0xf, 0x14 };
	unsigned int i;

	for (i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		if (leaves[i] <= host_max())
			is_zero(leaves[i], 0);
}

/* The features in XCR0's reach; of the ways to save, XSAVEOPT at most. */
void cpuid_d(void)
{
	uint32_t r[4], host[4];

	if (host_max() < 0xd)
		not_here("a host without leaf 0xd");
	leaf_of_both(0xd, 0, r, host);
	EXPECT_EQ(r[EAX], host[EAX] & 7);
	EXPECT_EQ(r[EDX], 0);
	EXPECT(r[EBX] >= 576 && r[EBX] <= r[ECX]);
	leaf_of_both(0xd, 1, r, host);
	EXPECT_EQ(r[EAX], host[EAX] & 1);
	EXPECT_EQ(r[EBX] | r[ECX] | r[EDX], 0);
}

/* EBX / EAX times the crystal's frequency is the TSC's. */
void cpuid_15(void)
{
	struct vmm_version vv = {};
	uint32_t r[4], host[4];
	uint64_t khz;

	if (!invariant_tsc() && host_max() < 0x15)
		not_here("a host without leaf 0x15 and invariant TSC");
	MUST(call(device(), VMM_IOC_VERSION, &vv));
	leaf_of_both(0x15, 0, r, host);
	EXPECT(r[EAX]);
	khz = (uint64_t)r[ECX] * r[EBX] / r[EAX] / 1000;
	EXPECT(khz * 100 > vv.vv_tsc_khz * 99 && khz * 100 < vv.vv_tsc_khz * 101);
}

void cpuid_2(void)
{
	is_hosts(2, 0);
}

void cpuid_hypervisor(void)
{
	uint32_t r[4], host[4];

	leaf_of_both(0x40000000, 0, r, host);
	EXPECT_EQ(r[EAX], 0);
	EXPECT(!memcmp(&r[EBX], "OpenBSDVMM58", 12));
}

/* Bit 3: the clock of MSR 0x4b564d00 and 01; bit 24: it is stable. */
void cpuid_hypervisor_clock(void)
{
	uint32_t r[4], host[4];

	leaf_of_both(0x40000001, 0, r, host);
	EXPECT_EQ(r[EAX], 1u << 3 | 1u << 24);
}

void cpuid_kvm(void)
{
	uint32_t r[4], host[4];

	leaf_of_both(0x40000100, 0, r, host);
	EXPECT_EQ(r[EAX], 0x40000101);
	EXPECT(!memcmp(&r[EBX], "KVMKVMKVM\0\0\0", 12));
	leaf_of_both(0x40000101, 0, r, host);
	EXPECT_EQ(r[EAX], 1u << 1 | 1u << 3 | 1u << 24);
}

void cpuid_ext_max(void)
{
	uint32_t r[4], host[4];

	leaf_of_both(0x80000000, 0, r, host);
	EXPECT_EQ(r[EAX], host[EAX] > 0x8000001f ? 0x8000001f : host[EAX]);
}

/* SVM, MWAITX; RDTSCP. */
void cpuid_ext_1(void)
{
	uint32_t r[4], host[4];

	leaf_of_both(0x80000001, 0, r, host);
	EXPECT_EQ(r[EAX], host[EAX]);
	EXPECT_EQ(r[ECX] & (1u << 2 | 1u << 29), 0);
	EXPECT_EQ(r[EDX] & 1u << 27, 0);
	/* LAHF, ABM; SYSCALL, NX, 1 GiB pages, long mode are kept. */
	EXPECT_EQ(r[ECX] & 0x21, host[ECX] & 0x21);
	EXPECT_EQ(r[EDX] & 0x24100800, host[EDX] & 0x24100800);
	EXPECT_EQ(r[EDX] & ~host[EDX], 0);
}

void cpuid_ext_brand(void)
{
	is_hosts(0x80000002, 0);
	is_hosts(0x80000003, 0);
	is_hosts(0x80000004, 0);
}

void cpuid_ext_7(void)
{
	uint32_t r[4], host[4];

	leaf_of_both(0x80000007, 0, r, host);
	EXPECT_EQ(r[EAX] | r[EBX] | r[ECX], 0);
	EXPECT_EQ(r[EDX], host[EDX] & 1u << 8);
}

/* IBPB, IBRS, STIBP, SSBD and what belongs to them; the number of processors. */
void cpuid_ext_8(void)
{
	uint32_t r[4], host[4];

	leaf_of_both(0x80000008, 0, r, host);
	EXPECT_EQ(r[EAX], host[EAX]);
	EXPECT_EQ(r[EBX] & 0xfffff000, 0);
	EXPECT_EQ(r[ECX], 0);
}

void cpuid_ext_zero(void)
{
	static const uint32_t leaves[] = { 0x80000009, 0x8000000a, 0x80000019, 0x8000001b,
					   0x8000001e, 0x8000001f };
	uint32_t r[4], host[4];
	unsigned int i;

	leaf_of_both(0x80000000, 0, r, host);
	for (i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		if (leaves[i] <= r[EAX])
			is_zero(leaves[i], 0);
}

/* What is above the highest leaf is the highest basic leaf, subleaf kept. */
void cpuid_clamped(void)
{
	static const uint32_t leaves[] = { 0x100, 0x20000000, 0x7fffffff, 0x80001000, 0xffffffff };
	uint32_t max[4], highest[4], r[4];
	struct guest g;
	unsigned int i;

	START(&g, LONG, do_cpuid);
	probe(&g, 0, 0, max);
	for (i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		probe(&g, max[EAX], 1, highest);
		probe(&g, leaves[i], 1, r);
		EXPECT(!memcmp(r, highest, sizeof(r)));
	}
}
