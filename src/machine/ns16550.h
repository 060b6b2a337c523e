/* SPDX-License-Identifier: GPL-2.0-only */
/* The 16550A UART. What the guest sends is out at once; what it is sent waits
 * in a bounded queue until the receiver FIFO has room, so nothing overruns. */
#ifndef MACHINE_NS16550_H
#define MACHINE_NS16550_H

#include <stddef.h>

#include "bus.h"

#define NS16550_FIFO	16
#define NS16550_QUEUE	4096

struct ns16550 {
	const struct bus_clock *clock;
	struct bus_line line;
	void (*out)(void *ctx, uint8_t byte);
	void *ctx;
	uint8_t ier, fcr, lcr, mcr, lsr, msr, scr, dll, dlm;
	bool thre;		/* THR-empty interrupt pending */
	bool level;		/* of the line */
	uint8_t fifo[NS16550_FIFO];
	unsigned head, count;
	uint64_t touched;	/* ns of the last receive or read */
	uint8_t queue[NS16550_QUEUE];
	unsigned queue_head, queue_count;
};

void ns16550_init(struct ns16550 *u, const struct bus_clock *clock, const struct bus_line *line,
		  void (*out)(void *ctx, uint8_t byte), void *ctx);

/* Bytes arrive on the wire. Returns how many were taken; the rest did not fit. */
size_t ns16550_input(struct ns16550 *u, const uint8_t *data, size_t len);

/* Raise the receiver timeout if it is due. */
void ns16550_run(struct ns16550 *u);

/* Time in ns of the receiver timeout. */
uint64_t ns16550_deadline(const struct ns16550 *u);

/* Bus cycles of eight ports (dev: struct ns16550). */
uint32_t ns16550_read(void *dev, unsigned offset, unsigned size);
void ns16550_write(void *dev, unsigned offset, unsigned size, uint32_t value);

#endif /* MACHINE_NS16550_H */
