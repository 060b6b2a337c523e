/* SPDX-License-Identifier: GPL-2.0-only */
/* Ports for guests that know they are guests: debug exit and marker. */
#include "reset.h"

uint32_t debug_exit_read(void *dev, unsigned offset, unsigned size)
{
	(void)dev;
	(void)offset;
	(void)size;
	return 0;
}

void debug_exit_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct debug_exit *d = dev;

	(void)offset;
	(void)size;
	d->exit(d->ctx, value);
}

uint32_t marker_read(void *dev, unsigned offset, unsigned size)
{
	(void)dev;
	(void)offset;
	(void)size;
	return UINT32_MAX;
}

void marker_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct marker *m = dev;

	(void)size;
	if (offset == 0)
		m->mark(m->ctx, value);
}
