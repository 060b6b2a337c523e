// SPDX-License-Identifier: GPL-2.0-only
/* What a VM takes is somebody's, and is given back: RLIMIT_MEMLOCK, memory cgroups, pins. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER	1000
#define KIB	1024ULL
#define MIB	(1024 * KIB)
#define CGROUPS	"/sys/fs/cgroup"

GUEST(64, tell, "1: out %al, $0x80\n jmp 1b\n");
/* Touches a byte of each page from 2 MiB on, as far as there is memory. */
GUEST(64, touch_all, "mov $0x200000, %ebx\n 1: movb $1, (%rbx)\n add $0x1000, %rbx\n jmp 1b\n");

static uint64_t locked(void)
{
	return number_in("/proc/self/status", "VmLck:") * KIB;
}

/* CREATE in memory of the caller's: 0 or errno. */
static int create_in(int fd, void *va, uint32_t *ret_id)
{
	struct vm_create_params vcp = small_vm();
	int err;

	vcp.vcp_memranges[0].vmr_va = (uintptr_t)va;
	err = call(fd, VMM_IOC_CREATE, &vcp);
	*ret_id = vcp.vcp_id;
	return err;
}

static void limit_locked(uint64_t bytes)
{
	struct rlimit limit = { bytes, bytes };

	EXPECT(!setrlimit(RLIMIT_MEMLOCK, &limit));
}

/* ---- RLIMIT_MEMLOCK ---- */

void charge_memlock(void)
{
	uint64_t before = locked();
	int fd = device();
	uint32_t id;

	MUST(create_in(fd, own_memory(SMALL_VM_SIZE), &id));
	EXPECT_EQ(locked(), before + SMALL_VM_SIZE);
	MUST(term(fd, id));
	EXPECT_EQ(locked(), before);
}

void charge_memlock_close(void)
{
	uint64_t before = locked();
	int fd = device();
	uint32_t id;

	MUST(create_in(fd, own_memory(SMALL_VM_SIZE), &id));
	close(fd);
	EXPECT_EQ(locked(), before);
}

static int user_is_limited(void *arg)
{
	uint32_t id;

	(void)arg;
	prctl(PR_SET_NAME, "conform");
	limit_locked(64 * KIB);
	become_user(USER);
	EXPECT_ERR(create_in(device(), own_memory(SMALL_VM_SIZE), &id), ENOMEM);
	EXPECT_EQ(locked(), 0);
	return 0;
}

/* The kernel log names the process and the limit. */
void charge_memlock_limit(void)
{
	static char log[1 << 20];
	char name[64];
	int pid = start_child(user_is_limited, NULL);

	EXPECT_EQ(wait_child(pid), 0);
	EXPECT(klogctl(3, log, sizeof(log) - 1) > 0);
	snprintf(name, sizeof(name), "conform[%d]:", pid);
	EXPECT(strstr(log, name));
	EXPECT(strstr(strstr(log, name), "RLIMIT_MEMLOCK"));
}

static int user_within_limit(void *arg)
{
	uint32_t id;
	int fd;

	(void)arg;
	limit_locked(SMALL_VM_SIZE);
	become_user(USER);
	fd = device();
	MUST(create_in(fd, own_memory(SMALL_VM_SIZE), &id));
	EXPECT_ERR(create_in(fd, own_memory(SMALL_VM_SIZE), &id), ENOMEM);
	close(fd);
	MUST(create_in(device(), own_memory(SMALL_VM_SIZE), &id));
	return 0;
}

void charge_memlock_used_up(void)
{
	EXPECT_EQ(in_child(user_within_limit, NULL), 0);
}

static int user_without_limit_needed(void *arg)
{
	struct guest g;

	(void)arg;
	limit_locked(0);
	become_user(USER);
	START(&g, LONG, tell);
	run_to_out(&g);
	EXPECT_EQ(locked(), 0);
	return 0;
}

void charge_memlock_own(void)
{
	EXPECT_EQ(in_child(user_without_limit_needed, NULL), 0);
}

static int root_is_not_limited(void *arg)
{
	uint32_t id;

	(void)arg;
	limit_locked(0);
	return create_in(device(), own_memory(SMALL_VM_SIZE), &id);
}

void charge_memlock_root(void)
{
	EXPECT_EQ(in_child(root_is_not_limited, NULL), 0);
}

/* ---- pins ---- */

void charge_pins(void)
{
	uint64_t before = pinned();
	int fd = device();
	uint32_t id;

	MUST(create_in(fd, own_memory(SMALL_VM_SIZE), &id));
	EXPECT_EQ(pinned(), before + SMALL_VM_SIZE / 4096);
	MUST(term(fd, id));
	EXPECT_EQ(pinned(), before);
}

/* Half of the memory is there: what was pinned is let go. */
void charge_pins_failed(void)
{
	uint64_t before = pinned(), charged = locked();
	uint8_t *va = own_memory(SMALL_VM_SIZE);
	uint32_t id;

	EXPECT(!munmap(va + SMALL_VM_SIZE / 2, SMALL_VM_SIZE / 2));
	EXPECT_ERR(create_in(device(), va, &id), ENOMEM);
	EXPECT_EQ(pinned(), before);
	EXPECT_EQ(locked(), charged);
}

static int pin_and_wait(void *arg)
{
	uint32_t id;

	(void)arg;
	MUST(create_in(device(), own_memory(SMALL_VM_SIZE), &id));
	pause_ms(1000000);
	return 0;
}

void charge_pins_killed(void)
{
	uint64_t before = pinned();
	int pid = start_child(pin_and_wait, NULL);

	EVENTUALLY(pinned() == before + SMALL_VM_SIZE / 4096);
	kill(pid, SIGKILL);
	EXPECT_EQ(wait_child(pid), 128 + SIGKILL);
	EXPECT_EQ(pinned(), before);
}

/* ---- memory cgroups ---- */

static uint64_t charged(void)
{
	FILE *from = fopen(CGROUPS "/row/memory.current", "re");
	unsigned long long value;

	EXPECT(from && fscanf(from, "%llu", &value) == 1);
	fclose(from);
	return value;
}

static void make_cgroup(void)
{
	write_file(CGROUPS "/cgroup.subtree_control", "+memory");
	EXPECT(!mkdir(CGROUPS "/row", 0700));
}

static void remove_cgroup(void)
{
	EVENTUALLY(!rmdir(CGROUPS "/row"));
}

/* Slack of the counters, which are kept a batch a CPU. */
#define SLACK (2 * MIB)

static int charges_the_cgroup(void *arg)
{
	struct vm_create_params vcp = small_vm();
	uint64_t before, i;
	uint8_t *va;
	int fd;

	(void)arg;
	write_file(CGROUPS "/row/cgroup.procs", "0");
	fd = device();
	before = charged();
	vcp.vcp_memranges[0].vmr_size = 16 * MIB;
	MUST(call(fd, VMM_IOC_CREATE, &vcp));
	EXPECT(charged() < before + SLACK);
	va = (uint8_t *)(uintptr_t)vcp.vcp_memranges[0].vmr_va;
	for (i = 0; i < 16 * MIB; i += 4096)
		va[i] = 1;
	EXPECT(charged() + SLACK > before + 16 * MIB);
	MUST(term(fd, vcp.vcp_id));
	EXPECT(!munmap(va, 16 * MIB));
	EVENTUALLY(charged() < before + SLACK);
	return 0;
}

void charge_cgroup(void)
{
	make_cgroup();
	EXPECT_EQ(in_child(charges_the_cgroup, NULL), 0);
	remove_cgroup();
}

static int takes_too_much(void *arg)
{
	struct vm_create_params vcp = small_vm();
	struct guest g = { .fd = device() };

	(void)arg;
	write_file(CGROUPS "/row/cgroup.procs", "0");
	vcp.vcp_memranges[0].vmr_size = 64 * MIB;
	MUST(call(g.fd, VMM_IOC_CREATE, &vcp));
	g.id = vcp.vcp_id;
	g.ram = (uint8_t *)(uintptr_t)vcp.vcp_memranges[0].vmr_va;
	LOAD(&g, touch_all);
	MUST(reset(&g, LONG));
	return run_on(&g);
}

/* A guest cannot take more than its process may: RUN fails, or the process is
 * killed, as any that needs too much. */
void charge_cgroup_limit(void)
{
	int status;

	make_cgroup();
	write_file(CGROUPS "/row/memory.max", "20000000");
	status = in_child(takes_too_much, NULL);
	EXPECT(status == ENOMEM || status == 128 + SIGKILL);
	remove_cgroup();
}
