/* SPDX-License-Identifier: GPL-2.0-only */
/* A jump to where there is no memory. */
#include "guest.h"

	.code64
	.globl _start
_start:
	mov $0x40000000, %eax
	jmp *%rax
