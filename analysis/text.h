/* SPDX-License-Identifier: GPL-2.0-only */
/* Small texts for people. */
#ifndef ANALYSIS_TEXT_H
#define ANALYSIS_TEXT_H

#include <stdint.h>

#define TEXT_NUMBER 32

/* A number with a comma after each thousand; returns text. */
char *text_number(char text[TEXT_NUMBER], uint64_t number);

#endif /* ANALYSIS_TEXT_H */
