/* SPDX-License-Identifier: GPL-2.0-only */
/* Ports that end a run: reset control 0xcf9, system control port A (0x92),
 * power-off (PM1a control, 0x604), debug exit (0xf4); and the marker port. */
#ifndef MACHINE_RESET_H
#define MACHINE_RESET_H

#include "bus.h"

struct reset_ports {
	void (*reset)(void *ctx);
	void (*power_off)(void *ctx);
	void *ctx;
	uint8_t control;	/* 0xcf9 */
	uint8_t port_a;		/* 0x92 */
};

/* dev: struct reset_ports */
uint32_t reset_control_read(void *dev, unsigned offset, unsigned size);
void reset_control_write(void *dev, unsigned offset, unsigned size, uint32_t value);
uint32_t reset_port_a_read(void *dev, unsigned offset, unsigned size);
void reset_port_a_write(void *dev, unsigned offset, unsigned size, uint32_t value);
uint32_t power_read(void *dev, unsigned offset, unsigned size);
void power_write(void *dev, unsigned offset, unsigned size, uint32_t value);

struct debug_exit {
	void (*exit)(void *ctx, uint32_t status);
	void *ctx;
};

/* dev: struct debug_exit. Reads give 0. */
uint32_t debug_exit_read(void *dev, unsigned offset, unsigned size);
void debug_exit_write(void *dev, unsigned offset, unsigned size, uint32_t value);

struct marker {
	void (*mark)(void *ctx, uint32_t value);
	void *ctx;
};

/* dev: struct marker. Reads give ones, like a port without a device. */
uint32_t marker_read(void *dev, unsigned offset, unsigned size);
void marker_write(void *dev, unsigned offset, unsigned size, uint32_t value);

#endif /* MACHINE_RESET_H */
