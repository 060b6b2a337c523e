/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of what processors keep between entries into guests, and emulators do
 * not: translations by tag, parts of a VMCB, active VMCSs. It runs the module's
 * own sources and says when they rely on something that is no longer true.
 *
 * model.c: threads that run on model CPUs, interleaved at random but always in
 * the same way for the same seed. tlb.c: translations. guest.c: what guests do.
 * svm_cpu.c, vmx_cpu.c: the processors. scene.c: VMs that come and go.
 */
#ifndef MODEL_H
#define MODEL_H

#include "kernel.h"

struct vmm_frame;
struct vmm_ops;

/* ---- model.c ---- */

/* Everything is as after power-on; the CPUs are online. */
void model_init(u64 seed);
/* Start a thread; from outside or from another thread. */
void model_thread(void (*fn)(void *), void *arg);
/* Let all threads run to their ends. CPUs go offline and come back meanwhile if
 * hotplug. Returns NULL, or what went wrong first. */
const char *model_run(bool hotplug);

/* The run ends here: this must not happen. A thread does not return from it. */
void model_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Others run meanwhile, on other CPUs, or on this one if it may be preempted. */
void model_yield(void);
/* The thread on this CPU; an interrupt waits for it. */
int model_self(void);
bool model_irq_pending(void);
bool model_irqs_off(void);

u64 model_random(u64 below);
static inline bool model_chance(unsigned int n)
{
	return !model_random(n);
}

/*
 * What happened how often, so that a test can tell that it tested something:
 * C(name, whether SVM has it, whether VMX has it). reused: translations, and clean:
 * parts of a VMCB, from an earlier stay in a guest.
 */
#define MODEL_COUNTS(C) \
	C(vms, 1, 1) C(entries, 1, 1) C(aborted, 1, 1) C(refused, 1, 1) \
	C(preempted, 1, 1) C(migrations, 1, 1) C(offline, 1, 1) C(ipis, 1, 1) \
	C(protects, 1, 1) C(denied, 1, 1) C(nmis, 1, 1) C(windows, 1, 1) \
	C(reused, 1, 1) C(flushes, 1, 1) C(clean, 1, 0) C(launches, 0, 1) C(resumes, 0, 1)
struct model_counts {
#define C(name, svm, vmx) unsigned long name;
	MODEL_COUNTS(C)
#undef C
};
extern struct model_counts model_counts;

/* The host reboots: virtualization goes off in the midst of what threads do, and stays off. */
extern bool model_going_down;

/* Pages that the module has taken and not given back. */
extern unsigned long model_pages_in_use;
/* A processor wants to know when memory is freed, and when interrupts are opened.
 * May be NULL. */
extern void (*model_on_free)(u64 pa, u64 size);
extern void (*model_on_irq_enable)(void);
/* And when a thread leaves its CPU, or the kernel. */
extern void (*model_on_leave)(void);

/* ---- host.c ---- */

void model_host_init(void);
void model_host_barrier(void);
void model_host_enters(struct vmm_frame *frame);
void model_host_leaves(void);

/* ---- tlb.c ---- */

/* A translation belongs to a tag, and on VMX to a nested table too (SDM 29.4.1). */
struct model_tag {
	u32 id;			/* ASID or VPID */
	u64 root;		/* nested table's address; 0 on SVM, where the ASID says all */
};
enum model_kind { MODEL_LINEAR, MODEL_PHYSICAL };	/* of a linear or a guest-physical page */

void model_tlb_init(void);
/* Another stay in a guest begins on this CPU. */
void model_tlb_entered(void);
bool model_tlb_find(enum model_kind kind, struct model_tag tag, u64 page, u64 *ret_frame);
void model_tlb_fill(enum model_kind kind, struct model_tag tag, u64 page, u64 frame);
/* Somebody else was here: this CPU knows wrong translations under these tags. */
void model_tlb_spoil(u32 first_id, u32 last_id, u64 root);
/* Drop what matches on this CPU; the masks say which kinds, NULL any. */
void model_tlb_flush(bool linear, bool physical, const u32 *id, const u64 *root);

/* ---- guest.c ---- */

#define MODEL_GUEST_PAGES 16	/* linear and physical pages that a guest touches */

struct model_guest {
	struct model_tag linear, physical;	/* tags of its translations just now */
	u64 root;				/* the nested table */
	u64 present, access;			/* bits of an entry: present; what may be done */
	u64 *cr3;
	u64 paging;				/* bits of CR4 that change translations */
	/* Of a fault: where, and of what kind. */
	u64 gpa;
	bool write, mapped;
};

/* Why the guest's stay ends. */
enum model_end {
	MODEL_END_FAULT,	/* a page is not mapped, or may not be written */
	MODEL_END_INTR,		/* the host's interrupt */
	MODEL_END_ACT,		/* an instruction that exits */
};

/* The guest's stay: touches memory, changes CR3, until something ends it. */
enum model_end model_guest_run(struct model_guest *g);

/* ---- the processors ---- */

void model_svm_init(void);
void model_vmx_init(void);

/* What a stay in a VMX guest ends with, instead of what chance says. */
struct model_vmx_exit {
	u32 reason;
	u64 qualification;
	u32 event;		/* VM-exit interruption information */
	unsigned int len;
	/* The entry before: where, and with what event. */
	u64 entry_rip;
	u32 entry_event;
	bool done;
};
#define MODEL_VMFAIL 0x10000	/* in place of a reason: no entry; VM-instruction error: qualification */
/* The n stays to come end so; NULL: by chance again. */
void model_vmx_plan(struct model_vmx_exit *exits, unsigned int n);
/* From now on the processor lacks these bits of this MSR, or of CPUID 1 ECX if msr is 0. */
void model_vmx_lacks(u32 msr, u64 bits);
/* The host detects split locks. */
extern bool model_vmx_split_locks;

/* ---- scene.c ---- */

/* Whose functions the module calls. */
void scene_bind(const struct vmm_ops *ops);

/* Load the module on a model processor, run VMs, unload; for many seeds. Prints
 * TAP. MODEL_SEED=N plays one seed, MODEL_LOG=1 shows what the module logs. */
int scene_main(const struct vmm_ops *ops, void (*power_on)(void));

#endif /* MODEL_H */
