// SPDX-License-Identifier: GPL-2.0-only
/* How far the fuzzers' guests come: their exits, as the module counts them. */
#include <stdatomic.h>
#include <stdio.h>

#include "fuzz.h"
#include "trace/record.h"

static atomic_ulong exits[VMMT_NCLASS];

void count_exits(int fd, uint32_t vm, uint32_t ncpus)
{
	const struct vmm_stats *stats;

	for (uint32_t id = 0; id < ncpus; id++) {
		if (vmm_map_stats(fd, vm, id, &stats))
			continue;
		for (int i = 0; i < VMMT_NCLASS; i++)
			atomic_fetch_add(&exits[i], stats->vs_class[i].vsc_counted);
		vmm_unmap_stats(stats);
	}
}

void print_exits(const char *who)
{
	static const char *const names[] = {
#define C(id, name, doc, label, key) [id] = #name,
		VMMT_CLASSES(C)
#undef C
	};

	printf("%s' exits:", who);
	for (int i = 0; i < VMMT_NCLASS; i++)
		if (exits[i])
			printf(" %s %lu", names[i], exits[i]);
	printf("\n");
}
