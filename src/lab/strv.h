/* SPDX-License-Identifier: GPL-2.0-only */
/* A growing, NULL-terminated vector of strings: argument lists and options given repeatedly. */
#ifndef VMMTRACE_LAB_STRV_H
#define VMMTRACE_LAB_STRV_H

#include <stddef.h>

struct lab_strv {
	char **v;	/* NULL while empty, else NULL-terminated */
	size_t n;
	int error;	/* 0 or -ENOMEM, kept from the first failed addition */
};

/* Appends a formatted copy; a failure is remembered in ->error, so callers check once. */
void lab_strv_add(struct lab_strv *strv, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void lab_strv_destroy(struct lab_strv *strv);

#endif
