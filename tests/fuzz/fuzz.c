// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz calls|guests SEED COUNT: seeded fuzzers of /dev/vmm, for an emulated host
 * that is watched (KASAN, lockdep, ...). They look for what a kernel reports, so they
 * succeed unless the device answers with what it must never answer with.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t random64(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t random_below(struct random *r, uint64_t n)
{
	return random64(r) % n;
}

bool one_in(struct random *r, uint64_t n)
{
	return !random_below(r, n);
}

void random_bytes(struct random *r, void *to, size_t size)
{
	uint8_t *bytes = to;
	uint64_t bits;

	for (size_t i = 0; i < size; i += sizeof(bits)) {
		bits = random64(r);
		memcpy(bytes + i, &bits, size - i < sizeof(bits) ? size - i : sizeof(bits));
	}
}

uint64_t random_edge(struct random *r)
{
	uint64_t power = 1ULL << random_below(r, 64);

	switch (random_below(r, 6)) {
	case 0: return power;
	case 1: return power - 1;
	case 2: return -power;
	case 3: return random_below(r, 32);
	case 4: return random_below(r, 1 << 20) << 12;
	default: return random64(r);
	}
}

int main(int argc, char **argv)
{
	int (*fuzz)(uint64_t seed, uint64_t count) = NULL;

	if (argc == 4 && !strcmp(argv[1], "calls"))
		fuzz = fuzz_calls;
	if (argc == 4 && !strcmp(argv[1], "guests"))
		fuzz = fuzz_guests;
	if (!fuzz) {
		fprintf(stderr, "usage: fuzz calls|guests SEED COUNT\n");
		return 2;
	}
	return fuzz(strtoull(argv[2], NULL, 0), strtoull(argv[3], NULL, 0));
}
