/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux' Documentation/x86/boot.rst and zero-page.rst, 64-bit boot protocol. */
#include "boot.h"

#include <errno.h>
#include <string.h>

#include "image.h"

#define SECTOR		512ull

/* Setup header fields: offsets in the file and in the zero page alike. */
enum {
	SETUP_SECTS = 0x1f1, SYSSIZE = 0x1f4, VID_MODE = 0x1fa, BOOT_FLAG = 0x1fe,
	JUMP_LENGTH = 0x201, HEADER = 0x202, VERSION = 0x206, TYPE_OF_LOADER = 0x210,
	LOADFLAGS = 0x211, RAMDISK_IMAGE = 0x218, RAMDISK_SIZE = 0x21c, CMD_LINE_PTR = 0x228,
	INITRD_ADDR_MAX = 0x22c, XLOADFLAGS = 0x236, CMDLINE_SIZE = 0x238,
	PREF_ADDRESS = 0x258, INIT_SIZE = 0x260,
	HEADER_SPACE = 0x290,	/* end of the room for it in the zero page */
};
/* The rest of the zero page. */
enum { E820_ENTRIES = 0x1e8, E820_TABLE = 0x2d0, E820_ENTRY = 20 };

#define MAGIC_FLAG	0xaa55
#define MAGIC_HDRS	0x53726448	/* "HdrS" */
#define VERSION_MIN	0x020c		/* 2.12: xloadflags */
#define LOADED_HIGH	0x01
#define XLF_KERNEL_64	0x01
#define LOADER_UNDEFINED 0xff
#define ENTRY_64	0x200
#define VIDEO_NORMAL	0xffff

struct kernel {
	struct image img;
	uint8_t setup[HEADER_SPACE];
	uint64_t header_end;	/* of the setup header */
	uint64_t code_at;	/* offset in the file of the protected-mode kernel */
	uint64_t code_size;
	uint64_t run_size;	/* memory it needs while it starts */
	uint64_t gpa;		/* where it was loaded */
};

static int read_header(struct kernel *k, char msg[MACHINE_MSG])
{
	const char *path = k->img.path;
	uint64_t have = k->img.size < HEADER_SPACE ? k->img.size : HEADER_SPACE;
	unsigned version;
	int err;

	err = image_read(&k->img, 0, k->setup, have, msg);
	if (err)
		return err;
	if (get16(k->setup + BOOT_FLAG) != MAGIC_FLAG || get32(k->setup + HEADER) != MAGIC_HDRS)
		return boot_fail(msg, -ENOEXEC, "%s: not a Linux kernel image (no boot header); "
				 "name a bzImage, such as /boot/vmlinuz-*", path);
	version = get16(k->setup + VERSION);
	if (version < VERSION_MIN)
		return boot_fail(msg, -ENOEXEC, "%s: boot protocol %u.%02u is too old; use a "
				 "kernel of 2.12 or later (Linux 3.8)", path,
				 version >> 8, version & 0xff);
	if (have < HEADER_SPACE)
		return boot_fail(msg, -EINVAL, "%s: truncated: it ends in the boot header; copy it "
				 "again", path);
	k->header_end = HEADER + k->setup[JUMP_LENGTH];
	if (k->header_end < INIT_SIZE + 4 || k->header_end > HEADER_SPACE)
		return boot_fail(msg, -EINVAL, "%s: boot header of a wrong length; is the file "
				 "damaged?", path);
	if (!(k->setup[LOADFLAGS] & LOADED_HIGH) ||
	    !(get16(k->setup + XLOADFLAGS) & XLF_KERNEL_64))
		return boot_fail(msg, -ENOEXEC, "%s: kernel without 64-bit entry; use an x86-64 "
				 "kernel", path);
	return 0;
}

static int read_sizes(struct kernel *k, char msg[MACHINE_MSG])
{
	const char *path = k->img.path;
	unsigned sectors = k->setup[SETUP_SECTS];

	k->code_at = SECTOR * ((sectors ? sectors : 4) + 1);
	k->code_size = 16ull * get32(k->setup + SYSSIZE);
	k->run_size = get32(k->setup + INIT_SIZE);
	if (k->code_size <= ENTRY_64)
		return boot_fail(msg, -EINVAL, "%s: kernel of %llu bytes by its header; is the "
				 "file damaged?", path, (unsigned long long)k->code_size);
	if (k->code_at + k->code_size > k->img.size)
		return boot_fail(msg, -EINVAL, "%s: truncated: %llu bytes, its header says %llu; "
				 "copy it again", path, (unsigned long long)k->img.size,
				 (unsigned long long)(k->code_at + k->code_size));
	if (k->run_size < k->code_size)
		k->run_size = k->code_size;
	return 0;
}

/* At its preferred address: a relocatable kernel can run further up, but moves
 * itself up to there when it is loaded below. */
static int load_code(struct kernel *k, struct guest_memory *mem, char msg[MACHINE_MSG])
{
	k->gpa = get64(k->setup + PREF_ADDRESS);
	if (k->gpa >= MACHINE_4G)
		return boot_fail(msg, -EINVAL, "%s: wants to be loaded at 0x%llx; only kernels for "
				 "below 4 GiB are supported", k->img.path,
				 (unsigned long long)k->gpa);
	if (guest_claim(mem, k->gpa, k->run_size))
		return boot_fail(msg, -ENOMEM, "%s: needs %llu MiB of memory, the guest has %llu "
				 "MiB; give it more memory", k->img.path,
				 (unsigned long long)((k->gpa + k->run_size) >> 20) + 1,
				 (unsigned long long)guest_ram_size(mem) >> 20);
	return image_read(&k->img, k->code_at, guest_ptr(mem, k->gpa, k->run_size), k->code_size,
			  msg);
}

static int load_initrd(const struct kernel *k, struct guest_memory *mem, const char *path,
		       uint8_t *zero, char msg[MACHINE_MSG])
{
	uint64_t max = (uint64_t)get32(k->setup + INITRD_ADDR_MAX) + 1, gpa;
	struct image img = IMAGE_NONE;
	int err = image_open(&img, path, msg);

	if (err)
		return err;
	err = guest_place_top(mem, img.size, MACHINE_PAGE, MACHINE_HIGH_START, max, &gpa);
	if (err || img.size > UINT32_MAX) {
		err = boot_fail(msg, -ENOMEM, "%s: initrd of %llu MiB does not fit into %llu MiB "
				"of memory beside the kernel; give the guest more memory", path,
				(unsigned long long)(img.size >> 20) + 1,
				(unsigned long long)guest_ram_size(mem) >> 20);
		goto out;
	}
	err = image_read(&img, 0, guest_ptr(mem, gpa, img.size), img.size, msg);
	if (err)
		goto out;
	put32(zero + RAMDISK_IMAGE, gpa);
	put32(zero + RAMDISK_SIZE, img.size);
out:
	image_close(&img);
	return err;
}

static int load_cmdline(const struct kernel *k, struct guest_memory *mem, const char *cmdline,
			uint8_t *zero, char msg[MACHINE_MSG])
{
	uint64_t len = strlen(cmdline), max = get32(k->setup + CMDLINE_SIZE), gpa;

	if (len > max)
		return boot_fail(msg, -E2BIG, "kernel command line of %llu bytes; %s takes at most "
				 "%llu", (unsigned long long)len, k->img.path,
				 (unsigned long long)max);
	if (guest_place(mem, len + 1, MACHINE_PAGE, 0, MACHINE_LOW_END, &gpa))
		return boot_fail(msg, -ENOMEM, "no room for a command line of %llu bytes; give the "
				 "guest more memory", (unsigned long long)len);
	memcpy(guest_ptr(mem, gpa, len + 1), cmdline, len + 1);
	put32(zero + CMD_LINE_PTR, gpa);
	return 0;
}

static void write_e820(const struct guest_memory *mem, uint8_t *zero)
{
	uint8_t *entry = zero + E820_TABLE;
	unsigned i;

	zero[E820_ENTRIES] = mem->nram;
	for (i = 0; i < mem->nram; i++, entry += E820_ENTRY) {
		put64(entry, mem->ram[i].gpa);
		put64(entry + 8, mem->ram[i].size);
		put32(entry + 16, mem->ram[i].type == MACHINE_RAM ? 1 : 2);
	}
}

static int fill_zero_page(const struct kernel *k, struct guest_memory *mem, uint64_t *ret_gpa,
			  uint8_t **ret_zero, char msg[MACHINE_MSG])
{
	uint8_t *zero;

	if (guest_place(mem, MACHINE_PAGE, MACHINE_PAGE, 0, MACHINE_LOW_END, ret_gpa))
		return boot_fail(msg, -ENOMEM, "%s: no room for its boot parameters; give the "
				 "guest more memory", k->img.path);
	zero = guest_ptr(mem, *ret_gpa, MACHINE_PAGE);
	memset(zero, 0, MACHINE_PAGE);
	memcpy(zero + SETUP_SECTS, k->setup + SETUP_SECTS, k->header_end - SETUP_SECTS);
	zero[TYPE_OF_LOADER] = LOADER_UNDEFINED;
	zero[VID_MODE] = VIDEO_NORMAL & 0xff;
	zero[VID_MODE + 1] = VIDEO_NORMAL >> 8;
	put32(zero + RAMDISK_IMAGE, 0);
	put32(zero + RAMDISK_SIZE, 0);
	write_e820(mem, zero);
	*ret_zero = zero;
	return 0;
}

int boot_bzimage(struct guest_memory *mem, const char *kernel, const char *initrd,
		 const char *cmdline, struct boot_state *ret, char msg[MACHINE_MSG])
{
	struct kernel k = { .img = IMAGE_NONE };
	struct boot_state s;
	uint64_t zero_gpa = 0;
	uint8_t *zero = NULL;
	int err;

	err = image_open(&k.img, kernel, msg);
	if (!err)
		err = read_header(&k, msg);
	if (!err)
		err = read_sizes(&k, msg);
	if (!err)
		err = load_code(&k, mem, msg);
	if (!err)
		err = fill_zero_page(&k, mem, &zero_gpa, &zero, msg);
	if (!err)
		err = load_cmdline(&k, mem, cmdline ? cmdline : "", zero, msg);
	if (!err && initrd)
		err = load_initrd(&k, mem, initrd, zero, msg);
	if (!err)
		err = boot_enter(mem, BOOT_FLAT64, k.gpa + ENTRY_64, kernel, &s, msg);
	if (!err) {
		s.gpr[BOOT_RSI] = zero_gpa;
		*ret = s;
	}
	image_close(&k.img);
	return err;
}
