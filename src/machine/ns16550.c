/* SPDX-License-Identifier: GPL-2.0-only */
/* National Semiconductor PC16550D data sheet. */
#include "ns16550.h"

#include <string.h>

enum { RBR_THR_DLL, IER_DLM, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_RDA		0x01
#define IER_THRE	0x02
#define IER_LINE	0x04
#define IER_MODEM	0x08
#define IER_MASK	0x0f
#define IIR_NONE	0x01
#define IIR_MODEM	0x00
#define IIR_THRE	0x02
#define IIR_RDA		0x04
#define IIR_LINE	0x06
#define IIR_TIMEOUT	0x0c
#define IIR_FIFO	0xc0
#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define FCR_KEPT	0xc9	/* trigger level, DMA mode, enable */
#define LCR_DLAB	0x80
#define LCR_PARITY	0x08
#define LCR_STOP	0x04
#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define MCR_OUT1	0x04
#define MCR_OUT2	0x08
#define MCR_LOOP	0x10
#define MCR_MASK	0x1f
#define LSR_DR		0x01
#define LSR_OE		0x02
#define LSR_PE_FE_BI	0x1c
#define LSR_THRE	0x20
#define LSR_TEMT	0x40
#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_RI		0x40
#define MSR_DCD		0x80
#define MSR_TERI	0x04
#define MSR_DELTAS	0x0f

#define UART_HZ		1843200
#define TIMEOUT_CHARS	4

static bool fifo_on(const struct ns16550 *u)
{
	return u->fcr & FCR_ENABLE;
}

static unsigned capacity(const struct ns16550 *u)
{
	return fifo_on(u) ? NS16550_FIFO : 1;
}

static unsigned trigger(const struct ns16550 *u)
{
	static const uint8_t level[] = { 1, 4, 8, 14 };

	return fifo_on(u) ? level[u->fcr >> 6] : 1;
}

/* When the receiver times out: four characters after the last receive or
 * read, if there is something to be read. */
static uint64_t timeout_at(const struct ns16550 *u)
{
	unsigned bits = 1 + 5 + (u->lcr & 3) + !!(u->lcr & LCR_PARITY) + 1 + !!(u->lcr & LCR_STOP);
	uint64_t divisor = u->dlm << 8 | u->dll;

	if (!fifo_on(u) || !u->count)
		return NO_DEADLINE;
	if (!divisor)
		divisor = 1;
	return u->touched + TIMEOUT_CHARS * bits * 16 * divisor * NSEC_PER_SEC / UART_HZ;
}

/* The interrupt of highest priority, as IIR tells it. */
static uint8_t source(const struct ns16550 *u)
{
	if (u->ier & IER_LINE && u->lsr & (LSR_OE | LSR_PE_FE_BI))
		return IIR_LINE;
	if (u->ier & IER_RDA && u->count >= trigger(u))
		return IIR_RDA;
	if (u->ier & IER_RDA && u->count && bus_now(u->clock) >= timeout_at(u))
		return IIR_TIMEOUT;
	if (u->ier & IER_THRE && u->thre)
		return IIR_THRE;
	if (u->ier & IER_MODEM && u->msr & MSR_DELTAS)
		return IIR_MODEM;
	return IIR_NONE;
}

/* OUT2 connects the interrupt to the bus on a PC; loopback disconnects it. */
static void set_line(struct ns16550 *u)
{
	bool level = u->mcr & MCR_OUT2 && !(u->mcr & MCR_LOOP) && source(u) != IIR_NONE;

	if (level == u->level)
		return;
	u->level = level;
	u->line.set(u->line.ctx, level);
}

static void receive(struct ns16550 *u, uint8_t byte)
{
	u->touched = bus_now(u->clock);
	if (u->count == capacity(u)) {
		u->lsr |= LSR_OE;
		/* Without FIFO the character lost is the one not read. */
		if (!fifo_on(u))
			u->fifo[u->head] = byte;
		return;
	}
	u->fifo[(u->head + u->count) % NS16550_FIFO] = byte;
	u->count++;
	u->lsr |= LSR_DR;
}

/* Take from the wire what the receiver has room for. */
static void fill(struct ns16550 *u)
{
	if (u->mcr & MCR_LOOP)
		return;
	while (u->queue_count && u->count < capacity(u)) {
		receive(u, u->queue[u->queue_head]);
		u->queue_head = (u->queue_head + 1) % NS16550_QUEUE;
		u->queue_count--;
	}
}

static void clear_receiver(struct ns16550 *u)
{
	u->count = 0;
	u->head = 0;
	u->lsr &= ~LSR_DR;
}

size_t ns16550_input(struct ns16550 *u, const uint8_t *data, size_t len)
{
	size_t n;

	for (n = 0; n < len && u->queue_count < NS16550_QUEUE; n++) {
		u->queue[(u->queue_head + u->queue_count) % NS16550_QUEUE] = data[n];
		u->queue_count++;
	}
	fill(u);
	set_line(u);
	return n;
}

void ns16550_run(struct ns16550 *u)
{
	set_line(u);
}

uint64_t ns16550_deadline(const struct ns16550 *u)
{
	if (!(u->ier & IER_RDA) || u->level)
		return NO_DEADLINE;
	return timeout_at(u);
}

static uint8_t read_rbr(struct ns16550 *u)
{
	uint8_t byte = u->fifo[u->head];

	if (!u->count)
		return 0;
	u->head = (u->head + 1) % NS16550_FIFO;
	u->count--;
	u->touched = bus_now(u->clock);
	fill(u);
	if (!u->count)
		u->lsr &= ~LSR_DR;
	return byte;
}

/* The transmitter is never busy: THR empties as soon as it was filled, and
 * the interrupt line shows that as a short drop. */
static void write_thr(struct ns16550 *u, uint8_t byte)
{
	bool was = u->level;

	if (u->mcr & MCR_LOOP)
		receive(u, byte);
	else
		u->out(u->ctx, byte);
	u->thre = true;
	if (was && source(u) == IIR_THRE && u->line.dip)
		u->line.dip(u->line.ctx);
}

static uint8_t read_iir(struct ns16550 *u)
{
	uint8_t v = source(u);

	if (v == IIR_THRE)
		u->thre = false;
	return v | (fifo_on(u) ? IIR_FIFO : 0);
}

static void write_ier(struct ns16550 *u, uint8_t value)
{
	/* THR is empty, which enabling the interrupt makes known. */
	if (value & ~u->ier & IER_THRE)
		u->thre = true;
	u->ier = value & IER_MASK;
}

static void write_fcr(struct ns16550 *u, uint8_t value)
{
	if ((value ^ u->fcr) & FCR_ENABLE || value & FCR_CLEAR_RX)
		clear_receiver(u);
	/* The other bits are only programmed with the enable bit. */
	u->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
	fill(u);
}

static uint8_t modem_inputs(const struct ns16550 *u)
{
	if (!(u->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
	       (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void write_mcr(struct ns16550 *u, uint8_t value)
{
	uint8_t old = u->msr & ~MSR_DELTAS, new;

	u->mcr = value & MCR_MASK;
	new = modem_inputs(u);
	u->msr = (u->msr & MSR_DELTAS) | new;
	u->msr |= ((old ^ new) & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
	if (old & ~new & MSR_RI)
		u->msr |= MSR_TERI;
	fill(u);
}

uint32_t ns16550_read(void *dev, unsigned offset, unsigned size)
{
	struct ns16550 *u = dev;
	bool dlab = u->lcr & LCR_DLAB;
	uint8_t v = 0;

	(void)size;
	switch (offset) {
	case RBR_THR_DLL:
		v = dlab ? u->dll : read_rbr(u);
		break;
	case IER_DLM:
		v = dlab ? u->dlm : u->ier;
		break;
	case IIR_FCR:
		v = read_iir(u);
		break;
	case LCR:
		v = u->lcr;
		break;
	case MCR:
		v = u->mcr;
		break;
	case LSR:
		v = u->lsr;
		u->lsr &= ~(LSR_OE | LSR_PE_FE_BI);
		break;
	case MSR:
		v = u->msr;
		u->msr &= ~MSR_DELTAS;
		break;
	case SCR:
		v = u->scr;
		break;
	}
	set_line(u);
	return v;
}

void ns16550_write(void *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct ns16550 *u = dev;
	bool dlab = u->lcr & LCR_DLAB;

	(void)size;
	switch (offset) {
	case RBR_THR_DLL:
		if (dlab)
			u->dll = value;
		else
			write_thr(u, value);
		break;
	case IER_DLM:
		if (dlab)
			u->dlm = value;
		else
			write_ier(u, value);
		break;
	case IIR_FCR:
		write_fcr(u, value);
		break;
	case LCR:
		u->lcr = value;
		break;
	case MCR:
		write_mcr(u, value);
		break;
	case SCR:
		u->scr = value;
		break;
	default:	/* LSR and MSR are not for writing */
		break;
	}
	set_line(u);
}

void ns16550_init(struct ns16550 *u, const struct bus_clock *clock, const struct bus_line *line,
		  void (*out)(void *ctx, uint8_t byte), void *ctx)
{
	memset(u, 0, sizeof(*u));
	u->clock = clock;
	u->line = *line;
	u->out = out;
	u->ctx = ctx;
	u->lsr = LSR_THRE | LSR_TEMT;
	u->msr = modem_inputs(u);
	u->dll = 1;	/* 115200 baud */
	u->lcr = 3;	/* 8N1 */
}
