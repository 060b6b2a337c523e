/* SPDX-License-Identifier: GPL-2.0-only */
/* verify accepts what the collector writes, refuses what is wrong with it in
 * any one place, and repairs what was cut at any byte. */
#include <config.h>

#include "collector_guest.h"

#include "analysis/verify.h"
#include "src/filter/filter.h"

static int verify(const char *path, char *said, size_t size)
{
	FILE *to = fmemopen(said, size, "w");
	int ret;

	assert_non_null(to);
	ret = verify_file(path, to);
	fclose(to);
	return ret;
}

/* Whole timelines, with nothing lost and with much. */
static void accepts(void **state)
{
	static const char *const names[] = { "a.json", "a.ndjson", "a.json.gz", "a.ndjson.gz" };
	static const unsigned int drops[] = { 0, 1000, 20, 2 };
	char said[4096];

	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < 4; j++) {
			const char *path = test_path(names[j]);

			guest_timeline(path, 1 + (uint64_t)i, 5000, drops[i]);
			if (verify(path, said, sizeof(said)))
				fail_msg("drop %u: %s", drops[i], said);
			assert_non_null(strstr(said, "whole: 5,000 exits counted = "));
			assert_true(!!strstr(said, "+ 0 lost") == !drops[i]);
		}
	}
}

static void accept_guest(struct guest *g, const char *path, const char *summary)
{
	char said[4096];

	assert_int_equal(collector_add_output(g->c, path), 0);
	guest_run(g, 3000);
	assert_int_equal(collector_finish(g->c, g->totals.nstreams ? &g->totals : NULL), 0);
	collector_free(g->c);
	if (verify(path, said, sizeof(said)))
		fail_msg("%s", said);
	if (!strstr(said, summary))
		fail_msg("no \"%s\": %s", summary, said);
}

/* Records that nobody was offered are told of, and the file is whole. */
static void tells_missed(void **state)
{
	static const char *const names[] = { "m.json", "m.ndjson" };
	struct collector_options options = { .generator = "guest" };
	char said[4096], *text;
	size_t len;

	for (int i = 0; i < 4; i++) {
		struct guest g = { .c = collector_new(&options), .rng = 7, .drop = 50 };
		const char *path = test_path(names[i % 2]);

		assert_int_equal(collector_add_output(g.c, path), 0);
		guest_run(&g, 3000);
		g.totals.missed = i < 2 ? 0 : 12;
		assert_int_equal(collector_finish(g.c, &g.totals), 0);
		collector_free(g.c);
		if (verify(path, said, sizeof(said)))
			fail_msg("%s", said);
		text = test_read(path, &len);
		assert_true(!!strstr(text, "\"missed\":12") == (i >= 2));
		assert_true(!!strstr(text, "\"missed\"") == (i >= 2));
		free(text);
	}
}

/* What a filter did not want is missing, counted, and not lost. */
static void accepts_filtered(void **state)
{
	static const char *const names[] = { "f.json", "f.ndjson" };
	struct collector_options options = { .generator = "guest", .filter = "class=io_out|cpuid" };

	for (int i = 0; i < 4; i++) {
		struct guest g = { .c = collector_new(&options), .rng = 6, .drop = i < 2 ? 0 : 50,
				   .filter = 1 << VMMT_CLASS_io_out | 1 << VMMT_CLASS_cpuid };

		accept_guest(&g, test_path(names[i % 2]), "whole: 3,000 exits counted = ");
		assert_true(g.totals.class[VMMT_CLASS_hlt].filtered > 0);
	}
}

/* Filtered by the source or by the collector, the file is the same. */
static void filters_like_a_source(void **state)
{
	static const char *const names[] = { "s.json", "c.json", "s.ndjson", "c.ndjson" };
	const char *text = "class=io_out|cpuid";
	struct vmmt_filter terms;
	struct filter filter;
	char msg[FILTER_MSG], *file[4];

	assert_int_equal(filter_parse(text, &filter, msg), 0);
	filter_compile(&filter, GUEST_KHZ, &terms);
	for (int i = 0; i < 4; i++) {
		struct collector_options options = { .generator = "guest", .filter = text,
						     .terms = i % 2 ? &terms : NULL };
		struct guest g = { .c = collector_new(&options), .rng = 6 };

		if (!options.terms)
			g.filter = 1 << VMMT_CLASS_io_out | 1 << VMMT_CLASS_cpuid;
		accept_guest(&g, test_path(names[i]), "whole: 3,000 exits counted = ");
		file[i] = test_read(test_path(names[i]), NULL);
	}
	assert_string_equal(file[0], file[1]);
	assert_string_equal(file[2], file[3]);
	for (int i = 0; i < 4; i++)
		free(file[i]);
}

/* Whatever the collector leaves out, files are whole, with losses and without. */
static void accepts_any_filter(void **state)
{
	static const char *const texts[] = {
		"event=intr", "event=exit", "event!=exit", "vcpu=1", "class!=hlt", "kernel>200ns",
		"class=io,event=exit|dev,vcpu=0", "cpu=5", "dur<100ns,key=serial0|0x61", "vm=2",
	};

	for (size_t i = 0; i < 4 * sizeof(texts) / sizeof(texts[0]); i++) {
		const char *text = texts[i / 4];
		struct vmmt_filter terms;
		struct filter filter;
		char msg[FILTER_MSG];
		struct collector_options options = { .generator = "guest", .filter = text,
						     .terms = &terms };
		struct guest g = { .rng = 8 + i, .drop = i % 4 < 2 ? 0 : 50 };

		if (filter_parse(text, &filter, msg))
			fail_msg("%s: %s", text, msg);
		filter_compile(&filter, GUEST_KHZ, &terms);
		g.c = collector_new(&options);
		accept_guest(&g, test_path(i % 2 ? "any.json" : "any.ndjson"),
			     "whole: 3,000 exits");
	}
}

/* Recording began when the guest had run for a while. */
static void accepts_attached(void **state)
{
	static const char *const names[] = { "t.json", "t.ndjson" };
	struct collector_options options = { .generator = "guest", .attached = true };

	for (int i = 0; i < 4; i++) {
		struct guest g = { .c = collector_new(&options), .rng = 6, .drop = i < 2 ? 0 : 50,
				   .unseen = 1000 };

		accept_guest(&g, test_path(names[i % 2]), "whole: ");
	}
}

/* ---- one change makes it wrong ---- */

/* In the line that has both texts, the first occurrence of from becomes to
 * (NULL: the line goes). nth: in which of these lines, from 0. */
struct change {
	const char *in, *and, *from, *to, *complaint;
	unsigned int nth;
};

/* The changed text; NULL if there was no place to change it. */
static char *change(const char *text, const struct change *ch)
{
	char *out = malloc(strlen(text) + 256), *to = out;
	unsigned int nth = ch->nth;
	bool done = false;

	assert_non_null(out);
	while (*text) {
		size_t len = strcspn(text, "\n") + 1;
		char *line = strndup(text, len), *at;

		text += len;
		at = strstr(line, ch->from);
		if (!done && strstr(line, ch->in) && strstr(line, ch->and) && at && !nth--) {
			done = true;
			if (ch->to)
				to += sprintf(to, "%.*s%s%s", (int)(at - line), line, ch->to,
					      at + strlen(ch->from));
		} else {
			to = stpcpy(to, line);
		}
		free(line);
	}
	if (done)
		return out;
	free(out);
	return NULL;
}

static void refuse(const char *name, unsigned int drop, const struct change *changes, size_t count)
{
	const char *path = test_path(name);
	char said[8192], *good, *bad;

	guest_timeline(path, 5, 3000, drop);
	good = test_read(path, NULL);
	for (size_t i = 0; i < count; i++) {
		bad = change(good, &changes[i]);
		if (!bad)
			fail_msg("nothing to change: %s", changes[i].from);
		test_write(path, bad, strlen(bad));
		free(bad);
		if (verify(path, said, sizeof(said)) != 1)
			fail_msg("accepted: %s -> %s", changes[i].from,
				 changes[i].to ? changes[i].to : "(gone)");
		if (!strstr(said, changes[i].complaint))
			fail_msg("%s -> %s: no complaint about \"%s\", but: %s", changes[i].from,
				 changes[i].to ? changes[i].to : "(gone)", changes[i].complaint,
				 said);
	}
	free(good);
}

static void refuses_ndjson(void **state)
{
	static const struct change changes[] = {
		{ "vmmtrace", "", "\"schema\":1", "\"schema\":2", "schema 2", 0 },
		{ "vmmtrace", "", "\"schema\":1,", "", "schema", 0 },
		{ "vmmtrace", "", "{", NULL, "no header", 0 },
		{ "\"ev\":\"exit\"", "", "\"ev\":\"exit\"", "\"ev\":\"exot\"", "exot", 9 },
		{ "\"ev\":\"exit\"", "", "\"nth\"", "\"nnth\"", "nnth", 9 },
		{ "\"ev\":\"exit\"", "", "\"rip\":\"0x1000\",", "", "rip", 9 },
		{ "\"ev\":\"exit\"", "", "\"rip\":\"0x1000\"", "\"rip\":4096", "rip", 9 },
		{ "\"ev\":\"exit\"", "cpuid", "\"class\":\"cpuid\"", "\"class\":\"cupid\"", "cupid", 5 },
		{ "\"ev\":\"exit\"", "cpuid", "\"key\":\"0x7\",", "", "key", 5 },
		{ "\"ev\":\"exit\"", "cpuid", "{", NULL, "seq", 5 },
		{ "\"ev\":\"exit\"", "cpuid", "\"class\":\"cpuid\"", "\"class\":\"rdmsr\"", "rdmsr", 5 },
		{ "\"ev\":\"exit\"", "", "\"guest\":", "\"guest\":1", "spans", 9 },
		{ "\"ev\":\"exit\"", "", "\"t\":", "\"t\":1", "spans", 9 },
		{ "\"ev\":\"exit\"", "", "\"t\":", "\"t\":-", "in its stream", 9 },
		{ "\"ev\":\"exit\"", "", "\"exit\":", "\"exit\":1", "where", 9 },
		{ "\"ev\":\"exit\"", "", "\"nth\":", "\"nth\":1", "nth", 9 },
		{ "\"halted\":", "", "\"halted\":", "\"user\":", "HLT", 3 },
		{ "\"ev\":\"exit\"", "userland", "\"return\":", "\"kernel\":", "not one whole event", 3 },
		{ "\"ev\":\"intr\"", "injected", "\"seq\":", "\"seq\":9", "seq", 2 },
		{ "\"ev\":\"ept_fault\"", "", "\"exit\":", "\"exit\":9", "belongs", 2 },
		{ "\"ev\":\"dev\"", "", "\"device\":\"", "\"device\":\"x", "not a known value", 2 },
		{ "\"ev\":\"mark\"", "", "{", NULL, "seq", 2 },
		{ "\"ev\":\"end\"", "", "\"counted\":", "\"counted\":1", "counted, but", 0 },
		{ "\"ev\":\"end\"", "", "\"recorded\":", "\"recorded\":1", "recorded", 0 },
		{ "\"ev\":\"end\"", "", "\"exits\":", "\"exits\":1", "exits", 0 },
		{ "\"ev\":\"end\"", "", "\"records\":", "\"records\":1", "records", 0 },
		{ "\"ev\":\"end\"", "", "\"lost\":", "\"lost\":1", "lost", 0 },
		{ "\"ev\":\"end\"", "", "{", NULL, "cut short", 0 },
		{ "\"ev\":\"end\"", "", "}\n", "}\n{\"ev\":\"end\"}\n", "more after the end", 0 },
	};

	refuse("bad.ndjson", 0, changes, sizeof(changes) / sizeof(changes[0]));
}

static void refuses_lossy_ndjson(void **state)
{
	static const struct change changes[] = {
		{ "\"ev\":\"lost\"", "", "{", NULL, "seq", 3 },
		{ "\"ev\":\"lost\"", "", "\"count\":", "\"count\":1", "seq", 3 },
		{ "\"ev\":\"lost\"", "", "\"from\":", "\"from\":1", "from", 3 },
	};

	refuse("lossy.ndjson", 50, changes, sizeof(changes) / sizeof(changes[0]));
}

static void refuses_json(void **state)
{
	static const struct change changes[] = {
		{ "vmmtrace", "", "\"schema\":1", "\"schema\":2", "schema 2", 0 },
		{ "vmmtrace", "", "{", NULL, "not a timeline", 0 },
		{ "cpuid", "", "\"ph\":\"X\"", "\"ph\":\"Y\"", "ph \"Y\"", 5 },
		{ "cpuid", "", "\"ph\":", "\"hp\":", "ph", 5 },
		{ "cpuid", "", "\"tid\":1001,", "", "tid", 5 },
		{ "cpuid", "", "\"tid\":1001", "\"tid\":0", "above 0", 5 },
		{ "cpuid", "", "\"cat\":\"cpuid\"", "\"cat\":\"cupid\"", "cupid", 5 },
		{ "cpuid", "", "\"cat\":\"cpuid\"", "\"cat\":\"rdmsr\"", "rdmsr", 5 },
		{ "cpuid", "", "{", NULL, "where", 5 },
		{ "cpuid", "", "\"n\":", "\"n\":1", "where", 5 },
		{ "cpuid", "", "\"dur\":", "\"dur\":9999", "within", 5 },
		{ "cpuid", "", "\"ts\":", "\"ts\":1,\"was\":", "steps back", 5 },
		{ "cpuid", "", "\"dur\":", "\"dur\":1.00005,\"was\":", "whole ns", 5 },
		{ "\"cat\":\"device\"", "", "\"dur\":", "\"dur\":9999", "ends after", 2 },
		{ "\"cat\":\"device\"", "", "},\n", "},\n{\"ph\":\"X\",\"name\":\"a\",\"cat\":\"device\","
		  "\"pid\":1000,\"tid\":1003,\"ts\":0.000,\"dur\":0.000},\n", "in no exit", 2 },
		{ "\"cat\":\"irq\"", "\"ph\":\"X\"", "\"cat\":\"irq\"", "\"cat\":\"hlt\"",
		  "no slices", 2 },
		{ "\"ph\":\"s\"", "", "\"id\":\"0x2\"", "\"id\":\"0x1\"", "used again", 0 },
		{ "\"ph\":\"s\"", "", "\"id\":\"0x2\"", "\"id\":\"irq2\"", "id", 0 },
		{ "\"ph\":\"s\"", "", "{", NULL, "never began", 2 },
		{ "\"ph\":\"f\"", "", "\"tid\":1001", "\"tid\":1059", "not on a slice", 0 },
		{ "\"ph\":\"b\"", "", "{", NULL, "not open", 2 },
		{ "\"ph\":\"b\"", "", "\"id\":\"0x2\"", "\"id\":\"0x1\"", "used again", 0 },
		{ "\"ph\":\"C\"", "", "{\"%\":", "{\"a\":1,\"%\":", "counter", 2 },
		{ "\"ph\":\"C\"", "", "}},\n", "}}\n", "comma", 2 },
		{ "\"name\":\"end\"", "", "\"counted\":", "\"counted\":1", "counted, but", 0 },
		{ "\"name\":\"end\"", "", "\"recorded\":", "\"recorded\":1", "recorded", 0 },
		{ "\"name\":\"end\"", "", "\"lost\":", "\"lost\":1", "lost", 0 },
		{ "\"name\":\"end\"", "", "{", NULL, "not one whole event", 0 },
		{ "]", "", "]\n", NULL, "cut short", 0 },
	};

	refuse("bad.json", 0, changes, sizeof(changes) / sizeof(changes[0]));
}

static void refuses_lossy_json(void **state)
{
	static const struct change changes[] = {
		{ "\"cat\":\"lost\"", "", "{", NULL, "lost", 1 },
		{ "\"cat\":\"lost\"", "", "\"count\":", "\"count\":1", "lost", 1 },
	};

	refuse("lossy.json", 50, changes, sizeof(changes) / sizeof(changes[0]));
}

static void refuses_strangers(void **state)
{
	static const char *const files[] = {
		"", "[", "[\n", "[]\n", "{}\n", "hello\n", "{\"traceEvents\":[]}\n",
		"[\n{\"ph\":\"X\"}\n]\n",
	};
	const char *path = test_path("stranger.json");
	char said[4096];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		test_write(path, files[i], strlen(files[i]));
		assert_int_equal(verify(path, said, sizeof(said)), 1);
	}
	assert_true(verify(test_path("no such file.json"), said, sizeof(said)) < 0);
}

/* ---- repair ---- */

/* Whole events among the first len bytes, in either format: lines that begin
 * with a brace and whose last brace is there. */
static uint64_t whole_events(const char *text, size_t len)
{
	uint64_t count = 0;

	while (len) {
		const char *nl = memchr(text, '\n', len);
		size_t line = nl ? (size_t)(nl - text) : len;
		const char *full = strchr(text, '\n');
		size_t whole = (size_t)(full - text);

		if (*text == '{' && line >= whole - (full[-1] == ','))
			count++;
		if (!nl)
			break;
		text += line + 1;
		len -= line + 1;
	}
	return count;
}

/* The file must be the whole file's beginning, and for an array end well. */
static void check_repaired(const char *path, const char *good, bool array)
{
	size_t len;
	char *text = test_read(path, &len);

	if (array) {
		json_t *all = json_loads(text, 0, NULL);

		assert_non_null(all);
		json_decref(all);
		assert_memory_equal(text + len - 2, "]\n", 2);
		len -= 3;	/* "\n]\n" where there was ",\n" */
	}
	assert_memory_equal(text, good, len);
	free(text);
}

static void cut_anywhere(const char *name, int cuts)
{
	const char *path = test_path(name);
	bool gz = strstr(name, ".gz"), array = !strstr(name, "ndjson"), changed;
	char *raw, *good;
	size_t len, good_len;
	uint64_t rng = 11, events;

	guest_timeline(path, 8, 40, 30);
	raw = test_read_raw(path, &len);
	good = test_read(path, &good_len);
	for (int i = 0; i < cuts; i++) {
		size_t cut = i < 40 ? (size_t)i : i < 80 ? len - (size_t)(i - 40) :
			     test_random(&rng) % len, got_len;
		uint64_t expected;
		char *got;

		test_write(path, raw, cut);
		got = test_read(path, &got_len);
		if (cut == 1 && gz)	/* half of the magic number is no text */
			got_len = 0;
		assert_memory_equal(got, good, got_len);
		expected = whole_events(good, got_len);
		free(got);
		assert_int_equal(verify_repair(path, &events, &changed), 0);
		assert_int_equal(events, expected);
		check_repaired(path, good, array);
		/* Once is enough. */
		assert_int_equal(verify_repair(path, &events, &changed), 0);
		assert_int_equal(events, expected);
		assert_false(changed);
	}
	free(raw);
	free(good);
}

static void repairs_json(void **state)
{
	cut_anywhere("cut.json", 1000);
}

static void repairs_ndjson(void **state)
{
	cut_anywhere("cut.ndjson", 1000);
}

static void repairs_json_gz(void **state)
{
	cut_anywhere("cut.json.gz", 1000);
}

static void repairs_ndjson_gz(void **state)
{
	cut_anywhere("cut.ndjson.gz", 1000);
}

/* What needs no repair, or cannot have one, is not touched. */
static void leaves_alone(void **state)
{
	static const char *const names[] = { "stranger.json", "stranger.ndjson", "stranger.txt" };
	const char *path = test_path("whole.json.gz");
	size_t before_len, after_len;
	uint64_t events = 77;
	bool changed = true;
	char *before, *after;

	guest_timeline(path, 3, 100, 0);
	before = test_read_raw(path, &before_len);
	assert_int_equal(verify_repair(path, &events, &changed), 0);
	assert_false(changed);
	after = test_read_raw(path, &after_len);
	assert_int_equal(after_len, before_len);
	assert_memory_equal(after, before, before_len);
	free(before);
	free(after);
	for (int i = 0; i < 3; i++) {
		path = test_path(names[i]);
		test_write(path, "a text\nof two lines", 19);
		assert_true(verify_repair(path, &events, &changed) < 0);
		after = test_read_raw(path, &after_len);
		assert_string_equal(after, "a text\nof two lines");
		free(after);
	}
	assert_true(verify_repair(test_path("none.json"), &events, &changed) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(tells_missed),
		cmocka_unit_test(accepts_filtered),
		cmocka_unit_test(filters_like_a_source),
		cmocka_unit_test(accepts_any_filter),
		cmocka_unit_test(accepts_attached),
		cmocka_unit_test(refuses_ndjson),
		cmocka_unit_test(refuses_lossy_ndjson),
		cmocka_unit_test(refuses_json),
		cmocka_unit_test(refuses_lossy_json),
		cmocka_unit_test(refuses_strangers),
		cmocka_unit_test(repairs_json),
		cmocka_unit_test(repairs_ndjson),
		cmocka_unit_test(repairs_json_gz),
		cmocka_unit_test(repairs_ndjson_gz),
		cmocka_unit_test(leaves_alone),
	};

	return RUN_TESTS(tests);
}
