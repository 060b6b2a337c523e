// SPDX-License-Identifier: GPL-2.0-only
/*
 * rounds N: N times, a process makes a VM, runs it, and is killed with SIGKILL in mid-RUN; then
 * free memory, pinned pages and files of the module's are where they were. In turn: the module's
 * memory and the process' own; one vCPU and four; beside another VM and, with virtualization
 * switched on and off each time, alone. Speaks TAP.
 */
#include "guest.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NCPUS		4
#define WARM_UP		100
/* What a host's own noise may be: a hundred bytes for each of 10,000 rounds. */
#define SLACK_KIB	1024

GUEST(64, forever, FOREVER);

static int running[2];

void fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("# %s:%d: ", strrchr(file, '/') + 1, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\nBail out!\n");
	fflush(stdout);
	_exit(1);
}

void not_here(const char *why)
{
	fail(__FILE__, __LINE__, "%s", why);
}

struct footprint {
	uint64_t free, pinned, users;
};

static struct footprint footprint(void)
{
	return (struct footprint) {
		.free = free_kib(), .pinned = pinned(),
		.users = number_in("/sys/module/vmm/refcnt", ""),
	};
}

static void tell(const char *when, const struct footprint *f)
{
	printf("# %s: %llu KiB free, %llu pinned pages, %llu users of the module\n", when,
	       (unsigned long long)f->free, (unsigned long long)f->pinned,
	       (unsigned long long)f->users);
}

static void make_vm(struct guest *g, unsigned int round)
{
	struct vm_create_params vcp = small_vm();

	memset(g, 0, sizeof(*g));
	g->fd = device();
	vcp.vcp_ncpus = round & 2 ? NCPUS : 1;
	if (round & 1) {
		g->ram = own_memory(RAM_SIZE);
		vcp.vcp_memranges[0].vmr_va = (uintptr_t)g->ram;
	}
	MUST(call(g->fd, VMM_IOC_CREATE, &vcp));
	g->id = vcp.vcp_id;
	g->ram = (uint8_t *)(uintptr_t)vcp.vcp_memranges[0].vmr_va;
}

/* A round's process: it tells when its guest runs, and is killed at some later time. */
static int victim(void *arg)
{
	unsigned int round = *(unsigned int *)arg, i, n = round & 2 ? NCPUS : 1;
	struct vcpu_reg_state regs = registers(LONG);
	pthread_t threads[NCPUS];
	struct guest g[NCPUS];

	make_vm(&g[0], round);
	LOAD(&g[0], forever);
	MUST(reset(&g[0], LONG));
	for (i = 1; i < n; i++) {
		g[i] = other_vcpu(&g[0], i);
		MUST(reset_to(&g[i], &regs));
		run_in_thread(&g[i], &threads[i]);
	}
	EXPECT(write(running[1], "", 1) == 1);
	return run_on(&g[0]);
}

static void one_round(unsigned int round)
{
	char byte;
	int pid = start_child(victim, &round);

	EXPECT(read(running[0], &byte, 1) == 1);
	/* From at once to after the first tick. */
	if (round % 8)
		pause_ms(round % 8 - 1);
	kill(pid, SIGKILL);
	EXPECT_EQ(wait_child(pid), 128 + SIGKILL);
}

/* A VM that does nothing, and whose memory is not mapped; its file. */
static int vm_beside(void)
{
	struct vm_create_params vcp = small_vm();
	int fd = device();

	MUST(call(fd, VMM_IOC_CREATE, &vcp));
	EXPECT(!munmap((void *)(uintptr_t)vcp.vcp_memranges[0].vmr_va, SMALL_VM_SIZE));
	return fd;
}

static void rounds(unsigned int n)
{
	unsigned int i;
	int beside = -1;

	for (i = 0; i < n; i++) {
		/* Sixteen rounds with another VM there, sixteen without. */
		if (i % 16 == 0 && i / 16 % 2) {
			beside = vm_beside();
		} else if (i % 16 == 0 && beside >= 0) {
			close(beside);
			beside = -1;
		}
		one_round(i);
		if ((i + 1) % 1000 == 0) {
			printf("# %u rounds: %llu KiB free\n", i + 1,
			       (unsigned long long)free_kib());
			fflush(stdout);
		}
	}
	if (beside >= 0)
		close(beside);
}

static void result(unsigned int number, bool ok, const char *what)
{
	printf("%sok %u - %s\n", ok ? "" : "not ", number, what);
}

int main(int argc, char **argv)
{
	unsigned int n = argc == 2 ? (unsigned int)atoi(argv[1]) : 0, left = 100;
	struct vm_info_params vip = {};
	struct footprint before, after;

	if (!n) {
		fprintf(stderr, "Usage: rounds N\n");
		return 2;
	}
	EXPECT(!pipe(running));
	rounds(WARM_UP);
	before = footprint();
	rounds(n);
	do {
		/* Some is freed after a grace period only. */
		pause_ms(50);
		after = footprint();
	} while (left-- && after.free + SLACK_KIB < before.free);
	tell("before", &before);
	tell("after", &after);
	MUST(call(device(), VMM_IOC_INFO, &vip));
	result(1, !vip.vip_size, "no VM is left");
	result(2, after.free + SLACK_KIB >= before.free, "free memory is where it was");
	result(3, after.pinned == before.pinned, "the number of pinned pages is what it was");
	result(4, !after.users, "no file of the module's is left");
	printf("1..4\n");
	return 0;
}
