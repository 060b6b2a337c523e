/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The records, stamped from the schema: struct vmmt_<event>, each starting
 * with the fields of struct vmmt_head; enums VMMT_<LIST>_<name>. For the
 * kernel, BPF and userland alike: explicit sizes, 8-byte alignment, no
 * pointers, no padding the schema does not name.
 */
#ifndef VMMT_RECORD_H
#define VMMT_RECORD_H

#include <linux/types.h>

#include "schema.h"

#define VMMT_VCPU_VM   0xffffu		/* the VM itself */
#define VMMT_VCPU_USER 0xfe00u		/* first thread of the userland machine */
#define VMMT_CPL_NONE 255		/* not known */

#define VMMT_F(type, name, kind, doc) __##type name;
#define VMMT_T(name, size, doc) char name[size];

struct vmmt_head {
	VMMT_HEAD_FIELDS(VMMT_F, VMMT_T)
};

#define VMMT_E(id, name, doc, NAME) \
struct vmmt_##name { \
	union { \
		struct vmmt_head head; \
		struct { VMMT_HEAD_FIELDS(VMMT_F, VMMT_T) }; \
	}; \
	VMMT_##NAME##_FIELDS(VMMT_F, VMMT_T) \
}; \
_Static_assert(sizeof(struct vmmt_##name) % 8 == 0, "vmmt_" #name " ends on 8 bytes");
VMMT_EVENTS(VMMT_E)
#undef VMMT_E

/* The bytes of all fields together: equal to the struct unless it has holes. */
#define VMMT_FSIZE(type, name, kind, doc) + sizeof(__##type)
#define VMMT_TSIZE(name, size, doc) + (size)
#define VMMT_E(id, name, doc, NAME) \
_Static_assert(sizeof(struct vmmt_##name) == 0 VMMT_HEAD_FIELDS(VMMT_FSIZE, VMMT_TSIZE) \
	       VMMT_##NAME##_FIELDS(VMMT_FSIZE, VMMT_TSIZE), "vmmt_" #name " has no holes");
VMMT_EVENTS(VMMT_E)
#undef VMMT_E
#undef VMMT_FSIZE
#undef VMMT_TSIZE
#undef VMMT_F
#undef VMMT_T

#define VMMT_EV(value, name, ...) VMMT_CUR(name) = value,
#define VMMT_CUR(name) VMMT_EVENT_##name
enum vmmt_event { VMMT_ENUM_EVENT(VMMT_EV) VMMT_NEVENT };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_VERDICT_##name
enum vmmt_verdict { VMMT_ENUM_VERDICT(VMMT_EV) };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_ISA_##name
enum vmmt_isa { VMMT_ENUM_ISA(VMMT_EV) };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_CLASS_##name
enum vmmt_class { VMMT_ENUM_CLASS(VMMT_EV) VMMT_NCLASS };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_END_##name
enum vmmt_end { VMMT_ENUM_END(VMMT_EV) };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_MODE_##name
enum vmmt_mode { VMMT_ENUM_MODE(VMMT_EV) };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_ACCESS_##name
enum vmmt_access { VMMT_ENUM_ACCESS(VMMT_EV) };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_OUTCOME_##name
enum vmmt_outcome { VMMT_ENUM_OUTCOME(VMMT_EV) };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_STAGE_##name
enum vmmt_stage { VMMT_ENUM_STAGE(VMMT_EV) };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_ITYPE_##name
enum vmmt_itype { VMMT_ENUM_ITYPE(VMMT_EV) };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_CALL_##name
enum vmmt_call_nr { VMMT_ENUM_CALL(VMMT_EV) VMMT_NCALL };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_LIFE_##name
enum vmmt_life_what { VMMT_ENUM_LIFE(VMMT_EV) };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_DEVICE_##name
enum vmmt_device { VMMT_ENUM_DEVICE(VMMT_EV) VMMT_NDEVICE };
#undef VMMT_CUR
#define VMMT_CUR(name) VMMT_DEVOP_##name
enum vmmt_devop { VMMT_ENUM_DEVOP(VMMT_EV) };
#undef VMMT_CUR
#undef VMMT_EV

/* Any record. */
#define VMMT_E(id, name, doc, NAME) struct vmmt_##name name;
union vmmt_record {
	struct vmmt_head head;
	VMMT_EVENTS(VMMT_E)
};
#undef VMMT_E

#endif /* VMMT_RECORD_H */
