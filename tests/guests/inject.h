/* SPDX-License-Identifier: GPL-2.0-only */
/* What inject.c and its guest agree on. */
#ifndef INJECT_H
#define INJECT_H

#define PORT_ASK	0xe0		/* read: what to do next */
#define PORT_VECTOR	0xe1		/* written by every handler: its vector, */
#define PORT_ERROR	0xe2		/* and the error code it found, else 0 */

#define DO_END		0
#define DO_AGAIN	1		/* ask again */
#define DO_OPEN		2		/* let interrupts in, then ask again */
#define DO_ASK_OPEN	3		/* ask with interrupts let in */

#define VECTOR_NMI	2
#define INJECT_INTR	0x80		/* vector of external interrupts */

/* Exceptions that push an error code (SDM table 6-1; APM table 8-1). */
#define INJECT_WITH_ERROR ((1 << 8) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 13) | \
			   (1 << 14) | (1 << 17) | (1 << 21))

#endif /* INJECT_H */
