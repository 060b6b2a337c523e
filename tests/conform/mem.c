// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory: the module's own, and the caller's. */
#include "guest.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	0x1000ULL
#define MIB2	0x200000ULL

/* Reads a byte at DATA, tells it, and writes 0x5a there. */
GUEST(64, touch,
      "mov $0x20000, %ebx\n"
      "mov (%rbx), %al\n"
      "movb $0x5a, (%rbx)\n"
      "out %al, $0x80\n");

void mem_own_zero(void)
{
	struct vm_create_params vcp = small_vm();
	const uint8_t *va;
	uint64_t i;

	MUST(call(device(), VMM_IOC_CREATE, &vcp));
	va = (const uint8_t *)(uintptr_t)vcp.vcp_memranges[0].vmr_va;
	for (i = 0; i < SMALL_VM_SIZE; i++)
		EXPECT(!va[i]);
}

void mem_own_shared(void)
{
	struct guest g;

	START(&g, LONG, touch);
	g.ram[DATA] = 0x42;
	EXPECT_OUT(&g, 0x42);
	EXPECT_EQ(g.ram[DATA], 0x5a);
}

void mem_own_noexec(void)
{
	struct guest g;

	make(&g, 1);
	EXPECT(mprotect(g.ram, PAGE, PROT_READ | PROT_EXEC) && errno == EACCES);
}

/* SIGSEGV ends the child: the parent's mapping is not in it. */
static int touch_ram(void *arg)
{
	signal(SIGSEGV, SIG_DFL);
	return *((struct guest *)arg)->ram;
}

void mem_own_fork(void)
{
	struct guest g;

	make(&g, 1);
	EXPECT_EQ(in_child(touch_ram, &g), 128 + SIGSEGV);
}

void mem_own_dump(void)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	bool ours = false, told = false;
	struct guest g;
	char line[512];

	make(&g, 1);
	EXPECT(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (strstr(line, "vmm-memory"))
			ours = true;
		if (ours && !strncmp(line, "VmFlags:", 8)) {
			EXPECT(strstr(line, " dd"));
			told = true;
			break;
		}
	}
	EXPECT(told);
}

void mem_own_unmap(void)
{
	struct guest g;

	START(&g, LONG, touch);
	g.ram[DATA] = 0x42;
	EXPECT(!munmap(g.ram, RAM_SIZE));
	EXPECT_OUT(&g, 0x42);
}

void mem_own_after_term(void)
{
	struct guest g;

	make(&g, 1);
	g.ram[DATA] = 7;
	MUST(term(g.fd, g.id));
	close(g.fd);
	EXPECT_EQ(g.ram[DATA], 7);
	g.ram[DATA + PAGE] = 8;
	EXPECT_EQ(g.ram[DATA + PAGE], 8);
}

/* Nothing is there until it is touched, by the caller or the guest. */
void mem_own_lazy(void)
{
	struct guest g;
	uint64_t used;

	make(&g, 1);
	EXPECT_EQ(info_of(g.fd, g.id).vir_used_size, 0);
	g.ram[0] = 1;
	used = info_of(g.fd, g.id).vir_used_size;
	EXPECT(used >= PAGE && used <= RAM_SIZE);
	LOAD(&g, touch);
	MUST(reset(&g, LONG));
	EXPECT_OUT(&g, 0);
	EXPECT(info_of(g.fd, g.id).vir_used_size > used);
}

/* ---- the caller's own memory ---- */

/* The same small VM as make() makes, in the caller's memory. */
static void make_in(struct guest *g, uint8_t *va)
{
	struct vm_create_params vcp = small_vm();

	memset(g, 0, sizeof(*g));
	g->fd = device();
	g->ram = va;
	vcp.vcp_memranges[0].vmr_va = (uintptr_t)va;
	MUST(call(g->fd, VMM_IOC_CREATE, &vcp));
	EXPECT_EQ(vcp.vcp_memranges[0].vmr_va, (uintptr_t)va);
	g->id = vcp.vcp_id;
}

void mem_given_filled(void)
{
	uint8_t *va = own_memory(RAM_SIZE);
	struct guest g;

	va[DATA] = 0x42;
	memcpy(va + CODE, touch, (size_t)(touch_end - touch));
	make_in(&g, va);
	MUST(reset(&g, LONG));
	EXPECT_OUT(&g, 0x42);
	EXPECT_EQ(va[DATA], 0x5a);
}

void mem_given_used(void)
{
	struct guest g;

	make_in(&g, own_memory(RAM_SIZE));
	EXPECT_EQ(info_of(g.fd, g.id).vir_used_size, RAM_SIZE);
	EXPECT_EQ(info_of(g.fd, g.id).vir_memory_size, RAM_SIZE);
}

/* The guest keeps its pages when the caller gives its own mapping up. */
void mem_given_unmap(void)
{
	struct guest g;

	make_in(&g, own_memory(RAM_SIZE));
	LOAD(&g, touch);
	MUST(reset(&g, LONG));
	g.ram[DATA] = 0x42;
	EXPECT(!munmap(g.ram, RAM_SIZE));
	EXPECT_OUT(&g, 0x42);
}

static int fork_and_write(void *arg)
{
	((struct guest *)arg)->ram[DATA] = 1;
	return 0;
}

/* Pinned pages are not copied on write under the guest. */
void mem_given_fork(void)
{
	struct guest g;

	make_in(&g, own_memory(RAM_SIZE));
	LOAD(&g, touch);
	MUST(reset(&g, LONG));
	g.ram[DATA] = 0x42;
	EXPECT_EQ(in_child(fork_and_write, &g), 0);
	g.ram[DATA] = 0x43;
	EXPECT_OUT(&g, 0x43);
	EXPECT_EQ(g.ram[DATA], 0x5a);
}

void mem_given_two_vms(void)
{
	uint8_t *va = own_memory(RAM_SIZE);
	struct guest a, b;

	make_in(&a, va);
	make_in(&b, va);
	LOAD(&a, touch);
	MUST(reset(&a, LONG));
	MUST(reset(&b, LONG));
	va[DATA] = 1;
	EXPECT_OUT(&a, 1);
	EXPECT_OUT(&b, 0x5a);
}

/* Both kinds in one VM: RAM at 0 is the caller's, that at 1 MiB ours. */
void mem_mixed(void)
{
	struct vm_create_params vcp = small_vm();
	uint8_t *va = own_memory(RAM_SIZE), *ours;
	struct guest g = { .fd = device(), .ram = va };

	vcp.vcp_nmemranges = 2;
	vcp.vcp_memranges[0].vmr_va = (uintptr_t)va;
	vcp.vcp_memranges[1] = (struct vm_mem_range) { .vmr_gpa = RAM_SIZE, .vmr_size = PAGE };
	MUST(call(g.fd, VMM_IOC_CREATE, &vcp));
	g.id = vcp.vcp_id;
	ours = (uint8_t *)(uintptr_t)vcp.vcp_memranges[1].vmr_va;
	LOAD(&g, touch);
	MUST(reset(&g, LONG));
	memcpy(va + CODE + 1, &(uint32_t){ RAM_SIZE }, 4);	/* MOV's immediate */
	ours[0] = 0x21;
	EXPECT_OUT(&g, 0x21);
	EXPECT_EQ(ours[0], 0x5a);
}

/* A large range: 2 MiB at once where they can be had. */
void mem_large(void)
{
	struct vm_create_params vcp = small_vm();
	int fd = device();
	uint8_t *va;

	vcp.vcp_memranges[0].vmr_size = 4 * MIB2;
	MUST(call(fd, VMM_IOC_CREATE, &vcp));
	va = (uint8_t *)(uintptr_t)vcp.vcp_memranges[0].vmr_va;
	va[0] = 1;
	va[4 * MIB2 - 1] = 2;
	EXPECT(info_of(fd, vcp.vcp_id).vir_used_size <= 2 * MIB2);
	EXPECT_EQ(va[MIB2], 0);
}
