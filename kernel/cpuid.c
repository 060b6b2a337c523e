// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID of the guest: the host's values, read once at load, with what a guest
 * does not get masked out. The policy is vmm(4)'s.
 */
#include <linux/init.h>
#include <linux/kernel.h>

#include <asm/processor.h>
#include <asm/fpu/xcr.h>

#include "core.h"

#define BASIC_MAX	0x20
#define EXT_MAX		0x20
#define SUB4_MAX	8
#define SUBD_MAX	20

/* Leaf 1, SDM table 3-10. ECX: DTES64, MONITOR, DS-CPL, VMX, SMX, EIST, TM2,
 * CNXT-ID, SDBG, xTPR, PDCM, PCID, DCA, x2APIC, TSC deadline, OSXSAVE. */
#define LEAF1_ECX_NOT	(BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | \
			 BIT(10) | BIT(11) | BIT(14) | BIT(15) | BIT(17) | BIT(18) | \
			 BIT(21) | BIT(24) | BIT(27))
#define LEAF1_ECX_OSXSAVE	BIT(27)
#define LEAF1_ECX_HYPERVISOR	BIT(31)
/* EDX: MCE, APIC, MTRR, MCA, PSN, DS, ACPI, SS, HTT, TM, PBE. */
#define LEAF1_EDX_NOT	(BIT(7) | BIT(9) | BIT(12) | BIT(14) | BIT(18) | BIT(21) | BIT(22) | \
			 BIT(27) | BIT(28) | BIT(29) | BIT(31))
/* Leaf 7.0 EBX: TSC_ADJUST, SGX, HLE, INVPCID, RTM, PQM, MPX, PQE, AVX512*, PT, SHA of
 * AVX512 stays out with it; PCOMMIT. */
#define LEAF7_EBX_NOT	(BIT(1) | BIT(2) | BIT(4) | BIT(10) | BIT(11) | BIT(12) | BIT(14) | \
			 BIT(15) | BIT(16) | BIT(17) | BIT(21) | BIT(22) | BIT(25) | BIT(26) | \
			 BIT(27) | BIT(28) | BIT(30) | BIT(31))
#define LEAF7_ECX_ONLY	BIT(2)		/* UMIP */
#define LEAF7_EDX_ONLY	BIT(10)		/* MD_CLEAR */
#define LEAFD_1_ONLY	BIT(0)		/* XSAVEOPT */
/* 80000001 ECX: SVM, SKINIT, WDT, LWP, IBS, perf counters, MWAITX. EDX: RDTSCP. */
#define EXT1_ECX_NOT	(BIT(2) | BIT(10) | BIT(12) | BIT(13) | BIT(15) | BIT(23) | BIT(24) | \
			 BIT(26) | BIT(28) | BIT(29))
#define EXT1_EDX_NOT	(BIT(27) | BIT(9) | BIT(12))
#define EXT7_EDX_ONLY	BIT(8)		/* invariant TSC */
/* 80000008 EBX: IBPB, IBRS, STIBP, SSBD and their kin. */
#define EXT8_EBX_NOT	GENMASK(31, 12)

/* Features a guest may enable in XCR0. */
#define XCR0_GUEST	(XFEATURE_MASK_FP | XFEATURE_MASK_SSE | XFEATURE_MASK_YMM)

static u32 basic[BASIC_MAX][4] __ro_after_init;
static u32 ext[EXT_MAX][4] __ro_after_init;
static u32 sub4[SUB4_MAX][4] __ro_after_init;
static u32 subd[SUBD_MAX][4] __ro_after_init;
static u32 max_basic __ro_after_init, max_ext __ro_after_init;
static u64 xcr0_mask __ro_after_init;
u64 vmm_host_xcr0 __ro_after_init;

static void __init host(u32 r[4], u32 leaf, u32 sub)
{
	cpuid_count(leaf, sub, &r[0], &r[1], &r[2], &r[3]);
}

/* Read the host's CPUID. Once, at load. */
void __init vmm_cpuid_init(void)
{
	u32 i;

	max_basic = min_t(u32, cpuid_eax(0), BASIC_MAX - 1);
	for (i = 0; i <= max_basic; i++)
		host(basic[i], i, 0);
	max_ext = cpuid_eax(0x80000000);
	max_ext = max_ext < 0x80000000 ? 0 : min_t(u32, max_ext, 0x80000000 + EXT_MAX - 1);
	for (i = 0; i < EXT_MAX && 0x80000000 + i <= max_ext; i++)
		host(ext[i], 0x80000000 + i, 0);
	for (i = 0; max_basic >= 4 && i < SUB4_MAX; i++)
		host(sub4[i], 4, i);
	for (i = 0; max_basic >= 0xd && i < SUBD_MAX; i++)
		host(subd[i], 0xd, i);
	if (boot_cpu_has(X86_FEATURE_OSXSAVE))
		vmm_host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	xcr0_mask = vmm_host_xcr0 & XCR0_GUEST;
	if (boot_cpu_has(X86_FEATURE_CONSTANT_TSC) && max_basic < 0x15)
		max_basic = 0x15;
}

/* Whether a guest may have this XCR0 (SDM 13.3): x87 always, AVX with SSE. */
bool vmm_xcr0_valid(u64 xcr0)
{
	if (!(xcr0 & XFEATURE_MASK_FP))
		return false;
	if ((xcr0 & XFEATURE_MASK_YMM) && !(xcr0 & XFEATURE_MASK_SSE))
		return false;
	return !(xcr0 & ~(xcr0_mask | XFEATURE_MASK_FP));
}

/* Bytes of an XSAVE area with these features (SDM 13.4). */
static u32 xsave_size(u64 features)
{
	u32 size = 512 + 64, i;

	for (i = 2; i < SUBD_MAX; i++)
		if (features & BIT_ULL(i))
			size = max(size, subd[i][0] + subd[i][1]);
	return size;
}

static void leaf_1(struct vmm_vcpu *vcpu, u32 r[4])
{
	struct vmm_paging pg;

	r[1] = (r[1] & 0x0000ffff) | (vcpu->vm->ncpus << 16) | (vcpu->id << 24);
	r[2] = (r[2] & ~LEAF1_ECX_NOT) | LEAF1_ECX_HYPERVISOR;
	r[3] &= ~LEAF1_EDX_NOT;
	vmm_op(paging)(vcpu, &pg);
	if ((r[2] & BIT(26)) && (pg.cr4 & X86_CR4_OSXSAVE))
		r[2] |= LEAF1_ECX_OSXSAVE;
}

static void leaf_d(struct vmm_vcpu *vcpu, u32 sub, u32 r[4])
{
	memset(r, 0, 4 * sizeof(u32));
	if (!xcr0_mask)
		return;
	if (sub == 0) {
		r[0] = (u32)xcr0_mask;
		r[1] = xsave_size(vcpu->xcr0);
		r[2] = xsave_size(xcr0_mask);
		r[3] = (u32)(xcr0_mask >> 32);
	} else if (sub == 1) {
		r[0] = subd[1][0] & LEAFD_1_ONLY;
	} else if (sub < SUBD_MAX && (xcr0_mask & BIT_ULL(sub))) {
		r[0] = subd[sub][0];
		r[1] = subd[sub][1];
	}
}

/* TSC and its crystal, in the ratio 1/100 where the host does not say. */
static void leaf_15(u32 r[4])
{
	if (r[0] && r[1] && r[2])
		return;
	r[0] = 1;
	r[1] = 100;
	r[2] = tsc_khz * 10;
	r[3] = 0;
}

static void leaf_basic(struct vmm_vcpu *vcpu, u32 leaf, u32 sub, u32 r[4])
{
	memcpy(r, basic[leaf], sizeof(basic[leaf]));
	switch (leaf) {
	case 0x0:
		r[0] = max_basic;
		break;
	case 0x1:
		leaf_1(vcpu, r);
		break;
	case 0x2: case 0x16:
		break;
	case 0x4:
		if (sub < SUB4_MAX)
			memcpy(r, sub4[sub], sizeof(sub4[sub]));
		else
			memset(r, 0, sizeof(sub4[0]));
		r[0] &= 0x00003fff;
		break;
	case 0x7:
		r[0] = 0;
		r[1] = sub ? 0 : r[1] & ~LEAF7_EBX_NOT;
		r[2] = sub ? 0 : r[2] & LEAF7_ECX_ONLY;
		r[3] = sub ? 0 : r[3] & LEAF7_EDX_ONLY;
		break;
	case 0xd:
		leaf_d(vcpu, sub, r);
		break;
	case 0x15:
		leaf_15(r);
		break;
	default:
		memset(r, 0, 4 * sizeof(u32));
	}
}

static void leaf_ext(u32 leaf, u32 r[4])
{
	memcpy(r, ext[leaf - 0x80000000], sizeof(ext[0]));
	switch (leaf) {
	case 0x80000000:
		r[0] = max_ext;
		break;
	case 0x80000001:
		r[2] &= ~EXT1_ECX_NOT;
		r[3] &= ~EXT1_EDX_NOT;
		break;
	case 0x80000002 ... 0x80000006:
		break;
	case 0x80000007:
		r[0] = r[1] = r[2] = 0;
		r[3] &= EXT7_EDX_ONLY;
		break;
	case 0x80000008:
		r[1] &= ~EXT8_EBX_NOT;
		r[2] = 0;
		break;
	case 0x8000001d:
		break;
	default:
		memset(r, 0, 4 * sizeof(u32));
	}
}

/* Hypervisor leaves: OpenBSD's signature, and KVM's clock at 0x40000100. */
static bool leaf_hypervisor(u32 leaf, u32 r[4])
{
	static const char vmm[12] = "OpenBSDVMM58", kvm[12] = "KVMKVMKVM";
	static const u32 clock = BIT(3) | BIT(24);	/* CLOCKSOURCE2, its stable bit */

	memset(r, 0, 4 * sizeof(u32));
	switch (leaf) {
	case 0x40000000:
		memcpy(&r[1], vmm, sizeof(vmm));
		return true;
	case 0x40000001:
		r[0] = clock;
		return true;
	case 0x40000100:
		r[0] = 0x40000101;
		memcpy(&r[1], kvm, sizeof(kvm));
		return true;
	case 0x40000101:
		r[0] = clock | BIT(1);			/* no I/O delay */
		return true;
	}
	return leaf >= 0x40000000 && leaf <= 0x400001ff;
}

/* What CPUID with EAX = leaf and ECX = sub gives this vCPU: EAX to EDX in r. */
void vmm_cpuid(struct vmm_vcpu *vcpu, u32 leaf, u32 sub, u32 r[4])
{
	if (leaf_hypervisor(leaf, r))
		return;
	if (leaf > max_basic && (leaf < 0x80000000 || leaf > max_ext))
		leaf = max_basic;
	if (leaf >= 0x80000000)
		leaf_ext(leaf, r);
	else
		leaf_basic(vcpu, leaf, sub, r);
}
