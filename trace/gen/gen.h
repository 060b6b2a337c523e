/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of gen. */
#ifndef GEN_GEN_H
#define GEN_GEN_H

/* Writes docs/tracecompass.xml to stdout. */
void tracecompass(void);

#endif /* GEN_GEN_H */
