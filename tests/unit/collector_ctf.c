/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Captures (.ctf): whatever is made of one is what would have been recorded
 * directly; what is left of one is read up to its last whole packet. What
 * babeltrace2 reads in them is for ctf_files.sh.
 */
#include <config.h>

#include "collector_guest.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "analysis/capture.h"
#include "analysis/export.h"
#include "analysis/verify.h"
#include "src/collector/ctf.h"

static char said[4608];
static int nsaid;

static void report(void *arg, const char *line)
{
	snprintf(said, sizeof(said), "%s", line);
	nsaid++;
}

static int verify(const char *path, char *text, size_t size)
{
	FILE *to = fmemopen(text, size, "w");
	int ret;

	assert_non_null(to);
	ret = verify_file(path, to);
	fclose(to);
	return ret;
}

static int export(const char *from, const char *const *outputs, size_t n,
		  struct export_result *result, char *msg)
{
	struct export_options o = { .path = from, .outputs = outputs, .noutputs = n };

	return export_capture(&o, result, msg);
}

static void same_bytes(const char *a, const char *b)
{
	size_t alen, blen;
	char *abytes = test_read_raw(a, &alen), *bbytes = test_read_raw(b, &blen);

	assert_int_equal(alen, blen);
	assert_memory_equal(abytes, bbytes, alen);
	free(abytes);
	free(bbytes);
}

/* ---- what is made of a capture ---- */

static const char *const formats[] = { ".json", ".json.gz", ".ndjson", ".ndjson.gz" };

/* One run into all formats; then the capture into all others. */
static void round_trip(struct collector_options *options, struct guest g)
{
	char *capture = strdup(test_path("round.ctf"));
	const char *outputs[4], *direct[4];
	char name[64], msg[EXPORT_MSG], text[4096];
	struct export_result result;

	g.c = collector_new(options);
	assert_int_equal(collector_add_output(g.c, capture), 0);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "direct%s", formats[i]);
		direct[i] = strdup(test_path(name));
		assert_int_equal(collector_add_output(g.c, direct[i]), 0);
		snprintf(name, sizeof(name), "made%s", formats[i]);
		outputs[i] = strdup(test_path(name));
	}
	guest_run(&g, 6000);
	g.totals.missed = g.drop;
	assert_int_equal(collector_finish(g.c, &g.totals), 0);
	if (verify(capture, text, sizeof(text)))
		fail_msg("%s", text);
	assert_int_equal(export(capture, outputs, 4, &result, msg), 0);
	assert_string_equal(msg, "");
	assert_int_equal(result.records, collector_stats(g.c).records);
	for (int i = 0; i < 4; i++) {
		same_bytes(direct[i], outputs[i]);
		free((char *)direct[i]);
		free((char *)outputs[i]);
	}
	free(capture);
	collector_free(g.c);
}

static void makes_what_was_recorded(void **state)
{
	struct collector_options plain = { .generator = "guest" };
	struct collector_options filtered = { .generator = "guest", .filter = "class=io_out" };
	struct collector_options attached = { .generator = "guest", .attached = true };
	static const unsigned int drops[] = { 0, 1000, 20, 2 };

	for (uint64_t i = 0; i < 4; i++)
		round_trip(&plain, (struct guest){ .rng = 1 + i, .drop = drops[i] });
	round_trip(&filtered, (struct guest){ .rng = 9, .filter = 1 << VMMT_CLASS_io_out });
	round_trip(&attached, (struct guest){ .rng = 6, .drop = 50, .unseen = 1000 });
}

/* A capture of a capture is the capture, file by file. */
static void copies(void **state)
{
	const char *a = test_path("a.ctf"), *b = test_path("b.ctf");
	static const char *const files[] = { "metadata", "collector", "cpu0" };
	char msg[EXPORT_MSG], from[160], to[160];
	struct export_result result;

	guest_timeline(a, 3, 20000, 100);
	assert_int_equal(export(a, &b, 1, &result, msg), 0);
	for (int i = 0; i < 3; i++) {
		snprintf(from, sizeof(from), "%s/%s", a, files[i]);
		snprintf(to, sizeof(to), "%s/%s", b, files[i]);
		same_bytes(from, to);
	}
}

/* What a filter refuses on the way is filtered, not lost. */
static void filters(void **state)
{
	const char *from = test_path("whole.ctf"), *to = test_path("part.ndjson");
	struct export_options o = { .path = from, .outputs = &to, .noutputs = 1,
				    .filter_text = "event!=dev,class!=cpuid" };
	char msg[EXPORT_MSG], why[FILTER_MSG], text[4096], *lines;
	struct export_result result;

	if (filter_parse(o.filter_text, &o.filter, why))
		fail_msg("%s", why);
	for (unsigned int drop = 0; drop < 60; drop += 30) {
		guest_timeline(from, 5, 5000, drop);
		assert_int_equal(export_capture(&o, &result, msg), 0);
		if (verify(to, text, sizeof(text)))
			fail_msg("%s", text);
		assert_int_equal(result.exits.counted, 5000);
		assert_true(result.exits.filtered > 100 && result.exits.recorded > 1000);
		assert_true(!!result.exits.lost == !!drop);
		lines = test_read(to, NULL);
		assert_null(strstr(lines, "\"class\":\"cpuid\""));
		assert_null(strstr(lines, "\"ev\":\"dev\""));
		assert_non_null(strstr(lines, "\"filter\":\"event!=dev,class!=cpuid\""));
		free(lines);
	}
}

/* The environment told beside a file is the recording's. */
static void keeps_the_environment(void **state)
{
	const char *from = test_path("env.ctf"), *to = test_path("env.ndjson");
	char msg[EXPORT_MSG], env[160], copy[160], *text;
	struct export_result result;

	guest_timeline(from, 5, 100, 0);
	snprintf(env, sizeof(env), "%s.env.json", from);
	snprintf(copy, sizeof(copy), "%s.env.json", to);
	test_write(env, "{\"host\": \"elsewhere\"}", 21);
	assert_int_equal(export(from, &to, 1, &result, msg), 0);
	text = test_read(copy, NULL);
	assert_non_null(strstr(text, "elsewhere"));
	free(text);
	unlink(env);
	unlink(copy);
	assert_int_equal(export(from, &to, 1, &result, msg), 0);
	assert_int_equal(access(copy, F_OK), -1);
}

/* ---- what is left of one ---- */

/* Events in the whole packets among the first bytes of a file, by their headers
 * as the manual of the format has them. */
static uint64_t whole_events(const char *bytes, size_t len, bool collector)
{
	size_t header = 72 + (collector ? 0 : 4), at = 0;
	uint64_t bits, events = 0;
	uint16_t id;

	while (len - at >= header) {
		memcpy(&bits, bytes + at + 48, sizeof(bits));
		if (len - at < bits / 8)
			break;
		for (size_t i = at + header; i < at + bits / 8; events++) {
			memcpy(&id, bytes + i, sizeof(id));
			if (id == CTF_ID_END)
				return events;
			i += 10 + (size_t)(uint8_t)bytes[i + 12] +
			     256 * (size_t)(uint8_t)bytes[i + 13];
		}
		at += bits / 8;
	}
	return events;
}

static uint64_t count_records(const char *path)
{
	const union vmmt_record *rec;
	char msg[CAPTURE_MSG];
	struct capture *c;
	uint64_t count = 0;

	if (capture_open(path, &c, msg))
		fail_msg("%s", msg);
	while (capture_next(c, &rec) > 0)
		count++;
	capture_close(c);
	return count;
}

static const char *in(const char *dir, const char *name)
{
	static char paths[4][192];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void cut_anywhere(void **state)
{
	const char *path = test_path("cut.ctf"), *outputs[] = { test_path("cut.json"),
								test_path("cut2.ctf") };
	static const char *const files[] = { "cpu0", "collector" };
	uint64_t rng = 11, whole[2];
	char *bytes[2], msg[EXPORT_MSG], text[4096];
	struct export_result result;
	size_t len[2];

	guest_timeline(path, 8, 1500, 30);
	for (int i = 0; i < 2; i++) {
		bytes[i] = test_read_raw(in(path, files[i]), &len[i]);
		whole[i] = whole_events(bytes[i], len[i], i);
	}
	assert_int_equal(count_records(path), whole[0] + whole[1]);
	for (int i = 0; i < 300; i++) {
		int which = i % 3 == 0;
		size_t cut = test_random(&rng) % len[which];
		uint64_t left = whole_events(bytes[which], cut, which) + whole[!which];
		json_t *array;

		test_write(in(path, files[which]), bytes[which], cut);
		assert_int_equal(count_records(path), left);
		assert_int_equal(verify(path, text, sizeof(text)), 1);
		assert_non_null(strstr(text, "cut short"));
		assert_int_equal(export(path, outputs, 2, &result, msg), 1);
		assert_non_null(strstr(msg, "cut short"));
		array = json_load_file(outputs[0], 0, NULL);
		assert_true(json_is_array(array));
		json_decref(array);
		/* What was made of it has no half packets. */
		assert_int_equal(count_records(outputs[1]), result.records);
		test_write(in(path, files[which]), bytes[which], len[which]);
	}
	free(bytes[0]);
	free(bytes[1]);
}

/* A byte that is another: nothing crashes, and what goes unseen is a value that
 * could be; of a packet's header, when it began and ended. */
static void damaged(void **state)
{
	const char *path = test_path("bad.ctf"), *to = test_path("bad.ndjson");
	char *bytes, msg[EXPORT_MSG], text[4096];
	struct export_result result;
	uint64_t rng = 12, refused = 0;
	size_t len;

	guest_timeline(path, 8, 600, 30);
	bytes = test_read_raw(in(path, "cpu0"), &len);
	for (int i = 0; i < 400; i++) {
		size_t at = i < 76 ? (size_t)i : test_random(&rng) % len;
		char old = bytes[at];

		bytes[at] ^= (char)(1 + test_random(&rng) % 255);
		test_write(in(path, "cpu0"), bytes, len);
		export(path, &to, 1, &result, msg);
		if (verify(path, text, sizeof(text)) == 1)
			refused++;
		else if (i < 24 || (i >= 40 && i < 76))
			fail_msg("byte %d of the header: %s", i, text);
		bytes[at] = old;
	}
	assert_true(refused > 100);
	free(bytes);
}

/* Totals that do not tell of what is there. */
static void disagrees(void **state)
{
	static const struct { const char *from, *to, *complaint; } changes[] = {
		{ "\"records\":", "\"records\":9", "records" },
		{ "\"exits\":", "\"exits\":9", "exits" },
		{ "\"lost\":", "\"lost\":9", "lost" },
		{ "\"cpuid\":{\"counted\":", "\"cpuid\":{\"counted\":9", "cpuid" },
	};
	const char *path = test_path("totals.ctf"), *to = test_path("totals.ndjson");
	struct capture *c;
	const union vmmt_record *rec;
	char msg[EXPORT_MSG], text[4096], *totals, *at, *bytes;
	struct export_result result;
	size_t len;

	guest_timeline(path, 8, 3000, 0);
	bytes = test_read_raw(in(path, "collector"), &len);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		/* The text keeps its length: a digit becomes another. */
		totals = memmem(bytes, len, changes[i].from, strlen(changes[i].from));
		assert_non_null(totals);
		at = totals + strlen(changes[i].from);
		*at = *at == '9' ? '8' : '9';
		test_write(in(path, "collector"), bytes, len);
		assert_int_equal(verify(path, text, sizeof(text)), 1);
		assert_non_null(strstr(text, changes[i].complaint));
		if (i < 3) {
			assert_int_equal(export(path, &to, 1, &result, msg), 1);
			assert_non_null(strstr(msg, changes[i].complaint));
		}
		free(bytes);
		guest_timeline(path, 8, 3000, 0);
		bytes = test_read_raw(in(path, "collector"), &len);
	}
	free(bytes);
	/* A CPU's file that is gone. */
	assert_int_equal(unlink(in(path, "cpu0")), 0);
	assert_int_equal(capture_open(path, &c, msg), 0);
	assert_int_equal(capture_next(c, &rec), 0);
	capture_close(c);
	assert_int_equal(export(path, &to, 1, &result, msg), 1);
	assert_non_null(strstr(msg, "but 0 are in it"));
	assert_int_equal(verify(path, text, sizeof(text)), 1);
}

/* ---- what ends it early ---- */

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_size;
}

/* Killed at a hundred moments. */
static void killed(void **state)
{
	const char *path = test_path("killed.ctf"), *to = test_path("killed.ndjson");
	struct export_result result;
	uint64_t rng = 5, whole = 0, len_events;
	char msg[EXPORT_MSG], *bytes;
	size_t len;

	for (int i = 0; i < 100; i++) {
		off_t when = 1 + (off_t)(test_random(&rng) % 600000);
		pid_t pid;

		unlink(in(path, "cpu0"));
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			struct guest g = { .c = collector_new(&(struct collector_options){ 0 }),
					   .rng = 4 };

			if (collector_add_output(g.c, path))
				_exit(1);
			guest_run(&g, 1u << 30);
			_exit(0);
		}
		while (size_of(in(path, "cpu0")) < when && waitpid(pid, NULL, WNOHANG) == 0)
			usleep(100);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		bytes = test_read_raw(in(path, "cpu0"), &len);
		len_events = whole_events(bytes, len, false);
		free(bytes);
		assert_int_equal(count_records(path), len_events);
		assert_int_equal(export(path, &to, 1, &result, msg), 1);
		assert_int_equal(result.records, len_events);
		whole += len_events;
	}
	assert_true(whole > 100000);
}

/* Room for a part only: one line, and what fitted is whole packets. */
static void full(void **state)
{
	struct collector_options options = { .generator = "test", .report = report };
	const char *path = test_path("full.ctf"), *to = test_path("full.ndjson");
	uint64_t rng = 6, events;
	struct export_result result;
	char msg[EXPORT_MSG], *bytes;
	struct rlimit old;
	size_t len;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	for (int i = 0; i < 100; i++) {
		struct rlimit limit = { 100000 + test_random(&rng) % 500000, old.rlim_max };
		struct guest g = { .c = collector_new(&options), .rng = 4 };

		nsaid = 0;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		assert_int_equal(collector_add_output(g.c, path), 0);
		guest_run(&g, 3000);
		assert_int_equal(collector_finish(g.c, &g.totals), -EIO);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		collector_free(g.c);
		assert_int_equal(nsaid, 1);
		assert_non_null(strstr(said, strerror(EFBIG)));
		assert_non_null(strstr(said, "export"));
		bytes = test_read_raw(in(path, "cpu0"), &len);
		events = whole_events(bytes, len, false);
		free(bytes);
		assert_in_range(len, limit.rlim_cur - 70000, limit.rlim_cur);
		assert_int_equal(export(path, &to, 1, &result, msg), 1);
		assert_non_null(strstr(msg, "no totals"));
		assert_int_equal(result.records, events);
	}
}

/* ---- where it is written ---- */

static void replaces(void **state)
{
	const char *path = test_path("old.ctf");
	char text[4096];

	guest_timeline(path, 1, 20000, 10);
	test_write(in(path, "cpu77"), "old", 3);
	guest_timeline(path, 2, 10, 0);
	assert_int_equal(verify(path, text, sizeof(text)), 0);
	assert_non_null(strstr(text, " 10 exits"));
	assert_int_equal(access(in(path, "cpu77"), F_OK), -1);
}

static int try_output(const char *path)
{
	struct collector_options options = { .generator = "test", .report = report };
	struct collector *c = collector_new(&options);
	int ret;

	nsaid = 0;
	ret = collector_add_output(c, path);
	assert_int_equal(nsaid, ret ? 1 : 0);
	collector_free(c);
	return ret;
}

static void refuses_places(void **state)
{
	const char *file = test_path("file.ctf"), *dir = test_path("dir.ctf");
	struct collector *c = collector_new(&(struct collector_options){ .report = report });
	char *text;

	test_write(file, "text", 4);
	assert_int_equal(try_output(file), -ENOTDIR);
	assert_int_equal(try_output("no such directory/a.ctf"), -ENOENT);
	assert_int_equal(try_output("a.ctf.gz"), -EINVAL);
	/* Somebody's directory is left as it is. */
	assert_int_equal(mkdir(dir, 0777), 0);
	test_write(in(dir, "metadata"), "mine", 4);
	test_write(in(dir, "thesis"), "mine too", 8);
	assert_int_equal(try_output(dir), -ENOTEMPTY);
	text = test_read(in(dir, "metadata"), NULL);
	assert_string_equal(text, "mine");
	free(text);
	unlink(in(dir, "thesis"));
	assert_int_equal(collector_add_output(c, dir), 0);
	assert_int_equal(collector_add_output(c, dir), -EINVAL);
	collector_free(c);
}

static void refuses_captures(void **state)
{
	static const char *const metadata[] = {
		"", "text", "/* CTF 1.8 */\n", "/* CTF 1.8 */\nenv {\n\ttracer_name = \"lttng\";\n};\n",
	};
	const char *path = test_path("stranger.ctf"), *to = test_path("stranger.ndjson");
	char msg[EXPORT_MSG], text[4096], *whole, *at;
	struct export_result result;
	size_t len;

	guest_timeline(path, 1, 100, 0);
	whole = test_read_raw(in(path, "metadata"), &len);
	for (size_t i = 0; i < 4; i++) {
		test_write(in(path, "metadata"), metadata[i], strlen(metadata[i]));
		assert_int_equal(export(path, &to, 1, &result, msg), -EINVAL);
		assert_non_null(strstr(msg, "no capture"));
		assert_int_equal(verify(path, text, sizeof(text)), 1);
	}
	at = strstr(whole, "\\\"schema\\\":1");
	assert_non_null(at);
	at[strlen("\\\"schema\\\":")] = '9';
	test_write(in(path, "metadata"), whole, len);
	assert_int_equal(export(path, &to, 1, &result, msg), -EPROTO);
	assert_non_null(strstr(msg, "schema 9"));
	assert_int_equal(verify(path, text, sizeof(text)), 1);
	assert_int_equal(export(path, &path, 1, &result, msg), -EPROTO);
	free(whole);
	guest_timeline(path, 1, 100, 0);
	assert_int_equal(export(path, &path, 1, &result, msg), -EINVAL);
	assert_non_null(strstr(msg, "the capture itself"));
	assert_int_equal(verify(path, text, sizeof(text)), 0);
	assert_true(export(test_path("none.ctf"), &to, 1, &result, msg) == -ENOENT);
}

/* No record at all is a capture, too. */
static void empty(void **state)
{
	const char *path = test_path("empty.ctf"), *to = test_path("empty.ndjson");
	struct collector *c = collector_new(&(struct collector_options){ .khz = 1000 });
	char msg[EXPORT_MSG], text[4096];
	struct export_result result;

	assert_int_equal(collector_add_output(c, path), 0);
	assert_int_equal(collector_finish(c, NULL), 0);
	collector_free(c);
	assert_int_equal(verify(path, text, sizeof(text)), 0);
	assert_int_equal(export(path, &to, 1, &result, msg), 0);
	assert_int_equal(verify(to, text, sizeof(text)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_what_was_recorded),
		cmocka_unit_test(copies),
		cmocka_unit_test(filters),
		cmocka_unit_test(keeps_the_environment),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(damaged),
		cmocka_unit_test(disagrees),
		cmocka_unit_test(killed),
		cmocka_unit_test(full),
		cmocka_unit_test(replaces),
		cmocka_unit_test(refuses_places),
		cmocka_unit_test(refuses_captures),
		cmocka_unit_test(empty),
	};

	return RUN_TESTS(tests);
}
