/* SPDX-License-Identifier: GPL-2.0-only */
/* A triple fault: no descriptor table for the exception to go through. */
#include "guest.h"

	.code64
	.globl _start
_start:
	lidt none(%rip)
	ud2
	FINISH
none:	.word 0
	.quad 0
