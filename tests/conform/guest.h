/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests of the conformance suite: a few instructions each, in real, protected
 * or 64-bit mode, in the first MiB. All of memory is mapped one to one.
 */
#ifndef CONFORM_GUEST_H
#define CONFORM_GUEST_H

#include <pthread.h>

#include "conform.h"

#define RAM_SIZE	SMALL_VM_SIZE
#define MMIO_GPA	0xfe000000ULL
#define MMIO_SIZE	0x1000000ULL
#define PAGE_TABLES	0x1000		/* to 0x7000 */
#define GDT		0x7000
#define IDT		0x8000
#define STUBS		0x9000
#define STACK		0xf000
#define CODE		0x10000
#define DATA		0x20000		/* free for the guest, to the end of RAM */

#define SEL_CODE	0x10
#define SEL_DATA	0x18
#define SEL_TSS		0x20
#define SEL_USER_CODE	0x2b
#define SEL_USER_DATA	0x33

#define PORT		0x80		/* guests tell something with OUT to this port */
#define PORT_TRAP	0xf0		/* a handler was entered */

#define CR0_PE		0x1ULL
#define CR0_ET		0x10ULL
#define CR0_NE		0x20ULL
#define CR0_NW		0x20000000ULL
#define CR0_CD		0x40000000ULL
#define CR0_PG		0x80000000ULL
#define CR4_PAE		0x20ULL
#define CR4_OSXSAVE	0x40000ULL
#define EFER_LME	0x100ULL
#define EFER_LMA	0x400ULL
#define RFLAGS_ONE	0x2ULL
#define RFLAGS_TF		0x100ULL
#define RFLAGS_IF	0x200ULL
#define AR_UNUSABLE	0x10000

enum mode { REAL, PROT32, LONG };

struct guest {
	int fd;
	uint32_t id, vcpu;
	enum mode mode;
	uint8_t *ram;			/* guest-physical 0 to RAM_SIZE */
	struct vm_exit exit;
	struct vm_run_params run;
	volatile bool stop, done;	/* of the thread that runs it */
};

/* Code of a guest: GUEST(64, name, "instructions"), for 16, 32 or 64 bits. */
#define GUEST(bits, name, text) \
	extern const uint8_t name[], name##_end[]; \
	__asm__(".pushsection .rodata\n.code" #bits "\n" #name ":\n" text "\n" #name "_end:\n" \
		".code64\n.popsection")
/* A guest that never exits by itself. Its interrupts are on: with them off, Bochs lets no
 * interrupt of the host's end the stay. */
#define FOREVER "sti\n 1: jmp 1b\n"
#define LOAD(g, name) load(g, name, (size_t)(name##_end - name))
/* A guest of one vCPU that is about to run this code. */
#define START(g, m, name) \
	do { \
		make(g, 1); \
		LOAD(g, name); \
		MUST(reset(g, m)); \
	} while (0)

/* CREATE: RAM_SIZE of memory at 0, and a range that is MMIO. */
void make(struct guest *g, unsigned int ncpus);
void load(struct guest *g, const uint8_t *code, size_t size);
/* Registers of a vCPU that runs the code at CODE in this mode, interrupts off. */
struct vcpu_reg_state registers(enum mode mode);
/* RESETCPU with those; also writes descriptor tables, page tables, and a handler for each
 * vector, which tells it through PORT_TRAP and returns. */
int reset(struct guest *g, enum mode mode);
int reset_to(struct guest *g, const struct vcpu_reg_state *regs);
/* Another vCPU of the same guest, to be run by another thread. */
struct guest other_vcpu(const struct guest *g, uint32_t vcpu);

/* SHAREMEM of the ranges that make() made. */
struct vm_sharemem_params share_params(const struct guest *g);

/* One RUN: 0 or errno. It may come back with VM_EXIT_NONE at any time. */
int run_once(struct guest *g);
/* RUN until there is an exit, or an errno. */
int run_on(struct guest *g);
/* RUN until there is an exit for us; its reason. The RUN must not fail. */
uint16_t run(struct guest *g);
/* RUN that must come back for a port access, which is finished: RIP is moved on. */
void run_to_io(struct guest *g);
/* RUN to an OUT to PORT; what it wrote. */
uint32_t run_to_out(struct guest *g);
#define EXPECT_OUT(g, value) EXPECT_EQ(run_to_out(g), value)

/* What a handler found on its stack. */
struct trap {
	uint8_t vector;
	bool has_error;
	uint64_t error, rip, rflags;
};
/* RUN to the handler of an event. Its end: RUN again. */
struct trap run_to_trap(struct guest *g);
/* RUN to an OUT to PORT; false if an event came first. */
bool run_to_out_or_trap(struct guest *g, struct trap *ret_trap);

/* Registers of the stopped vCPU, all; and put back by mask. Beside WRITEREGS,
 * what vrp_exit would put back at the next RUN is replaced too. */
struct vcpu_reg_state regs_of(struct guest *g);
void set_regs(struct guest *g, uint64_t mask, const struct vcpu_reg_state *regs);
/* One general register. */
void set_gpr(struct guest *g, unsigned int index, uint64_t value);

/* Run the guest in a thread of its own, until there is an exit or an errno. */
void run_in_thread(struct guest *g, pthread_t *thread);
/* Wait for it: 0 or errno. interrupt() first makes its RUN return, as any signal does. */
int join(pthread_t thread);
int interrupt(struct guest *g, pthread_t thread);
bool is_running(const struct guest *g);

#endif /* CONFORM_GUEST_H */
