/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the image loaders share: guest memory, image files, and
 * the ways to maltreat an image. */
#ifndef MACHINE_BOOT_TEST_H
#define MACHINE_BOOT_TEST_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "machine_test.h"

#include "src/machine/boot.h"
#include "src/machine/image.h"

#define MIB (1ull << 20)

/* ---- guest memory and files for the tests ---- */

struct guest {
	struct machine_ram ram[MACHINE_MAX_RANGES];
	unsigned n;
	struct guest_memory mem;
	char msg[MACHINE_MSG];
};

static inline void guest_make(struct guest *g, uint64_t size)
{
	unsigned i;

	assert_int_equal(machine_layout(size, g->ram, &g->n, g->msg), 0);
	for (i = 0; i < g->n; i++) {
		g->ram[i].host = malloc(g->ram[i].size);
		assert_non_null(g->ram[i].host);
		memset(g->ram[i].host, 0xa5, g->ram[i].size);
	}
	guest_memory_init(&g->mem, g->ram, g->n);
	memset(g->msg, 0, sizeof(g->msg));
}

static inline void guest_free(struct guest *g)
{
	unsigned i;

	for (i = 0; i < g->n; i++)
		free(g->ram[i].host);
}

static char path[] = "/tmp/machine_boot.XXXXXX", path2[] = "/tmp/machine_boot.XXXXXX";

static inline void write_file(const char *name, const void *data, size_t len)
{
	FILE *f = fopen(name, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static inline int make_files(void **state)
{
	int a = mkstemp(path), b = mkstemp(path2);

	if (a < 0 || b < 0)
		return -1;
	close(a);
	close(b);
	return 0;
}

static inline int remove_files(void **state)
{
	unlink(path);
	unlink(path2);
	return 0;
}

/* One line, naming the file. */
static inline void assert_message(const struct guest *g)
{
	assert_true(strlen(g->msg) > 20);
	assert_null(strchr(g->msg, '\n'));
}

static inline void assert_says(const struct guest *g, const char *what)
{
	assert_message(g);
	if (!strstr(g->msg, what))
		fail_msg("\"%s\" does not say \"%s\"", g->msg, what);
}

/* ---- hostile images ---- */

/* Load the image at path. */
typedef int (*load_fn)(struct guest *g, struct boot_state *s);

static inline int load_again(struct guest *g, load_fn load, struct boot_state *s)
{
	guest_memory_init(&g->mem, g->ram, g->n);
	memset(g->msg, 0, sizeof(g->msg));
	return load(g, s);
}

/* Cut at every byte: an error with a message, or (padding cut off) a boot. */
static inline void cut_everywhere(const uint8_t *p, size_t len, load_fn load, size_t needed)
{
	struct boot_state s;
	struct guest g;
	size_t cut;
	int err;

	guest_make(&g, 4 * MIB);
	for (cut = 0; cut < len; cut++) {
		write_file(path, p, cut);
		err = load_again(&g, load, &s);
		if (cut < needed)
			assert_true(err < 0);
		if (err)
			assert_says(&g, path);
	}
	guest_free(&g);
}

/* Every byte damaged: it may load or not, but never touch what is not its own. */
static inline void damage_everywhere(uint8_t *p, size_t len, size_t damaged, load_fn load)
{
	static const uint8_t flips[] = { 0xff, 0x80, 0x01, 0x7f };
	struct boot_state s;
	struct guest g;
	size_t at, i;
	int err;

	guest_make(&g, 4 * MIB);
	for (at = 0; at < damaged; at++) {
		for (i = 0; i < sizeof(flips); i++) {
			p[at] ^= flips[i];
			write_file(path, p, len);
			p[at] ^= flips[i];
			err = load_again(&g, load, &s);
			if (err)
				assert_says(&g, path);
			else
				assert_non_null(guest_ptr(&g.mem, s.rip, 1));
		}
	}
	guest_free(&g);
}

#define RUN_BOOT_TESTS(tests) \
	(cmocka_set_message_output(CM_OUTPUT_TAP), \
	 cmocka_run_group_tests(tests, make_files, remove_files))

#endif /* MACHINE_BOOT_TEST_H */
