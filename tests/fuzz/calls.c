// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls of /dev/vmm by four threads that share descriptors and VMs: mostly
 * right, each with something wrong now and then, so that they get far; racing each
 * other, and processes that inherit all and are killed; with allocations and copies that fail where
 * the kernel can do that.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define NR_THREADS 4
#define NR_FDS 3
#define NR_VMS 8
#define MEMORY (4UL << 20)
#define MAX_ERRNO 134
#define ENOUGH 500			/* calls of a kind, of which some must have succeeded */

static atomic_int fds[NR_FDS];
static _Atomic uint64_t vms[NR_VMS];	/* id, place of the file in fds << 32, vCPUs << 40; 0 none */
static unsigned char *memory;		/* that callers give to CREATE */

#define CALLS(C) \
	C(CREATE) C(RUN) C(INFO) C(TERM) C(RESETCPU) C(INTR) C(READREGS) C(WRITEREGS) C(READVMPARAMS) \
	C(WRITEVMPARAMS) C(SHAREMEM) C(MPROTECT_EPT) C(VERSION) C(CLOCK) C(LIMIT)

static const struct {
	const char *name;
	unsigned long cmd;
} known[] = {
#define C(name) { #name, VMM_IOC_##name },
	CALLS(C)
#undef C
	{ "other", 0 },
};
#define NR_KNOWN (sizeof(known) / sizeof(known[0]))

static atomic_ulong answers[NR_KNOWN][MAX_ERRNO], took[NR_KNOWN];	/* by errno; ns */

struct fuzzer {
	struct random random;
	struct watched watched;
	uint64_t left;			/* calls to make */
	uint64_t vm;			/* chosen last: as in vms */
	uint64_t place;			/* in fds, of the last call's file */
	struct vm_exit exit;
	struct vm_run_params run;
	struct vm_create_params create;
	struct vm_resetcpu_params reset;
	struct vm_rwregs_params regs;
	struct vm_sharemem_params share;
	int wrong;			/* an errno that nobody may get */
};

/* Mostly the one that the VM was made on. */
static int a_file(struct fuzzer *f)
{
	f->place = (f->vm >> 32) & 0xff;
	if (one_in(&f->random, 40) || f->place >= NR_FDS)
		f->place = random_below(&f->random, NR_FDS);
	return one_in(&f->random, 500) ? -1 : atomic_load(&fds[f->place]);
}

/* Mostly one that there is. */
static uint32_t a_vm(struct fuzzer *f)
{
	for (int i = 0; i < NR_VMS; i++) {
		f->vm = atomic_load(&vms[random_below(&f->random, NR_VMS)]);
		if (f->vm)
			break;
	}
	return one_in(&f->random, 40) ? (uint32_t)random_edge(&f->random) : (uint32_t)f->vm;
}

/* Mostly one that the VM has. */
static uint32_t a_vcpu(struct fuzzer *f)
{
	uint64_t n = f->vm >> 40;

	return one_in(&f->random, 30) || !n ? (uint32_t)random_edge(&f->random) :
					      (uint32_t)random_below(&f->random, n);
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

static unsigned int known_as(unsigned long cmd)
{
	unsigned int i = 0;

	while (i < NR_KNOWN - 1 && known[i].cmd != cmd)
		i++;
	return i;
}

static unsigned long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (unsigned long)ts.tv_sec * 1000000000 + (unsigned long)ts.tv_nsec;
}

static int call(struct fuzzer *f, unsigned long cmd, void *arg)
{
	unsigned int nth = one_in(&f->random, 4) ? random_nth(&f->random) : 0;
	uint32_t run = cmd == VMM_IOC_RUN ? f->run.vrp_vm_id : 0;
	unsigned int which = known_as(cmd);
	unsigned long begin = now();
	int fd = a_file(f), err = watched_call(&f->watched, fd, cmd, a_pointer(f, arg), run, nth);

	atomic_fetch_add(&took[which], now() - begin);
	f->left -= f->left != 0;
	/* A signal never ends a call, and nothing else says these. */
	if (err == -EINTR || err == -ENOSYS || err <= -MAX_ERRNO)
		f->wrong = -err;
	else
		atomic_fetch_add(&answers[which][-err], 1);
	return err;
}

static void fill_ranges(struct fuzzer *f, struct vm_mem_range *ranges, size_t *count)
{
	uint64_t at = 0;

	*count = 1 + random_below(&f->random, 4);
	for (uint64_t i = 0; i < *count; i++) {
		ranges[i] = (struct vm_mem_range){
			.vmr_gpa = at,
			.vmr_size = (1 + random_below(&f->random, one_in(&f->random, 8) ? 1200 : 100)) << 12,
			.vmr_type = (int)random_below(&f->random, 3),
		};
		if (one_in(&f->random, 3))
			ranges[i].vmr_va = (uintptr_t)memory +
					   (random_below(&f->random, MEMORY >> 12) << 12);
		at += ranges[i].vmr_size + (random_below(&f->random, 3) << 20);
	}
	ranges[0].vmr_type = VM_MEM_RAM;
}

/* A guest where the module gave memory; the caller's has some already. */
static void take_memory(struct fuzzer *f)
{
	struct vm_create_params *vcp = &f->create;

	for (uint64_t i = 0; i < vcp->vcp_nmemranges; i++) {
		unsigned char *at = (unsigned char *)(uintptr_t)vcp->vcp_memranges[i].vmr_va;
		size_t size = vcp->vcp_memranges[i].vmr_size;

		if (!at || vcp->vcp_memranges[i].vmr_type == VM_MEM_MMIO ||
		    (at >= memory && at < memory + MEMORY))
			continue;
		if (i == 0 && vcp->vcp_memranges[0].vmr_gpa == 0 && size >= CODE + CODE_SIZE)
			random_guest(&f->random, NR_STARTS, at);
		if (!one_in(&f->random, 200))
			munmap(at, size);
	}
}

static void reset_vcpu(struct fuzzer *f, uint32_t vm, uint32_t vcpu)
{
	enum start start = (enum start)random_below(&f->random, NR_STARTS);

	f->reset.vrp_vm_id = vm;
	f->reset.vrp_vcpu_id = vcpu;
	start_state(start, &f->reset.vrp_init_state);
	spoil(f, &f->reset.vrp_init_state, sizeof(f->reset.vrp_init_state), 3);
	spare_emulator(&f->reset.vrp_init_state, start);
	call(f, VMM_IOC_RESETCPU, &f->reset);
}

static void do_reset(struct fuzzer *f)
{
	uint32_t vm = a_vm(f);

	reset_vcpu(f, vm, a_vcpu(f));
}

/* Where there is none, else in another one's place: that lives on until its file is closed. */
static void remember_vm(struct fuzzer *f)
{
	for (int i = 0; i < NR_VMS; i++) {
		uint64_t none = 0;

		if (atomic_compare_exchange_strong(&vms[i], &none, f->vm))
			return;
	}
	atomic_store(&vms[random_below(&f->random, NR_VMS)], f->vm);
}

/* A VM whose vCPUs are mostly ready to run. */
static void do_create(struct fuzzer *f)
{
	struct vm_create_params *vcp = &f->create;
	uint32_t vcpu;

	memset(vcp, 0, sizeof(*vcp));
	vcp->vcp_ncpus = 1 + random_below(&f->random, 3);
	random_bytes(&f->random, vcp->vcp_name, sizeof(vcp->vcp_name));
	fill_ranges(f, vcp->vcp_memranges, &vcp->vcp_nmemranges);
	spoil(f, vcp, sizeof(*vcp) - sizeof(vcp->vcp_asid), 6);
	f->vm = random_below(&f->random, NR_FDS) << 32;
	if (call(f, VMM_IOC_CREATE, vcp))
		return;
	f->vm = vcp->vcp_id | f->place << 32 | vcp->vcp_ncpus << 40;
	take_memory(f);
	for (vcpu = 0; vcpu < vcp->vcp_ncpus; vcpu++)
		if (!one_in(&f->random, 20))
			reset_vcpu(f, vcp->vcp_id, vcpu);
	remember_vm(f);
}

/* Choose no more what is as this in the bits of mask. */
static void forget_vms(uint64_t vm, uint64_t mask)
{
	for (int i = 0; i < NR_VMS; i++) {
		uint64_t it = atomic_load(&vms[i]);

		if ((it & mask) == vm)
			atomic_compare_exchange_strong(&vms[i], &it, 0);
	}
}

static void end_vm(struct fuzzer *f, uint32_t vm)
{
	struct vm_terminate_params vtp = { .vtp_vm_id = vm };

	if (vm == (uint32_t)f->vm)
		count_exits(a_file(f), vm, (uint32_t)(f->vm >> 40));
	if (one_in(&f->random, 2))
		forget_vms(vm, UINT32_MAX);	/* else others use it meanwhile */
	if (!call(f, VMM_IOC_TERM, &vtp))
		forget_vms(vm, UINT32_MAX);
}

static void do_term(struct fuzzer *f)
{
	end_vm(f, a_vm(f));
}

/* A vCPU that ended, or never was reset, is of little use. */
static void do_run(struct fuzzer *f)
{
	struct vm_run_params *vrp = &f->run;
	int err;

	vrp->vrp_vm_id = a_vm(f);
	vrp->vrp_vcpu_id = a_vcpu(f);
	vrp->vrp_exit = a_pointer(f, &f->exit);
	vrp->vrp_intr_pending = one_in(&f->random, 4);
	memset(&vrp->vrp_inject, 0, sizeof(vrp->vrp_inject));
	if (one_in(&f->random, 3)) {
		vrp->vrp_inject.vie_type = (uint8_t)random_below(&f->random,
								  one_in(&f->random, 8) ? 6 : 4);
		vrp->vrp_inject.vie_vector = (uint8_t)random_below(&f->random,
								    one_in(&f->random, 4) ? 256 : 15);
		vrp->vrp_inject.vie_errorcode = (uint32_t)random_edge(&f->random);
	}
	if (vrp->vrp_irqready || one_in(&f->random, 3))
		f->exit.vrs.vrs_gprs[VCPU_REGS_RIP] += f->exit.vei.vei_insn_len;
	spoil(f, &f->exit, sizeof(f->exit), 8);
	err = call(f, VMM_IOC_RUN, vrp);
	if ((err == -EIO || err == -EINVAL || err == -EBUSY || err == -ENOMEM) &&
	    one_in(&f->random, 4))
		end_vm(f, vrp->vrp_vm_id);
}

static void do_intr(struct fuzzer *f)
{
	struct vm_intr_params vip = { .vip_vm_id = a_vm(f) };

	vip.vip_vcpu_id = a_vcpu(f);
	vip.vip_intr = (uint16_t)random64(&f->random);
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
	uint32_t vm = a_vm(f), vcpu = a_vcpu(f);
	struct vm_rwvmparams_params vpp = {
		.vpp_vm_id = vm, .vpp_vcpu_id = vcpu,
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

/* The VM that this thread made last is still in f->create. */
static uint32_t made_last_or_any(struct fuzzer *f)
{
	uint32_t any = a_vm(f);

	if (one_in(&f->random, 4))
		return any;
	for (int i = 0; i < NR_VMS; i++) {
		uint64_t it = atomic_load(&vms[i]);

		if ((uint32_t)it && (uint32_t)it == f->create.vcp_id)
			f->vm = it;
	}
	return (uint32_t)f->vm;
}

/* Now and then a file gets limits, or a user. */
static void do_limit(struct fuzzer *f)
{
	struct vmm_limit vl;

	memset(&vl, 0xff, sizeof(vl));
	if (one_in(&f->random, 4)) {
		vl.vl_vms = 2 + random64(&f->random) % 8;
		vl.vl_memory = (uint64_t)1 << (24 + random64(&f->random) % 16);
	}
	if (one_in(&f->random, 16))
		vl.vl_uid = (uint32_t)(random64(&f->random) % 3);
	call(f, VMM_IOC_LIMIT, &vl);
}

/* With the ranges of the VM that this thread made last: often the right ones. */
static void do_share(struct fuzzer *f)
{
	memset(&f->share, 0, sizeof(f->share));
	f->share.vsp_vm_id = made_last_or_any(f);
	f->share.vsp_nmemranges = f->create.vcp_nmemranges;
	memcpy(f->share.vsp_memranges, f->create.vcp_memranges, sizeof(f->share.vsp_memranges));
	spoil(f, &f->share, sizeof(f->share), 8);
	if (call(f, VMM_IOC_SHAREMEM, &f->share))
		return;
	for (uint64_t i = 0; i < f->share.vsp_nmemranges && i < VMM_MAX_MEM_RANGES; i++) {
		unsigned char *at = (unsigned char *)(uintptr_t)f->share.vsp_va[i];

		if (!at)
			continue;
		*(volatile unsigned char *)at += 1;
		munmap(at, f->share.vsp_memranges[i].vmr_size);
	}
}

/* Mostly some pages of the first range, of a VM that this thread made or another. */
static void do_protect(struct fuzzer *f)
{
	uint32_t vm = made_last_or_any(f), vcpu = a_vcpu(f);
	struct vm_mprotect_ept_params vmep = {
		.vmep_vm_id = vm,
		.vmep_vcpu_id = vcpu,
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
	if (one_in(&f->random, 2))
		cmd = one_in(&f->random, 2) ? VMM_IOC_CLOCK : VMM_IOC_VERSION;
	call(f, cmd, bytes);
}

static void do_stats(struct fuzzer *f)
{
	size_t size = (1 + random_below(&f->random, 40)) << 12;
	uint32_t vm = a_vm(f), vcpu = a_vcpu(f);
	off_t at = (off_t)(VMM_STATS_OFFSET(vm, vcpu) +
			   (one_in(&f->random, 10) ? random_below(&f->random, 64) << 12 : 0));
	void *stats = mmap(NULL, size, PROT_READ | (one_in(&f->random, 8) ? PROT_WRITE : 0),
			   MAP_SHARED, a_file(f), at);

	if (stats != MAP_FAILED)
		munmap(stats, size);
}

static void do_close(struct fuzzer *f)
{
	uint64_t place = random_below(&f->random, NR_FDS);
	int fresh = open(VMM_DEVICE, O_RDWR | O_CLOEXEC);

	if (fresh < 0)
		return;
	close(atomic_exchange(&fds[place], fresh));
	forget_vms(place << 32, 0xffULL << 32);
}

static void call_something(struct fuzzer *f);

/* A process that has all this one has, but is another: it makes some calls and is killed in one. */
static void do_fork(struct fuzzer *f)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return;
	if (!pid) {
		watch_begin(&f->watched);	/* but nobody looks */
		for (f->left = 1000; f->left && !f->wrong;)
			call_something(f);
		_exit(f->wrong);
	}
	usleep((useconds_t)random_below(&f->random, 50000));
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		f->wrong = WEXITSTATUS(status);
}

static const struct {
	void (*call)(struct fuzzer *f);
	unsigned int weight;
} table[] = {
	{ do_run, 400 }, { do_reset, 80 }, { do_create, 60 }, { do_term, 20 }, { do_intr, 80 },
	{ do_regs, 100 }, { do_vmparams, 50 }, { do_info, 40 }, { do_share, 40 }, { do_protect, 40 },
	{ do_other, 40 }, { do_stats, 40 }, { do_limit, 2 }, { do_close, 5 }, { do_fork, 1 },
};

static void call_something(struct fuzzer *f)
{
	unsigned int total = 0, i;
	uint64_t pick;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		total += table[i].weight;
	pick = random_below(&f->random, total);
	for (i = 0; pick >= table[i].weight; i++)
		pick -= table[i].weight;
	table[i].call(f);
}

static void *fuzz_thread(void *arg)
{
	struct fuzzer *f = arg;

	watch_begin(&f->watched);
	while (f->left && !f->wrong)
		call_something(f);
	return NULL;
}

/* The caller's memory has a guest at each 64 KiB. */
static int make_memory(struct random *r)
{
	memory = mmap(NULL, MEMORY * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	for (size_t at = 0; at < MEMORY; at += 0x10000)
		random_guest(r, NR_STARTS, memory + at);
	return 0;
}

/* How long each call took on average, and what it answered how often; false if one that was made
 * often never succeeded. */
static bool print_answers(void)
{
	unsigned long all = 0, done = 0, of[NR_KNOWN] = {};
	bool far = true;

	for (unsigned int i = 0; i < NR_KNOWN; i++) {
		for (int err = 0; err < MAX_ERRNO; err++)
			of[i] += answers[i][err];
		all += of[i];
		done += answers[i][0];
		far = far && (answers[i][0] || of[i] < ENOUGH || i == NR_KNOWN - 1);
	}
	printf("calls: %lu, %lu of them done and %lu refused, %lu faults\n", all, done, all - done,
	       faults_injected());
	for (unsigned int i = 0; i < NR_KNOWN; i++) {
		printf("  %s, %lu us: %lu done", known[i].name, took[i] / 1000 / (of[i] + !of[i]),
		       answers[i][0]);
		for (int err = 1; err < MAX_ERRNO; err++)
			if (answers[i][err])
				printf(" %s %lu", strerrorname_np(err), answers[i][err]);
		printf("\n");
	}
	return far;
}

static int run_threads(struct fuzzer *fuzzers, uint64_t seed, uint64_t count)
{
	pthread_t threads[NR_THREADS];
	int wrong = 0;

	for (unsigned int i = 0; i < NR_THREADS; i++) {
		fuzzers[i].random.state = seed * NR_THREADS + i;
		fuzzers[i].left = count / NR_THREADS;
		if (pthread_create(&threads[i], NULL, fuzz_thread, &fuzzers[i]))
			return EAGAIN;
	}
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		pthread_join(threads[i], NULL);
		wrong = fuzzers[i].wrong ? fuzzers[i].wrong : wrong;
	}
	return wrong;
}

int fuzz_calls(uint64_t seed, uint64_t count)
{
	struct fuzzer *fuzzers = calloc(NR_THREADS, sizeof(*fuzzers));
	struct random random = { .state = seed };
	int wrong;

	if (!fuzzers || make_memory(&random))
		return 1;
	for (int i = 0; i < NR_FDS; i++)
		fds[i] = open(VMM_DEVICE, O_RDWR | O_CLOEXEC);
	if (fds[0] < 0) {
		perror("fuzz: " VMM_DEVICE);
		return 1;
	}
	wrong = watch_start();
	wrong = wrong ? wrong : run_threads(fuzzers, seed, count);
	watch_stop();
	free(fuzzers);
	if (wrong)
		printf("calls: an answer that no call gives: %s\n", strerror(wrong));
	if (!print_answers()) {
		printf("calls: one of them never succeeded\n");
		wrong = EINVAL;
	}
	print_exits("calls");
	return wrong ? 1 : 0;
}
