/* SPDX-License-Identifier: GPL-2.0-only */
/* Reset control and port A from the 82371 (PIIX) data sheet, PM1a control from
 * the ACPI specification, section 4.8.3.2. */
#include "reset.h"

#define RC_SYSTEM	0x02
#define RC_GO		0x04
#define RC_FULL		0x08
#define A_FAST_RESET	0x01
#define A_A20		0x02
#define PM1_SLP_EN	0x2000

uint32_t reset_control_read(void *dev, unsigned offset, unsigned size)
{
	(void)offset;
	(void)size;
	return ((struct reset_ports *)dev)->control;
}

/* The reset happens when bit 2 goes from 0 to 1. */
void reset_control_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct reset_ports *r = dev;
	bool go = value & ~r->control & RC_GO;

	(void)offset;
	(void)size;
	r->control = value & (RC_SYSTEM | RC_GO | RC_FULL);
	if (go)
		r->reset(r->ctx);
}

uint32_t reset_port_a_read(void *dev, unsigned offset, unsigned size)
{
	(void)offset;
	(void)size;
	return ((struct reset_ports *)dev)->port_a;
}

/* The A20 gate is always open; its bit is only remembered. */
void reset_port_a_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct reset_ports *r = dev;
	bool go = value & ~r->port_a & A_FAST_RESET;

	(void)offset;
	(void)size;
	r->port_a = value & (A_FAST_RESET | A_A20);
	if (go)
		r->reset(r->ctx);
}

uint32_t power_read(void *dev, unsigned offset, unsigned size)
{
	(void)dev;
	(void)offset;
	(void)size;
	return 0;
}

/* There is one sleep state, off, so the sleep type does not matter. */
void power_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct reset_ports *r = dev;

	(void)size;
	if (value << 8 * offset & PM1_SLP_EN)
		r->power_off(r->ctx);
}
