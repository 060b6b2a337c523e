// SPDX-License-Identifier: GPL-2.0-only
/* VMM_IOC_LIMIT: what may be had through a file, and for whom. */
#include "guest.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vmm_stats.h"

#define USER		1000
#define OTHER		1001
#define NO_LIMIT	(~0ULL)
#define MiB		(1ULL << 20)
#define NTHREADS	4
#define ROUNDS		50

GUEST(64, tell, "1: out %al, $0x80\n jmp 1b\n");

static struct vmm_limit ask(int fd)
{
	struct vmm_limit vl;

	memset(&vl, 0xff, sizeof(vl));
	MUST(call(fd, VMM_IOC_LIMIT, &vl));
	return vl;
}

/* LIMIT: 0 or errno. */
static int limit(int fd, uint64_t memory, uint32_t vms, uint32_t vcpus, uint32_t uid)
{
	struct vmm_limit vl = {
		.vl_memory = memory, .vl_vms = vms, .vl_vcpus = vcpus, .vl_uid = uid,
	};

	return call(fd, VMM_IOC_LIMIT, &vl);
}

/* A new file for a user, with these limits. */
static int file_for(uint32_t uid, uint64_t memory, uint32_t vms, uint32_t vcpus)
{
	int fd = device();

	MUST(limit(fd, memory, vms, vcpus, uid));
	return fd;
}

/* CREATE of so much memory and so many vCPUs: 0 or errno. */
static int create(int fd, uint64_t memory, uint32_t vcpus, uint32_t *ret_id)
{
	struct vm_create_params vcp = small_vm();
	int err;

	vcp.vcp_memranges[0].vmr_size = memory;
	vcp.vcp_ncpus = vcpus;
	err = call(fd, VMM_IOC_CREATE, &vcp);
	if (!err) {
		*ret_id = vcp.vcp_id;
		EXPECT(!munmap((void *)vcp.vcp_memranges[0].vmr_va, memory));
	}
	return err;
}

/* A user who may not open the device. */
static void drop_to(unsigned int uid)
{
	EXPECT(!setgroups(0, NULL) && !setgid(uid) && !setuid(uid));
}

/* ---- the limits ---- */

void limit_none(void)
{
	struct vmm_limit vl = ask(device());

	EXPECT_EQ(vl.vl_memory, NO_LIMIT);
	EXPECT_EQ(vl.vl_vms, UINT32_MAX);
	EXPECT_EQ(vl.vl_vcpus, UINT32_MAX);
	EXPECT_EQ(vl.vl_uid, VMM_LIMIT_NO_USER);
}

void limit_lower(void)
{
	struct vmm_limit vl;
	int fd = device();

	MUST(limit(fd, 64 * MiB, 4, UINT32_MAX, VMM_LIMIT_NO_USER));
	MUST(limit(fd, 32 * MiB, UINT32_MAX, 8, VMM_LIMIT_NO_USER));
	vl = ask(fd);
	EXPECT_EQ(vl.vl_memory, 32 * MiB);
	EXPECT_EQ(vl.vl_vms, 4);
	EXPECT_EQ(vl.vl_vcpus, 8);
}

void limit_raise(void)
{
	struct vmm_limit vl = { .vl_memory = 2 * MiB, .vl_vms = 2, .vl_vcpus = 2,
				.vl_uid = VMM_LIMIT_NO_USER };
	int fd = device();

	MUST(limit(fd, MiB, 1, 1, VMM_LIMIT_NO_USER));
	MUST(call(fd, VMM_IOC_LIMIT, &vl));
	EXPECT_EQ(vl.vl_memory, MiB);
	EXPECT_EQ(vl.vl_vms, 1);
	EXPECT_EQ(vl.vl_vcpus, 1);
}

void limit_efault(void)
{
	EXPECT_ERR(call(device(), VMM_IOC_LIMIT, NULL), EFAULT);
}

void limit_vms(void)
{
	uint32_t ids[3];
	int fd = device();

	MUST(limit(fd, NO_LIMIT, 2, UINT32_MAX, VMM_LIMIT_NO_USER));
	MUST(create(fd, MiB, 1, &ids[0]));
	MUST(create(fd, MiB, 1, &ids[1]));
	EXPECT_ERR(create(fd, MiB, 1, &ids[2]), EDQUOT);
	MUST(term(fd, ids[0]));
	MUST(create(fd, MiB, 1, &ids[2]));
}

void limit_vms_zero(void)
{
	uint32_t id;
	int fd = device();

	MUST(limit(fd, NO_LIMIT, 0, UINT32_MAX, VMM_LIMIT_NO_USER));
	EXPECT_ERR(create(fd, MiB, 1, &id), EDQUOT);
}

void limit_memory(void)
{
	uint32_t id;
	int fd = device();

	MUST(limit(fd, 4 * MiB, UINT32_MAX, UINT32_MAX, VMM_LIMIT_NO_USER));
	MUST(create(fd, 3 * MiB, 1, &id));
	EXPECT_ERR(create(fd, MiB + 4096, 1, &id), EDQUOT);
	MUST(create(fd, MiB, 1, &id));
	EXPECT_ERR(create(fd, 4096, 1, &id), EDQUOT);
}

void limit_memory_mmio(void)
{
	struct vm_create_params vcp = small_vm();
	int fd = device();

	vcp.vcp_nmemranges = 2;
	vcp.vcp_memranges[1] = (struct vm_mem_range){
		.vmr_gpa = 64 * MiB, .vmr_size = 64 * MiB, .vmr_type = VM_MEM_MMIO,
	};
	MUST(limit(fd, SMALL_VM_SIZE, UINT32_MAX, UINT32_MAX, VMM_LIMIT_NO_USER));
	MUST(call(fd, VMM_IOC_CREATE, &vcp));
}

/* Of what is mapped nothing is free yet. */
void limit_memory_mapped(void)
{
	struct vm_create_params vcp = small_vm();
	uint32_t id;
	int fd = device();

	MUST(limit(fd, SMALL_VM_SIZE, 1, UINT32_MAX, VMM_LIMIT_NO_USER));
	MUST(call(fd, VMM_IOC_CREATE, &vcp));
	MUST(term(fd, vcp.vcp_id));
	EXPECT_ERR(create(fd, 4096, 1, &id), EDQUOT);
	EXPECT(!munmap((void *)vcp.vcp_memranges[0].vmr_va, SMALL_VM_SIZE));
	MUST(create(fd, SMALL_VM_SIZE, 1, &id));
}

void limit_vcpus(void)
{
	uint32_t ids[2];
	int fd = device();

	MUST(limit(fd, NO_LIMIT, UINT32_MAX, 4, VMM_LIMIT_NO_USER));
	MUST(create(fd, MiB, 3, &ids[0]));
	EXPECT_ERR(create(fd, MiB, 2, &ids[1]), EDQUOT);
	MUST(create(fd, MiB, 1, &ids[1]));
	MUST(term(fd, ids[0]));
	MUST(create(fd, MiB, 3, &ids[0]));
}

/* What is wrong with the parameters comes first, and nothing of it is charged. */
void limit_failed(void)
{
	struct vm_create_params vcp = small_vm();
	uint32_t id;
	int fd = device();

	MUST(limit(fd, SMALL_VM_SIZE, 1, 1, VMM_LIMIT_NO_USER));
	vcp.vcp_ncpus = 0;
	EXPECT_ERR(call(fd, VMM_IOC_CREATE, &vcp), EINVAL);
	vcp.vcp_ncpus = 1;
	vcp.vcp_memranges[0].vmr_va = 0x1000;		/* nothing is there */
	EXPECT_ERR(call(fd, VMM_IOC_CREATE, &vcp), ENOMEM);
	MUST(create(fd, SMALL_VM_SIZE, 1, &id));
}

void limit_other_file(void)
{
	uint32_t id;
	int fd = device();

	MUST(limit(fd, NO_LIMIT, 1, UINT32_MAX, VMM_LIMIT_NO_USER));
	create_small(device());
	MUST(create(fd, MiB, 1, &id));
	create_small(device());
}

static int creates_one_more(void *arg)
{
	uint32_t id;

	return create(*(int *)arg, MiB, 1, &id);
}

void limit_inherited(void)
{
	int fd = device();

	MUST(limit(fd, NO_LIMIT, 1, UINT32_MAX, VMM_LIMIT_NO_USER));
	create_small(fd);
	EXPECT_EQ(in_child(creates_one_more, &fd), EDQUOT);
}

static int racing_fd;

static void *race(void *arg)
{
	uint32_t id;
	int i, err;

	for (i = 0; i < ROUNDS; i++) {
		err = create(racing_fd, MiB, 1, &id);
		EXPECT(!err || err == EDQUOT);
		EXPECT(vms() <= 2);
		if (!err)
			MUST(term(racing_fd, id));
	}
	return arg;
}

void limit_race(void)
{
	pthread_t threads[NTHREADS];
	uint32_t id;
	int i;

	racing_fd = device();
	MUST(limit(racing_fd, NO_LIMIT, 2, UINT32_MAX, VMM_LIMIT_NO_USER));
	for (i = 0; i < NTHREADS; i++)
		EXPECT(!pthread_create(&threads[i], NULL, race, NULL));
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	MUST(create(racing_fd, MiB, 1, &id));
	MUST(create(racing_fd, MiB, 1, &id));
}

/* ---- a file that is a user's ---- */

static int user_takes_itself(void *arg)
{
	int fd;

	(void)arg;
	become_user(USER);
	fd = device();
	MUST(limit(fd, NO_LIMIT, 1, 1, USER));
	EXPECT_EQ(ask(fd).vl_uid, USER);
	return 0;
}

void limit_user_self(void)
{
	EXPECT_EQ(in_child(user_takes_itself, NULL), 0);
}

static int user_takes_another(void *arg)
{
	int fd;

	(void)arg;
	become_user(USER);
	fd = device();
	EXPECT_ERR(limit(fd, 0, 0, 0, OTHER), EPERM);
	EXPECT_EQ(ask(fd).vl_uid, VMM_LIMIT_NO_USER);
	EXPECT_EQ(ask(fd).vl_vms, UINT32_MAX);
	return 0;
}

void limit_user_other(void)
{
	EXPECT_EQ(in_child(user_takes_another, NULL), 0);
}

void limit_user_twice(void)
{
	int fd = file_for(USER, NO_LIMIT, 1, 1);

	MUST(limit(fd, NO_LIMIT, 1, 1, USER));
	EXPECT_ERR(limit(fd, NO_LIMIT, 1, 1, OTHER), EPERM);
	EXPECT_ERR(limit(fd, NO_LIMIT, 1, 1, 0), EPERM);
	EXPECT_EQ(ask(fd).vl_uid, USER);
}

static int user_unmapped(void *arg)
{
	int fd;

	(void)arg;
	become_user(USER);
	fd = device();
	EXPECT(!unshare(CLONE_NEWUSER));
	EXPECT_ERR(limit(fd, 0, 0, 0, USER), EINVAL);
	EXPECT_EQ(ask(fd).vl_vms, UINT32_MAX);
	return 0;
}

void limit_user_unmapped(void)
{
	EXPECT_EQ(in_child(user_unmapped, NULL), 0);
}

/* Whoever opened the file: it is the client's guest, in its memory, on its account. */
static int user_runs_passed(void *arg)
{
	struct rlimit memlock = { MiB, MiB };
	struct vm_create_params vcp = small_vm();
	struct guest g = {};
	int fd = *(int *)arg;

	device_is(fd);
	drop_to(USER);
	EXPECT(!setrlimit(RLIMIT_MEMLOCK, &memlock));
	START(&g, LONG, tell);
	run_to_out(&g);
	EXPECT_EQ(info_of(fd, g.id).vir_creator_pid, getpid());
	vcp.vcp_memranges[0].vmr_size = 2 * MiB;
	vcp.vcp_memranges[0].vmr_va = (uintptr_t)own_memory(2 * MiB);
	EXPECT_ERR(call(fd, VMM_IOC_CREATE, &vcp), ENOMEM);
	MUST(term(fd, g.id));
	return 0;
}

void limit_user_passed(void)
{
	int fd = file_for(USER, NO_LIMIT, 2, 2);

	EXPECT_EQ(in_child(user_runs_passed, &fd), 0);
}

void limit_user_counts(void)
{
	int one = file_for(USER, NO_LIMIT, 2, UINT32_MAX);
	int two = file_for(USER, NO_LIMIT, 2, UINT32_MAX);
	uint32_t id;

	create_small(device());
	MUST(create(one, MiB, 1, &id));
	MUST(create(two, MiB, 1, &id));
	EXPECT_ERR(create(one, MiB, 1, &id), EDQUOT);
	EXPECT_ERR(create(two, MiB, 1, &id), EDQUOT);
	close(one);
	MUST(create(two, MiB, 1, &id));
}

static int user_has_one_already(void *arg)
{
	uint32_t id;

	become_user(USER);
	create_small(device());
	return create(*(int *)arg, MiB, 1, &id);
}

void limit_user_own_file(void)
{
	int fd = file_for(USER, NO_LIMIT, 1, UINT32_MAX);

	EXPECT_EQ(in_child(user_has_one_already, &fd), EDQUOT);
}

void limit_user_apart(void)
{
	int one = file_for(USER, NO_LIMIT, 1, UINT32_MAX);
	int two = file_for(OTHER, NO_LIMIT, 1, UINT32_MAX);
	uint32_t id;

	MUST(create(one, MiB, 1, &id));
	MUST(create(two, MiB, 1, &id));
}

static int other_creates(void *arg)
{
	uint32_t id;

	drop_to(OTHER);
	return create(*(int *)arg, MiB, 1, &id);
}

/* Nobody gets around a limit by being somebody else. */
void limit_user_whoever(void)
{
	int fd = file_for(USER, NO_LIMIT, 1, UINT32_MAX);
	uint32_t id;

	MUST(create(fd, MiB, 1, &id));
	EXPECT_EQ(in_child(other_creates, &fd), EDQUOT);
}

static int lists_one(void *arg)
{
	struct vm_info_result list[4];

	drop_to(USER);
	EXPECT_EQ(info(*(int *)arg, list, 4), 1);
	return 0;
}

/* Root is shown no more than the user. */
void limit_user_info(void)
{
	int one = file_for(USER, NO_LIMIT, 4, 4), two = file_for(OTHER, NO_LIMIT, 4, 4);
	struct vm_info_result list[4];
	uint32_t id = create_small(one);

	create_small(device());
	create_small(two);
	EXPECT_EQ(info(one, list, 4), 1);
	EXPECT_EQ(list[0].vir_id, id);
	EXPECT_EQ(in_child(lists_one, &one), 0);
}

static int map_stats(int fd, uint32_t vm)
{
	void *at = mmap(NULL, sizeof(struct vmm_stats), PROT_READ, MAP_SHARED, fd,
			(off_t)VMM_STATS_OFFSET(vm, 0));

	if (at == MAP_FAILED)
		return errno;
	munmap(at, sizeof(struct vmm_stats));
	return 0;
}

void limit_user_stats(void)
{
	int one = file_for(USER, NO_LIMIT, 4, 4), two = file_for(USER, NO_LIMIT, 4, 4);
	uint32_t id = create_small(one), roots = create_small(device());

	EXPECT_ERR(map_stats(two, id), 0);
	EXPECT_ERR(map_stats(two, roots), EPERM);
}

void limit_user_term(void)
{
	int one = file_for(USER, NO_LIMIT, 4, 4), two = file_for(USER, NO_LIMIT, 4, 4);
	uint32_t id = create_small(one);

	EXPECT_ERR(intr(two, id, 0, 0), EPERM);
	MUST(term(two, id));
	EXPECT_ERR(term(one, id), ENOENT);
}

void limit_user_term_apart(void)
{
	int one = file_for(USER, NO_LIMIT, 4, 4), two = file_for(OTHER, NO_LIMIT, 4, 4);
	uint32_t id = create_small(one), roots = create_small(device());

	EXPECT_ERR(term(two, id), EPERM);
	EXPECT_ERR(term(two, roots), EPERM);
	EXPECT_ERR(term(device(), id), EPERM);
}

static int ids_and_fd[2];

static int ends_another(void *arg)
{
	(void)arg;
	drop_to(USER);
	return term(ids_and_fd[1], (uint32_t)ids_and_fd[0]);
}

void limit_user_term_cap(void)
{
	ids_and_fd[0] = (int)create_small(file_for(USER, NO_LIMIT, 4, 4));
	ids_and_fd[1] = file_for(USER, NO_LIMIT, 4, 4);
	EXPECT_EQ(in_child(ends_another, NULL), EPERM);
}
