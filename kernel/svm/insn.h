/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SVM's instructions, one function each; VMRUN is in entry.S. A test puts a
 * model processor in their place.
 */
#ifndef VMM_SVM_INSN_H
#define VMM_SVM_INSN_H

#include <linux/compiler.h>
#include <linux/types.h>

/* Nothing comes, not even an NMI, until STGI (APM 15.17). */
static __always_inline void svm_clgi(void)
{
	asm volatile("clgi" ::: "memory");
}

static __always_inline void svm_stgi(void)
{
	asm volatile("stgi" ::: "memory");
}

/* The host's state that VMRUN does not keep, into the VMCB at pa (APM 15.5.2). */
static __always_inline void svm_vmsave(u64 pa)
{
	asm volatile("vmsave %%rax" : : "a" (pa) : "memory");
}

/* Divide 0 by 1: the divider has nothing of an earlier quotient. */
static __always_inline void svm_clear_divider(void)
{
	asm volatile("div %2" : : "a" (0), "d" (0), "r" (1) : "cc");
}

/* Run the host's handler of #MC as if it had come outside the guest. */
static __always_inline void svm_host_mce(void)
{
	asm volatile("int $18");
}

#endif /* VMM_SVM_INSN_H */
