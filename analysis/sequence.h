/* SPDX-License-Identifier: GPL-2.0-only */
/* Did two runs take the same way? Compares the exits of two .ndjson files. */
#ifndef ANALYSIS_SEQUENCE_H
#define ANALYSIS_SEQUENCE_H

#include <stdio.h>

#define SEQUENCE_CONTEXT 4	/* equal exits shown before the first that differ */

/*
 * Compares class, key and value of the exits of each vCPU in their order, but
 * for those that the host caused: its interrupts and NMIs. VMs are paired by
 * the order in which they appear, so their ids may differ.
 * Prints what was found to the stream. Returns 0 (equal), 1 (they differ), or
 * a negative errno with *ret_path the file it is about: -EINVAL for one that
 * is no .ndjson timeline, -EPROTO for one of another schema, -EBADMSG for one
 * that is cut short.
 * Files are read once per vCPU; memory does not depend on their length.
 */
int sequence_compare(const char *path_a, const char *path_b, FILE *to, const char **ret_path);

#endif /* ANALYSIS_SEQUENCE_H */
