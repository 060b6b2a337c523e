// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest of two vCPUs, whose exits storm, and recorders with rings of the least
 * size. Runs on the emulated host, see lossless-host.sh.
 *
 *	storm record KINDS ROUNDS OUT	the guest, recorded by one recorder for each
 *		letter of KINDS, L lossless, D not, N not and never reading, into
 *		OUT1.ndjson, OUT1.json, OUT2.ndjson ...
 *	storm guest ROUNDS	the guest alone; SIGUSR1 ends its VM by TERM
 *	storm hold		a lossless recorder of all VMs that never reads
 *
 * Each vCPU makes, ROUNDS times, a CPUID, an OUT to userland and a mark: 3
 * exits and 4 records. It touches one page.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/collector/source_vmm.h"
#include "src/lib/libvmm.h"

#define VCPUS 2
#define CODE 0x1000
#define LEAST_RING 4096

/* Real mode; the rounds are filled in. */
static const unsigned char code[] = {
	0x66, 0xbe, 0, 0, 0, 0,	/* mov $ROUNDS, %esi */
	0x66, 0x31, 0xc0,	/* 1: xor %eax, %eax */
	0x0f, 0xa2,		/* cpuid */
	0xe6, 0x80,		/* out %al, $0x80 */
	0xba, 0xe0, 0x0e,	/* mov $0xee0, %dx */
	0xee,			/* out %al, %dx */
	0x66, 0x4e,		/* dec %esi */
	0x75, 0xf1,		/* jnz 1b */
	0xf4,			/* hlt, interrupts off: the end */
};

struct guest {
	int fd;
	uint32_t vm;
	const struct vmm_stats *stats[VCPUS];
};

struct vcpu {
	const struct guest *guest;
	uint32_t id;
	pthread_t thread;
	int err;
};

struct recorder {
	char kind;
	struct collector *collector;
	struct source_vmm *source;
	pthread_t thread;
	_Atomic bool stop;
};

static void fail(const char *what, int err)
{
	fprintf(stderr, "storm: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void must(int err, const char *what)
{
	if (err)
		fail(what, err);
}

/* ---- the guest ---- */

static void reset_vcpu(const struct guest *g, uint32_t vcpu)
{
	struct vm_resetcpu_params vrp = { .vrp_vm_id = g->vm, .vrp_vcpu_id = vcpu };
	struct vcpu_reg_state *s = &vrp.vrp_init_state;
	int i;

	s->vrs_gprs[VCPU_REGS_RIP] = CODE;
	s->vrs_gprs[VCPU_REGS_RFLAGS] = 2;
	s->vrs_crs[VCPU_REGS_CR0] = 0x10;
	s->vrs_crs[VCPU_REGS_XCR0] = 1;
	s->vrs_drs[VCPU_REGS_DR6] = 0xffff0ff0;
	s->vrs_drs[VCPU_REGS_DR7] = 0x400;
	for (i = 0; i < VCPU_REGS_NSREGS; i++)
		s->vrs_sregs[i] = (struct vcpu_segment_info){ 0, 0xffff, 0x93, 0 };
	s->vrs_sregs[VCPU_REGS_CS].vsi_ar = 0x9b;
	s->vrs_sregs[VCPU_REGS_LDTR].vsi_ar = 0x82;
	s->vrs_sregs[VCPU_REGS_TR].vsi_ar = 0x8b;
	must(vmm_reset_cpu(g->fd, &vrp), "RESETCPU");
}

static void make_guest(struct guest *g, uint32_t rounds)
{
	struct vm_create_params vcp = {
		.vcp_nmemranges = 1, .vcp_ncpus = VCPUS, .vcp_name = "storm",
		.vcp_memranges = { { .vmr_size = 1 << 20 } },
	};
	unsigned char *memory;
	uint32_t i;

	g->fd = vmm_open();
	if (g->fd < 0)
		fail("/dev/vmm", g->fd);
	must(vmm_create(g->fd, &vcp), "CREATE");
	g->vm = vcp.vcp_id;
	memory = (unsigned char *)(uintptr_t)vcp.vcp_memranges[0].vmr_va + CODE;
	memcpy(memory, code, sizeof(code));
	memcpy(memory + 2, &rounds, sizeof(rounds));
	for (i = 0; i < VCPUS; i++) {
		must(vmm_map_stats(g->fd, g->vm, i, &g->stats[i]), "statistics");
		reset_vcpu(g, i);
	}
}

/* A vCPU on a CPU of its own, so that each has its own ring. */
static void *run_vcpu(void *arg)
{
	struct vcpu *v = arg;
	struct vm_exit exit = {};
	struct vm_run_params vrp = {
		.vrp_vm_id = v->guest->vm, .vrp_vcpu_id = v->id, .vrp_exit = &exit,
	};
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(v->id, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	while (!(v->err = vmm_run(v->guest->fd, &vrp)))
		if (vrp.vrp_exit_reason != VM_EXIT_NONE && exit.vei.vei_size)
			exit.vrs.vrs_gprs[VCPU_REGS_RIP] += exit.vei.vei_insn_len;
	return NULL;
}

static void start_vcpus(const struct guest *g, struct vcpu vcpus[VCPUS])
{
	uint32_t i;

	for (i = 0; i < VCPUS; i++) {
		vcpus[i] = (struct vcpu){ .guest = g, .id = i };
		must(-pthread_create(&vcpus[i].thread, NULL, run_vcpu, &vcpus[i]), "a thread");
	}
}

/* Its HLT ends a vCPU with EIO. */
static void join_vcpus(struct vcpu vcpus[VCPUS], int expected)
{
	uint32_t i;

	for (i = 0; i < VCPUS; i++) {
		pthread_join(vcpus[i].thread, NULL);
		if (vcpus[i].err != expected)
			fail("RUN", vcpus[i].err);
	}
}

static void print_waits(const struct guest *g)
{
	uint32_t i;

	for (i = 0; i < VCPUS; i++)
		printf("vcpu %u: exits %llu wait %llu full %llu\n", i,
		       (unsigned long long)g->stats[i]->vs_exits,
		       (unsigned long long)g->stats[i]->vs_wait,
		       (unsigned long long)g->stats[i]->vs_records_full);
	fflush(stdout);
}

/* ---- recorders ---- */

static void open_source(struct collector *c, bool lossless, uint32_t vm, struct source_vmm **ret)
{
	struct source_vmm_options options = {
		.ring_size = LEAST_RING, .lossless = lossless, .filter.vm = vm,
	};
	char msg[SOURCE_MSG];

	if (source_vmm_open(c, &options, ret, msg)) {
		fprintf(stderr, "storm: %s\n", msg);
		exit(1);
	}
}

static void drain(struct recorder *r)
{
	uint64_t tsc = __builtin_ia32_rdtsc();

	source_vmm_drain(r->source);
	collector_advance_all(r->collector, tsc);
}

static void reread(void *arg)
{
	struct recorder *r = arg;

	source_vmm_drain(r->source);
}

static void *collect(void *arg)
{
	struct recorder *r = arg;
	struct pollfd bell = { .fd = source_vmm_bell(r->source), .events = POLLIN };

	while (!r->stop) {
		if (r->kind != 'N')
			drain(r);
		poll(&bell, 1, 20);
	}
	return NULL;
}

static void start_recorder(struct recorder *r, char kind, unsigned int number, const char *out)
{
	struct collector_options options = { .generator = "storm", .reread = reread, .arg = r };
	static const char *const suffixes[] = { "ndjson", "json" };
	char path[256];
	int i;

	r->kind = kind;
	r->collector = collector_new(&options);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s%u.%s", out, number, suffixes[i]);
		must(collector_add_output(r->collector, path), path);
	}
	open_source(r->collector, kind == 'L', VMMT_VM_LATER, &r->source);
	source_vmm_only(r->source, VMMT_VM_LATER);
}

static void follow(struct recorder *r, uint32_t vm)
{
	source_vmm_only(r->source, vm);
	must(-pthread_create(&r->thread, NULL, collect, r), "a thread");
}

static void finish(struct recorder *r, const struct guest *g)
{
	struct collector_totals totals = { .rest_lost = true, .nstreams = VCPUS };
	struct collector_stream_end ends[VCPUS];
	int i, k;

	r->stop = true;
	pthread_join(r->thread, NULL);
	source_vmm_detach(r->source);
	totals.missed = source_vmm_misses(r->source);
	drain(r);
	for (i = 0; i < VCPUS; i++) {
		const struct vmm_stats *st = g->stats[i];

		ends[i] = (struct collector_stream_end){ g->vm, (uint32_t)i, st->vs_seq };
		for (k = 0; k < VMMT_NCLASS; k++)
			totals.class[k].counted += st->vs_class[k].vsc_counted;
	}
	totals.streams = ends;
	must(collector_finish(r->collector, &totals), "the timeline");
	printf("%c: records %llu lost %llu late %llu\n", r->kind,
	       (unsigned long long)collector_stats(r->collector).records,
	       (unsigned long long)collector_stats(r->collector).lost,
	       (unsigned long long)collector_stats(r->collector).late);
	source_vmm_close(r->source);
	collector_free(r->collector);
}

/* ---- what there is to do ---- */

static int record(const char *kinds, uint32_t rounds, const char *out)
{
	static struct recorder recorders[8];
	struct vcpu vcpus[VCPUS];
	struct guest g;
	size_t n = strlen(kinds), i;

	for (i = 0; i < n && i < 8; i++)
		start_recorder(&recorders[i], kinds[i], (unsigned int)i + 1, out);
	make_guest(&g, rounds);
	for (i = 0; i < n; i++)
		follow(&recorders[i], g.vm);
	must(vmm_clock(g.fd), "CLOCK");
	start_vcpus(&g, vcpus);
	join_vcpus(vcpus, -EIO);
	must(vmm_term(g.fd, g.vm), "TERM");
	print_waits(&g);
	for (i = 0; i < n; i++)
		finish(&recorders[i], &g);
	return 0;
}

static int guest(uint32_t rounds)
{
	struct vcpu vcpus[VCPUS];
	struct guest g;
	sigset_t term;
	int sig;

	make_guest(&g, rounds);
	sigemptyset(&term);
	sigaddset(&term, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	start_vcpus(&g, vcpus);
	if (rounds) {
		join_vcpus(vcpus, -EIO);
	} else {
		sigwait(&term, &sig);
		must(vmm_term(g.fd, g.vm), "TERM");
		join_vcpus(vcpus, -ENOENT);
	}
	print_waits(&g);
	return 0;
}

__attribute__((noreturn))
static void hold(void)
{
	struct collector_options options = { .generator = "storm" };
	struct source_vmm *source;

	open_source(collector_new(&options), true, 0, &source);
	puts("attached");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "record"))
		return record(argv[2], (uint32_t)atoi(argv[3]), argv[4]);
	if (argc == 3 && !strcmp(argv[1], "guest"))
		return guest((uint32_t)atoi(argv[2]));
	if (argc == 2 && !strcmp(argv[1], "hold"))
		hold();
	fputs("usage: storm record KINDS ROUNDS OUT | guest ROUNDS | hold\n", stderr);
	return 2;
}
