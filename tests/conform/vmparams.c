// SPDX-License-Identifier: GPL-2.0-only
/* VMM_IOC_READVMPARAMS, VMM_IOC_WRITEVMPARAMS, VMM_IOC_SHAREMEM. */
#include "guest.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define GPA	VM_RWVMPARAMS_PVCLOCK_SYSTEM_GPA
#define VERSION	VM_RWVMPARAMS_PVCLOCK_VERSION
#define ENABLE	1ULL

/* The page that guests read (Linux' and OpenBSD's pvclock). */
struct clock_page {
	uint32_t version, pad0;
	uint64_t tsc, system_time;
	uint32_t mul;
	int8_t shift;
	uint8_t flags, pad[2];
};

GUEST(64, tell, "1: out %al, $0x80\n jmp 1b\n");
GUEST(64, set_clock,
      "xor %edx, %edx\n mov $0x4b564d01, %ecx\n mov $0x20001, %eax\n wrmsr\n out %al, $0x80\n"
      "rdmsr\n out %eax, $0x80\n"
      "mov $0x4b564d00, %ecx\n mov $0x21000, %eax\n wrmsr\n out %al, $0x80\n");
GUEST(64, set_bad_clock,
      "xor %edx, %edx\n mov $0x4b564d01, %ecx\n mov $0x20000001, %eax\n wrmsr\n");
GUEST(64, set_bad_wall, "xor %edx, %edx\n mov $0x4b564d00, %ecx\n mov $0x20000000, %eax\n wrmsr\n");

static struct vm_rwvmparams_params params(const struct guest *g, uint32_t mask)
{
	return (struct vm_rwvmparams_params) {
		.vpp_vm_id = g->id, .vpp_vcpu_id = g->vcpu, .vpp_mask = mask,
	};
}

static int write_gpa(struct guest *g, uint64_t gpa)
{
	struct vm_rwvmparams_params vpp = params(g, GPA);

	vpp.vpp_pvclock_system_gpa = gpa;
	return call(g->fd, VMM_IOC_WRITEVMPARAMS, &vpp);
}

static struct vm_rwvmparams_params read_params(struct guest *g, uint32_t mask)
{
	struct vm_rwvmparams_params vpp = params(g, mask);

	vpp.vpp_pvclock_system_gpa = 0x5a5a;
	vpp.vpp_pvclock_version = 0x5a5a;
	MUST(call(g->fd, VMM_IOC_READVMPARAMS, &vpp));
	return vpp;
}

static volatile struct clock_page *clock_at(const struct guest *g, uint64_t gpa)
{
	return (volatile struct clock_page *)(g->ram + gpa);
}

void vmparams_new(void)
{
	struct vm_rwvmparams_params vpp;
	struct guest g;

	make(&g, 1);
	vpp = read_params(&g, GPA | VERSION);
	EXPECT_EQ(vpp.vpp_pvclock_system_gpa, 0);
	EXPECT_EQ(vpp.vpp_pvclock_version, 0);
}

void vmparams_gpa(void)
{
	struct guest g;

	make(&g, 1);
	MUST(write_gpa(&g, DATA | ENABLE));
	EXPECT_EQ(read_params(&g, GPA).vpp_pvclock_system_gpa, DATA | ENABLE);
}

void vmparams_masks(void)
{
	struct vm_rwvmparams_params vpp;
	struct guest g;

	make(&g, 1);
	MUST(write_gpa(&g, DATA | ENABLE));
	vpp = read_params(&g, GPA);
	EXPECT_EQ(vpp.vpp_pvclock_version, 0x5a5a);
	vpp = read_params(&g, VERSION);
	EXPECT_EQ(vpp.vpp_pvclock_system_gpa, 0x5a5a);
	EXPECT(vpp.vpp_pvclock_version != 0x5a5a);
	vpp = read_params(&g, 0);
	EXPECT_EQ(vpp.vpp_pvclock_system_gpa, 0x5a5a);
	vpp = read_params(&g, 0xfffffffc);
	EXPECT_EQ(vpp.vpp_pvclock_system_gpa, 0x5a5a);
}

void vmparams_write_masks(void)
{
	struct vm_rwvmparams_params vpp;
	struct guest g;

	make(&g, 1);
	MUST(write_gpa(&g, DATA));
	vpp = params(&g, VERSION);
	vpp.vpp_pvclock_system_gpa = 0x99;
	vpp.vpp_pvclock_version = 40;
	MUST(call(g.fd, VMM_IOC_WRITEVMPARAMS, &vpp));
	vpp.vpp_mask = 0xfffffffc;
	vpp.vpp_pvclock_version = 50;
	MUST(call(g.fd, VMM_IOC_WRITEVMPARAMS, &vpp));
	vpp = read_params(&g, GPA | VERSION);
	EXPECT_EQ(vpp.vpp_pvclock_system_gpa, DATA);
	EXPECT_EQ(vpp.vpp_pvclock_version, 40);
}

/* The page is filled at once; its version is twice the counter, and even. */
void vmparams_fills(void)
{
	volatile struct clock_page *page;
	struct guest g;

	make(&g, 1);
	page = clock_at(&g, DATA);
	MUST(write_gpa(&g, DATA | ENABLE));
	EXPECT(page->version && !(page->version & 1));
	EXPECT_EQ(page->version, 2 * read_params(&g, VERSION).vpp_pvclock_version);
	EXPECT(page->tsc && page->system_time && page->mul);
	EXPECT_EQ(page->flags, 1);
}

void vmparams_version_goes_on(void)
{
	struct vm_rwvmparams_params vpp;
	struct guest g;

	make(&g, 1);
	vpp = params(&g, GPA | VERSION);
	vpp.vpp_pvclock_system_gpa = DATA | ENABLE;
	vpp.vpp_pvclock_version = 1000;
	MUST(call(g.fd, VMM_IOC_WRITEVMPARAMS, &vpp));
	EXPECT_EQ(clock_at(&g, DATA)->version, 2002);
}

/* Bits 3 to 1 are no part of the address. */
void vmparams_low_bits(void)
{
	struct guest g;

	make(&g, 1);
	MUST(write_gpa(&g, DATA | 0xf));
	EXPECT(clock_at(&g, DATA)->version);
}

void vmparams_off(void)
{
	struct guest g;

	make(&g, 1);
	MUST(write_gpa(&g, DATA));
	EXPECT_EQ(clock_at(&g, DATA)->version, 0);
	MUST(write_gpa(&g, 0x4000000000));	/* not enabled: not looked at */
}

void vmparams_bad_gpa(void)
{
	static const uint64_t bad[] = {
		RAM_SIZE, MMIO_GPA, 0x4000000000, DATA + 0xff0, RAM_SIZE - 0x10, ~0xfULL,
	};
	struct guest g;
	unsigned int i;

	make(&g, 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_ERR(write_gpa(&g, bad[i] | ENABLE), EINVAL);
	EXPECT_EQ(read_params(&g, GPA).vpp_pvclock_system_gpa, 0);
}

/* ---- the clock itself ---- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The time that a guest would read now: ((ticks << shift) * mul) >> 32. */
static uint64_t guest_time(volatile const struct clock_page *page)
{
	uint64_t delta = ticks() - page->tsc;

	delta = page->shift < 0 ? delta >> -page->shift : delta << page->shift;
	return page->system_time + (uint64_t)(((unsigned __int128)delta * page->mul) >> 32);
}

/* Half a second: far more than the clocks drift apart, far less than an uptime. */
#define NEAR 500000000ULL

void vmparams_time(void)
{
	uint64_t before, time, after;
	struct guest g;

	make(&g, 1);
	MUST(write_gpa(&g, DATA | ENABLE));
	pause_ms(20);
	before = now_ns();
	time = guest_time(clock_at(&g, DATA));
	after = now_ns();
	EXPECT(time + NEAR >= before && time <= after + NEAR);
}

/* Set again it does not step back, for all that its base is another. */
void vmparams_monotonic(void)
{
	uint64_t last = 0, time;
	struct guest g;
	unsigned int i;

	make(&g, 1);
	for (i = 0; i < 50; i++) {
		MUST(write_gpa(&g, DATA | ENABLE));
		time = guest_time(clock_at(&g, DATA));
		EXPECT(time >= last);
		last = time;
	}
}

void vmparams_guest(void)
{
	struct guest g;

	START(&g, LONG, set_clock);
	run_to_out(&g);
	EXPECT(clock_at(&g, DATA)->version && !(clock_at(&g, DATA)->version & 1));
	EXPECT_EQ(read_params(&g, GPA).vpp_pvclock_system_gpa, DATA | ENABLE);
	EXPECT_OUT(&g, DATA | ENABLE);
}

/* Version, seconds, nanoseconds of when this host was booted. */
void vmparams_wall_clock(void)
{
	volatile uint32_t *wall;
	struct timespec real;
	uint64_t boot;
	struct guest g;

	START(&g, LONG, set_clock);
	run_to_out(&g);
	run_to_out(&g);
	run_to_out(&g);
	clock_gettime(CLOCK_REALTIME, &real);
	boot = (uint64_t)real.tv_sec - now_ns() / 1000000000;
	wall = (volatile uint32_t *)(g.ram + 0x21000);
	EXPECT(wall[0] && !(wall[0] & 1));
	EXPECT(wall[1] + 2 >= boot && wall[1] <= boot + 2);
	EXPECT(wall[2] < 1000000000);
}

void vmparams_guest_bad(void)
{
	struct guest g;

	START(&g, LONG, set_bad_clock);
	EXPECT_EQ(run_to_trap(&g).vector, 13);
	LOAD(&g, set_bad_wall);
	MUST(reset(&g, LONG));
	EXPECT_EQ(run_to_trap(&g).vector, 13);
}

/* ---- SHAREMEM ---- */

static uint8_t *share(struct guest *g)
{
	struct vm_sharemem_params vsp = share_params(g);

	MUST(call(g->fd, VMM_IOC_SHAREMEM, &vsp));
	EXPECT(vsp.vsp_va[0]);
	EXPECT_EQ(vsp.vsp_va[1], 0);
	return (uint8_t *)(uintptr_t)vsp.vsp_va[0];
}

void sharemem_same_process(void)
{
	struct guest g;
	uint8_t *va;

	make(&g, 1);
	g.ram[DATA] = 1;
	va = share(&g);
	EXPECT(va != g.ram);
	EXPECT_EQ(va[DATA], 1);
	va[DATA + 1] = 2;
	EXPECT_EQ(g.ram[DATA + 1], 2);
}

static int share_in_child(void *arg)
{
	uint8_t *va = share(arg);

	EXPECT_EQ(va[DATA], 1);
	va[DATA] = 2;
	return 0;
}

void sharemem_other_process(void)
{
	struct guest g;

	make(&g, 1);
	g.ram[DATA] = 1;
	EXPECT_EQ(in_child(share_in_child, &g), 0);
	EXPECT_EQ(g.ram[DATA], 2);
}

/* The caller's memory of CREATE, shared with another process. */
void sharemem_given(void)
{
	struct vm_create_params vcp = small_vm();
	struct vm_sharemem_params vsp;
	struct guest g = { .fd = device() };
	uint8_t *va;

	g.ram = own_memory(RAM_SIZE);
	vcp.vcp_memranges[0].vmr_va = (uintptr_t)g.ram;
	MUST(call(g.fd, VMM_IOC_CREATE, &vcp));
	g.id = vcp.vcp_id;
	vsp = share_params(&g);
	vsp.vsp_nmemranges = 1;
	MUST(call(g.fd, VMM_IOC_SHAREMEM, &vsp));
	va = (uint8_t *)(uintptr_t)vsp.vsp_va[0];
	EXPECT(va != g.ram);
	g.ram[DATA] = 1;
	EXPECT_EQ(va[DATA], 1);
	va[DATA] = 2;
	EXPECT_EQ(g.ram[DATA], 2);
	MUST(term(g.fd, g.id));
	close(g.fd);
	va[DATA] = 3;
	EXPECT_EQ(g.ram[DATA], 3);
}

void sharemem_after_term(void)
{
	struct guest g;
	uint8_t *va;

	make(&g, 1);
	va = share(&g);
	MUST(term(g.fd, g.id));
	close(g.fd);
	EXPECT(!munmap(g.ram, RAM_SIZE));
	va[RAM_SIZE - 1] = 4;
	EXPECT_EQ(va[RAM_SIZE - 1], 4);
}

/* Whatever is in vmr_va does not matter. */
void sharemem_va_ignored(void)
{
	struct vm_sharemem_params vsp;
	struct guest g;

	make(&g, 1);
	vsp = share_params(&g);
	vsp.vsp_memranges[0].vmr_va = 0x123;
	MUST(call(g.fd, VMM_IOC_SHAREMEM, &vsp));
}

#define MISMATCH(name, ...) \
	void sharemem_##name(void) \
	{ \
		struct vm_sharemem_params vsp; \
		unsigned int before; \
		struct guest g; \
		\
		make(&g, 1); \
		before = mappings(); \
		vsp = share_params(&g); \
		__VA_ARGS__; \
		EXPECT_ERR(call(g.fd, VMM_IOC_SHAREMEM, &vsp), EINVAL); \
		EXPECT_EQ(mappings(), before); \
	}

MISMATCH(bad_count, vsp.vsp_nmemranges = 1)
MISMATCH(huge_count, vsp.vsp_nmemranges = UINT64_MAX)
MISMATCH(bad_gpa, vsp.vsp_memranges[0].vmr_gpa = 0x1000)
MISMATCH(bad_size, vsp.vsp_memranges[0].vmr_size -= 0x1000)
MISMATCH(bad_type, vsp.vsp_memranges[0].vmr_type = VM_MEM_RESERVED)
MISMATCH(bad_va, vsp.vsp_va[15] = 0x1000)
