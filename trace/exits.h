/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Exit classes, neutral between the vendors, and both vendors' raw codes.
 * Part of the schema: include schema.h.
 */
#ifndef VMMT_EXITS_H
#define VMMT_EXITS_H

/* C(id, name, doc, label, key): label names the slice; key says what the
 * record's key is and how its name is bounded: none, port, msr, leaf, cr, dr,
 * vector, gpa, rax. */
#define VMMT_CLASSES(C) \
	C(0,  other, "anything without a class of its own: see reason, info1, info2", "other", none) \
	C(1,  io_in, "port read", "IN", port) \
	C(2,  io_out, "port write", "OUT", port) \
	C(3,  cpuid, "CPUID", "CPUID", leaf) \
	C(4,  rdmsr, "read of a model-specific register", "RDMSR", msr) \
	C(5,  wrmsr, "write of a model-specific register", "WRMSR", msr) \
	C(6,  cr_read, "read of a control register", "CR read", cr) \
	C(7,  cr_write, "write of a control register", "CR write", cr) \
	C(8,  dr_read, "read of a debug register", "DR read", dr) \
	C(9,  dr_write, "write of a debug register", "DR write", dr) \
	C(10, hlt, "HLT", "HLT", none) \
	C(11, ept, "nested page fault", "EPT", gpa) \
	C(12, intr, "the host was interrupted", "host interrupt", none) \
	C(13, nmi, "the host got an NMI", "host NMI", none) \
	C(14, window, "the guest can take an interrupt now", "window", none) \
	C(15, exception, "an intercepted exception of the guest", "exception", vector) \
	C(16, shutdown, "triple fault", "shutdown", none) \
	C(17, hypercall, "VMCALL or VMMCALL", "hypercall", rax) \
	C(18, xsetbv, "XSETBV", "XSETBV", none) \
	C(19, pause, "PAUSE", "PAUSE", none) \
	C(20, monitor, "MONITOR", "MONITOR", none) \
	C(21, mwait, "MWAIT", "MWAIT", none) \
	C(22, invd, "INVD", "INVD", none) \
	C(23, wbinvd, "WBINVD", "WBINVD", none) \
	C(24, invlpg, "INVLPG, INVPCID", "INVLPG", none) \
	C(25, rdpmc, "RDPMC", "RDPMC", none) \
	C(26, rdtsc, "RDTSC, RDTSCP", "RDTSC", none) \
	C(27, virt, "an instruction of the virtualization extension itself", "virt", none) \
	C(28, task, "hardware task switch", "task switch", none) \
	C(29, signal, "INIT, SIPI or SMI", "signal", none) \
	C(30, desctab, "access to a descriptor table register", "descriptor", none) \
	C(31, timer, "VMX preemption timer", "timer", none) \
	C(32, misconfig, "an EPT entry with reserved bits set", "EPT misconfig", gpa) \
	C(33, entryfail, "VM entry failed: invalid guest state or MSR loading", "entry failed", none) \
	C(34, softint, "INT n, ICEBP, IRET, PUSHF, POPF", "software interrupt", vector)

/* Names for two classes at once, for filters: G(name, class, class). */
#define VMMT_CLASS_GROUPS(G) \
	G(io,  io_in,   io_out) \
	G(msr, rdmsr,   wrmsr) \
	G(cr,  cr_read, cr_write) \
	G(dr,  dr_read, dr_write)

#define VMMT_ENUM_CLASS(E) VMMT_CLASSES(E)

/* AMD SVM exit codes, APM volume 2, appendix C: X(first, last, class, name).
 * A range of codes counts its key from the first. */
#define VMMT_SVM_CODES(X) \
	X(0x000, 0x00f, cr_read,   "CR_READ") \
	X(0x010, 0x01f, cr_write,  "CR_WRITE") \
	X(0x020, 0x02f, dr_read,   "DR_READ") \
	X(0x030, 0x03f, dr_write,  "DR_WRITE") \
	X(0x040, 0x05f, exception, "EXCP") \
	X(0x060, 0x060, intr,      "INTR") \
	X(0x061, 0x061, nmi,       "NMI") \
	X(0x062, 0x062, signal,    "SMI") \
	X(0x063, 0x063, signal,    "INIT") \
	X(0x064, 0x064, window,    "VINTR") \
	X(0x065, 0x065, cr_write,  "CR0_SEL_WRITE") \
	X(0x066, 0x06d, desctab,   "DESCRIPTOR_TABLE") \
	X(0x06e, 0x06e, rdtsc,     "RDTSC") \
	X(0x06f, 0x06f, rdpmc,     "RDPMC") \
	X(0x070, 0x070, softint,   "PUSHF") \
	X(0x071, 0x071, softint,   "POPF") \
	X(0x072, 0x072, cpuid,     "CPUID") \
	X(0x073, 0x073, other,     "RSM") \
	X(0x074, 0x074, softint,   "IRET") \
	X(0x075, 0x075, softint,   "SWINT") \
	X(0x076, 0x076, invd,      "INVD") \
	X(0x077, 0x077, pause,     "PAUSE") \
	X(0x078, 0x078, hlt,       "HLT") \
	X(0x079, 0x079, invlpg,    "INVLPG") \
	X(0x07a, 0x07a, virt,      "INVLPGA") \
	X(0x07b, 0x07b, io_in,     "IOIO") \
	X(0x07c, 0x07c, rdmsr,     "MSR") \
	X(0x07d, 0x07d, task,      "TASK_SWITCH") \
	X(0x07e, 0x07e, other,     "FERR_FREEZE") \
	X(0x07f, 0x07f, shutdown,  "SHUTDOWN") \
	X(0x080, 0x080, virt,      "VMRUN") \
	X(0x081, 0x081, hypercall, "VMMCALL") \
	X(0x082, 0x086, virt,      "VMLOAD_VMSAVE_STGI_CLGI_SKINIT") \
	X(0x087, 0x087, rdtsc,     "RDTSCP") \
	X(0x088, 0x088, softint,   "ICEBP") \
	X(0x089, 0x089, wbinvd,    "WBINVD") \
	X(0x08a, 0x08a, monitor,   "MONITOR") \
	X(0x08b, 0x08c, mwait,     "MWAIT") \
	X(0x08d, 0x08d, xsetbv,    "XSETBV") \
	X(0x08e, 0x08e, other,     "RDPRU") \
	X(0x08f, 0x08f, wrmsr,     "EFER_WRITE_TRAP") \
	X(0x090, 0x09f, cr_write,  "CR_WRITE_TRAP") \
	X(0x0a0, 0x0a0, invlpg,    "INVLPGB") \
	X(0x0a1, 0x0a1, invlpg,    "INVLPGB_ILLEGAL") \
	X(0x0a2, 0x0a2, invlpg,    "INVPCID") \
	X(0x0a3, 0x0a3, other,     "MCOMMIT") \
	X(0x0a4, 0x0a4, other,     "TLBSYNC") \
	X(0x0a5, 0x0a5, other,     "BUSLOCK") \
	X(0x400, 0x400, ept,       "NPF") \
	X(0x401, 0x401, other,     "AVIC_INCOMPLETE_IPI") \
	X(0x402, 0x402, other,     "AVIC_NOACCEL") \
	X(0x403, 0x403, hypercall, "VMGEXIT") \
	X(0xffffffff, 0xffffffff, entryfail, "INVALID")

/* Intel VMX basic exit reasons, SDM volume 3, appendix C. */
#define VMMT_VMX_CODES(X) \
	X(0,  0,  exception, "EXCEPTION_NMI") \
	X(1,  1,  intr,      "EXTERNAL_INTERRUPT") \
	X(2,  2,  shutdown,  "TRIPLE_FAULT") \
	X(3,  3,  signal,    "INIT_SIGNAL") \
	X(4,  4,  signal,    "SIPI_SIGNAL") \
	X(5,  6,  signal,    "SMI") \
	X(7,  7,  window,    "INTERRUPT_WINDOW") \
	X(8,  8,  window,    "NMI_WINDOW") \
	X(9,  9,  task,      "TASK_SWITCH") \
	X(10, 10, cpuid,     "CPUID") \
	X(11, 11, virt,      "GETSEC") \
	X(12, 12, hlt,       "HLT") \
	X(13, 13, invd,      "INVD") \
	X(14, 14, invlpg,    "INVLPG") \
	X(15, 15, rdpmc,     "RDPMC") \
	X(16, 16, rdtsc,     "RDTSC") \
	X(17, 17, other,     "RSM") \
	X(18, 18, hypercall, "VMCALL") \
	X(19, 27, virt,      "VMX_INSTRUCTION") \
	X(28, 28, cr_read,   "CR_ACCESS") \
	X(29, 29, dr_read,   "DR_ACCESS") \
	X(30, 30, io_in,     "IO_INSTRUCTION") \
	X(31, 31, rdmsr,     "MSR_READ") \
	X(32, 32, wrmsr,     "MSR_WRITE") \
	X(33, 34, entryfail, "ENTRY_FAILURE") \
	X(36, 36, mwait,     "MWAIT") \
	X(37, 37, other,     "MONITOR_TRAP_FLAG") \
	X(39, 39, monitor,   "MONITOR") \
	X(40, 40, pause,     "PAUSE") \
	X(41, 41, entryfail, "MACHINE_CHECK_ENTRY") \
	X(43, 43, other,     "TPR_BELOW_THRESHOLD") \
	X(44, 45, other,     "APIC_ACCESS_OR_EOI") \
	X(46, 47, desctab,   "DESCRIPTOR_TABLE") \
	X(48, 48, ept,       "EPT_VIOLATION") \
	X(49, 49, misconfig, "EPT_MISCONFIG") \
	X(50, 50, virt,      "INVEPT") \
	X(51, 51, rdtsc,     "RDTSCP") \
	X(52, 52, timer,     "PREEMPTION_TIMER") \
	X(53, 53, virt,      "INVVPID") \
	X(54, 54, wbinvd,    "WBINVD") \
	X(55, 55, xsetbv,    "XSETBV") \
	X(56, 56, other,     "APIC_WRITE") \
	X(57, 57, other,     "RDRAND") \
	X(58, 58, invlpg,    "INVPCID") \
	X(59, 59, virt,      "VMFUNC") \
	X(60, 60, virt,      "ENCLS") \
	X(61, 61, other,     "RDSEED") \
	X(62, 62, other,     "PML_FULL") \
	X(63, 63, other,     "XSAVES") \
	X(64, 64, other,     "XRSTORS") \
	X(67, 67, pause,     "UMWAIT") \
	X(68, 68, pause,     "TPAUSE") \
	X(74, 74, other,     "BUS_LOCK") \
	X(75, 75, other,     "NOTIFY")

#endif /* VMMT_EXITS_H */
