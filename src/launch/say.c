/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/say.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/math.h"

enum { SAY_BYTES = 2048 };

/* Words of others, file names and the like, are not to move a terminal's cursor. */
static void
disarm(char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (iscntrl((unsigned char)text[i]))
			text[i] = '?';
}

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
	disarm(line, used);
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}
