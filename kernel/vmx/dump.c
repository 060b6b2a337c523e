// SPDX-License-Identifier: GPL-2.0-only
/*
 * After a VM entry that failed: why, in the words of the manual, and the
 * fields that it was about. Called with the VMCS current; prints little, and
 * not often.
 */
#include <linux/ratelimit.h>

#include "vmx.h"

/* SDM 31.4, the VM-instruction errors that entries can end with, and those of the
 * instructions that lead up to them. */
#define VMX_ERRORS(E) \
	E(2, "VMCLEAR with an invalid physical address") \
	E(3, "VMCLEAR with the VMXON pointer") \
	E(4, "VMLAUNCH with a VMCS that is not clear") \
	E(5, "VMRESUME with a VMCS that is not launched") \
	E(6, "VMRESUME after VMXOFF") \
	E(7, "VM entry with invalid control fields") \
	E(8, "VM entry with invalid host-state fields") \
	E(9, "VMPTRLD with an invalid physical address") \
	E(10, "VMPTRLD with the VMXON pointer") \
	E(11, "VMPTRLD with an incorrect VMCS revision identifier") \
	E(12, "VMREAD or VMWRITE of an unsupported component") \
	E(13, "VMWRITE of a read-only component") \
	E(15, "VMXON in VMX root operation") \
	E(25, "VM entry with an invalid executive-VMCS pointer") \
	E(26, "VM entry with events blocked by MOV SS") \
	E(28, "INVEPT or INVVPID with an invalid operand")

static const char *error_name(u32 error)
{
	switch (error) {
#define E(number, name) case number: return name;
	VMX_ERRORS(E)
#undef E
	default:
		return "a VM-instruction error without a name";
	}
}

/* What the schema calls a basic exit reason. */
const char *vmx_exit_name(u32 reason)
{
	switch (reason & 0xffff) {
#define X(lo, hi, class, name) case lo ... hi: return name;
	VMMT_VMX_CODES(X)
#undef X
	default:
		return "unknown";
	}
}

/* Fields of the list that are not 0, as many to a line as fit. */
struct line {
	char text[128];
	size_t len;
};

static void flush(struct line *line)
{
	if (line->len)
		pr_info(" %s\n", line->text);
	line->len = 0;
}

static void add(struct line *line, const char *name, u64 value)
{
	char item[64];
	size_t len;

	if (!value)
		return;
	len = scnprintf(item, sizeof(item), " %s %#llx", name, value);
	if (line->len + len >= sizeof(line->text))
		flush(line);
	line->len += scnprintf(line->text + line->len, sizeof(line->text) - line->len, "%s", item);
}

static void dump_segments(void)
{
	static const char *const names[] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR" };
	struct line line = {};
	unsigned int i;
	char item[64];

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(item, sizeof(item), "%s %#llx:%#llx/%#llx ar", names[i],
			 vmcs_read_segment(i, SELECTOR), vmcs_read_segment(i, BASE),
			 vmcs_read_segment(i, LIMIT));
		add(&line, item, vmcs_read_segment(i, AR_BYTES));
	}
	flush(&line);
}

#define X(encoding, name, type) add(&line, #name, vmcs_read(name));
static void dump_controls(void)
{
	struct line line = {};

	VMX_CONTROL_FIELDS(X)
	flush(&line);
}

static void dump_guest(void)
{
	struct line line = {};

	VMX_GUEST_FIELDS(X)
	flush(&line);
	dump_segments();
}

static void dump_host(void)
{
	struct line line = {};

	VMX_HOST_FIELDS(X)
	flush(&line);
}
#undef X

/* VMLAUNCH or VMRESUME did nothing, and error says why. */
static void tell_refused(const struct vmm_vcpu *vcpu, u32 error)
{
	pr_info("vm %u vcpu %u: no VM entry: %s (error %u, SDM 31.4)\n", vcpu->vm->id, vcpu->id,
		error_name(error), error);
	if (error == 8) {
		dump_host();
		return;
	}
	dump_controls();
}

/* Entry number of the MSR-load list, from 1, cannot be loaded. */
static void tell_msr(const struct vmm_vcpu *vcpu, u64 number)
{
	const struct vmx_vcpu *vmx = to_vmx(vcpu);
	static const struct vmx_list_entry none;
	const struct vmx_list_entry *entry = &none;

	if (number - 1 < vmx->list_count)
		entry = &vmx->guest_list[number - 1];
	pr_info("vm %u vcpu %u: VM entry failed, MSR %#x cannot be loaded with %#llx (entry %llu of the list, SDM 27.4)\n",
		vcpu->vm->id, vcpu->id, entry->index, entry->value, number);
}

/* The processor looked at the guest's state, or loaded it, and went back (SDM 27.8). */
static void tell_failed(const struct vmm_vcpu *vcpu, u32 reason, u64 qualification)
{
	char why[VMX_RULE];

	switch (reason & 0xffff) {
	case EXIT_REASON_INVALID_STATE:
		vmx_guest_rule(why);
		pr_info("vm %u vcpu %u: VM entry failed, invalid guest state (SDM 27.3.1): %s\n",
			vcpu->vm->id, vcpu->id, why);
		dump_guest();
		break;
	case EXIT_REASON_MSR_LOAD_FAIL:
		tell_msr(vcpu, qualification);
		break;
	case EXIT_REASON_MCE_DURING_VMENTRY:
		pr_info("vm %u vcpu %u: VM entry failed, a machine check (SDM 27.9)\n",
			vcpu->vm->id, vcpu->id);
		break;
	default:
		pr_info("vm %u vcpu %u: VM entry failed, reason %#x qualification %#llx\n",
			vcpu->vm->id, vcpu->id, reason, qualification);
	}
}

/* Tell why the entry failed that the last exit record is about. */
void vmx_tell_entry_failure(struct vmm_vcpu *vcpu)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	const struct vmx_exit *e = &to_vmx(vcpu)->exit;

	if (!__ratelimit(&limit))
		return;
	preempt_disable();
	vmx_make_current(to_vmx(vcpu));
	if (vcpu->frame.failed)
		tell_refused(vcpu, (u32)e->qualification);
	else
		tell_failed(vcpu, e->reason, e->qualification);
	preempt_enable();
}
