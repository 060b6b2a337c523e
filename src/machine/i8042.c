/* SPDX-License-Identifier: GPL-2.0-only */
/* IBM PS/2 hardware interface reference, keyboard and auxiliary device controller. */
#include "i8042.h"

#include <string.h>

#define ST_OBF		0x01	/* output buffer full */
#define ST_SYS		0x04	/* self test passed */
#define ST_UNLOCKED	0x10	/* keyboard lock switch is open */
#define ST_AUX		0x20	/* the data is from the auxiliary port */
#define ST_TIMEOUT	0x40	/* the device did not answer */

#define CFG_IRQ1	0x01
#define CFG_SYS		0x04
#define CFG_KBD_OFF	0x10
#define CFG_AUX_OFF	0x20
#define CFG_TRANSLATE	0x40

#define OUT_NO_RESET	0x01
#define OUT_A20		0x02

#define RESEND		0xfe	/* the controller says it for an absent device */
#define TEST_PASSED	0x55
#define PORT_OK		0x00
#define PORT_STUCK	0x01	/* clock line stuck low: nothing plugged in */

static void answer(struct i8042 *k, uint8_t value, uint8_t how)
{
	k->data = value;
	k->status = (k->status & ~(ST_AUX | ST_TIMEOUT)) | ST_OBF | how;
	if (k->config & CFG_IRQ1 && !(how & ST_AUX))
		k->line.set(k->line.ctx, true);
}

static void set_output_port(struct i8042 *k, uint8_t value)
{
	k->output_port = value;
	if (!(value & OUT_NO_RESET))
		k->reset(k->ctx);
}

void i8042_command_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct i8042 *k = dev;

	(void)offset;
	(void)size;
	k->command = 0;
	switch (value) {
	case 0x20:	/* read the configuration */
		answer(k, k->config, 0);
		break;
	case 0x60:	/* write it */
	case 0xd1:	/* write the output port */
	case 0xd2:	/* write to the keyboard's output buffer */
	case 0xd3:	/* write to the auxiliary output buffer */
	case 0xd4:	/* write to the auxiliary device */
		k->command = value;
		break;
	case 0xa7:
		k->config |= CFG_AUX_OFF;
		break;
	case 0xa8:
		k->config &= ~CFG_AUX_OFF;
		break;
	case 0xa9:	/* test the auxiliary port */
		answer(k, PORT_STUCK, 0);
		break;
	case 0xaa:	/* self test */
		k->status |= ST_SYS;
		answer(k, TEST_PASSED, 0);
		break;
	case 0xab:	/* test the keyboard port */
		answer(k, PORT_OK, 0);
		break;
	case 0xad:
		k->config |= CFG_KBD_OFF;
		break;
	case 0xae:
		k->config &= ~CFG_KBD_OFF;
		break;
	case 0xd0:	/* read the output port */
		answer(k, k->output_port, 0);
		break;
	default:
		/* 0xf0..0xff pulse output port bits that are 0 in the command. */
		if (value >= 0xf0 && !(value & OUT_NO_RESET))
			k->reset(k->ctx);
		break;
	}
}

uint32_t i8042_status_read(void *dev, unsigned offset, unsigned size)
{
	struct i8042 *k = dev;

	(void)offset;
	(void)size;
	return k->status;
}

void i8042_data_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct i8042 *k = dev;
	uint8_t command = k->command;

	(void)offset;
	(void)size;
	k->command = 0;
	switch (command) {
	case 0x60:
		k->config = value;
		break;
	case 0xd1:
		set_output_port(k, value);
		break;
	case 0xd2:
		answer(k, value, 0);
		break;
	case 0xd3:
		/* Without the port, the loop does not come back as auxiliary data. */
		answer(k, value, 0);
		break;
	case 0xd4:
		answer(k, RESEND, ST_AUX | ST_TIMEOUT);
		break;
	default:	/* for the keyboard */
		answer(k, RESEND, ST_TIMEOUT);
		break;
	}
}

uint32_t i8042_data_read(void *dev, unsigned offset, unsigned size)
{
	struct i8042 *k = dev;

	(void)offset;
	(void)size;
	k->status &= ~(ST_OBF | ST_AUX | ST_TIMEOUT);
	k->line.set(k->line.ctx, false);
	return k->data;
}

void i8042_init(struct i8042 *k, const struct bus_line *line, void (*reset)(void *ctx), void *ctx)
{
	memset(k, 0, sizeof(*k));
	k->line = *line;
	k->reset = reset;
	k->ctx = ctx;
	k->config = CFG_IRQ1 | CFG_SYS | CFG_TRANSLATE;
	k->status = ST_SYS | ST_UNLOCKED;
	k->output_port = OUT_NO_RESET | OUT_A20;
}
