// SPDX-License-Identifier: GPL-2.0-only
/* Who may do what: users, namespaces, 32-bit programs. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm_stats.h"

#define USER	1000
#define OTHER	1001

GUEST(64, tell, "1: out %al, $0x80\n jmp 1b\n");

/* A plain user runs a guest like anybody who may open the device. */
static int user_runs(void *arg)
{
	struct vcpu_reg_state regs;
	struct guest g;

	(void)arg;
	become_user(USER);
	START(&g, LONG, tell);
	run_to_out(&g);
	regs = regs_of(&g);
	set_regs(&g, VM_RWREGS_ALL, &regs);
	MUST(intr(g.fd, g.id, 0, 0));
	run_to_out(&g);
	EXPECT_EQ(info_of(g.fd, g.id).vir_id, g.id);
	MUST(term(g.fd, g.id));
	return 0;
}

void who_user(void)
{
	EXPECT_EQ(in_child(user_runs, NULL), 0);
}

static int user_opens(void *arg)
{
	(void)arg;
	EXPECT(!setgid(USER) && !setuid(USER));
	EXPECT(open(DEVICE, O_RDWR) < 0 && errno == EACCES);
	return 0;
}

void who_no_permission(void)
{
	EXPECT(!chown(DEVICE, 0, 0) && !chmod(DEVICE, 0660));
	EXPECT_EQ(in_child(user_opens, NULL), 0);
}

/* ---- INFO ---- */

static int pipes[2][2];

/* Another user with a VM, until the pipe is closed; then what INFO gave it. */
static int other_user(void *arg)
{
	struct vm_info_result list[4];
	char byte = 0;
	uint32_t id;
	size_t n;
	int fd;

	(void)arg;
	close(pipes[1][1]);
	become_user(OTHER);
	fd = device();
	id = create_small(fd);
	EXPECT(write(pipes[0][1], &byte, 1) == 1);
	EXPECT(read(pipes[1][0], &byte, 1) == 0);
	n = info(fd, list, 4);
	EXPECT_EQ(n, 1);
	EXPECT_EQ(list[0].vir_id, id);
	return 0;
}

static int start_other_user(void)
{
	char byte;
	int pid;

	EXPECT(!pipe(pipes[0]) && !pipe(pipes[1]));
	pid = start_child(other_user, NULL);
	EXPECT(read(pipes[0][0], &byte, 1) == 1);
	return pid;
}

static int user_is_shown_one(void *arg)
{
	struct vm_info_result list[4];
	struct vm_info_params vip = {};
	uint32_t id;
	int fd;

	(void)arg;
	become_user(USER);
	fd = device();
	MUST(call(fd, VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_size, 0);
	id = create_small(device());		/* on whichever file */
	EXPECT_EQ(info(fd, list, 4), 1);
	EXPECT_EQ(list[0].vir_id, id);
	return 0;
}

/* VMs of root and of another user are there, and not shown. */
void who_info_user(void)
{
	int pid = start_other_user();

	create_small(device());
	EXPECT_EQ(in_child(user_is_shown_one, NULL), 0);
	close(pipes[1][1]);
	EXPECT_EQ(wait_child(pid), 0);
}

void who_info_root(void)
{
	struct vm_info_result list[4];
	int pid = start_other_user(), fd = device();

	EXPECT_EQ(info(fd, list, 4), 1);
	EXPECT_EQ(list[0].vir_creator_pid, pid);
	EXPECT_ERR(term(fd, list[0].vir_id), EPERM);
	close(pipes[1][1]);
	EXPECT_EQ(wait_child(pid), 0);
}

static int user_namespace_root(void *arg)
{
	struct vm_info_params vip = {};
	int fd;

	(void)arg;
	become_user(USER);
	fd = device();
	EXPECT(!unshare(CLONE_NEWUSER));
	MUST(call(fd, VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_size, 0);
	return 0;
}

/* Who has all capabilities in a user namespace of his own has none here. */
void who_info_userns(void)
{
	create_small(device());
	EXPECT_EQ(in_child(user_namespace_root, NULL), 0);
}

/* ---- statistics ---- */

static int map_stats(int fd, uint32_t vm, int prot)
{
	void *at = mmap(NULL, sizeof(struct vmm_stats), prot, MAP_SHARED, fd,
			(off_t)VMM_STATS_OFFSET(vm, 0));

	if (at == MAP_FAILED)
		return errno;
	munmap(at, sizeof(struct vmm_stats));
	return 0;
}

static int user_maps(void *arg)
{
	uint32_t roots = *(uint32_t *)arg, own;
	int fd;

	become_user(USER);
	fd = device();
	own = create_small(fd);
	EXPECT_ERR(map_stats(fd, own, PROT_READ), 0);
	EXPECT_ERR(map_stats(device(), own, PROT_READ), 0);
	return map_stats(fd, roots, PROT_READ);
}

void who_stats(void)
{
	uint32_t id = create_small(device());

	EXPECT_EQ(in_child(user_maps, &id), EPERM);
	EXPECT_ERR(map_stats(device(), id, PROT_READ), 0);
	EXPECT_ERR(map_stats(device(), id, PROT_READ | PROT_WRITE), EACCES);
	EXPECT_ERR(map_stats(device(), id + 1, PROT_READ), ENOENT);
}

/* ---- pid namespaces ---- */

static int in_pid_namespace(void *arg)
{
	uint32_t outside = *(uint32_t *)arg;
	char byte = 0;
	int fd = device();
	uint32_t id = create_small(fd);

	EXPECT_EQ(getpid(), 1);
	EXPECT_EQ(info_of(fd, id).vir_creator_pid, 1);
	EXPECT_EQ(info_of(fd, outside).vir_creator_pid, 0);
	EXPECT(write(pipes[0][1], &id, sizeof(id)) == sizeof(id));
	EXPECT(read(pipes[1][0], &byte, 1) == 1);
	return 0;
}

void who_pidns(void)
{
	int fd = device(), pid;
	uint32_t id = create_small(fd), inside;
	char byte = 0;

	EXPECT(!pipe(pipes[0]) && !pipe(pipes[1]));
	EXPECT(!unshare(CLONE_NEWPID));
	pid = start_child(in_pid_namespace, &id);
	EXPECT(read(pipes[0][0], &inside, sizeof(inside)) == sizeof(inside));
	EXPECT_EQ(info_of(fd, inside).vir_creator_pid, pid);
	EXPECT_EQ(info_of(fd, id).vir_creator_pid, getpid());
	EXPECT(write(pipes[1][1], &byte, 1) == 1);
	EXPECT_EQ(wait_child(pid), 0);
}

/* ---- 32-bit programs ---- */

/* ioctl(2) by the system call of 32-bit programs, number 54. */
static int ioctl32(int fd, uint32_t cmd)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(54), "b"(fd), "c"(cmd), "d"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)-ret;
}

void who_32bit(void)
{
	static const uint32_t cmds[] = {
#define C(name, NAME) VMM_IOC_##NAME,
		CONFORM_CALLS(C)
#undef C
		VMM_IOC_VERSION, VMM_IOC_CLOCK, VMM_IOC_LIMIT,
	};
	unsigned int i;
	int fd = device();

	for (i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		EXPECT_ERR(ioctl32(fd, cmds[i]), ENOTTY);
}
