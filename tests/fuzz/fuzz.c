// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz calls|guests SEED COUNT: seeded fuzzers of /dev/vmm, for an emulated host
 * that is watched (KASAN, lockdep, ...). They look for what a kernel reports, so they
 * succeed unless the device answers with what it must never answer with.
 */
#include "fuzz.h"

#include <cpuid.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TABLES 0x2000
#define CODE 0x8000
#define EFER_LME 0x100
#define CR4_PAE 0x20

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

	while (size--)
		*bytes++ = (uint8_t)random64(r);
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

static void set_segments(struct vcpu_reg_state *s, uint16_t code, uint32_t code_ar, uint32_t limit,
			 uint32_t data_ar)
{
	for (int i = 0; i < VCPU_REGS_NSREGS; i++)
		s->vrs_sregs[i] = (struct vcpu_segment_info){
			.vsi_sel = code ? code + 8 : 0, .vsi_limit = limit, .vsi_ar = data_ar };
	s->vrs_sregs[VCPU_REGS_CS].vsi_sel = code;
	s->vrs_sregs[VCPU_REGS_CS].vsi_ar = code_ar;
	s->vrs_sregs[VCPU_REGS_LDTR].vsi_ar = 0x82;
	s->vrs_sregs[VCPU_REGS_TR].vsi_ar = 0x8b;
	s->vrs_sregs[VCPU_REGS_LDTR].vsi_limit = s->vrs_sregs[VCPU_REGS_TR].vsi_limit = 0xffff;
	s->vrs_gdtr.vsi_limit = s->vrs_idtr.vsi_limit = 0x3ff;
}

void start_state(enum start start, struct vcpu_reg_state *s)
{
	memset(s, 0, sizeof(*s));
	s->vrs_gprs[VCPU_REGS_RIP] = CODE;
	s->vrs_gprs[VCPU_REGS_RSP] = 0x1000;
	s->vrs_gprs[VCPU_REGS_RFLAGS] = 2;
	s->vrs_crs[VCPU_REGS_XCR0] = 1;
	s->vrs_drs[VCPU_REGS_DR6] = 0xffff0ff0;
	s->vrs_drs[VCPU_REGS_DR7] = 0x400;
	switch (start) {
	case START_REAL:
		s->vrs_crs[VCPU_REGS_CR0] = 0x60000010;
		set_segments(s, 0, 0x9b, 0xffff, 0x93);
		break;
	case START_PROTECTED:
		s->vrs_crs[VCPU_REGS_CR0] = 0x31;
		set_segments(s, 8, 0xc09b, ~0u, 0xc093);
		break;
	default:
		s->vrs_crs[VCPU_REGS_CR0] = 0x80000031;
		s->vrs_crs[VCPU_REGS_CR3] = TABLES;
		s->vrs_crs[VCPU_REGS_CR4] = 0x20;
		s->vrs_msrs[VCPU_REGS_EFER] = 0x500;
		set_segments(s, 8, 0xa09b, ~0u, 0xc093);
	}
}

void start_page_tables(void *memory)
{
	uint64_t *table = (uint64_t *)((char *)memory + TABLES);

	table[0] = (TABLES + 0x1000) | 3;
	table[512] = (TABLES + 0x2000) | 3;
	for (uint64_t i = 0; i < 512; i++)
		table[1024 + i] = (i << 21) | 0x83;
}

bool on_qemu(void)
{
	unsigned int eax, name[3];

	__cpuid(0x40000000, eax, name[0], name[1], name[2]);
	return !memcmp(name, "TCGTCGTCGTCG", sizeof(name));
}

void spare_emulator(struct vcpu_reg_state *s, enum start start)
{
	if (!on_qemu())
		return;
	s->vrs_crs[VCPU_REGS_CR4] |= CR4_PAE;
	if (start != START_LONG)
		s->vrs_msrs[VCPU_REGS_EFER] &= ~(uint64_t)EFER_LME;
}

bool fail_nth(unsigned int nth)
{
	char path[64], text[16];
	int fd, len;
	bool done;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = snprintf(text, sizeof(text), "%u", nth);
	done = write(fd, text, (size_t)len) == len;
	close(fd);
	return done;
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
