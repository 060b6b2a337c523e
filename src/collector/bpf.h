/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What sources share whose records come from BPF programs: a ring for each CPU,
 * their reading, and what is said when they do not load.
 */
#ifndef COLLECTOR_BPF_H
#define COLLECTOR_BPF_H

#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>

#include "collector.h"

struct bpf_rings;

/* One record of the collector's source `index`. */
typedef void (*bpf_take)(void *arg, int index, const void *data, size_t size);

/* A ring of size bytes (rounded up to a power of 2; 0: by itself) for each
 * possible CPU, each a source of the collector, put into an array of maps.
 * 0 or a negative errno. */
int bpf_rings_new(struct collector *c, int map_fd, unsigned int size, bpf_take take, void *arg,
		  struct bpf_rings **ret);

/* Hand over what is there. Returns the number of records. */
unsigned int bpf_rings_drain(struct bpf_rings *r);

/* NULL is legal. */
void bpf_rings_free(struct bpf_rings *r);

/* Times that a program was skipped because it was running on that CPU already. */
uint64_t bpf_misses(const struct bpf_object *obj);

/* libbpf says something only with VMMTRACE_LIBBPF in the environment. */
void bpf_hush(void);

/* Format one line into msg; returns err. */
__attribute__((format(printf, 3, 4)))
int bpf_fail(char msg[SOURCE_MSG], int err, const char *format, ...);

/* The same for what any source may meet. what: what failed. */
int bpf_explain(char msg[SOURCE_MSG], int err, const char *what);

#endif /* COLLECTOR_BPF_H */
