/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * THE list of what vmmtrace records: events, their fields, exit classes, raw
 * exit codes and the names of values. Structs, tracepoints, BPF programs, JSON
 * writer, JSON Schema, LTTng-UST provider and docs/events.md are stamped from
 * here; there is no second table.
 *
 * Ids are append-only. A field that is added, changed or removed raises
 * VMMT_SCHEMA_VERSION, which every output carries and every reader checks: the
 * module and the programs must agree on a record's layout.
 *
 * A field is F(type, name, kind, doc); T(name, size, doc) is a text of a fixed
 * size, NUL-padded. The kinds say what a number means and how it is shown:
 *   dec    a number                       hex    an address or bits, in hex
 *   tsc    a time stamp, raw TSC ticks    ticks  a duration in TSC ticks
 *   ns     nanoseconds                    flag   0 or 1
 *   pad    nothing, not shown
 *   event, verdict, isa, class, end, mode, access, outcome, stage, itype,
 *   call, life, device, devop: a value of the enumeration of that name
 */
#ifndef VMMT_SCHEMA_H
#define VMMT_SCHEMA_H

#define VMMT_SCHEMA_VERSION 1

/* Every record starts with these. A stream is one (vm, vcpu) pair; seq counts
 * the records of a stream, whatever their kind, from 1 and without a gap. */
#define VMMT_HEAD_FIELDS(F, T) \
	F(u16, event,   event,   "which record this is") \
	F(u16, size,    dec,     "bytes in this record, head included") \
	F(u16, cpu,     dec,     "host CPU the record was emitted on") \
	F(u8,  isa,     isa,     "virtualization extension of the host") \
	F(u8,  verdict, verdict, "what the recording BPF program did with it") \
	F(u32, vm,      dec,     "id of the virtual machine, 0 for the host") \
	F(u32, vcpu,    dec,     "vCPU index; 0xffff the VM itself; from 0xfe00 a thread of the userland machine") \
	F(u64, seq,     dec,     "ordinal of the record in its stream") \
	F(u64, time,    tsc,     "last stamp in the record: when it became final") \
	F(u64, exit,    dec,     "ordinal of the vCPU's exit that this is, or belongs to")

/* One stay in the guest and what was done about its end. The stamps are
 * consecutive and tile the vCPU's time (see VMMT_SPANS). */
#define VMMT_EXIT_FIELDS(F, T) \
	F(u64, t_prev,    tsc,   "last stamp of this vCPU's previous exit record") \
	F(u64, t_traced,  tsc,   "that record and those with it had been emitted") \
	F(u64, t_run,     tsc,   "this VMM_IOC_RUN began; 0 if the kernel resumed by itself") \
	F(u64, t_enter,   tsc,   "last thing before VM entry") \
	F(u64, t_exit,    tsc,   "first thing after VM exit") \
	F(u64, t_handled, tsc,   "the handler was done") \
	F(u64, t_out,     tsc,   "VMM_IOC_RUN was about to return; 0 if resumed") \
	F(u64, nth,       dec,   "ordinal of the exit within its class on this vCPU") \
	F(u64, key,       hex,   "what it was about: port, MSR, CPUID leaf, CR or DR number, GPA, vector") \
	F(u64, value,     hex,   "value moved: data of OUT, WRMSR, CR write, RAX of a hypercall; result of an RDMSR") \
	F(u64, info1,     hex,   "VMX exit qualification, SVM EXITINFO1") \
	F(u64, info2,     hex,   "VMX guest-physical address or linear address, SVM EXITINFO2") \
	F(u64, rip,       hex,   "guest RIP at the exit") \
	F(u64, off,       ticks, "ticks the vCPU thread was off the CPU since the previous exit record") \
	F(u64, wait,      ticks, "ticks that the records of the previous exit waited for room in a ring (lossless mode)") \
	F(u32, reason,    hex,   "raw exit reason (VMX) or exit code (SVM)") \
	F(u32, vectoring, hex,   "event whose delivery the exit cut off, in VMX format; 0 none") \
	F(u32, vecerror,  hex,   "error code of that event") \
	F(u32, injected,  hex,   "event injected at the entry of this stay, in VMX format; 0 none") \
	F(u8,  class,     class, "neutral class of the exit") \
	F(u8,  end,       end,   "how it ended") \
	F(u8,  cpl,       dec,   "guest privilege level; 255 not known") \
	F(u8,  mode,      mode,  "guest execution mode") \
	F(u8,  ilen,      dec,   "length of the exiting instruction, 0 if not known") \
	F(u8,  width,     dec,   "bytes per port access; 0 otherwise") \
	F(u8,  rep,       flag,  "string instruction with REP prefix") \
	F(u8,  string,    flag,  "string instruction")

#define VMMT_EPT_FAULT_FIELDS(F, T) \
	F(u64, gpa,      hex,     "faulting guest-physical address") \
	F(u64, gva,      hex,     "guest linear address, where gva_valid") \
	F(u64, rip,      hex,     "guest RIP") \
	F(u64, resolve,  ticks,   "time to resolve it") \
	F(u64, page,     dec,     "bytes mapped, 0 if nothing was") \
	F(u8,  access,   access,  "what the guest tried") \
	F(u8,  present,  access,  "what the nested page tables allowed") \
	F(u8,  outcome,  outcome, "what was done") \
	F(u8,  gva_valid, flag,   "gva is known") \
	F(u32, flags,    hex,     "raw error code (SVM) or low qualification bits (VMX)")

#define VMMT_INTR_FIELDS(F, T) \
	F(u32, irq_id,   dec,    "id given when the line was raised; 0 if not known") \
	F(u32, error,    hex,    "error code of an exception") \
	F(u8,  stage,    stage,  "stage of its life") \
	F(u8,  vector,   dec,    "vector; 0 while not yet assigned") \
	F(u8,  itype,    itype,  "kind of event") \
	F(u8,  irq,      dec,    "input line of the interrupt controller; 255 none") \
	F(u32, count,    dec,    "how many were coalesced into this one, where stage is dropped")

#define VMMT_CALL_FIELDS(F, T) \
	F(u64, begin,    tsc,    "the ioctl was entered") \
	F(u32, err,      dec,    "errno it returned, 0 on success") \
	F(u8,  call,     call,   "which call; a RUN that took an exit is told by the exit record") \
	F(u8,  pad1,     pad,    "0") \
	F(u16, pad2,     pad,    "0")

#define VMMT_LIFE_FIELDS(F, T) \
	F(u64, memory,   dec,    "guest memory in bytes") \
	F(u64, tsc_offset, hex,  "added to the host's TSC for the guest, modulo 2^64") \
	F(u64, tsc_scale, dec,   "guest ticks per 2^32 host ticks") \
	F(u64, info,     hex,    "detail: raw exit reason of an end, 0 otherwise") \
	F(u32, pid,      dec,    "process that did it") \
	F(u16, vcpus,    dec,    "number of vCPUs of the VM") \
	F(u8,  what,     life,   "what happened") \
	F(u8,  of,       dec,    "index of the vCPU it happened to") \
	T(name, 64, "name of the VM")

#define VMMT_MARK_FIELDS(F, T) \
	F(u64, value,    hex,    "what the guest wrote to the marker port") \
	F(u64, rip,      hex,    "guest RIP")

#define VMMT_CLOCK_FIELDS(F, T) \
	F(u64, mono,     ns,     "CLOCK_MONOTONIC at the stamp") \
	F(u64, real,     ns,     "CLOCK_REALTIME at the stamp") \
	F(u64, khz,      dec,    "nominal TSC frequency in kHz")

#define VMMT_DEV_FIELDS(F, T) \
	F(u64, begin,    tsc,    "the access reached the device model") \
	F(u64, addr,     hex,    "I/O port or guest-physical address") \
	F(u64, value,    hex,    "value read or written") \
	F(u16, device,   device, "device") \
	F(u8,  devop,    devop,  "what was done") \
	F(u8,  width,    dec,    "bytes") \
	F(u32, count,    dec,    "accesses: above 1 for a string instruction")

#define VMMT_REQ_FIELDS(F, T) \
	F(u64, begin,    tsc,    "the request was taken") \
	F(u64, id,       dec,    "id of the request, never reused") \
	F(u64, bytes,    dec,    "bytes moved") \
	F(u16, device,   device, "device") \
	F(u8,  devop,    devop,  "what was asked") \
	F(u8,  pad1,     pad,    "0") \
	F(u32, status,   dec,    "errno, 0 on success")

#define VMMT_LOST_FIELDS(F, T) \
	F(u64, from,     dec,    "first seq that is missing") \
	F(u64, count,    dec,    "how many records of the stream are missing") \
	F(u64, since,    tsc,    "last stamp before the gap")

/* E(id, name, doc, NAME). The first seven are kernel tracepoints vmm_<name>;
 * dev and req come from the userland machine; lost from the collector. */
#define VMMT_KERNEL_EVENTS(E) \
	E(1, exit,      "one stay in the guest and what was done about its end", EXIT) \
	E(2, ept_fault, "nested page fault: EPT violation or NPT fault", EPT_FAULT) \
	E(3, intr,      "one stage in the life of an interrupt or exception", INTR) \
	E(4, call,      "an ioctl of /dev/vmm", CALL) \
	E(5, life,      "a VM or vCPU was made, reset or ended", LIFE) \
	E(6, mark,      "a value the guest wrote to the marker port", MARK) \
	E(7, clock,     "TSC and the system clocks, read together", CLOCK)
#define VMMT_USER_EVENTS(E) \
	E(8, dev,       "an access handled by a device model in userland", DEV) \
	E(9, req,       "a request served by a device in userland", REQ) \
	E(10, lost,     "records of a stream are missing here", LOST)
#define VMMT_EVENTS(E) VMMT_KERNEL_EVENTS(E) VMMT_USER_EVENTS(E)

/* Spans between the stamps of one exit record and those of the vCPU's next:
 * S(name, doc). With `off` they account for all of a vCPU's time. */
#define VMMT_SPANS(S) \
	S(guest,   "in the guest: t_enter to t_exit") \
	S(kernel,  "decoding and handling in the module: t_exit to t_handled") \
	S(return,  "way out of VMM_IOC_RUN: t_handled to t_out") \
	S(trace,   "emitting the records, the ring wait included: t_prev to t_traced") \
	S(user,    "in userland: t_traced to t_run") \
	S(halted,  "in userland after HLT: t_traced to t_run") \
	S(reentry, "way back in: t_run (or t_traced) to t_enter")

/* Durations that one record tells, for filters: D(event, name, from, to, doc),
 * from one stamp to another; 0 where the second was not taken. */
#define VMMT_DURATIONS(D) \
	D(exit, guest,  t_enter,   t_exit,    "in the guest") \
	D(exit, kernel, t_exit,    t_handled, "decoding and handling in the module") \
	D(exit, return, t_handled, t_out,     "way out of VMM_IOC_RUN") \
	D(exit, trace,  t_prev,    t_traced,  "emitting the records of the previous exit") \
	D(exit, dur,    t_exit,    time,      "from the exit until the module was done with it: kernel and return") \
	D(call, dur,    begin,     time,      "in the ioctl") \
	D(dev,  dur,    begin,     time,      "in the device model") \
	D(req,  dur,    begin,     time,      "from the request to its end")

/* Enumerations: E(value, name, doc, ...). A stamper takes what follows as
 * variable arguments and ignores it. */
#define VMMT_ENUM_EVENT(E) VMMT_EVENTS(E)
#define VMMT_ENUM_VERDICT(E) \
	E(0, none,      "no recorder answered") \
	E(1, delivered, "put into a ring") \
	E(2, filtered,  "a filter did not want it") \
	E(3, full,      "the ring had no room") \
	E(4, wait,      "the ring had no room: offer it again (lossless mode)")
#define VMMT_ENUM_ISA(E) \
	E(0, none, "not known") \
	E(1, vmx,  "Intel VMX") \
	E(2, svm,  "AMD SVM")
#define VMMT_ENUM_END(E) \
	E(0, resumed,  "handled, the guest was entered again") \
	E(1, userland, "passed to userland") \
	E(2, injected, "an exception was injected instead") \
	E(3, killed,   "the vCPU was terminated")
#define VMMT_ENUM_MODE(E) \
	E(0, real,   "real mode") \
	E(1, vm86,   "virtual-8086 mode") \
	E(2, prot16, "protected mode, 16-bit code") \
	E(3, prot32, "protected mode, 32-bit code") \
	E(4, compat, "IA-32e compatibility mode") \
	E(5, long64, "64-bit mode") \
	E(6, none,   "not known")
#define VMMT_ENUM_ACCESS(E) \
	E(0, none, "nothing") \
	E(1, r,   "read") \
	E(2, w,   "write") \
	E(3, rw,  "read, write") \
	E(4, x,   "execute") \
	E(5, rx,  "read, execute") \
	E(6, wx,  "write, execute") \
	E(7, rwx, "read, write, execute")
#define VMMT_ENUM_OUTCOME(E) \
	E(0, none,    "not resolved") \
	E(1, mapped,  "a page was mapped") \
	E(2, mmio,    "no memory there: passed to userland") \
	E(3, watched, "a watchpoint") \
	E(4, denied,  "access not permitted") \
	E(5, spurious, "already mapped when looked at")
#define VMMT_ENUM_STAGE(E) \
	E(1, raised,       "the line was raised") \
	E(2, window,       "waiting for the guest to be able to take it") \
	E(3, injected,     "given to the guest at VM entry") \
	E(4, reinjected,   "given again: an exit cut its delivery off") \
	E(5, acknowledged, "the interrupt controller was acknowledged") \
	E(6, end,          "end of interrupt") \
	E(7, dropped,      "coalesced with one already pending")
#define VMMT_ENUM_ITYPE(E) \
	E(0, intr,      "external interrupt") \
	E(2, nmi,       "non-maskable interrupt") \
	E(3, exception, "hardware exception") \
	E(4, softint,   "software interrupt: INT n") \
	E(5, privsoft,  "privileged software exception: INT1") \
	E(6, softexc,   "software exception: INT3, INTO")
#define VMMT_ENUM_CALL(E) \
	E(0, other,         "not a call of vmm(4)") \
	VMMT_CALLS(E)
#define VMMT_ENUM_LIFE(E) \
	E(1, vm_made,      "the VM was created") \
	E(2, vcpu_made,    "a vCPU was created") \
	E(3, vcpu_reset,   "the vCPU got a state by RESETCPU") \
	E(4, vcpu_killed,  "the vCPU cannot run any more; info is the raw exit reason") \
	E(5, vcpu_ended,   "the vCPU is gone") \
	E(6, vm_ended,     "the VM is gone") \
	E(7, vm_found,     "the VM was there when recording began")
#define VMMT_ENUM_DEVICE(E) \
	E(0, none,    "no device claimed it") \
	E(1, pic,     "i8259 pair and ELCR") \
	E(2, pit,     "i8254 timer") \
	E(3, speaker, "port 0x61: timer 2 gate and output") \
	E(4, rtc,     "MC146818 clock and NVRAM") \
	E(5, serial0, "ns16550, COM1") \
	E(6, i8042,   "keyboard controller") \
	E(7, reset,   "reset and fast A20 ports") \
	E(8, debugexit, "debug exit port 0xf4") \
	E(9, mark,    "marker port") \
	E(10, power,  "power-off port") \
	E(11, pci,    "PCI configuration mechanism 1") \
	E(12, vga,    "VGA registers") \
	E(13, serial1, "COM2") \
	E(14, serial2, "COM3") \
	E(15, serial3, "COM4") \
	E(16, dma,    "i8237 DMA controllers and page registers") \
	E(17, post,   "POST code and I/O delay port 0x80") \
	E(18, scratch, "memory-mapped scratch registers for tests") \
	E(19, ide,    "IDE controllers") \
	E(20, parport, "parallel ports") \
	E(21, fpu,    "coprocessor error port 0xf0")
#define VMMT_ENUM_DEVOP(E) \
	E(0, read,  "read") \
	E(1, write, "write") \
	E(2, flush, "flush")

/* Every enumeration: N(NAME of the list, name). */
#define VMMT_ENUMS(N) \
	N(EVENT, event) N(VERDICT, verdict) N(ISA, isa) N(CLASS, class) N(END, end) N(MODE, mode) \
	N(ACCESS, access) N(OUTCOME, outcome) N(STAGE, stage) N(ITYPE, itype) \
	N(CALL, call) N(LIFE, life) N(DEVICE, device) N(DEVOP, devop)

/* Well-known ports, for the bounded names of slices: P(first, last, device). */
#define VMMT_PORTS(P) \
	P(0x00, 0x1f, dma)     P(0x20, 0x21, pic)     P(0x40, 0x43, pit) \
	P(0x60, 0x60, i8042)   P(0x61, 0x61, speaker) P(0x64, 0x64, i8042) \
	P(0x70, 0x71, rtc)     P(0x80, 0x80, post)    P(0x81, 0x8f, dma) \
	P(0x92, 0x92, reset)   P(0xa0, 0xa1, pic)     P(0xc0, 0xdf, dma) \
	P(0xf0, 0xf1, fpu)     P(0xf4, 0xf4, debugexit) \
	P(0x170, 0x177, ide)   P(0x1f0, 0x1f7, ide) \
	P(0x278, 0x27f, parport) P(0x2e8, 0x2ef, serial3) P(0x2f8, 0x2ff, serial1) \
	P(0x378, 0x37f, parport) P(0x3b0, 0x3df, vga)   P(0x3e8, 0x3ef, serial2) \
	P(0x3f8, 0x3ff, serial0) P(0x4d0, 0x4d1, pic)   P(0x604, 0x605, power) \
	P(0xcf8, 0xcfb, pci)   P(0xcf9, 0xcf9, reset) P(0xcfc, 0xcff, pci) \
	P(VMMT_MARK_PORT, VMMT_MARK_PORT + 3, mark)
/* One I/O port, so that a guest under KVM can be marked the same way. */
#define VMMT_MARK_PORT 0x0ee0

/* Well-known MSRs: M(index, name). */
#define VMMT_MSRS(M) \
	M(0x00000010, TSC)            M(0x00000017, PLATFORM_ID) \
	M(0x0000001b, APIC_BASE)      M(0x0000003a, FEATURE_CONTROL) \
	M(0x00000048, SPEC_CTRL)      M(0x00000049, PRED_CMD) \
	M(0x0000008b, BIOS_SIGN_ID)   M(0x000000ce, PLATFORM_INFO) \
	M(0x000000e1, UMWAIT_CONTROL) M(0x000000fe, MTRR_CAP) \
	M(0x0000010a, ARCH_CAPABILITIES) M(0x00000122, TSX_CTRL) \
	M(0x00000140, MISC_FEATURES_ENABLES) \
	M(0x00000174, SYSENTER_CS)    M(0x00000175, SYSENTER_ESP) \
	M(0x00000176, SYSENTER_EIP)   M(0x00000179, MCG_CAP) \
	M(0x0000017a, MCG_STATUS)     M(0x000001a0, MISC_ENABLE) \
	M(0x000001d9, DEBUGCTL)       M(0x00000277, PAT) \
	M(0x000002ff, MTRR_DEF_TYPE)  M(0x00000da0, XSS) \
	M(0x4b564d00, KVM_WALL_CLOCK_NEW) M(0x4b564d01, KVM_SYSTEM_TIME_NEW) \
	M(0xc0000080, EFER)           M(0xc0000081, STAR) \
	M(0xc0000082, LSTAR)          M(0xc0000083, CSTAR) \
	M(0xc0000084, SFMASK)         M(0xc0000100, FS_BASE) \
	M(0xc0000101, GS_BASE)        M(0xc0000102, KERNEL_GS_BASE) \
	M(0xc0000103, TSC_AUX)        M(0xc0000104, AMD_TSC_RATIO) \
	M(0xc0010010, SYSCFG)         M(0xc0010015, HWCR) \
	M(0xc0010055, INT_PENDING_MSG) M(0xc0010058, MMIO_CONF_BASE) \
	M(0xc0010064, PSTATE_DEF0)    M(0xc001001f, NB_CFG) \
	M(0xc0010114, VM_CR)          M(0xc0010117, VM_HSAVE_PA) \
	M(0xc0011029, DE_CFG)

#include "calls.h"
#include "exits.h"

#endif /* VMMT_SCHEMA_H */
