/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/math.h"

void
sbn_text_append(struct sbn_text *text, const char *format, ...)
{
	size_t room = SBN_TEXT_BYTES - text->used;
	va_list args;
	int wanted;

	va_start(args, format);
	wanted = vsnprintf(text->data + text->used, room, format, args);
	va_end(args);
	if (wanted > 0)
		text->used += SBN_MIN((size_t)wanted, room - 1);
}
