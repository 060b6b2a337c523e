/* SPDX-License-Identifier: GPL-2.0-only */
/* What the fuzzers share: random numbers that a seed repeats, and starting states. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/lib/libvmm.h"

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

enum start { START_REAL, START_PROTECTED, START_LONG, NR_STARTS };

/* A state from which a guest runs code at 0x8000, its page tables at 0x2000
 * (start_page_tables()) where it has paging. */
void start_state(enum start start, struct vcpu_reg_state *state);
/* Map the first GiB one to one for long mode; memory is that of the guest at 0. */
void start_page_tables(void *memory);

/*
 * QEMU 7.2 loses the host's CR0 at an exit of a guest with EFER.LME but neither
 * CR4.PAE nor paging (its update of CR0 then does nothing), and with it the host. There
 * only a guest that started in long mode has LME, and PAE with it.
 */
bool on_qemu(void);
void spare_emulator(struct vcpu_reg_state *state, enum start start);

/* Let the nth allocation or copy from or to user memory of this thread fail (fault injection); 0
 * takes it back. Says whether this kernel can. */
bool fail_nth(unsigned int nth);

int fuzz_calls(uint64_t seed, uint64_t count);
int fuzz_guests(uint64_t seed, uint64_t count);

#endif
