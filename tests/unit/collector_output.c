/* SPDX-License-Identifier: GPL-2.0-only */
/* Outputs that cannot be made or fail on the way; values that come through. */
#include <config.h>

#include "collector_guest.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "analysis/verify.h"
#include "src/collector/lines.h"

static char said[8][4608];
static int nsaid;

static void report(void *arg, const char *line)
{
	assert_null(strchr(line, '\n'));
	assert_true(nsaid < 8);
	snprintf(said[nsaid++], sizeof(said[0]), "%s", line);
}

static struct collector *new_collector(void)
{
	struct collector_options options = { .generator = "test", .report = report };

	nsaid = 0;
	return collector_new(&options);
}

/* ---- outputs ---- */

/* One line each, naming the file and what to do, and nothing is made. */
static void refused(void **state)
{
	static const char *const names[] = { "a.txt", "json", ".json", "a.json.bz2", "a.gz", "" };
	struct collector *c = new_collector();
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *path = test_path(names[i]);

		assert_int_equal(collector_add_output(c, names[i]), -EINVAL);
		assert_int_equal(nsaid, i + 1);
		assert_non_null(strstr(said[i], ".ndjson"));
		assert_true(stat(path, &st) || S_ISDIR(st.st_mode));
	}
	nsaid = 0;
	assert_int_equal(collector_add_output(c, "no such directory/a.json"), -ENOENT);
	assert_int_equal(collector_add_output(c, test_path("one.json")), 0);
	assert_int_equal(collector_add_output(c, test_path("one.json")), -EINVAL);
	assert_int_equal(nsaid, 2);
	assert_non_null(strstr(said[0], "no such directory/a.json"));
	assert_non_null(strstr(said[0], strerror(ENOENT)));
	assert_int_equal(collector_finish(c, NULL), 0);
	collector_free(c);
}

/* An older, longer file of that name leaves nothing behind. */
static void replaces(void **state)
{
	const char *path = test_path("old.json");
	char said_by[4096];
	FILE *to;

	guest_timeline(path, 1, 2000, 0);
	guest_timeline(path, 2, 10, 0);
	to = fmemopen(said_by, sizeof(said_by), "w");
	assert_int_equal(verify_file(path, to), 0);
	fclose(to);
	assert_non_null(strstr(said_by, " 10 exits"));
}

/* When an output is flushed does not show in its bytes, compressed or not. */
static void flushing_does_not_show(void **state)
{
	static const char *const names[] = { "flush.ndjson", "flush.ndjson.gz" };

	for (int i = 0; i < 2; i++) {
		char *bytes[2];
		size_t len[2];

		for (int j = 0; j < 2; j++) {
			struct guest g = { .c = new_collector(), .rng = 4, .flush = j };
			const char *path = test_path(names[i]);

			assert_int_equal(collector_add_output(g.c, path), 0);
			guest_run(&g, 20000);
			assert_int_equal(collector_finish(g.c, &g.totals), 0);
			collector_free(g.c);
			bytes[j] = test_read_raw(path, &len[j]);
		}
		assert_int_equal(len[0], len[1]);
		assert_memory_equal(bytes[0], bytes[1], len[0]);
		free(bytes[0]);
		free(bytes[1]);
	}
}

/* The disk is full: one line, the other output is whole, the run goes on. */
static void full(void **state)
{
	struct guest g = { .c = new_collector(), .rng = 4 };
	const char *good = test_path("good.ndjson"), *bad = test_path("bad.json");
	char said_by[4096];
	FILE *to;

	assert_int_equal(symlink("/dev/full", bad), 0);
	assert_int_equal(collector_add_output(g.c, bad), 0);
	assert_int_equal(collector_add_output(g.c, good), 0);
	assert_false(collector_failed(g.c));
	guest_run(&g, 5000);
	assert_true(collector_failed(g.c));
	assert_int_equal(collector_finish(g.c, &g.totals), -EIO);
	assert_true(collector_failed(g.c));
	assert_int_equal(nsaid, 1);
	assert_non_null(strstr(said[0], bad));
	assert_non_null(strstr(said[0], strerror(ENOSPC)));
	collector_free(g.c);
	to = fmemopen(said_by, sizeof(said_by), "w");
	assert_int_equal(verify_file(good, to), 0);
	fclose(to);
}

/* Room for a part only: what fitted is kept, cut at a line. */
static void cut_at_a_line(void **state)
{
	struct guest g = { .c = new_collector(), .rng = 4 };
	const char *path = test_path("big.json"), *whole = test_path("whole.json");
	struct rlimit old, limit;
	size_t len, whole_len;
	char *text, *all, *from;
	uint64_t events;
	bool changed;

	guest_timeline(whole, 4, 5000, 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){ .rlim_cur = 300001, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(collector_add_output(g.c, path), 0);
	guest_run(&g, 5000);
	assert_int_equal(collector_finish(g.c, &g.totals), -EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	collector_free(g.c);
	text = test_read(path, &len);
	all = test_read(whole, &whole_len);
	assert_in_range(len, 290000, 300001);
	assert_string_equal(text + len - 3, "},\n");
	/* Behind the generator's name it is the other's beginning. */
	from = strstr(text, "\"clock\"");
	assert_memory_equal(strstr(all, "\"clock\""), from, strlen(from));
	free(text);
	free(all);
	assert_int_equal(verify_repair(path, &events, &changed), 0);
	assert_true(changed && events > 1000);
}

/* Killed in the middle: what is on disk is whole lines. */
static void killed(void **state)
{
	const char *path = test_path("killed.ndjson");
	uint64_t events;
	bool changed;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct guest g = { .c = new_collector(), .rng = 4 };

		if (collector_add_output(g.c, path))
			_exit(1);
		guest_run(&g, 3000);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(verify_repair(path, &events, &changed), 0);
	assert_false(changed);
	assert_true(events > 1000);
}

static void malformed(void **state)
{
	struct collector *c = new_collector();
	struct vmmt_mark good = { HEAD(mark, 1, 0, 1, 5, 0) }, bad;
	struct vmmt_exit exit = { HEAD(exit, 1, 0, 1, 5, 1), .class = VMMT_NCLASS };

	collector_add_source(c);
	for (size_t size = 0; size < sizeof(good); size++)
		assert_int_equal(collector_push(c, 0, &good, size), -EINVAL);
	bad = good;
	bad.event = 0;
	assert_int_equal(collector_push(c, 0, &bad, sizeof(bad)), -EINVAL);
	bad.event = VMMT_NEVENT;
	assert_int_equal(collector_push(c, 0, &bad, sizeof(bad)), -EINVAL);
	bad = good;
	bad.seq = 0;
	assert_int_equal(collector_push(c, 0, &bad, sizeof(bad)), -EINVAL);
	assert_int_equal(collector_push(c, 0, &exit, sizeof(exit)), -EINVAL);
	assert_int_equal(collector_push(c, 0, &good, sizeof(good)), 0);
	assert_int_equal(collector_stats(c).malformed, sizeof(good) + 4);
	collector_free(c);
	collector_free(NULL);
}

/* ---- values: what Jansson reads is what was in the record ---- */

#define KHZ 1000000ull		/* a tick is a nanosecond */

static uint64_t rng = 17;

/* Fills the fields after the head with anything that their kind allows. */
static void fill(union vmmt_record *rec, const struct vmmt_event_info *info)
{
	for (size_t i = 0; i < info->count; i++) {
		const struct vmmt_field *f = &info->fields[i];
		const struct vmmt_enum *e = vmmt_enum(f->kind);
		uint64_t v = test_random(&rng) >> test_random(&rng) % 64;

		if (e)
			v = e->values[test_random(&rng) % e->count].value;
		else if (f->kind == VMMT_KIND_flag)
			v &= 1;
		else if (f->kind != VMMT_KIND_hex)
			v &= 0xfffffffffffff;	/* what a JSON number can say exactly */
		if (f->kind == VMMT_KIND_text)
			snprintf((char *)rec + f->offset, f->size, "n\"%x\\", (unsigned int)v);
		else if (f->kind != VMMT_KIND_pad)
			memcpy((char *)rec + f->offset, &v, f->size);
	}
}

/* Stamps in order; the last is the record's time. */
static void fill_stamps(struct vmmt_exit *x, uint64_t tsc)
{
	__u64 *stamps[] = { &x->t_prev, &x->t_traced, &x->t_run, &x->t_enter, &x->t_exit,
			    &x->t_handled, &x->t_out };

	for (int i = 0; i < 7; i++)
		*stamps[i] = tsc - 70 + 10 * (uint64_t)i;
	if (test_random(&rng) % 2)
		x->t_run = 0;
	x->t_out = x->end == VMMT_END_userland ? tsc : 0;
	x->time = x->t_out ? tsc : x->t_handled;
}

static uint64_t hex_value(const json_t *value)
{
	return strtoull(json_string_value(value), NULL, 16);
}

static void check_field(const union vmmt_record *rec, const struct vmmt_field *f,
			const json_t *value)
{
	struct vmmt_name name;
	uint64_t v;

	if (f->kind == VMMT_KIND_text) {
		assert_string_equal(json_string_value(value), (const char *)rec + f->offset);
		return;
	}
	v = vmmt_field_get(rec, f);
	name = vmmt_value_name(f->kind, v);
	if (!value) {
		/* Left out: nothing there, or not what the key is about. */
		assert_true(!v || (name.text && !strcmp(name.text, "none")));
		return;
	}
	switch (f->kind) {
	case VMMT_KIND_hex:
		assert_int_equal(hex_value(value), v);
		break;
	case VMMT_KIND_flag:
		assert_true(json_is_true(value) && v);
		break;
	case VMMT_KIND_dec:
	case VMMT_KIND_ticks:
	case VMMT_KIND_tsc:	/* time 0 is tick 0 */
		assert_int_equal(json_integer_value(value), v);
		break;
	default:
		assert_string_equal(json_string_value(value), name.text);
	}
}

static void check_line(const union vmmt_record *rec, const json_t *line)
{
	const struct vmmt_event_info *info = vmmt_event_info(rec->head.event);

	assert_string_equal(json_string_value(json_object_get(line, "ev")), info->name);
	assert_int_equal(json_integer_value(json_object_get(line, "vm")), rec->head.vm);
	assert_int_equal(json_integer_value(json_object_get(line, "vcpu")), rec->head.vcpu);
	assert_int_equal(json_integer_value(json_object_get(line, "seq")), rec->head.seq);
	assert_int_equal(json_integer_value(json_object_get(line, "exit")), rec->head.exit);
	assert_int_equal(json_integer_value(json_object_get(line, "cpu")), rec->head.cpu);
	assert_int_equal(json_integer_value(json_object_get(line, "t")), rec->head.time);
	for (size_t i = 0; i < info->count; i++) {
		const struct vmmt_field *f = &info->fields[i];

		if (f->kind == VMMT_KIND_pad || f->kind == VMMT_KIND_ns)
			continue;
		if (rec->head.event == VMMT_EVENT_exit && f->kind == VMMT_KIND_tsc)
			continue;
		check_field(rec, f, json_object_get(line, f->name));
	}
}

static void check_spans(const struct vmmt_exit *x, const json_t *line)
{
	uint64_t back = x->t_run ? x->t_run : x->t_traced;

#define SPAN(name) json_integer_value(json_object_get(line, #name))
	assert_int_equal(SPAN(trace), x->t_traced - x->t_prev);
	assert_int_equal(SPAN(user) + SPAN(halted), back - x->t_traced);
	assert_int_equal(SPAN(reentry), x->t_enter - back);
	assert_int_equal(SPAN(guest), x->t_exit - x->t_enter);
	assert_int_equal(SPAN(kernel), x->t_handled - x->t_exit);
	assert_int_equal(SPAN(return), x->t_out ? x->t_out - x->t_handled : 0);
#undef SPAN
}

#define RECORDS 5000

static void values(void **state)
{
	static union vmmt_record records[RECORDS];
	const char *path = test_path("values.ndjson");
	struct collector *c = new_collector();
	char *text, *line, *save = NULL;
	uint64_t tsc = 0;

	collector_add_source(c);
	assert_int_equal(collector_add_output(c, path), 0);
	PUSH(c, 0, (struct vmmt_clock){ HEAD(clock, 0, VMMT_VCPU_VM, 1, 0, 0), .khz = KHZ });
	for (int i = 0; i < RECORDS; i++) {
		union vmmt_record *r = &records[i];
		unsigned int event = 1 + (unsigned int)(i % (VMMT_EVENT_lost - 1));

		if (event == VMMT_EVENT_clock)
			event = VMMT_EVENT_exit;
		tsc += 1000;
		fill(r, vmmt_event_info(event));
		r->head = (struct vmmt_head){
			.event = (uint16_t)event, .size = (uint16_t)vmmt_event_info(event)->size,
			.cpu = (uint16_t)test_random(&rng), .isa = VMMT_ISA_vmx, .vm = 1, .vcpu = 2,
			.seq = (uint64_t)i + 1, .time = tsc, .exit = (uint64_t)i + 1 };
		if (event == VMMT_EVENT_exit)
			fill_stamps(&r->exit, tsc);
		assert_int_equal(collector_push(c, 0, r, r->head.size), 0);
	}
	assert_int_equal(collector_finish(c, NULL), 0);
	collector_free(c);
	text = test_read(path, NULL);
	strtok_r(text, "\n", &save);		/* header */
	strtok_r(NULL, "\n", &save);		/* clock */
	for (int i = 0; i < RECORDS; i++) {
		json_t *object;

		line = strtok_r(NULL, "\n", &save);
		assert_non_null(line);
		object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(object);
		check_line(&records[i], object);
		if (records[i].head.event == VMMT_EVENT_exit)
			check_spans(&records[i].exit, object);
		json_decref(object);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(replaces),
		cmocka_unit_test(flushing_does_not_show),
		cmocka_unit_test(full),
		cmocka_unit_test(cut_at_a_line),
		cmocka_unit_test(killed),
		cmocka_unit_test(malformed),
		cmocka_unit_test(values),
	};

	return RUN_TESTS(tests);
}
