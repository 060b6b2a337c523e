// SPDX-License-Identifier: GPL-2.0-only
/*
 * top_screen DIR: the live table of vmmtrace top, on made-up VMs in place of
 * /dev/vmm, for top_screen.sh to look at. VM 1, alpha, has two vCPUs and exits
 * of every class, more at each refresh; VM 2, beta, is there as long as DIR/beta
 * is; DIR/none says that there is nothing. DIR/refreshed gets a byte each time.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/top/top.h"
#include "trace/record.h"
#include "stats_made_up.h"

static const char *dir;
static struct vmm_stats stats[2][2];

static bool there(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return !access(path, F_OK);
}

static void advance(void)
{
	unsigned int class, vcpu;
	char path[256];
	FILE *f;

	for (class = 0; class < VMMT_NCLASS; class++)
		for (vcpu = 0; vcpu < 2; vcpu++)
			made_up_keyed(&stats[0][vcpu].vs_class[class], 0x3f8, class + 1, 100);
	made_up_keyed(&stats[1][0].vs_class[VMMT_CLASS_cpuid], 7, 5, 100000);
	snprintf(path, sizeof(path), "%s/refreshed", dir);
	f = fopen(path, "a");
	if (f) {
		fputc('.', f);
		fclose(f);
	}
}

int vmm_info(int fd, struct vm_info_params *vip)
{
	static const struct vm_info_result all[] = {
		{ .vir_id = 2, .vir_name = "beta", .vir_ncpus = 1 },
		{ .vir_id = 1, .vir_name = "alpha\033[2J", .vir_ncpus = 2 },
	};
	size_t first = there("beta") ? 0 : 1, n = there("none") ? 0 : 2 - first;

	if (vip->vip_size < n * sizeof(*all)) {
		vip->vip_size = n * sizeof(*all);
		vip->vip_info_ct = 0;
		return 0;
	}
	memcpy(vip->vip_info, all + first, n * sizeof(*all));
	vip->vip_info_ct = n;
	advance();
	return 0;
}

int vmm_map_stats(int fd, uint32_t vm, uint32_t vcpu, const struct vmm_stats **ret)
{
	*ret = &stats[vm - 1][vcpu];
	return 0;
}

void vmm_unmap_stats(const struct vmm_stats *st)
{
}

int main(int argc, char **argv)
{
	struct top_options options = { .mode = TOP_SCREEN, .delay = { .tv_nsec = 50000000 } };
	struct top_host host = { .tsc_khz = 1000000 };

	if (argc != 2)
		return 2;
	dir = argv[1];
	return top_main(&host, &options);
}
