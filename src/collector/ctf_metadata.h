/* SPDX-License-Identifier: GPL-2.0-only */
/* The text that tells readers what is in a .ctf capture. */
#ifndef COLLECTOR_CTF_METADATA_H
#define COLLECTOR_CTF_METADATA_H

#include <stdint.h>

#include <jansson.h>

#include "trace/record.h"

#define CTF_HOST_MAX 40

/* What the text of one capture depends on. */
struct ctf_about {
	const json_t *manifest;
	struct vmmt_clock first;	/* time 0 */
	char host[CTF_HOST_MAX];	/* boot id of the host's kernel: names its clock; or "" */
	uint8_t uuid[16];		/* of the trace; made from the rest by ctf_metadata() */
};

/* This host's boot id, as a clock's UUID in LTTng's traces; "" if there is none. */
void ctf_host(char host[CTF_HOST_MAX]);

/* The text; the caller frees it. NULL: out of memory. Sets about->uuid. */
char *ctf_metadata(struct ctf_about *about);

#endif /* COLLECTOR_CTF_METADATA_H */
