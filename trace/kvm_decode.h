/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What KVM knows of an exit, to the neutral record: for trace/kvm.bpf.c. Only
 * what is in memory can be read. For SVM that is the VMCB (APM volume 2,
 * appendix B), for VMX the tracepoint's fields and what KVM has read itself.
 */
#ifndef VMMT_KVM_DECODE_H
#define VMMT_KVM_DECODE_H

#define EVENT_VALID	(1u << 31)
#define EVENT_ERROR	(1u << 11)
#define EVENT_TYPE(e)	(((e) >> 8) & 7)

/* A nested fault's EXITINFO1, APM 15.25.6. */
#define PF_PRESENT	(1u << 0)
#define PF_WRITE	(1u << 1)
#define PF_RESERVED	(1u << 3)
#define PF_FETCH	(1u << 4)

/* VMCB, APM volume 2, tables B-1 and B-2: the parts that are read. */
struct vmcb_exit { __u64 code, info1, info2; __u32 intr, intr_error; };
struct vmcb_cpl { __u8 pad[3], cpl; __u32 pad2; __u64 efer; };
struct vmcb_run { __u64 cr0, dr7, dr6, rflags, rip; };
#define VMCB_EXIT	0x070
#define VMCB_NRIP	0x0c8
#define VMCB_CS_ATTRIB	0x412
#define VMCB_CPL	0x4c8
#define VMCB_RUN	0x558

static __always_inline __u8 svm_class(__u32 code)
{
	switch (code) {
#define X(lo, hi, class, name) case lo ... hi: return VMMT_CLASS_##class;
	VMMT_SVM_CODES(X)
#undef X
	default:
		return VMMT_CLASS_other;
	}
}

static __always_inline __u8 vmx_class(__u32 reason)
{
	if (reason & (1u << 31))
		return VMMT_CLASS_entryfail;
	switch (reason & 0xffff) {
#define X(lo, hi, class, name) case lo ... hi: return VMMT_CLASS_##class;
	VMMT_VMX_CODES(X)
#undef X
	default:
		return VMMT_CLASS_other;
	}
}

static __always_inline __u8 svm_mode(const struct vmcb_run *run, __u64 efer, __u16 cs)
{
	if (!(run->cr0 & 1))
		return VMMT_MODE_real;
	if (run->rflags & (1 << 17))
		return VMMT_MODE_vm86;
	if (efer & (1 << 10))
		return cs & (1 << 9) ? VMMT_MODE_long64 : VMMT_MODE_compat;
	return cs & (1 << 10) ? VMMT_MODE_prot32 : VMMT_MODE_prot16;
}

/* Registers of the guest at the exit. */
struct gprs {
	__u64 rax, rcx, rdx;
};

static __always_inline void decode_out(struct vmmt_exit *x, const struct gprs *r)
{
	if (x->class == VMMT_CLASS_io_out && !x->string)
		x->value = x->width == 1 ? (__u8)r->rax :
			   x->width == 2 ? (__u16)r->rax : (__u32)r->rax;
}

/* EXITINFO1 of IOIO: APM 15.10.2. */
static __always_inline void svm_io(struct vmmt_exit *x)
{
	__u32 info = (__u32)x->info1;

	x->class = info & 1 ? VMMT_CLASS_io_in : VMMT_CLASS_io_out;
	x->key = info >> 16;
	x->width = (info >> 4) & 7;
	x->string = (info >> 2) & 1;
	x->rep = (info >> 3) & 1;
	x->ilen = (__u8)(x->info2 - x->rip);
}

static __always_inline void svm_decode(struct vmmt_exit *x)
{
	x->class = svm_class(x->reason);
	switch (x->class) {
	case VMMT_CLASS_io_in:
		svm_io(x);
		break;
	case VMMT_CLASS_rdmsr:
		if (x->info1)
			x->class = VMMT_CLASS_wrmsr;
		break;
	case VMMT_CLASS_ept:
		x->key = x->info2;
		break;
	case VMMT_CLASS_exception:
		x->key = x->reason - 0x40;
		break;
	case VMMT_CLASS_softint:
		x->key = x->reason == 0x88 ? 1 : 0;
		break;
	case VMMT_CLASS_cr_read:
	case VMMT_CLASS_cr_write:
	case VMMT_CLASS_dr_read:
	case VMMT_CLASS_dr_write:
		x->key = x->reason & 0xf;
		break;
	}
}

/* Exit qualification of I/O: SDM table 28-5. */
static __always_inline void vmx_io(struct vmmt_exit *x)
{
	x->class = x->info1 & 8 ? VMMT_CLASS_io_in : VMMT_CLASS_io_out;
	x->width = (__u8)((x->info1 & 7) + 1);
	x->string = (x->info1 >> 4) & 1;
	x->rep = (x->info1 >> 5) & 1;
	x->key = (x->info1 >> 16) & 0xffff;
}

/* As the module decodes them: a walk of the guest's page tables is a write. */
static __always_inline __u8 svm_access(__u32 info)
{
	return info & PF_FETCH ? VMMT_ACCESS_x : info & PF_WRITE ? VMMT_ACCESS_w : VMMT_ACCESS_r;
}

static __always_inline __u8 svm_present(__u32 info)
{
	return (info & (PF_PRESENT | PF_RESERVED)) == PF_PRESENT ? VMMT_ACCESS_rwx :
								  VMMT_ACCESS_none;
}

/* SDM table 28-7. */
static __always_inline __u8 vmx_access(__u64 q)
{
	return q & 4 ? VMMT_ACCESS_x : (q & 2) || !(q & 0x100) ? VMMT_ACCESS_w : VMMT_ACCESS_r;
}

/* intr: VM-exit interruption information. */
static __always_inline void vmx_exception(struct vmmt_exit *x, __u32 intr)
{
	x->key = intr & 0xff;
	if (EVENT_TYPE(intr) == VMMT_ITYPE_nmi) {
		x->class = VMMT_CLASS_nmi;
		x->key = 0;
	} else if (EVENT_TYPE(intr) == VMMT_ITYPE_privsoft) {
		x->class = VMMT_CLASS_softint;
	}
}

static __always_inline void vmx_decode(struct vmmt_exit *x, __u32 intr)
{
	__u32 type = (x->info1 >> 4) & 3;

	x->class = vmx_class(x->reason);
	switch (x->class) {
	case VMMT_CLASS_io_in:
		vmx_io(x);
		break;
	case VMMT_CLASS_cr_read:	/* SDM table 28-3 */
		x->class = type == 1 ? VMMT_CLASS_cr_read : VMMT_CLASS_cr_write;
		x->key = type <= 1 ? x->info1 & 0xf : 0;
		break;
	case VMMT_CLASS_dr_read:
		x->class = x->info1 & 16 ? VMMT_CLASS_dr_read : VMMT_CLASS_dr_write;
		x->key = x->info1 & 7;
		break;
	case VMMT_CLASS_exception:
		vmx_exception(x, intr);
		break;
	}
}

/* Keys and values that are in the guest's registers. What a tracepoint told
 * meanwhile (the result of a RDMSR, what went to a CR) is in x->value. */
static __always_inline void decode_gprs(struct vmmt_exit *x, const struct gprs *r)
{
	switch (x->class) {
	case VMMT_CLASS_cpuid:
		x->key = (__u32)r->rax;
		x->value = (__u32)r->rcx;
		break;
	case VMMT_CLASS_io_out:
		decode_out(x, r);
		break;
	case VMMT_CLASS_wrmsr:
	case VMMT_CLASS_xsetbv:
		x->value = r->rdx << 32 | (__u32)r->rax;
		x->key = (__u32)r->rcx;
		break;
	case VMMT_CLASS_rdmsr:
		x->key = (__u32)r->rcx;
		break;
	case VMMT_CLASS_hypercall:
		x->key = r->rax;
		break;
	}
}

#endif /* VMMT_KVM_DECODE_H */
