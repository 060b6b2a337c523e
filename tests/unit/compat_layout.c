// SPDX-License-Identifier: GPL-2.0-only
/*
 * The headers for programs written for vmm(4), and the ABI beneath them, against
 * the numbers of OpenBSD's on amd64: sizes, offsets, types, codes. Exit reasons
 * against Linux' list of them. Prints TAP.
 */
#include <dev/vmm/vmm.h>
#include <machine/pte.h>
#include <machine/specialreg.h>
#include <machine/vmmvar.h>

#include <asm/svm.h>
#include <asm/vmx.h>
#include <stdbool.h>
#include <stdio.h>

#include "kernel/uapi/vmm.h"

static unsigned int count, failed;

static void is(const char *what, unsigned long long got, unsigned long long want)
{
	count++;
	if (got != want)
		failed++;
	printf("%s %u - %s is %#llx\n", got == want ? "ok" : "not ok", count, what, want);
	if (got != want)
		printf("# it is %#llx\n", got);
}

#define AT(type, member, offset) \
	is(#member " of struct " #type ": offset", offsetof(struct type, member), offset);
#define SIZE(type, size) is("sizeof struct " #type, sizeof(struct type), size);
#define SAME(name, value) is(#name, name, value);

static void sizes(void)
{
	SIZE(vm_mem_range, 32) SIZE(vm_create_params, 2656) SIZE(vm_run_params, 40)
	SIZE(vcpu_inject_event, 12) SIZE(vm_info_params, 24) SIZE(vm_info_result, 160)
	SIZE(vm_terminate_params, 4) SIZE(vm_resetcpu_params, 576) SIZE(vm_intr_params, 12)
	SIZE(vm_rwregs_params, 584) SIZE(vcpu_reg_state, 568) SIZE(vcpu_segment_info, 24)
	SIZE(vm_rwvmparams_params, 32) SIZE(vm_sharemem_params, 656) SIZE(vm_exit_inout, 16)
	SIZE(vm_exit_eptviolation, 18) SIZE(vm_mprotect_ept_params, 32)
}

static void offsets(void)
{
	AT(vm_mem_range, vmr_gpa, 0) AT(vm_mem_range, vmr_va, 8)
	AT(vm_mem_range, vmr_size, 16) AT(vm_mem_range, vmr_type, 24)
	AT(vm_create_params, vcp_nmemranges, 0) AT(vm_create_params, vcp_ncpus, 8)
	AT(vm_create_params, vcp_memranges, 16) AT(vm_create_params, vcp_name, 528)
	AT(vm_create_params, vcp_sev, 592) AT(vm_create_params, vcp_seves, 596)
	AT(vm_create_params, vcp_id, 600) AT(vm_create_params, vcp_poscbit, 604)
	AT(vm_create_params, vcp_asid, 608)
	AT(vm_run_params, vrp_vm_id, 0) AT(vm_run_params, vrp_vcpu_id, 4)
	AT(vm_run_params, vrp_inject, 8) AT(vm_run_params, vrp_intr_pending, 20)
	AT(vm_run_params, vrp_exit, 24) AT(vm_run_params, vrp_exit_reason, 32)
	AT(vm_run_params, vrp_irqready, 34)
	AT(vcpu_inject_event, vie_vector, 0) AT(vcpu_inject_event, vie_errorcode, 4)
	AT(vcpu_inject_event, vie_type, 8)
	AT(vm_info_params, vip_size, 0) AT(vm_info_params, vip_info_ct, 8)
	AT(vm_info_params, vip_info, 16)
	AT(vm_info_result, vir_memory_size, 0) AT(vm_info_result, vir_used_size, 8)
	AT(vm_info_result, vir_ncpus, 16) AT(vm_info_result, vir_vcpu_state, 24)
	AT(vm_info_result, vir_creator_pid, 88) AT(vm_info_result, vir_id, 92)
	AT(vm_info_result, vir_name, 96)
	AT(vm_terminate_params, vtp_vm_id, 0)
	AT(vm_resetcpu_params, vrp_vm_id, 0) AT(vm_resetcpu_params, vrp_vcpu_id, 4)
	AT(vm_resetcpu_params, vrp_init_state, 8)
	AT(vm_intr_params, vip_vm_id, 0) AT(vm_intr_params, vip_vcpu_id, 4)
	AT(vm_intr_params, vip_intr, 8)
	AT(vm_rwregs_params, vrwp_vm_id, 0) AT(vm_rwregs_params, vrwp_vcpu_id, 4)
	AT(vm_rwregs_params, vrwp_mask, 8) AT(vm_rwregs_params, vrwp_regs, 16)
	AT(vcpu_reg_state, vrs_gprs, 0) AT(vcpu_reg_state, vrs_crs, 144)
	AT(vcpu_reg_state, vrs_msrs, 224) AT(vcpu_reg_state, vrs_drs, 280)
	AT(vcpu_reg_state, vrs_sregs, 328) AT(vcpu_reg_state, vrs_gdtr, 520)
	AT(vcpu_reg_state, vrs_idtr, 544)
	AT(vcpu_segment_info, vsi_sel, 0) AT(vcpu_segment_info, vsi_limit, 4)
	AT(vcpu_segment_info, vsi_ar, 8) AT(vcpu_segment_info, vsi_base, 16)
	AT(vm_rwvmparams_params, vpp_vm_id, 0) AT(vm_rwvmparams_params, vpp_vcpu_id, 4)
	AT(vm_rwvmparams_params, vpp_mask, 8)
	AT(vm_rwvmparams_params, vpp_pvclock_system_gpa, 16)
	AT(vm_rwvmparams_params, vpp_pvclock_version, 24)
	AT(vm_sharemem_params, vsp_vm_id, 0) AT(vm_sharemem_params, vsp_nmemranges, 8)
	AT(vm_sharemem_params, vsp_memranges, 16) AT(vm_sharemem_params, vsp_va, 528)
	AT(vm_mprotect_ept_params, vmep_vm_id, 0) AT(vm_mprotect_ept_params, vmep_vcpu_id, 4)
	AT(vm_mprotect_ept_params, vmep_sgpa, 8) AT(vm_mprotect_ept_params, vmep_size, 16)
	AT(vm_mprotect_ept_params, vmep_prot, 24)
	AT(vm_exit, vei, 0) AT(vm_exit, vee, 0) AT(vm_exit, vrs, 24) AT(vm_exit, cpl, 592)
	AT(vm_exit, ve_gpa, 600)
	AT(vm_exit_inout, vei_size, 0) AT(vm_exit_inout, vei_dir, 1)
	AT(vm_exit_inout, vei_rep, 2) AT(vm_exit_inout, vei_string, 3)
	AT(vm_exit_inout, vei_encoding, 4) AT(vm_exit_inout, vei_port, 6)
	AT(vm_exit_inout, vei_data, 8) AT(vm_exit_inout, vei_insn_len, 12)
	AT(vm_exit_eptviolation, vee_fault_type, 0) AT(vm_exit_eptviolation, vee_insn_info, 1)
	AT(vm_exit_eptviolation, vee_insn_len, 2) AT(vm_exit_eptviolation, vee_insn_bytes, 3)
}

/* _IOWR codes are those of OpenBSD; of an _IOW, Linux' macro has another bit for "in". */
static void codes(void)
{
	SAME(VMM_IOC_CREATE, 0xca605601) SAME(VMM_IOC_RUN, 0xc0285602)
	SAME(VMM_IOC_INFO, 0xc0185603) SAME(VMM_IOC_TERM, 0x40045604)
	SAME(VMM_IOC_RESETCPU, 0x42405605) SAME(VMM_IOC_INTR, 0x400c5606)
	SAME(VMM_IOC_READREGS, 0xc2485607) SAME(VMM_IOC_WRITEREGS, 0x42485608)
	SAME(VMM_IOC_READVMPARAMS, 0xc0205609) SAME(VMM_IOC_WRITEVMPARAMS, 0x4020560a)
	SAME(VMM_IOC_SHAREMEM, 0xc290560b) SAME(VMM_IOC_MPROTECT_EPT, 0x4020560b)
	SAME(VMM_MAX_MEM_RANGES, 16) SAME(VMM_MAX_NAME_LEN, 64) SAME(VMM_MAX_VCPUS, 512)
	SAME(VMM_MAX_VCPUS_PER_VM, 64) SAME(VMM_MAX_VM_MEM_SIZE, 128ull << 30)
	SAME(VM_RWREGS_ALL, 0x1f) SAME(VM_RWVMPARAMS_ALL, 3)
	SAME(VM_EXIT_TERMINATED, 0xfffe) SAME(VM_EXIT_NONE, 0xffff)
	SAME(VCPU_REGS_NGPRS, 18) SAME(VCPU_REGS_NCRS, 10) SAME(VCPU_REGS_NMSRS, 7)
	SAME(VCPU_REGS_NDRS, 6) SAME(VCPU_REGS_NSREGS, 8)
}

/* Names that differ in vmm(4) and in Linux, and one of each run of numbers. */
static void reasons(void)
{
	SAME(VMX_EXIT_NMI, EXIT_REASON_EXCEPTION_NMI)
	SAME(VMX_EXIT_EXTINT, EXIT_REASON_EXTERNAL_INTERRUPT)
	SAME(VMX_EXIT_TRIPLE_FAULT, EXIT_REASON_TRIPLE_FAULT)
	SAME(VMX_EXIT_INIT, EXIT_REASON_INIT_SIGNAL)
	SAME(VMX_EXIT_SIPI, EXIT_REASON_SIPI_SIGNAL)
	SAME(VMX_EXIT_INT_WINDOW, EXIT_REASON_INTERRUPT_WINDOW)
	SAME(VMX_EXIT_NMI_WINDOW, EXIT_REASON_NMI_WINDOW)
	SAME(VMX_EXIT_TASK_SWITCH, EXIT_REASON_TASK_SWITCH)
	SAME(VMX_EXIT_CPUID, EXIT_REASON_CPUID)
	SAME(VMX_EXIT_HLT, EXIT_REASON_HLT)
	SAME(VMX_EXIT_INVD, EXIT_REASON_INVD)
	SAME(VMX_EXIT_RDPMC, EXIT_REASON_RDPMC)
	SAME(VMX_EXIT_RDTSC, EXIT_REASON_RDTSC)
	SAME(VMX_EXIT_VMCALL, EXIT_REASON_VMCALL)
	SAME(VMX_EXIT_VMXON, EXIT_REASON_VMON)
	SAME(VMX_EXIT_CR_ACCESS, EXIT_REASON_CR_ACCESS)
	SAME(VMX_EXIT_MOV_DR, EXIT_REASON_DR_ACCESS)
	SAME(VMX_EXIT_IO, EXIT_REASON_IO_INSTRUCTION)
	SAME(VMX_EXIT_RDMSR, EXIT_REASON_MSR_READ)
	SAME(VMX_EXIT_WRMSR, EXIT_REASON_MSR_WRITE)
	SAME(VMX_EXIT_ENTRY_FAILED_GUEST_STATE, EXIT_REASON_INVALID_STATE)
	SAME(VMX_EXIT_ENTRY_FAILED_MSR_LOAD, EXIT_REASON_MSR_LOAD_FAIL)
	SAME(VMX_EXIT_MWAIT, EXIT_REASON_MWAIT_INSTRUCTION)
	SAME(VMX_EXIT_MTF, EXIT_REASON_MONITOR_TRAP_FLAG)
	SAME(VMX_EXIT_MONITOR, EXIT_REASON_MONITOR_INSTRUCTION)
	SAME(VMX_EXIT_PAUSE, EXIT_REASON_PAUSE_INSTRUCTION)
	SAME(VMX_EXIT_ENTRY_FAILED_MCE, EXIT_REASON_MCE_DURING_VMENTRY)
	SAME(VMX_EXIT_TPR_BELOW_THRESHOLD, EXIT_REASON_TPR_BELOW_THRESHOLD)
	SAME(VMX_EXIT_APIC_ACCESS, EXIT_REASON_APIC_ACCESS)
	SAME(VMX_EXIT_VIRTUALIZED_EOI, EXIT_REASON_EOI_INDUCED)
	SAME(VMX_EXIT_GDTR_IDTR, EXIT_REASON_GDTR_IDTR)
	SAME(VMX_EXIT_LDTR_TR, EXIT_REASON_LDTR_TR)
	SAME(VMX_EXIT_EPT_VIOLATION, EXIT_REASON_EPT_VIOLATION)
	SAME(VMX_EXIT_EPT_MISCONFIGURATION, EXIT_REASON_EPT_MISCONFIG)
	SAME(VMX_EXIT_RDTSCP, EXIT_REASON_RDTSCP)
	SAME(VMX_EXIT_VMX_PREEMPTION_TIMER_EXPIRED, EXIT_REASON_PREEMPTION_TIMER)
	SAME(VMX_EXIT_WBINVD, EXIT_REASON_WBINVD)
	SAME(VMX_EXIT_XSETBV, EXIT_REASON_XSETBV)
	SAME(VMX_EXIT_INVPCID, EXIT_REASON_INVPCID)
	SAME(VMX_EXIT_RDSEED, EXIT_REASON_RDSEED)
	SAME(VMX_EXIT_XSAVES, EXIT_REASON_XSAVES)
	SAME(VMX_EXIT_XRSTORS, EXIT_REASON_XRSTORS)
	SAME(SVM_VMEXIT_CR0_READ, SVM_EXIT_READ_CR0)
	SAME(SVM_VMEXIT_CR8_WRITE, SVM_EXIT_WRITE_CR8)
	SAME(SVM_VMEXIT_DR7_READ, SVM_EXIT_READ_DR7)
	SAME(SVM_VMEXIT_DR0_WRITE, SVM_EXIT_WRITE_DR0)
	SAME(SVM_VMEXIT_EXCP31, SVM_EXIT_EXCP_BASE + 31)
	SAME(SVM_VMEXIT_INTR, SVM_EXIT_INTR)
	SAME(SVM_VMEXIT_NMI, SVM_EXIT_NMI)
	SAME(SVM_VMEXIT_VINTR, SVM_EXIT_VINTR)
	SAME(SVM_VMEXIT_TR_WRITE, SVM_EXIT_TR_WRITE)
	SAME(SVM_VMEXIT_RDPMC, SVM_EXIT_RDPMC)
	SAME(SVM_VMEXIT_CPUID, SVM_EXIT_CPUID)
	SAME(SVM_VMEXIT_INVD, SVM_EXIT_INVD)
	SAME(SVM_VMEXIT_HLT, SVM_EXIT_HLT)
	SAME(SVM_VMEXIT_IOIO, SVM_EXIT_IOIO)
	SAME(SVM_VMEXIT_MSR, SVM_EXIT_MSR)
	SAME(SVM_VMEXIT_TASK_SWITCH, SVM_EXIT_TASK_SWITCH)
	SAME(SVM_VMEXIT_SHUTDOWN, SVM_EXIT_SHUTDOWN)
	SAME(SVM_VMEXIT_VMRUN, SVM_EXIT_VMRUN)
	SAME(SVM_VMEXIT_VMMCALL, SVM_EXIT_VMMCALL)
	SAME(SVM_VMEXIT_SKINIT, SVM_EXIT_SKINIT)
	SAME(SVM_VMEXIT_ICEBP, SVM_EXIT_ICEBP)
	SAME(SVM_VMEXIT_MWAIT_CONDITIONAL, SVM_EXIT_MWAIT_COND)
	SAME(SVM_VMEXIT_XSETBV, SVM_EXIT_XSETBV)
	SAME(SVM_VMEXIT_EFER_WRITE_TRAP, SVM_EXIT_EFER_WRITE_TRAP)
	SAME(SVM_VMEXIT_CR0_WRITE_TRAP, SVM_EXIT_CR0_WRITE_TRAP)
	SAME(SVM_VMEXIT_CR15_WRITE_TRAP, SVM_EXIT_CR0_WRITE_TRAP + 15)
	SAME(SVM_VMEXIT_NPF, SVM_EXIT_NPF)
	SAME(SVM_AVIC_NOACCEL, SVM_EXIT_AVIC_UNACCELERATED_ACCESS)
	SAME(SVM_VMEXIT_VMGEXIT, SVM_EXIT_VMGEXIT)
}

/* Programs print these with %zu and %lx, pass pointers to them on, and initialize by position. */
#define HAS_TYPE(expression, type) \
	is(#expression " is a " #type, _Generic(&(expression), type *: 1, default: 0), 1);

static void types(void)
{
	static const struct vcpu_segment_info segment = { 1, 2, 3, 4 };
	static const struct vcpu_inject_event event = { 5, 6, 7 };
	struct vm_create_params vcp;
	struct vm_info_result vir;
	struct vm_sharemem_params vsp;
	struct vm_exit exit;
	vaddr_t va;
	paddr_t pa;

	HAS_TYPE(va, unsigned long) HAS_TYPE(pa, unsigned long)
	HAS_TYPE(vcp.vcp_nmemranges, size_t) HAS_TYPE(vcp.vcp_ncpus, size_t)
	HAS_TYPE(vcp.vcp_memranges[0].vmr_gpa, paddr_t) HAS_TYPE(vcp.vcp_memranges[0].vmr_va, vaddr_t)
	HAS_TYPE(vcp.vcp_memranges[0].vmr_size, size_t) HAS_TYPE(vcp.vcp_memranges[0].vmr_type, int)
	HAS_TYPE(vcp.vcp_id, uint32_t) HAS_TYPE(vsp.vsp_va[0], vaddr_t)
	HAS_TYPE(vir.vir_memory_size, size_t) HAS_TYPE(vir.vir_creator_pid, pid_t)
	HAS_TYPE(exit.vrs.vrs_gprs[0], uint64_t) HAS_TYPE(exit.cpl, int)
	is("{ 1, 2, 3, 4 } gives the selector", segment.vsi_sel, 1);
	is("and the limit", segment.vsi_limit, 2);
	is("and the access rights", segment.vsi_ar, 3);
	is("and the base", segment.vsi_base, 4);
	is("{ 5, 6, 7 } gives the vector", event.vie_vector, 5);
	is("and the error code", event.vie_errorcode, 6);
	is("and the type", event.vie_type, 7);
}

int main(void)
{
	sizes();
	offsets();
	codes();
	reasons();
	types();
	SAME(CR0_PE | CR0_ET | CR0_PG, 0x80000011)
	SAME(CR4_PAE | CR4_PSE, 0x30)
	SAME(EFER_LME | EFER_LMA, 0x500)
	SAME(XFEATURE_X87, 1)
	SAME(PG_V | PG_RW | PG_u | PG_PS, 0x87)
	printf("1..%u\n", count);
	return failed != 0;
}
