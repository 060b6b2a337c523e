/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * THE list of the calls of /dev/vmm: C(id, name, what it does, NAME, structure,
 * word). VMM_IOC_NAME takes the structure. id and name are those of records, and
 * append-only; the word is the call's in `vmmtrace vm`. Part of the schema; the
 * structures' members are in src/calls/fields.h.
 */
#ifndef VMMT_CALLS_H
#define VMMT_CALLS_H

#define VMMT_CALLS(C) \
	C(1, create, "make a VM", CREATE, vm_create_params, create) \
	C(2, run, "run a vCPU until userland is needed", RUN, vm_run_params, run) \
	C(3, info, "list VMs", INFO, vm_info_params, info) \
	C(4, term, "end a VM", TERM, vm_terminate_params, term) \
	C(5, resetcpu, "give a vCPU a state to begin with", RESETCPU, vm_resetcpu_params, reset) \
	C(6, intr, "tell a vCPU that an interrupt is pending, or none is", INTR, vm_intr_params, \
	  intr) \
	C(7, readregs, "read a vCPU's registers", READREGS, vm_rwregs_params, readregs) \
	C(8, writeregs, "write a vCPU's registers", WRITEREGS, vm_rwregs_params, writeregs) \
	C(9, readvmparams, "read a vCPU's paravirtual clock", READVMPARAMS, vm_rwvmparams_params, \
	  readparams) \
	C(10, writevmparams, "set a vCPU's paravirtual clock", WRITEVMPARAMS, \
	  vm_rwvmparams_params, writeparams) \
	C(11, sharemem, "map a VM's memory into this process", SHAREMEM, vm_sharemem_params, \
	  sharemem) \
	C(12, mprotect_ept, "say what the guest may do with pages", MPROTECT_EPT, \
	  vm_mprotect_ept_params, mprotect)

/* Of this driver alone, and not recorded. */
#define VMMT_OWN_CALLS(C) \
	C(0, version, "tell what this module is", VERSION, vmm_version, version) \
	C(0, limit, "lower what may be had through this descriptor", LIMIT, vmm_limit, limit)

#endif /* VMMT_CALLS_H */
