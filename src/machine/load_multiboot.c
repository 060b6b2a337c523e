/* SPDX-License-Identifier: GPL-2.0-only */
/* The Multiboot specification 0.6.96; ELF from the System V ABI. */
#include "boot.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "image.h"

#define HEADER_SEARCH	8192u	/* the header lies within the first 8 KiB, at 4 bytes */
#define HEADER_SIZE	12u
#define ADDRESSES_SIZE	32u	/* with the address fields */
#define MAGIC		0x1badb002u
#define MAGIC_EAX	0x2badb002u
#define FLAG_PAGE_ALIGN	0x00000001u
#define FLAG_MEMORY	0x00000002u
#define FLAGS_REQUIRED	0x0000ffffu	/* those a loader must not ignore */
#define FLAG_ADDRESSES	0x00010000u
#define MAX_PHDRS	64

enum { INFO_FLAGS = 0, INFO_LOWER = 4, INFO_UPPER = 8, INFO_CMDLINE = 16, INFO_MODS_COUNT = 20,
       INFO_MODS = 24, INFO_MMAP_LENGTH = 44, INFO_MMAP = 48, INFO_NAME = 64, INFO_SIZE = 120 };
enum { HAS_MEMORY = 0x001, HAS_CMDLINE = 0x004, HAS_MODS = 0x008, HAS_MMAP = 0x040,
       HAS_NAME = 0x200 };
enum { MOD_SIZE = 16, MMAP_SIZE = 24 };

static const char loader_name[] = "vmmtrace";

struct program {
	struct image img;
	uint8_t head[HEADER_SEARCH];
	uint64_t have;		/* bytes in head */
	uint64_t header;	/* offset of the multiboot header */
	uint32_t flags;
	uint64_t entry;
};

static int find_header(struct program *p, char msg[MACHINE_MSG])
{
	const uint8_t *h;
	uint64_t at;
	int err;

	p->have = p->img.size < HEADER_SEARCH ? p->img.size : HEADER_SEARCH;
	err = image_read(&p->img, 0, p->head, p->have, msg);
	if (err)
		return err;
	for (at = 0; at + HEADER_SIZE <= p->have; at += 4) {
		h = p->head + at;
		if (get32(h) != MAGIC || get32(h) + get32(h + 4) + get32(h + 8) != 0)
			continue;
		p->header = at;
		p->flags = get32(h + 4);
		return 0;
	}
	return boot_fail(msg, -ENOEXEC, "%s: not a multiboot image (no header in its first 8 KiB)",
			 p->img.path);
}

/* Where the header says: for files that are not ELF. */
static int load_by_addresses(struct program *p, struct guest_memory *mem, char msg[MACHINE_MSG])
{
	const uint8_t *h = p->head + p->header;
	uint64_t header_addr, load, load_end, bss_end, skip, size;

	if (p->header + ADDRESSES_SIZE > p->have)
		return boot_fail(msg, -EINVAL, "%s: truncated: it ends in the multiboot header; "
				 "copy it again", p->img.path);
	header_addr = get32(h + 12);
	load = get32(h + 16);
	load_end = get32(h + 20);
	bss_end = get32(h + 24);
	p->entry = get32(h + 28);
	if (load > header_addr || header_addr - load > p->header)
		goto damaged;
	skip = p->header - (header_addr - load);
	size = load_end ? load_end - load : p->img.size - skip;
	if (load_end && load_end <= load)
		goto damaged;
	if (!bss_end)
		bss_end = load + size;
	if (bss_end < load + size)
		goto damaged;
	return image_load(&p->img, mem, skip, size, load, bss_end - load, msg);
damaged:
	return boot_fail(msg, -EINVAL, "%s: addresses in the multiboot header contradict each "
			 "other; is the file damaged?", p->img.path);
}

/* A program header, of either class. */
struct segment {
	uint32_t type;
	uint64_t offset, vaddr, paddr, filesz, memsz;
};

static struct segment parse_segment(const uint8_t *h, bool is64)
{
	struct segment s = { .type = get32(h) };

	if (is64) {
		s.offset = get64(h + offsetof(Elf64_Phdr, p_offset));
		s.vaddr = get64(h + offsetof(Elf64_Phdr, p_vaddr));
		s.paddr = get64(h + offsetof(Elf64_Phdr, p_paddr));
		s.filesz = get64(h + offsetof(Elf64_Phdr, p_filesz));
		s.memsz = get64(h + offsetof(Elf64_Phdr, p_memsz));
	} else {
		s.offset = get32(h + offsetof(Elf32_Phdr, p_offset));
		s.vaddr = get32(h + offsetof(Elf32_Phdr, p_vaddr));
		s.paddr = get32(h + offsetof(Elf32_Phdr, p_paddr));
		s.filesz = get32(h + offsetof(Elf32_Phdr, p_filesz));
		s.memsz = get32(h + offsetof(Elf32_Phdr, p_memsz));
	}
	return s;
}

static int load_segment(struct program *p, struct guest_memory *mem, const struct segment *s,
			uint64_t elf_entry, char msg[MACHINE_MSG])
{
	if (s->type != PT_LOAD || !s->memsz)
		return 0;
	if (s->filesz > s->memsz)
		return boot_fail(msg, -EINVAL, "%s: ELF segment larger in the file than in memory; "
				 "is the file damaged?", p->img.path);
	/* The entry point is a virtual address, entered at its physical one. */
	if (elf_entry >= s->vaddr && elf_entry - s->vaddr < s->memsz)
		p->entry = s->paddr + (elf_entry - s->vaddr);
	return image_load(&p->img, mem, s->offset, s->filesz, s->paddr, s->memsz, msg);
}

static int load_elf(struct program *p, struct guest_memory *mem, char msg[MACHINE_MSG])
{
	bool is64 = p->head[EI_CLASS] == ELFCLASS64;
	const uint8_t *h = p->head;
	uint64_t entry, phoff, count, size, i;
	uint8_t phdr[sizeof(Elf64_Phdr)];
	struct segment s;
	int err;

	if (p->have < (is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
		return boot_fail(msg, -EINVAL, "%s: truncated: it ends in the ELF header; copy it "
				 "again", p->img.path);
	entry = is64 ? get64(h + offsetof(Elf64_Ehdr, e_entry))
		     : get32(h + offsetof(Elf32_Ehdr, e_entry));
	phoff = is64 ? get64(h + offsetof(Elf64_Ehdr, e_phoff))
		     : get32(h + offsetof(Elf32_Ehdr, e_phoff));
	size = get16(h + (is64 ? offsetof(Elf64_Ehdr, e_phentsize)
			       : offsetof(Elf32_Ehdr, e_phentsize)));
	count = get16(h + (is64 ? offsetof(Elf64_Ehdr, e_phnum) : offsetof(Elf32_Ehdr, e_phnum)));
	if (size != (is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) || !count ||
	    count > MAX_PHDRS || phoff > p->img.size)
		return boot_fail(msg, -EINVAL, "%s: ELF program headers of a wrong size or number; "
				 "is the file damaged?", p->img.path);
	p->entry = entry;
	for (i = 0; i < count; i++) {
		err = image_read(&p->img, phoff + i * size, phdr, size, msg);
		if (err)
			return err;
		s = parse_segment(phdr, is64);
		err = load_segment(p, mem, &s, entry, msg);
		if (err)
			return err;
	}
	return 0;
}

static bool is_elf(const struct program *p)
{
	return p->have > EI_DATA && !memcmp(p->head, ELFMAG, SELFMAG) &&
	       (p->head[EI_CLASS] == ELFCLASS32 || p->head[EI_CLASS] == ELFCLASS64) &&
	       p->head[EI_DATA] == ELFDATA2LSB;
}

static int load_program(struct program *p, struct guest_memory *mem, char msg[MACHINE_MSG])
{
	uint32_t unknown = p->flags & FLAGS_REQUIRED & ~(FLAG_PAGE_ALIGN | FLAG_MEMORY);
	int err;

	if (unknown)
		return boot_fail(msg, -ENOTSUP, "%s: demands multiboot features 0x%x, which are "
				 "not there (only memory map and aligned modules are)", p->img.path,
				 unknown);
	if (p->flags & FLAG_ADDRESSES)
		err = load_by_addresses(p, mem, msg);
	else if (is_elf(p))
		err = load_elf(p, mem, msg);
	else
		return boot_fail(msg, -ENOEXEC, "%s: multiboot header without addresses, and not "
				 "an ELF file; link it as ELF", p->img.path);
	if (err)
		return err;
	if (p->entry > UINT32_MAX || !guest_ptr(mem, p->entry, 1))
		return boot_fail(msg, -EINVAL, "%s: entry point 0x%llx is not in memory; is the "
				 "file damaged?", p->img.path, (unsigned long long)p->entry);
	return 0;
}

/* ---- the information the program is started with ---- */

struct info {
	struct guest_memory *mem;
	uint64_t gpa;
	uint8_t *p;
	const char *path;
};

/* size bytes below 4 GiB for it, cleared; NULL and a message if there is no room. */
static uint8_t *info_place(struct info *info, uint64_t size, uint64_t *ret_gpa,
			   char msg[MACHINE_MSG])
{
	uint8_t *p;

	if (guest_place(info->mem, size, 16, 0, MACHINE_4G, ret_gpa)) {
		boot_fail(msg, -ENOMEM, "%s: no room for its boot information; give the guest more "
			  "memory", info->path);
		return NULL;
	}
	p = guest_ptr(info->mem, *ret_gpa, size);
	memset(p, 0, size);
	return p;
}

static int info_string(struct info *info, const char *text, uint64_t *ret_gpa,
		       char msg[MACHINE_MSG])
{
	uint64_t len = strlen(text);
	uint8_t *p = info_place(info, len + 1, ret_gpa, msg);

	if (!p)
		return -ENOMEM;
	memcpy(p, text, len);
	return 0;
}

/* "FILE ARGS": the file is page-aligned in memory, the whole its string. */
static int load_module(struct info *info, const char *module, uint8_t *entry,
		       char msg[MACHINE_MSG])
{
	struct image img = IMAGE_NONE;
	size_t len = strcspn(module, " ");
	char path[PATH_MAX];
	uint64_t gpa, text;
	int err;

	if (len >= sizeof(path))
		return boot_fail(msg, -ENAMETOOLONG, "multiboot module: file name too long");
	memcpy(path, module, len);
	path[len] = '\0';
	err = image_open(&img, path, msg);
	if (err)
		return err;
	if (guest_place(info->mem, img.size, MACHINE_PAGE, MACHINE_HIGH_START, MACHINE_4G, &gpa)) {
		err = boot_fail(msg, -ENOMEM, "%s: module of %llu KiB does not fit into the "
				"guest's memory; give it more", path,
				(unsigned long long)(img.size + 1023) >> 10);
		goto out;
	}
	err = image_read(&img, 0, guest_ptr(info->mem, gpa, img.size), img.size, msg);
	if (!err)
		err = info_string(info, module, &text, msg);
	if (err)
		goto out;
	put32(entry, gpa);
	put32(entry + 4, gpa + img.size);
	put32(entry + 8, text);
out:
	image_close(&img);
	return err;
}

static int info_modules(struct info *info, const char *const *modules, unsigned n,
			char msg[MACHINE_MSG])
{
	uint64_t gpa;
	uint8_t *list;
	unsigned i;
	int err;

	if (!n)
		return 0;
	if (n > GUEST_MAX_USED / 4)
		return boot_fail(msg, -E2BIG, "%u multiboot modules; at most %u are taken", n,
				 GUEST_MAX_USED / 4);
	list = info_place(info, n * MOD_SIZE, &gpa, msg);
	if (!list)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		err = load_module(info, modules[i], list + i * MOD_SIZE, msg);
		if (err)
			return err;
	}
	put32(info->p + INFO_MODS_COUNT, n);
	put32(info->p + INFO_MODS, gpa);
	put32(info->p + INFO_FLAGS, get32(info->p + INFO_FLAGS) | HAS_MODS);
	return 0;
}

static int info_memory(struct info *info, char msg[MACHINE_MSG])
{
	const struct guest_memory *mem = info->mem;
	uint64_t low = guest_ram_end(mem, 0), high = guest_ram_end(mem, MACHINE_HIGH_START), gpa;
	uint8_t *map = info_place(info, mem->nram * MMAP_SIZE, &gpa, msg);
	unsigned i;

	if (!map)
		return -ENOMEM;
	for (i = 0; i < mem->nram; i++, map += MMAP_SIZE) {
		put32(map, MMAP_SIZE - 4);
		put64(map + 4, mem->ram[i].gpa);
		put64(map + 12, mem->ram[i].size);
		put32(map + 20, mem->ram[i].type == MACHINE_RAM ? 1 : 2);
	}
	put32(info->p + INFO_LOWER, low >> 10);
	put32(info->p + INFO_UPPER, high ? (high - MACHINE_HIGH_START) >> 10 : 0);
	put32(info->p + INFO_MMAP_LENGTH, mem->nram * MMAP_SIZE);
	put32(info->p + INFO_MMAP, gpa);
	put32(info->p + INFO_FLAGS, get32(info->p + INFO_FLAGS) | HAS_MEMORY | HAS_MMAP);
	return 0;
}

static int info_strings(struct info *info, const char *cmdline, char msg[MACHINE_MSG])
{
	uint64_t text, name;
	int err;

	err = info_string(info, cmdline, &text, msg);
	if (!err)
		err = info_string(info, loader_name, &name, msg);
	if (err)
		return err;
	put32(info->p + INFO_CMDLINE, text);
	put32(info->p + INFO_NAME, name);
	put32(info->p + INFO_FLAGS, get32(info->p + INFO_FLAGS) | HAS_CMDLINE | HAS_NAME);
	return 0;
}

int boot_multiboot(struct guest_memory *mem, const char *kernel, const char *cmdline,
		   const char *const *modules, unsigned nmodules, struct boot_state *ret,
		   char msg[MACHINE_MSG])
{
	struct program p = { .img = IMAGE_NONE };
	struct info info = { .mem = mem, .path = kernel };
	struct boot_state s;
	int err;

	err = image_open(&p.img, kernel, msg);
	if (err)
		return err;
	err = find_header(&p, msg);
	if (!err)
		err = load_program(&p, mem, msg);
	if (err)
		goto out;
	info.p = info_place(&info, INFO_SIZE, &info.gpa, msg);
	err = info.p ? info_memory(&info, msg) : -ENOMEM;
	if (!err)
		err = info_strings(&info, cmdline ? cmdline : "", msg);
	if (!err)
		err = info_modules(&info, modules, nmodules, msg);
	if (!err)
		err = boot_enter(mem, BOOT_FLAT32, p.entry, kernel, &s, msg);
	if (err)
		goto out;
	s.gpr[BOOT_RAX] = MAGIC_EAX;
	s.gpr[BOOT_RBX] = info.gpa;
	*ret = s;
out:
	image_close(&p.img);
	return err;
}
