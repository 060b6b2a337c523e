/* SPDX-License-Identifier: GPL-2.0-only */
/* What the fuzzers share: random numbers that a seed repeats, guests, calls that fail. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/lib/libvmm.h"

/* ---- fuzz.c ---- */

struct random {
	uint64_t state;
};

/* 64 random bits: SplitMix64, so that any seed will do. */
uint64_t random64(struct random *r);
/* Below n, which is not 0. */
uint64_t random_below(struct random *r, uint64_t n);
/* True once in n. */
bool one_in(struct random *r, uint64_t n);
void random_bytes(struct random *r, void *to, size_t size);
/* Numbers that break things: limits, powers of two and their neighbours, or any. */
uint64_t random_edge(struct random *r);

int fuzz_calls(uint64_t seed, uint64_t count);
int fuzz_guests(uint64_t seed, uint64_t count);

/* ---- code.c ---- */

enum start { START_REAL, START_PROTECTED, START_LONG, NR_STARTS };

/* Where a guest has its code. */
#define CODE 0x8000
#define CODE_SIZE 0x2000

/* A state from which a guest runs the code. */
void start_state(enum start start, struct vcpu_reg_state *state);
/*
 * Fill the memory of a guest from 0 to the end of its code: descriptors and gates; page tables,
 * spoiled here and there; random bytes as code, with instructions mixed in that exit or change the
 * machine. start NR_STARTS: it may be any.
 */
void random_guest(struct random *r, enum start start, void *memory);

/*
 * QEMU 7.2 loses the host's CR0 at an exit of a guest with EFER.LME but neither
 * CR4.PAE nor paging (its update of CR0 then does nothing), and with it the host. There
 * only a guest that started in long mode has LME, and PAE with it. It aborts where an
 * interrupt changes the stack and TR, as VMRUN loaded it, is not an available TSS, and
 * where the delivery of one meets a watchpoint of the guest's.
 */
bool on_qemu(void);
void spare_emulator(struct vcpu_reg_state *state, enum start start);

/* ---- watch.c ---- */

/* A thread that makes calls, while another one watches that it comes back from RUN. */
struct watched {
	pid_t thread;
	int fail;			/* descriptor of this thread's fail-nth, -1: no fault injection */
	_Atomic uint64_t turn;		/* calls begun and ended: odd within one */
	atomic_int fd;			/* of the RUN, and */
	_Atomic uint32_t vm;		/* its VM; 0: another call */
	atomic_bool deaf;		/* takes no signals now */
	atomic_bool ended;		/* its VM was ended for that reason; whoever cares clears it */
	uint64_t seen;			/* the watcher's: the turn when it last looked, */
	unsigned int rounds;		/* how often it was the same */
};

/* From now on this thread makes calls with w, which stays until watch_stop(). */
void watch_begin(struct watched *w);
/* Start the one that watches; 0 or an errno. */
int watch_start(void);
void watch_stop(void);

/*
 * ioctl(2), as 0 or -errno. run: the VM if the call is RUN, else 0; a RUN that takes long gets
 * signals. nth, if not 0: the kernel's nth allocation, or copy from or to user memory, for this
 * call fails.
 */
int watched_call(struct watched *w, int fd, unsigned long cmd, void *arg, uint32_t run,
		 unsigned int nth);
/* Which one is to fail: mostly one of the first, that few calls come without. */
unsigned int random_nth(struct random *r);
/* How many failed so far. */
unsigned long faults_injected(void);

/* ---- exits.c ---- */

/* Count the exits of a VM that is about to end; print those of all, by class. */
void count_exits(int fd, uint32_t vm, uint32_t ncpus);
void print_exits(const char *who);

#endif
