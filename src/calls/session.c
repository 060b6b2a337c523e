// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sequence of calls on one descriptor. A session adds what a program would
 * have: buffers, the memory that is mapped, what is left out. It knows no device
 * and does nothing about an exit.
 */
#include "calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "src/collector/names.h"
#include "trace/record.h"

struct vm {
	struct vm *next;
	uint32_t id;
	uint32_t n;
	struct vm_mem_range ranges[VMM_MAX_MEM_RANGES];	/* vmr_va: mapped here, 0 not */
	struct vm_exit exits[VMM_MAX_VCPUS_PER_VM];
};

struct calls_session {
	int fd;
	unsigned int isa;
	struct vm *vms;			/* the last one first */
};

/* One call being executed. */
struct call {
	struct calls_session *session;
	const struct calls_call *call;
	json_t *in;
	union {
		uint32_t vm;		/* what most structures begin with */
		struct vm_create_params create;
		struct vm_run_params run;
		struct vm_info_params info;
		struct vm_terminate_params term;
		struct vm_resetcpu_params reset;
		struct vm_intr_params intr;
		struct vm_rwregs_params regs;
		struct vm_rwvmparams_params params;
		struct vm_sharemem_params share;
		struct vm_mprotect_ept_params protect;
		struct vmm_version version;
		struct vmm_limit limit;
		struct calls_memory memory;
	} arg;
	json_t *out;
	char *msg;
};

/* What calls_execute() returns beside 0 and negative errnos. */
#define INPUT 1

struct calls_session *calls_session_new(int fd)
{
	struct calls_session *session = calloc(1, sizeof(*session));
	struct vmm_version version;

	if (!session)
		return NULL;
	session->fd = fd;
	if (!vmm_version(fd, &version))
		session->isa = version.vv_isa;
	return session;
}

/* ---- VMs that the session knows ---- */

static struct vm *find_vm(const struct calls_session *session, uint32_t id)
{
	struct vm *vm = session->vms;

	while (vm && vm->id != id)
		vm = vm->next;
	return vm;
}

static struct vm *know_vm(struct calls_session *session, uint32_t id)
{
	struct vm *vm = find_vm(session, id);

	if (vm)
		return vm;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return NULL;
	vm->id = id;
	vm->next = session->vms;
	session->vms = vm;
	return vm;
}

static void unmap(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->n; i++)
		if (vm->ranges[i].vmr_va)
			munmap((void *)vm->ranges[i].vmr_va, vm->ranges[i].vmr_size);
	vm->n = 0;
}

static void forget_vm(struct calls_session *session, uint32_t id)
{
	struct vm **at = &session->vms, *vm;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	vm = *at;
	if (!vm)
		return;
	*at = vm->next;
	unmap(vm);
	free(vm);
}

void calls_session_free(struct calls_session *session)
{
	if (!session)
		return;
	while (session->vms)
		forget_vm(session, session->vms->id);
	free(session);
}

/* Where the VM's memory is mapped now. */
static int take_ranges(struct call *c, uint32_t id, const struct vm_mem_range *ranges, size_t n)
{
	struct vm *vm = know_vm(c->session, id);

	if (!vm)
		return -ENOMEM;
	unmap(vm);
	memcpy(vm->ranges, ranges, n * sizeof(*ranges));
	vm->n = (uint32_t)n;
	return 0;
}

/* ---- before and after a call ---- */

static int read_arg(struct call *c)
{
	return calls_read(c->call->arg(), &c->arg, c->in, c->msg) ? INPUT : 0;
}

static bool given(const struct call *c, const char *member)
{
	return json_object_get(c->in, member);
}

static int issue(struct call *c)
{
	return ioctl(c->session->fd, c->call->cmd, &c->arg) ? -errno : 0;
}

/* Read the input, call, write what comes out. */
static int plain(struct call *c)
{
	int err = read_arg(c);

	if (!err)
		err = issue(c);
	if (!err && _IOC_DIR(c->call->cmd) & _IOC_READ)
		c->out = calls_write(c->call->arg(), &c->arg, CALLS_out);
	else if (!err)
		c->out = json_object();
	return err;
}

static int do_create(struct call *c)
{
	int err;

	c->arg.create.vcp_ncpus = 1;
	err = plain(c);
	if (err)
		return err;
	return take_ranges(c, c->arg.create.vcp_id, c->arg.create.vcp_memranges,
			   c->arg.create.vcp_nmemranges);
}

static int do_term(struct call *c)
{
	int err = plain(c);

	if (!err)
		forget_vm(c->session, c->arg.term.vtp_vm_id);
	return err;
}

/* SHAREMEM takes the ranges as CREATE got them: of a VM made here they are known. */
static int do_sharemem(struct call *c)
{
	struct vm_sharemem_params *vsp = &c->arg.share;
	struct vm *vm;
	size_t i;
	int err = read_arg(c);

	if (err)
		return err;
	vm = find_vm(c->session, vsp->vsp_vm_id);
	if (vm && !given(c, "vsp_memranges")) {
		vsp->vsp_nmemranges = vm->n;
		memcpy(vsp->vsp_memranges, vm->ranges, sizeof(vm->ranges));
	}
	err = issue(c);
	if (err)
		return err;
	c->out = calls_write(c->call->arg(), vsp, CALLS_out);
	for (i = 0; i < vsp->vsp_nmemranges; i++)
		vsp->vsp_memranges[i].vmr_va = vsp->vsp_va[i];
	return take_ranges(c, vsp->vsp_vm_id, vsp->vsp_memranges, vsp->vsp_nmemranges);
}

/* Of the exit only what it is about. */
static void add_exit(struct call *c, const struct vm_run_params *vrp)
{
	json_t *exit = json_object_get(c->out, "vrp_exit");
	unsigned int class = VMMT_CLASS_other;

	if (vrp->vrp_exit_reason != VM_EXIT_NONE) {
		class = vmm_exit_class(c->session->isa, vrp->vrp_exit_reason);
		if (class == VMMT_CLASS_io_in && vrp->vrp_exit->vei.vei_dir == VEI_DIR_OUT)
			class = VMMT_CLASS_io_out;
		json_object_set_new(c->out, "exit", json_string(vmmt_class_info(class)->name));
	}
	if (!vrp->vrp_exit->vei.vei_size ||
	    (class != VMMT_CLASS_io_in && class != VMMT_CLASS_io_out))
		json_object_del(exit, "vei");
	if (class != VMMT_CLASS_ept)
		json_object_del(exit, "vee");
}

/* The vCPU's vm_exit goes back as it came out, but for what the input changes. */
static int do_run(struct call *c)
{
	struct vm_run_params *vrp = &c->arg.run;
	struct vm_exit scratch = {};
	struct vm *vm;
	bool known;
	int err;

	vrp->vrp_exit = &scratch;
	err = read_arg(c);
	if (err)
		return err;
	known = find_vm(c->session, vrp->vrp_vm_id);
	vm = know_vm(c->session, vrp->vrp_vm_id);
	if (!vm)
		return -ENOMEM;
	if (vrp->vrp_vcpu_id < VMM_MAX_VCPUS_PER_VM)
		vrp->vrp_exit = &vm->exits[vrp->vrp_vcpu_id];
	read_arg(c);
	err = issue(c);
	if (!err) {
		c->out = calls_write(c->call->arg(), vrp, CALLS_out);
		add_exit(c, vrp);
	} else if (!known) {
		forget_vm(c->session, vrp->vrp_vm_id);
	}
	return err;
}

/* Unless a size is given: the whole list, which may grow meanwhile. */
static int do_info(struct call *c)
{
	struct vm_info_params *vip = &c->arg.info;
	int err = read_arg(c);
	bool whole;

	if (err)
		return err;
	do {
		free(vip->vip_info);
		vip->vip_info = calloc(1, vip->vip_size + 1);
		err = vip->vip_info ? issue(c) : -ENOMEM;
		whole = vip->vip_info_ct || !vip->vip_size || given(c, "vip_size");
	} while (!err && !whole);
	if (!err)
		c->out = calls_write(c->call->arg(), vip, CALLS_out);
	free(vip->vip_info);
	return err;
}

/* The state after RESET (SDM volume 3, table 10-1), unless said otherwise. */
static int do_reset(struct call *c)
{
	struct vcpu_reg_state *vrs = &c->arg.reset.vrp_init_state;

	vrs->vrs_gprs[VCPU_REGS_RFLAGS] = 0x2;
	vrs->vrs_gprs[VCPU_REGS_RIP] = 0xfff0;
	vrs->vrs_crs[VCPU_REGS_CR0] = 0x60000010;
	vrs->vrs_crs[VCPU_REGS_XCR0] = 1;
	vrs->vrs_drs[VCPU_REGS_DR6] = 0xffff0ff0;
	vrs->vrs_drs[VCPU_REGS_DR7] = 0x400;
	for (int i = VCPU_REGS_ES; i <= VCPU_REGS_GS; i++)
		vrs->vrs_sregs[i] = (struct vcpu_segment_info){ 0, 0xffff, 0x93, 0 };
	vrs->vrs_sregs[VCPU_REGS_CS].vsi_sel = 0xf000;
	vrs->vrs_sregs[VCPU_REGS_CS].vsi_base = 0xffff0000;
	vrs->vrs_sregs[VCPU_REGS_CS].vsi_ar = 0x9b;
	vrs->vrs_sregs[VCPU_REGS_LDTR] = (struct vcpu_segment_info){ 0, 0xffff, 0x82, 0 };
	vrs->vrs_sregs[VCPU_REGS_TR] = (struct vcpu_segment_info){ 0, 0xffff, 0x8b, 0 };
	vrs->vrs_gdtr.vsi_limit = vrs->vrs_idtr.vsi_limit = 0xffff;
	return plain(c);
}

/* Which bit of a mask asks for what. */
static const struct { const char *name; uint64_t bit; } groups[] = {
	{ "vrs_gprs", VM_RWREGS_GPRS }, { "vrs_sregs", VM_RWREGS_SREGS },
	{ "vrs_gdtr", VM_RWREGS_SREGS }, { "vrs_idtr", VM_RWREGS_SREGS },
	{ "vrs_crs", VM_RWREGS_CRS }, { "vrs_msrs", VM_RWREGS_MSRS }, { "vrs_drs", VM_RWREGS_DRS },
};
#define NGROUPS (sizeof(groups) / sizeof(groups[0]))

static int do_readregs(struct call *c)
{
	int err;

	c->arg.regs.vrwp_mask = VM_RWREGS_ALL;
	err = plain(c);
	for (size_t i = 0; !err && i < NGROUPS; i++)
		if (!(c->arg.regs.vrwp_mask & groups[i].bit))
			json_object_del(json_object_get(c->out, "vrwp_regs"), groups[i].name);
	return err;
}

/* Groups of registers are written whole: what is left out of one is read first. */
static int do_writeregs(struct call *c)
{
	json_t *regs = json_object_get(c->in, "vrwp_regs");
	struct vm_rwregs_params now;
	uint64_t mask = 0;
	int err = read_arg(c);

	if (err)
		return err;
	for (size_t i = 0; i < NGROUPS; i++)
		if (json_object_get(regs, groups[i].name))
			mask |= groups[i].bit;
	now = c->arg.regs;
	now.vrwp_mask = VM_RWREGS_ALL;
	err = vmm_read_regs(c->session->fd, &now);
	if (err)
		return err;
	c->arg.regs.vrwp_regs = now.vrwp_regs;
	if (!given(c, "vrwp_mask"))
		c->arg.regs.vrwp_mask = mask;
	return plain(c);
}

static int do_readparams(struct call *c)
{
	c->arg.params.vpp_mask = VM_RWVMPARAMS_ALL;
	return plain(c);
}

static int do_writeparams(struct call *c)
{
	c->arg.params.vpp_mask =
		(given(c, "vpp_pvclock_system_gpa") ? VM_RWVMPARAMS_PVCLOCK_SYSTEM_GPA : 0) |
		(given(c, "vpp_pvclock_version") ? VM_RWVMPARAMS_PVCLOCK_VERSION : 0);
	return plain(c);
}

/* What is left out stays: so no member asks what is set. */
static int do_limit(struct call *c)
{
	memset(&c->arg.limit, 0xff, sizeof(c->arg.limit));
	return plain(c);
}

/* ---- guest memory: no call, but without it none would be of use ---- */

static int wrong(struct call *c, const char *what, const char *why)
{
	snprintf(c->msg, CALLS_MSG, "%s: %s", what, why);
	return INPUT;
}

static int file_failed(struct call *c)
{
	int err = errno ? errno : EIO;

	snprintf(c->msg, CALLS_MSG, "%.100s: %s", c->arg.memory.file, strerror(err));
	return -err;
}

/* Copy between a buffer and the VM's memory. */
static int move(struct call *c, uint8_t *buf, uint64_t size, bool into)
{
	const struct vm *vm = find_vm(c->session, c->arg.memory.vm);
	uint64_t gpa = c->arg.memory.gpa, n, offset;
	uint32_t i;
	void *p;

	for (; size; size -= n, buf += n, gpa += n) {
		for (i = 0; vm && i < vm->n; i++)
			if (vm->ranges[i].vmr_va && gpa >= vm->ranges[i].vmr_gpa &&
			    gpa - vm->ranges[i].vmr_gpa < vm->ranges[i].vmr_size)
				break;
		if (!vm || i == vm->n) {
			snprintf(c->msg, CALLS_MSG, "no memory of the VM is mapped here at %#llx: "
				 "create or sharemem maps it, in the same batch",
				 (unsigned long long)gpa);
			return -EFAULT;
		}
		offset = gpa - vm->ranges[i].vmr_gpa;
		n = vm->ranges[i].vmr_size - offset;
		n = n < size ? n : size;
		p = (void *)(vm->ranges[i].vmr_va + offset);
		memcpy(into ? p : buf, into ? buf : p, n);
	}
	return 0;
}

static int read_file(struct call *c, uint8_t **ret, uint64_t *ret_size)
{
	FILE *f = fopen(c->arg.memory.file, "rb");
	uint8_t *buf = NULL, *more;
	uint64_t size = 0, n = 1;

	int err = 0;

	if (!f)
		return file_failed(c);
	for (; n; size += n) {
		more = realloc(buf, size + (1 << 20));
		if (!more)
			break;
		buf = more;
		n = fread(buf + size, 1, 1 << 20, f);
	}
	if (n || ferror(f)) {
		err = file_failed(c);
		free(buf);
	} else {
		*ret = buf;
		*ret_size = size;
	}
	fclose(f);
	return err;
}

static int read_hex(struct call *c, uint8_t **ret, uint64_t *ret_size)
{
	const char *hex = c->arg.memory.hex;
	uint64_t n = strlen(hex) / 2;
	uint8_t *buf = malloc(n + 1);
	unsigned int byte;

	if (!buf)
		return -ENOMEM;
	for (uint64_t i = 0; i < n; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1) {
			free(buf);
			return wrong(c, "hex", "is not hex");
		}
		buf[i] = (uint8_t)byte;
	}
	*ret = buf;
	*ret_size = n;
	return 0;
}

static int do_load(struct call *c)
{
	uint8_t *buf = NULL;
	uint64_t size = 0;
	int err = read_arg(c);

	if (err)
		return err;
	if (!given(c, "file") == !given(c, "hex"))
		return wrong(c, "load", "give file or hex");
	err = given(c, "file") ? read_file(c, &buf, &size) : read_hex(c, &buf, &size);
	if (!err)
		err = move(c, buf, size, true);
	if (!err)
		c->out = json_pack("{s:I}", "size", (json_int_t)size);
	free(buf);
	return err;
}

static int write_file(struct call *c, const uint8_t *buf)
{
	FILE *f = fopen(c->arg.memory.file, "wb");
	size_t size = c->arg.memory.size;
	bool ok = f && fwrite(buf, 1, size, f) == size;

	if (f && fclose(f))
		ok = false;
	return ok ? 0 : file_failed(c);
}

static int do_save(struct call *c)
{
	struct calls_memory *mem = &c->arg.memory;
	uint8_t *buf;
	int err = read_arg(c);

	if (err)
		return err;
	if (!mem->file[0] && 2 * mem->size >= sizeof(mem->hex))
		return wrong(c, "size", "name a file for that much");
	buf = malloc(mem->size + 1);
	if (!buf)
		return -ENOMEM;
	err = move(c, buf, mem->size, false);
	if (!err && mem->file[0])
		err = write_file(c, buf);
	for (uint64_t i = 0; !err && !mem->file[0] && i < mem->size; i++)
		sprintf(mem->hex + 2 * i, "%02x", buf[i]);
	free(buf);
	if (err)
		return err;
	c->out = json_pack("{s:I}", "size", (json_int_t)mem->size);
	if (!mem->file[0])
		json_object_set_new(c->out, "hex", json_string(mem->hex));
	return 0;
}

/* ---- all of them ---- */

static const struct {
	const char *word;
	int (*execute)(struct call *c);
} special[] = {
	{ "create", do_create }, { "term", do_term }, { "sharemem", do_sharemem },
	{ "run", do_run }, { "info", do_info }, { "reset", do_reset },
	{ "readregs", do_readregs }, { "writeregs", do_writeregs },
	{ "readparams", do_readparams }, { "writeparams", do_writeparams },
	{ "limit", do_limit }, { "load", do_load }, { "save", do_save },
};

/* A VM that is not named is the one that was made, or used first, last. */
static void default_vm(struct call *c)
{
	const struct calls_member *first = c->call->arg()->members;
	const char *id = strrchr(first->name, 'v');

	if (c->session->vms && id && (!strcmp(id, "vm_id") || !strcmp(id, "vm")))
		c->arg.vm = c->session->vms->id;
}

/* If nobody has said more. */
static void explain(struct call *c, int err)
{
	if (!c->msg[0])
		snprintf(c->msg, CALLS_MSG, "%s", calls_advice(c->call, -err));
	if (!c->msg[0])
		snprintf(c->msg, CALLS_MSG, "%s", strerror(-err));
}

/* What was cut in the midst of a character is no text any more. */
static void make_text(char *msg)
{
	json_t *text = json_string(msg);

	for (; !text && *msg; msg++)
		if (*msg & 0x80)
			*msg = '?';
	json_decref(text);
}

int calls_execute(struct calls_session *session, const char *word, json_t *in, json_t **ret_out,
		  char msg[CALLS_MSG])
{
	struct call c = { .session = session, .call = calls_by_word(word), .in = in, .msg = msg };
	int (*execute)(struct call *c) = plain;
	int err;

	if (!c.call) {
		snprintf(msg, CALLS_MSG, "%.100s: no such call; see vmmtrace vm --help", word);
		make_text(msg);
		return INPUT;
	}
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (!strcmp(special[i].word, word))
			execute = special[i].execute;
	default_vm(&c);
	msg[0] = '\0';
	err = execute(&c);
	if (err < 0)
		explain(&c, err);
	make_text(msg);
	if (err)
		json_decref(c.out);
	else
		*ret_out = c.out;
	return err;
}
