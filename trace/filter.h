/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the recording program lets through. All zero: everything. */
#ifndef VMMT_FILTER_H
#define VMMT_FILTER_H

#include <linux/types.h>

struct vmmt_filter {
	__u64 classes;			/* bit per exit class; 0 all */
	__u64 key_first, key_last;	/* of an exit's key, where keyed */
	__u32 keyed;
	__u32 vm;			/* 0 all */
};

#endif /* VMMT_FILTER_H */
