/* SPDX-License-Identifier: GPL-2.0-only */
/* The TSDL of a capture (CTF 1.8.3, appendix C), from the tables of the schema. */
#include <config.h>

#include "src/collector/ctf_metadata.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/collector/ctf.h"
#include "src/collector/names.h"

void ctf_host(char host[CTF_HOST_MAX])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(host, CTF_HOST_MAX, f))
		host[0] = '\0';
	if (f)
		fclose(f);
	host[strspn(host, "0123456789abcdef-")] = '\0';
	if (strlen(host) != 36)
		host[0] = '\0';
}

/* FNV-1a. */
static uint64_t hash(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3;
	return h;
}

/* Equal runs give equal captures, so the UUID is made of what tells them apart
 * (version 8: of one's own making, RFC 9562). */
static void make_uuid(struct ctf_about *about, const char *manifest)
{
	const uint64_t clock[] = { about->first.time, about->first.mono, about->first.real,
				   about->first.khz };
	uint64_t h = hash(0xcbf29ce484222325, manifest, strlen(manifest));

	h = hash(h, clock, sizeof(clock));
	h = hash(h, about->host, strlen(about->host));
	memcpy(about->uuid, &h, sizeof(h));
	h = hash(h, "vmmtrace", 8);
	memcpy(about->uuid + 8, &h, sizeof(h));
	about->uuid[6] = (about->uuid[6] & 0x0f) | 0x80;
	about->uuid[8] = (about->uuid[8] & 0x3f) | 0x80;
}

static void put_uuid(FILE *to, const uint8_t uuid[16])
{
	for (int i = 0; i < 16; i++)
		fprintf(to, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

static void put_types(FILE *to)
{
	static const char type[] = "typealias integer { size = %d; align = 8; signed = false; "
				   "base = %d; } := %c%d;\n";

	fputs("/* CTF 1.8 */\n\n", to);
	for (int bits = 8; bits <= 64; bits *= 2)
		fprintf(to, type, bits, 10, 'u', bits);
	for (int bits = 8; bits <= 64; bits *= 2)
		fprintf(to, type, bits, 16, 'x', bits);
	fputs("typealias integer { size = 8; align = 8; signed = false; encoding = UTF8; } := text;\n",
	      to);
}

static void put_trace(FILE *to, const struct ctf_about *about)
{
	fputs("\ntrace {\n\tmajor = 1;\n\tminor = 8;\n\tuuid = \"", to);
	put_uuid(to, about->uuid);
	fputs("\";\n"
	      "\tbyte_order = le;\n"
	      "\tpacket.header := struct {\n"
	      "\t\tx32 magic;\n"
	      "\t\tx8 uuid[16];\n"
	      "\t\tu32 stream_id;\n"
	      "\t};\n"
	      "};\n", to);
}

/* A text in quotes; JSON of Jansson's making with its escapes escaped. */
static void put_quoted(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void put_env(FILE *to, const struct ctf_about *about, const char *manifest)
{
	fputs("\nenv {\n"
	      "\tdomain = \"vmm\";\n"
	      "\ttracer_name = \"vmmtrace\";\n", to);
	fprintf(to, "\thost = \"%s\";\n", about->host);
	fprintf(to, "\tfirst_tsc = \"0x%" PRIx64 "\";\n", (uint64_t)about->first.time);
	fprintf(to, "\tfirst_mono = \"%" PRIu64 "\";\n", (uint64_t)about->first.mono);
	fprintf(to, "\tfirst_real = \"%" PRIu64 "\";\n", (uint64_t)about->first.real);
	fprintf(to, "\ttsc_khz = \"%" PRIu64 "\";\n", (uint64_t)about->first.khz);
	fputs("\tmanifest = ", to);
	put_quoted(to, manifest);
	fputs(";\n};\n", to);
}

/* CLOCK_MONOTONIC as LTTng has it: the date is the stamp and an offset. */
static void put_clock(FILE *to, const struct ctf_about *about)
{
	uint64_t offset = about->first.real > about->first.mono ?
			  about->first.real - about->first.mono : 0;

	fputs("\nclock {\n\tname = \"monotonic\";\n", to);
	if (about->host[0])
		fprintf(to, "\tuuid = \"%s\";\n", about->host);
	fputs("\tdescription = \"CLOCK_MONOTONIC, by the TSC between clock records\";\n"
	      "\tfreq = 1000000000;\n", to);
	fprintf(to, "\toffset_s = %" PRIu64 ";\n\toffset = %" PRIu64 ";\n", offset / 1000000000,
		offset % 1000000000);
	fputs("\tabsolute = true;\n};\n"
	      "typealias integer {\n"
	      "\tsize = 64; align = 8; signed = false;\n"
	      "\tmap = clock.monotonic.value;\n"
	      "} := stamp;\n", to);
}

static void put_stream(FILE *to, enum ctf_stream id)
{
	fprintf(to, "\nstream {\n\tid = %d;\n", id);
	fputs("\tpacket.context := struct {\n"
	      "\t\tstamp timestamp_begin;\n"
	      "\t\tstamp timestamp_end;\n"
	      "\t\tu64 content_size;\n"
	      "\t\tu64 packet_size;\n"
	      "\t\tu64 packet_seq_num;\n"
	      "\t\tu64 events_discarded;\n", to);
	if (id == CTF_STREAM_CPU)
		fputs("\t\tu32 cpu_id;\n", to);
	fputs("\t};\n"
	      "\tevent.header := struct {\n"
	      "\t\tu16 id;\n"
	      "\t\tstamp timestamp;\n"
	      "\t};\n"
	      "};\n", to);
}

/* Names are behind an underscore, which readers take off: some are words of
 * TSDL. */
static void put_field(FILE *to, const struct vmmt_field *f)
{
	const struct vmmt_enum *e = vmmt_enum(f->kind);

	if (f->kind == VMMT_KIND_text) {
		fprintf(to, "\t\ttext _%s[%u];\n", f->name, f->size);
	} else if (e) {
		fprintf(to, "\t\tenum : u%d {", 8 * f->size);
		for (size_t i = 0; i < e->count; i++)
			fprintf(to, "%s \"%s\" = %" PRIu32, i ? "," : "", e->values[i].name,
				e->values[i].value);
		fprintf(to, " } _%s;\n", f->name);
	} else {
		fprintf(to, "\t\t%c%d _%s;\n", f->kind == VMMT_KIND_hex ? 'x' : 'u', 8 * f->size,
			f->name);
	}
}

static void put_event(FILE *to, unsigned int id)
{
	const struct vmmt_event_info *info = vmmt_event_info(id);

	fprintf(to, "\nevent {\n\tname = \"vmmtrace:%s\";\n\tid = %u;\n\tstream_id = %d;\n"
		"\tfields := struct {\n", info->name, id,
		id == VMMT_EVENT_lost ? CTF_STREAM_COLLECTOR : CTF_STREAM_CPU);
	for (size_t i = 0; i < vmmt_head_count; i++)
		put_field(to, &vmmt_head_fields[i]);
	for (size_t i = 0; i < info->count; i++)
		put_field(to, &info->fields[i]);
	fputs("\t};\n};\n", to);
}

static void put_end(FILE *to)
{
	fprintf(to, "\nevent {\n\tname = \"vmmtrace:end\";\n\tid = %u;\n\tstream_id = %d;\n"
		"\tfields := struct {\n\t\tstring _totals;\n\t};\n};\n",
		CTF_ID_END, CTF_STREAM_COLLECTOR);
}

char *ctf_metadata(struct ctf_about *about)
{
	char *manifest = json_dumps(about->manifest, JSON_COMPACT | JSON_PRESERVE_ORDER |
				    JSON_ENSURE_ASCII);
	char *text = NULL;
	size_t len;
	FILE *to = manifest ? open_memstream(&text, &len) : NULL;

	if (!to) {
		free(manifest);
		return NULL;
	}
	make_uuid(about, manifest);
	put_types(to);
	put_trace(to, about);
	put_env(to, about, manifest);
	put_clock(to, about);
	put_stream(to, CTF_STREAM_CPU);
	put_stream(to, CTF_STREAM_COLLECTOR);
	for (unsigned int id = 1; id < VMMT_NEVENT; id++)
		if (vmmt_event_info(id))
			put_event(to, id);
	put_end(to);
	free(manifest);
	if (fclose(to)) {
		free(text);
		return NULL;
	}
	return text;
}
