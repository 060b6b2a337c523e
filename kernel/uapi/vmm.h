/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ioctl interface of /dev/vmm: the names, structures, types and meaning of
 * OpenBSD's vmm(4) in its 7.8 edition. vmm(4) and docs/ioctl.md tell where this
 * driver differs. A program written for vmm(4) includes its own headers instead
 * (pkg-config vmm), which end up here.
 *
 * No member is there for padding only, as programs initialize these structures
 * by position. Without a value from the caller, padding is zero or the caller's.
 */
#ifndef VMM_UAPI_VMM_H
#define VMM_UAPI_VMM_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#ifndef __LP64__
#error "/dev/vmm is for 64-bit programs"
#endif
#endif
#include <linux/ioctl.h>

/* Addresses: of the guest, and of the process that makes or shares it. */
typedef unsigned long vmm_paddr_t;
typedef unsigned long vmm_vaddr_t;

#define VMM_MAX_MEM_RANGES	16
#define VMM_MAX_NAME_LEN	64
#define VMM_MAX_VCPUS		512		/* on this host */
#define VMM_MAX_VCPUS_PER_VM	64
#define VMM_MAX_VM_MEM_SIZE	(128ULL << 30)

/* vmr_type */
#define VM_MEM_RAM		0
#define VM_MEM_RESERVED		1
#define VM_MEM_MMIO		2

struct vm_mem_range {
	vmm_paddr_t	vmr_gpa;
	vmm_vaddr_t	vmr_va;
	size_t		vmr_size;
	int		vmr_type;
};

/* VMM_IOC_CREATE */
struct vm_create_params {
	/* in */
	size_t		vcp_nmemranges;
	size_t		vcp_ncpus;
	struct vm_mem_range vcp_memranges[VMM_MAX_MEM_RANGES];	/* vmr_va: in and out */
	char		vcp_name[VMM_MAX_NAME_LEN];
	int		vcp_sev;
	int		vcp_seves;
	/* out */
	uint32_t	vcp_id;
	uint32_t	vcp_poscbit;
	uint32_t	vcp_asid[VMM_MAX_VCPUS];
};

/* vie_type */
#define VCPU_INJECT_NONE	0
#define VCPU_INJECT_INTR	1
#define VCPU_INJECT_EX		2
#define VCPU_INJECT_NMI		3

struct vcpu_inject_event {
	uint8_t		vie_vector;
	uint32_t	vie_errorcode;
	uint8_t		vie_type;
};

/* VMM_IOC_RUN */
struct vm_run_params {
	/* in */
	uint32_t	vrp_vm_id;
	uint32_t	vrp_vcpu_id;
	struct vcpu_inject_event vrp_inject;
	uint8_t		vrp_intr_pending;
	/* in and out */
	struct vm_exit *vrp_exit;
	/* out */
	uint16_t	vrp_exit_reason;
	uint8_t		vrp_irqready;
	/* in, of VMs made after VMM_IOC_VERSION on that file: names the interrupt in
	 * vrp_inject in records; 0 if it has none */
	uint32_t	vrp_irq_id;
};

/* vrp_exit_reason, beside the hardware's own numbers */
#define VM_EXIT_TERMINATED	0xfffe
#define VM_EXIT_NONE		0xffff

/* VMM_IOC_INFO */
struct vm_info_params {
	size_t		vip_size;
	size_t		vip_info_ct;
	struct vm_info_result *vip_info;
};

struct vm_info_result {
	size_t		vir_memory_size;
	size_t		vir_used_size;
	size_t		vir_ncpus;
	uint8_t		vir_vcpu_state[VMM_MAX_VCPUS_PER_VM];
	pid_t		vir_creator_pid;
	uint32_t	vir_id;
	char		vir_name[VMM_MAX_NAME_LEN];
};

/* vir_vcpu_state */
#define VCPU_STATE_STOPPED	0
#define VCPU_STATE_RUNNING	1
#define VCPU_STATE_REQTERM	2
#define VCPU_STATE_TERMINATED	3
#define VCPU_STATE_UNKNOWN	4

/* VMM_IOC_TERM */
struct vm_terminate_params {
	uint32_t	vtp_vm_id;
};

#define VCPU_REGS_RAX		0
#define VCPU_REGS_RCX		1
#define VCPU_REGS_RDX		2
#define VCPU_REGS_RBX		3
#define VCPU_REGS_RSP		4
#define VCPU_REGS_RBP		5
#define VCPU_REGS_RSI		6
#define VCPU_REGS_RDI		7
#define VCPU_REGS_R8		8
#define VCPU_REGS_R9		9
#define VCPU_REGS_R10		10
#define VCPU_REGS_R11		11
#define VCPU_REGS_R12		12
#define VCPU_REGS_R13		13
#define VCPU_REGS_R14		14
#define VCPU_REGS_R15		15
#define VCPU_REGS_RIP		16
#define VCPU_REGS_RFLAGS	17
#define VCPU_REGS_NGPRS		18

#define VCPU_REGS_CR0		0
#define VCPU_REGS_CR2		1
#define VCPU_REGS_CR3		2
#define VCPU_REGS_CR4		3
#define VCPU_REGS_CR8		4
#define VCPU_REGS_XCR0		5
#define VCPU_REGS_PDPTE0	6
#define VCPU_REGS_PDPTE1	7
#define VCPU_REGS_PDPTE2	8
#define VCPU_REGS_PDPTE3	9
#define VCPU_REGS_NCRS		10

#define VCPU_REGS_EFER		0
#define VCPU_REGS_STAR		1
#define VCPU_REGS_LSTAR		2
#define VCPU_REGS_CSTAR		3
#define VCPU_REGS_SFMASK	4
#define VCPU_REGS_KGSBASE	5
#define VCPU_REGS_MISC_ENABLE	6
#define VCPU_REGS_NMSRS		7

#define VCPU_REGS_DR0		0
#define VCPU_REGS_DR1		1
#define VCPU_REGS_DR2		2
#define VCPU_REGS_DR3		3
#define VCPU_REGS_DR6		4
#define VCPU_REGS_DR7		5
#define VCPU_REGS_NDRS		6

#define VCPU_REGS_ES		0
#define VCPU_REGS_CS		1
#define VCPU_REGS_SS		2
#define VCPU_REGS_DS		3
#define VCPU_REGS_FS		4
#define VCPU_REGS_GS		5
#define VCPU_REGS_LDTR		6
#define VCPU_REGS_TR		7
#define VCPU_REGS_NSREGS	8

/* vsi_ar is in VMX format (SDM 25.4.1): P, DPL, S, type in bits 7:0, AVL, L,
 * D/B, G in bits 15:12, unusable in bit 16. */
struct vcpu_segment_info {
	uint16_t	vsi_sel;
	uint32_t	vsi_limit;
	uint32_t	vsi_ar;
	uint64_t	vsi_base;
};

struct vcpu_reg_state {
	uint64_t	vrs_gprs[VCPU_REGS_NGPRS];
	uint64_t	vrs_crs[VCPU_REGS_NCRS];
	uint64_t	vrs_msrs[VCPU_REGS_NMSRS];
	uint64_t	vrs_drs[VCPU_REGS_NDRS];
	struct vcpu_segment_info vrs_sregs[VCPU_REGS_NSREGS];
	struct vcpu_segment_info vrs_gdtr;
	struct vcpu_segment_info vrs_idtr;
};

/* VMM_IOC_RESETCPU */
struct vm_resetcpu_params {
	uint32_t	vrp_vm_id;
	uint32_t	vrp_vcpu_id;
	struct vcpu_reg_state vrp_init_state;
};

/* VMM_IOC_INTR: vip_intr is a flag, something is pending or not. */
struct vm_intr_params {
	uint32_t	vip_vm_id;
	uint32_t	vip_vcpu_id;
	uint16_t	vip_intr;
};

/* vrwp_mask */
#define VM_RWREGS_GPRS		0x1
#define VM_RWREGS_SREGS		0x2
#define VM_RWREGS_CRS		0x4
#define VM_RWREGS_MSRS		0x8
#define VM_RWREGS_DRS		0x10
#define VM_RWREGS_ALL		0x1f

/* VMM_IOC_READREGS, VMM_IOC_WRITEREGS */
struct vm_rwregs_params {
	uint32_t	vrwp_vm_id;
	uint32_t	vrwp_vcpu_id;
	uint64_t	vrwp_mask;
	struct vcpu_reg_state vrwp_regs;
};

/* vpp_mask */
#define VM_RWVMPARAMS_PVCLOCK_SYSTEM_GPA	0x1
#define VM_RWVMPARAMS_PVCLOCK_VERSION		0x2
#define VM_RWVMPARAMS_ALL			0x3

/* VMM_IOC_READVMPARAMS, VMM_IOC_WRITEVMPARAMS */
struct vm_rwvmparams_params {
	uint32_t	vpp_vm_id;
	uint32_t	vpp_vcpu_id;
	uint32_t	vpp_mask;
	vmm_paddr_t	vpp_pvclock_system_gpa;
	uint32_t	vpp_pvclock_version;
};

/* VMM_IOC_SHAREMEM */
struct vm_sharemem_params {
	uint32_t	vsp_vm_id;
	size_t		vsp_nmemranges;
	struct vm_mem_range vsp_memranges[VMM_MAX_MEM_RANGES];
	/* out */
	vmm_vaddr_t	vsp_va[VMM_MAX_MEM_RANGES];
};

/* VMM_IOC_MPROTECT_EPT, of vmm(4) up to 7.5 */
struct vm_mprotect_ept_params {
	uint32_t	vmep_vm_id;
	uint32_t	vmep_vcpu_id;
	vmm_vaddr_t	vmep_sgpa;	/* first guest-physical address */
	size_t		vmep_size;
	int		vmep_prot;	/* PROT_READ, PROT_WRITE, PROT_EXEC */
};

/* vei_dir */
#define VEI_DIR_OUT		0
#define VEI_DIR_IN		1

/* A port access to be done by userland, which then adds vei_insn_len to RIP. */
struct vm_exit_inout {
	uint8_t		vei_size;		/* 1, 2 or 4 bytes */
	uint8_t		vei_dir;
	uint8_t		vei_rep;
	uint8_t		vei_string;
	uint8_t		vei_encoding;		/* 0 DX, 1 immediate */
	uint16_t	vei_port;
	uint32_t	vei_data;
	uint8_t		vei_insn_len;
};

/* vee_fault_type */
#define VEE_FAULT_INVALID	0
#define VEE_FAULT_HANDLED	1
#define VEE_FAULT_MMIO_ASSIST	2
#define VEE_FAULT_PROTECT	3
/* vee_insn_info */
#define VEE_LEN_VALID		0x1
#define VEE_BYTES_VALID		0x2

/* A nested page fault for userland. */
struct vm_exit_eptviolation {
	uint8_t		vee_fault_type;
	uint8_t		vee_insn_info;
	uint8_t		vee_insn_len;
	uint8_t		vee_insn_bytes[15];
};

struct vm_exit {
	union {
		struct vm_exit_inout vei;
		struct vm_exit_eptviolation vee;
		uint8_t		ve_pad[24];
	};
	struct vcpu_reg_state vrs;
	int		cpl;
	/* From here on beyond vm_exit of vmm(4). */
	uint64_t	ve_gpa;			/* of a nested page fault */
	uint64_t	ve_gla;			/* linear address, where VE_GLA_VALID */
	uint64_t	ve_exit;		/* ordinal of this exit, as in the records */
	uint8_t		ve_flags;
	uint8_t		ve_addr_size;		/* 2, 4 or 8 bytes, of the exiting instruction */
	uint8_t		ve_seg;			/* VCPU_REGS_* of its memory operand, 0xff not known */
	uint8_t		ve_access;		/* 1 read, 2 write, 4 execute */
};
/* ve_flags */
#define VE_GLA_VALID		0x1

#define VMM_IOC_CREATE		_IOWR('V', 1, struct vm_create_params)
#define VMM_IOC_RUN		_IOWR('V', 2, struct vm_run_params)
#define VMM_IOC_INFO		_IOWR('V', 3, struct vm_info_params)
#define VMM_IOC_TERM		_IOW('V', 4, struct vm_terminate_params)
#define VMM_IOC_RESETCPU	_IOW('V', 5, struct vm_resetcpu_params)
#define VMM_IOC_INTR		_IOW('V', 6, struct vm_intr_params)
#define VMM_IOC_READREGS	_IOWR('V', 7, struct vm_rwregs_params)
#define VMM_IOC_WRITEREGS	_IOW('V', 8, struct vm_rwregs_params)
#define VMM_IOC_READVMPARAMS	_IOWR('V', 9, struct vm_rwvmparams_params)
#define VMM_IOC_WRITEVMPARAMS	_IOW('V', 10, struct vm_rwvmparams_params)
#define VMM_IOC_SHAREMEM	_IOWR('V', 11, struct vm_sharemem_params)
#define VMM_IOC_MPROTECT_EPT	_IOW('V', 11, struct vm_mprotect_ept_params)

/* What follows is ours; numbers from 0x40. */

/* VMM_IOC_VERSION: what this module is. */
struct vmm_version {
	uint32_t	vv_abi;			/* VMM_ABI_VERSION */
	uint32_t	vv_schema;		/* VMMT_SCHEMA_VERSION */
	uint32_t	vv_isa;			/* 1 VMX, 2 SVM */
	uint32_t	vv_features;		/* VMM_FEATURE_* */
	uint64_t	vv_tsc_khz;
};
#define VMM_ABI_VERSION		1
#define VMM_IOC_VERSION		_IOR('V', 0x40, struct vmm_version)

/* VMM_IOC_CLOCK: emit a clock record now. */
#define VMM_IOC_CLOCK		_IO('V', 0x41)

/*
 * VMM_IOC_LIMIT: what the VMs made on this file may take in all. A limit can only be
 * lowered: one that is higher than what is set leaves that. What is set comes back, so
 * a structure of ones asks for it.
 *
 * vl_uid makes the file that user's for good: its VMs are that user's, the limits count
 * all VMs of that user, on whichever file, and INFO shows these and no others. Another
 * user than the caller takes CAP_SETUID. VMM_LIMIT_NO_USER leaves it.
 */
struct vmm_limit {
	uint64_t	vl_memory;		/* bytes of guest memory */
	uint32_t	vl_vms;
	uint32_t	vl_vcpus;
	uint32_t	vl_uid;
};
#define VMM_LIMIT_NO_USER	0xffffffffu
#define VMM_IOC_LIMIT		_IOWR('V', 0x42, struct vmm_limit)

/*
 * mmap(2) of /dev/vmm at this offset maps the statistics of a vCPU, read
 * only: struct vmm_stats of vmm_stats.h. Refused unless the caller may see
 * the VM.
 */
#define VMM_STATS_OFFSET(vm, vcpu)	(((uint64_t)(vm) << 32) | ((uint64_t)(vcpu) << 24))

#endif /* VMM_UAPI_VMM_H */
