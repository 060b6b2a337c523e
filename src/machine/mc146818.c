/* SPDX-License-Identifier: GPL-2.0-only */
/* Motorola MC146818A data sheet; the PC's use of the RAM from the IBM AT manual. */
#include "mc146818.h"

#include <string.h>
#include <time.h>

enum {
	SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM,
	WEEKDAY, DAY, MONTH, YEAR, REG_A, REG_B, REG_C, REG_D,
	EQUIPMENT = 0x14,
	BASE_KIB = 0x15, EXT_KIB = 0x17, EXT_KIB_2 = 0x30,
	CENTURY = 0x32,
	ABOVE_16M = 0x34,	/* in units of 64 KiB */
	ABOVE_4G = 0x5b,	/* the same, three bytes */
};

#define A_UIP		0x80
#define A_DV		0x70
#define A_DV_RESET	0x60	/* both upper bits: divider held in reset */
#define A_RS		0x0f
#define B_SET		0x80
#define B_PIE		0x40
#define B_AIE		0x20
#define B_UIE		0x10
#define B_BINARY	0x04
#define B_24H		0x02
#define C_IRQF		0x80
#define C_PF		0x40
#define C_AF		0x20
#define C_UF		0x10
#define D_VRT		0x80
#define HOUR_PM		0x80
#define ALARM_ANY	0xc0	/* both upper bits: every hour, minute or second */

#define OSC_HZ		32768
/* UIP rises 244 us before an update cycle of 1984 us, which ends in UF. */
#define UIP_NS		(244000 + 1984000)
/* The first update comes half a second after the divider is released. */
#define RELEASE_NS	(NSEC_PER_SEC / 2)
#define DAY_SECONDS	86400

static uint8_t encode(const struct mc146818 *r, unsigned v)
{
	return r->reg[REG_B] & B_BINARY ? v : (v / 10) << 4 | v % 10;
}

static unsigned decode(const struct mc146818 *r, uint8_t v)
{
	return r->reg[REG_B] & B_BINARY ? v : (v >> 4) * 10 + (v & 15);
}

static uint8_t encode_hour(const struct mc146818 *r, unsigned hour)
{
	if (r->reg[REG_B] & B_24H)
		return encode(r, hour);
	return encode(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static unsigned decode_hour(const struct mc146818 *r, uint8_t v)
{
	if (r->reg[REG_B] & B_24H)
		return decode(r, v);
	return decode(r, v & ~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

/* The century cell is BCD whatever register B says. */
static int64_t get_time(const struct mc146818 *r)
{
	unsigned century = (r->reg[CENTURY] >> 4) * 10 + (r->reg[CENTURY] & 15);
	struct tm tm = {
		.tm_sec = decode(r, r->reg[SECONDS]),
		.tm_min = decode(r, r->reg[MINUTES]),
		.tm_hour = decode_hour(r, r->reg[HOURS]),
		.tm_mday = decode(r, r->reg[DAY]),
		.tm_mon = (int)decode(r, r->reg[MONTH]) - 1,
		.tm_year = (int)(century * 100 + decode(r, r->reg[YEAR])) - 1900,
	};

	return timegm(&tm);
}

static void put_time(struct mc146818 *r, int64_t epoch)
{
	time_t t = epoch;
	struct tm tm;
	unsigned year, century;

	if (!gmtime_r(&t, &tm))
		return;
	year = tm.tm_year + 1900;
	century = year / 100 % 100;
	r->reg[SECONDS] = encode(r, tm.tm_sec);
	r->reg[MINUTES] = encode(r, tm.tm_min);
	r->reg[HOURS] = encode_hour(r, tm.tm_hour);
	r->reg[DAY] = encode(r, tm.tm_mday);
	r->reg[MONTH] = encode(r, tm.tm_mon + 1);
	r->reg[YEAR] = encode(r, year % 100);
	r->reg[CENTURY] = century / 10 << 4 | century % 10;
}

/* Seconds since 1970, rounded down to days, for dates before it as well. */
static int64_t day_of(int64_t epoch)
{
	return (epoch - ((epoch % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS) / DAY_SECONDS;
}

static bool alarm_field(uint8_t alarm, uint8_t now)
{
	return (alarm & ALARM_ANY) == ALARM_ANY || alarm == now;
}

/* Does the alarm match the second of the day? */
static bool alarm_at(const struct mc146818 *r, unsigned second)
{
	return alarm_field(r->reg[SECONDS_ALARM], encode(r, second % 60)) &&
	       alarm_field(r->reg[MINUTES_ALARM], encode(r, second / 60 % 60)) &&
	       alarm_field(r->reg[HOURS_ALARM], encode_hour(r, second / 3600));
}

/* Let k update cycles happen. */
static void update(struct mc146818 *r, uint64_t k)
{
	int64_t before = get_time(r), after = before + (int64_t)k;
	uint64_t i, last = k < DAY_SECONDS ? k : DAY_SECONDS;
	int64_t days = day_of(after) - day_of(before);
	unsigned weekday = decode(r, r->reg[WEEKDAY]);
	int64_t second = before - day_of(before) * DAY_SECONDS;

	for (i = 1; i <= last; i++) {
		if (!alarm_at(r, (second + i) % DAY_SECONDS))
			continue;
		r->reg[REG_C] |= C_AF;
		break;
	}
	put_time(r, after);
	if (days)
		r->reg[WEEKDAY] = encode(r, (weekday + 6 + days % 7) % 7 + 1);
	r->reg[REG_C] |= C_UF;
}

/* Period of the periodic interrupt in oscillator ticks, 0 if none. Rates 1
 * and 2 repeat 8 and 9 with a 32.768 kHz time base. */
static uint64_t period_ticks(const struct mc146818 *r)
{
	unsigned rs = r->reg[REG_A] & A_RS;

	if (!rs)
		return 0;
	if (rs < 3)
		rs += 7;
	return 1u << (rs - 1);
}

static uint64_t divider_ticks(const struct mc146818 *r, uint64_t now)
{
	return (unsigned __int128)(now - r->divider_start) * OSC_HZ / NSEC_PER_SEC;
}

static void set_line(struct mc146818 *r)
{
	uint8_t enabled = r->reg[REG_B] & (B_PIE | B_AIE | B_UIE);
	bool level = r->reg[REG_C] & enabled;

	if (level)
		r->reg[REG_C] |= C_IRQF;
	else
		r->reg[REG_C] &= ~C_IRQF;
	if (level == r->level)
		return;
	r->level = level;
	r->line.set(r->line.ctx, level);
}

static void sync(struct mc146818 *r, uint64_t now)
{
	uint64_t period = period_ticks(r), ticks, k;

	if (r->stopped)
		return;
	if (now >= r->next_update) {
		k = 1 + (now - r->next_update) / NSEC_PER_SEC;
		r->next_update += k * NSEC_PER_SEC;
		if (!(r->reg[REG_B] & B_SET))
			update(r, k);
	}
	ticks = divider_ticks(r, now);
	if (period && ticks / period != r->divider_seen / period)
		r->reg[REG_C] |= C_PF;
	r->divider_seen = ticks;
}

static uint64_t find_deadline(const struct mc146818 *r)
{
	uint64_t deadline = NO_DEADLINE, period = period_ticks(r), tick, ns;
	uint8_t waiting = r->reg[REG_B] & ~r->reg[REG_C];

	if (r->stopped || r->level)
		return NO_DEADLINE;
	if (waiting & (B_UIE | B_AIE) && !(r->reg[REG_B] & B_SET))
		deadline = r->next_update;
	if (waiting & B_PIE && period) {
		tick = (r->divider_seen / period + 1) * period;
		ns = ((unsigned __int128)tick * NSEC_PER_SEC + OSC_HZ - 1) / OSC_HZ;
		ns += r->divider_start;
		if (ns < deadline)
			deadline = ns;
	}
	return deadline;
}

/* After whatever changed flags, enables or time. */
static void settle(struct mc146818 *r)
{
	set_line(r);
	r->deadline = find_deadline(r);
}

void mc146818_run(struct mc146818 *r)
{
	sync(r, bus_now(r->clock));
	settle(r);
}

static uint8_t read_reg(struct mc146818 *r, uint64_t now)
{
	uint8_t v = r->reg[r->index];

	switch (r->index) {
	case REG_A:
		if (!r->stopped && !(r->reg[REG_B] & B_SET) && r->next_update - now <= UIP_NS)
			v |= A_UIP;
		return v;
	case REG_C:
		r->reg[REG_C] = 0;
		return v;
	default:
		return v;
	}
}

static void write_a(struct mc146818 *r, uint64_t now, uint8_t value)
{
	bool stop = (value & A_DV_RESET) == A_DV_RESET;

	if (r->stopped && !stop) {
		r->next_update = now + RELEASE_NS;
		r->divider_start = now;
		r->divider_seen = 0;
	}
	r->stopped = stop;
	r->reg[REG_A] = value & ~A_UIP;
}

static void write_reg(struct mc146818 *r, uint64_t now, uint8_t value)
{
	switch (r->index) {
	case REG_A:
		write_a(r, now, value);
		break;
	case REG_B:
		/* SET ends update cycles and clears UIE. */
		r->reg[REG_B] = value & B_SET ? value & ~B_UIE : value;
		break;
	case REG_C:
	case REG_D:
		break;
	default:
		r->reg[r->index] = value;
		break;
	}
}

uint32_t mc146818_read(void *dev, unsigned offset, unsigned size)
{
	struct mc146818 *r = dev;
	uint64_t now = bus_now(r->clock);
	uint8_t v;

	(void)size;
	if (offset == 0)	/* the index cannot be read */
		return 0xff;
	sync(r, now);
	set_line(r);
	v = read_reg(r, now);
	settle(r);
	return v;
}

void mc146818_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct mc146818 *r = dev;
	uint64_t now;

	(void)size;
	if (offset == 0) {
		r->index = value & (MC146818_RAM - 1);
		return;
	}
	now = bus_now(r->clock);
	sync(r, now);
	write_reg(r, now, value);
	settle(r);
}

static void put16(struct mc146818 *r, unsigned at, uint64_t v)
{
	if (v > 0xffff)
		v = 0xffff;
	r->reg[at] = v;
	r->reg[at + 1] = v >> 8;
}

void mc146818_set_memory(struct mc146818 *r, uint64_t low, uint64_t high)
{
	const uint64_t mib = 1 << 20;
	uint64_t units = high >> 16;

	put16(r, BASE_KIB, low < 640 << 10 ? low >> 10 : 640);
	put16(r, EXT_KIB, low > mib ? (low - mib) >> 10 : 0);
	put16(r, EXT_KIB_2, low > mib ? (low - mib) >> 10 : 0);
	put16(r, ABOVE_16M, low > 16 * mib ? (low - 16 * mib) >> 16 : 0);
	r->reg[ABOVE_4G] = units;
	r->reg[ABOVE_4G + 1] = units >> 8;
	r->reg[ABOVE_4G + 2] = units >> 16;
}

void mc146818_init(struct mc146818 *r, const struct bus_clock *clock,
		   const struct bus_line *line, int64_t epoch)
{
	uint64_t now = bus_now(clock);

	memset(r, 0, sizeof(*r));
	r->clock = clock;
	r->line = *line;
	r->reg[REG_A] = 0x26;
	r->reg[REG_B] = B_24H;
	r->reg[REG_D] = D_VRT;
	/* 1970-01-01 was a Thursday; Sunday is 1. */
	r->reg[WEEKDAY] = encode(r, ((day_of(epoch) + 4) % 7 + 7) % 7 + 1);
	put_time(r, epoch);
	r->next_update = now + NSEC_PER_SEC;
	r->divider_start = now;
	r->deadline = NO_DEADLINE;
}
