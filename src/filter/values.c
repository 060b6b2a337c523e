// SPDX-License-Identifier: GPL-2.0-only
/* What is written behind an operator: names, numbers, ranges, lists of them. */
#include <config.h>

#include "src/filter/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/collector/user_ring.h"

#define NAME_MAX_LEN 31

/* A term has a bit per value of an enumeration. */
#define VALUE(value, ...) && (value) < 64
#define ENUM(NAME, name) VMMT_ENUM_##NAME(VALUE)
_Static_assert(1 VMMT_ENUMS(ENUM), "enumerations have values below 64");
#undef VALUE
#undef ENUM

/* One term in the making. */
struct values {
	struct parser *p;
	const struct field *field;
	enum op op;
	struct filter_term *term;
	enum vmmt_key key;		/* what the names so far were; none yet */
};

static struct word take_word(struct parser *p)
{
	struct word w;

	p->at += strspn(p->at, " ");
	w = (struct word){ p->at, strcspn(p->at, "|,") };
	p->at += w.len;
	while (w.len && w.at[w.len - 1] == ' ')
		w.len--;
	return w;
}

/* "a..b" in two; false if it is one value. */
static bool split_range(struct word w, struct word *first, struct word *last)
{
	for (size_t i = 0; i + 1 < w.len; i++) {
		if (w.at[i] != '.' || w.at[i + 1] != '.')
			continue;
		*first = (struct word){ w.at, i };
		*last = (struct word){ w.at + i + 2, w.len - i - 2 };
		return true;
	}
	*first = *last = w;
	return false;
}

static int add_range(struct values *v, struct word w, uint64_t first, uint64_t last)
{
	struct vmmt_term *t = &v->term->term;

	if (t->ranges && first && t->range[t->ranges - 1].last == first - 1) {
		t->range[t->ranges - 1].last = last;
		return 0;
	}
	if (t->ranges == VMMT_FILTER_RANGES)
		return filter_fail(v->p, w, "too many values for one term, which has room for %d "
				   "ranges; give ranges (a..b), or another term",
				   VMMT_FILTER_RANGES);
	t->range[t->ranges].first = first;
	t->range[t->ranges].last = last;
	t->ranges++;
	return 0;
}

/* ---- enumerations ---- */

static bool is_offered(unsigned int kind, uint32_t value)
{
	return kind != VMMT_KIND_event || !field_event_stays(value);
}

static int fail_enum(struct values *v, struct word w)
{
	const struct vmmt_enum *e = vmmt_enum(v->field->kind);
	char names[512] = "";
	size_t len = 0;

	for (size_t i = 0; i < e->count && len < sizeof(names); i++)
		if (is_offered(v->field->kind, e->values[i].value))
			len += (size_t)snprintf(names + len, sizeof(names) - len, " %s",
						e->values[i].name);
#define GROUP(name, a, b) " " #name
	return filter_fail(v->p, w, "%s is one of%s%s", v->field->name, names,
			   v->field->kind == VMMT_KIND_class ?
			   "; or for two of them" VMMT_CLASS_GROUPS(GROUP) : "");
#undef GROUP
}

static uint64_t class_group(struct word w)
{
#define GROUP(name, a, b) \
	if (word_is(w, #name)) \
		return 1ull << VMMT_CLASS_##a | 1ull << VMMT_CLASS_##b;
	VMMT_CLASS_GROUPS(GROUP)
#undef GROUP
	return 0;
}

static int add_enum(struct values *v, struct word w)
{
	const struct vmmt_enum *e = vmmt_enum(v->field->kind);
	uint64_t set = v->field->kind == VMMT_KIND_class ? class_group(w) : 0;

	for (size_t i = 0; i < e->count; i++) {
		if (!word_is(w, e->values[i].name))
			continue;
		if (!is_offered(v->field->kind, e->values[i].value))
			return filter_fail(v->p, w, "clock, life and lost records always stay");
		set |= 1ull << e->values[i].value;
	}
	if (!set)
		return fail_enum(v, w);
	v->term->term.set |= set;
	return 0;
}

/* ---- names of keys ---- */

static int add_ports(struct values *v, struct word w, unsigned int device)
{
	int err = 0;

	for (uint64_t port = 0; port <= 0xffff && !err; port++)
		if (vmmt_port_device(port) == device)
			err = add_range(v, w, port, port);
	return err;
}

/* The device of that name, VMMT_DEVICE_none if there is none with ports. */
static unsigned int device_by_name(struct word w)
{
	const struct vmmt_enum *e = vmmt_enum(VMMT_KIND_device);

	for (size_t i = 0; i < e->count; i++) {
		if (!word_is(w, e->values[i].name))
			continue;
		for (uint64_t port = 0; port <= 0xffff; port++)
			if (vmmt_port_device(port) == e->values[i].value)
				return e->values[i].value;
	}
	return VMMT_DEVICE_none;
}

/* What kind of key has that name, and its number if it is one number. */
static enum vmmt_key key_by_name(struct word w, uint64_t *ret)
{
	char name[NAME_MAX_LEN + 1];
	struct word digits = { w.at + 2, w.len - 2 };

	if (w.len < 3 || w.len > NAME_MAX_LEN)
		return VMMT_KEY_none;
	memcpy(name, w.at, w.len);
	name[w.len] = '\0';
	if (vmmt_msr_by_name(name, ret))
		return VMMT_KEY_msr;
	if (name[1] == 'r' && number_parse(digits, ret) && *ret < 16) {
		if (name[0] == 'c')
			return VMMT_KEY_cr;
		if (name[0] == 'd')
			return VMMT_KEY_dr;
	}
	*ret = device_by_name(w);
	return *ret ? VMMT_KEY_port : VMMT_KEY_none;
}

/* A name stands for keys of one kind: exits of other classes are not meant. */
static int add_key_name(struct values *v, struct word w)
{
	uint64_t number;
	enum vmmt_key kind = key_by_name(w, &number);

	if (kind == VMMT_KEY_none)
		return filter_fail(v->p, w, "a key is a number, a range of numbers or a name: of a "
				   "port's device (serial0), an MSR (APIC_BASE), cr0, dr7; "
				   "docs/events.md has them all");
	if (v->op != OP_EQ && v->op != OP_NE)
		return filter_fail(v->p, w, "names have no order; use = or !=");
	if (v->key != VMMT_KEY_none && v->key != kind)
		return filter_fail(v->p, w, "ports, MSRs and registers do not go into one term");
	v->key = kind;
	for (unsigned int id = 0; id < VMMT_NCLASS; id++)
		if (vmmt_class_info(id)->key == kind)
			v->term->term.classes |= 1ull << id;
	return kind == VMMT_KEY_port ? add_ports(v, w, (unsigned int)number) :
				       add_range(v, w, number, number);
}

/* ---- numbers ---- */

/* Of a vCPU, and of the thread that runs it. */
static int add_vcpus(struct values *v, struct word w, uint64_t first, uint64_t last)
{
	bool open = v->op != OP_EQ && v->op != OP_NE;

	if (last >= USER_THREAD_OTHER && open)
		last = USER_THREAD_OTHER - 1;
	if (first > last || last >= USER_THREAD_OTHER)
		return filter_fail(v->p, w, "vCPUs count from 0 to %d", USER_THREAD_OTHER - 1);
	for (uint64_t i = first; i <= last; i++)
		v->term->term.set |= 1ull << i;
	return add_range(v, w, VMMT_VCPU_USER + first, VMMT_VCPU_USER + last);
}

static int add_numbers(struct values *v, struct word w, uint64_t first, uint64_t last)
{
	if ((v->op == OP_LT && !first) || (v->op == OP_GT && last == UINT64_MAX))
		return filter_fail(v->p, w, "nothing is %s that",
				   v->op == OP_LT ? "below" : "above");
	switch (v->op) {
	case OP_LT:
		last = first - 1;
		first = 0;
		break;
	case OP_LE:
		first = 0;
		break;
	case OP_GT:
		first = last + 1;
		last = UINT64_MAX;
		break;
	case OP_GE:
		last = UINT64_MAX;
		break;
	default:
		break;
	}
	return v->field->vcpu ? add_vcpus(v, w, first, last) : add_range(v, w, first, last);
}

static bool parse_one(const struct values *v, struct word w, uint64_t *ret)
{
	return v->field->kind == VMMT_KIND_ticks ? duration_parse(w, ret) : number_parse(w, ret);
}

static int add_number(struct values *v, struct word w)
{
	struct word from, to;
	uint64_t first, last;
	bool range = split_range(w, &from, &to);

	if (range && v->op != OP_EQ && v->op != OP_NE)
		return filter_fail(v->p, w, "a range goes with = and != only");
	if (v->field->key && !range && !number_parse(w, &first))
		return add_key_name(v, w);
	if (!parse_one(v, from, &first) || !parse_one(v, to, &last)) {
		if (v->field->kind == VMMT_KIND_ticks)
			return filter_fail(v->p, w, "%s is a duration, with its unit: 10us, 1.5ms, "
					   "500ns, 2s, or a range of two", v->field->name);
		return filter_fail(v->p, w, "%s is a number of 64 bits, 10 or 0x3f8, or a range, "
				   "0x3f8..0x3ff", v->field->name);
	}
	if (first > last)
		return filter_fail(v->p, w, "the range ends before it begins");
	return add_numbers(v, w, first, last);
}

/* What the term does not speak of although the records have the field: the
 * host's records have vm 0; threads that run no vCPU, and the VM itself. */
static int add_spared(struct values *v, struct word w)
{
	if (v->op == OP_NE)
		return 0;
	if (v->field->vm)
		return add_range(v, w, 0, 0);
	if (v->field->vcpu)
		return add_range(v, w, VMMT_VCPU_USER + USER_THREAD_OTHER, UINT32_MAX);
	return 0;
}

int values_parse(struct parser *p, const struct field *field, enum op op, struct filter_term *term)
{
	struct values v = { .p = p, .field = field, .op = op, .term = term };
	bool names = vmmt_enum(field->kind) != NULL, more;
	struct word w;
	int err;

	term->ns = field->kind == VMMT_KIND_ticks;
	term->term.negate = op == OP_NE;
	if (names && op != OP_EQ && op != OP_NE)
		return filter_fail(p, (struct word){ p->at, 0 },
				   "%s has names, which have no order; use = or !=", field->name);
	do {
		w = take_word(p);
		err = names ? add_enum(&v, w) : add_number(&v, w);
		more = *p->at == '|';
		if (!err && more && op != OP_EQ && op != OP_NE)
			return filter_fail(p, (struct word){ p->at, 1 },
					   "a list goes with = and != only");
		p->at += more;
	} while (!err && more);
	return err ? err : add_spared(&v, w);
}
