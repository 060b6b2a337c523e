// SPDX-License-Identifier: GPL-2.0-only
/* Many VMs, many vCPUs, many threads and processes at once; for a host with two CPUs. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define VMS		256
#define RACE_MS		400
#define NCPUS		4
#define AP_CODE		(CODE + 0x1000)
#define PORT_START	0x90
#define PORT_DONE	0x91
#define ADDS		20000

GUEST(64, tell, "1: out %al, $0x80\n jmp 1b\n");
GUEST(64, forever, FOREVER);
/* Counts, and tells it; what is told must come one by one. */
GUEST(64, count, "xor %eax, %eax\n 1: inc %eax\n out %eax, $0x80\n jmp 1b\n");
GUEST(16, tell16, "1: out %al, $0x80\n jmp 1b\n");

/* ---- many VMs ---- */

void many_vms(void)
{
	static struct guest g[VMS];
	int i, round;

	for (i = 0; i < VMS; i++)
		START(&g[i], LONG, count);
	EXPECT_EQ(vms(), VMS);
	for (round = 1; round <= 3; round++)
		for (i = 0; i < VMS; i++)
			EXPECT_OUT(&g[i], round);
	for (i = 0; i < VMS; i++)
		MUST(term(g[i].fd, g[i].id));
	EXPECT_EQ(vms(), 0);
}

/* On one file, which ends them all. */
void many_vms_one_file(void)
{
	int fd = device(), i;

	for (i = 0; i < VMS; i++)
		create_small(fd);
	EXPECT_EQ(vms(), VMS);
	close(fd);
	EXPECT_EQ(vms(), 0);
}

void many_vcpus(void)
{
	struct guest g, vcpu;
	unsigned int vm, i;

	for (vm = 0; vm < VMM_MAX_VCPUS / VMM_MAX_VCPUS_PER_VM; vm++) {
		make(&g, VMM_MAX_VCPUS_PER_VM);
		LOAD(&g, tell16);
		for (i = 0; i < VMM_MAX_VCPUS_PER_VM; i++) {
			vcpu = other_vcpu(&g, i);
			MUST(reset(&vcpu, REAL));
			run_to_out(&vcpu);
		}
	}
}

/* ---- one VM, four vCPUs, four threads ---- */

/* Each adds to a counter and says when it is done; the first waits for all. */
#define ADD "mov $20000, %ecx\n 1: lock incl 0x20000\n loop 1b\n lock incl 0x20008\n"
GUEST(64, boot_processor,
      "out %al, $0x90\n" ADD "2: pause\n cmpl $4, 0x20008\n jne 2b\n"
      "mov 0x20000, %eax\n out %eax, $0x80\n");
GUEST(64, application_processor, ADD "out %al, $0x91\n");

static pthread_mutex_t started_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t started_cond = PTHREAD_COND_INITIALIZER;
static bool started;

/* An application processor's thread: it waits to be started, and runs it. */
static void *run_ap(void *arg)
{
	struct guest *g = arg;

	pthread_mutex_lock(&started_lock);
	while (!started)
		pthread_cond_wait(&started_cond, &started_lock);
	pthread_mutex_unlock(&started_lock);
	run_to_io(g);
	EXPECT_EQ(g->exit.vei.vei_port, PORT_DONE);
	return NULL;
}

/* What the boot processor asks for: each gets the state in which it begins. */
static void start_aps(struct guest *g)
{
	struct vcpu_reg_state regs = registers(LONG);
	unsigned int i;

	for (i = 1; i < NCPUS; i++) {
		regs.vrs_gprs[VCPU_REGS_RIP] = AP_CODE;
		regs.vrs_gprs[VCPU_REGS_RSP] = STACK - 0x400 * i;
		MUST(reset_to(&g[i], &regs));
	}
	pthread_mutex_lock(&started_lock);
	started = true;
	pthread_cond_broadcast(&started_cond);
	pthread_mutex_unlock(&started_lock);
}

void many_smp(void)
{
	pthread_t threads[NCPUS];
	struct guest g[NCPUS];
	unsigned int i;

	make(&g[0], NCPUS);
	LOAD(&g[0], boot_processor);
	memcpy(g[0].ram + AP_CODE, application_processor,
	       (size_t)(application_processor_end - application_processor));
	MUST(reset(&g[0], LONG));
	for (i = 1; i < NCPUS; i++) {
		g[i] = other_vcpu(&g[0], i);
		EXPECT(!pthread_create(&threads[i], NULL, run_ap, &g[i]));
	}
	run_to_io(&g[0]);
	EXPECT_EQ(g[0].exit.vei.vei_port, PORT_START);
	start_aps(g);
	EXPECT_OUT(&g[0], NCPUS * ADDS);
	for (i = 1; i < NCPUS; i++)
		EXPECT(!pthread_join(threads[i], NULL));
}

/* ---- other calls while a thread runs the guest ---- */

struct race {
	struct guest g;
	void (*call)(struct guest *g);
	volatile bool over;
};

/* The guest counts one by one, whatever the others do. */
static void *race_runner(void *arg)
{
	struct race *r = arg;
	uint32_t n = 0;

	while (!r->over)
		EXPECT_OUT(&r->g, ++n);
	return (void *)(uintptr_t)n;
}

static void *race_caller(void *arg)
{
	struct race *r = arg;
	struct guest g = other_vcpu(&r->g, 0);
	uintptr_t n = 0;

	for (; !r->over; n++)
		r->call(&g);
	return (void *)n;
}

static void race(void (*fn)(struct guest *g))
{
	struct race r = { .call = fn };
	pthread_t runner, callers[2];
	void *n;
	int i;

	START(&r.g, LONG, count);
	EXPECT(!pthread_create(&runner, NULL, race_runner, &r));
	for (i = 0; i < 2; i++)
		EXPECT(!pthread_create(&callers[i], NULL, race_caller, &r));
	pause_ms(RACE_MS);
	r.over = true;
	EXPECT(!pthread_join(runner, &n));
	EXPECT(n);
	for (i = 0; i < 2; i++) {
		EXPECT(!pthread_join(callers[i], &n));
		EXPECT(n);
	}
}

static void call_intr(struct guest *g)
{
	MUST(intr(g->fd, g->id, 0, 1));
	MUST(intr(g->fd, g->id, 0, 0));
}

static void call_regs(struct guest *g)
{
	struct vcpu_reg_state regs = regs_of(g);

	MUST(writeregs(g->fd, g->id, 0, VM_RWREGS_DRS, &regs));
}

static void call_info(struct guest *g)
{
	EXPECT_EQ(info_of(g->fd, g->id).vir_ncpus, 1);
}

static void call_vmparams(struct guest *g)
{
	struct vm_rwvmparams_params vpp = {
		.vpp_vm_id = g->id, .vpp_mask = VM_RWVMPARAMS_PVCLOCK_SYSTEM_GPA,
		.vpp_pvclock_system_gpa = DATA | 1,
	};

	MUST(call(g->fd, VMM_IOC_WRITEVMPARAMS, &vpp));
	MUST(call(g->fd, VMM_IOC_READVMPARAMS, &vpp));
}

static void call_sharemem(struct guest *g)
{
	struct vm_sharemem_params vsp = share_params(g);

	MUST(call(g->fd, VMM_IOC_SHAREMEM, &vsp));
	EXPECT(*(uint8_t *)(uintptr_t)(vsp.vsp_va[0] + CODE) == count[0]);
	EXPECT(!munmap((void *)(uintptr_t)vsp.vsp_va[0], RAM_SIZE));
}

static void call_fork(struct guest *g)
{
	pid_t pid = fork();

	if (!pid)
		_exit(run_once(g));
	EXPECT_EQ(wait_child(pid), EPERM);
}

/* The thread is sent from one CPU to the other, and back. */
static void call_migrate(struct guest *g)
{
	static int turn;
	cpu_set_t set;

	(void)g;
	CPU_ZERO(&set);
	CPU_SET(__sync_fetch_and_add(&turn, 1) % 2, &set);
	/* All threads of this process. */
	EXPECT(!sched_setaffinity(getpid(), sizeof(set), &set));
	pause_ms(1);
}

#define RACE(name) void many_race_##name(void) { race(call_##name); }
RACE(intr)
RACE(regs)
RACE(info)
RACE(vmparams)
RACE(sharemem)
RACE(fork)

/* The main thread is the runner here, as it is its pid that is moved. */
void many_race_migrate(void)
{
	struct race r = { .call = call_migrate };
	pthread_t caller;
	uint32_t n = 0;
	void *moves;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		not_here("one CPU");
	START(&r.g, LONG, count);
	EXPECT(!pthread_create(&caller, NULL, race_caller, &r));
	while (n < 3000)
		EXPECT_OUT(&r.g, ++n);
	r.over = true;
	EXPECT(!pthread_join(caller, &moves));
	EXPECT(moves);
}

/* RUN from three threads: one has the vCPU, to the others it is busy. */
static void *run_or_busy(void *arg)
{
	struct race *r = arg;
	struct guest g = other_vcpu(&r->g, 0);
	uintptr_t won = 0;
	int err;

	while (!r->over) {
		err = run_once(&g);
		EXPECT(!err || err == EBUSY);
		won += !err;
	}
	return (void *)won;
}

void many_race_run(void)
{
	pthread_t threads[3];
	uintptr_t won = 0;
	struct race r = {};
	void *n;
	int i;

	START(&r.g, LONG, tell);
	for (i = 0; i < 3; i++)
		EXPECT(!pthread_create(&threads[i], NULL, run_or_busy, &r));
	pause_ms(RACE_MS);
	r.over = true;
	for (i = 0; i < 3; i++) {
		EXPECT(!pthread_join(threads[i], &n));
		won += (uintptr_t)n;
	}
	EXPECT(won);
}

static void *reset_or_busy(void *arg)
{
	struct race *r = arg;
	struct vcpu_reg_state regs = registers(LONG);
	struct guest g = other_vcpu(&r->g, 0);
	uintptr_t won = 0;
	int err;

	while (!r->over) {
		err = reset_to(&g, &regs);
		EXPECT(!err || err == EBUSY);
		won += !err;
	}
	return (void *)won;
}

void many_race_reset(void)
{
	pthread_t runner, resetter;
	struct race r = {};
	void *n;

	START(&r.g, LONG, tell);
	EXPECT(!pthread_create(&runner, NULL, run_or_busy, &r));
	EXPECT(!pthread_create(&resetter, NULL, reset_or_busy, &r));
	pause_ms(RACE_MS);
	r.over = true;
	EXPECT(!pthread_join(runner, &n));
	EXPECT(n);
	EXPECT(!pthread_join(resetter, &n));
	EXPECT(n);
}

/* ---- TERM and close() ---- */

static int term_later(void *arg)
{
	struct guest *g = arg;

	pause_ms((unsigned int)(g->id % 7));
	return term(g->fd, g->id);
}

/* From another process, at any moment of a RUN. */
void many_race_term(void)
{
	struct guest g;
	int i, pid;

	for (i = 0; i < 60; i++) {
		make(&g, 1);
		load(&g, i % 2 ? forever : tell, 16);
		MUST(reset(&g, LONG));
		pid = start_child(term_later, &g);
		while (!run_once(&g))
			;
		EXPECT_ERR(run_once(&g), ENOENT);
		EXPECT_EQ(wait_child(pid), 0);
		close(g.fd);
	}
	EXPECT_EQ(vms(), 0);
}

/* Another thread closes the file: the RUN in progress goes on, the next finds no file. */
void many_race_close(void)
{
	pthread_t thread;
	struct guest g;
	int i;

	for (i = 0; i < 40; i++) {
		START(&g, LONG, forever);
		run_in_thread(&g, &thread);
		pause_ms((unsigned int)(i % 5));
		close(g.fd);
		i % 2 ? pause_ms(2) : (void)0;
		interrupt(&g, thread);
	}
	EVENTUALLY(vms() == 0);
}

/* ---- many processes ---- */

static int make_and_end(void *arg)
{
	struct guest g;
	int i;

	for (i = 0; i < 30; i++) {
		START(&g, LONG, count);
		EXPECT_OUT(&g, 1);
		if (i % 2)
			MUST(term(g.fd, g.id));
		close(g.fd);
		munmap(g.ram, RAM_SIZE);
	}
	return (int)(intptr_t)arg;
}

void many_processes(void)
{
	int pid[4];
	intptr_t i;

	for (i = 0; i < 4; i++)
		pid[i] = start_child(make_and_end, (void *)i);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(wait_child(pid[i]), i);
	EXPECT_EQ(vms(), 0);
}

static int run_four_forever(void *arg)
{
	struct vcpu_reg_state regs = registers(LONG);
	pthread_t threads[NCPUS];
	struct guest g[NCPUS];
	unsigned int i;

	(void)arg;
	make(&g[0], NCPUS);
	LOAD(&g[0], forever);
	MUST(reset(&g[0], LONG));
	for (i = 0; i < NCPUS; i++) {
		g[i] = other_vcpu(&g[0], i);
		MUST(reset_to(&g[i], &regs));
		run_in_thread(&g[i], &threads[i]);
	}
	return join(threads[0]);
}

/* Four vCPUs run, and the process is killed. */
void many_killed(void)
{
	struct vm_info_result vir;
	int i, pid;

	for (i = 0; i < 10; i++) {
		pid = start_child(run_four_forever, NULL);
		EVENTUALLY(vms() == 1);
		EVENTUALLY(info(device(), &vir, 1) == 1 &&
			   vir.vir_vcpu_state[NCPUS - 1] == VCPU_STATE_RUNNING);
		kill(pid, SIGKILL);
		EXPECT_EQ(wait_child(pid), 128 + SIGKILL);
		EXPECT_EQ(vms(), 0);
	}
}

/* ---- nothing leaks ---- */

static int one_round(void *arg)
{
	struct guest g;

	(void)arg;
	START(&g, LONG, tell);
	run_to_out(&g);
	return 0;
}

/* A vCPU is over 100 KiB, a guest's RAM 1 MiB: a leak of either is a hundred of them. */
void many_leaks(void)
{
	uint64_t before;
	int i;

	for (i = 0; i < 5; i++)
		EXPECT_EQ(in_child(one_round, NULL), 0);
	before = free_kib();
	for (i = 0; i < 100; i++)
		EXPECT_EQ(in_child(one_round, NULL), 0);
	EVENTUALLY(free_kib() + 4096 > before);
}

/* ---- a caller that does not come back ---- */

static void *info_into(void *buffer)
{
	static struct vm_info_params vip;

	vip = (struct vm_info_params) { .vip_size = 4096, .vip_info = buffer };
	MUST(call(device(), VMM_IOC_INFO, &vip));
	return (void *)(uintptr_t)vip.vip_info_ct;
}

/* INFO's buffer is memory whose pages somebody has yet to provide. Meanwhile
 * VMs can be made, listed and ended. */
void many_info_stuck(void)
{
	void *buffer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register region = {
		.range = { (uintptr_t)buffer, 4096 }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_zeropage zero = { .range = region.range };
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC), fd = device();
	struct uffd_msg msg;
	pthread_t thread;
	uint32_t id;
	void *n;

	EXPECT(buffer != MAP_FAILED && uffd >= 0);
	EXPECT(!ioctl(uffd, UFFDIO_API, &api) && !ioctl(uffd, UFFDIO_REGISTER, &region));
	id = create_small(fd);
	EXPECT(!pthread_create(&thread, NULL, info_into, buffer));
	EXPECT(read(uffd, &msg, sizeof(msg)) == sizeof(msg));	/* it is stuck */
	create_small(fd);
	EXPECT_EQ(vms(), 2);
	MUST(term(fd, id));
	EXPECT(!ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	EXPECT(!pthread_join(thread, &n));
	EXPECT_EQ((uintptr_t)n, 1);
	EXPECT_EQ(((struct vm_info_result *)buffer)->vir_id, id);
}
