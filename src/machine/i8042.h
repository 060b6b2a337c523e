/* SPDX-License-Identifier: GPL-2.0-only */
/* The 8042 keyboard controller with neither keyboard nor mouse plugged in:
 * what a guest needs in order to see that soon, and the reset line. */
#ifndef MACHINE_I8042_H
#define MACHINE_I8042_H

#include "bus.h"

struct i8042 {
	struct bus_line line;		/* keyboard interrupt */
	void (*reset)(void *ctx);
	void *ctx;
	uint8_t config, status, data, output_port;
	uint8_t command;		/* command that awaits its data byte, 0 none */
};

void i8042_init(struct i8042 *k, const struct bus_line *line, void (*reset)(void *ctx),
		void *ctx);

/* Bus cycles of 0x60 and of 0x64 (dev: struct i8042). */
uint32_t i8042_data_read(void *dev, unsigned offset, unsigned size);
void i8042_data_write(void *dev, unsigned offset, unsigned size, uint32_t value);
uint32_t i8042_status_read(void *dev, unsigned offset, unsigned size);
void i8042_command_write(void *dev, unsigned offset, unsigned size, uint32_t value);

#endif /* MACHINE_I8042_H */
