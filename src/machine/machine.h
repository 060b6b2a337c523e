/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's virtual hardware: a PC of two 8259s, an 8254, a MC146818, COM1, a
 * keyboard controller without keyboard, and reset, power-off, debug-exit and
 * marker ports. No APIC, ACPI, HPET or PCI.
 *
 * It knows nothing of /dev/vmm: who runs the guest hands it bus cycles, takes
 * interrupts from it, and drives its time:
 *
 *	vCPU thread		machine_io, machine_mmio, machine_irq_pending, machine_irq_ack
 *	timer thread		machine_next_deadline, sleep, machine_run_timers
 *	console thread		machine_console_input
 *
 * or all three from one thread. Nothing in here makes threads or reads a
 * clock of the host.
 *
 * Locking: one mutex per machine, taken inside each function, so that every
 * function may be called from any thread. Callbacks marked (L) run with it
 * held and must not call back into the machine; the others run without it, on
 * the thread whose call caused them.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus.h"
#include "i8259.h"
#include "memory.h"
#include "ports.h"
#include "trace/record.h"

/* Why a run ended: E(name, text for people). */
#define MACHINE_ENDS(E) \
	E(none,         "still running") \
	E(power_off,    "guest powered off") \
	E(reset,        "guest reset") \
	E(halted,       "guest halted for good") \
	E(debug_exit,   "guest ended by the debug exit port") \
	E(triple_fault, "guest took a triple fault") \
	E(failed,       "guest could not be run on")

#define MACHINE_END_ENUM(name, text) MACHINE_END_##name,
enum machine_end { MACHINE_ENDS(MACHINE_END_ENUM) };
#undef MACHINE_END_ENUM

struct machine;

struct machine_callbacks {
	/* (L) Nanoseconds on a clock that never steps back. Required. */
	uint64_t (*now_ns)(void *ctx);
	/* (L) A byte the guest sent over COM1. */
	void (*console)(void *ctx, uint8_t byte);
	/* (L) A stage in the life of an interrupt, see struct i8259_event. */
	void (*irq)(void *ctx, const struct i8259_event *event);
	/* (L) The guest wrote to the marker port. */
	void (*mark)(void *ctx, uint32_t value);
	/* An interrupt became deliverable: make the vCPU leave the guest or
	 * its halt and ask machine_irq_pending. May be the vCPU's own thread. */
	void (*kick)(void *ctx);
	/* A deadline earlier than the one machine_next_deadline last told. */
	void (*rearm)(void *ctx);
	/* The run ended. Called once, for the first reason. */
	void (*ended)(void *ctx, enum machine_end end, uint32_t status);
	void *ctx;
};

struct machine_config {
	struct machine_callbacks callbacks;	/* those not wanted NULL */
	const struct machine_ram *ram;		/* copied; host memory stays the caller's */
	unsigned nram;
	int64_t rtc_base;	/* time of day at the start, seconds since 1970 UTC */
	bool scratch;		/* have the scratch device at MACHINE_SCRATCH_GPA */
};

/* -EINVAL: no clock, or more than MACHINE_MAX_RANGES ranges; -ENOMEM. */
int machine_create(const struct machine_config *config, struct machine **ret);
void machine_destroy(struct machine *m);

/* The guest memory the machine was created with. */
const struct machine_ram *machine_memory(const struct machine *m, unsigned *ret_n);

/*
 * One port access of size 1, 2 or 4 bytes; in: *data gets the value, its high
 * bytes 0; out: the low bytes of *data are written. The device that claims
 * the first port decides: an access wider than it can take, or reaching past
 * its last port, is split as the bus would. No device, or another size: reads
 * give ones, writes are ignored. Returns the device that claimed it.
 */
enum vmmt_device machine_io(struct machine *m, uint16_t port, unsigned size, bool in,
			    uint32_t *data);

/* One access of 1, 2, 4 or 8 bytes to an address that is not memory. As above. */
enum vmmt_device machine_mmio(struct machine *m, uint64_t gpa, unsigned size, bool write,
			      uint64_t *data);

/* Is the interrupt controller's INT output high? Takes no lock. */
bool machine_irq_pending(const struct machine *m);

/* Acknowledge: returns the vector to inject; *ret_id gets the request's id, 0
 * for a spurious interrupt. To be called when the guest takes it for sure. */
int machine_irq_ack(struct machine *m, uint32_t *ret_id);

/* Raise or lower an input (0..15, not 2) that no chip here drives, for tests
 * and devices to come. -EINVAL for another. */
int machine_irq_line(struct machine *m, unsigned irq, bool level);

/* When machine_run_timers is needed next, in ns of the machine's clock;
 * NO_DEADLINE if not until something else happens. */
uint64_t machine_next_deadline(struct machine *m);

/* Do what is due by now. */
void machine_run_timers(struct machine *m);

/* Bytes for COM1. Returns how many were taken; offer the rest again later. */
size_t machine_console_input(struct machine *m, const void *data, size_t len);

/* End the run for a reason that the run loop saw. The first reason stays. */
void machine_end(struct machine *m, enum machine_end end, uint32_t status);

/* Why the run ended, MACHINE_END_none if it did not; *ret_status (may be
 * NULL) gets the status. Takes no lock. */
enum machine_end machine_ended(const struct machine *m, uint32_t *ret_status);

/* The reason in words. */
const char *machine_end_text(enum machine_end end);

#endif /* MACHINE_MACHINE_H */
