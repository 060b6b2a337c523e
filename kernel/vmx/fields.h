/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fields of the VMCS (SDM appendix B): X(encoding, name, type). Reads and
 * writes by name, with the field's own width, are stamped from this list; so is
 * the dump after a failed entry. Of an encoding, bits 14:13 are the width (0:
 * 16 bits, 1: 64, 2: 32, 3: natural), bits 11:10 the area (0: control, 1: exit
 * information, 2: guest, 3: host).
 */
#ifndef VMM_VMX_FIELDS_H
#define VMM_VMX_FIELDS_H

#include <linux/kernel.h>

#include "insn.h"

#define VMX_CONTROL_FIELDS(X) \
	X(0x0000, VIRTUAL_PROCESSOR_ID, u16) \
	X(0x2004, MSR_BITMAP, u64) \
	X(0x2006, VM_EXIT_MSR_STORE_ADDR, u64) \
	X(0x2008, VM_EXIT_MSR_LOAD_ADDR, u64) \
	X(0x200a, VM_ENTRY_MSR_LOAD_ADDR, u64) \
	X(0x2010, TSC_OFFSET, u64) \
	X(0x2012, VIRTUAL_APIC_PAGE_ADDR, u64) \
	X(0x201a, EPT_POINTER, u64) \
	X(0x202e, ENCLS_EXITING_BITMAP, u64) \
	X(0x4000, PIN_BASED_VM_EXEC_CONTROL, u32) \
	X(0x4002, CPU_BASED_VM_EXEC_CONTROL, u32) \
	X(0x4004, EXCEPTION_BITMAP, u32) \
	X(0x4006, PAGE_FAULT_ERROR_CODE_MASK, u32) \
	X(0x4008, PAGE_FAULT_ERROR_CODE_MATCH, u32) \
	X(0x400a, CR3_TARGET_COUNT, u32) \
	X(0x400c, VM_EXIT_CONTROLS, u32) \
	X(0x400e, VM_EXIT_MSR_STORE_COUNT, u32) \
	X(0x4010, VM_EXIT_MSR_LOAD_COUNT, u32) \
	X(0x4012, VM_ENTRY_CONTROLS, u32) \
	X(0x4014, VM_ENTRY_MSR_LOAD_COUNT, u32) \
	X(0x4016, VM_ENTRY_INTR_INFO_FIELD, u32) \
	X(0x4018, VM_ENTRY_EXCEPTION_ERROR_CODE, u32) \
	X(0x401a, VM_ENTRY_INSTRUCTION_LEN, u32) \
	X(0x401c, TPR_THRESHOLD, u32) \
	X(0x401e, SECONDARY_VM_EXEC_CONTROL, u32) \
	X(0x6000, CR0_GUEST_HOST_MASK, u64) \
	X(0x6002, CR4_GUEST_HOST_MASK, u64) \
	X(0x6004, CR0_READ_SHADOW, u64) \
	X(0x6006, CR4_READ_SHADOW, u64)

#define VMX_EXIT_FIELDS(X) \
	X(0x2400, GUEST_PHYSICAL_ADDRESS, u64) \
	X(0x4400, VM_INSTRUCTION_ERROR, u32) \
	X(0x4402, VM_EXIT_REASON, u32) \
	X(0x4404, VM_EXIT_INTR_INFO, u32) \
	X(0x4406, VM_EXIT_INTR_ERROR_CODE, u32) \
	X(0x4408, IDT_VECTORING_INFO_FIELD, u32) \
	X(0x440a, IDT_VECTORING_ERROR_CODE, u32) \
	X(0x440c, VM_EXIT_INSTRUCTION_LEN, u32) \
	X(0x440e, VMX_INSTRUCTION_INFO, u32) \
	X(0x6400, EXIT_QUALIFICATION, u64) \
	X(0x640a, GUEST_LINEAR_ADDRESS, u64)

/* Segment n, in vmm(4)'s order. */
#define VMX_SEGMENT_FIELDS(X, n, name) \
	X(0x0800 + 2 * (n), GUEST_##name##_SELECTOR, u16) \
	X(0x4800 + 2 * (n), GUEST_##name##_LIMIT, u32) \
	X(0x4814 + 2 * (n), GUEST_##name##_AR_BYTES, u32) \
	X(0x6806 + 2 * (n), GUEST_##name##_BASE, u64)

#define VMX_GUEST_FIELDS(X) \
	X(0x2800, VMCS_LINK_POINTER, u64) \
	X(0x2802, GUEST_IA32_DEBUGCTL, u64) \
	X(0x2804, GUEST_IA32_PAT, u64) \
	X(0x2806, GUEST_IA32_EFER, u64) \
	X(0x280a, GUEST_PDPTR0, u64) \
	X(0x280c, GUEST_PDPTR1, u64) \
	X(0x280e, GUEST_PDPTR2, u64) \
	X(0x2810, GUEST_PDPTR3, u64) \
	X(0x4810, GUEST_GDTR_LIMIT, u32) \
	X(0x4812, GUEST_IDTR_LIMIT, u32) \
	X(0x4824, GUEST_INTERRUPTIBILITY_INFO, u32) \
	X(0x4826, GUEST_ACTIVITY_STATE, u32) \
	X(0x482a, GUEST_SYSENTER_CS, u32) \
	X(0x6800, GUEST_CR0, u64) \
	X(0x6802, GUEST_CR3, u64) \
	X(0x6804, GUEST_CR4, u64) \
	X(0x6816, GUEST_GDTR_BASE, u64) \
	X(0x6818, GUEST_IDTR_BASE, u64) \
	X(0x681a, GUEST_DR7, u64) \
	X(0x681c, GUEST_RSP, u64) \
	X(0x681e, GUEST_RIP, u64) \
	X(0x6820, GUEST_RFLAGS, u64) \
	X(0x6822, GUEST_PENDING_DBG_EXCEPTIONS, u64) \
	X(0x6824, GUEST_SYSENTER_ESP, u64) \
	X(0x6826, GUEST_SYSENTER_EIP, u64)

#define VMX_HOST_FIELDS(X) \
	X(0x0c00, HOST_ES_SELECTOR, u16) \
	X(0x0c02, HOST_CS_SELECTOR, u16) \
	X(0x0c04, HOST_SS_SELECTOR, u16) \
	X(0x0c06, HOST_DS_SELECTOR, u16) \
	X(0x0c08, HOST_FS_SELECTOR, u16) \
	X(0x0c0a, HOST_GS_SELECTOR, u16) \
	X(0x0c0c, HOST_TR_SELECTOR, u16) \
	X(0x2c00, HOST_IA32_PAT, u64) \
	X(0x2c02, HOST_IA32_EFER, u64) \
	X(0x4c00, HOST_IA32_SYSENTER_CS, u32) \
	X(0x6c00, HOST_CR0, u64) \
	X(0x6c02, HOST_CR3, u64) \
	X(0x6c04, HOST_CR4, u64) \
	X(0x6c06, HOST_FS_BASE, u64) \
	X(0x6c08, HOST_GS_BASE, u64) \
	X(0x6c0a, HOST_TR_BASE, u64) \
	X(0x6c0c, HOST_GDTR_BASE, u64) \
	X(0x6c0e, HOST_IDTR_BASE, u64) \
	X(0x6c10, HOST_IA32_SYSENTER_ESP, u64) \
	X(0x6c12, HOST_IA32_SYSENTER_EIP, u64) \
	X(0x6c14, HOST_RSP, u64) \
	X(0x6c16, HOST_RIP, u64)

#define VMX_FIELDS(X) \
	VMX_CONTROL_FIELDS(X) \
	VMX_EXIT_FIELDS(X) \
	VMX_SEGMENT_FIELDS(X, 0, ES) \
	VMX_SEGMENT_FIELDS(X, 1, CS) \
	VMX_SEGMENT_FIELDS(X, 2, SS) \
	VMX_SEGMENT_FIELDS(X, 3, DS) \
	VMX_SEGMENT_FIELDS(X, 4, FS) \
	VMX_SEGMENT_FIELDS(X, 5, GS) \
	VMX_SEGMENT_FIELDS(X, 6, LDTR) \
	VMX_SEGMENT_FIELDS(X, 7, TR) \
	VMX_GUEST_FIELDS(X) \
	VMX_HOST_FIELDS(X)

/* Fields and values are ours, so a failure is a bug: told once, not ignored. */
static __always_inline void vmcs_write_field(u32 field, u64 value)
{
	if (unlikely(vmx_vmwrite(field, value)))
		pr_err_once("VMWRITE of field %#x failed\n", field);
}

/* vmcs_read(GUEST_RIP), vmcs_write(GUEST_RIP, value), of the current VMCS. */
#define X(encoding, name, type) \
static __always_inline type vmcs_read_##name(void) \
{ \
	return (type)vmx_vmread(encoding); \
} \
static __always_inline void vmcs_write_##name(type value) \
{ \
	vmcs_write_field(encoding, value); \
}
VMX_FIELDS(X)
#undef X
#define vmcs_read(name) vmcs_read_##name()
#define vmcs_write(name, value) vmcs_write_##name(value)

/* A field of segment n: that of ES, whose name is given, and 2 further for each. */
#define vmcs_read_segment(n, what) vmx_vmread(GUEST_ES_##what + 2 * (n))
#define vmcs_write_segment(n, what, value) vmcs_write_field(GUEST_ES_##what + 2 * (n), value)

#endif /* VMM_VMX_FIELDS_H */
