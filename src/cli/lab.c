/* SPDX-License-Identifier: GPL-2.0-only */
/* vmmtrace lab: run a command on an emulated AMD or Intel host. */
#include <config.h>

#include "src/lab/lab.h"
#include "verbs.h"

int verb_lab(int argc, char **argv)
{
	struct lab_options opts;
	int status;

	status = lab_options_parse(&opts, argc, argv);
	if (!status)
		status = lab_run(&opts);
	lab_options_destroy(&opts);
	return status < 0 ? 0 : status;
}
