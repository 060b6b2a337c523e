/* SPDX-License-Identifier: GPL-2.0-only */
/* A memory-mapped device for tests: a page of registers that keep what is
 * written, and a counter. */
#ifndef MACHINE_SCRATCH_H
#define MACHINE_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "ports.h"

/* 32-bit counter in the last 8 bytes of the page: each read gives one more. */
#define SCRATCH_COUNTER (MACHINE_SCRATCH_SIZE - 8)

struct scratch {
	uint8_t reg[MACHINE_SCRATCH_SIZE];
	uint32_t counter;
};

/* size: 1, 2, 4 or 8; offset + size must not pass the end of the page. The
 * counter answers to an aligned access of 4 bytes; to others as a register. */
uint64_t scratch_read(struct scratch *s, unsigned offset, unsigned size);
void scratch_write(struct scratch *s, unsigned offset, unsigned size, uint64_t value);

#endif /* MACHINE_SCRATCH_H */
