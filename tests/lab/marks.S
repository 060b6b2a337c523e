/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest for tests/lab/record.sh: 300 CPUIDs, mark 0x1234, 100 CPUIDs, mark 0x5678, and CPUIDs
 * for ever.
 */
#include "tests/guests/guest.h"

	.code64
	.globl _start
_start:
	mov $300, %esi
	call cpuids
	mov $0x1234, %eax
	mov $PORT_MARK, %edx
	out %eax, %dx
	mov $100, %esi
	call cpuids
	mov $0x5678, %eax
	mov $PORT_MARK, %edx
	out %eax, %dx
	mov $-1, %esi
	call cpuids
	FINISH

cpuids:	xor %eax, %eax
	cpuid
	dec %esi
	jnz cpuids
	ret
