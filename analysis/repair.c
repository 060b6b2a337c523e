/* SPDX-License-Identifier: GPL-2.0-only */
/* verify --repair: makes a whole file of one that was cut. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/reader.h"
#include "analysis/verify.h"
#include "src/collector/out.h"

struct repair {
	struct reader *reader;
	struct out out;
	enum reader_format format;
	uint64_t events;
	bool closed;			/* the array ends as it should */
	bool bad;			/* a line that is no event, or bytes after the end */
};

/* In an array, each event but the last is followed by a comma. */
static void put_event(struct repair *r, const char *line, size_t len)
{
	if (r->format == READER_JSON && line[len - 1] == ',')
		len--;
	if (r->format == READER_JSON && r->events)
		out_text(&r->out, ",\n", 2);
	out_text(&r->out, line, len);
	if (r->format == READER_NDJSON)
		out_text(&r->out, "\n", 1);
	r->events++;
}

/* Copies whole events up to the first thing that is none. */
static int copy_events(struct repair *r)
{
	size_t len;
	char *line;
	int ret;

	while ((ret = reader_line(r->reader, &line, &len)) > 0) {
		json_t *event;

		if (r->format == READER_JSON && reader_number(r->reader) == 1)
			continue;
		if (r->format == READER_JSON && !strcmp(line, "]")) {
			r->closed = true;
			continue;
		}
		event = r->closed ? NULL : reader_parse(line, len, r->format);
		r->bad = !event;
		if (r->bad)
			break;
		json_decref(event);
		put_event(r, line, len);
	}
	if (r->format == READER_JSON)
		out_text(&r->out, r->events ? "\n]\n" : "]\n", r->events ? 3 : 2);
	/* A line without end is where the file was cut. */
	return ret == -EFBIG ? 0 : ret < 0 ? ret : 0;
}

static bool ends_in(const char *path, const char *suffix)
{
	size_t len = strlen(path), n = strlen(suffix);

	return len >= n && !strcmp(path + len - n, suffix);
}

/* Told by the name: the first line itself may be cut. */
static enum reader_format format_of(const char *path)
{
	if (ends_in(path, ".ndjson") || ends_in(path, ".ndjson.gz"))
		return READER_NDJSON;
	if (ends_in(path, ".json") || ends_in(path, ".json.gz"))
		return READER_JSON;
	return READER_UNKNOWN;
}

/* Does a file that may have been cut anywhere begin like one of ours? */
static bool begins_well(const char *line, size_t len, bool cut, enum reader_format format)
{
	static const char header[] = "{\"ev\":\"vmmtrace\",";
	size_t n = sizeof(header) - 1;

	if (cut && (!len || !strcmp(line, "\x1f")))	/* half of gzip's magic number */
		return true;
	if (format == READER_JSON)
		return !strcmp(line, "[");
	return !strncmp(line, header, cut && len < n ? len : n);
}

static int check_first(const char *path, enum reader_format format)
{
	struct reader *reader;
	size_t len;
	char *line;
	int ret = reader_open(path, &reader);

	if (ret)
		return ret;
	ret = reader_line(reader, &line, &len);
	if (ret > 0)
		ret = begins_well(line, len, reader_unterminated(reader), format) ? 0 : -EINVAL;
	reader_close(reader);
	return ret == -EFBIG ? -EINVAL : ret;
}

static int make_copy(struct repair *r, const char *path, const char *copy)
{
	int ret = reader_open(path, &r->reader);

	if (ret)
		return ret;
	ret = out_open(&r->out, copy, ends_in(path, ".gz") ? 6 : 0);
	if (ret)
		return ret;
	if (r->format == READER_JSON)
		out_text(&r->out, "[\n", 2);
	ret = copy_events(r);
	out_finish(&r->out);
	return ret ? ret : -r->out.error;
}

/* Takes the place of the file, with its permissions. */
static int replace(const char *path, const char *copy)
{
	struct stat st;

	if (stat(path, &st) || chmod(copy, st.st_mode & 07777) || rename(copy, path))
		return -errno;
	return 0;
}

int verify_repair(const char *path, uint64_t *ret_events, bool *ret_changed)
{
	struct repair r = { .format = format_of(path), .out.fd = -1 };
	char *copy = NULL;
	bool changed = false;
	int ret;

	if (r.format == READER_UNKNOWN)
		return -EOPNOTSUPP;
	ret = check_first(path, r.format);
	if (ret)
		return ret;
	if (asprintf(&copy, "%s.repair", path) < 0)
		return -ENOMEM;
	ret = make_copy(&r, path, copy);
	if (ret)
		goto out;
	changed = r.bad || reader_cut(r.reader) || (r.format == READER_JSON && !r.closed);
	if (changed)
		ret = replace(path, copy);
	if (ret)
		goto out;
	*ret_events = r.events;
	*ret_changed = changed;
out:
	if (ret || !changed)
		unlink(copy);
	reader_close(r.reader);
	out_close(&r.out);
	free(copy);
	return ret;
}
