/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "src/lab/strv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void lab_strv_add(struct lab_strv *strv, const char *fmt, ...)
{
	char **v = realloc(strv->v, (strv->n + 2) * sizeof(*v));
	va_list ap;
	int n = -1;

	if (v) {
		strv->v = v;
		va_start(ap, fmt);
		n = vasprintf(&v[strv->n], fmt, ap);
		va_end(ap);
		strv->n += n >= 0;
		v[strv->n] = NULL;
	}
	if (n < 0)
		strv->error = -ENOMEM;
}

void lab_strv_destroy(struct lab_strv *strv)
{
	for (size_t i = 0; i < strv->n; i++)
		free(strv->v[i]);
	free(strv->v);
	*strv = (struct lab_strv){ 0 };
}
