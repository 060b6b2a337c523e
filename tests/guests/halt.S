/* SPDX-License-Identifier: GPL-2.0-only */
/* Halted for good. */
#include "guest.h"

	.code64
	.globl _start
_start:
	cli
	hlt
	mov $__LINE__, %eax
	out %eax, $PORT_EXIT
