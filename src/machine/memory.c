/* SPDX-License-Identifier: GPL-2.0-only */
#include "memory.h"

#include <errno.h>
#include <stdio.h>

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static unsigned add_range(struct machine_ram *ret, unsigned n, uint64_t gpa, uint64_t end,
			  enum machine_ram_type type)
{
	if (gpa >= end)
		return n;
	ret[n] = (struct machine_ram){ .gpa = gpa, .size = end - gpa, .type = type };
	return n + 1;
}

int machine_layout(uint64_t size, struct machine_ram ret[MACHINE_MAX_RANGES], unsigned *ret_n,
		   char msg[MACHINE_MSG])
{
	unsigned n = 0;

	if (!size || size % MACHINE_PAGE || size > MACHINE_MAX_MEMORY) {
		snprintf(msg, MACHINE_MSG,
			 "guest memory of %llu bytes: give a multiple of 4 KiB, at most %llu MiB",
			 (unsigned long long)size, MACHINE_MAX_MEMORY >> 20);
		return -EINVAL;
	}
	n = add_range(ret, n, 0, min64(size, MACHINE_LOW_END), MACHINE_RAM);
	if (size > MACHINE_LOW_END)
		n = add_range(ret, n, MACHINE_LOW_END, MACHINE_HIGH_START, MACHINE_RESERVED);
	n = add_range(ret, n, MACHINE_HIGH_START, min64(size, MACHINE_HOLE), MACHINE_RAM);
	if (size > MACHINE_HOLE)
		n = add_range(ret, n, MACHINE_4G, MACHINE_4G + size - MACHINE_HOLE, MACHINE_RAM);
	*ret_n = n;
	return 0;
}

void guest_memory_init(struct guest_memory *mem, const struct machine_ram *ram, unsigned nram)
{
	mem->ram = ram;
	mem->nram = nram;
	mem->nused = 0;
}

static const struct machine_ram *find_ram(const struct guest_memory *mem, uint64_t gpa)
{
	unsigned i;

	for (i = 0; i < mem->nram; i++) {
		const struct machine_ram *r = &mem->ram[i];

		if (r->type == MACHINE_RAM && gpa >= r->gpa && gpa - r->gpa < r->size)
			return r;
	}
	return NULL;
}

void *guest_ptr(const struct guest_memory *mem, uint64_t gpa, uint64_t size)
{
	const struct machine_ram *r = find_ram(mem, gpa);

	if (!r || size > r->size - (gpa - r->gpa))
		return NULL;
	return (char *)r->host + (gpa - r->gpa);
}

uint64_t guest_ram_end(const struct guest_memory *mem, uint64_t gpa)
{
	const struct machine_ram *r = find_ram(mem, gpa);

	return r ? r->gpa + r->size : 0;
}

uint64_t guest_ram_size(const struct guest_memory *mem)
{
	uint64_t size = 0;
	unsigned i;

	for (i = 0; i < mem->nram; i++)
		if (mem->ram[i].type == MACHINE_RAM)
			size += mem->ram[i].size;
	return size;
}

/* Index of a claim that overlaps [gpa, gpa + size), -1 if none. */
static int find_used(const struct guest_memory *mem, uint64_t gpa, uint64_t size)
{
	unsigned i;

	for (i = 0; i < mem->nused; i++)
		if (gpa < mem->used[i].gpa + mem->used[i].size && mem->used[i].gpa < gpa + size)
			return i;
	return -1;
}

int guest_claim(struct guest_memory *mem, uint64_t gpa, uint64_t size)
{
	if (!size)
		return 0;
	if (!guest_ptr(mem, gpa, size))
		return -EFAULT;
	if (find_used(mem, gpa, size) >= 0)
		return -EEXIST;
	if (mem->nused == GUEST_MAX_USED)
		return -ENOSPC;
	mem->used[mem->nused].gpa = gpa;
	mem->used[mem->nused].size = size;
	mem->nused++;
	return 0;
}

static uint64_t align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

/* The lowest free place within [low, high), 0 if none (page 0 of a PC is not
 * free for placing, so 0 is never an answer). */
static uint64_t lowest_in(const struct guest_memory *mem, uint64_t size, uint64_t align,
			  uint64_t low, uint64_t high)
{
	uint64_t at = align_up(low ? low : MACHINE_PAGE, align);
	int u;

	while (at < high && size <= high - at) {
		u = find_used(mem, at, size);
		if (u < 0)
			return at;
		at = align_up(mem->used[u].gpa + mem->used[u].size, align);
	}
	return 0;
}

static uint64_t highest_in(const struct guest_memory *mem, uint64_t size, uint64_t align,
			   uint64_t low, uint64_t high)
{
	uint64_t at;
	int u;

	if (!low)
		low = MACHINE_PAGE;
	while (high > low && size <= high - low) {
		at = (high - size) & ~(align - 1);
		if (at < low)
			return 0;
		u = find_used(mem, at, size);
		if (u < 0)
			return at;
		high = mem->used[u].gpa;
	}
	return 0;
}

int guest_place(struct guest_memory *mem, uint64_t size, uint64_t align, uint64_t low,
		uint64_t high, uint64_t *ret_gpa)
{
	unsigned i;

	for (i = 0; i < mem->nram; i++) {
		const struct machine_ram *r = &mem->ram[i];
		uint64_t from = r->gpa > low ? r->gpa : low;
		uint64_t gpa;
		int err;

		if (r->type != MACHINE_RAM)
			continue;
		gpa = lowest_in(mem, size, align, from, min64(r->gpa + r->size, high));
		if (!gpa)
			continue;
		err = guest_claim(mem, gpa, size);
		if (!err)
			*ret_gpa = gpa;
		return err;
	}
	return -ENOMEM;
}

int guest_place_top(struct guest_memory *mem, uint64_t size, uint64_t align, uint64_t low,
		    uint64_t high, uint64_t *ret_gpa)
{
	unsigned i;

	for (i = mem->nram; i-- > 0;) {
		const struct machine_ram *r = &mem->ram[i];
		uint64_t from = r->gpa > low ? r->gpa : low;
		uint64_t gpa;
		int err;

		if (r->type != MACHINE_RAM)
			continue;
		gpa = highest_in(mem, size, align, from, min64(r->gpa + r->size, high));
		if (!gpa)
			continue;
		err = guest_claim(mem, gpa, size);
		if (!err)
			*ret_gpa = gpa;
		return err;
	}
	return -ENOMEM;
}
