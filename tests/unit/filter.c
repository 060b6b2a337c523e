/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filter expressions: what they keep, what is said about wrong ones, and that
 * the compiled terms mean what an expression says, by an evaluator of the
 * test's own over random records. The sources are compiled with sanitizers,
 * where there are any: no text makes the parser touch what is not its own.
 */
#include <config.h>

#include "collector_test.h"

#include <errno.h>
#include <inttypes.h>

#include "src/collector/names.h"
#include "src/filter/filter.h"

const char *__asan_default_options(void);

/* It does not allocate; looking for leaks needs ptrace. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static struct vmmt_filter compile(const char *text, uint64_t khz)
{
	char msg[FILTER_MSG] = "";
	struct vmmt_filter ret;
	struct filter f;

	if (filter_parse(text, &f, msg))
		fail_msg("%s: %s", text, msg);
	filter_compile(&f, khz, &ret);
	return ret;
}

/* ---- what expressions keep ---- */

#define EXIT(vcpu, ...) \
	{ .exit = { HEAD(exit, 1, vcpu, 1, 5000, 9), .t_prev = 1000, .t_traced = 1100, \
		    .t_enter = 1200, .t_exit = 3000, .t_handled = 3500, __VA_ARGS__ } }

/* Columns of the table below. dur and kernel of the exits: 2000 and 500 ns. */
static const union vmmt_record samples[] = {
	EXIT(0, .class = VMMT_CLASS_io_out, .key = 0x3f8, .value = 0x41, .cpl = 3, .t_out = 5000),
	EXIT(0, .class = VMMT_CLASS_io_in, .key = 0xcf9, .rip = 0xfff0, .injected = 0x80000020),
	EXIT(1, .class = VMMT_CLASS_rdmsr, .key = 0x1b, .mode = VMMT_MODE_long64),
	EXIT(1, .class = VMMT_CLASS_cpuid, .key = 0x1b, .off = 70),
	EXIT(1, .class = VMMT_CLASS_cr_write, .key = 3),
	EXIT(2, .class = VMMT_CLASS_hlt, .end = VMMT_END_userland),
	{ .ept_fault = { HEAD(ept_fault, 1, 0, 1, 5000, 9), .gpa = 0x12345000, .resolve = 700,
			 .access = VMMT_ACCESS_w } },
	{ .intr = { HEAD(intr, 1, 0, 1, 5000, 9), .vector = 0x24, .stage = VMMT_STAGE_injected } },
	{ .dev = { USER_HEAD(dev, 1, VMMT_VCPU_USER, 1, 5000, 9), .begin = 2500, .addr = 0x3f8,
		   .device = VMMT_DEVICE_serial0 } },
	{ .intr = { USER_HEAD(intr, 1, VMMT_VCPU_USER + 64, 1, 5000, 0), .irq = 4,
		    .stage = VMMT_STAGE_raised } },
	{ .call = { HEAD(call, 0, VMMT_VCPU_VM, 1, 5000, 0), .begin = 1000,
		    .call = VMMT_CALL_term } },
	{ .life = { HEAD(life, 1, VMMT_VCPU_VM, 1, 5000, 0) } },
	{ .life = { HEAD(life, 2, VMMT_VCPU_VM, 1, 5000, 0) } },
	{ .clock = { HEAD(clock, 0, VMMT_VCPU_VM, 1, 5000, 0) } },
	{ .lost = { USER_HEAD(lost, 2, 3, 1, 5000, 0) } },
};

/* x: the record is kept. A term is not about records without its field. */
static const struct {
	const char *text, *kept;
} keeps[] = {
	/*			    exits  faults... lives... */
	{ "class=io_out",		"x.....xxxxxxxxx" },
	{ "class=io",			"xx....xxxxxxxxx" },
	{ "class!=io",			"..xxxxxxxxxxxxx" },
	{ "class=io|hlt|msr",		"xxx..xxxxxxxxxx" },
	{ "class=cr|dr",		"....x.xxxxxxxxx" },
	{ " class = io | hlt , key = 0x3f8 ", "x.....xxxxxxxxx" },
	{ "event=exit",			"xxxxxx.....xxxx" },
	{ "event=exit|intr",		"xxxxxx.x.x.xxxx" },
	{ "event!=intr",		"xxxxxxx.x.xxxxx" },
	{ "event=exit,class=hlt",	".....x.....xxxx" },
	{ "event!=dev,class=hlt",	".....xxx.xxxxxx" },
	{ "key=0x3f8",			"x.....xxxxxxxxx" },
	{ "key=1016",			"x.....xxxxxxxxx" },
	{ "key=0x1b",			"..xx..xxxxxxxxx" },
	{ "key=27..30|0x3f8",		"x.xx..xxxxxxxxx" },
	{ "key=APIC_BASE",		"..x...xxxxxxxxx" },
	{ "key!=APIC_BASE",		"xx.xxxxxxxxxxxx" },
	{ "key=APIC_BASE|0x1b..0x20",	"..x...xxxxxxxxx" },
	{ "key=serial0",		"x.....xxxxxxxxx" },
	{ "key=reset",			".x....xxxxxxxxx" },
	{ "key=pci",			"......xxxxxxxxx" },
	{ "key=cr3",			"....x.xxxxxxxxx" },
	{ "key=dr3",			"......xxxxxxxxx" },
	{ "key<=3",			"....xxxxxxxxxxx" },
	{ "key>3,key<0xcf9",		"x.xx..xxxxxxxxx" },
	{ "value=0x41",			"x.....xx.xxxxxx" },
	{ "rip>=0xfff0",		".x.....xxxxxxxx" },
	{ "cpl=3",			"x.....xxxxxxxxx" },
	{ "mode=long64",		"..x...xxxxxxxxx" },
	{ "end=userland",		".....xxxxxxxxxx" },
	{ "injected!=0",		".x....xxxxxxxxx" },
	{ "vector=32..40",		"xxxxxxxxx.xxxxx" },
	{ "stage=injected",		"xxxxxxxxx.xxxxx" },
	{ "irq=4",			"xxxxxxx.xxxxxxx" },
	{ "device=serial0",		"xxxxxxxxxxxxxxx" },
	{ "device=pic|pit",		"xxxxxxxx.xxxxxx" },
	{ "access=r",			"xxxxxx.xxxxxxxx" },
	{ "gpa=0x12345000..0x12345fff",	"xxxxxxxxxxxxxxx" },
	{ "call=run",			"xxxxxxxxxx.xxxx" },
	{ "vm=1",			"xxxxxxxxxxxx.xx" },
	{ "vm!=1",			"..........x.xxx" },
	{ "vm>=2",			"..........x.xxx" },
	{ "vcpu=0",			"xx....xxxxxxxxx" },
	{ "vcpu!=0",			"..xxxx...xxxxxx" },
	{ "vcpu>=1",			"..xxxx...xxxxxx" },
	{ "vcpu=0|2",			"xx...xxxxxxxxxx" },
	{ "vcpu<63",			"xxxxxxxxxxxxxxx" },
	{ "cpu=0",			"xxxxxxxxxxxxxxx" },
	{ "cpu=1",			"...........xxxx" },
	{ "isa=svm",			"xxxxxxxx..xxxxx" },
	{ "exit=9",			"xxxxxxxxx..xxxx" },
	{ "kernel=500ns",		"xxxxxxxxxxxxxxx" },
	{ "kernel>500ns",		"......xxxxxxxxx" },
	{ "guest<1.8us",		"......xxxxxxxxx" },
	{ "guest<=1.8us",		"xxxxxxxxxxxxxxx" },
	{ "dur>=2us",			"xxxxxxxxxxxxxxx" },
	{ "dur>2us",			"......xxxxxxxxx" },
	{ "dur>=0.000004s",		"......xx.xxxxxx" },
	{ "dur>4us",			"......xx.x.xxxx" },
	{ "return>=1500ns",		"x.....xxxxxxxxx" },
	{ "return=0",			".xxxxxxxxxxxxxx" },
	{ "trace=50ns..0.1us",		"xxxxxxxxxxxxxxx" },
	{ "off>0",			"...x..xxxxxxxxx" },
	{ "resolve<500ns",		"xxxxxx.xxxxxxxx" },
};

static void keeps_what_it_says(void **state)
{
	for (size_t i = 0; i < sizeof(keeps) / sizeof(keeps[0]); i++) {
		struct vmmt_filter f = compile(keeps[i].text, 1000000);
		char kept[sizeof(samples) / sizeof(samples[0]) + 1] = "";

		for (size_t j = 0; j < sizeof(samples) / sizeof(samples[0]); j++)
			kept[j] = filter_match(&f, &samples[j]) ? 'x' : '.';
		if (strcmp(kept, keeps[i].kept))
			fail_msg("%s keeps %s, not %s", keeps[i].text, kept, keeps[i].kept);
	}
}

static void no_terms_keep_all(void **state)
{
	struct vmmt_filter f = {};

	for (size_t j = 0; j < sizeof(samples) / sizeof(samples[0]); j++)
		assert_true(filter_match(&f, &samples[j]));
	f.vm = 2;
	assert_false(filter_match(&f, &samples[0]));
	assert_true(filter_match(&f, &samples[10]));	/* the host's */
	assert_true(filter_match(&f, &samples[12]));
}

/* ---- wrong expressions ---- */

static const struct {
	const char *text, *msg;
} wrongs[] = {
	{ "", "nothing to filter by; give terms such as class=io" },
	{ "  ", "nothing to filter by" },
	{ ",", "at character 1: a term is missing here" },
	{ "class=io,", "at character 10: a term is missing here" },
	{ "class=io,,key=1", "at character 10: a term is missing here" },
	{ "=1", "at character 1: a term is missing here" },
	{ "klass=io", "at character 1, 'klass': no such field; there are event cpu" },
	{ "name=x", "'name': no such field" },
	{ "seq=1", "'seq': no such field" },
	{ "verdict=full", "'verdict': no such field" },
	{ "t_exit>5", "at character 1, 't_exit': stamps are not filtered by" },
	{ "time>5", "stamps are not filtered by" },
	{ "class", "at character 6: an operator should be here: = != < <= > or >=" },
	{ "class io", "at character 7: an operator should be here" },
	{ "class~io", "at character 6: an operator should be here" },
	{ "class=", "at character 7: class is one of other io_in" },
	{ "class=nonsense", "at character 7, 'nonsense': class is one of other io_in io_out" },
	{ "class=nonsense", "softint; or for two of them io msr cr dr" },
	{ "class=io|", "at character 10: class is one of" },
	{ "class=IO", "'IO': class is one of" },
	{ "class=3", "'3': class is one of" },
	{ "class=io_in..hlt", "'io_in..hlt': class is one of" },
	{ "class<io", "at character 7: class has names, which have no order; use = or !=" },
	{ "event=life", "'life': clock, life and lost records always stay" },
	{ "event!=clock", "clock, life and lost records always stay" },
	{ "event=exits", "event is one of exit ept_fault intr call mark dev req" },
	{ "stage=none", "stage is one of raised window injected" },
	{ "key=serial9", "'serial9': a key is a number, a range of numbers or a name" },
	{ "key=cr16", "a key is a number" },
	{ "key=cr", "a key is a number" },
	{ "key=none", "a key is a number" },
	{ "key=scratch", "a key is a number" },
	{ "key=serial0|APIC_BASE", "at character 13, 'APIC_BASE': ports, MSRs and registers" },
	{ "key<serial0", "names have no order" },
	{ "key=serial0..serial1", "key is a number of 64 bits, 10 or 0x3f8, or a range" },
	{ "key=5..1", "at character 5, '5..1': the range ends before it begins" },
	{ "key=1..", "key is a number" },
	{ "key=..1", "key is a number" },
	{ "key=1...2", "key is a number" },
	{ "key>1..2", "a range goes with = and != only" },
	{ "key>1|2", "at character 6, '|': a list goes with = and != only" },
	{ "key<0", "at character 5, '0': nothing is below that" },
	{ "key>0xffffffffffffffff", "nothing is above that" },
	{ "rip=0x10000000000000000", "rip is a number of 64 bits" },
	{ "rip=18446744073709551616", "rip is a number of 64 bits" },
	{ "rip=-1", "rip is a number of 64 bits" },
	{ "rip=0x", "rip is a number of 64 bits" },
	{ "rip=1f", "rip is a number of 64 bits" },
	{ "rip=10us", "rip is a number of 64 bits" },
	{ "rip==5", "at character 5, '=5': rip is a number" },
	{ "vcpu=64", "'64': vCPUs count from 0 to 63" },
	{ "vcpu>63", "vCPUs count from 0 to 63" },
	{ "vcpu=60..70", "vCPUs count from 0 to 63" },
	{ "dur>=10", "at character 6, '10': dur is a duration, with its unit: 10us" },
	{ "dur>=10m", "dur is a duration" },
	{ "dur>=us", "dur is a duration" },
	{ "dur>=1.us", "dur is a duration" },
	{ "dur>=.5us", "dur is a duration" },
	{ "dur>=1.5", "dur is a duration" },
	{ "dur>=1.5ns", "dur is a duration" },
	{ "dur>=1.05ns", "dur is a duration" },
	{ "dur>=0x10us", "dur is a duration" },
	{ "dur>=10 us", "dur is a duration" },
	{ "dur>=18446744073709551615s", "dur is a duration" },
	{ "dur=2us..1us", "the range ends before it begins" },
	{ "key=1,key=2", "at character 7, 'key': key= comes twice; for either write key=A|B" },
	{ "class=io_in,class=hlt", "class= comes twice" },
	{ "rip=1|3|5|7|9|11|13|15|17|19|21|23|25", "'25': too many values for one term" },
	{ "cpu>0,cpu>1,cpu>2,cpu>3,cpu>4,cpu>5,cpu>6,cpu>7,cpu>8", "'cpu': at most 8 terms" },
	{ "class=io\nx", "at character 7, 'io?x': class is one of" },
	{ "class=0123456789012345678901234567890123456789",
	  "'01234567890123456789012345678901...': class is one of" },
};

static void says_what_is_wrong(void **state)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		char msg[FILTER_MSG] = "";
		struct filter f = { .count = 77 };

		assert_int_equal(filter_parse(wrongs[i].text, &f, msg), -EINVAL);
		assert_int_equal(f.count, 77);
		if (!strstr(msg, wrongs[i].msg))
			fail_msg("%s: %s", wrongs[i].text, msg);
	}
}

/* ---- against an evaluator of the test's own ---- */

static const char *const ops[] = { "=", "!=", "<", "<=", ">", ">=" };

/* A term as it is written; values are numbers, or names of an enumeration. */
struct spelled {
	const struct vmmt_field *field;		/* NULL: a duration, or a key's name */
	const char *name;			/* of the duration, or the key's */
	bool key;
	unsigned int op, count;
	uint64_t first[4], last[4];
};

static uint64_t rng = 88172645463325252ull;

static uint64_t below(uint64_t n)
{
	return test_random(&rng) % n;
}

/* Numbers that lie close together, and the ends of everything. */
static uint64_t some_number(void)
{
	static const uint64_t special[] = { 0, 1, 63, 64, 0x3f8, 0xcf9, 0xffff, UINT32_MAX,
					    UINT64_MAX - 1, UINT64_MAX };

	return below(4) ? below(70) : special[below(sizeof(special) / sizeof(special[0]))];
}

static union vmmt_record some_record(void)
{
	static const unsigned int events[] = { VMMT_EVENT_exit, VMMT_EVENT_exit, VMMT_EVENT_exit,
					       VMMT_EVENT_ept_fault, VMMT_EVENT_intr,
					       VMMT_EVENT_call, VMMT_EVENT_life, VMMT_EVENT_mark,
					       VMMT_EVENT_clock, VMMT_EVENT_dev, VMMT_EVENT_req,
					       VMMT_EVENT_lost };
	unsigned int event = events[below(sizeof(events) / sizeof(events[0]))];
	const struct vmmt_event_info *info = vmmt_event_info(event);
	union vmmt_record rec = {};

	for (size_t i = 0; i < info->count; i++) {
		const struct vmmt_field *f = &info->fields[i];
		const struct vmmt_enum *e = vmmt_enum(f->kind);
		uint64_t n = e ? e->values[below(e->count)].value : some_number();

		if (f->kind != VMMT_KIND_text)
			memcpy((char *)&rec + f->offset, &n, f->size);
	}
	rec.head = (struct vmmt_head){ .event = (uint16_t)event, .size = (uint16_t)info->size,
				       .cpu = (uint16_t)below(3), .vm = (uint32_t)below(3),
				       .isa = (uint8_t)below(3), .time = some_number(),
				       .exit = some_number(), .vcpu = (uint32_t)below(3) };
	if (!below(3))
		rec.head.vcpu += VMMT_VCPU_USER + (below(2) ? 0 : 64);
	else if (!below(3))
		rec.head.vcpu = VMMT_VCPU_VM;
	return rec;
}

/* ---- the term, made and written ---- */

static const struct vmmt_field *some_field(void)
{
	static const char *const heads[] = { "event", "cpu", "isa", "vm", "vcpu", "exit" };
	static const unsigned int events[] = { VMMT_EVENT_exit, VMMT_EVENT_exit,
					       VMMT_EVENT_ept_fault, VMMT_EVENT_intr,
					       VMMT_EVENT_call, VMMT_EVENT_mark, VMMT_EVENT_dev,
					       VMMT_EVENT_req };
	const struct vmmt_event_info *info;
	const char *name = heads[below(6)];
	const struct vmmt_field *f;

	if (!below(4)) {
		for (f = vmmt_head_fields; strcmp(f->name, name); f++)
			;
		return f;
	}
	info = vmmt_event_info(events[below(sizeof(events) / sizeof(events[0]))]);
	do {
		f = &info->fields[below(info->count)];
	} while (f->kind == VMMT_KIND_tsc || f->kind == VMMT_KIND_pad);
	return f;
}

static void some_values(struct spelled *t)
{
	const struct vmmt_enum *e = t->field ? vmmt_enum(t->field->kind) : NULL;
	bool vcpu = t->field && !strcmp(t->field->name, "vcpu");

	t->op = (unsigned int)below(e || t->key ? 2 : 6);
	t->count = 1 + (unsigned int)(t->op < 2 ? below(4) : 0);
	for (unsigned int i = 0; i < t->count; i++) {
		uint64_t a = vcpu ? below(60) : some_number(), b = a;

		if (e)
			a = b = e->values[below(e->count)].value;
		else if (t->op < 2 && !below(2) && a < UINT64_MAX - 9)
			b = a + below(vcpu ? 3 : 9);
		if ((t->op == 2 && !a) || (t->op == 4 && a == UINT64_MAX))
			a = b = 7;
		t->first[i] = a;
		t->last[i] = b;
	}
}

static const char *const durations[] = { "guest", "kernel", "return", "trace", "dur" };
static const char *const key_names[] = { "serial0", "reset", "pci", "pic", "APIC_BASE", "EFER",
					 "cr0", "cr3", "dr7" };

static struct spelled some_term(void)
{
	struct spelled t = {};

	if (!below(6)) {
		t.name = durations[below(5)];
	} else if (!below(6)) {
		t.name = key_names[below(9)];
		t.key = true;
	} else {
		t.field = some_field();
	}
	some_values(&t);
	return t;
}

static bool is_ticks(const struct spelled *t)
{
	return t->field ? t->field->kind == VMMT_KIND_ticks : !t->key;
}

/* False: it cannot be said (an event that always stays). */
static bool write_term(const struct spelled *t, char *text, size_t size)
{
	const char *unit = is_ticks(t) ? "ns" : "";
	size_t len;

	if (t->key) {
		snprintf(text, size, "key%s%s", ops[t->op], t->name);
		return true;
	}
	len = (size_t)snprintf(text, size, "%s%s", t->field ? t->field->name : t->name,
			       ops[t->op]);
	for (unsigned int i = 0; i < t->count; i++) {
		const char *bar = i ? "|" : "";

		if (t->field && vmmt_enum(t->field->kind)) {
			unsigned int event = (unsigned int)t->first[i];

			if (t->field->kind == VMMT_KIND_event &&
			    (event == VMMT_EVENT_life || event == VMMT_EVENT_clock ||
			     event == VMMT_EVENT_lost))
				return false;
			len += (size_t)snprintf(text + len, size - len, "%s%s", bar,
				vmmt_value_name(t->field->kind, t->first[i]).text);
		} else if (t->first[i] == t->last[i]) {
			len += (size_t)snprintf(text + len, size - len,
						below(2) && !*unit ? "%s%#" PRIx64 "%s" :
						"%s%" PRIu64 "%s", bar, t->first[i], unit);
		} else {
			len += (size_t)snprintf(text + len, size - len,
						"%s%" PRIu64 "%s..%" PRIu64 "%s", bar,
						t->first[i], unit, t->last[i], unit);
		}
	}
	return true;
}

/* ---- what it means ---- */

static bool compare(const struct spelled *t, uint64_t n)
{
	bool in = false;

	for (unsigned int i = 0; i < t->count; i++)
		in |= n >= t->first[i] && n <= t->last[i];
	switch (t->op) {
	case 0:
		return in;
	case 1:
		return !in;
	case 2:
		return n < t->first[0];
	case 3:
		return n <= t->first[0];
	case 4:
		return n > t->first[0];
	default:
		return n >= t->first[0];
	}
}

static uint64_t gap(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

/* False: the record has no such duration. */
static bool duration(const union vmmt_record *r, const char *name, uint64_t *ret)
{
	bool dur = !strcmp(name, "dur");

	switch (r->head.event) {
	case VMMT_EVENT_exit:
		*ret = dur ? gap(r->exit.t_exit, r->exit.time) :
		       !strcmp(name, "guest") ? gap(r->exit.t_enter, r->exit.t_exit) :
		       !strcmp(name, "kernel") ? gap(r->exit.t_exit, r->exit.t_handled) :
		       !strcmp(name, "return") ? gap(r->exit.t_handled, r->exit.t_out) :
		       gap(r->exit.t_prev, r->exit.t_traced);
		return true;
	case VMMT_EVENT_call:
		*ret = gap(r->call.begin, r->head.time);
		return dur;
	case VMMT_EVENT_dev:
		*ret = gap(r->dev.begin, r->head.time);
		return dur;
	case VMMT_EVENT_req:
		*ret = gap(r->req.begin, r->head.time);
		return dur;
	default:
		return false;
	}
}

/* The field of that name in records of that event. */
static const struct vmmt_field *lookup(unsigned int event, const char *name)
{
	const struct vmmt_event_info *info = vmmt_event_info(event);

	for (size_t i = 0; i < vmmt_head_count; i++)
		if (!strcmp(vmmt_head_fields[i].name, name))
			return &vmmt_head_fields[i];
	for (size_t i = 0; i < info->count; i++)
		if (!strcmp(info->fields[i].name, name))
			return &info->fields[i];
	return NULL;
}

/* A key's name is the one that timelines show. */
static bool key_holds(const struct spelled *t, const union vmmt_record *r)
{
	enum vmmt_key kind;
	char text[64];

	if (r->head.event != VMMT_EVENT_exit)
		return true;
	kind = vmmt_class_info(r->exit.class)->key;
	vmmt_key_text(text, sizeof(text), kind, r->exit.key);
	if (r->exit.key > (kind == VMMT_KEY_cr || kind == VMMT_KEY_dr ? 15 :
			   kind == VMMT_KEY_port ? 0xffff : UINT32_MAX))
		text[0] = '\0';	/* it tells the low bits of a key */
	return !strcmp(text, t->name) == !t->op;
}

static bool holds(const struct spelled *t, const union vmmt_record *r)
{
	bool life = r->head.event == VMMT_EVENT_life;
	const struct vmmt_field *f;
	uint64_t n;

	if (r->head.event == VMMT_EVENT_clock || r->head.event == VMMT_EVENT_lost)
		return true;
	if (t->key)
		return key_holds(t, r);
	if (!t->field)
		return !duration(r, t->name, &n) || compare(t, n);
	f = lookup(r->head.event, t->field->name);
	if (!f || (life && strcmp(f->name, "vm")))
		return true;
	n = vmmt_field_get(r, f);
	if (!strcmp(f->name, "vm") && !n && t->op != 1)
		return true;
	if (!strcmp(f->name, "vcpu")) {
		if (n >= VMMT_VCPU_USER + 64)
			return true;
		n = n >= VMMT_VCPU_USER ? n - VMMT_VCPU_USER : n;
	}
	return compare(t, n);
}

static void means_what_it_says(void **state)
{
	unsigned int kept = 0, refused = 0;

	for (unsigned int round = 0; round < 4000; round++) {
		struct spelled terms[3];
		unsigned int count = 1 + (unsigned int)below(3);
		char text[1024] = "", msg[FILTER_MSG];
		struct vmmt_filter filter;
		struct filter f;

		for (unsigned int i = 0; i < count; i++) {
			size_t len = strlen(text);

			do {
				terms[i] = some_term();
			} while (!write_term(&terms[i], text + len, sizeof(text) - len));
			if (i + 1 < count)
				strcat(text, ",");
		}
		if (filter_parse(text, &f, msg)) {
			if (!strstr(msg, "comes twice"))
				fail_msg("%s: %s", text, msg);
			continue;
		}
		filter_compile(&f, 1000000, &filter);
		for (unsigned int i = 0; i < 50; i++) {
			union vmmt_record rec = some_record();
			bool want = true;

			for (unsigned int j = 0; j < count; j++)
				want &= holds(&terms[j], &rec);
			if (filter_match(&filter, &rec) != want)
				fail_msg("%s: %s a record of event %u, vcpu %#x", text,
					 want ? "refuses" : "keeps", rec.head.event,
					 rec.head.vcpu);
			kept += want;
			refused += !want;
		}
	}
	assert_true(kept > 10000 && refused > 10000);
}

/* Fields that share a name are of one kind, so that values read alike. */
static void names_have_one_kind(void **state)
{
	for (unsigned int a = 1; a < VMMT_NEVENT; a++) {
		for (size_t i = 0; i < vmmt_event_info(a)->count; i++) {
			const struct vmmt_field *f = &vmmt_event_info(a)->fields[i];

			for (unsigned int b = 1; b < VMMT_NEVENT; b++) {
				const struct vmmt_field *g = lookup(b, f->name);

				if (!g || a == VMMT_EVENT_clock || b == VMMT_EVENT_clock)
					continue;
				if (vmmt_enum(f->kind) != vmmt_enum(g->kind) ||
				    (f->kind == VMMT_KIND_ticks) != (g->kind == VMMT_KIND_ticks))
					fail_msg("%s", f->name);
			}
		}
	}
}

/* ---- ticks ---- */

/* A duration is the whole nanoseconds that its ticks are. */
static void takes_ticks_for_nanoseconds(void **state)
{
	static const uint64_t khz[] = { 1, 999, 24000, 1000000, 2394375, 3000000, 5700001 };

	for (unsigned int round = 0; round < 10000; round++) {
		uint64_t hz = khz[below(7)], ticks = below(1u << (1 + below(31)));
		uint64_t ns = (uint64_t)((unsigned __int128)ticks * 1000000 / hz);
		uint64_t limit = ns + below(5) - (ns >= 2 ? 2 : 0);
		union vmmt_record rec = { .ept_fault = { HEAD(ept_fault, 1, 0, 1, 1, 1),
							 .resolve = ticks } };
		struct vmmt_filter f;
		char text[64];

		snprintf(text, sizeof(text), "resolve>=%" PRIu64 "ns", limit);
		f = compile(text, hz);
		assert_int_equal(filter_match(&f, &rec), ns >= limit);
		snprintf(text, sizeof(text), "resolve<=%" PRIu64 "ns", limit);
		f = compile(text, hz);
		assert_int_equal(filter_match(&f, &rec), ns <= limit);
		snprintf(text, sizeof(text), "resolve!=%" PRIu64 "ns", limit);
		f = compile(text, hz);
		assert_int_equal(filter_match(&f, &rec), ns != limit);
	}
}

/* ---- any text ---- */

/* Bytes, or pieces of the grammar in any order. */
static void some_text(char *text, size_t size)
{
	static const char *const pieces[] = {
		"class", "key", "dur", "vcpu", "vm", "event", "=", "!=", "<", "<=", ">", ">=", ",",
		"|", "..", ".", " ", "io", "hlt", "serial0", "pic|pci|dma", "APIC_BASE", "cr3",
		"0x", "0xffffffffffffffff", "18446744073709551615", "1", "10us", "1.5ms", "s",
		"99999999999999999999", "\n", "\xff", "-", "0", "class=io|hlt", ",cpl=3",
		"key!=0x60..0x64", ",dur>=10us", "rip<5", ",vcpu=1",
	};
	size_t len = 0, end = below(size - 32);

	while (len < end) {
		const char *piece = pieces[below(sizeof(pieces) / sizeof(pieces[0]))];

		if (!below(8))
			text[len++] = (char)(1 + below(255));
		else
			len += (size_t)sprintf(text + len, "%s", piece);
	}
	text[len] = '\0';
}

static void takes_any_text(void **state)
{
	unsigned int good = 0;

	for (unsigned int round = 0; round < 40000; round++) {
		size_t size = 33 + below(below(10) ? 30 : 2000);
		char *text = malloc(size), msg[FILTER_MSG] = "";
		struct vmmt_filter filter;
		struct filter f;

		some_text(text, size);
		if (filter_parse(text, &f, msg)) {
			assert_true(msg[0] && strlen(msg) < FILTER_MSG);
			assert_null(strpbrk(msg, "\n\r\x1b"));
		} else {
			filter_compile(&f, 2394375, &filter);
			for (unsigned int i = 0; i < 4; i++) {
				union vmmt_record rec = some_record();

				filter_match(&filter, &rec);
			}
			good++;
		}
		free(text);
	}
	assert_true(good > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_it_says),
		cmocka_unit_test(no_terms_keep_all),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(means_what_it_says),
		cmocka_unit_test(names_have_one_kind),
		cmocka_unit_test(takes_ticks_for_nanoseconds),
		cmocka_unit_test(takes_any_text),
	};

	return RUN_TESTS(tests);
}
