/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * THE list of what is in the structures of the calls (trace/calls.h). Types,
 * sizes and offsets are the compiler's; a test sees to it that no member is
 * missing. A member is one of
 *
 *   N(name, way, kind, doc)		a number
 *   A(name, way, kind, count, doc)	an array of numbers; count: the member that says how many
 *   R(name, way, names, doc)		an array of 64-bit registers, each with its name
 *   T(name, way, doc)			a text
 *   B(name, way, doc)			bytes
 *   S(name, way, structure, doc)	a structure
 *   Q(name, way, structure, names, doc)	an array of structures, each with its name
 *   L(name, way, structure, count, doc)	an array of structures
 *   P(name, way, structure, count, doc)	a pointer to structures; count NONE: to one
 *
 * way: in, out, or inout. kind: dec; hex, an address or bits; flag; or one of
 * the enumerations below.
 */
#ifndef CALLS_FIELDS_H
#define CALLS_FIELDS_H

/* Enumerations: E(name, value). */
#define CALLS_ENUM_memory(E) \
	E(ram, VM_MEM_RAM) E(reserved, VM_MEM_RESERVED) E(mmio, VM_MEM_MMIO)
#define CALLS_ENUM_event(E) \
	E(none, VCPU_INJECT_NONE) E(intr, VCPU_INJECT_INTR) E(exception, VCPU_INJECT_EX) \
	E(nmi, VCPU_INJECT_NMI)
#define CALLS_ENUM_state(E) \
	E(stopped, VCPU_STATE_STOPPED) E(running, VCPU_STATE_RUNNING) \
	E(reqterm, VCPU_STATE_REQTERM) E(terminated, VCPU_STATE_TERMINATED) \
	E(unknown, VCPU_STATE_UNKNOWN)
#define CALLS_ENUM_direction(E) \
	E(out, VEI_DIR_OUT) E(in, VEI_DIR_IN)
#define CALLS_ENUM_fault(E) \
	E(invalid, VEE_FAULT_INVALID) E(handled, VEE_FAULT_HANDLED) \
	E(mmio, VEE_FAULT_MMIO_ASSIST) E(protect, VEE_FAULT_PROTECT)
#define CALLS_ENUMS(N) N(memory) N(event) N(state) N(direction) N(fault)

/* Names of array elements: E(name, index). */
#define CALLS_NAMES_gprs(E) \
	E(rax, VCPU_REGS_RAX) E(rcx, VCPU_REGS_RCX) E(rdx, VCPU_REGS_RDX) E(rbx, VCPU_REGS_RBX) \
	E(rsp, VCPU_REGS_RSP) E(rbp, VCPU_REGS_RBP) E(rsi, VCPU_REGS_RSI) E(rdi, VCPU_REGS_RDI) \
	E(r8, VCPU_REGS_R8) E(r9, VCPU_REGS_R9) E(r10, VCPU_REGS_R10) E(r11, VCPU_REGS_R11) \
	E(r12, VCPU_REGS_R12) E(r13, VCPU_REGS_R13) E(r14, VCPU_REGS_R14) E(r15, VCPU_REGS_R15) \
	E(rip, VCPU_REGS_RIP) E(rflags, VCPU_REGS_RFLAGS)
#define CALLS_NAMES_crs(E) \
	E(cr0, VCPU_REGS_CR0) E(cr2, VCPU_REGS_CR2) E(cr3, VCPU_REGS_CR3) E(cr4, VCPU_REGS_CR4) \
	E(cr8, VCPU_REGS_CR8) E(xcr0, VCPU_REGS_XCR0) E(pdpte0, VCPU_REGS_PDPTE0) \
	E(pdpte1, VCPU_REGS_PDPTE1) E(pdpte2, VCPU_REGS_PDPTE2) E(pdpte3, VCPU_REGS_PDPTE3)
#define CALLS_NAMES_msrs(E) \
	E(efer, VCPU_REGS_EFER) E(star, VCPU_REGS_STAR) E(lstar, VCPU_REGS_LSTAR) \
	E(cstar, VCPU_REGS_CSTAR) E(sfmask, VCPU_REGS_SFMASK) E(kgsbase, VCPU_REGS_KGSBASE) \
	E(misc_enable, VCPU_REGS_MISC_ENABLE)
#define CALLS_NAMES_drs(E) \
	E(dr0, VCPU_REGS_DR0) E(dr1, VCPU_REGS_DR1) E(dr2, VCPU_REGS_DR2) E(dr3, VCPU_REGS_DR3) \
	E(dr6, VCPU_REGS_DR6) E(dr7, VCPU_REGS_DR7)
#define CALLS_NAMES_sregs(E) \
	E(es, VCPU_REGS_ES) E(cs, VCPU_REGS_CS) E(ss, VCPU_REGS_SS) E(ds, VCPU_REGS_DS) \
	E(fs, VCPU_REGS_FS) E(gs, VCPU_REGS_GS) E(ldtr, VCPU_REGS_LDTR) E(tr, VCPU_REGS_TR)
#define CALLS_NAMES(N) N(gprs) N(crs) N(msrs) N(drs) N(sregs)

#define CALLS_vm_mem_range(N, A, R, T, B, S, Q, L, P) \
	N(vmr_gpa, in, hex, "first guest-physical address") \
	N(vmr_va, inout, hex, "where it is in this process; 0: the module's own memory") \
	N(vmr_size, in, dec, "bytes") \
	N(vmr_type, in, memory, "what it is; mmio is passed to userland")

#define CALLS_vm_create_params(N, A, R, T, B, S, Q, L, P) \
	N(vcp_nmemranges, in, dec, "how many ranges") \
	N(vcp_ncpus, in, dec, "how many vCPUs") \
	L(vcp_memranges, inout, vm_mem_range, vcp_nmemranges, "guest memory, in ascending order") \
	T(vcp_name, in, "name of the VM") \
	N(vcp_sev, in, dec, "0") \
	N(vcp_seves, in, dec, "0") \
	N(vcp_id, out, dec, "id of the VM") \
	N(vcp_poscbit, out, dec, "0") \
	A(vcp_asid, out, dec, vcp_ncpus, "0")

#define CALLS_vcpu_inject_event(N, A, R, T, B, S, Q, L, P) \
	N(vie_vector, in, dec, "vector") \
	N(vie_errorcode, in, hex, "error code, where the exception has one") \
	N(vie_type, in, event, "what to inject")

#define CALLS_vm_run_params(N, A, R, T, B, S, Q, L, P) \
	N(vrp_vm_id, in, dec, "the VM") \
	N(vrp_vcpu_id, in, dec, "the vCPU") \
	S(vrp_inject, in, vcpu_inject_event, "an event for the guest") \
	N(vrp_intr_pending, in, flag, "come back when the guest can take an interrupt") \
	P(vrp_exit, inout, vm_exit, NONE, "the exit, and what was done about the last one") \
	N(vrp_exit_reason, out, dec, "the processor's number of the last exit; 65535: none") \
	N(vrp_irqready, out, flag, "the guest could take an interrupt") \
	N(vrp_irq_id, in, dec, "names the interrupt in records, if VERSION came before CREATE; 0: no name")

#define CALLS_vm_info_params(N, A, R, T, B, S, Q, L, P) \
	N(vip_size, in, dec, "bytes in the buffer") \
	N(vip_info_ct, out, dec, "how many VMs are listed") \
	P(vip_info, out, vm_info_result, vip_info_ct, "the VMs, newest first")

#define CALLS_vm_info_result(N, A, R, T, B, S, Q, L, P) \
	N(vir_memory_size, out, dec, "bytes of guest memory") \
	N(vir_used_size, out, dec, "bytes of it that have been touched") \
	N(vir_ncpus, out, dec, "how many vCPUs") \
	A(vir_vcpu_state, out, state, vir_ncpus, "each vCPU's state") \
	N(vir_creator_pid, out, dec, "process that made it") \
	N(vir_id, out, dec, "id of the VM") \
	T(vir_name, out, "name of the VM")

#define CALLS_vm_terminate_params(N, A, R, T, B, S, Q, L, P) \
	N(vtp_vm_id, in, dec, "the VM")

#define CALLS_vcpu_segment_info(N, A, R, T, B, S, Q, L, P) \
	N(vsi_sel, inout, hex, "selector") \
	N(vsi_limit, inout, hex, "limit, in bytes") \
	N(vsi_ar, inout, hex, "access rights as in the VMX manual; bit 16: unusable") \
	N(vsi_base, inout, hex, "base")

#define CALLS_vcpu_reg_state(N, A, R, T, B, S, Q, L, P) \
	R(vrs_gprs, inout, gprs, "general registers, RIP, RFLAGS") \
	R(vrs_crs, inout, crs, "control registers") \
	R(vrs_msrs, inout, msrs, "model-specific registers") \
	R(vrs_drs, inout, drs, "debug registers") \
	Q(vrs_sregs, inout, vcpu_segment_info, sregs, "segments") \
	S(vrs_gdtr, inout, vcpu_segment_info, "GDTR: base and limit") \
	S(vrs_idtr, inout, vcpu_segment_info, "IDTR: base and limit")

#define CALLS_vm_resetcpu_params(N, A, R, T, B, S, Q, L, P) \
	N(vrp_vm_id, in, dec, "the VM") \
	N(vrp_vcpu_id, in, dec, "the vCPU") \
	S(vrp_init_state, in, vcpu_reg_state, "all registers")

#define CALLS_vm_intr_params(N, A, R, T, B, S, Q, L, P) \
	N(vip_vm_id, in, dec, "the VM") \
	N(vip_vcpu_id, in, dec, "the vCPU") \
	N(vip_intr, in, flag, "whether an interrupt is pending")

#define CALLS_vm_rwregs_params(N, A, R, T, B, S, Q, L, P) \
	N(vrwp_vm_id, in, dec, "the VM") \
	N(vrwp_vcpu_id, in, dec, "the vCPU") \
	N(vrwp_mask, in, hex, "which: 1 general, 2 segments, 4 control, 8 MSRs, 0x10 debug") \
	S(vrwp_regs, inout, vcpu_reg_state, "the registers")

#define CALLS_vm_rwvmparams_params(N, A, R, T, B, S, Q, L, P) \
	N(vpp_vm_id, in, dec, "the VM") \
	N(vpp_vcpu_id, in, dec, "the vCPU") \
	N(vpp_mask, in, hex, "which: 1 address, 2 version") \
	N(vpp_pvclock_system_gpa, inout, hex, "guest-physical address; bit 0: the clock is on") \
	N(vpp_pvclock_version, inout, dec, "how often the clock was written")

#define CALLS_vm_sharemem_params(N, A, R, T, B, S, Q, L, P) \
	N(vsp_vm_id, in, dec, "the VM") \
	N(vsp_nmemranges, in, dec, "how many ranges") \
	L(vsp_memranges, in, vm_mem_range, vsp_nmemranges, "all of the VM's, as CREATE got them") \
	A(vsp_va, out, hex, vsp_nmemranges, "where each is in this process; 0: mmio")

#define CALLS_vm_mprotect_ept_params(N, A, R, T, B, S, Q, L, P) \
	N(vmep_vm_id, in, dec, "the VM") \
	N(vmep_vcpu_id, in, dec, "a vCPU, which must be stopped") \
	N(vmep_sgpa, in, hex, "first guest-physical address") \
	N(vmep_size, in, dec, "bytes") \
	N(vmep_prot, in, dec, "1 read, 2 write, 4 execute, or a sum of them")

#define CALLS_vm_exit_inout(N, A, R, T, B, S, Q, L, P) \
	N(vei_size, out, dec, "bytes: 1, 2 or 4") \
	N(vei_dir, out, direction, "which way") \
	N(vei_rep, out, flag, "with REP prefix") \
	N(vei_string, out, flag, "INS or OUTS") \
	N(vei_encoding, out, flag, "the port is in the instruction, not in DX") \
	N(vei_port, out, hex, "the port") \
	N(vei_data, inout, hex, "data of OUT; for an IN, what the guest shall read") \
	N(vei_insn_len, out, dec, "length of the instruction: what RIP has to advance by")

#define CALLS_vm_exit_eptviolation(N, A, R, T, B, S, Q, L, P) \
	N(vee_fault_type, out, fault, "what userland is asked to do") \
	N(vee_insn_info, out, hex, "1: the length is known, 2: the bytes are") \
	N(vee_insn_len, out, dec, "length of the instruction") \
	B(vee_insn_bytes, out, "the instruction")

/* vei and vee lie at the same place; the exit says which it is. */
#define CALLS_vm_exit(N, A, R, T, B, S, Q, L, P) \
	S(vei, inout, vm_exit_inout, "a port access") \
	S(vee, out, vm_exit_eptviolation, "a nested page fault") \
	S(vrs, inout, vcpu_reg_state, "all registers") \
	N(cpl, out, dec, "privilege level") \
	N(ve_gpa, out, hex, "guest-physical address of a nested page fault") \
	N(ve_gla, out, hex, "its linear address, if bit 0 of ve_flags is set") \
	N(ve_exit, out, dec, "ordinal of this exit, as in records") \
	N(ve_flags, out, hex, "1: ve_gla is known") \
	N(ve_addr_size, out, dec, "address size of the instruction: 2, 4 or 8") \
	N(ve_seg, out, dec, "segment of its memory operand, as in vrs_sregs; 255: not known") \
	N(ve_access, out, dec, "1 read, 2 write, 4 execute")

#define CALLS_vmm_version(N, A, R, T, B, S, Q, L, P) \
	N(vv_abi, out, dec, "version of this interface") \
	N(vv_schema, out, dec, "version of the records") \
	N(vv_isa, out, dec, "1 Intel VMX, 2 AMD SVM") \
	N(vv_features, out, hex, "0") \
	N(vv_tsc_khz, out, dec, "frequency of the TSC")

#define CALLS_vmm_limit(N, A, R, T, B, S, Q, L, P) \
	N(vl_memory, inout, dec, "bytes of guest memory in all") \
	N(vl_vms, inout, dec, "VMs at once") \
	N(vl_vcpus, inout, dec, "vCPUs in all") \
	N(vl_uid, inout, dec, "the user whose VMs these are; 4294967295: the caller's")

/* Of load and save, which are no calls: struct calls_memory. */
#define CALLS_calls_memory(N, A, R, T, B, S, Q, L, P) \
	N(vm, in, dec, "the VM") \
	N(gpa, in, hex, "first guest-physical address") \
	N(size, inout, dec, "bytes: of save, how many; out, how many there were") \
	T(file, in, "the file") \
	T(hex, inout, "instead of a file: the bytes in hex, up to 4 KiB")

/* Every structure, each after those that it contains. */
#define CALLS_STRUCTS(X) \
	X(vm_mem_range) X(vm_create_params) X(vcpu_inject_event) X(vcpu_segment_info) \
	X(vcpu_reg_state) X(vm_exit_inout) X(vm_exit_eptviolation) X(vm_exit) X(vm_run_params) \
	X(vm_info_result) X(vm_info_params) X(vm_terminate_params) X(vm_resetcpu_params) \
	X(vm_intr_params) X(vm_rwregs_params) X(vm_rwvmparams_params) X(vm_sharemem_params) \
	X(vm_mprotect_ept_params) X(vmm_version) X(vmm_limit) \
	X(calls_memory)

#endif /* CALLS_FIELDS_H */
