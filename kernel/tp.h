/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracepoints, stamped from the schema. Each takes a pointer to a finished
 * record and is writable, so that a raw_tp.w program reads fields by direct
 * loads and answers in head.verdict. To ftrace, perf and trace-cmd each field
 * has its name.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vmm

#if !defined(VMM_TP_H) || defined(TRACE_HEADER_MULTI_READ)
#define VMM_TP_H

#include <linux/tracepoint.h>

#include "record.h"

#ifndef DEFINE_EVENT_WRITABLE
#define DEFINE_EVENT_WRITABLE(template, name, proto, args, size) \
	DEFINE_EVENT(template, name, PARAMS(proto), PARAMS(args))
#endif

#undef VMM_TP_F
#undef VMM_TP_T
#undef VMM_TP_SET
#undef VMM_TP_SETT
#undef VMM_TP_FMT
#undef VMM_TP_FMTT
#undef VMM_TP_ARG
#undef VMM_TP_ARGT
#define VMM_TP_F(type, name, kind, doc) __field(__##type, name)
#define VMM_TP_T(name, size, doc) __array(char, name, size)
#define VMM_TP_SET(type, name, kind, doc) __entry->name = rec->name;
#define VMM_TP_SETT(name, size, doc) memcpy(__entry->name, rec->name, size);
#define VMM_TP_FMT(type, name, kind, doc) " " #name "=0x%llx"
#define VMM_TP_FMTT(name, size, doc) " " #name "=%." #size "s"
#define VMM_TP_ARG(type, name, kind, doc) , (unsigned long long)__entry->name
#define VMM_TP_ARGT(name, size, doc) , __entry->name

/* One fixed item in front, so that each stamped argument can bring its comma. */
#undef VMM_TP
#define VMM_TP(id, name, doc, NAME) \
DECLARE_EVENT_CLASS(vmm_##name, \
	TP_PROTO(struct vmmt_##name *rec), \
	TP_ARGS(rec), \
	TP_STRUCT__entry( \
		VMMT_HEAD_FIELDS(VMM_TP_F, VMM_TP_T) \
		VMMT_##NAME##_FIELDS(VMM_TP_F, VMM_TP_T) \
	), \
	TP_fast_assign( \
		VMMT_HEAD_FIELDS(VMM_TP_SET, VMM_TP_SETT) \
		VMMT_##NAME##_FIELDS(VMM_TP_SET, VMM_TP_SETT) \
	), \
	TP_printk("%s" VMMT_HEAD_FIELDS(VMM_TP_FMT, VMM_TP_FMTT) \
		  VMMT_##NAME##_FIELDS(VMM_TP_FMT, VMM_TP_FMTT), #name \
		  VMMT_HEAD_FIELDS(VMM_TP_ARG, VMM_TP_ARGT) \
		  VMMT_##NAME##_FIELDS(VMM_TP_ARG, VMM_TP_ARGT)) \
); \
DEFINE_EVENT_WRITABLE(vmm_##name, vmm_##name, \
	TP_PROTO(struct vmmt_##name *rec), \
	TP_ARGS(rec), \
	sizeof(struct vmmt_##name) \
);
VMMT_KERNEL_EVENTS(VMM_TP)

/*
 * A record for which a recorder in lossless mode had no room, offered again to
 * it alone: whoever answered anything but `wait` has seen the record.
 */
#undef VMM_TP_SETH
#define VMM_TP_SETH(type, name, kind, doc) __entry->name = rec->head.name;
DECLARE_EVENT_CLASS(vmm_again,
	TP_PROTO(union vmmt_record *rec),
	TP_ARGS(rec),
	TP_STRUCT__entry(VMMT_HEAD_FIELDS(VMM_TP_F, VMM_TP_T)),
	TP_fast_assign(VMMT_HEAD_FIELDS(VMM_TP_SETH, VMM_TP_SETT)),
	TP_printk("%s" VMMT_HEAD_FIELDS(VMM_TP_FMT, VMM_TP_FMTT), "again"
		  VMMT_HEAD_FIELDS(VMM_TP_ARG, VMM_TP_ARGT))
);
DEFINE_EVENT_WRITABLE(vmm_again, vmm_again,
	TP_PROTO(union vmmt_record *rec),
	TP_ARGS(rec),
	sizeof(union vmmt_record)
);

#endif /* VMM_TP_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE tp
#include <trace/define_trace.h>
