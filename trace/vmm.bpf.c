// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the tracepoints to user space: one program for each kernel event, one
 * ring for each CPU. The tracepoints are writable, so records are read by
 * direct loads and the verdict is written back into them. The reader polls:
 * nobody is woken, as a wake-up before VM entry would cause another exit.
 *
 * The variables in rodata are set before loading; what they rule out the
 * verifier removes.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "record.h"
#include "filter.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct vmmt_filter filter;

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

/* Sized, and filled with a ring for each possible CPU, by the reader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
	__array(values, struct ring);
} rings SEC(".maps");

static __always_inline int wanted_vm(const struct vmmt_head *head)
{
	return !filter.vm || !head->vm || head->vm == filter.vm;
}

static __always_inline int wanted_exit(const struct vmmt_exit *rec)
{
	if (filter.classes && (rec->class > 63 || !(filter.classes & (1ULL << rec->class))))
		return 0;
	if (filter.keyed && (rec->key < filter.key_first || rec->key > filter.key_last))
		return 0;
	return 1;
}

/* Copy a record of a size that is known into the ring of this CPU. */
static __always_inline void deliver(void *rec, __u32 size, __u8 *verdict)
{
	__u32 cpu = bpf_get_smp_processor_id();
	__u64 *to, *from = rec;
	void *ring;
	__u32 i;

	ring = bpf_map_lookup_elem(&rings, &cpu);
	if (!ring)
		return;
	to = bpf_ringbuf_reserve(ring, size, 0);
	if (!to) {
		*verdict = VMMT_VERDICT_full;
		return;
	}
	*verdict = VMMT_VERDICT_delivered;
#pragma unroll
	for (i = 0; i < size / 8; i++)
		to[i] = from[i];
	bpf_ringbuf_submit(to, BPF_RB_NO_WAKEUP);
}

#define WANTED_exit(rec) (wanted_vm(&(rec)->head) && wanted_exit(rec))
#define WANTED_ept_fault(rec) wanted_vm(&(rec)->head)
#define WANTED_intr(rec) wanted_vm(&(rec)->head)
#define WANTED_call(rec) wanted_vm(&(rec)->head)
#define WANTED_life(rec) wanted_vm(&(rec)->head)
#define WANTED_mark(rec) wanted_vm(&(rec)->head)
#define WANTED_clock(rec) 1

#define PROGRAM(id, name, doc, NAME) \
SEC("raw_tp.w/vmm_" #name) \
int on_##name(struct bpf_raw_tracepoint_args *ctx) \
{ \
	struct vmmt_##name *rec = (void *)ctx->args[0]; \
 \
	if (!WANTED_##name(rec)) \
		rec->verdict = VMMT_VERDICT_filtered; \
	else \
		deliver(rec, sizeof(*rec), &rec->verdict); \
	return 0; \
}
VMMT_KERNEL_EVENTS(PROGRAM)
