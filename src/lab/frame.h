/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The byte stream from an emulated host's init to `vmmtrace lab`.
 *
 * The init writes frames to I/O port 0xE9, which both emulators copy to their standard output.
 * The emulator may print lines of its own there, so a frame has a magic number and a checksum,
 * and a sequence number shows when one is missing. Integers are little-endian (x86 on both sides).
 *
 * A byte through the port costs a system call (0.7 MB/s on QEMU, 0.4 on Bochs). So the payloads go
 * through a window instead, and only the headers through the port. The window is our memory: QEMU
 * has it as the memory of an ivshmem PCI device, Bochs as the image of a disk, an ATA one on the
 * second channel. Payload number n lies in slot n modulo LAB_WINDOW_SLOTS. A slot cannot be
 * written again before it was read: standard output is a pipe, and when the pipe is full of
 * headers the emulated processor stands still in its OUT instruction. Nothing flows back to the
 * emulated host, so what it does never depends on the reader's speed.
 */
#ifndef VMMTRACE_LAB_FRAME_H
#define VMMTRACE_LAB_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define LAB_FRAME_PORT	0xe9
#define LAB_FRAME_MAGIC	0x8c4d569bU
#define LAB_FRAME_MAX	16384U	/* payload bytes */

#define LAB_WINDOW_SLOTS	4096U	/* of LAB_FRAME_MAX bytes each */
#define LAB_WINDOW_SIZE		(LAB_WINDOW_SLOTS * LAB_FRAME_MAX)
#define LAB_WINDOW_VENDOR	"0x1af4"
#define LAB_WINDOW_DEVICE	"0x1110"

/* The same as a disk. */
#define LAB_DISK_PORT		0x170	/* the channel's registers, and its control register */
#define LAB_DISK_CONTROL	0x376
#define LAB_DISK_SECTOR		512U
#define LAB_DISK_SECTORS	32U	/* a track, also a slot */
#define LAB_DISK_HEADS		16U
#define LAB_DISK_CYLINDERS	(LAB_WINDOW_SLOTS / LAB_DISK_HEADS)

/* The pipe's capacity and the reader's buffer, in bytes: together fewer headers than slots. */
#define LAB_PIPE_SIZE	65536U
#define LAB_READ_SIZE	8192U

enum lab_frame_type {
	LAB_FRAME_READY = 1,	/* the command starts now; no payload. Numbers begin at 0 here */
	LAB_FRAME_STDOUT,	/* bytes of the command's standard output */
	LAB_FRAME_STDERR,	/* bytes of its standard error */
	LAB_FRAME_DIR,		/* struct lab_frame_file and a path relative to /out */
	LAB_FRAME_FILE,		/* the same for a regular file; DATA frames and an END follow */
	LAB_FRAME_DATA,
	LAB_FRAME_END,
	LAB_FRAME_SKIPPED,	/* a path under /out that is neither file nor directory */
	LAB_FRAME_FAIL,		/* text: why the init could not run the command */
	LAB_FRAME_STATUS,	/* uint32_t: the command's exit status, as a shell reports it */
};

struct lab_frame {
	uint32_t magic;
	uint16_t type;
	uint16_t seq;
	uint32_t length;	/* bytes of payload */
	uint32_t slot;		/* of the window, where the payload lies; LAB_FRAME_INLINE: it follows */
	uint32_t sum;		/* lab_frame_sum() of this header, sum taken as 0, and the payload */
};

#define LAB_FRAME_INLINE 0xffffffffU

_Static_assert((LAB_PIPE_SIZE + LAB_READ_SIZE) / sizeof(struct lab_frame) + 2 < LAB_WINDOW_SLOTS,
	       "a slot of the window could be written again before it was read");

_Static_assert(LAB_DISK_SECTORS * LAB_DISK_SECTOR == LAB_FRAME_MAX, "a slot is no track");

struct lab_frame_file {
	uint32_t mode;		/* permission bits */
	uint32_t pad;
	uint64_t size;		/* bytes; 0 for a directory */
};

/* FNV-1a, 32 bits; start a sum with LAB_FRAME_SUM_INIT. */
#define LAB_FRAME_SUM_INIT 0x811c9dc5U

static inline uint32_t lab_frame_sum(uint32_t sum, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len--)
		sum = (sum ^ *p++) * 0x01000193U;
	return sum;
}

#endif
