/* SPDX-License-Identifier: GPL-2.0-only */
/* Image files, read with bounds checks. By read, not mmap: a file that shrinks
 * meanwhile is an error, not a signal. */
#ifndef MACHINE_IMAGE_H
#define MACHINE_IMAGE_H

#include <stdint.h>

#include "memory.h"

struct image {
	const char *path;
	int fd;
	uint64_t size;
};

#define IMAGE_NONE { .fd = -1 }

/* Format msg and return err. */
int boot_fail(char msg[MACHINE_MSG], int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Open a regular file that is not empty. */
int image_open(struct image *img, const char *path, char msg[MACHINE_MSG]);
void image_close(struct image *img);

/* Read exactly len bytes from offset. -EINVAL if the file does not have them. */
int image_read(const struct image *img, uint64_t offset, void *buf, uint64_t len,
	       char msg[MACHINE_MSG]);

/* Claim [gpa, gpa + memsize) and load the first filesize bytes of it from
 * offset; the rest becomes 0. filesize must not be above memsize. */
int image_load(const struct image *img, struct guest_memory *mem, uint64_t offset,
	       uint64_t filesize, uint64_t gpa, uint64_t memsize, char msg[MACHINE_MSG]);

/* Little-endian fields of an image. */
static inline uint16_t get16(const void *p)
{
	const uint8_t *b = p;

	return b[0] | b[1] << 8;
}

static inline uint32_t get32(const void *p)
{
	const uint8_t *b = p;

	return get16(b) | (uint32_t)get16(b + 2) << 16;
}

static inline uint64_t get64(const void *p)
{
	const uint8_t *b = p;

	return get32(b) | (uint64_t)get32(b + 4) << 32;
}

static inline void put32(void *p, uint32_t v)
{
	uint8_t *b = p;

	b[0] = v;
	b[1] = v >> 8;
	b[2] = v >> 16;
	b[3] = v >> 24;
}

static inline void put64(void *p, uint64_t v)
{
	put32(p, v);
	put32((uint8_t *)p + 4, v >> 32);
}

#endif /* MACHINE_IMAGE_H */
