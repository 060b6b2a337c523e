/* SPDX-License-Identifier: GPL-2.0-only */
/* What .json shows where things are not as usual: slices without room, arrows
 * that cannot be drawn, losses, threads that overlap, counters. */
#include <config.h>

#include "collector_scene.h"

static struct collector *begin(const char *path)
{
	struct collector_options options = { .generator = "test" };
	struct collector *c = collector_new(&options);

	assert_non_null(c);
	for (int i = 0; i < 2; i++)
		collector_add_source(c);
	assert_int_equal(collector_add_output(c, path), 0);
	PUSH(c, 0, CLOCK);
	return c;
}

static void end(struct collector *c)
{
	assert_int_equal(collector_finish(c, NULL), 0);
	collector_free(c);
}

#define SLICE(name, cat, ts, dur, more) \
	"{\"ph\":\"X\",\"name\":\"" name "\",\"cat\":\"" cat "\",\"pid\":7000,\"tid\":7001,\"ts\":" ts \
	",\"dur\":" dur more "},"
#define ARGS(n) ",\"args\":{\"n\":" n ",\"rip\":\"0x0\"}"

/* Nothing in a slice begins or ends with it, so that a viewer which rounds
 * still sees it inside. A slice with no room inside stays alone. */
static void strictly_inside(void **state)
{
	const char *path = test_path("inside.json");
	struct collector *c = begin(path);

	/* VM entry right when RUN began: the halt ends with the slice. */
	PUSH(c, 0, EXIT(1, 1, 1, hlt, 100, 100, 100, 200, 300, 310, 320));
	PUSH(c, 0, EXIT(2, 2, 2, hlt, 320, 330, 900, 900, 1000, 1010, 1020));
	/* It waited longer than the slice is long (the exit before did too). */
	PUSH(c, 0, EXIT(3, 3, 1, pause, 1020, 1030, 2000, 2050, 2100, 2110, 0));
	PUSH(c, 0, EXIT(4, 4, 2, pause, 2110, 2400, 0, 2500, 2600, 2610, 0, .wait = 900));
	/* Slices of 2 ns and of none. */
	PUSH(c, 0, EXIT(5, 5, 3, pause, 2610, 2611, 0, 2602, 2700, 2700, 0, .wait = 5));
	PUSH(c, 0, EXIT(6, 6, 4, pause, 2700, 2700, 0, 2700, 2800, 2800, 0, .wait = 5));
	end(c);
	EXPECT_LINES(path, "\"ph\":\"X\"",
		     SLICE("HLT", "hlt", "0.300", "0.600", ARGS("1")),
		     SLICE("halted", "halted", "0.330", "0.569", ""),
		     SLICE("HLT", "hlt", "1.000", "1.050", ARGS("2")),
		     SLICE("halted", "halted", "1.030", "0.970", ""),
		     SLICE("PAUSE", "pause", "2.100", "0.400", ARGS("3")),
		     SLICE("ring wait", "wait", "2.101", "0.299", ""),
		     SLICE("PAUSE", "pause", "2.600", "0.002", ARGS("4")),
		     SLICE("PAUSE", "pause", "2.700", "0.000", ARGS("5")),
		     SLICE("PAUSE", "pause", "2.800", "0.000", ARGS("6")));
}

/* Of several devices the one that took longest names the child, which covers
 * them all. What the thread did before the exit is not its child. */
static void devices(void **state)
{
	static const struct { uint64_t from, to; uint16_t device; } accesses[] = {
		{ 150, 180, VMMT_DEVICE_rtc }, { 400, 450, VMMT_DEVICE_pic },
		{ 500, 600, VMMT_DEVICE_pit }, { 610, 640, VMMT_DEVICE_pci },
	};
	const char *path = test_path("devices.json");
	struct collector *c = begin(path);

	PUSH(c, 0, EXIT(1, 1, 1, io_in, 100, 100, 100, 200, 300, 310, 320, .key = 0x1234));
	for (uint64_t i = 0; i < 4; i++)
		PUSH(c, 1, (struct vmmt_dev){ USER_HEAD(dev, VM, VMMT_VCPU_USER, i + 1,
							T0 + accesses[i].to, 0),
					      .begin = T0 + accesses[i].from,
					      .device = accesses[i].device });
	PUSH(c, 0, EXIT(2, 2, 1, pause, 320, 330, 800, 900, 1000, 1010, 0));
	end(c);
	EXPECT_LINES(path, "\"tid\":7001,\"ts\"",
		     SLICE("IN 0x1234", "io_in", "0.300", "0.600", ARGS("1")),
		     SLICE("pit", "device", "0.400", "0.240", ""),
		     SLICE("PAUSE", "pause", "1.000", "0.010", ARGS("2")));
	EXPECT_LINES(path, "\"tid\":7504,\"ts\"",
		     "{\"ph\":\"X\",\"name\":\"read\",\"cat\":\"device\",\"pid\":7000,\"tid\":7504,"
		     "\"ts\":0.150,\"dur\":0.030},");
}

/* Where there is more than one candidate, that which took longest is shown. */
static void longest(void **state)
{
	const char *path = test_path("longest.json");
	struct collector *c = begin(path);

	PUSH(c, 0, EXIT(1, 1, 1, io_in, 100, 100, 100, 200, 300, 310, 320, .key = 0x1234));
	PUSH(c, 1, (struct vmmt_dev){ USER_HEAD(dev, VM, VMMT_VCPU_USER, 1, T0 + 750, 0),
				      .begin = T0 + 700, .device = VMMT_DEVICE_pit });
	PUSH(c, 0, EXIT(2, 2, 1, hlt, 320, 680, 800, 900, 1000, 1010, 1020, .wait = 340));
	PUSH(c, 0, EXIT(3, 3, 1, pause, 1020, 1100, 2000, 2050, 2100, 2110, 0, .wait = 60));
	end(c);
	EXPECT_LINES(path, "\"ph\":\"X\"",
		     SLICE("IN 0x1234", "io_in", "0.300", "0.600", ARGS("1")),
		     SLICE("ring wait", "wait", "0.340", "0.340", ""),
		     SLICE("HLT", "hlt", "1.000", "1.050", ARGS("2")),
		     SLICE("halted", "halted", "1.100", "0.900", ""),
		     SLICE("PAUSE", "pause", "2.100", "0.010", ARGS("3")));
}

#define INTR(seq, ns, n, id, stage_) \
	(struct vmmt_intr){ HEAD(intr, VM, 0, seq, T0 + (ns), n), .irq_id = (id), .irq = 255, \
			    .stage = VMMT_STAGE_##stage_ }
#define RAISE(seq, ns, id, line) \
	(struct vmmt_intr){ USER_HEAD(intr, VM, VMMT_VCPU_USER, seq, T0 + (ns), 0), \
			    .irq_id = (id), .irq = (line), .stage = VMMT_STAGE_raised }

/* An arrow begins once and ends at most once, on the exit after which its
 * interrupt was injected first. */
static void arrows(void **state)
{
	const char *path = test_path("arrows.json");
	struct collector *c = begin(path);

	PUSH(c, 1, RAISE(1, 150, 5, 4));
	PUSH(c, 1, RAISE(2, 160, 6, 8));
	PUSH(c, 0, EXIT(1, 1, 1, pause, 100, 100, 100, 200, 300, 310, 0));
	PUSH(c, 0, INTR(2, 350, 1, 5, injected));
	PUSH(c, 0, INTR(3, 350, 1, 77, injected));	/* never raised */
	PUSH(c, 0, INTR(4, 350, 9, 6, injected));	/* not after this exit */
	PUSH(c, 0, EXIT(5, 2, 2, pause, 310, 320, 0, 400, 500, 510, 0));
	PUSH(c, 0, INTR(6, 550, 2, 5, reinjected));
	PUSH(c, 0, INTR(7, 560, 2, 5, injected));	/* ended before */
	PUSH(c, 0, EXIT(8, 3, 3, pause, 510, 520, 0, 600, 700, 710, 0));
	end(c);
	EXPECT_LINES(path, "\"name\":\"irq\"",
		     "{\"ph\":\"s\",\"name\":\"irq\",\"cat\":\"irq\",\"id\":\"0x1\",\"pid\":7000,\"tid\":7604,\"ts\":0.150},",
		     "{\"ph\":\"s\",\"name\":\"irq\",\"cat\":\"irq\",\"id\":\"0x2\",\"pid\":7000,\"tid\":7608,\"ts\":0.160},",
		     "{\"ph\":\"f\",\"bp\":\"e\",\"name\":\"irq\",\"cat\":\"irq\",\"id\":\"0x1\",\"pid\":7000,\"tid\":7001,\"ts\":0.350},");
}

/* Ids given again for another interrupt make another arrow. */
static void arrow_ids_are_new(void **state)
{
	const char *path = test_path("ids.json");
	struct collector *c = begin(path);

	PUSH(c, 1, RAISE(1, 150, 5, 4));
	PUSH(c, 1, RAISE(2, 250, 5, 4));
	end(c);
	EXPECT_LINES(path, "\"ph\":\"s\"",
		     "{\"ph\":\"s\",\"name\":\"irq\",\"cat\":\"irq\",\"id\":\"0x1\",\"pid\":7000,\"tid\":7604,\"ts\":0.150},",
		     "{\"ph\":\"s\",\"name\":\"irq\",\"cat\":\"irq\",\"id\":\"0x2\",\"pid\":7000,\"tid\":7604,\"ts\":0.250},");
}

/* Lost records that were no exits lie in the stay in the guest before the
 * next exit; the slice before it still ends at the entry. */
static void lost_between_exits(void **state)
{
	const char *path = test_path("between.json");
	struct collector *c = begin(path);

	PUSH(c, 0, EXIT(1, 1, 1, pause, 100, 100, 100, 200, 300, 310, 0));
	PUSH(c, 0, EXIT(3, 2, 2, pause, 310, 320, 0, 400, 500, 510, 0));
	end(c);
	EXPECT_LINES(path, "\"ph\":\"X\"",
		     SLICE("PAUSE", "pause", "0.300", "0.100", ARGS("1")),
		     SLICE("LOST 1", "lost", "0.400", "0.100", ",\"args\":{\"count\":1}"),
		     SLICE("PAUSE", "pause", "0.500", "0.010", ARGS("2")));
}

/* What is lost at the end stands behind the last that is known. */
static void lost_at_the_end(void **state)
{
	const char *path = test_path("tail.json");
	struct collector_stream_end tail = { VM, 0, 4 };
	struct collector_totals totals = { .streams = &tail, .nstreams = 1 };
	struct collector *c = begin(path);

	PUSH(c, 0, EXIT(1, 1, 1, pause, 100, 100, 100, 200, 300, 310, 0));
	totals.class[VMMT_CLASS_pause] = (struct collector_count){ .counted = 4, .lost = 3 };
	assert_int_equal(collector_finish(c, &totals), 0);
	assert_int_equal(collector_stats(c).lost, 3);
	collector_free(c);
	EXPECT_LINES(path, "\"ph\":\"X\"",
		     SLICE("PAUSE", "pause", "0.300", "0.010", ARGS("1")),
		     SLICE("LOST 3", "lost", "0.310", "0.001", ",\"args\":{\"count\":3}"));
}

/* The HLT that is known was not the exit before: nobody knows who halted. */
static void no_halt_across_a_loss(void **state)
{
	const char *path = test_path("halt.ndjson");
	struct collector *c = begin(path);
	char *text;

	PUSH(c, 0, EXIT(1, 1, 1, hlt, 100, 100, 100, 200, 300, 310, 320));
	PUSH(c, 0, EXIT(3, 3, 1, pause, 400, 410, 800, 900, 1000, 1010, 0));
	end(c);
	text = test_read(path, NULL);
	assert_non_null(strstr(text, "\"user\":390,"));
	assert_null(strstr(text, "\"halted\":390"));
	free(text);
}

/* A record that came late does not make its thread step back. */
static void late_on_a_thread(void **state)
{
	const char *path = test_path("late.json");
	struct collector *c = begin(path);

	PUSH(c, 1, RAISE(1, 500, 1, 4));
	collector_advance_all(c, T0 + 1000);
	PUSH(c, 0, (struct vmmt_intr){ USER_HEAD(intr, VM, VMMT_VCPU_USER + 64, 1, T0 + 400, 0),
				       .irq_id = 2, .irq = 4, .stage = VMMT_STAGE_raised });
	end(c);
	EXPECT_LINES(path, "\"ph\":\"X\"",
		     "{\"ph\":\"X\",\"name\":\"raise irq4\",\"cat\":\"irq\",\"pid\":7000,\"tid\":7604,\"ts\":0.500,\"dur\":0.001},",
		     "{\"ph\":\"X\",\"name\":\"raise irq4\",\"cat\":\"irq\",\"pid\":7000,\"tid\":7604,\"ts\":0.501,\"dur\":0.001},");
}

/* Requests that overlap each have an id, and lie on threads that are sorted. */
static void overlapping_requests(void **state)
{
	static const uint64_t times[][2] = { { 100, 200 }, { 150, 300 }, { 210, 310 }, { 50, 400 } };
	const char *path = test_path("requests.json");
	struct collector *c = begin(path);

	for (uint64_t i = 0; i < 4; i++)
		PUSH(c, 1, (struct vmmt_req){ USER_HEAD(req, VM, VMMT_VCPU_USER, i + 1,
							T0 + times[i][1], 0),
					      .begin = T0 + times[i][0], .id = i + 10,
					      .device = VMMT_DEVICE_ide });
	end(c);
#define REQ(ph, id, tid, ts, args) \
	"{\"ph\":\"" ph "\",\"name\":\"ide read\",\"cat\":\"req\",\"id\":\"" id "\",\"pid\":7000,\"tid\":" \
	tid ",\"ts\":" ts args "},"
#define REQ_ARGS(id) ",\"args\":{\"request\":\"" id "\",\"bytes\":0,\"status\":0}"
	EXPECT_LINES(path, "\"cat\":\"req\"",
		     REQ("b", "0x1", "7860", "0.100", REQ_ARGS("0xa")), REQ("e", "0x1", "7860", "0.200", ""),
		     REQ("b", "0x2", "7861", "0.150", REQ_ARGS("0xb")), REQ("e", "0x2", "7861", "0.300", ""),
		     REQ("b", "0x3", "7860", "0.210", REQ_ARGS("0xc")), REQ("e", "0x3", "7860", "0.310", ""),
		     REQ("b", "0x4", "7862", "0.050", REQ_ARGS("0xd")), REQ("e", "0x4", "7862", "0.400", ""));
}

#define MS 1000000ull
#define GUEST(seq, enter, left, ...) \
	EXIT(seq, seq, seq, pause, (enter) - 1000, (enter) - 900, (seq) == 1 ? (enter) - 900 : 0, \
	     enter, left, (left) + 100, 0, __VA_ARGS__)

/* 10 ms each: a quarter in the guest; half; as before, which is not told
 * again; nothing for a long while, told once; then two seconds on end. */
static void counters(void **state)
{
	const char *path = test_path("counters.json");
	struct collector *c = begin(path);

	PUSH(c, 0, GUEST(1, MS, MS * 7 / 2));
	PUSH(c, 0, GUEST(2, 15 * MS, 25 * MS));		/* half in 10..20, half in 20..30 */
	PUSH(c, 0, GUEST(3, 3000 * MS, 5001 * MS));	/* two seconds in one stay */
	end(c);
#define COUNT(name, ts, key, value) \
	"{\"ph\":\"C\",\"name\":\"" name "\",\"pid\":7000,\"tid\":7997,\"ts\":" ts \
	",\"args\":{\"" key "\":" value "}},"
	EXPECT_LINES(path, "\"name\":\"guest\"",
		     COUNT("guest", "0.000", "%", "25.0"), COUNT("guest", "10000.000", "%", "50.0"),
		     COUNT("guest", "30000.000", "%", "0.0"),
		     COUNT("guest", "3000000.000", "%", "100.0"),
		     COUNT("guest", "5000000.000", "%", "10.0"));
	EXPECT_LINES(path, "\"name\":\"exits\"",
		     COUNT("exits", "0.000", "per ms", "0.1"),
		     COUNT("exits", "10000.000", "per ms", "0.0"),
		     COUNT("exits", "20000.000", "per ms", "0.1"),
		     COUNT("exits", "30000.000", "per ms", "0.0"),
		     COUNT("exits", "5000000.000", "per ms", "0.1"));
}

/* Of two vCPUs, one always in the guest and one half its time: 75 %. */
static void counters_of_two(void **state)
{
	const char *path = test_path("two.json");
	struct collector *c = begin(path);
	char *text;

	for (uint64_t i = 1; i <= 6; i++) {
		struct vmmt_exit a = GUEST(i, (i - 1) * 10 * MS, i * 10 * MS - 2000);
		struct vmmt_exit b = GUEST(i, (i - 1) * 10 * MS, (i - 1) * 10 * MS + 5 * MS);

		a.t_prev = a.t_traced = a.t_enter;
		a.t_run = a.t_run ? a.t_enter : 0;
		b.t_prev = b.t_traced = b.t_enter;
		b.t_run = b.t_run ? b.t_enter : 0;
		b.vcpu = 1;
		PUSH(c, 0, b);
		PUSH(c, 0, a);
	}
	end(c);
	text = test_read(path, NULL);
	assert_non_null(strstr(text, COUNT("guest", "0.000", "%", "75.0")));
	assert_null(strstr(strstr(text, "\"name\":\"guest\"") + 1, "\"name\":\"guest\""));
	free(text);
}

/* A vCPU that never comes back does not hold the counters up. */
static void counters_of_a_sleeper(void **state)
{
	const char *path = test_path("sleeper.json");
	struct collector *c = begin(path);
	struct vmmt_exit b = GUEST(1, 2000, 2000);

	b.vcpu = 1;
	PUSH(c, 0, b);
	for (uint64_t i = 1; i <= 300; i++)
		PUSH(c, 0, GUEST(i, i == 1 ? 1000 : (i - 1) * 10 * MS, i * 10 * MS - 1000));
	end(c);
	EXPECT_LINES(path, "\"name\":\"guest\"", COUNT("guest", "0.000", "%", "50.0"));
}

/* Memory does not grow with the VMs that come and go, and each is itself. */
static void many_vms(void **state)
{
	const char *path = test_path("vms.json");
	struct collector *c = begin(path);
	size_t names = 0;
	char *text;

	for (uint32_t vm = 1; vm <= 3000; vm++) {
		uint64_t ns = vm * 10;
		struct vmmt_exit x = EXIT(1, 1, 1, pause, ns, ns, ns, ns + 1, ns + 2, ns + 3, 0);

		x.vm = vm;
		PUSH(c, 0, x);
		PUSH(c, 0, (struct vmmt_life){ HEAD(life, vm, VMMT_VCPU_VM, 1,
						    T0 + ns + 5, 0),
					       .what = VMMT_LIFE_vm_ended });
	}
	end(c);
	text = test_read(path, NULL);
	for (const char *at = text; (at = strstr(at, "\"process_name\"")); at++)
		names++;
	assert_int_equal(names, 3000);
	assert_non_null(strstr(text, "\"pid\":3000000,\"tid\":3000001,\"ts\":30.002,\"dur\":0.001"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strictly_inside),
		cmocka_unit_test(devices),
		cmocka_unit_test(longest),
		cmocka_unit_test(arrows),
		cmocka_unit_test(arrow_ids_are_new),
		cmocka_unit_test(lost_between_exits),
		cmocka_unit_test(lost_at_the_end),
		cmocka_unit_test(no_halt_across_a_loss),
		cmocka_unit_test(late_on_a_thread),
		cmocka_unit_test(overlapping_requests),
		cmocka_unit_test(counters),
		cmocka_unit_test(counters_of_two),
		cmocka_unit_test(counters_of_a_sleeper),
		cmocka_unit_test(many_vms),
	};

	return RUN_TESTS(tests);
}
