/* SPDX-License-Identifier: GPL-2.0-only */
/* Intel 8254 data sheet; port 0x61 from the 82371 (PIIX) data sheet. */
#include "i8254.h"

#include <string.h>

#define CTL_READ_BACK	3	/* counter field of a read-back command */
#define RB_NO_COUNT	0x20
#define RB_NO_STATUS	0x10
#define STATUS_OUT	0x80
#define STATUS_NULL	0x40

#define P61_GATE2	0x01
#define P61_SPEAKER	0x02
#define P61_REFRESH	0x10
#define P61_OUT2	0x20
#define REFRESH_TICKS	18	/* the refresh request toggles at 15.085 us */

static uint64_t ticks_now(const struct i8254 *p)
{
	unsigned __int128 ns = bus_now(p->clock) - p->t0;

	return ns * I8254_HZ / NSEC_PER_SEC;
}

/* The first nanosecond at which ticks_now() is at least tick. */
static uint64_t tick_to_ns(const struct i8254 *p, uint64_t tick)
{
	unsigned __int128 t = (unsigned __int128)tick * NSEC_PER_SEC + I8254_HZ - 1;

	return p->t0 + (uint64_t)(t / I8254_HZ);
}

static bool periodic(const struct i8254_counter *c)
{
	return c->mode == 2 || c->mode == 3;
}

/* Is it GATE's rising edge that starts the count? */
static bool triggered(const struct i8254_counter *c)
{
	return c->mode == 1 || c->mode == 5;
}

static uint32_t modulus(const struct i8254_counter *c)
{
	return c->bcd ? 10000 : 65536;
}

static uint32_t from_bcd(uint16_t v)
{
	return (v >> 12) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 + (v & 15);
}

static uint16_t to_bcd(uint32_t v)
{
	return v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
}

/* CLK pulses since the load; negative while the load is still to come. */
static int64_t elapsed(const struct i8254_counter *c, uint64_t now)
{
	return c->running ? (int64_t)(now - c->start) : c->held;
}

/* Length of the high part of mode 3's period. */
static uint32_t high_part(uint32_t n)
{
	return (n + 1) / 2;
}

/* What the counting element holds. In mode 3 it goes down by two and an odd
 * count starts one lower. */
static uint16_t content(const struct i8254_counter *c, uint64_t now)
{
	int64_t e = elapsed(c, now), v;
	uint32_t f;

	if (!c->loaded || e < 0)
		return c->last;
	switch (c->mode) {
	case 2:
		v = c->n - e % c->n;
		break;
	case 3:
		f = e % c->n;
		if (f >= high_part(c->n))
			f -= high_part(c->n);
		v = (c->n & ~1u) - 2 * (int64_t)f;
		break;
	default:
		v = (c->n - e) % (int64_t)modulus(c);
		if (v < 0)
			v += modulus(c);
		break;
	}
	v %= modulus(c);
	return c->bcd ? to_bcd(v) : v;
}

static bool out(const struct i8254_counter *c, uint64_t now)
{
	int64_t e = elapsed(c, now);

	if (!c->loaded || e < 0)
		return c->idle_out;
	switch (c->mode) {
	case 0:
	case 1:
		return e >= c->n;
	case 2:
		return !c->gate || c->n < 2 || e % c->n != c->n - 1;
	case 3:
		return !c->gate || c->n < 2 || e % c->n < high_part(c->n);
	default:
		return e != c->n;
	}
}

/* Rising edges of OUT after e0, up to and with e1 (in elapsed ticks). */
static uint64_t edges_between(const struct i8254_counter *c, int64_t e0, int64_t e1)
{
	int64_t at = c->mode < 2 ? c->n : (int64_t)c->n + 1;

	if (!periodic(c))
		return e0 < at && at <= e1;
	if (c->n < 2 || e1 < 0)
		return 0;
	return e1 / c->n - (e0 < 0 ? 0 : e0 / c->n);
}

/* Bring a counter up to now. Returns the rising edges of OUT on the way. */
static uint64_t advance(struct i8254_counter *c, uint64_t now)
{
	uint64_t edges = 0;

	if (!c->loaded || !c->running || now <= c->seen)
		return 0;
	if (c->next_n && now >= c->switch_at) {
		bool went_low;

		edges = edges_between(c, elapsed(c, c->seen), elapsed(c, c->switch_at));
		c->seen = c->switch_at;
		went_low = c->mode == 3 && !out(c, c->switch_at);
		c->n = c->next_n;
		c->next_n = 0;
		c->unused_count = false;
		/* Mode 3 takes the new count at either toggle of OUT. */
		c->start = c->switch_at - (went_low ? high_part(c->n) : 0);
	}
	edges += edges_between(c, elapsed(c, c->seen), elapsed(c, now));
	c->seen = now;
	return edges;
}

/* Load n at the next CLK pulse and count from there. */
static void start(struct i8254_counter *c, uint64_t now, uint32_t n)
{
	c->last = content(c, now);
	c->n = n;
	c->next_n = 0;
	c->loaded = true;
	c->running = true;
	c->unused_count = false;
	c->start = now + 1;
	c->seen = now;
}

/* Tick at which a running counter of mode 2 or 3 takes its next count. */
static uint64_t next_reload(const struct i8254_counter *c, uint64_t now)
{
	int64_t e = elapsed(c, now), f;

	if (e < 0)
		return c->start;
	f = e % c->n;
	if (c->mode == 3 && f < high_part(c->n))
		return now + (high_part(c->n) - f);
	return now + (c->n - f);
}

static void write_count(struct i8254_counter *c, uint64_t now, uint16_t value)
{
	uint32_t n = c->bcd ? from_bcd(value) : value;

	c->count = n ? n : modulus(c);
	c->unused_count = true;
	if (triggered(c))
		return;
	if (periodic(c) && !c->gate)
		return;
	if (periodic(c) && c->loaded && elapsed(c, now) >= 0) {
		c->next_n = c->count;
		c->switch_at = next_reload(c, now);
		return;
	}
	start(c, now, c->count);
	c->idle_out = c->mode != 0;
	if (!c->gate) {
		c->running = false;
		c->held = 0;
	}
}

static void write_byte(struct i8254_counter *c, uint64_t now, uint8_t value)
{
	switch (c->access) {
	case 1:
		write_count(c, now, value);
		return;
	case 2:
		write_count(c, now, value << 8);
		return;
	}
	if (c->write_high) {
		c->write_high = false;
		write_count(c, now, value << 8 | c->low);
		return;
	}
	c->low = value;
	c->write_high = true;
	if (c->mode == 0) {
		/* The first byte stops the count and sets OUT low. */
		c->last = content(c, now);
		c->loaded = false;
		c->idle_out = false;
	}
}

static void set_gate(struct i8254_counter *c, uint64_t now, bool gate)
{
	bool was = c->gate;

	if (gate == was)
		return;
	if (!gate && !triggered(c) && c->loaded) {
		c->held = elapsed(c, now) < 0 ? 0 : elapsed(c, now);
		c->running = false;
	}
	c->gate = gate;
	if (!gate)
		return;
	if (triggered(c) || periodic(c)) {
		c->idle_out = periodic(c) || out(c, now);
		if (c->count)
			start(c, now, c->count);
	} else if (c->loaded) {
		c->start = now - c->held;
		c->seen = now;
		c->running = true;
	}
}

static void latch_count(struct i8254_counter *c, uint64_t now)
{
	if (c->latched)
		return;
	c->latch = content(c, now);
	c->latched = c->access == 3 ? 2 : 1;
	if (c->access == 2)
		c->latch >>= 8;
}

static void latch_status(struct i8254_counter *c, uint64_t now)
{
	if (c->status_latched)
		return;
	c->status_latched = true;
	c->status = c->control;
	if (out(c, now))
		c->status |= STATUS_OUT;
	if (!c->loaded || c->unused_count || elapsed(c, now) < 0)
		c->status |= STATUS_NULL;
}

static void read_back(struct i8254 *p, uint64_t now, uint8_t value)
{
	unsigned i;

	for (i = 0; i < 3; i++) {
		struct i8254_counter *c = &p->counter[i];

		if (!(value & 2u << i))
			continue;
		if (!(value & RB_NO_COUNT))
			latch_count(c, now);
		if (!(value & RB_NO_STATUS))
			latch_status(c, now);
	}
}

static void write_control(struct i8254 *p, uint64_t now, uint8_t value)
{
	struct i8254_counter *c;

	if (value >> 6 == CTL_READ_BACK) {
		read_back(p, now, value);
		return;
	}
	c = &p->counter[value >> 6];
	if (!(value & 0x30)) {
		latch_count(c, now);
		return;
	}
	c->last = content(c, now);
	c->control = value & 0x3f;
	c->access = value >> 4 & 3;
	c->mode = value >> 1 & 7;
	if (c->mode > 5)
		c->mode -= 4;
	c->bcd = value & 1;
	c->idle_out = c->mode != 0;
	c->loaded = false;
	c->running = false;
	c->count = 0;
	c->next_n = 0;
	c->write_high = false;
	c->read_high = false;
	c->latched = 0;
	c->status_latched = false;
}

/* Each access asks for the deadline, few move it: it is worked out here. */
static uint64_t find_deadline(const struct i8254 *p)
{
	const struct i8254_counter *c = &p->counter[0];
	int64_t e, at;
	uint64_t tick;

	if (!c->loaded || !c->running)
		return NO_DEADLINE;
	e = elapsed(c, c->seen);
	if (periodic(c)) {
		if (c->n < 2 && !c->next_n)
			return NO_DEADLINE;
		at = e < 0 ? c->n : (e / c->n + 1) * c->n;
	} else {
		at = c->mode < 2 ? c->n : (int64_t)c->n + 1;
		if (e >= at)
			return NO_DEADLINE;
	}
	tick = c->start + at;
	if (c->next_n && c->switch_at < tick)
		tick = c->switch_at;
	return tick_to_ns(p, tick);
}

/* Bring counter 0 up to now. Returns the rising edges of OUT0 on the way. */
static uint64_t advance_timer(struct i8254 *p, uint64_t now)
{
	struct i8254_counter *c = &p->counter[0];
	uint32_t next_n = c->next_n;
	uint64_t edges = advance(c, now);

	if (edges || next_n != c->next_n)
		p->deadline = find_deadline(p);
	return edges;
}

void i8254_run(struct i8254 *p)
{
	uint64_t edges = advance_timer(p, ticks_now(p));

	if (edges && p->tick)
		p->tick(p->ctx, edges);
}

void i8254_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct i8254 *p = dev;
	uint64_t now = ticks_now(p), edges;
	bool before;
	unsigned i;

	(void)size;
	edges = advance_timer(p, now);
	for (i = 1; i < 3; i++)
		advance(&p->counter[i], now);
	before = out(&p->counter[0], now);
	if (offset == 3)
		write_control(p, now, value);
	else
		write_byte(&p->counter[offset], now, value);
	edges += !before && out(&p->counter[0], now);
	p->deadline = find_deadline(p);
	if (edges && p->tick)
		p->tick(p->ctx, edges);
}

static uint8_t read_byte(struct i8254_counter *c, uint64_t now)
{
	uint16_t v;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	if (c->latched) {
		v = c->latch;
		c->latch >>= 8;
		c->latched--;
		return v;
	}
	v = content(c, now);
	if (c->access == 2 || (c->access == 3 && c->read_high))
		v >>= 8;
	if (c->access == 3)
		c->read_high = !c->read_high;
	return v;
}

uint32_t i8254_read(void *dev, unsigned offset, unsigned size)
{
	struct i8254 *p = dev;
	uint64_t now = ticks_now(p);

	(void)size;
	if (offset == 3)	/* the control word cannot be read */
		return 0xff;
	if (offset == 0)
		i8254_run(p);
	else
		advance(&p->counter[offset], now);
	return read_byte(&p->counter[offset], now);
}

bool i8254_out(struct i8254 *p, unsigned i)
{
	uint64_t now = ticks_now(p);

	if (i == 0)
		i8254_run(p);
	else
		advance(&p->counter[i], now);
	return out(&p->counter[i], now);
}

uint32_t i8254_speaker_read(void *dev, unsigned offset, unsigned size)
{
	struct i8254 *p = dev;
	uint8_t v = p->port61;

	(void)offset;
	(void)size;
	if (ticks_now(p) / REFRESH_TICKS & 1)
		v |= P61_REFRESH;
	if (i8254_out(p, 2))
		v |= P61_OUT2;
	return v;
}

void i8254_speaker_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct i8254 *p = dev;
	uint64_t now = ticks_now(p);

	(void)offset;
	(void)size;
	advance(&p->counter[2], now);
	p->port61 = value & (P61_GATE2 | P61_SPEAKER);
	set_gate(&p->counter[2], now, value & P61_GATE2);
}

void i8254_init(struct i8254 *p, const struct bus_clock *clock,
		void (*tick)(void *ctx, uint64_t edges), void *ctx)
{
	unsigned i;

	memset(p, 0, sizeof(*p));
	p->clock = clock;
	p->t0 = bus_now(clock);
	p->deadline = NO_DEADLINE;
	p->tick = tick;
	p->ctx = ctx;
	for (i = 0; i < 3; i++) {
		p->counter[i].access = 3;
		p->counter[i].control = 0x30;
		p->counter[i].gate = i < 2;
		p->counter[i].idle_out = true;
	}
}
