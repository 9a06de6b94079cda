/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/math.h"

enum { SAY_BYTES = 2048 };

void
sbn_say(const char *format, ...)
{
	char line[SAY_BYTES] = "syncbn-run: ";
	size_t room = SAY_BYTES - 1; /* for the newline */
	size_t used = sizeof("syncbn-run: ") - 1;
	va_list args;
	int wanted;

	va_start(args, format);
	wanted = vsnprintf(line + used, room - used, format, args);
	va_end(args);
	if (wanted > 0)
		used = SBN_MIN(used + (size_t)wanted, room - 1);
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}
