/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory layout, the bzImage and the flat loader, with images made here: good,
 * cut off at every byte, and damaged at every byte. */
#include "machine_boot_test.h"

/* ---- layout ---- */

static void assert_range(const struct machine_ram *r, uint64_t gpa, uint64_t end, int type)
{
	assert_true(r->gpa == gpa);
	assert_true(r->gpa + r->size == end);
	assert_int_equal(r->type, type);
}

static void layout(void **state)
{
	struct machine_ram r[MACHINE_MAX_RANGES];
	char msg[MACHINE_MSG];
	unsigned n;

	assert_int_equal(machine_layout(256 * MIB, r, &n, msg), 0);
	assert_int_equal(n, 3);
	assert_range(&r[0], 0, 0xa0000, MACHINE_RAM);
	assert_range(&r[1], 0xa0000, MIB, MACHINE_RESERVED);
	assert_range(&r[2], MIB, 256 * MIB, MACHINE_RAM);
	assert_int_equal(machine_layout(6144 * MIB, r, &n, msg), 0);
	assert_int_equal(n, 4);
	assert_range(&r[2], MIB, 0xf0000000, MACHINE_RAM);
	assert_range(&r[3], 4096 * MIB, 6144 * MIB + 256 * MIB, MACHINE_RAM);
	assert_int_equal(machine_layout(0xf0000000, r, &n, msg), 0);
	assert_int_equal(n, 3);
	assert_int_equal(machine_layout(64 << 10, r, &n, msg), 0);
	assert_int_equal(n, 1);
	assert_range(&r[0], 0, 64 << 10, MACHINE_RAM);
	assert_int_equal(machine_layout(MACHINE_MAX_MEMORY, r, &n, msg), 0);
	assert_true(r[3].gpa + r[3].size == 128ull << 30);
}

static void layout_refuses(void **state)
{
	static const uint64_t bad[] = { 0, 1, 4097, 256 * MIB + 1, MACHINE_MAX_MEMORY + 4096,
					1ull << 40, UINT64_MAX };
	struct machine_ram r[MACHINE_MAX_RANGES];
	struct guest g;
	unsigned n = 77, i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		g.msg[0] = '\0';
		assert_int_equal(machine_layout(bad[i], r, &n, g.msg), -EINVAL);
		assert_says(&g, "multiple of 4 KiB");
		assert_int_equal(n, 77);
	}
}

static void claims(void **state)
{
	struct guest g;
	uint64_t a, b;

	guest_make(&g, 4 * MIB);
	assert_int_equal(guest_claim(&g.mem, 0x1000, 0x1000), 0);
	assert_int_equal(guest_claim(&g.mem, 0x1fff, 1), -EEXIST);
	assert_int_equal(guest_claim(&g.mem, 0x2000, 1), 0);
	assert_int_equal(guest_claim(&g.mem, 0x9ffff, 2), -EFAULT);	/* into the hole */
	assert_int_equal(guest_claim(&g.mem, 0xa0000, 1), -EFAULT);
	assert_int_equal(guest_claim(&g.mem, 4 * MIB, 1), -EFAULT);
	assert_int_equal(guest_claim(&g.mem, 2 * MIB, UINT64_MAX), -EFAULT);
	assert_int_equal(guest_claim(&g.mem, UINT64_MAX, 2), -EFAULT);
	assert_int_equal(guest_claim(&g.mem, UINT64_MAX, 0), 0);
	assert_int_equal(guest_place(&g.mem, 0x1000, 0x1000, 0, MIB, &a), 0);
	assert_int_equal(a, 0x3000);
	assert_int_equal(guest_place(&g.mem, MIB, 0x1000, 0, UINT64_MAX, &a), 0);
	assert_int_equal(a, MIB);
	assert_int_equal(guest_place_top(&g.mem, 5, 0x1000, 0, UINT64_MAX, &b), 0);
	assert_int_equal(b, 4 * MIB - 0x1000);
	assert_int_equal(guest_place_top(&g.mem, 5, 0x1000, 0, UINT64_MAX, &b), 0);
	assert_int_equal(b, 4 * MIB - 0x2000);
	/* Aligned down it would begin below the range, or below the limit. */
	assert_int_equal(guest_place_top(&g.mem, 0x1000, 2 * MIB, 3 * MIB, 4 * MIB, &b), -ENOMEM);
	assert_int_equal(guest_place(&g.mem, 4 * MIB, 1, 0, UINT64_MAX, &b), -ENOMEM);
	assert_int_equal(guest_place_top(&g.mem, 4 * MIB, 1, 0, UINT64_MAX, &b), -ENOMEM);
	assert_int_equal(b, 4 * MIB - 0x2000);
	guest_free(&g);
}

/* ---- bzImage ---- */

#define SECTORS 1
#define CODE 0x600
#define IMAGE (512 * (SECTORS + 1) + CODE)

/* A kernel that asks for 64 KiB at 2 MiB. */
static void make_bzimage(uint8_t *p)
{
	unsigned i;

	memset(p, 0, IMAGE);
	p[0x1f1] = SECTORS;
	put32(p + 0x1f4, CODE / 16);
	p[0x1fe] = 0x55;
	p[0x1ff] = 0xaa;
	p[0x200] = 0xeb;
	p[0x201] = 0x268 - 0x202;
	memcpy(p + 0x202, "HdrS", 4);
	p[0x206] = 0x0f;
	p[0x207] = 0x02;
	p[0x211] = 0x01;
	put32(p + 0x22c, 0x7fffffff);
	put32(p + 0x230, 0x200000);
	p[0x234] = 1;
	p[0x236] = 0x3f;
	put32(p + 0x238, 2047);
	put64(p + 0x258, 0x200000);
	put32(p + 0x260, 0x10000);
	for (i = 0; i < CODE; i++)
		p[IMAGE - CODE + i] = i * 7;
}

static void boots_linux(void **state)
{
	static const char cmdline[] = "console=ttyS0 quiet";
	struct boot_state s;
	uint8_t p[IMAGE], initrd[5000], *zero;
	struct guest g;
	unsigned i;

	make_bzimage(p);
	write_file(path, p, IMAGE);
	for (i = 0; i < sizeof(initrd); i++)
		initrd[i] = i * 3;
	write_file(path2, initrd, sizeof(initrd));
	guest_make(&g, 64 * MIB);
	assert_int_equal(boot_bzimage(&g.mem, path, path2, cmdline, &s, g.msg), 0);

	/* Entered 0x200 into the protected-mode kernel, RSI at the zero page. */
	assert_int_equal(s.rip, 0x200200);
	assert_memory_equal(guest_ptr(&g.mem, 0x200000, CODE), p + IMAGE - CODE, CODE);
	zero = guest_ptr(&g.mem, s.gpr[BOOT_RSI], 4096);
	assert_non_null(zero);
	assert_memory_equal(zero + 0x202, "HdrS", 4);
	assert_int_equal(zero[0x210], 0xff);
	assert_int_equal(zero[0], 0);

	assert_string_equal(guest_ptr(&g.mem, get32(zero + 0x228), sizeof(cmdline)), cmdline);
	assert_int_equal(get32(zero + 0x21c), sizeof(initrd));
	assert_int_equal(get32(zero + 0x218) % 4096, 0);
	assert_true(get32(zero + 0x218) >= 0x210000);
	assert_memory_equal(guest_ptr(&g.mem, get32(zero + 0x218), sizeof(initrd)), initrd,
			    sizeof(initrd));

	/* e820: RAM, reserved, RAM. */
	assert_int_equal(zero[0x1e8], 3);
	assert_int_equal(get64(zero + 0x2d0), 0);
	assert_int_equal(get64(zero + 0x2d8), 0xa0000);
	assert_int_equal(get32(zero + 0x2e0), 1);
	assert_int_equal(get64(zero + 0x2e4), 0xa0000);
	assert_int_equal(get32(zero + 0x2f4), 2);
	assert_int_equal(get64(zero + 0x2f8), MIB);
	assert_int_equal(get64(zero + 0x300), 63 * MIB);
	assert_int_equal(get32(zero + 0x308), 1);
	guest_free(&g);
}

/* The state that the 64-bit boot protocol asks for. */
static void linux_entry_state(void **state)
{
	struct boot_state s;
	uint8_t p[IMAGE], *gdt, *table;
	struct guest g;
	uint64_t va;

	make_bzimage(p);
	write_file(path, p, IMAGE);
	guest_make(&g, 16 * MIB);
	assert_int_equal(boot_bzimage(&g.mem, path, NULL, NULL, &s, g.msg), 0);
	assert_int_equal(s.seg[BOOT_CS].selector, 0x10);
	assert_int_equal(s.seg[BOOT_DS].selector, 0x18);
	assert_int_equal(s.seg[BOOT_ES].selector, 0x18);
	assert_int_equal(s.seg[BOOT_SS].selector, 0x18);
	assert_int_equal(s.seg[BOOT_CS].ar, 0xa09b);
	assert_int_equal(s.seg[BOOT_SS].ar, 0xc093);
	assert_int_equal(s.seg[BOOT_TR].ar, 0x8b);
	assert_int_equal(s.seg[BOOT_LDTR].ar, 0x10000);
	assert_int_equal(s.rflags, 2);
	assert_int_equal(s.cr0 & 0x80000001, 0x80000001);
	assert_int_equal(s.cr4 & 0x20, 0x20);
	assert_int_equal(s.efer, 0x500);
	/* The descriptors say the same as the hidden parts. */
	gdt = guest_ptr(&g.mem, s.gdtr.base, s.gdtr.limit + 1);
	assert_non_null(gdt);
	assert_true(get64(gdt) == 0);
	assert_true(get64(gdt + 0x10) == 0x00af9b000000ffff);
	assert_true(get64(gdt + 0x18) == 0x00cf93000000ffff);
	assert_true(get64(gdt + 0x20) == 0x00008b0000000067);
	/* Every 2 MiB below 4 GiB is mapped to itself. */
	for (va = 0; va < 4096 * MIB; va += 2 * MIB) {
		table = guest_ptr(&g.mem, s.cr3, 4096);
		table = guest_ptr(&g.mem, get64(table) & ~0xfffull, 4096);
		table = guest_ptr(&g.mem, get64(table + 8 * (va >> 30)) & ~0xfffull, 4096);
		assert_non_null(table);
		assert_true(get64(table + 8 * (va >> 21 & 511)) == (va | 0x83));
	}
	/* A stack, in RAM. */
	assert_non_null(guest_ptr(&g.mem, s.gpr[BOOT_RSP] - 4096, 4096));
	guest_free(&g);
}

/* A relocatable kernel moves up to its preferred address by itself, so there
 * must be memory there, even if there is enough of it further down. */
static void needs_its_preferred_address(void **state)
{
	struct boot_state s;
	uint8_t p[IMAGE];
	struct guest g;

	make_bzimage(p);
	put64(p + 0x258, 0x1000000);
	write_file(path, p, IMAGE);
	guest_make(&g, 16 * MIB);
	assert_int_equal(boot_bzimage(&g.mem, path, NULL, "", &s, g.msg), -ENOMEM);
	assert_says(&g, "needs 17 MiB");
	guest_free(&g);
	guest_make(&g, 17 * MIB);
	assert_int_equal(boot_bzimage(&g.mem, path, NULL, "", &s, g.msg), 0);
	assert_int_equal(s.rip, 0x1000200);
	guest_free(&g);
}

static void refuse_bzimage(const uint8_t *p, size_t len, int err, const char *says)
{
	struct boot_state s, untouched;
	struct guest g;

	memset(&s, 0x5a, sizeof(s));
	untouched = s;
	write_file(path, p, len);
	guest_make(&g, 8 * MIB);
	assert_int_equal(boot_bzimage(&g.mem, path, NULL, "", &s, g.msg), err);
	assert_says(&g, says);
	assert_says(&g, path);
	assert_memory_equal(&s, &untouched, sizeof(s));
	guest_free(&g);
}

static void refuses_bad_kernels(void **state)
{
	uint8_t p[IMAGE];

	make_bzimage(p);
	p[0x202] = 'h';
	refuse_bzimage(p, IMAGE, -ENOEXEC, "not a Linux kernel");
	make_bzimage(p);
	p[0x1fe] = 0;
	refuse_bzimage(p, IMAGE, -ENOEXEC, "not a Linux kernel");
	make_bzimage(p);
	p[0x206] = 0x0b;
	refuse_bzimage(p, IMAGE, -ENOEXEC, "too old");
	make_bzimage(p);
	p[0x236] = 0;
	refuse_bzimage(p, IMAGE, -ENOEXEC, "64-bit");
	make_bzimage(p);
	p[0x211] = 0;
	refuse_bzimage(p, IMAGE, -ENOEXEC, "64-bit");
	make_bzimage(p);
	p[0x201] = 0x10;
	refuse_bzimage(p, IMAGE, -EINVAL, "wrong length");
	make_bzimage(p);
	p[0x201] = 0xff;
	refuse_bzimage(p, IMAGE, -EINVAL, "wrong length");
	make_bzimage(p);
	put32(p + 0x1f4, 0);
	refuse_bzimage(p, IMAGE, -EINVAL, "damaged");
	make_bzimage(p);
	put32(p + 0x1f4, 0xffffffff);
	refuse_bzimage(p, IMAGE, -EINVAL, "truncated");
	make_bzimage(p);
	p[0x1f1] = 255;
	refuse_bzimage(p, IMAGE, -EINVAL, "truncated");
	make_bzimage(p);
	put32(p + 0x260, 0x10000000);
	refuse_bzimage(p, IMAGE, -ENOMEM, "give it more memory");
	make_bzimage(p);
	put64(p + 0x258, UINT64_MAX - 4096);
	refuse_bzimage(p, IMAGE, -EINVAL, "below 4 GiB");
	make_bzimage(p);
	put64(p + 0x258, 0x100000000);
	refuse_bzimage(p, IMAGE, -EINVAL, "below 4 GiB");
	refuse_bzimage((const uint8_t *)"#!/bin/sh\n", 10, -ENOEXEC, "not a Linux kernel");
}

static void refuses_what_is_no_image(void **state)
{
	struct boot_state s;
	struct guest g;

	guest_make(&g, 8 * MIB);
	assert_int_equal(boot_bzimage(&g.mem, "/nonexistent/vmlinuz", NULL, "", &s, g.msg),
			 -ENOENT);
	assert_says(&g, "/nonexistent/vmlinuz");
	assert_int_equal(boot_bzimage(&g.mem, "/tmp", NULL, "", &s, g.msg), -EINVAL);
	assert_says(&g, "not a regular file");
	assert_int_equal(boot_bzimage(&g.mem, "/dev/zero", NULL, "", &s, g.msg), -EINVAL);
	assert_says(&g, "not a regular file");
	write_file(path, "", 0);
	assert_int_equal(boot_bzimage(&g.mem, path, NULL, "", &s, g.msg), -EINVAL);
	assert_says(&g, "empty");
	guest_free(&g);
}

static void refuses_bad_initrds_and_command_lines(void **state)
{
	static uint8_t big[7 * MIB];
	static char line[4096];
	struct boot_state s;
	uint8_t p[IMAGE];
	struct guest g;

	make_bzimage(p);
	write_file(path, p, IMAGE);
	guest_make(&g, 8 * MIB);
	assert_int_equal(boot_bzimage(&g.mem, path, "/nonexistent/initrd", "", &s, g.msg), -ENOENT);
	assert_says(&g, "/nonexistent/initrd");
	guest_free(&g);
	write_file(path2, big, sizeof(big));
	guest_make(&g, 8 * MIB);
	assert_int_equal(boot_bzimage(&g.mem, path, path2, "", &s, g.msg), -ENOMEM);
	assert_says(&g, "initrd of");
	guest_free(&g);
	/* Below its initrd_addr_max there is no room either. */
	put32(p + 0x22c, 0x1fffff);
	write_file(path, p, IMAGE);
	guest_make(&g, 64 * MIB);
	assert_int_equal(boot_bzimage(&g.mem, path, path2, "", &s, g.msg), -ENOMEM);
	guest_free(&g);
	memset(line, 'x', sizeof(line) - 1);
	guest_make(&g, 8 * MIB);
	assert_int_equal(boot_bzimage(&g.mem, path, NULL, line, &s, g.msg), -E2BIG);
	assert_says(&g, "at most 2047");
	line[2047] = '\0';
	guest_memory_init(&g.mem, g.ram, g.n);
	assert_int_equal(boot_bzimage(&g.mem, path, NULL, line, &s, g.msg), 0);
	guest_free(&g);
	/* A machine with no memory above 1 MiB. */
	guest_make(&g, 640 << 10);
	assert_int_equal(boot_bzimage(&g.mem, path, NULL, "", &s, g.msg), -ENOMEM);
	guest_free(&g);
}

/* ---- flat ---- */

static void flat_modes(void **state)
{
	struct boot_state s;
	struct guest g;

	write_file(path, "\xf4 code", 6);
	guest_make(&g, 4 * MIB);
	assert_int_equal(boot_flat(&g.mem, path, 0x7c05, BOOT_REAL16, &s, g.msg), 0);
	assert_int_equal(s.cr0 & 1, 0);
	assert_int_equal(s.efer, 0);
	assert_int_equal(s.seg[BOOT_CS].base + s.rip, 0x7c05);
	assert_int_equal(s.seg[BOOT_CS].base, s.seg[BOOT_CS].selector << 4);
	assert_int_equal(s.seg[BOOT_CS].limit, 0xffff);
	assert_int_equal(s.seg[BOOT_DS].base, 0);
	assert_int_equal(s.idtr.limit, 0x3ff);
	assert_memory_equal(guest_ptr(&g.mem, 0x7c05, 6), "\xf4 code", 6);
	guest_free(&g);

	guest_make(&g, 4 * MIB);
	assert_int_equal(boot_flat(&g.mem, path, 0x200000, BOOT_FLAT32, &s, g.msg), 0);
	assert_int_equal(s.rip, 0x200000);
	assert_int_equal(s.cr0 & 0x80000001, 1);
	assert_int_equal(s.seg[BOOT_CS].ar, 0xc09b);
	guest_free(&g);

	guest_make(&g, 4 * MIB);
	assert_int_equal(boot_flat(&g.mem, path, 0x1000, BOOT_FLAT64, &s, g.msg), 0);
	assert_int_equal(s.rip, 0x1000);
	assert_int_equal(s.efer, 0x500);
	/* What it needs was placed beside the image. */
	assert_true(s.cr3 >= 0x2000);
	assert_true(s.gdtr.base >= 0x2000);
	assert_true(s.gpr[BOOT_RSP] >= 0x3000);
	assert_memory_equal(guest_ptr(&g.mem, 0x1000, 6), "\xf4 code", 6);
	guest_free(&g);
}

static void flat_refuses(void **state)
{
	static uint8_t big[0x98000];
	struct boot_state s;
	struct guest g;

	write_file(path, "code", 4);
	guest_make(&g, 4 * MIB);
	assert_int_equal(boot_flat(&g.mem, path, 0xa0000, BOOT_FLAT32, &s, g.msg), -ENOMEM);
	assert_says(&g, "more memory");
	assert_int_equal(boot_flat(&g.mem, path, 4 * MIB - 3, BOOT_FLAT32, &s, g.msg), -ENOMEM);
	assert_int_equal(boot_flat(&g.mem, path, UINT64_MAX, BOOT_FLAT64, &s, g.msg), -EINVAL);
	assert_int_equal(boot_flat(&g.mem, path, 1ull << 32, BOOT_FLAT32, &s, g.msg), -EINVAL);
	assert_int_equal(boot_flat(&g.mem, "/nonexistent", 0, BOOT_FLAT32, &s, g.msg), -ENOENT);
	/* It leaves no room for page tables below 640 KiB. */
	write_file(path, big, sizeof(big));
	assert_int_equal(boot_flat(&g.mem, path, 0x1000, BOOT_FLAT64, &s, g.msg), -ENOMEM);
	assert_says(&g, "no");
	guest_free(&g);
}

/* ---- hostile images ---- */

static int load_bzimage(struct guest *g, struct boot_state *s)
{
	return boot_bzimage(&g->mem, path, NULL, "x", s, g->msg);
}

static void hostile_bzimage(void **state)
{
	uint8_t p[IMAGE];

	make_bzimage(p);
	cut_everywhere(p, IMAGE, load_bzimage, IMAGE);
	damage_everywhere(p, IMAGE, 0x280, load_bzimage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout),
		cmocka_unit_test(layout_refuses),
		cmocka_unit_test(claims),
		cmocka_unit_test(boots_linux),
		cmocka_unit_test(linux_entry_state),
		cmocka_unit_test(needs_its_preferred_address),
		cmocka_unit_test(refuses_bad_kernels),
		cmocka_unit_test(refuses_what_is_no_image),
		cmocka_unit_test(refuses_bad_initrds_and_command_lines),
		cmocka_unit_test(flat_modes),
		cmocka_unit_test(flat_refuses),
		cmocka_unit_test(hostile_bzimage),
	};

	return RUN_BOOT_TESTS(tests);
}
