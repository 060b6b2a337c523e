// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the tracepoints to user space: one program for each kernel event, one
 * ring for each CPU. The tracepoints are writable, so records are read by
 * direct loads and the verdict is written back into them. The reader polls:
 * nobody is woken, as a wake-up before VM entry would cause another exit. Life
 * records may ring a bell besides: a VM that is made or ended enters no guest.
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
const volatile __u32 bell_wanted;

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

/* What was refused of each stream. Its records are one after the other, on
 * whatever CPU, so nobody else counts meanwhile. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct vmmt_stream);
	__type(value, struct vmmt_refused);
} refused SEC(".maps");

static const struct vmmt_refused nothing;
/* Of its own, as a reader that polls the rings would be woken by whatever is in them. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} bell SEC(".maps");

static __always_inline void ring_bell(void)
{
	__u64 one = 1;

	bpf_ringbuf_output(&bell, &one, sizeof(one), BPF_RB_FORCE_WAKEUP);
}

static __always_inline int wanted_vm(const struct vmmt_head *head)
{
	return !filter.vm || !head->vm || head->vm == filter.vm;
}

/* Copy a record of a size that is known into the ring of this CPU; in the copy
 * those that were refused before it do not count. */
static __always_inline void deliver(void *rec, __u32 size, __u8 *verdict, __u64 before)
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
	if (before)
		((struct vmmt_head *)to)->seq -= before;
	bpf_ringbuf_submit(to, BPF_RB_NO_WAKEUP);
}

/* What another recorder said about it stands. */
static __always_inline void refuse(__u8 *verdict)
{
	if (*verdict == VMMT_VERDICT_none)
		*verdict = VMMT_VERDICT_filtered;
}

/* A record that nobody can count as refused is lost. */
static __always_inline void count_refused(struct vmmt_stream *stream, struct vmmt_refused *r,
					  const void *rec, __u32 event, __u8 *verdict)
{
	__u32 class = VMMT_NCLASS;

	if (!r) {
		bpf_map_update_elem(&refused, stream, &nothing, BPF_NOEXIST);
		r = bpf_map_lookup_elem(&refused, stream);
	}
	if (!r) {
		*verdict = VMMT_VERDICT_full;
		return;
	}
	r->records++;
	if (event == VMMT_EVENT_exit)
		class = ((const struct vmmt_exit *)rec)->class;
	if (class < VMMT_NCLASS)
		r->exits[class]++;
	refuse(verdict);
}

static __always_inline void filtered(void *rec, __u32 event, __u32 size, __u8 *verdict)
{
	struct vmmt_head *head = rec;
	struct vmmt_stream stream = { head->vm, head->vcpu };
	struct vmmt_refused *r = bpf_map_lookup_elem(&refused, &stream);

	if (vmmt_filter_wants(&filter, event, rec))
		deliver(rec, size, verdict, r ? r->records : 0);
	else
		count_refused(&stream, r, rec, event, verdict);
}

#define PROGRAM(id, name, doc, NAME) \
SEC("raw_tp.w/vmm_" #name) \
int on_##name(struct bpf_raw_tracepoint_args *ctx) \
{ \
	struct vmmt_##name *rec = (void *)ctx->args[0]; \
 \
	if (!wanted_vm(&rec->head)) \
		refuse(&rec->verdict); \
	else if (filter.terms) \
		filtered(rec, id, sizeof(*rec), &rec->verdict); \
	else \
		deliver(rec, sizeof(*rec), &rec->verdict, 0); \
	if (id == VMMT_EVENT_life && bell_wanted) \
		ring_bell(); \
	return 0; \
}
VMMT_KERNEL_EVENTS(PROGRAM)
