/* SPDX-License-Identifier: GPL-2.0-only */
/* WBINVD, which would hold up the whole host: it exits, and does nothing. */
#include "guest.h"

	.code64
	.globl _start
_start:
	wbinvd
	.byte 0x66
	wbinvd
	FINISH
