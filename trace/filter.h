/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a recorder lets through: terms that must all hold. Evaluated by the BPF
 * programs, which have the terms in their rodata, and by userland, by this one
 * function; src/filter makes the terms of an expression.
 */
#ifndef VMMT_FILTER_H
#define VMMT_FILTER_H

#include <linux/types.h>

#include "record.h"

#define VMMT_FILTER_TERMS	8
#define VMMT_FILTER_RANGES	12

/* Where a term finds its value in the records of one event. size 0: the term
 * is not about them, and holds. */
struct vmmt_ref {
	__u16 offset;
	__u16 since;			/* of the stamp that is taken off; 0 none */
	__u8 size;			/* bytes */
	__u8 pad[3];
};

/* The value is in the set or in a range; negate: it is in neither. */
struct vmmt_term {
	struct vmmt_ref ref[VMMT_NEVENT];
	__u64 set;			/* bit per value below 64 */
	__u64 classes;			/* bit per class: other exits are not meant; 0 all are */
	struct {
		__u64 first, last;
	} range[VMMT_FILTER_RANGES];
	__u32 ranges;
	__u32 negate;
};

/* All zero: everything is let through. */
struct vmmt_filter {
	struct vmmt_term term[VMMT_FILTER_TERMS];
	__u32 terms;
	__u32 vm;			/* others' records are not for this recorder; 0 all are */
};

/* In its vm: one VM, whose id the recorder tells when there is one. */
#define VMMT_VM_LATER 0xffffffffu

/* What a recorder's filter refused of one stream. */
struct vmmt_stream {
	__u32 vm, vcpu;
};
struct vmmt_refused {
	__u64 records;			/* of all kinds */
	__u64 exits[VMMT_NCLASS];
};

/* BPF may load from a record at constant offsets only: all loops are unrolled,
 * and the verifier knows what the rodata holds. */
#ifdef __bpf__
#define VMMT_UNROLL _Pragma("unroll")
#else
#define VMMT_UNROLL
#endif
#define VMMT_INLINE static inline __attribute__((always_inline))

VMMT_INLINE __u64 vmmt_load(const void *rec, __u16 offset, __u8 size)
{
	const char *at = (const char *)rec + offset;

	switch (size) {
	case 1:
		return *(const __u8 *)at;
	case 2:
		return *(const __u16 *)at;
	case 4:
		return *(const __u32 *)at;
	default:
		return *(const __u64 *)at;
	}
}

VMMT_INLINE int vmmt_term_has(const volatile struct vmmt_term *t, __u64 value)
{
	unsigned int i;

	if (value < 64 && t->set >> value & 1)
		return 1;
	VMMT_UNROLL
	for (i = 0; i < VMMT_FILTER_RANGES; i++)
		if (i < t->ranges && value >= t->range[i].first && value <= t->range[i].last)
			return 1;
	return 0;
}

VMMT_INLINE int vmmt_term_holds(const volatile struct vmmt_term *t, unsigned int event,
				const void *rec)
{
	const volatile struct vmmt_ref *ref = &t->ref[event];
	__u64 value, since;
	__u8 class;
	int has;

	if (!ref->size)
		return 1;
	value = vmmt_load(rec, ref->offset, ref->size);
	if (ref->since) {
		since = vmmt_load(rec, ref->since, 8);
		value = value > since ? value - since : 0;
	}
	has = vmmt_term_has(t, value);
	if (event == VMMT_EVENT_exit && t->classes) {
		class = ((const struct vmmt_exit *)rec)->class;
		has = has && class < 64 && t->classes >> class & 1;
	}
	return t->negate ? !has : has;
}

/* Do all terms hold for a record of that (known) event? */
VMMT_INLINE int vmmt_filter_wants(const volatile struct vmmt_filter *f, unsigned int event,
				  const void *rec)
{
	unsigned int i;

	VMMT_UNROLL
	for (i = 0; i < VMMT_FILTER_TERMS; i++)
		if (i < f->terms && !vmmt_term_holds(&f->term[i], event, rec))
			return 0;
	return 1;
}

#endif /* VMMT_FILTER_H */
