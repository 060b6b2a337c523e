// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control registers and EFER. The guest owns the bits that need nothing from
 * us; a write that changes another one exits and is carried out here.
 *
 * Of CR0 we own what VMX fixes, and CD and NW: an exit leaves those two as
 * they are (SDM 28.5.1), so the guest would switch off the host's cache. Of
 * CR4, MCE stays the host's, as a machine check with MCE 0 shuts the processor
 * down; the guest has no others than those CPUID tells it of.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/tlbflush.h>
#include <asm/trapnr.h>

#include "vmx.h"

#define CR4_OWNED	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | \
			 X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | \
			 X86_CR4_OSXMMEXCPT | X86_CR4_UMIP | X86_CR4_FSGSBASE | X86_CR4_OSXSAVE | \
			 X86_CR4_SMEP | X86_CR4_SMAP)

#define CS_AR_L		BIT(13)
#define AR_TYPE		0xf
#define TYPE_TSS16_BUSY	3

/* Bits that VMX operation fixes to 1, but for PE and PG with unrestricted guest. */
static u64 cr0_forced(void)
{
	return vmx_controls.cr0_fixed0 & ~(u64)(X86_CR0_PE | X86_CR0_PG);
}

static u64 cr0_mask(void)
{
	return cr0_forced() | X86_CR0_CD | X86_CR0_NW;
}

static u64 cr4_allowed(void)
{
	return (CR4_OWNED | X86_CR4_MCE) & vmx_controls.cr4_fixed1;
}

static u64 cr4_mask(void)
{
	return ~(CR4_OWNED & vmx_controls.cr4_fixed1 & ~vmx_controls.cr4_fixed0);
}

/* Which bits are ours. The VMCS is current. */
void vmx_init_crs(void)
{
	vmcs_write(CR0_GUEST_HOST_MASK, cr0_mask());
	vmcs_write(CR4_GUEST_HOST_MASK, cr4_mask());
}

static bool cr0_valid(u64 value)
{
	return !(value & ~(vmx_controls.cr0_fixed1 & U32_MAX)) &&
	       !((value & X86_CR0_PG) && !(value & X86_CR0_PE)) &&
	       !((value & X86_CR0_NW) && !(value & X86_CR0_CD));
}

static bool cr4_valid(u64 value)
{
	return !(value & ~cr4_allowed());
}

bool vmx_crs_valid(const u64 *crs)
{
	return cr0_valid(crs[VCPU_REGS_CR0]) && cr4_valid(crs[VCPU_REGS_CR4]);
}

/* What the guest wrote shows in the shadow; what VMX and we need is in the register. */
void vmx_set_cr0(u64 value)
{
	vmcs_write(CR0_READ_SHADOW, value);
	vmcs_write(GUEST_CR0, (value & ~(u64)(X86_CR0_CD | X86_CR0_NW)) | cr0_forced());
}

void vmx_set_cr4(u64 value)
{
	vmcs_write(CR4_READ_SHADOW, value);
	vmcs_write(GUEST_CR4, (value & ~(u64)X86_CR4_MCE) | (cr4_read_shadow() & X86_CR4_MCE) |
		   vmx_controls.cr4_fixed0);
}

/* As the guest sees them: bits it owns from the register, others from the shadow. */
u64 vmx_cr0(void)
{
	u64 mask = cr0_mask();

	return (vmcs_read(GUEST_CR0) & ~mask) | (vmcs_read(CR0_READ_SHADOW) & mask);
}

u64 vmx_cr4(void)
{
	u64 mask = cr4_mask();

	return (vmcs_read(GUEST_CR4) & ~mask) | (vmcs_read(CR4_READ_SHADOW) & mask);
}

/* Whether an entry goes to IA-32e mode is a control, which has to agree with LMA. */
void vmx_set_efer(u64 efer)
{
	u32 entry = vmcs_read(VM_ENTRY_CONTROLS) & ~VM_ENTRY_IA32E_MODE;

	vmcs_write(GUEST_IA32_EFER, efer);
	vmcs_write(VM_ENTRY_CONTROLS, entry | (efer & EFER_LMA ? VM_ENTRY_IA32E_MODE : 0));
}

u64 vmx_read_efer(struct vmm_vcpu *vcpu)
{
	u64 efer;

	vmx_begin(vcpu);
	efer = vmcs_read(GUEST_IA32_EFER);
	vmx_end();
	return efer;
}

/* The guest writes EFER (SDM 2.2.1). -EFAULT for #GP: reserved bits, or LME
 * changed while paging is on. */
int vmx_write_efer(struct vmm_vcpu *vcpu, u64 value)
{
	u64 old;
	int err = -EFAULT;

	vmx_begin(vcpu);
	old = vmcs_read(GUEST_IA32_EFER);
	if (value & ~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX))
		goto out;
	if ((vmcs_read(GUEST_CR0) & X86_CR0_PG) && ((value ^ old) & EFER_LME))
		goto out;
	vmx_set_efer((value & ~(u64)EFER_LMA) | (old & EFER_LMA));
	vmx_flush_guest(to_vmx(vcpu));
	err = 0;
out:
	vmx_end();
	return err;
}

/* ---- a write that exited ---- */

/* SDM table 4-8. */
bool vmx_pdpte_valid(u64 entry)
{
	u64 reserved = GENMASK_ULL(2, 1) | GENMASK_ULL(8, 5) |
		       ~(BIT_ULL(boot_cpu_data.x86_phys_bits) - 1);

	return !(entry & _PAGE_PRESENT) || !(entry & reserved);
}

/* The four entries that a processor with PAE paging keeps (SDM 4.4.1). -EFAULT for #GP. Sleeps. */
static int load_pdptes(struct vmm_vcpu *vcpu, u64 pdptes[4])
{
	u64 cr3;
	const u64 *table;
	unsigned int i;

	vmx_begin(vcpu);
	cr3 = vmcs_read(GUEST_CR3);
	vmx_end();
	table = vmm_mem_kaddr(vcpu->vm->mem, cr3 & GENMASK_ULL(31, 5));
	if (!table)
		return -EFAULT;
	for (i = 0; i < 4; i++) {
		pdptes[i] = READ_ONCE(table[i]);
		if (!vmx_pdpte_valid(pdptes[i]))
			return -EFAULT;
	}
	return 0;
}

static void write_pdptes(const u64 pdptes[4])
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		vmcs_write_field(GUEST_PDPTR0 + 2 * i, pdptes[i]);
}

struct paging_state {
	u64 cr0, cr4, efer;
	bool cs_l, tss16;
};

/* Changes of which load PDPTEs, SDM 4.4.1. */
#define CR0_LOADS	(X86_CR0_CD | X86_CR0_NW | X86_CR0_PG)
#define CR4_LOADS	(X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP)

static void read_paging(struct vmm_vcpu *vcpu, struct paging_state *p)
{
	vmx_begin(vcpu);
	p->cr0 = vmx_cr0();
	p->cr4 = vmx_cr4();
	p->efer = vmcs_read(GUEST_IA32_EFER);
	p->cs_l = vmcs_read(GUEST_CS_AR_BYTES) & CS_AR_L;
	p->tss16 = (vmcs_read(GUEST_TR_AR_BYTES) & AR_TYPE) == TYPE_TSS16_BUSY;
	vmx_end();
}

/* Puts the new state into force: registers, PDPTEs if what changed loads them, and nothing that
 * was translated before. */
static int commit(struct vmm_vcpu *vcpu, const struct paging_state *p, bool load)
{
	bool pae = load && (p->cr0 & X86_CR0_PG) && (p->cr4 & X86_CR4_PAE) && !(p->efer & EFER_LMA);
	u64 pdptes[4];

	if (pae && load_pdptes(vcpu, pdptes))
		return -EFAULT;
	vmx_begin(vcpu);
	vmx_set_cr0(p->cr0);
	vmx_set_cr4(p->cr4);
	vmx_set_efer(p->efer);
	if (pae)
		write_pdptes(pdptes);
	vmx_flush_guest(to_vmx(vcpu));
	vmx_end();
	return 0;
}

/* MOV to CR0 (SDM volume 2, 4.1.2 of volume 3). -EFAULT for #GP. */
static int guest_writes_cr0(struct vmm_vcpu *vcpu, u64 value)
{
	struct paging_state p;
	u64 changed;

	if (!cr0_valid(value))
		return -EFAULT;
	read_paging(vcpu, &p);
	changed = p.cr0 ^ value;
	if ((changed & X86_CR0_PG) && (value & X86_CR0_PG) && (p.efer & EFER_LME)) {
		if (!(p.cr4 & X86_CR4_PAE) || p.cs_l || p.tss16)
			return -EFAULT;
		p.efer |= EFER_LMA;
	}
	if ((changed & X86_CR0_PG) && !(value & X86_CR0_PG)) {
		if ((p.efer & EFER_LMA) && p.cs_l)
			return -EFAULT;
		p.efer &= ~(u64)EFER_LMA;
	}
	p.cr0 = value;
	return commit(vcpu, &p, changed & CR0_LOADS);
}

/* MOV to CR4. -EFAULT for #GP. */
static int guest_writes_cr4(struct vmm_vcpu *vcpu, u64 value)
{
	struct paging_state p;
	u64 changed;

	if (!cr4_valid(value))
		return -EFAULT;
	read_paging(vcpu, &p);
	if ((p.efer & EFER_LMA) && !(value & X86_CR4_PAE))
		return -EFAULT;
	changed = p.cr4 ^ value;
	p.cr4 = value;
	return commit(vcpu, &p, changed & CR4_LOADS);
}

/* A control register's bits that the guest does not own. CLTS, LMSW and reads touch none of
 * them, and CR3 and CR8 do not exit: the rest is nothing that we asked for. */
int vmx_handle_cr(struct vmm_vcpu *vcpu)
{
	int err;

	if (vcpu->rec.class != VMMT_CLASS_cr_write)
		return -EINVAL;
	if (vcpu->rec.key == 0)
		err = guest_writes_cr0(vcpu, vcpu->rec.value);
	else if (vcpu->rec.key == 4)
		err = guest_writes_cr4(vcpu, vcpu->rec.value);
	else
		return -EINVAL;
	if (err)
		return vmm_inject_gp(vcpu);
	vmm_skip(vcpu, 3);
	return VMM_RESUME;
}
