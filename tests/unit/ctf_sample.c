/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes the same made-up records to all the files it is given, in one go:
 * ctf_sample RECORDS FILE..., for each event values at the ends of their
 * fields' ranges and others at random, on several CPUs, some lost on the way.
 */
#include <config.h>

#include "collector_test.h"

#include "src/collector/names.h"

static uint64_t rng = 23;

/* The ends, the middle, and anything. */
static uint64_t any(void)
{
	switch (test_random(&rng) % 6) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return 1ull << 63;
	case 3:
		return INT64_MAX;
	default:
		return test_random(&rng) >> test_random(&rng) % 64;
	}
}

/* A text as long as the field, with what formats have to escape; or none. */
static void any_text(char *text, size_t size)
{
	static const char chars[] = "a\"\\/b {}=:,\n\t;\x7f";

	memset(text, 0, size);
	if (test_random(&rng) % 4)
		for (size_t i = 0; i < size - test_random(&rng) % 2; i++)
			text[i] = chars[test_random(&rng) % (sizeof(chars) - 1)];
}

static void fill(union vmmt_record *rec, const struct vmmt_event_info *info, uint64_t tsc)
{
	for (size_t i = 0; i < info->count; i++) {
		const struct vmmt_field *f = &info->fields[i];
		const struct vmmt_enum *e = vmmt_enum(f->kind);
		uint64_t v = any();

		if (e)
			v = e->values[test_random(&rng) % e->count].value;
		else if (f->kind == VMMT_KIND_flag)
			v &= 1;
		else if (f->kind == VMMT_KIND_tsc)
			v = tsc - test_random(&rng) % 900;
		else if (f->kind == VMMT_KIND_ticks)
			v >>= 1;	/* as a duration, in JSON's numbers */
		else if (f->kind == VMMT_KIND_pad)
			v = 0;
		if (f->kind == VMMT_KIND_text)
			any_text((char *)rec + f->offset, f->size);
		else
			memcpy((char *)rec + f->offset, &v, f->size);
	}
}

static void fill_stamps(struct vmmt_exit *x, uint64_t tsc)
{
	__u64 *stamps[] = { &x->t_prev, &x->t_traced, &x->t_run, &x->t_enter, &x->t_exit,
			    &x->t_handled, &x->t_out };

	for (int i = 0; i < 7; i++)
		*stamps[i] = tsc - 70 + 10 * (uint64_t)i;
	if (test_random(&rng) % 2)
		x->t_run = 0;
	x->t_out = x->end == VMMT_END_userland ? tsc : 0;
	x->time = x->t_out ? tsc : x->t_handled;
}

static void push_clock(struct collector *c, uint64_t seq, uint64_t tsc, uint64_t mono)
{
	PUSH(c, 0, (struct vmmt_clock){ HEAD(clock, 0, VMMT_VCPU_VM, seq, tsc, 0), .mono = mono,
					.real = 1700000000000000000 + mono, .khz = 2100000 });
}

/* Each in its turn but clock, which is not made up, and lost, which a
 * collector makes. */
static unsigned int event_of(unsigned int i)
{
	unsigned int event = 1 + i % (VMMT_EVENT_lost - 1);

	return event == VMMT_EVENT_clock ? VMMT_EVENT_exit : event;
}

static void push_record(struct collector *c, unsigned int i, uint64_t tsc)
{
	static uint64_t seq[2][3];
	const struct vmmt_event_info *info = vmmt_event_info(event_of(i));
	union vmmt_record r = { 0 };

	fill(&r, info, tsc);
	seq[!(i % 7)][i % 3] += 1 + (test_random(&rng) % 50 ? 0 : test_random(&rng) % 9);
	r.head = (struct vmmt_head){
		.event = (uint16_t)event_of(i), .size = (uint16_t)info->size,
		.cpu = (uint16_t)(test_random(&rng) % 4 * 3), .isa = VMMT_ISA_vmx,
		.verdict = VMMT_VERDICT_delivered, .vm = i % 7 ? 1 : UINT32_MAX, .vcpu = i % 3,
		.seq = seq[!(i % 7)][i % 3], .time = tsc, .exit = i % 5 ? i + 1 : 0 };
	if (r.head.event == VMMT_EVENT_exit)
		fill_stamps(&r.exit, tsc);
	assert_int_equal(collector_push(c, 0, &r, info->size), 0);
}

int main(int argc, char **argv)
{
	struct collector_options options = { .generator = "a \"sample\" \\", .attached = true };
	struct collector *c = collector_new(&options);
	uint64_t tsc = 5000000000, records;

	if (argc < 3) {
		fprintf(stderr, "Usage: ctf_sample RECORDS FILE...\n");
		return 2;
	}
	records = strtoull(argv[1], NULL, 0);
	collector_add_source(c);
	for (int i = 2; i < argc; i++)
		if (collector_add_output(c, argv[i]))
			return 1;
	push_clock(c, 1, tsc, 7000000000);
	for (unsigned int i = 0; i < records; i++) {
		/* Now and then a second goes by, at another pace than the nominal. */
		if (i % 1000 == 999) {
			tsc += 2100000000;
			push_clock(c, 2 + i / 1000, tsc, 7000000000 + (tsc - 5000000000) / 21 * 10 +
				   i * 100);
		}
		tsc += i % 11 ? 1000 : 0;
		push_record(c, i, tsc);
	}
	return collector_finish(c, NULL) ? 1 : 0;
}
