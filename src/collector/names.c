/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "src/collector/names.h"

#include <stdio.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Events and their fields. A field's macro does not know its event; the
 * function around it does, as `record`. */
#define FIELD(type, fname, fkind, fdoc) \
	{ .name = #fname, .doc = fdoc, .offset = offsetof(record, fname), \
	  .size = sizeof(__##type), .kind = VMMT_KIND_##fkind },
#define TEXT(fname, fsize, fdoc) \
	{ .name = #fname, .doc = fdoc, .offset = offsetof(record, fname), \
	  .size = fsize, .kind = VMMT_KIND_text },

typedef struct vmmt_head record;
const struct vmmt_field vmmt_head_fields[] = { VMMT_HEAD_FIELDS(FIELD, TEXT) };
const size_t vmmt_head_count = ARRAY_SIZE(vmmt_head_fields);

#define EVENT(id, ename, edoc, NAME) \
static const struct vmmt_event_info *info_##ename(void) \
{ \
	typedef struct vmmt_##ename record; \
	static const struct vmmt_field fields[] = { VMMT_##NAME##_FIELDS(FIELD, TEXT) }; \
	static const struct vmmt_event_info info = { \
		.name = #ename, .doc = edoc, .fields = fields, .count = ARRAY_SIZE(fields), \
		.size = sizeof(record), .kernel = KERNEL, \
	}; \
	return &info; \
}
#define KERNEL true
VMMT_KERNEL_EVENTS(EVENT)
#undef KERNEL
#define KERNEL false
VMMT_USER_EVENTS(EVENT)
#undef KERNEL
#undef EVENT
#undef FIELD
#undef TEXT

static const struct vmmt_event_info *(*const event_infos[])(void) = {
#define EVENT(id, ename, edoc, NAME) [id] = info_##ename,
	VMMT_EVENTS(EVENT)
#undef EVENT
};

const struct vmmt_event_info *vmmt_event_info(unsigned int id)
{
	if (id >= ARRAY_SIZE(event_infos) || !event_infos[id])
		return NULL;
	return event_infos[id]();
}

unsigned int vmmt_event_by_name(const char *name)
{
	for (unsigned int id = 1; id < ARRAY_SIZE(event_infos); id++)
		if (event_infos[id] && !strcmp(event_infos[id]()->name, name))
			return id;
	return 0;
}

/* Enumerations: a list of values for readers, an array by value for writers. */
#define VALUE(number, vname, vdoc, ...) { number, #vname, vdoc },
#define NAME_OF(number, vname, ...) [number] = { #vname, sizeof(#vname) - 1 },
#define ENUM(NAME, ename) \
static const struct vmmt_value values_##ename[] = { VMMT_ENUM_##NAME(VALUE) }; \
static const struct vmmt_name names_##ename[] = { VMMT_ENUM_##NAME(NAME_OF) };
VMMT_ENUMS(ENUM)
#undef ENUM
#undef VALUE
#undef NAME_OF

static const struct vmmt_enum enums[] = {
#define ENUM(NAME, ename) [VMMT_KIND_##ename - VMMT_KIND_ENUMS] = { \
	#ename, values_##ename, ARRAY_SIZE(values_##ename), \
	names_##ename, ARRAY_SIZE(names_##ename) },
	VMMT_ENUMS(ENUM)
#undef ENUM
};

const struct vmmt_enum *vmmt_enum(unsigned int kind)
{
	if (kind < VMMT_KIND_ENUMS || kind >= VMMT_NKIND)
		return NULL;
	return &enums[kind - VMMT_KIND_ENUMS];
}

struct vmmt_name vmmt_value_name(unsigned int kind, uint64_t value)
{
	const struct vmmt_enum *e = vmmt_enum(kind);

	if (!e || value >= e->names_count)
		return (struct vmmt_name){ NULL, 0 };
	return e->names[value];
}

const char *vmmt_kind_name(unsigned int kind)
{
	static const char *const plain[] = {
#define KIND(name) [VMMT_KIND_##name] = #name
		KIND(dec), KIND(hex), KIND(tsc), KIND(ticks), KIND(ns), KIND(flag), KIND(pad),
		KIND(text),
#undef KIND
	};
	const struct vmmt_enum *e = vmmt_enum(kind);

	if (e)
		return e->name;
	return kind < ARRAY_SIZE(plain) ? plain[kind] : "?";
}

uint64_t vmmt_field_get(const void *rec, const struct vmmt_field *field)
{
	const char *at = (const char *)rec + field->offset;
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	switch (field->size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, at, sizeof(u32));
		return u32;
	default:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	}
}

bool vmmt_class_has_value(unsigned int id)
{
	switch (id) {
	case VMMT_CLASS_io_out:
	case VMMT_CLASS_rdmsr:
	case VMMT_CLASS_wrmsr:
	case VMMT_CLASS_cr_write:
	case VMMT_CLASS_dr_write:
	case VMMT_CLASS_hypercall:
		return true;
	default:
		return false;
	}
}

static const struct vmmt_class_info classes[] = {
#define CLASS(id, cname, cdoc, clabel, ckey) [id] = { \
	.name = #cname, .doc = cdoc, .label = clabel, .name_len = sizeof(#cname) - 1, \
	.label_len = sizeof(clabel) - 1, .key = VMMT_KEY_##ckey },
	VMMT_CLASSES(CLASS)
#undef CLASS
};

const struct vmmt_class_info *vmmt_class_info(unsigned int id)
{
	return &classes[id < ARRAY_SIZE(classes) ? id : VMMT_CLASS_other];
}

int vmmt_class_by_name(const char *name)
{
	for (size_t id = 0; id < ARRAY_SIZE(classes); id++)
		if (!strcmp(classes[id].name, name))
			return (int)id;
	return -1;
}

const struct vmmt_span vmmt_spans[] = {
#define SPAN(sname, sdoc) { #sname, sdoc },
	VMMT_SPANS(SPAN)
#undef SPAN
};
const size_t vmmt_span_count = ARRAY_SIZE(vmmt_spans);

unsigned int vmmt_port_device(uint64_t port)
{
	static const struct {
		uint32_t first, last, device;
	} ports[] = {
#define PORT(first, last, device) { first, last, VMMT_DEVICE_##device },
		VMMT_PORTS(PORT)
#undef PORT
	};
	unsigned int device = VMMT_DEVICE_none;

	/* A later, narrower row stands above an earlier, wider one. */
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
		if (port >= ports[i].first && port <= ports[i].last)
			device = ports[i].device;
	return device;
}

static const struct {
	uint32_t index;
	const char *name;
} msrs[] = {
#define MSR(index, name) { index, #name },
	VMMT_MSRS(MSR)
#undef MSR
};

const char *vmmt_msr_name(uint64_t index)
{
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++)
		if (msrs[i].index == index)
			return msrs[i].name;
	return NULL;
}

bool vmmt_msr_by_name(const char *name, uint64_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		if (!strcmp(msrs[i].name, name)) {
			*ret = msrs[i].index;
			return true;
		}
	}
	return false;
}

void vmmt_key_text(char *text, size_t size, enum vmmt_key kind, uint64_t key)
{
	unsigned int device;
	const char *msr;

	text[0] = '\0';
	switch (kind) {
	case VMMT_KEY_port:
		device = vmmt_port_device(key);
		if (device)
			snprintf(text, size, "%s", vmmt_value_name(VMMT_KIND_device, device).text);
		else
			snprintf(text, size, "0x%x", (unsigned int)key & 0xffff);
		break;
	case VMMT_KEY_msr:
		msr = vmmt_msr_name(key);
		if (msr)
			snprintf(text, size, "%s", msr);
		else
			snprintf(text, size, "0x%x", (unsigned int)key);
		break;
	case VMMT_KEY_leaf:
		snprintf(text, size, "0x%x", (unsigned int)key);
		break;
	case VMMT_KEY_cr:
		snprintf(text, size, "cr%u", (unsigned int)key & 15);
		break;
	case VMMT_KEY_dr:
		snprintf(text, size, "dr%u", (unsigned int)key & 15);
		break;
	case VMMT_KEY_vector:
		snprintf(text, size, "%u", (unsigned int)key & 255);
		break;
	case VMMT_KEY_gpa:	/* here: what was tried, an address is not bounded */
		if (key == VMMT_ACCESS_x)
			snprintf(text, size, "execute");
		else if (key)
			snprintf(text, size, "%s", key == VMMT_ACCESS_r ? "read" : "write");
		break;
	case VMMT_KEY_rax:	/* any 64 bits of the guest's */
		if (key < 256)
			snprintf(text, size, "%u", (unsigned int)key);
		break;
	case VMMT_KEY_none:
		break;
	}
}

const char *vmmt_reason_name(unsigned int isa, uint32_t reason)
{
	static const struct code {
		uint32_t first, last;
		const char *name;
	} svm[] = {
#define CODE(first, last, class, name) { first, last, name },
		VMMT_SVM_CODES(CODE)
	}, vmx[] = {
		VMMT_VMX_CODES(CODE)
#undef CODE
	};
	const struct code *codes = isa == VMMT_ISA_vmx ? vmx : svm;
	size_t count = isa == VMMT_ISA_vmx ? ARRAY_SIZE(vmx) : ARRAY_SIZE(svm);

	if (isa == VMMT_ISA_vmx)
		reason &= 0xffff;
	else if (isa != VMMT_ISA_svm)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (reason >= codes[i].first && reason <= codes[i].last)
			return codes[i].name;
	return NULL;
}
