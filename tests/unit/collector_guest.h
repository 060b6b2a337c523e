/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A made-up host: a VM of two vCPUs that exit, fault, halt, move between CPUs
 * and get interrupts, and a userland that serves them, at random. Everything
 * a module and a machine would record is pushed into a collector, some of it
 * dropped on the way if asked to, and counted as they would count.
 */
#ifndef COLLECTOR_GUEST_H
#define COLLECTOR_GUEST_H

#include "collector_test.h"

#include "src/collector/user_ring.h"

#define GUEST_VCPUS 2
#define GUEST_RINGS 2		/* CPUs */
#define GUEST_THREADS 3		/* one per vCPU, and one for the console */
#define GUEST_KHZ 2000000ull

struct guest_vcpu {
	uint64_t prev, traced;		/* stamps of the last exit's end */
	uint64_t seq, exit, nth[VMMT_NCLASS];
	uint32_t irq_id;		/* raised, not yet injected */
	uint8_t last_class;
	bool user, begun;		/* the last exit ended in userland */
};

struct guest {
	struct collector *c;
	uint64_t rng, next_clock, polled;
	unsigned int drop;		/* one kernel record in so many is dropped; 0 none */
	bool flush;			/* outputs are flushed now and then */
	uint64_t filter;		/* bit per class that is recorded; 0 all */
	unsigned int unseen;		/* exits before anyone records */
	int rings[GUEST_RINGS], threads[GUEST_THREADS];
	uint64_t thread_seq[GUEST_THREADS], vm_seq, host_seq, request;
	uint32_t irq_id;
	struct guest_vcpu vcpus[GUEST_VCPUS];
	struct collector_totals totals;
	struct collector_stream_end ends[GUEST_VCPUS];
};

static inline uint64_t guest_rand(struct guest *g, uint64_t below)
{
	return test_random(&g->rng) % below;
}

static inline void guest_push(struct guest *g, int source, const void *rec)
{
	if (g->unseen)
		return;
	assert_int_equal(collector_push(g->c, source, rec, ((const struct vmmt_head *)rec)->size),
			 0);
}

/* Into the ring of whatever CPU the vCPU is on; full now and then. */
static inline bool guest_emit(struct guest *g, const void *rec)
{
	if (g->drop && !g->unseen && !guest_rand(g, g->drop))
		return false;
	guest_push(g, g->rings[guest_rand(g, GUEST_RINGS)], rec);
	return true;
}

static inline void guest_clock(struct guest *g, uint64_t tsc)
{
	struct vmmt_clock r = { HEAD(clock, 0, VMMT_VCPU_VM, ++g->host_seq, tsc, 0),
				.mono = tsc / 2 + 12345, .khz = GUEST_KHZ };

	guest_push(g, g->rings[0], &r);
	g->next_clock = tsc + GUEST_KHZ * 1000;
}

static inline void guest_life(struct guest *g, uint64_t tsc, unsigned int what)
{
	struct vmmt_life r = { HEAD(life, 1, VMMT_VCPU_VM, ++g->vm_seq, tsc, 0),
			       .memory = 1 << 28, .vcpus = GUEST_VCPUS, .what = (uint8_t)what,
			       .name = "made \"up\"" };

	guest_push(g, g->rings[0], &r);
}

/* What the thread of vCPU i does between two exits. Returns when it is done. */
static inline uint64_t guest_userland(struct guest *g, unsigned int i, uint64_t tsc)
{
	struct guest_vcpu *v = &g->vcpus[i];
	uint32_t thread = VMMT_VCPU_USER + i;

	if (v->last_class == VMMT_CLASS_hlt)
		return tsc + guest_rand(g, 2000000);
	for (uint64_t n = guest_rand(g, 3); n; n--) {
		struct vmmt_dev r = { USER_HEAD(dev, 1, thread, ++g->thread_seq[i], 0, v->exit),
				      .begin = tsc + 100, .addr = 0x3f8, .value = 0x41,
				      .device = (uint16_t)(1 + guest_rand(g, 5)), .width = 1,
				      .devop = VMMT_DEVOP_write, .count = 1 };

		tsc = r.time = r.begin + 1 + guest_rand(g, 3000);
		guest_push(g, g->threads[i], &r);
	}
	if (!v->irq_id && !guest_rand(g, 4)) {
		struct vmmt_intr r = { USER_HEAD(intr, 1, thread, ++g->thread_seq[i], tsc + 20,
						 v->exit),
				       .irq_id = v->irq_id = ++g->irq_id, .irq = (uint8_t)(4 + i),
				       .stage = VMMT_STAGE_raised };

		guest_push(g, g->threads[i], &r);
	}
	if (!guest_rand(g, 20)) {
		struct vmmt_req r = { USER_HEAD(req, 1, thread, ++g->thread_seq[i], tsc + 30, 0),
				      .begin = tsc - guest_rand(g, 5000) - 3000,
				      .id = ++g->request, .bytes = 512,
				      .device = VMMT_DEVICE_ide };

		guest_push(g, g->threads[i], &r);
	}
	return tsc + 200;
}

/* The records that go out before the exit's own. */
static inline void guest_aux(struct guest *g, unsigned int i, const struct vmmt_exit *x)
{
	struct guest_vcpu *v = &g->vcpus[i];

	if (v->irq_id && v->exit > 1 && !guest_rand(g, 3)) {
		struct vmmt_intr r = { HEAD(intr, 1, i, ++v->seq, x->t_enter - 10, v->exit - 1),
				       .irq_id = v->irq_id, .irq = 255, .vector = 0x24,
				       .stage = VMMT_STAGE_injected };

		guest_emit(g, &r);
		v->irq_id = 0;
	}
	if (x->class == VMMT_CLASS_ept) {
		struct vmmt_ept_fault r = { HEAD(ept_fault, 1, i, ++v->seq, x->t_exit + 20,
						 v->exit),
					    .gpa = x->key, .resolve = 15, .page = 4096,
					    .access = VMMT_ACCESS_w,
					    .outcome = VMMT_OUTCOME_mapped };

		guest_emit(g, &r);
	}
	if (x->class == VMMT_CLASS_io_out && x->key == 0xee0) {
		struct vmmt_mark r = { HEAD(mark, 1, i, ++v->seq, x->t_exit + 20, v->exit),
				       .value = x->value };

		guest_emit(g, &r);
	}
}

/* One stay in the guest and its exit. */
static inline void guest_exit(struct guest *g, unsigned int i)
{
	static const struct { uint8_t class; bool user; uint64_t key; } kinds[] = {
		{ VMMT_CLASS_io_out, true, 0x3f8 }, { VMMT_CLASS_io_in, true, 0x61 },
		{ VMMT_CLASS_io_out, false, 0xee0 }, { VMMT_CLASS_cpuid, false, 7 },
		{ VMMT_CLASS_ept, false, 0x12345000 }, { VMMT_CLASS_wrmsr, false, 0xc0000080 },
		{ VMMT_CLASS_hlt, true, 0 }, { VMMT_CLASS_intr, false, 0 },
		{ VMMT_CLASS_other, false, 0 }, { VMMT_CLASS_cr_write, false, 3 },
	};
	size_t k = guest_rand(g, sizeof(kinds) / sizeof(kinds[0]));
	struct guest_vcpu *v = &g->vcpus[i];
	struct vmmt_exit x = { .t_prev = v->prev, .t_traced = v->traced, .class = kinds[k].class,
			       .key = kinds[k].key, .value = guest_rand(g, 256), .rip = 0x1000 };

	if (v->user || !v->begun)
		x.t_run = v->begun ? guest_userland(g, i, v->traced) : v->traced;
	x.t_enter = (x.t_run ? x.t_run : x.t_traced) + 50 + guest_rand(g, 200);
	x.t_exit = x.t_enter + guest_rand(g, 100000);
	x.t_handled = x.t_exit + 40 + guest_rand(g, 500);
	x.t_out = kinds[k].user ? x.t_handled + 30 : 0;
	x.end = kinds[k].user ? VMMT_END_userland : VMMT_END_resumed;
	x.wait = guest_rand(g, 30) ? 0 : (x.t_traced - x.t_prev) / 2;
	v->exit++;
	x.nth = ++v->nth[x.class];
	g->totals.class[x.class].counted += !g->unseen;
	guest_aux(g, i, &x);
	x.head = (struct vmmt_head){ HEAD(exit, 1, i, v->seq + 1,
					  x.t_out ? x.t_out : x.t_handled, v->exit) };
	if (g->filter && !(g->filter >> x.class & 1)) {
		g->totals.class[x.class].filtered++;
		guest_rand(g, GUEST_RINGS);	/* all else goes on as without the filter */
	} else {
		v->seq++;
		if (!guest_emit(g, &x))
			g->totals.class[x.class].lost++;
	}
	v->prev = x.time;
	v->traced = v->prev + 20 + guest_rand(g, 60);
	v->last_class = x.class;
	v->user = kinds[k].user;
	v->begun = true;
}

/* Runs the guest for so many exits into a collector that has its outputs. */
static inline void guest_run(struct guest *g, unsigned int exits)
{
	for (int i = 0; i < GUEST_RINGS; i++)
		g->rings[i] = collector_add_source(g->c);
	for (int i = 0; i < GUEST_THREADS; i++)
		g->threads[i] = collector_add_source(g->c);
	guest_clock(g, 1000000);
	guest_life(g, 1000100, VMMT_LIFE_vm_made);
	for (unsigned int i = 0; i < GUEST_VCPUS; i++)
		g->vcpus[i].prev = g->vcpus[i].traced = 1001000 + 100 * i;
	exits += g->unseen;
	while (exits--) {
		unsigned int next = g->vcpus[1].prev < g->vcpus[0].prev;

		if (g->vcpus[next].prev >= g->next_clock)
			guest_clock(g, g->vcpus[next].prev);
		guest_exit(g, next);
		if (g->unseen && !--g->unseen)
			guest_clock(g, g->vcpus[next].prev - 1000);
		if (guest_rand(g, 50))
			continue;
		collector_advance_all(g->c, g->vcpus[g->vcpus[1].prev < g->vcpus[0].prev].prev);
		if (g->flush)
			collector_flush(g->c);
	}
	for (unsigned int i = 0; i < GUEST_VCPUS; i++)
		g->ends[i] = (struct collector_stream_end){ 1, i, g->vcpus[i].seq };
	g->totals.streams = g->ends;
	g->totals.nstreams = GUEST_VCPUS;
	guest_life(g, g->vcpus[g->vcpus[1].prev > g->vcpus[0].prev].prev + 10000, VMMT_LIFE_vm_ended);
}

/* A timeline of a whole run in a file. */
static inline void guest_timeline(const char *path, uint64_t seed, unsigned int exits,
				  unsigned int drop)
{
	struct collector_options options = { .generator = "guest" };
	struct guest g = { .c = collector_new(&options), .rng = seed, .drop = drop };

	assert_non_null(g.c);
	assert_int_equal(collector_add_output(g.c, path), 0);
	guest_run(&g, exits);
	assert_int_equal(collector_finish(g.c, &g.totals), 0);
	assert_int_equal(collector_stats(g.c).late, 0);
	assert_int_equal(collector_stats(g.c).malformed, 0);
	collector_free(g.c);
}

#endif /* COLLECTOR_GUEST_H */
