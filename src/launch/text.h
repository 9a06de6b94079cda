/* SPDX-License-Identifier: Apache-2.0 */
/* A line that is put together piece by piece; what does not fit is left out. */
#ifndef SBN_LAUNCH_TEXT_H
#define SBN_LAUNCH_TEXT_H

#include <stddef.h>

enum { SBN_TEXT_BYTES = 1024 };

struct sbn_text {
	char data[SBN_TEXT_BYTES];
	size_t used;
};

void sbn_text_append(struct sbn_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
