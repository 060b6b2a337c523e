// SPDX-License-Identifier: GPL-2.0-only
/* VMM_IOC_INFO and VMM_IOC_TERM. */
#include "guest.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENTRY sizeof(struct vm_info_result)

GUEST(64, forever, FOREVER);
GUEST(64, out_forever, "1: out %al, $0x80\n jmp 1b\n");
GUEST(64, halt_off, "cli\n hlt\n");

void info_none(void)
{
	struct vm_info_params vip = { .vip_info_ct = 5 };

	MUST(call(device(), VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_size, 0);
	EXPECT_EQ(vip.vip_info_ct, 0);
}

/* A count of 0 needs no buffer. */
void info_none_bad_buffer(void)
{
	struct vm_info_params vip = { .vip_size = 4096, .vip_info = (void *)8 };

	MUST(call(device(), VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_size, 4096);
	EXPECT_EQ(vip.vip_info_ct, 0);
}

void info_size(void)
{
	struct vm_info_params vip = { .vip_info_ct = 5 };
	int fd = device();

	create_small(fd);
	create_small(fd);
	MUST(call(fd, VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_size, 2 * ENTRY);
	EXPECT_EQ(vip.vip_info_ct, 0);
}

void info_small(void)
{
	struct vm_info_result list[2];
	struct vm_info_params vip = { .vip_size = 2 * ENTRY - 1, .vip_info = list };
	unsigned char untouched[sizeof(list)];
	int fd = device();

	create_small(fd);
	create_small(fd);
	memset(list, 0x77, sizeof(list));
	memset(untouched, 0x77, sizeof(untouched));
	MUST(call(fd, VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_size, 2 * ENTRY);
	EXPECT_EQ(vip.vip_info_ct, 0);
	EXPECT(!memcmp(list, untouched, sizeof(list)));
}

void info_exact(void)
{
	struct vm_info_result list[2];
	struct vm_info_params vip = { .vip_size = sizeof(list), .vip_info = list };
	int fd = device();
	uint32_t a = create_small(fd), b = create_small(fd);

	MUST(call(fd, VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_info_ct, 2);
	EXPECT_EQ(vip.vip_size, sizeof(list));
	EXPECT_EQ(list[0].vir_id, b);
	EXPECT_EQ(list[1].vir_id, a);
}

void info_large(void)
{
	struct vm_info_result list[4];
	struct vm_info_params vip = { .vip_size = sizeof(list), .vip_info = list };
	int fd = device();

	create_small(fd);
	memset(list, 0x77, sizeof(list));
	MUST(call(fd, VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_info_ct, 1);
	EXPECT_EQ(vip.vip_size, sizeof(list));
	EXPECT_EQ(list[1].vir_id, 0x77777777);
}

/* A VM ends between the call that asks for the size and the one that lists. */
void info_shrinks(void)
{
	struct vm_info_result list[3];
	struct vm_info_params vip = { .vip_info = list };
	int fd = device();
	uint32_t a = create_small(fd), b = create_small(fd), c = create_small(fd);

	MUST(call(fd, VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_size, sizeof(list));
	MUST(term(fd, b));
	MUST(call(fd, VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_info_ct, 2);
	EXPECT_EQ(vip.vip_size, sizeof(list));
	EXPECT_EQ(list[0].vir_id, c);
	EXPECT_EQ(list[1].vir_id, a);
}

void info_grows(void)
{
	struct vm_info_result list[2];
	struct vm_info_params vip = { .vip_info = list };
	int fd = device();

	create_small(fd);
	MUST(call(fd, VMM_IOC_INFO, &vip));
	create_small(fd);
	MUST(call(fd, VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_info_ct, 0);
	EXPECT_EQ(vip.vip_size, sizeof(list));
}

void info_efault(void)
{
	struct vm_info_params vip = { .vip_size = ENTRY, .vip_info_ct = 9 };
	int fd = device();

	create_small(fd);
	EXPECT_ERR(call(fd, VMM_IOC_INFO, &vip), EFAULT);
	EXPECT_EQ(vip.vip_info_ct, 9);
	vip.vip_info = (void *)0xffff800000000000;
	EXPECT_ERR(call(fd, VMM_IOC_INFO, &vip), EFAULT);
}

void info_fields(void)
{
	struct vm_create_params vcp = small_vm();
	struct vm_info_result vir;
	int fd = device();

	vcp.vcp_ncpus = 3;
	MUST(call(fd, VMM_IOC_CREATE, &vcp));
	vir = info_of(fd, vcp.vcp_id);
	EXPECT_EQ(vir.vir_memory_size, SMALL_VM_SIZE);
	EXPECT_EQ(vir.vir_ncpus, 3);
	EXPECT_EQ(vir.vir_creator_pid, getpid());
	EXPECT(!strcmp(vir.vir_name, "conform"));
	EXPECT_EQ(vir.vir_vcpu_state[2], VCPU_STATE_STOPPED);
	EXPECT_EQ(vir.vir_vcpu_state[3], VCPU_STATE_UNKNOWN);
}

void info_states(void)
{
	pthread_t thread;
	struct guest g;

	START(&g, LONG, forever);
	EXPECT_EQ(info_of(g.fd, g.id).vir_vcpu_state[0], VCPU_STATE_STOPPED);
	run_in_thread(&g, &thread);
	EVENTUALLY(is_running(&g));
	MUST(interrupt(&g, thread));
	EXPECT_EQ(info_of(g.fd, g.id).vir_vcpu_state[0], VCPU_STATE_STOPPED);
	LOAD(&g, halt_off);
	set_gpr(&g, VCPU_REGS_RIP, CODE);
	EXPECT_ERR(run_on(&g), EIO);
	EXPECT_EQ(info_of(g.fd, g.id).vir_vcpu_state[0], VCPU_STATE_TERMINATED);
}

/* Root is shown every VM, also those of other files. */
void info_all(void)
{
	struct vm_info_result list[4];
	int a = device(), b = device();

	create_small(a);
	create_small(b);
	EXPECT_EQ(info(a, list, 4), 2);
	EXPECT_EQ(info(device(), list, 4), 2);
}

/* ---- TERM ---- */

void term_ends(void)
{
	struct vm_info_result list[2];
	int fd = device();
	uint32_t a = create_small(fd), b = create_small(fd);

	MUST(term(fd, a));
	EXPECT_EQ(info(fd, list, 2), 1);
	EXPECT_EQ(list[0].vir_id, b);
	EXPECT_ERR(term(fd, a), ENOENT);
}

/* A guest that never exits: TERM makes it. */
void term_running(void)
{
	pthread_t thread;
	struct guest g;

	START(&g, LONG, forever);
	run_in_thread(&g, &thread);
	EVENTUALLY(is_running(&g));
	MUST(term(g.fd, g.id));
	EXPECT_ERR(join(thread), ENOENT);
	EXPECT_EQ(g.run.vrp_exit_reason, VM_EXIT_NONE);
}

/* A guest that comes back all the time, by a thread that runs it again: at some
 * moment its VM is gone. */
static void *run_until_gone(void *arg)
{
	struct guest *g = arg;
	int err;

	do
		err = run_once(g);
	while (!err);
	return (void *)(intptr_t)err;
}

void term_busy_runner(void)
{
	pthread_t thread;
	struct guest g;

	START(&g, LONG, out_forever);
	EXPECT(!pthread_create(&thread, NULL, run_until_gone, &g));
	pause_ms(50);
	MUST(term(g.fd, g.id));
	EXPECT_EQ(join(thread), ENOENT);
}

static void *term_in_thread(void *arg)
{
	struct guest *g = arg;

	return (void *)(intptr_t)term(g->fd, g->id);
}

/* One of two ends it. The other comes too late, or meanwhile. */
void term_twice_at_once(void)
{
	unsigned int i, won;
	pthread_t a, b;
	struct guest g;
	int ra, rb;

	for (i = 0; i < 20; i++) {
		make(&g, 1);
		EXPECT(!pthread_create(&a, NULL, term_in_thread, &g));
		EXPECT(!pthread_create(&b, NULL, term_in_thread, &g));
		ra = join(a);
		rb = join(b);
		won = !ra + !rb;
		EXPECT_EQ(won, 1);
		EXPECT(ra + rb == ENOENT || ra + rb == EBUSY);
		close(g.fd);
	}
}

void term_terminated(void)
{
	struct guest g;

	START(&g, LONG, halt_off);
	EXPECT_ERR(run_on(&g), EIO);
	MUST(term(g.fd, g.id));
}
