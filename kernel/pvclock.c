// SPDX-License-Identifier: GPL-2.0-only
/*
 * The paravirtual clock that Linux and OpenBSD know (MSR 0x4b564d00 and
 * 0x4b564d01): a page in guest memory that tells how to turn the TSC into
 * nanoseconds. Time in it never steps back.
 */
#include <linux/math64.h>
#include <linux/ktime.h>

#include <asm/pvclock-abi.h>
#include <asm/tsc.h>

#include "core.h"

#define PVCLOCK_ENABLE	1ULL
#define PVCLOCK_ADDR	(~0xfULL)
#define REFRESH_MS	1000

/* Place for n bytes at gpa that lies in one page of guest memory, or NULL. */
static void *guest_place(struct vmm_vcpu *vcpu, u64 gpa, unsigned int n)
{
	if (offset_in_page(gpa) + n > PAGE_SIZE)
		return NULL;
	return vmm_mem_kaddr(vcpu->vm->mem, gpa);
}

/* Factor from TSC ticks to ns, as pvclock has it: ns = ((ticks << shift) *
 * mul) >> 32, with mul in its upper half for precision. */
static void time_scale(u32 *ret_mul, s8 *ret_shift)
{
	u64 hz = (u64)tsc_khz * 1000;
	s8 shift = 0;

	for (; hz > 2000000000ULL; shift--)
		hz >>= 1;
	for (; hz <= 1000000000ULL; shift++)
		hz <<= 1;
	*ret_mul = (u32)div64_u64(1000000000ULL << 32, hz);
	*ret_shift = shift;
}

static u64 predict(const struct pvclock_vcpu_time_info *ti, u64 tsc)
{
	u64 delta = tsc - ti->tsc_timestamp;

	if (tsc < ti->tsc_timestamp)
		return 0;
	delta = ti->tsc_shift >= 0 ? delta << ti->tsc_shift : delta >> -ti->tsc_shift;
	return ti->system_time + mul_u64_u32_shr(delta, ti->tsc_to_system_mul, 32);
}

static void refresh(struct vmm_vcpu *vcpu, u64 tsc)
{
	struct pvclock_vcpu_time_info *ti;
	u64 ns = ktime_get_mono_fast_ns();

	ti = guest_place(vcpu, vcpu->pvclock_gpa & PVCLOCK_ADDR, sizeof(*ti));
	if (!ti)
		return;
	if (vcpu->pvclock_version)
		ns = max(ns, vcpu->pvclock_base.system_time ? predict(&vcpu->pvclock_base, tsc) : 0);
	vcpu->pvclock_version++;
	WRITE_ONCE(ti->version, vcpu->pvclock_version * 2 - 1);
	smp_wmb();
	vcpu->pvclock_base.tsc_timestamp = tsc;
	vcpu->pvclock_base.system_time = ns;
	time_scale(&vcpu->pvclock_base.tsc_to_system_mul, &vcpu->pvclock_base.tsc_shift);
	ti->tsc_timestamp = tsc;
	ti->system_time = ns;
	ti->tsc_to_system_mul = vcpu->pvclock_base.tsc_to_system_mul;
	ti->tsc_shift = vcpu->pvclock_base.tsc_shift;
	ti->flags = PVCLOCK_TSC_STABLE_BIT;
	smp_wmb();
	WRITE_ONCE(ti->version, vcpu->pvclock_version * 2);
}

/* Refresh the guest's clock page if a second has passed. tsc is the host's
 * TSC now. May sleep; called by the vCPU's thread. */
void vmm_pvclock_update(struct vmm_vcpu *vcpu, u64 tsc)
{
	if (!(vcpu->pvclock_gpa & PVCLOCK_ENABLE))
		return;
	tsc = vmm_tsc(tsc);
	if (tsc - vcpu->pvclock_base.tsc_timestamp < (u64)tsc_khz * REFRESH_MS)
		return;
	refresh(vcpu, tsc);
}

/* The guest, or WRITEVMPARAMS, set the clock page: bit 0 enables. Returns 0
 * or -EINVAL if that is not in guest memory. May sleep. */
int vmm_pvclock_set(struct vmm_vcpu *vcpu, u64 gpa)
{
	if ((gpa & PVCLOCK_ENABLE) &&
	    !guest_place(vcpu, gpa & PVCLOCK_ADDR, sizeof(struct pvclock_vcpu_time_info)))
		return -EINVAL;
	vcpu->pvclock_gpa = gpa;
	if (gpa & PVCLOCK_ENABLE)
		refresh(vcpu, vmm_tsc(rdtsc()));
	return 0;
}

/* Write the wall-clock time of boot at gpa, once. Returns 0 or -EINVAL. */
int vmm_wallclock_write(struct vmm_vcpu *vcpu, u64 gpa)
{
	struct pvclock_wall_clock *wc = guest_place(vcpu, gpa & PVCLOCK_ADDR, sizeof(*wc));
	u64 boot = ktime_get_real_fast_ns() - ktime_get_mono_fast_ns();
	u32 ns;

	if (!wc)
		return -EINVAL;
	WRITE_ONCE(wc->version, wc->version | 1);
	smp_wmb();
	wc->sec = (u32)div_u64_rem(boot, NSEC_PER_SEC, &ns);
	wc->nsec = ns;
	smp_wmb();
	WRITE_ONCE(wc->version, wc->version + 1);
	return 0;
}
