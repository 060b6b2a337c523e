// SPDX-License-Identifier: GPL-2.0-only
/* The one place where the tracepoints are instantiated. */
#define CREATE_TRACE_POINTS
#include "tp.h"
