/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes a timeline of a made-up guest, for tests that read files:
 * collector_sample SEED EXITS DROP FILE, where DROP is 0, or one record in how
 * many is dropped on the way.
 */
#include <config.h>

#include "collector_guest.h"

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "Usage: collector_sample SEED EXITS DROP FILE\n");
		return 2;
	}
	guest_timeline(argv[4], strtoull(argv[1], NULL, 0),
		       (unsigned int)strtoul(argv[2], NULL, 0),
		       (unsigned int)strtoul(argv[3], NULL, 0));
	return 0;
}
