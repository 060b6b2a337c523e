/* SPDX-License-Identifier: GPL-2.0-only */
/* Bochs: an Intel processor with VMX and EPT, or an AMD one with SVM. */
#include <config.h>

#include <errno.h>

#include "src/lab/internal.h"

static int bochs_prepare(struct lab_run *run)
{
	lab_error("Bochs hosts are not built yet");
	return -ENOSYS;
}

static bool bochs_exit_line(const char *line, char *ret_line, size_t size)
{
	return false;
}

const struct lab_emulator lab_bochs = {
	.name = "Bochs",
	.program = "bochs-bin",
	.package = "bochs",
	.shutdown_seconds = 180,
	.prepare = bochs_prepare,
	.exit_line = bochs_exit_line,
};
