/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of a recording: as they were named, or numbered where it is cut into many. */
#ifndef RECORD_FILES_H
#define RECORD_FILES_H

#include <stdbool.h>
#include <stdint.h>

struct files {
	const char *const *outputs;
	unsigned int noutputs;
	bool numbered;
	unsigned int keep;		/* how many of each stay; 0 all */
	unsigned int number;		/* of those that are being written, from 1 */
	char **paths;
};

/* outputs must stay. 0 or -ENOMEM. */
int files_init(struct files *f, const char *const *outputs, unsigned int noutputs,
	       bool numbered, unsigned int keep);

/* The names of the next ones, in paths: boot.ndjson.gz is numbered boot.0001.ndjson.gz.
 * 0 or -ENOMEM. */
int files_next(struct files *f);

/* The present ones are whole: those that are too many go, and FILE.env.json with each. */
void files_done(const struct files *f);

/* Bytes of the largest, as far as they are written. */
uint64_t files_size(const struct files *f);

void files_free(struct files *f);

#endif /* RECORD_FILES_H */
