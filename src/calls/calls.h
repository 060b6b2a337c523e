/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls of /dev/vmm as data (trace/calls.h, fields.h): their structures, to
 * and from JSON, and a session that executes them.
 *
 * In JSON a structure is an object with the names of its members; what is left
 * out is as it was. Numbers are integers, or strings in decimal or 0x, with an
 * optional K, M or G; "+N" adds to what was there. Addresses and bits are written
 * as hex strings. Flags are booleans; values of an enumeration are its names, or
 * numbers. Arrays whose elements have names are objects.
 */
#ifndef CALLS_H
#define CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "fields.h"
#include "src/lib/libvmm.h"

/* ---- calls.c: the tables ---- */

/* What load and save take. */
struct calls_memory {
	uint32_t vm;
	uint64_t gpa, size;
	char file[1024], hex[8193];
};

enum calls_way { CALLS_in = 1, CALLS_out = 2, CALLS_inout = 3 };

enum calls_kind {
	CALLS_KIND_dec, CALLS_KIND_hex, CALLS_KIND_flag,
#define NAMES(list) CALLS_KIND_##list,
	CALLS_ENUMS(NAMES)
#undef NAMES
	CALLS_KIND_text, CALLS_KIND_bytes, CALLS_KIND_struct, CALLS_KIND_pointer,
};

struct calls_name {
	const char *name;
	int value;
};

/* The values of an enumeration, or the names of an array's elements. */
struct calls_names {
	const char *name;
	const struct calls_name *list;
	size_t n;
};

struct calls_member {
	const char *name, *doc;
	size_t offset, size, align;		/* size: of one element */
	size_t n;				/* elements; 1 if it is no array */
	enum calls_way way;
	enum calls_kind kind;
	bool array, negative;			/* may be negative */
	const char *count;			/* the member that says how many, or NULL */
	const struct calls_names *values;	/* of a number; none if it is no enumeration */
	const struct calls_names *names;	/* of the elements */
	const struct calls_struct *(*of)(void);	/* of a structure, or what is pointed to */
};

struct calls_struct {
	const char *name;
	size_t size, n;
	const struct calls_member *members;
};

struct calls_call {
	unsigned int id;			/* VMMT_CALL_*, 0 if it is ours */
	const char *name, *macro, *word, *doc;
	unsigned long cmd;
	const struct calls_struct *(*arg)(void);
};

/* Those of trace/calls.h, then load and save, whose cmd is 0. */
extern const struct calls_call calls_list[];
extern const size_t calls_count;

const struct calls_struct *calls_structs(size_t i);	/* NULL behind the last */
const struct calls_call *calls_by_word(const char *word);
const struct calls_member *calls_member(const struct calls_struct *s, const char *name);

/* What errno means of this call, and what to do; "" if there is nothing to say. */
const char *calls_advice(const struct calls_call *call, int err);
/* EINVAL and so on; a number for one that has no name. */
const char *calls_errno_name(int err);

/* ---- open.c ---- */

/* /dev/vmm of a module that this program knows: a descriptor, or a negative errno and
 * what to do about it. */
int calls_open(struct vmm_version *ret, char *msg, size_t size);

/* The device itself, never through the service; unchecked. */
int calls_open_device(char *msg, size_t size);

/* The same of a descriptor that is there: 0 or a negative errno. */
int calls_check(int fd, struct vmm_version *ret, char *msg, size_t size);

/* ---- json.c ---- */

#define CALLS_MSG 256

/* Take over what an object says into a structure. Pointers that are not NULL are
 * followed. Returns 0 or -EINVAL with msg; then the structure may be half done. */
int calls_read(const struct calls_struct *s, void *to, json_t *from, char msg[CALLS_MSG]);

/* An object of those members that go one of these ways, all within. NULL: no memory. */
json_t *calls_write(const struct calls_struct *s, const void *from, enum calls_way ways);

/* ---- session.c ---- */

struct calls_session;

/* A session on a descriptor of /dev/vmm, which stays the caller's. NULL: no memory. */
struct calls_session *calls_session_new(int fd);
void calls_session_free(struct calls_session *session);

/*
 * Execute the call of that word, with in an object. Returns 0 with *ret_out an object;
 * a negative errno of the call; or 1 for an input that is none, or a file that cannot be
 * read or written. msg says what is wrong and what to do.
 */
int calls_execute(struct calls_session *session, const char *word, json_t *in, json_t **ret_out,
		  char msg[CALLS_MSG]);

#endif /* CALLS_H */
