// SPDX-License-Identifier: GPL-2.0-only
/* Port I/O: IN, OUT, INS, OUTS, REP (SDM volume 1, chapter 19). */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/walk.h"

#define SEG_LONG	(1u << 13)		/* L, in VMX access rights */
#define RFLAGS_DF	(1u << 10)

void guest_paging(const struct run *r, struct vmm_paging *ret)
{
	const struct vcpu_reg_state *regs = &r->exit.vrs;

	*ret = (struct vmm_paging){
		.cr0 = regs->vrs_crs[VCPU_REGS_CR0],
		.cr3 = regs->vrs_crs[VCPU_REGS_CR3],
		.cr4 = regs->vrs_crs[VCPU_REGS_CR4],
		.efer = regs->vrs_msrs[VCPU_REGS_EFER],
		.cs_base = regs->vrs_sregs[VCPU_REGS_CS].vsi_base,
		.cs_long = (regs->vrs_msrs[VCPU_REGS_EFER] & VMM_EFER_LMA) &&
			   (regs->vrs_sregs[VCPU_REGS_CS].vsi_ar & SEG_LONG),
	};
}

static void *host_address(const struct run *r, uint64_t gpa, size_t len)
{
	unsigned int i;

	for (i = 0; i < r->nram; i++)
		if (gpa >= r->ram[i].gpa && len <= r->ram[i].size &&
		    gpa - r->ram[i].gpa <= r->ram[i].size - len)
			return (char *)r->ram[i].host + (gpa - r->ram[i].gpa);
	return NULL;
}

static int read_entry(void *ctx, __u64 gpa, unsigned int size, __u64 *ret)
{
	const void *p = host_address(ctx, gpa, size);

	if (!p)
		return -EFAULT;
	*ret = 0;
	memcpy(ret, p, size);
	return 0;
}

int guest_copy(struct run *r, const struct vmm_paging *pg, uint64_t gla, void *buf, size_t len,
	       bool write)
{
	size_t n;
	__u64 gpa;
	void *p;

	for (; len; len -= n, gla += n, buf = (char *)buf + n) {
		n = 4096 - (gla & 4095);
		n = n < len ? n : len;
		if (vmm_walk(pg, gla, read_entry, r, &gpa))
			return -EFAULT;
		p = host_address(r, gpa, n);
		if (!p)
			return -EFAULT;
		memcpy(write ? p : buf, write ? buf : p, n);
	}
	return 0;
}

void guest_accessed(struct run *r, uint64_t begin, enum vmmt_device device, bool write,
		    uint64_t addr, uint64_t value, unsigned int width, uint32_t count)
{
	uint64_t now = tsc_now(r);
	struct vmmt_dev rec = {
		.begin = begin, .addr = addr, .value = value, .device = device,
		.devop = write ? VMMT_DEVOP_write : VMMT_DEVOP_read, .width = (uint8_t)width,
		.count = count,
	};

	r->devices[device].accesses += count;
	r->devices[device].ticks += now - begin;
	record_dev(r, now, &rec);
}

static uint64_t low_bits(unsigned int bytes)
{
	return bytes >= 8 ? UINT64_MAX : (1ull << (8 * bytes)) - 1;
}

/* Add to a register the way an instruction of this address size does. */
static void step_register(uint64_t *reg, int64_t by, unsigned int addr_size)
{
	uint64_t mask = low_bits(addr_size), value = (*reg + (uint64_t)by) & mask;

	*reg = addr_size == 4 ? value : (*reg & ~mask) | value;
}

/* INS and OUTS, all repetitions at once. */
static int string_io(struct run *r)
{
	struct vm_exit *exit = &r->exit;
	const struct vm_exit_inout *vei = &exit->vei;
	uint64_t *gprs = exit->vrs.vrs_gprs;
	uint64_t base, mask = low_bits(exit->ve_addr_size);
	bool in = vei->vei_dir == VEI_DIR_IN;
	uint64_t *index = &gprs[in ? VCPU_REGS_RDI : VCPU_REGS_RSI];
	uint64_t count = vei->vei_rep ? gprs[VCPU_REGS_RCX] & mask : 1, begin = tsc_now(r), done;
	int64_t step = gprs[VCPU_REGS_RFLAGS] & RFLAGS_DF ? -(int64_t)vei->vei_size : vei->vei_size;
	unsigned int seg = in ? VCPU_REGS_ES : exit->ve_seg < VCPU_REGS_NSREGS ? exit->ve_seg :
										 VCPU_REGS_DS;
	enum vmmt_device device = VMMT_DEVICE_none;
	struct vmm_paging pg;
	uint32_t data = 0;

	guest_paging(r, &pg);
	base = exit->vrs.vrs_sregs[seg].vsi_base;
	if (pg.cs_long && seg != VCPU_REGS_FS && seg != VCPU_REGS_GS)
		base = 0;
	for (done = 0; done < count; done++) {
		uint64_t gla = base + (*index & mask);

		if (!pg.cs_long)
			gla &= UINT32_MAX;
		if (!in && guest_copy(r, &pg, gla, &data, vei->vei_size, false))
			break;
		device = machine_io(r->machine, vei->vei_port, vei->vei_size, in, &data);
		if (in && guest_copy(r, &pg, gla, &data, vei->vei_size, true))
			break;
		step_register(index, step, exit->ve_addr_size);
		if (vei->vei_rep)
			step_register(&gprs[VCPU_REGS_RCX], -1, exit->ve_addr_size);
	}
	if (done < count) {
		snprintf(r->why, sizeof(r->why), "string I/O on port %#x with memory that is not mapped, RIP %#llx",
			 vei->vei_port, (unsigned long long)gprs[VCPU_REGS_RIP]);
		return -EFAULT;
	}
	guest_accessed(r, begin, device, !in, vei->vei_port, data, vei->vei_size, (uint32_t)count);
	gprs[VCPU_REGS_RIP] += vei->vei_insn_len;
	return 0;
}

int guest_io(struct run *r)
{
	struct vm_exit *exit = &r->exit;
	struct vm_exit_inout *vei = &exit->vei;
	bool in = vei->vei_dir == VEI_DIR_IN;
	uint64_t begin = tsc_now(r), mask = low_bits(vei->vei_size);
	enum vmmt_device device;
	uint32_t data = vei->vei_data & (uint32_t)mask;

	if (vei->vei_string)
		return string_io(r);
	device = machine_io(r->machine, vei->vei_port, vei->vei_size, in, &data);
	guest_accessed(r, begin, device, !in, vei->vei_port, data, vei->vei_size, 1);
	if (in)
		vei->vei_data = (vei->vei_data & ~(uint32_t)mask) | data;
	exit->vrs.vrs_gprs[VCPU_REGS_RIP] += vei->vei_insn_len;
	return 0;
}
