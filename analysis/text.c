/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "analysis/text.h"

#include <inttypes.h>
#include <stdio.h>

char *text_number(char text[TEXT_NUMBER], uint64_t number)
{
	char digits[TEXT_NUMBER], *to = text;
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, number);

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}
