/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMX's instructions, one function each (SDM chapter 31); VMLAUNCH and VMRESUME
 * are in entry.S. Those that can fail return whether they did. A test puts a
 * model processor in their place.
 */
#ifndef VMM_VMX_INSN_H
#define VMM_VMX_INSN_H

#include <linux/compiler.h>
#include <linux/types.h>

#include <asm/asm.h>

/*
 * Outside of VMX operation these are #UD. It comes to that when the host goes
 * down: it switches VMX off by interrupt, and a vCPU's thread that was in the
 * midst of them goes on. They do nothing then, fields read 0, and the thread
 * sees vmm_hw_on before it would enter the guest.
 */
#define VMX_TRY(insn, operand) \
	asm goto("1: " insn " %0\n\tjna %l[failed]\n" _ASM_EXTABLE(1b, %l[off]) \
		 : : "m" (operand) : "cc", "memory" : failed, off)

/* Enter VMX operation with the region at pa, which stays the processor's. */
static __always_inline bool vmx_vmxon(u64 pa)
{
	VMX_TRY("vmxon", pa);
	return false;
failed:
off:
	return true;
}

static __always_inline void vmx_vmxoff(void)
{
	asm volatile("1: vmxoff\n2:" _ASM_EXTABLE(1b, 2b) ::: "cc", "memory");
}

/* Write the VMCS at pa back to memory; its launch state becomes clear. */
static __always_inline bool vmx_vmclear(u64 pa)
{
	VMX_TRY("vmclear", pa);
off:
	return false;
failed:
	return true;
}

/* Make the VMCS at pa this processor's current one. */
static __always_inline bool vmx_vmptrld(u64 pa)
{
	VMX_TRY("vmptrld", pa);
off:
	return false;
failed:
	return true;
}

/* Forget what was translated through the EPT whose pointer is eptp, or, of type
 * "global", through any. */
static __always_inline bool vmx_invept(u64 type, u64 eptp)
{
	struct { u64 eptp, zero; } descriptor = { eptp, 0 };

	asm goto("1: invept %0, %1\n\tjna %l[failed]\n" _ASM_EXTABLE(1b, %l[off])
		 : : "m" (descriptor), "r" (type) : "cc", "memory" : failed, off);
off:
	return false;
failed:
	return true;
}

/* A field of the current VMCS. */
static __always_inline u64 vmx_vmread(u32 field)
{
	unsigned long value;

	asm volatile("1: vmread %1, %0\n2:" _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_ZERO_REG, %0)
		     : "=r" (value) : "r" ((unsigned long)field) : "cc");
	return value;
}

static __always_inline bool vmx_vmwrite(u32 field, u64 value)
{
	asm goto("1: vmwrite %1, %0\n\tjna %l[failed]\n" _ASM_EXTABLE(1b, %l[off])
		 : : "r" ((unsigned long)field), "rm" ((unsigned long)value) : "cc" : failed, off);
off:
	return false;
failed:
	return true;
}

/* Forget what was translated under a VPID, or, of type "all contexts", under any but 0. */
static __always_inline bool vmx_invvpid(u64 type, u16 vpid)
{
	struct { u64 vpid, address; } descriptor = { vpid, 0 };

	asm goto("1: invvpid %0, %1\n\tjna %l[failed]\n" _ASM_EXTABLE(1b, %l[off])
		 : : "m" (descriptor), "r" (type) : "cc", "memory" : failed, off);
off:
	return false;
failed:
	return true;
}

/* Run the host's handler of an NMI, or of #MC, as if it had come outside the guest. */
static __always_inline void vmx_host_nmi(void)
{
	asm volatile("int $2");
}

static __always_inline void vmx_host_mce(void)
{
	asm volatile("int $18");
}

#endif /* VMM_VMX_INSN_H */
