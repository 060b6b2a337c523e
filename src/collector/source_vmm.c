// SPDX-License-Identifier: GPL-2.0-only
#include "source_vmm.h"

#include <config.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_BPF
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include "trace/vmm.skel.h"

/* For all CPUs together, and at most for one. A timeline that is compressed
 * while its guest storms the only CPU must fit in between. */
#define DEFAULT_RINGS (64u << 20)
#define MAX_DEFAULT_RING (32u << 20)

/* One ring, and the collector's name for it. */
struct cpu_ring {
	struct source_vmm *source;
	int index;
};

struct source_vmm {
	struct collector *collector;
	struct vmm_bpf *bpf;
	struct ring_buffer *rings, *bell;
	struct cpu_ring *cpus;
	int ncpus;
	uint32_t only;		/* the VM that is recorded; 0: all */
};

static __attribute__((format(printf, 3, 4)))
int fail(char *msg, int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(msg, SOURCE_MSG, format, ap);
	va_end(ap);
	return err;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	if (level == LIBBPF_DEBUG || !getenv("VMMTRACE_LIBBPF"))
		return 0;
	return vfprintf(stderr, format, ap);
}

static unsigned int round_up_power2(unsigned int size)
{
	unsigned int page = (unsigned int)sysconf(_SC_PAGESIZE), n = page;

	while (n < size && n < 1u << 30)
		n <<= 1;
	return n;
}

static unsigned int default_ring(int ncpus)
{
	unsigned int size = MAX_DEFAULT_RING;

	while (ncpus > 0 && size > 65536 && size > DEFAULT_RINGS / (unsigned int)ncpus)
		size >>= 1;
	return size;
}

static int take(void *ctx, void *data, size_t size)
{
	struct cpu_ring *ring = ctx;
	const struct vmmt_head *head = data;

	if (ring->source->only && head->vm && head->vm != ring->source->only)
		return 0;
	collector_push(ring->source->collector, ring->index, data, size);
	return 0;
}

static int heard(void *ctx, void *data, size_t size)
{
	return 0;
}

/* Make a ring for CPU number key, put it into the map, and read from it. */
static int add_ring(struct source_vmm *s, unsigned int key, unsigned int size)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "vmm_ring", 0, 0, size, NULL), err;

	if (fd < 0)
		return -errno;
	err = bpf_map_update_elem(bpf_map__fd(s->bpf->maps.rings), &key, &fd, BPF_ANY);
	if (err) {
		err = -errno;
		goto close;
	}
	s->cpus[key].source = s;
	s->cpus[key].index = collector_add_source(s->collector);
	err = s->cpus[key].index;
	if (err < 0)
		goto close;
	if (!s->rings) {
		s->rings = ring_buffer__new(fd, take, &s->cpus[key], NULL);
		err = s->rings ? 0 : -errno;
	} else {
		err = ring_buffer__add(s->rings, fd, take, &s->cpus[key]);
	}
close:
	close(fd);
	return err;
}

static int add_bell(struct source_vmm *s)
{
	s->bell = ring_buffer__new(bpf_map__fd(s->bpf->maps.bell), heard, NULL, NULL);
	return s->bell ? 0 : -errno;
}

static int explain(char *msg, int err, const char *what)
{
	switch (-err) {
	case EPERM:
	case EACCES:
		return fail(msg, err, "no permission to load BPF programs (needs CAP_BPF and CAP_PERFMON): run as root");
	case ENOENT:
		return fail(msg, err, "the tracepoints of vmm.ko are not there: load the module (modprobe vmm)");
	case ENOMEM:
		return fail(msg, err, "%s: out of memory; ask for smaller rings (--ring-size)", what);
	default:
		return fail(msg, err, "%s: %s", what, strerror(-err));
	}
}

int source_vmm_open(struct collector *c, const struct source_vmm_options *options,
		    struct source_vmm **ret, char msg[SOURCE_MSG])
{
	unsigned int size;
	struct source_vmm *s = calloc(1, sizeof(*s));
	const char *what = "cannot load the BPF programs";
	int err = -ENOMEM, i;

	if (!s)
		return fail(msg, err, "out of memory");
	libbpf_set_print(quiet);
	s->collector = c;
	s->ncpus = libbpf_num_possible_cpus();
	size = options->ring_size ? round_up_power2(options->ring_size) : default_ring(s->ncpus);
	s->cpus = calloc(s->ncpus > 0 ? (size_t)s->ncpus : 1, sizeof(*s->cpus));
	s->bpf = vmm_bpf__open();
	if (!s->cpus || !s->bpf)
		goto failed;
	memcpy((void *)&s->bpf->rodata->filter, &options->filter, sizeof(options->filter));
	s->bpf->rodata->bell_wanted = options->bell;
	err = bpf_map__set_max_entries(s->bpf->maps.rings, (unsigned int)s->ncpus);
	if (!err && !options->filter.terms)
		err = bpf_map__set_max_entries(s->bpf->maps.refused, 1);
	if (!err)
		err = vmm_bpf__load(s->bpf);
	what = "cannot make the ring buffers";
	for (i = 0; !err && i < s->ncpus; i++)
		err = add_ring(s, (unsigned int)i, size);
	if (!err && options->bell)
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
}

int source_vmm_bell(const struct source_vmm *s)
{
	return s->bell ? ring_buffer__epoll_fd(s->bell) : -1;
}

unsigned int source_vmm_drain(struct source_vmm *s)
{
	int n;

	if (s->bell)
		ring_buffer__consume(s->bell);
	n = ring_buffer__consume(s->rings);

	return n > 0 ? (unsigned int)n : 0;
}

uint64_t source_vmm_misses(const struct source_vmm *s)
{
	struct bpf_program *prog;
	uint64_t misses = 0;

	bpf_object__for_each_program(prog, s->bpf->obj) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (!bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			misses += info.recursion_misses;
	}
	return misses;
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
	ring_buffer__free(s->rings);
	ring_buffer__free(s->bell);
	vmm_bpf__destroy(s->bpf);
	free(s->cpus);
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
