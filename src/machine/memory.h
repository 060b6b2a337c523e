/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest-physical memory: its layout, and finding room in it for an image. */
#ifndef MACHINE_MEMORY_H
#define MACHINE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_PAGE		4096ull
#define MACHINE_LOW_END		0x000a0000ull	/* 640 KiB */
#define MACHINE_HIGH_START	0x00100000ull	/* 1 MiB */
#define MACHINE_HOLE		0xf0000000ull	/* device addresses, up to 4 GiB */
#define MACHINE_4G		0x100000000ull
/* vmm(4) has no guest-physical addresses from 128 GiB on. */
#define MACHINE_MAX_MEMORY	((128ull << 30) - (MACHINE_4G - MACHINE_HOLE))
#define MACHINE_MAX_RANGES	4
#define MACHINE_MSG		256

enum machine_ram_type {
	MACHINE_RAM,
	MACHINE_RESERVED,	/* backed by memory, but no RAM for the guest */
};

struct machine_ram {
	uint64_t gpa, size;
	void *host;
	enum machine_ram_type type;
};

/*
 * Lay out size bytes as a PC does: RAM below 640 KiB; reserved up to 1 MiB;
 * RAM up to 0xf0000000; what is left from 4 GiB on. Fills ret (host NULL) and
 * *ret_n. -EINVAL with a one-line message in msg if size is 0, not a multiple
 * of 4 KiB or above MACHINE_MAX_MEMORY. The 384 KiB below 1 MiB count as part
 * of size.
 */
int machine_layout(uint64_t size, struct machine_ram ret[MACHINE_MAX_RANGES], unsigned *ret_n,
		   char msg[MACHINE_MSG]);

#define GUEST_MAX_USED 128

/* RAM, and which parts of it a loader has given away. */
struct guest_memory {
	const struct machine_ram *ram;
	unsigned nram;
	struct { uint64_t gpa, size; } used[GUEST_MAX_USED];
	unsigned nused;
};

void guest_memory_init(struct guest_memory *mem, const struct machine_ram *ram, unsigned nram);

/* Host address of [gpa, gpa + size), NULL unless all of it is RAM. */
void *guest_ptr(const struct guest_memory *mem, uint64_t gpa, uint64_t size);

/* Claim exactly these bytes. -EFAULT not all RAM, -EEXIST claimed already,
 * -ENOSPC too many claims. size 0 succeeds and claims nothing. */
int guest_claim(struct guest_memory *mem, uint64_t gpa, uint64_t size);

/* Claim size bytes (not 0) at the lowest address that is a multiple of align
 * (a power of 2) within [low, high). -ENOMEM if there is no such place. */
int guest_place(struct guest_memory *mem, uint64_t size, uint64_t align, uint64_t low,
		uint64_t high, uint64_t *ret_gpa);

/* The same at the highest such address. */
int guest_place_top(struct guest_memory *mem, uint64_t size, uint64_t align, uint64_t low,
		    uint64_t high, uint64_t *ret_gpa);

/* End of the RAM range that gpa lies in, 0 if it is in none. */
uint64_t guest_ram_end(const struct guest_memory *mem, uint64_t gpa);

/* Bytes of RAM in all. */
uint64_t guest_ram_size(const struct guest_memory *mem);

#endif /* MACHINE_MEMORY_H */
