/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads a .ctf capture of ours, in bounded memory; see src/collector/ctf.h. */
#ifndef ANALYSIS_CAPTURE_H
#define ANALYSIS_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "trace/record.h"

struct capture;

#define CAPTURE_MSG 320

/* Is that a capture, by its looks: a directory with metadata? */
bool capture_is(const char *path);

/* Opens it. 0, or a negative errno with one line in msg: -EINVAL, no capture
 * of ours; -EPROTO, of another schema. */
int capture_open(const char *path, struct capture **ret, char msg[CAPTURE_MSG]);
void capture_close(struct capture *c);

/* What was recorded, as the first line of an .ndjson tells it. */
const json_t *capture_manifest(const struct capture *c);

/* The clock record that is time 0, and the boot id of the host's kernel. */
const struct vmmt_clock *capture_clock(const struct capture *c);
const char *capture_host(const struct capture *c);

/* The next record in the order of the collector, of a known event and right
 * size, valid until the next call. 1; 0 at the end; or a negative errno. */
int capture_next(struct capture *c, const union vmmt_record **ret_rec);

/* At the end: the totals, NULL if the capture breaks off before them. */
const json_t *capture_totals(const struct capture *c);

/* At the end: records that packets tell were lost. */
uint64_t capture_discarded(const struct capture *c);

/* At the end: what is no whole packet at the end of a file, where, and why, in
 * one line; NULL if there is nothing of the kind. Before it all was read. */
const char *capture_damage(const struct capture *c);

#endif /* ANALYSIS_CAPTURE_H */
