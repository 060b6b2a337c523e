/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The .ctf writer: records as they were, in whole packets, see ctf.h. All
 * files' packets are written together, when one is full or a second has gone
 * by in the records, so that what a crash leaves is the capture up to then.
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/collector/ctf.h"
#include "src/collector/ctf_metadata.h"
#include "src/collector/sink.h"

#define PACKET_SIZE	(64 * 1024)
#define ROUND_NS	1000000000

struct ctf_file {
	int fd;
	enum ctf_stream stream;
	unsigned int cpu;
	size_t used;			/* of the packet, header included */
	uint64_t begin, end;		/* stamps in the packet */
	uint64_t packets, bytes;	/* written */
	unsigned char packet[PACKET_SIZE];
};

struct ctf_sink {
	struct sink sink;
	int dir;
	struct ctf_about about;
	bool started;			/* the clock is known, and told in metadata */
	struct ctf_file *collector;
	struct ctf_file **cpus;		/* by number; NULL: nothing from there yet */
	size_t ncpus;
	uint64_t last;			/* stamp of the last event */
	uint64_t round;			/* stamp of the first event that is not written */
	uint64_t discarded;
};

static void fail(struct ctf_sink *cs, int err)
{
	if (!cs->sink.out.error)
		cs->sink.out.error = err;
}

/* ---- the directory ---- */

static bool is_ours(const char *name)
{
	if (!strncmp(name, "cpu", 3))
		return name[3] && strspn(name + 3, "0123456789") == strlen(name + 3);
	return !strcmp(name, CTF_METADATA) || !strcmp(name, "." CTF_METADATA) ||
	       !strcmp(name, CTF_COLLECTOR) || !strcmp(name, ".") || !strcmp(name, "..");
}

/* What an older capture of that name left. Other people's files: -ENOTEMPTY. */
static int remove_old(int fd)
{
	int err = 0, copy = dup(fd);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir) {
		err = -errno;
		if (copy >= 0)
			close(copy);
		return err;
	}
	while (!err && (entry = readdir(dir)))
		if (!is_ours(entry->d_name))
			err = -ENOTEMPTY;
	rewinddir(dir);
	while (!err && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' || !strcmp(entry->d_name, "." CTF_METADATA))
			err = unlinkat(fd, entry->d_name, 0) ? -errno : 0;
	closedir(dir);
	return err;
}

int ctf_remove(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 ? -errno : remove_old(fd);

	if (fd >= 0)
		close(fd);
	return err ? err : rmdir(path) ? -errno : 0;
}

static int ctf_open(struct sink *s, const char *path)
{
	struct ctf_sink *cs = (struct ctf_sink *)s;

	cs->dir = -1;
	s->out = (struct out){ .fd = -1, .path = strdup(path) };
	if (!s->out.path)
		return -ENOMEM;
	if (mkdir(path, 0777) && errno != EEXIST)
		return -errno;
	cs->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cs->dir < 0)
		return -errno;
	return remove_old(cs->dir);
}

/* Writes all; on failure says how much was written. */
static size_t write_all(struct ctf_sink *cs, int fd, const void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fail(cs, n < 0 ? errno : EIO);
			break;
		}
		done += (size_t)n;
	}
	return done;
}

/* Whole, or the one before stays. */
static void write_metadata(struct ctf_sink *cs)
{
	char *text = ctf_metadata(&cs->about);
	int fd;

	if (!text) {
		fail(cs, ENOMEM);
		return;
	}
	fd = openat(cs->dir, "." CTF_METADATA, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		fail(cs, errno);
	else
		write_all(cs, fd, text, strlen(text));
	if (fd >= 0 && close(fd))
		fail(cs, errno);
	if (!cs->sink.out.error &&
	    renameat(cs->dir, "." CTF_METADATA, cs->dir, CTF_METADATA))
		fail(cs, errno);
	free(text);
}

static int ctf_begin(struct sink *s, const json_t *manifest)
{
	struct ctf_sink *cs = (struct ctf_sink *)s;
	cs->about.manifest = json_incref((json_t *)manifest);
	if (s->host)
		snprintf(cs->about.host, sizeof(cs->about.host), "%s", s->host);
	else
		ctf_host(cs->about.host);
	write_metadata(cs);
	return -s->out.error;
}

/* ---- packets ---- */

static struct ctf_file *file_new(struct ctf_sink *cs, enum ctf_stream stream, unsigned int cpu)
{
	struct ctf_file *f = malloc(sizeof(*f));
	char name[32] = CTF_COLLECTOR;

	if (!f) {
		fail(cs, ENOMEM);
		return NULL;
	}
	if (stream == CTF_STREAM_CPU)
		snprintf(name, sizeof(name), CTF_CPU, cpu);
	f->fd = openat(cs->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (f->fd < 0) {
		fail(cs, errno);
		free(f);
		return NULL;
	}
	f->stream = stream;
	f->cpu = cpu;
	f->packets = f->bytes = 0;
	f->used = ctf_packet_header(stream);
	return f;
}

static struct ctf_file *collector_file(struct ctf_sink *cs)
{
	if (!cs->collector)
		cs->collector = file_new(cs, CTF_STREAM_COLLECTOR, 0);
	return cs->collector;
}

static struct ctf_file *cpu_file(struct ctf_sink *cs, unsigned int cpu)
{
	struct ctf_file **cpus;

	if (cpu >= cs->ncpus) {
		cpus = realloc(cs->cpus, (cpu + 1) * sizeof(*cpus));
		if (!cpus) {
			fail(cs, ENOMEM);
			return NULL;
		}
		memset(cpus + cs->ncpus, 0, (cpu + 1 - cs->ncpus) * sizeof(*cpus));
		cs->cpus = cpus;
		cs->ncpus = cpu + 1;
	}
	if (!cs->cpus[cpu])
		cs->cpus[cpu] = file_new(cs, CTF_STREAM_CPU, cpu);
	return cs->cpus[cpu];
}

static void write_packet(struct ctf_sink *cs, struct ctf_file *f)
{
	size_t header = ctf_packet_header(f->stream), done;
	struct ctf_packet p = {
		.magic = CTF_MAGIC, .stream = f->stream, .begin = f->begin, .end = f->end,
		.content_size = 8 * f->used, .packet_size = 8 * f->used,
		.number = f->packets, .cpu = f->cpu,
		.discarded = f->stream == CTF_STREAM_COLLECTOR ? cs->discarded : 0,
	};

	memcpy(p.uuid, cs->about.uuid, sizeof(p.uuid));
	memcpy(f->packet, &p, header);
	done = write_all(cs, f->fd, f->packet, f->used);
	if (done == f->used) {
		f->bytes += done;
		f->packets++;
	} else if (ftruncate(f->fd, (off_t)f->bytes)) {
		return;		/* readers stop at the last whole packet */
	}
}

static void write_if_any(struct ctf_sink *cs, struct ctf_file *f)
{
	size_t header = f ? ctf_packet_header(f->stream) : 0;

	if (!f || f->used == header)
		return;
	if (!cs->sink.out.error)
		write_packet(cs, f);
	f->used = header;
}

static void write_round(struct ctf_sink *cs)
{
	for (size_t i = 0; i < cs->ncpus; i++)
		write_if_any(cs, cs->cpus[i]);
	write_if_any(cs, cs->collector);
	cs->round = 0;
}

/* At least 1 ns after the last one: CLOCK_MONOTONIC cannot be 0 or less. */
static uint64_t next_stamp(struct ctf_sink *cs, int64_t ns)
{
	int64_t stamp = (int64_t)cs->about.first.mono + ns;

	cs->last = stamp > (int64_t)cs->last ? (uint64_t)stamp : cs->last + 1;
	return cs->last;
}

static void put_event(struct ctf_sink *cs, struct ctf_file *f, unsigned int id, uint64_t stamp,
		      const void *data, size_t size)
{
	struct ctf_event e = { (uint16_t)id, stamp };

	if (f->used + sizeof(e) + size > PACKET_SIZE ||
	    (cs->round && stamp - cs->round >= ROUND_NS))
		write_round(cs);
	if (!cs->round)
		cs->round = stamp;
	if (f->used == ctf_packet_header(f->stream))
		f->begin = stamp;
	f->end = stamp;
	memcpy(f->packet + f->used, &e, sizeof(e));
	memcpy(f->packet + f->used + sizeof(e), data, size);
	f->used += sizeof(e) + size;
}

/*
 * Before the first packet: now the clock is known. The collector's file begins
 * with a packet without events, before which nothing was lost: readers count
 * what is lost from packet to packet.
 */
static void start(struct ctf_sink *cs, const struct clock_map *clock, int64_t ns)
{
	struct ctf_file *f;

	cs->started = true;
	cs->about.first = clock->first;
	write_metadata(cs);
	f = cs->sink.out.error ? NULL : collector_file(cs);
	if (!f)
		return;
	f->begin = f->end = next_stamp(cs, ns);
	cs->last--;
	write_packet(cs, f);
}

static void ctf_record(struct sink *s, const struct delivery *d)
{
	struct ctf_sink *cs = (struct ctf_sink *)s;
	const struct vmmt_head *h = &d->rec->head;
	bool lost = h->event == VMMT_EVENT_lost;
	int64_t ns = clock_ns(d->clock, h->time);
	struct ctf_file *f;

	if (!cs->started && !s->out.error)
		start(cs, d->clock, ns);
	if (s->out.error)
		return;
	f = lost ? collector_file(cs) : cpu_file(cs, h->cpu);
	if (!f)
		return;
	put_event(cs, f, h->event, next_stamp(cs, ns), d->rec, h->size);
	if (lost)
		cs->discarded += d->rec->lost.count;
}

static void close_file(struct ctf_sink *cs, struct ctf_file *f)
{
	if (f && close(f->fd))
		fail(cs, errno);
	free(f);
}

static void close_all(struct ctf_sink *cs)
{
	write_round(cs);
	for (size_t i = 0; i < cs->ncpus; i++)
		close_file(cs, cs->cpus[i]);
	close_file(cs, cs->collector);
	cs->collector = NULL;
	cs->ncpus = 0;
	if (cs->dir >= 0)
		close(cs->dir);
	cs->dir = -1;
}

static void ctf_end(struct sink *s, const struct clock_map *clock, const json_t *totals)
{
	struct ctf_sink *cs = (struct ctf_sink *)s;
	char *text = json_dumps(totals, JSON_COMPACT | JSON_PRESERVE_ORDER);
	struct ctf_file *f;

	if (!s->out.error && !cs->started)
		start(cs, clock, 0);
	f = s->out.error ? NULL : collector_file(cs);
	if (!text)
		fail(cs, ENOMEM);
	else if (f)
		put_event(cs, f, CTF_ID_END, next_stamp(cs, INT64_MIN / 2), text,
			  strlen(text) + 1);
	free(text);
	close_all(cs);
}

static void ctf_flush(struct sink *s)
{
	write_round((struct ctf_sink *)s);
}

static void ctf_free(struct sink *s)
{
	struct ctf_sink *cs = (struct ctf_sink *)s;

	close_all(cs);
	free(cs->cpus);
	json_decref((json_t *)cs->about.manifest);
}

const struct sink_ops ctf_sink_ops = {
	.suffix = ".ctf",
	.size = sizeof(struct ctf_sink),
	.open = ctf_open,
	.begin = ctf_begin,
	.record = ctf_record,
	.end = ctf_end,
	.flush = ctf_flush,
	.free = ctf_free,
};
