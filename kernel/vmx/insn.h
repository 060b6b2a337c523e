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

/* Enter VMX operation with the region at pa, which stays the processor's. */
static __always_inline bool vmx_vmxon(u64 pa)
{
	bool failed;

	asm volatile("vmxon %1" : "=@ccna" (failed) : "m" (pa) : "memory");
	return failed;
}

static __always_inline void vmx_vmxoff(void)
{
	asm volatile("vmxoff" ::: "cc", "memory");
}

/* Write the VMCS at pa back to memory; its launch state becomes clear. */
static __always_inline bool vmx_vmclear(u64 pa)
{
	bool failed;

	asm volatile("vmclear %1" : "=@ccna" (failed) : "m" (pa) : "memory");
	return failed;
}

/* Make the VMCS at pa this processor's current one. */
static __always_inline bool vmx_vmptrld(u64 pa)
{
	bool failed;

	asm volatile("vmptrld %1" : "=@ccna" (failed) : "m" (pa) : "memory");
	return failed;
}

/* Forget what was translated through the EPT whose pointer is eptp, or, of type
 * "global", through any. */
static __always_inline bool vmx_invept(u64 type, u64 eptp)
{
	struct { u64 eptp, zero; } descriptor = { eptp, 0 };
	bool failed;

	asm volatile("invept %1, %2" : "=@ccna" (failed) : "m" (descriptor), "r" (type) : "memory");
	return failed;
}

/* A field of the current VMCS. */
static __always_inline u64 vmx_vmread(u32 field)
{
	unsigned long value;

	asm volatile("vmread %1, %0" : "=rm" (value) : "r" ((unsigned long)field) : "cc");
	return value;
}

static __always_inline bool vmx_vmwrite(u32 field, u64 value)
{
	bool failed;

	asm volatile("vmwrite %2, %1" : "=@ccna" (failed)
		     : "r" ((unsigned long)field), "rm" ((unsigned long)value));
	return failed;
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
