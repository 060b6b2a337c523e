/* SPDX-License-Identifier: GPL-2.0-only */
/* The multiboot loader, with images made here: good, cut off at every byte, and
 * damaged at every byte. */
#include "machine_boot_test.h"

/* An ELF file: its header, one program header, a multiboot header, code. */
#define ELF_FILE 0x200

static void multiboot_header(uint8_t *h, uint32_t flags)
{
	put32(h, 0x1badb002);
	put32(h + 4, flags);
	put32(h + 8, -(0x1badb002 + flags));
}

static void make_elf32(uint8_t *p)
{
	memset(p, 0, ELF_FILE);
	memcpy(p, "\177ELF\1\1\1", 7);
	p[16] = 2;
	p[18] = 3;
	p[20] = 1;
	put32(p + 24, 0xc0100104);	/* entry, virtual */
	put32(p + 28, 0x34);
	p[42] = 32;
	p[44] = 1;
	put32(p + 0x34, 1);
	put32(p + 0x38, 0x100);		/* offset */
	put32(p + 0x3c, 0xc0100100);	/* vaddr */
	put32(p + 0x40, 0x100100);	/* paddr */
	put32(p + 0x44, 0x100);		/* filesz */
	put32(p + 0x48, 0x300);		/* memsz */
	multiboot_header(p + 0x80, 0x00000003);
	memset(p + 0x100, 0x90, 0x100);
}

static void make_elf64(uint8_t *p)
{
	memset(p, 0, ELF_FILE);
	memcpy(p, "\177ELF\2\1\1", 7);
	p[16] = 2;
	p[18] = 62;
	p[20] = 1;
	put64(p + 24, 0x100104);
	put64(p + 32, 0x40);
	p[54] = 56;
	p[56] = 1;
	put32(p + 0x40, 1);
	put64(p + 0x48, 0x100);
	put64(p + 0x50, 0x100100);
	put64(p + 0x58, 0x100100);
	put64(p + 0x60, 0x100);
	put64(p + 0x68, 0x300);
	multiboot_header(p + 0x80, 0);
	memset(p + 0x100, 0x90, 0x100);
}

/* No ELF: the header says where. */
static void make_kludge(uint8_t *p)
{
	memset(p, 0x90, ELF_FILE);
	multiboot_header(p + 0x80, 0x00010002);
	put32(p + 0x8c, 0x110080);	/* header_addr */
	put32(p + 0x90, 0x110010);	/* load_addr: 0x10 into the file */
	put32(p + 0x94, 0x110100);	/* load_end_addr */
	put32(p + 0x98, 0x110800);	/* bss_end_addr */
	put32(p + 0x9c, 0x110040);	/* entry_addr */
}

static void boots_elf(const uint8_t *p)
{
	struct boot_state s;
	struct guest g;
	uint8_t *code;

	write_file(path, p, ELF_FILE);
	guest_make(&g, 4 * MIB);
	assert_int_equal(boot_multiboot(&g.mem, path, "a b", NULL, 0, &s, g.msg), 0);
	assert_int_equal(s.rip, 0x100104);
	code = guest_ptr(&g.mem, 0x100100, 0x300);
	assert_int_equal(code[0], 0x90);
	assert_int_equal(code[0xff], 0x90);
	assert_int_equal(code[0x100], 0);	/* bss is cleared */
	assert_int_equal(code[0x2ff], 0);
	guest_free(&g);
}

static void multiboot_elf(void **state)
{
	uint8_t p[ELF_FILE];

	make_elf32(p);
	boots_elf(p);
	make_elf64(p);
	boots_elf(p);
	/* Segments that are not for loading are left alone, whatever they say. */
	make_elf32(p);
	p[44] = 2;
	memcpy(p + 0x54, p + 0x34, 32);
	p[0x54] = 4;
	put32(p + 0x58, 0xffffff00);
	boots_elf(p);
}

static void multiboot_addresses(void **state)
{
	struct boot_state s;
	uint8_t p[ELF_FILE], *code;
	struct guest g;

	make_kludge(p);
	write_file(path, p, ELF_FILE);
	guest_make(&g, 4 * MIB);
	assert_int_equal(boot_multiboot(&g.mem, path, NULL, NULL, 0, &s, g.msg), 0);
	assert_int_equal(s.rip, 0x110040);
	code = guest_ptr(&g.mem, 0x110010, 0x7f0);
	assert_memory_equal(code, p + 0x10, 0xf0);
	assert_int_equal(code[0xf0], 0);
	guest_free(&g);
	/* load_end 0: to the end of the file; bss_end 0: no bss. */
	put32(p + 0x94, 0);
	put32(p + 0x98, 0);
	write_file(path, p, ELF_FILE);
	guest_make(&g, 4 * MIB);
	assert_int_equal(boot_multiboot(&g.mem, path, NULL, NULL, 0, &s, g.msg), 0);
	assert_memory_equal(guest_ptr(&g.mem, 0x110010, ELF_FILE - 0x10), p + 0x10,
			    ELF_FILE - 0x10);
	guest_free(&g);
}

/* What the program finds: EAX, EBX, the machine state and the information. */
static void multiboot_state(void **state)
{
	char module[64], module2[64];
	const char *modules[] = { module, module2 };
	struct boot_state s;
	uint8_t p[ELF_FILE], *info, *m;
	struct guest g;

	make_elf32(p);
	write_file(path, p, ELF_FILE);
	write_file(path2, "module data", 11);
	snprintf(module, sizeof(module), "%s first arg", path2);
	snprintf(module2, sizeof(module2), "%s", path2);
	guest_make(&g, 4 * MIB);
	assert_int_equal(boot_multiboot(&g.mem, path, "kernel x=1", modules, 2, &s, g.msg), 0);
	assert_int_equal(s.gpr[BOOT_RAX], 0x2badb002);
	assert_int_equal(s.cr0 & 0x80000001, 1);
	assert_int_equal(s.rflags & 0x20200, 0);
	assert_int_equal(s.seg[BOOT_CS].ar, 0xc09b);
	assert_int_equal(s.seg[BOOT_CS].limit, 0xffffffff);
	assert_int_equal(s.seg[BOOT_DS].ar, 0xc093);
	info = guest_ptr(&g.mem, s.gpr[BOOT_RBX], 120);
	assert_non_null(info);
	assert_int_equal(get32(info) & 0x24d, 0x24d);
	assert_int_equal(get32(info + 4), 640);
	assert_int_equal(get32(info + 8), 3072);
	assert_string_equal(guest_ptr(&g.mem, get32(info + 16), 11), "kernel x=1");
	assert_int_equal(get32(info + 20), 2);
	m = guest_ptr(&g.mem, get32(info + 24), 32);
	assert_int_equal(get32(m) % 4096, 0);
	assert_int_equal(get32(m + 4) - get32(m), 11);
	assert_memory_equal(guest_ptr(&g.mem, get32(m), 11), "module data", 11);
	assert_string_equal(guest_ptr(&g.mem, get32(m + 8), strlen(module) + 1), module);
	assert_memory_equal(guest_ptr(&g.mem, get32(m + 16), 11), "module data", 11);
	assert_int_not_equal(get32(m + 16), get32(m));
	assert_int_equal(get32(info + 44), 3 * 24);
	m = guest_ptr(&g.mem, get32(info + 48), 72);
	assert_int_equal(get32(m), 20);
	assert_int_equal(get64(m + 48 + 4), MIB);
	assert_int_equal(get64(m + 48 + 12), 3 * MIB);
	assert_int_equal(get32(m + 48 + 20), 1);
	assert_int_equal(get32(m + 24 + 20), 2);
	guest_free(&g);
}

static void refuse_multiboot(const uint8_t *p, int err, const char *says)
{
	struct boot_state s;
	struct guest g;

	write_file(path, p, ELF_FILE);
	guest_make(&g, 4 * MIB);
	assert_int_equal(boot_multiboot(&g.mem, path, NULL, NULL, 0, &s, g.msg), err);
	assert_says(&g, says);
	assert_says(&g, path);
	guest_free(&g);
}

static void refuses_bad_multiboot(void **state)
{
	uint8_t p[ELF_FILE];

	make_elf32(p);
	p[0x88] ^= 1;	/* checksum */
	refuse_multiboot(p, -ENOEXEC, "not a multiboot image");
	make_elf32(p);
	multiboot_header(p + 0x80, 0x00000004);	/* wants a video mode */
	refuse_multiboot(p, -ENOTSUP, "features");
	make_elf32(p);
	p[1] = 'X';
	refuse_multiboot(p, -ENOEXEC, "not an ELF file");
	make_elf32(p);
	put32(p + 0x44, 0x400);	/* filesz > memsz */
	refuse_multiboot(p, -EINVAL, "damaged");
	make_elf32(p);
	put32(p + 0x38, 0xffffff00);
	refuse_multiboot(p, -EINVAL, "truncated");
	make_elf32(p);
	put32(p + 0x40, 0xa0000);	/* where there is no RAM */
	refuse_multiboot(p, -ENOMEM, "more memory");
	make_elf32(p);
	put32(p + 0x48, 0xffffffff);
	refuse_multiboot(p, -ENOMEM, "more memory");
	make_elf32(p);
	put32(p + 24, 0x12345678);
	refuse_multiboot(p, -EINVAL, "entry point");
	make_elf32(p);
	p[42] = 31;
	refuse_multiboot(p, -EINVAL, "program headers");
	make_elf32(p);
	p[44] = 2;		/* the second one: zeros, not loaded */
	memcpy(p + 0x54, p + 0x34, 32);	/* ... now the same place twice */
	refuse_multiboot(p, -EINVAL, "overlap");
	make_elf64(p);
	put64(p + 0x58, UINT64_MAX - 16);
	refuse_multiboot(p, -ENOMEM, "more memory");
	make_elf64(p);
	put64(p + 32, UINT64_MAX - 16);
	refuse_multiboot(p, -EINVAL, "program headers");
	make_kludge(p);
	put32(p + 0x90, 0x110084);	/* load_addr above header_addr */
	refuse_multiboot(p, -EINVAL, "contradict");
	make_kludge(p);
	put32(p + 0x94, 0x100000);
	refuse_multiboot(p, -EINVAL, "contradict");
	make_kludge(p);
	put32(p + 0x98, 0x110050);
	refuse_multiboot(p, -EINVAL, "contradict");
	make_kludge(p);
	put32(p + 0x94, 0x110800);
	refuse_multiboot(p, -EINVAL, "truncated");
}

static void refuses_bad_modules(void **state)
{
	const char *modules[200] = { "/nonexistent/module arg" };
	struct boot_state s;
	uint8_t p[ELF_FILE];
	struct guest g;
	unsigned i;

	make_elf32(p);
	write_file(path, p, ELF_FILE);
	guest_make(&g, 4 * MIB);
	assert_int_equal(boot_multiboot(&g.mem, path, NULL, modules, 1, &s, g.msg), -ENOENT);
	assert_says(&g, "/nonexistent/module:");
	guest_free(&g);
	write_file(path2, "m", 1);
	for (i = 0; i < 200; i++)
		modules[i] = path2;
	guest_make(&g, 4 * MIB);
	assert_int_equal(boot_multiboot(&g.mem, path, NULL, modules, 200, &s, g.msg), -E2BIG);
	guest_memory_init(&g.mem, g.ram, g.n);
	assert_int_equal(boot_multiboot(&g.mem, path, NULL, modules, 32, &s, g.msg), 0);
	guest_free(&g);
}

static int load_multiboot(struct guest *g, struct boot_state *s)
{
	return boot_multiboot(&g->mem, path, "x", NULL, 0, s, g->msg);
}

static void hostile_multiboot(void **state)
{
	uint8_t p[ELF_FILE];

	make_elf32(p);
	cut_everywhere(p, ELF_FILE, load_multiboot, ELF_FILE);
	damage_everywhere(p, ELF_FILE, 0xa0, load_multiboot);
	make_elf64(p);
	cut_everywhere(p, ELF_FILE, load_multiboot, ELF_FILE);
	damage_everywhere(p, ELF_FILE, 0xa0, load_multiboot);
	make_kludge(p);
	cut_everywhere(p, ELF_FILE, load_multiboot, 0x100);
	damage_everywhere(p, ELF_FILE, 0xa0, load_multiboot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(multiboot_elf),
		cmocka_unit_test(multiboot_addresses),
		cmocka_unit_test(multiboot_state),
		cmocka_unit_test(refuses_bad_multiboot),
		cmocka_unit_test(refuses_bad_modules),
		cmocka_unit_test(hostile_multiboot),
	};

	return RUN_BOOT_TESTS(tests);
}
