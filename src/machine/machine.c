/* SPDX-License-Identifier: GPL-2.0-only */
#include "machine.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "i8042.h"
#include "i8254.h"
#include "mc146818.h"
#include "ns16550.h"
#include "reset.h"
#include "scratch.h"

/* [I] set at creation, [l] under lock, [a] atomic; chips: [l]. */
struct machine {
	pthread_mutex_t lock;
	struct machine_callbacks cb;		/* [I] */
	struct bus_clock clock;			/* [I] */
	struct machine_ram ram[MACHINE_MAX_RANGES];	/* [I] */
	unsigned nram;				/* [I] */
	uint8_t claims[65536];			/* [I] port -> index into ranges + 1 */

	struct i8259 pic;
	struct i8254 pit;
	struct mc146818 rtc;
	struct ns16550 serial0;
	struct i8042 i8042;
	struct reset_ports reset;
	struct debug_exit debug_exit;
	struct marker marker;
	struct scratch *scratch;		/* [I] NULL: not there */

	atomic_bool intr;			/* [a] written under lock */
	uint64_t armed;				/* [l] deadline the timer thread knows */
	enum machine_end end;			/* [l] */
	uint32_t end_status;			/* [l] */
	bool end_told;				/* [l] */
	atomic_int ended;			/* [a] end, once end_status is there */
	atomic_uint ended_status;		/* [a] */
};

struct port_range {
	uint16_t base, count;
	uint8_t width;		/* widest access the device takes in one */
	enum vmmt_device device;
	size_t dev;		/* offset of its state in struct machine */
	bus_read_fn read;
	bus_write_fn write;
};

#define DEV(member) offsetof(struct machine, member)

static const struct port_range ranges[] = {
	{ MACHINE_PORT_PIC0, 2, 1, VMMT_DEVICE_pic, DEV(pic.chip[0]), i8259_read, i8259_write },
	{ MACHINE_PORT_PIC1, 2, 1, VMMT_DEVICE_pic, DEV(pic.chip[1]), i8259_read, i8259_write },
	{ MACHINE_PORT_ELCR, 2, 1, VMMT_DEVICE_pic, DEV(pic), i8259_elcr_read, i8259_elcr_write },
	{ MACHINE_PORT_PIT, 4, 1, VMMT_DEVICE_pit, DEV(pit), i8254_read, i8254_write },
	{ MACHINE_PORT_SPEAKER, 1, 1, VMMT_DEVICE_speaker, DEV(pit), i8254_speaker_read,
	  i8254_speaker_write },
	{ MACHINE_PORT_RTC, 2, 1, VMMT_DEVICE_rtc, DEV(rtc), mc146818_read, mc146818_write },
	{ MACHINE_PORT_SERIAL0, 8, 1, VMMT_DEVICE_serial0, DEV(serial0), ns16550_read,
	  ns16550_write },
	{ MACHINE_PORT_KBD_DATA, 1, 1, VMMT_DEVICE_i8042, DEV(i8042), i8042_data_read,
	  i8042_data_write },
	{ MACHINE_PORT_KBD_CTL, 1, 1, VMMT_DEVICE_i8042, DEV(i8042), i8042_status_read,
	  i8042_command_write },
	{ MACHINE_PORT_A20, 1, 1, VMMT_DEVICE_reset, DEV(reset), reset_port_a_read,
	  reset_port_a_write },
	{ MACHINE_PORT_RESET, 1, 1, VMMT_DEVICE_reset, DEV(reset), reset_control_read,
	  reset_control_write },
	{ MACHINE_PORT_POWER, 2, 2, VMMT_DEVICE_power, DEV(reset), power_read, power_write },
	{ MACHINE_PORT_DEBUGEXIT, 1, 4, VMMT_DEVICE_debugexit, DEV(debug_exit), debug_exit_read,
	  debug_exit_write },
	{ MACHINE_MARK_PORT, 4, 4, VMMT_DEVICE_mark, DEV(marker), marker_read, marker_write },
};

#define NRANGES (sizeof(ranges) / sizeof(ranges[0]))

static uint64_t ones(unsigned size)
{
	return size >= 8 ? UINT64_MAX : (1ull << 8 * size) - 1;
}

/* ---- what the chips call, with the lock held ---- */

static void on_event(void *ctx, const struct i8259_event *event)
{
	struct machine *m = ctx;

	if (m->cb.irq)
		m->cb.irq(m->cb.ctx, event);
}

static void on_tick(void *ctx, uint64_t edges)
{
	struct machine *m = ctx;

	i8259_pulse(&m->pic, MACHINE_IRQ_TIMER, edges);
}

#define LINE(name, irq) \
static void name##_line(void *ctx, bool level) \
{ \
	i8259_set_line(&((struct machine *)ctx)->pic, irq, level); \
} \
static void name##_dip(void *ctx) \
{ \
	i8259_dip(&((struct machine *)ctx)->pic, irq); \
}
LINE(rtc, MACHINE_IRQ_RTC)
LINE(kbd, MACHINE_IRQ_KBD)
LINE(serial0, MACHINE_IRQ_SERIAL0)
#undef LINE

static void on_console(void *ctx, uint8_t byte)
{
	struct machine *m = ctx;

	if (m->cb.console)
		m->cb.console(m->cb.ctx, byte);
}

static void on_mark(void *ctx, uint32_t value)
{
	struct machine *m = ctx;

	if (m->cb.mark)
		m->cb.mark(m->cb.ctx, value);
}

static void end_locked(struct machine *m, enum machine_end end, uint32_t status)
{
	if (m->end != MACHINE_END_none)
		return;
	m->end = end;
	m->end_status = status;
	atomic_store(&m->ended_status, status);
	atomic_store(&m->ended, end);
}

static void on_reset(void *ctx)
{
	end_locked(ctx, MACHINE_END_reset, 0);
}

static void on_power_off(void *ctx)
{
	end_locked(ctx, MACHINE_END_power_off, 0);
}

static void on_debug_exit(void *ctx, uint32_t status)
{
	end_locked(ctx, MACHINE_END_debug_exit, status);
}

/* ---- the lock ---- */

static void machine_lock(struct machine *m)
{
	pthread_mutex_lock(&m->lock);
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* While the timer's request is pending, further edges would only be merged
 * into it: they are made up for when it is acknowledged. */
static uint64_t deadline(const struct machine *m)
{
	uint64_t t = mc146818_deadline(&m->rtc);

	if (m->serial0.count)
		t = min64(t, ns16550_deadline(&m->serial0));
	if (i8259_requested(&m->pic, MACHINE_IRQ_TIMER))
		return t;
	return min64(t, i8254_deadline(&m->pit));
}

/* Unlock, and tell what came of it: an interrupt, an end; if timed (the
 * deadline may have moved), an earlier deadline. */
static void machine_unlock(struct machine *m, bool timed)
{
	bool intr = i8259_intr(&m->pic), kick = false, rearm = false, ended = false;
	enum machine_end end = m->end;
	uint32_t status = m->end_status;
	uint64_t t;

	if (intr != atomic_load_explicit(&m->intr, memory_order_relaxed)) {
		atomic_store(&m->intr, intr);
		kick = intr;
	}
	if (timed) {
		t = deadline(m);
		rearm = t < m->armed;
		m->armed = min64(t, m->armed);
	}
	if (end != MACHINE_END_none && !m->end_told) {
		m->end_told = true;
		ended = true;
	}
	pthread_mutex_unlock(&m->lock);
	if (kick && m->cb.kick)
		m->cb.kick(m->cb.ctx);
	if (rearm && m->cb.rearm)
		m->cb.rearm(m->cb.ctx);
	if (ended && m->cb.ended)
		m->cb.ended(m->cb.ctx, end, status);
}

/* ---- bus cycles ---- */

static const struct port_range *find_range(const struct machine *m, uint16_t port)
{
	uint8_t i = m->claims[port];

	return i ? &ranges[i - 1] : NULL;
}

static void *range_dev(struct machine *m, const struct port_range *r)
{
	return (char *)m + r->dev;
}

/* One cycle that the range takes whole, or that nobody claims (r NULL). */
static uint32_t cycle(struct machine *m, const struct port_range *r, uint16_t port, unsigned size,
		      bool in, uint32_t data)
{
	unsigned offset;

	if (!r)
		return ones(size);
	offset = port - r->base;
	if (in)
		return r->read(range_dev(m, r), offset, size) & ones(size);
	r->write(range_dev(m, r), offset, size, data & ones(size));
	return data;
}

/* Does the range take this access in one cycle? One at its first port may be
 * wider than the range: the debug exit port is a single one, of 32 bits. */
static bool takes(const struct port_range *r, uint16_t port, unsigned size)
{
	return size <= r->width && (port == r->base || port - r->base + size <= r->count);
}

/* Cycles as wide as the device takes; one that reaches past its ports is done
 * byte by byte, each byte going where its port leads. */
static uint32_t split(struct machine *m, const struct port_range *r, uint16_t port, unsigned size,
		      bool in, uint32_t data)
{
	unsigned width = r->width, i;
	uint32_t value = 0, part;

	if (port - r->base + size > r->count)
		width = 1;
	for (i = 0; i < size; i += width) {
		uint16_t at = port + i;

		part = cycle(m, find_range(m, at), at, width, in, data >> 8 * i);
		value |= (uint32_t)(part & ones(width)) << 8 * i;
	}
	return value;
}

enum vmmt_device machine_io(struct machine *m, uint16_t port, unsigned size, bool in,
			    uint32_t *data)
{
	const struct port_range *r = find_range(m, port);
	uint32_t value;

	if (!r || (size != 1 && size != 2 && size != 4)) {
		if (in)
			*data = ones(size < 4 ? size : 4);
		return VMMT_DEVICE_none;
	}
	machine_lock(m);
	if (takes(r, port, size))
		value = cycle(m, r, port, size, in, *data);
	else
		value = split(m, r, port, size, in, *data);
	machine_unlock(m, true);
	if (in)
		*data = value;
	return r->device;
}

enum vmmt_device machine_mmio(struct machine *m, uint64_t gpa, unsigned size, bool write,
			      uint64_t *data)
{
	bool sized = size == 1 || size == 2 || size == 4 || size == 8;
	uint64_t offset = gpa - MACHINE_SCRATCH_GPA;

	if (!m->scratch || !sized || offset > MACHINE_SCRATCH_SIZE - size) {
		if (!write)
			*data = ones(size);
		return VMMT_DEVICE_none;
	}
	machine_lock(m);
	if (write)
		scratch_write(m->scratch, offset, size, *data);
	else
		*data = scratch_read(m->scratch, offset, size);
	machine_unlock(m, false);
	return VMMT_DEVICE_scratch;
}

/* ---- interrupts and time ---- */

bool machine_irq_pending(const struct machine *m)
{
	return atomic_load(&m->intr);
}

int machine_irq_ack(struct machine *m, uint32_t *ret_id)
{
	int vector;

	machine_lock(m);
	/* Edges up to now belong to the request that is about to be taken. */
	i8254_run(&m->pit);
	vector = i8259_ack(&m->pic, ret_id);
	machine_unlock(m, true);
	return vector;
}

int machine_irq_line(struct machine *m, unsigned irq, bool level)
{
	if (irq > 15 || irq == 2)
		return -EINVAL;
	machine_lock(m);
	i8259_set_line(&m->pic, irq, level);
	machine_unlock(m, false);
	return 0;
}

uint64_t machine_next_deadline(struct machine *m)
{
	uint64_t t;

	machine_lock(m);
	t = deadline(m);
	m->armed = t;
	machine_unlock(m, false);
	return t;
}

void machine_run_timers(struct machine *m)
{
	machine_lock(m);
	i8254_run(&m->pit);
	mc146818_run(&m->rtc);
	ns16550_run(&m->serial0);
	machine_unlock(m, true);
}

size_t machine_console_input(struct machine *m, const void *data, size_t len)
{
	size_t n;

	machine_lock(m);
	n = ns16550_input(&m->serial0, data, len);
	machine_unlock(m, true);
	return n;
}

/* ---- ends ---- */

void machine_end(struct machine *m, enum machine_end end, uint32_t status)
{
	machine_lock(m);
	end_locked(m, end, status);
	machine_unlock(m, false);
}

enum machine_end machine_ended(const struct machine *m, uint32_t *ret_status)
{
	enum machine_end end = atomic_load(&m->ended);

	if (ret_status)
		*ret_status = end == MACHINE_END_none ? 0 : atomic_load(&m->ended_status);
	return end;
}

const char *machine_end_text(enum machine_end end)
{
#define MACHINE_END_TEXT(name, text) [MACHINE_END_##name] = text,
	static const char *const texts[] = { MACHINE_ENDS(MACHINE_END_TEXT) };
#undef MACHINE_END_TEXT

	return (unsigned)end < sizeof(texts) / sizeof(texts[0]) ? texts[end] : "unknown";
}

/* ---- life ---- */

static void wire(struct machine *m, int64_t rtc_base)
{
	const struct bus_line rtc = { rtc_line, rtc_dip, m };
	const struct bus_line kbd = { kbd_line, kbd_dip, m };
	const struct bus_line serial0 = { serial0_line, serial0_dip, m };

	i8259_init(&m->pic, on_event, m);
	i8254_init(&m->pit, &m->clock, on_tick, m);
	mc146818_init(&m->rtc, &m->clock, &rtc, rtc_base);
	ns16550_init(&m->serial0, &m->clock, &serial0, on_console, m);
	i8042_init(&m->i8042, &kbd, on_reset, m);
	m->reset = (struct reset_ports){ .reset = on_reset, .power_off = on_power_off, .ctx = m };
	m->debug_exit = (struct debug_exit){ .exit = on_debug_exit, .ctx = m };
	m->marker = (struct marker){ .mark = on_mark, .ctx = m };
}

static void claim_ports(struct machine *m)
{
	unsigned i, p;

	for (i = 0; i < NRANGES; i++)
		for (p = 0; p < ranges[i].count; p++)
			m->claims[ranges[i].base + p] = i + 1;
}

static void tell_memory(struct machine *m)
{
	uint64_t low = 0, high = 0;
	unsigned i;

	for (i = 0; i < m->nram; i++) {
		uint64_t end = m->ram[i].gpa + m->ram[i].size;

		if (m->ram[i].gpa >= MACHINE_4G)
			high += m->ram[i].size;
		else if (end > low)
			low = end;
	}
	mc146818_set_memory(&m->rtc, low, high);
}

int machine_create(const struct machine_config *config, struct machine **ret)
{
	struct machine *m;

	if (!config->callbacks.now_ns || config->nram > MACHINE_MAX_RANGES)
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	if (config->scratch) {
		m->scratch = calloc(1, sizeof(*m->scratch));
		if (!m->scratch) {
			free(m);
			return -ENOMEM;
		}
	}
	pthread_mutex_init(&m->lock, NULL);
	m->cb = config->callbacks;
	m->clock = (struct bus_clock){ m->cb.now_ns, m->cb.ctx };
	m->nram = config->nram;
	if (m->nram)
		memcpy(m->ram, config->ram, m->nram * sizeof(*m->ram));
	m->armed = NO_DEADLINE;
	wire(m, config->rtc_base);
	claim_ports(m);
	tell_memory(m);
	*ret = m;
	return 0;
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m->scratch);
	free(m);
}

const struct machine_ram *machine_memory(const struct machine *m, unsigned *ret_n)
{
	*ret_n = m->nram;
	return m->ram;
}
