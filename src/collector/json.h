/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the .json writer (Trace Event Format): json.c is the output and the
 * threads of a VM, json_vcpu.c a vCPU's slices, json_counters.c the counters.
 */
#ifndef COLLECTOR_JSON_H
#define COLLECTOR_JSON_H

#include "src/collector/fmt.h"
#include "src/collector/names.h"
#include "src/collector/sink.h"

#define JSON_VCPUS	64
/* The threads of a process, as offsets from its pid. tid 0 and tid == pid
 * mean other things to viewers. */
#define TID_VCPU	1
#define TID_DEVICE	500
#define TID_IRQ		600
#define TID_REQUEST	860
#define REQUEST_LANES	40
#define TID_MARK	900
#define TID_CALL	970
#define CALL_LANES	20
#define TID_COUNTER	997
#define TID_VM		998
#define TID_COUNT	1000
#define PID_HOST	1

#define WINDOW_NS	10000000	/* between two values of a counter */
#define WINDOWS		128

struct json_window {
	uint64_t guest;		/* ns in the guest, all vCPUs */
	uint64_t touched;	/* bytes */
	uint32_t exits;
};

/* Windows from first on are still open: some vCPU has not come so far. */
struct json_counters {
	struct json_window windows[WINDOWS];
	int64_t first;			/* number of the oldest open window */
	int64_t last;			/* the newest that anything fell into */
	uint64_t touched;
	uint64_t shown_guest, shown_exits, shown_touched;
	bool begun;
};

struct json_injection {
	uint64_t flow;
	int64_t ns;
};

#define INJECTIONS 4

/* What is known of a vCPU's slice that is not written yet, because only the
 * next exit tells where it ends. */
struct json_vcpu {
	bool held;
	struct vmmt_exit exit;
	struct vmmt_ept_fault fault;	/* fault.exit tells whose */
	uint64_t fault_page;		/* of the held exit */
	uint8_t fault_access;
	bool device_seen;
	uint16_t device;		/* of the longest access */
	int64_t device_first, device_last, device_longest;
	struct json_injection injections[INJECTIONS];
	unsigned int ninjections;
	uint64_t lost, lost_since;	/* records missing after the held exit */
	int64_t done;			/* nothing before may be written any more */
	int64_t progress;		/* ns of the last exit, for the counters */
};

struct json_vm {
	uint32_t id, pid;
	uint8_t named[TID_COUNT / 8];
	int64_t last[TID_COUNT];	/* per thread: ts of the last event */
	struct json_vcpu *vcpus[JSON_VCPUS];
	unsigned int nvcpus;
	uint32_t open_irq[256];		/* by line: irq_id raised, not yet injected */
	uint64_t open_flow[256];
	struct json_counters counters;
};

struct json_name {
	uint64_t key;
	uint16_t class, len;		/* len 0: unused */
	char text[100];			/* {"ph":"X","name":"...","cat":"..." */
};

#define JSON_NAMES 256

struct json_sink {
	struct sink sink;
	const struct clock_map *clock;
	struct json_vm **vms;		/* those that live */
	size_t nvms, vms_room, recent;
	uint64_t next_flow, next_async;
	bool clock_shown;
	struct json_name names[JSON_NAMES];
};

/* Nanoseconds of a stamp; what was before time 0 is shown at time 0. */
static inline int64_t json_ns(const struct json_sink *js, uint64_t tsc)
{
	int64_t ns = clock_ns(js->clock, tsc);

	return ns > 0 ? ns : 0;
}

/* Writes ,"pid":P,"tid":T,"ts":... of an event on a thread of the VM. */
static inline char *json_where(char *p, const struct json_vm *vm, unsigned int tid, int64_t ns)
{
	p = fmt_u64(FMT_LIT(p, ",\"pid\":"), vm->pid);
	p = fmt_u64(FMT_LIT(p, ",\"tid\":"), vm->pid + tid);
	return fmt_us(FMT_LIT(p, ",\"ts\":"), (uint64_t)ns);
}

/* Names the thread at its first use. */
void json_thread(struct json_sink *js, struct json_vm *vm, unsigned int tid);

/* Records of a vCPU's stream, and those of its thread in userland. */
void json_vcpu_exit(struct json_sink *js, struct json_vm *vm, const struct delivery *d);
void json_vcpu_fault(const struct json_sink *js, struct json_vm *vm,
		     const struct vmmt_ept_fault *r);
void json_vcpu_injected(const struct json_sink *js, struct json_vm *vm, const struct vmmt_intr *r);
void json_vcpu_lost(struct json_vm *vm, const struct vmmt_lost *r);
/* True if the access belongs to the slice that is held. */
bool json_vcpu_dev(const struct json_sink *js, struct json_vm *vm, const struct vmmt_dev *r);
/* Nothing more comes from this vCPU: writes what is held. */
void json_vcpu_end(struct json_sink *js, struct json_vm *vm, uint32_t vcpu);

/* Counters: one exit, one page touched, the end. */
void json_count_exit(struct json_sink *js, struct json_vm *vm, struct json_vcpu *v,
		     int64_t enter, int64_t left);
void json_count_touched(struct json_vm *vm, int64_t ns, uint64_t bytes);
void json_count_end(struct json_sink *js, struct json_vm *vm);

#endif /* COLLECTOR_JSON_H */
