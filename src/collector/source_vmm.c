// SPDX-License-Identifier: GPL-2.0-only
#include "source_vmm.h"

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_BPF
#include <bpf/bpf.h>

#include "bpf.h"
#include "trace/vmm.skel.h"

/* Streams of which a record waits: more than the module has. */
#define MAX_WAITING 2048

struct source_vmm {
	struct collector *collector;
	struct vmm_bpf *bpf;
	struct bpf_rings *rings;
	struct ring_buffer *bell;
	uint32_t only;		/* the VM that is recorded; 0: all */
};

static void take(void *arg, int index, const void *data, size_t size)
{
	struct source_vmm *s = arg;
	const struct vmmt_head *head = data;

	if (!s->only || !head->vm || head->vm == s->only)
		collector_push(s->collector, index, data, size);
}

static int heard(void *ctx, void *data, size_t size)
{
	return 0;
}

/* Before the programs are loaded. */
static int prepare(struct source_vmm *s, const struct source_vmm_options *options)
{
	int err;

	memcpy((void *)&s->bpf->rodata->filter, &options->filter, sizeof(options->filter));
	s->bpf->rodata->bell_wanted = options->bell;
	s->bpf->rodata->lossless = options->lossless;
	err = bpf_map__set_max_entries(s->bpf->maps.rings,
				       (unsigned int)libbpf_num_possible_cpus());
	if (!err && !options->filter.terms)
		err = bpf_map__set_max_entries(s->bpf->maps.refused, 1);
	if (!err && options->lossless)
		err = bpf_map__set_max_entries(s->bpf->maps.waiting, MAX_WAITING);
	if (!err && !options->lossless)
		err = bpf_program__set_autoload(s->bpf->progs.on_again, false);
	return err;
}

static int add_bell(struct source_vmm *s)
{
	s->bell = ring_buffer__new(bpf_map__fd(s->bpf->maps.bell), heard, NULL, NULL);
	return s->bell ? 0 : -errno;
}

static int explain(char *msg, int err, const char *what)
{
	if (err == -ENOENT)
		return bpf_fail(msg, err, "the tracepoints of vmm.ko are not there: load the module (modprobe vmm)");
	return bpf_explain(msg, err, what);
}

int source_vmm_open(struct collector *c, const struct source_vmm_options *options,
		    struct source_vmm **ret, char msg[SOURCE_MSG])
{
	struct source_vmm *s = calloc(1, sizeof(*s));
	const char *what = "cannot load the BPF programs";
	int err = -ENOMEM;

	if (!s)
		return bpf_fail(msg, err, "out of memory");
	bpf_hush();
	s->collector = c;
	s->bpf = vmm_bpf__open();
	if (!s->bpf)
		goto failed;
	err = prepare(s, options);
	if (!err)
		err = vmm_bpf__load(s->bpf);
	if (err)
		goto failed;
	what = "cannot make the ring buffers";
	err = bpf_rings_new(c, bpf_map__fd(s->bpf->maps.rings), options->ring_size, take, s,
			    &s->rings);
	if (!err && (options->bell || options->lossless))
		err = add_bell(s);
	if (err)
		goto failed;
	what = "cannot attach to the tracepoints";
	err = vmm_bpf__attach(s->bpf);
	if (err)
		goto failed;
	*ret = s;
	return 0;
failed:
	explain(msg, err, what);
	source_vmm_close(s);
	return err;
}

void source_vmm_only(struct source_vmm *s, uint32_t vm)
{
	s->only = vm;
	s->bpf->bss->only = vm == VMMT_VM_LATER ? 0 : vm;
}

int source_vmm_bell(const struct source_vmm *s)
{
	return s->bell ? ring_buffer__epoll_fd(s->bell) : -1;
}

unsigned int source_vmm_drain(struct source_vmm *s)
{
	if (s->bell)
		ring_buffer__consume(s->bell);
	return bpf_rings_drain(s->rings);
}

uint64_t source_vmm_misses(const struct source_vmm *s)
{
	return bpf_misses(s->bpf->obj);
}

void source_vmm_refused(const struct source_vmm *s, uint32_t vm, uint32_t vcpu,
			struct vmmt_refused *ret)
{
	struct vmmt_stream stream = { vm, vcpu };

	if (bpf_map_lookup_elem(bpf_map__fd(s->bpf->maps.refused), &stream, ret))
		*ret = (struct vmmt_refused){};
}

void source_vmm_detach(struct source_vmm *s)
{
	if (s)
		vmm_bpf__detach(s->bpf);
}

void source_vmm_close(struct source_vmm *s)
{
	if (!s)
		return;
	bpf_rings_free(s->rings);
	ring_buffer__free(s->bell);
	vmm_bpf__destroy(s->bpf);
	free(s);
}

#else /* !HAVE_BPF */

void source_vmm_only(struct source_vmm *s, uint32_t vm)
{
}

int source_vmm_open(struct collector *c, const struct source_vmm_options *options,
		    struct source_vmm **ret, char msg[SOURCE_MSG])
{
	snprintf(msg, SOURCE_MSG, "this vmmtrace was built without BPF: install libbpf-dev, bpftool and clang, and configure again");
	return -EOPNOTSUPP;
}

int source_vmm_bell(const struct source_vmm *s)
{
	return -1;
}

unsigned int source_vmm_drain(struct source_vmm *s)
{
	return 0;
}

uint64_t source_vmm_misses(const struct source_vmm *s)
{
	return 0;
}

void source_vmm_refused(const struct source_vmm *s, uint32_t vm, uint32_t vcpu,
			struct vmmt_refused *ret)
{
	*ret = (struct vmmt_refused){};
}

void source_vmm_detach(struct source_vmm *s)
{
}

void source_vmm_close(struct source_vmm *s)
{
}

#endif
