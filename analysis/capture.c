/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "analysis/capture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/collector/ctf.h"
#include "src/collector/ctf_metadata.h"
#include "src/collector/names.h"

#define METADATA_MAX (4 << 20)

/* One file, with the packet and the event in it that come next. */
struct stream {
	int fd;
	char name[32];
	enum ctf_stream kind;
	unsigned int cpu;
	uint64_t packets;		/* read, the present one included */
	uint64_t offset;		/* of the next packet */
	struct ctf_packet packet;
	unsigned char *content;		/* of the packet, behind its header */
	size_t at, size;
	uint64_t last;			/* stamp of the event before */
	bool waits;			/* event and rec hold one */
	struct ctf_event event;
	union vmmt_record rec;
};

struct capture {
	int dir;
	struct ctf_about about;
	json_t *manifest, *totals;
	struct stream *streams;
	size_t count;
	uint64_t discarded;
	struct stream *given;		/* whose record the caller has */
	char damage[CAPTURE_MSG];
};

bool capture_is(const char *path)
{
	char *name = NULL;
	bool is;

	if (asprintf(&name, "%s/" CTF_METADATA, path) < 0)
		return false;
	is = !access(name, F_OK);
	free(name);
	return is;
}

/* ---- metadata ---- */

static char *read_text(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(METADATA_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;

	while (text && n > 0 && len < METADATA_MAX) {
		n = read(fd, text + len, METADATA_MAX - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (text)
		text[len] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

/* The value of `NAME = "VALUE";` in the env block, its escapes undone in
 * place; NULL if there is none. Each name is on a line of its own. */
static char *env_value(const char *text, const char *name)
{
	char key[64], *value, *from, *to;
	const char *env = strstr(text, "\nenv {\n"), *at;

	snprintf(key, sizeof(key), "\n\t%s = \"", name);
	at = env ? strstr(env, key) : NULL;
	value = at ? strdup(at + strlen(key)) : NULL;
	if (!value)
		return NULL;
	for (from = to = value; *from && *from != '"'; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	if (!*from) {
		free(value);
		return NULL;
	}
	*to = '\0';
	return value;
}

static uint64_t env_number(const char *text, const char *name, bool *ok)
{
	char *value = env_value(text, name), *end;
	uint64_t number = 0;

	if (!value || !*value) {
		*ok = false;
	} else {
		number = strtoull(value, &end, 0);
		*ok = *ok && !*end;
	}
	free(value);
	return number;
}

static bool parse_clock(struct vmmt_clock *clock, const char *text)
{
	bool ok = true;

	*clock = (struct vmmt_clock){
		.event = VMMT_EVENT_clock, .size = sizeof(*clock), .vcpu = VMMT_VCPU_VM,
	};
	clock->time = env_number(text, "first_tsc", &ok);
	clock->mono = env_number(text, "first_mono", &ok);
	clock->real = env_number(text, "first_real", &ok);
	clock->khz = env_number(text, "tsc_khz", &ok);
	return ok;
}

static bool parse_uuid(uint8_t uuid[16], const char *text)
{
	const char *at = strstr(text, "\n\tuuid = \"");
	unsigned int byte;

	at = at ? at + 10 : "";
	for (int i = 0; i < 16; i++) {
		at += *at == '-';
		if (sscanf(at, "%2x", &byte) != 1)
			return false;
		uuid[i] = (uint8_t)byte;
		at += 2;
	}
	return true;
}

static int parse_metadata(struct capture *c, const char *text, char *msg)
{
	char *tracer = env_value(text, "tracer_name"), *host = env_value(text, "host");
	char *manifest = env_value(text, "manifest");
	json_int_t schema;
	int err = -EINVAL;

	snprintf(msg, CAPTURE_MSG, "no capture of vmmtrace: its %s is another's or damaged",
		 CTF_METADATA);
	if (strncmp(text, "/* CTF 1.8 */\n", 14) || !tracer || strcmp(tracer, "vmmtrace") ||
	    !host || !manifest || !parse_uuid(c->about.uuid, text) ||
	    !parse_clock(&c->about.first, text))
		goto out;
	c->manifest = json_loads(manifest, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(c->manifest))
		goto out;
	snprintf(c->about.host, sizeof(c->about.host), "%s", host);
	schema = json_integer_value(json_object_get(c->manifest, "schema"));
	if (schema != VMMT_SCHEMA_VERSION) {
		snprintf(msg, CAPTURE_MSG, "schema %lld; this program knows schema %d",
			 (long long)schema, VMMT_SCHEMA_VERSION);
		err = -EPROTO;
		goto out;
	}
	err = 0;
out:
	free(tracer);
	free(host);
	free(manifest);
	return err;
}

/* ---- packets ---- */

/* The file ends here. Only the first such place is told. */
__attribute__((format(printf, 3, 4)))
static int ends(struct capture *c, const struct stream *s, const char *format, ...)
{
	char why[160];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	if (!c->damage[0])
		snprintf(c->damage, sizeof(c->damage), "%s, from byte %" PRIu64 ": %s", s->name,
			 s->offset, why);
	return 0;
}

static ssize_t read_at(const struct stream *s, void *data, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(s->fd, (char *)data + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* What is wrong with a packet's header, NULL if nothing is. */
static const char *header_fault(const struct capture *c, const struct stream *s)
{
	const struct ctf_packet *p = &s->packet;
	size_t header = ctf_packet_header(s->kind);

	if (p->magic != CTF_MAGIC)
		return "no packet";
	if (memcmp(p->uuid, c->about.uuid, sizeof(p->uuid)))
		return "a packet of another capture";
	if (p->stream != s->kind)
		return "a packet of another stream";
	if (p->content_size != p->packet_size || p->packet_size % 8 ||
	    p->packet_size / 8 < header || p->packet_size / 8 > CTF_PACKET_MAX)
		return "a packet with impossible sizes";
	if (s->kind == CTF_STREAM_CPU && (p->cpu != s->cpu || p->discarded))
		return "a packet of another CPU";
	if (p->number != s->packets)
		return "a packet that is not the next";
	if (p->begin > p->end || p->begin < s->last)
		return "a packet whose time steps back";
	return NULL;
}

/* 1, 0 at the end of what is whole, or a negative errno. */
static int next_packet(struct capture *c, struct stream *s)
{
	size_t header = ctf_packet_header(s->kind);
	const char *fault;
	ssize_t n;

	n = read_at(s, &s->packet, header, s->offset);
	if (n <= 0)
		return (int)n;
	if ((size_t)n < header)
		return ends(c, s, "a packet that is cut off");
	fault = header_fault(c, s);
	if (fault)
		return ends(c, s, "%s", fault);
	s->size = s->packet.packet_size / 8 - header;
	n = read_at(s, s->content, s->size, s->offset + header);
	if (n < 0)
		return (int)n;
	if ((size_t)n < s->size)
		return ends(c, s, "a packet that is cut off");
	s->offset += s->packet.packet_size / 8;
	s->packets++;
	s->at = 0;
	if (s->kind == CTF_STREAM_COLLECTOR)
		c->discarded = s->packet.discarded;
	return 1;
}

/* Room in the packet for that many more bytes? */
static bool has(const struct stream *s, size_t size)
{
	return s->size - s->at >= size;
}

static bool take_totals(struct capture *c, struct stream *s)
{
	const char *text = (const char *)s->content + s->at;
	size_t len = strnlen(text, s->size - s->at);

	if (!has(s, len + 1) || c->totals)
		return false;
	s->at += len + 1;
	c->totals = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	return json_is_object(c->totals);
}

static bool take_record(struct stream *s)
{
	const struct vmmt_event_info *info = vmmt_event_info(s->event.id);
	const struct vmmt_head *h = &s->rec.head;

	if (!info || !has(s, info->size) ||
	    (s->event.id == VMMT_EVENT_lost) != (s->kind == CTF_STREAM_COLLECTOR))
		return false;
	memcpy(&s->rec, s->content + s->at, info->size);
	s->at += info->size;
	return h->event == s->event.id && h->size == info->size && h->seq;
}

/* The next event of the packet. false: the packet holds something else. */
static bool next_event(struct capture *c, struct stream *s)
{
	if (!has(s, sizeof(s->event)))
		return false;
	memcpy(&s->event, s->content + s->at, sizeof(s->event));
	s->at += sizeof(s->event);
	if (s->event.stamp < s->packet.begin || s->event.stamp > s->packet.end ||
	    s->event.stamp <= s->last)
		return false;
	s->last = s->event.stamp;
	if (s->event.id == CTF_ID_END && s->kind == CTF_STREAM_COLLECTOR)
		return take_totals(c, s);
	s->waits = take_record(s);
	return s->waits;
}

/* Until a record waits, or the file ends: 0 or a negative errno. */
static int advance(struct capture *c, struct stream *s)
{
	int ret;

	s->waits = false;
	while (!s->waits) {
		if (s->at < s->size) {
			if (!next_event(c, s)) {
				s->at = s->size = 0;
				s->waits = false;
				s->offset -= s->packet.packet_size / 8;
				return ends(c, s, "a packet with an event that cannot be");
			}
			continue;
		}
		ret = next_packet(c, s);
		if (ret <= 0)
			return ret;
	}
	return 0;
}

/* ---- the capture ---- */

static int add_stream(struct capture *c, const char *name, enum ctf_stream kind,
		      unsigned int cpu)
{
	struct stream *streams = realloc(c->streams, (c->count + 1) * sizeof(*streams)), *s;

	if (!streams)
		return -ENOMEM;
	c->streams = streams;
	s = &streams[c->count];
	*s = (struct stream){ .kind = kind, .cpu = cpu };
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->content = malloc(CTF_PACKET_MAX);
	s->fd = openat(c->dir, name, O_RDONLY | O_CLOEXEC);
	if (!s->content || s->fd < 0) {
		int err = s->content ? -errno : -ENOMEM;

		if (s->fd >= 0)
			close(s->fd);
		free(s->content);
		return err;
	}
	c->count++;
	return 0;
}

static int open_streams(struct capture *c)
{
	int fd = dup(c->dir), err = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	unsigned int cpu;
	char name[32];

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	while (!err && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, CTF_COLLECTOR))
			err = add_stream(c, entry->d_name, CTF_STREAM_COLLECTOR, 0);
		if (sscanf(entry->d_name, CTF_CPU, &cpu) != 1)
			continue;
		snprintf(name, sizeof(name), CTF_CPU, cpu);
		if (!strcmp(name, entry->d_name))
			err = add_stream(c, name, CTF_STREAM_CPU, cpu);
	}
	closedir(dir);
	for (size_t i = 0; !err && i < c->count; i++)
		err = advance(c, &c->streams[i]);
	return err;
}

int capture_open(const char *path, struct capture **ret, char msg[CAPTURE_MSG])
{
	struct capture *c = calloc(1, sizeof(*c));
	char *text = NULL;
	int err = -ENOMEM;

	snprintf(msg, CAPTURE_MSG, "%s", strerror(ENOMEM));
	if (!c)
		return err;
	c->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir < 0) {
		err = -errno;
		snprintf(msg, CAPTURE_MSG, "%s", strerror(-err));
		goto fail;
	}
	text = read_text(c->dir, CTF_METADATA);
	if (!text) {
		err = -EINVAL;
		snprintf(msg, CAPTURE_MSG, "no capture of vmmtrace: there is no %s in it",
			 CTF_METADATA);
		goto fail;
	}
	err = parse_metadata(c, text, msg);
	if (err)
		goto fail;
	err = open_streams(c);
	if (err) {
		snprintf(msg, CAPTURE_MSG, "%s", strerror(-err));
		goto fail;
	}
	free(text);
	msg[0] = '\0';
	*ret = c;
	return 0;
fail:
	free(text);
	capture_close(c);
	return err;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++) {
		close(c->streams[i].fd);
		free(c->streams[i].content);
	}
	free(c->streams);
	json_decref(c->manifest);
	json_decref(c->totals);
	if (c->dir >= 0)
		close(c->dir);
	free(c);
}

int capture_next(struct capture *c, const union vmmt_record **ret_rec)
{
	struct stream *first = NULL;
	int err;

	if (c->given) {
		err = advance(c, c->given);
		if (err)
			return err;
	}
	for (size_t i = 0; i < c->count; i++) {
		struct stream *s = &c->streams[i];

		if (s->waits && (!first || s->event.stamp < first->event.stamp))
			first = s;
	}
	c->given = first;
	if (!first)
		return 0;
	*ret_rec = &first->rec;
	return 1;
}

const json_t *capture_manifest(const struct capture *c)
{
	return c->manifest;
}

const struct vmmt_clock *capture_clock(const struct capture *c)
{
	return &c->about.first;
}

const char *capture_host(const struct capture *c)
{
	return c->about.host;
}

const json_t *capture_totals(const struct capture *c)
{
	return c->totals;
}

uint64_t capture_discarded(const struct capture *c)
{
	return c->discarded;
}

const char *capture_damage(const struct capture *c)
{
	return c->damage[0] ? c->damage : NULL;
}
