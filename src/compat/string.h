/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * <string.h>, for programs written for OpenBSD's vmm(4): they fill vcp_name
 * with strlcpy(3), which glibc has from 2.38 on.
 */
#ifndef VMM_COMPAT_STRING_H
#define VMM_COMPAT_STRING_H

#include_next <string.h>

#if defined(__GLIBC__) && !__GLIBC_PREREQ(2, 38) && !defined(LIBBSD_STRING_H)
static inline size_t strlcpy(char *to, const char *from, size_t size)
{
	size_t len = strlen(from);

	if (size) {
		size_t n = len < size ? len : size - 1;

		memcpy(to, from, n);
		to[n] = '\0';
	}
	return len;
}
#endif

#endif /* VMM_COMPAT_STRING_H */
