// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the tracepoints to user space: one program for each kernel event, one
 * ring for each CPU. The tracepoints are writable, so records are read by
 * direct loads and the verdict is written back into them. The reader polls:
 * nobody is woken, as a wake-up before VM entry would cause another exit. Life
 * records may ring a bell besides: a VM that is made or ended enters no guest.
 *
 * In lossless mode a record that finds no room is asked to wait, and comes again
 * by the tracepoint vmm_again until it was taken. The bell rings then: the vCPU
 * is about to sleep.
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
const volatile __u32 lossless;

/* The VM that is recorded, where the filter says VMMT_VM_LATER: 0 until it has an id. */
__u32 only;

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

/* Lossless mode: of each stream, the record that waits. Sized by the reader. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct vmmt_stream);
	__type(value, __u64);
} waiting SEC(".maps");

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

/* As long as the VM has no id, it is among those whose own streams are taken. */
static __always_inline int wanted_vm(const struct vmmt_head *head)
{
	__u32 vm = filter.vm;

	if (!vm || !head->vm || head->vm == vm)
		return 1;
	if (vm != VMMT_VM_LATER)
		return 0;
	return only ? head->vm == only : head->vcpu == VMMT_VCPU_VM;
}

/* Another recorder's `wait` stands, or its record would be lost. */
static __always_inline void answer(struct vmmt_head *head, __u8 verdict)
{
	if (head->verdict != VMMT_VERDICT_wait)
		head->verdict = verdict;
}

/* Copy a record of a size that is known into the ring of its CPU, if there is
 * room; in the copy those that were refused before it do not count. */
static __always_inline int put(struct vmmt_head *head, __u32 size, __u64 before)
{
	__u64 *to, *from = (__u64 *)head;
	__u32 cpu = head->cpu, i;
	void *ring;

	ring = bpf_map_lookup_elem(&rings, &cpu);
	if (!ring)
		return 0;
	to = bpf_ringbuf_reserve(ring, size, 0);
	if (!to)
		return 0;
	answer(head, VMMT_VERDICT_delivered);
#pragma unroll
	for (i = 0; i < size / 8; i++)
		to[i] = from[i];
	if (before)
		((struct vmmt_head *)to)->seq -= before;
	bpf_ringbuf_submit(to, BPF_RB_NO_WAKEUP);
	return 1;
}

static __always_inline int will_wait(const struct vmmt_head *head)
{
	struct vmmt_stream stream = { head->vm, head->vcpu };
	__u64 seq = head->seq;

	return !bpf_map_update_elem(&waiting, &stream, &seq, BPF_ANY);
}

static __always_inline void deliver(struct vmmt_head *head, __u32 size, __u64 before)
{
	if (put(head, size, before))
		return;
	if (lossless && will_wait(head))
		head->verdict = VMMT_VERDICT_wait;
	else
		answer(head, VMMT_VERDICT_full);
}

/* What another recorder said about it stands. */
static __always_inline void refuse(__u8 *verdict)
{
	if (*verdict == VMMT_VERDICT_none)
		*verdict = VMMT_VERDICT_filtered;
}

/* A record that nobody can count as refused is lost. */
static __always_inline void count_refused(struct vmmt_stream *stream, struct vmmt_refused *r,
					  struct vmmt_head *head, __u32 event)
{
	__u32 class = VMMT_NCLASS;

	if (!r) {
		bpf_map_update_elem(&refused, stream, &nothing, BPF_NOEXIST);
		r = bpf_map_lookup_elem(&refused, stream);
	}
	if (!r) {
		answer(head, VMMT_VERDICT_full);
		return;
	}
	r->records++;
	if (event == VMMT_EVENT_exit)
		class = ((const struct vmmt_exit *)head)->class;
	if (class < VMMT_NCLASS)
		r->exits[class]++;
	refuse(&head->verdict);
}

static __always_inline void filtered(struct vmmt_head *head, __u32 event, __u32 size)
{
	struct vmmt_stream stream = { head->vm, head->vcpu };
	struct vmmt_refused *r = bpf_map_lookup_elem(&refused, &stream);

	if (vmmt_filter_wants(&filter, event, head))
		deliver(head, size, r ? r->records : 0);
	else
		count_refused(&stream, r, head, event);
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
		filtered(&rec->head, id, sizeof(*rec)); \
	else \
		deliver(&rec->head, sizeof(*rec), 0); \
	if (id == VMMT_EVENT_life && bell_wanted) \
		ring_bell(); \
	return 0; \
}
VMMT_KERNEL_EVENTS(PROGRAM)

static __always_inline int put_any(union vmmt_record *rec, __u64 before)
{
	switch (rec->head.event) {
#define PUT(id, name, doc, NAME) \
	case VMMT_EVENT_##name: \
		return put(&rec->head, sizeof(rec->name), before);
	VMMT_KERNEL_EVENTS(PUT)
	}
	return 0;
}

/* Lossless mode: a record that somebody has no room for. With `full` it is
 * offered for the last time. */
SEC("raw_tp.w/vmm_again")
int on_again(struct bpf_raw_tracepoint_args *ctx)
{
	union vmmt_record *rec = (void *)ctx->args[0];
	struct vmmt_stream stream = { rec->head.vm, rec->head.vcpu };
	int last = rec->head.verdict == VMMT_VERDICT_full;
	__u64 *seq = bpf_map_lookup_elem(&waiting, &stream);
	struct vmmt_refused *r = bpf_map_lookup_elem(&refused, &stream);

	if (!seq || *seq != rec->head.seq)
		return 0;	/* not for this recorder */
	if (put_any(rec, r ? r->records : 0) || last) {
		bpf_map_delete_elem(&waiting, &stream);
		return 0;
	}
	rec->head.verdict = VMMT_VERDICT_wait;
	ring_bell();
	return 0;
}
