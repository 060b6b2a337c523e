/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the errors of the calls mean and what to do: X(call, errno, text). The
 * first that fits counts; `other` fits every call.
 */
#ifndef CALLS_ERRORS_H
#define CALLS_ERRORS_H

#define CALLS_ERRORS(X) \
	X(create, EINVAL, "the ranges must be whole pages, ascending and apart, up to 128 " \
	  "GiB, and some of them memory; 1 to 64 vCPUs; vcp_sev and vcp_seves 0") \
	X(create, EIO, "virtualization cannot be switched on: unload KVM (modprobe -r kvm_amd " \
	  "or kvm_intel), or see the kernel log (dmesg | grep vmm:)") \
	X(create, ENOMEM, "memory is short, the memory at vmr_va cannot be pinned " \
	  "(RLIMIT_MEMLOCK, ulimit -l), or this host has 512 vCPUs already: ask for less, or " \
	  "end others") \
	X(create, EDQUOT, "more VMs, memory or vCPUs than this descriptor's limits permit " \
	  "(vmmtrace vm limit tells them): ask for less, or end others") \
	X(limit, EPERM, "the descriptor is another user's already, or to make it another " \
	  "user's takes CAP_SETUID") \
	X(limit, EINVAL, "vl_uid is no user here") \
	X(run, EPERM, "the VM was made by another process, or on another descriptor: make and " \
	  "run it in one vmmtrace vm batch") \
	X(run, EBUSY, "the vCPU runs already, or has ended (info tells its state): wait, or " \
	  "end the VM") \
	X(run, EINVAL, "vrp_inject is no event; or the vCPU has ended, for a state or an exit " \
	  "that cannot be: reset it before the first run, and see the kernel log (dmesg | grep " \
	  "vmm:)") \
	X(run, EIO, "the guest executed HLT with interrupts off, and the vCPU has ended: end " \
	  "the VM") \
	X(resetcpu, EBUSY, "the vCPU runs, or has ended (info tells its state): wait, or end " \
	  "the VM") \
	X(resetcpu, EIO, "the processor does not take these registers: see CR0, CR4, DR6, " \
	  "DR7, XCR0") \
	X(writeregs, EINVAL, "the processor does not take these registers: see CR0, CR4, DR6, " \
	  "DR7, XCR0") \
	X(writevmparams, EINVAL, "the clock's address is not in the guest's memory") \
	X(sharemem, EINVAL, "vsp_memranges must be the VM's, each as CREATE got it") \
	X(mprotect_ept, EBUSY, "a vCPU of the VM runs, or this one has ended: stop them first") \
	X(mprotect_ept, EINVAL, "the range must be whole pages of memory below the devices at " \
	  "0xf0000000 or above 4 GiB; vmep_prot must permit something, and no write without " \
	  "read") \
	X(term, EBUSY, "another process is ending it: nothing to do") \
	X(other, EPERM, "the VM was made on another descriptor: inherit that one and name it " \
	  "(--fd N), or use vmmtrace vm batch") \
	X(other, ENOENT, "no such VM or vCPU: info lists them") \
	X(other, EFAULT, "memory could not be read or written") \
	X(other, ENOMEM, "memory is short") \
	X(other, EINTR, "a signal came") \
	X(other, ENOTTY, "the module does not know this call: load the one that belongs to " \
	  "this vmmtrace")

#endif /* CALLS_ERRORS_H */
