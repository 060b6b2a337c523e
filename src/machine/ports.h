/* SPDX-License-Identifier: GPL-2.0-only */
/* The I/O ports and addresses of the machine. */
#ifndef MACHINE_PORTS_H
#define MACHINE_PORTS_H

#include "trace/schema.h"

#define MACHINE_PORT_PIC0	0x0020
#define MACHINE_PORT_PIT	0x0040
#define MACHINE_PORT_KBD_DATA	0x0060
#define MACHINE_PORT_SPEAKER	0x0061
#define MACHINE_PORT_KBD_CTL	0x0064
#define MACHINE_PORT_RTC	0x0070
#define MACHINE_PORT_A20	0x0092
#define MACHINE_PORT_PIC1	0x00a0
#define MACHINE_PORT_DEBUGEXIT	0x00f4
#define MACHINE_PORT_SERIAL0	0x03f8
#define MACHINE_PORT_ELCR	0x04d0
#define MACHINE_PORT_POWER	0x0604
#define MACHINE_PORT_RESET	0x0cf9

/* A 32-bit OUT here marks the timeline. */
#define MACHINE_MARK_PORT	VMMT_MARK_PORT

#define MACHINE_IRQ_TIMER	0
#define MACHINE_IRQ_KBD		1
#define MACHINE_IRQ_SERIAL0	4
#define MACHINE_IRQ_RTC		8

/* The memory-mapped scratch device, for tests. */
#define MACHINE_SCRATCH_GPA	0xfeb00000ull
#define MACHINE_SCRATCH_SIZE	0x1000u

#endif /* MACHINE_PORTS_H */
