/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * THE list of the service's methods beside the calls of trace/calls.h, and what they
 * answer. The document and the JSON Schema are stamped from it.
 */
#ifndef SERVE_METHODS_H
#define SERVE_METHODS_H

/* M(name, doc): those that are answered by the service itself, also while a RUN goes on.
 * info, term, limit and version are calls as well, with their params and results. */
#define SERVE_METHODS(M) \
	M(open, "a new descriptor of /dev/vmm with the user's limits, which comes along with " \
	  "the answer (SCM_RIGHTS)") \
	M(list, "the user's VMs, in short") \
	M(info, "the user's VMs, as INFO tells of them") \
	M(stats, "statistics of a vCPU of the user's") \
	M(term, "end a VM of the user's, whichever process made it") \
	M(limit, "what the user may have") \
	M(version, "what the module is")

/* F(member, member of struct vm_info_result, doc): a VM in the answer of list. */
#define SERVE_LIST(F) \
	F(vm, vir_id, "id of the VM") \
	F(vcpus, vir_ncpus, "how many vCPUs") \
	F(memory, vir_memory_size, "bytes of guest memory") \
	F(used, vir_used_size, "bytes of it that have been touched") \
	F(pid, vir_creator_pid, "process that made it, 0 if the service does not see it")

/* F(member, member of struct vmm_stats, doc): the answer of stats. */
#define SERVE_STATS(F) \
	F(tsc_khz, vs_tsc_khz, "ticks in a millisecond") \
	F(exits, vs_exits, "exits of all classes") \
	F(records, vs_records, "records of the vCPU's stream") \
	F(delivered, vs_records_delivered, "records that a recorder got") \
	F(filtered, vs_records_filtered, "records that its filter refused") \
	F(full, vs_records_full, "records that no ring had room for") \
	F(off, vs_off, "ticks off the CPU") \
	F(wait, vs_wait, "ticks waited for ring space")

/* F(member, member of struct vmm_stats_class, doc): a class of exits there. */
#define SERVE_STATS_CLASS(F) \
	F(counted, vsc_counted, "exits") \
	F(delivered, vsc_delivered, "exits that a recorder got") \
	F(filtered, vsc_filtered, "exits that its filter refused") \
	F(full, vsc_full, "exits that no ring had room for") \
	F(ticks, vsc_ticks, "ticks from exit to entry, tracing and halting taken off, in all") \
	F(max, vsc_max, "the most of one exit")

#endif /* SERVE_METHODS_H */
