/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The schema as tables: events, their fields, enumerations and the bounded
 * names of keys. Everything that shows or reads a record in userland asks
 * here; nothing is typed a second time.
 */
#ifndef COLLECTOR_NAMES_H
#define COLLECTOR_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/record.h"

/* What the number in a field means. Enumerations come last, each under its
 * own name; VMMT_KIND_ENUMS is the first of them. */
enum vmmt_kind {
	VMMT_KIND_dec,
	VMMT_KIND_hex,
	VMMT_KIND_tsc,
	VMMT_KIND_ticks,
	VMMT_KIND_ns,
	VMMT_KIND_flag,
	VMMT_KIND_pad,
	VMMT_KIND_text,
	VMMT_KIND_ENUMS,
	VMMT_KIND_before_enums = VMMT_KIND_ENUMS - 1,
#define VMMT_N(NAME, name) VMMT_KIND_##name,
	VMMT_ENUMS(VMMT_N)
#undef VMMT_N
	VMMT_NKIND
};

/* What an exit class's key is. */
enum vmmt_key {
	VMMT_KEY_none,
	VMMT_KEY_port,
	VMMT_KEY_msr,
	VMMT_KEY_leaf,
	VMMT_KEY_cr,
	VMMT_KEY_dr,
	VMMT_KEY_vector,
	VMMT_KEY_gpa,
	VMMT_KEY_rax,
};

struct vmmt_name {
	const char *text;	/* NULL: no such value */
	size_t len;
};

struct vmmt_value {
	uint32_t value;
	const char *name, *doc;
};

struct vmmt_enum {
	const char *name;
	const struct vmmt_value *values;
	size_t count;
	const struct vmmt_name *names;	/* indexed by value */
	size_t names_count;
};

struct vmmt_field {
	const char *name, *doc;
	uint16_t offset, size;		/* bytes */
	uint8_t kind;			/* enum vmmt_kind */
};

struct vmmt_event_info {
	const char *name, *doc;
	const struct vmmt_field *fields;	/* after the head */
	size_t count;
	size_t size;				/* of the record */
	bool kernel;				/* a tracepoint of the module */
};

struct vmmt_class_info {
	const char *name, *doc, *label;
	size_t name_len, label_len;
	enum vmmt_key key;
};

struct vmmt_span {
	const char *name, *doc;
};

extern const struct vmmt_field vmmt_head_fields[];
extern const size_t vmmt_head_count;
extern const struct vmmt_span vmmt_spans[];
extern const size_t vmmt_span_count;

/* The event of that id, NULL if there is none. */
const struct vmmt_event_info *vmmt_event_info(unsigned int id);

/* The id of the event of that name, 0 if there is none. */
unsigned int vmmt_event_by_name(const char *name);

/* The class of that id; "other" for an unknown id. */
const struct vmmt_class_info *vmmt_class_info(unsigned int id);

/* Does the record's value mean something for exits of that class? */
bool vmmt_class_has_value(unsigned int id);

/* The class of that name, -1 if there is none. */
int vmmt_class_by_name(const char *name);

/* The enumeration behind a kind, NULL where the kind is none. */
const struct vmmt_enum *vmmt_enum(unsigned int kind);

/* The name of a value; its text is NULL for an unknown one. */
struct vmmt_name vmmt_value_name(unsigned int kind, uint64_t value);

/* The name of a kind, as in schema.h. */
const char *vmmt_kind_name(unsigned int kind);

/* The number in a field (not a text) of a record. */
uint64_t vmmt_field_get(const void *record, const struct vmmt_field *field);

/* VMMT_DEVICE_* behind a well-known port, VMMT_DEVICE_none otherwise. */
unsigned int vmmt_port_device(uint64_t port);

/* The name of a well-known MSR, NULL otherwise. */
const char *vmmt_msr_name(uint64_t index);

/* The index of a well-known MSR; false if none is of that name. */
bool vmmt_msr_by_name(const char *name, uint64_t *ret);

/* A text for a key of that kind, one of a bounded number: well-known names,
 * never an address. Empty where there is none. For gpa, key is not the address
 * but what was tried, VMMT_ACCESS_*. */
void vmmt_key_text(char *text, size_t size, enum vmmt_key kind, uint64_t key);

/* The vendor's name of a raw exit code, NULL if unknown. On VMX only the
 * basic reason (bits 15:0) counts (SDM volume 3, 25.9.1). */
const char *vmmt_reason_name(unsigned int isa, uint32_t reason);

#endif /* COLLECTOR_NAMES_H */
