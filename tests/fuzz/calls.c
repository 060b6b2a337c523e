// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls of /dev/vmm by four threads that share descriptors and VMs: mostly
 * right, each with something wrong now and then, so that they get far; racing each
 * other; with allocations that fail where the kernel can do that.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz.h"

#define NR_THREADS 4
#define NR_FDS 3
#define NR_VMS 8
#define MEMORY (4UL << 20)

static _Atomic int fds[NR_FDS];
static _Atomic uint32_t vms[NR_VMS];	/* ids, 0 none */
static atomic_uint last_vm;		/* about: threads race */
static atomic_ulong calls_done, answers[2];	/* by success */
static unsigned char *memory;		/* that callers give to CREATE */

struct fuzzer {
	struct random random;
	uint64_t count;
	struct vm_exit exit;
	struct vm_run_params run;
	struct vm_create_params create;
	struct vm_resetcpu_params reset;
	struct vm_rwregs_params regs;
	struct vm_sharemem_params share;
	int wrong;			/* an errno that nobody may get */
};

static int a_file(struct fuzzer *f)
{
	return one_in(&f->random, 500) ? -1 : atomic_load(&fds[random_below(&f->random, NR_FDS)]);
}

static uint32_t a_vm(struct fuzzer *f)
{
	if (one_in(&f->random, 20))
		return (uint32_t)random_edge(&f->random);
	return atomic_load(&vms[random_below(&f->random, NR_VMS)]);
}

static uint32_t a_vcpu(struct fuzzer *f)
{
	return one_in(&f->random, 30) ? (uint32_t)random_edge(&f->random) :
					(uint32_t)random_below(&f->random, 3);
}

/* Spoil 8 aligned bytes of a structure once in n calls. */
static void spoil(struct fuzzer *f, void *what, size_t size, uint64_t n)
{
	uint64_t edge = random_edge(&f->random);

	if (size >= 8 && one_in(&f->random, n))
		memcpy((char *)what + random_below(&f->random, size / 8) * 8, &edge, 8);
}

static void *a_pointer(struct fuzzer *f, void *good)
{
	return one_in(&f->random, 200) ? (void *)random_edge(&f->random) : good;
}

/* What fails is the kernel's next allocation or copy from user memory for this thread: not one for a
 * signal's frame, which would end the process. */
static int call_failing(struct fuzzer *f, unsigned long cmd, void *arg)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	fail_nth(1 + (unsigned int)random_below(&f->random, 24));
	err = ioctl(a_file(f), cmd, a_pointer(f, arg)) ? -errno : 0;
	fail_nth(0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

static int call(struct fuzzer *f, unsigned long cmd, void *arg)
{
	int err;

	if (one_in(&f->random, 4))
		err = call_failing(f, cmd, arg);
	else
		err = ioctl(a_file(f), cmd, a_pointer(f, arg)) ? -errno : 0;
	atomic_fetch_add(&calls_done, 1);
	atomic_fetch_add(&answers[!err], 1);
	/* A signal never ends a call, and nothing else says these. */
	if (err == -EINTR || err == -ENOSYS || err < -133)
		f->wrong = -err;
	return err;
}

static void fill_ranges(struct fuzzer *f, struct vm_mem_range *ranges, size_t *count)
{
	uint64_t at = 0;

	*count = 1 + random_below(&f->random, 4);
	for (uint64_t i = 0; i < *count; i++) {
		ranges[i] = (struct vm_mem_range){
			.vmr_gpa = at,
			.vmr_size = (1 + random_below(&f->random, 300)) << 12,
			.vmr_type = (int)random_below(&f->random, 3),
		};
		if (one_in(&f->random, 3))
			ranges[i].vmr_va = (uintptr_t)memory +
					   (random_below(&f->random, MEMORY >> 12) << 12);
		at += ranges[i].vmr_size + (random_below(&f->random, 3) << 20);
	}
	ranges[0].vmr_type = VM_MEM_RAM;
}

static void do_create(struct fuzzer *f)
{
	struct vm_create_params *vcp = &f->create;

	memset(vcp, 0, sizeof(*vcp));
	vcp->vcp_ncpus = 1 + random_below(&f->random, 3);
	random_bytes(&f->random, vcp->vcp_name, sizeof(vcp->vcp_name));
	fill_ranges(f, vcp->vcp_memranges, &vcp->vcp_nmemranges);
	spoil(f, vcp, sizeof(*vcp) - sizeof(vcp->vcp_asid), 6);
	if (call(f, VMM_IOC_CREATE, vcp))
		return;
	atomic_store(&last_vm, vcp->vcp_id);
	/* The one before in that place lives on until its file is closed. */
	atomic_store(&vms[random_below(&f->random, NR_VMS)], vcp->vcp_id);
	for (uint64_t i = 0; i < vcp->vcp_nmemranges; i++) {
		void *at = (void *)(uintptr_t)vcp->vcp_memranges[i].vmr_va;
		bool mine = at >= (void *)memory && at < (void *)(memory + MEMORY);

		if (!mine && at && vcp->vcp_memranges[i].vmr_type != VM_MEM_MMIO &&
		    !one_in(&f->random, 50)) {
			if (i == 0)
				random_bytes(&f->random, at, 64);
			munmap(at, vcp->vcp_memranges[i].vmr_size);
		}
	}
}

static void do_term(struct fuzzer *f)
{
	struct vm_terminate_params vtp = { .vtp_vm_id = a_vm(f) };

	call(f, VMM_IOC_TERM, &vtp);
}

static void do_reset(struct fuzzer *f)
{
	enum start start = (enum start)random_below(&f->random, NR_STARTS);

	f->reset.vrp_vm_id = a_vm(f);
	f->reset.vrp_vcpu_id = a_vcpu(f);
	start_state(start, &f->reset.vrp_init_state);
	spoil(f, &f->reset.vrp_init_state, sizeof(f->reset.vrp_init_state), 3);
	spare_emulator(&f->reset.vrp_init_state, start);
	call(f, VMM_IOC_RESETCPU, &f->reset);
}

static void do_run(struct fuzzer *f)
{
	struct vm_run_params *vrp = &f->run;

	vrp->vrp_vm_id = a_vm(f);
	vrp->vrp_vcpu_id = a_vcpu(f);
	vrp->vrp_exit = a_pointer(f, &f->exit);
	vrp->vrp_intr_pending = one_in(&f->random, 4);
	memset(&vrp->vrp_inject, 0, sizeof(vrp->vrp_inject));
	if (one_in(&f->random, 3)) {
		vrp->vrp_inject.vie_type = (uint8_t)random_below(&f->random, 5);
		vrp->vrp_inject.vie_vector = (uint8_t)random64(&f->random);
		vrp->vrp_inject.vie_errorcode = (uint32_t)random_edge(&f->random);
	}
	if (vrp->vrp_irqready || one_in(&f->random, 3))
		f->exit.vrs.vrs_gprs[VCPU_REGS_RIP] += f->exit.vei.vei_insn_len;
	spoil(f, &f->exit, sizeof(f->exit), 8);
	call(f, VMM_IOC_RUN, vrp);
}

static void do_intr(struct fuzzer *f)
{
	struct vm_intr_params vip = {
		.vip_vm_id = a_vm(f), .vip_vcpu_id = a_vcpu(f),
		.vip_intr = (uint16_t)random64(&f->random),
	};

	call(f, VMM_IOC_INTR, &vip);
}

static void do_regs(struct fuzzer *f)
{
	bool write = one_in(&f->random, 2);

	f->regs.vrwp_vm_id = a_vm(f);
	f->regs.vrwp_vcpu_id = a_vcpu(f);
	f->regs.vrwp_mask = one_in(&f->random, 8) ? random64(&f->random) :
						    random_below(&f->random, 0x20);
	if (write) {
		spoil(f, &f->regs.vrwp_regs, sizeof(f->regs.vrwp_regs), 2);
		spare_emulator(&f->regs.vrwp_regs, START_REAL);
	}
	call(f, write ? VMM_IOC_WRITEREGS : VMM_IOC_READREGS, &f->regs);
}

static void do_vmparams(struct fuzzer *f)
{
	struct vm_rwvmparams_params vpp = {
		.vpp_vm_id = a_vm(f), .vpp_vcpu_id = a_vcpu(f),
		.vpp_mask = (uint32_t)random_below(&f->random, 5),
		.vpp_pvclock_system_gpa = one_in(&f->random, 2) ? random_edge(&f->random) : 0x3001,
		.vpp_pvclock_version = (uint32_t)random64(&f->random),
	};

	call(f, one_in(&f->random, 2) ? VMM_IOC_READVMPARAMS : VMM_IOC_WRITEVMPARAMS, &vpp);
}

static void do_info(struct fuzzer *f)
{
	struct vm_info_result results[64];
	struct vm_info_params vip = {
		.vip_size = random_below(&f->random, sizeof(results)),
		.vip_info = a_pointer(f, results),
	};

	call(f, VMM_IOC_INFO, &vip);
}

/* With the ranges of the VM that this thread made last: often the right ones. */
static void do_share(struct fuzzer *f)
{
	memset(&f->share, 0, sizeof(f->share));
	f->share.vsp_vm_id = one_in(&f->random, 2) ? f->create.vcp_id : a_vm(f);
	f->share.vsp_nmemranges = f->create.vcp_nmemranges;
	memcpy(f->share.vsp_memranges, f->create.vcp_memranges, sizeof(f->share.vsp_memranges));
	spoil(f, &f->share, sizeof(f->share), 8);
	if (call(f, VMM_IOC_SHAREMEM, &f->share))
		return;
	for (uint64_t i = 0; i < f->share.vsp_nmemranges && i < VMM_MAX_MEM_RANGES; i++)
		if (f->share.vsp_va[i])
			munmap((void *)(uintptr_t)f->share.vsp_va[i],
			       f->share.vsp_memranges[i].vmr_size);
}

/* Mostly some pages of the first range, of a VM that this thread made or another. */
static void do_protect(struct fuzzer *f)
{
	struct vm_mprotect_ept_params vmep = {
		.vmep_vm_id = one_in(&f->random, 2) ? f->create.vcp_id : a_vm(f),
		.vmep_vcpu_id = a_vcpu(f),
		.vmep_sgpa = random_below(&f->random, 64) << 12,
		.vmep_size = random_below(&f->random, 64) << 12,
		.vmep_prot = (int)random_below(&f->random, 8),
	};

	spoil(f, &vmep, sizeof(vmep), 8);
	call(f, VMM_IOC_MPROTECT_EPT, &vmep);
}

/* A number that may be no call, with any structure. */
static void do_other(struct fuzzer *f)
{
	unsigned char bytes[4096];
	unsigned long cmd = (unsigned long)random_below(&f->random, 3) << 30 |
			    random_below(&f->random, sizeof(bytes)) << 16 | 'V' << 8 |
			    random_below(&f->random, 0x50);

	random_bytes(&f->random, bytes, 64);
	call(f, one_in(&f->random, 4) ? VMM_IOC_CLOCK : cmd, bytes);
}

static void do_stats(struct fuzzer *f)
{
	size_t size = (1 + random_below(&f->random, 40)) << 12;
	off_t at = (off_t)(VMM_STATS_OFFSET(a_vm(f), a_vcpu(f)) +
			   (one_in(&f->random, 10) ? random_below(&f->random, 64) << 12 : 0));
	void *stats = mmap(NULL, size, PROT_READ | (one_in(&f->random, 8) ? PROT_WRITE : 0),
			   MAP_SHARED, a_file(f), at);

	if (stats != MAP_FAILED)
		munmap(stats, size);
}

static void do_close(struct fuzzer *f)
{
	int fresh = open(VMM_DEVICE, O_RDWR | O_CLOEXEC);

	if (fresh >= 0)
		close(atomic_exchange(&fds[random_below(&f->random, NR_FDS)], fresh));
}

static const struct {
	void (*call)(struct fuzzer *f);
	unsigned int weight;
} table[] = {
	{ do_run, 40 }, { do_reset, 12 }, { do_create, 6 }, { do_term, 3 }, { do_intr, 8 },
	{ do_regs, 10 }, { do_vmparams, 5 }, { do_info, 4 }, { do_share, 3 }, { do_protect, 4 },
	{ do_other, 4 }, { do_stats, 4 }, { do_close, 1 },
};

static void *fuzz_thread(void *arg)
{
	struct fuzzer *f = arg;
	unsigned int total = 0, i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		total += table[i].weight;
	while (f->count-- && !f->wrong) {
		uint64_t pick = random_below(&f->random, total);

		for (i = 0; pick >= table[i].weight; i++)
			pick -= table[i].weight;
		table[i].call(f);
	}
	return NULL;
}

static void ignore(int sig)
{
	(void)sig;
}

/* Guests that never exit by themselves: a signal makes RUN return. */
static void kick_regularly(void)
{
	struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	struct itimerval timer = { { 0, 2000 }, { 0, 2000 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Where all threads wait for such guests with signals blocked, nothing but the end of the VMs helps. */
static void *end_stuck_guests(void *arg)
{
	const atomic_bool *done = arg;
	unsigned long before = 0;

	for (; !atomic_load(done); usleep(50000)) {
		uint32_t last = atomic_load(&last_vm) + NR_THREADS;

		for (uint32_t id = last; id && id + 256 > last && atomic_load(&calls_done) == before; id--)
			for (int i = 0; i < NR_FDS; i++)
				ioctl(atomic_load(&fds[i]), VMM_IOC_TERM,
				      &(struct vm_terminate_params){ .vtp_vm_id = id });
		before = atomic_load(&calls_done);
	}
	return NULL;
}

int fuzz_calls(uint64_t seed, uint64_t count)
{
	struct fuzzer *fuzzers = calloc(NR_THREADS, sizeof(*fuzzers));
	pthread_t threads[NR_THREADS], ender;
	atomic_bool done = false;
	int i, wrong = 0;

	memory = mmap(NULL, MEMORY * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!fuzzers || memory == MAP_FAILED)
		return 1;
	for (i = 0; i < NR_FDS; i++)
		fds[i] = open(VMM_DEVICE, O_RDWR | O_CLOEXEC);
	if (fds[0] < 0) {
		perror("fuzz: " VMM_DEVICE);
		return 1;
	}
	kick_regularly();
	if (pthread_create(&ender, NULL, end_stuck_guests, &done))
		return 1;
	for (i = 0; i < NR_THREADS; i++) {
		fuzzers[i].random.state = seed * NR_THREADS + (uint64_t)i;
		fuzzers[i].count = count / NR_THREADS;
		if (pthread_create(&threads[i], NULL, fuzz_thread, &fuzzers[i]))
			return 1;
	}
	for (i = 0; i < NR_THREADS; i++) {
		pthread_join(threads[i], NULL);
		wrong = fuzzers[i].wrong ? fuzzers[i].wrong : wrong;
	}
	atomic_store(&done, true);
	pthread_join(ender, NULL);
	printf("calls: %lu, %lu of them done and %lu refused\n", calls_done, answers[1], answers[0]);
	if (wrong)
		printf("calls: an answer that no call gives: %s\n", strerror(wrong));
	return wrong ? 1 : 0;
}
