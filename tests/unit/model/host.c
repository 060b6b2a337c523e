/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the host's kernel protects itself and its tasks from, and an emulator has nothing of: branch
 * predictions that a guest leaves behind.
 */
#include "model.h"

#include "core.h"

static struct model_host {
	u64 trained;		/* the guest that has trained its predictions; 0 none */
	bool guest;		/* one ran here since a thread left for userland */
} hosts[MODEL_CPUS];
DEFINE_PER_CPU(bool, x86_ibpb_exit_to_user);

void model_host_init(void)
{
	memset(hosts, 0, sizeof(hosts));
	memset(x86_ibpb_exit_to_user, 0, sizeof(x86_ibpb_exit_to_user));
}

/* IBPB: predictions are forgotten. */
void model_host_barrier(void)
{
	hosts[smp_processor_id()].trained = 0;
}

/* A guest is entered. */
void model_host_enters(struct vmm_frame *frame)
{
	const struct vmm_vcpu *vcpu = container_of(frame, struct vmm_vcpu, frame);
	struct model_host *h = &hosts[smp_processor_id()];
	u64 guest = (u64)vcpu->vm->id << 8 | vcpu->id;

	if (h->trained && h->trained != guest)
		model_broken("branches are predicted as another guest has taught");
	h->trained = guest;
	h->guest = true;
}

/* The thread leaves for userland, whose branches a guest may have taught (VMSCAPE). */
void model_host_leaves(void)
{
	struct model_host *h = &hosts[model_raw_cpu()];

	if (h->guest && !x86_ibpb_exit_to_user[model_raw_cpu()])
		model_broken("userland's branches would be predicted as a guest has taught");
	h->guest = x86_ibpb_exit_to_user[model_raw_cpu()] = false;
}

/* The host detects locks across cache lines; it has switched that off for a while. */
bool handle_guest_split_lock(unsigned long ip)
{
	return true;
}
