/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `vmmtrace run`: one guest, from its image to its end. Ties libvmm, the
 * machine and the collector together; each of them knows nothing of the
 * others.
 *
 *	guest.c		make the VM, load the image, set the registers
 *	loop.c		the vCPU thread: RUN, and what its exits ask for
 *	io.c, mmio.c	port and memory-mapped accesses, to the machine
 *	clock.c		the machine's deadlines, as signals to the vCPU thread
 *	console.c	the terminal
 *	record.c	the recorder, and our own records
 *	summary.c	where the time went
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <jansson.h>

#include "src/collector/collector.h"
#include "src/collector/user_ring.h"
#include "src/filter/filter.h"
#include "src/lib/libvmm.h"
#include "src/machine/boot.h"
#include "src/machine/machine.h"
#include "kernel/walk.h"

#define RUN_MAX_OUTPUTS 8
#define RUN_MAX_MODULES 16
#define RUN_MSG 384

enum run_image { RUN_IMAGE_NONE, RUN_IMAGE_LINUX, RUN_IMAGE_MULTIBOOT, RUN_IMAGE_FLAT };
enum run_trace { RUN_TRACE_OFF, RUN_TRACE_HIST, RUN_TRACE_FULL };

struct run_options {
	enum run_image image;
	const char *kernel, *initrd, *append;
	const char *modules[RUN_MAX_MODULES];
	unsigned int nmodules;
	uint64_t flat_addr;
	enum boot_mode flat_mode;
	const char *name;
	uint64_t memory;		/* bytes */
	bool caller_memory;		/* ours, pinned, instead of the module's */
	int64_t rtc_base;		/* seconds since 1970; -1: the host's time */
	uint64_t max_exits;		/* end after this many, 0 never */
	const char *outputs[RUN_MAX_OUTPUTS];
	unsigned int noutputs;
	const char *filter_text;
	struct filter filter;
	unsigned int ring_size;
	bool lossless;
	enum run_trace trace;
	bool lttng;			/* records go to LTTng-UST sessions too */
	bool json, quiet;
	char *const *argv;		/* of the program, for the manifest */
};

struct record;

/* What a device was asked, in userland. */
struct run_device {
	uint64_t accesses, ticks;
};

struct run {
	const struct run_options *opt;
	int fd;
	uint32_t vm;
	struct vmm_version version;
	struct machine *machine;
	struct machine_ram ram[MACHINE_MAX_RANGES];
	unsigned int nram;
	struct guest_memory memory;
	void *own_memory[MACHINE_MAX_RANGES];	/* with caller_memory */
	const struct vmm_stats *stats;		/* NULL until there is a VM */
	struct run_device devices[VMMT_NDEVICE];
	struct vm_run_params vrp;
	struct vm_exit exit;
	struct record *record;			/* NULL: not recording */
	pthread_t vcpu_thread;
	timer_t timer;
	bool have_timer;
	uint64_t armed;				/* deadline the timer is set for */
	bool rearm;				/* [vCPU thread] there may be an earlier one */
	int wake_fd;				/* ends a halt */
	char why[RUN_MSG];			/* why the run failed */
};

/* Status of the program, see vmmtrace --help. */
enum { STATUS_DONE, STATUS_FAILED, STATUS_USAGE, STATUS_NO, STATUS_GUEST };

/* Run the guest; returns the status. */
int run_guest(const struct run_options *opt);

/* guest.c: 0, or a negative errno with one line in why. */
int guest_open(struct run *r);
int guest_make(struct run *r);
int guest_load(struct run *r);
void guest_end(struct run *r);
void guest_free(struct run *r);

/* loop.c: until the guest ended, one way or another. */
void guest_loop(struct run *r);

/* io.c: the access that r->exit describes; sets the registers that RUN takes
 * back. Negative: cannot be done, why says so. */
int guest_io(struct run *r);
int guest_mmio(struct run *r);

/* The access of r->exit is done: counts it, and records it. begin: TSC when it
 * reached the device. */
void guest_accessed(struct run *r, uint64_t begin, enum vmmt_device device, bool write,
		    uint64_t addr, uint64_t value, unsigned int width, uint32_t count);

/* How the guest translates addresses now, from the registers of r->exit. */
void guest_paging(const struct run *r, struct vmm_paging *ret);

/* Copy between a guest linear address and buf. Negative if it is not mapped. */
int guest_copy(struct run *r, const struct vmm_paging *pg, uint64_t gla, void *buf, size_t len,
	       bool write);

/* clock.c */
uint64_t run_now_ns(void *unused);
int run_clock_start(struct run *r);
void run_clock_arm(struct run *r);
void run_clock_stop(struct run *r);

extern volatile sig_atomic_t run_timer_fired, run_stop_signal;

/* console.c */
int run_console_start(struct run *r);
void run_console_stop(struct run *r);
void run_console_byte(void *ctx, uint8_t byte);
void run_console_flush(void);

/* record.c */
int record_start(struct run *r);
int record_vm(struct run *r);
int record_stop(struct run *r);		/* -EIO: an output failed */
void record_free(struct run *r);
void record_dev(struct run *r, uint64_t now, struct vmmt_dev *rec);
void record_irq(void *ctx, const struct i8259_event *event);
const struct collector_count *record_counts(const struct run *r);
uint64_t record_lost(const struct run *r);		/* records of all kinds */
uint64_t record_missed(const struct run *r);		/* of those: the recorder was busy */

/* summary.c: to stderr for people, to stdout as JSON. */
void run_summary(const struct run *r, enum machine_end end, uint32_t status);
json_t *run_manifest(const struct run *r);

/* The TSC as the module's records tell it. A suspend may come between any two
 * instructions, and change what is to be added. */
static inline uint64_t tsc_now(const struct run *r)
{
	const struct vmm_stats *st = r->stats;
	uint64_t offset, tsc;

	if (!st)
		return __builtin_ia32_rdtsc();
	do {
		offset = __atomic_load_n(&st->vs_tsc_offset, __ATOMIC_RELAXED);
		tsc = __builtin_ia32_rdtsc();
	} while (offset != __atomic_load_n(&st->vs_tsc_offset, __ATOMIC_RELAXED));
	return tsc + offset;
}

#endif /* RUN_RUN_H */
