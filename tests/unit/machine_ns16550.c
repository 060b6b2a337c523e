/* SPDX-License-Identifier: GPL-2.0-only */
/* The 16550A, held to National Semiconductor's PC16550D data sheet. */
#include "machine_test.h"

#include "src/machine/ns16550.h"

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, THR = RBR, FCR = IIR, DLL = RBR, DLM = IER };

/* One character of 10 bits at 115200 baud. */
#define CHAR_NS (10 * NSEC_PER_SEC / 115200)

struct uart {
	struct ns16550 u;
	char sent[64];
	unsigned nsent;
	bool level;
	unsigned edges, dips;
};

static void set_line(void *ctx, bool level)
{
	struct uart *t = ctx;

	t->edges += level && !t->level;
	t->level = level;
}

static void dip(void *ctx)
{
	((struct uart *)ctx)->dips++;
}

static void out(void *ctx, uint8_t byte)
{
	struct uart *t = ctx;

	assert_true(t->nsent < sizeof(t->sent));
	t->sent[t->nsent++] = byte;
}

static uint8_t get(struct uart *t, unsigned reg)
{
	return ns16550_read(&t->u, reg, 1);
}

static void put(struct uart *t, unsigned reg, uint8_t value)
{
	ns16550_write(&t->u, reg, 1, value);
}

static void init(struct uart *t)
{
	const struct bus_line line = { set_line, dip, t };

	memset(t, 0, sizeof(*t));
	test_now = NSEC_PER_SEC;
	ns16550_init(&t->u, &test_bus_clock, &line, out, t);
}

/* 115200 8N1, FIFOs on with the given trigger bits, OUT2 set. */
static void init_fifo(struct uart *t, uint8_t trigger)
{
	init(t);
	put(t, LCR, 0x83);
	put(t, DLL, 1);
	put(t, DLM, 0);
	put(t, LCR, 0x03);
	put(t, FCR, trigger | 0x07);
	put(t, MCR, 0x0b);
}

static size_t feed(struct uart *t, const char *text, size_t len)
{
	return ns16550_input(&t->u, (const uint8_t *)text, len);
}

static void after_reset(void **state)
{
	struct uart t;

	init(&t);
	assert_int_equal(get(&t, IER), 0x00);
	assert_int_equal(get(&t, IIR), 0x01);
	assert_int_equal(get(&t, MCR), 0x00);
	assert_int_equal(get(&t, LSR), 0x60);
	assert_false(t.level);
}

static void sends_at_once(void **state)
{
	struct uart t;

	init(&t);
	put(&t, THR, 'o');
	put(&t, THR, 'k');
	assert_int_equal(t.nsent, 2);
	assert_memory_equal(t.sent, "ok", 2);
	assert_int_equal(get(&t, LSR), 0x60);
}

static void divisor_latch(void **state)
{
	struct uart t;

	init(&t);
	put(&t, IER, 0x05);
	put(&t, LCR, 0x83);
	put(&t, DLL, 0x34);
	put(&t, DLM, 0x12);
	assert_int_equal(get(&t, DLL), 0x34);
	assert_int_equal(get(&t, DLM), 0x12);
	assert_int_equal(t.nsent, 0);
	put(&t, LCR, 0x03);
	assert_int_equal(get(&t, IER), 0x05);
	put(&t, SCR, 0xa5);
	assert_int_equal(get(&t, SCR), 0xa5);
}

static void receives_without_fifo(void **state)
{
	struct uart t;

	init(&t);
	put(&t, MCR, 0x08);
	put(&t, IER, 0x01);
	assert_int_equal(feed(&t, "ab", 2), 2);
	assert_true(t.level);
	assert_int_equal(get(&t, IIR), 0x04);
	assert_int_equal(get(&t, LSR) & 0x03, 0x01);	/* data, no overrun */
	assert_int_equal(get(&t, RBR), 'a');
	/* The next one waited on the wire. */
	assert_int_equal(get(&t, LSR) & 0x01, 0x01);
	assert_int_equal(get(&t, RBR), 'b');
	assert_int_equal(get(&t, LSR) & 0x01, 0x00);
	assert_int_equal(get(&t, IIR), 0x01);
	assert_false(t.level);
}

/* Reading an empty receiver changes nothing. */
static void reads_nothing(void **state)
{
	struct uart t;

	init_fifo(&t, 0);
	get(&t, RBR);
	get(&t, RBR);
	assert_int_equal(get(&t, LSR) & 1, 0);
	feed(&t, "a", 1);
	assert_int_equal(get(&t, LSR) & 1, 1);
	assert_int_equal(get(&t, RBR), 'a');
	assert_int_equal(get(&t, LSR) & 1, 0);
}

static void trigger_level(uint8_t fcr, unsigned level)
{
	struct uart t;
	unsigned i;

	init_fifo(&t, fcr);
	put(&t, IER, 0x01);
	for (i = 1; i < level; i++) {
		feed(&t, "x", 1);
		assert_int_equal(get(&t, IIR), 0xc1);
	}
	feed(&t, "x", 1);
	assert_int_equal(get(&t, IIR), 0xc4);
	assert_true(t.level);
	/* It goes away as soon as the FIFO is below its level. */
	get(&t, RBR);
	assert_int_equal(get(&t, IIR), 0xc1);
	assert_false(t.level);
}

static void trigger_levels(void **state)
{
	trigger_level(0x00, 1);
	trigger_level(0x40, 4);
	trigger_level(0x80, 8);
	trigger_level(0xc0, 14);
}

/* Four character times after the last character, if any is left unread. */
static void character_timeout(void **state)
{
	struct uart t;
	uint64_t due;

	init_fifo(&t, 0xc0);
	put(&t, IER, 0x01);
	feed(&t, "abc", 3);
	due = ns16550_deadline(&t.u);
	assert_in_range(due - test_now, 4 * CHAR_NS - 10, 4 * CHAR_NS + 10);
	test_now = due - 1;
	ns16550_run(&t.u);
	assert_false(t.level);
	test_now = due;
	ns16550_run(&t.u);
	assert_true(t.level);
	assert_int_equal(get(&t, IIR), 0xcc);
	assert_int_equal(get(&t, IIR), 0xcc);	/* reading IIR does not clear it */
	assert_int_equal(get(&t, RBR), 'a');	/* reading a character does */
	assert_false(t.level);
	due = ns16550_deadline(&t.u);
	assert_in_range(due - test_now, 4 * CHAR_NS - 10, 4 * CHAR_NS + 10);
	get(&t, RBR);
	get(&t, RBR);
	assert_int_equal(ns16550_deadline(&t.u), NO_DEADLINE);
	test_now += NSEC_PER_SEC;
	ns16550_run(&t.u);
	assert_false(t.level);
}

/* The timeout is the FIFO's; and a divisor of 0 does not stop time. */
static void no_timeout_without_fifo(void **state)
{
	struct uart t;

	init(&t);
	put(&t, MCR, 0x10);
	put(&t, IER, 0x01);
	put(&t, THR, 'a');
	assert_int_equal(ns16550_deadline(&t.u), NO_DEADLINE);
	init_fifo(&t, 0xc0);
	put(&t, LCR, 0x83);
	put(&t, DLL, 0);
	put(&t, LCR, 0x03);
	put(&t, IER, 0x01);
	feed(&t, "a", 1);
	assert_false(t.level);
	assert_in_range(ns16550_deadline(&t.u), test_now + 1, test_now + NSEC_PER_SEC);
}

static void thre_interrupt(void **state)
{
	struct uart t;

	init_fifo(&t, 0);
	put(&t, IER, 0x02);	/* THR is empty: at once */
	assert_true(t.level);
	assert_int_equal(get(&t, IIR), 0xc2);	/* told, and thereby cleared */
	assert_false(t.level);
	assert_int_equal(get(&t, IIR), 0xc1);
	put(&t, THR, 'a');
	assert_true(t.level);
	assert_int_equal(t.edges, 2);
	put(&t, THR, 'b');	/* cleared by the write, set as it empties again */
	assert_int_equal(t.dips, 1);
	put(&t, IER, 0x00);
	assert_false(t.level);
	put(&t, IER, 0x02);
	assert_true(t.level);
}

static void line_status_interrupt(void **state)
{
	struct uart t;
	unsigned i;

	init_fifo(&t, 0);
	put(&t, IER, 0x04);
	put(&t, MCR, 0x1b);	/* loopback */
	for (i = 0; i < 16; i++)
		put(&t, THR, 'a' + i);
	assert_int_equal(get(&t, IIR), 0xc1);
	put(&t, THR, 'z');	/* one too many */
	assert_int_equal(get(&t, IIR), 0xc6);
	assert_int_equal(get(&t, LSR) & 0x02, 0x02);
	assert_int_equal(get(&t, LSR) & 0x02, 0x00);
	assert_int_equal(get(&t, IIR), 0xc1);
	/* The FIFO kept what it had. */
	for (i = 0; i < 16; i++)
		assert_int_equal(get(&t, RBR), 'a' + i);
	assert_int_equal(t.nsent, 0);
}

static void overrun_without_fifo(void **state)
{
	struct uart t;

	init(&t);
	put(&t, MCR, 0x10);
	put(&t, THR, 'a');
	put(&t, THR, 'b');
	assert_int_equal(get(&t, LSR) & 0x03, 0x03);
	assert_int_equal(get(&t, RBR), 'b');	/* the unread one is lost */
}

/* Line status, data, timeout, THR empty, modem status: in this order. */
static void priorities(void **state)
{
	struct uart t;
	unsigned i;

	init_fifo(&t, 0x40);
	put(&t, MCR, 0x1b);
	get(&t, MSR);
	put(&t, MCR, 0x18);	/* DSR and CTS change */
	put(&t, IER, 0x0f);
	for (i = 0; i < 17; i++)
		put(&t, THR, '0' + i);
	assert_int_equal(get(&t, IIR), 0xc6);
	get(&t, LSR);
	assert_int_equal(get(&t, IIR), 0xc4);
	for (i = 0; i < 13; i++)
		get(&t, RBR);
	test_now += 4 * CHAR_NS + 10;
	assert_int_equal(get(&t, IIR), 0xcc);
	for (i = 0; i < 3; i++)
		get(&t, RBR);
	assert_int_equal(get(&t, IIR), 0xc2);
	assert_int_equal(get(&t, IIR), 0xc0);
	assert_int_equal(get(&t, MSR) & 0x0f, 0x03);
	assert_int_equal(get(&t, IIR), 0xc1);
}

static void modem_status(void **state)
{
	struct uart t;

	init(&t);
	assert_int_equal(get(&t, MSR), 0xb0);	/* a terminal is there */
	put(&t, MCR, 0x1f);
	assert_int_equal(get(&t, MSR), 0xf0);	/* RI rose: no delta for that */
	put(&t, MCR, 0x10);
	assert_int_equal(get(&t, MSR), 0x0f);	/* all fell: three deltas, TERI */
	assert_int_equal(get(&t, MSR), 0x00);
	put(&t, MCR, 0x11);
	assert_int_equal(get(&t, MSR), 0x22);
	put(&t, MCR, 0x12);
	assert_int_equal(get(&t, MSR), 0x13);
}

/* OUT2 gates the interrupt on a PC. */
static void out2(void **state)
{
	struct uart t;

	init(&t);
	put(&t, IER, 0x02);
	assert_false(t.level);
	put(&t, MCR, 0x08);
	assert_true(t.level);
	put(&t, MCR, 0x18);	/* in loopback OUT2's pin is inactive */
	assert_false(t.level);
	put(&t, MCR, 0x08);
	assert_true(t.level);
}

static void fifo_resets(void **state)
{
	struct uart t;

	init_fifo(&t, 0);
	feed(&t, "abcd", 4);
	put(&t, FCR, 0x03);
	assert_int_equal(get(&t, LSR) & 1, 0);
	feed(&t, "efgh", 4);
	put(&t, FCR, 0x00);	/* off: cleared, too */
	assert_int_equal(get(&t, LSR) & 1, 0);
	assert_int_equal(get(&t, IIR) & 0xc0, 0);
	put(&t, FCR, 0xc0);	/* the rest is not programmed without the enable bit */
	put(&t, FCR, 0x01);
	put(&t, IER, 0x01);
	put(&t, MCR, 0x08);
	feed(&t, "i", 1);
	assert_true(t.level);
}

/* The queue in front of the receiver is bounded and loses nothing. */
static void bounded_input(void **state)
{
	static char text[2 * NS16550_QUEUE];
	struct uart t;
	size_t taken, i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = 'a' + i % 26;
	init_fifo(&t, 0);
	taken = feed(&t, text, sizeof(text));
	assert_int_equal(taken, NS16550_QUEUE);
	taken += feed(&t, text + taken, sizeof(text) - taken);
	assert_int_equal(taken, NS16550_QUEUE + NS16550_FIFO);
	assert_int_equal(feed(&t, "z", 1), 0);
	for (i = 0; i < taken; i++) {
		assert_int_equal(get(&t, LSR) & 0x03, 0x01);
		assert_int_equal(get(&t, RBR), text[i]);
	}
	assert_int_equal(get(&t, LSR) & 0x01, 0);
	assert_int_equal(feed(&t, "z", 1), 1);
	assert_int_equal(get(&t, RBR), 'z');
}

static void input_waits_for_loopback(void **state)
{
	struct uart t;

	init_fifo(&t, 0);
	put(&t, MCR, 0x10);
	feed(&t, "a", 1);
	assert_int_equal(get(&t, LSR) & 1, 0);
	put(&t, THR, 'b');
	assert_int_equal(get(&t, RBR), 'b');
	put(&t, MCR, 0x0b);
	assert_int_equal(get(&t, RBR), 'a');
}

/* Linux' autoconfig of the 8250 driver, step by step, must find a 16550A. */
static void linux_autoconfig(void **state)
{
	struct uart t;
	uint8_t s1, s2;

	init(&t);
	put(&t, IER, 0x00);
	assert_int_equal(get(&t, IER) & 0x0f, 0x00);
	put(&t, IER, 0x0f);
	assert_int_equal(get(&t, IER) & 0x0f, 0x0f);
	put(&t, IER, 0x00);
	put(&t, MCR, 0x10 | 0x0a);
	assert_int_equal(get(&t, MSR) & 0xf0, 0x90);
	put(&t, MCR, 0x00);
	put(&t, LCR, 0xbf);
	put(&t, FCR, 0x00);	/* EFR of other chips */
	put(&t, LCR, 0x00);
	put(&t, FCR, 0x01);
	assert_int_equal(get(&t, IIR) >> 6, 3);
	/* No extended features: not a 16650, 16C950 ... */
	put(&t, LCR, 0x80);
	assert_int_not_equal(get(&t, IIR), 0);
	put(&t, LCR, 0xbf);
	assert_int_not_equal(get(&t, IIR), 0);
	/* ... nor a 16750 with its 64-byte FIFO ... */
	put(&t, LCR, 0x00);
	put(&t, FCR, 0x01 | 0x20);
	s1 = get(&t, IIR) >> 5;
	put(&t, FCR, 0x01);
	put(&t, LCR, 0x80);
	put(&t, FCR, 0x01 | 0x20);
	s2 = get(&t, IIR) >> 5;
	put(&t, FCR, 0x01);
	put(&t, LCR, 0x00);
	assert_false(s1 == 6 && s2 == 7);
	/* ... nor an XScale UART, whose IER has a UUE bit. */
	put(&t, IER, 0x40);
	assert_int_equal(get(&t, IER) & 0x40, 0);
}

/* Linux' serial8250_do_startup: does THRE come again when enabled again? */
static void linux_thre_test(void **state)
{
	struct uart t;
	uint8_t first, again;

	init_fifo(&t, 0);
	put(&t, IER, 0x02);
	first = get(&t, IIR);
	put(&t, IER, 0x00);
	put(&t, IER, 0x02);
	again = get(&t, IIR);
	put(&t, IER, 0x00);
	assert_int_equal(first & 0x01, 0);
	assert_int_equal(again & 0x01, 0);
}

/* Its interrupt handler: drain, send up to 16, until nothing is pending. */
static void linux_transmits(void **state)
{
	struct uart t;
	unsigned i, rounds = 0, left = 40;
	uint8_t iir;

	init_fifo(&t, 0x80);
	put(&t, IER, 0x05 | 0x02);
	while (!((iir = get(&t, IIR)) & 1)) {
		assert_int_equal(iir & 0x0f, 0x02);
		assert_true(get(&t, LSR) & 0x20);
		for (i = 0; i < 16 && left; i++, left--)
			put(&t, THR, 'x');
		if (!left)
			put(&t, IER, 0x05);
		rounds++;
	}
	assert_int_equal(rounds, 3);
	assert_int_equal(t.nsent, 40);
	assert_false(t.level);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_reset),
		cmocka_unit_test(sends_at_once),
		cmocka_unit_test(divisor_latch),
		cmocka_unit_test(receives_without_fifo),
		cmocka_unit_test(reads_nothing),
		cmocka_unit_test(trigger_levels),
		cmocka_unit_test(character_timeout),
		cmocka_unit_test(no_timeout_without_fifo),
		cmocka_unit_test(thre_interrupt),
		cmocka_unit_test(line_status_interrupt),
		cmocka_unit_test(overrun_without_fifo),
		cmocka_unit_test(priorities),
		cmocka_unit_test(modem_status),
		cmocka_unit_test(out2),
		cmocka_unit_test(fifo_resets),
		cmocka_unit_test(bounded_input),
		cmocka_unit_test(input_waits_for_loopback),
		cmocka_unit_test(linux_autoconfig),
		cmocka_unit_test(linux_thre_test),
		cmocka_unit_test(linux_transmits),
	};

	return RUN_TESTS(tests);
}
