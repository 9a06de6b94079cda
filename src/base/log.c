/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static syncbn_log_fn log_fn;
static void *log_context;

void
sbn_log_to(syncbn_log_fn log, void *context)
{
	log_fn = log;
	log_context = context;
}

void
sbn_log(const char *format, ...)
{
	char line[512];
	va_list args;

	if (log_fn == NULL)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log_fn(log_context, line);
}
