// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "bpf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

/* For all CPUs together, and at most for one. A timeline that is compressed
 * while its guest storms the only CPU must fit in between. */
#define DEFAULT_RINGS (64u << 20)
#define MAX_DEFAULT_RING (32u << 20)

/* One ring, and the collector's name for it. */
struct cpu_ring {
	struct bpf_rings *rings;
	int index;
};

struct bpf_rings {
	struct collector *collector;
	struct ring_buffer *rings;
	struct cpu_ring *cpus;
	bpf_take take;
	void *arg;
};

int bpf_fail(char msg[SOURCE_MSG], int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(msg, SOURCE_MSG, format, ap);
	va_end(ap);
	return err;
}

int bpf_explain(char msg[SOURCE_MSG], int err, const char *what)
{
	switch (-err) {
	case EPERM:
	case EACCES:
		return bpf_fail(msg, err, "no permission to load BPF programs (needs CAP_BPF and CAP_PERFMON): run as root");
	case ENOMEM:
		return bpf_fail(msg, err, "%s: out of memory; ask for smaller rings (--ring-size)", what);
	default:
		return bpf_fail(msg, err, "%s: %s", what, strerror(-err));
	}
}

static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	if (level == LIBBPF_DEBUG || !getenv("VMMTRACE_LIBBPF"))
		return 0;
	return vfprintf(stderr, format, ap);
}

void bpf_hush(void)
{
	libbpf_set_print(quiet);
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

	ring->rings->take(ring->rings->arg, ring->index, data, size);
	return 0;
}

/* Make a ring for CPU number key, put it into the map, and read from it. */
static int add_ring(struct bpf_rings *r, int map_fd, unsigned int key, unsigned int size)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "vmm_ring", 0, 0, size, NULL), err;
	struct cpu_ring *cpu = &r->cpus[key];

	if (fd < 0)
		return -errno;
	err = bpf_map_update_elem(map_fd, &key, &fd, BPF_ANY);
	if (err) {
		err = -errno;
		goto close;
	}
	cpu->rings = r;
	cpu->index = collector_add_source(r->collector);
	err = cpu->index;
	if (err < 0)
		goto close;
	if (!r->rings) {
		r->rings = ring_buffer__new(fd, take, cpu, NULL);
		err = r->rings ? 0 : -errno;
	} else {
		err = ring_buffer__add(r->rings, fd, take, cpu);
	}
close:
	close(fd);
	return err;
}

int bpf_rings_new(struct collector *c, int map_fd, unsigned int size, bpf_take take_one, void *arg,
		  struct bpf_rings **ret)
{
	struct bpf_rings *r = calloc(1, sizeof(*r));
	int ncpus = libbpf_num_possible_cpus(), err = 0, i;

	if (!r)
		return -ENOMEM;
	r->collector = c;
	r->take = take_one;
	r->arg = arg;
	r->cpus = calloc(ncpus > 0 ? (size_t)ncpus : 1, sizeof(*r->cpus));
	if (!r->cpus)
		err = -ENOMEM;
	size = size ? round_up_power2(size) : default_ring(ncpus);
	for (i = 0; !err && i < ncpus; i++)
		err = add_ring(r, map_fd, (unsigned int)i, size);
	if (err)
		bpf_rings_free(r);
	else
		*ret = r;
	return err;
}

unsigned int bpf_rings_drain(struct bpf_rings *r)
{
	int n = ring_buffer__consume(r->rings);

	return n > 0 ? (unsigned int)n : 0;
}

void bpf_rings_free(struct bpf_rings *r)
{
	if (!r)
		return;
	ring_buffer__free(r->rings);
	free(r->cpus);
	free(r);
}

uint64_t bpf_misses(const struct bpf_object *obj)
{
	struct bpf_program *prog;
	uint64_t misses = 0;

	bpf_object__for_each_program(prog, obj) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_program__fd(prog);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			misses += info.recursion_misses;
	}
	return misses;
}
