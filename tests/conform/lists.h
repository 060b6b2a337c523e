/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists that rows of the conformance suite and their functions are stamped from. */
#ifndef CONFORM_LISTS_H
#define CONFORM_LISTS_H

/* C(name, macro): calls about a vCPU, about a VM, all. */
#define CONFORM_ON_VCPU(C) \
	C(run, RUN) \
	C(resetcpu, RESETCPU) \
	C(intr, INTR) \
	C(readregs, READREGS) \
	C(writeregs, WRITEREGS) \
	C(readvmparams, READVMPARAMS) \
	C(writevmparams, WRITEVMPARAMS) \
	C(mprotect_ept, MPROTECT_EPT)
#define CONFORM_ON_VM(C) \
	CONFORM_ON_VCPU(C) \
	C(term, TERM) \
	C(sharemem, SHAREMEM)
#define CONFORM_CALLS(C) \
	C(create, CREATE) \
	C(info, INFO) \
	CONFORM_ON_VM(C)

/* Exceptions that can be injected. */
#define CONFORM_EXCEPTIONS(E) \
	E(0, "#DE") E(1, "#DB") E(3, "#BP") E(4, "#OF") E(5, "#BR") E(6, "#UD") E(7, "#NM") \
	E(8, "#DF") E(10, "#TS") E(11, "#NP") E(12, "#SS") E(13, "#GP") E(14, "#PF") \
	E(16, "#MF") E(17, "#AC") E(18, "#MC") E(19, "#XM")

/* M(name, mask, groups that it means) */
#define CONFORM_MASKS(M) \
	M(none, 0, 0) \
	M(gprs, VM_RWREGS_GPRS, VM_RWREGS_GPRS) \
	M(sregs, VM_RWREGS_SREGS, VM_RWREGS_SREGS) \
	M(crs, VM_RWREGS_CRS, VM_RWREGS_CRS) \
	M(msrs, VM_RWREGS_MSRS, VM_RWREGS_MSRS) \
	M(drs, VM_RWREGS_DRS, VM_RWREGS_DRS) \
	M(all, VM_RWREGS_ALL, VM_RWREGS_ALL) \
	M(unknown, 0xffffffffffffff20, 0)

/* M(name, text, index, value): MSRs that a guest has for itself, and what it writes there. */
#define CONFORM_DIRECT_MSRS(M) \
	M(sysenter_cs, "SYSENTER_CS", 0x174, 0x10) \
	M(sysenter_esp, "SYSENTER_ESP", 0x175, 0xffff800000001000) \
	M(sysenter_eip, "SYSENTER_EIP", 0x176, 0xffff800000002000) \
	M(star, "STAR", 0xc0000081, 0x0023001000000000) \
	M(lstar, "LSTAR", 0xc0000082, 0xffff800000003000) \
	M(cstar, "CSTAR", 0xc0000083, 0xffff800000004000) \
	M(sfmask, "SFMASK", 0xc0000084, 0x47700) \
	M(fs_base, "FS_BASE", 0xc0000100, 0x12345000) \
	M(gs_base, "GS_BASE", 0xc0000101, 0x23456000) \
	M(kernel_gs_base, "KERNEL_GS_BASE", 0xc0000102, 0xffff800000005000)

/* U(name, text, vendor or 0, bytes): instructions that no guest has. */
#define CONFORM_UNDEFINED(U) \
	U(monitor, "MONITOR", 0, 0x0f, 0x01, 0xc8) \
	U(mwait, "MWAIT", 0, 0x0f, 0x01, 0xc9) \
	U(rdtscp, "RDTSCP", 0, 0x0f, 0x01, 0xf9) \
	U(vmcall, "VMCALL (VMX)", VMX, 0x0f, 0x01, 0xc1) \
	U(vmlaunch, "VMLAUNCH (VMX)", VMX, 0x0f, 0x01, 0xc2) \
	U(vmresume, "VMRESUME (VMX)", VMX, 0x0f, 0x01, 0xc3) \
	U(vmxoff, "VMXOFF (VMX)", VMX, 0x0f, 0x01, 0xc4) \
	U(vmptrld, "VMPTRLD (VMX)", VMX, 0x0f, 0xc7, 0x34, 0x24) \
	U(vmclear, "VMCLEAR (VMX)", VMX, 0x66, 0x0f, 0xc7, 0x34, 0x24) \
	U(vmxon, "VMXON (VMX)", VMX, 0xf3, 0x0f, 0xc7, 0x34, 0x24) \
	U(vmread, "VMREAD (VMX)", VMX, 0x0f, 0x78, 0xc0) \
	U(vmwrite, "VMWRITE (VMX)", VMX, 0x0f, 0x79, 0xc0) \
	U(invept, "INVEPT (VMX)", VMX, 0x66, 0x0f, 0x38, 0x80, 0x04, 0x24) \
	U(invvpid, "INVVPID (VMX)", VMX, 0x66, 0x0f, 0x38, 0x81, 0x04, 0x24) \
	U(vmmcall, "VMMCALL (SVM)", SVM, 0x0f, 0x01, 0xd9) \
	U(vmrun, "VMRUN (SVM)", SVM, 0x0f, 0x01, 0xd8) \
	U(vmload, "VMLOAD (SVM)", SVM, 0x0f, 0x01, 0xda) \
	U(vmsave, "VMSAVE (SVM)", SVM, 0x0f, 0x01, 0xdb) \
	U(stgi, "STGI (SVM)", SVM, 0x0f, 0x01, 0xdc) \
	U(clgi, "CLGI (SVM)", SVM, 0x0f, 0x01, 0xdd) \
	U(skinit, "SKINIT (SVM)", SVM, 0x0f, 0x01, 0xde) \
	U(invlpga, "INVLPGA (SVM)", SVM, 0x0f, 0x01, 0xdf)

#endif /* CONFORM_LISTS_H */
