/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * <machine/specialreg.h>, for programs written for OpenBSD's vmm(4): the bits
 * of the registers that they give a vCPU. SDM volume 3, 2.5 and 13.1; APM
 * volume 2, 3.1.7.
 */
#ifndef VMM_COMPAT_MACHINE_SPECIALREG_H
#define VMM_COMPAT_MACHINE_SPECIALREG_H

#define CR0_PE			0x00000001
#define CR0_MP			0x00000002
#define CR0_EM			0x00000004
#define CR0_TS			0x00000008
#define CR0_ET			0x00000010
#define CR0_NE			0x00000020
#define CR0_WP			0x00010000
#define CR0_AM			0x00040000
#define CR0_NW			0x20000000
#define CR0_CD			0x40000000
#define CR0_PG			0x80000000

#define CR3_PWT			(1ULL << 3)
#define CR3_PCD			(1ULL << 4)

#define CR4_VME			0x00000001
#define CR4_PVI			0x00000002
#define CR4_TSD			0x00000004
#define CR4_DE			0x00000008
#define CR4_PSE			0x00000010
#define CR4_PAE			0x00000020
#define CR4_MCE			0x00000040
#define CR4_PGE			0x00000080
#define CR4_PCE			0x00000100
#define CR4_OSFXSR		0x00000200
#define CR4_OSXMMEXCPT		0x00000400
#define CR4_UMIP		0x00000800
#define CR4_VMXE		0x00002000
#define CR4_SMXE		0x00004000
#define CR4_FSGSBASE		0x00010000
#define CR4_PCIDE		0x00020000
#define CR4_OSXSAVE		0x00040000
#define CR4_SMEP		0x00100000
#define CR4_SMAP		0x00200000
#define CR4_PKE			0x00400000
#define CR4_CET			0x00800000

/* XCR0, under its newer names and its older ones */
#define XFEATURE_X87		0x00000001
#define XFEATURE_SSE		0x00000002
#define XFEATURE_AVX		0x00000004
#define XFEATURE_AVX512		0x000000e0
#define XFEATURE_PKRU		0x00000200
#define XCR0_X87		XFEATURE_X87
#define XCR0_SSE		XFEATURE_SSE
#define XCR0_AVX		XFEATURE_AVX

#define EFER_SCE		0x00000001
#define EFER_LME		0x00000100
#define EFER_LMA		0x00000400
#define EFER_NXE		0x00000800
#define EFER_SVME		0x00001000

#define MSR_TSC			0x010
#define MSR_SYSENTER_CS		0x174
#define MSR_SYSENTER_ESP	0x175
#define MSR_SYSENTER_EIP	0x176
#define MSR_MISC_ENABLE		0x1a0
#define MSR_CR_PAT		0x277
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_SFMASK		0xc0000084
#define MSR_FSBASE		0xc0000100
#define MSR_GSBASE		0xc0000101
#define MSR_KERNELGSBASE	0xc0000102

#endif /* VMM_COMPAT_MACHINE_SPECIALREG_H */
