/* SPDX-License-Identifier: GPL-2.0-only */
#include "scratch.h"

#include <string.h>

uint64_t scratch_read(struct scratch *s, unsigned offset, unsigned size)
{
	uint64_t value = 0;

	if (offset == SCRATCH_COUNTER && size == 4)
		return ++s->counter;
	memcpy(&value, s->reg + offset, size);
	return value;
}

void scratch_write(struct scratch *s, unsigned offset, unsigned size, uint64_t value)
{
	if (offset == SCRATCH_COUNTER && size == 4)
		s->counter = value;
	else
		memcpy(s->reg + offset, &value, size);
}
